"""Whom users must not be taken for: root, anonymous writers; and accounts that go while they make buckets."""
import secrets

import pytest
from botocore.exceptions import ClientError
from conftest import client
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
