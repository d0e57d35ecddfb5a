"""What one step of a server costs, and the same of the binary of another version: for `make bench-feed`."""

import json
import re
import socket
import statistics
import time
import uuid
from pathlib import Path

import processes

SEQ = re.compile(rb"revocation-seq: \d+:(\d+)", re.IGNORECASE)


class Operator:
    """Connections to the operator's socket, one revocation on its way on each, so that many share a commit."""

    def __init__(self, path, connections=256):
        self.links = []
        for _ in range(connections):
            self.links.append(socket.socket(socket.AF_UNIX))
            self.links[-1].connect(str(path))

    def revoke(self, names):
        """Returns their places in the order of records when all are durable; none of a version that does not tell."""
        places = []
        for start in range(0, len(names), len(self.links)):
            used = list(zip(self.links, names[start : start + len(self.links)]))
            for link, name in used:
                content = json.dumps({"jti": name})
                link.sendall(
                    "POST /admin/revocations HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                    f"Content-Length: {len(content)}\r\n\r\n{content}".encode()
                )
            for link, _ in used:
                answer = link.recv(65_536)
                if not answer.startswith(b"HTTP/1.1 200 "):
                    raise SystemExit(answer.decode())
                places += [int(seq) for seq in SEQ.findall(answer)]
        return places


def processor_nanoseconds(server):
    tasks = Path(f"/proc/{server.process.pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)


class Verifications:
    """One connection that verifies a token a hundred times with each write."""

    def __init__(self, server, token):
        self.server = server
        self.request = f"GET /verify HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n".encode() * 100
        self.link, self.sent = None, 0

    def hundred(self):
        # A server closes a connection after a million requests.
        if self.link is None or self.sent == 1_000_000:
            self.link, self.sent = socket.create_connection(("127.0.0.1", self.server.port), 20), 0
        self.sent += 100
        self.link.sendall(self.request)
        missing, rest = 100, b""
        while missing:
            received = self.link.recv(1 << 20)
            if not received:
                raise SystemExit(f"the server closed a connection after {self.sent - missing} requests")
            rest += received
            missing -= rest.count(b"HTTP/1.1 200 ")
            rest = rest[-12:] if missing else b""

    def cost(self, seconds):
        """Nanoseconds of the server's processor time for one."""
        used, count, end = processor_nanoseconds(self.server), 0, time.monotonic() + seconds
        while time.monotonic() < end:
            self.hundred()
            count += 100
        return (processor_nanoseconds(self.server) - used) / count

    def close(self):
        if self.link is not None:
            self.link.close()


def refresh(link, token):
    """The next refresh token."""
    content = f'{{"refresh_token":"{token}"}}'
    link.sendall(
        "POST /refresh HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n\r\n{content}".encode()
    )
    answer = link.recv(65_536)
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise SystemExit(answer.decode())
    return json.loads(answer.split(b"\r\n\r\n", 1)[1])["refresh_token"]


class Steps:
    """A server whose steps are measured: nanoseconds of its processor time for one."""

    def __init__(self, binary, folder):
        folder.mkdir()
        kind = type("Binary", (processes.Martlet,), {"binary": binary})
        path = folder / "operator.sock"
        self.server = kind(folder, "RS256", pinned=False, more={"MARTLET_OPERATOR_LISTEN": f"unix:{path}"})
        self.operator = Operator(path)
        self.link = socket.create_connection(("127.0.0.1", self.server.port), 20)
        answer = self.server.login()
        self.verifications = Verifications(self.server, answer["access_token"])
        self.token = answer["refresh_token"]

    def verify(self):
        for _ in range(200):
            self.verifications.hundred()
        return 20_000

    def refresh(self):
        for _ in range(500):
            self.token = refresh(self.link, self.token)
        return 500

    def revoke(self):
        for _ in range(20):
            self.operator.revoke([str(uuid.uuid4()) for _ in range(256)])
        return 20 * 256

    def cost(self, step):
        busy = processor_nanoseconds(self.server)
        count = getattr(self, step)()
        return (processor_nanoseconds(self.server) - busy) / count


def file_mode(before, folder):
    """Verifications and durable steps of a server with a journal: the version before, and this one."""
    found = {}
    sides = []
    try:
        for name, binary in (("before", before), ("after", processes.Martlet.binary)):
            sides.append(Steps(binary, folder / name))
        for step in ("verify", "refresh", "revoke"):
            for side in sides:
                side.cost(step)
            rounds = [[side.cost(step) for side in sides] for _ in range(9)]
            ratio = statistics.median(late / early for early, late in rounds)
            old, new = (statistics.median(column) for column in zip(*rounds))
            print(f"file mode, {step}: {old / 1_000:.2f} µs of processor time before, {new / 1_000:.2f} after: "
                  f"{ratio:.3f} times")
            found[step] = {"before_ns": old, "after_ns": new, "ratio": ratio}
    finally:
        for side in sides:
            side.server.stop()
    return found
