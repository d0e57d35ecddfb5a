"""Guessing connections beside honest users: `python -m campaigns.spray --seconds 60`, in Tests/BlackBoxTests.

The guesses come over 100 connections, for 50,000 names of which some exist, each from an address of its own that the
trusted proxy field names. Beside them users log in from an address that the service knows, with a device token from
ever-new addresses, and, for comparison, from new addresses without one. Prints how many got in, how long that took, and
the memory of the service. Ends with 1 if fewer than 99 % of the first two kinds got in, or if the memory has grown by
more than 16 MiB.

`--flood 1000000` sends that many guesses first, each with another name and another address, in pipelined batches: most
are rejected without hashing, and all of them pass the tables that limit guesses.
"""

import argparse
import asyncio
import json
import multiprocessing
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from campaigns.soak import resident
from harness.accounts import Person, argon2id
from harness.server import Server
from harness.wire import request

NAMES = 50_000
CONNECTIONS = 100
GROWTH_MAX_KIB = 16_384
SHARE_MIN = 0.99
PASSWORD = "honest people sign in 7"
KINDS = ("known address", "device token", "stranger")
# How many honest users of each kind log in one after another.
USERS = 2


def address(chance: random.Random) -> str:
    return ".".join(str(chance.randrange(1, 255)) for _ in range(4))


def login(name: str, password: str, source: str, **members) -> bytes:
    body = json.dumps({"username": name, "password": password, **members}).encode()
    return request("POST", "/login", body, Content_Type="application/json", X_Forwarded_For=source)


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    return int(head[9:12]), await reader.readexactly(length)


async def guess(port: int, seed: int, until: float, counts: Counter) -> None:
    chance = random.Random(seed)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.monotonic() < until:
        # Every tenth guess is at one of the honest users.
        name = f"honest-{chance.randrange(3 * USERS)}" if chance.random() < 0.1 else f"name-{chance.randrange(NAMES)}"
        writer.write(login(name, "a guess at it", address(chance)))
        status, _ = await read_answer(reader)
        counts[status] += 1
    writer.close()


async def flood(port: int, count: int, counts: Counter) -> None:
    """Guesses in batches, so that most of them find all places taken."""
    batch, numbers = 100, iter(range(0, count, 100))

    async def send() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for first in numbers:
            writer.write(
                b"".join(
                    login(f"flood-{n}", "a guess at it", f"{11 + (n >> 20)}.{n >> 12 & 255}.{n >> 4 & 255}.{n % 16}")
                    for n in range(first, min(first + batch, count))
                )
            )
            for _ in range(min(batch, count - first)):
                counts[(await read_answer(reader))[0]] += 1
        writer.close()

    await asyncio.gather(*(send() for _ in range(CONNECTIONS)))


def guessers(port: int, seconds: float, queue) -> None:
    """A process of its own, so that the guesses do not slow the honest users' client."""
    counts: Counter = Counter()

    async def all_of_them() -> None:
        until = time.monotonic() + seconds
        await asyncio.gather(*(guess(port, seed, until, counts) for seed in range(CONNECTIONS)))

    asyncio.run(all_of_them())
    queue.put(dict(counts))


def flooders(port: int, count: int, queue) -> None:
    counts: Counter = Counter()
    asyncio.run(flood(port, count, counts))
    queue.put(dict(counts))


def beside(target, *arguments):
    """Starts `target` in another process; what this returns waits for its answer."""
    queue = multiprocessing.Queue()
    process = multiprocessing.Process(target=target, args=(*arguments, queue), daemon=True)
    process.start()

    def wait():
        answer = queue.get(timeout=3_600)
        process.join(60)
        return answer

    return wait


class Honest:
    """One user who logs in again and again."""

    def __init__(self, server: Server, kind: str, number: int):
        self.server, self.kind, self.name = server, kind, f"honest-{number}"
        self.chance = random.Random(number)
        self.home, self.device = f"198.51.100.{number + 1}", ""
        self.statuses: Counter = Counter()
        self.seconds: list[float] = []

    def log_in(self) -> int:
        source = self.home if self.kind == "known address" else address(self.chance)
        members = {"device": "a phone", "device_token": self.device} if self.kind == "device token" else {}
        began = time.monotonic()
        with self.server.wire(timeout=60) as wire:
            wire.send(login(self.name, PASSWORD, source, **members))
            answer = wire.answer()
        if answer.status == 200:
            self.device = json.loads(answer.body).get("device_token", "")
            self.server.remember(self.device)
            self.seconds.append(time.monotonic() - began)
        return answer.status

    def run(self, until: float) -> None:
        while time.monotonic() < until:
            self.statuses[self.log_in()] += 1
            time.sleep(0.2)


class Spray:
    """What came of one spray."""

    def __init__(self, server: Server, seconds: float, count: int = USERS):
        self.users = [Honest(server, kind, index * USERS + n) for index, kind in enumerate(KINDS) for n in range(count)]
        for user in self.users:
            if user.kind != "stranger":
                assert user.log_in() == 200
        self.quiet = [second for user in self.users for second in user.seconds]
        for user in self.users:
            user.seconds = []
        self.memory_before = resident(server)
        guesses = beside(guessers, server.port, seconds)
        time.sleep(min(1, seconds / 5))
        until = time.monotonic() + seconds * 4 / 5 - 0.5
        threads = [threading.Thread(target=user.run, args=(until,)) for user in self.users]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.guesses = guesses()
        self.memory_after = resident(server)

    def statuses(self, kind: str) -> Counter:
        return sum((user.statuses for user in self.users if user.kind == kind), Counter())

    def share(self, kind: str) -> float:
        found = self.statuses(kind)
        return found[200] / max(sum(found.values()), 1)

    def slowest(self, kind: str) -> float:
        """The 99th percentile of the logins that succeeded, in seconds."""
        times = sorted(second for user in self.users if user.kind == kind for second in user.seconds)
        return times[int(len(times) * 0.99)] if times else float("nan")

    def print(self) -> None:
        print(f"guesses: {sum(self.guesses.values())}, by status {self.guesses}")
        print(f"a login while nothing else runs: median {statistics.median(self.quiet) * 1e3:.0f} ms")
        for kind in KINDS:
            count = sum(self.statuses(kind).values())
            print(f"{kind:14} {self.share(kind):7.2%} of {count} got in, p99 {self.slowest(kind) * 1e3:.0f} ms; "
                  f"{dict(self.statuses(kind))}")  # fmt: skip


def people() -> tuple[Person, ...]:
    hashed = argon2id(PASSWORD)
    return tuple(Person(f"honest-{n}", PASSWORD, password_hash=hashed) for n in range(len(KINDS) * USERS))


# The product's own limits, not those of the other tests.
SETTINGS = {
    "alg": "HS256", "trusted_proxies": "127.0.0.1", "log_level": "info", "login_account_failures": 10,
    "login_source_failures": 100,
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--flood", type=int, default=0, metavar="COUNT")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="spray-") as folder:
        server = Server(Path(folder) / "server", people(), **SETTINGS).start()
        try:
            warm = Spray(server, 3)
            before = warm.memory_after
            if options.flood:
                began = time.monotonic()
                counts = beside(flooders, server.port, options.flood)()
                print(f"flood: {counts} in {time.monotonic() - began:.0f} s")
            spray = Spray(server, options.seconds)
        finally:
            server.close()
    spray.print()
    grown = spray.memory_after - before
    print(f"memory: {before} KiB before, {spray.memory_after} KiB after, {grown:+} KiB")
    is_good = all(spray.share(kind) >= SHARE_MIN for kind in KINDS[:2]) and grown <= GROWTH_MAX_KIB
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
