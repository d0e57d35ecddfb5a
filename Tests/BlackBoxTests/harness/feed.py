"""A source of revocations that a test scripts: keys, feed and snapshot, as the service sends them or damaged."""

import base64
import hashlib
import json
import struct
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from .tokens import sign

RECORDS = "application/vnd.martlet.records"
SNAPSHOT = "application/vnd.martlet.snapshot"
SUBJECT, CLIENT, KEY, ALL = 1, 2, 3, 4


def crc32c(content: bytes) -> int:
    register = 0xFFFFFFFF
    for byte in content:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


def record(seq: int, kind: int, key: bytes, *, flags=0, value=0, expires=None, reason=2) -> bytes:
    """The 64 bytes of one record."""
    now = int(time.time() * 1000)
    expires = now + 3_600_000 if expires is None else expires
    tail = struct.pack("<BBHQ16sqQqQ", kind, flags, reason, seq, key, expires, value, now, 0)
    return struct.pack("<I", crc32c(tail)) + tail


def name_key(of: int, name: str) -> bytes:
    return hashlib.sha256(bytes([of]) + name.encode()).digest()[:16]


def high(sid: str) -> int:
    """The half of a UUIDv7 that orders sessions."""
    return uuid.UUID(sid).int >> 64


def new_sid(milliseconds: int | None = None) -> str:
    """A UUIDv7."""
    milliseconds = int(time.time() * 1000) if milliseconds is None else milliseconds
    low = uuid.uuid4().int & (1 << 62) - 1
    return str(uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | (uuid.uuid4().int & 0xFFF) << 64 | 2 << 62 | low))


def new_key(kid: str) -> dict:
    """A private JWK."""
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return RSAAlgorithm.to_jwk(made, as_dict=True) | {"kid": kid, "alg": "RS256", "use": "sig"}


def public(jwk: dict) -> dict:
    return {name: value for name, value in jwk.items() if name in ("kty", "n", "e", "kid", "alg", "use")}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer is one segment, and is not kept back until the one before was acknowledged.
    disable_nagle_algorithm = True
    wbufsize = 65_536

    def do_GET(self) -> None:
        source = self.server.source
        target = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(target.query).items()}
        source.asked.append((target.path, query, self.headers.get("Authorization")))
        if fault := source.faults.get(target.path):
            fault(self)
        elif target.path == "/.well-known/jwks.json":
            source.send_keys(self)
        elif target.path == "/revocations/snapshot":
            self.reply(200, source.snapshot(), [("Content-Type", SNAPSHOT)])
        elif target.path == "/revocations":
            source.send_records(self, query)
        else:
            self.reply(404, b"")

    def reply(self, status: int, content: bytes, fields=()) -> None:
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_) -> None:
        """Stays silent."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_) -> None:
        """A client that goes away is no failure."""


class FakeSource:
    """Serves on a free loopback port. `faults` maps a path to a function that answers it instead."""

    key = new_key("key-1")

    def __init__(self, issuer: str = "https://auth.example.com", port: int = 0):
        self.issuer, self.epoch, self.head = issuer, 1, 0
        self.keys = [FakeSource.key]
        self.records: list[tuple[int, bytes]] = []
        self.first = 0  # positions below are no longer in the window
        self.age = "0.000"
        # How long requests waited, as the source says; empty to say nothing.
        self.held = ""
        self.issued_at: int | None = None
        self.faults: dict = {}
        self.asked: list = []
        self.changed = threading.Condition()
        self._serve(port)

    def _serve(self, port: int) -> None:
        self.server = _Server(("127.0.0.1", port), _Handler)
        self.server.source = self
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def count(self, path: str) -> int:
        return sum(1 for asked, *_ in self.asked if asked == path)

    def add(self, kind: int, key: bytes, **members) -> int:
        """Publishes a record and returns its seq."""
        with self.changed:
            self.head += 1
            self.records.append((self.head, record(self.head, kind, key, **members)))
            self.changed.notify_all()
        return self.head

    def revoke_token(self, jti: str, **members) -> int:
        return self.add(1, uuid.UUID(jti).bytes, **members)

    def revoke_session(self, sid: str, **members) -> int:
        return self.add(2, uuid.UUID(sid).bytes, **members)

    def cut(self, of: int, name: str = "", before: str | None = None, spared: str | None = None) -> int:
        """Cuts every session that began before the UUIDv7 `before` (now), except one."""
        value = high(before or new_sid()) & ~0xFFF | 0xFFF if before is None else high(before)
        if spared:
            self.add(4, uuid.UUID(spared).bytes, flags=of << 4 | 1, value=value)
        return self.add(4, name_key(of, name), flags=of << 4 | (8 if spared else 0), value=value)

    def send_keys(self, handler) -> None:
        text = str(sorted(key["kid"] for key in self.keys)).encode()
        tag = f'"{hashlib.sha256(text).hexdigest()[:8]}"'
        if handler.headers.get("If-None-Match") == tag:
            return handler.reply(304, b"", [("ETag", tag)])
        content = json.dumps({"keys": [public(key) for key in self.keys]}).encode()
        handler.reply(200, content, [("Content-Type", "application/json"), ("ETag", tag)])

    def signed(self, content: bytes, **changed) -> bytes:
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        claims = {
            "iss": self.issuer,
            "iat": int(time.time()) if self.issued_at is None else self.issued_at,
            "pos": f"{self.epoch}:{self.head}",
            "count": len(content) // 64,
            "digest": f"sha-256=:{digest}:",
        } | changed
        header = {"alg": "RS256", "typ": "rs+jwt", "kid": self.keys[0]["kid"]}
        return sign(header, claims, self.keys[0]).encode() + b"\n" + content

    def snapshot(self) -> bytes:
        return self.signed(b"".join(content for _, content in self.records))

    def fields(self) -> list[tuple[str, str]]:
        return [
            ("Content-Type", RECORDS),
            ("Revocation-Seq", f"{self.epoch}:{self.head}"),
            ("Revocation-Age", self.age),
            ("Revocation-Issuer", self.issuer),
            ("Cache-Control", "no-store"),
            *([("Revocation-Held", self.held)] if self.held else []),
        ]

    def send_records(self, handler, query: dict) -> None:
        epoch, seq = map(int, query["after"].split(":"))
        if epoch != self.epoch or seq > self.head:
            return handler.reply(409, b'{"code":"sequence_ahead"}', [("Content-Type", "application/problem+json")])
        if seq < self.first:
            return handler.reply(410, b'{"code":"sequence_gone"}', [("Content-Type", "application/problem+json")])
        with self.changed:
            self.changed.wait_for(lambda: self.head > seq, float(query.get("wait", 0)))
            wanted = [content for number, content in self.records if number > seq]
            fields = self.fields() + ([("Revocation-More", "1")] if len(wanted) > 4096 else [])
        handler.reply(200, b"".join(wanted[:4096]), fields)

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def restart(self) -> None:
        self._serve(self.port)

    def token(self, header: dict | None = None, key: dict | None = None, **claims) -> str:
        """An access token as the service signs it. A claim given as None is left out."""
        key = key or self.keys[0]
        now = int(time.time())
        sid = claims.get("sid", new_sid())
        members = {
            "iss": self.issuer, "sub": "11111111-2222-4333-8444-555555555555", "aud": "api",
            "client_id": "first-party", "iat": now, "exp": now + 600, "jti": str(uuid.uuid4()), "sid": sid,
            "scope": "read write",
        } | claims  # fmt: skip
        members = {name: value for name, value in members.items() if value is not None}
        return sign({"alg": key["alg"], "typ": "at+jwt", "kid": key["kid"]} | (header or {}), members, key)
