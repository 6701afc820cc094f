"""Access control lists and who owns what: canned and explicit, of buckets, objects and versions."""
import concurrent.futures
import json
import urllib.error
import urllib.request
import uuid

import pytest
from botocore import UNSIGNED
from botocore.exceptions import ClientError

from conftest import client
from test_boto3_objects import code
from users import make_user

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
AUTHENTICATED = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
LOG_DELIVERY = "http://acs.amazonaws.com/groups/s3/LogDelivery"
ANONYMOUS = "65a011a29cdf8ec533ec3d1ccaae921c"
DENIED = ("AccessDenied", 403)
NOT_SUPPORTED = ("AccessControlListNotSupported", 400)
OFF = {"BlockPublicAcls": False, "IgnorePublicAcls": False, "BlockPublicPolicy": False, "RestrictPublicBuckets": False}


class People:
    """main owns the buckets; alt and other are accounts of their own; clerk is one of root's people."""

    def __init__(self, server):
        self.server = server
        self.main, self.alt, self.other = (
            make_user(server, name=f"{name} the ü", id=uuid.uuid4().hex * 2, email=f"{name}@penstock.test")
            for name in ("main", "alt", "other"))
        self.anonymous = client(server, signature_version=UNSIGNED)


@pytest.fixture(scope="module")
def people(plain_server):
    return People(plain_server)


@pytest.fixture
def main(people):
    return people.main.s3


@pytest.fixture
def alt(people):
    return people.alt.s3


def make_bucket(s3, ownership="ObjectWriter", **more):
    name = "acl-" + uuid.uuid4().hex[:12]
    s3.create_bucket(Bucket=name, ObjectOwnership=ownership, **more)
    return name


@pytest.fixture
def lists(main):
    """A bucket of main's where lists count."""
    return make_bucket(main)


def refused(call, *arguments, **more):
    with pytest.raises(ClientError) as e:
        call(*arguments, **more)
    return code(e)


def grants_of(answer):
    """{(who, permission)}: canonical ids and the last part of group URIs."""
    return {(g["Grantee"].get("ID") or g["Grantee"]["URI"].rsplit("/", 1)[1], g["Permission"])
            for g in answer["Grants"]}


def bucket_grants(s3, bucket):
    return grants_of(s3.get_bucket_acl(Bucket=bucket))


def object_grants(s3, bucket, key="k", **more):
    return grants_of(s3.get_object_acl(Bucket=bucket, Key=key, **more))


def owner_of(s3, bucket, key="k"):
    return s3.get_object_acl(Bucket=bucket, Key=key)["Owner"]["ID"]


def policy(owner, *grants):
    """An AccessControlPolicy; grants are (grantee, permission), a grantee an id, a group or a mailbox."""
    made = []
    for who, permission in grants:
        kind = ({"Type": "Group", "URI": who} if who.startswith("http") else
                {"Type": "AmazonCustomerByEmail", "EmailAddress": who} if "@" in who else
                {"Type": "CanonicalUser", "ID": who})
        made.append({"Grantee": kind, "Permission": permission})
    return {"Owner": {"ID": owner.id}, "Grants": made}


# --- buckets

def test_the_default_is_the_owner(people, main, lists):
    answer = main.get_bucket_acl(Bucket=lists)
    assert answer["Owner"] == {"ID": people.main.id, "DisplayName": people.main.name}
    assert answer["Grants"] == [{"Grantee": {"Type": "CanonicalUser", "ID": people.main.id,
                                             "DisplayName": people.main.name}, "Permission": "FULL_CONTROL"}]


CANNED = {
    "private": set(),
    "public-read": {("AllUsers", "READ")},
    "public-read-write": {("AllUsers", "READ"), ("AllUsers", "WRITE")},
    "authenticated-read": {("AuthenticatedUsers", "READ")},
}


@pytest.mark.parametrize("acl", CANNED)
def test_canned_of_buckets(people, main, acl):
    want = CANNED[acl] | {(people.main.id, "FULL_CONTROL")}
    bucket = make_bucket(main, ACL=acl)
    assert bucket_grants(main, bucket) == want
    main.put_bucket_acl(Bucket=bucket, ACL="private")
    assert bucket_grants(main, bucket) == {(people.main.id, "FULL_CONTROL")}
    main.put_bucket_acl(Bucket=bucket, ACL=acl)
    assert bucket_grants(main, bucket) == want


def test_log_delivery(people, main, lists):
    headers = lambda **kwargs: kwargs["params"]["headers"].update({"x-amz-acl": "log-delivery-write"})  # noqa: E731
    s3 = people.main.client()
    s3.meta.events.register("before-call.s3.PutBucketAcl", headers)
    s3.put_bucket_acl(Bucket=lists, ACL="private")
    assert bucket_grants(main, lists) == {(people.main.id, "FULL_CONTROL"), ("LogDelivery", "WRITE"),
                                          ("LogDelivery", "READ_ACP")}


@pytest.mark.parametrize("acl", CANNED)
@pytest.mark.parametrize("who", ["alt", "anonymous"])
def test_what_canned_of_buckets_allow(people, main, acl, who):
    bucket = make_bucket(main, ACL=acl)
    s3 = people.anonymous if who == "anonymous" else people.alt.s3
    main.put_object(Bucket=bucket, Key="k", Body=b"main's")
    reads = acl.startswith("public") or (acl == "authenticated-read" and who == "alt")
    writes = acl == "public-read-write"
    if reads:
        assert [o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["k"]
        s3.head_bucket(Bucket=bucket)
    else:
        assert refused(s3.list_objects_v2, Bucket=bucket) == DENIED
        assert refused(s3.head_bucket, Bucket=bucket)[1] == 403
    assert refused(s3.get_object, Bucket=bucket, Key="k") == DENIED  # the object's own list decides
    assert refused(s3.get_bucket_acl, Bucket=bucket) == DENIED
    assert refused(s3.put_bucket_acl, Bucket=bucket, ACL="public-read") == DENIED
    if writes:
        s3.put_object(Bucket=bucket, Key="k", Body=b"overwritten")
        s3.put_object(Bucket=bucket, Key="new", Body=b"new")
        s3.delete_object(Bucket=bucket, Key="k")
    else:
        assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"overwritten") == DENIED
        assert refused(s3.delete_object, Bucket=bucket, Key="k") == DENIED
        assert main.get_object(Bucket=bucket, Key="k")["Body"].read() == b"main's"


TABLE = [  # (name, call, the permission that is enough)
    ("list", lambda s3, b: s3.list_objects(Bucket=b), "READ"),
    ("versions", lambda s3, b: s3.list_object_versions(Bucket=b), "READ"),
    ("uploads", lambda s3, b: s3.list_multipart_uploads(Bucket=b), "READ"),
    ("head", lambda s3, b: s3.head_bucket(Bucket=b), "READ"),
    ("put", lambda s3, b: s3.put_object(Bucket=b, Key="new", Body=b"x"), "WRITE"),
    ("create upload", lambda s3, b: s3.create_multipart_upload(Bucket=b, Key="new"), "WRITE"),
    ("delete", lambda s3, b: s3.delete_object(Bucket=b, Key="gone"), "WRITE"),
    ("get acl", lambda s3, b: s3.get_bucket_acl(Bucket=b), "READ_ACP"),
    ("put acl", lambda s3, b: s3.put_bucket_acl(Bucket=b, ACL="private"), "WRITE_ACP"),
    ("get object", lambda s3, b: s3.get_object(Bucket=b, Key="k"), None),
    ("get object acl", lambda s3, b: s3.get_object_acl(Bucket=b, Key="k"), None),
    ("get policy", lambda s3, b: s3.get_bucket_policy(Bucket=b), None),
    ("put versioning", lambda s3, b: s3.put_bucket_versioning(
        Bucket=b, VersioningConfiguration={"Status": "Enabled"}), None),
    ("delete bucket", lambda s3, b: s3.delete_bucket(Bucket=b), None),
]


@pytest.mark.parametrize("given", ["READ", "WRITE", "READ_ACP", "WRITE_ACP", "FULL_CONTROL"])
def test_permissions_of_buckets(people, main, alt, lists, given):
    main.put_object(Bucket=lists, Key="k", Body=b"x")
    for name, call, needed in TABLE:
        main.put_bucket_acl(Bucket=lists, AccessControlPolicy=policy(
            people.main, (people.main.id, "FULL_CONTROL"), (people.alt.id, given)))
        if needed and given in (needed, "FULL_CONTROL"):
            call(alt, lists)
        else:
            assert refused(call, alt, lists)[1] == 403, name
        assert refused(call, people.other.s3, lists)[1] == 403, name  # it was given to alt alone


OBJECT_TABLE = [
    ("get", lambda s3, b: s3.get_object(Bucket=b, Key="k"), "READ"),
    ("head", lambda s3, b: s3.head_object(Bucket=b, Key="k"), "READ"),
    ("get acl", lambda s3, b: s3.get_object_acl(Bucket=b, Key="k"), "READ_ACP"),
    ("put acl", lambda s3, b: s3.put_object_acl(Bucket=b, Key="k", ACL="private"), "WRITE_ACP"),
    ("overwrite", lambda s3, b: s3.put_object(Bucket=b, Key="k", Body=b"y"), None),
    ("delete", lambda s3, b: s3.delete_object(Bucket=b, Key="k"), None),
    ("list", lambda s3, b: s3.list_objects_v2(Bucket=b), None),
    ("get tags", lambda s3, b: s3.get_object_tagging(Bucket=b, Key="k"), None),
]


@pytest.mark.parametrize("given", ["READ", "WRITE", "READ_ACP", "WRITE_ACP", "FULL_CONTROL"])
def test_permissions_of_objects(people, main, alt, lists, given):
    main.put_object(Bucket=lists, Key="k", Body=b"x")
    for name, call, needed in OBJECT_TABLE:
        main.put_object_acl(Bucket=lists, Key="k", AccessControlPolicy=policy(people.main, (people.alt.id, given)))
        if needed and given in (needed, "FULL_CONTROL"):
            call(alt, lists)
        else:
            assert refused(call, alt, lists)[1] == 403, name
        assert refused(call, people.other.s3, lists)[1] == 403, name
    assert main.get_object(Bucket=lists, Key="k")["Body"].read() == b"x"  # the owner, without a grant


def test_copies_need_to_read_their_source(people, main, alt, lists):
    mine = make_bucket(alt)
    main.put_object(Bucket=lists, Key="k", Body=b"x")
    source = {"Bucket": lists, "Key": "k"}
    assert refused(alt.copy_object, Bucket=mine, Key="c", CopySource=source) == DENIED
    main.put_object_acl(Bucket=lists, Key="k", ACL="authenticated-read")
    alt.copy_object(Bucket=mine, Key="c", CopySource=source)
    assert object_grants(alt, mine, "c") == {(people.alt.id, "FULL_CONTROL")}  # the list stays behind


# --- explicit lists

def test_explicit_lists_are_kept_whole(people, main, lists):
    want = {(people.main.id, "FULL_CONTROL"), (people.alt.id, "READ"), (people.alt.id, "WRITE_ACP"),
            ("AllUsers", "READ"), ("AuthenticatedUsers", "READ_ACP"), ("LogDelivery", "WRITE")}
    given = [(people.main.id, "FULL_CONTROL"), (people.alt.id, "READ"), (people.alt.id, "WRITE_ACP"),
             (ALL_USERS, "READ"), (AUTHENTICATED, "READ_ACP"), (LOG_DELIVERY, "WRITE")]
    main.put_bucket_acl(Bucket=lists, AccessControlPolicy=policy(people.main, *given))
    assert bucket_grants(main, lists) == want
    main.put_object(Bucket=lists, Key="k", Body=b"x")
    main.put_object_acl(Bucket=lists, Key="k", AccessControlPolicy=policy(people.main, *given))
    assert object_grants(main, lists) == want
    main.put_object_acl(Bucket=lists, Key="k", AccessControlPolicy={
        name: main.get_object_acl(Bucket=lists, Key="k")[name] for name in ("Owner", "Grants")})
    assert object_grants(main, lists) == want  # what was read can be put back


def test_many_at_once(people, main, lists):
    """Every one of many concurrent setters is told that it did, and one of the lists is there whole."""
    main.put_object(Bucket=lists, Key="k", Body=b"x")
    grants = [{(people.main.id, "FULL_CONTROL"), ("AllUsers", "READ")},
              {(people.main.id, "FULL_CONTROL"), ("AuthenticatedUsers", "READ")}]

    def put(i):
        acl = ("public-read", "authenticated-read")[i % 2]
        main.put_bucket_acl(Bucket=lists, ACL=acl)
        main.put_object_acl(Bucket=lists, Key="k", ACL=acl)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(put, range(48)))
    assert bucket_grants(main, lists) in grants
    assert object_grants(main, lists) in grants


def test_an_empty_list_gives_nothing_and_the_owner_can_mend_it(people, main, alt, lists):
    main.put_bucket_acl(Bucket=lists, ACL="public-read")
    main.put_bucket_acl(Bucket=lists, AccessControlPolicy=policy(people.main))
    assert main.get_bucket_acl(Bucket=lists)["Grants"] == []
    assert refused(alt.list_objects_v2, Bucket=lists) == DENIED
    main.put_bucket_acl(Bucket=lists, ACL="private")
    assert bucket_grants(main, lists) == {(people.main.id, "FULL_CONTROL")}


def test_grants_by_mail_become_accounts(people, main, alt, lists):
    main.put_bucket_acl(Bucket=lists, AccessControlPolicy=policy(people.main, (people.alt.email, "READ")))
    answer = main.get_bucket_acl(Bucket=lists)
    assert answer["Grants"] == [{"Grantee": {"Type": "CanonicalUser", "ID": people.alt.id,
                                             "DisplayName": people.alt.name}, "Permission": "READ"}]
    alt.list_objects_v2(Bucket=lists)


def test_lists_that_are_refused(people, main, lists):
    main.put_object(Bucket=lists, Key="k", Body=b"x")
    cases = [
        (policy(people.main, ("_foo", "READ")), ("InvalidArgument", 400)),
        (policy(people.main, ("nobody@penstock.test", "READ")), ("UnresolvableGrantByEmailAddress", 400)),
        (policy(people.main, ("http://acs.amazonaws.com/groups/global/Some", "READ")), ("InvalidArgument", 400)),
        (policy(people.main, (people.alt.id, "EAT")), ("MalformedACLError", 400)),
        (policy(people.alt, (people.alt.id, "READ")), DENIED),  # an owner is not changed like that
        (policy(people.main, *[(people.alt.id, "READ")] * 101), ("MalformedACLError", 400)),
    ]
    for wrong, answer in cases:
        assert refused(main.put_bucket_acl, Bucket=lists, AccessControlPolicy=wrong) == answer
        assert refused(main.put_object_acl, Bucket=lists, Key="k", AccessControlPolicy=wrong) == answer
    assert bucket_grants(main, lists) == object_grants(main, lists) == {(people.main.id, "FULL_CONTROL")}
    assert refused(main.put_bucket_acl, Bucket=lists, ACL="public-ready") == ("InvalidArgument", 400)
    assert refused(main.put_object_acl, Bucket=lists, Key="k", ACL="public-ready") == ("InvalidArgument", 400)
    assert refused(main.put_object_acl, Bucket=lists, Key="none", ACL="private") == ("NoSuchKey", 404)
    assert refused(main.get_object_acl, Bucket=lists, Key="none") == ("NoSuchKey", 404)


def put_acl(s3, bucket, body=b""):
    """PUT ?acl with this body, presigned: (code, status)."""
    url = s3.generate_presigned_url("put_bucket_acl", Params={"Bucket": bucket})
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="PUT", data=body), timeout=10) as answer:
            return "", answer.status
    except urllib.error.HTTPError as e:
        return e.read().decode().partition("<Code>")[2].partition("</Code>")[0], e.code


def test_bodies_that_are_refused(people, main, lists):
    owner = f"<Owner><ID>{people.main.id}</ID></Owner>"
    for body in ("<", "<Other/>", "<AccessControlPolicy/>", f"<AccessControlPolicy>{owner}</AccessControlPolicy>",
                 f"<AccessControlPolicy>{owner}<AccessControlList><Grant/></AccessControlList></AccessControlPolicy>",
                 f"<AccessControlPolicy>{owner}<AccessControlList/><More/></AccessControlPolicy>"):
        assert put_acl(main, lists, body.encode()) == ("MalformedACLError", 400), body
    whole = f"<AccessControlPolicy>{owner}<AccessControlList/></AccessControlPolicy>"
    assert put_acl(main, lists) == ("MissingSecurityHeader", 400)
    assert put_acl(main, lists, b" " * 200000) == ("MaxMessageLengthExceeded", 400)
    assert bucket_grants(main, lists) == {(people.main.id, "FULL_CONTROL")}
    assert put_acl(main, lists, whole.encode()) == ("", 200)
    assert bucket_grants(main, lists) == set()


def test_a_canned_list_and_a_body_are_too_much(people, main, lists):
    s3 = people.main.client()
    s3.meta.events.register("before-call.s3.PutBucketAcl",
                            lambda **kwargs: kwargs["params"]["headers"].update({"x-amz-acl": "private"}))
    assert refused(s3.put_bucket_acl, Bucket=lists,
                   AccessControlPolicy=policy(people.main)) == ("UnexpectedContent", 400)


# --- grants in headers

def test_grants_in_headers(people, main, alt, lists):
    grants = {"GrantRead": f'id="{people.alt.id}", uri="{ALL_USERS}"', "GrantReadACP": f"id={people.alt.id}",
              "GrantWriteACP": f"emailAddress={people.alt.email}", "GrantFullControl": f"id={people.main.id}"}
    want = {(people.alt.id, "READ"), ("AllUsers", "READ"), (people.alt.id, "READ_ACP"),
            (people.alt.id, "WRITE_ACP"), (people.main.id, "FULL_CONTROL")}
    main.put_object(Bucket=lists, Key="put", Body=b"x", **grants)
    main.copy_object(Bucket=lists, Key="copied", CopySource={"Bucket": lists, "Key": "put"}, **grants)
    upload = main.create_multipart_upload(Bucket=lists, Key="upload", **grants)["UploadId"]
    etag = main.upload_part(Bucket=lists, Key="upload", UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    main.complete_multipart_upload(Bucket=lists, Key="upload", UploadId=upload,
                                   MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    main.put_object(Bucket=lists, Key="later", Body=b"x")
    main.put_object_acl(Bucket=lists, Key="later", **grants)
    for key in ("put", "copied", "upload", "later"):
        assert object_grants(main, lists, key) == want, key
        assert people.anonymous.get_object(Bucket=lists, Key=key)["Body"].read() == b"x"
    main.put_bucket_acl(Bucket=lists, GrantWrite=f"id={people.alt.id}", **grants)
    assert bucket_grants(main, lists) == want | {(people.alt.id, "WRITE")}
    made = make_bucket(main, GrantRead=f"emailAddress={people.alt.email}")
    assert bucket_grants(main, made) == {(people.alt.id, "READ")}  # the owner is not added


@pytest.mark.parametrize("arguments, answer", [
    ({"GrantRead": "id=nobody"}, ("InvalidArgument", 400)),
    ({"GrantRead": "emailAddress=nobody@penstock.test"}, ("UnresolvableGrantByEmailAddress", 400)),
    ({"GrantRead": "uri=http://acs.amazonaws.com/groups/global/Some"}, ("InvalidArgument", 400)),
    ({"GrantRead": "nobody"}, ("InvalidArgument", 400)),
    ({"GrantRead": f"uri={ALL_USERS}", "ACL": "private"}, ("InvalidRequest", 400)),
    ({"ACL": "public-ready"}, ("InvalidArgument", 400)),
    ({"ACL": "aws-exec-read"}, ("NotImplemented", 501)),
])
def test_headers_that_are_refused(main, lists, arguments, answer):
    main.put_object(Bucket=lists, Key="there", Body=b"x")
    for call in (lambda: main.put_object(Bucket=lists, Key="k", Body=b"x", **arguments),
                 lambda: main.create_multipart_upload(Bucket=lists, Key="k", **arguments),
                 lambda: main.copy_object(Bucket=lists, Key="k", CopySource={"Bucket": lists, "Key": "there"},
                                          **arguments),
                 lambda: main.put_object_acl(Bucket=lists, Key="there", **arguments),
                 lambda: main.put_bucket_acl(Bucket=lists, **arguments),
                 lambda: make_bucket(main, **arguments)):
        assert refused(call) == answer
    assert [o["Key"] for o in main.list_objects_v2(Bucket=lists)["Contents"]] == ["there"]
    assert "Uploads" not in main.list_multipart_uploads(Bucket=lists)


# --- objects

@pytest.mark.parametrize("acl", CANNED)
def test_canned_of_objects(people, main, alt, lists, acl):
    want = CANNED[acl] | {(people.main.id, "FULL_CONTROL")}
    main.put_object(Bucket=lists, Key="k", Body=b"x", ACL=acl)
    assert object_grants(main, lists) == want
    alt_reads = acl != "private"
    anonymous_reads = acl.startswith("public")
    for s3, reads in ((alt, alt_reads), (people.anonymous, anonymous_reads)):
        if reads:
            assert s3.get_object(Bucket=lists, Key="k")["Body"].read() == b"x"
        else:
            assert refused(s3.get_object, Bucket=lists, Key="k") == DENIED
        assert refused(s3.put_object, Bucket=lists, Key="k", Body=b"y") == DENIED
    main.put_object(Bucket=lists, Key="k", Body=b"y")
    assert object_grants(main, lists) == {(people.main.id, "FULL_CONTROL")}  # a new object, a new list


def test_an_acl_changes_nothing_else(people, main, lists):
    main.put_object(Bucket=lists, Key="k", Body=b"x", ContentType="text/x", Metadata={"a": "b"})
    before = main.head_object(Bucket=lists, Key="k")
    main.put_object_acl(Bucket=lists, Key="k", ACL="public-read")
    after = main.head_object(Bucket=lists, Key="k")
    for name in ("ETag", "LastModified", "ContentType", "Metadata", "ContentLength"):
        assert before[name] == after[name]


def test_versions_have_lists_of_their_own(people, main, alt, lists):
    main.put_bucket_versioning(Bucket=lists, VersioningConfiguration={"Status": "Enabled"})
    old, new = (main.put_object(Bucket=lists, Key="k", Body=body)["VersionId"] for body in (b"old", b"new"))
    answer = main.put_object_acl(Bucket=lists, Key="k", VersionId=old, ACL="public-read")
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-amz-version-id"] == old
    assert ("AllUsers", "READ") in object_grants(main, lists, VersionId=old)
    assert object_grants(main, lists) == object_grants(main, lists, VersionId=new) == {(people.main.id, "FULL_CONTROL")}
    assert alt.get_object(Bucket=lists, Key="k", VersionId=old)["Body"].read() == b"old"
    assert refused(alt.get_object, Bucket=lists, Key="k") == DENIED
    assert refused(alt.get_object, Bucket=lists, Key="k", VersionId=new) == DENIED
    main.put_object_acl(Bucket=lists, Key="k", ACL="authenticated-read")
    assert ("AuthenticatedUsers", "READ") in object_grants(main, lists, VersionId=new)
    marker = main.delete_object(Bucket=lists, Key="k")["VersionId"]
    assert refused(main.get_object_acl, Bucket=lists, Key="k")[1] == 404
    assert refused(main.put_object_acl, Bucket=lists, Key="k", VersionId=marker, ACL="private")[1] == 405
    assert ("AllUsers", "READ") in object_grants(main, lists, VersionId=old)



# --- who owns


@pytest.mark.parametrize("ownership, acl, owner", [
    ("ObjectWriter", None, "alt"), ("ObjectWriter", "private", "alt"),
    ("ObjectWriter", "bucket-owner-full-control", "alt"), ("ObjectWriter", "bucket-owner-read", "alt"),
    ("BucketOwnerPreferred", None, "alt"), ("BucketOwnerPreferred", "private", "alt"),
    ("BucketOwnerPreferred", "bucket-owner-full-control", "main"),
])
def test_who_owns_what_another_account_wrote(people, main, alt, ownership, acl, owner):
    bucket = make_bucket(main, ownership, ACL="public-read-write")
    arguments = {"ACL": acl} if acl else {}
    mine = make_bucket(alt)
    alt.put_object(Bucket=mine, Key="source", Body=b"x")
    alt.put_object(Bucket=bucket, Key="put", Body=b"x", **arguments)
    alt.copy_object(Bucket=bucket, Key="copied", CopySource={"Bucket": mine, "Key": "source"}, **arguments)
    upload = alt.create_multipart_upload(Bucket=bucket, Key="upload", **arguments)["UploadId"]
    want = getattr(people, owner)
    parts = main.list_multipart_uploads(Bucket=bucket)["Uploads"][0]
    assert parts["Owner"] == {"ID": want.id, "DisplayName": want.name}
    etag = alt.upload_part(Bucket=bucket, Key="upload", UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    alt.complete_multipart_upload(Bucket=bucket, Key="upload", UploadId=upload,
                                  MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    for key in ("put", "copied", "upload"):
        assert owner_of(want.s3, bucket, key) == want.id, key
    listed = main.list_objects_v2(Bucket=bucket, FetchOwner=True)["Contents"]
    assert len(listed) == 3
    assert all(o["Owner"] == {"ID": want.id, "DisplayName": want.name} for o in listed)
    assert all(o["Owner"]["ID"] == want.id for o in main.list_objects(Bucket=bucket)["Contents"])
    assert all(o["Owner"]["ID"] == want.id for o in main.list_object_versions(Bucket=bucket)["Versions"])
    if owner == "main":
        assert object_grants(main, bucket, "put") == {(people.main.id, "FULL_CONTROL")}
    elif acl == "bucket-owner-full-control":
        assert object_grants(main, bucket, "put") == {(people.main.id, "FULL_CONTROL"),
                                                      (people.alt.id, "FULL_CONTROL")}
        assert main.get_object(Bucket=bucket, Key="put")["Body"].read() == b"x"
    elif acl == "bucket-owner-read":
        assert main.get_object(Bucket=bucket, Key="put")["Body"].read() == b"x"
        assert refused(main.get_object_acl, Bucket=bucket, Key="put") == DENIED
    else:  # the bucket is main's, the object is not
        assert refused(main.get_object, Bucket=bucket, Key="put") == DENIED
        assert refused(main.put_object_acl, Bucket=bucket, Key="put", ACL="public-read") == DENIED
    main.delete_object(Bucket=bucket, Key="put")  # whoever owns it


def test_deleted_ownership_controls_act_as_object_writer(people, main, alt):
    bucket = make_bucket(main, "BucketOwnerPreferred", ACL="public-read-write")
    main.delete_bucket_ownership_controls(Bucket=bucket)
    alt.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="bucket-owner-full-control")
    assert owner_of(alt, bucket) == people.alt.id


def test_what_anonymous_writes_is_anonymous(people, main):
    bucket = make_bucket(main, ACL="public-read-write")
    people.anonymous.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="bucket-owner-full-control")
    answer = main.get_object_acl(Bucket=bucket, Key="k")
    assert answer["Owner"] == {"ID": ANONYMOUS, "DisplayName": "anonymous"}
    people.anonymous.put_object(Bucket=bucket, Key="alone", Body=b"x")
    assert refused(main.get_object, Bucket=bucket, Key="alone") == DENIED
    main.delete_object(Bucket=bucket, Key="alone")


# --- lists that are off

def open_to_all(s3, bucket):
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({
        "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": "*", "Action": "s3:*",
            "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]}]}))


def test_enforced_buckets_have_one_owner(people, main, alt):
    bucket = make_bucket(main, "BucketOwnerEnforced")
    open_to_all(main, bucket)
    alt.put_object(Bucket=bucket, Key="plain", Body=b"x")
    alt.put_object(Bucket=bucket, Key="full", Body=b"x", ACL="bucket-owner-full-control")
    alt.put_object(Bucket=bucket, Key="grant", Body=b"x", GrantFullControl=f"id={people.main.id}")
    for key in ("plain", "full", "grant"):
        answer = main.get_object_acl(Bucket=bucket, Key=key)
        assert answer["Owner"]["ID"] == people.main.id
        assert grants_of(answer) == {(people.main.id, "FULL_CONTROL")}
    assert {o["Owner"]["ID"] for o in main.list_objects(Bucket=bucket)["Contents"]} == {people.main.id}
    for acl in ("private", "public-read", "bucket-owner-read"):
        for call in (lambda: alt.put_object(Bucket=bucket, Key="k", Body=b"x", ACL=acl),
                     lambda: alt.create_multipart_upload(Bucket=bucket, Key="k", ACL=acl),
                     lambda: alt.copy_object(Bucket=bucket, Key="k", ACL=acl,
                                             CopySource={"Bucket": bucket, "Key": "plain"}),
                     lambda: alt.put_object_acl(Bucket=bucket, Key="plain", ACL=acl)):
            assert refused(call) == NOT_SUPPORTED
    assert refused(alt.put_bucket_acl, Bucket=bucket, ACL="private") == NOT_SUPPORTED
    assert refused(main.put_bucket_acl, Bucket=bucket, ACL="public-read") == NOT_SUPPORTED
    assert refused(main.put_object_acl, Bucket=bucket, Key="plain", AccessControlPolicy=policy(
        people.main, (people.main.id, "FULL_CONTROL"), (people.alt.id, "READ"))) == NOT_SUPPORTED


def test_enforced_buckets_take_what_holds_anyway(people, main):
    bucket = make_bucket(main, "BucketOwnerEnforced")
    for acl in ("private", "bucket-owner-full-control"):
        main.put_object(Bucket=bucket, Key="k", Body=b"x", ACL=acl)
        main.put_object_acl(Bucket=bucket, Key="k", ACL=acl)
    whole = policy(people.main, (people.main.id, "FULL_CONTROL"))
    main.put_object_acl(Bucket=bucket, Key="k", AccessControlPolicy=whole)
    main.put_bucket_acl(Bucket=bucket, ACL="private")
    assert bucket_grants(main, bucket) == object_grants(main, bucket) == {(people.main.id, "FULL_CONTROL")}


def test_enforced_buckets_are_not_made_with_lists(main):
    for acl in ("public-read", "public-read-write", "authenticated-read"):
        assert refused(make_bucket, main, "BucketOwnerEnforced",
                       ACL=acl) == ("InvalidBucketAclWithObjectOwnership", 400)
    make_bucket(main, "BucketOwnerEnforced", ACL="private")


def test_turning_lists_off_and_on_again(people, main, alt, lists):
    main.put_bucket_acl(Bucket=lists, ACL="public-read-write")
    alt.put_object(Bucket=lists, Key="k", Body=b"x")
    main.put_bucket_acl(Bucket=lists, ACL="private")
    enforce = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    main.put_bucket_ownership_controls(Bucket=lists, OwnershipControls=enforce)
    assert owner_of(main, lists) == people.main.id
    assert main.get_object(Bucket=lists, Key="k")["Body"].read() == b"x"
    assert refused(alt.get_object, Bucket=lists, Key="k") == DENIED
    main.put_bucket_ownership_controls(Bucket=lists, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    assert owner_of(alt, lists) == people.alt.id


# --- public access block

def test_blocked_public_lists(people, main, lists):
    main.put_object(Bucket=lists, Key="k", Body=b"x", ACL="public-read")
    main.put_public_access_block(Bucket=lists, PublicAccessBlockConfiguration=dict(OFF, BlockPublicAcls=True))
    for acl in ("public-read", "public-read-write", "authenticated-read"):
        assert refused(main.put_bucket_acl, Bucket=lists, ACL=acl) == DENIED
        assert refused(main.put_object, Bucket=lists, Key="n", Body=b"x", ACL=acl) == DENIED
        assert refused(main.create_multipart_upload, Bucket=lists, Key="n", ACL=acl) == DENIED
        assert refused(main.copy_object, Bucket=lists, Key="n", ACL=acl,
                       CopySource={"Bucket": lists, "Key": "k"}) == DENIED
        assert refused(main.put_object_acl, Bucket=lists, Key="k", ACL=acl) == DENIED
    assert refused(main.put_object, Bucket=lists, Key="n", Body=b"x", GrantRead=f"uri={ALL_USERS}") == DENIED
    assert refused(main.put_object_acl, Bucket=lists, Key="k",
                   AccessControlPolicy=policy(people.main, (AUTHENTICATED, "READ"))) == DENIED
    main.put_object(Bucket=lists, Key="n", Body=b"x", ACL="private", ContentType="text/x")
    main.put_object(Bucket=lists, Key="n", Body=b"x", GrantRead=f"id={people.alt.id}")
    assert people.anonymous.get_object(Bucket=lists, Key="k")["Body"].read() == b"x"  # what was public stays so


def test_ignored_public_lists(people, main, alt, lists):
    main.put_bucket_acl(Bucket=lists, AccessControlPolicy=policy(people.main, (ALL_USERS, "READ")))
    main.put_object(Bucket=lists, Key="k", Body=b"x", GrantRead=f"uri={ALL_USERS},id={people.alt.id}")
    main.put_public_access_block(Bucket=lists, PublicAccessBlockConfiguration=dict(OFF, IgnorePublicAcls=True))
    main.put_bucket_acl(Bucket=lists, ACL="public-read")  # may be said, is without effect
    assert refused(alt.list_objects_v2, Bucket=lists) == DENIED
    assert refused(people.anonymous.get_object, Bucket=lists, Key="k") == DENIED
    assert alt.get_object(Bucket=lists, Key="k")["Body"].read() == b"x"  # given by id, which is not public
    main.delete_public_access_block(Bucket=lists)
    assert people.anonymous.get_object(Bucket=lists, Key="k")["Body"].read() == b"x"


# --- what must be allowed

def test_setting_a_list_while_writing_can_be_denied(people, main, alt):
    bucket = make_bucket(main, ACL="public-read-write")
    main.put_bucket_policy(Bucket=bucket, Policy=json.dumps({
        "Version": "2012-10-17", "Statement": [{
            "Effect": "Deny", "Principal": "*", "Action": "s3:PutObjectAcl",
            "Resource": f"arn:aws:s3:::{bucket}/*"}]}))
    for s3 in (main, alt, people.anonymous):
        assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"x", ACL="public-read") == DENIED
        assert refused(s3.create_multipart_upload, Bucket=bucket, Key="k", ACL="public-read") == DENIED
    for s3 in (main, alt, people.anonymous):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x")


def test_writers_across_accounts_may_set_lists_of_what_they_own(people, main, alt, lists):
    main.put_bucket_policy(Bucket=lists, Policy=json.dumps({
        "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": "*", "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{lists}/*"}]}))
    alt.put_object(Bucket=lists, Key="k", Body=b"x", GrantFullControl=f"id={people.main.id}")
    assert object_grants(main, lists) == {(people.main.id, "FULL_CONTROL")}


def test_root_reads_and_mends_all(people, main, lists):
    root = client(people.server)
    main.put_object(Bucket=lists, Key="k", Body=b"x")
    assert owner_of(root, lists) == people.main.id
    root.put_object_acl(Bucket=lists, Key="k", ACL="public-read")
    assert object_grants(main, lists) == {(people.main.id, "FULL_CONTROL"), ("AllUsers", "READ")}
