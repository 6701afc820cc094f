"""AWS Signature Version 4, written for the tests from the public description: a second opinion on src/auth.

Everything is plain and explicit, so that a test can spoil exactly one thing.
"""
import binascii
import datetime
import hashlib
import hmac
from urllib.parse import quote

EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
UNSIGNED = "UNSIGNED-PAYLOAD"
SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_CHUNKS_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


def encode(text, safe="-_.~"):
    return quote(text, safe=safe)


def amz_now(seconds=0):
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return now.strftime("%Y%m%dT%H%M%SZ")


def hmac_of(key, text):
    return hmac.new(key, text if isinstance(text, bytes) else text.encode(), hashlib.sha256).digest()


class Signer:
    def __init__(self, access, secret, region="us-east-1", service="s3"):
        self.access, self.secret, self.region, self.service = access, secret, region, service

    def scope(self, date):
        return f"{date[:8]}/{self.region}/{self.service}/aws4_request"

    def key(self, date):
        k = hmac_of(b"AWS4" + self.secret.encode(), date[:8])
        for part in (self.region, self.service, "aws4_request"):
            k = hmac_of(k, part)
        return k

    @staticmethod
    def canonical(method, path, query, headers, signed, payload_hash):
        """path: as on the wire; query: [(name, value)] decoded; headers: [(name, value)]; signed: names."""
        pairs = sorted((encode(k), encode(v)) for k, v in query)
        lines = []
        for name in signed:
            values = [" ".join(v.split()) for n, v in headers if n.lower() == name]
            lines.append(f"{name}:{','.join(values)}\n")
        return "\n".join([method, path, "&".join(f"{k}={v}" for k, v in pairs), "".join(lines),
                          ";".join(signed), payload_hash])

    def to_sign(self, date, canonical):
        return "\n".join(["AWS4-HMAC-SHA256", date, self.scope(date),
                          hashlib.sha256(canonical.encode()).hexdigest()])

    def signature(self, date, text):
        return hmac_of(self.key(date), text).hex()

    def sign(self, method, path, query, headers, payload_hash, date=None, signed=None):
        """The headers with x-amz-date, x-amz-content-sha256 and authorization. signed: names instead of all."""
        date = date or amz_now()
        headers = headers + [("x-amz-date", date), ("x-amz-content-sha256", payload_hash)]
        never = ("connection", "expect", "transfer-encoding", "user-agent")
        names = signed or sorted({n.lower() for n, _ in headers if n.lower() not in never})
        text = self.canonical(method, path, query, headers, names, payload_hash)
        self.last = self.signature(date, self.to_sign(date, text))
        self.last_date = date
        return headers + [("authorization",
                           f"AWS4-HMAC-SHA256 Credential={self.access}/{self.scope(date)}, "
                           f"SignedHeaders={';'.join(names)}, Signature={self.last}")]

    def presign(self, method, path, query, host, expires=300, date=None, headers=(), extra=()):
        """The query pairs of a presigned request; headers: further signed [(name, value)]."""
        date = date or amz_now()
        headers = [("host", host), *headers]
        names = sorted(n.lower() for n, _ in headers)
        query = list(query) + [
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
            ("X-Amz-Credential", f"{self.access}/{self.scope(date)}"),
            ("X-Amz-Date", date), ("X-Amz-Expires", str(expires)),
            ("X-Amz-SignedHeaders", ";".join(names)), *extra]
        text = self.canonical(method, path, query, headers, names, UNSIGNED)
        return query + [("X-Amz-Signature", self.signature(date, self.to_sign(date, text)))]

    # aws-chunked, after sign(): every chunk is chained to the signature before it.

    def chunk_signature(self, previous, data):
        text = "\n".join(["AWS4-HMAC-SHA256-PAYLOAD", self.last_date, self.scope(self.last_date), previous,
                          EMPTY_SHA256, hashlib.sha256(data).hexdigest()])
        return self.signature(self.last_date, text)

    def trailer_signature(self, previous, trailer):
        text = "\n".join(["AWS4-HMAC-SHA256-TRAILER", self.last_date, self.scope(self.last_date), previous,
                          hashlib.sha256(trailer).hexdigest()])
        return self.signature(self.last_date, text)

    def signed_chunks(self, chunks, trailer=None):
        """The body of a request just signed; chunks: list of bytes; trailer: (name, value) or None."""
        out, previous = [], self.last
        for data in list(chunks) + [b""]:
            previous = self.chunk_signature(previous, data)
            out.append(b"%x;chunk-signature=%s\r\n" % (len(data), previous.encode()))
            out.append(data + b"\r\n" if data else b"")
        if trailer:
            line = f"{trailer[0]}:{trailer[1]}".encode()
            out.append(line + b"\r\n")
            out.append(b"x-amz-trailer-signature:%s\r\n" % self.trailer_signature(previous, line + b"\n").encode())
        return b"".join(out) + b"\r\n"


def unsigned_chunks(chunks, trailer):
    out = [b"%x\r\n%s\r\n" % (len(c), c) for c in chunks]
    return b"".join(out) + b"0\r\n" + f"{trailer[0]}:{trailer[1]}\r\n\r\n".encode()


def crc32_text(data):
    return binascii.b2a_base64((binascii.crc32(data) & 0xffffffff).to_bytes(4, "big"), newline=False).decode()
