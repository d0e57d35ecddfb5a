"""A client of HTTP/2 that does as it is told: by the h2 library for what is sound, by raw frames for what is not."""

import socket
import struct
import time

import h2.config
import h2.connection
import h2.events
from hpack import Encoder

from .observed import note

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITIZED = 0x1, 0x1, 0x4, 0x8, 0x20
PROTOCOL_ERROR, FLOW_CONTROL_ERROR, REFUSED_STREAM, ENHANCE_YOUR_CALM = 0x1, 0x3, 0x7, 0xB


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


class RawHTTP2:
    """Frames as they stand. `frames()` reads until the peer closes or falls silent."""

    def __init__(self, address, sock=None, settings: bytes = frame(SETTINGS)):
        self.socket = sock or socket.create_connection(address, 5)
        self.socket.settimeout(5)
        self.encoder = Encoder()
        self.buffer = b""
        self.send(PREFACE + settings)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, octets: bytes) -> bool:
        """Whether the peer still takes octets."""
        try:
            self.socket.sendall(octets)
            return True
        except OSError:
            return False

    def head(self, method=b"GET", path=b"/healthz", extra=(), leave_out=(), raw=None) -> bytes:
        fields = raw or [
            field
            for field in [(b":method", method), (b":scheme", b"http"), (b":path", path), (b":authority", b"localhost")]
            if field[0] not in leave_out
        ] + list(extra)
        return self.encoder.encode(fields)

    def ask(self, stream: int, flags: int = END_HEADERS | END_STREAM, **parts) -> bool:
        return self.send(frame(HEADERS, flags, stream, self.head(**parts)))

    def frames(self, seconds: float = 3, until=None) -> list[tuple[int, int, int, bytes]]:
        """What came; ends with a frame for which `until` holds, the peer's close, or the time."""
        found, deadline, is_late = [], time.monotonic() + seconds, False
        self.closed = False
        while True:
            while len(self.buffer) >= 9:
                length = int.from_bytes(self.buffer[:3], "big")
                if len(self.buffer) < 9 + length:
                    break
                kind, flags = self.buffer[3], self.buffer[4]
                stream = int.from_bytes(self.buffer[5:9], "big") & 0x7FFFFFFF
                payload, self.buffer = self.buffer[9 : 9 + length], self.buffer[9 + length :]
                found.append((kind, flags, stream, payload))
                if until and until(*found[-1]):
                    return found
            left = deadline - time.monotonic()
            if left <= 0 and is_late:
                return found
            # What has come by the deadline counts, however late it is looked at.
            is_late = left <= 0
            self.socket.settimeout(max(left, 0.01))
            try:
                octets = self.socket.recv(65536)
            except TimeoutError:
                return found
            except OSError:
                octets = b""
            if not octets:
                self.closed = True
                return found
            self.buffer += octets

    def end(self, seconds: float = 3) -> tuple[int | None, bool]:
        """The code of the GOAWAY that came, if one did, and whether the peer closed."""
        code = None
        for kind, _, _, payload in self.frames(seconds):
            if kind == GOAWAY:
                code = int.from_bytes(payload[4:8], "big")
        return code, self.closed

    def reset_of(self, stream: int, seconds: float = 3) -> int | None:
        """The code with which `stream` was reset."""
        for kind, _, number, payload in self.frames(seconds, lambda kind, _, number, __: (kind, number) == (3, stream)):
            if (kind, number) == (RST_STREAM, stream):
                return int.from_bytes(payload, "big")
        return None


class Times:
    """What took longer than it should. One that is late may have met a machine that stood still; several have not."""

    def __init__(self):
        self.late: list[float] = []

    def within(self, seconds: float, began: float) -> bool:
        """Whether what began then is over in time, or nearly so."""
        taken = time.monotonic() - began
        if taken >= seconds:
            self.late.append(taken)
        return taken < 4 * seconds


class Reply:
    def __init__(self):
        self.fields: list[tuple[str, str]] = []
        self.body = b""
        self.informational: list[int] = []
        self.done = False
        self.reset: int | None = None

    @property
    def headers(self) -> dict[str, str]:
        return dict(self.fields)

    @property
    def status(self) -> int:
        return int(self.headers.get(":status", "0"))


class HTTP2Client:
    """Many requests at once on one connection; `wait()` reads until all are answered."""

    def __init__(self, address, sock=None, window: int | None = None):
        self.socket = sock or socket.create_connection(address, 10)
        self.socket.settimeout(10)
        self.connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.connection.initiate_connection()
        if window is not None:
            self.connection.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window})
        self.replies: dict[int, Reply] = {}
        self.asked: dict[int, tuple[str, str]] = {}
        self.goaways: list[tuple[int, int]] = []
        self.is_closed = False
        self.partial = b""
        self.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def flush(self) -> None:
        octets = self.connection.data_to_send()
        if octets:
            self.socket.sendall(octets)

    def ask(self, method: str, path: str, headers=(), body: bytes | None = None, ends: bool = True) -> int:
        stream = self.connection.get_next_available_stream_id()
        fields = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "localhost"), *headers]
        self.connection.send_headers(stream, fields, end_stream=ends and body is None)
        self.replies[stream], self.asked[stream] = Reply(), (method, path)
        self.flush()
        if body is not None:
            self.send_body(stream, body, ends)
        return stream

    def send_body(self, stream: int, body: bytes, ends: bool = True) -> None:
        rest = body
        while rest and not self.replies[stream].done:
            size = min(self.connection.local_flow_control_window(stream), 16384, len(rest))
            if size == 0:
                self.read()
                continue
            piece, rest = rest[:size], rest[size:]
            self.connection.send_data(stream, piece, end_stream=ends and not rest)
            self.flush()
        if ends and not body:
            self.connection.end_stream(stream)
            self.flush()

    def read(self) -> bool:
        """Takes in what has come; whether there is more to expect."""
        try:
            octets = self.socket.recv(65536)
        except OSError:
            octets = b""
        if not octets:
            self.is_closed = True
            return False
        for event in self.connection.receive_data(self._without_goaways(octets)):
            reply = self.replies.get(getattr(event, "stream_id", None) or 0)
            match event:
                case h2.events.ResponseReceived():
                    reply.fields = list(event.headers)
                case h2.events.InformationalResponseReceived():
                    reply.informational.append(int(dict(event.headers)[":status"]))
                case h2.events.DataReceived():
                    reply.body += event.data
                    self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                case h2.events.StreamEnded():
                    reply.done = True
                    self._note(event.stream_id, reply)
                case h2.events.StreamReset() if reply:
                    reply.reset, reply.done = event.error_code, True
        self.flush()
        return True

    def _without_goaways(self, octets: bytes) -> bytes:
        """The h2 library takes nothing more after a GOAWAY, though streams that began before it go on (RFC 9113 §6.8)."""
        self.partial += octets
        whole = b""
        while len(self.partial) >= 9 and len(self.partial) >= (length := 9 + int.from_bytes(self.partial[:3], "big")):
            one, self.partial = self.partial[:length], self.partial[length:]
            if one[3] == GOAWAY:
                last, code = struct.unpack(">II", one[9:17])
                self.goaways.append((code, last))
            else:
                whole += one
        return whole

    def _note(self, stream: int, reply: Reply) -> None:
        headers = {name: value for name, value in reply.fields if not name.startswith(":")}
        note("service", *self.asked[stream], reply.status, headers, reply.body)

    def wait(self, *streams: int) -> list[Reply]:
        wanted = streams or tuple(self.replies)
        while any(not self.replies[stream].done for stream in wanted):
            if not self.read():
                break
        return [self.replies[stream] for stream in wanted]

    def get(self, path: str, **options) -> Reply:
        return self.wait(self.ask("GET", path, **options))[0]

    def post(self, path: str, body: bytes, kind: str = "application/json", headers=()) -> Reply:
        return self.wait(self.ask("POST", path, [("content-type", kind), *headers], body))[0]
