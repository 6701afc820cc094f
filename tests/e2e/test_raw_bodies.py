"""Bodies no SDK sends: aws-chunked in all forms and broken, digests, XML, part lists, hostile headers. Both rings."""
import base64
import hashlib
import re
import socket
import threading
import time

import pytest

from sigv4 import (SIGNED_CHUNKS, SIGNED_CHUNKS_TRAILER, UNSIGNED, UNSIGNED_TRAILER, crc32_text, unsigned_chunks)

MIB = 1 << 20


def pieces(data, sizes):
    """data cut in chunks of these sizes, over and over."""
    out, at, i = [], 0, 0
    while at < len(data):
        out.append(data[at:at + sizes[i % len(sizes)]])
        at += len(out[-1])
        i += 1
    return out


class Streaming:
    """One aws-chunked PUT: head and body, each spoilable."""

    def __init__(self, raw, bucket, form, data, sizes=(65536,), key="k", checksum=None, decoded=None, query=(),
                 headers=()):
        self.raw, self.bucket, self.key = raw, bucket, key
        chunks = pieces(data, sizes)
        trailer = ("x-amz-checksum-crc32", checksum or crc32_text(data))
        if form == UNSIGNED_TRAILER:
            length = len(unsigned_chunks(chunks, trailer))
        else:
            raw.signer.last, raw.signer.last_date = "0" * 64, "20260101T000000Z"
            length = len(raw.signer.signed_chunks(chunks, trailer if form == SIGNED_CHUNKS_TRAILER else None))
        headers = [("content-encoding", "aws-chunked"), *headers,
                   ("x-amz-decoded-content-length", str(len(data) if decoded is None else decoded))]
        if form != SIGNED_CHUNKS:
            headers.append(("x-amz-trailer", trailer[0]))
        self.head = raw.head("PUT", f"/{bucket}/{key}", query, headers, length=length, payload_hash=form)
        if form == UNSIGNED_TRAILER:
            self.body = unsigned_chunks(chunks, trailer)
        else:
            self.body = raw.signer.signed_chunks(chunks, trailer if form == SIGNED_CHUNKS_TRAILER else None)
        assert len(self.body) == length

    def send(self, c, body=None):
        c.send_gently(self.head + (self.body if body is None else body))
        return c.read()


FORMS = [SIGNED_CHUNKS, SIGNED_CHUNKS_TRAILER, UNSIGNED_TRAILER]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size, sizes", [
    (0, [1]), (1, [1]), (10, [1]), (1000, [1, 2, 3, 997]), (70000, [8191, 8192, 8193]), (65536, [65536]),
    (3 * MIB + 1, [65537]), (3 * MIB, [1 * MIB + 1]), (5000, [1, 4999]), (2 * MIB + 7, [2 * MIB, 7])])
def test_streaming(raw, raw_bucket, form, size, sizes):
    data = bytes(i * 7 & 255 for i in range(4096)) * (size // 4096 + 1)
    data = data[:size]
    with raw.connect() as c:
        for _ in range(2):  # the second over the first, on the same connection
            answer = Streaming(raw, raw_bucket, form, data, sizes).send(c)
            assert answer.status == 200, answer
            if form != SIGNED_CHUNKS:
                assert answer.header("x-amz-checksum-crc32") == crc32_text(data)
        answer = raw.on(c, "GET", f"/{raw_bucket}/k")
        assert answer.body == data and answer.header("content-encoding") is None


@pytest.mark.parametrize("form", FORMS)
def test_streaming_byte_by_byte(raw, raw_bucket, form):
    data = bytes(range(256)) * 4
    s = Streaming(raw, raw_bucket, form, data, [1, 100, 3])
    with raw.connect() as c:
        for byte in s.head + s.body:
            c.send(bytes([byte]))
        assert c.read().status == 200
        assert raw.on(c, "GET", f"/{raw_bucket}/k").body == data


@pytest.mark.parametrize("form", FORMS)
def test_streaming_in_every_two_parts(raw, raw_bucket, form):
    """The seam between two receives at every byte of the framing."""
    data = b"0123456789" * 3
    with raw.connect() as c:
        for cut in range(0, len(Streaming(raw, raw_bucket, form, data, [13]).body), 5):
            s = Streaming(raw, raw_bucket, form, data, [13], key=f"k{cut}")
            c.send(s.head + s.body[:cut])
            time.sleep(0.001)
            c.send(s.body[cut:])
            assert c.read().status == 200, cut
            assert raw.on(c, "GET", f"/{raw_bucket}/k{cut}").body == data


def test_streaming_keeps_other_encodings(raw, raw_bucket):
    with raw.connect() as c:
        for given, kept in (("aws-chunked,gzip", "gzip"), ("gzip, aws-chunked", "gzip")):
            s = Streaming(raw, raw_bucket, UNSIGNED_TRAILER, b"zzz")
            head = raw.head("PUT", f"/{raw_bucket}/k", headers=[
                ("content-encoding", given), ("x-amz-decoded-content-length", "3"),
                ("x-amz-trailer", "x-amz-checksum-crc32")], length=len(s.body), payload_hash=UNSIGNED_TRAILER)
            c.send(head + s.body)
            assert c.read().status == 200
            assert raw.on(c, "HEAD", f"/{raw_bucket}/k").header("content-encoding") == kept


def test_streaming_upload_part(raw, raw_bucket):
    answer = raw.ask("POST", f"/{raw_bucket}/m", [("uploads", "")])
    upload = re.search(rb"<UploadId>(.*?)</UploadId>", answer.body)[1].decode()
    bodies, parts = [b"a" * (5 * MIB), b"b" * 10], []
    with raw.connect() as c:
        for n, data in enumerate(bodies, 1):
            s = Streaming(raw, raw_bucket, SIGNED_CHUNKS, data, key="m",
                          query=[("partNumber", str(n)), ("uploadId", upload)])
            parts.append((n, s.send(c).header("etag")))
    assert complete(raw, raw_bucket, "m", upload, parts).status == 200
    assert raw.ask("GET", f"/{raw_bucket}/m").body == b"".join(bodies)


def spoil_byte(body, at):
    return body[:at] + bytes([body[at] ^ 1]) + body[at + 1:]


def spoiled(name, s):
    """(body, verdicts) of one broken streaming body of the announced length."""
    body = s.body
    signature = body.find(b"chunk-signature=") + 16
    if name == "data":
        return spoil_byte(body, body.index(b"\r\n") + 50), \
            [(403, "SignatureDoesNotMatch"), (400, "BadDigest")]
    if name == "first signature":
        return body[:signature] + b"0" * 64 + body[signature + 64:], [(403, "SignatureDoesNotMatch")]
    if name == "last signature":
        at = body.rindex(b"chunk-signature=") + 16
        return body[:at] + b"0" * 64 + body[at + 64:], [(403, "SignatureDoesNotMatch")]
    if name == "trailer signature":
        at = body.rindex(b"x-amz-trailer-signature:") + 24
        return body[:at] + b"0" * 64 + body[at + 64:], [(403, "SignatureDoesNotMatch")]
    if name == "trailer value":
        at = body.rindex(b"crc32:") + 6
        return body[:at] + b"AAAAAA==" + body[at + 8:], [(400, "BadDigest"), (403, "SignatureDoesNotMatch")]
    if name == "trailer name":
        return body.replace(b"x-amz-checksum-crc32:", b"x-amz-checksum-crc3x:"), \
            [(400, "InvalidRequest"), (400, "MalformedTrailerError"), (403, "SignatureDoesNotMatch")]
    if name == "size not hex":
        return b"z" + body[1:], [(400, "InvalidRequest"), (400, "IncompleteBody"), (400, "InvalidChunkSizeError")]
    if name == "size too large":
        return b"f" + body[1:], [(400, "InvalidRequest"), (400, "IncompleteBody"), (400, "InvalidChunkSizeError"),
                                 (403, "SignatureDoesNotMatch")]
    if name == "size negative":
        return b"-" + body[1:], [(400, "InvalidRequest"), (400, "IncompleteBody"), (400, "InvalidChunkSizeError")]
    if name == "no crlf after data":
        at = body.index(b"\r\n", body.index(b"\r\n") + 2)
        return body[:at] + b"xx" + body[at + 2:], \
            [(400, "InvalidRequest"), (400, "IncompleteBody"), (403, "SignatureDoesNotMatch")]
    assert name == "plain bytes"
    return b"x" * len(body), [(400, "InvalidRequest"), (400, "IncompleteBody")]


SPOILS = {"data": FORMS, "first signature": FORMS[:2], "last signature": FORMS[:2], "trailer signature": FORMS[1:2],
          "trailer value": FORMS[1:], "trailer name": FORMS[1:], "size not hex": FORMS, "size too large": FORMS,
          "size negative": FORMS, "no crlf after data": FORMS, "plain bytes": FORMS}


@pytest.mark.parametrize("name, form", [(n, f) for n, forms in SPOILS.items() for f in forms])
@pytest.mark.parametrize("size", [2000, 300000])
def test_streaming_spoiled(raw, raw_bucket, form, name, size):
    raw.ask("PUT", f"/{raw_bucket}/old", body=b"old")
    for key in ("k", "old"):
        s = Streaming(raw, raw_bucket, form, b"\x55" * size, [size // 2], key=key)
        body, verdicts = spoiled(name, s)
        assert body != s.body and len(body) == len(s.body)
        with raw.connect() as c:
            answer = s.send(c, body)
            assert answer.verdict in verdicts, answer
            # The length of the body is known, so the connection may go on; if it does, it is in step.
            if answer.header("connection") == "close":
                assert c.is_closed()
            else:
                assert raw.on(c, "GET", f"/{raw_bucket}", [("location", "")]).status == 200
    assert raw.keys(raw_bucket) == ["old"] and raw.ask("GET", f"/{raw_bucket}/old").body == b"old"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["no last chunk", "half the last line", "no trailer", "half"])
def test_streaming_cut(raw, raw_bucket, form, name):
    """The body ends early, as announced by Content-Length: nothing is stored."""
    data = b"\x55" * 200000
    full = Streaming(raw, raw_bucket, form, data, [65536]).body
    last = full.rindex(b"\r\n0") + 2
    cut = {"no last chunk": last, "half the last line": last + 1, "half": len(full) // 2,
           "no trailer": full.index(b"\r\n", last) + 2}[name]
    headers = [("content-encoding", "aws-chunked"), ("x-amz-decoded-content-length", str(len(data)))]
    if form != SIGNED_CHUNKS:
        headers.append(("x-amz-trailer", "x-amz-checksum-crc32"))
    head = raw.head("PUT", f"/{raw_bucket}/k", headers=headers, length=cut, payload_hash=form)
    chunks = pieces(data, [65536])
    trailer = ("x-amz-checksum-crc32", crc32_text(data))
    body = unsigned_chunks(chunks, trailer) if form == UNSIGNED_TRAILER else \
        raw.signer.signed_chunks(chunks, trailer if form == SIGNED_CHUNKS_TRAILER else None)
    with raw.connect() as c:
        c.send_gently(head + body[:cut])
        answer = c.read()
        assert answer.status == 400 and answer.code in ("IncompleteBody", "InvalidRequest"), answer
    assert raw.keys(raw_bucket) == []


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("decoded", ["0", "9", "11", "-1", "x", "", "99999999999999999999", "5497558138881"])
def test_decoded_length_wrong(raw, raw_bucket, form, decoded):
    with raw.connect() as c:
        answer = Streaming(raw, raw_bucket, form, b"0123456789", [4], decoded=decoded).send(c)
        assert answer.status in (400, 411), answer
        assert answer.code in ("IncompleteBody", "InvalidArgument", "EntityTooLarge", "MissingContentLength",
                               "InvalidRequest", "SignatureDoesNotMatch"), answer
    assert raw.keys(raw_bucket) == []


def test_decoded_length_missing(raw, raw_bucket):
    with raw.connect() as c:
        head = raw.head("PUT", f"/{raw_bucket}/k", headers=[("content-encoding", "aws-chunked")], length=100,
                        payload_hash=SIGNED_CHUNKS)
        c.send_gently(head + b"x" * 100)
        assert c.read().verdict == (411, "MissingContentLength")
    assert raw.keys(raw_bucket) == []


def test_streaming_hangs_up(raw, raw_bucket):
    """A client that dies in the middle of a chunk."""
    s = Streaming(raw, raw_bucket, SIGNED_CHUNKS, b"\x55" * 300000)
    for cut in (0, 40, 1000, 150000, len(s.body) - 1):
        s = Streaming(raw, raw_bucket, SIGNED_CHUNKS, b"\x55" * 300000)
        with raw.connect() as c:
            c.send(s.head + s.body[:cut])
    time.sleep(0.1)
    assert raw.keys(raw_bucket) == []


# Digests in headers

@pytest.mark.parametrize("headers, verdict", [
    ([("content-md5", base64.b64encode(hashlib.md5(b"other").digest()).decode())], (400, "BadDigest")),
    ([("content-md5", "AAAA")], (400, "InvalidDigest")),
    ([("content-md5", "")], (400, "InvalidDigest")),
    ([("x-amz-checksum-crc32", "AAAAAA==")], (400, "BadDigest")),
    ([("x-amz-checksum-crc32", "AAAA")], (400, "BadDigest")),
    ([("x-amz-checksum-sha256", crc32_text(b"hello"))], (400, "BadDigest")),
    ([("x-amz-checksum-crc32", crc32_text(b"hello")), ("x-amz-checksum-sha1", "A" * 27 + "=")],
     (400, "InvalidRequest")),
    ([("x-amz-sdk-checksum-algorithm", "CRC32C"), ("x-amz-checksum-crc32", crc32_text(b"hello"))],
     (400, "InvalidRequest")),
    ([("x-amz-sdk-checksum-algorithm", "CRC32")], (400, "InvalidRequest")),
    ([("x-amz-trailer", "x-amz-checksum-crc32")], (400, "InvalidRequest")),
], ids=str)
def test_digests(raw, raw_bucket, headers, verdict):
    with raw.connect() as c:
        answer = raw.on(c, "PUT", f"/{raw_bucket}/k", headers=headers, body=b"hello")
        assert answer.verdict == verdict
        # who sent other bytes than announced may have sent more of them, too
        assert (answer.header("connection") == "close") == (verdict[1] == "BadDigest")
        if verdict[1] == "BadDigest":
            assert c.is_closed()
    with raw.connect() as c:
        assert raw.on(c, "PUT", f"/{raw_bucket}/fine", body=b"hello").status == 200
    assert raw.keys(raw_bucket) == ["fine"]


@pytest.mark.parametrize("path,query", [("k", ()), ("", [("tagging", "")])], ids=["object", "document"])
def test_another_body_ends_the_connection(raw, raw_bucket, path, query):
    """What was sent is not what was signed: nobody knows where the next request begins."""
    for payload_hash in (hashlib.sha256(b"other").hexdigest(), "STREAMING-UNSIGNED-PAYLOAD-TRAILER"):
        framed = payload_hash[0] == "S"
        headers = [("content-encoding", "aws-chunked"), ("x-amz-decoded-content-length", "9"),
                   ("x-amz-trailer", "x-amz-checksum-crc32")] if framed else []
        body = unsigned_chunks([b"body"], ("x-amz-checksum-crc32", crc32_text(b"body"))) if framed else b"body"
        with raw.connect() as c:
            answer = raw.on(c, "PUT", f"/{raw_bucket}/{path}".rstrip("/"), query, headers, body,
                            payload_hash=payload_hash)
            assert answer.verdict == (400, "IncompleteBody" if framed else "XAmzContentSHA256Mismatch")
            assert answer.header("connection") == "close" and c.is_closed()
    assert raw.keys(raw_bucket) == []


# Keys

def test_key_lengths(raw, raw_bucket):
    for key in ("k" * 1024, "ü" * 512, "k" * 1000 + "/" * 24):
        assert raw.ask("PUT", f"/{raw_bucket}/{key}", body=b"x").status == 200
        assert raw.ask("GET", f"/{raw_bucket}/{key}").body == b"x"
        assert raw.ask("DELETE", f"/{raw_bucket}/{key}").status == 204
    for key in ("k" * 1025, "ü" * 512 + "k", "k" * 5000):
        for method in ("PUT", "GET", "DELETE"):
            assert raw.ask(method, f"/{raw_bucket}/{key}").verdict == (400, "KeyTooLongError")
        assert raw.ask("POST", f"/{raw_bucket}/{key}", [("uploads", "")]).verdict == (400, "KeyTooLongError")
        copy = raw.ask("PUT", f"/{raw_bucket}/{key}", headers=[("x-amz-copy-source", f"/{raw_bucket}/x")])
        assert copy.verdict == (400, "KeyTooLongError")
    assert raw.keys(raw_bucket) == [] and raw.uploads(raw_bucket) == []


@pytest.mark.parametrize("target", [b"/%s/%%00", b"/%s/a%%00b", b"/%s/%%ff", b"/%s/%%c3%%28", b"/%s/%%zz", b"/%s/%%4"])
def test_keys_that_are_none(raw, raw_bucket, target):
    wire = target % raw_bucket.encode()
    headers = raw.signer.sign("PUT", wire.decode(), [], [("host", raw.host), ("content-length", "0")], UNSIGNED)
    with raw.connect() as c:
        c.send(raw.write("PUT", wire.decode(), [], headers))
        assert c.read().verdict == (400, "InvalidURI")
    assert raw.keys(raw_bucket) == []


@pytest.mark.parametrize("key",
    ["../../etc/passwd",
    "..",
    ".",
    "a/../b",
    "a//b",
    "/",
    "//",
    "/a",
    "a/",
    "a/./b",
    " ",
    "+",
    "%",
    "%2f",
    "%2F%2e%2e",
    "a?b",
    "a#b",
    "a&b=c",
    "\\",
    "\x01\x02",
    "\t\n",
    "\u202e",
    "😀",
    "-",
     "*"])
def test_odd_keys_are_just_keys(raw, raw_bucket, key):
    with raw.connect() as c:
        assert raw.on(c, "PUT", f"/{raw_bucket}/{key}", body=key.encode()).status == 200
        assert raw.on(c, "GET", f"/{raw_bucket}/{key}").body == key.encode()
        answer = raw.on(c, "GET", f"/{raw_bucket}", [("list-type", "2"), ("encoding-type", "url")])
        from urllib.parse import unquote_plus
        listed = [unquote_plus(k.decode()) for k in re.findall(rb"<Key>([^<]*)</Key>", answer.body)]
        assert listed == [key]
        assert raw.on(c, "DELETE", f"/{raw_bucket}/{key}").status == 204
        assert raw.keys(raw_bucket) == []


# Hostile headers

def test_response_overrides_cannot_inject(raw, raw_bucket):
    raw.ask("PUT", f"/{raw_bucket}/k", body=b"x")
    for name in (
    "content-type",
    "content-language",
    "expires",
    "cache-control",
    "content-disposition",
     "content-encoding"):
        for value in ("a\r\nx-evil: 1", "a\nx-evil: 1", "a\rx-evil: 1", "a\0b", "a\r\n\r\n<script>", "x" * 5000):
            with raw.connect() as c:
                answer = raw.on(c, "GET", f"/{raw_bucket}/k", [("response-" + name, value)])
                assert answer.header("x-evil") is None and b"\0" not in answer.head  # read() checks the lines
                assert (answer.status, answer.body) == (200, b"x") or answer.status == 400, answer
                assert raw.on(c, "GET", f"/{raw_bucket}/k").body == b"x"


@pytest.mark.parametrize("value", [b"a\x01b", b"a\x7fb", b"caf\xc3\xa9",
                         b"\xff\xfe", b"x" * 2000, b"a  b", b"=?UTF-8?Q?a?="])
def test_metadata_values(raw, raw_bucket, value):
    """Kept byte for byte, or refused; never an answer head out of order."""
    from sigv4 import amz_now
    text = value.decode("latin-1")
    date = amz_now()
    headers = [("host", raw.host), ("content-length", "0"), ("x-amz-date", date), ("x-amz-content-sha256", UNSIGNED),
               ("x-amz-meta-a", text)]
    names = sorted(n for n, _ in headers)
    canonical = raw.signer.canonical("PUT", f"/{raw_bucket}/k", [], headers, names, UNSIGNED)
    to_sign = "\n".join(["AWS4-HMAC-SHA256", date, raw.signer.scope(date),
                         hashlib.sha256(canonical.encode("latin-1")).hexdigest()])
    headers.append(
    ("authorization",
    f"AWS4-HMAC-SHA256 Credential={raw.signer.access}/{raw.signer.scope(date)}, "
    f"SignedHeaders={';'.join(names)}, Signature={raw.signer.signature(date, to_sign)}"))
    head = "\r\n".join([f"PUT /{raw_bucket}/k HTTP/1.1"] + [f"{n}: {v}" for n, v in headers]) + "\r\n\r\n"
    with raw.connect() as c:
        c.send(head.encode("latin-1"))
        answer = c.read()
        if answer.status != 200:
            assert answer.status == 400 and raw.keys(raw_bucket) == []
            return
        answer = raw.on(c, "GET", f"/{raw_bucket}/k")
        assert answer.status == 200 and answer.header("x-amz-meta-a") in (text, " ".join(text.split()))


def test_metadata_too_large(raw, raw_bucket):
    headers = [(f"x-amz-meta-{i}", "x" * 500) for i in range(5)]
    assert raw.ask("PUT", f"/{raw_bucket}/k", headers=headers).verdict == (400, "MetadataTooLarge")
    assert raw.keys(raw_bucket) == []


# XML

def post(raw, path, query, xml, md5=True, **more):
    headers = [("content-md5", base64.b64encode(hashlib.md5(xml).digest()).decode())] if md5 else []
    return raw.ask("POST", path, query, headers, xml, **more)


BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">' \
       b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;">]>'
BAD_XML = {
    "empty": b"",
    "text": b"hello",
    "truncated": b"<%s><Object><Key>k</Key></Object>",
    "wrong root": b"<Other><Object><Key>k</Key></Object></Other>",
    "two roots": b"<%s></%s><%s></%s>",
    "mismatch": b"<%s><Object><Key>k</Object></Key></%s>",
    "dtd": b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><%s><Object><Key>k</Key></Object></%s>',
    "entity": b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><%s><Object><Key>&e;</Key></Object></%s>',
    "bomb": BOMB + b"<%s><Object><Key>&d;</Key></Object></%s>",
    "undefined entity": b"<%s><Object><Key>&nothing;</Key></Object></%s>",
    "nul": b"<%s><Object><Key>a\0b</Key></Object></%s>",
    "not utf-8": b"<%s><Object><Key>\xff\xfe</Key></Object></%s>",
    "deep": b"<a>" * 5000,
    "junk behind": b"<%s><Object><Key>k</Key></Object></%s>junk",
    "attribute twice": b"<%s a='1' a='2'></%s>",
    "no objects": b"<%s></%s>",
}


def fill(xml, root):
    return xml.replace(b"%s", root)


@pytest.mark.parametrize("name", BAD_XML)
def test_bad_xml_delete_objects(raw, raw_bucket, name):
    raw.ask("PUT", f"/{raw_bucket}/k", body=b"x")
    answer = post(raw, f"/{raw_bucket}", [("delete", "")], fill(BAD_XML[name], b"Delete"))
    assert answer.status == 400 and answer.code in ("MalformedXML", "MissingRequestBodyError", "InvalidRequest"), answer
    assert b"root:" not in answer.body
    assert raw.keys(raw_bucket) == ["k"]


@pytest.mark.parametrize("name", BAD_XML)
def test_bad_xml_complete(raw, raw_bucket, name):
    upload = create_upload(raw, raw_bucket, "m")
    etag = upload_part(raw, raw_bucket, "m", upload, 1, b"x")
    answer = post(raw, f"/{raw_bucket}/m", [("uploadId", upload)], fill(BAD_XML[name], b"CompleteMultipartUpload"))
    assert answer.status == 400 and answer.code in ("MalformedXML", "InvalidRequest"), answer
    assert raw.keys(raw_bucket) == [] and len(raw.uploads(raw_bucket)) == 1
    assert complete(raw, raw_bucket, "m", upload, [(1, etag)]).status == 200  # the upload has not suffered


@pytest.mark.parametrize("name", [n for n in BAD_XML if n not in ("empty", "no objects")])
def test_bad_xml_create_bucket(raw, name):
    bucket = "never-made-by-bad-xml"
    answer = raw.ask("PUT", "/" + bucket, body=fill(BAD_XML[name], b"CreateBucketConfiguration"))
    assert answer.verdict == (400, "MalformedXML"), answer
    assert raw.ask("HEAD", "/" + bucket).status == 404


def test_xml_too_large(raw, raw_bucket):
    raw.ask("PUT", f"/{raw_bucket}/k", body=b"x")
    xml = b"<Delete>" + b"<Object><Key>k</Key></Object>" * 1001 + b"</Delete>"
    assert post(raw, f"/{raw_bucket}", [("delete", "")], xml).verdict == (400, "MalformedXML")
    xml = b"<Delete>" + b" " * (20 * MIB) + b"<Object><Key>k</Key></Object></Delete>"
    answer = post(raw, f"/{raw_bucket}", [("delete", "")], xml)
    assert answer.status == 400 and answer.code in ("MalformedXML", "MaxMessageLengthExceeded", "EntityTooLarge")
    assert raw.keys(raw_bucket) == ["k"]


def test_delete_objects_wants_a_digest(raw, raw_bucket):
    raw.ask("PUT", f"/{raw_bucket}/k", body=b"x")
    xml = b"<Delete><Object><Key>k</Key></Object></Delete>"
    answer = post(raw, f"/{raw_bucket}", [("delete", "")], xml, md5=False, payload_hash=UNSIGNED)
    assert answer.status == 400 and raw.keys(raw_bucket) == ["k"]
    answer = raw.ask("POST", f"/{raw_bucket}", [("delete", "")], [("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==")], xml)
    assert answer.verdict == (400, "BadDigest") and raw.keys(raw_bucket) == ["k"]
    # The namespace, comments, CDATA and character references are ordinary XML.
    xml = b'<?xml version="1.0" encoding="UTF-8"?><!-- c --><Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' \
          b"<Object>\n<Key><![CDATA[k]]></Key></Object><Object><Key>a&#x26;&lt;b</Key></Object></Delete>"
    raw.ask("PUT", f"/{raw_bucket}/a&<b", body=b"x")
    answer = post(raw, f"/{raw_bucket}", [("delete", "")], xml)
    assert answer.status == 200 and answer.body.count(b"<Deleted>") == 2 and raw.keys(raw_bucket) == []


# Part lists

def create_upload(raw, bucket, key):
    answer = raw.ask("POST", f"/{bucket}/{key}", [("uploads", "")])
    assert answer.status == 200, answer
    return re.search(rb"<UploadId>(.*?)</UploadId>", answer.body)[1].decode()


def upload_part(raw, bucket, key, upload, number, body):
    answer = raw.ask("PUT", f"/{bucket}/{key}", [("partNumber", str(number)), ("uploadId", upload)], body=body)
    assert answer.status == 200, answer
    return answer.header("etag")


def complete(raw, bucket, key, upload, parts):
    xml = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{e}</ETag></Part>" for n, e in parts)
    xml = f"<CompleteMultipartUpload>{xml}</CompleteMultipartUpload>".encode()
    return raw.ask("POST", f"/{bucket}/{key}", [("uploadId", upload)], body=xml)


def test_part_lists(raw, raw_bucket):
    upload = create_upload(raw, raw_bucket, "m")
    first = upload_part(raw, raw_bucket, "m", upload, 1, b"a" * (5 * MIB))
    second = upload_part(raw, raw_bucket, "m", upload, 2, b"b" * 10)
    third = upload_part(raw, raw_bucket, "m", upload, 3, b"c" * 10)
    cases = [
        ([], ["MalformedXML"]),
        ([(2, second), (1, first)], ["InvalidPartOrder"]),
        ([(1, first), (1, second)], ["InvalidPart"]),  # named twice: the later counts
        ([(1, first), (4, second)], ["InvalidPart"]),
        ([(1, second), (2, first)], ["InvalidPart"]),
        ([(1, '"' + "0" * 32 + '"')], ["InvalidPart"]),
        ([(1, "")], ["InvalidPart", "MalformedXML"]),
        ([(1, first), (2, second), (3, third)], ["EntityTooSmall"]),
        ([(0, first)], ["InvalidPart", "InvalidArgument", "MalformedXML"]),
        ([(-1, first)], ["InvalidPart", "InvalidArgument", "MalformedXML"]),
        ([("x", first)], ["InvalidPart", "InvalidArgument", "MalformedXML"]),
        ([(10001, first)], ["InvalidPart", "InvalidArgument", "MalformedXML"]),
        ([(99999999999999999999, first)], ["InvalidPart", "InvalidArgument", "MalformedXML"]),
    ]
    for parts, codes in cases:
        answer = complete(raw, raw_bucket, "m", upload, parts)
        assert answer.status == 400 and answer.code in codes, (parts, answer)
        assert raw.keys(raw_bucket) == [] and len(raw.uploads(raw_bucket)) == 1
    for bad in ("nonsense", upload[:-1], upload + "0", "../" + upload, ""):
        answer = complete(raw, raw_bucket, "m", bad, [(1, first)])
        assert answer.verdict in ((404, "NoSuchUpload"), (400, "InvalidArgument")), (bad, answer)
    assert complete(raw, raw_bucket, "other", upload, [(1, first)]).verdict == (404, "NoSuchUpload")
    # ETags without quotes are fine, as in AWS.
    assert complete(raw, raw_bucket, "m", upload, [(1, first.strip('"')), (3, third)]).status == 200
    assert raw.ask("GET", f"/{raw_bucket}/m").body == b"a" * (5 * MIB) + b"c" * 10
    assert raw.uploads(raw_bucket) == []


@pytest.mark.parametrize("number", ["0", "-1", "10001", "x", "", "1.5", "99999999999999999999", "+1", "0x1"])
def test_part_numbers(raw, raw_bucket, number):
    upload = create_upload(raw, raw_bucket, "m")
    answer = raw.ask("PUT", f"/{raw_bucket}/m", [("partNumber", number), ("uploadId", upload)], body=b"x")
    assert answer.verdict == (400, "InvalidArgument"), answer
    parts = raw.ask("GET", f"/{raw_bucket}/m", [("uploadId", upload)])
    assert parts.status == 200 and b"<Part>" not in parts.body
    assert raw.ask("DELETE", f"/{raw_bucket}/m", [("uploadId", upload)]).status == 204


def test_upload_id_without_part_number(raw, raw_bucket):
    """Must not become a plain PutObject."""
    upload = create_upload(raw, raw_bucket, "m")
    for query in ([("uploadId", upload)], [("partNumber", "1")]):
        answer = raw.ask("PUT", f"/{raw_bucket}/m", query, body=b"x")
        assert answer.status in (400, 501), answer
    assert raw.keys(raw_bucket) == []


# What is not there

@pytest.mark.parametrize("header, value", [
    ("x-amz-server-side-encryption", "AES256"), ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
    ("x-amz-object-lock-mode", "GOVERNANCE"), ("x-amz-object-lock-legal-hold", "ON"),
    ("x-amz-acl", "public-read"),
    ("x-amz-storage-class", "GLACIER"), ("x-amz-write-offset-bytes", "0")])
def test_headers_that_ask_for_more(raw, raw_bucket, header, value):
    """A promise the store cannot keep is refused, not ignored."""
    answer = raw.ask("PUT", f"/{raw_bucket}/k", headers=[(header, value)], body=b"x")
    assert answer.status in (400, 501) and answer.code in ("NotImplemented", "InvalidStorageClass", "InvalidRequest",
                                                           "AccessControlListNotSupported"), answer
    assert raw.keys(raw_bucket) == []


def test_ranges(raw, raw_bucket):
    data = bytes(range(100))
    raw.ask("PUT", f"/{raw_bucket}/k", body=data)
    raw.ask("PUT", f"/{raw_bucket}/empty")
    with raw.connect() as c:
        for text, want in [("bytes=0-0", data[:1]), ("bytes=99-", data[99:]), ("bytes=-1", data[-1:]),
                           ("bytes=-1000", data), ("bytes=50-1000", data[50:]), ("BYTES=1-2", None),
                           ("bytes=0-99999999999999999999", data)]:
            answer = raw.on(c, "GET", f"/{raw_bucket}/k", headers=[("range", text)])
            if want is None or answer.status == 200:
                assert answer.body == data or answer.status == 206
                continue
            assert answer.status == 206 and answer.body == want, (text, answer)
            assert answer.header("content-range") == f"bytes {data.index(want)}-{data.index(want) + len(want) - 1}/100"
        for text in ("bytes=100-", "bytes=100-200", "bytes=-0"):
            answer = raw.on(c, "GET", f"/{raw_bucket}/k", headers=[("range", text)])
            assert answer.verdict == (416, "InvalidRange") and answer.header("content-range") == "bytes */100", text
        for text in ("bytes=2-1", "bytes=a-b", "bytes=", "bytes=-", "items=0-1", "bytes=0-1,3-4", "0-1", "bytes 0-1",
                     "bytes=--1", "bytes=1-2-3"):
            answer = raw.on(c, "GET", f"/{raw_bucket}/k", headers=[("range", text)])
            assert (answer.status, answer.body) == (200, data) or answer.status == 416, (text, answer)
        answer = raw.on(c, "GET", f"/{raw_bucket}/empty", headers=[("range", "bytes=0-")])
        assert answer.verdict == (416, "InvalidRange")


def test_no_length(raw, raw_bucket):
    with raw.connect() as c:
        c.send(raw.head("PUT", f"/{raw_bucket}/k", length=None, payload_hash=UNSIGNED))
        assert c.read().verdict == (411, "MissingContentLength")
    assert raw.keys(raw_bucket) == []


def test_too_large(raw, raw_bucket):
    with raw.connect() as c:
        c.send(raw.head("PUT", f"/{raw_bucket}/k", length=6 << 40, payload_hash=UNSIGNED))
        assert c.read().verdict == (400, "EntityTooLarge") and c.is_closed()
    assert raw.keys(raw_bucket) == []


def test_racing_overwrites_on_sockets(raw, raw_bucket):
    """Writers that stop in the middle never disturb one that finishes."""
    def writer(stops):
        body = bytes([stops + 1]) * (2 * MIB)
        with raw.connect() as c:
            c.send(heads[stops] + (body if not stops else body[:stops * 300000]))
            if not stops:
                answers.append(c.read().status)
            else:
                c.sock.shutdown(socket.SHUT_RDWR)
    answers = []
    heads = [raw.head("PUT", f"/{raw_bucket}/k", length=2 * MIB, payload_hash=UNSIGNED) for _ in range(6)]
    threads = [threading.Thread(target=writer, args=(i,)) for i in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert answers == [200]
    assert raw.ask("GET", f"/{raw_bucket}/k").body == b"\1" * (2 * MIB)
