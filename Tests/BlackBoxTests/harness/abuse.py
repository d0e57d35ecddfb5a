"""What strangers do to a service all day, each kind in small helpings; `run` does all of them at once for a while."""

import os
import random
import socket
import ssl
import struct
import threading
import time

from .http2 import END_HEADERS, END_STREAM, HEADERS, PING, RST_STREAM, SETTINGS, RawHTTP2, frame
from .hostile import REFUSED, UNFINISHED
from .messages import chunks, post
from .wire import request

JSON = "application/json"


class Stranger:
    """Knows where the plain and the TLS address are, and nothing else."""

    def __init__(self, port: int, secure_port: int, seed: int):
        self.port, self.secure_port = port, secure_port
        self.random = random.Random(seed)
        self.kept: list[socket.socket] = []

    def dial(self, secure: bool = False) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.secure_port if secure else self.port), 5)

    def keep(self, sock: socket.socket) -> None:
        """Leaves a connection open, as many as there is room for."""
        self.kept.append(sock)
        while len(self.kept) > 200:
            self.kept.pop(0).close()

    def send(self, octets: bytes, secure: bool = False) -> None:
        """Sends, reads what comes, and goes."""
        with self.dial(secure) as sock:
            sock.sendall(octets)
            sock.settimeout(0.2)
            while sock.recv(65_536):
                pass

    def shaken(self) -> ssl.SSLSocket:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context.wrap_socket(self.dial(True))

    def slow_heads(self) -> None:
        sock = self.dial()
        sock.sendall(self.random.choice(list(UNFINISHED.values())))
        self.keep(sock)

    def hostile_messages(self) -> None:
        self.send(self.random.choice(list(REFUSED.values()))[0])

    def noise(self) -> None:
        self.send(self.random.randbytes(self.random.randrange(1, 5_000)), secure=self.random.random() < 0.5)

    def broken_handshakes(self) -> None:
        hello = bytes.fromhex("16030102000100 01fc0303") + self.random.randbytes(self.random.randrange(0, 508))
        sock = self.dial(True)
        sock.sendall(hello)
        self.keep(sock)

    def noise_under_tls(self) -> None:
        with self.shaken() as sock:
            raw = os.dup(sock.fileno())
            os.write(raw, bytes.fromhex("1703030040") + self.random.randbytes(64))
            os.close(raw)

    def handshakes(self) -> None:
        self.shaken().close()

    def rapid_resets(self) -> None:
        with RawHTTP2(("127.0.0.1", self.port)) as raw:
            for stream in range(1, 1_001, 2):
                head = frame(HEADERS, END_HEADERS | END_STREAM, stream, raw.head(path=b"/verify"))
                if not raw.send(head + frame(RST_STREAM, 0, stream, struct.pack(">I", 8))):
                    return

    def floods(self) -> None:
        octets = self.random.choice([frame(PING, 0, 0, b"12345678"), frame(SETTINGS), frame(0x42, 0, 0, b"x")])
        with RawHTTP2(("127.0.0.1", self.port)) as raw:
            while raw.send(octets * 200):
                pass

    def cut_streams(self) -> None:
        with RawHTTP2(("127.0.0.1", self.port)) as raw:
            for stream in range(1, 101, 2):
                raw.ask(stream, END_HEADERS, method=b"POST", path=b"/verify")

    def connects_and_closes(self) -> None:
        for _ in range(20):
            with self.dial(self.random.random() < 0.5) as sock:
                if self.random.random() < 0.5:
                    # A reset instead of an end.
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def huge_content(self) -> None:
        kind = self.random.randrange(3)
        if kind == 0:
            self.send(post(b"Content-Length: 10000000", b"x" * 1_000_000))
        elif kind == 1:
            self.send(chunks(b"4000\r\n" + b"x" * 0x4000 + b"\r\n") * 64)
        else:
            self.send(request("POST", "/verify", b"[" * 65_000, Content_Type=JSON))

    def bad_tokens(self) -> None:
        parts = [self.random.randbytes(60).hex() for _ in range(3)]
        token = ".".join(parts)
        octets = request("GET", "/verify", Authorization=f"Bearer {token}")
        octets += request("POST", "/refresh", b'{"refresh_token":"%s"}' % token.encode(), Content_Type=JSON)
        self.send(octets * 20)

    def wrong_passwords(self) -> None:
        name = self.random.randbytes(8).hex()
        body = b'{"username":"%s","password":"a guess at it"}' % name.encode()
        self.send(request("POST", "/login", body, Content_Type=JSON, Connection="close"))
        # Seldom: passwords are hashed behind everything else, and on a busy machine a few guesses fill the queue.
        time.sleep(5)

    def half_open(self) -> None:
        sock = self.dial()
        sock.sendall(request("GET", "/healthz"))
        sock.shutdown(socket.SHUT_WR)
        self.keep(sock)

    def readers_that_stall(self) -> None:
        sock = self.dial()
        sock.sendall(request("GET", "/openapi.yaml") * 50)
        self.keep(sock)


KINDS = [name for name, value in vars(Stranger).items() if callable(value) and value.__doc__ is None and name[0] != "_"]
KINDS = [name for name in KINDS if name not in ("dial", "shaken")]


def run(port: int, secure_port: int, seconds: float, counts=None) -> None:
    """Every kind at once, each in a thread, for so many seconds; `counts` gets how often each was done."""
    # Behind the service and its honest clients: what is tested is the service, not who gets the processor.
    os.nice(10)
    until = time.monotonic() + seconds

    def go_on(kind: str, seed: int) -> None:
        stranger, count = Stranger(port, secure_port, seed), 0
        while time.monotonic() < until:
            try:
                getattr(stranger, kind)()
            except OSError:
                # Refused, reset, timed out: that is what is wanted of the service.
                pass
            count += 1
            time.sleep(0.1)
        for sock in stranger.kept:
            sock.close()
        if counts is not None:
            counts[kind] = count

    threads = [threading.Thread(target=go_on, args=(kind, seed)) for seed, kind in enumerate(KINDS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
