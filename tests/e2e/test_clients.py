"""The clients of Debian, unmodified, over HTTP and TLS: what clients.py calls, checked from the other side by boto3."""
import hashlib
import os
import subprocess
import uuid

import pytest

import clients
from conftest import client as boto3_client
from server import Server
from sigv4 import encode

MIB = 1 << 20
BIG = 66 * MIB + 12345
SMALL_KEY = "dir/small file.txt"


@pytest.fixture(scope="module")
def servers():
    """One plain, one with TLS."""
    with Server() as plain, Server(tls=True) as tls:
        yield {"http": plain, "tls": tls}
        for s in (plain, tls):
            assert s.stop() == 0, "".join(s.log)


@pytest.fixture(params=["http", "tls"])
def either(request, servers):
    return servers[request.param]


def only_http(test):
    """TLS makes no difference here, and the clients take long to start."""
    return pytest.mark.parametrize("either", ["http"], indirect=True)(test)


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    """A file of more than 64 MiB that does not repeat: (path, its SHA-256)."""
    path, data = tmp_path_factory.mktemp("big") / "big", os.urandom(BIG)
    path.write_bytes(data)
    return str(path), hashlib.sha256(data).hexdigest()


@pytest.fixture(params=list(clients.ALL))
def tool(request, either, tmp_path):
    kind = clients.ALL[request.param]
    assert os.path.exists(kind.PROGRAM), f"{kind.PROGRAM} is missing: tools/setup --tests"
    return kind(either, tmp_path)


@pytest.fixture
def s3(either):
    return boto3_client(either)


@pytest.fixture
def bucket(s3):
    name = "client-" + uuid.uuid4().hex[:12]
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def small(tool):
    data = os.urandom(300000)
    with open(tool.file("small"), "wb") as f:
        f.write(data)
    return tool.file("small"), data


def sha256_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as f:
        for block in iter(lambda: f.read(MIB), b""):
            digest.update(block)
    return digest.hexdigest()


def encoded(tool, key):
    """curl gets a URL, the others a key."""
    return key.replace(" ", "%20") if isinstance(tool, clients.Curl) else key


def test_buckets(tool, s3):
    name = "made-" + uuid.uuid4().hex[:12]
    tool.make_bucket(name)
    s3.head_bucket(Bucket=name)
    assert name in tool.buckets()
    tool.remove_bucket(name)
    assert name not in tool.buckets()


def test_put_get_delete(tool, s3, bucket, small):
    path, data = small
    key = encoded(tool, SMALL_KEY)
    tool.put(path, bucket, key)
    assert s3.get_object(Bucket=bucket, Key=SMALL_KEY)["Body"].read() == data
    tool.get(bucket, key, tool.file("back"))
    assert sha256_of(tool.file("back")) == hashlib.sha256(data).hexdigest()
    tool.delete(bucket, key)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


@only_http
def test_empty_object(tool, s3, bucket):
    open(tool.file("empty"), "wb").close()
    tool.put(tool.file("empty"), bucket, "e")
    assert s3.head_object(Bucket=bucket, Key="e")["ContentLength"] == 0
    tool.get(bucket, "e", tool.file("back"))
    assert os.path.getsize(tool.file("back")) == 0


def test_range(tool, s3, bucket):
    data = os.urandom(3 * MIB)
    s3.put_object(Bucket=bucket, Key="k", Body=data)
    for start, count in ((0, 1), (MIB - 1, MIB + 2), (len(data) - 1, 1)):
        assert tool.get_range(bucket, "k", start, count) == data[start:start + count]


def test_list(tool, s3, bucket):
    want = {f"dir{i % 3}/file-{i:02d}": i for i in range(20)}
    for key, size in want.items():
        s3.put_object(Bucket=bucket, Key=key, Body=b"x" * size)
    assert tool.list(bucket) == want


def test_multipart(tool, s3, bucket, big):
    path, digest = big
    tool.put_multipart(path, bucket, "big")
    head = s3.head_object(Bucket=bucket, Key="big")
    assert head["ContentLength"] == BIG and "-" in head["ETag"]
    tool.get(bucket, "big", tool.file("back"))
    assert sha256_of(tool.file("back")) == digest
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    start = 64 * MIB - 3
    with open(path, "rb") as f:
        f.seek(start)
        assert tool.get_range(bucket, "big", start, 100) == f.read(100)
    tool.copy(bucket, "big", "copy")
    assert s3.head_object(Bucket=bucket, Key="copy")["ContentLength"] == BIG
    tool.get(bucket, "copy", tool.file("back"))
    assert sha256_of(tool.file("back")) == digest


def test_copy(tool, s3, bucket):
    s3.put_object(Bucket=bucket, Key="from", Body=b"payload", ContentType="a/b")
    tool.copy(bucket, "from", "to")
    got = s3.get_object(Bucket=bucket, Key="to")
    assert got["Body"].read() == b"payload" and got["ContentType"] == "a/b"


@only_http
def test_sync_and_delete_all(tool, s3, bucket):
    directory = tool.file("tree")
    os.mkdir(directory)
    for i in range(12):
        with open(os.path.join(directory, f"f{i}"), "wb") as f:
            f.write(os.urandom(i * 1000))
    for _ in range(2):  # the second finds nothing to do, or does it again; either way all is there
        tool.sync(directory, bucket)
    assert tool.list(bucket) == {f"synced/f{i}": i * 1000 for i in range(12)}
    tool.delete_all(bucket)
    assert tool.list(bucket) == {}


def test_presigned(tool, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"by url")
    url = tool.presign(bucket, "k")
    status, body = tool.fetch(url)
    # s3cmd still signs URLs with Signature Version 2.
    assert ("AWSAccessKeyId=" if isinstance(tool, clients.S3cmd) else "X-Amz-Signature=") in url
    assert (status, body) == (200, b"by url")
    status, body = tool.fetch(url.replace("/k?", "/K?"))
    assert status == 403 and b"SignatureDoesNotMatch" in body


@only_http
def test_missing_key(tool, bucket):
    """A failure is a failure: an exit status and words."""
    out = tool.refused(bucket, "none")
    assert any(word in out for word in (b"404", b"NoSuchKey", b"not found", b"Not Found", b"not exist",
                                   b"doesn't exist")), out


@only_http
def test_odd_names(tool, s3, bucket, small):
    path, data = small
    for name in ("plus+and space", "ümläut/日本", "per%cent a=b&c'(d)"):
        if isinstance(tool, clients.Curl):
            tool.put(path, bucket, encode(name, safe="/-_.~"))
        else:
            tool.put(path, bucket, name)
        assert s3.get_object(Bucket=bucket, Key=name)["Body"].read() == data
        s3.delete_object(Bucket=bucket, Key=name)


def test_untrusted_certificate(tmp_path):
    """The tests above trust the certificate because they were told to, not because nobody checks."""
    with Server(tls=True) as server:
        done = subprocess.run(["/usr/bin/curl", "-sS", server.endpoint + "/"], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env={"PATH": "/usr/bin", "HOME": str(tmp_path)})
        assert done.returncode == 60, done.stderr


@pytest.mark.parametrize("version", ["--tls-max 1.2 --tlsv1.2", "--tlsv1.3", "--tls-max 1.1 --tlsv1.0"])
def test_tls_versions(tls_server, tmp_path, version):
    done = subprocess.run(["/usr/bin/curl", "-sS", "--cacert", tls_server.cert, *version.split(),
                           tls_server.endpoint + "/-/health/live"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert (done.returncode == 0) == ("1.0" not in version), done.stderr
