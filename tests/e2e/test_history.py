"""Strong consistency: random histories of put, copy, multipart, delete, read and list on few keys, by several clients.

Every body is unique, so that its ETag says which write was seen. Each operation becomes reads and writes of registers
(history.py): a copy is a read of its source and a write of its target, a listing a read of every key.
"""
import hashlib
import os
import random
import threading
import time
import uuid

import pytest
from botocore.exceptions import ClientError
from conftest import client
from history import Op, linearizable

KEYS = ["a", "a/b", "b"]
CLIENTS = 4
STEPS = int(os.environ.get("PENSTOCK_TEST_HISTORY_STEPS", "40"))
SEED = int(os.environ.get("PENSTOCK_TEST_SEED", "0")) or random.randrange(1 << 32)
SMALLEST_PART = 5 << 20


def tag(body):
    return hashlib.md5(body).hexdigest()


class Client:
    """One client with its own connection; its operations and what it saw go to `history`: {key: [Op]}."""

    def __init__(self, server, bucket, seed, history, lock):
        self.s3 = client(server)
        self.bucket, self.history, self.lock = bucket, history, lock
        self.random = random.Random(seed)
        self.errors = []

    def note(self, key, kind, value, start, end):
        with self.lock:
            self.history[key].append(Op(kind, value, start, end))

    def put(self, key):
        body = uuid.uuid4().bytes * self.random.choice([1, 1, 5000])
        start = time.monotonic()
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        self.note(key, "write", tag(body), start, time.monotonic())

    def put_once(self, key):
        """Succeeds only where nothing is."""
        body = uuid.uuid4().bytes
        start = time.monotonic()
        try:
            self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, IfNoneMatch="*")
        except ClientError as e:
            assert e.response["Error"]["Code"] == "PreconditionFailed", e
            return
        self.note(key, "write", tag(body), start, time.monotonic())

    def multipart(self, key):
        upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key=key)["UploadId"]
        names = dict(Bucket=self.bucket, Key=key, UploadId=upload)
        part = self.s3.upload_part(**names, PartNumber=1, Body=uuid.uuid4().bytes)["ETag"]
        start = time.monotonic()
        done = self.s3.complete_multipart_upload(
            **names, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]})
        self.note(key, "write", done["ETag"].strip('"'), start, time.monotonic())

    def delete(self, key):
        start = time.monotonic()
        if self.random.random() < 0.5:
            self.s3.delete_object(Bucket=self.bucket, Key=key)
        else:
            out = self.s3.delete_objects(Bucket=self.bucket, Delete={"Objects": [{"Key": key}]})
            assert "Errors" not in out, out
        self.note(key, "write", None, start, time.monotonic())

    def copy(self, key):
        source = self.random.choice([k for k in KEYS if k != key])
        start = time.monotonic()
        try:
            out = self.s3.copy_object(Bucket=self.bucket, Key=key, CopySource={"Bucket": self.bucket, "Key": source},
                                      MetadataDirective="REPLACE")
        except ClientError as e:
            assert e.response["Error"]["Code"] == "NoSuchKey", e
            self.note(source, "read", None, start, time.monotonic())
            return
        end = time.monotonic()
        self.note(key, "write", out["CopyObjectResult"]["ETag"].strip('"'), start, end)

    def read(self, key):
        start = time.monotonic()
        try:
            out = self.s3.get_object(Bucket=self.bucket, Key=key)
        except ClientError as e:
            assert e.response["Error"]["Code"] == "NoSuchKey", e
            self.note(key, "read", None, start, time.monotonic())
            return
        end, etag, body = time.monotonic(), out["ETag"].strip('"'), out["Body"].read()
        assert "-" in etag or etag == tag(body), "the bytes are not those of the ETag"
        self.note(key, "read", etag, start, end)

    def list(self, _):
        start = time.monotonic()
        if self.random.random() < 0.5:
            found = self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        else:
            found = [v for v in self.s3.list_object_versions(Bucket=self.bucket).get("Versions", []) if v["IsLatest"]]
        end = time.monotonic()
        tags = {o["Key"]: o["ETag"].strip('"') for o in found}
        assert len(tags) == len(found), "a key is listed twice"
        for key in KEYS:
            self.note(key, "read", tags.get(key), start, end)

    def run(self):
        try:
            for _ in range(STEPS):
                act = self.random.choice([self.put, self.put, self.put_once, self.multipart, self.delete, self.copy,
                                          self.read, self.read, self.read, self.list])
                act(self.random.choice(KEYS))
        except Exception as e:  # told by the test
            self.errors.append(e)


@pytest.mark.parametrize("versioned", [False, True], ids=["plain", "versioned"])
def test_histories_are_linearizable(server, s3, bucket, versioned):
    if versioned:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    print(f"PENSTOCK_TEST_SEED={SEED}")
    history, lock = {key: [] for key in KEYS}, threading.Lock()
    clients = [Client(server, bucket, SEED + i, history, lock) for i in range(CLIENTS)]
    threads = [threading.Thread(target=c.run) for c in clients]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert [e for c in clients for e in c.errors] == []
    for key, ops in history.items():
        told = "\n".join(map(str, sorted(ops, key=lambda op: op.start)))
        assert linearizable(ops), f"no order explains {key}:\n{told}"


def test_racing_creators_have_one_winner(server, s3, bucket):
    """N writers with If-None-Match: *; exactly one wins, and its bytes are there."""
    for round_number in range(5):
        won, lost, barrier = [], [], threading.Barrier(6)

        def create(i, key=f"k{round_number}"):
            mine = client(server)
            barrier.wait()
            try:
                mine.put_object(Bucket=bucket, Key=key, Body=b"%d" % i, IfNoneMatch="*")
                won.append(i)
            except ClientError as e:
                lost.append(e.response["Error"]["Code"])

        threads = [threading.Thread(target=create, args=(i,)) for i in range(6)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert len(won) == 1 and set(lost) <= {"PreconditionFailed", "ConditionalRequestConflict"}, (won, lost)
        assert s3.get_object(Bucket=bucket, Key=f"k{round_number}")["Body"].read() == b"%d" % won[0]


# The checker itself

@pytest.mark.parametrize("ops, holds", [
    ([], True),
    ([Op("write", 1, 0, 1), Op("read", 1, 2, 3)], True),
    ([Op("write", 1, 0, 1), Op("read", None, 2, 3)], False),                          # a lost write
    ([Op("write", 1, 0, 1), Op("write", 2, 2, 3), Op("read", 1, 4, 5)], False),       # a stale read
    ([Op("write", 1, 0, 3), Op("write", 2, 0, 3), Op("read", 1, 4, 5)], True),
    ([Op("write", 1, 0, 9), Op("read", 1, 1, 2), Op("read", None, 3, 4)], False),     # seen, then unseen
    ([Op("write", 1, 0, 9), Op("read", None, 1, 2), Op("read", 1, 3, 4)], True),
    ([Op("write", 1, 0, 1), Op("write", None, 2, 3), Op("read", 1, 4, 5)], False),    # a removed object returns
    ([Op("write", 1, 0, float("inf"), True), Op("read", None, 8, 9)], True),
    ([Op("write", 1, 0, float("inf"), True), Op("read", 1, 2, 3), Op("read", None, 4, 5)], False),
    ([Op("write", i, i, i + 20) for i in range(12)] + [Op("read", 3, 40, 41), Op("read", 4, 42, 43)], False),
])
def test_the_checker(ops, holds):
    assert linearizable(ops) is holds
