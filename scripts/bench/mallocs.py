"""How often a request calls the allocator, by malloc_count.c in front of it."""

import mmap
import os
import socket
import struct

import browser
import native
import processes

KINDS = ("malloc", "calloc", "realloc", "aligned", "free")
WARM, COUNTED = 2_000, 10_000


def ask(link, octets, count, batch=1):
    """One request after another over one connection."""
    for _ in range(count):
        link.sendall(octets)
        answer = link.recv(65_536)
        while b"\r\n\r\n" not in answer:
            answer += link.recv(65_536)
        head, body = answer.split(b"\r\n\r\n", 1)
        assert head.startswith(b"HTTP/1.1 200"), head
        length = int(next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")).split(b":")[1])
        while len(body) < length:
            body += link.recv(65_536)


def ask_streams(link, page, count, state):
    """HTTP/2: ten requests at once, until `count` are answered. `state` holds the next stream's number and what was read."""
    host = b"localhost"
    # GET, http, then path and authority as they stand (RFC 7541 §6.1, §6.2.2).
    head = b"\x82\x86\x04" + bytes([len(page)]) + page + b"\x01" + bytes([len(host)]) + host
    for _ in range(count // 10):
        octets = b""
        for _ in range(10):
            octets += struct.pack(">I", len(head))[1:] + b"\x01\x05" + struct.pack(">I", state["next"]) + head
            state["next"] += 2
        link.sendall(octets)
        ended = 0
        while ended < 10:
            read = state["read"] = state["read"] + link.recv(65_536)
            while len(read) >= 9 and len(read) >= (size := 9 + int.from_bytes(read[:3], "big")):
                assert read[3] in (0, 1, 4, 6, 8), f"a frame of kind {read[3]}"
                ended += read[3] in (0, 1) and read[4] & 1
                read = state["read"] = read[size:]


def per_stream(folder):
    """Calls of each kind for one answer with the JWK Set over one HTTP/2 connection with ten streams, in steady state."""
    page = b"/.well-known/jwks.json"
    settings = struct.pack(">I", 0)[1:] + b"\x04\x00" + bytes(4)
    update = struct.pack(">I", 4)[1:] + b"\x08\x00" + bytes(4) + struct.pack(">I", 1 << 30)

    def work(server):
        link = socket.create_connection(("127.0.0.1", server.http2_port))
        link.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings + update)
        state = {"next": 1, "read": b""}
        return link, lambda count: ask_streams(link, page, count, state)

    return counted(folder, "RS256", work)


def per_request(folder, algorithm):
    """Calls of each kind for one verification of one token over one plain connection, in steady state."""

    def work(server):
        token = server.login()["access_token"]
        octets = f"GET /verify HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        link = socket.create_connection(("127.0.0.1", server.port))
        return link, lambda count: ask(link, octets, count)

    return counted(folder, algorithm, work)


def per_check(folder, by_cookie):
    """Calls of each kind for one request of a gateway about a browser's request, with the token in a cookie or in a field."""

    def work(server):
        fields = browser.auth_fields(server)[by_cookie]
        octets = "\r\n".join(["GET /auth?via=forwarded HTTP/1.1", "Host: localhost", *fields, "", ""]).encode()
        link = socket.create_connection(("127.0.0.1", server.port))
        return link, lambda count: ask(link, octets, count)

    return counted(folder, "HS256", work, browser.MODE)


def counted(folder, algorithm, work, more=None):
    """`work` is given a server and returns a connection and what asks so many times over it."""
    preload = native.compiled("malloc_count.c", folder / "malloc_count.so", "-shared", "-fPIC")
    counters = folder / "counters"
    counters.write_bytes(bytes(4096))
    server = processes.Martlet(
        folder, algorithm, pinned=False,
        more={"LD_PRELOAD": str(preload), "MALLOC_COUNT": str(counters)} | (more or {}))  # fmt: skip
    try:
        link, ask_times = work(server)
        file = os.open(counters, os.O_RDONLY)
        with link, mmap.mmap(file, 4096, prot=mmap.PROT_READ) as shared:
            os.close(file)
            ask_times(WARM)
            before = struct.unpack_from(f"={len(KINDS)}Q", shared)
            ask_times(COUNTED)
            after = struct.unpack_from(f"={len(KINDS)}Q", shared)
        return {name: (late - early) / COUNTED for name, early, late in zip(KINDS, before, after)}
    finally:
        server.stop()
