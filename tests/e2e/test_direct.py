"""The direct path by transport `local`, with a client of our own (local.py): bytes and answer headers compared."""
import base64
import ctypes
import hashlib
import json
import mmap
import multiprocessing
import os
import random
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from crc64 import crc64_text
from local import Memory, Refused, Session, address_of
from raw import Connection, Raw, settle
from server import Server
from sigv4 import EMPTY_SHA256, UNSIGNED

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
GUARD = 8192
PATTERN = 0xA5
SIZES = [0, 1, 4095, 4096, 4097, MIB, 64 * MIB]
KINDS = ["memfd", "range"]
# Else 5 GiB where they fit, 1 GiB in memory or on a small disk.
HUGE = int(os.environ.get("PENSTOCK_TEST_HUGE_BYTES", 0))


def data_of(size, seed=0):
    """Bytes that tell their place: no two blocks of 4 KiB are equal."""
    r = random.Random(seed)
    block = r.randbytes(min(size, MIB))
    out = bytearray(block * (size // MIB + 1))[:size] if size else bytearray()
    for at in range(0, size - 8, 4096):
        out[at:at + 8] = (at ^ seed).to_bytes(8, "little")
    return bytes(out)


@pytest.fixture
def session(raw):
    with Session(raw) as s:
        yield s


def get(raw, path, token, headers=(), query=(), c=None):
    headers = [("x-amz-rdma-token", token), *headers]
    return raw.on(c, "GET", path, query, headers) if c else raw.ask("GET", path, query, headers)


def put(raw, path, token, headers=(), query=(), **more):
    return raw.ask("PUT", path, query, [("x-amz-rdma-token", token), *headers], **{"payload_hash": UNSIGNED, **more})


def window_get(session, memory, raw, path, offset, length, status=200, moved=None, **more):
    """A GET into [offset, offset + length), guarded: (answer, the window's bytes). moved: how many must have."""
    memory.fill(PATTERN)
    answer = get(raw, path, session.token(memory, offset, length, "w"), **more)
    assert answer.status == status, answer
    moved = length if moved is None else moved
    assert answer.header("x-amz-rdma-reply") == str(status)
    assert answer.header("x-amz-rdma-bytes-transferred") == str(moved)
    assert answer.header("content-length") == "0" and answer.body == b""
    assert memory.is_all(PATTERN, 0, offset), "bytes in front of the window"
    assert memory.is_all(PATTERN, offset + moved, len(memory.map)), "bytes behind the data"
    return answer, memory.map[offset:offset + moved]


def nothing_moved(answer, memory):
    assert answer.header("x-amz-rdma-bytes-transferred") is None
    assert memory.is_all(PATTERN, 0, len(memory.map))


# Reads

@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", SIZES)
def test_get(raw, raw_bucket, session, kind, size):
    data = data_of(size, size)
    etag = raw.ask("PUT", f"/{raw_bucket}/k", body=data, headers=[("content-type", "a/b"), ("x-amz-meta-m", "v")],
                   payload_hash=UNSIGNED).header("etag")
    memory = session.memory(kind, size + 2 * GUARD + 100)
    for offset, length in ((GUARD, size), (GUARD + 1, size), (GUARD, size + 100)):
        answer, got = window_get(session, memory, raw, f"/{raw_bucket}/k", offset, length, moved=size)
        assert got == data, (offset, length)
        assert answer.header("etag") == etag and answer.header("content-type") == "a/b"
        assert answer.header("x-amz-meta-m") == "v" and answer.header("last-modified")
        assert answer.header("accept-ranges") == "bytes" and answer.header("content-range") is None
        if size > MIB:
            break


@pytest.mark.parametrize("kind", KINDS)
def test_get_ranges(raw, raw_bucket, session, kind):
    size = 9 * MIB + 4321
    data = data_of(size, 5)
    raw.ask("PUT", f"/{raw_bucket}/k", body=data, payload_hash=UNSIGNED)
    memory = session.memory(kind, size + 2 * GUARD)
    seed = int(os.environ.get("PENSTOCK_TEST_SEED", time.time_ns() % 1000000))
    print("seed", seed)
    r = random.Random(seed)
    ranges = [(0, 1), (size - 1, 1), (4095, 2), (MIB - 1, 2), (0, size), (1, size - 1)]
    ranges += [(a, min(r.choice([1, 100, 4096, 5000, MIB, 3 * MIB]), size - a)) for a in
               (r.randrange(size) for _ in range(40))]
    with raw.connect() as c:
        for start, count in ranges:
            offset = GUARD + r.randrange(64)
            answer, got = window_get(session, memory, raw, f"/{raw_bucket}/k", offset, count, status=206, c=c,
                                     headers=[("range", f"bytes={start}-{start + count - 1}")])
            assert got == data[start:start + count], (seed, start, count)
            assert answer.header("content-range") == f"bytes {start}-{start + count - 1}/{size}"
        answer, got = window_get(session, memory, raw, f"/{raw_bucket}/k", GUARD, 100, status=206, c=c,
                                 headers=[("range", "bytes=-100")])
        assert got == data[-100:]


def test_get_part(raw, raw_bucket, session):
    upload = create_upload(raw, raw_bucket, "m")
    bodies = [data_of(5 * MIB, 1), data_of(MIB + 3, 2)]
    parts = [(n, raw.ask("PUT", f"/{raw_bucket}/m", [("partNumber", str(n)),
              ("uploadId", upload)], body=b).header("etag")) for n, b in enumerate(bodies, 1)]
    assert complete(raw, raw_bucket, "m", upload, parts).status == 200
    memory = session.memfd(8 * MIB)
    for n, body in enumerate(bodies, 1):
        answer, got = window_get(session, memory, raw, f"/{raw_bucket}/m", GUARD, len(body), status=206,
                                 query=[("partNumber", str(n))])
        assert got == body and answer.header("x-amz-mp-parts-count") == "2"


def test_get_checksums(raw, raw_bucket, session):
    data = data_of(300001, 9)
    raw.ask("PUT", f"/{raw_bucket}/k", body=data, headers=[("x-amz-checksum-crc64nvme", crc64_text(data))])
    memory = session.memfd(MIB)
    asks = [("x-amz-checksum-mode", "ENABLED")]
    answer, _ = window_get(session, memory, raw, f"/{raw_bucket}/k", GUARD, len(data), headers=asks)
    assert answer.header("x-amz-checksum-crc64nvme") == crc64_text(data)
    assert answer.header("x-penstock-crc64nvme") == crc64_text(data)
    answer, got = window_get(session, memory, raw, f"/{raw_bucket}/k", GUARD, 5000, status=206,
                             headers=asks + [("range", "bytes=70000-74999")])
    assert answer.header("x-penstock-crc64nvme") == crc64_text(data[70000:75000])
    assert answer.header("x-amz-checksum-crc64nvme") is None
    answer, _ = window_get(session, memory, raw, f"/{raw_bucket}/k", GUARD, len(data))
    assert answer.header("x-penstock-crc64nvme") is None


@pytest.mark.parametrize("headers, verdict", [
    ([("if-match", '"other"')], (412, "PreconditionFailed")), ([("if-none-match", "*")], (304, None)),
    ([("range", "bytes=5000-")], (416, "InvalidRange"))])
def test_get_errors_are_plain(raw, raw_bucket, session, headers, verdict):
    raw.ask("PUT", f"/{raw_bucket}/k", body=b"x" * 5000)
    memory = session.memfd(MIB)
    memory.fill(PATTERN)
    answer = get(raw, f"/{raw_bucket}/k", session.token(memory, 0, MIB, "w"), headers)
    assert answer.verdict == verdict and answer.header("x-amz-rdma-reply") is None
    nothing_moved(answer, memory)


def test_get_missing_key(raw, raw_bucket, session):
    memory = session.memfd(MIB)
    memory.fill(PATTERN)
    answer = get(raw, f"/{raw_bucket}/none", session.token(memory, 0, MIB, "w"))
    assert answer.verdict == (404, "NoSuchKey") and answer.header("x-amz-rdma-reply") is None
    nothing_moved(answer, memory)


# Writes

@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", SIZES)
def test_put(raw, raw_bucket, session, kind, size):
    data = data_of(size, size + 1)
    memory = session.memory(kind, size + 2 * GUARD)
    memory.fill(PATTERN)
    memory.map[GUARD + 7:GUARD + 7 + size] = data
    answer = put(raw, f"/{raw_bucket}/k", session.token(memory, GUARD + 7, size, "r"), [("content-type", "a/b")])
    assert answer.status == 200 and answer.header("x-amz-rdma-reply") == "200", answer
    assert answer.header("x-amz-rdma-bytes-transferred") == str(size)
    assert re.fullmatch('"[0-9a-f]{32}"', answer.header("etag"))
    if size <= MIB:
        assert answer.header("x-amz-checksum-crc64nvme") == crc64_text(data)
    got = raw.ask("GET", f"/{raw_bucket}/k")
    assert got.body == data and got.header("content-type") == "a/b" and got.header("etag") == answer.header("etag")
    assert memory.is_all(PATTERN, 0, GUARD + 7) and memory.is_all(PATTERN, GUARD + 7 + size, len(memory.map))


def test_put_checksums(raw, raw_bucket, session):
    data = data_of(123456, 3)
    memory = session.memfd(MIB)
    memory.map[:len(data)] = data

    def attempt(*headers):
        return put(raw, f"/{raw_bucket}/k", session.token(memory, 0, len(data), "r"), headers)
    md5 = base64.b64encode(hashlib.md5(data).digest()).decode()
    sha = base64.b64encode(hashlib.sha256(data).digest()).decode()
    for wrong in (("x-amz-checksum-crc64nvme", crc64_text(data[:-1])), ("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg=="),
                  ("x-amz-checksum-sha256", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")):
        answer = attempt(wrong)
        assert answer.verdict == (400, "BadDigest") and answer.header("etag") is None, answer
    assert raw.keys(raw_bucket) == []
    for right in (("x-amz-checksum-crc64nvme", crc64_text(data)), ("content-md5", md5), ("x-amz-checksum-sha256", sha)):
        answer = attempt(right)
        assert answer.status == 200, answer
        if right[0].startswith("x-amz-checksum"):
            assert answer.header(right[0]) == right[1]
    assert raw.ask("GET", f"/{raw_bucket}/k").body == data


def test_put_forms_of_no_body(raw, raw_bucket, session):
    memory = session.memfd(MIB)
    memory.fill(7)
    for payload_hash, length in ((UNSIGNED, 0), (EMPTY_SHA256, 0), (UNSIGNED, None)):
        token = session.token(memory, 0, 1000, "r")
        answer = raw.ask("PUT", f"/{raw_bucket}/k", headers=[("x-amz-rdma-token", token)], payload_hash=payload_hash,
                         length=length)
        assert answer.status == 200 and raw.ask("GET", f"/{raw_bucket}/k").body == b"\7" * 1000
        assert raw.ask("DELETE", f"/{raw_bucket}/k").status == 204


def test_put_conditions(raw, raw_bucket, session):
    memory = session.memfd(MIB)
    token = session.token(memory, 0, 100, "r")
    assert put(raw, f"/{raw_bucket}/k", token, [("if-none-match", "*")]).status == 200
    answer = put(raw, f"/{raw_bucket}/k", session.token(memory, 0, 200, "r"), [("if-none-match", "*")])
    assert answer.verdict == (412, "PreconditionFailed") and answer.header("etag") is None
    assert raw.ask("HEAD", f"/{raw_bucket}/k").header("content-length") == "100"


def create_upload(raw, bucket, key):
    answer = raw.ask("POST", f"/{bucket}/{key}", [("uploads", "")])
    return re.search(rb"<UploadId>(.*?)</UploadId>", answer.body)[1].decode()


def complete(raw, bucket, key, upload, parts):
    xml = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{e}</ETag></Part>" for n, e in parts)
    return raw.ask("POST", f"/{bucket}/{key}", [("uploadId", upload)],
                   body=f"<CompleteMultipartUpload>{xml}</CompleteMultipartUpload>".encode())


@pytest.mark.parametrize("kind", KINDS)
def test_upload_parts(raw, raw_bucket, session, kind):
    """Parts by the direct path and by HTTP mix in one upload."""
    sizes = [5 * MIB, 5 * MIB + 1, 6 * MIB, 4097]
    data = [data_of(n, i) for i, n in enumerate(sizes)]
    memory = session.memory(kind, 6 * MIB + GUARD)
    upload, parts = create_upload(raw, raw_bucket, "m"), []
    for n, body in enumerate(data, 1):
        query = [("partNumber", str(n)), ("uploadId", upload)]
        if n == 2:
            answer = raw.ask("PUT", f"/{raw_bucket}/m", query, body=body)
            assert answer.header("x-amz-rdma-reply") is None
        else:
            memory.map[:len(body)] = body
            answer = put(raw, f"/{raw_bucket}/m", session.token(memory, 0, len(body), "r"), query=query)
            assert answer.header("x-amz-rdma-reply") == "200"
        assert answer.status == 200
        parts.append((n, answer.header("etag")))
    assert complete(raw, raw_bucket, "m", upload, parts).status == 200
    assert raw.ask("GET", f"/{raw_bucket}/m").body == b"".join(data)
    answer = put(raw, f"/{raw_bucket}/m", session.token(memory, 0, 100, "r"),
                 query=[("partNumber", "1"), ("uploadId", upload)])
    assert answer.verdict == (404, "NoSuchUpload") and answer.header("etag") is None


# Large, many, several processes

def test_huge(plain_server):
    """5 GiB: parts and ranges of 64 MiB, several at once, checked block by block."""
    raw = Raw(plain_server)
    fits = plain_server.engine == "drives" and shutil.disk_usage(tempfile.gettempdir()).free > 12 * GIB
    whole = HUGE or (5 * GIB if fits else GIB)
    print(whole, "bytes")
    part, bucket = 64 * MIB, "huge-" + uuid.uuid4().hex[:8]
    count = -(-whole // part)
    raw.ask("PUT", "/" + bucket)
    with Session(raw) as session:
        upload = create_upload(raw, bucket, "m")
        memories = [session.memfd(part) for _ in range(4)]
        bases = [data_of(part, i) for i in range(len(memories))]
        for m, base in zip(memories, bases):
            m.map[:] = base

        def store(i):
            k = i % len(memories)
            answer = put(raw, f"/{bucket}/m", session.token(memories[k], 0, min(part, whole - i * part), "r"),
                         query=[("partNumber", str(i + 1)), ("uploadId", upload)])
            assert answer.status == 200, answer
            return i + 1, answer.header("etag")
        with ThreadPoolExecutor(len(memories)) as pool:
            parts = list(pool.map(store, range(count)))
        assert complete(raw, bucket, "m", upload, parts).status == 200
        assert raw.ask("HEAD", f"/{bucket}/m").header("content-length") == str(whole)
        for m in memories:
            m.fill(0)

        def load(lane):
            for i in range(lane, count, len(memories)):
                size = min(part, whole - i * part)
                answer = get(raw, f"/{bucket}/m", session.token(memories[lane], 0, size, "w"),
                             [("range", f"bytes={i * part}-{i * part + size - 1}")])
                assert answer.status == 206 and answer.header("x-amz-rdma-bytes-transferred") == str(size), answer
                assert memories[lane].map[:size] == bases[lane][:size], i
                memories[lane].fill(0)
        with ThreadPoolExecutor(len(memories)) as pool:
            list(pool.map(load, range(len(memories))))
    assert raw.ask("DELETE", f"/{bucket}/m").status == 204


@pytest.mark.parametrize("kind", KINDS)
def test_64_at_once(raw, raw_bucket, session, kind):
    """Sixty-four requests of 1 MiB, each into its own window, three rounds: nobody gets another's bytes."""
    objects = [data_of(MIB - i, i) for i in range(64)]
    slot = MIB + GUARD
    memory = session.memory(kind, 64 * slot)
    memory.fill(PATTERN)

    def one(i):
        with raw.connect() as c:
            memory.map[i * slot:i * slot + len(objects[i])] = objects[i]
            token = session.token(memory, i * slot, len(objects[i]), "r")
            assert raw.on(c, "PUT", f"/{raw_bucket}/{i}", headers=[("x-amz-rdma-token", token)],
                          payload_hash=UNSIGNED).status == 200
            for k in range(3):
                j = (i * 7 + k) % 64 if k else i
                memory.map[i * slot:i * slot + MIB] = bytes([PATTERN]) * MIB
                token = session.token(memory, i * slot, len(objects[j]), "w")
                barrier.wait(60)
                answer = raw.on(c, "GET", f"/{raw_bucket}/{j}", headers=[("x-amz-rdma-token", token)])
                assert answer.status == 200 and answer.header("x-amz-rdma-reply") == "200", answer
                assert memory.map[i * slot:i * slot + len(objects[j])] == objects[j], (i, j)
                assert memory.is_all(PATTERN, i * slot + len(objects[j]), (i + 1) * slot)
    barrier = threading.Barrier(64)
    with ThreadPoolExecutor(64) as pool:
        list(pool.map(one, range(64)))


def worker(port, bucket, seed, kind, failures):
    """Runs in a process of its own."""
    try:
        class At:
            pass
        At.port = port
        raw = Raw(At)
        r = random.Random(seed)
        with Session(raw) as session:
            memory = session.memory(kind, 2 * MIB + 2 * GUARD)
            for i in range(12):
                size = r.choice([0, 1, 4096, 100000, 2 * MIB])
                data = data_of(size, seed * 100 + i)
                memory.fill(PATTERN)
                memory.map[GUARD:GUARD + size] = data
                assert put(raw, f"/{bucket}/{seed}", session.token(memory, GUARD, size, "r")).status == 200
                answer, got = window_get(session, memory, raw, f"/{bucket}/{seed}", GUARD, size)
                assert got == data
    except BaseException as e:  # the parent shows it
        failures.put(f"worker {seed}: {e!r}")
        raise


def test_several_processes(raw, server, raw_bucket):
    spawn = multiprocessing.get_context("spawn")
    failures = spawn.Queue()
    processes = [spawn.Process(target=worker, args=(server.port, raw_bucket,
                               i, KINDS[i % 2], failures)) for i in range(4)]
    for p in processes:
        p.start()
    for p in processes:
        p.join(100)
    assert [p.exitcode for p in processes] == [0] * 4, [failures.get() for _ in range(failures.qsize())]
    assert settle(lambda: server.metrics()["penstock_local_sessions"] == 0)


# Who may do what: tokens

def spoil(text, at, n=1):
    digit = "0" if text[at] != "0" else "1"
    return text[:at] + digit + text[at + n:]


@pytest.fixture
def stored(raw, raw_bucket):
    raw.ask("PUT", f"/{raw_bucket}/k", body=b"k" * 10000)
    return f"/{raw_bucket}/k"


def refused_tokens(session, memory, size=10000):
    """{name: a function that makes such a token, given the direction}"""
    def foreign(d):
        return session.token(memory, 0, size, d, session=os.urandom(16))
    return {
        "forged mac": lambda d: spoil(session.token(memory, 0, size, d), 120),
        "another key": lambda d: session.token(memory, 0, size, d, key=b"k" * 32),
        "altered length": lambda d: spoil(session.token(memory, 0, size, d), 70),
        "altered region": lambda d: spoil(session.token(memory, 0, size, d), 44),
        "altered expiry": lambda d: spoil(session.token(memory, 0, size, d), 90),
        "foreign session": foreign,
        "unknown region": lambda d: session.token(memory, 0, size, d, region=memory.region + 77),
        "expired": lambda d: session.token(memory, 0, size, d, life_ms=-1),
        "long expired": lambda d: session.token(memory, 0, size, d, expiry=0),
        "other direction": lambda d: session.token(memory, 0, size, "r" if d == "w" else "w"),
        "behind the end": lambda d: session.token(memory, len(memory.map), size, d),
        "over the end": lambda d: session.token(memory, len(memory.map) - size + 1, size, d),
        "wraps around": lambda d: session.token(memory, (1 << 64) - 4096, size, d),
        "length of all": lambda d: session.token(memory, 0, (1 << 64) - 1, d),
    }


NAMES = list(refused_tokens(None, None, 0))


@pytest.mark.parametrize("name", NAMES)
def test_refused_tokens(raw, server, raw_bucket, session, stored, name):
    memory = session.memfd(MIB)
    memory.fill(PATTERN)
    before = server.metrics()["penstock_direct_refused_total"]
    make = refused_tokens(session, memory)[name]
    with raw.connect() as c:
        answer = get(raw, stored, make("w"), c=c)
        assert answer.verdict == (403, "AccessDenied") and answer.header("x-amz-rdma-reply") is None, answer
        nothing_moved(answer, memory)
        assert get(raw, stored, session.token(memory, 0, 10000, "w"), c=c).status == 200  # nothing else suffers
    for path in (stored, f"/{raw_bucket}/new"):
        answer = put(raw, path, make("r"))
        assert answer.verdict == (403, "AccessDenied") and answer.header("etag") is None
    assert raw.keys(raw_bucket) == ["k"] and raw.ask("GET", stored).body == b"k" * 10000
    assert server.metrics()["penstock_direct_refused_total"] == before + 3


MALFORMED = {
    "prefix alone": lambda t: "local1:",
    "one short": lambda t: t[:-1],
    "one long": lambda t: t + "0",
    "upper case": lambda t: t.upper().replace("LOCAL1", "local1"),
    "no hex": lambda t: t[:10] + "g" + t[11:],
    "direction": lambda t: t[:83] + "x" + t[84:],
    "colon": lambda t: t[:48] + ";" + t[49:],
    "much": lambda t: t + "a" * 3000,
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_tokens(raw, raw_bucket, session, stored, name):
    memory = session.memfd(MIB)
    memory.fill(PATTERN)
    for direction in "wr":
        token = MALFORMED[name](session.token(memory, 0, 10000, direction))
        answer = get(raw, stored, token) if direction == "w" else put(raw, f"/{raw_bucket}/new", token)
        assert answer.verdict == (400, "InvalidRDMAToken") and answer.header("etag") is None, answer
        nothing_moved(answer, memory)
    assert raw.keys(raw_bucket) == ["k"]


def test_closed_session(raw, raw_bucket, stored):
    session = Session(raw)
    memory = session.memfd(MIB)
    read, write = session.token(memory, 0, MIB, "w"), session.token(memory, 0, 10, "r")
    assert get(raw, stored, read).status == 200
    session.sock.close()
    memory.fill(PATTERN)
    assert settle(lambda: get(raw, stored, read).status == 403)
    memory.fill(PATTERN)
    assert get(raw, stored, read).verdict == (403, "AccessDenied") and memory.is_all(PATTERN, 0, MIB)
    assert put(raw, f"/{raw_bucket}/new", write).verdict == (403, "AccessDenied")
    assert raw.keys(raw_bucket) == ["k"]


def test_fences(raw, stored, session):
    memory, other = session.memfd(MIB), session.range(MIB)
    token, token2 = session.token(memory, 0, MIB, "w"), session.token(other, 0, MIB, "w")
    assert get(raw, stored, token).status == get(raw, stored, token).status == 200  # reuse until it expires
    session.revoke(session.nonce, session.expiry)  # token2's
    assert get(raw, stored, token2).verdict == (403, "AccessDenied")
    assert get(raw, stored, session.token(other, 0, MIB, "w")).status == 200
    session.unregister(memory)
    memory.fill(PATTERN)
    assert get(raw, stored, token).verdict == (403, "AccessDenied") and memory.is_all(PATTERN, 0, MIB)
    with pytest.raises(Refused):
        session.unregister(memory)
    third = session.memfd(MIB)
    assert third.region not in (memory.region, other.region)  # ids are never used twice


def test_token_must_be_signed(raw, raw_bucket, session, stored):
    memory = session.memfd(MIB)
    memory.fill(PATTERN)
    answer = raw.ask("GET", stored, unsigned=[("x-amz-rdma-token", session.token(memory, 0, MIB, "w"))])
    assert answer.verdict == (403, "AccessDenied")
    nothing_moved(answer, memory)
    query = raw.signer.presign("PUT", f"/{raw_bucket}/new", [], raw.host)
    with raw.connect() as c:
        c.send(raw.write("PUT", f"/{raw_bucket}/new", query, [
            ("host", raw.host), ("content-length", "0"), ("x-amz-rdma-token", session.token(memory, 0, 10, "r"))]))
        assert c.read().verdict == (403, "AccessDenied")
    # In the query it is no token: anybody who sees the URL would have it. Nothing is stored under it either.
    token = session.token(memory, 0, 10, "r")
    answer = raw.ask("PUT", f"/{raw_bucket}/new2", [("x-amz-rdma-token", token)])
    assert answer.header("x-amz-rdma-reply") != "200"
    twice = [("x-amz-rdma-token", session.token(memory, 0, MIB, "w"))] * 2
    answer = raw.ask("GET", stored, headers=twice)
    assert answer.verdict == (403, "AccessDenied")
    nothing_moved(answer, memory)


def test_presigned_with_signed_token(raw, raw_bucket, session, stored):
    memory = session.memfd(MIB)
    token = ("x-amz-rdma-token", session.token(memory, 0, MIB, "w"))
    query = raw.signer.presign("GET", stored, [], raw.host, headers=[token])
    with raw.connect() as c:
        c.send(raw.write("GET", stored, query, [("host", raw.host), token]))
        answer = c.read()
        assert answer.status == 200 and answer.header("x-amz-rdma-reply") == "200"
        assert memory.map[:10000] == b"k" * 10000


def test_wrong_signature_with_good_token(raw, stored, session):
    memory = session.memfd(MIB)
    memory.fill(PATTERN)
    liar = Raw(raw.server, secret="another-secret-key")
    answer = get(liar, stored, session.token(memory, 0, MIB, "w"))
    assert answer.verdict == (403, "SignatureDoesNotMatch")
    nothing_moved(answer, memory)


def test_tokens_are_never_shown(raw, server, stored, session):
    """Not in error bodies (but for a wrong signature's own text), not in the log."""
    memory = session.memfd(MIB)
    token = spoil(session.token(memory, 0, MIB, "w"), 120)
    answer = get(raw, stored, token)
    assert token.encode() not in answer.body and token[115:].encode() not in answer.body
    assert token[115:] not in "".join(server.log)


# Declined

def test_window_too_small(raw, server, raw_bucket, session, stored):
    memory = session.memfd(MIB)
    memory.fill(PATTERN)
    for headers, length, body, status in (([], 9999, b"k" * 10000, 200), ([], 0, b"k" * 10000, 200),
                                          ([("range", "bytes=0-99")], 99, b"k" * 100, 206)):
        before = server.metrics()["penstock_direct_declined_total"]
        answer = get(raw, stored, session.token(memory, 0, length, "w"), headers)
        assert answer.status == status and answer.body == body
        assert answer.header("x-amz-rdma-reply") == "501"
        nothing_moved(answer, memory)
        assert server.metrics()["penstock_direct_declined_total"] == before + 1


FOREIGN = ["000073967e5ff000:00400000:0000000000001000:00001234:0056:01234567:0:89abcdef0123456789abcdef0123456789",
           "ofi1:something", "x", "local2:" + "0" * 140]


@pytest.mark.parametrize("token", FOREIGN)
def test_tokens_of_others(raw, raw_bucket, stored, token):
    answer = get(raw, stored, token)
    assert (answer.status, answer.body, answer.header("x-amz-rdma-reply")) == (200, b"k" * 10000, "501")
    check_declined_writes(raw, raw_bucket, token)


def check_declined_writes(raw, bucket, token, status=501):
    before = sorted(raw.keys(bucket))
    for path in (f"/{bucket}/new", f"/{bucket}/k"):
        answer = put(raw, path, token)
        assert answer.verdict == (status, "RDMANotSupported"), answer
        assert answer.header("x-amz-rdma-reply") == "501" and answer.header("etag") is None
    upload = create_upload(raw, bucket, "m")
    answer = put(raw, f"/{bucket}/m", token, query=[("partNumber", "1"), ("uploadId", upload)])
    assert answer.status == status and answer.header("x-amz-rdma-reply") == "501" and answer.header("etag") is None
    assert b"<Part>" not in raw.ask("GET", f"/{bucket}/m", [("uploadId", upload)]).body
    assert sorted(raw.keys(bucket)) == before
    assert raw.ask("GET", f"/{bucket}/k").body == b"k" * 10000


@pytest.mark.parametrize("options, status", [(["--direct", "off"], 501),
                                             (["--direct", "off", "--direct-put-decline-200", "on"], 200)])
def test_direct_off(options, status):
    with Server(*options) as server:
        raw = Raw(server)
        assert '"transports":[]' in raw.ask("GET", "/-/direct").body.decode()
        assert not os.path.exists(os.path.join(server.directory, "direct.sock"))
        raw.ask("PUT", "/declined")
        raw.ask("PUT", "/declined/k", body=b"k" * 10000)
        token = "local1:" + "0" * 32 + ":00000001:" + "0" * 16 + ":" + "0" * 15 + "1:r:" + "f" * 12 + ":" + "0" * 16 + \
            ":" + "0" * 32
        for t in (token, *FOREIGN):
            answer = get(raw, "/declined/k", t)
            assert (answer.status, answer.body, answer.header("x-amz-rdma-reply")) == (200, b"k" * 10000, "501")
            answer = get(raw, "/declined/k", t, [("range", "bytes=1-2")])
            assert (answer.status, answer.body, answer.header("x-amz-rdma-reply")) == (206, b"kk", "501")
            check_declined_writes(raw, "declined", t, status)
        assert server.metrics()["penstock_direct_declined_total"] == 5 * 5


def test_others_ignore_the_token(raw, raw_bucket, session, stored):
    memory = session.memfd(MIB)
    memory.fill(PATTERN)

    def tokens():
        return [("x-amz-rdma-token", session.token(memory, 0, MIB, "w"))]
    answer = raw.ask("HEAD", stored, headers=tokens())
    assert answer.status == 200 and answer.header("content-length") == "10000"
    assert answer.header("x-amz-rdma-reply") is None
    answer = raw.ask("GET", "/" + raw_bucket, [("list-type", "2")], tokens())
    assert answer.status == 200 and b"<Key>k</Key>" in answer.body
    answer = raw.ask("PUT", f"/{raw_bucket}/copy", headers=[("x-amz-copy-source", stored), *tokens()])
    assert answer.status == 200 and answer.header("x-amz-rdma-reply") is None
    assert raw.ask("DELETE", f"/{raw_bucket}/copy", headers=tokens()).status == 204
    nothing_moved(answer, memory)


@pytest.mark.parametrize("case", ["body", "length without body", "chunked", "aws-chunked"])
def test_put_with_a_body_and_a_token(raw, raw_bucket, session, stored, case):
    memory = session.memfd(MIB)
    headers = [("x-amz-rdma-token", session.token(memory, 0, 10, "r"))]
    with raw.connect() as c:
        if case == "body":
            c.send(raw.head("PUT", f"/{raw_bucket}/new", headers=headers, body=b"0123456789", payload_hash=UNSIGNED) +
                   b"0123456789")
        elif case == "length without body":
            c.send(raw.head("PUT", f"/{raw_bucket}/new", headers=headers, length=10, payload_hash=UNSIGNED))
        elif case == "chunked":
            c.send(raw.head("PUT", f"/{raw_bucket}/new", length=None, payload_hash=UNSIGNED,
                            headers=headers + [("transfer-encoding", "chunked")]) + b"0\r\n\r\n")
        else:
            c.send(raw.head("PUT", f"/{raw_bucket}/new", length=0, payload_hash="STREAMING-UNSIGNED-PAYLOAD-TRAILER",
                            headers=headers + [("x-amz-decoded-content-length", "0"),
                                               ("x-amz-trailer", "x-amz-checksum-crc32")]))
        answer = c.read()
        assert answer.status == 400 and answer.header("etag") is None, answer
    assert raw.keys(raw_bucket) == ["k"]


# What clients do to themselves

def test_unsealed_and_sparse_memory_is_refused(session, raw, stored):
    with pytest.raises(Refused):
        session.memfd(MIB, seal=False)
    with pytest.raises(Refused):
        session.memfd(4 * MIB, populate=False)
    memory = session.memfd(MIB)  # the session goes on
    assert get(raw, stored, session.token(memory, 0, MIB, "w")).status == 200
    with pytest.raises(PermissionError):
        os.ftruncate(memory.fd, 0)


def unmap(mapping, offset=0):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    # PROT_NONE in its place, so that nothing else of this process lands there.
    at = libc.mmap(address_of(mapping) + offset, len(mapping) - offset, 0, 0x32, -1, 0)
    assert at == address_of(mapping) + offset


@pytest.mark.parametrize("keep", [0, 8 * MIB])
def test_memory_gone(raw, server, raw_bucket, session, keep):
    """The window, or the rest of it, is not mapped any more: an error that says so, and no object."""
    raw.ask("PUT", f"/{raw_bucket}/k", body=data_of(16 * MIB), payload_hash=UNSIGNED)
    memory = session.range(16 * MIB, mmap.mmap(-1, 16 * MIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
    unmap(memory.map, keep)
    before = server.metrics()["penstock_direct_failed_total"]
    with raw.connect() as c:
        answer = get(raw, f"/{raw_bucket}/k", session.token(memory, 0, 16 * MIB, "w"), c=c)
        assert answer.verdict == (500, "RDMATransferFailed") and answer.header("x-amz-rdma-reply") == "500", answer
        answer = raw.on(c, "PUT", f"/{raw_bucket}/new", headers=[
            ("x-amz-rdma-token", session.token(memory, 0, 16 * MIB, "r"))], payload_hash=UNSIGNED)
        assert answer.verdict == (500, "RDMATransferFailed") and answer.header("etag") is None
    assert raw.keys(raw_bucket) == ["k"]
    assert server.metrics()["penstock_direct_failed_total"] == before + 2
    assert server.metrics()["penstock_local_windows_open"] == 0
    fine = session.memfd(16 * MIB)
    assert get(raw, f"/{raw_bucket}/k", session.token(fine, 0, 16 * MIB, "w")).status == 200


def test_memory_unmapped_during_transfers(raw, raw_bucket):
    """The race itself: each answer is a success or a clean failure, and the server goes on."""
    data = data_of(16 * MIB)
    raw.ask("PUT", f"/{raw_bucket}/k", body=data, payload_hash=UNSIGNED)
    seen = set()
    with Session(raw) as session:
        for i in range(12):
            memory = session.range(16 * MIB, mmap.mmap(-1, 16 * MIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
            token = session.token(memory, 0, 16 * MIB, "wr"[i % 2])
            timer = threading.Timer(0.0007 * i, unmap, [memory.map])
            timer.start()
            answer = get(raw, f"/{raw_bucket}/k", token) if i % 2 == 0 else put(raw, f"/{raw_bucket}/n", token)
            timer.join()
            assert answer.verdict in ((200, None), (500, "RDMATransferFailed")), answer
            seen.add(answer.status)
    print(seen)
    assert raw.ask("GET", f"/{raw_bucket}/k").body == data


def test_holes_punched_during_transfers(raw, raw_bucket):
    """A memfd may lose its pages under the server's mapping: at worst the client gets zeros, never a dead server."""
    FALLOC = 3  # PUNCH_HOLE | KEEP_SIZE
    libc = ctypes.CDLL(None, use_errno=True)
    libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]
    data = data_of(16 * MIB)
    raw.ask("PUT", f"/{raw_bucket}/k", body=data, payload_hash=UNSIGNED)
    with Session(raw) as session:
        memory = session.memfd(16 * MIB)
        stop = threading.Event()

        def punch():
            while not stop.is_set():
                assert libc.fallocate(memory.fd, FALLOC, 0, 16 * MIB) == 0
        puncher = threading.Thread(target=punch)
        puncher.start()
        try:
            for i in range(6):
                token = session.token(memory, 0, 16 * MIB, "wr"[i % 2])
                answer = get(raw, f"/{raw_bucket}/k", token) if i % 2 == 0 else put(raw, f"/{raw_bucket}/n", token)
                assert answer.verdict in ((200, None), (500, "RDMATransferFailed")), answer
        finally:
            stop.set()
            puncher.join()
    assert raw.ask("GET", f"/{raw_bucket}/k").body == data


VICTIM = """
import sys
sys.path.insert(0, sys.argv[1])
from local import Session
from raw import Raw
class At: port = int(sys.argv[2])
raw = Raw(At)
session = Session(raw)
memory = session.memory(sys.argv[4], 64 << 20)
path, direction = sys.argv[3], sys.argv[5]
with raw.connect() as c:
    token = ("x-amz-rdma-token", session.token(memory, 0, 64 << 20, direction))
    head = raw.head("GET" if direction == "w" else "PUT", path, headers=[token], payload_hash="UNSIGNED-PAYLOAD")
    print("go", flush=True)
    while True:
        c.send(head)
        c.read()
"""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("direction", ["w", "r"])
def test_client_killed_mid_transfer(raw, server, raw_bucket, kind, direction):
    data = data_of(64 * MIB)
    raw.ask("PUT", f"/{raw_bucket}/k", body=data, payload_hash=UNSIGNED)
    key = "k" if direction == "w" else "written"
    for i in range(4):
        victim = subprocess.Popen([sys.executable, "-c", VICTIM, os.path.dirname(__file__), str(server.port),
                                   f"/{raw_bucket}/{key}", kind, direction], stdout=subprocess.PIPE)
        assert victim.stdout.readline() == b"go\n"
        time.sleep(0.01 + 0.013 * i)
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        victim.stdout.close()
        assert server.process.poll() is None
    assert raw.ask("GET", f"/{raw_bucket}/k").body == data

    def is_quiet():
        m = server.metrics()
        return not (m["penstock_local_sessions"] or m["penstock_local_windows_open"]
                    or m["penstock_local_mapped_bytes"])
    assert settle(is_quiet, 15), server.metrics()
    with Session(raw) as session:
        memory = session.memory(kind, 64 * MIB)
        answer, got = window_get(session, memory, raw, f"/{raw_bucket}/k", 0, 64 * MIB)
        assert got == data


def test_counters_and_log(tmp_path):
    """Bytes are counted by the way they went, and the access log says which."""
    log = tmp_path / "access.log"
    with Server("--access-log", str(log)) as server:
        raw = Raw(server)
        raw.ask("PUT", "/counted")
        with Session(raw) as session:
            memory = session.memfd(MIB)
            put(raw, "/counted/k", session.token(memory, 0, 123456, "r"))
            get(raw, "/counted/k", session.token(memory, 0, MIB, "w"))
            get(raw, "/counted/k", session.token(memory, 0, MIB, "w"), [("range", "bytes=0-99")])
            raw.ask("GET", "/counted/k")
            m = server.metrics()
            assert m["penstock_bytes_received_direct_total"] == 123456
            assert m["penstock_bytes_sent_direct_total"] == 123456 + 100
            assert m["penstock_local_sessions"] == 1 and m["penstock_local_regions"] == 1
            assert m["penstock_local_mapped_bytes"] == MIB
        server.stop()
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        ways = [(x["op"], x["way"]) for x in lines if x["op"] in ("PutObject", "GetObject")]
        # Every reactor writes its own lines: the order says nothing.
        assert sorted(ways) == [("GetObject", "direct"), ("GetObject", "direct"), ("GetObject", "tcp"),
                                ("PutObject", "direct")]


def test_over_tls(tls_server):
    """The commands over TLS, the payload still straight into memory."""
    context = ssl.create_default_context(cafile=tls_server.cert)

    class TlsRaw(Raw):
        def connect(self):
            return Connection(self.server, context)
    raw = TlsRaw(tls_server)
    raw.ask("PUT", "/secure")
    data = data_of(MIB + 1)
    with Session(raw) as session:
        memory = session.memfd(2 * MIB)
        memory.map[:len(data)] = data
        assert put(raw, "/secure/k", session.token(memory, 0, len(data), "r")).status == 200
        answer, got = window_get(session, memory, raw, "/secure/k", GUARD, len(data))
        assert got == data


def test_memory_class_is_exact():
    """The guard check of this file can fail."""
    m = Memory(mmap.mmap(-1, 8192), 0)
    m.fill(PATTERN)
    assert m.is_all(PATTERN, 0, 8192)
    m.map[8191] = 0
    assert not m.is_all(PATTERN, 0, 8192) and m.is_all(PATTERN, 0, 8191)
