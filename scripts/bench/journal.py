#!/usr/bin/env python3
"""make bench-journal: what durability costs, each figure beside the limit of this machine measured in the same run."""

import argparse
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import counts
import processes
import tokens
from bench import Load
from processes import Martlet

INSIDE = ".build/release/martlet-journal-bench"


def inside(*words):
    """The figures of one run of the in-process bench, by name."""
    done = subprocess.run([INSIDE, *map(str, words)], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{INSIDE} {' '.join(map(str, words))}: {done.stdout}{done.stderr}")
    figures = (json.loads(line) for line in done.stdout.splitlines() if line.startswith("{"))
    return {figure["name"]: figure["value"] for figure in figures}


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.rows = []
        print(f"{'':52} {'measured':>12} {'limit':>12}", flush=True)

    def row(self, name, value, limit=None, at_most=True):
        """Prints a figure, and whether it keeps its limit."""
        good = limit is None or (value <= limit if at_most else value >= limit)
        self.rows.append({"row": name, "value": value, "limit": limit, "at_most": at_most, "good": good})
        sign = "" if limit is None else ("≤ " if at_most else "≥ ") + figure(limit)
        print(f"{name:52} {figure(value):>12} {sign:>12}{'' if good else '  !'}", flush=True)

    def journal(self, count, kind):
        """A journal of `count` records, made once."""
        path = self.folder / f"{kind}-{count}"
        if not path.exists():
            inside("fill", path, count, kind)
        return path

    def commits(self):
        """Revocations through HTTP; loop, writer and load share the machine's cores as they would anywhere."""
        processes.SERVER_CORE = processes.LOAD_CORE = f"0-{processes.os.cpu_count() - 1}"
        server = Martlet(self.folder / "server", "HS256", pinned=False)
        try:
            token = server.login()["access_token"].encode()
            for connections in (1, 64):
                rates, nines, shares, bares, switches = [], [], [], [], []
                for number in range(self.options.rounds):
                    sync = inside("sync", self.folder)
                    count = int(sync["sync_per_second"] * 1.2 * min(connections, 30) * self.options.seconds) + 20_000
                    path = tokens.mint(self.folder / f"{connections}-{number}", token, "jti", server.keys(), count)
                    bare = Load(server, connections, 1, "verify", [path])
                    before = counts.tasks(server)
                    load = Load(server, connections, self.options.seconds, "revoke", [path])
                    after = counts.tasks(server)
                    switches.append((after - before).total() / max(load.count, 1))
                    if load.refused or load.broken or load.dry > connections:
                        raise SystemExit(f"{load.refused} refused, {load.broken} broken, {load.dry} without a token")
                    rates.append(load.rate / sync["sync_per_second"])
                    # What is left when the network, the client and a request's own work are taken away.
                    shares.append(load.rate * (1 / bare.rate + sync["sync_mean_us"] / 1e6))
                    nines.append(load.p99 * 1e3 / sync["sync_mean_us"])
                    bares.append((bare.p50 * 1e3, bare.p99 * 1e3 / sync["sync_mean_us"]))
                    print(f"    {connections} connections: {load.rate:,.0f}/s, p50 {load.p50:.2f} ms, p99 {load.p99:.2f} ms; "
                          f"one sync {sync['sync_mean_us']:.0f} µs, {sync['sync_per_second']:,.0f}/s", flush=True)
                limit = 0.8 if connections == 1 else 5
                name = f"durable revocations, {connections} connection{'s' * (connections > 1)}, × sync rate"
                self.row(name, sorted(rates)[len(rates) // 2], limit, at_most=False)
                if connections == 1:
                    self.row("  × what a sync and a bare round trip allow", sorted(shares)[len(shares) // 2])
                    # Of that, client, kernel and processors that have to be woken take this much without any journal.
                    self.row("  a bare round trip of the same client, µs", sorted(bare for bare, _ in bares)[len(bares) // 2])
                else:
                    self.row("  their p99, × one sync", sorted(nines)[len(nines) // 2], 4)
                    self.row("  p99 of as many verifications, × one sync", sorted(nine for _, nine in bares)[len(bares) // 2])
                self.row("  context switches per record", sorted(switches)[len(switches) // 2])
                path = tokens.mint(self.folder / f"{connections}-calls", token, "jti", server.keys(), 100_000)
                run = lambda path=path, connections=connections: Load(server, connections, 1, "revoke", [path])
                found = counts.calls(server, run, self.folder)
                self.row("  system calls per record", sum(found.values()))
        finally:
            server.stop()

    def replay(self):
        path = self.journal(10_000_000, "revocations")
        cached = Path("/dev/shm") / self.folder.name
        try:
            # Reading passes the page cache by, so memory has to be the disk.
            shutil.copytree(path, cached)
            best = max(inside("read", cached)["read_records_per_second"] for _ in range(self.options.rounds))
            self.row("read and checked from memory, records/s", best, 10e6, at_most=False)
            opened = min((inside("open", cached) for _ in range(self.options.rounds)),
                         key=lambda found: found["open_seconds"])
            self.row("  and taken up: restart from memory, s", opened["open_seconds"])
        finally:
            shutil.rmtree(cached, ignore_errors=True)
        self.opened("10 million revocations", path, 1.5)
        self.row("  octets an entry", self.last["open_octets_per_entry"], 16)
        self.row("  a lookup that finds nothing, ns", self.last["lookup_absent_ns"], 60)
        self.opened("1 million sessions", self.journal(1_000_000, "sessions"), None)
        self.row("  octets a session", self.last["open_octets_per_entry"], 40)

    def opened(self, name, path, limit):
        """The quickest of some restarts from the disk; reading alone is its limit here."""
        disk = max(inside("read", path)["read_records_per_second"] for _ in range(self.options.rounds))
        found = [inside("open", path) for _ in range(self.options.rounds)]
        self.last = min(found, key=lambda figures: figures["open_seconds"])
        self.row(f"{name}: read from the disk, records/s", disk)
        self.row("  restart, s", self.last["open_seconds"], limit)

    def compaction(self):
        found = inside("compact", self.journal(10_000_000, "half-dead"), self.options.seconds)
        sync = inside("sync", self.folder)["sync_mean_us"]
        self.row("compaction of 10 million records, s", found["compaction_seconds"])
        self.row("  records kept", found["compaction_kept_records"])
        self.row("  p99 of a commit without, µs", found["quiet_revoke_p99_us"])
        self.row("  p99 of a commit meanwhile, µs", found["compacting_revoke_p99_us"],
                 found["quiet_revoke_p99_us"] + 2 * sync)
        self.row("  p99 of a lookup without, ns", found["quiet_lookup_p99_ns"])
        self.row("  p99 of a lookup meanwhile, ns", found["compacting_lookup_p99_ns"])

    def large(self):
        path = self.journal(100_000_000, "revocations")
        self.options.rounds = 1
        self.opened("100 million revocations", path, 12)
        self.row("  RSS, MiB", self.last["open_resident_mebibytes"], 2_048)
        self.row("  a lookup that finds nothing, ns", self.last["lookup_absent_ns"])


def figure(value):
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.3g}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", default="commits,replay,compaction", help="some of commits, replay, compaction")
    parser.add_argument("--full", action="store_true", help="100 million revocations too: 7 GiB of disk, some minutes")
    parser.add_argument("--seconds", type=int, default=3, help="length of a run")
    parser.add_argument("--rounds", type=int, default=3, help="runs, of which the median or the best counts")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    parser.add_argument("--folder", default=".build/bench", help="where the journals lie while measuring")
    options = parser.parse_args()
    parts = options.parts.split(",") + ["large"] * options.full
    unknown = set(parts) - {"commits", "replay", "compaction", "large"}
    if unknown:
        parser.error("no such part: " + ", ".join(sorted(unknown)))
    Path(options.folder).mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=Path(options.folder).resolve()))
    try:
        bench = Bench(options, folder)
        for part in parts:
            getattr(bench, part)()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        Path(options.json).write_text(json.dumps(bench.rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
