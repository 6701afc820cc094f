"""Versions, tags, ACLs, policies, CORS and locks as users of aws cli, s3cmd and rclone reach for them; and all of
their first steps with the bucket in the host name."""
import json
import os
import time
import urllib.request
import uuid
from datetime import datetime, timedelta, timezone

import pytest

import clients
from conftest import client as boto3_client
from server import ACCESS, SECRET, Server


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


@pytest.fixture
def s3(either):
    return boto3_client(either)


@pytest.fixture
def bucket(s3):
    name = "features-" + uuid.uuid4().hex[:12]
    s3.create_bucket(Bucket=name, ObjectOwnership="ObjectWriter")
    return name


@pytest.fixture
def aws(either, tmp_path):
    return clients.Aws(either, tmp_path)


def write(tool, name, data):
    with open(tool.file(name), "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())
    return tool.file(name)


def api(aws, command, bucket, *arguments, ok=True):
    out = aws.aws("s3api", command, "--bucket", bucket, *arguments, ok=ok)
    return json.loads(out) if ok and out.strip() else out


def test_aws_versions(aws, bucket):
    api(aws, "put-bucket-versioning", bucket, "--versioning-configuration", "Status=Enabled")
    assert api(aws, "get-bucket-versioning", bucket)["Status"] == "Enabled"
    ids = [api(aws, "put-object", bucket, "--key", "k", "--body", write(aws, "v", f"body {i}"))["VersionId"]
           for i in range(3)]
    api(aws, "delete-object", bucket, "--key", "k")
    listed = api(aws, "list-object-versions", bucket, "--prefix", "k")
    assert [v["VersionId"] for v in listed["Versions"]] == ids[::-1] and listed["DeleteMarkers"][0]["IsLatest"]
    assert b"404" in aws.aws("s3api", "head-object", "--bucket", bucket, "--key", "k", ok=False)
    api(aws, "get-object", bucket, "--key", "k", "--version-id", ids[1], aws.file("back"))
    assert open(aws.file("back")).read() == "body 1"
    api(aws, "copy-object", bucket, "--key", "k", "--copy-source", f"{bucket}/k?versionId={ids[0]}")
    aws.aws("s3", "cp", "--no-progress", f"s3://{bucket}/k", aws.file("back"))
    assert open(aws.file("back")).read() == "body 0"
    everything = api(aws, "list-object-versions", bucket)
    gone = {"Objects": [{"Key": v["Key"], "VersionId": v["VersionId"]}
                        for v in everything["Versions"] + everything["DeleteMarkers"]]}
    assert len(api(aws, "delete-objects", bucket, "--delete", json.dumps(gone))["Deleted"]) == 5
    aws.aws("s3", "rb", f"s3://{bucket}")


@only_http
def test_aws_tags(aws, s3, bucket):
    tags = {"TagSet": [{"Key": "a", "Value": "b c"}, {"Key": "\u00fc", "Value": ""}]}
    api(aws, "put-bucket-tagging", bucket, "--tagging", json.dumps(tags))
    assert api(aws, "get-bucket-tagging", bucket) == tags
    api(aws, "put-object", bucket, "--key", "k", "--tagging", "x=y&z=1")
    assert len(api(aws, "get-object-tagging", bucket, "--key", "k")["TagSet"]) == 2
    aws.aws("s3", "cp", f"s3://{bucket}/k", f"s3://{bucket}/copy")
    assert len(api(aws, "get-object-tagging", bucket, "--key", "copy")["TagSet"]) == 2
    api(aws, "put-object-tagging", bucket, "--key", "k", "--tagging", json.dumps(tags))
    assert api(aws, "get-object-tagging", bucket, "--key", "k")["TagSet"] == tags["TagSet"]
    api(aws, "delete-object-tagging", bucket, "--key", "k")
    assert api(aws, "get-object-tagging", bucket, "--key", "k")["TagSet"] == []


@only_http
def test_aws_copies_what_was_uploaded_in_parts(aws, s3, bucket):
    """With its properties and tags, which takes calls of its own; in parts again."""
    path = write(aws, "big", os.urandom(1 << 20) * 17)
    aws.aws("s3", "cp", "--no-progress", "--content-type", "a/b", "--metadata", "m=n", path, f"s3://{bucket}/big")
    s3.put_object_tagging(Bucket=bucket, Key="big", Tagging={"TagSet": [{"Key": "t", "Value": "u"}]})
    aws.aws("s3", "cp", f"s3://{bucket}/big", f"s3://{bucket}/copy")
    aws.aws("s3", "mv", f"s3://{bucket}/copy", f"s3://{bucket}/moved")
    head = s3.head_object(Bucket=bucket, Key="moved")
    assert head["ContentLength"] == 17 << 20 and head["ContentType"] == "a/b" and head["Metadata"] == {"m": "n"}
    assert head["ETag"].endswith('-3"')
    assert s3.get_object_tagging(Bucket=bucket, Key="moved")["TagSet"] == [{"Key": "t", "Value": "u"}]
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["big", "moved"]


@only_http
def test_aws_policies_and_acls(aws, either, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"for all")
    status, _ = aws.fetch(f"{either.endpoint}/{bucket}/k")
    assert status == 403
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
                                                     "Resource": f"arn:aws:s3:::{bucket}/*"}]}
    # AWS blocks public policies in buckets of today until told otherwise
    api(aws, "put-public-access-block", bucket, "--public-access-block-configuration", "BlockPublicPolicy=false")
    api(aws, "put-bucket-policy", bucket, "--policy", json.dumps(policy))
    assert json.loads(api(aws, "get-bucket-policy", bucket)["Policy"]) == policy
    assert api(aws, "get-bucket-policy-status", bucket)["PolicyStatus"]["IsPublic"] is True
    assert aws.fetch(f"{either.endpoint}/{bucket}/k") == (200, b"for all")
    api(aws, "delete-bucket-policy", bucket)
    assert aws.fetch(f"{either.endpoint}/{bucket}/k")[0] == 403
    aws.aws("s3", "cp", "--no-progress", "--acl", "public-read", write(aws, "p", "x"), f"s3://{bucket}/public")
    assert aws.fetch(f"{either.endpoint}/{bucket}/public") == (200, b"x")
    assert len(api(aws, "get-object-acl", bucket, "--key", "public")["Grants"]) == 2
    api(aws, "put-object-acl", bucket, "--key", "public", "--acl", "private")
    assert aws.fetch(f"{either.endpoint}/{bucket}/public")[0] == 403
    api(aws, "put-bucket-ownership-controls", bucket, "--ownership-controls",
        "Rules=[{ObjectOwnership=BucketOwnerEnforced}]")
    out = api(aws, "put-object-acl", bucket, "--key", "public", "--acl", "public-read", ok=False)
    assert b"AccessControlListNotSupported" in out


@only_http
def test_aws_locks(aws, s3):
    bucket = "locks-" + uuid.uuid4().hex[:12]
    api(aws, "create-bucket", bucket, "--object-lock-enabled-for-bucket")
    configuration = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}}
    api(aws, "put-object-lock-configuration", bucket, "--object-lock-configuration", json.dumps(configuration))
    assert api(aws, "get-object-lock-configuration", bucket)["ObjectLockConfiguration"] == configuration
    aws.aws("s3", "cp", "--no-progress", write(aws, "l", "locked"), f"s3://{bucket}/k")
    version = s3.head_object(Bucket=bucket, Key="k")["VersionId"]
    assert api(aws, "get-object-retention", bucket, "--key", "k")["Retention"]["Mode"] == "GOVERNANCE"
    out = api(aws, "delete-object", bucket, "--key", "k", "--version-id", version, ok=False)
    assert b"AccessDenied" in out
    until = (datetime.now(timezone.utc) + timedelta(hours=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    api(aws, "put-object-retention", bucket, "--key", "k", "--retention", f"Mode=GOVERNANCE,RetainUntilDate={until}")
    api(aws, "put-object-legal-hold", bucket, "--key", "k", "--legal-hold", "Status=ON")
    out = api(aws, "delete-object", bucket, "--key", "k", "--version-id", version, "--bypass-governance-retention",
              ok=False)
    assert b"AccessDenied" in out
    api(aws, "put-object-legal-hold", bucket, "--key", "k", "--legal-hold", "Status=OFF")
    api(aws, "delete-object", bucket, "--key", "k", "--version-id", version, "--bypass-governance-retention")


@only_http
def test_aws_cors_and_forms_of_asking(aws, bucket):
    rules = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["https://a.test"], "MaxAgeSeconds": 9}]}
    api(aws, "put-bucket-cors", bucket, "--cors-configuration", json.dumps(rules))
    assert api(aws, "get-bucket-cors", bucket) == rules
    api(aws, "delete-bucket-cors", bucket)
    assert b"NoSuchCORSConfiguration" in api(aws, "get-bucket-cors", bucket, ok=False)
    api(aws, "put-object", bucket, "--key", "k", "--body", write(aws, "c", "x" * 9))
    attributes = api(aws, "get-object-attributes", bucket, "--key", "k", "--object-attributes", "ObjectSize", "ETag")
    assert attributes["ObjectSize"] == 9
    for command in ("get-bucket-encryption", "get-bucket-lifecycle-configuration", "get-bucket-website",
                    "get-bucket-replication"):
        assert b"404" in api(aws, command, bucket, ok=False) or b"does not" in api(aws, command, bucket, ok=False) or \
            b"not found" in api(aws, command, bucket, ok=False)


def test_s3cmd_settings(either, s3, bucket, tmp_path):
    tool = clients.S3cmd(either, tmp_path)
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"seen")
    tool.s3cmd("setacl", "--acl-public", f"s3://{bucket}/k")
    assert tool.fetch(f"{either.endpoint}/{bucket}/k") == (200, b"seen")
    tool.s3cmd("setacl", "--acl-private", f"s3://{bucket}/k")
    assert tool.fetch(f"{either.endpoint}/{bucket}/k")[0] == 403
    tool.s3cmd("setacl", "--acl-public", f"s3://{bucket}")
    assert tool.fetch(f"{either.endpoint}/{bucket}")[0] == 200
    tool.s3cmd("setacl", "--acl-private", "--recursive", f"s3://{bucket}")
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Resource":
                                                     f"arn:aws:s3:::{bucket}/*", "Action": ["s3:GetObject"]}]}
    tool.s3cmd("setpolicy", write(tool, "policy", json.dumps(policy)), f"s3://{bucket}")
    assert tool.fetch(f"{either.endpoint}/{bucket}/k") == (200, b"seen")
    cors = ('<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>'
            '<AllowedHeader>*</AllowedHeader></CORSRule></CORSConfiguration>')
    tool.s3cmd("setcors", write(tool, "cors", cors), f"s3://{bucket}")
    told = tool.s3cmd("info", f"s3://{bucket}").decode()
    assert "s3:GetObject" in told and "<AllowedMethod>GET</AllowedMethod>" in told, told
    assert "ACL:" in tool.s3cmd("info", f"s3://{bucket}/k").decode()
    tool.s3cmd("delcors", f"s3://{bucket}")
    tool.s3cmd("delpolicy", f"s3://{bucket}")
    assert tool.fetch(f"{either.endpoint}/{bucket}/k")[0] == 403
    tool.s3cmd("modify", "--add-header", "x-amz-meta-a:b", f"s3://{bucket}/k")
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"]["a"] == "b"


def test_rclone_versions(either, s3, bucket, tmp_path):
    tool = clients.Rclone(either, tmp_path)
    assert b"Enabled" in tool.rclone("backend", "versioning", f"p:{bucket}", "Enabled")
    for i in range(3):
        tool.put(write(tool, "f", f"version {i}"), bucket, "dir/f.txt")
        time.sleep(0.002)  # names of versions have milliseconds
    tool.delete(bucket, "dir/f.txt")
    assert tool.list(bucket) == {}
    old = tool.rclone("lsf", "-R", "--files-only", "--s3-versions", f"p:{bucket}").decode().split()
    assert len(old) == 3 and all(n.startswith("dir/f-v") and n.endswith(".txt") for n in old), old
    # rclone 1.60 finds them in folders only
    tool.rclone("copy", "--s3-versions", f"p:{bucket}/dir", tool.file("out"))
    assert {open(os.path.join(tool.file("out"), os.path.basename(n))).read() for n in old} == {
        f"version {i}" for i in range(3)}
    tool.rclone("backend", "cleanup-hidden", f"p:{bucket}")
    assert "Versions" not in s3.list_object_versions(Bucket=bucket)


def test_rclone_copies_within_the_store(either, s3, bucket, tmp_path):
    """Nothing of it passes the client: in one call, and in parts."""
    tool = clients.Rclone(either, tmp_path)
    data = os.urandom(1 << 20) * 12
    s3.put_object(Bucket=bucket, Key="big", Body=data, Metadata={"m": "n"})
    before = either.metrics() if not either.tls else {}
    tool.rclone("copyto", "--s3-copy-cutoff", "5M", f"p:{bucket}/big", f"p:{bucket}/parts")
    tool.rclone("copyto", f"p:{bucket}/big", f"p:{bucket}/whole")
    if before:
        name = "penstock_bytes_sent_tcp_total"
        assert either.metrics()[name] - before[name] < len(data)
    for key in ("parts", "whole"):
        got = s3.get_object(Bucket=bucket, Key=key)
        assert got["Body"].read() == data and got["Metadata"]["m"] == "n"
    tool.rclone("check", "--download", f"p:{bucket}", f"p:{bucket}")
    tool.rclone("sync", f"p:{bucket}", f"p:{bucket}-copy")
    assert tool.list(bucket + "-copy") == dict.fromkeys(("big", "parts", "whole"), len(data))


# The bucket in the host

DOMAIN = "s3.penstock.test"


@pytest.fixture(scope="module")
def virtual():
    with Server("--domain", DOMAIN) as s:
        yield s


def through(server):
    """Names that no resolver knows reach the server as a proxy, which takes absolute targets."""
    return {"HTTP_PROXY": f"http://127.0.0.1:{server.port}", "http_proxy": f"http://127.0.0.1:{server.port}"}


def first_steps(server, tool, run, tmp_path):
    name = "virtual-" + uuid.uuid4().hex[:8]
    run("make", name)
    path = write(tool, "f", "in its host")
    run("put", path, name)
    assert boto3_client(server).get_object(Bucket=name, Key="d/k \u00fc")["Body"].read() == b"in its host"
    run("get", name, tool.file("back"))
    assert open(tool.file("back")).read() == "in its host"
    assert urllib.request.urlopen(server.endpoint + "/-/health/live").status == 200


def test_virtual_host_aws(virtual, tmp_path):
    tool = clients.Aws(virtual, tmp_path)
    tool.env.update(through(virtual), AWS_CONFIG_FILE=write(
        tool, "config", "[default]\ns3 =\n  addressing_style = virtual\n"))

    def run(what, *a):
        base = ("--endpoint-url", f"http://{DOMAIN}")
        line = {"make": lambda n: ("s3", "mb", f"s3://{n}"),
                "put": lambda p, n: ("s3", "cp", "--no-progress", p, f"s3://{n}/d/k \u00fc"),
                "get": lambda n, p: ("s3", "cp", "--no-progress", f"s3://{n}/d/k \u00fc", p)}[what](*a)
        tool.run(tool.PROGRAM, *base, *line)
    first_steps(virtual, tool, run, tmp_path)


def test_virtual_host_rclone(virtual, tmp_path):
    tool = clients.Rclone(virtual, tmp_path)
    tool.env.update(through(virtual), RCLONE_CONFIG_P_FORCE_PATH_STYLE="false",
                    RCLONE_CONFIG_P_ENDPOINT=f"http://{DOMAIN}")

    def run(what, *a):
        line = {"make": lambda n: ("mkdir", f"p:{n}"), "put": lambda p, n: ("copyto", p, f"p:{n}/d/k \u00fc"),
                "get": lambda n, p: ("copyto", f"p:{n}/d/k \u00fc", p)}[what](*a)
        tool.rclone(*line)
    first_steps(virtual, tool, run, tmp_path)


def test_virtual_host_s3cmd(virtual, tmp_path):
    tool = clients.S3cmd(virtual, tmp_path)
    config = write(tool, "s3cfg", f"""[default]
host_base = {DOMAIN}
host_bucket = %(bucket)s.{DOMAIN}
use_https = False
proxy_host = 127.0.0.1
proxy_port = {virtual.port}
access_key = {ACCESS}
secret_key = {SECRET}
""")

    def run(what, *a):
        line = {"make": lambda n: ("mb", f"s3://{n}"), "put": lambda p, n: ("put", p, f"s3://{n}/d/k \u00fc"),
                "get": lambda n, p: ("get", "--force", f"s3://{n}/d/k \u00fc", p)}[what](*a)
        tool.run(tool.PROGRAM, "-c", config, "--no-progress", *line)
    first_steps(virtual, tool, run, tmp_path)
