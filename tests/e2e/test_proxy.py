"""Behind a reverse proxy that gives us another Host; and names of our own in all their spellings."""
import http.client
import http.server
import json
import threading
import urllib.error
import urllib.request
import uuid

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from conftest import client
from raw import Raw
from server import ACCESS, SECRET, Server

HOPS = ("connection", "keep-alive", "transfer-encoding", "te", "upgrade")


class Proxy:
    """Forwards everything to the server with a Host of its own choice; tells what it replaced."""

    def __init__(self, server, host="backend.internal", forwards=True, proto="https", port=True, more=()):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = [(n, v) for n, v in self.headers.items()
                           if n.lower() not in HOPS and n.lower() not in ("host", "expect")]
                headers.append(("Host", host))
                if forwards:
                    name, _, at = self.headers["host"].partition(":")
                    headers += [("X-Forwarded-Host", self.headers["host"] if port is True else name),
                                ("X-Forwarded-For", self.client_address[0]), ("X-Forwarded-Proto", proto)]
                    if port == "apart":
                        headers.append(("X-Forwarded-Port", at))
                headers += list(more)
                c = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
                c.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for n, v in headers:
                    c.putheader(n, v)
                c.endheaders(body)
                answer = c.getresponse()
                data = answer.read()
                self.send_response_only(answer.status)
                for n, v in answer.getheaders():
                    if n.lower() not in HOPS and n.lower() != "content-length":
                        self.send_header(n, v)
                self.send_header("Content-Length", answer.getheader("content-length") or str(len(data)))
                self.end_headers()
                self.wfile.write(data)
                c.close()

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_OPTIONS = forward

            def handle_expect_100(self):
                self.send_response_only(100)
                self.end_headers()
                return True

            def log_message(self, *args):
                pass

        outer.listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        outer.listener.daemon_threads = True
        outer.port = outer.listener.server_address[1]
        outer.endpoint = f"http://127.0.0.1:{outer.port}"
        threading.Thread(target=outer.listener.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.listener.shutdown()
        self.listener.server_close()


@pytest.fixture(scope="module")
def trusting():
    with Server("--trusted-proxy", "10.0.0.0/8,127.0.0.1", "--domain", "s3.test") as s:
        client(s).create_bucket(Bucket="proxied")
        yield s


def through(proxy, **config):
    config.setdefault("signature_version", "s3v4")
    config.setdefault("retries", {"max_attempts": 0})
    config.setdefault("s3", {"addressing_style": "path"})
    return boto3.client("s3", endpoint_url=proxy.endpoint, aws_access_key_id=ACCESS, aws_secret_access_key=SECRET,
                        region_name="mars-east-1", config=Config(**config))


def work(c, bucket="proxied"):
    key = uuid.uuid4().hex
    c.put_object(Bucket=bucket, Key=key, Body=b"x")
    assert c.get_object(Bucket=bucket, Key=key)["Body"].read() == b"x"
    url = c.generate_presigned_url("get_object", {"Bucket": bucket, "Key": key})
    assert urllib.request.urlopen(url, timeout=20).read() == b"x"
    c.delete_object(Bucket=bucket, Key=key)


@pytest.mark.parametrize("version", ["s3", "s3v4"])
@pytest.mark.parametrize("port", [True, "apart"])
def test_signature_for_the_name_the_client_used(trusting, version, port):
    with Proxy(trusting, port=port) as p:
        work(through(p, signature_version=version))


def test_signature_for_the_name_the_proxy_uses(trusting):
    """A proxy that signs itself, or a client that knows."""
    raw = Raw(trusting)
    answer = raw.ask("GET", "/proxied", headers=(), unsigned=[("x-forwarded-host", "elsewhere.test")])
    assert answer.status == 200


def test_unknown_name_is_a_mismatch(trusting):
    with Proxy(trusting, forwards=False) as p:
        with pytest.raises(ClientError) as e:
            through(p).list_objects_v2(Bucket="proxied")
        assert e.value.response["Error"]["Code"] == "SignatureDoesNotMatch"


def test_untrusted_proxy_is_not_believed():
    for options in ((), ("--trusted-proxy", "10.0.0.0/8")):
        with Server(*options) as s:
            client(s).create_bucket(Bucket="proxied")
            with Proxy(s) as p:
                with pytest.raises(ClientError) as e:
                    through(p).list_objects_v2(Bucket="proxied")
                assert e.value.response["Error"]["Code"] == "SignatureDoesNotMatch"


def allow(s, condition):
    client(s).put_bucket_policy(Bucket="proxied", Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::proxied",
         "Condition": condition}]}))


def status_of(port, headers=(), host="proxied.s3.test"):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    c.putrequest("GET", "/", skip_host=True)
    for n, v in [("Host", host), *headers]:
        c.putheader(n, v)
    c.endheaders()
    status = c.getresponse().status
    c.close()
    return status


def test_source_address(trusting):
    client(trusting).delete_public_access_block(Bucket="proxied")
    allow(trusting, {"IpAddress": {"aws:SourceIp": "192.0.2.7"}})
    for value, status in [("192.0.2.7", 200), ("192.0.2.8", 403), ("9.9.9.9, 192.0.2.7", 200),
                          ("192.0.2.7, 9.9.9.9", 403), ("192.0.2.7, 10.1.1.1", 200), ("unknown", 403), ("", 403)]:
        assert status_of(trusting.port, [("X-Forwarded-For", value)]) == status, value
    assert status_of(trusting.port, [("X-Forwarded-For", "192.0.2.7"), ("X-Forwarded-For", "10.0.0.9")]) == 200
    client(trusting).delete_bucket_policy(Bucket="proxied")
    with Server("--domain", "s3.test") as s:
        client(s).create_bucket(Bucket="proxied")
        client(s).delete_public_access_block(Bucket="proxied")
        allow(s, {"IpAddress": {"aws:SourceIp": "192.0.2.7"}})
        assert status_of(s.port, [("X-Forwarded-For", "192.0.2.7")]) == 403
        allow(s, {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}})
        assert status_of(s.port, [("X-Forwarded-For", "192.0.2.7")]) == 200


def test_secure_transport(trusting):
    allow(trusting, {"Bool": {"aws:SecureTransport": "true"}})
    for value, status in (("https", 200), ("HTTPS", 200), ("http", 403), ("https, http", 403)):
        assert status_of(trusting.port, [("X-Forwarded-Proto", value)]) == status, value
    assert status_of(trusting.port) == 403
    client(trusting).delete_bucket_policy(Bucket="proxied")


def test_bucket_in_the_forwarded_host(trusting):
    """What was signed is what is done: the name that verifies must lead to the bucket that is asked for."""
    client(trusting).put_object(Bucket="proxied", Key="k", Body=b"x")
    raw = Raw(trusting)
    signed = raw.head("GET", "/k", host="proxied.s3.test")
    for host in ("backend", "127.0.0.1:1", "s3.test"):
        head = signed.replace(b"host: proxied.s3.test", b"host: " + host.encode() +
                              b"\r\nx-forwarded-host: proxied.s3.test")
        with raw.connect() as c:
            c.send(head)
            assert c.read().body == b"x"
    client(trusting).create_bucket(Bucket="other")
    head = signed.replace(b"\r\nx-amz-date", b"\r\nx-forwarded-host: other.s3.test\r\nx-amz-date", 1)
    with raw.connect() as c:
        c.send(head)
        assert c.read().verdict == (403, "SignatureDoesNotMatch")


# Names of our own


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-7", "garage", "a", "US-EAST-1"])
def test_any_region_will_do(trusting, region):
    c = boto3.client("s3", endpoint_url=trusting.endpoint, aws_access_key_id=ACCESS, aws_secret_access_key=SECRET,
                     region_name=region, config=Config(s3={"addressing_style": "path"}, signature_version="s3v4"))
    work(c)


def test_virtual_hosts():
    with Server("--domain", "s3.test,example.org", "--domain", "s3.example.net") as s:
        raw, c = Raw(s), client(s)
        for bucket in ("plain", "with.dots.in-it", "s3.test"):
            c.create_bucket(Bucket=bucket)
            c.put_object(Bucket=bucket, Key="k", Body=bucket.encode())
            for domain in ("s3.test", "example.org", "s3.example.net"):
                for host in (f"{bucket}.{domain}", f"{bucket}.{domain}:{s.port}", f"{bucket}.{domain}".upper()):
                    assert raw.ask("GET", "/k", host=host).body == bucket.encode(), host
                    assert raw.ask("GET", "/", host=host).status == 200
        # the domain alone, other names and addresses: the bucket is in the path
        for host in ("s3.test", "S3.TEST:80", "elsewhere.test", "plain.elsewhere.test", "[::1]:9000", "xs3.test"):
            assert raw.ask("GET", "/plain/k", host=host).body == b"plain", host
        assert raw.ask("GET", "/k", host="nobody.s3.test").verdict == (404, "NoSuchBucket")
        assert raw.ask("GET", "/k", host="a_b.s3.test").verdict == (400, "InvalidBucketName")
        virtual = boto3.client("s3", endpoint_url=f"http://s3.test:{s.port}", aws_access_key_id=ACCESS,
                               aws_secret_access_key=SECRET, region_name="us-east-1",
                               config=Config(s3={"addressing_style": "virtual"}, signature_version="s3v4"))
        url = virtual.generate_presigned_url("get_object", {"Bucket": "plain", "Key": "k"})
        assert url.startswith(f"http://plain.s3.test:{s.port}/k?")
        request = urllib.request.Request(url.replace(f"plain.s3.test:{s.port}", f"127.0.0.1:{s.port}"),
                                         headers={"Host": f"plain.s3.test:{s.port}"})
        assert urllib.request.urlopen(request, timeout=20).read() == b"plain"


def test_bad_settings():
    for option, value in (("--trusted-proxy", "proxy.test"), ("--trusted-proxy", "10.0.0.0/33"), ("--sigv2", "maybe")):
        with pytest.raises(RuntimeError):
            Server(option, value)
