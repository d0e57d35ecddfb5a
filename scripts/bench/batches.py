"""The rows about POST /verify/batch: what a token costs in a batch of 256, on one connection.

The peers are single verifications on one connection for HS256, and RSA verification by OpenSSL alone for RS256. Processor
time is that of the threads of the server, in nanoseconds: a round is too short for the ticks of /proc/PID/stat.
"""

import json
import socket
import statistics
import subprocess
import time
from pathlib import Path

import processes

SIZE = 256
# The tokens of one round of the RS256 row; each is sent once.
FRESH_COUNT = 10 * SIZE
END = b"]}\r\n0\r\n\r\n"


def nanoseconds(server):
    """Processor time of all threads so far."""
    tasks = Path(f"/proc/{server.process.pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)


def batches(path):
    """Requests with 256 tokens each; a rest that is smaller is left out."""
    tokens = Path(path).read_text().split()
    made = []
    for start in range(0, len(tokens) - SIZE + 1, SIZE):
        content = json.dumps({"tokens": tokens[start : start + SIZE]}, separators=(",", ":")).encode()
        head = "POST /verify/batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        made.append(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
    return made


class Client:
    """One connection, which asks again when an answer is complete."""

    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.port), 20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.room = bytearray(1 << 20)

    def ask(self, request):
        """The answer, with its head."""
        self.socket.sendall(request)
        count, end = 0, None
        while end is None or count < end:
            got = self.socket.recv_into(memoryview(self.room)[count:])
            if got == 0:
                raise SystemExit("the server closed the connection")
            count += got
            if end is None and self.room[count - len(END) : count] == END:
                break
            if end is None and (head := self.room.find(b"\r\n\r\n", 0, count)) >= 0:
                place = self.room.find(b"Content-Length: ", 0, head)
                if place >= 0:
                    end = head + 4 + int(self.room[place + 16 : self.room.index(b"\r", place)])
        return bytes(self.room[:count])

    def measure(self, server, requests, seconds=None):
        """Nanoseconds of the server for one token; each request once, or in turn for so many seconds."""
        before, began, count = nanoseconds(server), time.perf_counter(), 0
        while True:
            for request in requests:
                answer = self.ask(request)
                count += 1
                if answer.count(b'"active":true') != SIZE:
                    raise SystemExit("a batch has results of the other kind: " + answer[:300].decode())
            if seconds is None or time.perf_counter() - began > seconds:
                return (nanoseconds(server) - before) / (count * SIZE)


def add(bench, title, ours, peer, target, text):
    found = {"row": title, "batch_cpu": statistics.median(ours), "peer_cpu": statistics.median(peer)}
    ratios = [one / other for one, other in zip(ours, peer)]
    found["ratio"] = statistics.median(ratios)
    bench.rows.append(found)
    print(f"{title:38} {found['batch_cpu'] / 1e3:.2f} µs of CPU for a token; {text} {found['peer_cpu'] / 1e3:.2f} µs; "
          f"{target(found['ratio'])}", flush=True)  # fmt: skip


def against_single(bench):
    server, login = bench.service("hs256", "HS256")
    path = bench.mint(server, login["access_token"], "jti", 10_000)
    client, requests = Client(server), batches(path)
    client.measure(server, requests)
    ours, peer = [], []
    for _ in range(bench.options.rounds):
        before = nanoseconds(server)
        load = bench.load(server, 1, "verify", [path])
        peer.append((nanoseconds(server) - before) / load.count)
        ours.append(client.measure(server, requests, bench.options.seconds))
    add(bench, "batch HS256, 256 tokens", ours, peer, lambda ratio: f"{1 / ratio:.1f} × as many per CPU second",
        "single verifications on one connection")  # fmt: skip


def bare_verification():
    """Nanoseconds of processor time of one RSA-2048 verification by OpenSSL alone, on the core of the server."""
    output = subprocess.run(
        ["taskset", "-c", processes.SERVER_CORE, "openssl", "speed", "-mr", "-seconds", "1", "rsa2048"],
        capture_output=True, text=True).stdout  # fmt: skip
    line = next((line for line in output.splitlines() if line.startswith("+F2:")), None)
    if line is None:
        raise SystemExit("openssl speed failed: " + output)
    return 1e9 / float(line.split(":")[4])


def against_openssl(bench):
    server, login = bench.service("rs256", "RS256")
    ours, peer = [], []
    for round in range(bench.options.rounds + 1):
        requests = batches(bench.mint(server, login["access_token"], "jti", FRESH_COUNT))
        # A new connection, because minting may take longer than an idle one is kept.
        bare, used = bare_verification(), Client(server).measure(server, requests)
        if round > 0:
            ours.append(used)
            peer.append(bare)
    add(bench, "batch RS256, 256 never-seen tokens", ours, peer, lambda ratio: f"{ratio:.2f} × OpenSSL alone",
        "RSA verification by OpenSSL alone")  # fmt: skip


ROWS = {"batch-hs256": against_single, "batch-rs256": against_openssl}
