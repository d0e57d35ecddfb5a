#!/usr/bin/env python3
"""make bench: the service and nginx side by side on one core, wrk on the other. docs/performance.md says how to read it."""

import argparse
import json
import platform
import resource
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path

import batches
import browser
import engine
import loops
import processes
import sessions
import spray
import tokens
from processes import Martlet

HERE = Path(__file__).resolve().parent


class Load:
    """One run of wrk and what it and the server used."""

    def __init__(self, server, connections, seconds, mode, files):
        command = ["taskset", "-c", processes.LOAD_CORE, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s"]
        command += ["--timeout", "10s", "-s", str(HERE / "requests.lua"), f"http://127.0.0.1:{server.port}/"]
        before, own = server.processor_seconds(), self.children()
        output = subprocess.run(command + ["--", mode, *map(str, files)], capture_output=True, text=True).stdout
        after = server.processor_seconds()
        if "RESULT " not in output:
            raise SystemExit("wrk failed: " + output)
        found = json.loads(output.split("RESULT ", 1)[1].splitlines()[0])
        self.count, self.elapsed = found["requests"], found["microseconds"] / 1e6
        self.rate = self.count / self.elapsed
        self.p50, self.p99 = found["p50"] / 1e3, found["p99"] / 1e3
        self.user, self.system = ((late - early) * 1e6 / max(self.count, 1) for early, late in zip(before, after))
        self.load_core = (self.children() - own) / self.elapsed
        self.refused, self.broken, self.dry = found["refused"], found["broken"], found["dry"]

    @staticmethod
    def children():
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.rows = []
        self.servers = {}

    def service(self, name, algorithm, files=None):
        """A running service by name, started when first asked for, and the answer of a login to it."""
        name = f"{name}-{algorithm}" if files else name
        if name not in self.servers:
            server = Martlet(self.folder / name, algorithm, files=files)
            self.servers[name] = (server, server.login())
        return self.servers[name]

    def nginx(self, byte_count, files=None):
        """nginx, answering with so many octets; with the files of a certificate it has every protocol."""
        name = f"nginx-{byte_count}-{bool(files)}"
        if name not in self.servers:
            self.servers[name] = (processes.nginx(self.folder / name, byte_count, files), None)
        return self.servers[name][0]

    def yardstick(self):
        """nginx, answering with as many octets as a verification does."""
        if "nginx" not in self.servers:
            server, login = self.service("hs256", "HS256")
            body = server.verified(login["access_token"])
            self.servers["nginx"] = (processes.nginx(self.folder / "nginx", len(body)), None)
        return self.servers["nginx"][0]

    def mint(self, server, token, member, count):
        path = self.folder / f"tokens-{len(list(self.folder.glob('tokens-*')))}"
        return tokens.mint(path, token.encode(), member, server.keys(), count)

    def load(self, server, connections, mode, files):
        return Load(server, connections, self.options.seconds, mode, files)

    def measure(self, title, server, mode, files, refused=False, compared=True, connections=64, again=None):
        """Runs of the service, each after one of nginx with the same requests where they compare.

        `files` gives the token files of the next run and is told how long it will be. `compared` may name another nginx
        than the one whose answers are as long as those of a verification. Where the service takes each token only once,
        `again` gives the mode and the files with which nginx gets the same requests over and over.
        """
        if compared is True:
            compared = self.yardstick()
        yardstick = compared or None

        def refer(seconds, batch):
            peer_mode, peer_files = again or (mode, batch)
            return Load(yardstick, connections, seconds, peer_mode, peer_files)

        # The first run warms both up and tells how many tokens the others may need.
        rate = Load(server, connections, 1, mode, files(1, None)).rate
        if yardstick:
            refer(1, files(1, rate))
        runs, references = [], []
        for _ in range(self.options.rounds):
            batch = files(self.options.seconds, rate)
            if yardstick:
                references.append(refer(self.options.seconds, batch))
            runs.append(Load(server, connections, self.options.seconds, mode, batch))
        self.add(title, connections, server, runs, references, refused)

    def add(self, title, connections, server, runs, references, refused):
        def median(list_, value):
            return statistics.median(value(item) for item in list_)

        row = {"row": title, "connections": connections}
        for name in ("rate", "p50", "p99", "user", "system", "load_core"):
            row[name] = median(runs, lambda run: getattr(run, name))
        if references:
            row["nginx_rate"] = median(references, lambda run: run.rate)
            row["nginx_processor"] = median(references, lambda run: run.user + run.system)
            pairs = list(zip(runs, references))
            row["rate_ratio"] = median(pairs, lambda pair: pair[0].rate / pair[1].rate)
            row["processor_ratio"] = median(
                pairs, lambda pair: (pair[0].user + pair[0].system) / (pair[1].user + pair[1].system))
        row["rss"], row["pss"] = server.memory()
        row["spread"] = (max(run.rate for run in runs) - min(run.rate for run in runs)) / row["rate"]
        notes = []
        for run in runs:
            wrong = run.count - run.refused if refused else run.refused
            notes += [f"{wrong} answers of the other kind"] * (wrong > 64) + [f"{run.broken} broken"] * (run.broken > 0)
            notes += [f"{run.dry} requests without a token"] * (run.dry > 64)
        row["notes"] = sorted(set(notes))
        self.rows.append(row)
        print(format_row(row), flush=True)


def always(path):
    return lambda seconds, rate: [path]


def verify_row(title, name, count, mode="verify", transform=None, **more):
    def run(bench):
        server, login = bench.service(name, name.upper())
        path = bench.mint(server, login["access_token"], "jti", count)
        if transform:
            path = transform(path, bench.folder / (path.name + "-changed"))
        bench.measure(title, server, mode, always(path), **more)

    return run


def refresh_row(title):
    def run(bench):
        server, login = bench.service("hs256", "HS256")
        # More chains than connections, so that one is always free.
        files = lambda seconds, rate: [bench.mint(server, login["refresh_token"], "sid", 256)]
        again = "refresh-again", [bench.mint(server, login["refresh_token"], "sid", 1_000)]
        # A refresh is answered with as many octets as a login, give or take a digit.
        yardstick = bench.nginx(len(json.dumps(login, separators=(",", ":"))))
        bench.measure(title, server, "refresh", files, compared=yardstick, again=again)

    return run


def client_row(title, algorithm):
    def run(bench):
        server, _ = bench.service(f"client-{algorithm.lower()}", algorithm)
        credentials = server.add_client("bench")
        path = bench.folder / f"client-{algorithm}.txt"
        path.write_text(credentials + "\n")
        yardstick = bench.nginx(len(server.client_token(credentials)))
        bench.measure(title, server, "token", always(path), compared=yardstick)

    return run


def revoke_row(title, connections):
    def run(bench):
        server, login = bench.service("hs256", "HS256")

        def files(seconds, rate):
            count = int(rate * 1.4 * seconds) if rate else 1_500 * connections + 20_000
            return [bench.mint(server, login["access_token"], "jti", count + 1_000)]

        again = "revoke-again", [bench.mint(server, login["access_token"], "jti", 1_000)]
        bench.measure(
            title, server, "revoke", files, compared=bench.nginx(0), connections=connections, again=again)

    return run


def mixed_row(title):
    def run(bench):
        server, login = bench.service("hs256", "HS256")
        verified = bench.mint(server, login["access_token"], "jti", 10_000)

        def files(seconds, rate):
            share = (rate or 150_000) * 1.4 * seconds / 100
            return [
                verified,
                bench.mint(server, login["refresh_token"], "sid", int(share * 4) + 1_000),
                bench.mint(server, login["access_token"], "jti", int(share) + 1_000),
            ]

        again = "mixed-again", [
            verified, bench.mint(server, login["refresh_token"], "sid", 1_000),
            bench.mint(server, login["access_token"], "jti", 1_000)]  # fmt: skip
        bench.measure(title, server, "mixed", files, again=again)

    return run


def revoked_row(title):
    def run(bench):
        server, login = bench.service("revoked", "HS256")
        batch = bench.mint(server, login["access_token"], "jti", 100_000)
        for seconds in (2, 4, 8, 16, 32):
            # A token that is revoked already is answered again, so a longer run gets through the whole file.
            if Load(server, 64, seconds, "revoke", [batch]).dry:
                break
        else:
            raise SystemExit("100,000 revocations take more than half a minute")
        path = bench.mint(server, login["access_token"], "jti", 10_000)
        bench.measure(title, server, "verify", always(path))

    return run


def start_up(bench):
    """From exec to the first 200, with nothing to replay."""
    times = []
    for number in range(11):
        folder = bench.folder / "start"
        shutil.rmtree(folder / "state", ignore_errors=True)
        (folder / "state.seen").unlink(missing_ok=True)
        server = Martlet(folder, "RS256", pinned=False)
        # The first one makes keys, which the others find.
        times += [server.seconds_to_answer * 1e3] * (number > 0)
        rss, pss = server.memory()
        server.stop()
    row = {"row": "start-up", "median_ms": statistics.median(times), "max_ms": max(times), "rss": rss, "pss": pss}
    bench.rows.append(row)
    print(f"start-up, exec to first 200: median {row['median_ms']:.1f} ms, slowest {row['max_ms']:.1f} ms; "
          f"idle {rss:.1f} MiB RSS, {pss:.1f} MiB PSS", flush=True)


ROWS = {
    "verify-hs256": verify_row("verify HS256, 10,000 tokens", "hs256", 10_000),
    "verify-hs256-body": verify_row("verify HS256, token in a JSON body", "hs256", 10_000, mode="body"),
    "verify-rs256": verify_row("verify RS256, 2,000 tokens", "rs256", 2_000),
    "verify-rs256-one": verify_row("verify RS256, one token", "rs256", 2),
    "wrong-signature": verify_row(
        "verify, wrong HS256 signature", "hs256", 10_000, transform=tokens.broken, refused=True),
    "refresh": refresh_row("refresh, HS256, durable"),
    "revoke": revoke_row("revoke, durable", 64),
    "revoke-1": revoke_row("revoke, durable, one at a time", 1),
    "mixed": mixed_row("95 % verify, 4 % refresh, 1 % revoke"),
    "verify-revoked": revoked_row("verify HS256, 100,000 ids revoked"),
    "client-credentials-rs256": client_row("token for a client, RS256", "RS256"),
    "client-credentials-es256": client_row("token for a client, ES256", "ES256"),
    "client-credentials-hs256": client_row("token for a client, HS256", "HS256"),
    "start-up": start_up,
    **engine.ROWS,
    **loops.ROWS,
    **sessions.ROWS,
    **batches.ROWS,
    **browser.ROWS,
    **spray.ROWS,
}

HEAD = (f"{'':38} {'conn':>4} {'req/s':>8} {'nginx':>8} {'ratio':>6} {'p50 ms':>7} {'p99 ms':>7} "
        f"{'user µs':>8} {'sys µs':>7} {'CPU':>6} {'RSS':>6} {'PSS':>6} {'wrk':>5}")


def format_row(row):
    def ratio(name):
        return f"{row[name]:.2f}" if name in row else "–"

    nginx = f"{row['nginx_rate']:,.0f}" if "nginx_rate" in row else "–"
    text = (f"{row['row']:38} {row['connections']:>4} {row['rate']:>8,.0f} {nginx:>8} {ratio('rate_ratio'):>6} "
            f"{row['p50']:>7.2f} {row['p99']:>7.2f} {row['user']:>8.2f} {row['system']:>7.2f} "
            f"{ratio('processor_ratio'):>6} {row['rss']:>6.1f} {row['pss']:>6.1f} {row['load_core']:>5.0%}")
    return text + "".join(f"\n    ! {note}" for note in row["notes"])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", default=",".join(ROWS), help="some of: " + ", ".join(ROWS))
    parser.add_argument("--seconds", type=int, default=4, help="length of a run")
    parser.add_argument("--rounds", type=int, default=5, help="runs per row, of which the median counts")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    parser.add_argument("--folder", default=".build/bench", help="where the journals lie while measuring")
    options = parser.parse_args()
    chosen = options.rows.split(",")
    unknown = [name for name in chosen if name not in ROWS]
    if unknown:
        parser.error("no such row: " + ", ".join(unknown))

    Path(options.folder).mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=Path(options.folder).resolve()))
    bench = Bench(options, folder)
    machine = {
        "processor": next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if "model name" in line), "?"),
        "kernel": platform.release(),
        "sync_microseconds": processes.sync_microseconds(folder),
    }
    print(f"{machine['processor']}, Linux {machine['kernel']}; one durable 4 KiB write takes "
          f"{machine['sync_microseconds']:.0f} µs.\nMedian of {options.rounds} runs of {options.seconds} s; the server on "
          f"one core, wrk on another. CPU and ratio: against nginx with the same requests; MiB.\n{HEAD}", flush=True)
    try:
        for name in chosen:
            ROWS[name](bench)
    finally:
        for server, _ in bench.servers.values():
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        Path(options.json).write_text(json.dumps({"machine": machine, "rows": bench.rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
