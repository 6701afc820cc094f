"""What is not served says so: every row of the operations table without an implementation, and names nobody knows."""
import importlib.machinery
import importlib.util
import os

import pytest
from server import ROOT

LOADER = importlib.machinery.SourceFileLoader("s3_compatibility", os.path.join(ROOT, "tools/s3-compatibility"))
TABLE = importlib.util.module_from_spec(importlib.util.spec_from_loader("s3_compatibility", LOADER))
LOADER.exec_module(TABLE)
ABSENT = [row for row in TABLE.rows() if not row[5]]
# Selected by neither a parameter nor a header: there is nothing else at that place.
PLAIN = {"WriteGetObjectResponse": ("POST", "/WriteGetObjectResponse")}


def check_untouched(raw, bucket):
    assert raw.ask("GET", f"/{bucket}/k").body == b"x"
    assert raw.keys(bucket) == ["k"]


@pytest.mark.parametrize("row", ABSENT, ids=[row[0] for row in ABSENT])
def test_rows_without_an_implementation(raw, raw_bucket, row):
    name, method, level, parameter, header, *_ = row
    raw.ask("PUT", f"/{raw_bucket}/k", body=b"x")
    path = {"SERVICE": "/", "BUCKET": f"/{raw_bucket}", "OBJECT": f"/{raw_bucket}/k"}[level]
    answer = raw.ask(method, path, [(parameter, "")] if parameter else [], [(header, "x")] if header else [],
                     body=b"" if method in ("GET", "HEAD", "DELETE") else b"<x/>")
    assert answer.status in ((405, 501) if name in PLAIN else (501,)), answer
    assert method == "HEAD" or answer.code in ("NotImplemented", "MethodNotAllowed")
    check_untouched(raw, raw_bucket)


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE", "HEAD"])
def test_unknown_subresources_of_objects(raw, raw_bucket, method):
    raw.ask("PUT", f"/{raw_bucket}/k", body=b"x")
    answer = raw.ask(method, f"/{raw_bucket}/k", [("future-thing", "")],
                     body=b"" if method in ("GET", "HEAD") else b"zzz")
    assert answer.status in (405, 501), answer
    assert method not in ("GET", "PUT") or answer.verdict == (501, "NotImplemented")
    check_untouched(raw, raw_bucket)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_unknown_subresources_of_buckets(raw, raw_bucket, method):
    raw.ask("PUT", f"/{raw_bucket}/k", body=b"x")
    answer = raw.ask(method, f"/{raw_bucket}", [("future-thing", "")], body=b"" if method == "GET" else b"<x/>")
    assert answer.verdict == (501, "NotImplemented"), answer
    raw.ask("PUT", "/made-by-subresource", [("future-thing", "")])
    assert raw.ask("HEAD", "/made-by-subresource").status == 404
    check_untouched(raw, raw_bucket)
