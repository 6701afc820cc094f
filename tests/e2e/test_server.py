"""`penstock serve` itself: settings, credentials, signals, health, metrics, logs, rings, memory."""
import ctypes
import http.client
import json
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from conftest import RINGS, client
from raw import Connection, Raw
from server import ACCESS, PENSTOCK, SECRET, Server, certificate, wait_for
from sigv4 import UNSIGNED

MIB = 1 << 20
NOBODY = {"PENSTOCK_ROOT_USER": None, "PENSTOCK_ROOT_PASSWORD": None}


def serve(*options, env=None, seconds=20):
    """A server that must not start: (exit status, stdout, stderr)."""
    environment = dict(os.environ, PENSTOCK_ROOT_USER=ACCESS, PENSTOCK_ROOT_PASSWORD=SECRET)
    environment.update(env or {})
    environment = {k: v for k, v in environment.items() if v is not None}
    process = subprocess.Popen([PENSTOCK, "serve", *options], env=environment, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        pytest.fail(f"it runs: {out}{err}")
    return process.returncode, out, err


def fetch(server, path, method="GET"):
    """(status, headers, body), unsigned."""
    c = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    c.request(method, path)
    answer = c.getresponse()
    out = answer.status, dict(answer.getheaders()), answer.read()
    c.close()
    return out


# Settings

SETTINGS = ["listen", "dirs", "region", "domain", "tls-cert", "tls-key", "reactors", "arena", "direct", "direct-socket",
            "direct-group", "direct-put-decline-200", "ring", "connections", "engine", "durability", "access-log",
            "log-level", "root-user", "root-password", "config"]


def test_help_names_all_settings():
    for option in ("--help", "-h"):
        status, out, err = serve(option)
        assert status == 0 and err == ""
        assert [name for name in SETTINGS if f"--{name} " not in out] == []


@pytest.mark.parametrize("options, words", [
    (["--nonsense", "x", "DIR"], "--nonsense"),
    (["-x", "DIR"], "-x"),
    (["--listen"], "--listen"),
    (["--reactors", "many", "DIR"], "many"),
    (["--reactors", "-1", "DIR"], "-1"),
    (["--arena", "much", "DIR"], "much"),
    (["--arena", "1X", "DIR"], "1X"),
    (["--ring", "kqueue", "DIR"], "kqueue"),
    (["--log-level", "loud", "DIR"], "loud"),
    (["--engine", "tape", "DIR"], "--engine"),
    (["--durability", "some", "DIR"], "--durability"),
    (["--direct-put-decline-200", "maybe", "DIR"], "maybe"),
    (["--tls-cert", "x.pem", "DIR"], "--tls-key"),
    (["--tls-key", "x.pem", "DIR"], "--tls-cert"),
    (["--connections", "999999999999", "DIR"], "999999999999"),
    (["--config", "/nonexistent.conf", "DIR"], "/nonexistent.conf"),
    (["DIR", "DIR2"], "several"),
    ([], "DIR"),
], ids=lambda v: "_".join(v) if isinstance(v, list) else None)
def test_bad_options(options, words):
    status, out, err = serve(*options)
    assert status == 2 and words in err and "usage" not in out, (status, out, err)
    assert err.startswith("penstock serve: ") and err.count("\n") == 1, err


@pytest.mark.parametrize("env, words", [
    ({"PENSTOCK_REACTORS": "many"}, "PENSTOCK_REACTORS"),
    ({"PENSTOCK_ROOT_PASSWORD": None}, "together"),
    ({"PENSTOCK_ROOT_USER": None}, "together"),
    ({"PENSTOCK_ROOT_PASSWORD": "short"}, "8"),
    ({"PENSTOCK_ROOT_USER": "ab"}, "3"),
    ({"PENSTOCK_CONFIG": "/nonexistent.conf"}, "/nonexistent.conf"),
])
def test_bad_environment(tmp_path, env, words):
    status, out, err = serve(str(tmp_path / "store"), env=env)
    assert status == 2 and words in err, (status, out, err)
    assert SECRET not in out + err
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("options, words", [
    (["--listen", "no-such-host.invalid:9000"], "no-such-host.invalid"),
    (["--listen", "127.0.0.1"], "127.0.0.1"),
    (["--listen", "127.0.0.1:99999"], "127.0.0.1:99999"),
    (["--tls-cert", "/nonexistent.pem", "--tls-key", "/nonexistent.key"], "/nonexistent"),
    (["--access-log", "/nonexistent/access.log"], "/nonexistent/access.log"),
    (["--direct", "rc"], "rc"),
    (["--direct-group", "no-such-group-here"], "no-such-group-here"),
], ids=lambda v: "_".join(v) if isinstance(v, list) else None)
def test_what_cannot_start_says_why(tmp_path, options, words):
    status, out, err = serve("--arena", "64M", *
    (options if "--listen" in options else ["--listen", "127.0.0.1:0", *
    options]), str(tmp_path /
     "store"))
    assert status in (1, 2) and words in out + err, (status, out, err)


def test_bad_directory(tmp_path):
    (tmp_path / "file").write_text("x")
    status, out, err = serve("--arena", "64M", "--listen", "127.0.0.1:0", str(tmp_path / "file" / "below"))
    assert status == 1 and "file" in out + err


def reactors(server):
    return int(re.search(r"(\d+) reactors on", "".join(server.log))[1])


def test_precedence(tmp_path):
    """A flag wins over the environment, that over the file, that over the default."""
    config = tmp_path / "penstock.conf"
    config.write_text("# a comment\nreactors = 3\nregion = from-file\n\naccess-log = off\n")
    for options, env, want in (([], {}, 3), ([], {"PENSTOCK_REACTORS": "2"}, 2),
                               (["--reactors", "1"], {"PENSTOCK_REACTORS": "2"}, 1), (["--reactors=1"], {}, 1)):
        with Server("--config", str(config), *options, env=env) as server:
            assert reactors(server) == want, server.log
    with Server(env={"PENSTOCK_CONFIG": str(config)}) as server:
        assert reactors(server) == 3


@pytest.mark.parametrize("text, words", [("nonsense = 1\n", "nonsense"), ("reactors = many\n", "many"),
                                         ("just words\n", "line 1"), ("reactors = 1\n[\n", "line 2")])
def test_bad_config_file(tmp_path, text, words):
    config = tmp_path / "penstock.conf"
    config.write_text(text)
    status, out, err = serve("--config", str(config), str(tmp_path / "store"))
    assert status == 2 and words in err and str(config) in err, (status, err)


def test_everything_from_the_environment(tmp_path):
    env = {
    "PENSTOCK_DIRS": str(
        tmp_path / "store"),
        "PENSTOCK_LISTEN": "127.0.0.1:0,localhost:0",
        "PENSTOCK_ARENA": "64MiB",
        "PENSTOCK_ENGINE": "memory",
        "PENSTOCK_DIRECT": "off",
        "PENSTOCK_RING": "epoll",
        "PENSTOCK_REACTORS": "1",
        "PENSTOCK_ROOT_USER": ACCESS,
         "PENSTOCK_ROOT_PASSWORD": SECRET}
    process = subprocess.Popen([PENSTOCK, "serve"], env={**os.environ, **env}, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "direct:" in line:
            break
    process.terminate()
    process.stdout.read()
    process.stdout.close()
    assert process.wait(20) == 0
    text = "".join(lines)
    assert text.count("listening on http://") == 2 and "engine memory" in text and "64 MiB" in text
    assert "1 reactors on epoll" in text and "off by --direct" in text


def test_several_addresses():
    with Server("--listen", "localhost:0") as server:
        ports = [int(p) for p in re.findall(r"listening on http://\S+:(\d+)", "".join(server.log))]
        assert len(set(ports)) == 2
        for port in ports:
            assert urllib.request.urlopen(f"http://localhost:{port}/-/health/live").status == 200


def test_start_says_what_is_on(server):
    text = "".join(server.log)
    for words in ("listening on http://127.0.0.1:", "engine ", "reactors on ", "arena 128 MiB", "direct: local at "):
        assert words in text, text


@pytest.mark.parametrize("count", [1, 2])
def test_port_in_use(tmp_path, count):
    """Also by another penstock, which shares its port among its own reactors only."""
    with Server("--reactors", str(count)) as server:
        status, out, err = serve("--listen", f"127.0.0.1:{server.port}", "--arena", "64M", "--reactors", "2",
                                 "--engine", server.engine, str(tmp_path / "other"))
        assert status == 1 and f"127.0.0.1:{server.port}" in out + err and "in use" in out + err, (out, err)
        assert fetch(server, "/-/health/ready")[0] == 200


def test_folder_in_use(tmp_path):
    """One folder, one server: the second would tear what the first writes."""
    with Server(directory=str(tmp_path / "store"), engine="drives") as server:
        status, out, err = serve("--listen", "127.0.0.1:0", "--arena", "64M", str(tmp_path / "store"))
        assert status == 1 and str(tmp_path) in out + err, (status, out, err)
        raw = Raw(server)
        assert raw.ask("PUT", "/still-here").status == 200


# Credentials

def ask_as(server, access, secret):
    return Raw(server, access=access, secret=secret).ask("GET", "/").verdict


def test_minio_variables():
    minio = {"MINIO_ROOT_USER": "minio-name", "MINIO_ROOT_PASSWORD": "minio-password"}
    with Server(env={**NOBODY, **minio}) as server:
        assert ask_as(server, "minio-name", "minio-password")[0] == 200
        assert ask_as(server, "minio-name", "another-password") == (403, "SignatureDoesNotMatch")
    with Server(env=minio) as server:  # ours win
        assert ask_as(server, ACCESS, SECRET)[0] == 200
        assert ask_as(server, "minio-name", "minio-password") == (403, "InvalidAccessKeyId")


def shown_keys(server):
    return re.findall(r"AWS_ACCESS_KEY_ID=(\S+)\n\s*AWS_SECRET_ACCESS_KEY=(\S+)", "".join(server.log))


def test_generated_credentials(tmp_path):
    directory = str(tmp_path / "store")
    path = os.path.join(directory, "root-credentials")
    with Server(directory=directory, env=NOBODY, engine="drives") as server:
        assert wait_for(lambda: shown_keys(server))
        (access, secret), = shown_keys(server)
        assert len(access) >= 16 and len(secret) >= 32
        assert os.stat(path).st_mode & 0o777 == 0o600
        assert open(path).read().split() == [access, secret]
        assert ask_as(server, access, secret)[0] == 200
        for known in (("minioadmin", "minioadmin"), ("admin", "admin"), ("root", "root"), (ACCESS, SECRET)):
            assert ask_as(server, *known) == (403, "InvalidAccessKeyId")
    with Server(directory=directory, env=NOBODY, engine="drives") as server:
        assert ask_as(server, access, secret)[0] == 200
        time.sleep(0.2)
        assert shown_keys(server) == [] and secret not in "".join(server.log)
    with Server(directory=directory, engine="drives") as server:  # given ones win, the file stays
        assert ask_as(server, ACCESS, SECRET)[0] == 200 and ask_as(server, access, secret)[0] == 403
    assert open(path).read().split() == [access, secret]
    os.chmod(path, 0o644)
    status, out, err = serve("--listen", "127.0.0.1:0", "--arena", "64M", directory, env=NOBODY)
    assert status == 1 and "root-credentials" in out + err and secret not in out + err
    os.chmod(path, 0o600)
    with open(path, "w") as f:
        f.write("garbage")
    status, out, err = serve("--listen", "127.0.0.1:0", "--arena", "64M", directory, env=NOBODY)
    assert status == 1 and "root-credentials" in out + err
    with Server(directory=str(tmp_path / "other"), env=NOBODY, engine="drives") as server:
        assert wait_for(lambda: shown_keys(server)) and shown_keys(server)[0][0] != access


def test_secrets_stay_out_of_logs(tmp_path):
    log = tmp_path / "access.log"
    with Server("--log-level", "debug", "--access-log", str(log)) as server:
        raw = Raw(server)
        raw.ask("PUT", "/bucket-one")
        query = raw.signer.presign("GET", "/bucket-one/k", [], raw.host)
        signature = dict(query)["X-Amz-Signature"]
        with raw.connect() as c:
            c.send(raw.write("GET", "/bucket-one/k", query, [("host", raw.host)]))
            c.read()
        Raw(server, secret="wrong-secret-here").ask("GET", "/")
        token = "local1:" + "5" * 140
        raw.ask("GET", "/bucket-one/k", headers=[("x-amz-rdma-token", token)])
        assert server.stop() == 0
        text = "".join(server.log) + log.read_text()
    for secret in (SECRET, signature, "wrong-secret-here", "X-Amz-Signature", token):
        assert secret not in text


# Signals

def test_sigterm_when_idle(server):
    with Server("--ring", "auto") as s:
        with socket.create_connection(("127.0.0.1", s.port)) as idle:
            assert s.stop() == 0, s.log
            assert idle.recv(1) == b""
        assert "draining" in "".join(s.log) and "stopped" in "".join(s.log)


@pytest.mark.parametrize("ring", RINGS)
def test_sigterm_lets_requests_finish(ring):
    """Uploads and downloads under way end whole; new connections are refused; exit 0."""
    data = os.urandom(24 * MIB)
    with Server("--ring", ring) as s:
        raw = Raw(s)
        raw.ask("PUT", "/drained")
        raw.ask("PUT", "/drained/down", body=data, payload_hash=UNSIGNED)
        with raw.connect() as up, raw.connect() as down, raw.connect() as idle:
            up.send(raw.head("PUT", "/drained/up", length=len(data), payload_hash=UNSIGNED) + data[:5 * MIB])
            down.send(raw.head("GET", "/drained/down"))
            first = down.sock.recv(1000)
            time.sleep(0.1)
            s.process.send_signal(signal.SIGTERM)
            assert idle.is_closed()

            def is_refused():
                try:
                    socket.create_connection(("127.0.0.1", s.port), 5).close()
                    return False
                except ConnectionRefusedError:
                    return True
            assert wait_for(is_refused)
            up.send(data[5 * MIB:])
            answer = up.read()
            assert answer.status == 200 and answer.header("connection") == "close" and up.is_closed()
            down.buffer = first
            assert down.read().body == data and down.is_closed()
        assert s.process.wait(20) == 0
        if s.engine == "drives":
            s.start()
            assert Raw(s).ask("GET", "/drained/up").body == data


def test_sigterm_cuts_what_hangs_up():
    with Server() as s:
        raw = Raw(s)
        raw.ask("PUT", "/drained")
        c = raw.connect()
        c.send(raw.head("PUT", "/drained/up", length=MIB, payload_hash=UNSIGNED) + b"x" * 1000)
        time.sleep(0.1)
        s.process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
        c.sock.close()
        assert s.process.wait(20) == 0


def test_sigint_is_sigterm():
    with Server() as s:
        s.process.send_signal(signal.SIGINT)
        assert s.process.wait(20) == 0


def fingerprint(server):
    return ssl.get_server_certificate(("127.0.0.1", server.port))


def test_sighup_reloads_the_certificate(tmp_path):
    with Server(tls=True) as s:
        old = fingerprint(s)
        raw = Raw(s)
        with Connection(s, ssl.create_default_context(cafile=s.cert)) as kept:
            assert raw.on(kept, "GET", "/").status == 200
            cert, key = certificate(str(tmp_path))
            for mine, new in ((s.cert, cert), (s.key, key)):
                os.replace(new, mine)
            assert fingerprint(s) == old  # not before it is told
            s.process.send_signal(signal.SIGHUP)
            assert wait_for(lambda: fingerprint(s) != old)
            new = fingerprint(s)
            assert new.split() == open(s.cert).read().split()
            assert raw.on(kept, "GET", "/").status == 200  # a connection keeps the one it began with
            with open(s.cert, "w") as f:
                f.write("garbage")
            s.process.send_signal(signal.SIGHUP)
            assert wait_for(lambda: "the old certificate stays" in "".join(s.log))
            assert fingerprint(s) == new


def test_sighup_reopens_the_access_log(tmp_path):
    log, old = tmp_path / "access.log", tmp_path / "access.log.1"
    with Server("--access-log", str(log)) as s:
        raw = Raw(s)
        first = raw.ask("GET", "/").header("x-amz-request-id")
        assert wait_for(lambda: first in log.read_text())
        os.rename(log, old)
        s.process.send_signal(signal.SIGHUP)
        assert wait_for(log.exists)
        time.sleep(0.1)
        second = raw.ask("GET", "/").header("x-amz-request-id")
        assert wait_for(lambda: second in log.read_text())
        assert second not in old.read_text() and first in old.read_text()
        s.process.send_signal(signal.SIGHUP)
        assert raw.ask("GET", "/").status == 200


# Health, metrics, log

def test_health(server):
    for path in (
    "/minio/health/live",
    "/minio/health/ready",
    "/minio/health/cluster",
    "/-/health/live",
     "/-/health/ready"):
        for method in ("GET", "HEAD"):
            status, headers, body = fetch(server, path, method)
            assert (status, body) == (200, b"") and headers["x-amz-request-id"]
        assert fetch(server, path, "POST")[0] == 405
    for path in ("/-/health/other", "/-/", "/-/nothing", "/minio/health/other"):
        assert fetch(server, path)[0] == 404


def series(text):
    """{name{labels}: value} of a Prometheus text, its grammar checked on the way."""
    out, types = {}, {}
    for line in text.splitlines():
        if line.startswith("# HELP "):
            assert re.fullmatch(r"# HELP [a-z_]+ \S.*", line), line
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in types and kind in ("counter", "gauge", "histogram"), line
            types[name] = kind
        else:
            found = re.fullmatch(r'([a-z_]+)(\{[a-z_]+="[^"\\\n]*"(?:,[a-z_]+="[^"\\\n]*")*\})? (-?[0-9.e+-]+)', line)
            assert found, line
            family = re.sub("_(bucket|sum|count)$", "", found[1])
            assert found[1] in types or types.get(family) == "histogram", line
            assert not found[1].endswith("_total") or types[found[1]] == "counter"
            name = found[1] + (found[2] or "")
            assert name not in out, name
            out[name] = float(found[3])
    assert text.endswith("\n")
    return out


def scrape(server):
    status, headers, body = fetch(server, "/-/metrics")
    assert status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return series(body.decode())


def test_metrics_move(server, raw, raw_bucket):
    before = scrape(server)
    raw.ask("PUT", f"/{raw_bucket}/k", body=b"x" * 1000)
    raw.ask("GET", f"/{raw_bucket}/k")
    raw.ask("GET", f"/{raw_bucket}/none")
    after = scrape(server)

    def moved(name):
        return after.get(name, 0) - before.get(name, 0)
    assert moved('penstock_requests_total{operation="PutObject",status="2xx"}') == 1
    assert moved('penstock_requests_total{operation="GetObject",status="2xx"}') == 1
    assert moved('penstock_requests_total{operation="GetObject",status="4xx"}') == 1
    assert moved("penstock_bytes_received_tcp_total") == 1000
    assert moved("penstock_bytes_sent_tcp_total") > 1000
    assert moved("penstock_connections_accepted_total") == 4
    assert moved('penstock_request_seconds_count{operation="GetObject"}') == 2
    assert after["penstock_arena_bytes"] == 128 * MIB
    assert 0 < after["penstock_reactors"] and "penstock_reactor_stalls_total" in after
    for name in ("penstock_slow_down_total", "penstock_direct_declined_total", "penstock_direct_refused_total",
                 "penstock_direct_failed_total", "penstock_bytes_sent_direct_total", "penstock_uptime_seconds"):
        assert name in after


def test_latency_histogram(server, raw, raw_bucket):
    for i in range(20):
        raw.ask("PUT", f"/{raw_bucket}/{i}", body=b"x" * 1000)
    buckets = [(float(re.search('le="(.*?)"', n)[1]), v) for n, v in scrape(server).items()
               if n.startswith('penstock_request_seconds_bucket{operation="PutObject"')]
    buckets.sort()
    values = [v for _, v in buckets]
    assert values == sorted(values) and buckets[-1][0] == float("inf")
    now = scrape(server)
    assert values[-1] == now['penstock_request_seconds_count{operation="PutObject"}'] >= 20
    assert now['penstock_request_seconds_sum{operation="PutObject"}'] > 0


def test_waiting_requests_are_counted(server, raw, raw_bucket):
    with raw.connect() as c:
        c.send(raw.head("PUT", f"/{raw_bucket}/k", length=MIB, payload_hash=UNSIGNED) + b"x" * 1000)

        def waits():
            return [n for n, v in scrape(server).items() if "requests_waiting" in n and "receiving" in n and v == 1]
        assert wait_for(waits)
        c.send(b"x" * (MIB - 1000))
        assert c.read().status == 200


def test_direct_info(server, raw):
    assert fetch(server, "/-/direct")[0] == 403
    told = json.loads(raw.ask("GET", "/-/direct").body)
    assert re.fullmatch("[0-9a-f]{32}", told["server_id"])
    assert [t["name"] for t in told["transports"]] == ["local"]
    path = told["transports"][0]["socket"]
    assert os.path.isabs(path) and os.stat(path).st_mode & 0o7777 == 0o140660 & 0o7777
    assert raw.ask("PUT", "/-/direct").verdict == (405, "MethodNotAllowed")
    assert Raw(server, secret="another-secret").ask("GET", "/-/direct").verdict == (403, "SignatureDoesNotMatch")


def test_direct_that_cannot_start(tmp_path):
    """`auto` goes on without it and says why, also to clients; a transport that was named must start."""
    long = str(tmp_path / ("long" * 40))  # no unix socket has such a path
    with Server(directory=long) as s:
        assert "direct: local off: " in "".join(s.log)
        assert json.loads(Raw(s).ask("GET", "/-/direct").body)["transports"] == []
    status, out, err = serve("--listen", "127.0.0.1:0", "--arena", "64M", "--direct", "local", long)
    assert status == 1 and "local" in out + err
    with Server("--direct-socket", str(tmp_path / "d.sock"), directory=long) as s:
        assert json.loads(Raw(s).ask("GET", "/-/direct").body)["transports"][0]["socket"] == str(tmp_path / "d.sock")
    assert not (tmp_path / "d.sock").exists()


def test_access_log(tmp_path):
    log = tmp_path / "access.log"
    with Server("--access-log", str(log)) as s:
        raw = Raw(s)
        want = []

        def ask(op, user, way, sent, *arguments, **more):
            answer = raw.ask(*arguments, **more)
            want.append((answer.header("x-amz-request-id"), op, user, answer.status, way, sent))
        ask("CreateBucket", ACCESS, "-", 0, "PUT", "/logged")
        ask("PutObject", ACCESS, "tcp", 5000, "PUT", "/logged/a b\"\\\x01ü", body=b"x" * 5000)
        ask("GetObject", ACCESS, "tcp", 0, "GET", "/logged/a b\"\\\x01ü")
        ask("GetObject", ACCESS, "-", 0, "GET", "/logged/none")
        ask("GetBucketPolicy", ACCESS, "-", 0, "GET", "/logged", [("policy", "")])
        liar = Raw(s, access="nobody-here")
        answer = liar.ask("GET", "/logged")
        want.append((answer.header("x-amz-request-id"), "ListObjects", "", 403, "-", 0))
        status, headers, _ = fetch(s, "/-/health/live")
        want.append((headers["x-amz-request-id"], "admin", "", 200, "-", 0))
        assert s.stop() == 0
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert len(lines) == len(want)
    by_id = {x["id"]: x for x in lines}
    for request_id, op, user, status, way, received in want:
        x = by_id[request_id]
        assert (x["op"], x["user"], x["status"], x["way"], x["in"]) == (op, user, status, way, received), x
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", x["time"])
        assert re.fullmatch(r"127\.0\.0\.1:\d+", x["peer"]) and x["us"] >= 0 and x["method"] in ("GET", "PUT")
    got = [x for x in lines if x["op"] == "GetObject" and x["status"] == 200]
    assert got[0]["out"] == 5000 and got[0]["path"] == "/logged/a%20b%22%5C%01%C3%BC"


def test_access_log_on_stdout():
    with Server("--access-log", "-") as s:
        request_id = Raw(s).ask("GET", "/").header("x-amz-request-id")
        s.stop()
        assert [x for x in s.log if x.startswith("{") and json.loads(x)["id"] == request_id]


# Rings

def forbid_io_uring():
    """In the child: io_uring_setup fails with EPERM, as under the usual container profiles."""
    libc = ctypes.CDLL(None, use_errno=True)
    load, jump_equal, ret = 0x20, 0x15, 0x06
    allow, eperm = 0x7FFF0000, 0x00050001
    program = [(load, 0, 0, 0), (jump_equal, 0, 1, 425), (ret, 0, 0, eperm), (ret, 0, 0, allow)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *x) for x in program))

    class Program(ctypes.Structure):
        _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_void_p)]
    p = Program(len(program), ctypes.addressof(code))
    assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, ctypes.byref(p), 0, 0) == 0


@pytest.mark.parametrize("ring", RINGS)
def test_the_ring_asked_for(ring):
    with Server("--ring", ring) as s:
        assert f"reactors on {ring}" in "".join(s.log)


def test_without_io_uring(tmp_path):
    with Server(preexec=forbid_io_uring) as s:
        text = "".join(s.log)
        assert "reactors on epoll, not io_uring: " in text, text
        raw = Raw(s)
        raw.ask("PUT", "/bucket-one")
        assert raw.ask("PUT", "/bucket-one/k", body=b"x" * MIB).status == 200
        assert raw.ask("GET", "/bucket-one/k").body == b"x" * MIB
        assert s.stop() == 0
    process = subprocess.run([PENSTOCK, "serve", "--ring", "io_uring", "--listen", "127.0.0.1:0", "--arena", "64M",
                              str(tmp_path / "store")], preexec_fn=forbid_io_uring, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, timeout=20)
    assert process.returncode == 1 and b"io_uring" in process.stdout


# Memory

def peak_bytes(server):
    with open(f"/proc/{server.pid}/status") as f:
        return int(re.search(r"VmHWM:\s+(\d+) kB", f.read())[1]) * 1024


@pytest.mark.parametrize("ring", RINGS)
def test_memory_under_load(ring):
    """Sixty-four puts and gets of 8 MiB at once, twice: the arena, and little more, however slow the drive is."""
    body = os.urandom(8 * MIB)
    with Server("--ring", ring, engine="drives") as s:
        raw = Raw(s)
        raw.ask("PUT", "/loaded")

        def one(i):
            with raw.connect() as c:
                for _ in range(2):
                    answer = raw.on(c, "PUT", f"/loaded/{i % 16}", body=body, payload_hash=UNSIGNED)
                    assert answer.verdict in ((200, None), (503, "SlowDown")), answer
                    if answer.header("connection") == "close":
                        return False
                    answer = raw.on(c, "GET", f"/loaded/{i % 16}")
                    assert answer.body == body or answer.verdict in ((503, "SlowDown"), (404, "NoSuchKey")), answer
            return True
        with ThreadPoolExecutor(64) as pool:
            assert any(pool.map(one, range(64)))
        assert peak_bytes(s) <= (128 + 64) * MIB, peak_bytes(s) / MIB
        m = s.metrics()
        assert m["penstock_arena_waiting"] == 0
        print("stalls", m["penstock_reactor_stalls_total"], "of", m["penstock_reactor_stall_ns_total"] / 1e6, "ms")


def test_small_arena_is_enough():
    """Back-pressure, not failure: eight times as much in flight as the arena holds."""
    body = os.urandom(4 * MIB)
    with Server("--arena", "32M") as s:
        s3 = client(s, max_pool_connections=32, retries={"max_attempts": 4})
        s3.create_bucket(Bucket="small-arena")
        with ThreadPoolExecutor(32) as pool:
            list(pool.map(lambda i: s3.put_object(Bucket="small-arena", Key=str(i), Body=body), range(64)))
            got = pool.map(lambda i: s3.get_object(Bucket="small-arena", Key=str(i))["Body"].read() == body, range(64))
            assert all(got)
