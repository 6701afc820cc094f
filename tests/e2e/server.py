"""Starts and stops a real server for the tests: loopback, a free port, stopped by pid."""
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("PENSTOCK_BUILD", os.path.join(ROOT, "build"))
PENSTOCK = os.path.join(BUILD, "cli", "penstock")
if not os.path.exists(PENSTOCK):
    PENSTOCK = os.path.join(BUILD, "penstock")
ACCESS, SECRET = "penstock-test", "penstock-test-secret-key"


class Server:
    """One `penstock serve`. `options` are added to the command line; `directory` is kept when given."""

    def __init__(self, *options, directory=None, tls=False, env=None, engine=None, preexec=None):
        self._temporary = None
        if directory is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="penstock-test-")
            directory = os.path.join(self._temporary.name, "store")
        self.directory = directory
        self.options = list(options)
        self.tls = tls
        self.preexec = preexec
        self.env = dict(os.environ, PENSTOCK_ROOT_USER=ACCESS, PENSTOCK_ROOT_PASSWORD=SECRET)
        for name, value in (env or {}).items():  # None: without it
            self.env.pop(name, None)
            if value is not None:
                self.env[name] = value
        self.engine = engine or os.environ.get("PENSTOCK_TEST_ENGINE", "drives")
        if self.engine == "memory":  # drives makes its folder, memory only puts a socket there
            os.makedirs(directory, exist_ok=True)
        self.log = []
        self.process = None
        self.start()

    def start(self):
        command = [PENSTOCK, "serve", "--listen", "127.0.0.1:0", "--arena", "128M",
                   "--engine", self.engine, *self.options]
        if self.tls:
            self.cert, self.key = certificate(os.path.dirname(self.directory))
            command += ["--tls-cert", self.cert, "--tls-key", self.key]
        self.process = subprocess.Popen(command + [self.directory], env=self.env, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        preexec_fn=self.preexec)
        self._ready = threading.Event()
        self.endpoint = None
        self._reader = threading.Thread(target=self._read, args=(self.process, self._ready), daemon=True)
        self._reader.start()
        if not self._ready.wait(30) or self.endpoint is None:
            self.kill()
            raise RuntimeError("the server did not start:\n" + "".join(self.log))
        return self

    def _read(self, process, ready):
        for line in process.stdout:
            self.log.append(line)
            found = re.search(r"listening on (https?://\S+)", line)
            if found and self.endpoint is None:
                self.endpoint = found.group(1)
            if "direct:" in line:
                ready.set()
        ready.set()
        process.stdout.close()

    @property
    def port(self):
        return int(self.endpoint.rsplit(":", 1)[1])

    @property
    def pid(self):
        return self.process.pid

    def metrics(self):
        """{'name{labels}': value} of /-/metrics, plain HTTP only."""
        text = urllib.request.urlopen(self.endpoint + "/-/metrics", timeout=10).read().decode()
        out = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                out[name] = float(value)
        return out

    def cpu_seconds(self):
        with open(f"/proc/{self.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_bytes(self):
        with open(f"/proc/{self.pid}/statm") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self._reader.join(5)

    def stop(self):
        """SIGTERM; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.kill()
                raise RuntimeError("the server did not stop:\n" + "".join(self.log[-50:]))
        self._reader.join(5)
        return self.process.returncode

    def close(self):
        status = self.stop()
        if self._temporary:
            self._temporary.cleanup()
        return status

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def certificate(directory):
    """A self-signed certificate for 127.0.0.1 and localhost: (cert path, key path)."""
    os.makedirs(directory, exist_ok=True)
    cert, key = os.path.join(directory, "cert.pem"), os.path.join(directory, "key.pem")
    if not os.path.exists(cert):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                        "-nodes", "-keyout", key, "-out", cert, "-days", "30", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return cert, key


def wait_for(condition, seconds=10):
    end = time.time() + seconds
    while time.time() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False
