"""Bucket policies: what they decide, for the owner, for other accounts, their people and strangers."""
import datetime
import json
import select
import urllib.error
import urllib.request
import uuid

import pytest
from botocore import UNSIGNED
from botocore.exceptions import ClientError
from conftest import client
from raw import Raw
from server import Server
from users import make_user


class World:
    """A server with an owner (root), another account, one of root's people, and strangers."""

    def __init__(self, server):
        self.server = server
        self.owner = client(server)
        self.owner_id = self.owner.list_buckets()["Owner"]["ID"]
        self.other_user = make_user(server, id="other-account", name="Other")
        self.third_user = make_user(server, id="third-account", name="Third")
        self.person_user = make_user(server, name="Person")
        self.other, self.third, self.person = self.other_user.s3, self.third_user.s3, self.person_user.s3
        self.stranger = client(server, signature_version=UNSIGNED)

    def bucket(self, *keys, s3=None):
        name = "effects-" + uuid.uuid4().hex[:12]
        (s3 or self.owner).create_bucket(Bucket=name)
        for key in keys:
            (s3 or self.owner).put_object(Bucket=name, Key=key, Body=key.encode())
        return name

    def put(self, bucket, *statements):
        self.owner.put_bucket_policy(Bucket=bucket, Policy=json.dumps(
            {"Version": "2012-10-17", "Statement": list(statements)}))


@pytest.fixture(scope="module")
def world(plain_server):
    return World(plain_server)


def allow(bucket, action="s3:GetObject", resource="/*", principal="*", **more):
    resource = resource if isinstance(resource, list) else f"arn:aws:s3:::{bucket}{resource}"
    s = {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": resource, **more}
    return {name: value for name, value in s.items() if value is not None}


def deny(*arguments, **more):
    return {**allow(*arguments, **more), "Effect": "Deny"}


def with_headers(s3, operation, **headers):
    """Adds headers to every call of the operation."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    s3.meta.events.register(f"before-call.s3.{operation}",
                            lambda params, **_: params["headers"].update(sent))
    return s3


def refused(call, *arguments, **more):
    with pytest.raises(ClientError) as e:
        call(*arguments, **more)
    error = e.value.response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 403, error
    assert error["Error"]["Code"] in ("AccessDenied", "403"), error  # HEAD has no body


def put(url, headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, b"", headers, method="PUT"), timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as e:
        return e.code


def body(s3, bucket, key):
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read()


# --- who ---------------------------------------------------------------------------------------

def test_everybody(world):
    b = world.bucket("a")
    for s3 in (world.other, world.third, world.person, world.stranger):
        refused(s3.get_object, Bucket=b, Key="a")
    world.put(b, allow(b))
    for s3 in (world.other, world.third, world.person, world.stranger, world.owner):
        assert body(s3, b, "a") == b"a"
        assert s3.head_object(Bucket=b, Key="a")["ContentLength"] == 1
    for s3 in (world.other, world.person, world.stranger):
        refused(s3.put_object, Bucket=b, Key="a", Body=b"x")
        refused(s3.delete_object, Bucket=b, Key="a")
        refused(s3.list_objects_v2, Bucket=b)
        refused(s3.get_bucket_policy, Bucket=b)
    world.owner.delete_bucket_policy(Bucket=b)
    for s3 in (world.other, world.person, world.stranger):
        refused(s3.get_object, Bucket=b, Key="a")


@pytest.mark.parametrize("principal", ["other-account", "arn:aws:iam::other-account:root", "canonical"])
def test_another_account(world, principal):
    b = world.bucket("a")
    world.put(b, allow(b, principal={"CanonicalUser": "other-account"} if principal == "canonical"
                       else {"AWS": principal}))
    assert body(world.other, b, "a") == b"a"
    for s3 in (world.third, world.person, world.stranger):
        refused(s3.get_object, Bucket=b, Key="a")


def test_one_of_the_people(world):
    b = world.bucket("a")
    world.put(b, allow(b, principal={"AWS": f"arn:aws:iam::{world.owner_id}:user/Person"}))
    assert body(world.person, b, "a") == b"a"
    for s3 in (world.other, world.stranger):
        refused(s3.get_object, Bucket=b, Key="a")


def test_denied_wins_over_allowed(world):
    b = world.bucket("a", "b")
    world.put(b, allow(b), deny(b, resource="/a"))
    for s3 in (world.other, world.stranger, world.owner):
        refused(s3.get_object, Bucket=b, Key="a")
        assert body(s3, b, "b") == b"b"
    assert world.owner.head_bucket(Bucket=b)


def test_a_policy_against_everybody_can_be_taken_back_by_its_owner(world):
    b = world.bucket("a")
    everything = [f"arn:aws:s3:::{b}", f"arn:aws:s3:::{b}/*"]
    world.put(b, allow(b, "s3:*", everything), deny(b, "s3:*", everything))
    for s3 in (world.owner, world.other, world.person):
        refused(s3.get_object, Bucket=b, Key="a")
        refused(s3.list_objects_v2, Bucket=b)
        refused(s3.delete_bucket, Bucket=b)
    for s3 in (world.other, world.person, world.stranger):
        refused(s3.get_bucket_policy, Bucket=b)
        refused(s3.delete_bucket_policy, Bucket=b)
        refused(s3.put_bucket_policy, Bucket=b, Policy="{}")
    assert "Deny" in world.owner.get_bucket_policy(Bucket=b)["Policy"]
    world.owner.delete_bucket_policy(Bucket=b)
    assert body(world.owner, b, "a") == b"a"


def test_not_principal(world):
    b = world.bucket("a")
    world.put(b, allow(b), deny(b, principal=None, NotPrincipal={
        "AWS": ["arn:aws:iam::other-account:root", f"arn:aws:iam::{world.owner_id}:root"]}))
    assert body(world.other, b, "a") == b"a"
    assert body(world.owner, b, "a") == b"a"
    for s3 in (world.third, world.stranger, world.person):  # the account alone is its root
        refused(s3.get_object, Bucket=b, Key="a")


def test_another_owner_reads_own_bucket_only(world):
    b = world.bucket("a", s3=world.third)
    assert body(world.third, b, "a") == b"a"
    refused(world.other.get_object, Bucket=b, Key="a")
    world.third.put_bucket_policy(Bucket=b, Policy=json.dumps(
        {"Statement": allow(b, principal={"AWS": "other-account"})}))
    assert body(world.other, b, "a") == b"a"
    refused(world.other.delete_bucket_policy, Bucket=b)
    world.third.delete_bucket_policy(Bucket=b)
    refused(world.other.get_object, Bucket=b, Key="a")


# --- what --------------------------------------------------------------------------------------

def test_not_action_and_not_resource(world):
    b = world.bucket("public/a", "private/a")
    world.put(b, allow(b, action=None, NotAction=["s3:Put*", "s3:Delete*", "s3:AbortMultipartUpload"]))
    assert body(world.other, b, "public/a") == b"public/a"
    refused(world.other.put_object, Bucket=b, Key="x", Body=b"")
    world.put(b, {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
                  "NotResource": f"arn:aws:s3:::{b}/private/*"})
    assert body(world.other, b, "public/a") == b"public/a"
    refused(world.other.get_object, Bucket=b, Key="private/a")


def test_keys_are_case_sensitive_and_actions_are_not(world):
    b = world.bucket("Key", "key")
    world.put(b, allow(b, "S3:getOBJECT", "/Key"))
    assert body(world.other, b, "Key") == b"Key"
    refused(world.other.get_object, Bucket=b, Key="key")


def test_listing(world):
    b = world.bucket("a")
    for list_it in (world.other.list_objects, world.other.list_objects_v2, world.other.list_object_versions):
        refused(list_it, Bucket=b)
    world.put(b, allow(b, "s3:ListBucket", ""))
    assert len(world.other.list_objects(Bucket=b)["Contents"]) == 1
    assert len(world.other.list_objects_v2(Bucket=b)["Contents"]) == 1
    assert world.other.head_bucket(Bucket=b)
    refused(world.other.list_object_versions, Bucket=b)
    refused(world.other.list_multipart_uploads, Bucket=b)
    world.put(b, allow(b, ["s3:ListBucketVersions", "s3:ListBucketMultipartUploads"], ""))
    assert len(world.other.list_object_versions(Bucket=b)["Versions"]) == 1
    world.other.list_multipart_uploads(Bucket=b)
    refused(world.other.list_objects_v2, Bucket=b)


def test_writing_and_deleting(world):
    b = world.bucket("a")
    world.put(b, allow(b, "s3:PutObject"))
    world.other.put_object(Bucket=b, Key="new", Body=b"x")
    refused(world.other.get_object, Bucket=b, Key="new")
    refused(world.other.delete_object, Bucket=b, Key="new")
    world.put(b, allow(b, "s3:DeleteObject", "/new"))
    refused(world.other.delete_object, Bucket=b, Key="a")
    world.other.delete_object(Bucket=b, Key="new")


def test_deleting_many(world):
    b = world.bucket("a", "new")
    world.put(b, allow(b, "s3:DeleteObject", "/new"))
    answer = world.other.delete_objects(Bucket=b, Delete={"Objects": [{"Key": "new"}, {"Key": "a"}]})
    assert [x["Key"] for x in answer["Deleted"]] == ["new"]
    assert [(x["Key"], x["Code"]) for x in answer["Errors"]] == [("a", "AccessDenied")]
    assert body(world.owner, b, "a") == b"a"


def test_what_is_not_there_is_told_to_who_may_list(world):
    b = world.bucket()
    world.put(b, allow(b))
    refused(world.other.get_object, Bucket=b, Key="none")
    refused(world.other.head_object, Bucket=b, Key="none")
    world.put(b, allow(b), allow(b, "s3:ListBucket", ""))
    with pytest.raises(ClientError) as e:
        world.other.get_object(Bucket=b, Key="none")
    assert e.value.response["Error"]["Code"] == "NoSuchKey"
    world.put(b, allow(b), allow(b, "s3:ListBucket", "", Condition={"StringLike": {"s3:prefix": "public/*"}}))
    with pytest.raises(ClientError) as e:
        world.other.head_object(Bucket=b, Key="public/none")
    assert e.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    refused(world.other.head_object, Bucket=b, Key="private/none")


# --- conditions --------------------------------------------------------------------------------

def test_source_ip(world):
    b = world.bucket("a")
    for network, holds in (("127.0.0.0/8", True), ("10.0.0.0/8", False), ("127.0.0.1", True)):
        world.put(b, allow(b, Condition={"IpAddress": {"aws:SourceIp": network}}))
        if holds:
            assert body(world.other, b, "a") == b"a"
        else:
            refused(world.other.get_object, Bucket=b, Key="a")
    world.put(b, allow(b), deny(b, Condition={"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}))
    refused(world.owner.get_object, Bucket=b, Key="a")


def test_secure_transport(world):
    b = world.bucket("a")
    world.put(b, deny(b, "s3:*", [f"arn:aws:s3:::{b}", f"arn:aws:s3:::{b}/*"],
                      Condition={"Bool": {"aws:SecureTransport": "false"}}))
    refused(world.owner.get_object, Bucket=b, Key="a")
    refused(world.owner.list_objects_v2, Bucket=b)


def test_prefix_and_max_keys(world):
    b = world.bucket("home/a", "b")
    world.put(b, allow(b, "s3:ListBucket", "", Condition={
        "StringLike": {"s3:prefix": ["home/*"]}, "NumericLessThanEquals": {"s3:max-keys": "10"}}))
    for call in (world.other.list_objects, world.other.list_objects_v2):
        assert len(call(Bucket=b, Prefix="home/", MaxKeys=10)["Contents"]) == 1
        refused(call, Bucket=b, Prefix="home/", MaxKeys=11)
        refused(call, Bucket=b, Prefix="home/")
        refused(call, Bucket=b, Prefix="b", MaxKeys=10)
        refused(call, Bucket=b, MaxKeys=10)


def test_referer(world):
    b = world.bucket("a")
    world.put(b, allow(b, Condition={"StringLikeIfExists": {"aws:Referer": "http://www.example.com/*"}}))
    assert body(world.stranger, b, "a") == b"a"
    for referer, holds in (("http://www.example.com/x", True), ("http://example.com/", False)):
        s3 = with_headers(client(world.server, signature_version=UNSIGNED), "GetObject", referer=referer)
        if holds:
            assert body(s3, b, "a") == b"a"
        else:
            refused(s3.get_object, Bucket=b, Key="a")


def test_acl_header(world):
    b = world.bucket()
    world.put(b, allow(b, "s3:PutObject"), deny(b, "s3:PutObject", Condition={
        "StringLike": {"s3:x-amz-acl": "public*"}}))
    world.other.put_object(Bucket=b, Key="a", Body=b"")
    refused(world.other.put_object, Bucket=b, Key="b", Body=b"", ACL="public-read")
    refused(world.owner.put_object, Bucket=b, Key="b", Body=b"", ACL="public-read-write")
    refused(world.owner.create_multipart_upload, Bucket=b, Key="b", ACL="public-read")
    refused(world.owner.copy_object, Bucket=b, Key="b", CopySource=f"{b}/a", ACL="public-read")
    url = world.owner.generate_presigned_url("put_object", {"Bucket": b, "Key": "b", "ACL": "public-read"})
    assert put(url, {"x-amz-acl": "public-read"}) == 403
    with pytest.raises(ClientError):
        world.owner.head_object(Bucket=b, Key="b")


def test_grant_header(world):
    b = world.bucket()
    full = f'id={world.owner_id}'
    world.put(b, allow(b, "s3:PutObject", Condition={"StringEquals": {"s3:x-amz-grant-full-control": full}}))
    refused(world.other.put_object, Bucket=b, Key="a", Body=b"")
    refused(world.other.put_object, Bucket=b, Key="a", Body=b"", GrantFullControl="id=third-account")


def test_copy_source(world):
    source = world.bucket("public/a", "private/a")
    world.put(source, allow(source))
    b = world.bucket()
    world.put(b, allow(b, "s3:PutObject", Condition={
        "StringLike": {"s3:x-amz-copy-source": f"{source}/public/*"}}))
    world.other.copy_object(Bucket=b, Key="x", CopySource=f"{source}/public/a")
    world.other.copy_object(Bucket=b, Key="x", CopySource=f"/{source}/public/a")
    refused(world.other.copy_object, Bucket=b, Key="y", CopySource=f"{source}/private/a")
    refused(world.other.put_object, Bucket=b, Key="y", Body=b"")
    assert [x["Key"] for x in world.owner.list_objects_v2(Bucket=b)["Contents"]] == ["x"]


def test_source_of_a_copy_needs_its_own_leave(world):
    source = world.bucket("public/a", "private/a")
    world.put(source, allow(source, resource="/public/*"))
    b = world.bucket(s3=world.other)
    world.other.copy_object(Bucket=b, Key="x", CopySource=f"{source}/public/a")
    refused(world.other.copy_object, Bucket=b, Key="y", CopySource=f"{source}/private/a")
    upload = world.other.create_multipart_upload(Bucket=b, Key="z")["UploadId"]
    world.other.upload_part_copy(Bucket=b, Key="z", UploadId=upload, PartNumber=1, CopySource=f"{source}/public/a")
    refused(world.other.upload_part_copy, Bucket=b, Key="z", UploadId=upload, PartNumber=2,
            CopySource=f"{source}/private/a")
    refused(world.other.copy_object, Bucket=b, Key="y", CopySource=f"{source}/none")


def test_metadata_directive(world):
    source = world.bucket("a")
    world.put(source, allow(source))
    b = world.bucket()
    world.put(b, allow(b, "s3:PutObject", Condition={"StringEquals": {"s3:x-amz-metadata-directive": "COPY"}}))
    world.other.copy_object(Bucket=b, Key="x", CopySource=f"{source}/a", MetadataDirective="COPY")
    refused(world.other.copy_object, Bucket=b, Key="y", CopySource=f"{source}/a")
    refused(world.other.copy_object, Bucket=b, Key="y", CopySource=f"{source}/a", MetadataDirective="REPLACE")


def test_encryption_header(world):
    b = world.bucket()
    world.put(b, deny(b, "s3:PutObject", Condition={"Null": {"s3:x-amz-server-side-encryption": "true"}}))
    refused(world.owner.put_object, Bucket=b, Key="a", Body=b"")


def tag(s3, bucket, key, **tags):
    s3.put_object_tagging(Bucket=bucket, Key=key, Tagging={
        "TagSet": [{"Key": name, "Value": value} for name, value in tags.items()]})


def test_tags_of_the_object(world):
    b = world.bucket("open", "closed", "bare")
    tag(world.owner, b, "open", security="public", x="y")
    tag(world.owner, b, "closed", security="private")
    world.put(b, allow(b, ["s3:GetObject", "s3:PutObjectTagging"], Condition={
        "StringEquals": {"s3:ExistingObjectTag/security": "public"}}))
    assert body(world.other, b, "open") == b"open"
    assert world.other.head_object(Bucket=b, Key="open")
    for key in ("closed", "bare"):
        refused(world.other.get_object, Bucket=b, Key=key)
        refused(world.other.head_object, Bucket=b, Key=key)
        refused(world.stranger.get_object, Bucket=b, Key=key)
        with pytest.raises(ClientError):
            tag(world.other, b, key, security="public")
    refused(world.other.get_object_tagging, Bucket=b, Key="open")
    refused(world.other.get_object_acl, Bucket=b, Key="open")
    mine = world.bucket(s3=world.other)
    refused(world.other.copy_object, Bucket=mine, Key="x", CopySource=f"{b}/open")  # its tags are not allowed
    world.other.copy_object(Bucket=mine, Key="x", CopySource=f"{b}/open", TaggingDirective="REPLACE")
    refused(world.other.copy_object, Bucket=mine, Key="x", CopySource=f"{b}/closed")
    tag(world.other, b, "open", security="private")
    refused(world.other.get_object, Bucket=b, Key="open")
    with pytest.raises(ClientError):
        tag(world.other, b, "open", security="public")
    assert body(world.owner, b, "closed") == b"closed"


def test_tags_of_the_object_deny_even_the_owner(world):
    b = world.bucket("a")
    tag(world.owner, b, "a", sealed="yes")
    world.put(b, deny(b, Condition={"StringEquals": {"s3:ExistingObjectTag/sealed": "yes"}}))
    refused(world.owner.get_object, Bucket=b, Key="a")
    world.owner.delete_object_tagging(Bucket=b, Key="a")
    assert body(world.owner, b, "a") == b"a"


def test_tags_of_the_request(world):
    b = world.bucket("a")
    world.put(b, allow(b, ["s3:PutObject", "s3:PutObjectTagging"], Condition={
        "StringEquals": {"s3:RequestObjectTag/security": "public"},
        "ForAllValues:StringEquals": {"s3:RequestObjectTagKeys": ["security", "x"]}}))
    refused(world.other.put_object, Bucket=b, Key="n", Body=b"")
    refused(world.other.put_object, Bucket=b, Key="n", Body=b"", Tagging="security=private")
    refused(world.other.put_object, Bucket=b, Key="n", Body=b"", Tagging="security=public&y=z")
    world.other.put_object(Bucket=b, Key="n", Body=b"", Tagging="security=public&x=z")
    tag(world.other, b, "a", security="public")
    with pytest.raises(ClientError):
        tag(world.other, b, "a", security="private")
    with pytest.raises(ClientError):
        tag(world.other, b, "a", security="public", y="z")


def test_what_the_body_says_can_be_denied_to_the_owner(world):
    b = "effects-" + uuid.uuid4().hex[:12]
    world.owner.create_bucket(Bucket=b, ObjectLockEnabledForBucket=True)
    world.owner.put_object(Bucket=b, Key="a", Body=b"a")
    world.put(b, deny(b, "s3:PutObjectTagging", Condition={"StringEquals": {"s3:RequestObjectTag/x": "y"}}),
              deny(b, "s3:PutObjectLegalHold", Condition={"StringEquals": {"s3:object-lock-legal-hold": "ON"}}),
              deny(b, "s3:PutObjectRetention", Condition={
                  "NumericGreaterThan": {"s3:object-lock-remaining-retention-days": "2"}}))
    with pytest.raises(ClientError):
        tag(world.owner, b, "a", x="y")
    tag(world.owner, b, "a", x="z")
    refused(world.owner.put_object_legal_hold, Bucket=b, Key="a", LegalHold={"Status": "ON"})
    world.owner.put_object_legal_hold(Bucket=b, Key="a", LegalHold={"Status": "OFF"})
    now = datetime.datetime.now(datetime.timezone.utc)
    for days, fine in ((5, False), (1, True)):
        call = {"Bucket": b, "Key": "a", "Retention": {
            "Mode": "GOVERNANCE", "RetainUntilDate": now + datetime.timedelta(days=days)}}
        if fine:
            world.owner.put_object_retention(**call)
        else:
            refused(world.owner.put_object_retention, **call)


def test_variables(world):
    b = world.bucket("Other/a", "Third/a")
    world.put(b, allow(b, resource="/${aws:username}/*"))
    assert body(world.other, b, "Other/a") == b"Other/a"
    refused(world.other.get_object, Bucket=b, Key="Third/a")
    assert body(world.third, b, "Third/a") == b"Third/a"
    refused(world.stranger.get_object, Bucket=b, Key="Third/a")


def test_signature_version(world):
    b = world.bucket("a")
    world.put(b, deny(b, Condition={"StringEquals": {"s3:signatureversion": "AWS"}}))
    assert body(world.owner, b, "a") == b"a"
    old = client(world.server, signature_version="s3")
    refused(old.get_object, Bucket=b, Key="a")


# --- public access block -----------------------------------------------------------------------

def block(world, bucket, **on):
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    world.owner.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={
        name: on.get(name, False) for name in names})


def test_block_public_policy(world):
    b = world.bucket("a")
    block(world, b, BlockPublicPolicy=True)
    public = json.dumps({"Statement": allow(b)})
    refused(world.owner.put_bucket_policy, Bucket=b, Policy=public)
    with pytest.raises(ClientError) as e:
        world.owner.get_bucket_policy(Bucket=b)
    assert e.value.response["Error"]["Code"] == "NoSuchBucketPolicy"
    world.put(b, allow(b, principal={"AWS": "other-account"}))
    world.put(b, deny(b))
    refused(world.owner.put_bucket_policy, Bucket=b, Policy=public)
    assert "Deny" in world.owner.get_bucket_policy(Bucket=b)["Policy"]
    world.owner.delete_public_access_block(Bucket=b)
    world.owner.put_bucket_policy(Bucket=b, Policy=public)


def test_restrict_public_buckets(world):
    b = world.bucket("a")
    world.put(b, allow(b), allow(b, principal={"AWS": "other-account"}))
    assert body(world.stranger, b, "a") == b"a"
    block(world, b, RestrictPublicBuckets=True)
    for s3 in (world.stranger, world.other, world.third):
        refused(s3.get_object, Bucket=b, Key="a")
    assert body(world.owner, b, "a") == b"a"
    assert body(world.person, b, "a") == b"a"  # of the owner's account
    block(world, b)
    assert body(world.stranger, b, "a") == b"a"
    block(world, b, RestrictPublicBuckets=True)
    world.put(b, allow(b, principal={"AWS": "other-account"}))  # no public policy any more
    assert body(world.other, b, "a") == b"a"


def test_a_policy_that_takes_long_for_each_of_1000_keys_holds_up_nobody():
    with Server("--reactors", "1") as s:
        owner, bucket = make_user(s, id="slow-policy"), "slow-policy"
        other = make_user(s, id="deleter")
        owner.s3.create_bucket(Bucket=bucket)
        owner.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": "*", "Action": "s3:DeleteObject",
            "Resource": [f"arn:aws:s3:::{bucket}/*" + "a?" * 200 + f"b{i}" for i in range(40)]}]}))
        keys = "".join(f"<Object><Key>{'a' * 900}{i}</Key></Object>" for i in range(1000))
        body = f"<Delete>{keys}</Delete>".encode()
        raw = Raw(s, other.access, other.secret)
        with raw.connect() as c:
            c.send(raw.head("POST", f"/{bucket}", [("delete", "")], body=body) + body)
            for _ in range(5):  # they are answered in between
                assert Raw(s).ask("GET", "/").status == 200
            assert not select.select([c.sock], [], [], 0)[0]
            answer = c.read()
        assert answer.status == 200 and answer.body.count(b"<Code>AccessDenied</Code>") == 1000


def test_what_an_account_is_given_its_people_have_not_by_themselves(world):
    """The account's owner says who of it may: by a policy attached, or else the bucket's names the person."""
    bucket = "to-account-" + uuid.uuid4().hex[:10]
    world.third.create_bucket(Bucket=bucket)
    world.third.put_object(Bucket=bucket, Key="k", Body=b"x")
    nobody, reader = make_user(world.server), make_user(world.server, policy="readonly")

    def give(principal):
        world.third.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": principal, "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{bucket}/*"}]}))

    for whole in ({"AWS": world.owner_id}, {"AWS": f"arn:aws:iam::{world.owner_id}:root"},
                  {"CanonicalUser": world.owner_id}):
        give(whole)
        assert reader.s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
        with pytest.raises(ClientError) as e:
            nobody.s3.get_object(Bucket=bucket, Key="k")
        assert e.value.response["Error"]["Code"] == "AccessDenied"
    for each in ("*", {"AWS": f"arn:aws:iam::{world.owner_id}:user/{nobody.name}"}):
        give(each)
        assert nobody.s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
