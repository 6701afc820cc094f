"""GetObjectAttributes, and the checksum algorithms of 2026."""
import base64
import hashlib
import zlib

import pytest
from botocore.exceptions import ClientError

MIB = 1 << 20
ALL = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]
# XXHASHes of b"The quick brown fox jumps over the lazy dog", by xxhsum.
TEXT = b"The quick brown fox jumps over the lazy dog"


def sha(name, data):
    return base64.b64encode(hashlib.new(name, data).digest()).decode()


VALUES = {
    "MD5": sha("md5", TEXT),
    "SHA512": sha("sha512", TEXT),
    "XXHASH64": "CyQtNh/acbw=",
    "XXHASH3": "zn0ZpUGPs2U=",
    "XXHASH128": "3dZQIFyj5/okocwuOop2UQ==",
}


def code(e):
    return e.value.response["Error"]["Code"], e.value.response["ResponseMetadata"]["HTTPStatusCode"]


def has_member(s3, operation, member):
    return member in s3.meta.service_model.operation_model(operation).input_shape.members


def attributes(s3, bucket, key, names=ALL, **more):
    return s3.get_object_attributes(Bucket=bucket, Key=key, ObjectAttributes=names, **more)


def upload(s3, bucket, key, parts, **create):
    u = s3.create_multipart_upload(Bucket=bucket, Key=key, **create)["UploadId"]
    name = create.get("ChecksumAlgorithm")
    done = []
    for n, body in parts:
        kind = {"ChecksumAlgorithm": name} if name else {}
        r = s3.upload_part(Bucket=bucket, Key=key, UploadId=u, PartNumber=n, Body=body, **kind)
        part = {"PartNumber": n, "ETag": r["ETag"]}
        if name:
            part["Checksum" + name] = r["Checksum" + name]
        done.append(part)
    return u, s3.complete_multipart_upload(Bucket=bucket, Key=key, UploadId=u, MultipartUpload={"Parts": done}), done


def test_a_plain_object(s3, bucket):
    """Shows: GetObjectAttributes"""
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"foo", ChecksumSHA256=sha("sha256", b"foo"))
    r = attributes(s3, bucket, "k")
    assert r["ETag"] == put["ETag"].strip('"')
    assert r["ObjectSize"] == 3 and r["StorageClass"] == "STANDARD"
    assert r["Checksum"]["ChecksumSHA256"] == sha("sha256", b"foo")
    assert "ObjectParts" not in r and "VersionId" not in r and "DeleteMarker" not in r
    assert r["LastModified"] == s3.head_object(Bucket=bucket, Key="k")["LastModified"]


def test_only_what_was_asked_for(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"foo", StorageClass="REDUCED_REDUNDANCY")
    r = attributes(s3, bucket, "k", ["ObjectSize"])
    assert r["ObjectSize"] == 3
    assert not {"ETag", "Checksum", "StorageClass"} & set(r)
    assert attributes(s3, bucket, "k", ["StorageClass"])["StorageClass"] == "REDUCED_REDUNDANCY"


def test_what_is_refused(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"foo")
    with pytest.raises(ClientError) as e:
        attributes(s3, bucket, "k", ["ETag", "Nothing"])
    assert code(e) == ("InvalidArgument", 400)
    with pytest.raises(ClientError) as e:
        attributes(s3, bucket, "absent")
    assert code(e) == ("NoSuchKey", 404)
    with pytest.raises(ClientError) as e:
        attributes(s3, bucket, "k", VersionId="nothing")
    assert code(e) == ("InvalidArgument", 400)


def test_parts_come_in_pages(s3, bucket):
    bodies = [(2, bytes(5 * MIB)), (5, b"x" * (5 * MIB)), (9, b"end")]
    _, done, sent = upload(s3, bucket, "m", bodies, ChecksumAlgorithm="SHA256")
    r = attributes(s3, bucket, "m")
    parts = r["ObjectParts"]
    assert parts["TotalPartsCount"] == 3 and not parts["IsTruncated"] and parts["MaxParts"] == 1000
    assert [(p["PartNumber"], p["Size"], p["ChecksumSHA256"]) for p in parts["Parts"]] == [
        (n, len(b), sha("sha256", b)) for n, b in bodies]
    assert done["ChecksumSHA256"] == r["Checksum"]["ChecksumSHA256"] and done["ChecksumSHA256"].endswith("-3")
    page = attributes(s3, bucket, "m", MaxParts=1)["ObjectParts"]
    assert page["IsTruncated"] and page["NextPartNumberMarker"] == 2 and len(page["Parts"]) == 1
    page = attributes(s3, bucket, "m", MaxParts=2, PartNumberMarker=2)["ObjectParts"]
    assert [p["PartNumber"] for p in page["Parts"]] == [5, 9] and not page["IsTruncated"]
    assert page["PartNumberMarker"] == 2


@pytest.mark.parametrize("name", list(VALUES))
def test_the_algorithms_of_2026(s3, bucket, name):
    member = "Checksum" + name
    if not has_member(s3, "PutObject", member):
        pytest.skip("an SDK of before")
    put = s3.put_object(Bucket=bucket, Key=name, Body=TEXT, **{member: VALUES[name]})
    assert put[member] == VALUES[name]
    assert s3.head_object(Bucket=bucket, Key=name, ChecksumMode="ENABLED")[member] == VALUES[name]
    assert attributes(s3, bucket, name)["Checksum"][member] == VALUES[name]
    with pytest.raises(ClientError) as e:
        s3.put_object(Bucket=bucket, Key=name, Body=TEXT + b"!", **{member: VALUES[name]})
    assert code(e) == ("BadDigest", 400)


@pytest.mark.parametrize("name", list(VALUES))
def test_composites_of_the_algorithms_of_2026(s3, bucket, name):
    member = "Checksum" + name
    if not has_member(s3, "PutObject", member):
        pytest.skip("an SDK of before")
    u = s3.create_multipart_upload(Bucket=bucket, Key="m", ChecksumAlgorithm=name)
    assert u["ChecksumAlgorithm"] == name and u["ChecksumType"] == "COMPOSITE"
    part = s3.upload_part(Bucket=bucket, Key="m", UploadId=u["UploadId"], PartNumber=1, Body=TEXT,
                          **{member: VALUES[name]})
    named = {"PartNumber": 1, "ETag": part["ETag"]}
    named[member] = "bad"
    with pytest.raises(ClientError) as e:
        s3.complete_multipart_upload(Bucket=bucket, Key="m", UploadId=u["UploadId"], MultipartUpload={"Parts": [named]})
    assert code(e) == ("InvalidPart", 400)
    named[member] = VALUES[name]
    done = s3.complete_multipart_upload(Bucket=bucket, Key="m", UploadId=u["UploadId"],
                                        MultipartUpload={"Parts": [named]})
    assert done[member].endswith("-1") and done["ChecksumType"] == "COMPOSITE"
    got = s3.get_object(Bucket=bucket, Key="m", PartNumber=1, ChecksumMode="ENABLED")
    assert got["Body"].read() == TEXT and got[member] == VALUES[name]
    with pytest.raises(ClientError) as e:
        s3.create_multipart_upload(Bucket=bucket, Key="n", ChecksumAlgorithm=name, ChecksumType="FULL_OBJECT")
    assert code(e) == ("InvalidRequest", 400)


def test_a_full_object_checksum_of_parts(s3, bucket):
    bodies = [(1, bytes(5 * MIB)), (2, b"end")]
    if not has_member(s3, "CreateMultipartUpload", "ChecksumType"):
        pytest.skip("an SDK of before")
    _, done, _ = upload(s3, bucket, "m", bodies, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    want = base64.b64encode(zlib.crc32(bytes(5 * MIB) + b"end").to_bytes(4, "big")).decode()
    assert done["ChecksumCRC32"] == want
    r = attributes(s3, bucket, "m")["Checksum"]
    assert r["ChecksumCRC32"] == want and r["ChecksumType"] == "FULL_OBJECT"
    got = s3.get_object(Bucket=bucket, Key="m", PartNumber=2, ChecksumMode="ENABLED")
    assert got["ChecksumCRC32"] == base64.b64encode(zlib.crc32(b"end").to_bytes(4, "big")).decode()
    assert got["ChecksumType"] == "FULL_OBJECT"


def test_complete_again_is_answered_the_same(s3, bucket):
    u, done, parts = upload(s3, bucket, "m", [(1, bytes(5 * MIB)), (2, b"end")], ChecksumAlgorithm="SHA256")
    again = s3.complete_multipart_upload(Bucket=bucket, Key="m", UploadId=u, MultipartUpload={"Parts": parts})
    assert again["ETag"] == done["ETag"] and again["ChecksumSHA256"] == done["ChecksumSHA256"]
    s3.put_object(Bucket=bucket, Key="m", Body=b"other")
    with pytest.raises(ClientError) as e:
        s3.complete_multipart_upload(Bucket=bucket, Key="m", UploadId=u, MultipartUpload={"Parts": parts})
    assert code(e) == ("NoSuchUpload", 404)
