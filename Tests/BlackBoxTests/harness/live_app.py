"""An application that answers WebSocket handshakes, streams of events and preflights, and shows what it gets."""

import base64
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accept(key: str) -> str:
    """The Sec-WebSocket-Accept for a Sec-WebSocket-Key (RFC 6455 §4.2.2)."""
    return base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_any(self) -> None:
        self.server.seen.append((self.command, self.path))
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Upgrade", "").lower() == "websocket":
            return self.echo()
        if self.path.startswith("/events"):
            return self.stream()
        if self.command == "OPTIONS":
            return self.reply(204, b"", [("Access-Control-Allow-Origin", "https://other.test")])
        if self.path.startswith("/own-401"):
            return self.reply(401, b"mine", [("WWW-Authenticate", 'Bearer realm="app"')])
        shown = {"method": self.command, "headers": self.headers.items(), "content": content.decode("latin-1")}
        self.reply(200, json.dumps(shown).encode(), [("Content-Type", "application/json")])

    do_GET = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_HEAD = handle_any

    def reply(self, status: int, body: bytes, fields: list[tuple[str, str]]) -> None:
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        if self.command != "OPTIONS" and (origin := self.headers.get("Origin")):
            # Who may ask is the gateway's to decide here.
            self.send_header("Access-Control-Allow-Origin", origin)
            self.send_header("Access-Control-Allow-Credentials", "true")
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def echo(self) -> None:
        """A handshake, and then each byte back."""
        key = self.headers.get("Sec-WebSocket-Key", "")
        self.send_response(101)
        for name, value in (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept(key))):
            self.send_header(name, value)
        self.send_header("X-Seen-User", self.headers.get("X-Auth-User", ""))
        self.end_headers()
        self.close_connection = True
        while content := self.rfile.read1(4096):
            self.wfile.write(content)

    def stream(self) -> None:
        """The first event at once, the second when the test says so."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("X-Accel-Buffering", "no")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        self.wfile.write(f"data: {self.headers.get('X-Auth-User', '')}\n\n".encode())
        self.server.more.wait(20)
        self.wfile.write(b"data: more\n\n")

    def log_message(self, *_) -> None:
        """Stays silent."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_) -> None:
        """A gateway that goes away is no failure."""


class LiveApplication:
    """Serves on a free loopback port. `seen` holds method and path of every request that arrived."""

    def __init__(self):
        self.server = _Server(("127.0.0.1", 0), _Handler)
        self.server.seen, self.server.more = [], threading.Event()
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def seen(self) -> list[tuple[str, str]]:
        return self.server.seen

    @property
    def more(self) -> threading.Event:
        """Lets streams send their second event."""
        return self.server.more

    def close(self) -> None:
        self.more.set()
        self.server.shutdown()
        self.server.server_close()
