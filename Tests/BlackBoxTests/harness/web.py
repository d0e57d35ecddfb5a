"""Servers of other people: one that answers as told, over http or https, and one that sends any octets."""

import socket
import ssl
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Page:
    """What a path answers with."""

    body: bytes = b""
    status: int = 200
    fields: dict = field(default_factory=dict)


class Web:
    """A server on a free loopback port. `pages` may be changed at any time; what was asked stands in `asked`."""

    def __init__(self, pair: tuple[Path, Path] | None = None, host: str = "127.0.0.1"):
        self.pages: dict[str, Page] = {}
        self.asked: list[tuple[str, str, dict, bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                fields = {name.lower(): value for name, value in self.headers.items()}
                outer.asked.append((self.command, self.path, fields, content))
                page = outer.pages.get(self.path, Page(b"none", 404))
                tag = page.fields.get("ETag")
                status, body = page.status, page.body
                if tag and status == 200 and self.headers.get("If-None-Match") == tag:
                    status, body = 304, b""
                self.send_response(status)
                for name, value in page.fields.items():
                    self.send_header(name, value)
                if status != 304:
                    self.send_header("Content-Length", str(len(body)))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(body)
                self.close_connection = True

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True
            address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

            def handle_error(self, *_):
                pass

        self.server = Quiet((host, 0), Handler)
        if pair:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*pair)
            self.server.socket = context.wrap_socket(
                self.server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self.server.server_address[1]
        self.scheme = "https" if pair else "http"
        self.url = f"{self.scheme}://{f'[{host}]' if ':' in host else host}:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    @property
    def paths(self) -> list[str]:
        return [path for _, path, _, _ in self.asked]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Raw:
    """Takes each connection, reads a request's head, and sends `octets`, in pieces with a pause between them."""

    def __init__(self, octets: bytes, piece: int = 65_536, pause: float = 0.0, holds: bool = False):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.octets, self.piece, self.pause, self.holds = octets, piece, pause, holds
        self.over = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while not self.over.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.recv(65_536)
                    for start in range(0, len(self.octets), self.piece):
                        connection.sendall(self.octets[start : start + self.piece])
                        if self.pause and self.over.wait(self.pause):
                            break
                    if self.holds:
                        self.over.wait(30)
                except OSError:
                    pass

    def close(self) -> None:
        self.over.set()
        self.listener.close()
