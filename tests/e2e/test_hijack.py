"""What was decided about somebody's bucket is not done to the next one of its name, somebody else's by then."""
import base64
import hashlib
import json
import secrets
import uuid

import pytest
from botocore.exceptions import ClientError
from raw import Raw
from users import make_user

THIS_BODY = b"x" * 4000


@pytest.fixture(scope="module")
def alice(server):
    return make_user(server, id="alice-" + secrets.token_hex(8))


@pytest.fixture(scope="module")
def bob(server):
    return make_user(server, id="bob-" + secrets.token_hex(8))


class Slow:
    """A request of alice's whose head and half its body are with the server."""

    def __init__(self, server, alice, method, path, query=(), body=THIS_BODY, headers=()):
        self.raw = Raw(server, alice.access, alice.secret)
        self.connection = self.raw.connect()
        head = self.raw.head(method, path, query, list(headers), body)
        self.rest = body[len(body) // 2:]
        self.connection.send(head + body[:len(body) // 2])

    def finish(self):
        with self.connection as c:
            c.send(self.rest)
            return c.read()


def change_hands(alice, bob, bucket):
    alice.s3.delete_bucket(Bucket=bucket)
    bob.s3.create_bucket(Bucket=bucket)


def md5(body):
    return ("content-md5", base64.b64encode(hashlib.md5(body).digest()).decode())


@pytest.fixture
def bucket(alice):
    name = "hands-" + uuid.uuid4().hex[:12]
    alice.s3.create_bucket(Bucket=name)
    alice.s3.list_objects_v2(Bucket=name)  # it is known before the slow request comes
    return name


def test_an_object_under_way_does_not_appear(server, alice, bob, bucket):
    slow = Slow(server, alice, "PUT", f"/{bucket}/index.html")
    change_hands(alice, bob, bucket)
    assert slow.finish().verdict == (404, "NoSuchBucket")
    assert bob.s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_policy_under_way_is_not_set(server, alice, bob, bucket):
    text = json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": alice.id}, "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]}]}).encode()
    slow = Slow(server, alice, "PUT", f"/{bucket}", [("policy", "")], text)
    change_hands(alice, bob, bucket)
    assert slow.finish().verdict == (404, "NoSuchBucket")
    with pytest.raises(ClientError) as e:
        bob.s3.get_bucket_policy(Bucket=bucket)
    assert e.value.response["Error"]["Code"] == "NoSuchBucketPolicy"


def test_settings_under_way_are_not_set(server, alice, bob, bucket):
    body = (b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")
    slow = Slow(server, alice, "PUT", f"/{bucket}", [("versioning", "")], body)
    change_hands(alice, bob, bucket)
    assert slow.finish().verdict == (404, "NoSuchBucket")
    assert "Status" not in bob.s3.get_bucket_versioning(Bucket=bucket)


def test_deletions_under_way_delete_nothing(server, alice, bob, bucket):
    body = b"<Delete>" + b"<Object><Key>kept</Key></Object>" * 20 + b"</Delete>"
    slow = Slow(server, alice, "POST", f"/{bucket}", [("delete", "")], body, [md5(body)])
    change_hands(alice, bob, bucket)
    bob.s3.put_object(Bucket=bucket, Key="kept", Body=b"mine")
    assert slow.finish().verdict == (404, "NoSuchBucket")
    assert bob.s3.get_object(Bucket=bucket, Key="kept")["Body"].read() == b"mine"


def test_tags_under_way_are_not_put(server, alice, bob, bucket):
    body = b"<Tagging><TagSet><Tag><Key>a</Key><Value>alice</Value></Tag></TagSet></Tagging>"
    slow = Slow(server, alice, "PUT", f"/{bucket}/kept", [("tagging", "")], body)
    change_hands(alice, bob, bucket)
    bob.s3.put_object(Bucket=bucket, Key="kept", Body=b"mine")
    assert slow.finish().verdict == (404, "NoSuchBucket")
    assert bob.s3.get_object_tagging(Bucket=bucket, Key="kept")["TagSet"] == []


def test_of_the_same_hands_the_old_bucket_is_gone_too(server, alice, bucket):
    slow = Slow(server, alice, "PUT", f"/{bucket}/k")
    change_hands(alice, alice, bucket)
    assert slow.finish().verdict == (404, "NoSuchBucket")
