"""The client's half of transport `local`, written from docs/wire/local.md alone: a second implementation.

    with Session(raw) as s:
        w = s.memfd(1 << 20)                       # memory handed over
        token = s.token(w, 0, 4096, "w")           # a window of it
"""
import array
import ctypes
import fcntl
import hmac
import json
import mmap
import os
import socket
import struct
import time

MAGIC = b"PSL1"
HELLO, WELCOME, MEMFD, RANGE, REGISTERED, UNREGISTER, REVOKE, DONE, REFUSED, BYE = range(1, 11)
F_ADD_SEALS, F_SEAL_SHRINK, F_SEAL_GROW = 1033, 2, 4
MFD_CLOEXEC, MFD_ALLOW_SEALING = 1, 2
MADV_POPULATE_WRITE = 23
LIFE_MS = 30000


class Refused(Exception):
    def __init__(self, reason, text):
        super().__init__(f"{reason}: {text}")
        self.reason = reason


class Memory:
    """Memory that was handed over: `map` is ours, `region` is the server's name for it."""

    def __init__(self, mapping, region):
        self.map, self.region = mapping, region

    def fill(self, byte):
        ctypes.memset(address_of(self.map), byte, len(self.map))

    def is_all(self, byte, start, end):
        """True when [start, end) holds nothing but byte."""
        step = 1 << 20
        for at in range(start, end, step):
            n = min(step, end - at)
            if self.map[at:at + n] != bytes([byte]) * n:
                return False
        return True


def address_of(mapping):
    return ctypes.addressof(ctypes.c_char.from_buffer(mapping))


class Session:
    def __init__(self, raw):
        answer = raw.ask("GET", "/-/direct")
        assert answer.status == 200, answer
        told = json.loads(answer.body)
        local = [t for t in told["transports"] if t["name"] == "local"]
        assert len(local) == 1, told
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.settimeout(30)
        self.sock.connect(local[0]["socket"])
        self.sequence = self.nonces = 0
        kind, fields = self.call(HELLO, struct.pack("<I", 1))
        version, self.id, self.key, server_id, self.regions_max, self.bytes_max = struct.unpack("<I16s32s32sIQ", fields)
        assert kind == WELCOME and version == 1 and server_id.decode() == told["server_id"]

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.sock.close()

    def call(self, kind, fields=b"", fds=()):
        """One exchange: (type, fields) of the answer; a refusal is an exception."""
        self.sequence = self.sequence % 65535 + 1
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.sock.sendmsg([struct.pack("<4sHH", MAGIC, kind, self.sequence) + fields], rights)
        answer = self.sock.recv(4096)
        if not answer:
            raise EOFError("the server closed the session")
        magic, kind, sequence = struct.unpack_from("<4sHH", answer)
        fields = answer[8:]
        assert magic == MAGIC and sequence in (self.sequence, 0)
        if kind == REFUSED:
            reason, length = struct.unpack_from("<II", fields)
            assert len(fields) == 8 + length <= 168
            raise Refused(reason, fields[8:].decode())
        return kind, fields

    def registered(self, kind, fields, fds=()):
        kind, fields = self.call(kind, fields, fds)
        assert kind == REGISTERED
        return struct.unpack("<I", fields)[0]

    def memfd(self, size, seal=True, populate=True):
        size = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
        fd = os.memfd_create("penstock-test", MFD_CLOEXEC | MFD_ALLOW_SEALING)
        try:
            os.ftruncate(fd, size)
            mapping = mmap.mmap(fd, size)
            if populate:
                mapping.madvise(MADV_POPULATE_WRITE)
            if seal:
                fcntl.fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK)
            memory = Memory(mapping, self.registered(MEMFD, struct.pack("<QQ", 0, size), [fd]))
            memory.fd = os.dup(fd)
            return memory
        finally:
            os.close(fd)

    def range(self, size, mapping=None):
        """Ordinary memory of this process."""
        mapping = mapping or mmap.mmap(-1, max(size, 1), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        return Memory(mapping, self.registered(RANGE, struct.pack("<QQ", address_of(mapping), size)))

    def memory(self, kind, size):
        return self.memfd(size) if kind == "memfd" else self.range(size)

    def unregister(self, memory):
        assert self.call(UNREGISTER, struct.pack("<I", memory.region))[0] == DONE

    def revoke(self, nonce, expiry):
        assert self.call(REVOKE, struct.pack("<QQ", nonce, expiry))[0] == DONE

    def token(self, memory, offset, length, direction, life_ms=LIFE_MS, region=None, session=None, key=None,
              expiry=None):
        self.nonces += 1
        self.nonce = int.from_bytes(os.urandom(8), "little")
        self.expiry = expiry if expiry is not None else int(time.time() * 1000) + life_ms
        text = "local1:%s:%08x:%016x:%016x:%s:%012x:%016x:" % (
            (session or self.id).hex(), memory.region if region is None else region, offset, length, direction,
            self.expiry, self.nonce)
        assert len(text) == 115
        return text + hmac.new(key or self.key, text.encode(), "sha256").hexdigest()[:32]
