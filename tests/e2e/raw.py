"""HTTP by hand over a socket: requests exactly as a test writes them, answers parsed strictly."""
import hashlib
import re
import socket
import time

from server import ACCESS, SECRET
from sigv4 import EMPTY_SHA256, Signer, encode

TIMEOUT = 30


class Answer:
    def __init__(self, status, headers, body, head):
        self.status, self.headers, self.body, self.head = status, headers, body, head

    def header(self, name):
        found = [v for n, v in self.headers if n.lower() == name.lower()]
        assert len(found) < 2, f"{name} twice: {found}"
        return found[0] if found else None

    @property
    def code(self):
        found = re.search(rb"<Code>(\w+)</Code>", self.body)
        return found.group(1).decode() if found else None

    @property
    def verdict(self):
        return self.status, self.code

    def __repr__(self):
        return f"{self.head.decode(errors='replace')}\n{self.body[:2000].decode(errors='replace')}"


class Connection:
    def __init__(self, server, tls_context=None):
        self.sock = socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls_context:
            self.sock = tls_context.wrap_socket(self.sock, server_hostname="localhost")
        self.host = f"127.0.0.1:{server.port}"
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def send_gently(self, data):
        """For a peer that may have closed already: its answer is what counts."""
        try:
            self.sock.sendall(data)
        except OSError:
            pass

    def _more(self):
        data = self.sock.recv(1 << 16)
        if not data:
            raise EOFError(f"closed, {self.buffer[:200]!r} left")
        self.buffer += data

    def take(self, n):
        out, at = bytearray(n), min(n, len(self.buffer))
        out[:at], self.buffer = self.buffer[:at], self.buffer[at:]
        rest = memoryview(out)
        while at < n:
            got = self.sock.recv_into(rest[at:])
            if not got:
                raise EOFError(f"closed after {at} of {n} bytes of the body")
            at += got
        return bytes(out)

    def read(self, is_head=False):
        """One answer, 1xx included."""
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.split(b"\r\n")
        assert b"\n" not in head.replace(b"\r\n", b"") and b"\r" not in head.replace(b"\r\n", b""), head
        found = re.fullmatch(rb"HTTP/1\.1 (\d{3}) [ -~]*", lines[0])
        assert found, lines[0]
        headers = []
        for line in lines[1:]:
            assert re.match(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:", line), line
            name, value = line.split(b":", 1)
            headers.append((name.decode(), value.strip().decode("latin-1")))
        answer = Answer(int(found.group(1)), headers, b"", head)
        if is_head or answer.status in (204, 304) or answer.status < 200:
            return answer
        length = answer.header("content-length")
        assert length is not None and answer.header("transfer-encoding") is None, head
        answer.body = self.take(int(length))
        return answer

    def is_closed(self, seconds=10):
        """True when the server closes (and says nothing more) within that time."""
        self.sock.settimeout(seconds)
        try:
            return not self.buffer and self.sock.recv(1) == b""
        except ConnectionResetError:
            return True
        except socket.timeout:
            return False
        finally:
            self.sock.settimeout(TIMEOUT)


class Raw:
    """Signed requests of one server's root account."""

    def __init__(self, server, access=ACCESS, secret=SECRET, **more):
        self.server = server
        self.signer = Signer(access, secret, **more)
        self.host = f"127.0.0.1:{server.port}"

    def connect(self):
        return Connection(self.server)

    def head(self, method, path, query=(), headers=(), body=b"", payload_hash=None, date=None, signed=None,
             host=None, length=True, unsigned=()):
        """The bytes of a signed request's head. unsigned: headers added after signing."""
        wire_path = encode(path, safe="/-_.~")
        if payload_hash is None:
            payload_hash = hashlib.sha256(body).hexdigest() if body else EMPTY_SHA256
        all_headers = [("host", host or self.host)]
        if length is True:
            if body or method in ("PUT", "POST"):
                all_headers.append(("content-length", str(len(body))))
        elif length is not None and length is not False:
            all_headers.append(("content-length", str(length)))
        all_headers += list(headers)
        full = self.signer.sign(method, wire_path, list(query), all_headers, payload_hash, date, signed)
        return self.write(method, wire_path, query, full + list(unsigned))

    @staticmethod
    def write(method, wire_path, query, headers):
        target = wire_path + ("?" + "&".join(encode(k) + "=" + encode(v) for k, v in query) if query else "")
        lines = [f"{method} {target} HTTP/1.1"] + [f"{n}: {v}" for n, v in headers]
        return "\r\n".join(lines).encode("utf-8") + b"\r\n\r\n"

    def ask(self, method, path, query=(), headers=(), body=b"", **more):
        """One signed request on a connection of its own."""
        with self.connect() as c:
            return self.on(c, method, path, query, headers, body, **more)

    def on(self, c, method, path, query=(), headers=(), body=b"", **more):
        c.send_gently(self.head(method, path, query, headers, body, **more) + body)
        return c.read(method == "HEAD")

    def exists(self, path):
        a = self.ask("HEAD", path)
        assert a.status in (200, 404), a
        return a.status == 200

    def keys(self, bucket):
        a = self.ask("GET", "/" + bucket, [("list-type", "2")])
        assert a.status == 200, a
        return [k.decode() for k in re.findall(rb"<Key>([^<]*)</Key>", a.body)]

    def uploads(self, bucket):
        a = self.ask("GET", "/" + bucket, [("uploads", "")])
        assert a.status == 200, a
        return re.findall(rb"<UploadId>([^<]*)</UploadId>", a.body)


def settle(condition, seconds=10):
    """For what the server does after the client went away."""
    end = time.time() + seconds
    while time.time() < end:
        if condition():
            return True
        time.sleep(0.05)
    return condition()
