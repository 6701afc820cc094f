"""The commands of the binary against a server, and what is said about them: help, manual, completion."""
import json
import os
import re
import signal
import subprocess
import time
import uuid

import pytest

from conftest import client
from server import ACCESS, PENSTOCK, ROOT, SECRET, Server, wait_for

MIB = 1 << 20
COMMANDS = ["serve", "ls", "mb", "rb", "cp", "get", "put", "rm", "stat", "cat", "admin", "bench", "doctor", "version",
            "help"]


def data_of(size, seed):
    block = bytes((i * 31 + seed * 7 + (i >> 8)) & 255 for i in range(65537))
    return (block * (size // len(block) + 1))[:size]


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


class Cli:
    """Runs penstock with the credentials of a server; `check` is the exit status wanted."""

    def __init__(self, server, cwd):
        self.cwd = cwd
        self.env = dict(os.environ, AWS_ENDPOINT_URL=server.endpoint, AWS_ACCESS_KEY_ID=ACCESS,
                        AWS_SECRET_ACCESS_KEY=SECRET, HOME=str(cwd))
        self.env.pop("PENSTOCK_CLIENT_DIRECT", None)

    def run(self, *arguments, check=0, stdin=None, text=True, **env):
        done = subprocess.run([PENSTOCK, *map(str, arguments)], cwd=self.cwd, env=dict(self.env, **env),
                              input=stdin, stdin=subprocess.DEVNULL if stdin is None else None,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
        assert done.returncode == check, (arguments, done.stdout[-2000:], done.stderr[-2000:])
        self.stderr = done.stderr.decode()
        return done.stdout.decode() if text else done.stdout

    def json(self, *arguments, **kw):
        return [json.loads(line) for line in self.run(*arguments, "--json", **kw).splitlines()]


@pytest.fixture
def store(plain_server):
    return plain_server


@pytest.fixture
def cli(store, tmp_path):
    return Cli(store, tmp_path)


@pytest.fixture
def bucket(cli):
    name = "cli-" + uuid.uuid4().hex[:12]
    assert cli.run("mb", "s3://" + name) == f"mb s3://{name}\n"
    return name


def left_over(folder):
    """Every name below folder: half files and temporary ones would be among them."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


# Buckets and listings


def test_life_of_a_bucket(cli, bucket):
    assert bucket in [b["bucket"] for b in cli.json("ls")]
    assert re.search(rf"^\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d {bucket}$", cli.run("ls"), re.M)
    cli.run("mb", "s3://" + bucket)  # one's own again: 200, as in us-east-1 of AWS
    cli.run("put", "-", f"s3://{bucket}/k", stdin=b"x")
    cli.run("rb", "s3://" + bucket, check=1)
    assert re.search(r"BucketNotEmpty: .* \(HTTP 409, request [0-9A-Z]+\)", cli.stderr)
    cli.run("rb", "-f", "s3://" + bucket)
    assert bucket not in cli.run("ls")
    cli.run("rb", "s3://" + bucket, check=1)
    assert "NoSuchBucket" in cli.stderr


def test_listing(cli, bucket):
    for key in ("a", "b/1", "b/2", "c d&<é>"):
        cli.run("put", "-", f"s3://{bucket}/{key}", stdin=key.encode())
    entries = cli.json("ls", f"s3://{bucket}")
    assert [e.get("key") or e["prefix"] for e in entries] == ["a", "b/", "c d&<é>"]
    assert entries[0]["bytes"] == 1 and entries[0]["etag"].startswith('"')
    assert [e["key"] for e in cli.json("ls", "-r", f"s3://{bucket}")] == ["a", "b/1", "b/2", "c d&<é>"]
    assert cli.run("ls", "--names", f"s3://{bucket}/b/") == f"s3://{bucket}/b/1\ns3://{bucket}/b/2\n"
    assert re.search(r" 3 1\n.* 3 2\n$", cli.run("ls", f"s3://{bucket}/b/"))
    assert re.search(r"3 B b/1\n", cli.run("ls", "-r", "-H", f"s3://{bucket}"))
    cli.run("ls", f"s3://{bucket}/none", check=1)
    cli.run("ls", "s3://no-such-bucket-here", check=1)
    assert "NoSuchBucket" in cli.stderr
    assert cli.run("rm", "-r", f"s3://{bucket}") .count("\n") == 4
    assert cli.run("ls", f"s3://{bucket}") == ""


def test_more_keys_than_one_page(store, cli, bucket):
    s3 = client(store)
    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: s3.put_object(Bucket=bucket, Key=f"p/{i:05d}", Body=b"%d" % i), range(1050)))
    assert len(cli.run("ls", "--names", "-r", f"s3://{bucket}").splitlines()) == 1050
    cli.run("get", "-r", "-q", f"s3://{bucket}/p", "out")
    assert len(left_over(cli.cwd / "out")) == 1050 and (cli.cwd / "out/01049").read_bytes() == b"1049"
    cli.run("rb", "-f", "-q", f"s3://{bucket}")


# Transfers


@pytest.mark.parametrize("direct,way", [("require", "local"), ("prefer", "local"), ("off", "tcp")])
@pytest.mark.parametrize("size", [0, 1, 4097, 33 * MIB + 5, 150 * MIB + 1])
def test_there_and_back(cli, bucket, tmp_path, size, direct, way):
    data = data_of(size, size & 255)
    write(tmp_path / "in", data)
    url = f"s3://{bucket}/k"
    stored, = cli.json("put", "--direct", direct, "in", url)
    assert (stored["op"], stored["bytes"], stored["way"]) == ("put", size, way)
    read, = cli.json("get", "--direct", direct, url, "out")
    assert (read["bytes"], read["way"], read["etag"]) == (size, way, stored["etag"])
    assert (tmp_path / "out").read_bytes() == data
    assert cli.run("cat", "--direct", direct, url, text=False) == data
    about, = cli.json("stat", url)
    assert about["bytes"] == size and about["etag"] == stored["etag"]
    assert size == 0 or about["crc64nvme"] == read["crc64nvme"]
    assert left_over(tmp_path) == ["in", "out"]


def test_boto3_and_cli_see_the_same(store, cli, bucket, tmp_path):
    s3 = client(store)
    data = data_of(20 * MIB, 1)
    write(tmp_path / "f", data)
    cli.run("put", "--content-type", "x/y", "f", f"s3://{bucket}/a/")
    got = s3.get_object(Bucket=bucket, Key="a/f")
    assert got["Body"].read() == data and got["ContentType"] == "x/y"
    s3.put_object(Bucket=bucket, Key="b", Body=data[::-1], ContentType="text/x")
    assert cli.run("cat", f"s3://{bucket}/b", text=False) == data[::-1]
    text = cli.run("stat", f"s3://{bucket}/b")
    assert "size      20971520 (20 MiB)" in text and "type      text/x" in text and "checksum  " in text


def test_targets(cli, bucket, tmp_path):
    write(tmp_path / "f", b"data")
    write(tmp_path / "g", b"more")
    for target, key in (("", "f"), ("/", "f"), ("/d/", "d/f"), ("/d/x", "d/x")):
        line = cli.run("put", "f", f"s3://{bucket}{target}")
        assert line.startswith(f"put f -> s3://{bucket}/{key}  4 bytes  way local  ")
    assert len(cli.run("put", "f", "g", f"s3://{bucket}/e").splitlines()) == 2
    assert cli.run("cat", f"s3://{bucket}/e/f", f"s3://{bucket}/e/g") == "datamore"
    (tmp_path / "folder").mkdir()
    cli.run("get", f"s3://{bucket}/d/x")
    cli.run("get", f"s3://{bucket}/d/x", "folder")
    cli.run("get", f"s3://{bucket}/d/x", "made/y")
    cli.run("get", f"s3://{bucket}/e/f", f"s3://{bucket}/e/g", "folder")
    assert left_over(tmp_path) == ["f", "folder/f", "folder/g", "folder/x", "g", "made/y", "x"]
    assert cli.run("get", f"s3://{bucket}/d/x", "-") == "data"
    assert "way local" in cli.stderr


def test_copies_inside_the_store(cli, bucket, tmp_path):
    write(tmp_path / "f", data_of(9 * MIB, 4))
    cli.run("put", "--content-type", "a/b", "f", f"s3://{bucket}/1/f")
    done, = cli.json("cp", f"s3://{bucket}/1/f", f"s3://{bucket}/2/")
    assert done["way"] == "none" and done["bytes"] == 9 * MIB
    about, = cli.json("stat", f"s3://{bucket}/2/f")
    assert about["content_type"] == "a/b"
    cli.run("cp", "-r", f"s3://{bucket}/1", f"s3://{bucket}/3")
    assert cli.run("cat", f"s3://{bucket}/3/f", text=False) == data_of(9 * MIB, 4)
    cli.run("cp", f"s3://{bucket}/none", f"s3://{bucket}/x", check=1)
    assert re.search(r"HTTP 404, request \w+", cli.stderr)


def test_trees(cli, bucket, tmp_path):
    files = {"1": b"one", "a/2": b"", "a/b/3": data_of(100000, 3), "a/b/c d": b"x", "é/4": b"four"}
    for name, data in files.items():
        write(tmp_path / "in" / name, data)
    lines = cli.json("put", "-r", "in", f"s3://{bucket}/p")
    assert sorted(line["to"] for line in lines) == sorted(f"s3://{bucket}/p/{n}" for n in files)
    cli.run("put", "-", f"s3://{bucket}/p2", stdin=b"not below p/")
    cli.run("get", "-r", f"s3://{bucket}/p", "out")
    assert {n: (tmp_path / "out" / n).read_bytes() for n in left_over(tmp_path / "out")} == files
    assert len(cli.run("rm", "-r", f"s3://{bucket}/p").splitlines()) == len(files)
    assert cli.run("ls", "--names", "-r", f"s3://{bucket}") == f"s3://{bucket}/p2\n"


def test_streams(cli, bucket):
    for size in (0, 5, 32 * MIB - 1, 32 * MIB, 70 * MIB + 3):
        data = data_of(size, 9)
        line = cli.run("put", "-", f"s3://{bucket}/s", stdin=data)
        assert f"  {size} bytes  way " in line
        assert cli.run("cat", f"s3://{bucket}/s", text=False) == data
    cli.run("put", "--direct", "require", "-", f"s3://{bucket}/t", stdin=data, check=1)
    assert "--direct require" in cli.stderr
    cli.run("stat", f"s3://{bucket}/t", check=1)


def test_keys_that_leave_the_folder(store, cli, bucket, tmp_path):
    s3 = client(store)
    for key in ("p/../../evil", "p//abs", "p/./x", "p/fine"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    (tmp_path / "in").mkdir()
    cli.run("get", "-r", f"s3://{bucket}/p", "in/deep", check=1)
    assert left_over(tmp_path) == ["in/deep/fine"]
    assert cli.stderr.count("cannot be the name of a file") == 3


# What goes wrong


def test_missing_things_have_causes(cli, bucket, tmp_path):
    error, = cli.json("get", f"s3://{bucket}/nothing", "x", check=1)
    assert error["status"] == 404 and error["request_id"] and "error" in error
    assert re.search(r"penstock: get s3://.*/nothing: .*\(HTTP 404, request \w+\)", cli.stderr)
    cli.run("put", "missing-file", f"s3://{bucket}", check=1)
    assert "missing-file: No such file or directory" in cli.stderr
    cli.run("put", ".", f"s3://{bucket}/k", check=1)
    assert "-r stores what is in it" in cli.stderr
    cli.run("ls", check=1, AWS_SECRET_ACCESS_KEY="wrong")
    assert "SignatureDoesNotMatch" in cli.stderr
    cli.run("ls", "--endpoint", "http://127.0.0.1:1", check=1)
    assert "127.0.0.1:1" in cli.stderr
    cli.run("ls", check=1, AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    assert "credentials" in cli.stderr
    assert left_over(tmp_path) == []


def test_bad_usage(cli):
    for words in (["cp", "a", "b"], ["get", "a"], ["get"], ["put", "a"], ["ls", "--nonsense"], ["ls", "--direct", "x"],
                  ["rm"], ["nonsense"], ["help", "nonsense"], ["put", "s3://b/k", "s3://b/l"], []):
        assert cli.run(*words, check=2) == ""
        assert "usage: penstock" in cli.stderr


def test_a_full_disk_leaves_nothing(cli, bucket):
    cli.run("put", "-", f"s3://{bucket}/k", stdin=b"x" * 100000)
    cli.run("get", f"s3://{bucket}/k", "/dev/full", check=1)
    assert "No space left on device" in cli.stderr
    with open("/dev/full", "wb") as full:
        done = subprocess.run([PENSTOCK, "cat", f"s3://{bucket}/k"], env=cli.env, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1 and b"No space left on device" in done.stderr


def test_a_killed_get_leaves_nothing(cli, bucket, tmp_path):
    write(tmp_path / "big", data_of(200 * MIB, 2))
    cli.run("put", "-q", "big", f"s3://{bucket}/big")
    os.remove(tmp_path / "big")
    write(tmp_path / "out", b"before")
    for sig, delay in ((signal.SIGINT, .05), (signal.SIGKILL, .08), (signal.SIGTERM, .12)):
        process = subprocess.Popen([PENSTOCK, "get", "--direct", "off", f"s3://{bucket}/big", "out"], cwd=tmp_path,
                                   env=cli.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay)
        process.send_signal(sig)
        if process.wait(20) == 0:
            continue  # it was faster
        assert left_over(tmp_path) == ["out"] and (tmp_path / "out").read_bytes() == b"before"


def test_a_server_that_dies_leaves_nothing(tmp_path):
    with Server() as s:
        cli = Cli(s, tmp_path)
        cli.run("mb", "s3://doomed")
        write(tmp_path / "big", data_of(200 * MIB, 2))
        cli.run("put", "-q", "big", "s3://doomed/big")
        os.remove(tmp_path / "big")
        process = subprocess.Popen([PENSTOCK, "get", "s3://doomed/big", "out"], cwd=tmp_path, env=cli.env,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        s.kill()
        complaint = process.communicate(timeout=120)[1]
        if process.returncode != 0:
            assert process.returncode == 1 and complaint.startswith("penstock: get s3://doomed/big: ")
            assert left_over(tmp_path) == []


def test_a_file_that_changes_is_noticed(cli, bucket, tmp_path):
    """Grown while it is read: the put says so instead of calling a mix of versions a success."""
    path = write(tmp_path / "log", data_of(100 * MIB, 1))
    process = subprocess.Popen([PENSTOCK, "put", "--direct", "off", "log", f"s3://{bucket}/log"], cwd=tmp_path,
                               env=cli.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def is_mapped():
        try:
            return str(path) in open(f"/proc/{process.pid}/maps").read()
        except FileNotFoundError:
            return True
    wait_for(lambda: is_mapped() or process.poll() is not None)
    with path.open("ab") as f:
        f.write(b"more")
    complaint = process.communicate(timeout=60)[1]
    assert process.returncode == 1 and "changed while it was read" in complaint


def test_an_object_that_is_replaced_is_noticed(store, cli, bucket):
    """A slow reader of a pipe, a writer in between: an error, never bytes of two versions."""
    s3 = client(store)
    old, new = data_of(400 * MIB, 1), b"n" * (1 * MIB)
    s3.upload_fileobj(__import__("io").BytesIO(old), bucket, "k")
    process = subprocess.Popen([PENSTOCK, "cat", f"s3://{bucket}/k"], env=cli.env, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    got = process.stdout.read(MIB)
    s3.put_object(Bucket=bucket, Key="k", Body=new)
    rest, complaint = process.communicate(timeout=60)
    assert old.startswith(got + rest)
    if len(got + rest) < len(old):
        assert process.returncode == 1 and b"replaced while it was read" in complaint


# Options of all commands


def test_tls_and_authorities(tls_server, tmp_path):
    cli = Cli(tls_server, tmp_path)
    cli.run("ls", check=1)
    assert re.search("certificate|SSL", cli.stderr)
    cli.run("ls", "--ca", tls_server.cert)
    cli.run("ls", "--insecure")
    cli.run("ls", AWS_CA_BUNDLE=tls_server.cert)


def test_profiles(store, tmp_path):
    cli = Cli(store, tmp_path)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        cli.env.pop(name, None)
    write(tmp_path / ".aws/credentials", f"[other]\naws_access_key_id = {ACCESS}\n"
                                         f"aws_secret_access_key = {SECRET}\n".encode())
    cli.run("ls", check=1)
    cli.run("ls", "--profile", "other")
    cli.run("ls", AWS_PROFILE="other")


def test_quiet_says_nothing(cli, bucket, tmp_path):
    write(tmp_path / "f", b"x")
    assert cli.run("put", "-q", "f", f"s3://{bucket}") == "" and cli.stderr == ""
    assert cli.run("get", "-q", f"s3://{bucket}/f", "g") == "" and cli.stderr == ""
    assert cli.run("rm", "-q", f"s3://{bucket}/f") == ""


def test_progress_on_a_terminal_only(cli, bucket):
    """The line appears after half a second: a stream that takes longer than that shows it."""
    import pty
    master, slave = pty.openpty()
    process = subprocess.Popen([PENSTOCK, "put", "-", f"s3://{bucket}/a"], cwd=cli.cwd, env=cli.env,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=slave)
    process.stdin.write(b"x" * (33 * MIB))
    time.sleep(0.7)
    out = process.communicate(b"x" * (67 * MIB), timeout=100)[0]
    os.close(slave)
    shown = b""
    try:
        while chunk := os.read(master, 65536):
            shown += chunk
    except OSError:
        pass
    os.close(master)
    assert process.returncode == 0 and b"104857600 bytes  way tcp" in out and b"\x1b" not in out
    assert re.search(rb"\r64 MiB  \d+ MB/s\x1b\[K", shown), shown
    assert shown.endswith(b"\r\x1b[K")  # and takes itself away


# doctor and version


def test_doctor(cli, store, tmp_path):
    checks = {}
    for line in cli.json("doctor", tmp_path):
        assert line["state"] in ("ok", "warn", "off") and line["text"]
        checks[line["check"]] = line
    assert {"kernel", "io_uring", "descriptors", "process_vm", "memfd", "clock", "memory", "memlock", "huge_pages",
            "hugetlb", "cpus", "pclmul", "vpclmul", "avx2", "sha_ni", "rdma", "gpu", "folder", "file_system", "space",
            "device", "o_direct", "fallocate", "flush", "endpoint", "skew", "credentials", "direct"} <= set(checks)
    assert checks["endpoint"]["state"] == checks["skew"]["state"] == checks["credentials"]["state"] == "ok"
    assert checks["direct"]["text"] == "local"
    assert left_over(tmp_path) == []


def test_doctor_fails_for_what_it_was_asked_about(cli, tmp_path):
    text = cli.run("doctor", "missing", check=1)
    assert re.search(r"^off +folder +missing: No such file or directory\n +-> ", text, re.M)
    write(tmp_path / "file", b"")
    assert "not a folder" in cli.run("doctor", "file", check=1)
    text = cli.run("doctor", "--endpoint", "http://127.0.0.1:1", check=1)
    assert re.search(r"^off +endpoint +http://127.0.0.1:1: ", text, re.M)
    assert re.search(r"^off +credentials +SignatureDoesNotMatch", cli.run("doctor", check=1,
                                                                         AWS_SECRET_ACCESS_KEY="wrong"), re.M)


def test_doctor_sees_a_clock_that_is_off(tmp_path):
    import http.server
    import threading

    class Past(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response_only(403)
            self.send_header("Date", "Sun, 06 Nov 1994 08:49:37 GMT")
            self.end_headers()

        def log_message(self, *_):
            pass

    web = http.server.HTTPServer(("127.0.0.1", 0), Past)
    thread = threading.Thread(target=web.serve_forever)
    thread.start()
    try:
        env = dict(os.environ, AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="", HOME=str(tmp_path))
        done = subprocess.run([PENSTOCK, "doctor", "--endpoint", f"http://127.0.0.1:{web.server_port}"], env=env,
                              stdout=subprocess.PIPE, text=True)
    finally:
        web.shutdown()
        thread.join()
        web.server_close()
    assert done.returncode == 1
    want = r"^off +skew +the server's clock is \d+\.\d s behind this one\n +-> set the clocks"
    assert re.search(want, done.stdout, re.M)


def test_version(cli):
    about, = cli.json("version")
    assert {"version", "commit", "compiler", "build", "crc64", "openssl"} <= set(about)
    assert cli.run("version").startswith(f"penstock {about['version']} (")
    assert cli.run("--version") == cli.run("version")


# Help, the manual, completion: none may lag behind the commands


def options_of(help_text):
    return set(re.findall(r"^ +(?:-\w, )?(--[a-z0-9-]+)", help_text, re.M))


def test_help_names_every_command(cli):
    text = cli.run("help")
    assert sorted(re.findall(r"^  ([a-z]+) ", text, re.M)) == sorted(COMMANDS)
    for command in COMMANDS[:-1]:
        assert f"usage: penstock {command}" in cli.run("help", command) == cli.run(command, "--help")


def manual_source():
    with open(os.path.join(ROOT, "docs/man/penstock.1")) as f:
        return f.read()


def test_manual_is_complete(cli):
    source = manual_source()
    for command in COMMANDS:
        assert re.search(rf"^\.Cm {command}\b", source, re.M), command
        for option in options_of(cli.run("help", command)) if command != "help" else ():
            assert re.search(rf"Fl {option[1:]}\b", source), (command, option)
    for option in options_of(cli.run("serve", "--help")):
        variable = "PENSTOCK_" + option[2:].upper().replace("-", "_")
        assert re.search(rf"^\.It Fl {option[1:]} Ar \S+ Pq Ev {variable}$", source, re.M), option


def test_manual_names_nothing_that_is_not_there(cli):
    known = {"--help"}
    for command in COMMANDS[:-1]:
        known |= options_of(cli.run("help", command))
    named = {"-" + o for o in re.findall(r"\bFl (-[a-z0-9-]+)", manual_source())}
    assert named and not named - known


def complete(cli, line, **env):
    """What bash would offer at the end of `line`."""
    script = f"""
        source {ROOT}/tools/completion/penstock.bash
        COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
        COMP_LINE=$1 COMP_POINT=${{#1}}
        # As readline does: ':' and '=' are words of their own.
        mapfile -t COMP_WORDS < <(sed 's/[:=]\\{{1,\\}}/\\n&\\n/g; s/  */\\n/g' <<<"$1" | sed '1!{{/^$/d}}')
        case $1 in *' ') COMP_WORDS+=("") ;; esac
        COMP_WORDS[0]={PENSTOCK}
        COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        _penstock
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script, "bash", line], cwd=cli.cwd, env=dict(cli.env, **env), check=True,
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.stderr == ""
    return done.stdout.split()


def test_completion(cli, bucket, tmp_path):
    assert sorted(complete(cli, "penstock ")) == sorted(COMMANDS)
    assert complete(cli, "penstock st") == ["stat"]
    assert complete(cli, "penstock help do") == ["doctor"]
    assert complete(cli, "penstock admin ") == ["user", "key", "group", "policy"]
    assert complete(cli, "penstock admin policy a") == ["add", "attach"]
    assert complete(cli, "penstock admin user add --acc") == ["--access-key"]
    assert complete(cli, "penstock ls --dir") == ["--direct"]
    assert complete(cli, "penstock ls --direct ") == ["prefer", "require", "off"]
    assert complete(cli, "penstock serve --durability r") == ["relaxed"]
    assert "--listen" in complete(cli, "penstock serve --l")
    write(tmp_path / "local-file", b"x")
    cli.run("put", "local-file", f"s3://{bucket}/dir/one")
    cli.run("put", "local-file", f"s3://{bucket}/dir/two")
    assert complete(cli, "penstock put local") == ["local-file"]
    assert complete(cli, f"penstock get s3://{bucket[:-2]}") == [f"//{bucket}/"]
    assert complete(cli, f"penstock get s3://{bucket}/d") == [f"//{bucket}/dir/"]
    assert complete(cli, f"penstock get s3://{bucket}/dir/o") == [f"//{bucket}/dir/one"]
    assert complete(cli, "penstock ls s3://x", AWS_ENDPOINT_URL="http://127.0.0.1:1") == []
