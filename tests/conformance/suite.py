"""What the runner knows of ceph/s3-tests: which tests, which users, which configuration."""
import os
import secrets
import subprocess

FILES = ["s3tests/functional/test_s3.py", "s3tests/functional/test_headers.py"]
MARKS = ("not fails_on_aws and not encryption and not bucket_encryption and not sse_s3 and not lifecycle "
         "and not lifecycle_expiration and not lifecycle_transition and not bucket_logging "
         "and not cloud_transition and not cloud_restore")

# Three accounts, whose names and ids the suite compares with what the server answers.
USERS = {
    "s3 main": {"user_id": "0123456789abcdef" * 4, "display_name": "M. Tester", "email": "tester@penstock.test"},
    "s3 alt": {"user_id": "56789abcdef01234" * 4, "display_name": "john.doe", "email": "john.doe@penstock.test"},
    "s3 tenant": {"user_id": "9876543210fedcba" * 4, "display_name": "testx", "email": "testx@penstock.test"},
}
# Sections the suite reads at import, for tests that are not selected.
UNUSED = {"iam": ("email", "user_id", "access_key", "secret_key", "display_name"),
          "iam root": ("access_key", "secret_key", "user_id", "email"),
          "iam alt root": ("access_key", "secret_key", "user_id", "email")}


def clean_environment():
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}


def commit_of(folder):
    if not os.path.exists(os.path.join(folder, FILES[0])):
        raise SystemExit(f"{folder} is no clone of ceph/s3-tests: run tests/conformance/fetch")
    return subprocess.run(["git", "-C", folder, "rev-parse", "--short=8", "HEAD"], check=True, text=True,
                          capture_output=True).stdout.strip()


def add_users(penstock, server, access, secret):
    """Makes the users by the command line, as anybody would: {section: {name: value}}."""
    users = {}
    for section, user in USERS.items():
        user = dict(user, access_key=secrets.token_hex(10), secret_key=secrets.token_urlsafe(30))
        subprocess.run([penstock, "admin", "--endpoint", server.endpoint, "user", "add", "--id", user["user_id"],
                        "--name", user["display_name"], "--email", user["email"], "--access-key", user["access_key"],
                        "--secret-key", user["secret_key"]], check=True, stdout=subprocess.DEVNULL,
                       env=dict(clean_environment(), AWS_ACCESS_KEY_ID=access, AWS_SECRET_ACCESS_KEY=secret))
        users[section] = user
    return users


def write_conf(path, port, users):
    lines = ["[DEFAULT]", "host = 127.0.0.1", f"port = {port}", "is_secure = False", "ssl_verify = False",
             "[fixtures]", "bucket prefix = s3t-{random}-", "iam name prefix = s3t-", "iam path prefix = /s3t/"]
    for section, user in users.items():
        lines += [f"[{section}]", "api_name = default", *(f"{name} = {value}" for name, value in user.items())]
    lines += ["tenant = testx"]  # the last section is that of the tenant
    for section, names in UNUSED.items():
        lines += [f"[{section}]", *(f"{name} = unused" for name in names)]
    with open(path, "w") as f:
        f.write("\n".join(lines) + "\n")
    os.chmod(path, 0o600)
