"""Abuse of every kind beside honest traffic: `python -m campaigns.soak --seconds 3600`, in Tests/BlackBoxTests.

Prints memory, descriptors and honest requests every minute (every ten seconds in short runs). Ends with 1 when an honest
request failed, when memory still grows after the first third, or when descriptors do not come back.
"""

import argparse
import dataclasses
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import argon2

from harness import abuse
from harness.accounts import AMY
from harness.secured import PROTOCOLS, Secured
from harness.server import Server
from harness.wire import request

GROWTH_MAX_KIB = 8_192
JSON = "application/json"
# Seconds; a busy machine is slow and loses nothing.
PATIENCE = 60


class Honest:
    """One client's life, over and over: a login, verifications, a refresh, a sign-out, and a token that is dead then."""

    def __init__(self, secured, protocol: str):
        self.secured, self.protocol = secured, protocol
        self.done, self.failures = 0, []

    def run(self, until: float) -> None:
        while time.monotonic() < until:
            try:
                self.live()
            except Exception as failure:
                self.failures.append(f"{self.protocol}: {failure!r}")
            time.sleep(0.5)

    def live(self) -> None:
        with self.secured.connect(self.protocol) as self.connection:
            self.connection.socket.settimeout(PATIENCE)
            body = {"username": AMY.name, "password": AMY.password}
            session = self.log_in(body)
            for _ in range(30):
                self.ask("GET", "/verify", None, 200, session["access_token"])
            fresh = self.ask("POST", "/refresh", {"refresh_token": session["refresh_token"]}, 200)
            assert fresh["session_id"] == session["session_id"]
            self.ask("POST", "/verify", {"token": fresh["access_token"]}, 200)
            self.ask("POST", "/logout", {"refresh_token": fresh["refresh_token"]}, 204)
            self.ask("GET", "/verify", None, 401, fresh["access_token"])

    def log_in(self, body: dict):
        """A full queue of logins answers 503 with Retry-After; an honest client comes again."""
        deadline = time.monotonic() + PATIENCE
        while True:
            session = self.ask("POST", "/login", body, 200, spare=503 if time.monotonic() < deadline else 200)
            if "access_token" in session:
                return session
            time.sleep(1)

    def ask(self, method: str, path: str, members, wanted: int, token: str = "", spare: int = 0):
        body = json.dumps(members).encode() if members else b""
        if self.protocol in ("h2", "h2c"):
            fields = [("authorization", f"Bearer {token}")] if token else []
            fields += [("content-type", JSON)] if body else []
            answer = self.connection.wait(self.connection.ask(method, path, fields, body or None))[0]
        else:
            fields = {"Authorization": f"Bearer {token}"} if token else {}
            fields |= {"Content_Type": JSON} if body else {}
            self.connection.send(request(method, path, body, **fields))
            answer = self.connection.answer()
        assert answer.status in (wanted, spare), f"{method} {path}: {answer.status} instead of {wanted}, {answer.body[:300]}"
        self.done += 1
        return json.loads(answer.body) if answer.body else None


def resident(server) -> int:
    """KiB."""
    status = Path(f"/proc/{server.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


def descriptors(server) -> int:
    return len(os.listdir(f"/proc/{server.pid}/fd"))


def soak(secured, seconds: float) -> list[str]:
    """What went wrong; prints what was measured."""
    server = secured.server
    clients = [Honest(secured, protocol) for protocol in PROTOCOLS]
    for client in clients:
        client.live()
    time.sleep(1)
    at_first = descriptors(server)
    context = multiprocessing.get_context("spawn")
    strangers = context.Process(target=abuse.run, args=(server.port, secured.port, seconds))
    until = time.monotonic() + seconds
    threads = [threading.Thread(target=client.run, args=(until,)) for client in clients]
    strangers.start()
    for thread in threads:
        thread.start()
    began, samples, pause = time.monotonic(), [], 60 if seconds >= 600 else 10
    next_line = began + pause
    while (now := time.monotonic()) < until:
        # An hour's log would be more than this process has use for.
        del server.run.chunks[:-1_000]
        samples.append((now - began, resident(server)))
        if now >= next_line:
            next_line += pause
            counts = f"{sum(client.done for client in clients)} honest requests"
            failed = sum(len(client.failures) for client in clients)
            print(f"{now - began:6.0f} s  {samples[-1][1] / 1024:6.1f} MiB  {descriptors(server):5} descriptors  "
                  f"{counts}, {failed} failed", flush=True)  # fmt: skip
        time.sleep(min(1, pause / 10))
    for thread in threads:
        thread.join()
    strangers.join(60)
    wrong = [failure for client in clients for failure in client.failures]
    if strangers.exitcode != 0:
        wrong.append(f"the strangers ended with {strangers.exitcode}")
    early = statistics.median(kib for at, kib in samples if seconds / 3 <= at < seconds / 2)
    late = statistics.median(kib for at, kib in samples if at >= seconds * 5 / 6)
    print(f"memory after the first third {early / 1024:.1f} MiB, at the end {late / 1024:.1f} MiB")
    if late - early > GROWTH_MAX_KIB:
        wrong.append(f"memory grew by {(late - early) / 1024:.1f} MiB")
    deadline = time.monotonic() + 30
    while descriptors(server) > at_first and time.monotonic() < deadline:
        time.sleep(0.1)
    print(f"descriptors at first {at_first}, at the end {descriptors(server)}")
    if descriptors(server) > at_first:
        wrong.append("descriptors did not come back")
    return wrong


def make_server(folder: Path) -> Secured:
    """State that expires within the run, so that what is left over is a leak."""
    # A client that gets no processor for a while must not be taken for one that is idle.
    times = {"head_timeout": "5s", "body_timeout": "5s", "write_timeout": "5s", "idle_timeout": "20s"}
    # Cheap hashes: the processor is for the abuse here, and passwords have tests of their own.
    hasher = argon2.PasswordHasher(time_cost=5, memory_cost=7_168, parallelism=1, hash_len=32, salt_len=16)
    people = (dataclasses.replace(AMY, password_hash=hasher.hash(AMY.password)),)
    hashing = {"argon2_memory": 7_168, "argon2_passes": 5}
    lives = {"access_ttl": "30s", "refresh_idle": "1m", "session_max": "1m"}
    return Secured(
        lambda **settings: Server(folder, people=people, **settings),
        alg="HS256", login_source_failures=0, **times, **lives, **hashing,
    )  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3_600)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mt-soak-") as folder:
        secured = make_server(Path(folder) / "server")
        secured.server.start()
        try:
            wrong = soak(secured, options.seconds)
            if secured.server.run.is_running and secured.server.stop() != 0:
                wrong.append("the service did not end with 0")
        finally:
            secured.server.close()
    for line in wrong[:20]:
        print(f"WRONG: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
