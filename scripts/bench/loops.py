"""One event loop and two, each on the same two cores as the load: how much the second one adds.

For verifications, nginx with one worker and two shows how much a second one can add there.
"""

import json
import statistics
import subprocess
from pathlib import Path

import processes
from processes import Martlet

HERE = Path(__file__).resolve().parent
CORES = f"{processes.SERVER_CORE},{processes.LOAD_CORE}"
CONNECTIONS = 32


def load(server, seconds, mode, batches):
    """Two processes of wrk at once, with 32 connections each: one by itself would be the limit of two loops.

    Returns requests a second, the server's CPU in µs a request, and the worse p99 in ms.
    """
    def command(files):
        return ["taskset", "-c", CORES, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-s",
                str(HERE / "requests.lua"), f"http://127.0.0.1:{server.port}/", "--", mode, *map(str, files)]  # fmt: skip

    before = sum(server.processor_seconds())
    running = [subprocess.Popen(command(files), stdout=subprocess.PIPE, text=True) for files in batches]
    outputs = [process.communicate()[0] for process in running]
    used = sum(server.processor_seconds()) - before
    found = [json.loads(output.split("RESULT ", 1)[1].splitlines()[0]) for output in outputs]
    if any(result["dry"] > CONNECTIONS or result["broken"] for result in found):
        raise SystemExit(f"requests without a token, or broken ones: {found}")
    count = sum(result["requests"] for result in found)
    rate = sum(result["requests"] / result["microseconds"] * 1e6 for result in found)
    return rate, used * 1e6 / max(count, 1), max(result["p99"] for result in found) / 1e3


def row(title, mode):
    def run(bench):
        servers = {}
        for loops in (1, 2):
            folder = bench.folder / f"loops-{mode}-{loops}"
            servers[loops] = Martlet(folder, "HS256", pinned=False, more={"MARTLET_THREADS": str(loops)})
        peers = {}
        try:
            if mode == "verify":
                length = len(servers[1].verified(servers[1].login()["access_token"]))
                for workers in (1, 2):
                    folder = bench.folder / f"workers-{workers}"
                    peers[workers] = processes.nginx(folder, length, workers=workers, pinned=False)
            measure(bench, title, mode, servers, peers)
        finally:
            for server in [*servers.values(), *peers.values()]:
                server.stop()

    return run


def measure(bench, title, mode, servers, peers):
    logins = {loops: server.login() for loops, server in servers.items()}
    fixed = {}

    def batches(loops, seconds, rate):
        if mode == "revoke":
            count = int(rate * 1.4 * seconds / 2) + 5_000
            return [[bench.mint(servers[loops], logins[loops]["access_token"], "jti", count)] for _ in range(2)]
        if loops not in fixed:
            fixed[loops] = bench.mint(servers[loops], logins[loops]["access_token"], "jti", 10_000)
        return [[fixed[loops]], [fixed[loops]]]

    rates = {loops: load(server, 1, mode, batches(loops, 1, 200_000))[0] for loops, server in servers.items()}
    runs = {1: [], 2: []}
    rates_of_peers = {1: [], 2: []}
    # By turns, so that what else the machine does falls on both.
    for _ in range(bench.options.rounds):
        for loops, server in servers.items():
            runs[loops].append(load(server, bench.options.seconds, mode, batches(loops, bench.options.seconds, rates[loops])))
        for workers, peer in peers.items():
            rates_of_peers[workers].append(load(peer, bench.options.seconds, mode, batches(1, bench.options.seconds, 0))[0])
    found = {"row": title, "ratio": statistics.median(two[0] / one[0] for one, two in zip(runs[1], runs[2]))}
    for loops, results in runs.items():
        for name, values in zip(("rate", "processor", "p99"), zip(*results)):
            found[f"{name}_{loops}"] = statistics.median(values)
    bench.rows.append(found)
    print(f"{title}: {found['rate_1']:,.0f}/s with one loop, {found['rate_2']:,.0f}/s with two, ratio {found['ratio']:.2f}; "
          f"CPU {found['processor_1']:.1f} and {found['processor_2']:.1f} µs, p99 {found['p99_1']:.2f} and "
          f"{found['p99_2']:.2f} ms; the load on the same two cores", flush=True)  # fmt: skip
    if peers:
        found["nginx_ratio"] = statistics.median(two / one for one, two in zip(rates_of_peers[1], rates_of_peers[2]))
        print(f"  nginx with one worker and two: ratio {found['nginx_ratio']:.2f}", flush=True)


ROWS = {
    "loops-verify": row("verify HS256, one loop and two", "verify"),
    "loops-revoke": row("revoke, durable, one loop and two", "revoke"),
}
