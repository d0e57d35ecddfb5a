"""The engines without Martlet: the same scripts of Redis pipelined, the same batches of PostgreSQL through `commit`.

Their keys and their database are others than those of the nodes, so that no node follows what they write.
"""

import re
import socket
import statistics
import subprocess
import time
import uuid

from harness.engines import ROLE, schema
from harness.postgres_server import account, program
from harness.resp import Resp, encode

WINDOW = 64
BARE = "bare"
SID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Seen:
    """The commands that a node sends, by MONITOR, while `work` does one thing."""

    def __init__(self, server):
        self.link = Resp(server.address)
        self.link.ask("MONITOR")

    def scripts(self, work) -> list[list[bytes]]:
        work()
        self.link.socket.settimeout(0.3)
        found, end = [], time.monotonic() + 0.7
        try:
            while time.monotonic() < end:
                line = self.link.take()
                words = [unquoted(word) for word in re.findall(rb'"((?:[^"\\]|\\.)*)"', line)]
                # What a script calls is shown, too, as of the client `lua`.
                if words and words[0].upper() == b"EVALSHA" and b" lua]" not in line:
                    found.append(words)
        except TimeoutError:
            pass
        self.link.close()
        return found


def unquoted(text: bytes) -> bytes:
    """The bytes of a word as MONITOR shows it."""
    simple = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b"}

    def replace(found):
        code = found[1]
        return bytes([int(code[1:], 16)]) if code[:1] == b"x" and len(code) == 3 else simple.get(code, code)

    return re.sub(rb"\\(x[0-9a-f]{2}|.)", replace, text, flags=re.DOTALL)


class BareRedis:
    """Sends a command that a node sent, for another session each time."""

    def __init__(self, server, template: list[bytes]):
        self.server = server
        keys = template[3 : 3 + int(template[2])]
        name = next(found[0] for key in keys if (found := SID.search(key)))
        tag = re.match(rb"\{[^}]*\}", keys[0])[0]
        own = b"{" + BARE.encode() + b"}"
        with server.connect() as link:
            for part in (b":epoch", b":time"):
                link.ask("COPY", tag + part, own + part, "REPLACE")
        self.parts = encode(*(word.replace(tag, own) for word in template)).split(name)

    def commands(self, count: int) -> list[bytes]:
        return [str(uuid.uuid4()).encode().join(self.parts) for _ in range(count)]

    def rate(self, seconds: float, window: int = WINDOW) -> tuple[float, float, float]:
        """Commands a second, and the median and the 99th percentile of their times in ms."""
        link = socket.create_connection(self.server.address)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reader = Resp(None, 20, link)
        batches = [b"".join(self.commands(window)) for _ in range(max(200, int(seconds * 90_000 / window)))]
        times, done, began = [], 0, time.perf_counter()
        for batch in batches:
            sent = time.perf_counter()
            link.sendall(batch)
            for _ in range(window):
                answer = reader.take()
                if answer[0] in (0, b"0"):
                    raise SystemExit(f"the bare engine answered {answer}")
            now = time.perf_counter()
            times.append((now - sent) * 1e3)
            done += window
            if now - began > seconds:
                break
        link.close()
        times.sort()
        return done / (time.perf_counter() - began), statistics.median(times), times[int(len(times) * 0.99)]


class BarePostgres:
    """Batches of revocations or of first rotations through the function `commit`, by pgbench."""

    def __init__(self, server, kind: str):
        self.server, self.kind = server, kind
        if not server.ask(f"SELECT 1 FROM pg_database WHERE datname = '{BARE}'"):
            server.ask(f"CREATE DATABASE {BARE}")
            server.ask(schema(server, ROLE), database=BARE)

    def script(self, window: int) -> str:
        """The arrays of a batch, each for new ids; the arguments by name, as the schema has them."""
        count = window
        fill = lambda value, sql: f"array_fill({value}::{sql}, ARRAY[{count}])"  # noqa: E731
        none = lambda sql: f"ARRAY[]::{sql}[]"  # noqa: E731
        ids = f"(SELECT array_agg(gen_random_uuid()) FROM generate_series(1, {count}))"
        steps = f"(SELECT array_agg(i) FROM generate_series(0, {count - 1}) i)"
        record = f"array_fill(decode(repeat('00', 64), 'hex'), ARRAY[{count}])"
        month = "(extract(epoch FROM now()) * 1000)::bigint + 2592000000"
        empty = self.kind != "revoke"
        r = lambda value, sql: none(sql) if empty else value  # noqa: E731
        v = lambda value, sql: value if empty else none(sql)  # noqa: E731
        nobody = "'00000000-0000-4000-8000-000000000000'"
        named = {
            "known_epoch": "(SELECT epoch FROM martlet.head)", "parts": "1",
            "r_part": r(fill(0, "integer"), "integer"), "r_step": r(steps, "integer"),
            "r_kind": r(fill(1, "smallint"), "smallint"), "r_key": r(ids, "uuid"),
            "r_variant": r(fill(0, "bigint"), "bigint"), "r_flags": r(fill(0, "smallint"), "smallint"),
            "r_reason": r(fill(1, "integer"), "integer"), "r_expires": r(fill(month, "bigint"), "bigint"),
            "r_value": r(fill(0, "bigint"), "bigint"), "r_record": r(record, "bytea"),
            "v_part": v(fill(0, "integer"), "integer"), "v_step": v(steps, "integer"), "v_sid": v(ids, "uuid"),
            "v_generation": v(fill(0, "bigint"), "bigint"), "v_request": v(fill(7, "bigint"), "bigint"),
            "v_expires": v(fill(month, "bigint"), "bigint"), "v_birth": v(fill(1, "bigint"), "bigint"),
            "v_id": v(fill(1, "bigint"), "bigint"), "v_all": v(fill(nobody, "uuid"), "uuid"),
            "v_client": v(fill(nobody, "uuid"), "uuid"), "v_subject": v(fill(nobody, "uuid"), "uuid"),
            "v_repeated": v(fill("false", "boolean"), "boolean"), "v_record": v(record, "bytea"),
            "e_part": none("integer"), "e_sid": none("uuid"), "e_records": none("bytea"),
        }  # fmt: skip
        arguments = ", ".join(f"{name} => {value}" for name, value in named.items())
        return f"SELECT count(*) FROM martlet.commit({arguments});\n"

    def rate(self, seconds: float, window: int = WINDOW) -> tuple[float, float, float]:
        path = self.server.base / "batch.sql"
        self.server._write(path, self.script(window))
        for log in self.server.base.glob("bench.*"):
            log.unlink()
        done = subprocess.run(
            [program("pgbench"), "-n", "-h", str(self.server.base), "-p", str(self.server.port), "-U", "postgres",
             "-M", "prepared", "-c", "1", "-T", str(max(1, round(seconds))), "-f", str(path), "-l",
             "--log-prefix", str(self.server.base / "bench"), BARE],
            capture_output=True, text=True, cwd=self.server.base, **account(),
        )  # fmt: skip
        if done.returncode != 0:
            raise SystemExit(done.stderr)
        lines = [line for log in self.server.base.glob("bench.*") for line in log.read_text().splitlines()]
        times = sorted(int(line.split()[2]) / 1e3 for line in lines)
        rate = float(re.search(r"tps = ([\d.]+)", done.stdout)[1]) * window
        return rate, statistics.median(times), times[int(len(times) * 0.99)]
