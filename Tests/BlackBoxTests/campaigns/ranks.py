"""Whether the time of a refused login says why: `python -m campaigns.ranks --tries 300`, in Tests/BlackBoxTests.

Sends logins of an unknown user, with a wrong password, and of a disabled account with its right password, in random
order over one connection, and compares the times of each two kinds with the rank test of Mann and Whitney. Ends with 1 if
one of the differences is significant (two-sided, α = 0.001 over the three comparisons).
"""

import argparse
import itertools
import json
import math
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from harness.accounts import AMY, PEOPLE
from harness.server import Server
from harness.wire import request

ALPHA = 0.001
DISABLED = next(person for person in PEOPLE if person.disabled)
SETTINGS = {"alg": "HS256", "log_level": "info", "hash_workers": 1}


def measure(server: Server, tries: int) -> dict[str, list[float]]:
    """Milliseconds of so many logins of each kind."""
    times: dict[str, list[float]] = {"unknown": [], "wrong": [], "disabled": []}
    order = [kind for kind in times for _ in range(tries)]
    random.shuffle(order)
    with server.wire(timeout=60) as wire:
        for number, kind in enumerate(["unknown"] * 5 + order):
            name, password = {
                "unknown": (f"nobody-{number:05}", "a guess at it"),
                "wrong": (AMY.name, "a guess at it"),
                "disabled": (DISABLED.name, DISABLED.password),
            }[kind]
            body = json.dumps({"username": name, "password": password}).encode()
            began = time.perf_counter()
            wire.send(request("POST", "/login", body, Content_Type="application/json"))
            answer = wire.answer()
            took = (time.perf_counter() - began) * 1e3
            assert (answer.status, answer.code) == (401, "invalid_credentials")
            # The first ones warm up the worker's memory.
            if number >= 5:
                times[kind].append(took)
    return times


def p_value(left: list[float], right: list[float]) -> float:
    """Two-sided, by the normal approximation with mean ranks for ties."""
    values = sorted((value, side) for side, values in enumerate((left, right)) for value in values)
    rank_sum, ties, index = 0.0, 0.0, 0
    while index < len(values):
        end = index
        while end < len(values) and values[end][0] == values[index][0]:
            end += 1
        rank = (index + 1 + end) / 2
        rank_sum += rank * sum(1 for _, side in values[index:end] if side == 0)
        ties += (end - index) ** 3 - (end - index)
        index = end
    m, n = len(left), len(right)
    total = m + n
    mean = m * (total + 1) / 2
    variance = m * n / 12 * ((total + 1) - ties / (total * (total - 1)))
    return math.erfc(abs(rank_sum - mean) / math.sqrt(2 * variance)) if variance > 0 else 1.0


def compare(times: dict[str, list[float]]) -> dict[tuple[str, str], float]:
    return {(a, b): p_value(times[a], times[b]) for a, b in itertools.combinations(times, 2)}


def is_significant(values: dict[tuple[str, str], float]) -> bool:
    return min(values.values()) < ALPHA / len(values)


def report(times: dict[str, list[float]], values: dict[tuple[str, str], float]) -> None:
    for kind, found in times.items():
        print(f"{kind:9} {len(found)} tries, median {statistics.median(found):.3f} ms")
    for (a, b), value in values.items():
        print(f"{a} and {b}: p = {value:.4f}")
    print("significant" if is_significant(values) else f"no significant difference at α = {ALPHA}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tries", type=int, default=300)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ranks-") as folder:
        server = Server(Path(folder) / "server", **SETTINGS).start()
        try:
            times = measure(server, options.tries)
        finally:
            server.close()
    values = compare(times)
    report(times, values)
    return 1 if is_significant(values) else 0


if __name__ == "__main__":
    sys.exit(main())
