"""Buckets, listings and multipart uploads through boto3."""
import hashlib
import re
import uuid
import zlib

import pytest
from botocore.exceptions import ClientError

from test_boto3_objects import code, data_of

MIB = 1 << 20


def test_bucket_life(s3):
    name = "life-" + uuid.uuid4().hex[:8]
    assert s3.create_bucket(Bucket=name)["Location"] == "/" + name
    assert s3.head_bucket(Bucket=name)["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert name in [b["Name"] for b in s3.list_buckets()["Buckets"]]
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] is None
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    with pytest.raises(ClientError) as e:
        s3.delete_bucket(Bucket=name)
    assert code(e) == ("BucketNotEmpty", 409)
    s3.delete_object(Bucket=name, Key="k")
    s3.delete_bucket(Bucket=name)
    with pytest.raises(ClientError) as e:
        s3.head_bucket(Bucket=name)
    assert code(e)[1] == 404
    with pytest.raises(ClientError) as e:
        s3.delete_bucket(Bucket=name)
    assert code(e) == ("NoSuchBucket", 404)


def test_create_again(s3, bucket):
    """Shows: CreateBucket"""
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.create_bucket(Bucket=bucket)  # us-east-1 of AWS answers 200, other regions 409
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


@pytest.mark.parametrize("name", ["ab", "UPPER", "under_score", "a" * 64, "192.168.1.1", "-dash", "dash-", "dot..dot"])
def test_bad_names(s3, name):
    import botocore.handlers
    s3.meta.events.unregister("before-parameter-build.s3", botocore.handlers.validate_bucket_name)
    with pytest.raises(ClientError) as e:
        s3.create_bucket(Bucket=name)
    assert code(e) == ("InvalidBucketName", 400)


def test_location_constraint(s3):
    name = "loc-" + uuid.uuid4().hex[:8]
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] in ("eu-west-1", None)


@pytest.fixture
def filled(s3, bucket):
    keys = sorted(["a", "a/", "a/b", "a/b/c", "a//b", "b/1", "b/2", "b/3", "c", "c-1", "c.1", "d e",
                   "d+e", "é", "z/z/z"], key=lambda k: k.encode())
    for k in keys:
        s3.put_object(Bucket=bucket, Key=k, Body=k.encode())
    return bucket, keys


def model(keys, prefix="", delimiter="", after=""):
    """What a listing must give: [(name, is_prefix)]."""
    out = []
    for k in keys:
        if not k.startswith(prefix):
            continue
        at = k.find(delimiter, len(prefix)) if delimiter else -1
        item = (k[:at + len(delimiter)], True) if at >= 0 else (k, False)
        if item[0].encode() <= after.encode() if after else False:
            continue
        if item not in out:
            out.append(item)
    return out


@pytest.mark.parametrize("prefix", ["", "a", "a/", "b/", "z/", "none", "d"])
@pytest.mark.parametrize("delimiter", ["", "/", "//", "b"])
@pytest.mark.parametrize("page", [1, 2, 1000])
def test_listing(s3, filled, prefix, delimiter, page):
    """Shows: ListObjects, ListObjectsV2"""
    bucket, keys = filled
    want = model(keys, prefix, delimiter)
    for version, operation in ((1, "list_objects"), (2, "list_objects_v2")):
        got, call = [], dict(Bucket=bucket, Prefix=prefix, MaxKeys=page)
        if delimiter:
            call["Delimiter"] = delimiter
        for _ in range(100):
            r = getattr(s3, operation)(**call)
            items = [(o["Key"], False) for o in r.get("Contents", [])] + \
                [(p["Prefix"], True) for p in r.get("CommonPrefixes", [])]
            assert len(items) <= page
            if version == 2:
                assert r["KeyCount"] == len(items)
            got += sorted(items, key=lambda i: i[0].encode())
            if not r["IsTruncated"]:
                break
            if version == 2:
                call["ContinuationToken"] = r["NextContinuationToken"]
            else:
                call["Marker"] = r.get("NextMarker") or r["Contents"][-1]["Key"]
        assert got == want, (version, prefix, delimiter, page)


def test_listing_details(s3, filled):
    bucket, keys = filled
    r = s3.list_objects_v2(Bucket=bucket, StartAfter="b/1", MaxKeys=2)
    assert [o["Key"] for o in r["Contents"]] == ["b/2", "b/3"] and r["StartAfter"] == "b/1"
    o = s3.list_objects_v2(Bucket=bucket, Prefix="a/b/c", FetchOwner=True)["Contents"][0]
    assert o["ETag"] == '"%s"' % hashlib.md5(b"a/b/c").hexdigest() and o["Size"] == 5
    assert o["StorageClass"] == "STANDARD" and o["Owner"]["ID"]
    r = s3.list_objects_v2(Bucket=bucket, MaxKeys=0)
    assert r["KeyCount"] == 0 and not r["IsTruncated"]
    r = s3.list_objects_v2(Bucket=bucket, EncodingType="url", Prefix="d")
    assert sorted(o["Key"] for o in r["Contents"]) in (["d e", "d+e"], ["d%20e", "d%2Be"], ["d+e", "d%2Be"])
    with pytest.raises(ClientError) as e:
        s3.list_objects_v2(Bucket=bucket, EncodingType="nonsense")
    assert code(e)[1] == 400
    with pytest.raises(ClientError) as e:
        s3.list_objects_v2(Bucket="no-such-bucket-here")
    assert code(e) == ("NoSuchBucket", 404)


def test_more_than_a_page(s3, bucket):
    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: s3.put_object(Bucket=bucket, Key=f"{i:05d}", Body=b""), range(1100)))
    pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket=bucket))
    assert [len(p["Contents"]) for p in pages] == [1000, 100]
    assert [o["Key"] for p in pages for o in p["Contents"]] == [f"{i:05d}" for i in range(1100)]


def test_list_object_versions(s3, filled):
    bucket, keys = filled
    r = s3.list_object_versions(Bucket=bucket)
    assert [v["Key"] for v in r["Versions"]] == keys
    assert all(v["VersionId"] == "null" and v["IsLatest"] for v in r["Versions"])
    s3.delete_object(Bucket=bucket, Key="a", VersionId="null")
    assert "a" not in [v["Key"] for v in s3.list_object_versions(Bucket=bucket)["Versions"]]


def upload(s3, bucket, key, parts, **create):
    u = s3.create_multipart_upload(Bucket=bucket, Key=key, **create)["UploadId"]
    etags = [s3.upload_part(Bucket=bucket, Key=key, UploadId=u, PartNumber=n, Body=b)["ETag"] for n, b in parts]
    return u, [{"PartNumber": n, "ETag": e} for (n, _), e in zip(parts, etags)]


def test_multipart(s3, bucket):
    bodies = [data_of(5 * MIB, 1), data_of(5 * MIB + 1, 2), data_of(77, 3)]
    u, parts = upload(s3, bucket, "m", [(1, bodies[0]), (7, bodies[1]), (9, bodies[2])],
                      ContentType="x/y", Metadata={"k": "v"})
    assert [x["Key"] for x in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == ["m"]
    listed = s3.list_parts(Bucket=bucket, Key="m", UploadId=u)["Parts"]
    assert [(p["PartNumber"], p["Size"], p["ETag"]) for p in listed] == \
        [(q["PartNumber"], len(b), q["ETag"]) for q, b in zip(parts, bodies)]
    with pytest.raises(ClientError):
        s3.get_object(Bucket=bucket, Key="m")
    done = s3.complete_multipart_upload(Bucket=bucket, Key="m", UploadId=u, MultipartUpload={"Parts": parts})
    md5s = b"".join(hashlib.md5(b).digest() for b in bodies)
    assert done["ETag"] == '"%s-3"' % hashlib.md5(md5s).hexdigest()
    got = s3.get_object(Bucket=bucket, Key="m")
    assert got["Body"].read() == b"".join(bodies) and got["ContentType"] == "x/y" and got["Metadata"] == {"k": "v"}
    second = s3.get_object(Bucket=bucket, Key="m", PartNumber=2)
    assert second["Body"].read() == bodies[1] and second["PartsCount"] == 3
    assert second["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert s3.head_object(Bucket=bucket, Key="m", PartNumber=1)["ContentLength"] == 5 * MIB
    with pytest.raises(ClientError) as e:
        s3.get_object(Bucket=bucket, Key="m", PartNumber=4)
    assert code(e)[1] == 400
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    across = s3.get_object(Bucket=bucket, Key="m", Range=f"bytes={5 * MIB - 10}-{10 * MIB + 20}")
    assert across["Body"].read() == b"".join(bodies)[5 * MIB - 10:10 * MIB + 21]


def test_multipart_mistakes(s3, bucket):
    u, parts = upload(s3, bucket, "m", [(1, data_of(5 * MIB)), (2, data_of(100)), (3, b"x")])

    def complete(p):
        with pytest.raises(ClientError) as e:
            s3.complete_multipart_upload(Bucket=bucket, Key="m", UploadId=u, MultipartUpload={"Parts": p})
        return code(e)

    assert complete(parts) == ("EntityTooSmall", 400)
    assert complete([parts[1], parts[0]]) == ("InvalidPartOrder", 400)
    assert complete([parts[0], {"PartNumber": 5, "ETag": parts[0]["ETag"]}]) == ("InvalidPart", 400)
    assert complete([{"PartNumber": 1, "ETag": '"00000000000000000000000000000000"'}]) == ("InvalidPart", 400)
    assert complete([])[1] == 400
    with pytest.raises(ClientError) as e:
        s3.upload_part(Bucket=bucket, Key="m", UploadId=u, PartNumber=10001, Body=b"x")
    assert code(e)[1] == 400
    with pytest.raises(ClientError) as e:
        s3.upload_part(Bucket=bucket, Key="m", UploadId="nonsense", PartNumber=1, Body=b"x")
    assert code(e) == ("NoSuchUpload", 404)
    s3.abort_multipart_upload(Bucket=bucket, Key="m", UploadId=u)
    with pytest.raises(ClientError) as e:
        s3.abort_multipart_upload(Bucket=bucket, Key="m", UploadId=u)
    assert code(e) == ("NoSuchUpload", 404)
    with pytest.raises(ClientError) as e:
        s3.list_parts(Bucket=bucket, Key="m", UploadId=u)
    assert code(e) == ("NoSuchUpload", 404)
    s3.delete_bucket(Bucket=bucket)


def test_part_replaced(s3, bucket):
    u, _ = upload(s3, bucket, "m", [(1, b"first")])
    etag = s3.upload_part(Bucket=bucket, Key="m", UploadId=u, PartNumber=1, Body=b"second!")["ETag"]
    s3.complete_multipart_upload(Bucket=bucket, Key="m", UploadId=u,
                                 MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    assert s3.get_object(Bucket=bucket, Key="m")["Body"].read() == b"second!"


def test_upload_part_copy(s3, bucket):
    data = data_of(11 * MIB, 5)
    s3.put_object(Bucket=bucket, Key="src", Body=data)
    u = s3.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    e1 = s3.upload_part_copy(Bucket=bucket, Key="m", UploadId=u, PartNumber=1, CopySource=f"{bucket}/src",
                             CopySourceRange=f"bytes=0-{6 * MIB - 1}")["CopyPartResult"]["ETag"]
    e2 = s3.upload_part_copy(Bucket=bucket, Key="m", UploadId=u, PartNumber=2,
                             CopySource=f"{bucket}/src")["CopyPartResult"]["ETag"]
    s3.complete_multipart_upload(Bucket=bucket, Key="m", UploadId=u, MultipartUpload={"Parts": [
        {"PartNumber": 1, "ETag": e1}, {"PartNumber": 2, "ETag": e2}]})
    assert s3.get_object(Bucket=bucket, Key="m")["Body"].read() == data[:6 * MIB] + data
    u = s3.create_multipart_upload(Bucket=bucket, Key="m2")["UploadId"]
    with pytest.raises(ClientError) as e:
        s3.upload_part_copy(Bucket=bucket, Key="m2", UploadId=u, PartNumber=1, CopySource=f"{bucket}/src",
                            CopySourceRange="bytes=0-99999999")
    assert code(e)[1] in (400, 416)
    s3.abort_multipart_upload(Bucket=bucket, Key="m2", UploadId=u)


def test_multipart_composite_checksum(s3, bucket):
    import base64
    bodies = [data_of(5 * MIB, 1), data_of(100, 2)]
    u = s3.create_multipart_upload(Bucket=bucket, Key="m", ChecksumAlgorithm="SHA256")["UploadId"]
    parts = []
    for n, b in enumerate(bodies, 1):
        r = s3.upload_part(Bucket=bucket, Key="m", UploadId=u, PartNumber=n, Body=b, ChecksumAlgorithm="SHA256")
        assert r["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(b).digest()).decode()
        parts.append({"PartNumber": n, "ETag": r["ETag"], "ChecksumSHA256": r["ChecksumSHA256"]})
    done = s3.complete_multipart_upload(Bucket=bucket, Key="m", UploadId=u, MultipartUpload={"Parts": parts})
    want = base64.b64encode(hashlib.sha256(b"".join(hashlib.sha256(b).digest() for b in bodies)).digest()).decode()
    assert done["ChecksumSHA256"] == want + "-2"
    assert s3.head_object(Bucket=bucket, Key="m", ChecksumMode="ENABLED")["ChecksumSHA256"] == want + "-2"


def test_multipart_full_object_checksum(s3, bucket):
    import base64
    shape = s3.meta.service_model.operation_model("CreateMultipartUpload").input_shape.members
    if "ChecksumType" not in shape:
        pytest.skip("this botocore cannot ask for it")
    bodies = [data_of(5 * MIB, 1), data_of(100, 2)]
    u = s3.create_multipart_upload(Bucket=bucket, Key="m", ChecksumAlgorithm="CRC32",
                                   ChecksumType="FULL_OBJECT")["UploadId"]
    parts = []
    for n, b in enumerate(bodies, 1):
        r = s3.upload_part(Bucket=bucket, Key="m", UploadId=u, PartNumber=n, Body=b, ChecksumAlgorithm="CRC32")
        parts.append({"PartNumber": n, "ETag": r["ETag"], "ChecksumCRC32": r["ChecksumCRC32"]})
    want = base64.b64encode(zlib.crc32(b"".join(bodies)).to_bytes(4, "big")).decode()
    done = s3.complete_multipart_upload(Bucket=bucket, Key="m", UploadId=u, MultipartUpload={"Parts": parts})
    assert done["ChecksumCRC32"] == want and done["ChecksumType"] == "FULL_OBJECT"
    for kind in ("SHA1", "SHA256"):
        with pytest.raises(ClientError) as e:
            s3.create_multipart_upload(Bucket=bucket, Key="n", ChecksumAlgorithm=kind, ChecksumType="FULL_OBJECT")
        assert code(e) == ("InvalidRequest", 400)


def test_list_uploads_pages(s3, bucket):
    made = []
    for key in ["b", "a", "c/1", "c/2", "a"]:
        made.append((key, s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]))
    got, call = [], dict(Bucket=bucket, MaxUploads=2)
    for _ in range(10):
        r = s3.list_multipart_uploads(**call)
        got += [(u["Key"], u["UploadId"]) for u in r.get("Uploads", [])]
        if not r["IsTruncated"]:
            break
        call.update(KeyMarker=r["NextKeyMarker"], UploadIdMarker=r["NextUploadIdMarker"])
    assert sorted(got) == sorted(made) and [k for k, _ in got] == ["a", "a", "b", "c/1", "c/2"]
    r = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/", Prefix="c")
    assert [p["Prefix"] for p in r["CommonPrefixes"]] == ["c/"]
    for key, u in made:
        s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=u)
    assert re.match(r"test-", bucket)


def test_what_listings_say_back(s3, bucket):
    """An empty token is no token; botocore decodes all that v1 says but the prefix."""
    s3.put_object(Bucket=bucket, Key="a\nb+%", Body=b"x")
    r = s3.list_objects_v2(Bucket=bucket, ContinuationToken="")
    assert r["ContinuationToken"] == "" and r["KeyCount"] == 1
    for listing in (s3.list_objects, s3.list_objects_v2):
        r = listing(Bucket=bucket, Prefix="a\nb+")
        assert r["Prefix"] == "a\nb+" and r["Contents"][0]["Key"] == "a\nb+%"
