"""One keep-alive connection that asks and answers, with as little in between as possible."""

import json
import socket


class Gone(Exception):
    """The service closed the connection, or is not there."""


class Line:
    """A connection to `("host", port)` or to the path of a Unix socket, made when it is needed."""

    def __init__(self, address, timeout: float = 20):
        self.address = address
        self.timeout = timeout
        self.socket: socket.socket | None = None
        self.buffer = b""

    def close(self) -> None:
        if self.socket:
            self.socket.close()
        self.socket, self.buffer = None, b""

    def ask(self, method: str, path: str, body: bytes = b"", **fields: str) -> tuple[int, dict[str, str], bytes]:
        """Status, header fields with lower-case names, content."""
        self.send(self.octets(method, path, body, **fields))
        return self.take()

    def post(self, path: str, **members) -> tuple[int, dict[str, str], bytes]:
        return self.ask("POST", path, json.dumps(members).encode(), Content_Type="application/json")

    def revoke(self, token: str) -> tuple[int, dict[str, str], bytes]:
        form = f"token={token}".encode()
        return self.ask("POST", "/revoke", form, Content_Type="application/x-www-form-urlencoded")

    @staticmethod
    def octets(method: str, path: str, body: bytes = b"", **fields: str) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", "Host: martlet.test", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    def send(self, octets: bytes) -> None:
        try:
            if not self.socket:
                self.socket = self._connect()
            self.socket.sendall(octets)
        except OSError as error:
            self.close()
            raise Gone from error

    def take(self) -> tuple[int, dict[str, str], bytes]:
        try:
            head = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
            fields = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
            count = int(fields.get("content-length", 0))
            while len(self.buffer) < count:
                self._fill()
        except OSError as error:
            self.close()
            raise Gone from error
        body, self.buffer = self.buffer[:count], self.buffer[count:]
        return int(head[0].split(" ", 2)[1]), fields, body

    def verify_all(self, tokens: list[str], depth: int = 32) -> list[int]:
        """The status with which each token is verified, `depth` of them under way at once."""
        statuses = []
        for start in range(0, len(tokens), depth):
            part = tokens[start : start + depth]
            bodies = [json.dumps({"token": token}).encode() for token in part]
            self.send(b"".join(self.octets("POST", "/verify", b, Content_Type="application/json") for b in bodies))
            statuses += [self.take()[0] for _ in part]
        return statuses

    def _connect(self) -> socket.socket:
        if isinstance(self.address, str):
            made = socket.socket(socket.AF_UNIX)
            made.settimeout(self.timeout)
            made.connect(self.address)
            return made
        made = socket.create_connection(self.address, self.timeout)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def _fill(self) -> None:
        if not self.socket:
            raise Gone
        octets = self.socket.recv(1 << 16)
        if not octets:
            self.close()
            raise Gone
        self.buffer += octets

    def _until(self, mark: bytes) -> bytes:
        while mark not in self.buffer:
            self._fill()
        found, self.buffer = self.buffer.split(mark, 1)
        return found
