"""Listings against a model: odd keys, long delimiters, pages of any size, v1, v2 and versions alike; many keys."""
import os
import random
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from raw import Raw
from test_boto3_buckets import model

SEED = int(os.environ.get("PENSTOCK_TEST_SEED", "0")) or random.randrange(1 << 32)
ROUNDS = int(os.environ.get("PENSTOCK_TEST_LISTING_ROUNDS", "40"))
MANY = int(os.environ.get("PENSTOCK_TEST_KEYS", "12000"))
PIECES = ["a", "b", "ab", "/", "//", ".", "..", "-", " ", "+", "%", "%2F", "&", "<", "\"", "é", "日本", "\U0001f600",
          "\x01", "~", "\\", "'", "z" * 60]
DELIMITERS = ["", "/", "//", "b", "ab", "é", "日本", ".", " ", "%", "\x01", "absent"]


def by_bytes(names):
    return sorted(names, key=lambda name: name.encode())


def random_key(r):
    return "".join(r.choice(PIECES) for _ in range(r.randint(1, 5)))


def change(r, s3, bucket, keys):
    """Some puts and removals, one by one and in a batch; `keys` follows."""
    for _ in range(r.randint(1, 4)):
        key = random_key(r)
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
        keys.add(key)
    gone = r.sample(by_bytes(keys), min(len(keys), r.choice([0, 0, 1, 3])))
    if gone and "\x01" not in "".join(gone) and r.random() < 0.5:  # XML 1.0 cannot name those
        out = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": k} for k in gone]})
        assert "Errors" not in out, out
    else:
        for key in gone:
            s3.delete_object(Bucket=bucket, Key=key)
    keys -= set(gone)


def items_of(page):
    """What a page says, in the order of names: objects and prefixes come in two lists."""
    found = [(o["Key"], False) for o in page.get("Contents", []) + page.get("Versions", [])]
    return sorted(found + [(p["Prefix"], True) for p in page.get("CommonPrefixes", [])], key=lambda i: i[0].encode())


def listed(ask, call, after_name, size):
    """All pages of one listing. after_name(page): the arguments that ask for the next one."""
    out = []
    for _ in range(1000):
        page = ask(**call, MaxKeys=size)
        items = items_of(page)
        assert len(items) <= size
        out += items
        if not page["IsTruncated"]:
            return out
        call.update(after_name(page))
    raise AssertionError("it never ends")


def check_listings(r, s3, bucket, keys):
    prefix = r.choice(["", "", r.choice(PIECES), random_key(r)] + [k[:r.randint(0, len(k))] for k in list(keys)[:2]])
    delimiter, after = r.choice(DELIMITERS), r.choice(["", "", random_key(r), *list(keys)[:1]])
    size = r.choice([1, 2, 3, 7, 1000])
    want = model(by_bytes(keys), prefix, delimiter, after)
    what = f"prefix {prefix!r} delimiter {delimiter!r} after {after!r} pages of {size}"
    call = dict(Bucket=bucket, Prefix=prefix, **({"Delimiter": delimiter} if delimiter else {}))
    v1 = listed(s3.list_objects, dict(call, Marker=after),
                lambda p: {"Marker": p.get("NextMarker") or p["Contents"][-1]["Key"]}, size)
    assert v1 == want, "v1 " + what
    v2 = listed(s3.list_objects_v2, dict(call, StartAfter=after),
                lambda p: {"ContinuationToken": p["NextContinuationToken"]}, size)
    assert v2 == want, "v2 " + what
    versions = listed(s3.list_object_versions, dict(call, KeyMarker=after), next_version, size)
    assert versions == want, "versions " + what


def next_version(page):
    out = {"KeyMarker": page["NextKeyMarker"]}
    if page.get("NextVersionIdMarker"):
        out["VersionIdMarker"] = page["NextVersionIdMarker"]
    return out


def test_listings_agree_with_a_model(s3, bucket):
    print(f"PENSTOCK_TEST_SEED={SEED}")
    r, keys = random.Random(SEED), set()
    for _ in range(ROUNDS):
        change(r, s3, bucket, keys)
        check_listings(r, s3, bucket, keys)


@pytest.mark.parametrize("encoding", [None, "url"])
def test_keys_that_look_like_paths(raw, raw_bucket, encoding):
    """`a`, `a/`, `a/b`, `a//b`, `.` and `..` are six objects."""
    keys = ["a", "a/", "a/b", "a//b", ".", ".."]
    for key in keys:
        assert raw.ask("PUT", f"/{raw_bucket}/{key}", body=key.encode()).status == 200
    answer = raw.ask("GET", f"/{raw_bucket}", [("list-type", "2")] + ([("encoding-type", "url")] if encoding else []))
    for key in keys:
        shown = key.replace("/", "%2F") if encoding and f"<Key>{key}</Key>" not in answer.body.decode() else key
        assert f"<Key>{shown}</Key>" in answer.body.decode()
        assert raw.ask("GET", f"/{raw_bucket}/{key}").body == key.encode()


def fill(server, bucket, names):
    """Empty objects, one connection a worker."""
    raw = Raw(server)

    def put(part):
        with raw.connect() as c:
            for name in part:
                answer = raw.on(c, "PUT", f"/{bucket}/{name}")
                assert answer.status == 200, answer

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, [names[i::4] for i in range(4)]))


def test_many_keys(plain_server):
    """All of them once, groups without walking them, a page anywhere. Prints the time of a page; asserts none."""
    from conftest import client
    s3, bucket = client(plain_server), "many-" + uuid.uuid4().hex[:8]
    s3.create_bucket(Bucket=bucket)
    names = [f"g{i % 40:03}/{i:07}" for i in range(MANY)]
    fill(plain_server, bucket, names)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    assert [o["Key"] for page in pages for o in page["Contents"]] == sorted(names)
    groups = s3.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert [p["Prefix"] for p in groups["CommonPrefixes"]] == [f"g{i:03}/" for i in range(min(40, MANY))]
    for delimiter in ("", "/"):
        start, spent = time.perf_counter(), plain_server.cpu_seconds()
        for _ in range(20):
            s3.list_objects_v2(Bucket=bucket, **({"Delimiter": delimiter} if delimiter else {"StartAfter": "g020/"}))
        print(f"{MANY} keys, delimiter {delimiter!r}: {(time.perf_counter() - start) * 50:.1f} ms a page, "
              f"{(plain_server.cpu_seconds() - spent) * 50:.1f} ms of the server")
