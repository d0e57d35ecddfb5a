"""The rows about the wire: what nginx does with the same requests, and what neither shares with it.

Each measures both servers by turns. CPU is that of the server's process; a load that cannot fill the server's core changes
the rate and not the CPU of a request.
"""

import json
import os
import re
import resource
import socket
import ssl
import statistics
import subprocess
import time
import urllib.request
from pathlib import Path

import processes

HERE = Path(__file__).resolve().parent
PAGE = "/.well-known/jwks.json"
IDLE_COUNT = 10_000
IDLE_TLS_COUNT = 2_000


def certificate(folder):
    """An ECDSA P-256 certificate of its own for both servers."""
    paths = folder / "bench.crt", folder / "bench.key"
    if not paths[0].exists():
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-out", paths[0], "-keyout", paths[1]],
            check=True, capture_output=True)  # fmt: skip
        paths[1].chmod(0o600)
    return paths


def fetch(port, target, token=None):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{target}")
    if token:
        request.add_header("Authorization", "Bearer " + token)
    with urllib.request.urlopen(request) as answer:
        return answer.read()


class Pair:
    """The service and nginx, each with a plain and a TLS address; nginx answers with as many octets as `target` has."""

    def __init__(self, bench, target):
        self.bench, self.target = bench, target
        files = certificate(bench.folder)
        # HS256 where a token is verified; the JWKS of RS256, since HS256 publishes no key.
        self.server, login = bench.service("wire", "HS256" if target == "/verify" else "RS256", files)
        self.token = login["access_token"]
        content = fetch(self.server.port, target, self.token)
        self.yardstick = bench.nginx(len(content), files)

    def sides(self):
        return (("nginx", self.yardstick), ("martlet", self.server))

    @property
    def fields(self):
        return [f"Authorization: Bearer {self.token}"] if self.target == "/verify" else []


def per_request(server, load):
    """Runs `load`, which returns how many requests were answered and in how many seconds; CPU in µs a request."""
    before = server.processor_seconds()
    count, seconds = load()
    user, system = (late - early for early, late in zip(before, server.processor_seconds()))
    return {
        "count": count, "rate": count / seconds, "user": user * 1e6 / count, "system": system * 1e6 / count,
        "cpu": (user + system) * 1e6 / count,
    }  # fmt: skip


def wrk(server, pair, seconds, connections=64, secure=False, depth=1):
    port = server.secure_port if secure else server.port
    scheme = "https" if secure else "http"
    command = ["taskset", "-c", processes.LOAD_CORE, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s",
               str(HERE / "pipeline.lua"), f"{scheme}://localhost:{port}{pair.target}", "--", str(depth), *pair.fields]  # fmt: skip
    output = subprocess.run(command, capture_output=True, text=True).stdout
    if "RESULT " not in output:
        raise SystemExit("wrk failed: " + output)
    found = json.loads(output.split("RESULT ", 1)[1].splitlines()[0])
    if found["wrong"]:
        raise SystemExit(f"{found['wrong']} answers were not 200, or broken")
    return found["requests"], found["microseconds"] / 1e6


def h2load(server, pair, seconds, secure=False):
    port = server.secure_port if secure else server.http2_port
    options = [word for field in pair.fields for word in ("-H", field)]
    command = ["taskset", "-c", processes.LOAD_CORE, "h2load", "-t1", "-c32", "-m10", f"-D{seconds}", *options]
    output = subprocess.run(
        [*command, f"{'https' if secure else 'http'}://127.0.0.1:{port}{pair.target}"], capture_output=True, text=True).stdout
    done = re.search(r"requests: .* (\d+) succeeded, (\d+) failed, (\d+) errored", output)
    status = re.search(r"status codes: (\d+) 2xx, 0 3xx, 0 4xx, 0 5xx", output)
    if not done or not status or done.group(2) != "0" or done.group(3) != "0":
        raise SystemExit("h2load failed: " + output)
    return int(done.group(1)), seconds


def handshakes(server, seconds, resumes):
    """New connections one after another, each with one request; the client is slower than the server, which CPU tells."""
    command = ["taskset", "-c", processes.LOAD_CORE, "python3", str(HERE / "handshakes.py"), str(server.secure_port)]
    done = subprocess.run([*command, str(seconds), "resumed" if resumes else "full"], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit("the handshakes failed: " + done.stderr)
    count, elapsed = done.stdout.split()
    return int(count), float(elapsed)


def row(title, target, load):
    """`load(server, pair, seconds)` gives a count and its seconds."""

    def run(bench):
        pair = Pair(bench, target)
        figures = {"nginx": [], "martlet": []}
        for name, server in pair.sides():
            load(server, pair, 1)
        for _ in range(bench.options.rounds):
            for name, server in pair.sides():
                figures[name].append(
                    per_request(server, lambda server=server: load(server, pair, bench.options.seconds)))
        found = {"row": title}
        for name, runs in figures.items():
            for value in ("rate", "cpu", "user", "system"):
                found[f"{name}_{value}"] = statistics.median(run[value] for run in runs)
        # How many requests of ours a second of CPU answers for one of nginx's.
        ratios = [theirs["cpu"] / ours["cpu"] for ours, theirs in zip(figures["martlet"], figures["nginx"])]
        found["per_cpu_second"] = statistics.median(ratios)
        bench.rows.append(found)
        print(f"{title:38} {found['martlet_rate']:>9,.0f}/s {found['martlet_cpu']:>7.2f} µs "
              f"({found['martlet_user']:.2f} + {found['martlet_system']:.2f}); nginx {found['nginx_rate']:,.0f}/s "
              f"{found['nginx_cpu']:.2f} µs; per CPU second {found['per_cpu_second']:.2f} × nginx "
              f"({min(ratios):.2f} to {max(ratios):.2f})", flush=True)  # fmt: skip

    return run


def idle_growth(server, secure, count):
    """MiB of RSS that so many connections add, each with one answer behind it."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and hard < count + 200:
        raise SystemExit(f"{count} connections need more than {hard} descriptors")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    fetch(server.port, "/healthz" if isinstance(server, processes.Martlet) else "/")
    before, links = server.memory()[0], []
    try:
        for _ in range(count):
            link = socket.create_connection(("127.0.0.1", server.secure_port if secure else server.port))
            link = context.wrap_socket(link) if secure else link
            link.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert link.recv(4_096).startswith(b"HTTP/1.1 200")
            links.append(link)
        time.sleep(1)
        return server.memory()[0] - before
    finally:
        for link in links:
            link.close()


def idle_row(title, secure):
    def run(bench):
        files = certificate(bench.folder)
        count = IDLE_TLS_COUNT if secure else IDLE_COUNT
        # New processes: what earlier rows left in memory would hide what connections add.
        server = processes.Martlet(bench.folder / f"idle-{secure}", "HS256", files=files, connections=count + 100)
        yardstick = processes.nginx(bench.folder / f"idle-nginx-{secure}", 64, files, connections=count + 100)
        try:
            ours, theirs = (idle_growth(one, secure, count) * IDLE_COUNT / count for one in (server, yardstick))
        finally:
            server.stop()
            yardstick.stop()
        bench.rows.append({"row": title, "martlet_mib": ours, "nginx_mib": theirs, "connections": count})
        print(f"{title:38} {ours:.1f} MiB for 10,000 connections; nginx {theirs:.1f} MiB", flush=True)

    return run


def allocations(bench):
    """Calls of the allocator for one request in steady state, counted by a library in front of it (malloc_count.c)."""
    import mallocs

    for title, kind in (("verify HS256", "HS256"), ("verify RS256, remembered", "RS256")):
        found = mallocs.per_request(bench.folder / f"mallocs-{kind}", kind)
        bench.rows.append({"row": f"allocations, {title}", **found})
        told = ", ".join(f"{name} {value:.2f}" for name, value in found.items())
        print(f"{'allocations, ' + title:38} {told}", flush=True)


ROWS = {
    "plain": row("HTTP/1.1 keep-alive, JWKS", PAGE, wrk),
    "pipelined": row(
        "HTTP/1.1 pipelined × 16, JWKS", PAGE,
        lambda server, pair, seconds: wrk(server, pair, seconds, connections=16, depth=16)),
    "verify-tls": row(
        "verify HS256, TLS 1.3 keep-alive", "/verify",
        lambda server, pair, seconds: wrk(server, pair, seconds, secure=True)),
    "h2c": row("h2c, 10 streams, JWKS", PAGE, h2load),
    "h2c-verify": row("h2c, 10 streams, verify HS256", "/verify", h2load),
    "h2": row("h2 over TLS, 10 streams, JWKS", PAGE, lambda *run: h2load(*run, secure=True)),
    "handshakes": row(
        "new TLS connections, full", PAGE, lambda server, _, seconds: handshakes(server, seconds, False)),
    "resumptions": row(
        "new TLS connections, resumed", PAGE, lambda server, _, seconds: handshakes(server, seconds, True)),
    "idle": idle_row("idle connections", False),
    "idle-tls": idle_row("idle connections over TLS", True),
    "allocations": allocations,
}  # fmt: skip
