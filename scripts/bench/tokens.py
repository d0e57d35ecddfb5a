"""Tokens in bulk: a token that the service issued, signed again with another identifier by the same key."""

import base64
import hashlib
import hmac
import json
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

# DigestInfo of SHA-256, RFC 8017 section 9.2.
SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")


def encoded(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=")


def decoded(text):
    return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))


def keys(folder):
    """The private JWKs of a keys folder by their kid."""
    found = {}
    for path in Path(folder).iterdir():
        try:
            key = json.loads(path.read_text())
        except ValueError:
            continue
        if isinstance(key, dict) and "kty" in key:
            found[key["kid"]] = key
    return found


def signer(key):
    """A function from the signing input to the signature."""
    if key["kty"] == "oct":
        secret = decoded(key["k"].encode())
        return lambda message: hmac.digest(secret, message, "sha256")
    n, p, q, dp, dq, qi = (int.from_bytes(decoded(key[name].encode()), "big") for name in "n p q dp dq qi".split())
    size = (n.bit_length() + 7) // 8

    def sign(message):
        info = SHA256_INFO + hashlib.sha256(message).digest()
        block = int.from_bytes(b"\x00\x01" + b"\xff" * (size - 3 - len(info)) + b"\x00" + info, "big")
        first, second = pow(block, dp, p), pow(block, dq, q)
        return (second + (qi * (first - second) % p) * q).to_bytes(size, "big")

    return sign


def identifier(like):
    """A UUID that shares the leading time and the version with another: only its last 62 bits are new."""
    tail = (int.from_bytes(os.urandom(8), "big") >> 2) | (1 << 63)
    digits = f"{tail:016x}"
    return like[:19] + digits[:4].encode() + b"-" + digits[4:].encode()


def copies(token, member, ring, count):
    """`count` tokens like `token`, each with its own `jti` or `sid`."""
    header, payload, _ = token.split(b".")
    sign = signer(ring[json.loads(decoded(header))["kid"]])
    body = decoded(payload)
    old = json.loads(body)[member].encode()
    assert body.count(old) == 1
    before, after = body.split(old)
    made = []
    for _ in range(count):
        message = header + b"." + encoded(before + identifier(old) + after)
        made.append(message + b"." + encoded(sign(message)))
    return made


def mint(path, token, member, ring, count):
    """Writes `count` copies to a file, one a line, on as many cores as there are."""
    workers = os.cpu_count() or 1
    share = -(-count // workers)
    with ProcessPoolExecutor(workers) as pool, open(path, "wb") as file:
        parts = [pool.submit(copies, token, member, ring, share) for _ in range(workers)]
        for part in parts:
            file.write(b"\n".join(part.result()) + b"\n")
    return path


def broken(source, path):
    """The tokens of a file with the first character of each signature changed."""
    with open(source, "rb") as tokens, open(path, "wb") as file:
        for line in tokens:
            message, signature = line.rstrip().rsplit(b".", 1)
            file.write(message + b"." + (b"B" if signature[:1] == b"A" else b"A") + signature[1:] + b"\n")
    return path
