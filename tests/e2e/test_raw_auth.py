"""Signature V4 by hand: what must be refused, with the code AWS gives and nothing stored."""
import hashlib
import re

import pytest

from raw import Raw
from server import ACCESS, SECRET
from sigv4 import EMPTY_SHA256, UNSIGNED, amz_now, encode


@pytest.fixture(scope="module")
def server(plain_server):
    return plain_server



def test_good(raw, raw_bucket):
    assert raw.ask("PUT", f"/{raw_bucket}/a b+c=ü%.txt", body=b"x").status == 200
    assert raw.ask("GET", f"/{raw_bucket}/a b+c=ü%.txt").body == b"x"
    assert raw.keys(raw_bucket) == ["a b+c=ü%.txt"]


@pytest.mark.parametrize("seconds, ok", [(-1200, False), (1200, False), (-840, True), (840, True)])
def test_clock_skew(raw, raw_bucket, seconds, ok):
    answer = raw.ask("PUT", f"/{raw_bucket}/k", body=b"x", date=amz_now(seconds))
    assert answer.verdict == ((200, None) if ok else (403, "RequestTimeTooSkewed"))
    assert raw.exists(f"/{raw_bucket}/k") == ok


ALTERATIONS = {
    "path": lambda h: h.replace(b"/k?", b"/K?", 1),
    "query value": lambda h: h.replace(b"x-id=PutObject", b"x-id=putObject", 1),
    "query added": lambda h: h.replace(b"x-id=PutObject", b"x-id=PutObject&x-more=1", 1),
    "query removed": lambda h: h.replace(b"?x-id=PutObject", b"", 1),
    "header value": lambda h: h.replace(b"x-amz-meta-a: 1", b"x-amz-meta-a: 2", 1),
    "header removed": lambda h: h.replace(b"x-amz-meta-a: 1\r\n", b"", 1),
    "header repeated": lambda h: h.replace(b"x-amz-meta-a: 1\r\n", b"x-amz-meta-a: 1\r\nX-Amz-Meta-A: 2\r\n", 1),
    "content type": lambda h: h.replace(b"a/b", b"a/c", 1),
    "host": lambda h: h.replace(b"host: 127.0.0.1", b"host: 127.0.0.2", 1),
    "method": lambda h: h.replace(b"PUT ", b"POST ", 1),
    "date": lambda h: re.sub(rb"(x-amz-date: \d{8}T\d{5})(\d)", lambda m: m[1] + (b"1" if m[2] == b"0" else b"0"), h),
    "payload hash": lambda h: h.replace(b"x-amz-content-sha256: UNSIGNED-PAYLOAD",
                                        b"x-amz-content-sha256: " + EMPTY_SHA256.encode(), 1),
    "signature": lambda h: re.sub(rb"Signature=[0-9a-f]{64}", b"Signature=" + b"0" * 64, h),
    "region": lambda h: h.replace(b"/us-east-1/", b"/us-east-2/", 1),
}


@pytest.mark.parametrize("name", ALTERATIONS)
def test_altered_requests(raw, raw_bucket, name):
    head = raw.head("PUT", f"/{raw_bucket}/k", [("x-id", "PutObject")], length=0, payload_hash=UNSIGNED,
                    headers=[("x-amz-meta-a", "1"), ("content-type", "a/b")])
    altered = ALTERATIONS[name](head)
    assert altered != head
    with raw.connect() as c:
        c.send(altered)
        answer = c.read()
        assert answer.verdict == (403, "SignatureDoesNotMatch"), answer
        for element in ("AWSAccessKeyId", "StringToSign", "SignatureProvided", "CanonicalRequest", "RequestId"):
            assert f"<{element}>".encode() in answer.body
        assert SECRET.encode() not in answer.body
        to_sign = re.search(rb"<StringToSign>(.*?)</StringToSign>", answer.body, re.S)[1]
        assert re.fullmatch(
    rb"AWS4-HMAC-SHA256\n\d{8}T\d{6}Z\n\d{8}/us-east-[12]/s3/aws4_request\n[0-9a-f]{64}",
     to_sign)
        assert raw.on(c, "GET", f"/{raw_bucket}", [("location", "")]).status == 200  # keep-alive holds
    assert raw.keys(raw_bucket) == []


def test_canonical_request_is_told(raw, raw_bucket):
    """What the server computed is what the client should have: the fastest way to find one's mistake."""
    answer = Raw(raw.server, secret="another-secret").ask("GET",
                 f"/{raw_bucket}", [("prefix", "a b"), ("list-type", "2")])
    assert answer.verdict == (403, "SignatureDoesNotMatch")
    canonical = re.search(rb"<CanonicalRequest>(.*?)</CanonicalRequest>", answer.body, re.S)[1].decode()
    lines = canonical.split("\n")
    assert lines[:3] == ["GET", "/" + raw_bucket, "list-type=2&amp;prefix=a%20b"]
    assert lines[-1] == EMPTY_SHA256
    to_sign = re.search(rb"<StringToSign>(.*?)</StringToSign>", answer.body, re.S)[1].decode()
    assert to_sign.split("\n")[3] == hashlib.sha256(canonical.replace("&amp;", "&").encode()).hexdigest()


def test_unknown_key(raw, raw_bucket):
    answer = Raw(raw.server, access="nobody-here").ask("PUT", f"/{raw_bucket}/k", body=b"x")
    assert answer.verdict == (403, "InvalidAccessKeyId")
    assert raw.keys(raw_bucket) == []


def test_anonymous(raw, raw_bucket):
    for method in ("GET", "PUT", "DELETE", "HEAD"):
        with raw.connect() as c:
            c.send(raw.write(method, f"/{raw_bucket}/k", [], [("host", raw.host), ("content-length", "0")]))
            answer = c.read(method == "HEAD")
            assert answer.status == 403 and answer.code in ("AccessDenied", None)
    assert raw.keys(raw_bucket) == []


@pytest.mark.parametrize("header", ["x-amz-meta-more", "x-amz-acl", "x-amz-rdma-token", "X-Amz-Storage-Class",
                                    "x-amz-copy-source"])
def test_unsigned_amz_header(raw, raw_bucket, header):
    answer = raw.ask("PUT", f"/{raw_bucket}/k", body=b"x", unsigned=[(header, "v")])
    assert answer.verdict == (403, "AccessDenied") and b"not signed" in answer.body
    assert raw.keys(raw_bucket) == []


def test_host_must_be_signed(raw, raw_bucket):
    answer = raw.ask("GET", f"/{raw_bucket}/k", signed=["x-amz-content-sha256", "x-amz-date"])
    assert answer.verdict == (403, "AccessDenied")


def authorization(raw, text):
    date = amz_now()
    headers = [("host", raw.host), ("x-amz-date", date), ("x-amz-content-sha256", UNSIGNED), ("content-length", "0"),
               ("authorization", text.replace("DATE", date[:8]))]
    return raw.write("PUT", "/any-bucket/k", [], headers)


GOOD = "AWS4-HMAC-SHA256 Credential=%s/DATE/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;" \
       "x-amz-date, Signature=%s" % (ACCESS, "0" * 64)


@pytest.mark.parametrize("text, status, codes", [
    (GOOD, 403, ["SignatureDoesNotMatch"]),
    (GOOD.replace("Signature=", "signature="), 400, ["AuthorizationHeaderMalformed"]),
    (GOOD.split(", Signature")[0], 400, ["AuthorizationHeaderMalformed"]),
    (GOOD.replace("SignedHeaders=host;", "SignedHeaders=;host;"), 400, ["AuthorizationHeaderMalformed"]),
    (GOOD.replace("/s3/aws4_request", "/s3"), 400, ["AuthorizationHeaderMalformed"]),
    (GOOD.replace("/s3/", "/ec2/"), 400, ["AuthorizationHeaderMalformed"]),
    (GOOD.replace("aws4_request", "aws5_request"), 400, ["AuthorizationHeaderMalformed"]),
    (GOOD.replace("DATE", "20200101"), 400, ["AuthorizationHeaderMalformed"]),
    (GOOD[:-1], 403, ["SignatureDoesNotMatch"]),
    (GOOD + "0", 403, ["SignatureDoesNotMatch"]),
    ("AWS4-HMAC-SHA256", 400, ["AuthorizationHeaderMalformed"]),
    ("AWS4-HMAC-SHA256 " + "a" * 5000, 400, ["AuthorizationHeaderMalformed"]),
    ("AWS " + ACCESS + ":c2lnbmF0dXJl", 403, ["SignatureDoesNotMatch"]),
    ("AWS4-HMAC-SHA512 x", 400, ["InvalidRequest"]),
    ("AWS4-ECDSA-P256-SHA256 Credential=x", 400, ["InvalidRequest"]),
    ("Basic dXNlcjpwYXNz", 400, ["InvalidRequest", "InvalidArgument"]),
    ("Bearer token", 400, ["InvalidRequest", "InvalidArgument"]),
    ("", 404, ["NoSuchBucket"]),  # nobody signed: of a bucket that is not there everybody is told so
], ids=lambda v: str(v)[:40].replace("/", "|"))
def test_authorization_header(raw, text, status, codes):
    with raw.connect() as c:
        c.send(authorization(raw, text))
        answer = c.read()
        assert answer.code in codes and (answer.status == status or not text), answer


def test_two_authorizations(raw, raw_bucket):
    head = raw.head("PUT", f"/{raw_bucket}/k", length=0)
    line = re.search(rb"authorization: [^\r]*\r\n", head)[0]
    with raw.connect() as c:
        c.send(head.replace(line, line + line))
        assert c.read().status in (400, 403)
    assert raw.keys(raw_bucket) == []


def test_header_and_query_at_once(raw, raw_bucket):
    query = raw.signer.presign("GET", f"/{raw_bucket}/k", [], raw.host)
    answer = raw.ask("GET", f"/{raw_bucket}/k", query)
    assert answer.verdict == (400, "InvalidArgument")


def test_no_date(raw):
    head = raw.head("GET", "/")
    with raw.connect() as c:
        c.send(re.sub(rb"x-amz-date: [^\r]*\r\n", b"", head))
        assert c.read().verdict == (403, "AccessDenied")


@pytest.mark.parametrize("value", ["nonsense", "UNSIGNED", "streaming-aws4-hmac-sha256-payload", "0" * 63, "g" * 64,
                                   "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"])
def test_payload_hash_of_no_form(raw, raw_bucket, value):
    answer = raw.ask("PUT", f"/{raw_bucket}/k", body=b"x", payload_hash=value)
    assert answer.status in (400, 501) and answer.code in ("InvalidArgument", "NotImplemented"), answer
    assert raw.keys(raw_bucket) == []


def test_payload_hash_missing(raw, raw_bucket):
    """S3 demands x-amz-content-sha256, whatever was signed."""
    wire = f"/{raw_bucket}/k"
    date = amz_now()
    headers = [("host", raw.host), ("x-amz-date", date), ("content-length", "5")]
    names = sorted(n for n, _ in headers)
    text = raw.signer.canonical("PUT", wire, [], headers, names, hashlib.sha256(b"hello").hexdigest())
    signature = raw.signer.signature(date, raw.signer.to_sign(date, text))
    headers.append(("authorization", f"AWS4-HMAC-SHA256 Credential={ACCESS}/{raw.signer.scope(date)}, "
                                     f"SignedHeaders={';'.join(names)}, Signature={signature}"))
    with raw.connect() as c:
        c.send(raw.write("PUT", wire, [], headers) + b"hello")
        answer = c.read()
        assert answer.verdict == (400, "InvalidRequest") and b"x-amz-content-sha256" in answer.body
    assert raw.keys(raw_bucket) == []


@pytest.mark.parametrize("size", [1, 100, 70000, 3 << 20])
def test_wrong_payload_hash(raw, raw_bucket, size):
    raw.ask("PUT", f"/{raw_bucket}/old", body=b"old")
    for key in ("k", "old"):
        with raw.connect() as c:
            answer = raw.on(c, "PUT", f"/{raw_bucket}/{key}", body=b"x" * size,
                            payload_hash=hashlib.sha256(b"y" * size).hexdigest())
            assert answer.verdict == (400, "XAmzContentSHA256Mismatch")
            assert c.is_closed()
    assert raw.keys(raw_bucket) == ["old"] and raw.ask("GET", f"/{raw_bucket}/old").body == b"old"


def test_no_payload_hash(raw, raw_bucket):
    """curl before 8 signs the hash of nothing and does not say so: fine where there is nothing, refused with a body."""
    for method, body, verdict in (("PUT", b"", (200, None)), ("HEAD", b"", (200, None)), ("GET", b"", (200, None)),
                                  ("PUT", b"x", (400, "InvalidRequest"))):
        head = raw.head(method, f"/{raw_bucket}/k", body=body, payload_hash=EMPTY_SHA256)
        lines = head.split(b"\r\n")
        names = [n for n in re.search(rb"SignedHeaders=([^,]*)", head)[1].decode().split(";")
                 if n != "x-amz-content-sha256"]
        headers = [("host", raw.host)] + ([("content-length", str(len(body)))] if method == "PUT" else [])
        date = next(line.split(b": ")[1].decode() for line in lines if line.startswith(b"x-amz-date"))
        path = f"/{raw_bucket}/k"
        text = raw.signer.canonical(method, path, [], headers + [("x-amz-date", date)], names, EMPTY_SHA256)
        signature = raw.signer.signature(date, raw.signer.to_sign(date, text))
        authorization = (f"AWS4-HMAC-SHA256 Credential={raw.signer.access}/{raw.signer.scope(date)}, "
                         f"SignedHeaders={';'.join(names)}, Signature={signature}")
        with raw.connect() as c:
            signed = headers + [("x-amz-date", date), ("authorization", authorization)]
            c.send(raw.write(method, path, [], signed) + body)
            answer = c.read(method == "HEAD")
            assert (answer.status, answer.code or None) == verdict, (method, answer)


# Presigned

def presigned(raw, method, path, body=b"", headers=(), spoil=None, **more):
    wire = encode(path, safe="/-_.~")
    query = raw.signer.presign(method, wire, more.pop("query", []), raw.host, **more)
    if spoil:
        query = spoil(query)
    with raw.connect() as c:
        c.send(raw.write(method, wire, query, [("host", raw.host),
               ("content-length", str(len(body))), *headers]) + body)
        return c.read(method == "HEAD")


def change(name, value):
    return lambda query: [(n, value if n == name else v) for n, v in query if not (n == name and value is None)]


def test_presigned(raw, raw_bucket):
    path = f"/{raw_bucket}/a b/ü"
    assert presigned(raw, "PUT", path, b"hello").status == 200
    assert presigned(raw, "GET", path).body == b"hello"
    assert presigned(raw, "HEAD", path).status == 200
    answer = presigned(raw, "GET", path, query=[("response-content-type", "x/y; a=b")])
    assert answer.status == 200 and answer.header("content-type") == "x/y; a=b"
    assert presigned(raw, "DELETE", path).status == 204
    assert raw.keys(raw_bucket) == []


@pytest.mark.parametrize("case, verdict, words", [
    (dict(date=-400, expires=300), (403, "AccessDenied"), b"expired"),
    (dict(date=-604900, expires=604800), (403, "AccessDenied"), b"expired"),
    (dict(date=1200, expires=604800), (403, "AccessDenied"), b"not valid yet"),
    (dict(expires=604801), (400, "AuthorizationQueryParametersError"), b""),
    (dict(expires=-1), (403, "AccessDenied"), b"expired"),
    (dict(expires=0), (403, "AccessDenied"), b"expired"),
    (dict(expires="--1"), (400, "AuthorizationQueryParametersError"), b""),
    (dict(expires="abc"), (400, "AuthorizationQueryParametersError"), b""),
    (dict(expires=""), (400, "AuthorizationQueryParametersError"), b""),
    (dict(expires="99999999999999999999"), (400, "AuthorizationQueryParametersError"), b""),
    (dict(date=-604700, expires=604800), None, b""),
], ids=str)
def test_presigned_times(raw, raw_bucket, case, verdict, words):
    case = dict(case)
    if "date" in case:
        case["date"] = amz_now(case["date"])
    answer = presigned(raw, "PUT", f"/{raw_bucket}/k", b"x", **case)
    if verdict:
        assert answer.verdict == verdict and words in answer.body, answer
    else:
        assert answer.status == 200
    assert raw.keys(raw_bucket) == ([] if verdict else ["k"])


@pytest.mark.parametrize("spoil, verdicts", [
    (change("X-Amz-Signature", "0" * 64), [(403, "SignatureDoesNotMatch")]),
    (change("X-Amz-Signature", ""), [(403, "SignatureDoesNotMatch"), (400, "AuthorizationQueryParametersError")]),
    (change("X-Amz-Signature", None), [(400, "AuthorizationQueryParametersError")]),
    (change("X-Amz-Expires", "301"), [(403, "SignatureDoesNotMatch")]),
    (change("X-Amz-Expires", None), [(400, "AuthorizationQueryParametersError")]),
    (change("X-Amz-Date", None), [(400, "AuthorizationQueryParametersError")]),
    (change("X-Amz-Credential", None), [(400, "AuthorizationQueryParametersError")]),
    (change("X-Amz-Credential", "nonsense"), [(400, "AuthorizationQueryParametersError")]),
    (change("X-Amz-SignedHeaders", None), [(400, "AuthorizationQueryParametersError")]),
    (change("X-Amz-SignedHeaders", ""), [(400, "AuthorizationQueryParametersError"), (403, "AccessDenied")]),
    (change("X-Amz-Algorithm", "AWS4-HMAC-SHA1"),
     [(400, "AuthorizationQueryParametersError"), (400, "InvalidRequest")]),
    (lambda q: q + [("versionId", "null")], [(403, "SignatureDoesNotMatch")]),
    (lambda q: q + [("X-Amz-Expires", "100000")], [(403, "SignatureDoesNotMatch"),
                                                   (400, "AuthorizationQueryParametersError")]),
], ids=range(13))
def test_presigned_altered(raw, raw_bucket, spoil, verdicts):
    raw.ask("PUT", f"/{raw_bucket}/k", body=b"x")
    answer = presigned(raw, "GET", f"/{raw_bucket}/k", spoil=spoil)
    assert answer.verdict in verdicts, answer
    answer = presigned(raw, "PUT", f"/{raw_bucket}/k2", b"y", spoil=spoil)
    assert answer.status >= 400
    assert raw.keys(raw_bucket) == ["k"]


def test_presigned_other_method_and_key(raw, raw_bucket):
    raw.ask("PUT", f"/{raw_bucket}/k", body=b"x")
    query = raw.signer.presign("GET", f"/{raw_bucket}/k", [], raw.host)
    for method, path in (("DELETE", f"/{raw_bucket}/k"), ("PUT", f"/{raw_bucket}/k"), ("GET", f"/{raw_bucket}/K")):
        with raw.connect() as c:
            c.send(raw.write(method, path, query, [("host", raw.host), ("content-length", "0")]))
            assert c.read().verdict == (403, "SignatureDoesNotMatch")
    assert raw.ask("GET", f"/{raw_bucket}/k").body == b"x"


def test_presigned_with_unsigned_headers(raw, raw_bucket):
    """A presigned PUT must not be turned into a copy, or into metadata nobody signed."""
    raw.ask("PUT", f"/{raw_bucket}/secret", body=b"secret")
    for header in (("x-amz-copy-source", f"/{raw_bucket}/secret"), ("x-amz-meta-a", "b"), ("x-amz-rdma-token", "x")):
        assert presigned(raw, "PUT", f"/{raw_bucket}/k", b"x", headers=[header]).verdict == (403, "AccessDenied")
    assert raw.keys(raw_bucket) == ["secret"]



def test_hostile_text_in_errors(raw, raw_bucket):
    """What the client sent comes back escaped: the error stays XML."""
    from xml.etree import ElementTree
    for path in (f"/{raw_bucket}/<Code>x</Code>&\"'", f"/{raw_bucket}/]]><!-- \x01\x7f", f"/{raw_bucket}/ä\r\nb"):
        answer = raw.ask("GET", path)
        assert answer.status == 404
        assert ElementTree.fromstring(answer.body).findtext("Code") == "NoSuchKey"
    answer = Raw(raw.server, access="<a>&b").ask("GET", "/")
    assert ElementTree.fromstring(answer.body).findtext("Code") == "InvalidAccessKeyId"
