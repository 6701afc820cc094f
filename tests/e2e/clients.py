"""The programs people use, each behind the same few calls: aws cli, s3cmd, rclone, curl.

Every call is one run of the program as a person would type it; a failure shows what it printed.
"""
import os
import re
import subprocess

from server import ACCESS, SECRET

TIMEOUT = 100


class Client:
    def __init__(self, server, directory):
        self.server, self.directory = server, directory
        self.env = {"PATH": "/usr/bin:/bin", "HOME": str(directory), "LANG": "C.UTF-8", "TZ": "UTC"}

    def run(self, *command, ok=True):
        done = subprocess.run(command, env=self.env, cwd=self.directory, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIMEOUT)
        assert (done.returncode == 0) == ok, \
            f"{' '.join(command)}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        return done.stdout if ok else done.stdout + done.stderr

    def file(self, name):
        return os.path.join(self.directory, name)

    def fetch(self, url):
        """What a browser would do with a presigned URL, by curl: (status, body)."""
        tls = ["--cacert", self.server.cert] if self.server.tls else []
        out = self.run("/usr/bin/curl", "-sS", *tls, "-w", "\n%{http_code}", url)
        body, status = out.rsplit(b"\n", 1)
        return int(status), body


class Aws(Client):
    PROGRAM = "/usr/bin/aws"

    def __init__(self, server, directory):
        super().__init__(server, directory)
        self.env.update(AWS_ACCESS_KEY_ID=ACCESS, AWS_SECRET_ACCESS_KEY=SECRET, AWS_DEFAULT_REGION="us-east-1",
                        AWS_EC2_METADATA_DISABLED="true", AWS_PAGER="")
        if server.tls:
            self.env["AWS_CA_BUNDLE"] = server.cert

    def aws(self, *arguments, ok=True):
        return self.run(self.PROGRAM, "--endpoint-url", self.server.endpoint, *arguments, ok=ok)

    def make_bucket(self, bucket):
        self.aws("s3", "mb", f"s3://{bucket}")

    def put(self, path, bucket, key):
        self.aws("s3", "cp", "--no-progress", path, f"s3://{bucket}/{key}")

    put_multipart = put  # from 8 MiB on, by itself

    def get(self, bucket, key, path):
        self.aws("s3", "cp", "--no-progress", f"s3://{bucket}/{key}", path)

    def get_range(self, bucket, key, start, count):
        self.aws("s3api", "get-object", "--bucket", bucket, "--key", key, "--range",
                 f"bytes={start}-{start + count - 1}", self.file("range"))
        with open(self.file("range"), "rb") as f:
            return f.read()

    def list(self, bucket):
        """{key: size}"""
        out = self.aws("s3", "ls", "--recursive", f"s3://{bucket}").decode()
        return {line[31:]: int(line[20:31]) for line in out.splitlines()}

    def buckets(self):
        return [line.split()[-1] for line in self.aws("s3", "ls").decode().splitlines()]

    def copy(self, bucket, key, to):
        self.aws("s3", "cp", f"s3://{bucket}/{key}", f"s3://{bucket}/{to}")

    def delete(self, bucket, key):
        self.aws("s3", "rm", f"s3://{bucket}/{key}")

    def delete_all(self, bucket):
        self.aws("s3", "rm", "--recursive", f"s3://{bucket}")

    def remove_bucket(self, bucket):
        self.aws("s3", "rb", f"s3://{bucket}")

    def sync(self, directory, bucket):
        self.aws("s3", "sync", "--no-progress", directory, f"s3://{bucket}/synced")

    def presign(self, bucket, key):
        return self.aws("s3", "presign", "--expires-in", "60", f"s3://{bucket}/{key}").decode().strip()

    def refused(self, bucket, key):
        return self.aws("s3api", "head-object", "--bucket", bucket, "--key", key, ok=False)


class S3cmd(Client):
    PROGRAM = "/usr/bin/s3cmd"

    def s3cmd(self, *arguments, ok=True):
        host = f"127.0.0.1:{self.server.port}"
        tls = ["--ssl", "--ca-certs", self.server.cert] if self.server.tls else ["--no-ssl"]
        return self.run(self.PROGRAM, "-c", "/dev/null", "--host", host, "--host-bucket", host, *tls,
                        "--access_key", ACCESS, "--secret_key", SECRET, "--region", "us-east-1", "--no-progress",
                        *arguments, ok=ok)

    def make_bucket(self, bucket):
        self.s3cmd("mb", f"s3://{bucket}")

    def put(self, path, bucket, key):
        self.s3cmd("put", "--disable-multipart", path, f"s3://{bucket}/{key}")

    def put_multipart(self, path, bucket, key):
        self.s3cmd("put", "--multipart-chunk-size-mb", "10", path, f"s3://{bucket}/{key}")

    def get(self, bucket, key, path):
        self.s3cmd("get", "--force", f"s3://{bucket}/{key}", path)

    def get_range(self, bucket, key, start, count):
        """It has ranges only to go on with a file that is there in part."""
        path = self.file("range")
        with open(path, "wb") as f:
            f.write(b"\0" * start)
        self.s3cmd("get", "--continue", f"s3://{bucket}/{key}", path)
        with open(path, "rb") as f:
            data = f.read()
        assert data[:start] == b"\0" * start
        return data[start:start + count]

    def list(self, bucket):
        out = self.s3cmd("ls", "--recursive", f"s3://{bucket}").decode()
        rows = [re.fullmatch(r"\S+ \S+ +(\d+)  s3://[^/]+/(.*)", line) for line in out.splitlines()]
        return {m[2]: int(m[1]) for m in rows}

    def buckets(self):
        return [line.split("s3://")[-1] for line in self.s3cmd("ls").decode().splitlines()]

    def copy(self, bucket, key, to):
        self.s3cmd("cp", f"s3://{bucket}/{key}", f"s3://{bucket}/{to}")

    def delete(self, bucket, key):
        self.s3cmd("del", f"s3://{bucket}/{key}")

    def delete_all(self, bucket):
        self.s3cmd("del", "--recursive", "--force", f"s3://{bucket}")

    def remove_bucket(self, bucket):
        self.s3cmd("rb", f"s3://{bucket}")

    def sync(self, directory, bucket):
        self.s3cmd("sync", directory + "/", f"s3://{bucket}/synced/")

    def presign(self, bucket, key):
        url = self.s3cmd("signurl", f"s3://{bucket}/{key}", "+60").decode().strip()
        return url.replace("http:", self.server.endpoint.split("/")[0], 1)

    def refused(self, bucket, key):
        return self.s3cmd("get", f"s3://{bucket}/{key}", self.file("refused"), ok=False)


class Rclone(Client):
    PROGRAM = "/usr/bin/rclone"

    def __init__(self, server, directory):
        super().__init__(server, directory)
        self.env.update(RCLONE_CONFIG="/dev/null", RCLONE_CONFIG_P_TYPE="s3", RCLONE_CONFIG_P_PROVIDER="Other",
                        RCLONE_CONFIG_P_ENDPOINT=server.endpoint, RCLONE_CONFIG_P_ACCESS_KEY_ID=ACCESS,
                        RCLONE_CONFIG_P_SECRET_ACCESS_KEY=SECRET, RCLONE_CONFIG_P_REGION="us-east-1")
        if server.tls:
            self.env["RCLONE_CA_CERT"] = server.cert

    def rclone(self, *arguments, ok=True):
        return self.run(self.PROGRAM, "--retries", "1", "--low-level-retries", "1", *arguments, ok=ok)

    def make_bucket(self, bucket):
        self.rclone("mkdir", f"p:{bucket}")

    def put(self, path, bucket, key):
        self.rclone("copyto", path, f"p:{bucket}/{key}")

    def put_multipart(self, path, bucket, key):
        self.rclone("copyto", "--s3-chunk-size", "8M", "--s3-upload-cutoff", "8M", path, f"p:{bucket}/{key}")

    def get(self, bucket, key, path):
        self.rclone("copyto", f"p:{bucket}/{key}", path)

    def get_range(self, bucket, key, start, count):
        return self.rclone("cat", "--offset", str(start), "--count", str(count), f"p:{bucket}/{key}")

    def list(self, bucket):
        out = self.rclone("lsf", "-R", "--files-only", "--format", "sp", "--separator", "\t", f"p:{bucket}").decode()
        return {line.split("\t")[1]: int(line.split("\t")[0]) for line in out.splitlines()}

    def buckets(self):
        return [line.rstrip("/") for line in self.rclone("lsf", "p:").decode().splitlines()]

    def copy(self, bucket, key, to):
        self.rclone("copyto", f"p:{bucket}/{key}", f"p:{bucket}/{to}")

    def delete(self, bucket, key):
        self.rclone("deletefile", f"p:{bucket}/{key}")

    def delete_all(self, bucket):
        self.rclone("delete", f"p:{bucket}")

    def remove_bucket(self, bucket):
        self.rclone("rmdir", f"p:{bucket}")

    def sync(self, directory, bucket):
        self.rclone("sync", directory, f"p:{bucket}/synced")

    def presign(self, bucket, key):
        return self.rclone("link", "--expire", "60s", f"p:{bucket}/{key}").decode().strip()

    def refused(self, bucket, key):
        # For `cat` a name that is no object is a folder, and an empty one.
        return self.rclone("deletefile", f"p:{bucket}/{key}", ok=False)


class Curl(Client):
    """curl --aws-sigv4; queries must come sorted and encoded, curl 7.88 signs them as they stand."""
    PROGRAM = "/usr/bin/curl"
    # Without it curl 7.88 signs the hash of nothing and then sends a file.
    UNSIGNED = ("-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD")

    def curl(self, target, *arguments):
        tls = ["--cacert", self.server.cert] if self.server.tls else []
        return self.run(self.PROGRAM, "-sS", "--fail-with-body", "--path-as-is", *tls, "--aws-sigv4",
                        "aws:amz:us-east-1:s3", "--user", f"{ACCESS}:{SECRET}", *arguments,
                        self.server.endpoint + target)

    def make_bucket(self, bucket):
        self.curl(f"/{bucket}", "-X", "PUT")

    def put(self, path, bucket, key):
        self.curl(f"/{bucket}/{key}", "-T", path, *self.UNSIGNED)

    def put_multipart(self, path, bucket, key):
        """By hand: create, two parts, complete."""
        out = self.curl(f"/{bucket}/{key}?uploads=", "-X", "POST").decode()
        upload = re.search("<UploadId>(.*?)</UploadId>", out)[1]
        half, etags = os.path.getsize(path) // 2, []
        with open(path, "rb") as f:
            halves = [f.read(half), f.read()]
        for n, data in enumerate(halves, 1):
            with open(self.file("part"), "wb") as f:
                f.write(data)
            out = self.curl(f"/{bucket}/{key}?partNumber={n}&uploadId={upload}", "-T", self.file("part"),
                            *self.UNSIGNED, "-D", "-", "-o", "/dev/null").decode()
            etags.append(re.search('(?i)etag: "(.*?)"', out)[1])
        parts = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{e}</ETag></Part>" for n, e in enumerate(etags, 1))
        out = self.curl(
    f"/{bucket}/{key}?uploadId={upload}",
    *self.UNSIGNED,
    "-H",
    "Content-Type: application/xml",
    "--data-binary",
     f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>")
        assert b"-2&quot;" in out, out

    def get(self, bucket, key, path):
        self.curl(f"/{bucket}/{key}", "-o", path)

    def get_range(self, bucket, key, start, count):
        return self.curl(f"/{bucket}/{key}", "-r", f"{start}-{start + count - 1}")

    def list(self, bucket):
        out = self.curl(f"/{bucket}?list-type=2").decode()
        return {k: int(s) for k, s in re.findall("<Key>(.*?)</Key>.*?<Size>(.*?)</Size>", out, re.S)}

    def buckets(self):
        return re.findall("<Name>(.*?)</Name>", self.curl("/").decode())

    def copy(self, bucket, key, to):
        assert b"CopyObjectResult" in self.curl(
    f"/{bucket}/{to}", "-X", "PUT", "-H", f"x-amz-copy-source: /{bucket}/{key}")

    def delete(self, bucket, key):
        self.curl(f"/{bucket}/{key}", "-X", "DELETE")

    def delete_all(self, bucket):
        for key in self.list(bucket):
            self.delete(bucket, key)

    def remove_bucket(self, bucket):
        self.curl(f"/{bucket}", "-X", "DELETE")

    def sync(self, directory, bucket):
        for name in os.listdir(directory):
            self.curl(f"/{bucket}/synced/{name}", "-T", os.path.join(directory, name), *self.UNSIGNED)

    def presign(self, bucket, key):
        import conftest
        return conftest.client(self.server).generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key},
                                                                   ExpiresIn=60)

    def refused(self, bucket, key):
        tls = ["--cacert", self.server.cert] if self.server.tls else []
        return self.run(self.PROGRAM, "-sS", "--fail-with-body", *tls, "--aws-sigv4", "aws:amz:us-east-1:s3", "--user",
                        f"{ACCESS}:{SECRET}", f"{self.server.endpoint}/{bucket}/{key}", ok=False)


ALL = {"aws": Aws, "s3cmd": S3cmd, "rclone": Rclone, "curl": Curl}
