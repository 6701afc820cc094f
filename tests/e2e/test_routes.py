"""No route skips a decision: every way to an object or bucket, crossed with every reason to refuse it.

A cell refuses with 403 and leaves everything as it was; the same route, asked by who may, works. Then what a request
says of an object (ACL, tags, lock), by every way there is to say it, against policies and blocks on that; and every
way to destroy a locked version.
"""
import base64
import copy
import datetime
import hashlib
import http.client
import io
import json
import re
import urllib.parse
import uuid
import zlib

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from conftest import client
from local import Session
from raw import Raw
from server import ACCESS, SECRET
from users import admin, make_user

# Routes whose operation is not there yet. Must be empty.
NOT_YET = set()

ALL = "arn:aws:s3:::"


# --- callers and what they are given -----------------------------------------------------------

class Caller:
    """Who asks: by boto3 with both signatures, by hand, or without any signature."""

    def __init__(self, server, access=None, secret=None):
        self.server, self.access, self.secret = server, access, secret
        self.is_signed = access is not None
        self.s3 = self._client("s3v4" if access else UNSIGNED)
        self.v2 = self._client("s3") if access else None
        self.raw = Raw(server, access, secret) if access else None

    def _client(self, version):
        return boto3.client("s3", endpoint_url=self.server.endpoint, aws_access_key_id=self.access,
                            aws_secret_access_key=self.secret, region_name="us-east-1",
                            config=Config(signature_version=version, retries={"max_attempts": 0},
                                          s3={"addressing_style": "path"}))


def with_referer(s3, referer):
    s3.meta.events.register("before-call.s3", lambda params, **_: params["headers"].update({"referer": referer}))
    return s3


class World:
    def __init__(self, server):
        self.server = server
        self.root = Caller(server, ACCESS, SECRET)
        self.root_id = self.root.s3.list_buckets()["Owner"]["ID"]
        self.stranger = Caller(server)
        # Bound by no policy of these tests: all of them leave out this Referer.
        self.witness = with_referer(client(server), "witness")
        self.users = {}
        self.cells, self.attached = {}, set()
        # Everybody may do everything here: the other end of copies.
        self.free = "free-" + uuid.uuid4().hex[:12]
        self.root.s3.create_bucket(Bucket=self.free)
        self.root.s3.put_object(Bucket=self.free, Key="k", Body=b"free")
        self.root.s3.put_bucket_policy(Bucket=self.free, Policy=everything(self.free, "Allow"))

    def user(self, name, **more):
        """Made once by that name."""
        if name not in self.users:
            u = make_user(self.server, name=name, **more)
            self.users[name] = Caller(self.server, u.access, u.secret)
        return self.users[name]

    def attach(self, name, document):
        if name in self.attached:
            return
        self.attached.add(name)
        admin(self.server, "policy", "add", name + "-policy", "-", "--replace", stdin=document)
        admin(self.server, "policy", "attach", name + "-policy", "--user", name)

    def bucket(self):
        """Root's, versioned and lockable, ACLs on: an object, an old version of it, an upload with one part."""
        b = "routes-" + uuid.uuid4().hex[:12]
        s3 = self.witness
        s3.create_bucket(Bucket=b, ObjectLockEnabledForBucket=True, ObjectOwnership="ObjectWriter")
        s3.put_object(Bucket=b, Key="k", Body=b"old")
        s3.put_object(Bucket=b, Key="k", Body=b"secret", Tagging="a=b")
        return b


@pytest.fixture(scope="module")
def world(plain_server):
    return World(plain_server)


class Ask:
    """A caller at a bucket."""

    def __init__(self, world, caller, bucket, by=None):
        self.world, self.caller, self.bucket, self.free = world, caller, bucket, world.free
        self.s3, self.v2 = caller.s3, caller.v2
        s3 = world.witness
        self.version = s3.head_object(Bucket=bucket, Key="k")["VersionId"]
        by = by or s3
        self.upload = by.create_multipart_upload(Bucket=bucket, Key="mp")["UploadId"]
        self.part = by.upload_part(Bucket=bucket, Key="mp", UploadId=self.upload, PartNumber=1, Body=b"part")["ETag"]
        self.is_watched, self._last = False, None

    def watch(self):
        """Is all as it was the last time? Call it before, too."""
        before, self._last, was_watched, self.is_watched = self._last, self.state(), self.is_watched, True
        return not was_watched or before == self._last

    def state(self):
        s3, b = self.world.witness, self.bucket
        listed = s3.list_object_versions(Bucket=b)
        return {
            "versions": [(v["Key"], v["VersionId"], v["ETag"]) for v in listed.get("Versions", [])],
            "markers": [(v["Key"], v["VersionId"]) for v in listed.get("DeleteMarkers", [])],
            "uploads": [u["UploadId"] for u in s3.list_multipart_uploads(Bucket=b).get("Uploads", [])],
            "parts": [(p["PartNumber"], p["ETag"]) for p in
                      s3.list_parts(Bucket=b, Key="mp", UploadId=self.upload).get("Parts", [])],
            "tags": s3.get_object_tagging(Bucket=b, Key="k")["TagSet"],
            "acl": s3.get_object_acl(Bucket=b, Key="k")["Grants"],
            "bucket acl": s3.get_bucket_acl(Bucket=b)["Grants"],
            "versioning": s3.get_bucket_versioning(Bucket=b).get("Status"),
            "free": [k["Key"] for k in s3.list_objects_v2(Bucket=self.free).get("Contents", [])],
        }


def everything(bucket, effect, principal="*", condition=None, **more):
    s = {"Effect": effect, "Principal": principal, "Action": "s3:*",
         "Resource": [ALL + bucket, f"{ALL}{bucket}/*"], **more}
    if condition:
        s["Condition"] = condition
    if principal is None:
        del s["Principal"]
    return json.dumps({"Version": "2012-10-17", "Statement": [s]})


NOT_WITNESS = {"StringNotEquals": {"aws:Referer": "witness"}}


def put_policy(world, bucket, document):
    world.witness.put_bucket_policy(Bucket=bucket, Policy=document)


# --- reasons to refuse -------------------------------------------------------------------------

def root_denied_by_bucket_policy(world, b):
    put_policy(world, b, everything(b, "Deny", condition=NOT_WITNESS))
    return world.root


def person_denied_by_bucket_policy(world, b):
    put_policy(world, b, everything(b, "Deny", {"AWS": f"arn:aws:iam::{world.root_id}:user/writer"}))
    return world.user("writer", policy="readwrite")


def person_denied_by_attached_policy(world, b):
    person = world.user("bound")
    world.attach("bound", json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "s3:*", "Resource": [ALL + b, f"{ALL}{b}/*"]}]}))
    put_policy(world, b, everything(b, "Allow", {"AWS": f"arn:aws:iam::{world.root_id}:user/bound"}))
    return person


def person_without_a_policy(world, b):
    return world.user("nothing")


def person_denied_as_not_principal(world, b):
    put_policy(world, b, json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "NotPrincipal": {"AWS": f"arn:aws:iam::{world.root_id}:root"}, "Action": "s3:*",
        "Resource": [ALL + b, f"{ALL}{b}/*"]}]}))
    return world.user("writer", policy="readwrite")


def other_account(world, b):
    return world.user("other", id="routes-other")


def other_account_where_a_condition_fails(world, b):
    put_policy(world, b, everything(b, "Allow", {"AWS": "routes-other"},
                                    {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}))
    return world.user("other", id="routes-other")


def other_account_denied_by_bucket_policy(world, b):
    put_policy(world, b, json.dumps({"Version": "2012-10-17", "Statement": [
        json.loads(everything(b, effect, {"AWS": "routes-other"}))["Statement"][0] for effect in ("Allow", "Deny")]}))
    return world.user("other", id="routes-other")


def other_account_denied_by_attached_policy(world, b):
    other = world.user("tied", id="routes-tied")
    world.attach("tied", json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "s3:*", "Resource": [ALL + b, f"{ALL}{b}/*"]}]}))
    put_policy(world, b, everything(b, "Allow", {"AWS": "routes-tied"}))
    return other


def block(world, b, *on):
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    world.witness.put_public_access_block(Bucket=b, PublicAccessBlockConfiguration={n: n in on for n in names})


def other_account_behind_a_block(world, b):
    put_policy(world, b, everything(b, "Allow"))
    block(world, b, "RestrictPublicBuckets")
    return world.user("other", id="routes-other")


def stranger(world, b):
    return world.stranger


def stranger_behind_a_block(world, b):
    put_policy(world, b, everything(b, "Allow"))
    block(world, b, "RestrictPublicBuckets")
    return world.stranger


def stranger_whose_acl_is_ignored(world, b):
    world.witness.put_bucket_acl(Bucket=b, ACL="public-read-write")
    world.witness.put_object_acl(Bucket=b, Key="k", ACL="public-read-write")
    block(world, b, "IgnorePublicAcls")
    return world.stranger


def disabled_person(world, b):
    person = world.user("gone", policy="readwrite")
    admin(world.server, "user", "set", "gone", "--disable")
    return person


REASONS = [root_denied_by_bucket_policy, person_denied_by_bucket_policy, person_denied_by_attached_policy,
           person_without_a_policy, person_denied_as_not_principal, other_account,
           other_account_where_a_condition_fails, other_account_denied_by_bucket_policy,
           other_account_denied_by_attached_policy, other_account_behind_a_block, stranger,
           stranger_behind_a_block, stranger_whose_acl_is_ignored, disabled_person]


def root_may(world, b):
    return world.root


def person_may(world, b):
    return world.user("writer", policy="readwrite")


def other_account_may(world, b):
    put_policy(world, b, everything(b, "Allow", {"AWS": "routes-other"}))
    return world.user("other", id="routes-other")


def stranger_may(world, b):
    put_policy(world, b, everything(b, "Allow"))
    return world.stranger


LEAVES = [root_may, person_may, other_account_may, stranger_may]


# --- routes ------------------------------------------------------------------------------------

def verdict(status, body):
    code = re.search(rb"<Code>(\w+)</Code>", body)
    return status, code.group(1).decode() if code else None


def send(url, method="GET", body=None, headers=None):
    """Only these headers: V2 signs a Content-Type, which other clients add."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    try:
        connection.request(method, parts.path + ("?" + parts.query if parts.query else ""), body, headers or {})
        answer = connection.getresponse()
        return verdict(answer.status, answer.read())
    finally:
        connection.close()


def presigned(s3, operation, method, body=None, headers=None, **params):
    return send(s3.generate_presigned_url(operation, params), method, body, headers)


def batch(answer):
    codes = {e["Code"] for e in answer.get("Errors", [])}
    assert len(codes) <= 1, answer
    return (403, codes.pop()) if codes else (200, None)


def form(a, key="posted", **fields):
    """POST object: a signed form, or for strangers a bare one."""
    if a.caller.is_signed:
        given = a.s3.generate_presigned_post(a.bucket, key, Fields=dict(fields),
                                             Conditions=[{n: v} for n, v in fields.items()])
        url, fields = given["url"], given["fields"]
    else:
        url, fields = f"{a.world.server.endpoint}/{a.bucket}", {"key": key, **fields}
    boundary = uuid.uuid4().hex
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields.items()]
    parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nposted\r\n'
                 f"--{boundary}--\r\n")
    return send(url, "POST", "".join(parts).encode(),
                {"Content-Type": f"multipart/form-data; boundary={boundary}"})


def session(a):
    """The caller's own, or root's of who may not even have one: tokens name memory, not people."""
    return Session(a.caller.raw if a.caller.raw.ask("GET", "/-/direct").status == 200 else a.world.root.raw)


def direct_get(a):
    with session(a) as s:
        memory = s.memfd(4096)
        answer = a.caller.raw.ask("GET", f"/{a.bucket}/k",
                                  headers=[("x-amz-rdma-token", s.token(memory, 0, 4096, "w"))])
        if answer.status == 403:
            assert memory.is_all(0, 0, 4096), "bytes in the window of who may not"
        return answer.verdict


def direct_put(a):
    with session(a) as s:
        memory = s.memfd(4096)
        memory.map[:4] = b"mine"
        return a.caller.raw.ask("PUT", f"/{a.bucket}/direct", body=b"",
                                headers=[("x-amz-rdma-token", s.token(memory, 0, 4, "r"))]).verdict


def direct_part(a):
    with session(a) as s:
        memory = s.memfd(4096)
        return a.caller.raw.ask("PUT", f"/{a.bucket}/mp", [("partNumber", "3"), ("uploadId", a.upload)], body=b"",
                                headers=[("x-amz-rdma-token", s.token(memory, 0, 4, "r"))]).verdict


def chunked_put(a):
    """aws-chunked with a trailer, as today's SDKs send streams."""
    return a.s3.put_object(Bucket=a.bucket, Key="new", Body=io.BytesIO(b"x" * 100), ChecksumAlgorithm="CRC32")


def parts_of(a):
    return {"Parts": [{"PartNumber": 1, "ETag": a.part}]}


TAGS = {"TagSet": [{"Key": "c", "Value": "d"}]}


def key(a, name="k"):
    return {"Bucket": a.bucket, "Key": name}


def mp(a):
    return {"Bucket": a.bucket, "Key": "mp", "UploadId": a.upload}


def source(a, name="k", **more):
    return {"Bucket": a.bucket, "Key": name, **more}


def free(a, name="k"):
    return {"Bucket": a.free, "Key": name}


def part_copy_source(a):
    """The other end is an upload in the free bucket."""
    upload = a.world.witness.create_multipart_upload(Bucket=a.free, Key="pc")["UploadId"]
    try:
        return a.s3.upload_part_copy(Bucket=a.free, Key="pc", UploadId=upload, PartNumber=1, CopySource=source(a))
    finally:
        a.world.witness.abort_multipart_upload(Bucket=a.free, Key="pc", UploadId=upload)


def copied_out(a, **more):
    try:
        return a.s3.copy_object(Bucket=a.free, Key="out", CopySource=source(a, **more))
    finally:
        a.world.witness.delete_object(Bucket=a.free, Key="out")


READ = {
    "get": lambda a: a.s3.get_object(**key(a)),
    "get a range": lambda a: a.s3.get_object(**key(a), Range="bytes=0-1"),
    "get a part": lambda a: a.s3.get_object(**key(a), PartNumber=1),
    "get a version": lambda a: a.s3.get_object(**key(a), VersionId=a.version),
    "get if changed": lambda a: a.s3.get_object(**key(a), IfNoneMatch='"x"'),
    "head": lambda a: a.s3.head_object(**key(a)),
    "head a version": lambda a: a.s3.head_object(**key(a), VersionId=a.version),
    "get presigned": lambda a: presigned(a.s3, "get_object", "GET", **key(a)),
    "head presigned": lambda a: presigned(a.s3, "head_object", "HEAD", **key(a)),
    "get, V2": lambda a: a.v2.get_object(**key(a)),
    "get presigned, V2": lambda a: presigned(a.v2, "get_object", "GET", **key(a)),
    "get, direct": direct_get,
    "copy from": copied_out,
    "copy from a version": lambda a: copied_out(a, VersionId=a.version),
    "copy a part from": part_copy_source,
    "attributes": lambda a: a.s3.get_object_attributes(**key(a), ObjectAttributes=["ETag"]),
    "get tags": lambda a: a.s3.get_object_tagging(**key(a)),
    "get ACL": lambda a: a.s3.get_object_acl(**key(a)),
    "list": lambda a: a.s3.list_objects(Bucket=a.bucket),
    "list, second": lambda a: a.s3.list_objects_v2(Bucket=a.bucket),
    "list presigned": lambda a: presigned(a.s3, "list_objects_v2", "GET", Bucket=a.bucket),
    "list, V2": lambda a: a.v2.list_objects(Bucket=a.bucket),
    "list versions": lambda a: a.s3.list_object_versions(Bucket=a.bucket),
    "list uploads": lambda a: a.s3.list_multipart_uploads(Bucket=a.bucket),
    "list parts": lambda a: a.s3.list_parts(**mp(a)),
    "head bucket": lambda a: a.s3.head_bucket(Bucket=a.bucket),
    "get location": lambda a: a.s3.get_bucket_location(Bucket=a.bucket),
    "get bucket ACL": lambda a: a.s3.get_bucket_acl(Bucket=a.bucket),
    "get versioning": lambda a: a.s3.get_bucket_versioning(Bucket=a.bucket),
    "get lock configuration": lambda a: a.s3.get_object_lock_configuration(Bucket=a.bucket),
    "get policy status": lambda a: a.s3.get_bucket_policy_status(Bucket=a.bucket),
    "get ownership": lambda a: a.s3.get_bucket_ownership_controls(Bucket=a.bucket),
}

WRITE = {
    "put": lambda a: a.s3.put_object(**key(a, "new"), Body=b"mine"),
    "put over": lambda a: a.s3.put_object(**key(a), Body=b"mine"),
    "put if absent": lambda a: a.s3.put_object(**key(a, "new"), Body=b"mine", IfNoneMatch="*"),
    "put aws-chunked": chunked_put,
    "put presigned": lambda a: presigned(a.s3, "put_object", "PUT", b"mine", **key(a, "new")),
    "put, V2": lambda a: a.v2.put_object(**key(a, "new"), Body=b"mine"),
    "put presigned, V2": lambda a: presigned(a.v2, "put_object", "PUT", b"mine", **key(a, "new")),
    "put, direct": direct_put,
    "POST form": form,
    "POST form over": lambda a: form(a, "k"),
    "copy to": lambda a: a.s3.copy_object(**key(a, "new"), CopySource=free(a)),
    "copy within": lambda a: a.s3.copy_object(**key(a, "new"), CopySource=source(a)),
    "create upload": lambda a: a.s3.create_multipart_upload(**key(a, "up")),
    "create upload presigned": lambda a: presigned(a.s3, "create_multipart_upload", "POST", b"", **key(a, "up")),
    "part": lambda a: a.s3.upload_part(**mp(a), PartNumber=2, Body=b"mine"),
    "part presigned": lambda a: presigned(a.s3, "upload_part", "PUT", b"mine", **mp(a), PartNumber=2),
    "part, V2": lambda a: a.v2.upload_part(**mp(a), PartNumber=2, Body=b"mine"),
    "part, direct": direct_part,
    "copy a part to": lambda a: a.s3.upload_part_copy(**mp(a), PartNumber=2, CopySource=free(a)),
    "complete": lambda a: a.s3.complete_multipart_upload(**mp(a), MultipartUpload=parts_of(a)),
    "abort": lambda a: a.s3.abort_multipart_upload(**mp(a)),
    "delete": lambda a: a.s3.delete_object(**key(a)),
    "delete a version": lambda a: a.s3.delete_object(**key(a), VersionId=a.version),
    "delete presigned": lambda a: presigned(a.s3, "delete_object", "DELETE", **key(a)),
    "delete, V2": lambda a: a.v2.delete_object(**key(a)),
    "delete presigned, V2": lambda a: presigned(a.v2, "delete_object", "DELETE", **key(a)),
    "delete many": lambda a: batch(a.s3.delete_objects(Bucket=a.bucket, Delete={"Objects": [{"Key": "k"}]})),
    "delete many, quietly": lambda a: batch(a.s3.delete_objects(
        Bucket=a.bucket, Delete={"Quiet": True, "Objects": [{"Key": "k"}]})),
    "delete many versions": lambda a: batch(a.s3.delete_objects(
        Bucket=a.bucket, Delete={"Objects": [{"Key": "k", "VersionId": a.version}]})),
    "put tags": lambda a: a.s3.put_object_tagging(**key(a), Tagging=TAGS),
    "put tags of a version": lambda a: a.s3.put_object_tagging(**key(a), VersionId=a.version, Tagging=TAGS),
    "delete tags": lambda a: a.s3.delete_object_tagging(**key(a)),
    "put ACL": lambda a: a.s3.put_object_acl(**key(a), ACL="authenticated-read"),
    "put legal hold": lambda a: a.s3.put_object_legal_hold(**key(a), LegalHold={"Status": "OFF"}),
    "put retention": lambda a: a.s3.put_object_retention(**key(a), Retention={
        "Mode": "GOVERNANCE", "RetainUntilDate": datetime.datetime.now(datetime.timezone.utc)
        + datetime.timedelta(seconds=30)}),
    "put bucket ACL": lambda a: a.s3.put_bucket_acl(Bucket=a.bucket, ACL="authenticated-read"),
    "put bucket tags": lambda a: a.s3.put_bucket_tagging(Bucket=a.bucket, Tagging=TAGS),
    "put CORS": lambda a: a.s3.put_bucket_cors(Bucket=a.bucket, CORSConfiguration={
        "CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}),
    "put versioning": lambda a: a.s3.put_bucket_versioning(
        Bucket=a.bucket, VersioningConfiguration={"Status": "Enabled"}),
    "put ownership": lambda a: a.s3.put_bucket_ownership_controls(
        Bucket=a.bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}),
    "put block": lambda a: a.s3.put_public_access_block(
        Bucket=a.bucket, PublicAccessBlockConfiguration={"BlockPublicAcls": False}),
    "delete block": lambda a: a.s3.delete_public_access_block(Bucket=a.bucket),
    "put lock configuration": lambda a: a.s3.put_object_lock_configuration(
        Bucket=a.bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"}),
}

# Who owns the bucket keeps these, whatever its policy says (test_policy_effects.py).
OF_POLICIES = {
    "get policy": lambda a: a.s3.get_bucket_policy(Bucket=a.bucket),
    "put policy": lambda a: a.s3.put_bucket_policy(Bucket=a.bucket, Policy=everything(a.bucket, "Allow")),
    "put policy presigned": lambda a: presigned(
        a.s3, "put_bucket_policy", "PUT", everything(a.bucket, "Allow").encode(), Bucket=a.bucket,
        Policy="{}"),  # boto3 puts what is in it into the query
    "delete policy": lambda a: a.s3.delete_bucket_policy(Bucket=a.bucket),
}

ROUTES = {**READ, **WRITE, **OF_POLICIES}
SIGNED_ONLY = {name for name in ROUTES if "V2" in name or "presigned" in name or "direct" in name}


def outcome(route, a):
    """HTTP status and code, whoever tells them."""
    try:
        answer = route(a)
    except ClientError as e:
        code = e.response["Error"]["Code"]
        return e.response["ResponseMetadata"]["HTTPStatusCode"], None if code == "403" else code  # HEAD
    return answer if isinstance(answer, tuple) else (answer["ResponseMetadata"]["HTTPStatusCode"], None)


def refuses(route, a, codes=("AccessDenied",)):
    """403, for the right reason, and nothing has changed."""
    if not a.is_watched:
        a.watch()
    status, code = outcome(route, a)
    assert status == 403 and code in codes, (status, code)
    assert a.watch(), "refused, and done"
    return True


def cell_of(world, reason):
    if reason not in world.cells:
        b = world.bucket()
        caller = reason(world, b)
        world.cells[reason] = Ask(world, caller, b)
    return world.cells[reason]


def applies(reason, name):
    is_stranger = reason.__name__.startswith("stranger")
    return not (is_stranger and name in SIGNED_ONLY) and \
        not (reason is root_denied_by_bucket_policy and name in OF_POLICIES) and name not in NOT_YET


CELLS = [(r, name) for r in REASONS for name in ROUTES if applies(r, name)]


@pytest.mark.parametrize("reason,name", CELLS, ids=[f"{r.__name__}-{n}" for r, n in CELLS])
def test_refused(world, reason, name):
    codes = ("InvalidAccessKeyId", "AccessDenied") if reason is disabled_person else ("AccessDenied",)
    a = cell_of(world, reason)
    if name not in READ:
        assert refuses(ROUTES[name], a, codes)
        return
    status, code = outcome(ROUTES[name], a)
    assert status == 403 and (code in codes or "head" in name and code is None), (status, code)


OF_THE_ACCOUNT = (root_may, person_may)
# Of an upload that is somebody else's where lists count: test_initiator.py.
OF_THE_INITIATOR = ("part", "part presigned", "part, V2", "part, direct", "copy a part to", "complete")
ALLOWED = [(r, name) for r in LEAVES for name in ROUTES
           if applies(r, name) and (r in OF_THE_ACCOUNT or name not in OF_POLICIES)]


@pytest.mark.parametrize("leave,name", ALLOWED, ids=[f"{r.__name__}-{n}" for r, n in ALLOWED])
def test_allowed(world, leave, name):
    b = world.bucket()
    caller = leave(world, b)
    if name == "get policy":
        put_policy(world, b, everything(b, "Allow", {"AWS": "routes-other"}))
    by = caller.s3 if name in OF_THE_INITIATOR else None
    status, code = outcome(ROUTES[name], Ask(world, caller, b, by))
    assert status in (200, 204, 206), (status, code)


NOT_GIVEN = [(r, name) for r in (other_account_may, stranger_may) for name in OF_POLICIES if applies(r, name)]


@pytest.mark.parametrize("leave,name", NOT_GIVEN, ids=[f"{r.__name__}-{n}" for r, n in NOT_GIVEN])
def test_policies_are_the_own_account_s(world, leave, name):
    """As AWS: whatever the policy gives to others, itself it does not."""
    b = world.bucket()
    caller = leave(world, b)
    before = world.witness.get_bucket_policy(Bucket=b)["Policy"]
    assert outcome(ROUTES[name], Ask(world, caller, b)) == (405, "MethodNotAllowed")
    assert world.witness.get_bucket_policy(Bucket=b)["Policy"] == before


# --- what a request says -----------------------------------------------------------------------

def sayings(headers, boto, fields):
    """Every way to write an object and say something of it: header, signed query, form field, by direct path."""
    def by_hand(a):
        return a.caller.raw.ask("PUT", f"/{a.bucket}/new", headers=list(headers.items()), body=b"x").verdict

    def by_direct(a):
        with session(a) as s:
            memory = s.memfd(4096)
            memory.map[:1] = b"x"
            return a.caller.raw.ask("PUT", f"/{a.bucket}/new", body=b"", headers=[
                *headers.items(), ("x-amz-rdma-token", s.token(memory, 0, 1, "r"))]).verdict

    making = {n: v for n, v in boto.items() if n != "ContentMD5"}
    copying = {**making, **({"TaggingDirective": "REPLACE"} if "Tagging" in boto else {})}
    return {
        "put": lambda a: a.s3.put_object(**key(a, "new"), Body=b"x", **copy.deepcopy(boto)),
        "put by hand": by_hand,
        "put presigned": lambda a: presigned(a.s3, "put_object", "PUT", b"x", dict(headers), **key(a, "new"), **boto),
        "put, V2": lambda a: a.v2.put_object(**key(a, "new"), Body=b"x", **boto),
        # V2 has the headers in the query
        "put presigned, V2": lambda a: presigned(a.v2, "put_object", "PUT", b"x", **key(a, "new"), **boto),
        "put, direct": by_direct,
        "POST form": lambda a: form(a, "new", **fields),
        "copy": lambda a: a.s3.copy_object(**key(a, "new"), CopySource=free(a), **copying),
        "create upload": lambda a: a.s3.create_multipart_upload(**key(a, "new"), **making),
        "create upload presigned": lambda a: presigned(
            a.s3, "create_multipart_upload", "POST", b"", dict(headers), **key(a, "new"), **making),
    }


UNTIL = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)).replace(microsecond=0)
CRC_OF_FORM = base64.b64encode(zlib.crc32(b"posted").to_bytes(4, "big")).decode()
MD5 = base64.b64encode(hashlib.md5(b"x").digest()).decode()  # locks want one, of the body that is sent
SAYINGS = {
    "acl": sayings({"x-amz-acl": "public-read"}, {"ACL": "public-read"}, {"acl": "public-read"}),
    "tags": sayings({"x-amz-tagging": "x=y"}, {"Tagging": "x=y"}, {
        "tagging": "<Tagging><TagSet><Tag><Key>x</Key><Value>y</Value></Tag></TagSet></Tagging>"}),
    "hold": sayings({"x-amz-object-lock-legal-hold": "ON", "content-md5": MD5},
                    {"ObjectLockLegalHoldStatus": "ON", "ContentMD5": MD5},
                    {"x-amz-object-lock-legal-hold": "ON", "x-amz-checksum-crc32": CRC_OF_FORM}),
    "storage class": sayings({"x-amz-storage-class": "STANDARD"}, {"StorageClass": "STANDARD"},
                             {"x-amz-storage-class": "STANDARD"}),
}
SAYINGS["acl"]["put ACL"] = lambda a: a.s3.put_object_acl(**key(a), ACL="public-read")
SAYINGS["acl"]["put ACL of a version"] = lambda a: a.s3.put_object_acl(**key(a), VersionId=a.version, ACL="public-read")
SAYINGS["acl"]["put ACL presigned"] = lambda a: presigned(
    a.s3, "put_object_acl", "PUT", b"", {"x-amz-acl": "public-read"}, **key(a), ACL="public-read")
SAYINGS["tags"]["put tags"] = lambda a: a.s3.put_object_tagging(
    **key(a), Tagging={"TagSet": [{"Key": "x", "Value": "y"}]})
SAYINGS["tags"]["put tags of a version"] = lambda a: a.s3.put_object_tagging(
    **key(a), VersionId=a.version, Tagging={"TagSet": [{"Key": "x", "Value": "y"}]})
SAYINGS["hold"]["put hold"] = lambda a: a.s3.put_object_legal_hold(**key(a), LegalHold={"Status": "ON"})
CONDITIONS = {
    "acl": {"StringEquals": {"s3:x-amz-acl": "public-read"}},
    "tags": {"StringEquals": {"s3:RequestObjectTag/x": "y"}},
    "hold": {"StringEquals": {"s3:object-lock-legal-hold": "ON"}},
    "storage class": {"StringEquals": {"s3:x-amz-storage-class": "STANDARD"}},
}
SAID = [(what, how) for what in SAYINGS for how in SAYINGS[what]]


def deny_saying(b, what):
    return json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"{ALL}{b}/*",
        "Condition": CONDITIONS[what]}]})


@pytest.mark.parametrize("what,how", SAID, ids=[f"{w}-{h}" for w, h in SAID])
def test_what_a_request_says_is_denied(world, what, how):
    b = world.bucket()
    a = Ask(world, world.root, b)
    put_policy(world, b, deny_saying(b, what))
    assert refuses(SAYINGS[what][how], a)


@pytest.mark.parametrize("what,how", SAID, ids=[f"{w}-{h}" for w, h in SAID])
def test_what_a_request_says_is_fine_elsewhere(world, what, how):
    a = Ask(world, world.root, world.bucket())
    status, code = outcome(SAYINGS[what][how], a)
    assert status in (200, 204), (status, code)


NEEDS_MORE = [cell for cell in SAID if cell[0] != "storage class"]


@pytest.mark.parametrize("what,how", NEEDS_MORE, ids=[f"{w}-{h}" for w, h in NEEDS_MORE])
def test_what_a_request_says_needs_its_own_leave(world, what, how):
    """s3:PutObject alone sets no ACL, no tags and no hold."""
    putter = world.user("putter")
    world.attach("putter", json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["s3:PutObject", "s3:GetObject"], "Resource": "*"}]}))
    a = Ask(world, putter, world.bucket())
    assert refuses(SAYINGS[what][how], a)
    assert outcome(ROUTES["put"], a)[0] == 200


PUBLIC = [how for how in SAYINGS["acl"]]


@pytest.mark.parametrize("how", PUBLIC)
def test_public_acls_are_blocked(world, how):
    b = world.bucket()
    a = Ask(world, world.root, b)
    block(world, b, "BlockPublicAcls")
    assert refuses(SAYINGS["acl"][how], a)


@pytest.mark.parametrize("how", ["put policy", "put policy presigned"])
def test_public_policies_are_blocked(world, how):
    b = world.bucket()
    block(world, b, "BlockPublicPolicy")
    assert refuses(ROUTES[how], Ask(world, world.root, b))
    with pytest.raises(ClientError):
        world.witness.get_bucket_policy(Bucket=b)


# --- what destroys a locked version ------------------------------------------------------------

BYPASS = {"x-amz-bypass-governance-retention": "true"}


def destroy_by_form(a, **more):
    body = (f"<Delete><Object><Key>k</Key><VersionId>{a.version}</VersionId></Object></Delete>").encode()
    answer = a.caller.raw.ask("POST", f"/{a.bucket}", [("delete", "")], body=body, headers=[
        ("content-md5", base64.b64encode(hashlib.md5(body).digest()).decode()), *more.get("headers", [])])
    return verdict(403 if b"<Error>" in answer.body else answer.status, answer.body)


def destroyers(bypass):
    boto = {"BypassGovernanceRetention": True} if bypass else {}
    headers = BYPASS if bypass else {}
    return {
        "delete": lambda a: a.s3.delete_object(**key(a), VersionId=a.version, **boto),
        "delete presigned": lambda a: presigned(
            a.s3, "delete_object", "DELETE", None, dict(headers), **key(a), VersionId=a.version, **boto),
        "delete, V2": lambda a: a.v2.delete_object(**key(a), VersionId=a.version, **boto),
        "delete presigned, V2": lambda a: presigned(
            a.v2, "delete_object", "DELETE", None, **key(a), VersionId=a.version, **boto),
        "delete many": lambda a: batch(a.s3.delete_objects(
            Bucket=a.bucket, Delete={"Objects": [{"Key": "k", "VersionId": a.version}]}, **boto)),
        "delete many by hand": lambda a: destroy_by_form(a, headers=list(headers.items())),
        "shorten": lambda a: a.s3.put_object_retention(**key(a), VersionId=a.version, **boto, Retention={
            "Mode": "GOVERNANCE", "RetainUntilDate": datetime.datetime.now(datetime.timezone.utc)
            + datetime.timedelta(seconds=5)}),
        "lift": lambda a: a.s3.put_object_retention(**key(a), VersionId=a.version, **boto, Retention={}),
    }


def locked(world, mode):
    b = world.bucket()
    if mode == "HOLD":
        world.witness.put_object_legal_hold(Bucket=b, Key="k", LegalHold={"Status": "ON"})
    else:
        world.witness.put_object_retention(Bucket=b, Key="k", Retention={"Mode": mode, "RetainUntilDate": UNTIL})
    return b


DESTROYERS = list(destroyers(False))
LOCKED = [(mode, bypass, how) for mode in ("GOVERNANCE", "COMPLIANCE", "HOLD") for bypass in (False, True)
          for how in DESTROYERS if not (mode == "GOVERNANCE" and bypass) and
          not (mode == "HOLD" and how in ("shorten", "lift"))]


@pytest.mark.parametrize("mode,bypass,how", LOCKED, ids=[f"{m}-{'bypass' if p else 'plain'}-{h}" for m, p, h in LOCKED])
def test_locked_versions_stay(world, mode, bypass, how):
    a = Ask(world, world.root, locked(world, mode))
    assert refuses(destroyers(bypass)[how], a)


def may_not_bypass(world, b):
    """A person who may do everything but that."""
    person = world.user("careful")
    world.attach("careful", json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "s3:BypassGovernanceRetention", "Resource": "*"}]}))
    return person


@pytest.mark.parametrize("how", DESTROYERS)
def test_bypass_needs_its_own_leave(world, how):
    b = locked(world, "GOVERNANCE")
    a = Ask(world, may_not_bypass(world, b), b)
    assert refuses(destroyers(True)[how], a)


@pytest.mark.parametrize("how", DESTROYERS)
def test_bypass_of_who_may(world, how):
    a = Ask(world, world.root, locked(world, "GOVERNANCE"))
    status, code = outcome(destroyers(True)[how], a)
    assert status in (200, 204), (status, code)


def test_every_route_is_there():
    assert not NOT_YET
