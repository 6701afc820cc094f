"""Objects through boto3: put, get, ranges, conditions, metadata, checksums, copy, delete."""
import base64
import datetime
import hashlib
import io
import zlib

import botocore
import pytest
from botocore.exceptions import ClientError

from conftest import client

SIZES = [0, 1, 4095, 4096, 4097, 32767, 32768, 32769, 65536, 1 << 20, (1 << 20) + 1, 5 * (1 << 20) + 3]


def pattern(n, seed=1):
    return bytes((i * 7 + (i >> 8) * 13 + seed) & 255 for i in range(min(n, 4096))) * (n // 4096 + 1)


def data_of(n, seed=1):
    return pattern(n, seed)[:n]


def code(e):
    return e.value.response["Error"]["Code"], e.value.response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize("size", SIZES)
def test_put_get_head(s3, bucket, size):
    data = data_of(size)
    put = s3.put_object(Bucket=bucket, Key="k", Body=data, ContentType="text/x-test")
    assert put["ETag"] == '"%s"' % hashlib.md5(data).hexdigest()
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == data
    assert got["ContentLength"] == size
    assert got["ContentType"] == "text/x-test"
    assert got["ETag"] == put["ETag"]
    assert got["AcceptRanges"] == "bytes"
    assert abs((datetime.datetime.now(datetime.timezone.utc) - got["LastModified"]).total_seconds()) < 60
    head = s3.head_object(Bucket=bucket, Key="k")
    assert head["ContentLength"] == size and head["ETag"] == put["ETag"]


def test_request_ids(s3, bucket):
    ids = {s3.list_objects_v2(Bucket=bucket)["ResponseMetadata"]["RequestId"] for _ in range(3)}
    assert len(ids) == 3
    with pytest.raises(ClientError) as e:
        s3.get_object(Bucket=bucket, Key="none")
    assert e.value.response["ResponseMetadata"]["RequestId"]


def test_missing(s3, bucket):
    with pytest.raises(ClientError) as e:
        s3.get_object(Bucket=bucket, Key="none")
    assert code(e) == ("NoSuchKey", 404)
    with pytest.raises(ClientError) as e:
        s3.head_object(Bucket=bucket, Key="none")
    assert code(e) == ("404", 404)
    with pytest.raises(ClientError) as e:
        s3.get_object(Bucket="no-such-bucket-here", Key="none")
    assert code(e) == ("NoSuchBucket", 404)
    with pytest.raises(ClientError) as e:
        s3.put_object(Bucket="no-such-bucket-here", Key="k", Body=b"x")
    assert code(e) == ("NoSuchBucket", 404)


def test_overwrite_and_delete(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"one")
    s3.put_object(Bucket=bucket, Key="k", Body=b"second")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"second"
    assert [o["Size"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [6]
    assert s3.delete_object(Bucket=bucket, Key="k")["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert s3.delete_object(Bucket=bucket, Key="k")["ResponseMetadata"]["HTTPStatusCode"] == 204
    with pytest.raises(ClientError):
        s3.get_object(Bucket=bucket, Key="k")


@pytest.mark.parametrize("key", [
    "a", "a/", "a/b", "a//b", ".", "..", "a/../b", "/leading", "sp ace", "plus+plus", "per%cent", "q?m#h&a=b",
    "üñï/日本語/🚰", "quote'\"<>&", "back\\slash", "tab\there", "~tilde", "x" * 1024, "semi;colon,comma", "*()!@$^"])
def test_keys(s3, bucket, key):
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    s3.delete_object(Bucket=bucket, Key=key)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_key_too_long(s3, bucket):
    with pytest.raises(ClientError) as e:
        s3.put_object(Bucket=bucket, Key="x" * 1025, Body=b"")
    assert code(e) == ("KeyTooLongError", 400)


@pytest.mark.parametrize("spec,start,end", [
    ("bytes=0-0", 0, 1), ("bytes=0-", 0, None), ("bytes=5-9", 5, 10), ("bytes=-7", -7, None),
    ("bytes=1048570-1048590", 1048570, 1048591),
    ("bytes=3000000-99999999", 3000000, None), ("bytes=-99999999", 0, None)])
def test_ranges(s3, bucket, spec, start, end):
    data = data_of(3 * (1 << 20) + 17)
    s3.put_object(Bucket=bucket, Key="k", Body=data)
    got = s3.get_object(Bucket=bucket, Key="k", Range=spec)
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
    want = data[start:end]
    assert got["Body"].read() == want
    first = len(data) + start if start < 0 else start
    assert got["ContentRange"] == f"bytes {first}-{first + len(want) - 1}/{len(data)}"


def test_range_refused(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    with pytest.raises(ClientError) as e:
        s3.get_object(Bucket=bucket, Key="k", Range="bytes=10-")
    assert code(e) == ("InvalidRange", 416)
    with pytest.raises(ClientError) as e:
        s3.get_object(Bucket=bucket, Key="k", Range="bytes=-0")
    assert code(e)[1] == 416
    # What is no byte range is ignored, as on AWS.
    for spec in ["bytes=5-2", "lines=1-2", "bytes=a-b", "bytes=0-1,3-4"]:
        got = s3.get_object(Bucket=bucket, Key="k", Range=spec)
        assert got["Body"].read() == b"0123456789"
        assert got["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_conditional_reads(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    when = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    before, after = when - datetime.timedelta(hours=1), when + datetime.timedelta(hours=1)
    assert s3.get_object(Bucket=bucket, Key="k", IfMatch=etag)["Body"].read() == b"x"
    assert s3.get_object(Bucket=bucket, Key="k", IfNoneMatch='"other"')["Body"].read() == b"x"
    assert s3.get_object(Bucket=bucket, Key="k", IfModifiedSince=before)["Body"].read() == b"x"
    assert s3.get_object(Bucket=bucket, Key="k", IfUnmodifiedSince=after)["Body"].read() == b"x"
    for arguments, status in [({"IfMatch": '"other"'}, 412), ({"IfNoneMatch": etag}, 304),
                              ({"IfModifiedSince": after - datetime.timedelta(hours=1)}, 304),
                              ({"IfUnmodifiedSince": before}, 412)]:
        with pytest.raises(ClientError) as e:
            s3.get_object(Bucket=bucket, Key="k", **arguments)
        assert code(e)[1] == status, arguments
        with pytest.raises(ClientError) as e:
            s3.head_object(Bucket=bucket, Key="k", **arguments)
        assert code(e)[1] == status, arguments


def has_conditional_writes(s3):
    return "IfNoneMatch" in s3.meta.service_model.operation_model("PutObject").input_shape.members


def test_conditional_writes(s3, bucket):
    if not has_conditional_writes(s3):
        pytest.skip("this botocore cannot send them")
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    with pytest.raises(ClientError) as e:
        s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")
    assert code(e) == ("PreconditionFailed", 412)
    with pytest.raises(ClientError) as e:
        s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfMatch='"other"')
    assert code(e) == ("PreconditionFailed", 412)
    with pytest.raises(ClientError) as e:
        s3.put_object(Bucket=bucket, Key="none", Body=b"2", IfMatch=etag)
    assert code(e)[1] == 404
    s3.put_object(Bucket=bucket, Key="k", Body=b"3", IfMatch=etag)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"3"


def test_metadata_and_headers(s3, bucket):
    expires = datetime.datetime(2030, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Metadata={"one": "1", "Two-Words": "a b"},
                  CacheControl="no-cache", ContentDisposition="attachment", ContentEncoding="gzip",
                  ContentLanguage="de", ContentType="a/b", Expires=expires)
    for got in (s3.head_object(Bucket=bucket, Key="k"), s3.get_object(Bucket=bucket, Key="k")):
        assert got["Metadata"] == {"one": "1", "two-words": "a b"}
        assert (got["CacheControl"], got["ContentDisposition"], got["ContentEncoding"],
                got["ContentLanguage"], got["ContentType"]) == ("no-cache", "attachment", "gzip", "de", "a/b")
    got = s3.get_object(Bucket=bucket, Key="k", ResponseContentType="c/d", ResponseCacheControl="x",
                        ResponseContentDisposition="inline", ResponseContentEncoding="br",
                        ResponseContentLanguage="fr")
    assert (got["CacheControl"], got["ContentDisposition"], got["ContentEncoding"],
            got["ContentLanguage"], got["ContentType"]) == ("x", "inline", "br", "fr", "c/d")
    assert s3.put_object(Bucket=bucket, Key="plain", Body=b"")["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert s3.head_object(Bucket=bucket, Key="plain")["ContentType"] == "binary/octet-stream"


def test_metadata_too_large(s3, bucket):
    with pytest.raises(ClientError) as e:
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", Metadata={"m": "v" * 2100})
    assert code(e) == ("MetadataTooLarge", 400)


def crc32_text(data):
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def sha_text(name, data):
    return base64.b64encode(hashlib.new(name, data).digest()).decode()


@pytest.mark.parametrize("name,field,text", [
    ("CRC32", "ChecksumCRC32", crc32_text), ("SHA1", "ChecksumSHA1", lambda d: sha_text("sha1", d)),
    ("SHA256", "ChecksumSHA256", lambda d: sha_text("sha256", d))])
def test_checksums(s3, bucket, name, field, text):
    data = data_of(100000)
    put = s3.put_object(Bucket=bucket, Key="k", Body=data, ChecksumAlgorithm=name)
    assert put[field] == text(data)
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got[field] == text(data) and got["Body"].read() == data
    assert s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")[field] == text(data)
    assert s3.put_object(Bucket=bucket, Key="k2", Body=data, **{field: text(data)})[field] == text(data)
    with pytest.raises(ClientError) as e:
        s3.put_object(Bucket=bucket, Key="k3", Body=data, **{field: text(b"other")})
    assert code(e) == ("BadDigest", 400)
    with pytest.raises(ClientError) as e:
        s3.put_object(Bucket=bucket, Key="k3", Body=data, **{field: "AAAA"})
    assert code(e)[1] == 400
    with pytest.raises(ClientError) as e:
        s3.head_object(Bucket=bucket, Key="k3")
    assert code(e)[1] == 404


def test_content_md5(s3, bucket):
    good = base64.b64encode(hashlib.md5(b"x").digest()).decode()
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ContentMD5=good)
    with pytest.raises(ClientError) as e:
        s3.put_object(Bucket=bucket, Key="k", Body=b"y", ContentMD5=good)
    assert code(e) == ("BadDigest", 400)
    with pytest.raises(ClientError) as e:
        s3.put_object(Bucket=bucket, Key="k", Body=b"y", ContentMD5="nonsense")
    assert code(e) == ("InvalidDigest", 400)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_copy(s3, bucket):
    data = data_of(2 * (1 << 20) + 5)
    etag = s3.put_object(Bucket=bucket, Key="from key+ü", Body=data, Metadata={"a": "1"}, ContentType="t/t")["ETag"]
    out = s3.copy_object(Bucket=bucket, Key="to", CopySource={"Bucket": bucket, "Key": "from key+ü"})
    assert out["CopyObjectResult"]["ETag"] == etag
    got = s3.get_object(Bucket=bucket, Key="to")
    assert got["Body"].read() == data and got["Metadata"] == {"a": "1"} and got["ContentType"] == "t/t"
    s3.copy_object(Bucket=bucket, Key="to", CopySource={"Bucket": bucket, "Key": "from key+ü"},
                   MetadataDirective="REPLACE", Metadata={"b": "2"}, ContentType="u/u")
    got = s3.head_object(Bucket=bucket, Key="to")
    assert got["Metadata"] == {"b": "2"} and got["ContentType"] == "u/u"
    with pytest.raises(ClientError) as e:
        s3.copy_object(Bucket=bucket, Key="to", CopySource={"Bucket": bucket, "Key": "to"})
    assert code(e) == ("InvalidRequest", 400)
    s3.copy_object(Bucket=bucket, Key="to", CopySource={"Bucket": bucket, "Key": "to"},
                   MetadataDirective="REPLACE", Metadata={"c": "3"})
    assert s3.head_object(Bucket=bucket, Key="to")["Metadata"] == {"c": "3"}
    with pytest.raises(ClientError) as e:
        s3.copy_object(Bucket=bucket, Key="x", CopySource={"Bucket": bucket, "Key": "none"})
    assert code(e) == ("NoSuchKey", 404)
    for arguments, ok in [({"CopySourceIfMatch": etag}, True), ({"CopySourceIfMatch": '"o"'}, False),
                          ({"CopySourceIfNoneMatch": etag}, False), ({"CopySourceIfNoneMatch": '"o"'}, True)]:
        call = dict(Bucket=bucket, Key="cond", CopySource={"Bucket": bucket, "Key": "from key+ü"}, **arguments)
        if ok:
            s3.copy_object(**call)
        else:
            with pytest.raises(ClientError) as e:
                s3.copy_object(**call)
            assert code(e) == ("PreconditionFailed", 412)


def test_copy_tagging_directive(s3, bucket):
    """Without tags to keep or to set, both directives mean the same: no tags."""
    s3.put_object(Bucket=bucket, Key="from", Body=b"x")
    for directive in ("COPY", "REPLACE"):
        s3.copy_object(Bucket=bucket, Key="to", CopySource=f"{bucket}/from", TaggingDirective=directive)
        assert s3.get_object(Bucket=bucket, Key="to")["Body"].read() == b"x"
    with pytest.raises(ClientError) as e:
        s3.copy_object(Bucket=bucket, Key="new", CopySource=f"{bucket}/from", TaggingDirective="nonsense")
    assert code(e) == ("InvalidArgument", 400)
    assert "new" not in [o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]]


def test_copy_between_buckets(s3, bucket):
    s3.put_object(Bucket=bucket, Key="a", Body=b"payload")
    other = bucket + "-2"
    s3.create_bucket(Bucket=other)
    s3.copy_object(Bucket=other, Key="b", CopySource=f"{bucket}/a")
    assert s3.get_object(Bucket=other, Key="b")["Body"].read() == b"payload"


def test_delete_objects(s3, bucket):
    for i in range(5):
        s3.put_object(Bucket=bucket, Key=f"k{i}", Body=b"x")
    out = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": f"k{i}"} for i in range(3)] + [{"Key": "none"}]})
    assert sorted(d["Key"] for d in out["Deleted"]) == ["k0", "k1", "k2", "none"]
    out = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k3"}], "Quiet": True})
    assert "Deleted" not in out and "Errors" not in out
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["k4"]
    with pytest.raises(ClientError) as e:
        s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": f"{i}"} for i in range(1001)]})
    assert code(e) == ("MalformedXML", 400)


def test_presigned(server, s3, bucket):
    import urllib.error
    import urllib.request
    url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "p q"}, ExpiresIn=60)
    urllib.request.urlopen(urllib.request.Request(url, data=b"presigned", method="PUT")).read()
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "p q"}, ExpiresIn=60)
    assert urllib.request.urlopen(url).read() == b"presigned"
    with pytest.raises(urllib.error.HTTPError) as e:
        urllib.request.urlopen(url.replace("p%20q", "other"))
    assert e.value.code == 403 and b"SignatureDoesNotMatch" in e.value.read()
    expired = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "p q"}, ExpiresIn=1)
    import time
    time.sleep(2.1)
    with pytest.raises(urllib.error.HTTPError) as e:
        urllib.request.urlopen(expired)
    assert e.value.code == 403 and b"expired" in e.value.read()


def test_transfer_manager(s3, bucket):
    data = data_of(20 * (1 << 20) + 11, 3)
    s3.upload_fileobj(io.BytesIO(data), bucket, "big")
    assert s3.head_object(Bucket=bucket, Key="big")["ETag"].rstrip('"').endswith("-3")
    out = io.BytesIO()
    s3.download_fileobj(bucket, "big", out)
    assert out.getvalue() == data


def test_not_implemented(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    calls = [lambda: s3.put_bucket_accelerate_configuration(Bucket=bucket,
                                                             AccelerateConfiguration={"Status": "Enabled"}),
             lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"y", ServerSideEncryption="AES256"),
             lambda: s3.restore_object(Bucket=bucket, Key="k", RestoreRequest={"Days": 1}),
             lambda: s3.get_object_torrent(Bucket=bucket, Key="k")]
    for call in calls:
        with pytest.raises(ClientError) as e:
            call()
        assert code(e) == ("NotImplemented", 501)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_wrong_keys(server, bucket):
    import boto3
    from botocore.config import Config
    from server import ACCESS, SECRET
    for access, secret, want in [("nobody-here", SECRET, "InvalidAccessKeyId"),
                                 (ACCESS, "wrong-secret", "SignatureDoesNotMatch")]:
        c = boto3.client("s3", endpoint_url=server.endpoint, aws_access_key_id=access,
                         aws_secret_access_key=secret, region_name="eu-central-1",
                         config=Config(s3={"addressing_style": "path"}))
        with pytest.raises(ClientError) as e:
            c.list_buckets()
        assert code(e) == (want, 403)


def test_any_region(server, bucket):
    import boto3
    from server import ACCESS, SECRET
    c = boto3.client("s3", endpoint_url=server.endpoint, aws_access_key_id=ACCESS, aws_secret_access_key=SECRET,
                     region_name="eu-central-1")
    assert bucket in [b["Name"] for b in c.list_buckets()["Buckets"]]


def test_concurrent_conditional_creates(server, bucket):
    """Exactly one of N racing writers with If-None-Match: * wins."""
    from concurrent.futures import ThreadPoolExecutor
    s3 = client(server, max_pool_connections=16)
    if not has_conditional_writes(s3):
        pytest.skip("this botocore cannot send them")

    def attempt(i):
        try:
            s3.put_object(Bucket=bucket, Key="race", Body=b"%d" % i, IfNoneMatch="*")
            return i
        except ClientError as e:
            assert e.response["ResponseMetadata"]["HTTPStatusCode"] in (409, 412)
            return None

    with ThreadPoolExecutor(16) as pool:
        winners = [w for w in pool.map(attempt, range(32)) if w is not None]
    assert len(winners) == 1
    assert s3.get_object(Bucket=bucket, Key="race")["Body"].read() == b"%d" % winners[0]


@pytest.mark.parametrize("sent, kept", [("deflate, gzip", "deflate, gzip"), ("a,b", "a,b"),
                                        ("gzip, aws-chunked", "gzip"), ("aws-chunked, gzip,br", "gzip,br"),
                                        ("aws-chunked", None)])
def test_content_encoding_is_kept_but_for_the_framing(s3, bucket, sent, kept):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ContentEncoding=sent)
    assert s3.head_object(Bucket=bucket, Key="k").get("ContentEncoding") == kept
