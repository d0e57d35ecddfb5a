"""The row `spray`: what 100 guessing connections cost honest users.

Each connection guesses 20 times a second, of which the service hashes what its workers manage; the rest gets 503. A user
logs in from a known address, and a backend verifies tokens, one request after the other: first while nothing else runs,
then beside the guesses.
"""

import http.client
import json
import signal
import subprocess
import threading
import time
from pathlib import Path

import processes
from processes import Martlet

HERE = Path(__file__).resolve().parent
CONNECTIONS = 100
PAUSE_MS = 50
LOGIN_MAX, VERIFY_MAX = 10, 2


class Probe:
    """One connection and the times of its requests in milliseconds."""

    def __init__(self, port, method, target, body=None, **fields):
        self.link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.request = method, target, body, fields
        self.statuses = set()

    def ask(self):
        began = time.perf_counter()
        self.link.request(*self.request)
        answer = self.link.getresponse()
        answer.read()
        self.statuses.add(answer.status)
        return (time.perf_counter() - began) * 1e3

    def p99(self, seconds, pause):
        times, until = [], time.monotonic() + seconds
        while time.monotonic() < until or len(times) < 100:
            times.append(self.ask())
            time.sleep(pause)
        return sorted(times)[int(len(times) * 0.99)]


def p99s(login, verify, seconds):
    found = {}
    threads = [
        threading.Thread(target=lambda: found.update(login=login.p99(seconds, 0.05))),
        threading.Thread(target=lambda: found.update(verify=verify.p99(seconds, 0.002))),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found["login"], found["verify"]


def spray(bench):
    server = Martlet(bench.folder / "spray", "HS256", more={"MARTLET_TRUSTED_PROXIES": "127.0.0.1"})
    bench.servers["spray"] = (server, None)
    seconds = max(bench.options.seconds * bench.options.rounds, 10)
    token = server.login()["access_token"]
    body = json.dumps({"username": "bench", "password": server.password})
    fields = {"Content-Type": "application/json", "X-Forwarded-For": "198.51.100.1"}
    login = Probe(server.port, "POST", "/login", body, **fields)
    verify = Probe(server.port, "GET", "/verify", Authorization=f"Bearer {token}")
    login.ask()
    quiet = p99s(login, verify, seconds)
    memory = server.memory()[0]
    command = ["taskset", "-c", processes.LOAD_CORE, "wrk", "-t1", f"-c{CONNECTIONS}", "-d1h",
               "--timeout", "30s", "-s", str(HERE / "spray.lua"), f"http://127.0.0.1:{server.port}/", "--", str(PAUSE_MS)]  # fmt: skip
    guesses = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        time.sleep(2)
        loud = p99s(login, verify, seconds)
    finally:
        # wrk then ends as if its time were over.
        guesses.send_signal(signal.SIGINT)
        output = guesses.communicate()[0]
    found = json.loads(output.split("RESULT ", 1)[1].splitlines()[0])
    wrong = (login.statuses | verify.statuses) - {200}
    row = {
        "row": "spray", "login_quiet_p99": quiet[0], "login_p99": loud[0], "login_ratio": loud[0] / quiet[0],
        "verify_quiet_p99": quiet[1], "verify_p99": loud[1], "verify_ratio": loud[1] / quiet[1],
        "guesses": found["requests"], "rss": server.memory()[0], "rss_before": memory,
        "notes": [f"honest requests got {sorted(wrong)}"] if wrong else [],
    }  # fmt: skip
    bench.rows.append(row)
    print(f"spray, {CONNECTIONS} connections, {found['requests'] / found['microseconds'] * 1e6:,.0f} guesses/s: login p99 "
          f"{quiet[0]:.1f} ms quiet, {loud[0]:.1f} ms ({row['login_ratio']:.1f} ×, at most {LOGIN_MAX}); verify p99 "
          f"{quiet[1]:.2f} ms quiet, {loud[1]:.2f} ms ({row['verify_ratio']:.1f} ×, at most {VERIFY_MAX}); "
          f"RSS {memory:.1f} to {row['rss']:.1f} MiB", *(f"\n    ! {note}" for note in row["notes"]), flush=True)  # fmt: skip


ROWS = {"spray": spray}
