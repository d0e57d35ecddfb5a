#!/usr/bin/env python3
"""What one request costs in numbers that another program on the machine does not change much.

Per request at 64 connections: system calls by name (strace), context switches of each thread, and records per journal write.
With --profile, also the share of each function group in the processor time of the process (perf).
"""

import argparse
import collections
import json
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

import bench
import causes
import processes

# The first pattern that a symbol contains decides its group.
GROUPS = (
    ("journal write in the kernel", r"blk_|virtio|virtblk|ext4|jbd2|submit_bio|iomap|_dio_|vfs_write|pwrite"),
    ("sockets and epoll in the kernel", r"tcp|sock|skb|inet|ip_|epoll|ep_|loopback|netif|__dev_queue|sendto|recvfrom"),
    ("wake-ups and switches", r"schedule|futex|eventfd|wake_up|pick_next|dequeue|enqueue|finish_task|switch"),
    ("allocation", r"malloc|_int_free|cfree|calloc|realloc|tcache|swift_allocObject|swift_slowAlloc|dealloc"),
    ("retain and release", r"retain|release"),
    ("hashes and signatures", r"sha256|SHA256|EVP_|ecp_|bn_|BN_|EC_|OPENSSL|ossl|OSSL|HMAC"),
    ("JSON, forms and base64", r"JSON|Form|Base64|Percent|Parameters"),
    ("log lines", r"LogLine|LogSink|\bLog\b|9Telemetry"),
    ("journal", r"7Journal"),
    ("revocation index", r"10Revocation"),
    ("HTTP server", r"10HTTPServer|4HTTP"),
)


def tasks(server):
    """Switches so far, voluntary and not, by thread name."""
    found = collections.Counter()
    for task in Path(f"/proc/{server.process.pid}/task").iterdir():
        status = (task / "status").read_text()
        name = re.search(r"^Name:\s+(.*)", status, re.M).group(1)
        for kind in ("voluntary", "nonvoluntary"):
            found[name, kind] += int(re.search(rf"^{kind}_ctxt_switches:\s+(\d+)", status, re.M).group(1))
    return found


def journal(server):
    """The journal's commits and records so far."""
    port = server.environment["MARTLET_OPERATOR_LISTEN"].rsplit(":", 1)[1]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()
    value = lambda name: float(re.search(rf"^{name} (\S+)", text, re.M).group(1))
    return value("martlet_journal_commits_total"), value("martlet_journal_records_total")


def load(server, mode, files, seconds):
    return bench.Load(server, 64, seconds, mode, files)


def calls(server, run, folder):
    """System calls per request by name; tracing slows the server, which changes the size of batches a little."""
    output = folder / "strace"
    tracer = subprocess.Popen(["strace", "-c", "-f", "-p", str(server.process.pid), "-o", str(output)],
                              stderr=subprocess.PIPE)  # fmt: skip
    time.sleep(1)
    done = run()
    tracer.terminate()
    tracer.wait(20)
    found = {}
    for line in output.read_text().splitlines():
        fields = line.split()
        if len(fields) >= 5 and re.fullmatch(r"[\d.]+", fields[0]) and fields[-1] != "total":
            found[fields[-1]] = int(fields[3]) / done.count
    return found


def profile(server, run, folder):
    """The share of each group of functions, in percent of the process's processor time."""
    data = folder / "perf.data"
    recorder = subprocess.Popen(
        ["perf", "record", "-q", "-e", "cpu-clock", "-F", "4000", "-g", "-p", str(server.process.pid), "-o", str(data)],
        stderr=subprocess.DEVNULL)  # fmt: skip
    time.sleep(1)
    run()
    recorder.terminate()
    recorder.wait(60)
    report = subprocess.run(
        ["perf", "report", "-i", str(data), "--no-children", "-g", "none", "--stdio", "--percent-limit", "0.05"],
        capture_output=True, text=True).stdout  # fmt: skip
    groups, symbols = collections.Counter(), []
    for line in report.splitlines():
        found = re.match(r"\s+([\d.]+)%\s+(\S+)\s+(\S+)\s+\[(.)\]\s+(.*)", line)
        if not found:
            continue
        share, symbol = float(found.group(1)), found.group(5).strip()
        symbols.append((share, found.group(2), symbol))
        other = "kernel, other" if found.group(4) == "k" else "other"
        groups[next((name for name, pattern in GROUPS if re.search(pattern, symbol)), other)] += share
    return groups, symbols


def measure(told, server, mode, files, options, folder):
    """`files(seconds)` gives the token files of one run."""
    load(server, mode, files(1), 1)
    batch = files(options.seconds)
    before, commits = tasks(server), journal(server)
    run = load(server, mode, batch, options.seconds)
    after, committed = tasks(server), journal(server)
    row = {"row": told, "requests": run.count, "rate": run.rate, "user": run.user, "system": run.system}
    row["switches"] = {f"{name} {kind}": (after[name, kind] - before[name, kind]) / run.count
                       for name, kind in after if after[name, kind] - before[name, kind] > run.count / 1_000}  # fmt: skip
    writes, records = (late - early for early, late in zip(commits, committed))
    row["records per write"] = records / writes if writes else 0
    batch = files(options.seconds)
    row["calls"] = calls(server, lambda: load(server, mode, batch, options.seconds), folder)
    print(f"{told}: {run.rate:,.0f}/s, {run.user:.1f} + {run.system:.1f} µs; "
          f"{row['records per write']:.1f} records per write")  # fmt: skip
    print("    switches: " + ", ".join(f"{name} {value:.3f}" for name, value in row["switches"].items()))
    common = sorted(row["calls"].items(), key=lambda item: -item[1])
    print("    calls: " + ", ".join(f"{name} {value:.3f}" for name, value in common if value >= 0.001))
    if options.causes:
        batch = files(options.seconds)
        shares = causes.sample(server, lambda: load(server, mode, batch, options.seconds), folder)
        row["causes"] = {name: share * (run.user + run.system) for name, share in shares.items()}
        for name, microseconds in sorted(row["causes"].items(), key=lambda item: -item[1]):
            print(f"    {microseconds:5.2f} µs  {name}")
    if options.profile:
        batch = files(options.seconds)
        groups, symbols = profile(server, lambda: load(server, mode, batch, options.seconds), folder)
        row["groups"] = groups
        for name, share in groups.most_common():
            print(f"    {share:5.1f} %  {name}")
        for share, thread, symbol in sorted(symbols, reverse=True)[: options.profile]:
            print(f"        {share:5.2f} %  {thread:10} {symbol[:150]}")
    return row


def rows(options, folder):
    made = {}

    def service(kind):
        """A service that signs with this algorithm, and the answer of a login to it."""
        if kind not in made:
            server = processes.Martlet(folder / kind, kind)
            made[kind] = server, server.login()
        return made[kind]

    minted = iter(range(1_000_000))

    def minting(member, kind, per_second):
        server, login = service(kind)
        token = login["refresh_token" if member == "sid" else "access_token"].encode()

        def files(seconds):
            path = folder / f"tokens-{next(minted)}"
            bench.tokens.mint(path, token, member, server.keys(), per_second * seconds if per_second > 1_000 else per_second)
            return [path]

        return files

    try:
        for name in options.rows.split(","):
            kind = "ES256" if name.endswith("es256") else "RS256" if name.endswith("rs256") else "HS256"
            server, _ = service(kind)
            if name == "revoke":
                yield measure(name, server, "revoke", minting("jti", kind, 120_000), options, folder)
            elif name == "refresh":
                yield measure(name, server, "refresh", minting("sid", kind, 256), options, folder)
            elif name.startswith("verify"):
                path = minting("jti", kind, 1_000)(1)
                yield measure(name, server, "verify", lambda _, path=path: path, options, folder)
            elif name == "mixed":
                path = minting("jti", kind, 1_000)(1)
                parts = minting("sid", kind, 6_000), minting("jti", kind, 1_500)
                yield measure(name, server, "mixed", lambda seconds, path=path, parts=parts: [
                    *path, *(file for part in parts for file in part(seconds))], options, folder)  # fmt: skip
            elif name.startswith("token"):
                path = folder / f"client-{kind}.txt"
                path.write_text(server.add_client("bench") + "\n")
                yield measure(name, server, "token", lambda _, path=path: [path], options, folder)
            else:
                raise SystemExit(f"no row {name}: revoke, refresh, mixed, verify-… and token-… exist")
    finally:
        for server, _ in made.values():
            server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", default="revoke,refresh,token-hs256,token-es256,verify-hs256")
    parser.add_argument("--seconds", type=int, default=2, help="length of a run")
    parser.add_argument("--causes", action="store_true", help="also print where the processor time of a request goes (perf)")
    parser.add_argument("--profile", type=int, default=0, metavar="N", help="also profile, and print the N costliest functions")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="counts-", dir=Path(".build").resolve()))
    try:
        found = list(rows(options, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        Path(options.json).write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
