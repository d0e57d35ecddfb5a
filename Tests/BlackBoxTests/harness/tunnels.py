"""An application that accepts every upgrade and every method, and takes what follows in a tunnel for requests."""

import socket
import threading
from dataclasses import dataclass

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from .live_app import accept

# An HTTP2-Settings header field.
SETTINGS = "AAMAAABkAAQAoAAAAAIAAAAA"


@dataclass
class Seen:
    """A request as it arrived; names are in lower case."""

    method: str
    target: str
    fields: list[tuple[str, str]]
    is_http2: bool = False

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key == name]


def tokens(values: list[str]) -> list[str]:
    """The elements of a list in one field or in several, in lower case."""
    return [part.strip().lower() for value in values for part in value.split(",") if part.strip()]


class TunnelApplication:
    """Serves on a free loopback port. `seen` holds every request that arrived, by HTTP/1.1 or in a tunnel."""

    def __init__(self):
        self.seen: list[Seen] = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.settimeout(30)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                self._serve_http1(connection)
        except (OSError, ValueError, h2.exceptions.ProtocolError):
            """A gateway that goes away, or a client that sends noise, is no failure."""

    def _serve_http1(self, connection: socket.socket) -> None:
        rest = b""
        while True:
            while b"\r\n\r\n" not in rest:
                if not (more := connection.recv(65536)):
                    return
                rest += more
            head, _, rest = rest.partition(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").split("\r\n")
            method, target, _ = first.split(" ")
            pairs = [line.partition(":") for line in lines]
            request = Seen(method, target, [(name.lower(), value.strip()) for name, _, value in pairs])
            self.seen.append(request)
            length = int((request.values("content-length") or ["0"])[0])
            while len(rest) < length:
                rest += connection.recv(65536)
            rest = rest[length:]
            upgrades = tokens(request.values("upgrade"))
            if "upgrade" in tokens(request.values("connection")) and upgrades:
                wanted = next((name for name in upgrades if name != "websocket"), "websocket")
                answer = ["HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", f"Upgrade: {wanted}"]
                answer += [f"Sec-WebSocket-Accept: {accept(key)}" for key in request.values("sec-websocket-key")[:1]]
                connection.sendall("\r\n".join([*answer, "", ""]).encode())
                if wanted == "h2c":
                    return self._serve_http2(connection, rest, (request.values("http2-settings") or [SETTINGS])[0])
                if wanted == "websocket":
                    # Frames, which are no requests.
                    while connection.recv(65536):
                        pass
                    return
            else:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    def _serve_http2(self, connection: socket.socket, rest: bytes, settings: str) -> None:
        http2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="latin-1"))
        http2.initiate_upgrade_connection(settings.encode())
        while True:
            for event in http2.receive_data(rest) if rest else ():
                if isinstance(event, h2.events.RequestReceived):
                    fields = dict(event.headers)
                    self.seen.append(Seen(fields[":method"], fields[":path"], list(event.headers), is_http2=True))
                    http2.send_headers(event.stream_id, [(":status", "200")], end_stream=True)
            connection.sendall(http2.data_to_send())
            if not (rest := connection.recv(65536)):
                return
