"""Users, keys, groups, policies: penstock admin, the API below it, and what users then may do."""
import json
import os
import shutil
import stat
import subprocess
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from conftest import client
from raw import Raw
from server import ACCESS, PENSTOCK, SECRET, Server
from sigv4 import UNSIGNED
from users import AdminError, User, admin, make_user


def policy(action, effect="Allow", resource="*"):
    return json.dumps({"Version": "2012-10-17",
                       "Statement": [{"Effect": effect, "Action": action, "Resource": resource}]})


def code_of(call, **arguments):
    """"ok", or the code of the error."""
    try:
        call(**arguments)
        return "ok"
    except ClientError as e:
        return e.response["Error"]["Code"]


def run(server, *arguments, stdin=None, access=ACCESS, secret=SECRET):
    """penstock admin as people use it: (exit status, standard output, standard error)."""
    env = dict(os.environ, AWS_ACCESS_KEY_ID=access, AWS_SECRET_ACCESS_KEY=secret)
    done = subprocess.run([PENSTOCK, "admin", "--endpoint", server.endpoint, *arguments], env=env, input=stdin,
                          text=True, capture_output=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def fails(server, sentence, *arguments, **more):
    with pytest.raises(AdminError) as e:
        admin(server, *arguments, **more)
    assert e.value.status == 1 and sentence in str(e.value), str(e.value)


class Api:
    """The API by hand; `more` goes to Raw.ask."""

    def __init__(self, server, access=ACCESS, secret=SECRET):
        self.raw = Raw(server, access, secret)

    def __call__(self, call, request=None, method="POST", body=None, **more):
        body = json.dumps(request or {}).encode() if body is None else body
        answer = self.raw.ask(method, "/-/admin/v1/" + call, body=body, **more)
        assert answer.header("content-type") == "application/json", answer
        assert answer.header("cache-control") == "no-store"
        return answer.status, json.loads(answer.body)

    def error(self, call, request=None, **more):
        status, answer = self(call, request, **more)
        assert set(answer) == {"code", "message"} and answer["message"], answer
        return status, answer["code"]


@pytest.fixture
def api(server):
    return Api(server)


@pytest.fixture
def fresh():
    """A server of the test's own."""
    with Server() as s:
        yield s


# The command

def test_the_command_of_test_setups(server):
    """Ids, names and secrets as ceph/s3-tests has them."""
    users = [("testid", "M. Tester", "tester@ceph.com", "0555b35654ad1656d804",
              "h7GhxuBLTrlhVUyxSPUKUV8r/2EI4ngqJxD7iBdBYLhwluN30JaT3Q=="),
             ("56789abcdef0123456789abcdef0123456789abcdef0123456789abcdef01234", "john.doe", "john.doe@example.com",
              "NOPQRSTUVWXYZABCDEFG", "nopqrstuvwxyzabcdefghijklmnabcdefghijklm"),
             ("9876543210abcdef0123456789abcdef0123456789abcdef0123456789abcdef$tenant", "testx$", None, None, None)]
    for id, name, mail, access, secret in users[:2]:
        before = len(server.log)
        status, out, err = run(server, "user", "add", "--id", id, "--name", name, "--email", mail,
                               "--access-key", access, "--secret-key", secret)
        assert (status, err) == (0, "") and secret not in out
        user = User(server, name, id, mail, access, secret)
        owner = user.s3.list_buckets()["Owner"]
        assert owner == {"ID": id, "DisplayName": name}
        status, out, err = run(server, "user", "add", "--id", id, "--name", name, "--email", mail,
                               "--access-key", access, "--secret-key", secret)
        assert status == 1 and out == "" and f"there is a user '{name}' already" in err and secret not in err
        assert secret not in "".join(server.log[before:])
    status, _, err = run(server, "user", "add", "--id", users[2][0], "--name", users[2][1])
    assert status == 1 and "'name' must" in err
    assert run(server, "user", "add", "--id", "a$b", "--name", "x y.z", "--policy", "readonly,writeonly")[0] == 0


def test_life_of_a_user(fresh):
    assert admin(fresh, "user", "list") == []
    made, = admin(fresh, "user", "add", "--name", "Zoë Q.", "--id", "zoe", "--email", "zoe@example.org")
    assert made["user"]["owns_account"] and made["user"]["enabled"] and made["user"]["id"] == "zoe"
    first = made["key"]
    assert len(first["access_key"]) == 20 and len(first["secret_key"]) == 40
    zoe = User(fresh, "Zoë Q.", "zoe", None, first["access_key"], first["secret_key"])
    zoe.s3.create_bucket(Bucket="zoes")
    second = admin(fresh, "key", "add", "Zoë Q.")[0]["key"]
    assert [k["access_key"] for k in admin(fresh, "key", "list", "Zoë Q.")] == [first["access_key"],
                                                                               second["access_key"]]
    again = User(fresh, "Zoë Q.", "zoe", None, second["access_key"], second["secret_key"])
    assert [b["Name"] for b in again.s3.list_buckets()["Buckets"]] == ["zoes"]
    admin(fresh, "key", "set", first["access_key"], "--disable")
    assert code_of(zoe.s3.list_buckets) == "InvalidAccessKeyId"
    assert code_of(again.s3.list_buckets) == "ok"
    admin(fresh, "key", "set", first["access_key"], "--enable")
    assert code_of(zoe.s3.list_buckets) == "ok"
    admin(fresh, "user", "set", "Zoë Q.", "--disable")
    assert code_of(zoe.s3.list_buckets) == code_of(again.s3.list_buckets) == "AccessDenied"
    admin(fresh, "user", "set", "Zoë Q.", "--enable", "--new-name", "Zoe", "--email", "z@example.org")
    shown, = admin(fresh, "user", "show", "Zoe")
    assert shown["user"]["email"] == "z@example.org" and len(shown["user"]["keys"]) == 2
    assert code_of(zoe.s3.list_buckets) == "ok"
    admin(fresh, "key", "remove", first["access_key"])
    assert code_of(zoe.s3.list_buckets) == "InvalidAccessKeyId"
    fails(fresh, "owns buckets ('zoes')", "user", "remove", "Zoe")
    again.s3.delete_bucket(Bucket="zoes")
    admin(fresh, "user", "remove", "Zoe")
    assert code_of(again.s3.list_buckets) == "InvalidAccessKeyId"
    fails(fresh, "there is no user 'Zoe'", "user", "show", "Zoe")


def test_what_people_read(fresh):
    assert run(fresh, "user", "add", "--name", "Ann B.", "--policy", "readonly")[1].endswith(
        "The secret key is not shown again.\n")
    assert run(fresh, "group", "add", "crew")[0] == 0
    assert run(fresh, "group", "join", "crew", "Ann B.")[1] == "group join\n"
    shown = run(fresh, "user", "show", "Ann B.")[1]
    assert "Ann B." in shown and "readonly" in shown and "crew" in shown
    assert "Ann B." in run(fresh, "user", "list")[1] and "Ann B." in run(fresh, "group", "show", "crew")[1]
    assert "readwrite  built in" in run(fresh, "policy", "list")[1]
    assert json.loads(run(fresh, "policy", "show", "admin")[1])["Version"] == "2012-10-17"
    status, out, err = run(fresh, "user", "show", "nobody")
    assert (status, out) == (1, "") and "there is no user 'nobody' (HTTP 404, request " in err


@pytest.mark.parametrize("arguments", [
    ["user"], ["user", "fly"], ["bird", "add"], ["user", "show"], ["user", "show", "a", "b"],
    ["user", "list", "--id", "x"], ["key", "set", "AK", "--enable", "--disable"], ["group", "join", "g"],
    ["policy", "add", "p", "/nothing/there"]])
def test_bad_usage_sends_nothing(plain_server, arguments):
    status, out, err = run(plain_server, *arguments)
    assert (status, out) == (2, "") and "usage: penstock admin" in err


def test_a_server_that_is_not_there_is_said(plain_server):
    env = dict(os.environ, AWS_ACCESS_KEY_ID=ACCESS, AWS_SECRET_ACCESS_KEY=SECRET)
    done = subprocess.run([PENSTOCK, "admin", "--endpoint", "http://127.0.0.1:1", "user", "list"], env=env, text=True,
                          capture_output=True, timeout=60)
    assert done.returncode == 1 and done.stdout == "" and "127.0.0.1" in done.stderr


def test_secrets_and_policies_from_standard_input(server):
    run(server, "user", "add", "--name", "stdin", "--access-key", "AKSTDIN", "--secret-key", "-", stdin="in-a-pipe-1\n")
    user = User(server, "stdin", None, None, "AKSTDIN", "in-a-pipe-1")
    assert code_of(user.s3.list_buckets) == "AccessDenied"
    assert run(server, "policy", "add", "piped", "-", stdin=policy("s3:ListAllMyBuckets"))[0] == 0
    admin(server, "policy", "attach", "piped", "--user", "stdin")
    assert code_of(user.s3.list_buckets) == "ok"


# What users may

def test_root_s_people_may_what_their_policies_say(server, bucket, s3):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    seen = {}
    for name in ("", "readonly", "writeonly", "readwrite", "admin"):
        user = make_user(server, policy=name or None).s3
        seen[name] = (code_of(user.get_object, Bucket=bucket, Key="k"),
                      code_of(user.put_object, Bucket=bucket, Key="k", Body=b"x"),
                      code_of(user.list_objects_v2, Bucket=bucket))
    no, yes = "AccessDenied", "ok"
    assert seen == {"": (no, no, no), "readonly": (yes, no, no), "writeonly": (no, yes, no),
                    "readwrite": (yes, yes, yes), "admin": (yes, yes, yes)}


def test_their_buckets_are_root_s(server, s3):
    user = make_user(server, policy="readwrite")
    name = "people-" + user.access.lower()
    user.s3.create_bucket(Bucket=name)
    assert name in [b["Name"] for b in s3.list_buckets()["Buckets"]]
    admin(server, "user", "remove", user.name)  # owns nothing
    s3.delete_bucket(Bucket=name)


def test_groups_give_and_take(server, bucket):
    user = make_user(server)
    group, mine = "g" + user.access, "p" + user.access
    admin(server, "group", "add", group)
    admin(server, "policy", "add", mine, "-", stdin=policy("s3:PutObject", resource=f"arn:aws:s3:::{bucket}/in/*"))

    def put(key):
        return code_of(user.s3.put_object, Bucket=bucket, Key=key, Body=b"x")
    assert put("in/a") == "AccessDenied"
    admin(server, "policy", "attach", mine, "--group", group)
    admin(server, "group", "join", group, user.name)
    assert (put("in/a"), put("out/a")) == ("ok", "AccessDenied")
    admin(server, "policy", "add", mine, "-", "--replace",
          stdin=policy("s3:PutObject", resource=f"arn:aws:s3:::{bucket}/out/*"))
    assert (put("in/a"), put("out/a")) == ("AccessDenied", "ok")
    fails(server, "has 1 members", "group", "remove", group)
    fails(server, "has this policy", "policy", "remove", mine)
    admin(server, "group", "leave", group, user.name)
    assert put("out/a") == "AccessDenied"
    admin(server, "policy", "attach", mine, "--user", user.name)
    assert put("out/a") == "ok"
    admin(server, "policy", "detach", mine, "--user", user.name)
    admin(server, "policy", "detach", mine, "--group", group)
    assert put("out/a") == "AccessDenied"
    admin(server, "group", "remove", group)
    admin(server, "policy", "remove", mine)
    fails(server, "there is no group", "group", "show", group)


def test_accounts_are_apart(server):
    a, b = (make_user(server, id="acc-" + os.urandom(6).hex()) for _ in range(2))
    bucket = "of-" + a.id
    a.s3.create_bucket(Bucket=bucket)
    a.s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert code_of(b.s3.get_object, Bucket=bucket, Key="k") == "AccessDenied"
    assert code_of(b.s3.list_objects_v2, Bucket=bucket) == "AccessDenied"
    assert b.s3.list_buckets()["Buckets"] == []
    assert [x["Name"] for x in a.s3.list_buckets()["Buckets"]] == [bucket]
    fails(server, "owns buckets", "user", "remove", a.name)
    a.s3.delete_object(Bucket=bucket, Key="k")
    a.s3.delete_bucket(Bucket=bucket)
    admin(server, "user", "remove", a.name)


def test_the_last_of_many_buckets_keeps_its_owner(fresh):
    user = make_user(fresh, id="late")
    root = client(fresh)
    for i in range(40):
        root.create_bucket(Bucket=f"root-{i:02}")
    user.s3.create_bucket(Bucket="zz-late")
    fails(fresh, "'zz-late'", "user", "remove", user.name)
    user.s3.delete_bucket(Bucket="zz-late")
    admin(fresh, "user", "remove", user.name)


def test_the_direct_path_is_told_to_every_enabled_user(server):
    user, account = make_user(server), make_user(server, id="direct-" + os.urandom(4).hex())
    for who in (user, account):
        answer = Raw(server, who.access, who.secret).ask("GET", "/-/direct")
        assert answer.status == 200 and "transports" in json.loads(answer.body)
    admin(server, "user", "set", user.name, "--disable")
    assert Raw(server, user.access, user.secret).ask("GET", "/-/direct").status == 403
    with pytest.raises(urllib.error.HTTPError) as e:
        urllib.request.urlopen(server.endpoint + "/-/direct", timeout=10)
    assert e.value.code == 403


# Who may call

def test_users_need_a_policy_to_administer(server):
    for name in (None, "readwrite"):
        user = make_user(server, policy=name)
        fails(server, "AccessDenied", "user", "list", access=user.access, secret=user.secret)
    user = make_user(server, policy="admin")
    assert user.name in [u["name"] for u in admin(server, "user", "list", access=user.access, secret=user.secret)]
    made = make_user(server)
    admin(server, "user", "remove", made.name, access=user.access, secret=user.secret)
    account = make_user(server, id="acc-" + os.urandom(6).hex())
    fails(server, "AccessDenied", "user", "list", access=account.access, secret=account.secret)


def test_an_action_is_one_call(server):
    user = make_user(server)
    mine = "act-" + user.access
    admin(server, "policy", "add", mine, "-", stdin=policy(["admin:CreateUser", "admin:ListUsers"]))
    admin(server, "policy", "attach", mine, "--user", user.name)
    api = Api(server, user.access, user.secret)
    assert api("users/list")[0] == 200
    assert api("users/add", {"name": "made-" + user.access})[0] == 200
    assert api.error("users/remove", {"name": "made-" + user.access}) == (403, "AccessDenied")
    for what in ({"policies": ["admin"]}, {"groups": ["any"]}):
        assert api.error("users/add", dict(what, name="more-" + user.access)) == (403, "AccessDenied")
    assert api.error("policies/attach", {"policy": "admin", "user": user.name}) == (403, "AccessDenied")
    admin(server, "policy", "add", mine, "-", "--replace", stdin=policy("admin:*", effect="Deny"))
    admin(server, "policy", "attach", "admin", "--user", user.name)
    assert api.error("users/list") == (403, "AccessDenied")


def test_signatures_cover_the_body(server, api):
    before = len(admin(server, "user", "list"))
    request = {"name": "forged"}
    body = json.dumps(request).encode()
    assert api.error("users/add", request, payload_hash=UNSIGNED) == (403, "AccessDenied")
    other = "ab" * 32
    status, code = api.error("users/add", request, payload_hash=other)
    assert (status, code) == (400, "XAmzContentSHA256Mismatch")
    query = api.raw.signer.presign("POST", "/-/admin/v1/users/add", [], api.raw.host)
    with api.raw.connect() as c:
        c.send(api.raw.write("POST", "/-/admin/v1/users/add", query,
                             [("host", api.raw.host), ("content-length", str(len(body)))]) + body)
        assert c.read().status == 403
    with api.raw.connect() as c:
        c.send(api.raw.write("POST", "/-/admin/v1/users/add", [],
                             [("host", api.raw.host), ("content-length", str(len(body)))]) + body)
        assert c.read().status == 403
    assert Api(server, secret="wrong-wrong-wrong").error("users/add", request) == (403, "SignatureDoesNotMatch")
    assert Api(server, access="nobody").error("users/add", request) == (403, "InvalidAccessKeyId")
    assert len(admin(server, "user", "list")) == before


def test_calls_that_make_no_sense(api):
    assert api.error("users/fly") == (404, "NoSuchCall")
    assert api.error("") == (404, "NoSuchCall")
    assert api.error("users/list", method="GET") == (405, "MethodNotAllowed")
    for body in (b"", b"{", b"[]", b"nonsense", b"{\"name\":\"a\",\"name\":\"b\"}", b"\xff\xfe", b"[" * 5000):
        assert api.error("users/add", body=body)[0] == 400, body
    assert api.error("users/add", body=b"{\"name\":\"" + b"x" * 70000 + b"\"}")[0] == 400
    assert api.error("users/add", {"name": "x", "is_root": True}) == (400, "InvalidRequest")
    assert api.error("policies/add", {"name": "x", "policy": {"Statement": []}})[0] == 400
    big = policy("s3:*", resource=["arn:aws:s3:::" + "b" * 60] * 400)
    assert api.error("policies/add", {"name": "x", "policy": big}) == (400, "LimitExceeded")
    assert api("users/list", body=b"")[0] == 200


def test_listings_come_in_pages(fresh):
    api = Api(fresh)
    names = sorted(f"user {i}" for i in range(7))
    for name in names:
        assert api("users/add", {"name": name})[0] == 200
    seen, after = [], ""
    while True:
        status, answer = api("users/list", {"after": after, "max": 3})
        assert status == 200 and len(answer["users"]) <= 3
        seen += [u["name"] for u in answer["users"]]
        if not answer["is_truncated"]:
            break
        after = seen[-1]
    assert seen == names


# One after the other

def test_of_equal_users_at_once_one_is_made(server):
    name = "race-" + os.urandom(4).hex()

    def add(i):
        return Api(server)("users/add", {"name": name, "access_key": f"{name}-{i}"})[0]
    with ThreadPoolExecutor(8) as pool:
        got = sorted(pool.map(add, range(8)))
    assert got == [200] + [409] * 7
    assert len(admin(server, "key", "list", name)) == 1


def test_different_users_at_once_are_all_made(server):
    names = [f"all-{i}-{os.urandom(4).hex()}" for i in range(12)]
    with ThreadPoolExecutor(6) as pool:
        users = list(pool.map(lambda n: make_user(server, name=n, policy="readwrite"), names))
    assert set(names) <= {u["name"] for u in admin(server, "user", "list")}
    assert [code_of(u.s3.list_buckets) for u in users] == ["ok"] * len(names)


def test_requests_go_on_while_users_change(server, bucket):
    user = make_user(server, policy="readwrite")

    def change(i):
        made = make_user(server)
        admin(server, "user", "remove", made.name)

    def use(i):
        user.s3.put_object(Bucket=bucket, Key=f"k{i}", Body=b"x")
    with ThreadPoolExecutor(4) as pool:
        changes = pool.map(change, range(6))
        uses = pool.map(use, range(60))
        assert len(list(changes)) == 6 and len(list(uses)) == 60


# Kept

def restart(server, directory=None, options=None):
    server.kill() if directory is None else server.stop()
    if directory:
        os.rename(server.directory, directory)
    return Server(*(server.options if options is None else options), directory=directory or server.directory)


@pytest.mark.skipif(os.environ.get("PENSTOCK_TEST_ENGINE") == "memory", reason="memory keeps nothing")
class TestKept:
    def test_users_outlive_a_killed_server_and_move_with_the_folder(self, tmp_path):
        with Server(directory=str(tmp_path / "store")) as s:
            user = make_user(s, id="kept", name="Kept", email="k@example.org")
            other = make_user(s, policy="readonly")
            admin(s, "group", "add", "crew")
            admin(s, "policy", "add", "mine", "-", stdin=policy("s3:*"))
            user.s3.create_bucket(Bucket="kept")
            user.s3.put_object(Bucket="kept", Key="k", Body=b"x")
            picture = admin(s, "user", "list"), admin(s, "group", "list"), admin(s, "policy", "list")
            with restart(s) as s2:
                for moved in (None, str(tmp_path / "elsewhere")):
                    if moved:
                        assert s2.stop() == 0
                        shutil.move(s2.directory, moved)
                        s2.directory, s2.log = moved, []
                        s2.start()
                    assert picture == (admin(s2, "user", "list"), admin(s2, "group", "list"),
                                       admin(s2, "policy", "list"))
                    back = User(s2, "Kept", "kept", None, user.access, user.secret)
                    assert back.s3.get_object(Bucket="kept", Key="k")["Body"].read() == b"x"
                    assert code_of(User(s2, "", None, None, other.access, other.secret).s3.create_bucket,
                                   Bucket="new") == "AccessDenied"

    def test_a_removed_user_stays_removed(self, tmp_path):
        with Server(directory=str(tmp_path / "store")) as s:
            user = make_user(s, policy="readwrite")
            admin(s, "user", "remove", user.name)
            with restart(s) as s2:
                assert admin(s2, "user", "list") == []
                assert code_of(User(s2, "", None, None, user.access, user.secret).s3.list_buckets) == \
                    "InvalidAccessKeyId"

    def refuses(self, sentence, *options, directory):
        with pytest.raises(RuntimeError) as e:
            Server(*options, directory=directory)
        assert sentence in str(e.value), str(e.value)

    def test_another_store_key_is_refused_and_leaves_no_trace(self, tmp_path):
        directory = str(tmp_path / "store")
        key = os.path.join(directory, "store.key")
        with Server(directory=directory) as s:
            user = make_user(s, policy="readwrite")
        assert stat.S_IMODE(os.stat(key).st_mode) == 0o600
        with open(key) as f:
            good = f.read()
        assert len(good) == 65
        os.rename(key, key + ".kept")
        for _ in range(2):  # a key that is made is not left there
            self.refuses("sealed with the store key", directory=directory)
            assert not os.path.exists(key)
        for text, sentence in ((good[:10], "is not a store key"), ("", "is not a store key"),
                               ("0" * 64 + "\n", "sealed with the store key")):
            with open(key, "w") as f:
                f.write(text)
            os.chmod(key, 0o600)
            self.refuses(sentence, directory=directory)
        shutil.copy(key + ".kept", key)
        os.chmod(key, 0o644)
        self.refuses("may be read by others", directory=directory)
        os.remove(key)
        elsewhere = str(tmp_path / "elsewhere.key")
        os.rename(key + ".kept", elsewhere)
        with Server("--store-key-file", elsewhere, directory=directory) as s:
            assert code_of(User(s, "", None, None, user.access, user.secret).s3.list_buckets) == "ok"
            assert not os.path.exists(key)

    def test_the_key_may_be_made_elsewhere(self, tmp_path):
        elsewhere = str(tmp_path / "new.key")
        with Server("--store-key-file", elsewhere, directory=str(tmp_path / "store")) as s:
            make_user(s)
            assert os.path.exists(elsewhere) and not os.path.exists(os.path.join(s.directory, "store.key"))

    def test_secrets_are_nowhere_in_clear(self, tmp_path):
        secret, given = "GIVEN-secret-0123456789-abcdef", []
        log = str(tmp_path / "access.log")
        with Server("--access-log", log, "--log-level", "debug", directory=str(tmp_path / "store")) as s:
            user = make_user(s, id="hidden", name="Hidden", secret=secret)
            given.append(admin(s, "key", "add", "Hidden")[0]["key"]["secret_key"])
            given.append(admin(s, "user", "add", "--name", "made")[0]["key"]["secret_key"])
            given.append(secret)
            assert code_of(user.s3.list_buckets) == "ok"
            fails(s, "in use already", "user", "add", "--name", "again", "--access-key", user.access,
                  "--secret-key", secret)
            for call in (["user", "list"], ["user", "show", "Hidden"], ["key", "list", "Hidden"]):
                assert not any(g in json.dumps(admin(s, *call)) for g in given)
            s.stop()
            text = "".join(s.log).encode()
            assert b"users/add by 'root'" in text and b"Hidden" in text
            for folder, _, files in os.walk(s.directory):
                for file in files:
                    with open(os.path.join(folder, file), "rb") as f:
                        text += f.read()
            with open(log, "rb") as f:
                text += f.read()
            assert user.access.encode() in text
            for g in given:
                assert g.encode() not in text


# The wire

def test_changes_are_in_the_log(fresh):
    user = make_user(fresh, name="Logged In", policy="admin")
    admin(fresh, "group", "add", "crew", access=user.access, secret=user.secret)
    with pytest.raises(AdminError):
        admin(fresh, "user", "remove", "no\x01body")
    fresh.stop()
    lines = [x for x in fresh.log if " admin: " in x]
    assert any("users/add by 'root'" in x and '"name":"Logged In"' in x and "done" in x for x in lines)
    assert any(f"groups/add by 'Logged In' (key {user.access}" in x and '"name":"crew"' in x for x in lines)
    assert any("users/remove by 'root'" in x and "no such entry" in x for x in lines)
    assert not any("\x01" in x or user.secret in x for x in lines)


def test_secrets_do_not_pass_over_plain_http_from_elsewhere():
    """Elsewhere is what a trusted proxy says: tests do not leave the host."""
    far, near = [("x-forwarded-for", "192.0.2.7")], [("x-forwarded-for", "127.0.0.1")]
    with Server("--trusted-proxy", "127.0.0.1") as s:
        api = Api(s)

        def add(name, headers):
            return api("users/add", {"name": name}, headers=headers)[0]
        assert api.error("users/add", {"name": "a"}, headers=far) == (403, "TlsRequired")
        assert api.error("keys/add", {"user": "a"}, headers=far) == (403, "TlsRequired")
        assert api("users/list", headers=far) == (200, {"users": [], "is_truncated": False})
        assert (add("a", near), add("b", far + [("x-forwarded-proto", "https")]), add("c", [])) == (200, 200, 200)
    with Server("--trusted-proxy", "127.0.0.1", "--admin-plain", "on") as s:
        assert Api(s)("users/add", {"name": "a"}, headers=far)[0] == 200


def test_over_tls(tls_server):
    user = make_user(tls_server, id="tls", name="Over TLS")
    user.s3.create_bucket(Bucket="over-tls")
    assert admin(tls_server, "user", "show", "Over TLS")[0]["user"]["id"] == "tls"
