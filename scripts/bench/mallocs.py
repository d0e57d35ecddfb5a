"""How often a request calls the allocator, by malloc_count.c in front of it."""

import mmap
import os
import socket
import struct
import subprocess
from pathlib import Path

import processes

HERE = Path(__file__).resolve().parent
KINDS = ("malloc", "calloc", "realloc", "aligned", "free")
WARM, COUNTED = 2_000, 10_000


def library(folder):
    """The counting library, built with the C compiler that the toolchain brings, or the machine's."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "malloc_count.so"
    for compiler in ("cc", "clang"):
        try:
            done = subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", path, HERE / "malloc_count.c"],
                                  capture_output=True, text=True)  # fmt: skip
        except FileNotFoundError:
            continue
        if done.returncode == 0:
            return path
        raise SystemExit(f"{compiler} failed: {done.stderr}")
    raise SystemExit("there is no C compiler")


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


def per_request(folder, algorithm):
    """Calls of each kind for one verification of one token over one plain connection, in steady state."""
    preload = library(folder)
    counters = folder / "counters"
    counters.write_bytes(bytes(4096))
    server = processes.Martlet(
        folder, algorithm, pinned=False, more={"LD_PRELOAD": str(preload), "MALLOC_COUNT": str(counters)})
    try:
        token = server.login()["access_token"]
        octets = f"GET /verify HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        file = os.open(counters, os.O_RDONLY)
        with socket.create_connection(("127.0.0.1", server.port)) as link, mmap.mmap(file, 4096, prot=mmap.PROT_READ) as shared:
            os.close(file)
            ask(link, octets, WARM)
            before = struct.unpack_from(f"={len(KINDS)}Q", shared)
            ask(link, octets, COUNTED)
            after = struct.unpack_from(f"={len(KINDS)}Q", shared)
        return {name: (late - early) / COUNTED for name, early, late in zip(KINDS, before, after)}
    finally:
        server.stop()
