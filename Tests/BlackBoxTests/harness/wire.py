"""A raw connection, for what no well-behaved HTTP client would send."""

import socket
import ssl
from dataclasses import dataclass

from .observed import code_of, note

# What a write or a read meets when the peer has closed, plain and over TLS.
RESET = (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError, ssl.SSLZeroReturnError)


@dataclass
class Answer:
    """One HTTP answer as it came over the wire."""

    status: int
    reason: str
    fields: list[tuple[str, str]]
    body: bytes

    @property
    def headers(self) -> dict[str, str]:
        return dict(self.fields)

    @property
    def code(self) -> str:
        return code_of(self.headers, self.body)

    def __getitem__(self, name: str) -> str:
        return self.headers[name]


class Closed(Exception):
    """The peer closed the connection before a whole answer had come."""


class Wire:
    """One connection to a listener: `("host", port)` or the path of a Unix socket."""

    def __init__(self, address, timeout: float = 8, listener: str = "service"):
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(address)
        else:
            self.socket = socket.create_connection(address, timeout)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.listener = listener
        self.buffer = b""
        self.asked: list[tuple[str, str]] = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self) -> None:
        self.socket.close()

    def send(self, octets: bytes) -> None:
        """Sends octets as they are; the peer may already have refused and closed."""
        first = octets.split(b"\r\n", 1)[0].split(b" ")
        if len(first) == 3 and first[2].startswith(b"HTTP/"):
            self.asked.append((first[0].decode("latin-1"), first[1].decode("latin-1")))
        try:
            self.socket.sendall(octets)
        except RESET:
            pass

    def answer(self, to_head: bool = False) -> Answer:
        """Reads one answer, or raises `Closed`."""
        head = self._until(b"\r\n\r\n").decode("latin-1")
        lines = head.split("\r\n")
        version, status, reason = lines[0].split(" ", 2)
        assert version == "HTTP/1.1"
        fields = []
        for line in lines[1:]:
            name, value = line.split(":", 1)
            fields.append((name.lower(), value.strip()))
        answer = Answer(int(status), reason, fields, b"")
        has_no_body = to_head or answer.status in (204, 304) or answer.status < 200
        if not has_no_body:
            answer.body = self._exactly(int(answer["content-length"]))
        if answer.status >= 200:
            method, target = self.asked.pop(0) if self.asked else ("", "")
            note(self.listener, method, target, answer.status, answer.headers, answer.body)
        return answer

    def answers(self) -> list[Answer]:
        """Every answer until the peer closes or falls silent."""
        found = []
        while True:
            try:
                found.append(self.answer())
            except (Closed, TimeoutError, *RESET):
                return found

    def is_closed(self, within: float = 5) -> bool:
        """Whether the peer closes without sending anything more."""
        if self.buffer:
            return False
        self.socket.settimeout(within)
        try:
            return self.socket.recv(1) == b""
        except RESET:
            return True
        except TimeoutError:
            return False

    def _fill(self) -> None:
        octets = self.socket.recv(65536)
        if not octets:
            raise Closed(self.buffer)
        self.buffer += octets

    def _until(self, mark: bytes) -> bytes:
        while mark not in self.buffer:
            self._fill()
        found, self.buffer = self.buffer.split(mark, 1)
        return found

    def _exactly(self, count: int) -> bytes:
        while len(self.buffer) < count:
            self._fill()
        found, self.buffer = self.buffer[:count], self.buffer[count:]
        return found


def request(method: str, target: str, body: bytes = b"", host: str = "martlet.test", **fields: str) -> bytes:
    """The octets of a well-formed request; underscores in field names become hyphens."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    if body or method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("utf-8") + b"\r\n\r\n" + body
