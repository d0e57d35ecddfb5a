"""The protocol of Redis, version 2, as a client of tests speaks it: one connection, questions and answers in order."""

import socket


class RespError(Exception):
    """An error that the server answered, as `NOAUTH Authentication required.`"""


def encode(*words: object) -> bytes:
    """One command."""
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)


class Resp:
    """A connection to `("host", port)`, or over a socket that is connected already."""

    def __init__(self, address: tuple[str, int] | None, timeout: float = 5, wrapped: socket.socket | None = None):
        self.socket = wrapped or socket.create_connection(address, timeout)
        self.socket.settimeout(timeout)
        self.buffer = b""

    def __enter__(self) -> "Resp":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def ask(self, *words: object):
        """One answer: bytes, int, list or None. Raises `RespError` for an error."""
        self.send(encode(*words))
        return self.take()

    def ask_all(self, commands: list[tuple]) -> list:
        """Sends all commands at once; an error is an element of the result."""
        self.send(b"".join(encode(*command) for command in commands))
        return [self.take(raises=False) for _ in commands]

    def send(self, octets: bytes) -> None:
        self.socket.sendall(octets)

    def take(self, raises: bool = True):
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        if kind == b"-":
            error = RespError(rest.decode())
            if raises:
                raise error
            return error
        if kind == b"$":
            return None if rest == b"-1" else self._exactly(int(rest) + 2)[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self.take(raises=False) for _ in range(int(rest))]
        raise AssertionError(f"no answer of Redis: {line!r}")

    def _fill(self) -> None:
        octets = self.socket.recv(1 << 16)
        if not octets:
            raise ConnectionResetError("the server closed the connection")
        self.buffer += octets

    def _line(self) -> bytes:
        while b"\r\n" not in self.buffer:
            self._fill()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def _exactly(self, count: int) -> bytes:
        while len(self.buffer) < count:
            self._fill()
        found, self.buffer = self.buffer[:count], self.buffer[count:]
        return found
