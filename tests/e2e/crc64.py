"""CRC-64/NVME from its definition: slow, and nobody else's code."""
import base64

_TABLE = []
for _i in range(256):
    _r = _i
    for _ in range(8):
        _r = (_r >> 1) ^ (0x9A6C9329AC4BC9B5 if _r & 1 else 0)
    _TABLE.append(_r)


def crc64(data):
    r, table = 0xFFFFFFFFFFFFFFFF, _TABLE
    for b in data:
        r = (r >> 8) ^ table[(r ^ b) & 255]
    return r ^ 0xFFFFFFFFFFFFFFFF


def crc64_text(data):
    return base64.b64encode(crc64(data).to_bytes(8, "big")).decode()


assert crc64(b"123456789") == 0xAE8B14860A799888
