"""Object lock: retention, legal hold, bypass, defaults, and that nothing gets around them."""
import threading
import uuid
from datetime import datetime, timedelta, timezone

import pytest
from botocore.exceptions import ClientError

from test_boto3_objects import code

FAR = datetime(2140, 1, 1, tzinfo=timezone.utc)
NEAR = datetime(2130, 1, 1, tzinfo=timezone.utc)
DENIED = ("AccessDenied", 403)


def refused(call, **arguments):
    with pytest.raises(ClientError) as e:
        call(**arguments)
    return code(e)


@pytest.fixture
def locked(s3):
    name = "locked-" + uuid.uuid4().hex[:12]
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})
    return name


def put(s3, bucket, key="k", **more):
    return s3.put_object(Bucket=bucket, Key=key, Body=b"x", **more)["VersionId"]


def retain(mode="GOVERNANCE", until=FAR):
    return {"Mode": mode, "RetainUntilDate": until}


def retention(s3, bucket, **more):
    return s3.get_object_retention(Bucket=bucket, Key="k", **more)["Retention"]


def is_there(s3, bucket, version, key="k"):
    return s3.get_object(Bucket=bucket, Key=key, VersionId=version)["Body"].read() == b"x"


def test_what_is_retained_stays(s3, locked):
    """Shows: GetObjectRetention"""
    version = put(s3, locked)
    assert refused(s3.get_object_retention, Bucket=locked, Key="k") == ("NoSuchObjectLockConfiguration", 404)
    s3.put_object_retention(Bucket=locked, Key="k", Retention=retain())
    assert retention(s3, locked) == retention(s3, locked, VersionId=version) == retain()
    assert refused(s3.delete_object, Bucket=locked, Key="k", VersionId=version) == DENIED
    marker = s3.delete_object(Bucket=locked, Key="k")  # only a marker before it
    assert marker["DeleteMarker"]
    assert is_there(s3, locked, version)
    s3.delete_object(Bucket=locked, Key="k", VersionId=marker["VersionId"])
    put(s3, locked)
    assert is_there(s3, locked, version)
    s3.delete_object(Bucket=locked, Key="k", VersionId=version, BypassGovernanceRetention=True)
    assert refused(s3.get_object, Bucket=locked, Key="k", VersionId=version) == ("NoSuchVersion", 404)


def test_retention_only_grows(s3, locked):
    put(s3, locked)
    for want in (retain(until=NEAR), retain(until=FAR)):
        s3.put_object_retention(Bucket=locked, Key="k", Retention=want)
    assert refused(s3.put_object_retention, Bucket=locked, Key="k", Retention=retain(until=NEAR)) == DENIED
    assert refused(s3.put_object_retention, Bucket=locked, Key="k", Retention={}) == DENIED
    assert refused(s3.put_object_retention, Bucket=locked, Key="k", Retention=retain("COMPLIANCE")) == DENIED
    assert retention(s3, locked) == retain()
    s3.put_object_retention(Bucket=locked, Key="k", Retention=retain(until=NEAR), BypassGovernanceRetention=True)
    assert retention(s3, locked) == retain(until=NEAR)
    s3.put_object_retention(Bucket=locked, Key="k", Retention={}, BypassGovernanceRetention=True)
    assert refused(s3.get_object_retention, Bucket=locked, Key="k") == ("NoSuchObjectLockConfiguration", 404)


def test_nobody_gets_past_compliance(s3, locked):
    version = put(s3, locked, ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=NEAR)
    for weaker in ({}, retain(), retain("COMPLIANCE", NEAR - timedelta(days=1))):
        assert refused(s3.put_object_retention, Bucket=locked, Key="k", Retention=weaker,
                       BypassGovernanceRetention=True) == DENIED
    assert refused(s3.delete_object, Bucket=locked, Key="k", VersionId=version,
                   BypassGovernanceRetention=True) == DENIED
    s3.put_object_retention(Bucket=locked, Key="k", Retention=retain("COMPLIANCE", FAR))
    assert retention(s3, locked) == retain("COMPLIANCE")


def test_a_hold(s3, locked):
    version = put(s3, locked)
    assert refused(s3.get_object_legal_hold, Bucket=locked, Key="k") == ("NoSuchObjectLockConfiguration", 404)
    s3.put_object_legal_hold(Bucket=locked, Key="k", LegalHold={"Status": "ON"})
    assert s3.get_object_legal_hold(Bucket=locked, Key="k")["LegalHold"] == {"Status": "ON"}
    assert refused(s3.delete_object, Bucket=locked, Key="k", VersionId=version,
                   BypassGovernanceRetention=True) == DENIED
    s3.put_object_legal_hold(Bucket=locked, Key="k", VersionId=version, LegalHold={"Status": "OFF"})
    assert s3.get_object_legal_hold(Bucket=locked, Key="k")["LegalHold"] == {"Status": "OFF"}
    assert refused(s3.put_object_legal_hold, Bucket=locked, Key="k", LegalHold={"Status": "on"}) == \
        ("MalformedXML", 400)
    s3.delete_object(Bucket=locked, Key="k", VersionId=version)


def test_many_at_once(s3, locked):
    versions = {key: put(s3, locked, key) for key in ("free", "held", "kept")}
    s3.put_object_retention(Bucket=locked, Key="kept", Retention=retain())
    s3.put_object_legal_hold(Bucket=locked, Key="held", LegalHold={"Status": "ON"})

    def delete(**more):
        return s3.delete_objects(Bucket=locked, Delete={"Objects": [
            {"Key": k, "VersionId": v} for k, v in versions.items()]}, **more)

    answer = delete()
    assert [d["Key"] for d in answer["Deleted"]] == ["free"]
    assert {(e["Key"], e["Code"], e["VersionId"]) for e in answer["Errors"]} == {
        (k, "AccessDenied", versions[k]) for k in ("held", "kept")}
    answer = delete(BypassGovernanceRetention=True)
    assert {d["Key"] for d in answer["Deleted"]} == {"free", "kept"}
    assert [e["Key"] for e in answer["Errors"]] == ["held"]
    s3.put_object_legal_hold(Bucket=locked, Key="held", LegalHold={"Status": "OFF"})
    assert "Errors" not in delete()


def test_headers_of_writes_and_reads(s3, locked):
    asked = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": FAR, "ObjectLockLegalHoldStatus": "ON"}
    version = put(s3, locked, **asked)
    for call in (s3.head_object, s3.get_object):
        answer = call(Bucket=locked, Key="k")
        assert {name: answer[name] for name in asked} == asked
    assert refused(s3.delete_object, Bucket=locked, Key="k", VersionId=version,
                   BypassGovernanceRetention=True) == DENIED
    # A copy is a new version: what locks its source does not lock it.
    s3.copy_object(Bucket=locked, Key="copy", CopySource={"Bucket": locked, "Key": "k"})
    head = s3.head_object(Bucket=locked, Key="copy")
    assert not [name for name in asked if name in head]
    s3.copy_object(Bucket=locked, Key="copy", CopySource={"Bucket": locked, "Key": "k"}, ObjectLockMode="GOVERNANCE",
                   ObjectLockRetainUntilDate=NEAR)
    assert s3.head_object(Bucket=locked, Key="copy")["ObjectLockRetainUntilDate"] == NEAR


def test_uploads(s3, locked):
    upload = s3.create_multipart_upload(Bucket=locked, Key="k", ObjectLockMode="GOVERNANCE",
                                        ObjectLockRetainUntilDate=FAR, ObjectLockLegalHoldStatus="OFF")["UploadId"]
    part = s3.upload_part(Bucket=locked, Key="k", UploadId=upload, PartNumber=1, Body=b"x")
    version = s3.complete_multipart_upload(Bucket=locked, Key="k", UploadId=upload, MultipartUpload={
        "Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})["VersionId"]
    assert retention(s3, locked) == retain()
    assert s3.get_object_legal_hold(Bucket=locked, Key="k")["LegalHold"] == {"Status": "OFF"}
    assert refused(s3.delete_object, Bucket=locked, Key="k", VersionId=version) == DENIED


def test_the_default_of_the_bucket(s3, locked):
    before = put(s3, locked)
    s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration={
        "ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 2}}})
    version = put(s3, locked)
    got = retention(s3, locked)
    away = got["RetainUntilDate"] - datetime.now(timezone.utc)
    assert got["Mode"] == "GOVERNANCE" and timedelta(days=1) < away <= timedelta(days=2, minutes=5)
    assert refused(s3.delete_object, Bucket=locked, Key="k", VersionId=version) == DENIED
    s3.delete_object(Bucket=locked, Key="k", VersionId=before)  # a default is of what comes after
    put(s3, locked, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=FAR)
    assert retention(s3, locked) == retain()
    s3.copy_object(Bucket=locked, Key="copy", CopySource={"Bucket": locked, "Key": "k"})
    assert s3.head_object(Bucket=locked, Key="copy")["ObjectLockMode"] == "GOVERNANCE"
    upload = s3.create_multipart_upload(Bucket=locked, Key="mp")["UploadId"]
    part = s3.upload_part(Bucket=locked, Key="mp", UploadId=upload, PartNumber=1, Body=b"x")
    s3.complete_multipart_upload(Bucket=locked, Key="mp", UploadId=upload, MultipartUpload={
        "Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    assert s3.head_object(Bucket=locked, Key="mp")["ObjectLockMode"] == "GOVERNANCE"


@pytest.mark.parametrize("headers", [
    {"ObjectLockMode": "GOVERNANCE"}, {"ObjectLockRetainUntilDate": FAR},
    {"ObjectLockMode": "governance", "ObjectLockRetainUntilDate": FAR}, {"ObjectLockLegalHoldStatus": "on"},
    {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": datetime(2020, 1, 1)}])
def test_bad_headers_store_nothing(s3, locked, headers):
    assert refused(s3.put_object, Bucket=locked, Key="k", Body=b"x", **headers) == ("InvalidArgument", 400)
    assert refused(s3.create_multipart_upload, Bucket=locked, Key="k", **headers) == ("InvalidArgument", 400)
    assert refused(s3.head_object, Bucket=locked, Key="k")[1] == 404


def test_a_bucket_without_lock(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    put(s3, bucket)
    no = ("InvalidRequest", 400)
    assert refused(s3.get_object_retention, Bucket=bucket, Key="k") == no
    assert refused(s3.put_object_retention, Bucket=bucket, Key="k", Retention=retain()) == no
    assert refused(s3.get_object_legal_hold, Bucket=bucket, Key="k") == no
    assert refused(s3.put_object_legal_hold, Bucket=bucket, Key="k", LegalHold={"Status": "ON"}) == no
    assert refused(s3.put_object, Bucket=bucket, Key="n", Body=b"x", ObjectLockLegalHoldStatus="ON") == no
    assert refused(s3.copy_object, Bucket=bucket, Key="n", CopySource={"Bucket": bucket, "Key": "k"},
                   ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=FAR) == no
    assert refused(s3.head_object, Bucket=bucket, Key="n")[1] == 404


@pytest.mark.parametrize("bad", [retain("governance"), retain("abc"), {"Mode": "GOVERNANCE"}])
def test_bad_retentions(s3, locked, bad):
    put(s3, locked)
    assert refused(s3.put_object_retention, Bucket=locked, Key="k", Retention=bad) == ("MalformedXML", 400)
    past = retain(until=datetime(2020, 1, 1))
    assert refused(s3.put_object_retention, Bucket=locked, Key="k", Retention=past) == ("InvalidArgument", 400)
    assert refused(s3.get_object_retention, Bucket=locked, Key="k") == ("NoSuchObjectLockConfiguration", 404)


def test_tags_do_not_change_a_lock(s3, locked):
    version = put(s3, locked, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=FAR)
    s3.put_object_tagging(Bucket=locked, Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    s3.delete_object_tagging(Bucket=locked, Key="k")
    assert retention(s3, locked) == retain()
    assert refused(s3.delete_object, Bucket=locked, Key="k", VersionId=version) == DENIED


def test_a_lock_that_was_answered_holds(s3, locked):
    """Removal against lock: one of the two is refused, whichever comes second."""
    for _ in range(12):
        version, results = put(s3, locked), {}

        def hold():
            try:
                s3.put_object_legal_hold(Bucket=locked, Key="k", VersionId=version, LegalHold={"Status": "ON"})
                results["held"] = True
            except ClientError as e:
                results["held"] = e.response["Error"]["Code"]

        def remove():
            try:
                s3.delete_object(Bucket=locked, Key="k", VersionId=version)
                results["removed"] = True
            except ClientError as e:
                results["removed"] = e.response["Error"]["Code"]

        threads = [threading.Thread(target=f) for f in (hold, remove)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        if results["held"] is True:
            assert results["removed"] == "AccessDenied" and is_there(s3, locked, version)
        else:
            assert results == {"held": "NoSuchVersion", "removed": True}


def test_a_null_version_from_before_the_lock_stays(s3, bucket):
    """By whatever replaces, moves or removes null versions elsewhere."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})
    s3.put_object_retention(Bucket=bucket, Key="k", VersionId="null", Retention=retain("COMPLIANCE"))
    source = {"Bucket": bucket, "Key": "k"}

    def complete():
        names = {"Bucket": bucket, "Key": "k"}
        names["UploadId"] = s3.create_multipart_upload(**names)["UploadId"]
        part = s3.upload_part(**names, PartNumber=1, Body=b"y")["ETag"]
        s3.complete_multipart_upload(**names, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]})

    for write in (
            lambda: s3.copy_object(Bucket=bucket, Key="k", CopySource=source, MetadataDirective="REPLACE"),
            complete,
            lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"y"),
            lambda: s3.delete_object(Bucket=bucket, Key="k"),
            lambda: s3.delete_objects(Bucket=bucket, Delete={"Objects": [
                {"Key": "k"}, {"Key": "k", "VersionId": "null"}]}, BypassGovernanceRetention=True)):
        write()
        assert is_there(s3, bucket, "null")
        assert retention(s3, bucket, VersionId="null") == retain("COMPLIANCE")
        assert refused(s3.delete_object, Bucket=bucket, Key="k", VersionId="null") == DENIED
        assert refused(
            s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration={"Status": "Suspended"}) == (
                "InvalidBucketState", 409)
        assert refused(s3.delete_bucket, Bucket=bucket) == ("BucketNotEmpty", 409)
    there = s3.list_object_versions(Bucket=bucket)
    for v in there["Versions"] + there["DeleteMarkers"]:
        if v["VersionId"] != "null":
            s3.delete_object(Bucket=bucket, Key="k", VersionId=v["VersionId"])
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"  # the latest again, and as locked as ever
    assert refused(s3.delete_object, Bucket=bucket, Key="k", VersionId="null") == DENIED
    assert retention(s3, bucket) == retain("COMPLIANCE")
