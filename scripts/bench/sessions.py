"""The row about lists of sessions: what a list costs among a million live sessions, against one among a thousand.

Both servers list the 20 sessions of one user by turns. CPU is that of the server's process.
"""

import json
import os
import statistics
import subprocess

import processes
from engine import fetch, per_request
from processes import Martlet

FILLER = ".build/release/martlet-journal-bench"
FEW, MANY = 1_000, 1_000_000
RATIO_MAX, DISK_MAX, MEMORY_MAX = 1.1, 256, 160
RECORD = 64


def martlet(folder, count):
    """A service with so many live sessions, 20 of them those of its user, and an access token of that user."""
    switched_on = {"MARTLET_SESSIONS": "on"}
    server = Martlet(folder, "HS256", more=switched_on)
    subject = json.loads((folder / "users.json").read_text())["users"][0]["id"]
    server.stop()
    for path in (folder / "state").iterdir():
        path.unlink()
    (folder / "state.seen").unlink(missing_ok=True)
    subprocess.run([FILLER, "fill", folder / "state", str(count), "entries", subject], check=True, capture_output=True)
    server = Martlet(folder, "HS256", more=switched_on)
    token = server.login()["access_token"]
    listed = json.loads(fetch(server.port, "/sessions", token))["sessions"]
    if len(listed) != 20:
        raise SystemExit(f"{len(listed)} sessions are listed")
    return server, token


def wrk(server, token, seconds):
    def load():
        command = ["taskset", "-c", processes.LOAD_CORE, "wrk", "-t1", "-c16", f"-d{seconds}s"]
        command += ["-H", f"Authorization: Bearer {token}", f"http://127.0.0.1:{server.port}/sessions"]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        if "Non-2xx" in output:
            raise SystemExit(output)
        count = next(int(line.split()[0]) for line in output.splitlines() if "requests in" in line)
        return count, seconds

    return per_request(server, load)


def records(server):
    """How many records of entries the journal has."""
    environment = {"PATH": os.environ["PATH"]}
    command = [server.binary, "journal", "stat", "--state", str(server.folder / "state")]
    output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    return next(int(line.split()[1]) for line in output.splitlines() if "SESSION_ENTRY" in line)


def row(bench):
    few = martlet(bench.folder / "sessions-few", FEW)
    many = martlet(bench.folder / "sessions-many", MANY)
    try:
        # Memory first: serving takes some, too.
        memory = (many[0].memory()[0] - few[0].memory()[0]) * 1_048_576 / (MANY - FEW)
        disk = records(many[0]) * RECORD / (MANY + 1)
        for server, token in (few, many):
            wrk(server, token, 1)
        pairs = [
            (wrk(*few, bench.options.seconds)["cpu"], wrk(*many, bench.options.seconds)["cpu"])
            for _ in range(bench.options.rounds)
        ]
    finally:
        few[0].stop()
        many[0].stop()
    ratio = statistics.median(late / early for early, late in pairs)
    cpu = [statistics.median(pair[side] for pair in pairs) for side in (0, 1)]
    limits = {"ratio": RATIO_MAX, "disk_bytes": DISK_MAX, "memory_bytes": MEMORY_MAX}
    found = {"ratio": ratio, "disk_bytes": disk, "memory_bytes": memory}
    missed = [name for name, limit in limits.items() if found[name] > limit]
    bench.rows.append({"row": "sessions", "cpu_few": cpu[0], "cpu_many": cpu[1], **found, "missed": missed})
    print(
        f"sessions, GET with 20: {cpu[0]:.1f} µs of CPU among {FEW:,}, {cpu[1]:.1f} µs among {MANY:,}: {ratio:.2f} × "
        f"(at most {RATIO_MAX}); {disk:.0f} bytes of disk (at most {DISK_MAX}) and {memory:.0f} bytes of memory (at most "
        f"{MEMORY_MAX}) a session" + "".join(f"\n    ! {name}" for name in missed),
        flush=True,
    )


ROWS = {"sessions": row}
