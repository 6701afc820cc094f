"""Users for tests: made by `penstock admin`, used by boto3.

    alice = make_user(server, id="alice", name="Alice")         # an account of its own
    bob = make_user(server, name="Bob", policy="readwrite")      # one of root's people
    alice.s3.create_bucket(Bucket="b")
    admin(server, "policy", "attach", "readonly", "--user", "Bob")
"""
import json
import os
import secrets
import subprocess

import boto3
from botocore.config import Config

from server import ACCESS, PENSTOCK, SECRET


class AdminError(Exception):
    """penstock admin has failed; status is its exit status."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


def admin(server, *arguments, access=ACCESS, secret=SECRET, stdin=None, env=None):
    """What `penstock admin ... --json` prints: a list of objects. By root, unless told otherwise."""
    env = dict(os.environ, AWS_ACCESS_KEY_ID=access, AWS_SECRET_ACCESS_KEY=secret, **(env or {}))
    if server.tls:
        env["AWS_CA_BUNDLE"] = server.cert
    done = subprocess.run([PENSTOCK, "admin", "--endpoint", server.endpoint, "--json", *arguments],
                          env=env, input=stdin, text=True, capture_output=True, timeout=60)
    if done.returncode:
        raise AdminError(done.returncode, done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


class User:
    def __init__(self, server, name, id, email, access, secret):
        self.server, self.name, self.id, self.email = server, name, id, email
        self.access, self.secret = access, secret
        self.s3 = self.client()

    def client(self, **config):
        """A boto3 client of this user; config goes to botocore's Config."""
        config.setdefault("retries", {"max_attempts": 0})
        config.setdefault("s3", {"addressing_style": "path"})
        config.setdefault("signature_version", "s3v4")
        return boto3.client("s3", endpoint_url=self.server.endpoint, aws_access_key_id=self.access,
                            aws_secret_access_key=self.secret, region_name="us-east-1",
                            verify=self.server.cert if self.server.tls else None, config=Config(**config))


def make_user(server, name=None, id=None, email=None, policy=None, access=None, secret=None):
    """A user, made anew. id: an account of its own; without: one of root's people."""
    name = name or "user-" + secrets.token_hex(6)
    access = access or "AK" + secrets.token_hex(9).upper()
    secret = secret or secrets.token_hex(20)
    more = []
    for option, value in (("--id", id), ("--email", email), ("--policy", policy)):
        if value:
            more += [option, value]
    admin(server, "user", "add", "--name", name, "--access-key", access, "--secret-key", secret, *more)
    return User(server, name, id, email, access, secret)
