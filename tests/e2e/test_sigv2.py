"""Signature Version 2: boto3 signing and presigning with it, and by hand what no SDK makes."""
import base64
import hashlib
import hmac
import time
import urllib.error
import urllib.request
from email.utils import formatdate
from urllib.parse import quote

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from conftest import client
from server import ACCESS, SECRET, Server


@pytest.fixture(scope="module")
def v2(plain_server):
    return client(plain_server, signature_version="s3")


@pytest.fixture(scope="module")
def bucket(v2):
    v2.create_bucket(Bucket="sigv2")
    return "sigv2"


def fetch(url, method="GET", data=None, headers=None):
    request = urllib.request.Request(url, data=data, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as e:
        return e.code, e.read()


def sign(text, secret=SECRET):
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()).decode()


def ask(server, method, target, resource=None, date=None, headers=(), secret=SECRET, amz="", date_in=None):
    date = date or formatdate(usegmt=True)
    slot = date if date_in is None else date_in
    text = f"{method}\n\n\n{slot}\n{amz}{resource or target}"
    more = dict(headers, Authorization=f"AWS {ACCESS}:{sign(text, secret)}")
    if not any(n.lower() == "x-amz-date" for n in more):
        more["Date"] = date
    return fetch(server.endpoint + target, method, headers=more)


KEYS = ["plain", "a b+c&d=e", "\u20ac/\u00fc//x", "%41%2F%", "~!*'()", "dir/"]


@pytest.mark.parametrize("key", KEYS)
def test_objects(v2, bucket, key):
    v2.put_object(Bucket=bucket, Key=key, Body=b"body", Metadata={"one": " a   b "}, ContentType="text/x y")
    got = v2.get_object(Bucket=bucket, Key=key, ResponseContentType="text/x; charset=a b")
    assert got["Body"].read() == b"body" and got["ContentType"] == "text/x; charset=a b"
    assert key in [o["Key"] for o in v2.list_objects_v2(Bucket=bucket, Prefix=key)["Contents"]]
    v2.delete_object(Bucket=bucket, Key=key)


def test_multipart(v2, bucket):
    upload = v2.create_multipart_upload(Bucket=bucket, Key="mp")["UploadId"]
    part = v2.upload_part(Bucket=bucket, Key="mp", UploadId=upload, PartNumber=1, Body=b"x" * 1000)
    assert len(v2.list_parts(Bucket=bucket, Key="mp", UploadId=upload)["Parts"]) == 1
    v2.complete_multipart_upload(Bucket=bucket, Key="mp", UploadId=upload,
                                 MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    assert v2.head_object(Bucket=bucket, Key="mp")["ContentLength"] == 1000
    v2.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "mp"}]})


def test_wrong_secret_is_explained(plain_server, bucket):
    other = boto3.client("s3", endpoint_url=plain_server.endpoint, aws_access_key_id=ACCESS,
                         aws_secret_access_key="wrong", region_name="us-east-1",
                         config=Config(signature_version="s3", s3={"addressing_style": "path"}))
    with pytest.raises(ClientError) as e:
        other.list_objects_v2(Bucket=bucket)
    assert e.value.response["Error"]["Code"] == "SignatureDoesNotMatch"
    assert f"/{bucket}" in e.value.response["Error"]["StringToSign"]


def test_presigned_is_what_boto3_makes_by_itself(plain_server, v2, bucket):
    """No signature_version: with an endpoint of one's own in us-east-1 that is version 2."""
    default = boto3.client("s3", endpoint_url=plain_server.endpoint, aws_access_key_id=ACCESS,
                           aws_secret_access_key=SECRET, region_name="us-east-1",
                           config=Config(s3={"addressing_style": "path"}))
    put = default.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "p q"})
    assert "AWSAccessKeyId=" in put
    status, body = fetch(put, "PUT", b"by url", {"Content-Type": ""})
    assert status == 200, body
    get = default.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "p q"})
    assert fetch(get) == (200, b"by url")
    assert fetch(get.replace("p%20q", "p%20r"))[0] == 403
    assert fetch(get, "DELETE")[0] == 403
    assert fetch(get + "&acl")[0] == 403
    assert fetch(get + "&x-amz-acl=private")[0] == 403
    assert fetch(get, headers={"x-amz-meta-a": "b"})[0] == 403
    assert fetch(put + "&legal-hold", "PUT", b"x", {"Content-Type": ""})[0] == 403
    v2.delete_object(Bucket=bucket, Key="p q")


def test_presigned_with_type_and_metadata_in_the_query(v2, bucket):
    url = v2.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "k", "ContentType": "text/x y",
                                                   "Metadata": {"a": "b c"}})
    assert "content-type=" in url
    status, body = fetch(url, "PUT", b"x", {"Content-Type": "text/x y"})
    assert status == 200, body
    head = v2.head_object(Bucket=bucket, Key="k")
    assert head["ContentType"] == "text/x y" and head["Metadata"] == {"a": "b c"}
    assert fetch(url, "PUT", b"x", {"Content-Type": "text/html"})[0] == 403
    v2.delete_object(Bucket=bucket, Key="k")


def test_presigned_parts_cannot_hide_in_each_other(v2, bucket):
    """The text that version 2 signs has no escapes: other requests could make the same one."""
    url = v2.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "h", "Metadata": {"a": "b"},
                                                   "Tagging": "x=y", "WebsiteRedirectLocation": "https://x"})
    tagging, redirect = "&x-amz-tagging=x%3Dy", "&x-amz-website-redirect-location=https%3A//x"
    redirect = redirect if redirect in url else redirect.replace("//", "%2F%2F")
    assert tagging in url and redirect in url and "x-amz-meta-a=b" in url
    merged = url.replace(tagging, "").replace("x-amz-meta-a=b", "x-amz-meta-a=b%0Ax-amz-tagging:x%3Dy")
    renamed = url.replace(redirect, "&x-amz-website-redirect-location:https=//x")
    typed = v2.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "h", "ContentType": "a/b"})
    split = typed.replace("content-type=a%2Fb", "content-md5=%0Aa/b").replace("content-type=a/b", "content-md5=%0Aa/b")
    assert split != typed
    for forged in (merged, renamed, split):
        assert fetch(forged, "PUT", b"x", {"Content-Type": ""})[0] == 403, forged
    assert fetch(url, "PUT", b"x", {"Content-Type": ""})[0] == 200
    one = v2.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "h", "VersionId": "null",
                                                   "ResponseContentDisposition": "attachment; filename=a&b"})
    assert fetch(one)[0] == 200
    hidden = one.replace("&versionId=null", "").replace("a%26b", "a%26b%26versionId%3Dnull")
    assert hidden != one and fetch(hidden)[0] == 403
    v2.delete_object(Bucket=bucket, Key="h")


def test_presigned_expires(plain_server, bucket):
    for offset, want in ((60, 404), (-60, 403)):
        expires = int(time.time()) + offset
        signature = sign(f"GET\n\n\n{expires}\n/{bucket}/nothing")
        url = f"{plain_server.endpoint}/{bucket}/nothing?AWSAccessKeyId={ACCESS}&Expires={expires}" \
              f"&Signature={quote(signature, safe='')}"
        status, body = fetch(url)
        assert status == want, body
        assert want == 404 or b"Request has expired" in body


@pytest.mark.parametrize("value,verdict", [
    ("AWS HAHAHA", (400, b"InvalidArgument")), ("AWS nobody:c2ln", (403, b"InvalidAccessKeyId")),
    (f"AWS {ACCESS}:c2ln", (403, b"SignatureDoesNotMatch")), ("AWS", (400, b"InvalidRequest"))])
def test_bad_headers(plain_server, bucket, value, verdict):
    status, body = fetch(f"{plain_server.endpoint}/{bucket}", headers={"Authorization": value,
                                                                       "Date": formatdate(usegmt=True)})
    assert status == verdict[0] and b"<Code>" + verdict[1] + b"</Code>" in body


@pytest.mark.parametrize("date,code", [
    ("Bad Date", b"AccessDenied"), ("", b"AccessDenied"), ("Tue, 07 Jul 1950 21:53:04 GMT", b"AccessDenied"),
    ("Tue, 07 Jul 2010 21:53:04 GMT", b"RequestTimeTooSkewed"),
    ("Tue, 07 Jul 9999 21:53:04 GMT", b"RequestTimeTooSkewed")])
def test_bad_dates(plain_server, bucket, date, code):
    status, body = ask(plain_server, "GET", f"/{bucket}", headers={"x-amz-date": date},
                       amz=f"x-amz-date:{date}\n", date_in="")
    assert status == 403 and b"<Code>" + code + b"</Code>" in body


def test_dates_of_e_mail(plain_server, bucket):
    for date in (formatdate(), formatdate(usegmt=True), formatdate().replace("-0000", "+0000")):
        assert ask(plain_server, "GET", f"/{bucket}", date=date)[0] == 200


def test_bucket_in_the_host(plain_server, bucket):
    with Server("--domain", "s3.test") as s:
        client(s).create_bucket(Bucket="host.bucket")
        for host in ("host.bucket.s3.test", "HOST.bucket.S3.test:9000"):
            assert ask(s, "GET", "/", "/host.bucket/", headers={"Host": host})[0] == 200
            assert ask(s, "GET", "/?versions", "/host.bucket/?versions", headers={"Host": host})[0] == 200
            assert ask(s, "GET", "/", "/", headers={"Host": host})[0] == 403
            assert ask(s, "PUT", "/k", "/host.bucket/k", headers={"Host": host, "Content-Length": "0"})[0] == 200


def test_body_hash_holds_where_it_is_sent(plain_server, bucket):
    digest = hashlib.sha256(b"right").hexdigest()
    date = formatdate(usegmt=True)
    text = f"PUT\n\ntext/x\n{date}\nx-amz-content-sha256:{digest}\n/{bucket}/hashed"
    headers = {"Date": date, "Content-Type": "text/x", "x-amz-content-sha256": digest,
               "Authorization": f"AWS {ACCESS}:{sign(text)}"}
    url = f"{plain_server.endpoint}/{bucket}/hashed"
    assert fetch(url, "PUT", b"wrong", headers)[0] == 400
    assert fetch(url, "PUT", b"right", headers)[0] == 200


def test_switched_off():
    with Server("--sigv2", "off") as s:
        v4 = client(s)
        v4.create_bucket(Bucket="off")
        with pytest.raises(ClientError) as e:
            client(s, signature_version="s3").list_objects_v2(Bucket="off")
        assert e.value.response["Error"]["Code"] == "InvalidRequest"
        status, body = fetch(client(s, signature_version="s3").generate_presigned_url(
            "list_objects", {"Bucket": "off"}))
        assert status == 400 and b"AWS4-HMAC-SHA256" in body
        assert v4.list_objects_v2(Bucket="off")["KeyCount"] == 0
