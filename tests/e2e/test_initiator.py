"""Whose an upload is: the account that began it goes on with it; the bucket's owner may see and end it."""
import json
import secrets
import uuid

import pytest
from botocore.exceptions import ClientError
from conftest import client
from users import make_user


@pytest.fixture(scope="module")
def people(server):
    """owner, initiator, mallory: three accounts."""
    return [make_user(server, id=f"{name}-" + secrets.token_hex(8), name=f"{name}-" + secrets.token_hex(4))
            for name in ("owner", "initiator", "mallory")]


def refused(call, **arguments):
    with pytest.raises(ClientError) as e:
        call(**arguments)
    assert e.value.response["Error"]["Code"] == "AccessDenied"


def by_list(owner, people, name):
    owner.s3.create_bucket(Bucket=name, ObjectOwnership="ObjectWriter")
    who = ",".join(f"id={p.id}" for p in people)
    owner.s3.put_bucket_acl(Bucket=name, GrantWrite=who, GrantRead=who, GrantFullControl=f"id={owner.id}")


def by_policy(owner, people, name):
    owner.s3.create_bucket(Bucket=name)
    owner.s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": [p.id for p in people]},
        "Action": ["s3:PutObject", "s3:GetObject", "s3:ListBucketMultipartUploads"],
        "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]}]}))


@pytest.fixture(params=[by_list, by_policy])
def upload(request, people):
    """Everybody may write here; initiator has begun an upload and sent a part."""
    owner, initiator, mallory = people
    bucket = "up-" + uuid.uuid4().hex[:12]
    request.param(owner, [initiator, mallory], bucket)
    of = {"Bucket": bucket, "Key": "k"}
    of["UploadId"] = initiator.s3.create_multipart_upload(**of)["UploadId"]
    etag = initiator.s3.upload_part(**of, PartNumber=1, Body=b"mine")["ETag"]
    return of, {"Parts": [{"PartNumber": 1, "ETag": etag}]}


@pytest.mark.parametrize("upload", [by_list], indirect=True)
def test_where_lists_count_another_does_not_go_on_with_it(people, upload):
    owner, initiator, mallory = people
    of, parts = upload
    mallory.s3.put_object(Bucket=of["Bucket"], Key="source", Body=b"theirs")
    for other in (mallory, owner):
        refused(other.s3.upload_part, **of, PartNumber=1, Body=b"theirs")
        refused(other.s3.complete_multipart_upload, **of, MultipartUpload=parts)
    refused(mallory.s3.upload_part_copy, **of, PartNumber=1, CopySource=f"{of['Bucket']}/source")
    initiator.s3.complete_multipart_upload(**of, MultipartUpload=parts)
    assert initiator.s3.get_object(Bucket=of["Bucket"], Key="k")["Body"].read() == b"mine"


@pytest.mark.parametrize("upload", [by_policy], indirect=True)
def test_where_lists_are_off_who_may_write_goes_on_with_it(people, upload):
    owner, _, other = people
    of, _ = upload
    etag = other.s3.upload_part(**of, PartNumber=1, Body=b"ours")["ETag"]
    other.s3.complete_multipart_upload(**of, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    assert owner.s3.get_object(Bucket=of["Bucket"], Key="k")["Body"].read() == b"ours"


def test_another_who_may_write_does_not_see_or_end_it(people, upload):
    _, initiator, mallory = people
    of, parts = upload
    refused(mallory.s3.list_parts, **of)
    refused(mallory.s3.abort_multipart_upload, **of)
    initiator.s3.complete_multipart_upload(**of, MultipartUpload=parts)
    assert initiator.s3.get_object(Bucket=of["Bucket"], Key="k")["Body"].read() == b"mine"


def test_the_owner_of_the_bucket_sees_who_and_ends_it(people, upload):
    owner, initiator, _ = people
    of, _ = upload
    answer = owner.s3.list_parts(**of)
    assert answer["Initiator"] == {"ID": initiator.id, "DisplayName": initiator.name}
    listed, = owner.s3.list_multipart_uploads(Bucket=of["Bucket"])["Uploads"]
    assert listed["Initiator"] == {"ID": initiator.id, "DisplayName": initiator.name}
    assert listed["Owner"]["ID"] == answer["Owner"]["ID"]
    assert answer["Owner"]["ID"] in (owner.id, initiator.id)
    owner.s3.abort_multipart_upload(**of)
    with pytest.raises(ClientError) as e:
        owner.s3.list_parts(**of)
    assert e.value.response["Error"]["Code"] == "NoSuchUpload"


def test_root_may_all_of_it(server, people, upload):
    root = client(server)
    of, parts = upload
    assert root.list_parts(**of)["Parts"][0]["PartNumber"] == 1
    root.complete_multipart_upload(**of, MultipartUpload=parts)


def test_one_account_goes_on_with_what_its_people_began(server):
    root = client(server)
    bucket = "up-" + uuid.uuid4().hex[:12]
    root.create_bucket(Bucket=bucket)
    one, two = (make_user(server, policy="readwrite") for _ in range(2))
    of = {"Bucket": bucket, "Key": "k"}
    of["UploadId"] = one.s3.create_multipart_upload(**of)["UploadId"]
    etag = two.s3.upload_part(**of, PartNumber=1, Body=b"ours")["ETag"]
    assert len(two.s3.list_parts(**of)["Parts"]) == 1
    two.s3.complete_multipart_upload(**of, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})


def test_who_may_write_by_a_list_ends_the_own_upload(people):
    owner, initiator, _ = people
    bucket = "up-" + uuid.uuid4().hex[:12]
    by_list(owner, [initiator], bucket)
    of = {"Bucket": bucket, "Key": "k"}
    of["UploadId"] = initiator.s3.create_multipart_upload(**of)["UploadId"]
    assert initiator.s3.list_parts(**of)["Initiator"]["ID"] == initiator.id
    initiator.s3.abort_multipart_upload(**of)
