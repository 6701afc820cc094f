"""The direct path together with versions, conditions, tags and locks: an object by token is an object."""
import base64
import datetime
import hashlib
import re
import uuid

import pytest

from crc64 import crc64_text
from test_direct import MIB, PATTERN, data_of, get, nothing_moved, put, session, window_get  # noqa: F401

SIZES = [1, 4097, 3 * MIB]


def configure(raw, bucket, what, xml):
    digest = base64.b64encode(hashlib.md5(xml.encode()).digest()).decode()
    answer = raw.ask("PUT", f"/{bucket}", [(what, "")], [("content-md5", digest)], body=xml.encode())
    assert answer.status == 200, answer


@pytest.fixture
def versioned(raw, raw_bucket):
    configure(raw, raw_bucket, "versioning",
              "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")
    return raw_bucket


@pytest.fixture
def locked(raw):
    name = "raw-" + uuid.uuid4().hex[:12]
    assert raw.ask("PUT", f"/{name}", headers=[("x-amz-bucket-object-lock-enabled", "true")]).status == 200
    return name


def store(raw, session, path, data, headers=()):  # noqa: F811
    """PUT by token: the answer."""
    memory = session.memfd(len(data))
    memory.map[:len(data)] = data
    return put(raw, path, session.token(memory, 0, len(data), "r"), headers)


def listed(raw, bucket):
    body = raw.ask("GET", f"/{bucket}", [("versions", "")]).body
    return [v.decode() for v in re.findall(rb"<VersionId>(.*?)</VersionId>", body)]


@pytest.mark.parametrize("size", SIZES)
def test_versions_by_token(raw, versioned, session, size):  # noqa: F811
    """Each PUT by token is a version; each is read by token, also when another came behind it."""
    bodies = [data_of(size, seed) for seed in range(3)]
    ids = []
    for body in bodies:
        answer = store(raw, session, f"/{versioned}/k", body)
        assert answer.status == 200 and answer.header("x-amz-rdma-reply") == "200"
        ids.append(answer.header("x-amz-version-id"))
    assert len(set(ids)) == 3 and listed(raw, versioned) == ids[::-1]
    memory = session.memfd(size + 8192)
    for version, body in zip(ids, bodies):
        answer, got = window_get(session, memory, raw, f"/{versioned}/k", 4096, size, query=[("versionId", version)])
        assert got == body and answer.header("x-amz-version-id") == version
    answer, got = window_get(session, memory, raw, f"/{versioned}/k", 4096, size)
    assert got == bodies[-1] and answer.header("x-amz-version-id") == ids[-1]


def test_ranges_of_older_versions_by_token(raw, versioned, session):  # noqa: F811
    data = data_of(2 * MIB, 1)
    version = store(raw, session, f"/{versioned}/k", data).header("x-amz-version-id")
    store(raw, session, f"/{versioned}/k", b"new")
    memory = session.memfd(MIB)
    _, got = window_get(session, memory, raw, f"/{versioned}/k", 4096, 1000, status=206,
                        query=[("versionId", version)], headers=[("range", "bytes=1048570-1049569")])
    assert got == data[1048570:1049570]


def test_markers_move_nothing(raw, versioned, session):  # noqa: F811
    version = store(raw, session, f"/{versioned}/k", b"x" * 100).header("x-amz-version-id")
    marker = raw.ask("DELETE", f"/{versioned}/k").header("x-amz-version-id")
    memory = session.memfd(4096)
    for query, verdict in (((), (404, "NoSuchKey")), ([("versionId", marker)], (405, "MethodNotAllowed")),
                           ([("versionId", "none")], (400, "InvalidArgument"))):
        memory.fill(PATTERN)
        answer = get(raw, f"/{versioned}/k", session.token(memory, 0, 4096, "w"), query=query)
        assert answer.verdict == verdict
        nothing_moved(answer, memory)
    _, got = window_get(session, memory, raw, f"/{versioned}/k", 0, 100, query=[("versionId", version)])
    assert got == b"x" * 100


def test_a_failed_condition_makes_no_version(raw, versioned, session):  # noqa: F811
    first = store(raw, session, f"/{versioned}/k", b"one")
    for headers in ([("if-none-match", "*")], [("if-match", '"other"')],
                    [("if-none-match", first.header("etag"))]):
        answer = store(raw, session, f"/{versioned}/k", b"two", headers)
        assert answer.verdict == (412, "PreconditionFailed")
    assert listed(raw, versioned) == [first.header("x-amz-version-id")]
    assert store(raw, session, f"/{versioned}/k", b"two", [("if-match", first.header("etag"))]).status == 200
    assert len(listed(raw, versioned)) == 2


def test_suspended_by_token(raw, versioned, session):  # noqa: F811
    named = store(raw, session, f"/{versioned}/k", b"named").header("x-amz-version-id")
    configure(raw, versioned, "versioning",
              "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>")
    for body in b"one", b"two":
        assert store(raw, session, f"/{versioned}/k", body).status == 200
    assert listed(raw, versioned) == ["null", named]
    memory = session.memfd(4096)
    answer, got = window_get(session, memory, raw, f"/{versioned}/k", 0, 3, query=[("versionId", "null")])
    assert got == b"two" and answer.header("x-amz-version-id") == "null"


def test_tags_by_token(raw, raw_bucket, session):  # noqa: F811
    answer = store(raw, session, f"/{raw_bucket}/k", b"tagged", [("x-amz-tagging", "a=1&b=2")])
    assert answer.status == 200
    body = raw.ask("GET", f"/{raw_bucket}/k", [("tagging", "")]).body
    assert re.findall(rb"<Key>(.*?)</Key><Value>(.*?)</Value>", body) == [(b"a", b"1"), (b"b", b"2")]
    memory = session.memfd(4096)
    answer, got = window_get(session, memory, raw, f"/{raw_bucket}/k", 0, 6)
    assert got == b"tagged" and answer.header("x-amz-tagging-count") == "2"
    answer = store(raw, session, f"/{raw_bucket}/k", b"other", [("x-amz-tagging", "a=1&a=2")])
    assert answer.status == 400
    assert raw.ask("GET", f"/{raw_bucket}/k").body == b"tagged"


def test_locks_by_token(raw, locked, session):  # noqa: F811
    until = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    headers = [("x-amz-object-lock-mode", "COMPLIANCE"), ("x-amz-object-lock-retain-until-date", until),
               ("x-amz-checksum-crc64nvme", crc64_text(b"kept"))]
    answer = store(raw, session, f"/{locked}/k", b"kept", headers)
    assert answer.status == 200
    version = answer.header("x-amz-version-id")
    assert store(raw, session, f"/{locked}/k", b"newer").status == 200
    answer = raw.ask("DELETE", f"/{locked}/k", [("versionId", version)])
    assert answer.verdict == (403, "AccessDenied")
    memory = session.memfd(4096)
    answer, got = window_get(session, memory, raw, f"/{locked}/k", 0, 4, query=[("versionId", version)])
    assert got == b"kept" and answer.header("x-amz-object-lock-mode") == "COMPLIANCE"


def test_checksums_of_versions_by_token(raw, versioned, session):  # noqa: F811
    data = data_of(MIB + 1, 4)
    answer = store(raw, session, f"/{versioned}/k", data, [("x-amz-checksum-crc64nvme", crc64_text(data))])
    assert answer.status == 200
    version = answer.header("x-amz-version-id")
    assert store(raw, session, f"/{versioned}/k", data, [("x-amz-checksum-crc64nvme", crc64_text(b"x"))]).verdict == (
        400, "BadDigest")
    assert listed(raw, versioned) == [version]
    memory = session.memfd(2 * MIB)
    answer, got = window_get(session, memory, raw, f"/{versioned}/k", 0, len(data), query=[("versionId", version)],
                             headers=[("x-amz-checksum-mode", "ENABLED")])
    assert got == data and answer.header("x-amz-checksum-crc64nvme") == crc64_text(data)
