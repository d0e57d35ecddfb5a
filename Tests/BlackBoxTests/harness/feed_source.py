"""A source of revocations that does what a test tells it to, and followers of it.

It has the keys of a real server, so that the tokens of that server and its snapshots are valid for a follower.
"""

import base64
import hashlib
import json
import struct
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from .server import Server
from .tokens import sign

RECORDS = "application/vnd.martlet.records"
KINDS = {"token": 1, "session": 2, "cut": 4}
OF = {"subject": 1, "client": 2, "key": 3, "all": 4}


def crc32c(data: bytes) -> int:
    remainder = 0xFFFFFFFF
    for byte in data:
        remainder ^= byte
        for _ in range(8):
            remainder = remainder >> 1 ^ (0x82F63B78 if remainder & 1 else 0)
    return remainder ^ 0xFFFFFFFF


def record(kind: int, seq: int, key: bytes, expires: int, value: int = 0, flags: int = 0, reason: int = 2) -> bytes:
    """The 64 bytes of one record."""
    now = int(time.time() * 1_000)
    body = struct.pack("<BBHQ16sqQqQ", kind, flags, reason, seq, key, expires, value, now, 0)
    return struct.pack("<I", crc32c(body)) + body


def in_a_month() -> int:
    return int((time.time() + 30 * 86_400) * 1_000)


class FeedSource:
    """`GET /revocations`, its snapshot, and the keys of `home`. Each endpoint can be replaced in `faults`."""

    def __init__(self, home: Server, epoch: int = 1, head: int = 10, port: int = 0):
        self.home, self.issuer = home, home.settings["issuer"]
        self.epoch, self.head, self.window = epoch, head, head
        self.records: dict[int, bytes] = {}
        self.age = 0.0
        self.asked: list[str] = []
        # What answers in place of the endpoint whose path is the name: it gets the handler.
        self.faults: dict[str, object] = {}
        self.changed = threading.Condition()
        self.keys = [{"kid": key["kid"], "alg": key["alg"]} | public(key) for key in home.keys.jwks if "n" in key]
        self.signer = home.keys.find("RS256")
        source = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 65_536

            def do_GET(self):
                source.answer(self)
                self.wfile.flush()

            def log_message(self, *_):
                pass

        class Listener(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, *_):
                pass

        self.server = Listener(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()
        self.connections: list = []

    def close(self) -> None:
        """Stops answering; connections that are open are cut."""
        self.server.shutdown()
        self.server.server_close()
        for connection in self.connections:
            try:
                connection.shutdown(2)
            except OSError:
                pass

    # What the source knows

    def add(self, make) -> int:
        """Adds the record that `make` returns for its sequence number."""
        with self.changed:
            self.head += 1
            self.records[self.head] = make(self.head)
            self.changed.notify_all()
            return self.head

    def revoke_session(self, sid: str, reason: int = 1) -> int:
        key = uuid.UUID(sid).bytes
        return self.add(lambda seq: record(KINDS["session"], seq, key, in_a_month(), reason=reason))

    def revoke_token(self, jti: str, exp: int) -> int:
        key = uuid.UUID(jti).bytes
        return self.add(lambda seq: record(KINDS["token"], seq, key, exp * 1_000))

    def cut(self, of: str, name: str) -> int:
        key = hashlib.sha256(bytes([OF[of]]) + name.encode()).digest()[:16]
        before = int(time.time() * 1_000) << 16 | 0x7FFF
        return self.add(lambda seq: record(KINDS["cut"], seq, key, in_a_month(), before, OF[of] << 4, 5))

    # Answers

    def answer(self, handler) -> None:
        url = urlsplit(handler.path)
        self.connections.append(handler.connection)
        self.asked.append(handler.path)
        if fault := self.faults.get(url.path):
            return fault(handler)
        match url.path:
            case "/revocations":
                self.feed(handler, parse_qs(url.query))
            case "/revocations/snapshot":
                self.send(handler, 200, self.snapshot(), "application/vnd.martlet.snapshot")
            case "/.well-known/jwks.json":
                self.send(handler, 200, json.dumps({"keys": self.keys}).encode(), "application/json")
            case _:
                self.problem(handler, 404, "not_found")

    def feed(self, handler, query: dict) -> None:
        epoch, after = map(int, query["after"][0].split(":"))
        wait = float(query.get("wait", ["0"])[0])
        with self.changed:
            if epoch != self.epoch:
                return self.problem(handler, 409, "sequence_unknown")
            if after > self.head:
                return self.problem(handler, 409, "sequence_ahead")
            if after < self.window:
                return self.problem(handler, 410, "sequence_gone")
            self.changed.wait_for(lambda: any(seq > after for seq in self.records), wait)
            found = [self.records[seq] for seq in sorted(self.records) if seq > after]
            fields = self.fields()
        more = {"Revocation-More": "1"} if len(found) > 4_096 else {}
        self.send(handler, 200, b"".join(found[:4_096]), RECORDS, fields | more)

    def fields(self) -> dict:
        return {
            "Revocation-Seq": f"{self.epoch}:{self.head}",
            "Revocation-Age": f"{self.age:.3f}",
            "Revocation-Issuer": self.issuer,
            "Cache-Control": "no-store",
        }

    def snapshot(self, **changes) -> bytes:
        with self.changed:
            body = b"".join(self.records[seq] for seq in sorted(self.records))
            digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
            claims = {
                "iss": self.issuer,
                "iat": int(time.time()),
                "pos": f"{self.epoch}:{self.head}",
                "count": len(body) // 64,
                "digest": f"sha-256=:{digest}:",
            } | changes
        header = {"alg": "RS256", "typ": "rs+jwt", "kid": self.signer["kid"]}
        return sign(header, claims, self.signer).encode() + b"\n" + body

    @staticmethod
    def send(handler, status: int, body: bytes, kind: str, fields: dict | None = None) -> None:
        handler.send_response(status)
        for name, value in ({"Content-Type": kind, "Content-Length": str(len(body))} | (fields or {})).items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    def problem(self, handler, status: int, code: str) -> None:
        body = json.dumps({"code": code, "status": status}).encode()
        self.send(handler, status, body, "application/problem+json", self.fields())


def public(key: dict) -> dict:
    return {name: key[name] for name in ("kty", "n", "e", "crv", "x", "y") if name in key}


def follower(make_server, *urls: str, issuer: str, start: bool = True, **settings) -> Server:
    """A server that follows; it has neither users nor keys."""
    server = make_server(people=(), follow=",".join(urls), issuer=issuer, **({"hs256_audiences": ""} | settings))
    if start:
        server.run_once()
    return server


def age_of(answer) -> float:
    return float(answer.headers["revocation-age"])
