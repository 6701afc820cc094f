"""Versions: ids in every operation, markers, suspension, listings, deletes, copies; concurrent writers."""
import concurrent.futures
import uuid

import pytest
from botocore.exceptions import ClientError

from conftest import client

MIB = 1 << 20


def code(e):
    return e.value.response["Error"]["Code"], e.value.response["ResponseMetadata"]["HTTPStatusCode"]


def headers(r):
    return r["ResponseMetadata"]["HTTPHeaders"]


def set_versioning(s3, bucket, status):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})


@pytest.fixture
def versioned(s3, bucket):
    set_versioning(s3, bucket, "Enabled")
    return bucket


def put(s3, bucket, key, body):
    return s3.put_object(Bucket=bucket, Key=key, Body=body)["VersionId"]


def get(s3, bucket, key, version=None):
    more = {"VersionId": version} if version else {}
    return s3.get_object(Bucket=bucket, Key=key, **more)["Body"].read()


def listed(s3, bucket, **how):
    """[(key, id, is marker, is latest)] over all pages, in the order of the answers."""
    out = []
    more = {}
    while True:
        r = s3.list_object_versions(Bucket=bucket, **how, **more)
        page = [(v["Key"], v["VersionId"], False, v["IsLatest"]) for v in r.get("Versions", [])]
        page += [(v["Key"], v["VersionId"], True, v["IsLatest"]) for v in r.get("DeleteMarkers", [])]
        out += page
        if not r["IsTruncated"]:
            return out
        more = {"KeyMarker": r["NextKeyMarker"]}
        if "NextVersionIdMarker" in r:
            more["VersionIdMarker"] = r["NextVersionIdMarker"]


# --- put, get, head ------------------------------------------------------------------------


def test_a_bucket_that_never_was_versioned_says_nothing_of_versions(s3, bucket):
    assert "VersionId" not in s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert "VersionId" not in s3.get_object(Bucket=bucket, Key="k")
    assert "VersionId" not in s3.delete_object(Bucket=bucket, Key="k")
    assert listed(s3, bucket) == []


def test_each_version_is_kept(s3, versioned):
    ids = [put(s3, versioned, "k", b"%d" % i) for i in range(5)]
    assert len(set(ids)) == 5 and "null" not in ids
    assert get(s3, versioned, "k") == b"4"
    for i, v in enumerate(ids):
        r = s3.get_object(Bucket=versioned, Key="k", VersionId=v)
        assert r["Body"].read() == b"%d" % i and r["VersionId"] == v
        assert s3.head_object(Bucket=versioned, Key="k", VersionId=v)["VersionId"] == v
    assert s3.head_object(Bucket=versioned, Key="k")["VersionId"] == ids[-1]
    assert [(v, latest) for _, v, _, latest in listed(s3, versioned)] == [
        (v, v == ids[-1]) for v in reversed(ids)]


def test_what_was_there_before_is_the_null_version(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"old")
    set_versioning(s3, bucket, "Enabled")
    r = s3.get_object(Bucket=bucket, Key="k")
    assert r["VersionId"] == "null"
    v = put(s3, bucket, "k", b"new")
    assert get(s3, bucket, "k", "null") == b"old" and get(s3, bucket, "k") == b"new"
    assert listed(s3, bucket) == [("k", v, False, True), ("k", "null", False, False)]
    s3.delete_object(Bucket=bucket, Key="k", VersionId=v)
    assert get(s3, bucket, "k") == b"old"
    s3.delete_object(Bucket=bucket, Key="k", VersionId="null")
    with pytest.raises(ClientError) as e:
        s3.get_object(Bucket=bucket, Key="k")
    assert code(e) == ("NoSuchKey", 404)


def test_ids_that_are_none(s3, versioned):
    v = put(s3, versioned, "k", b"x")
    with pytest.raises(ClientError) as e:
        s3.get_object(Bucket=versioned, Key="k", VersionId="abc")
    assert code(e) == ("InvalidArgument", 400)
    with pytest.raises(ClientError) as e:
        s3.get_object(Bucket=versioned, Key="other", VersionId=v)
    assert code(e) == ("NoSuchVersion", 404)
    s3.delete_object(Bucket=versioned, Key="k", VersionId=v)
    with pytest.raises(ClientError) as e:
        s3.get_object(Bucket=versioned, Key="k", VersionId=v)
    assert code(e) == ("NoSuchVersion", 404)


def test_ranges_and_conditions_of_older_versions(s3, versioned):
    a = put(s3, versioned, "k", b"0123456789")
    put(s3, versioned, "k", b"abc")
    old = s3.head_object(Bucket=versioned, Key="k", VersionId=a)
    r = s3.get_object(Bucket=versioned, Key="k", VersionId=a, Range="bytes=2-4", IfMatch=old["ETag"])
    assert r["Body"].read() == b"234" and r["VersionId"] == a
    with pytest.raises(ClientError) as e:
        s3.get_object(Bucket=versioned, Key="k", IfMatch=old["ETag"])
    assert code(e) == ("PreconditionFailed", 412)


# --- markers -------------------------------------------------------------------------------


def test_a_marker_hides_the_key(s3, versioned):
    v = put(s3, versioned, "k", b"x")
    r = s3.delete_object(Bucket=versioned, Key="k")
    marker = r["VersionId"]
    assert r["DeleteMarker"] is True and marker not in (v, "null")
    for ask in s3.get_object, s3.head_object:
        with pytest.raises(ClientError) as e:
            ask(Bucket=versioned, Key="k")
        assert code(e)[1] == 404
        h = headers(e.value.response)
        assert h["x-amz-delete-marker"] == "true" and h["x-amz-version-id"] == marker
        with pytest.raises(ClientError) as e:
            ask(Bucket=versioned, Key="k", VersionId=marker)
        assert code(e)[1] == 405
        h = headers(e.value.response)
        assert h["x-amz-delete-marker"] == "true" and "last-modified" in h
    assert get(s3, versioned, "k", v) == b"x"
    assert "Contents" not in s3.list_objects_v2(Bucket=versioned)
    assert listed(s3, versioned) == [("k", v, False, False), ("k", marker, True, True)]
    r = s3.delete_object(Bucket=versioned, Key="k", VersionId=marker)
    assert r["DeleteMarker"] is True and r["VersionId"] == marker
    assert get(s3, versioned, "k") == b"x"


def test_markers_stack_and_stand_where_nothing_was(s3, versioned):
    ids = [s3.delete_object(Bucket=versioned, Key="nothing")["VersionId"] for _ in range(3)]
    assert len(set(ids)) == 3
    assert [(v, m) for _, v, m, _ in listed(s3, versioned)] == [(v, True) for v in reversed(ids)]
    with pytest.raises(ClientError) as e:
        s3.delete_bucket(Bucket=versioned)
    assert code(e) == ("BucketNotEmpty", 409)
    for v in ids:
        s3.delete_object(Bucket=versioned, Key="nothing", VersionId=v)
    s3.delete_bucket(Bucket=versioned)


def test_an_older_version_becomes_the_latest(s3, versioned):
    a, b, c = (put(s3, versioned, "k", x) for x in (b"a", b"b", b"c"))
    s3.delete_object(Bucket=versioned, Key="k", VersionId=b)
    assert get(s3, versioned, "k") == b"c"
    s3.delete_object(Bucket=versioned, Key="k", VersionId=c)
    assert get(s3, versioned, "k") == b"a"
    assert listed(s3, versioned) == [("k", a, False, True)]
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=versioned)["Contents"]] == ["k"]


# --- suspended -----------------------------------------------------------------------------


def test_a_suspended_bucket_replaces_its_null_version(s3, versioned):
    v = put(s3, versioned, "k", b"named")
    set_versioning(s3, versioned, "Suspended")
    for body in b"one", b"two":
        assert "VersionId" not in s3.put_object(Bucket=versioned, Key="k", Body=body)
    assert listed(s3, versioned) == [("k", "null", False, True), ("k", v, False, False)]
    r = s3.delete_object(Bucket=versioned, Key="k")
    assert r["DeleteMarker"] is True and r["VersionId"] == "null"
    assert sorted(listed(s3, versioned)) == sorted([("k", "null", True, True), ("k", v, False, False)])
    assert get(s3, versioned, "k", v) == b"named"
    r = s3.delete_object(Bucket=versioned, Key="k", VersionId="null")
    assert r["DeleteMarker"] is True and r["VersionId"] == "null"
    assert get(s3, versioned, "k") == b"named"
    set_versioning(s3, versioned, "Enabled")
    assert put(s3, versioned, "k", b"again")


# --- other writers -------------------------------------------------------------------------


def upload(s3, bucket, key, body):
    u = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key=key, UploadId=u, PartNumber=1, Body=body)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    return u, parts, s3.complete_multipart_upload(Bucket=bucket, Key=key, UploadId=u, MultipartUpload=parts)


def test_uploads_make_versions(s3, versioned):
    _, _, one = upload(s3, versioned, "k", b"one")
    u, parts, two = upload(s3, versioned, "k", b"two")
    assert one["VersionId"] != two["VersionId"]
    assert get(s3, versioned, "k", one["VersionId"]) == b"one"
    again = s3.complete_multipart_upload(Bucket=versioned, Key="k", UploadId=u, MultipartUpload=parts)
    assert (again["VersionId"], again["ETag"]) == (two["VersionId"], two["ETag"])
    assert len(listed(s3, versioned)) == 2
    got = s3.get_object(Bucket=versioned, Key="k", VersionId=one["VersionId"], PartNumber=1)
    assert got["Body"].read() == b"one" and got["PartsCount"] == 1


def test_copies_of_versions(s3, versioned):
    a = put(s3, versioned, "from", b"a" * 100000)
    put(s3, versioned, "from", b"b")
    plain = "test-" + uuid.uuid4().hex[:12]
    s3.create_bucket(Bucket=plain)
    source = {"Bucket": versioned, "Key": "from", "VersionId": a}
    r = s3.copy_object(Bucket=versioned, Key="to", CopySource=source)
    assert r["CopySourceVersionId"] == a and r["VersionId"] not in (a, "null")
    assert get(s3, versioned, "to") == b"a" * 100000
    r = s3.copy_object(Bucket=plain, Key="to", CopySource=source)
    assert r["CopySourceVersionId"] == a and "VersionId" not in r
    r = s3.copy_object(Bucket=versioned, Key="back", CopySource={"Bucket": plain, "Key": "to"})
    assert "CopySourceVersionId" not in r and "VersionId" in r
    u = s3.create_multipart_upload(Bucket=plain, Key="m")["UploadId"]
    r = s3.upload_part_copy(Bucket=plain, Key="m", UploadId=u, PartNumber=1, CopySource=source,
                            CopySourceRange="bytes=0-9")
    assert r["CopySourceVersionId"] == a
    s3.complete_multipart_upload(Bucket=plain, Key="m", UploadId=u, MultipartUpload={
        "Parts": [{"PartNumber": 1, "ETag": r["CopyPartResult"]["ETag"]}]})
    assert get(s3, plain, "m") == b"a" * 10


def test_an_older_version_is_restored_by_a_copy_onto_itself(s3, versioned):
    a = put(s3, versioned, "k", b"a")
    put(s3, versioned, "k", b"b")
    r = s3.copy_object(Bucket=versioned, Key="k", CopySource={"Bucket": versioned, "Key": "k", "VersionId": a})
    assert get(s3, versioned, "k") == b"a" and r["VersionId"] != a
    with pytest.raises(ClientError) as e:
        s3.copy_object(Bucket=versioned, Key="k", CopySource={"Bucket": versioned, "Key": "k"})
    assert code(e) == ("InvalidRequest", 400)


def test_markers_are_no_sources(s3, versioned):
    put(s3, versioned, "k", b"a")
    marker = s3.delete_object(Bucket=versioned, Key="k")["VersionId"]
    with pytest.raises(ClientError) as e:
        s3.copy_object(Bucket=versioned, Key="to", CopySource={"Bucket": versioned, "Key": "k"})
    assert code(e) == ("NoSuchKey", 404)
    with pytest.raises(ClientError) as e:
        s3.copy_object(Bucket=versioned, Key="to", CopySource={"Bucket": versioned, "Key": "k", "VersionId": marker})
    assert code(e) == ("InvalidRequest", 400)


def test_conditional_copies(s3, bucket):
    if "IfMatch" not in s3.meta.service_model.operation_model("CopyObject").input_shape.members:
        pytest.skip("an SDK of before")
    etag = s3.put_object(Bucket=bucket, Key="from", Body=b"a")["ETag"]
    source = {"Bucket": bucket, "Key": "from"}
    s3.copy_object(Bucket=bucket, Key="to", CopySource=source, IfNoneMatch="*")
    with pytest.raises(ClientError) as e:
        s3.copy_object(Bucket=bucket, Key="to", CopySource=source, IfNoneMatch="*")
    assert code(e) == ("PreconditionFailed", 412)
    s3.copy_object(Bucket=bucket, Key="to", CopySource=source, IfMatch=etag)
    with pytest.raises(ClientError) as e:
        s3.copy_object(Bucket=bucket, Key="to", CopySource=source, IfMatch='"other"')
    assert code(e) == ("PreconditionFailed", 412)
    with pytest.raises(ClientError) as e:
        s3.copy_object(Bucket=bucket, Key="none", CopySource=source, IfMatch=etag)
    assert code(e) == ("NoSuchKey", 404)


def test_conditional_puts_meet_the_latest(s3, versioned):
    put(s3, versioned, "k", b"a")
    with pytest.raises(ClientError) as e:
        s3.put_object(Bucket=versioned, Key="k", Body=b"b", IfNoneMatch="*")
    assert code(e) == ("PreconditionFailed", 412)
    s3.delete_object(Bucket=versioned, Key="k")
    assert s3.put_object(Bucket=versioned, Key="k", Body=b"b", IfNoneMatch="*")["VersionId"]
    assert get(s3, versioned, "k") == b"b"


# --- deletes -------------------------------------------------------------------------------


def test_deletes_are_idempotent(s3, versioned):
    v = put(s3, versioned, "k", b"a")
    for _ in range(2):
        r = s3.delete_object(Bucket=versioned, Key="k", VersionId=v)
        assert r["VersionId"] == v and not r.get("DeleteMarker")


def test_batches_of_versions(s3, versioned):
    a, b = put(s3, versioned, "k", b"a"), put(s3, versioned, "k", b"b")
    r = s3.delete_objects(Bucket=versioned, Delete={"Objects": [{"Key": "k"}, {"Key": "nothing"}]})
    by_key = {d["Key"]: d for d in r["Deleted"]}
    assert set(by_key) == {"k", "nothing"}
    assert all(d["DeleteMarker"] is True and "VersionId" not in d for d in by_key.values())
    marker = by_key["k"]["DeleteMarkerVersionId"]
    assert ("k", marker, True, True) in listed(s3, versioned)
    names = [{"Key": "k", "VersionId": v} for v in (a, b, marker)]
    for _ in range(2):  # again: what is gone is deleted
        r = s3.delete_objects(Bucket=versioned, Delete={"Objects": names + [{"Key": "k", "VersionId": "none"}]})
        assert {d["VersionId"] for d in r["Deleted"]} == {a, b, marker}
        assert [(e["Key"], e["VersionId"], e["Code"]) for e in r["Errors"]] == [("k", "none", "NoSuchVersion")]
    assert [k for k, _, _, _ in listed(s3, versioned)] == ["nothing"]


def test_a_batch_says_which_were_markers(s3, versioned):
    marker = s3.delete_object(Bucket=versioned, Key="k")["VersionId"]
    v = put(s3, versioned, "k", b"a")
    r = s3.delete_objects(Bucket=versioned, Delete={"Objects": [
        {"Key": "k", "VersionId": marker}, {"Key": "k", "VersionId": v}]})
    by_id = {d["VersionId"]: d for d in r["Deleted"]}
    assert by_id[marker]["DeleteMarker"] is True and by_id[marker]["DeleteMarkerVersionId"] == marker
    assert "DeleteMarker" not in by_id[v]


def test_conditional_deletes(s3, versioned):
    if "IfMatchSize" not in s3.meta.service_model.operation_model("DeleteObject").input_shape.members:
        pytest.skip("an SDK of before")
    v = put(s3, versioned, "k", b"abc")
    head = s3.head_object(Bucket=versioned, Key="k")
    for bad in ({"IfMatch": '"other"'}, {"IfMatchSize": 4},
                {"IfMatchLastModifiedTime": head["LastModified"].replace(year=2015)}):
        with pytest.raises(ClientError) as e:
            s3.delete_object(Bucket=versioned, Key="k", **bad)
        assert code(e) == ("PreconditionFailed", 412)
        with pytest.raises(ClientError) as e:
            s3.delete_object(Bucket=versioned, Key="k", VersionId=v, **bad)
        assert code(e) == ("PreconditionFailed", 412)
    r = s3.delete_objects(Bucket=versioned, Delete={"Objects": [{"Key": "k", "VersionId": v, "Size": 4}]})
    assert r["Errors"][0]["Code"] == "PreconditionFailed"
    assert s3.delete_object(Bucket=versioned, Key="k", IfMatchSize=3, IfMatch=head["ETag"])["DeleteMarker"] is True
    s3.delete_object(Bucket=versioned, Key="k", VersionId=v, IfMatchLastModifiedTime=head["LastModified"])
    assert len(listed(s3, versioned)) == 1


# --- listings ------------------------------------------------------------------------------


def fill(s3, bucket):
    """Names of several kinds; [(key, id)] as they must be listed."""
    want = {}
    for key in ("a", "a/", "a/b", "a//b", "a\u00fc", "b", "c/x", "c/y"):
        want[key] = []
        for i in range(3):
            want[key].insert(0, put(s3, bucket, key, b"%d" % i))
        if key in ("a/b", "b"):
            want[key].insert(0, s3.delete_object(Bucket=bucket, Key=key)["VersionId"])
    return [(k, v) for k in sorted(want, key=str.encode) for v in want[k]]


def raw_order(r):
    """[(key, id)] of an answer, in the order of the XML."""
    both = [(v["Key"], v["VersionId"]) for v in r.get("Versions", [])]
    return both + [(v["Key"], v["VersionId"]) for v in r.get("DeleteMarkers", [])]


def test_pages_of_every_size_list_each_version_once(s3, versioned):
    want = fill(s3, versioned)
    for size in (1, 2, 3, 5, len(want) - 1, len(want), 1000):
        got = [(k, v) for k, v, _, _ in listed(s3, versioned, MaxKeys=size)]
        assert sorted(got) == sorted(want), size
        assert len(got) == len(want)
    markers = [k for k, _, m, _ in listed(s3, versioned) if m]
    assert markers == ["a/b", "b"]
    latest = [k for k, _, _, is_latest in listed(s3, versioned, MaxKeys=2) if is_latest]
    assert sorted(latest) == sorted({k for k, _ in want})


def test_prefixes_and_delimiters(s3, versioned):
    want = fill(s3, versioned)
    assert {k for k, _, _, _ in listed(s3, versioned, Prefix="a/")} == {"a/", "a/b", "a//b"}
    r = s3.list_object_versions(Bucket=versioned, Delimiter="/")
    assert [p["Prefix"] for p in r["CommonPrefixes"]] == ["a/", "c/"]
    assert {v["Key"] for v in r["Versions"]} == {"a", "a\u00fc", "b"}
    seen, more = [], {}
    while True:
        r = s3.list_object_versions(Bucket=versioned, Delimiter="/", MaxKeys=1, **more)
        seen += [p["Prefix"] for p in r.get("CommonPrefixes", [])] + [k for k, _ in raw_order(r)]
        if not r["IsTruncated"]:
            break
        more = {"KeyMarker": r["NextKeyMarker"]}
        if "NextVersionIdMarker" in r:
            more["VersionIdMarker"] = r["NextVersionIdMarker"]
    plain = [k for k, _ in want if "/" not in k]
    assert sorted(seen) == sorted(plain + ["a/", "c/"])


def test_a_listing_may_go_on_from_any_version(s3, versioned):
    want = fill(s3, versioned)
    for i, (key, version) in enumerate(want):
        got = [(k, v) for k, v, _, _ in listed_from(s3, versioned, key, version)]
        assert sorted(got) == sorted(want[i + 1:]), (key, i)


def listed_from(s3, bucket, key, version):
    r = s3.list_object_versions(Bucket=bucket, KeyMarker=key, VersionIdMarker=version)
    return [(k, v, None, None) for k, v in raw_order(r)]


def test_markers_that_mean_nothing(s3, versioned):
    for how in ({"VersionIdMarker": "null"}, {"KeyMarker": "k", "VersionIdMarker": "abc"}):
        with pytest.raises(ClientError) as e:
            s3.list_object_versions(Bucket=versioned, **how)
        assert code(e) == ("InvalidArgument", 400)


def test_what_a_version_says_of_itself(s3, versioned):
    s3.put_object(Bucket=versioned, Key="k", Body=b"abc", ChecksumAlgorithm="SHA256")
    head = s3.head_object(Bucket=versioned, Key="k")
    s3.delete_object(Bucket=versioned, Key="k")
    r = s3.list_object_versions(Bucket=versioned)
    v, m = r["Versions"][0], r["DeleteMarkers"][0]
    assert v["ETag"] == head["ETag"] and v["Size"] == 3 and v["StorageClass"] == "STANDARD"
    assert v["ChecksumAlgorithm"] == ["SHA256"]
    assert v["Owner"]["ID"] == m["Owner"]["ID"]
    assert v["LastModified"].replace(microsecond=0) == head["LastModified"]


# --- concurrency ---------------------------------------------------------------------------


def test_each_acknowledged_version_is_listed_once(server, s3, versioned):
    """Writers and deleters on one key; what they were told is what there is, in one order."""
    def write(n):
        mine = client(server)
        out = []
        for i in range(12):
            if (n + i) % 4 == 3:
                out.append((mine.delete_object(Bucket=versioned, Key="k")["VersionId"], None))
            else:
                body = b"%d.%d" % (n, i)
                out.append((put(mine, versioned, "k", body), body))
        return out

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        told = [x for made in pool.map(write, range(8)) for x in made]
    there = listed(s3, versioned, MaxKeys=7)
    assert sorted(v for _, v, _, _ in there) == sorted(v for v, _ in told)
    assert len({v for v, _ in told}) == len(told)
    assert sum(1 for _, _, _, is_latest in there if is_latest) == 1
    assert {v for _, v, m, _ in there if m} == {v for v, body in told if body is None}
    for v, body in told:
        if body is not None:
            assert get(s3, versioned, "k", v) == body


def test_versions_are_removed_while_others_are_made(server, s3, versioned):
    ids = [put(s3, versioned, "k", b"%d" % i) for i in range(24)]

    def work(n):
        mine = client(server)
        if n % 2:
            return [put(mine, versioned, "k", b"new") for _ in range(6)]
        for v in ids[n * 3:n * 3 + 6]:
            mine.delete_object(Bucket=versioned, Key="k", VersionId=v)
        return []

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        made = [v for out in pool.map(work, range(8)) for v in out]
    assert sorted(v for _, v, _, _ in listed(s3, versioned)) == sorted(made)
    assert get(s3, versioned, "k") == b"new"


def test_one_of_many_first_writers_wins(server, s3, versioned):
    def write(n):
        try:
            return client(server).put_object(Bucket=versioned, Key="k", Body=b"%d" % n, IfNoneMatch="*")["VersionId"]
        except ClientError as e:
            assert e.response["Error"]["Code"] in ("PreconditionFailed", "ConditionalRequestConflict")
            return None

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        won = [v for v in pool.map(write, range(16)) if v]
    assert [v for _, v, _, _ in listed(s3, versioned)] == won and len(won) == 1


@pytest.mark.parametrize("length", [1025, 1153, 6000])
@pytest.mark.parametrize("marker", ["null", "some"])
def test_a_marker_longer_than_any_key_is_behind_its_beginning(s3, versioned, length, marker):
    ids = [put(s3, versioned, "a", b"1"), put(s3, versioned, "z", b"2")]
    r = s3.list_object_versions(
        Bucket=versioned, KeyMarker="k" * length, VersionIdMarker="null" if marker == "null" else ids[0])
    assert [v["VersionId"] for v in r["Versions"]] == ids[1:]
