"""Tags of objects: put, get, delete, by version, on writes and copies; and changes that meet."""
import json
import threading
import uuid

import pytest
from botocore.exceptions import ClientError

from test_boto3_objects import code
from users import make_user


def refused(call, **arguments):
    with pytest.raises(ClientError) as e:
        call(**arguments)
    return code(e)


def tags(**pairs):
    return {"TagSet": [{"Key": k, "Value": v} for k, v in sorted(pairs.items())]}


def get(s3, bucket, key="k", **more):
    return {"TagSet": s3.get_object_tagging(Bucket=bucket, Key=key, **more)["TagSet"]}


def test_life(s3, bucket):
    """Shows: GetObjectTagging"""
    before = s3.put_object(Bucket=bucket, Key="k", Body=b"x", Metadata={"m": "1"}, ContentType="a/b")
    assert get(s3, bucket) == tags()
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging=tags(a="1", b=""))
    assert get(s3, bucket) == tags(a="1", b="")
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging=tags(c="3"))
    assert get(s3, bucket) == tags(c="3")
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["ETag"], head["Metadata"], head["ContentType"]) == (before["ETag"], {"m": "1"}, "a/b")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    answer = s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert get(s3, bucket) == tags()


def test_no_object(s3, bucket):
    assert refused(s3.get_object_tagging, Bucket=bucket, Key="none") == ("NoSuchKey", 404)
    assert refused(s3.put_object_tagging, Bucket=bucket, Key="none", Tagging=tags(a="1")) == ("NoSuchKey", 404)
    assert refused(s3.delete_object_tagging, Bucket=bucket, Key="none") == ("NoSuchKey", 404)


def test_count_is_told(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="b=2&a=1%20+&c")
    assert get(s3, bucket) == tags(a="1  ", b="2", c="")
    for call in (s3.head_object, s3.get_object):
        assert call(Bucket=bucket, Key="k")["ResponseMetadata"]["HTTPHeaders"]["x-amz-tagging-count"] == "3"
    s3.put_object(Bucket=bucket, Key="k", Body=b"y")
    assert get(s3, bucket) == tags()
    assert "x-amz-tagging-count" not in s3.head_object(Bucket=bucket, Key="k")["ResponseMetadata"]["HTTPHeaders"]


@pytest.mark.parametrize("header", ["a=1&a=2", "aws:x=1", "a=%3C", "=1", "&".join("abcdefghijk"), "a=%ff"])
def test_bad_headers_store_nothing(s3, bucket, header):
    assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"x", Tagging=header) in (
        ("InvalidTag", 400), ("InvalidArgument", 400))
    assert refused(s3.head_object, Bucket=bucket, Key="k")[1] == 404


@pytest.mark.parametrize("bad", [tags(**{f"k{n}": "" for n in range(11)}), tags(**{"k" * 129: ""}),
                                 tags(k="v" * 257), tags(**{"aws:k": ""}),
                                 {"TagSet": 2 * [{"Key": "a", "Value": "b"}]}])
def test_bad_sets_change_nothing(s3, bucket, bad):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="was=here")
    assert refused(s3.put_object_tagging, Bucket=bucket, Key="k", Tagging=bad) == ("InvalidTag", 400)
    assert get(s3, bucket) == tags(was="here")


def test_each_version_has_its_own(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"1", Tagging="n=1")["VersionId"]
    second = s3.put_object(Bucket=bucket, Key="k", Body=b"2", Tagging="n=2")["VersionId"]
    answer = s3.put_object_tagging(Bucket=bucket, Key="k", VersionId=first, Tagging=tags(n="one"))
    assert answer["VersionId"] == first
    assert get(s3, bucket) == get(s3, bucket, VersionId=second) == tags(n="2")
    assert get(s3, bucket, VersionId=first) == tags(n="one")
    s3.delete_object_tagging(Bucket=bucket, Key="k", VersionId=second)
    assert get(s3, bucket) == tags()
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    assert refused(s3.get_object_tagging, Bucket=bucket, Key="k") == ("NoSuchKey", 404)
    assert refused(s3.put_object_tagging, Bucket=bucket, Key="k", VersionId=marker, Tagging=tags(a="1")) == \
        ("MethodNotAllowed", 405)
    assert get(s3, bucket, VersionId=first) == tags(n="one")


def test_copies(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="a=1")
    source = {"Bucket": bucket, "Key": "k"}
    s3.copy_object(Bucket=bucket, Key="kept", CopySource=source)
    assert get(s3, bucket, "kept") == tags(a="1")
    s3.copy_object(Bucket=bucket, Key="meta", CopySource=source, MetadataDirective="REPLACE")
    assert get(s3, bucket, "meta") == tags(a="1")
    s3.copy_object(Bucket=bucket, Key="new", CopySource=source, TaggingDirective="REPLACE", Tagging="b=2")
    assert get(s3, bucket, "new") == tags(b="2")
    s3.copy_object(Bucket=bucket, Key="none", CopySource=source, TaggingDirective="REPLACE")
    assert get(s3, bucket, "none") == tags()
    assert get(s3, bucket) == tags(a="1")


def test_uploads(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", Tagging="Hello=World&foo=bar")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"x")
    s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={
        "Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    assert get(s3, bucket) == tags(Hello="World", foo="bar")
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging=tags(x="y"))
    assert s3.get_object(Bucket=bucket, Key="k", PartNumber=1)["Body"].read() == b"x"


def test_changes_that_meet(s3, bucket):
    """Tags, objects and their removal, all at once: what is read is always one of the sets, whole."""
    sets = [tags(who=str(n), **{f"k{i}": str(n) for i in range(9)}) for n in range(4)]
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    unexpected = []

    def change(n):
        for _ in range(10):
            try:
                s3.put_object_tagging(Bucket=bucket, Key="k", Tagging=sets[n])
            except ClientError as e:
                if e.response["Error"]["Code"] != "OperationAborted":
                    unexpected.append(e)
                continue
            if get(s3, bucket) not in sets:
                unexpected.append("torn")

    threads = [threading.Thread(target=change, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not unexpected
    assert get(s3, bucket) in sets


def test_a_policy_may_ask_for_the_tags_a_bucket_gets(server, s3, bucket):
    user = make_user(server, id="tagger-" + uuid.uuid4().hex[:8])
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": user.id}, "Action": "s3:PutBucketTagging",
        "Resource": f"arn:aws:s3:::{bucket}",
        "Condition": {"StringEquals": {"aws:RequestTag/team": "red"},
                      "ForAllValues:StringEquals": {"aws:TagKeys": ["team", "cost"]}}}]}))

    def put(**tags):
        user.s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [
            {"Key": k, "Value": v} for k, v in tags.items()]})

    put(team="red", cost="1")
    for wrong in ({"team": "blue"}, {"cost": "1"}, {"team": "red", "other": "x"}):
        with pytest.raises(ClientError) as e:
            put(**wrong)
        assert e.value.response["Error"]["Code"] == "AccessDenied"
    assert {t["Key"]: t["Value"] for t in s3.get_bucket_tagging(Bucket=bucket)["TagSet"]} == {
        "team": "red", "cost": "1"}
    # And a Deny that asks for them forbids those alone.
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Principal": "*", "Action": "s3:PutBucketTagging",
        "Resource": f"arn:aws:s3:::{bucket}", "Condition": {"StringEquals": {"aws:RequestTag/team": "blue"}}}]}))
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "team", "Value": "green"}]})
    with pytest.raises(ClientError) as e:
        s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "team", "Value": "blue"}]})
    assert e.value.response["Error"]["Code"] == "AccessDenied"
