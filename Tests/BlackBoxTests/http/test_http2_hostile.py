"""More of what strangers do to HTTP/2: state that is misused, fields that would mean something else in HTTP/1.1, lists that
grow, and floods over TLS. Each ends in RST_STREAM, GOAWAY or the close within a second, and serves nobody twice."""

import socket
import struct
import time

import h2.config
import h2.connection
import h2.exceptions
import pytest

from harness.certificates import trusting
from harness.http2 import (
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PADDED, PING, PRIORITIZED, PRIORITY, RST_STREAM,
    SETTINGS, WINDOW_UPDATE, HTTP2Client, RawHTTP2, Times, frame,
)  # fmt: skip
from harness.secured import Secured

# The deadlines that would end a connection anyway are 10 s and more.
PATIENCE = 4.0
TIMES = Times()
WHOLE = END_HEADERS | END_STREAM
OK = 0x88  # `:status: 200`, static index 8


@pytest.fixture(scope="module")
def secured(fleet):
    secured = Secured(fleet.make, alg="HS256")
    secured.server.start()
    yield secured
    fleet.close(secured.server)


def tls(secured) -> RawHTTP2:
    context = trusting(secured.root_path)
    context.set_alpn_protocols(["h2"])
    plain = socket.create_connection(("127.0.0.1", secured.port), 5)
    return RawHTTP2(None, sock=context.wrap_socket(plain, server_hostname="localhost"))


@pytest.fixture(params=["h2c", "h2"])
def raw(request, secured):
    with RawHTTP2(secured.server.address) if request.param == "h2c" else tls(secured) as raw:
        yield raw


def served(found) -> int:
    return sum(kind == HEADERS and payload[0] == OK for kind, _, _, payload in found)


def ended(found, closed: bool, stream: int) -> bool:
    """Whether the stream was reset, or the connection is over."""
    resets = any(kind == RST_STREAM and number == stream for kind, _, number, _ in found)
    return resets or closed or any(kind == GOAWAY for kind, *_ in found)


MISUSE = {
    "content after the end of a stream": lambda raw: (
        frame(HEADERS, WHOLE, 1, raw.head(path=b"/slow")) + frame(DATA, END_STREAM, 1, b"x"), 1, 1),
    "fields after the end of a stream": lambda raw: (
        frame(HEADERS, WHOLE, 1, raw.head()) + frame(HEADERS, WHOLE, 1, raw.head()), 1, 1),
    "content after trailers": lambda raw: (
        frame(HEADERS, END_HEADERS, 1, raw.head(b"POST", b"/verify"))
        + frame(HEADERS, WHOLE, 1, raw.encoder.encode([(b"x-a", b"b")])) + frame(DATA, END_STREAM, 1, b"x"), 1, 0),
    "trailers that do not end the stream": lambda raw: (
        frame(HEADERS, END_HEADERS, 1, raw.head(b"POST", b"/verify"))
        + frame(HEADERS, END_HEADERS, 1, raw.encoder.encode([(b"x-a", b"b")])), 1, 0),
    "trailers with a pseudo-field": lambda raw: (
        frame(HEADERS, END_HEADERS, 1, raw.head(b"POST", b"/verify"))
        + frame(HEADERS, WHOLE, 1, raw.encoder.encode([(b":path", b"/healthz")])), 1, 0),
    "a window of a stream above 2^31-1": lambda raw: (
        frame(HEADERS, END_HEADERS, 1, raw.head(b"POST", b"/verify"))
        + frame(WINDOW_UPDATE, 0, 1, struct.pack(">I", 0x7FFFFFFF)) * 2, 1, 0),
    "a window of a stream that grows by 0": lambda raw: (
        frame(HEADERS, END_HEADERS, 1, raw.head(b"POST", b"/verify")) + frame(WINDOW_UPDATE, 0, 1, b"\0\0\0\0"), 1, 0),
    "a window of a stream that never was": lambda raw: (frame(WINDOW_UPDATE, 0, 9, b"\0\0\0\1"), 9, 0),
    "a window that the settings push above 2^31-1": lambda raw: (
        frame(HEADERS, END_HEADERS, 1, raw.head(b"POST", b"/verify"))
        + frame(WINDOW_UPDATE, 0, 1, struct.pack(">I", 0x7FFF0000 - 65_535))
        + frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 0x7FFFFFFF)), 1, 0),
    "a stream that depends on itself": lambda raw: (
        frame(HEADERS, WHOLE | PRIORITIZED, 1, struct.pack(">IB", 1, 16) + raw.head(path=b"/nowhere")), 1, 0),
    "a reset of a stream that never was": lambda raw: (frame(RST_STREAM, 0, 7, struct.pack(">I", 8)), 7, 0),
    "fields between fields": lambda raw: (
        frame(HEADERS, END_STREAM, 1, raw.head()) + frame(HEADERS, WHOLE, 3, raw.head()), 1, 0),
    "a ping between fields": lambda raw: (
        frame(HEADERS, END_STREAM, 1, raw.head()) + frame(PING, 0, 0, b"12345678"), 1, 0),
    "another stream's continuation": lambda raw: (
        frame(HEADERS, END_STREAM, 1, raw.head()[:5]) + frame(CONTINUATION, END_HEADERS, 3, b"\x82"), 1, 0),
    "padding without its length": lambda raw: (frame(HEADERS, WHOLE | PADDED, 1), 1, 0),
    "content of padding longer than itself": lambda raw: (
        frame(HEADERS, END_HEADERS, 1, raw.head(b"POST", b"/verify")) + frame(DATA, PADDED, 1, b"\xffab"), 1, 0),
    "content beyond the window": lambda raw: (
        frame(HEADERS, END_HEADERS, 1, raw.head(b"POST", b"/nowhere")) + frame(DATA, 0, 1, b"x" * 16_000) * 80, 1, 0),
    "a setting of 2^16 streams pushed": lambda raw: (frame(SETTINGS, 0, 0, struct.pack(">HI", 2, 1 << 16)), 0, 0),
    "a frame of 16 MB that is announced": lambda raw: (b"\xff\xff\xff" + bytes([HEADERS, WHOLE]) + b"\0\0\0\1", 1, 0),
}  # fmt: skip


@pytest.mark.parametrize("case", MISUSE.values(), ids=MISUSE.keys())
def test_misused_streams_end_within_a_second(raw, case):
    octets, stream, served_at_most = case(raw)
    began = time.monotonic()
    raw.send(octets)
    found = raw.frames(PATIENCE, lambda kind, _, number, __: kind == GOAWAY or (kind, number) == (RST_STREAM, stream))
    assert ended(found, raw.closed, stream), [(kind, number) for kind, _, number, _ in found]
    assert TIMES.within(1, began)
    assert served(found) <= served_at_most


@pytest.mark.parametrize("stream", [1, 3], ids=["a stream that is over", "a stream that was passed over"])
def test_requests_on_streams_that_are_over_bring_no_answer_and_are_paid_for(raw, stream):
    """They cannot be told from what was on its way when the stream ended (RFC 9113 §5.1), so the first few are ignored."""
    raw.send(frame(HEADERS, WHOLE, 1, raw.head(path=b"/nowhere")) + frame(RST_STREAM, 0, 1, struct.pack(">I", 8)))
    raw.send(frame(HEADERS, WHOLE, 5, raw.head(path=b"/nowhere")))
    raw.frames(PATIENCE, lambda kind, flags, number, _: number == 5 and flags & END_STREAM)
    raw.send(frame(HEADERS, WHOLE, stream, raw.head()) + frame(PING, 0, 0, b"12345678"))
    found = raw.frames(PATIENCE, lambda kind, flags, *_: kind == PING)
    assert served(found) == 0 and (found[-1][0] == PING or ended(found, raw.closed, stream))
    began = time.monotonic()
    for _ in range(2_000):
        if not raw.send(frame(HEADERS, WHOLE, stream, raw.head())):
            break
    assert raw.end()[1] and TIMES.within(2, began)


SMUGGLING = {
    "CR LF in the path": {"path": b"/healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz"},
    "a line feed in the path": {"path": b"/healthz\nx"},
    "a carriage return in the path": {"path": b"/healthz\rx"},
    "NUL in the path": {"path": b"/healthz\0"},
    "a fragment in the path": {"path": b"/healthz#x"},
    "octets that are not ASCII in the path": {"path": b"/healthz\xc3\xa9"},
    "an asterisk with GET": {"path": b"*"},
    "a path without a slash": {"path": b"healthz"},
    "a whole request in the method": {"method": b"GET / HTTP/1.1\r\nA: b\r\n\r\nGET"},
    "an empty method": {"method": b""},
    "a method of 33 letters": {"method": b"A" * 33},
    "CR LF in a value": {"extra": [(b"a", b"b\r\nHost: x")]},
    "a carriage return in a value": {"extra": [(b"a", b"b\rc")]},
    "a colon in a name": {"extra": [(b"transfer-encoding: chunked\r\na", b"b")]},
    "CR LF in a name": {"extra": [(b"a\r\nb", b"c")]},
    "a name that is not ASCII": {"extra": [(b"a\xe9", b"b")]},
    "an empty name": {"extra": [(b"", b"b")]},
    "a pseudo-field of its own making": {"extra": [(b":protocol", b"websocket")]},
    "two methods": {"extra": [(b":method", b"GET")]},
    "two authorities": {"extra": [(b":authority", b"localhost")]},
    "two schemes": {"extra": [(b":scheme", b"http")]},
    "CR LF in the authority": {"leave_out": [b":authority"], "extra": [(b"host", b"x\r\nA: b")]},
    "an authority with a path": {"leave_out": [b":authority"], "extra": [(b"host", b"x/y")]},
    "proxy-connection": {"extra": [(b"proxy-connection", b"keep-alive")]},
    "a length and nothing": {"method": b"POST", "extra": [(b"content-length", b"17")]},
    "a list of lengths": {"extra": [(b"content-length", b"0, 0")]},
    "a length of 2^64": {"method": b"POST", "extra": [(b"content-length", b"18446744073709551616")]},
    "a length below zero": {"method": b"POST", "extra": [(b"content-length", b"-1")]},
    "a whole head of 1,000 names": {"extra": [(b"x-%d" % index, b"y") for index in range(1_000)]},
    "a value of 60,000 octets": {"extra": [(b"a", b"b" * 60_000)]},
    "sixty cookies of 1,000 octets": {"extra": [(b"cookie", b"c" * 1_000)] * 60},
}


@pytest.mark.parametrize("parts", SMUGGLING.values(), ids=SMUGGLING.keys())
def test_fields_that_mean_something_else_elsewhere_are_never_served(raw, parts):
    head = raw.head(**parts)
    pieces = [head[at : at + 16_000] for at in range(0, len(head), 16_000)]
    for index, piece in enumerate(pieces):
        last = END_HEADERS if index == len(pieces) - 1 else 0
        raw.send(frame(CONTINUATION, last, 1, piece) if index else frame(HEADERS, last | END_STREAM, 1, piece))
    found = raw.frames(
        PATIENCE, lambda kind, _, number, __: kind == GOAWAY or number == 1 and kind in (RST_STREAM, HEADERS))
    kinds = [kind for kind, *_ in found]
    assert served(found) == 0
    assert raw.closed or {RST_STREAM, GOAWAY, HEADERS} & set(kinds)


FLOODS = {
    "ping": frame(PING, 0, 0, b"12345678"),
    "ping answers": frame(PING, ACK, 0, b"12345678"),
    "settings": frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 65_535)),
    "settings answers": frame(SETTINGS, ACK),
    "priority": frame(PRIORITY, 0, 1, struct.pack(">IB", 0, 16)),
    "priority of new streams": b"".join(frame(PRIORITY, 0, at, b"\0\0\0\0\1") for at in range(101, 501, 2)),
    "window update": frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1)),
    "unknown frames": frame(0x42, 0, 0, b"x"),
    "origin and altsvc": frame(0xA, 0, 0, b"\0\0") + frame(0xC, 0, 0),
}


@pytest.mark.parametrize("octets", FLOODS.values(), ids=FLOODS.keys())
def test_floods_end_over_tls_as_well(secured, octets):
    with tls(secured) as raw:
        began = time.monotonic()
        for _ in range(20_000 // octets.count(octets[3:4]) // 100 + 1):
            if not raw.send(octets * 100):
                break
        _, closed = raw.end()
        assert closed and TIMES.within(2, began)
    assert secured.ask().status == 200


def test_rapid_reset_over_tls(secured):
    """CVE-2023-44487."""
    with tls(secured) as raw:
        began = time.monotonic()
        for index in range(4_000):
            stream = 2 * index + 1
            head = frame(HEADERS, WHOLE, stream, raw.head(path=b"/login"))
            if not raw.send(head + frame(RST_STREAM, 0, stream, struct.pack(">I", 8))):
                break
        assert raw.end()[1] and TIMES.within(5, began)
    assert secured.ask().status == 200


def test_an_honest_library_survives_its_own_mistakes(secured):
    """The h2 library, told not to check what it sends: each mistake costs its stream or its connection, nothing else."""
    config = {"validate_outbound_headers": False, "normalize_outbound_headers": False}
    mistakes = [
        [("Upper", "1")], [("connection", "close")], [("te", "gzip")], [(":path", "/b")], [("a", "b\r\nc")],
        [("content-length", "9")], [("host", "elsewhere")], [("a b", "c")], [("transfer-encoding", "chunked")],
    ]  # fmt: skip
    for extra in mistakes:
        with socket.create_connection(secured.server.address, 5) as sock:
            connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8", **config))
            connection.initiate_connection()
            head = [(":method", "GET"), (":scheme", "http"), (":path", "/healthz"), (":authority", "localhost")]
            connection.send_headers(1, head + extra, end_stream=True)
            sock.sendall(connection.data_to_send())
            names, began = set(), time.monotonic()
            while not names & {"StreamReset", "ConnectionTerminated", "ResponseReceived"}:
                octets = sock.recv(65_536)
                if not octets:
                    break
                for event in connection.receive_data(octets):
                    names.add(type(event).__name__)
                    assert dict(getattr(event, "headers", [])).get(":status") != "200", extra
                sock.sendall(connection.data_to_send())
            assert TIMES.within(1, began), extra
    with HTTP2Client(secured.server.address) as client:
        assert client.get("/healthz").status == 200


def test_what_was_to_end_within_a_second_did():
    """All but a few, since a machine may stand still for a while; those within four times theirs."""
    assert len(TIMES.late) <= 3, TIMES.late
