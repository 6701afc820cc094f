"""HTTP that no SDK sends: smuggling, broken heads, pipelining, odd connections. Both rings."""
import base64
import hashlib
import socket
import ssl
import threading
import time

import pytest

from raw import Connection, Raw, settle
from server import Server
from sigv4 import UNSIGNED

MIB = 1 << 20


def spoil(head, old, new):
    assert head.count(old) == 1, (old, head)
    return head.replace(old, new)


def put_head(raw, bucket, key, body=b"", **more):
    return raw.head("PUT", f"/{bucket}/{key}", body=body, **more)


def with_line(head, line):
    """The head with one more line, unsigned, in front of the empty one."""
    assert head.endswith(b"\r\n\r\n")
    return head[:-2] + line + b"\r\n\r\n"


TE = b"Transfer-Encoding: chunked"
SMUGGLING = {
    "two lengths": lambda h: with_line(h, b"Content-Length: 3"),
    "two equal lengths": lambda h: with_line(h, b"Content-Length: 5"),
    "length list": lambda h: spoil(h, b"content-length: 5", b"content-length: 5, 5"),
    "length with plus": lambda h: spoil(h, b"content-length: 5", b"content-length: +5"),
    "negative length": lambda h: spoil(h, b"content-length: 5", b"content-length: -5"),
    "hex length": lambda h: spoil(h, b"content-length: 5", b"content-length: 0x5"),
    "empty length": lambda h: spoil(h, b"content-length: 5", b"content-length: "),
    "length of 20 digits": lambda h: spoil(h, b"content-length: 5", b"content-length: 18446744073709551621"),
    "length over int64": lambda h: spoil(h, b"content-length: 5", b"content-length: 9223372036854775808"),
    "length with comment": lambda h: spoil(h, b"content-length: 5", b"content-length: 5 5"),
    "length and chunked": lambda h: with_line(h, TE),
    "chunked and length": lambda h: h.replace(b"content-length", TE + b"\r\ncontent-length"),
    "chunked twice": lambda h: with_line(h, TE + b"\r\n" + TE),
    "chunked, chunked": lambda h: with_line(h, TE + b", chunked"),
    "chunked, identity": lambda h: with_line(h, TE + b", identity"),
    "gzip, chunked": lambda h: with_line(h, b"Transfer-Encoding: gzip, chunked"),
    "gzip": lambda h: with_line(h, b"Transfer-Encoding: gzip"),
    "xchunked": lambda h: with_line(h, b"Transfer-Encoding: xchunked"),
    "chunked with tab": lambda h: with_line(h, b"Transfer-Encoding:\tchunked"),
    "chunked quoted": lambda h: with_line(h, b'Transfer-Encoding: "chunked"'),
    "chunked vertical tab": lambda h: with_line(h, b"Transfer-Encoding: \x0bchunked"),
    "empty coding": lambda h: with_line(h, b"Transfer-Encoding: "),
    "name with space": lambda h: with_line(h, b"Transfer-Encoding : chunked"),
    "name with a leading space": lambda h: with_line(h, b" Transfer-Encoding: chunked"),
    "folded line": lambda h: with_line(h, b"X-Folded: a\r\n b"),
    "folded coding": lambda h: with_line(h, b"Transfer-Encoding:\r\n chunked"),
    "bare lf": lambda h: with_line(h, b"X-A: b\nTransfer-Encoding: chunked"),
    "bare cr": lambda h: with_line(h, b"X-A: b\rTransfer-Encoding: chunked"),
    "all lines end in lf": lambda h: h.replace(b"\r\n", b"\n"),
    "nul in a value": lambda h: with_line(h, b"X-A: b\0c"),
    "nul in a name": lambda h: with_line(h, b"X\0A: b"),
    "no colon": lambda h: with_line(h, b"X-A"),
    "empty name": lambda h: with_line(h, b": value"),
    "no host": lambda h: b"\r\n".join(li for li in h.split(b"\r\n") if not li.startswith(b"host:")),
    "two hosts": lambda h: with_line(h, b"Host: elsewhere"),
    "host with a path": lambda h: h.replace(b"host: 127.0.0.1", b"host: 127.0.0.1/x"),
    "host with at": lambda h: h.replace(b"host: ", b"host: a@"),
    "host with space": lambda h: h.replace(b"host: 127", b"host: 1 27"),
    "two spaces": lambda h: h.replace(b"PUT /", b"PUT  /", 1),
    "tab as space": lambda h: h.replace(b"PUT /", b"PUT\t/", 1),
    "space behind": lambda h: h.replace(b" HTTP/1.1\r\n", b" HTTP/1.1 \r\n", 1),
    "space in the target": lambda h: h.replace(b" HTTP/1.1", b" x HTTP/1.1", 1),
    "fragment": lambda h: h.replace(b" HTTP/1.1", b"#x HTTP/1.1", 1),
    "no version": lambda h: h.replace(b" HTTP/1.1", b"", 1),
    "lower-case version": lambda h: h.replace(b" HTTP/1.1", b" http/1.1", 1),
    "version 1.2": lambda h: h.replace(b" HTTP/1.1", b" HTTP/1.2", 1),
    "version 2.0": lambda h: h.replace(b" HTTP/1.1", b" HTTP/2.0", 1),
    "version 1.10": lambda h: h.replace(b" HTTP/1.1", b" HTTP/1.10", 1),
    "version 0.9": lambda h: h.replace(b" HTTP/1.1", b" HTTP/0.9", 1),
    "chunked with version 1.0": lambda h: with_line(h.replace(b"HTTP/1.1", b"HTTP/1.0", 1), TE),
    "unknown method": lambda h: h.replace(b"PUT /", b"BREW /", 1),
    "method with a colon": lambda h: h.replace(b"PUT /", b"PU:T /", 1),
    "relative target": lambda h: h.replace(b"PUT /", b"PUT x/", 1),
    "absolute target of another host": lambda h: h.replace(b"PUT /", b"PUT http://elsewhere/", 1),
    "asterisk": lambda h: b"PUT * HTTP/1.1\r\n" + h.split(b"\r\n", 1)[1],
    "garbage": lambda h: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + h,
}


@pytest.mark.parametrize("name", SMUGGLING)
def test_no_smuggling(raw, raw_bucket, name):
    """Refused, closed, and what stands behind the head is never taken for a request."""
    hidden = put_head(raw, raw_bucket, "smuggled")
    body = b"0\r\n\r\n"
    with raw.connect() as c:
        c.send_gently(SMUGGLING[name](put_head(raw, raw_bucket, "k", body)) + body + hidden)
        answer = c.read()
        assert answer.status in (400, 403, 431, 501, 505), answer
        assert answer.header("x-amz-request-id")
        assert answer.header("connection") == "close" and c.is_closed(), answer
    assert raw.keys(raw_bucket) == []


def test_refusals_are_counted(raw, server):
    before = server.metrics()["penstock_http_malformed_total"]
    with raw.connect() as c:
        c.send(b"\0\r\n\r\n")
        assert c.read().status == 400
    assert server.metrics()["penstock_http_malformed_total"] == before + 1


def test_coding_codes(raw, raw_bucket):
    """An unknown coding is 501, one that contradicts the length 400 (RFC 9112 section 6)."""
    def verdict(change):
        with raw.connect() as c:
            c.send_gently(change(put_head(raw, raw_bucket, "k", b"12345")))
            return c.read().verdict
    assert verdict(SMUGGLING["length and chunked"]) == (400, "BadRequest")
    assert verdict(lambda h: spoil(h, b"content-length: 5", b"transfer-encoding: gzip, chunked")) == \
        (501, "NotImplemented")
    assert verdict(SMUGGLING["version 2.0"])[0] == 505
    assert verdict(SMUGGLING["unknown method"]) == (501, "NotImplemented")


@pytest.mark.parametrize("head", [
    b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\nHost: h\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: h\r\nX-Long: " + b"a" * 70000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: h\r\n" + b"".join(b"X-%d: y\r\n" % i for i in range(2000)) + b"\r\n",
    b"GET / HTTP/1.1\r\nHost: h\r\n" + b"a" * 70000,
], ids=["target", "value", "many fields", "no end"])
def test_overlong_head(raw, head):
    with raw.connect() as c:
        c.send_gently(head)
        answer = c.read()
        assert answer.status in (400, 414, 431) and answer.header("connection") == "close"
        assert c.is_closed()


def test_pipelining_in_order(raw, raw_bucket):
    """Twelve requests in one send; the answers come in order, errors between them do no harm."""
    requests, want = [], []
    for i in range(3):
        body = b"value %d" % i * 1000
        requests += [put_head(raw, raw_bucket, f"k{i}", body) + body, raw.head("GET", f"/{raw_bucket}/k{i}"),
                     raw.head("GET", f"/{raw_bucket}/none"), raw.head("HEAD", f"/{raw_bucket}/k{i}")]
        want += [(200, b""), (200, body), (404, None), (200, b"")]
    with raw.connect() as c:
        c.send(b"".join(requests))
        for i, (status, body) in enumerate(want):
            answer = c.read(is_head=i % 4 == 3)
            assert answer.status == status and body in (None, answer.body), (i, answer)
        assert raw.on(c, "GET", f"/{raw_bucket}/k0").status == 200  # still usable


def test_pipelining_large_bodies(raw, raw_bucket):
    bodies = [bytes([i]) * (2 * MIB + i) for i in range(3)]
    stream = b"".join(put_head(raw, raw_bucket, f"k{i}", b) + b for i, b in enumerate(bodies))
    stream += b"".join(raw.head("GET", f"/{raw_bucket}/k{i}") for i in range(3))
    with raw.connect() as c:
        sender = threading.Thread(target=c.send, args=(stream,))
        sender.start()
        assert [c.read().status for _ in bodies] == [200] * 3
        assert [c.read().body for _ in bodies] == bodies
        sender.join()


def test_keep_alive_after_errors(raw, raw_bucket):
    with raw.connect() as c:
        for method, path, body, status in [
                ("GET", f"/{raw_bucket}/none", b"", 404), ("PUT", f"/{raw_bucket}/k", b"x" * 100, 200),
                ("GET", "/no-such-bucket-at-all/k", b"", 404), ("PUT", "/no-such-bucket-at-all/k", b"y" * 100, 404),
                ("DELETE", f"/{raw_bucket}", b"", 409), ("PUT", "/BAD_NAME", b"", 400),
                ("POST", f"/{raw_bucket}/k", b"abc", 405), ("GET", f"/{raw_bucket}/k", b"", 200)]:
            answer = raw.on(c, method, path, body=body)
            assert answer.status == status, (method, path, answer)
            assert answer.header("connection") != "close"


def test_request_ids_differ(raw, raw_bucket):
    with raw.connect() as c:
        answers = [raw.on(c, "GET", f"/{raw_bucket}/none") for _ in range(20)]
    ids = {a.header("x-amz-request-id") for a in answers}
    assert len(ids) == 20
    assert all(f"<RequestId>{a.header('x-amz-request-id')}</RequestId>".encode() in a.body for a in answers)


def test_connection_close_is_obeyed(raw, raw_bucket):
    with raw.connect() as c:
        c.send(raw.head("GET", f"/{raw_bucket}/none", headers=[("connection", "close")]))
        assert c.read().header("connection") == "close" and c.is_closed()


def test_http10(raw, raw_bucket):
    head = raw.head("GET", f"/{raw_bucket}/none").replace(b"HTTP/1.1", b"HTTP/1.0", 1)
    with raw.connect() as c:
        c.send(head)
        assert c.read().status == 404 and c.is_closed()


def test_absolute_target(raw, raw_bucket):
    """Allowed by RFC 9112; the path is what is signed."""
    head = raw.head("GET", f"/{raw_bucket}/none")
    with raw.connect() as c:
        c.send(head.replace(b"GET /", b"GET http://%s/" % raw.host.encode(), 1))
        assert c.read().verdict == (404, "NoSuchKey")


@pytest.mark.parametrize("host, status", [
    ("elsewhere.example", 200), ("[::1]:9000", 200), ("127.0.0.1", 200), ("LOCALHOST:1", 200), ("x" * 300, 200),
    ("a:b:c", 200), ("..", 200), ("", 200)])
def test_odd_hosts(raw, raw_bucket, host, status):
    """Without --domain the host means nothing, whatever it is; the bucket is in the path."""
    answer = raw.ask("GET", "/" + raw_bucket, [("location", "")], host=host)
    assert answer.status in (status, 400), answer
    if host:
        assert answer.status == status, answer


def test_other_expectations_are_passed_over(raw, raw_bucket):
    for value in (b"200", b"", b"the-impossible"):
        with raw.connect() as c:
            c.send(with_line(put_head(raw, raw_bucket, "k", b"12345"), b"Expect: " + value) + b"12345")
            assert c.read().status == 200
            assert raw.on(c, "GET", f"/{raw_bucket}/k").body == b"12345"


# Expect: 100-continue

def expecting(raw, bucket, key, body, **more):
    return raw.head("PUT", f"/{bucket}/{key}", body=body, headers=[("expect", "100-continue")], **more)


def test_continue_after_authorisation(raw, raw_bucket):
    with raw.connect() as c:
        c.send(expecting(raw, raw_bucket, "k", b"hello"))
        assert c.read().status == 100
        c.send(b"hello")
        assert c.read().status == 200
        assert raw.on(c, "GET", f"/{raw_bucket}/k").body == b"hello"


def test_expectation_without_a_body(raw, raw_bucket):
    """
    No 100, and the connection ends: botocore mixes up the next answer on one where a request with
    this expectation got its final answer at once (aws s3 sync with an empty file among others).
    """
    with raw.connect() as c:
        c.send(expecting(raw, raw_bucket, "k", b""))
        answer = c.read()
        assert answer.status == 200 and answer.header("connection") == "close" and c.is_closed()
    assert raw.keys(raw_bucket) == ["k"]


@pytest.mark.parametrize("case", ["signature", "bucket", "condition", "key"])
def test_no_continue_for_a_refused_request(raw, raw_bucket, case):
    """The final answer comes at once, with no 100 before it, and the body is never asked for."""
    size = 1 << 30
    bucket, headers, path = raw_bucket, [("expect", "100-continue")], "k"
    if case == "bucket":
        bucket = "no-such-bucket-at-all"
    if case == "condition":
        headers.append(("x-amz-server-side-encryption", "AES256"))
    if case == "key":
        path = "k" * 1025
    head = raw.head("PUT", f"/{bucket}/{path}", headers=headers, length=size, payload_hash=UNSIGNED)
    if case == "signature":
        at = head.rindex(b"Signature=") + 10
        head = head[:at] + (b"0" if head[at:at + 1] != b"0" else b"1") + head[at + 1:]
    with raw.connect() as c:
        c.send(head)
        answer = c.read()
        assert answer.verdict == {"signature": (403, "SignatureDoesNotMatch"), "bucket": (404, "NoSuchBucket"),
                                  "condition": (501, "NotImplemented"), "key": (400, "KeyTooLongError")}[case]
        assert answer.header("connection") == "close" and c.is_closed()


def test_body_without_waiting_for_continue(raw, raw_bucket):
    """A client may send the body at once; the 100 may then be left out, the answer may not."""
    with raw.connect() as c:
        c.send(expecting(raw, raw_bucket, "k", b"hello") + b"hello")
        answer = c.read()
        if answer.status == 100:
            answer = c.read()
        assert answer.status == 200
        assert raw.on(c, "GET", f"/{raw_bucket}/k").body == b"hello"


# Answers

def test_head_errors_have_no_body(raw, raw_bucket):
    with raw.connect() as c:
        for path, status in [(f"/{raw_bucket}/none", 404), ("/no-such-bucket-at-all", 404), ("/BAD_NAME", 400)]:
            assert raw.on(c, "HEAD", path).status == status
        # Had a body followed, this answer would not parse.
        assert raw.on(c, "GET", f"/{raw_bucket}/none").status == 404


def test_not_modified_has_no_body(raw, raw_bucket):
    etag = raw.ask("PUT", f"/{raw_bucket}/k", body=b"x").header("etag")
    with raw.connect() as c:
        answer = raw.on(c, "GET", f"/{raw_bucket}/k", headers=[("if-none-match", etag)])
        assert answer.status == 304 and answer.header("etag") == etag
        assert raw.on(c, "GET", f"/{raw_bucket}/k").body == b"x"


# Clients that are slow, idle, many, or gone

def test_trickled_head(raw, raw_bucket):
    with raw.connect() as c:
        for byte in put_head(raw, raw_bucket, "k", b"hello") + b"hello":
            c.send(bytes([byte]))
        assert c.read().status == 200
    assert raw.ask("GET", f"/{raw_bucket}/k").body == b"hello"


def test_trickled_chunks_of_transfer_coding(raw, raw_bucket):
    head = raw.head("PUT", f"/{raw_bucket}/k", length=None, payload_hash=UNSIGNED,
                    headers=[("transfer-encoding", "chunked"), ("x-amz-decoded-content-length", "10")])
    with raw.connect() as c:
        for byte in head + b"3\r\nabc\r\n7;ext=1\r\ndefghij\r\n0\r\n\r\n":
            c.send(bytes([byte]))
        answer = c.read()
    assert answer.status == 200 and raw.ask("GET", f"/{raw_bucket}/k").body == b"abcdefghij"


@pytest.mark.parametrize("size", [0, 1, 100, MIB - 1, MIB, MIB + 1, 3 * MIB, 5 * MIB + 7])
def test_transfer_coding_of_unknown_length(raw, raw_bucket, size):
    """AWS wants a length; here the end that comes is the end."""
    data = bytes(i * 7 % 251 for i in range(1000)) * (size // 1000 + 1)
    data = data[:size]
    head = raw.head("PUT", f"/{raw_bucket}/k", length=None, payload_hash=UNSIGNED, headers=[
        ("transfer-encoding", "chunked"), ("content-md5", base64.b64encode(hashlib.md5(data).digest()).decode())])
    with raw.connect() as c:
        pieces = [data[at:at + 300000] for at in range(0, size, 300000)]
        c.send(head + b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n")
        assert c.read().status == 200
        assert raw.on(c, "GET", f"/{raw_bucket}/k").body == data


@pytest.mark.parametrize("cut", [0, 5, 300000])
def test_transfer_coding_that_never_ends(raw, raw_bucket, cut):
    head = raw.head("PUT", f"/{raw_bucket}/k", length=None, payload_hash=UNSIGNED,
                    headers=[("transfer-encoding", "chunked")])
    with raw.connect() as c:
        c.send(head + b"".join(b"186a0\r\n%s\r\n" % (b"x" * 100000) for _ in range(4))[:cut])
        c.sock.shutdown(socket.SHUT_WR)
        c.is_closed()
    assert raw.keys(raw_bucket) == []


@pytest.mark.parametrize("body",
    [b"3\r\nabcd\r\n0\r\n\r\n",
    b"3\nabc\n0\n\n",
    b"-3\r\nabc\r\n0\r\n\r\n",
    b"0x3\r\nabc\r\n0\r\n\r\n",
    b"ffffffffffffffff1\r\nabc\r\n0\r\n\r\n",
    b"3 \r\nabc\r\n0\r\n\r\n",
    b"\r\n3\r\nabc\r\n0\r\n\r\n",
    b"3;" + b"x" * 70000 + b"\r\nabc\r\n0\r\n\r\n",
     b"3\r\nabc0\r\n\r\n"])
def test_bad_chunks_of_transfer_coding(raw, raw_bucket, body):
    head = raw.head("PUT", f"/{raw_bucket}/k", length=None, payload_hash=UNSIGNED,
                    headers=[("transfer-encoding", "chunked"), ("x-amz-decoded-content-length", "3")])
    with raw.connect() as c:
        c.send_gently(head + body + put_head(raw, raw_bucket, "smuggled"))
        answer = c.read()
        assert answer.status in (400, 411) and c.is_closed(), answer
    assert raw.keys(raw_bucket) == []


@pytest.mark.parametrize("sent", [0, 1, 70000, 3 * MIB - 1])
def test_truncated_body_stores_nothing(raw, server, raw_bucket, sent):
    raw.ask("PUT", f"/{raw_bucket}/old", body=b"old")
    body = b"n" * (3 * MIB)
    for key in ("k", "old"):
        with raw.connect() as c:
            c.send(raw.head("PUT", f"/{raw_bucket}/{key}", length=len(body), payload_hash=UNSIGNED) + body[:sent])
            c.sock.shutdown(socket.SHUT_WR)
            try:
                assert c.read().verdict == (400, "IncompleteBody") and c.is_closed()
            except (EOFError, ConnectionResetError):
                pass  # closing without a word is fine too
    assert raw.keys(raw_bucket) == ["old"]
    assert raw.ask("GET", f"/{raw_bucket}/old").body == b"old"


def test_client_leaves_during_get(raw, server, raw_bucket):
    raw.ask("PUT", f"/{raw_bucket}/k", body=b"x" * (8 * MIB))
    for _ in range(10):
        with raw.connect() as c:
            c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # reset at close
            c.send(raw.head("GET", f"/{raw_bucket}/k"))
            c.sock.recv(1000)
    assert raw.ask("GET", f"/{raw_bucket}/k").body == b"x" * (8 * MIB)
    assert settle(lambda: server.metrics()["penstock_connections"] <= 1)
    assert settle(lambda: sum(v for k, v in server.metrics().items() if "requests_waiting" in k) <= 1)


def test_reader_that_does_not_read(raw, server, raw_bucket):
    """Back-pressure: the server holds little, serves others, and goes on when the reader does."""
    raw.ask("PUT", f"/{raw_bucket}/k", body=b"x" * (24 * MIB))
    with raw.connect() as slow:
        slow.send(raw.head("GET", f"/{raw_bucket}/k"))
        time.sleep(0.2)
        assert raw.ask("GET", f"/{raw_bucket}/k").body == b"x" * (24 * MIB)
        assert slow.read().body == b"x" * (24 * MIB)


def test_many_idle_connections(raw, server, raw_bucket):
    raw.ask("PUT", f"/{raw_bucket}/k", body=b"hello")
    connections = [raw.connect() for _ in range(200)]
    try:
        for c in connections[::10]:
            assert raw.on(c, "GET", f"/{raw_bucket}/k").body == b"hello"
        assert server.metrics()["penstock_connections"] >= 200
        for c in reversed(connections):
            c.send(raw.head("GET", f"/{raw_bucket}/k"))
        assert all(c.read().body == b"hello" for c in connections)
    finally:
        for c in connections:
            c.sock.close()
    assert settle(lambda: server.metrics()["penstock_connections"] <= 1)


@pytest.mark.parametrize("ring", ["io_uring", "epoll"])
def test_connection_limit(ring):
    """Further connections are closed, those that are in go on, and places come back."""
    with Server("--ring", ring, "--connections", "8", "--reactors", "1") as server:
        raw = Raw(server)
        assert raw.ask("GET", "/").status == 200
        inside = []
        for _ in range(8):
            c = raw.connect()
            assert raw.on(c, "GET", "/").status == 200
            inside.append(c)
        refused = 0
        for _ in range(5):
            with Connection(server) as c:
                c.send_gently(raw.head("GET", "/"))
                try:
                    assert c.read().status == 503
                except (EOFError, OSError):
                    pass
                assert c.is_closed()
                refused += 1
        assert all(raw.on(c, "GET", "/").status == 200 for c in inside) and refused == 5
        inside.pop().sock.close()

        def counted():
            try:  # while no place is free yet, this is refused as well
                return server.metrics()["penstock_connections_refused_total"]
            except OSError:
                return 0
        assert settle(lambda: counted() >= 5)
        for c in inside:
            c.sock.close()
        assert settle(lambda: counted() and server.metrics()["penstock_connections"] <= 1)
        assert raw.ask("GET", "/").status == 200


# Virtual-host style

def test_virtual_host_style():
    with Server("--domain", "s3.test", "--domain", "other.test") as server:
        raw = Raw(server)
        assert raw.ask("PUT", "/", host="vhost-bucket.s3.test").status == 200
        for host, path in [("vhost-bucket.s3.test", "/k"), ("vhost-bucket.S3.Test:9000", "/k"),
                           ("vhost-bucket.other.test", "/k"), ("s3.test", "/vhost-bucket/k"),
                           ("elsewhere", "/vhost-bucket/k")]:
            body = host.encode()
            assert raw.ask("PUT", path, body=body, host=host).status == 200
            assert raw.ask("GET", "/vhost-bucket/k").body == body
            assert raw.ask("GET", path, host=host).body == body
        dotted = raw.ask("PUT", "/", host="a.dotted.name.s3.test")
        assert dotted.status == 200 and raw.ask("HEAD", "/a.dotted.name").status == 200
        assert raw.ask("GET", "/k", host="vhost-bucket.s3.test.evil").verdict[0] in (400, 404)
        assert raw.ask("GET", "/", host="UPPER_case.s3.test").verdict == (400, "InvalidBucketName")
        # With the bucket in the host, the path is only the key, slashes and all.
        assert raw.ask("PUT", "//vhost-bucket/k", body=b"odd", host="vhost-bucket.s3.test").status == 200
        assert raw.ask("GET", "/vhost-bucket//vhost-bucket/k").body == b"odd"


def test_not_http(server, raw):
    """Other protocols on the port: an answer or a close, and the server lives."""
    for hello in (b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + b"\0" * 100, b"SSH-2.0-OpenSSH_9.2\r\n",
                  b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\n" * 5000, b"\r\n" * 5000, b"\xff" * 100, b"GET /\r\n\r\n"):
        with raw.connect() as c:
            c.send_gently(hello)
            c.sock.shutdown(socket.SHUT_WR)  # or the server rightly waits for the rest of the head
            try:
                assert c.read().status in (400, 431, 505)
            except (EOFError, ConnectionResetError):
                pass
            assert c.is_closed(), hello
    with raw.connect() as c:  # RFC 9112 section 2.2: an empty line in front is ignored
        c.send(b"\r\n" + raw.head("GET", "/"))
        assert c.read().status == 200


def test_tls_cut_without_goodbye(tls_server):
    """A TLS stream that just ends is not the end of a body, nor of a head."""
    raw = Raw(tls_server)
    context = ssl.create_default_context(cafile=tls_server.cert)

    def ask(*arguments, **more):
        with Connection(tls_server, context) as c:
            return raw.on(c, *arguments, **more)
    assert ask("PUT", "/tls-bucket").status == 200
    for cut in (0, 1, 20000, MIB - 1):
        with Connection(tls_server, context) as c:
            c.send(raw.head("PUT", "/tls-bucket/k", length=MIB, payload_hash=UNSIGNED) + b"x" * cut)
    with Connection(tls_server) as c:  # no TLS at all
        c.send_gently(raw.head("GET", "/"))
        try:
            c.sock.recv(1000)
        except OSError:
            pass
    answer = ask("GET", "/tls-bucket", [("list-type", "2")])
    assert answer.status == 200 and b"<Key>" not in answer.body
    assert ask("PUT", "/tls-bucket/k", body=b"x" * MIB).status == 200
    assert ask("GET", "/tls-bucket/k").body == b"x" * MIB
