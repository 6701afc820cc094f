import os
import sys
import uuid

import boto3
import pytest
from botocore.config import Config

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from server import ACCESS, BUILD, SECRET, Server  # noqa: E402

# Nothing of the developer's own configuration may reach the tests.
for name in list(os.environ):
    if name.startswith("AWS_"):
        del os.environ[name]
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = "/dev/null"

RINGS = ["io_uring", "epoll"]


def client(server, **config):
    """A boto3 client; config goes to botocore's Config."""
    config.setdefault("retries", {"max_attempts": 0})
    config.setdefault("s3", {"addressing_style": "path"})
    config.setdefault("signature_version", "s3v4")
    return boto3.client("s3", endpoint_url=server.endpoint, aws_access_key_id=ACCESS,
                        aws_secret_access_key=SECRET, region_name="us-east-1",
                        verify=server.cert if server.tls else None, config=Config(**config))


def end(server, request):
    """A clean stop; the server's stalls are noted for tests/run."""
    m = server.metrics()
    with open(os.path.join(BUILD, "stalls.log"), "a") as f:
        f.write(f"{request.module.__name__} {getattr(request, 'param', 'auto')} "
                f"{m['penstock_reactor_stalls_total']} {m['penstock_reactor_stall_ns_total'] / 1e6:.1f}\n")
    assert server.stop() == 0, "".join(server.log)


@pytest.fixture(scope="module", params=RINGS)
def server(request):
    """One server per ring and test module."""
    with Server("--ring", request.param) as s:
        yield s
        end(s, request)


@pytest.fixture(scope="module")
def plain_server(request):
    with Server() as s:
        yield s
        end(s, request)


@pytest.fixture(scope="module")
def tls_server():
    with Server(tls=True) as s:
        yield s
        assert s.stop() == 0, "".join(s.log)


@pytest.fixture
def s3(server):
    return client(server)


@pytest.fixture
def bucket(s3):
    name = "test-" + uuid.uuid4().hex[:12]
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture(scope="module")
def raw(server):
    """Signed requests by hand, per ring."""
    from raw import Raw
    return Raw(server)


@pytest.fixture
def raw_bucket(raw):
    name = "raw-" + uuid.uuid4().hex[:12]
    assert raw.ask("PUT", "/" + name).status == 200
    return name
