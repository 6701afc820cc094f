"""
Random operations against a dict, and writers and readers that race. The seed is printed; set
PENSTOCK_TEST_SEED to run it again.
"""
import hashlib
import os
import random
import re
import signal
import threading
import time
from urllib.parse import unquote

import pytest

from raw import Raw
from server import Server
from sigv4 import UNSIGNED, encode

MIB = 1 << 20
STEPS = int(os.environ.get("PENSTOCK_TEST_STEPS", 400))


def new_seed():
    seed = int(os.environ.get("PENSTOCK_TEST_SEED", time.time_ns() % 1000000))
    print("PENSTOCK_TEST_SEED", seed)
    return seed


class Model:
    """What an S3 bucket is: a sorted map, and uploads on the side."""

    def __init__(self, raw, bucket, seed):
        self.raw, self.bucket, self.r = raw, bucket, random.Random(seed)
        self.objects = {}  # key: (body, metadata)
        self.uploads = {}  # id: (key, {number: (etag, body)})
        self.c = raw.connect()
        self.done = {}

    def ask(self, method, key="", query=(), headers=(), body=b"", status=200):
        path = f"/{self.bucket}/{key}" if key else f"/{self.bucket}"
        answer = self.raw.on(self.c, method, path, query, headers, body, payload_hash=UNSIGNED if body else None)
        assert answer.status == status, (method, key, query, headers, answer)
        if answer.header("connection") == "close":
            self.c.sock.close()
            self.c = self.raw.connect()
        return answer

    def key(self):
        """Few enough to meet again; prefixes, neighbours, and bytes that sort after letters."""
        parts = ["a", "b", "ab", "a.b", "a-b", "ä", "é", "~", "z z", "0"]
        n = self.r.choice([1, 1, 2, 2, 3])
        key = "/".join(self.r.choice(parts) for _ in range(n))
        return key + self.r.choice(["", "", "", "/"])

    def old_key(self):
        return self.r.choice(sorted(self.objects)) if self.objects and self.r.random() < 0.8 else self.key()

    def body(self):
        size = self.r.choice([0, 1, 100, 4096, 70000, self.r.randrange(300000), MIB + self.r.randrange(1000)])
        return self.r.randbytes(size)

    def put(self):
        key, body, meta = self.key(), self.body(), str(self.r.randrange(1000))
        answer = self.ask("PUT", key, headers=[("x-amz-meta-v", meta)], body=body)
        assert answer.header("etag") == f'"{hashlib.md5(body).hexdigest()}"'
        self.objects[key] = (body, meta)

    def put_if_absent(self):
        key, body = self.old_key(), self.body()
        exists = key in self.objects
        self.ask("PUT", key, headers=[("if-none-match", "*"), ("x-amz-meta-v", "absent")], body=body,
                 status=412 if exists else 200)
        if not exists:
            self.objects[key] = (body, "absent")

    def get(self):
        key = self.old_key()
        if key not in self.objects:
            self.ask("GET", key, status=404)
            return
        body, meta = self.objects[key]
        answer = self.ask("GET", key)
        assert answer.body == body and answer.header("x-amz-meta-v") == meta

    def get_range(self):
        key = self.old_key()
        body, _ = self.objects.get(key, (b"", ""))
        if not body:
            return
        start = self.r.randrange(len(body))
        end = min(len(body) - 1, start + self.r.randrange(100000))
        answer = self.ask("GET", key, headers=[("range", f"bytes={start}-{end}")], status=206)
        assert answer.body == body[start:end + 1]

    def head(self):
        key = self.old_key()
        answer = self.raw.on(self.c, "HEAD", f"/{self.bucket}/{key}")
        if key in self.objects:
            assert answer.status == 200 and answer.header("content-length") == str(len(self.objects[key][0]))
        else:
            assert answer.status == 404

    def copy(self):
        source, key = self.old_key(), self.key()
        headers = [("x-amz-copy-source", f"/{self.bucket}/" + encode(source, safe="/-_.~"))]
        if source not in self.objects:
            self.ask("PUT", key, headers=headers, status=404)
            return
        body, meta = self.objects[source]
        if source == key or self.r.random() < 0.3:
            meta = "copied"
            headers += [("x-amz-metadata-directive", "REPLACE"), ("x-amz-meta-v", meta)]
        self.ask("PUT", key, headers=headers)
        self.objects[key] = (body, meta)

    def delete(self):
        key = self.old_key()
        self.ask("DELETE", key, status=204)
        self.objects.pop(key, None)

    def delete_many(self):
        keys = list({self.old_key() for _ in range(self.r.randrange(1, 6))})
        xml = "".join(f"<Object><Key>{k}</Key></Object>" for k in keys)
        body = f"<Delete>{xml}</Delete>".encode()
        answer = self.raw.on(self.c, "POST", f"/{self.bucket}", [("delete", "")], body=body)
        assert answer.status == 200 and answer.body.count(b"<Deleted>") == len(keys), answer
        for k in keys:
            self.objects.pop(k, None)

    def begin(self):
        key = self.key()
        answer = self.ask("POST", key, [("uploads", "")], headers=[("x-amz-meta-v", "parts")])
        self.uploads[re.search(rb"<UploadId>(.*?)</UploadId>", answer.body)[1].decode()] = (key, {})

    def upload(self):
        return self.r.choice(sorted(self.uploads)) if self.uploads else None

    def part(self):
        upload = self.upload()
        if not upload:
            return
        key, parts = self.uploads[upload]
        number, body = self.r.randrange(1, 6), self.body()
        if self.r.random() < 0.4:
            body = self.r.randbytes(MIB) * 5 + body
        answer = self.ask("PUT", key, [("partNumber", str(number)), ("uploadId", upload)], body=body)
        parts[number] = (answer.header("etag"), body)

    def complete(self):
        upload = self.upload()
        if not upload or not self.uploads[upload][1]:
            return
        key, parts = self.uploads[upload]
        chosen = sorted(n for n in parts if self.r.random() < 0.8) or [min(parts)]
        xml = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{parts[n][0]}</ETag></Part>" for n in chosen)
        small = any(len(parts[n][1]) < 5 * MIB for n in chosen[:-1])
        body = f"<CompleteMultipartUpload>{xml}</CompleteMultipartUpload>".encode()
        self.ask("POST", key, [("uploadId", upload)], body=body, status=400 if small else 200)
        if not small:
            self.objects[key] = (b"".join(parts[n][1] for n in chosen), "parts")
            del self.uploads[upload]

    def abort(self):
        upload = self.upload()
        if upload:
            self.ask("DELETE", self.uploads[upload][0], [("uploadId", upload)], status=204)
            del self.uploads[upload]

    def expected(self, prefix, delimiter):
        """[(name, is a common prefix)] in the order of their bytes."""
        out = []
        for k in sorted(self.objects, key=str.encode):
            if not k.startswith(prefix):
                continue
            at = k.find(delimiter, len(prefix)) if delimiter else -1
            item = (k[:at + len(delimiter)], True) if at >= 0 else (k, False)
            if item not in out:
                out.append(item)
        return out

    def list(self):
        prefix = self.r.choice(["", "", "a", "a/", "ab/", "ä", "z z/", "b/a", "none"])
        delimiter = self.r.choice(["", "/", "/", "b"])
        page, got, more = self.r.choice([1, 2, 5, 1000]), [], []
        want = self.expected(prefix, delimiter)
        for _ in range(len(want) + 2):
            query = [("list-type", "2"), ("max-keys", str(page)), ("encoding-type", "url"), ("prefix", prefix)]
            answer = self.ask("GET", "", query + ([("delimiter", delimiter)] if delimiter else []) + more)
            text = answer.body.decode()
            items = [(unquote(k), False) for k in re.findall(r"<Contents><Key>(.*?)</Key>", text)]
            items += [(unquote(p), True) for p in re.findall(r"<CommonPrefixes><Prefix>(.*?)</Prefix>", text)]
            assert len(items) <= page
            got += sorted(items, key=lambda i: i[0].encode())
            token = re.search("<NextContinuationToken>(.*?)</NextContinuationToken>", text)
            assert bool(token) == ("<IsTruncated>true" in text)
            if not token:
                break
            more = [("continuation-token", token[1])]
        assert got == want, (prefix, delimiter, page)

    def list_uploads(self):
        answer = self.ask("GET", "", [("uploads", "")])
        found = re.findall(rb"<UploadId>(.*?)</UploadId>", answer.body)
        assert sorted(u.decode() for u in found) == sorted(self.uploads)

    STEPS = {"put": 20, "put_if_absent": 4, "get": 12, "get_range": 10, "head": 6, "copy": 8, "delete": 10,
             "delete_many": 3, "begin": 3, "part": 6, "complete": 4, "abort": 3, "list": 10, "list_uploads": 2}

    def step(self):
        name = self.r.choices(list(self.STEPS), list(self.STEPS.values()))[0]
        getattr(self, name)()
        self.done[name] = self.done.get(name, 0) + 1

    def check_all(self):
        for key, (body, meta) in self.objects.items():
            answer = self.ask("GET", key)
            assert answer.body == body and answer.header("x-amz-meta-v") == meta, key
        self.list_uploads()
        answer = self.ask("GET", "", [("list-type", "2"), ("encoding-type", "url")])
        got = [unquote(k) for k in re.findall(r"<Key>(.*?)</Key>", answer.body.decode())]
        assert got == sorted(self.objects, key=str.encode)


def test_random_operations(raw, raw_bucket):
    seed = new_seed()
    m = Model(raw, raw_bucket, seed)
    for i in range(STEPS):
        try:
            m.step()
        except BaseException as e:
            raise AssertionError(f"PENSTOCK_TEST_SEED={seed}, step {i}, {m.done}") from e
    m.check_all()
    m.c.sock.close()
    assert len(m.done) >= 10 or STEPS < 300  # a walk that stays in one place tests nothing


def test_random_operations_over_restarts(tmp_path):
    """The same, with stops and kills between the steps: what was answered is there afterwards."""
    seed = new_seed()
    r = random.Random(seed)
    with Server(directory=str(tmp_path / "store"), engine="drives") as s:
        Raw(s).ask("PUT", "/restarted")
        m = Model(Raw(s), "restarted", seed)
        for _ in range(5):
            for _ in range(40):
                m.step()
            m.c.sock.close()
            if r.random() < 0.7:
                s.kill()
            else:
                assert s.stop() == 0
            s.start()
            m.raw = Raw(s)
            m.c = m.raw.connect()
            m.check_all()
        m.c.sock.close()


# Racing writers

def value(writer, count, size):
    """A body that tells who wrote it and carries its own hash: a torn one is recognised."""
    name = b"%08d %08d " % (writer, count)
    rest = (name * (size // len(name) + 1))[:size]
    return hashlib.sha256(name + rest).digest() + name + rest


def is_whole(body):
    return hashlib.sha256(body[32:]).digest() == body[:32]


class Race:
    """Writers and readers on few keys for a while. A read gives a whole value, and never one that is older than
    a write which was answered before the read began."""

    def __init__(self, server, bucket, seed, first=0):
        self.first = first  # counts go on from here
        self.raw = [Raw(server) for _ in range(12)]  # a signer remembers: one per thread
        self.bucket, self.seed, self.stop = bucket, seed, threading.Event()
        self.keys = ["x", "y", "z"]
        self.lock = threading.Lock()
        self.finished = {}   # key: {writer: highest count answered}
        self.failures, self.reads, self.writes = [], 0, 0

    def guard(self, fn, i):
        try:
            with self.raw[i].connect() as c:
                fn(i, c, random.Random(self.seed + i))
        except BaseException as e:
            if not self.stop.is_set():
                self.failures.append(f"thread {i}: {e!r}")

    def writer(self, i, c, r):
        for count in range(self.first, self.first + 1000000):
            if self.stop.is_set() or self.failures:
                return
            key = r.choice(self.keys)
            body = value(i, count, r.choice([10, 5000, 100000, MIB + 77]))
            answer = self.raw[i].on(c, "PUT", f"/{self.bucket}/{key}", body=body, payload_hash=UNSIGNED)
            assert answer.status == 200, answer
            with self.lock:
                self.finished.setdefault(key, {})[i] = count
                self.writes += 1

    def reader(self, i, c, r):
        seen = {}  # (key, writer): highest count read; a value never gives way to an older one of its writer
        while not self.stop.is_set() and not self.failures:
            key = r.choice(self.keys)
            with self.lock:
                before = dict(self.finished.get(key, {}))
            answer = self.raw[i].on(c, "GET", f"/{self.bucket}/{key}")
            if answer.status == 404:
                assert not before, "gone"
                continue
            assert answer.status == 200 and is_whole(answer.body), (key, answer.status, len(answer.body))
            assert answer.header("etag") == f'"{hashlib.md5(answer.body).hexdigest()}"'
            writer, count = int(answer.body[32:40]), int(answer.body[41:49])
            assert count >= before.get(
    writer, -1), f"{key}: read {writer}/{count}, {before[writer]} was answered before"
            assert count >= seen.get((key, writer), -1), f"{key}: {writer} went back to {count}"
            seen[key, writer] = count
            self.reads += 1

    def run(self, seconds):
        threads = [threading.Thread(target=self.guard, args=(self.writer, i)) for i in range(5)]
        threads += [threading.Thread(target=self.guard, args=(self.reader, i)) for i in range(5, 12)]
        for t in threads:
            t.start()
        end = time.time() + seconds
        while time.time() < end and not self.failures:
            time.sleep(0.05)
        return threads


def test_racing_reads_and_writes(server, raw, raw_bucket):
    seed = new_seed()
    race = Race(server, raw_bucket, seed)
    threads = race.run(4)
    race.stop.set()
    for t in threads:
        t.join()
    assert race.failures == [], seed
    assert race.reads > 50 and race.writes > 50


def test_kill_while_writing(tmp_path):
    """SIGKILL in the middle of it: afterwards every key holds a whole value, no older than the last answered."""
    seed = new_seed()
    with Server(directory=str(tmp_path / "store"), engine="drives") as s:
        Raw(s).ask("PUT", "/killed")
        finished = {}
        for round_ in range(4):
            race = Race(s, "killed", seed + round_ * 100, round_ * 1000000)
            threads = race.run(0.7)
            race.stop.set()
            s.process.send_signal(signal.SIGKILL)
            for t in threads:
                t.join()
            s.process.wait()
            assert race.failures == [], seed
            finished.update(race.finished)
            s.start()
            raw = Raw(s)
            for key in race.finished:
                answer = raw.ask("GET", f"/killed/{key}")
                assert answer.status == 200 and is_whole(answer.body), (seed, key, answer)
                writer, count = int(answer.body[32:40]), int(answer.body[41:49])
                assert count >= race.finished[key].get(writer, -1), (seed, key, writer, count, race.finished[key])
            assert set(raw.keys("killed")) >= set(finished)


@pytest.mark.parametrize("body", [b"", b"x" * 100])
def test_the_checker_can_fail(body):
    whole = value(1, 2, 1000) + body
    assert is_whole(whole) == (not body)
    assert not is_whole(whole[:500] + bytes([whole[500] ^ 1]) + whole[501:])
