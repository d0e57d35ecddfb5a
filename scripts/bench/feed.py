#!/usr/bin/env python3
"""What readers of the revocation feed get and cost, on this machine: `make bench-feed`.

Propagation to 1,000 readers at 20 revocations per second, memory of a reader, processor time of a verification while
revocations come in, the snapshot of a million revocations and the start of a follower from it, and the verifier for
Node. `--before FILE` compares verifications and durable steps with the binary of another version, in turns. The readers
share the processors with the service.
"""

import argparse
import base64
import json
import os
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import uuid
from pathlib import Path

import native
import processes
from steps import Operator, Verifications, file_mode, processor_nanoseconds

ROOT = Path(__file__).resolve().parents[2]
READER = "reader"
ISSUER = "https://auth.example.com"


def start(folder, **more):
    socket_path = folder / "operator.sock"
    environment = {"MARTLET_OPERATOR_LISTEN": f"unix:{socket_path}", "MARTLET_THREADS": "2", "MARTLET_ISSUER": ISSUER,
                   **more}
    clients = {"PATH": os.environ["PATH"], "MARTLET_CLIENTS": str(folder / "clients.json")}
    done = subprocess.run(
        [processes.Martlet.binary, "client", "add", READER, "--scope", "revocations:read"],
        env=clients, capture_output=True, text=True, check=True,
    )
    secret = max(done.stdout.split(), key=len)
    server = processes.Martlet(folder, "RS256", pinned=False, more=environment)
    return server, secret, Operator(socket_path)


class Readers:
    """Readers of the feed from its head on, half streams and half long polls, in a process of their own."""

    def __init__(self, server, secret, count, folder):
        credentials = base64.b64encode(f"{READER}:{secret}".encode()).decode()
        head = urllib.request.Request(f"http://127.0.0.1:{server.port}/revocations",
                                      headers={"Authorization": f"Basic {credentials}"})
        with urllib.request.urlopen(head) as answer:
            position = json.load(answer)["head"]
        program = native.compiled("feed_readers.c", folder / "feed_readers")
        numbers = [str(server.port), str(count // 2), str(count - count // 2)]
        self.arrivals = tempfile.TemporaryFile()
        self.process = subprocess.Popen([program, *numbers, credentials, position], stdin=subprocess.PIPE,
                                        stdout=self.arrivals, stderr=subprocess.PIPE)  # fmt: skip
        self.count = count
        if self.process.stderr.readline() != b"ready\n":
            raise SystemExit("the readers did not connect")

    def end(self):
        """For each reader, the places of the records that arrived, with the seconds of their arrival."""
        _, errors = self.process.communicate()
        if self.process.returncode:
            raise SystemExit(errors.decode())
        self.arrivals.seek(0)
        received = [[] for _ in range(self.count)]
        for reader, seq, nanoseconds in struct.iter_unpack("=QQQ", self.arrivals.read()):
            received[reader].append((seq, nanoseconds / 1e9))
        return received


def propagation(server, secret, operator, count, revocations, folder):
    before = server.memory()[1]
    readers = Readers(server, secret, count, folder)
    time.sleep(2)
    memory = (server.memory()[1] - before) * 1_048_576 / count
    sent = {}
    busy, began = processor_nanoseconds(server), time.perf_counter()
    for number in range(revocations):
        time.sleep(max(0, began + number * 0.05 - time.perf_counter()))
        at = time.perf_counter()
        sent[operator.revoke([str(uuid.uuid4())])[0]] = at
    share = (processor_nanoseconds(server) - busy) / 1e9 / (time.perf_counter() - began)
    time.sleep(3)
    used = processor_nanoseconds(readers) / 1e9
    received = readers.end()
    is_whole = all([seq for seq, _ in one] == list(sent) for one in received)
    delays = sorted(at - sent[seq] for one in received for seq, at in one if seq in sent)
    place = lambda part: delays[min(len(delays) - 1, int(len(delays) * part))] * 1_000  # noqa: E731
    print(f"{count} readers, half streams and half long polls, 20 revocations/s: "
          f"p50 {place(0.5):.1f} ms, p99 {place(0.99):.1f} ms, max {delays[-1] * 1_000:.1f} ms; "
          f"{'each received all, in order' if is_whole else 'NOT all received'}")
    print(f"  memory of a reader {memory / 1_024:.1f} KiB; processor time of the service {share:.2f} cores, "
          f"of the readers {used / (revocations * 0.05):.2f}")
    return {"p50_ms": place(0.5), "p99_ms": place(0.99), "reader_kib": memory / 1_024, "cores": share,
            "whole": is_whole}


def verify_cost(server, operator, seconds):
    """Nanoseconds of the service for one verification, without and with 100 revocations per second, in turns."""
    verifications = Verifications(server, server.login()["access_token"])

    def revoke_meanwhile(stop):
        while not stop.wait(0.1):
            operator.revoke([str(uuid.uuid4()) for _ in range(10)])

    quiet, busy = [], []
    for _ in range(5):
        quiet.append(verifications.cost(seconds))
        stop = threading.Event()
        thread = threading.Thread(target=revoke_meanwhile, args=(stop,))
        thread.start()
        busy.append(verifications.cost(seconds))
        stop.set()
        thread.join()
    ratio = statistics.median(one / other for one, other in zip(busy, quiet))
    print(f"verify: {statistics.median(quiet):.0f} ns of processor time alone, "
          f"{statistics.median(busy):.0f} ns while 100 revocations/s come in: {ratio:.3f} times")
    return {"quiet_ns": statistics.median(quiet), "busy_ns": statistics.median(busy), "ratio": ratio}


def follower_start(server, secret, folder):
    """Seconds until a follower that has nothing is ready."""
    place = folder / "follower"
    place.mkdir()
    (place / "credentials").write_text(f"{READER}:{secret}\n")
    (place / "credentials").chmod(0o600)
    port = processes.free_port()
    environment = {
        "PATH": os.environ["PATH"], "MARTLET_ISSUER": ISSUER, "MARTLET_STATE": str(place / "state"),
        "MARTLET_LISTEN": f"127.0.0.1:{processes.free_port()}", "MARTLET_OPERATOR_LISTEN": f"127.0.0.1:{port}",
        "MARTLET_CLIENTS": str(place / "clients.json"),
    }
    command = [processes.Martlet.binary, "serve", "--follow", f"http://127.0.0.1:{server.port}",
               "--follow-credentials", str(place / "credentials")]
    with (place / "log").open("w") as log:
        began = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        while process.poll() is None and time.perf_counter() - began < 60:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                    return time.perf_counter() - began
            except OSError:
                time.sleep(0.01)
        raise SystemExit(f"the follower is not ready: {(place / 'log').read_text()[-2_000:]}")
    finally:
        process.terminate()
        process.wait(20)


def client_for_node():
    node = shutil.which("node")
    if node is None:
        print("the verifier for Node: not measured, node is not installed")
        return
    subprocess.run([node, str(ROOT / "clients/verifier/js/bench.js")], check=True)


def snapshot(server, secret, operator, count, folder):
    began = time.perf_counter()
    for start_number in range(0, count, 1_000):
        operator.revoke([str(uuid.uuid4()) for _ in range(min(1_000, count - start_number))])
    print(f"  ({count:,} revocations recorded in {time.perf_counter() - began:.0f} s)")
    manager = urllib.request.HTTPPasswordMgrWithPriorAuth()
    url = f"http://127.0.0.1:{server.port}/revocations/snapshot"
    manager.add_password(None, url, READER, secret, is_authenticated=True)
    opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(manager))
    time.sleep(10.5)
    began = time.perf_counter()
    with opener.open(url) as answer:
        first = answer.read(1)
        made = time.perf_counter() - began
        content = first + answer.read()
    whole = time.perf_counter() - began
    path = folder / "million.snap"
    path.write_bytes(content)
    keys = folder / "jwks.json"
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/.well-known/jwks.json") as answer:
        keys.write_bytes(answer.read())
    token = server.login()["access_token"]
    began = time.perf_counter()
    done = subprocess.run(
        [processes.Martlet.binary, "verify", "-", "--jwks", str(keys), "--revocations", str(path)],
        input=token, capture_output=True, text=True,
    )
    checked = time.perf_counter() - began
    records = (len(content) - content.index(b"\n") - 1) // 64
    print(f"snapshot of {records:,} revocations ({len(content) / 1e6:.0f} MB): made in {made:.2f} s, "
          f"read by a client after {whole:.2f} s; martlet verify with it takes {checked:.2f} s: {done.stdout.strip()[:60]}")
    started = follower_start(server, secret, folder)
    print(f"  a follower that has nothing is ready after {started:.2f} s")
    return {"records": records, "made_s": made, "whole_s": whole, "verify_s": checked, "follower_s": started}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=1_000)
    parser.add_argument("--revocations", type=int, default=400)
    parser.add_argument("--million", type=int, default=1_000_000, help="revocations in the snapshot; 0 for none")
    parser.add_argument("--seconds", type=float, default=3, help="of one measurement of verify")
    parser.add_argument("--before", metavar="FILE", help="the binary of another version, to compare with")
    parser.add_argument("--json", help="a file for the figures")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="martlet-bench-") as name:
        folder = Path(name)
        server, secret, operator = start(folder)
        try:
            figures = {
                "propagation": propagation(server, secret, operator, options.readers, options.revocations, folder),
                "verify": verify_cost(server, operator, options.seconds),
            }
            if options.million:
                figures["snapshot"] = snapshot(server, secret, operator, options.million, folder)
        finally:
            server.stop()
        if options.before:
            figures["file_mode"] = file_mode(options.before, folder)
        else:
            print("file mode before and after: not measured, no binary of another version was given (--before FILE)")
    sys.stdout.flush()
    client_for_node()
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
