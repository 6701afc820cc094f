"""May this caller do this to that? Every operation by every route, with the bucket's policy, attached policies, and
who owns the bucket: a decision is never skipped because a request came another way."""
import json
import urllib.error
import urllib.request
import uuid

import pytest
from botocore import UNSIGNED
from botocore.exceptions import ClientError

from conftest import client
from raw import Raw
from local import Session
from server import Server
from test_boto3_objects import code
from users import admin, make_user

DENIED = ("AccessDenied", 403)
MIB = 1 << 20


class World:
    """main owns the buckets, alt is another account, clerk is one of root's people with no policy at first."""

    def __init__(self, server):
        self.server = server
        self.main, self.alt = (make_user(server, id=uuid.uuid4().hex * 2) for _ in range(2))
        self.clerk = make_user(server)
        self.root = client(server)
        self.anonymous = client(server, signature_version=UNSIGNED)


@pytest.fixture(scope="module")
def world(plain_server):
    return World(plain_server)


@pytest.fixture
def main(world):
    return world.main.s3


def make_bucket(s3, **more):
    name = "access-" + uuid.uuid4().hex[:12]
    s3.create_bucket(Bucket=name, **more)
    return name


@pytest.fixture
def bucket(main):
    name = make_bucket(main)
    main.put_object(Bucket=name, Key="k", Body=b"0123456789")
    return name


def statement(bucket, effect, actions, principal="*", **condition):
    out = {"Effect": effect, "Principal": principal, "Action": actions,
           "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]}
    return {**out, "Condition": condition} if condition else out


def set_policy(s3, bucket, *statements):
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))


def verdict(call):
    """(code, status) of a refusal, or None. A status alone is a refusal without a body (HEAD)."""
    try:
        call()
    except ClientError as e:
        status = e.response["ResponseMetadata"]["HTTPStatusCode"]
        name = e.response["Error"]["Code"]
        return DENIED if name == "403" else (name, status)
    except urllib.error.HTTPError as e:
        return ("AccessDenied" if b"<Code>AccessDenied</Code>" in e.read() or e.code == 403 else "other", e.code)
    return None


# Routes: how an action is done. Each gets (s3 of who asks, bucket, a place to work in that is the caller's own).


def http(method, url, body=None):
    request = urllib.request.Request(url, data=body, method=method)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.read()


def presigned(operation, method, body=None, **more):
    def go(s3, bucket, own):
        url = s3.generate_presigned_url(operation, Params={"Bucket": bucket, "Key": "k", **more})
        http(method, url, body)
    return go


def copied(s3, bucket, own):
    s3.copy_object(Bucket=own, Key="copy", CopySource={"Bucket": bucket, "Key": "k"})


def part_copied(s3, bucket, own):
    upload = s3.create_multipart_upload(Bucket=own, Key="parts")["UploadId"]
    try:
        s3.upload_part_copy(Bucket=own, Key="parts", UploadId=upload, PartNumber=1,
                            CopySource={"Bucket": bucket, "Key": "k"})
    finally:
        s3.abort_multipart_upload(Bucket=own, Key="parts", UploadId=upload)


def copied_in(s3, bucket, own):
    s3.put_object(Bucket=own, Key="k", Body=b"x")
    s3.copy_object(Bucket=bucket, Key="new", CopySource={"Bucket": own, "Key": "k"})


def multipart(s3, bucket, own):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="new")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="new", UploadId=upload, PartNumber=1, Body=b"x")
    s3.complete_multipart_upload(Bucket=bucket, Key="new", UploadId=upload,
                                 MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})


def batch(s3, bucket, own):
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}]})
    for e in answer.get("Errors", []):
        raise ClientError({"Error": e, "ResponseMetadata": {"HTTPStatusCode": 403}}, "DeleteObjects")


def posted(s3, bucket, own):
    form = s3.generate_presigned_post(bucket, "new")
    mark = uuid.uuid4().hex
    body = b"".join(f'--{mark}\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n'.encode()
                    for n, v in form["fields"].items())
    body += f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nx\r\n--{mark}--\r\n'.encode()
    request = urllib.request.Request(form["url"], data=body, method="POST",
                                     headers={"Content-Type": f"multipart/form-data; boundary={mark}"})
    urllib.request.urlopen(request, timeout=20).read()


def call(operation, key="k", **more):
    def go(s3, bucket, own):
        arguments = {"Bucket": bucket, **({"Key": key} if key else {}), **more}
        answer = getattr(s3, operation)(**arguments)
        if "Body" in answer:
            answer["Body"].read()
    return go


TAGS = {"TagSet": [{"Key": "a", "Value": "b"}]}
OFF = {n: False for n in ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")}

ROUTES = {
    "GetObject": ("s3:GetObject", call("get_object")),
    "GetObject, a range": ("s3:GetObject", call("get_object", Range="bytes=2-3")),
    "GetObject, a part": ("s3:GetObject", call("get_object", PartNumber=1)),
    "GetObject, presigned": ("s3:GetObject", presigned("get_object", "GET")),
    "HeadObject": ("s3:GetObject", call("head_object")),
    "CopyObject, its source": ("s3:GetObject", copied),
    "UploadPartCopy, its source": ("s3:GetObject", part_copied),
    "GetObject, a version": ("s3:GetObjectVersion", call("get_object", VersionId="null")),
    "PutObject": ("s3:PutObject", call("put_object", "new", Body=b"x")),
    "PutObject, over another": ("s3:PutObject", call("put_object", Body=b"x")),
    "PutObject, presigned": ("s3:PutObject", presigned("put_object", "PUT", b"x")),
    "PostObject": ("s3:PutObject", posted),
    "CopyObject, its target": ("s3:PutObject", copied_in),
    "uploads": ("s3:PutObject", multipart),
    "DeleteObject": ("s3:DeleteObject", call("delete_object")),
    "DeleteObject, presigned": ("s3:DeleteObject", presigned("delete_object", "DELETE")),
    "DeleteObjects": ("s3:DeleteObject", batch),
    "DeleteObject, a version": ("s3:DeleteObjectVersion", call("delete_object", VersionId="null")),
    "GetObjectTagging": ("s3:GetObjectTagging", call("get_object_tagging")),
    "PutObjectTagging": ("s3:PutObjectTagging", call("put_object_tagging", Tagging=TAGS)),
    "DeleteObjectTagging": ("s3:DeleteObjectTagging", call("delete_object_tagging")),
    "GetObjectAcl": ("s3:GetObjectAcl", call("get_object_acl")),
    "ListObjects": ("s3:ListBucket", call("list_objects", None)),
    "ListObjectsV2": ("s3:ListBucket", call("list_objects_v2", None)),
    "HeadBucket": ("s3:ListBucket", call("head_bucket", None)),
    "ListObjectVersions": ("s3:ListBucketVersions", call("list_object_versions", None)),
    "ListMultipartUploads": ("s3:ListBucketMultipartUploads", call("list_multipart_uploads", None)),
    "GetBucketLocation": ("s3:GetBucketLocation", call("get_bucket_location", None)),
    "GetBucketAcl": ("s3:GetBucketAcl", call("get_bucket_acl", None)),
    "GetBucketVersioning": ("s3:GetBucketVersioning", call("get_bucket_versioning", None)),
    "PutBucketVersioning": ("s3:PutBucketVersioning",
                            call("put_bucket_versioning", None, VersioningConfiguration={"Status": "Enabled"})),
    "PutBucketTagging": ("s3:PutBucketTagging", call("put_bucket_tagging", None, Tagging=TAGS)),
    "PutBucketOwnershipControls": (
        "s3:PutBucketOwnershipControls",
        call("put_bucket_ownership_controls", None,
             OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]})),
    "PutPublicAccessBlock": ("s3:PutBucketPublicAccessBlock",
                             call("put_public_access_block", None, PublicAccessBlockConfiguration=OFF)),
    "GetBucketPolicyStatus": ("s3:GetBucketPolicyStatus", call("get_bucket_policy_status", None)),
}
routes = pytest.mark.parametrize("name", ROUTES)


@pytest.fixture(scope="module")
def own(world):
    """A bucket of alt's and one of main's: what copies need besides."""
    return {user: make_bucket(user.s3) for user in (world.alt, world.main)}


@routes
def test_another_account_may_not(world, bucket, own, name):
    action, go = ROUTES[name]
    assert verdict(lambda: go(world.alt.s3, bucket, own[world.alt])) == DENIED
    assert world.main.s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"0123456789"
    assert [o["Key"] for o in world.main.s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["k"]


@routes
def test_the_policy_lets_another_account(world, main, bucket, own, name):
    action, go = ROUTES[name]
    set_policy(main, bucket, statement(bucket, "Allow", action, {"AWS": world.alt.id}))
    assert verdict(lambda: go(world.alt.s3, bucket, own[world.alt])) is None


@routes
def test_another_action_is_not_enough(world, main, bucket, own, name):
    action, go = ROUTES[name]
    others = sorted({a for a, _ in ROUTES.values()} - {action})
    set_policy(main, bucket, statement(bucket, "Allow", others, {"AWS": world.alt.id}))
    assert verdict(lambda: go(world.alt.s3, bucket, own[world.alt])) == DENIED


@routes
def test_a_deny_binds_the_owner(world, main, bucket, own, name):
    action, go = ROUTES[name]
    set_policy(main, bucket, statement(bucket, "Deny", action))
    assert verdict(lambda: go(main, bucket, own[world.main])) == DENIED
    assert verdict(lambda: go(world.root, bucket, own[world.main])) == DENIED
    main.delete_bucket_policy(Bucket=bucket)
    assert verdict(lambda: go(main, bucket, own[world.main])) is None


@routes
def test_the_owner_may(world, main, bucket, own, name):
    action, go = ROUTES[name]
    assert verdict(lambda: go(main, bucket, own[world.main])) is None


@pytest.fixture
def clerk(world):
    """A new one of root's people, a bucket of root's, and the clerk's own corner of the store."""
    user = make_user(world.server)
    name = make_bucket(world.root)
    world.root.put_object(Bucket=name, Key="k", Body=b"0123456789")
    corner = make_bucket(world.root)
    return user, name, corner


def attach(server, user, *statements):
    name = "p-" + uuid.uuid4().hex[:8]
    admin(server, "policy", "add", name, "-",
          stdin=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    admin(server, "policy", "attach", name, "--user", user.name)


def identity(effect, actions, *buckets):
    return {"Effect": effect, "Action": actions,
            "Resource": [a for b in buckets for a in (f"arn:aws:s3:::{b}", f"arn:aws:s3:::{b}/*")]}


@routes
def test_attached_policies_decide(world, clerk, name):
    action, go = ROUTES[name]
    user, bucket, corner = clerk
    if name == "GetBucketPolicyStatus":
        set_policy(world.root, bucket, statement(bucket, "Allow", "s3:GetObject", {"AWS": world.alt.id}))
    assert verdict(lambda: go(user.s3, bucket, corner)) == DENIED
    attach(world.server, user, identity("Allow", action, bucket), identity("Allow", "s3:*", corner))
    assert verdict(lambda: go(user.s3, bucket, corner)) is None
    attach(world.server, user, identity("Deny", action, bucket))
    assert verdict(lambda: go(user.s3, bucket, corner)) == DENIED


@routes
def test_strangers(world, main, bucket, own, name):
    """Without a signature: what a policy gives to everybody, and no more."""
    action, go = ROUTES[name]
    if "presigned" in name or name == "PostObject":
        pytest.skip("signed by nature")
    assert verdict(lambda: go(world.anonymous, bucket, own[world.alt])) == DENIED
    # Copies and uploads need a place of their own.
    set_policy(main, own[world.main], statement(own[world.main], "Allow", "s3:*"))
    set_policy(main, bucket, statement(bucket, "Allow", action))
    assert verdict(lambda: go(world.anonymous, bucket, own[world.main])) is None
    main.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={**OFF, "RestrictPublicBuckets": True})
    assert verdict(lambda: go(world.anonymous, bucket, own[world.main])) == DENIED
    main.delete_bucket_policy(Bucket=own[world.main])


def test_the_direct_path(world, main, bucket):
    """A token moves nothing that its request may not."""
    raw = Raw(world.server, access=world.alt.access, secret=world.alt.secret)
    with Session(raw) as session:
        memory = session.memfd(MIB)
        memory.fill(7)

        def ask(method):
            return raw.ask(method, f"/{bucket}/k", payload_hash="UNSIGNED-PAYLOAD", headers=[
                ("x-amz-rdma-token", session.token(memory, 0, 10, "w" if method == "GET" else "r"))])

        assert ask("GET").verdict == DENIED[::-1] and memory.is_all(7, 0, MIB)
        assert ask("PUT").verdict == DENIED[::-1]
        set_policy(main, bucket, statement(bucket, "Allow", "s3:GetObject", {"AWS": world.alt.id}))
        answer = ask("GET")
        assert (answer.status, answer.header("x-amz-rdma-reply")) == (200, "200")
        assert memory.map[:10] == b"0123456789"
        assert ask("PUT").verdict == DENIED[::-1]
    assert main.get_object(Bucket=bucket, Key="k")["Body"].read() == b"0123456789"


def test_tags_of_the_object_decide(world, main, bucket):
    """s3:ExistingObjectTag, by every way of reading."""
    main.put_object(Bucket=bucket, Key="k", Body=b"0123456789", Tagging="colour=red")
    red = {"StringEquals": {"s3:ExistingObjectTag/colour": "red"}}
    set_policy(main, bucket, statement(bucket, "Allow", ["s3:GetObject", "s3:GetObjectTagging"], {"AWS": world.alt.id},
                                       **red))
    main.put_object(Bucket=bucket, Key="blue", Body=b"x", Tagging="colour=blue")
    alt = world.alt.s3
    mine = make_bucket(alt)
    assert alt.get_object(Bucket=bucket, Key="k")["Body"].read() == b"0123456789"
    alt.head_object(Bucket=bucket, Key="k")
    alt.copy_object(Bucket=mine, Key="c", CopySource={"Bucket": bucket, "Key": "k"})
    for refused in (lambda: alt.get_object(Bucket=bucket, Key="blue"),
                    lambda: alt.head_object(Bucket=bucket, Key="blue"),
                    lambda: alt.get_object_tagging(Bucket=bucket, Key="blue"),
                    lambda: alt.copy_object(Bucket=mine, Key="d", CopySource={"Bucket": bucket, "Key": "blue"}),
                    lambda: alt.get_object(Bucket=bucket, Key="nothing")):
        assert verdict(refused) == DENIED
    main.put_object_tagging(Bucket=bucket, Key="blue", Tagging={"TagSet": [{"Key": "colour", "Value": "red"}]})
    alt.get_object(Bucket=bucket, Key="blue")


def test_tags_of_the_request_decide(world, main, bucket):
    """s3:RequestObjectTag of headers and of the body."""
    want = {"StringEquals": {"s3:RequestObjectTag/a": "b"}}
    set_policy(main, bucket, statement(bucket, "Allow", ["s3:PutObject", "s3:PutObjectTagging"], {"AWS": world.alt.id},
                                       **want))
    alt = world.alt.s3
    alt.put_object(Bucket=bucket, Key="n", Tagging="a=b")
    assert verdict(lambda: alt.put_object(Bucket=bucket, Key="n2", Tagging="a=c")) == DENIED
    assert verdict(lambda: alt.put_object(Bucket=bucket, Key="n2")) == DENIED
    alt.put_object_tagging(Bucket=bucket, Key="n", Tagging=TAGS)
    assert verdict(lambda: alt.put_object_tagging(
        Bucket=bucket, Key="n", Tagging={"TagSet": [{"Key": "a", "Value": "c"}]})) == DENIED


def test_conditions_of_a_listing(world, main, bucket):
    """s3:prefix, s3:delimiter and s3:max-keys."""
    set_policy(main, bucket, statement(
        bucket, "Allow", "s3:ListBucket", {"AWS": world.alt.id},
        StringLike={"s3:prefix": "home/*"}, NumericLessThanEquals={"s3:max-keys": "5"}))
    alt = world.alt.s3
    alt.list_objects_v2(Bucket=bucket, Prefix="home/a", MaxKeys=5)
    for more in ({}, {"Prefix": "k", "MaxKeys": 5}, {"Prefix": "home/a", "MaxKeys": 6}, {"Prefix": "home/a"}):
        assert verdict(lambda: alt.list_objects_v2(Bucket=bucket, **more)) == DENIED


def test_what_is_missing_is_told_to_who_may_list(world, main, bucket):
    alt = world.alt.s3
    get = lambda: alt.get_object(Bucket=bucket, Key="nothing")  # noqa: E731
    assert verdict(get) == DENIED
    set_policy(main, bucket, statement(bucket, "Allow", "s3:GetObject", {"AWS": world.alt.id}))
    assert verdict(get) == DENIED
    set_policy(main, bucket, statement(bucket, "Allow", ["s3:GetObject", "s3:ListBucket"], {"AWS": world.alt.id}))
    assert verdict(get) == ("NoSuchKey", 404)
    for s3 in (alt, world.anonymous, world.root):
        assert verdict(lambda: s3.get_object(Bucket="no-" + bucket, Key="k")) == ("NoSuchBucket", 404)


def test_a_policy_cannot_lock_its_owner_out(world, main, bucket):
    set_policy(main, bucket, statement(bucket, "Deny", "s3:*"))
    assert verdict(lambda: main.get_object(Bucket=bucket, Key="k")) == DENIED
    assert verdict(lambda: world.root.get_object(Bucket=bucket, Key="k")) == DENIED
    assert verdict(lambda: world.alt.s3.delete_bucket_policy(Bucket=bucket)) == DENIED
    assert json.loads(main.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    main.delete_bucket_policy(Bucket=bucket)
    main.get_object(Bucket=bucket, Key="k")


def test_a_change_holds_for_the_next_request_of_anybody(world, main, bucket):
    """Whichever reactor serves it: every connection is a new one."""
    for _ in range(10):
        set_policy(main, bucket, statement(bucket, "Allow", "s3:GetObject"))
        for _ in range(8):
            http("GET", f"{world.server.endpoint}/{bucket}/k")
        main.delete_bucket_policy(Bucket=bucket)
        for _ in range(8):
            assert verdict(lambda: http("GET", f"{world.server.endpoint}/{bucket}/k")) == DENIED


def test_disabled_users_may_nothing(world):
    user = make_user(world.server, id=uuid.uuid4().hex * 2)
    name = make_bucket(user.s3)
    admin(world.server, "user", "set", user.name, "--disable")
    assert verdict(lambda: user.s3.list_objects_v2(Bucket=name)) == DENIED
    admin(world.server, "user", "set", user.name, "--enable")
    user.s3.list_objects_v2(Bucket=name)


# Buckets and their owners


def test_names_are_taken_for_everybody(world, main):
    """Shows: CreateBucket"""
    name = make_bucket(main)
    assert verdict(lambda: world.alt.s3.create_bucket(Bucket=name)) == ("BucketAlreadyExists", 409)
    assert verdict(lambda: world.root.create_bucket(Bucket=name)) == ("BucketAlreadyExists", 409)
    main.create_bucket(Bucket=name)
    assert verdict(lambda: main.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)) == \
        ("BucketAlreadyOwnedByYou", 409)
    public = make_bucket(main, ObjectOwnership="ObjectWriter", ACL="public-read")
    assert verdict(lambda: main.create_bucket(Bucket=public)) == ("BucketAlreadyExists", 409)


def test_in_other_regions_ones_own_bucket_is_an_error():
    with Server("--region", "eu-west-7") as server:
        s3 = client(server)
        s3.create_bucket(Bucket="one")
        assert verdict(lambda: s3.create_bucket(Bucket="one")) == ("BucketAlreadyOwnedByYou", 409)
        assert s3.head_bucket(Bucket="one")["ResponseMetadata"]["HTTPHeaders"]["x-amz-bucket-region"] == "eu-west-7"


def test_strangers_make_no_buckets(world):
    assert verdict(lambda: world.anonymous.create_bucket(Bucket="access-stranger")) == DENIED
    assert verdict(lambda: world.anonymous.list_buckets()) == DENIED


def test_making_buckets_may_depend_on_where(world):
    """s3:LocationConstraint, which only the body tells."""
    user = make_user(world.server)
    create = lambda where: user.s3.create_bucket(  # noqa: E731
        Bucket="access-" + uuid.uuid4().hex[:12], CreateBucketConfiguration={"LocationConstraint": where})
    assert verdict(lambda: create("eu-west-1")) == DENIED
    attach(world.server, user, {"Effect": "Allow", "Action": "s3:CreateBucket", "Resource": "*",
                                "Condition": {"StringEquals": {"s3:LocationConstraint": "eu-west-1"}}})
    create("eu-west-1")
    assert verdict(lambda: create("eu-west-2")) == DENIED


def test_making_a_bucket_with_everything(world, main):
    """Shows: CreateBucket"""
    name = "access-" + uuid.uuid4().hex[:12]
    main.create_bucket(Bucket=name, ObjectOwnership="BucketOwnerPreferred", ObjectLockEnabledForBucket=True,
                       CreateBucketConfiguration={"LocationConstraint": "eu-west-3",
                                                  "Tags": [{"Key": "team", "Value": "a"}]})
    assert main.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    assert main.get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"]["ObjectLockEnabled"] == "Enabled"
    assert main.get_bucket_tagging(Bucket=name)["TagSet"] == [{"Key": "team", "Value": "a"}]
    assert main.get_bucket_location(Bucket=name)["LocationConstraint"] == "eu-west-3"
    rules = main.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerPreferred"}]
    assert main.get_bucket_acl(Bucket=name)["Owner"]["ID"] == world.main.id


@pytest.mark.parametrize("more, want", [
    ({"ObjectOwnership": "Nobody"}, ("InvalidArgument", 400)),
    ({"ACL": "public-read"}, ("InvalidBucketAclWithObjectOwnership", 400)),
    ({"ObjectOwnership": "ObjectWriter", "ACL": "no-such"}, ("InvalidArgument", 400)),
    ({"CreateBucketConfiguration": {"Tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}},
     ("InvalidTag", 400)),
    ({"CreateBucketConfiguration": {"LocationConstraint": "no/where"}}, ("IllegalLocationConstraintException", 400)),
    ({"CreateBucketConfiguration": {"Location": {"Type": "AvailabilityZone", "Name": "usw2-az1"},
                                    "Bucket": {"Type": "Directory", "DataRedundancy": "SingleAvailabilityZone"}}},
     ("NotImplemented", 501)),
])
def test_buckets_that_are_not_made(main, more, want):
    name = "access-" + uuid.uuid4().hex[:12]
    assert verdict(lambda: main.create_bucket(Bucket=name, **more)) == want
    assert verdict(lambda: main.head_bucket(Bucket=name)) == ("404", 404)


def test_the_default_of_ownership_is_a_setting():
    with Server("--object-ownership", "ObjectWriter") as server:
        s3 = client(server)
        s3.create_bucket(Bucket="one", ACL="public-read")
        rules = s3.get_bucket_ownership_controls(Bucket="one")["OwnershipControls"]["Rules"]
        assert rules == [{"ObjectOwnership": "ObjectWriter"}]
        client(server, signature_version=UNSIGNED).list_objects_v2(Bucket="one")


def test_listing_ones_buckets(world):
    """Shows: ListBuckets"""
    user, other = (make_user(world.server, id=uuid.uuid4().hex * 2) for _ in range(2))
    tag = uuid.uuid4().hex[:8]
    mine = [f"own-{tag}-{i:02}" for i in range(9)]
    for i, name in enumerate(mine):
        user.s3.create_bucket(Bucket=name, **({"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}
                                              if i % 3 == 0 else {}))
        other.s3.create_bucket(Bucket=name + "-theirs")
    answer = user.s3.list_buckets()
    assert [b["Name"] for b in answer["Buckets"]] == mine and "ContinuationToken" not in answer
    assert answer["Owner"] == {"ID": user.id, "DisplayName": user.name}
    for size in (1, 2, 4, 9, 10):
        got, more = [], {}
        while True:
            page = user.s3.list_buckets(MaxBuckets=size, **more)
            assert 0 < len(page["Buckets"]) <= size
            got += [b["Name"] for b in page["Buckets"]]
            if "ContinuationToken" not in page:
                break
            more = {"ContinuationToken": page["ContinuationToken"]}
        assert got == mine
    some = user.s3.list_buckets(Prefix=f"own-{tag}-0", BucketRegion="eu-west-1", MaxBuckets=2)
    assert [b["Name"] for b in some["Buckets"]] == [mine[0], mine[3]] and some["Prefix"] == f"own-{tag}-0"
    everything = [b["Name"] for b in world.root.list_buckets(Prefix=f"own-{tag}")["Buckets"]]
    assert everything == sorted(mine + [m + "-theirs" for m in mine])
    clerk = make_user(world.server)
    assert verdict(lambda: clerk.s3.list_buckets()) == DENIED


def test_the_owner_one_expects(world, main, bucket):
    main.get_object(Bucket=bucket, Key="k", ExpectedBucketOwner=world.main.id)
    for s3 in (main, world.root):
        assert verdict(lambda: s3.get_object(Bucket=bucket, Key="k", ExpectedBucketOwner=world.alt.id)) == DENIED
        assert verdict(lambda: s3.put_object(Bucket=bucket, Key="n", ExpectedBucketOwner=world.alt.id)) == DENIED
    copy = dict(Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": "k"})
    main.copy_object(**copy, ExpectedSourceBucketOwner=world.main.id)
    assert verdict(lambda: main.copy_object(**copy, ExpectedSourceBucketOwner=world.alt.id)) == DENIED


def test_a_marker_in_a_bucket_with_lists(world, main):
    name = make_bucket(main, ObjectOwnership="ObjectWriter")
    main.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    main.put_object(Bucket=name, Key="k", Body=b"x")
    marker = main.delete_object(Bucket=name, Key="k")["VersionId"]
    assert verdict(lambda: main.get_object(Bucket=name, Key="k")) == ("NoSuchKey", 404)
    assert verdict(lambda: main.get_object(Bucket=name, Key="k", VersionId=marker)) == ("MethodNotAllowed", 405)
    assert verdict(lambda: world.alt.s3.get_object(Bucket=name, Key="k", VersionId=marker)) == DENIED
