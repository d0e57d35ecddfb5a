#!/usr/bin/env python3
"""make bench-store: nodes over Redis and PostgreSQL, beside the bare engine in the same minutes.

Every row has what was measured, what it is compared with and the limit. All of it shares the processors of this machine,
so the ratios count, not the figures. If other programs run, the ratios are those of the scheduler: each hand-over between
two processes waits for its turn, and the bare engine has two of them for 64 records where a service has six.
"""

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

import processes
import tokens

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests/BlackBoxTests"))
os.environ.setdefault("MARTLET_BIN", str(ROOT / ".build/release/martlet"))
processes.Martlet.binary = os.environ["MARTLET_BIN"]
from bare_engines import BarePostgres, BareRedis, Seen  # noqa: E402
from bench import Load  # noqa: E402
from steps import Operator, Verifications, processor_nanoseconds  # noqa: E402
from harness.engines import ENGINES  # noqa: E402

processes.SERVER_CORE = processes.LOAD_CORE = f"0-{os.cpu_count() - 1}"


class Rows:
    def __init__(self):
        self.rows = []

    def add(self, title: str, value: float, limit: float, at_most: bool, note: str = "") -> None:
        good = value <= limit if at_most else value >= limit
        self.rows.append({"row": title, "value": value, "limit": limit, "at_most": at_most, "good": good, "note": note})
        sign = "≤" if at_most else "≥"
        print(f"{title:58} {value:8.2f}  ({sign} {limit:g}){'' if good else '  !'}  {note}", flush=True)


class Nodes:
    """Servers over one engine, or over files, with the same keys."""

    def __init__(self, folder: Path):
        self.folder, self.running = folder, []

    def start(self, name: str, store: str | None = None, **more):
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        for shared in ("keys", "users.json"):
            kept = self.folder / "first" / shared
            if kept.exists() and not (folder / shared).exists():
                (shutil.copytree if kept.is_dir() else shutil.copy2)(kept, folder / shared)
        environment = {"MARTLET_OPERATOR_LISTEN": f"unix:{folder}/operator.sock", "MARTLET_ISSUER": "https://bench.test"}
        if store:
            environment |= {"MARTLET_STORE": store, "MARTLET_NODE": name}
        server = processes.Martlet(folder, "HS256", pinned=False, more=environment | more)
        self.running.append(server)
        if store:
            self.await_engine(server)
        return server

    @staticmethod
    def await_engine(server) -> None:
        """Waits until a record becomes durable, and adds that to the time of the start."""
        began = time.perf_counter()
        while True:
            try:
                operator(server, 1).revoke([str(uuid.uuid4())])
                break
            except SystemExit:
                if time.perf_counter() - began > 30:
                    raise
                time.sleep(0.005)
        server.seconds_to_answer += time.perf_counter() - began

    def stop(self, server) -> None:
        server.stop()
        self.running.remove(server)

    def close(self) -> None:
        for server in list(self.running):
            self.stop(server)


def operator(server, connections: int = 64) -> Operator:
    return Operator(server.folder / "operator.sock", connections)


def minted(server, kind: str, count: int) -> Path:
    login = server.login()
    path = server.folder / f"tokens-{uuid.uuid4()}"
    token, member = (login["access_token"], "jti") if kind == "revoke" else (login["refresh_token"], "sid")
    return tokens.mint(path, token.encode(), member, server.keys(), count)


def templates(engine, server) -> dict:
    """Of each kind the command that a node sends for one of it."""
    if engine.kind == "postgres":
        return {kind: BarePostgres(engine.server, kind) for kind in ("revoke", "refresh")}
    found = {}
    for kind in ("revoke", "refresh"):
        login = server.login()
        seen = Seen(engine.server)
        scripts = seen.scripts(lambda: send(server, kind, login))
        # The one for this session or token; reports of the nodes are among them.
        wanted = login["session_id"] if kind == "refresh" else json.loads(
            tokens.decoded(login["access_token"].split(".")[1].encode()))["jti"]
        chosen = [words for words in scripts if any(wanted.encode() in word for word in words)]
        if not chosen:
            raise SystemExit(f"no script of Redis was seen for a {kind}: {scripts}")
        found[kind] = BareRedis(engine.server, chosen[0])
    return found


def send(server, kind: str, login: dict) -> None:
    import urllib.parse
    import urllib.request

    body = {"token": login["access_token"]} if kind == "revoke" else {"refresh_token": login["refresh_token"]}
    url = f"http://127.0.0.1:{server.port}/{kind}"
    with urllib.request.urlopen(url, urllib.parse.urlencode(body).encode()) as answer:
        answer.read()


def rates(engine, server, rows: Rows, options) -> None:
    """64 at a time over HTTP beside the same work without us; then a lone client."""
    bare = templates(engine, server)
    for kind in ("revoke", "refresh"):
        ratios, tails, alone, notes = [], [], [], []
        for _ in range(options.rounds):
            before, _, p99 = bare[kind].rate(options.seconds)
            count = int(before * 1.5 * options.seconds) + 5_000 if kind == "revoke" else 256
            load = Load(server, 64, options.seconds, kind, [minted(server, kind, count)])
            if load.refused or load.broken:
                raise SystemExit(f"{kind}: {load.refused} refused, {load.broken} broken")
            after, _, late = bare[kind].rate(options.seconds)
            rate, p99 = (before + after) / 2, (p99 + late) / 2
            ratios.append(load.rate / rate)
            tails.append(load.p99 / p99)
            notes.append((load.rate, rate, load.p99, p99))
            _, single, _ = bare[kind].rate(min(2, options.seconds), window=1)
            count = 30_000 if kind == "revoke" else 64
            one = Load(server, 1, min(2, options.seconds), kind, [minted(server, kind, count)])
            alone.append((one.p50 - single, one.p50, single))
        middle = sorted(notes)[len(notes) // 2]
        rows.add(f"{engine.kind}: {kind}, 64 at a time, × bare", statistics.median(ratios), 0.6, False,
                 f"{middle[0]:,.0f}/s, bare {middle[1]:,.0f}/s")  # fmt: skip
        rows.add(f"{engine.kind}: {kind}, p99, × bare", statistics.median(tails), 3, True,
                 f"{middle[2]:.1f} ms, bare {middle[3]:.1f} ms")  # fmt: skip
        extra, ours, theirs = sorted(alone)[len(alone) // 2]
        rows.add(f"{engine.kind}: {kind}, a lone client, ms more than bare", extra, 0.3, True,
                 f"{ours:.2f} ms, bare {theirs:.2f} ms")  # fmt: skip


def verify_cost(server, seconds: float, busy: Operator | None) -> float:
    """Nanoseconds of the service for one verification; with `busy`, while 100 revocations a second come in elsewhere."""
    verifications = Verifications(server, server.login()["access_token"])
    stop = threading.Event()

    def revoke_meanwhile():
        while not stop.wait(0.1):
            busy.revoke([str(uuid.uuid4()) for _ in range(10)])

    thread = threading.Thread(target=revoke_meanwhile)
    if busy:
        thread.start()
    cost = verifications.cost(seconds)
    stop.set()
    if busy:
        thread.join()
    verifications.close()
    return cost


def store_nanoseconds(server) -> int:
    """Processor time of the two threads that use the engine."""
    used = 0
    for task in Path(f"/proc/{server.process.pid}/task").iterdir():
        if (task / "comm").read_text().strip() in ("store", "store-tail"):
            used += int((task / "schedstat").read_text().split()[0])
    return used


def verification(engine, nodes: Nodes, server, other, rows: Rows, options) -> None:
    """Short turns of both: what else runs on the machine then meets them alike."""
    plain = nodes.start("file")
    ratios, costs, shares = [], [], []
    busy = operator(other)
    for _ in range(max(10, 4 * options.rounds)):
        quiet = verify_cost(plain, options.seconds / 8, None)
        used, began = store_nanoseconds(server), time.perf_counter()
        loaded = verify_cost(server, options.seconds / 8, busy)
        shares.append((store_nanoseconds(server) - used) / (time.perf_counter() - began) / 1e9)
        ratios.append(loaded / quiet)
        costs.append((quiet, loaded))
    nodes.stop(plain)
    quiet, loaded = sorted(costs)[len(costs) // 2]
    rows.add(f"{engine.kind}: CPU of a verification with 100 records/s, × file", statistics.median(ratios), 1.02, True,
             f"{loaded:.0f} ns, file {quiet:.0f} ns")  # fmt: skip
    rows.add(f"{engine.kind}: share of a core for 100 records/s, %", statistics.median(shares) * 100, 2, True)


def propagation(engine, servers, rows: Rows, count: int) -> None:
    """From the acknowledgement on one node until all three reject the token."""
    delays = []
    links = [socket.create_connection(("127.0.0.1", server.port), 20) for server in servers]
    for link in links:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    login = servers[0].login()["access_token"].encode()
    fresh = tokens.copies(login, "jti", servers[0].keys(), count)
    for number, token in enumerate(fresh):
        jti = json.loads(tokens.decoded(token.split(b".")[1]))["jti"]
        own = operator(servers[number % len(servers)], 1)
        own.revoke([jti])
        acknowledged = time.perf_counter()
        question = b"GET /verify HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + token + b"\r\n\r\n"
        waiting = list(links)
        while waiting:
            for link in list(waiting):
                link.sendall(question)
                if link.recv(65_536).startswith(b"HTTP/1.1 401"):
                    waiting.remove(link)
            if time.perf_counter() - acknowledged > 5:
                raise SystemExit("a revocation is not known everywhere after five seconds")
        delays.append((time.perf_counter() - acknowledged) * 1e3)
        own.links[0].close()
        time.sleep(0.01)
    for link in links:
        link.close()
    delays.sort()
    rows.add(f"{engine.kind}: known to all of three nodes, p99, ms", delays[int(len(delays) * 0.99)], 15, True,
             f"p50 {statistics.median(delays):.1f} ms, {count} revocations")  # fmt: skip


def million(engine, nodes: Nodes, server, rows: Rows, count: int) -> None:
    """The start of a node without a copy, with so many revocations in the engine."""
    links = operator(server, 256)
    for start in range(0, count, 2_048):
        links.revoke([str(uuid.uuid4()) for _ in range(min(2_048, count - start))])
    bare = []
    for _ in range(3):
        began = time.perf_counter()
        if engine.kind == "redis":
            with engine.server.connect(timeout=60) as link:
                cursor = b"0"
                while True:
                    cursor, _ = link.ask("SCAN", cursor, "COUNT", 1_000)
                    if cursor == b"0":
                        break
        else:
            engine.server.ask("COPY (SELECT * FROM martlet.denied) TO '/dev/null'")
        bare.append(time.perf_counter() - began)
    times = []
    for number in range(3):
        fresh = nodes.start(f"fresh{number}", nodes_url(engine))
        times.append(fresh.seconds_to_answer)
        nodes.stop(fresh)
    base, took = statistics.median(bare), statistics.median(times)
    if engine.kind == "redis":
        rows.add(f"redis: start with {count:,} revocations, × SCAN", took / base, 2, True,
                 f"{took:.2f} s, SCAN {base:.2f} s")  # fmt: skip
    else:
        rows.add(f"postgres: start with {count:,} revocations, s", took, 3, True, f"COPY {base:.2f} s")


def nodes_url(engine) -> str:
    return engine.url()


def on_engine(kind: str, folder: Path, rows: Rows, options) -> None:
    folder.mkdir()
    engine = ENGINES[kind](folder)
    nodes = Nodes(folder)
    try:
        servers = [nodes.start("first", engine.url())]
        rates(engine, servers[0], rows, options)
        servers += [nodes.start(name, engine.url()) for name in ("second", "third")]
        propagation(engine, servers, rows, options.revocations)
        verification(engine, nodes, servers[0], servers[1], rows, options)
        if options.million:
            million(engine, nodes, servers[0], rows, options.million)
    finally:
        nodes.close()
        engine.close()


def before_and_after(folder: Path, rows: Rows, options) -> None:
    """File mode beside the binary of an earlier version: start-up, revocations, verification."""
    folder.mkdir()
    found = {"before": [], "after": []}
    binaries = {"before": options.before, "after": processes.Martlet.binary}
    nodes = Nodes(folder)
    for _ in range(15):
        for name, binary in binaries.items():
            processes.Martlet.binary = binary
            server = nodes.start(name)
            found[name].append(server.seconds_to_answer)
            nodes.stop(server)
            shutil.rmtree(folder / name / "state")
            (folder / name / "state.seen").unlink(missing_ok=True)
    medians = {name: statistics.median(times[1:]) for name, times in found.items()}
    rows.add("file: start-up, × before", medians["after"] / medians["before"], 1.05, True,
             f"{medians['after'] * 1e3:.1f} ms, before {medians['before'] * 1e3:.1f} ms")  # fmt: skip
    servers = {}
    for name, binary in binaries.items():
        processes.Martlet.binary = binary
        servers[name] = nodes.start(f"{name}-run")
    processes.Martlet.binary = binaries["after"]
    costs, revocations = [], []
    for _ in range(max(5, options.rounds)):
        pair = {name: verify_cost(server, options.seconds / 2, None) for name, server in servers.items()}
        costs.append(pair["after"] / pair["before"])
        pair = {}
        for name, server in servers.items():
            used = processor_nanoseconds(server)
            load = Load(server, 64, 1, "revoke", [minted(server, "revoke", 120_000)])
            pair[name] = (processor_nanoseconds(server) - used) / load.count
        revocations.append(pair["after"] / pair["before"])
    nodes.close()
    rows.add("file: CPU of a verification, × before", statistics.median(costs), 1.01, True)
    rows.add("file: CPU of a revocation, × before", statistics.median(revocations), 1.01, True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=list(ENGINES), help="only this one")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4, help="of one run")
    parser.add_argument("--revocations", type=int, default=300, help="whose propagation is measured")
    parser.add_argument("--million", type=int, default=1_000_000, help="revocations at a start; 0 for none")
    parser.add_argument("--before", help="the binary of an earlier version, which file mode is compared with")
    parser.add_argument("--json", help="a file for the figures")
    options = parser.parse_args()
    rows = Rows()
    if os.getloadavg()[0] > os.cpu_count() / 4:
        print(f"note: other programs run (load {os.getloadavg()[0]:.1f}); see --help")
    with tempfile.TemporaryDirectory(prefix="martlet-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        if options.before:
            before_and_after(folder / "before-and-after", rows, options)
        for kind in [options.engine] if options.engine else ENGINES:
            on_engine(kind, folder / kind, rows, options)
    if options.json:
        Path(options.json).write_text(json.dumps(rows.rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
