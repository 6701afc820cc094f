"""Whom users must not be taken for: root, anonymous writers; and accounts that go while they make buckets."""
import secrets
import uuid

import pytest
from botocore.exceptions import ClientError
from conftest import client
from raw import Raw
from server import ACCESS, Server
from users import AdminError, admin, make_user

ANONYMOUS = "65a011a29cdf8ec533ec3d1ccaae921c"


def test_nobody_gets_roots_access_key_or_id(server):
    root_id = client(server).list_buckets()["Owner"]["ID"]
    for arguments in (("--access-key", ACCESS, "--secret-key", secrets.token_hex(20)), ("--id", root_id),
                      ("--id", ANONYMOUS)):
        with pytest.raises(AdminError):
            admin(server, "user", "add", "--name", "spoof", *arguments)
    user = make_user(server)
    with pytest.raises(AdminError):
        admin(server, "key", "add", user.name, "--access-key", ACCESS, "--secret-key", secrets.token_hex(20))
    assert "spoof" not in [u["name"] for u in admin(server, "user", "list")]


def test_a_user_whose_key_root_gets_is_told_of(tmp_path):
    store = str(tmp_path / "store")
    with Server(directory=store) as s:
        user = make_user(s, name="Shadow", id="shadow-id")
        user.s3.list_buckets()
        assert not any("root's access key" in line for line in s.log)
    with Server(directory=store, env={"PENSTOCK_ROOT_USER": user.access}) as s:
        assert any("root's access key is also one of user 'Shadow'" in line for line in s.log)
        user.server = s
        with pytest.raises(ClientError) as e:  # the name is root's, and so is the secret
            user.client().list_buckets()
        assert e.value.response["Error"]["Code"] == "SignatureDoesNotMatch"


BODY = b"<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>"


def slow_creation(server, user, bucket):
    """The connection of a CreateBucket that was authenticated and lacks the end of its body."""
    raw = Raw(server, user.access, user.secret)
    c = raw.connect()
    c.send(raw.head("PUT", "/" + bucket, body=BODY) + BODY[:-10])
    assert raw.ask("GET", "/").status == 200  # it is being read by now, or will have been refused
    return c


def test_a_bucket_that_comes_after_its_account_has_gone_does_not_stay(server):
    for _ in range(3):
        user, bucket = make_user(server, id="going-" + secrets.token_hex(6)), "late-" + uuid.uuid4().hex[:10]
        with slow_creation(server, user, bucket) as c:
            admin(server, "user", "remove", user.name)
            c.send(BODY[-10:])
            answer = c.read()
        assert answer.status == 403, answer
        with pytest.raises(ClientError) as e:
            client(server).head_bucket(Bucket=bucket)
        assert e.value.response["Error"]["Code"] == "404"


def test_an_account_that_owns_buckets_stays_as_it_was(server):
    user, bucket = make_user(server, id="staying-" + secrets.token_hex(6)), "keep-" + uuid.uuid4().hex[:10]
    with slow_creation(server, user, bucket) as c:
        c.send(BODY[-10:])
        assert c.read().status == 200
    with pytest.raises(AdminError) as e:
        admin(server, "user", "remove", user.name)
    assert bucket in str(e.value)
    assert [b["Name"] for b in user.s3.list_buckets()["Buckets"]] == [bucket]
    user.s3.delete_bucket(Bucket=bucket)
    admin(server, "user", "set", user.name, "--disable")
    admin(server, "user", "remove", user.name)
