"""PostObject: forms as boto3 presigns them, as browsers send them, and by hand what neither does."""
import base64
import hashlib
import hmac
import json
import os
import re
import socket
import time
import urllib.parse
import uuid
from datetime import datetime, timedelta, timezone
from xml.etree import ElementTree

import pytest
from botocore.exceptions import ClientError

from conftest import client
from raw import Connection
from server import ACCESS, SECRET, Server
from sigv4 import Signer, amz_now, crc32_text

BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"


def multipart(fields, file=b"bar", name="file", filename="f.txt", after=(), boundary=BOUNDARY, end=True):
    out = []
    for key, value in fields:
        out += [f"--{boundary}\r\nContent-Disposition: form-data; name=\"{key}\"\r\n\r\n".encode(),
                value if isinstance(value, bytes) else value.encode(), b"\r\n"]
    if file is not None:
        out += [f"--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{filename}\"\r\n"
                f"Content-Type: application/x-ignored\r\n\r\n".encode(), file, b"\r\n"]
    for key, value in after:
        out += [f"--{boundary}\r\nContent-Disposition: form-data; name=\"{key}\"\r\n\r\n{value}\r\n".encode()]
    return b"".join(out) + (f"--{boundary}--\r\n".encode() if end else b"")


def policy_of(conditions, seconds=600, **more):
    until = datetime.now(timezone.utc) + timedelta(seconds=seconds)
    document = {"expiration": until.strftime("%Y-%m-%dT%H:%M:%SZ"), "conditions": conditions}
    document.update(more)
    return base64.b64encode(json.dumps(document).encode()).decode()


def sign_v2(policy, secret=SECRET):
    signature = base64.b64encode(hmac.new(secret.encode(), policy.encode(), hashlib.sha1).digest()).decode()
    return [("AWSAccessKeyId", ACCESS), ("policy", policy), ("signature", signature)]


def sign_v4(policy, secret=SECRET, region="eu-anywhere-1"):
    signer, date = Signer(ACCESS, secret, region=region), amz_now()
    return [("x-amz-algorithm", "AWS4-HMAC-SHA256"), ("x-amz-credential", f"{ACCESS}/{signer.scope(date)}"),
            ("x-amz-date", date), ("policy", policy), ("x-amz-signature", signer.signature(date, policy))]


V4_CONDITIONS = [["starts-with", "$x-amz-algorithm", ""], ["starts-with", "$x-amz-credential", ""],
                 ["starts-with", "$x-amz-date", ""]]


class Post:
    def __init__(self, server, bucket):
        self.server, self.bucket = server, bucket

    def send(self, body, headers=(), target=None, boundary=BOUNDARY, content_type=None, host=None, pieces=None):
        head = [f"POST {target or '/' + self.bucket} HTTP/1.1", f"Host: {host or '127.0.0.1'}",
                f"Content-Type: {content_type or 'multipart/form-data; boundary=' + boundary}",
                f"Content-Length: {len(body)}", *[f"{n}: {v}" for n, v in headers]]
        with Connection(self.server) as c:
            data = "\r\n".join(head).encode() + b"\r\n\r\n" + body
            for i in range(0, len(data), pieces or len(data)):
                c.send_gently(data[i:i + (pieces or len(data))])
            return c.read()

    def form(self, fields=(), conditions=(), file=b"bar", sign=sign_v2, key="foo.txt", seconds=600, policy=None,
             **more):
        """A signed form: key and whatever is in fields, all covered unless conditions says so."""
        sending = {k: more.pop(k) for k in ("headers", "target", "boundary", "content_type", "host", "pieces")
                   if k in more}
        own = [{"bucket": self.bucket}, ["starts-with", "$key", ""]]
        own += V4_CONDITIONS if sign is sign_v4 else []
        own += [["starts-with", "$" + n, ""] for n, _ in fields] if conditions == () else list(conditions)
        signed = sign(policy or policy_of(own, seconds))
        body = multipart([("key", key), *signed, *fields], file, **more)
        return self.send(body, **dict(sending, boundary=sending.get("boundary", BOUNDARY)))


@pytest.fixture
def post(server, bucket):
    return Post(server, bucket)


def keys(s3, bucket):
    return [o["Key"] for o in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_boto3_presigned_post(server, bucket, s3, version):
    c = client(server, signature_version=version)
    made = c.generate_presigned_post(bucket, "up/${filename}", Fields={"x-amz-meta-a": "b", "Content-Type": "text/x"},
                                     Conditions=[{"x-amz-meta-a": "b"}, ["starts-with", "$Content-Type", "text/"],
                                                 ["content-length-range", 1, 100]])
    post = Post(server, bucket)
    answer = post.send(multipart(list(made["fields"].items()), b"hello", filename="C:\\dir\\na\u00efve.txt"))
    assert answer.status == 204 and answer.body == b"", answer
    got = s3.get_object(Bucket=bucket, Key="up/na\u00efve.txt")
    assert got["Body"].read() == b"hello" and got["ContentType"] == "text/x" and got["Metadata"] == {"a": "b"}
    assert answer.header("etag") == got["ETag"]
    assert post.send(multipart(list(made["fields"].items()), b"x" * 101)).verdict == (400, "EntityTooLarge")
    assert post.send(multipart(list(made["fields"].items()), b"")).verdict == (400, "EntityTooSmall")


@pytest.mark.parametrize("sign", [sign_v2, sign_v4])
def test_signatures(post, s3, bucket, sign):
    """Shows: PostObject"""
    assert post.form(sign=sign).status == 204
    assert s3.get_object(Bucket=bucket, Key="foo.txt")["Body"].read() == b"bar"
    answer = post.form(sign=lambda p: sign(p, "wrong-secret-key"), conditions=V4_CONDITIONS, key="no")
    assert answer.verdict == (403, "SignatureDoesNotMatch") and b"<StringToSign>" in answer.body
    for field in ("policy", "signature", "x-amz-signature", "AWSAccessKeyId", "x-amz-credential", "x-amz-date",
                  "x-amz-algorithm"):
        signed = [(n, v) for n, v in sign(policy_of([{"bucket": bucket}, ["starts-with", "$key", ""],
                                                    *V4_CONDITIONS])) if n != field]
        if len(signed) == (3 if sign is sign_v2 else 5):
            continue
        answer = post.send(multipart([("key", "no"), *signed]))
        assert answer.verdict == (400, "InvalidArgument"), (field, answer)
    other = [(n, "nobody" if n == "AWSAccessKeyId" else v.replace(ACCESS, "nobody") if n == "x-amz-credential" else v)
             for n, v in sign(policy_of([]))]
    assert post.send(multipart([("key", "no"), *other])).verdict == (403, "InvalidAccessKeyId")
    assert keys(s3, bucket) == ["foo.txt"]


@pytest.mark.parametrize("scope", ["no", "a/20260102/us-east-1/iam/aws4_request", "a/20260102/us-east-1/s3/x",
                                   f"{ACCESS}/20200101/us-east-1/s3/aws4_request"])
def test_bad_credentials(post, scope):
    fields = [(n, scope if n == "x-amz-credential" else v) for n, v in sign_v4(policy_of([]))]
    assert post.send(multipart([("key", "k"), *fields])).verdict == (400, "InvalidArgument")


def test_strangers_are_refused(post, s3, bucket):
    assert post.send(multipart([("key", "k")])).verdict == (403, "AccessDenied")
    assert keys(s3, bucket) == []


def test_header_signature_and_form_do_not_mix(raw, raw_bucket):
    body = multipart([("key", "k")])
    answer = raw.ask("POST", f"/{raw_bucket}", headers=[("content-type", f"multipart/form-data; boundary={BOUNDARY}")],
                     body=body)
    assert answer.verdict == (400, "InvalidArgument")
    assert raw.keys(raw_bucket) == []


CASES = {  # conditions, fields -> verdict
    "exact": ([{"x-amz-meta-a": "b"}], [("x-amz-meta-a", "b")], (204, None)),
    "names know no case": ([{"X-aMz-mEta-a": "b"}], [("x-amz-Meta-A", "b")], (204, None)),
    "values do": ([{"x-amz-meta-a": "B"}], [("x-amz-meta-a", "b")], (403, "AccessDenied")),
    "operators do not": ([["EQ", "$x-amz-meta-a", "b"], ["Starts-With", "$Content-type", "text/"]],
                         [("x-amz-meta-a", "b"), ("Content-Type", "text/x")], (204, None)),
    "not covered": ([], [("x-amz-meta-a", "b")], (403, "AccessDenied")),
    "ignored": ([], [("x-ignore-a", "b")], (204, None)),
    "wanted and missing": ([["starts-with", "$x-amz-meta-a", "b"]], [], (403, "AccessDenied")),
    "empty wanted": ([["eq", "$x-amz-meta-a", ""]], [("x-amz-meta-a", "b")], (403, "AccessDenied")),
    "prefix": ([["starts-with", "$x-amz-meta-a", "bc"]], [("x-amz-meta-a", "b")], (403, "AccessDenied")),
    "other bucket": ([{"bucket": "another-bucket"}], [("bucket", "another-bucket")], (403, "AccessDenied")),
    "two in one": ([{"x-amz-meta-a": "b", "x-amz-meta-c": "d"}], [], (400, "InvalidPolicyDocument")),
    "none in one": ([{}], [], (400, "InvalidPolicyDocument")),
    "no text": ([{"acl": 1}], [], (400, "InvalidPolicyDocument")),
    "no dollar": ([["eq", "acl", "private"]], [], (400, "InvalidPolicyDocument")),
    "unknown operator": ([["ends-with", "$acl", "e"]], [], (400, "InvalidPolicyDocument")),
    "short": ([["eq", "$acl"]], [], (400, "InvalidPolicyDocument")),
    "range": ([["content-length-range", 3, 3]], [], (204, None)),
    "range in words": ([["content-length-range", "0", "3"]], [], (204, None)),
    "range below": ([["content-length-range", 0, 2]], [], (400, "EntityTooLarge")),
    "range above": ([["content-length-range", 4, 9]], [], (400, "EntityTooSmall")),
    "range short": ([["content-length-range", 0]], [], (400, "InvalidPolicyDocument")),
    "range negative": ([["content-length-range", -1, 0]], [], (400, "InvalidPolicyDocument")),
    "range upside down": ([["content-length-range", 9, 0]], [], (400, "InvalidPolicyDocument")),
    "no list": ("acl", [], (400, "InvalidPolicyDocument")),
}


@pytest.mark.parametrize("case", CASES)
def test_policy_conditions(post, s3, bucket, case):
    conditions, fields, (status, code) = CASES[case]
    answer = post.form(fields, conditions)
    assert answer.status == status and (status == 204 or answer.code == code), answer
    assert keys(s3, bucket) == (["foo.txt"] if status == 204 else [])


@pytest.mark.parametrize("text,verdict", [
    ("{", (400, "InvalidPolicyDocument")), ("[]", (400, "InvalidPolicyDocument")),
    ('{"conditions":[]}', (400, "InvalidPolicyDocument")),
    ('{"expiration":"2099-01-01T00:00:00Z"}', (400, "InvalidPolicyDocument")),
    ('{"expiration":"2099-01-01 00:00:00","conditions":[]}', (400, "InvalidPolicyDocument")),
    ('{"EXPIRATION":"2099-01-01T00:00:00Z","conditions":[]}', (400, "InvalidPolicyDocument")),
    ('{"expiration":"2099-01-01T00:00:00Z","CONDITIONS":[]}', (400, "InvalidPolicyDocument")),
    ('{"expiration":"2009-01-01T00:00:00Z","conditions":[]}', (403, "AccessDenied")),
    ('{"expiration":"2099-01-01T00:00:00.000Z","conditions":[]}', (403, "AccessDenied")),  # key is not covered
])
def test_policy_documents(post, s3, bucket, text, verdict):
    assert post.form(policy=base64.b64encode(text.encode()).decode()).verdict == verdict
    assert keys(s3, bucket) == []


def test_policy_base64(post):
    assert post.form(policy="!").verdict == (400, "InvalidPolicyDocument")


def test_fields_are_the_headers_of_a_put(post, s3, bucket):
    tags = "<Tagging><TagSet><Tag><Key>a b</Key><Value>c=d&amp;e</Value></Tag></TagSet></Tagging>".replace(
        "&amp;e", "")
    answer = post.form([("Content-Type", "text/x"), ("Cache-Control", "no-cache"), ("Expires", "soon"),
                        ("Content-Disposition", "attachment"), ("Content-Encoding", "gzip"),
                        ("x-amz-meta-A", "1"), ("x-amz-storage-class", "STANDARD"), ("tagging", tags),
                        ("acl", "private"), ("x-amz-website-redirect-location", "/x"),
                        ("x-amz-checksum-crc32", crc32_text(b"bar"))])
    assert answer.status == 204, answer
    head = s3.head_object(Bucket=bucket, Key="foo.txt", ChecksumMode="ENABLED")
    assert (head["ContentType"], head["CacheControl"], head["ContentDisposition"], head["ContentEncoding"]) == \
        ("text/x", "no-cache", "attachment", "gzip")
    assert head["Metadata"] == {"a": "1"} and head["WebsiteRedirectLocation"] == "/x"
    assert head["ChecksumCRC32"] == crc32_text(b"bar")
    assert s3.get_object_tagging(Bucket=bucket, Key="foo.txt")["TagSet"] == [{"Key": "a b", "Value": "c=d"}]


@pytest.mark.parametrize("field,code", [
    (("x-amz-checksum-crc32", crc32_text(b"baz")), "BadDigest"), (("x-amz-checksum-crc32", "x"), "BadDigest"),
    (("Content-MD5", base64.b64encode(b"0" * 16).decode()), "BadDigest"), (("tagging", "<Tagging"), "MalformedXML"),
    (("x-amz-storage-class", "NONE"), "InvalidStorageClass"), (("x-amz-meta-a", "b\r\nX: y"), "InvalidArgument"),
    (("x-amz-meta-a: b", "c"), "InvalidArgument"), (("x-amz-meta-a b", "c"), "InvalidArgument"),
    (("Content-Type", "a\x01b"), "InvalidArgument"), (("acl", "everything"), "InvalidArgument")])
def test_bad_fields(post, s3, bucket, field, code):
    answer = post.form([field])
    assert answer.status in (400, 501) and answer.code == code, answer
    assert keys(s3, bucket) == []


def test_a_field_twice_is_judged_as_it_is_used(post, s3, bucket):
    good, evil = "http://good.test/", "http://evil.test/"
    wants = [{"bucket": bucket}, ["starts-with", "$key", ""], {"success_action_redirect": good}]
    for first, second, want in ((evil, good, 403), (good, evil, 303)):
        fields = [("success_action_redirect", first), ("success_action_redirect", second)]
        answer = post.form(fields, wants)
        assert answer.status == want, answer
        assert want != 303 or answer.header("location").startswith(good)
    assert post.form([("bucket", "another")], [{"bucket": "another"}, ["starts-with", "$key", ""]]).status == 403


def test_head_of_the_post_is_not_about_the_object(post, s3, bucket):
    answer = post.form(headers=[("x-amz-meta-a", "b"), ("Cache-Control", "x"), ("x-amz-storage-class", "NONE"),
                                ("If-None-Match", "*"), ("x-amz-rdma-token", "x"), ("x-amz-tagging", "a=b"),
                                ("x-amz-content-sha256", "0" * 64), ("Content-Encoding", "x")],
                       target=f"/{bucket}?x-amz-meta-c=d")
    assert answer.status == 204, answer
    head = s3.head_object(Bucket=bucket, Key="foo.txt")
    assert head["Metadata"] == {} and "CacheControl" not in head and "ContentEncoding" not in head
    assert head["ContentType"] == "binary/octet-stream"
    assert s3.get_object_tagging(Bucket=bucket, Key="foo.txt")["TagSet"] == []


def test_conditions_of_a_write(post, s3, bucket):
    assert post.form([("If-None-Match", "*")]).status == 204
    assert post.form([("If-None-Match", "*")], file=b"other").verdict == (412, "PreconditionFailed")
    etag = s3.head_object(Bucket=bucket, Key="foo.txt")["ETag"]
    assert post.form([("If-Match", etag)], file=b"other").status == 204
    assert post.form([("If-Match", etag)], file=b"third").verdict == (412, "PreconditionFailed")
    assert s3.get_object(Bucket=bucket, Key="foo.txt")["Body"].read() == b"other"


@pytest.mark.parametrize("status,want", [("200", 200), ("201", 201), ("204", 204), ("404", 204), ("", 204)])
def test_success_status(post, bucket, status, want):
    answer = post.form([("success_action_status", status)], key="a b/\u00e9&")
    assert answer.status == want, answer
    assert urllib.parse.unquote(answer.header("location")).endswith(f"/{bucket}/a b/\u00e9&")
    if want == 201:
        root = ElementTree.fromstring(answer.body)
        assert root.tag == "PostResponse" and root.findtext("Bucket") == bucket
        assert root.findtext("Key") == "a b/\u00e9&" and root.findtext("ETag") == answer.header("etag")
        assert root.findtext("Location") == answer.header("location")
    else:
        assert answer.body == b""


def test_redirect(post, bucket):
    for field in ("success_action_redirect", "redirect"):
        for to, joined in (("http://page.test/done", "?"), ("https://page.test/x?a=b", "&")):
            answer = post.form([(field, to), ("success_action_status", "201")], key="k &\u00e9")
            assert answer.status == 303, answer
            etag = answer.header("etag").strip('"')
            assert answer.header("location") == \
                f"{to}{joined}bucket={bucket}&key=k%20%26%C3%A9&etag=%22{etag}%22"
    for bad in ("javascript:alert(1)", "page", "http://a b", "", "http://a\r\nX: y"):
        answer = post.form([("success_action_redirect", bad)])
        assert answer.status == 204 and answer.header("x") is None, answer


@pytest.mark.parametrize("name,key,want", [
    ("f.txt", "${filename}", "f.txt"), ("/tmp/x/f.txt", "up/${filename}", "up/f.txt"),
    ("f.txt", "${filename}-${filename}", "f.txt-f.txt"), ("f", "a${filenam}b", "a${filenam}b"),
    ('q\\"q', "${filename}", 'q"q'), ("\u20ac", "${filename}", "\u20ac")])
def test_filename(post, s3, bucket, name, key, want):
    assert post.form(key=key, filename=name).status == 204
    assert keys(s3, bucket) == [want]


def test_filename_is_seen_by_the_policy(post, s3, bucket):
    for name, status in (("foo.txt", 204), ("bar.txt", 403)):
        policy = policy_of([{"bucket": bucket}, ["starts-with", "$key", "foo"]])
        assert post.form(policy=policy, key="${filename}", filename=name).status == status
    assert keys(s3, bucket) == ["foo.txt"]


@pytest.mark.parametrize("key,verdict", [("", (400, "UserKeyMustBeSpecified")), ("k" * 1025, (400, "KeyTooLongError")),
                                         (b"\xff", (400, "InvalidURI")), ("a\0b", (400, "InvalidURI"))])
def test_bad_keys(post, key, verdict):
    assert post.form(key=key).verdict == verdict


def test_key_behind_the_file_is_none(post, bucket):
    body = multipart(sign_v2(policy_of([{"bucket": bucket}])), after=[("key", "k")])
    assert post.send(body).verdict == (400, "UserKeyMustBeSpecified")


def test_submit_button_behind_the_file(post, s3, bucket):
    assert post.form(after=[("submit", "Upload"), ("acl", "public-read")]).status == 204
    assert s3.get_object(Bucket=bucket, Key="foo.txt")["Body"].read() == b"bar"


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, (3 << 20) + 17])
def test_sizes(post, s3, bucket, size):
    data = os.urandom(size)
    answer = post.form(file=data)
    assert answer.status == 204, answer
    assert s3.get_object(Bucket=bucket, Key="foo.txt")["Body"].read() == data
    assert answer.header("etag").strip('"') == hashlib.md5(data).hexdigest()


def test_data_that_looks_like_a_boundary(post, s3, bucket):
    for data in (b"\r\n--" + BOUNDARY[:-1].encode(), b"\r\n\r\n--\r\n--", b"\r", b"--" + BOUNDARY.encode(),
                 b"\r\r\n--" + BOUNDARY[:5].encode() + b"\r", (b"\r\n--" + BOUNDARY[:-1].encode()) * 50000):
        assert post.form(file=data).status == 204
        assert s3.get_object(Bucket=bucket, Key="foo.txt")["Body"].read() == data


@pytest.mark.parametrize("pieces", [1, 7, 100])
def test_bytes_in_small_pieces(post, s3, bucket, pieces):
    assert post.form([("x-amz-meta-a", "b")], file=b"\r\n--data" * 10, pieces=pieces).status == 204
    assert s3.get_object(Bucket=bucket, Key="foo.txt")["Body"].read() == b"\r\n--data" * 10


@pytest.mark.parametrize("size", [3, 1 << 20, 3 << 20])
def test_without_last_boundary_nothing_is_stored(post, s3, bucket, size):
    for tail in (b"", b"--" + BOUNDARY.encode(), b"--" + BOUNDARY.encode() + b"-",
                 b"--" + BOUNDARY.encode() + b"\r\n"):
        fields = [("key", "k"), *sign_v2(policy_of([{"bucket": bucket}, {"key": "k"}]))]
        answer = post.send(multipart(fields, b"x" * size, end=False) + tail)
        assert answer.verdict == (400, "MalformedPOSTRequest"), answer
    assert keys(s3, bucket) == []


def test_client_that_leaves_stores_nothing(server, post, s3, bucket):
    fields = [("key", "k"), *sign_v2(policy_of([{"bucket": bucket}, {"key": "k"}]))]
    body = multipart(fields, b"x" * (2 << 20))
    head = f"POST /{bucket} HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n" \
           f"Content-Length: {len(body)}\r\n\r\n"
    for cut in (100, len(body) // 2, len(body) - 4):
        with Connection(server) as c:
            c.send(head.encode() + body[:cut])
        time.sleep(0.05)
    assert keys(s3, bucket) == []


@pytest.mark.parametrize("content_type", [
    "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"a",
    "multipart/form-data; boundary=" + "b" * 201])
def test_bad_boundaries(post, content_type):
    assert post.send(multipart([("key", "k")]), content_type=content_type).verdict == (400, "MalformedPOSTRequest")


def test_quoted_boundary_and_other_parameters(post, s3, bucket):
    boundary = "a b:c'(),/=?"
    answer = post.form(boundary=boundary, content_type=f'Multipart/Form-Data; charset=utf-8; Boundary="{boundary}"')
    assert answer.status in (204, 400)
    # multipart() was told the boundary, too
    fields = [("key", "k"), *sign_v2(policy_of([{"bucket": bucket}, {"key": "k"}]))]
    answer = post.send(b"preamble\r\n" + multipart(fields, boundary=boundary) + b"epilogue",
                       content_type=f'Multipart/Form-Data; charset=utf-8; Boundary="{boundary}"')
    assert answer.status == 204, answer
    assert "k" in keys(s3, bucket)


def test_what_is_no_form(post, bucket, server):
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/mixed; boundary=x"):
        assert post.send(b"x", content_type=content_type).verdict == (412, "PreconditionFailed")
    assert Post(server, "no-such-bucket-" + uuid.uuid4().hex[:8]).form().verdict == (404, "NoSuchBucket")
    with Connection(server) as c:
        c.send(f"POST /{bucket} HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=a\r\n"
               "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n".encode())
        assert c.read().verdict == (411, "MissingContentLength")


@pytest.mark.parametrize("body,verdict", [
    (b"", (400, "MalformedPOSTRequest")), (b"x" * 100000, (400, "MaxPostPreDataLengthExceededError")),
    (multipart([("key", "k")], file=None), (400, "InvalidArgument")),
    (multipart([("key", "k")] * 2 + [("acl", "x")] * 2), (403, "AccessDenied")),
    (multipart([("key", "k"), ("x-ignore-a", "x" * 20481)]), (400, "MaxPostPreDataLengthExceededError")),
    (multipart([("key", "k")] + [(f"x-ignore-{i}", "x" * 20000) for i in range(5)]),
     (400, "MaxPostPreDataLengthExceededError")),
    (multipart([("key", "k")] + [(f"x-ignore-{i}", "x") for i in range(120)]),
     (400, "MaxPostPreDataLengthExceededError")),
    (b"--" + BOUNDARY.encode() + b"\r\n\r\nvalue\r\n", (400, "MalformedPOSTRequest")),
    (b"--" + BOUNDARY.encode() + b"\nContent-Disposition: form-data; name=\"a\"\n\nx", (400, "MalformedPOSTRequest")),
    (b"--" + BOUNDARY.encode() + b"\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nx",
     (400, "MalformedPOSTRequest")),
    (b"--" + BOUNDARY.encode() + b"\r\nContent-Disposition: form-data; name=\"a\"\r\n"
     b"Content-Transfer-Encoding: base64\r\n\r\nx", (400, "MalformedPOSTRequest")),
], ids=lambda v: str(v)[:30])
def test_malformed_bodies(post, s3, bucket, body, verdict):
    answer = post.send(body)
    if verdict == (403, "AccessDenied"):  # twice the same field: nobody may write here, or it is malformed
        assert answer.status in (400, 403)
    else:
        assert answer.verdict == verdict, answer
    assert keys(s3, bucket) == []


def test_two_files(post, s3, bucket):
    one = multipart([("key", "k"), *sign_v2(policy_of([{"bucket": bucket}, {"key": "k"}]))], end=False)
    assert post.send(one + multipart([], b"second")).verdict == (400, "MalformedPOSTRequest")
    assert keys(s3, bucket) == []


def test_too_large_is_told_while_it_comes(server, post, bucket, s3):
    """The answer does not wait for the rest of the file."""
    policy = policy_of([{"bucket": bucket}, {"key": "k"}, ["content-length-range", 0, 1000]])
    start = multipart([("key", "k"), *sign_v2(policy)], b"x" * (2 << 20), end=False)
    head = f"POST /{bucket} HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n" \
           f"Content-Length: {1 << 30}\r\n\r\n"
    with Connection(server) as c:
        c.sock.settimeout(20)
        try:
            c.send(head.encode() + start)
        except (BrokenPipeError, ConnectionResetError, socket.timeout):
            pass
        assert c.read().verdict == (400, "EntityTooLarge")
    assert keys(s3, bucket) == []


def test_expect_continue(server, bucket, s3):
    body = multipart([("key", "k"), *sign_v2(policy_of([{"bucket": bucket}, {"key": "k"}]))])
    with Connection(server) as c:
        c.send(f"POST /{bucket} HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
               f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n".encode())
        assert c.read().status == 100
        c.send(body)
        assert c.read().status == 204
    assert keys(s3, bucket) == ["k"]


def test_public_bucket(server, s3):
    name = "public-" + uuid.uuid4().hex[:12]
    s3.create_bucket(Bucket=name, ObjectOwnership="ObjectWriter", ACL="private")
    s3.delete_public_access_block(Bucket=name)
    s3.put_bucket_acl(Bucket=name, ACL="public-read-write")
    post = Post(server, name)
    answer = post.send(multipart([("key", "k"), ("acl", "public-read"), ("Content-Type", "text/plain"),
                                  ("success_action_status", "201")]))
    assert answer.status == 201, answer
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"bar"
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{name}/no*"}]}))
    assert post.send(multipart([("key", "no")])).verdict == (403, "AccessDenied")
    assert post.form(key="no").verdict == (403, "AccessDenied")
    assert post.form(key="yes").status == 204


def test_versions_and_locks(server, s3):
    name = "lock-" + uuid.uuid4().hex[:12]
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    post = Post(server, name)
    until = (datetime.now(timezone.utc) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    answer = post.form([("x-amz-object-lock-mode", "GOVERNANCE"), ("x-amz-object-lock-retain-until-date", until),
                        ("x-amz-checksum-crc32", crc32_text(b"bar"))])
    assert answer.status == 204 and answer.header("x-amz-version-id"), answer
    version = answer.header("x-amz-version-id")
    assert s3.get_object_retention(Bucket=name, Key="foo.txt", VersionId=version)["Retention"]["Mode"] == "GOVERNANCE"
    with pytest.raises(ClientError) as e:
        s3.delete_object(Bucket=name, Key="foo.txt", VersionId=version)
    assert e.value.response["Error"]["Code"] == "AccessDenied"
    s3.delete_object(Bucket=name, Key="foo.txt", VersionId=version, BypassGovernanceRetention=True)


def test_sigv2_forms_can_be_switched_off():
    with Server("--sigv2", "off") as s:
        client(s).create_bucket(Bucket="forms")
        assert Post(s, "forms").form(sign=sign_v2).verdict == (400, "InvalidRequest")
        assert Post(s, "forms").form(sign=sign_v4).status == 204


def test_bucket_in_the_host():
    with Server("--domain", "s3.test") as s:
        client(s).create_bucket(Bucket="forms.host")
        answer = Post(s, "forms.host").form(target="/", host="forms.host.s3.test")
        assert answer.status == 204 and answer.header("location") == "http://forms.host.s3.test/foo.txt", answer
        assert re.search(r"foo.txt", str(keys(client(s), "forms.host")))
