"""CORS: configurations by boto3, preflights and answers as a browser sees them."""
import http.client
import uuid
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from conftest import client

RULES = [
    {"ID": "reads", "AllowedMethods": ["GET", "HEAD"], "AllowedOrigins": ["http://*.example.com", "https://one.test"],
     "AllowedHeaders": ["Authorization", "x-amz-*"], "ExposeHeaders": ["ETag", "x-amz-meta-a"], "MaxAgeSeconds": 300},
    {"AllowedMethods": ["PUT"], "AllowedOrigins": ["*"], "AllowedHeaders": ["*"]},
]
ALLOW = "access-control-allow-"


@pytest.fixture
def cors_bucket(s3, bucket):
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": RULES})
    return bucket


def ask(server, method, target, headers=()):
    c = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        c.request(method, target, headers=dict(headers))
        answer = c.getresponse()
        return answer, answer.read()
    finally:
        c.close()


def preflight(server, target, origin=None, method=None, names=None):
    headers = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": names}
    return ask(server, "OPTIONS", target, {n: v for n, v in headers.items() if v is not None})


def cors_headers(answer):
    return {n.lower() for n, _ in answer.getheaders() if n.lower().startswith("access-control-")}


def test_configuration_is_set_told_replaced_and_deleted(s3, bucket):
    with pytest.raises(ClientError) as e:
        s3.get_bucket_cors(Bucket=bucket)
    assert e.value.response["Error"]["Code"] == "NoSuchCORSConfiguration"
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": RULES})
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == RULES
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": RULES[1:]})
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == RULES[1:]
    for _ in range(2):
        s3.delete_bucket_cors(Bucket=bucket)
        with pytest.raises(ClientError) as e:
            s3.get_bucket_cors(Bucket=bucket)
        assert e.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


@pytest.mark.parametrize("rule,code", [
    ({"AllowedMethods": ["PATCH"], "AllowedOrigins": ["*"]}, "InvalidRequest"),
    ({"AllowedMethods": ["GET"], "AllowedOrigins": ["http://*.*"]}, "InvalidRequest"),
    ({"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "AllowedHeaders": ["*a*"]}, "InvalidRequest"),
    ({"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "ExposeHeaders": ["*"]}, "InvalidRequest"),
    ({"AllowedMethods": [], "AllowedOrigins": ["*"]}, "MalformedXML"),
    ({"AllowedMethods": ["GET"], "AllowedOrigins": []}, "MalformedXML"),
])
def test_bad_rules_are_refused(s3, cors_bucket, rule, code):
    with pytest.raises(ClientError) as e:
        s3.put_bucket_cors(Bucket=cors_bucket, CORSConfiguration={"CORSRules": [rule]})
    assert e.value.response["Error"]["Code"] == code
    assert s3.get_bucket_cors(Bucket=cors_bucket)["CORSRules"] == RULES


def test_rules_are_limited(s3, bucket):
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": RULES * 50})
    with pytest.raises(ClientError) as e:
        s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": RULES * 51})
    assert e.value.response["Error"]["Code"] == "InvalidRequest"
    assert len(s3.get_bucket_cors(Bucket=bucket)["CORSRules"]) == 100


def test_missing_bucket(server, s3):
    for call in (s3.get_bucket_cors, s3.delete_bucket_cors):
        with pytest.raises(ClientError) as e:
            call(Bucket="no-such-" + uuid.uuid4().hex[:8])
        assert e.value.response["Error"]["Code"] == "NoSuchBucket"
    assert preflight(server, "/no-such-bucket-here/k", "http://a", "GET")[0].status == 404


def test_preflight_allowed(server, cors_bucket):
    answer, body = preflight(server, f"/{cors_bucket}/k?versionId=x", "http://www.example.com", "GET",
                             "authorization, X-Amz-Date")
    assert answer.status == 200 and body == b""
    assert answer.getheader(ALLOW + "origin") == "http://www.example.com"
    assert answer.getheader(ALLOW + "credentials") == "true"
    assert answer.getheader(ALLOW + "methods") == "GET, HEAD"
    assert answer.getheader(ALLOW + "headers").lower() == "authorization, x-amz-date"
    assert answer.getheader("access-control-expose-headers") == "ETag, x-amz-meta-a"
    assert answer.getheader("access-control-max-age") == "300"
    assert "origin" in answer.getheader("vary").lower()


def test_preflight_for_everybody_names_nobody(server, cors_bucket):
    answer, _ = preflight(server, f"/{cors_bucket}/k", "null", "PUT", "x-any")
    assert answer.status == 200 and answer.getheader(ALLOW + "origin") == "*"
    assert answer.getheader(ALLOW + "credentials") is None and answer.getheader("access-control-max-age") is None


@pytest.mark.parametrize("origin,method,names", [
    ("http://example.com", "GET", None), ("http://www.example.com", "DELETE", None),
    ("http://www.example.com", "GET", "content-type"), ("HTTP://one.test", "GET", None),
    ("https://one.test.evil", "GET", None)])
def test_preflight_refused(server, cors_bucket, origin, method, names):
    answer, body = preflight(server, f"/{cors_bucket}/k", origin, method, names)
    assert answer.status == 403 and b"<Code>AccessForbidden</Code>" in body and not cors_headers(answer)


def test_preflight_without_its_headers(server, cors_bucket, s3):
    for origin, method in ((None, None), (None, "GET"), ("http://a", None), ("http://a", "PATCH")):
        answer, body = preflight(server, f"/{cors_bucket}", origin, method)
        assert answer.status == 400 and b"<Code>BadRequest</Code>" in body and not cors_headers(answer)
    s3.delete_bucket_cors(Bucket=cors_bucket)
    answer, body = preflight(server, f"/{cors_bucket}", "http://a", "GET")
    assert answer.status == 403 and b"CORS is not enabled" in body


@pytest.mark.parametrize("target", ["/", "/?location", "//", "*"])
def test_preflight_of_no_bucket(server, target):
    for origin, method in (("http://a", "GET"), (None, None)):
        answer, _ = preflight(server, target, origin, method)
        assert answer.status in (400, 403) and not cors_headers(answer)
    assert ask(server, "GET", "/-/health/live")[0].status == 200


def test_answers_carry_the_headers_errors_too(server, s3, cors_bucket):
    s3.put_object(Bucket=cors_bucket, Key="k", Body=b"x", Metadata={"a": "b"})
    url = urlsplit(s3.generate_presigned_url("get_object", {"Bucket": cors_bucket, "Key": "k"}))
    good = f"{url.path}?{url.query}"
    for target, status in ((good, 200), (good + "0", 403), (f"/{cors_bucket}/k", 403)):
        answer, _ = ask(server, "GET", target, {"Origin": "https://one.test"})
        assert answer.status == status
        assert answer.getheader(ALLOW + "origin") == "https://one.test"
        assert answer.getheader(ALLOW + "methods") == "GET, HEAD"
        assert answer.getheader("access-control-expose-headers") == "ETag, x-amz-meta-a"
    for headers in ({}, {"Origin": "http://elsewhere"}):
        answer, _ = ask(server, "GET", good, headers)
        assert answer.status == 200 and not cors_headers(answer)


def test_presigned_put_from_a_page(server, s3, cors_bucket):
    """Preflight, then the upload: the query belongs to the signature, not to the preflight."""
    for version in ("s3", "s3v4"):
        c = client(server, signature_version=version)
        url = urlsplit(c.generate_presigned_url("put_object", {"Bucket": cors_bucket, "Key": "up"}))
        target = f"{url.path}?{url.query}"
        answer, _ = preflight(server, target, "http://page", "PUT", "content-type")
        assert answer.status == 200 and answer.getheader(ALLOW + "methods") == "PUT"
        answer, body = ask(server, "PUT", target, {"Origin": "http://page", "Content-Length": "0"})
        assert answer.status == 200 and answer.getheader(ALLOW + "origin") == "*", body


def test_configuration_survives_in_raw_form_and_wants_a_digest(raw, raw_bucket):
    xml = (b"<CORSConfiguration><CORSRule><AllowedOrigin>a&amp;b</AllowedOrigin>"
           b"<AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>")
    answer = raw.ask("PUT", f"/{raw_bucket}", [("cors", "")], body=xml, payload_hash="UNSIGNED-PAYLOAD")
    assert answer.verdict == (400, "InvalidRequest")
    assert raw.ask("PUT", f"/{raw_bucket}", [("cors", "")], body=xml).status == 200
    assert b"<AllowedOrigin>a&amp;b</AllowedOrigin>" in raw.ask("GET", f"/{raw_bucket}", [("cors", "")]).body
    assert raw.ask("PUT", f"/{raw_bucket}", [("cors", "")], body=xml + b" " * 65536).status == 400
    assert raw.ask("PUT", f"/{raw_bucket}", [("cors", "")], body=b"").verdict == (400, "MalformedXML")
