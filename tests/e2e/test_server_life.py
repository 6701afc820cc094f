"""Start and stop in awkward states, and what must hold meanwhile."""
import json
import re
import socket
import subprocess
import time

from server import ACCESS, PENSTOCK, SECRET, Server


def test_a_start_that_fails_half_way_ends_in_order(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for wrong in (["--listen", f"127.0.0.1:{port}"], ["--direct", "nothing"],
                      ["--direct", "local", "--direct-socket", str(tmp_path / "no" / "socket")]):
            done = subprocess.run(
                [PENSTOCK, "serve", "--listen", "127.0.0.1:0", "--arena", "16M", "--reactors", "2",
                 "--access-log", str(tmp_path / "log"), "--root-user", ACCESS,
                 "--root-password", SECRET, *wrong, str(tmp_path / "store")],
                capture_output=True, text=True, timeout=60)
            assert done.returncode == 1, done.stderr
            assert " error server: " in done.stderr


def put_head(length):
    return f"PUT /bucket/key HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n".encode()


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def test_a_body_that_nobody_wants_does_not_hold_up_the_stop():
    with Server(engine="memory") as s, connect(s.port) as c:
        c.sendall(put_head(200000) + b"abc")
        assert b" 404 " in c.recv(4096)  # no such bucket
        started = time.monotonic()
        assert s.stop() == 0, "".join(s.log)
        assert time.monotonic() - started < 20  # the connection alone would have had a minute


def test_lines_of_the_access_log_stay_whole_in_a_pipe(tmp_path):
    """Nobody reads the pipe while it fills: writes end half-way, on both reactors."""
    process = subprocess.Popen(
        [PENSTOCK, "serve", "--listen", "127.0.0.1:0", "--arena", "16M", "--reactors", "2",
         "--engine", "memory", "--access-log", "-", "--root-user", ACCESS, "--root-password", SECRET,
         str(tmp_path / "store")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        found = None
        while not found:
            found = re.search(r"listening on http://127.0.0.1:(\d+)", process.stderr.readline())
        conns = [connect(int(found.group(1))) for _ in range(16)]
        target = "x" * 1500
        for _ in range(20):
            for c in conns:
                c.sendall(f"GET /{target} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            for c in conns:
                assert c.recv(65536)
        for c in conns:
            c.close()
        process.terminate()
        time.sleep(0.5)
        lines = process.stdout.read().splitlines()
        assert process.wait(40) == 0
        assert len(lines) > 40
        for line in lines:
            assert json.loads(line)["status"] >= 400
    finally:
        process.kill()
        process.wait()


def test_many_connections_fit_beside_the_arena():
    """Payload memory and 64 MiB, with two reactors; each connection sends more than a head."""
    with Server("--reactors", "2", "--arena", "64M", engine="memory") as s:
        conns = [connect(s.port) for _ in range(1500)]
        for c in conns:
            c.sendall(put_head(60000) + b"x" * 60000)
        for c in conns:
            assert b" 404 " in c.recv(4096)  # no such bucket
        assert s.rss_bytes() < (64 + 64) << 20
        for c in conns:
            c.close()
