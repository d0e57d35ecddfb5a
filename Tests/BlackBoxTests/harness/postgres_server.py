"""A real PostgreSQL, started by the tests as their own child on a free port, as a user without privileges."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from .engine_process import EngineProcess, needed, wait_until
from .server import free_port

START_SECONDS = 30
SUPERUSER = "postgres"


def program(name: str) -> str:
    """A program of the newest version that is installed; Debian keeps them out of the search path."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    return str(found[-1]) if found else needed(name)


def account() -> dict:
    """The user that runs PostgreSQL, which rejects root, as arguments of `Popen`."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    pytest.skip("PostgreSQL rejects root, and there is no user postgres or nobody")


def run(command: list[object], **options) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd="/", **account(), **options)
    assert done.returncode == 0, f"{command}: {done.stderr or done.stdout}"
    return done.stdout


def own_directory(prefix: str = "mp-") -> Path:
    """A new directory that belongs to the user of PostgreSQL."""
    made = Path(tempfile.mkdtemp(prefix=prefix))
    who = account()
    if who:
        os.chown(made, who["user"], who["group"])
    return made


_template: list[Path] = []


def template() -> Path:
    """A data directory as initdb leaves it: initdb takes a second or two, a copy a fraction of that."""
    if not _template:
        base = own_directory("mpt-")
        data = base / "data"
        run([program("initdb"), "-D", data, "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync",
             "--no-instructions"])  # fmt: skip
        _template.append(data)
    return _template[0]


def remove_template() -> None:
    for data in _template:
        shutil.rmtree(data.parent, ignore_errors=True)
    _template.clear()


class PostgresError(Exception):
    """psql ended with an error; the text is what it printed."""


class PostgresServer(EngineProcess):
    """One server with a directory of its own. Settings are given by their names in postgresql.conf.

    Local connections of psql need no password; `require_passwords` asks everybody who comes over TCP for one.
    """

    def __init__(self, data: Path | None = None, **settings):
        self.base = data.parent if data else own_directory()
        super().__init__(self.base)
        self.data = data or self.base / "data"
        self.port = free_port()
        if not data:
            run(["cp", "-a", template(), self.data])
        self.settings = {
            "listen_addresses": "'127.0.0.1'",
            "port": self.port,
            # In the directory of the test: a killed server leaves its shared memory behind.
            "dynamic_shared_memory_type": "mmap",
            "unix_socket_directories": f"'{self.base}'",
            "shared_buffers": "'32MB'",
            "max_wal_size": "'512MB'",
            "log_min_messages": "warning",
            "max_connections": 60,
        } | settings

    @property
    def url(self) -> str:
        return f"postgres://127.0.0.1:{self.port}/postgres"

    def url_of(self, user: str, database: str = "postgres", port: int | None = None) -> str:
        return f"postgres://{user}@127.0.0.1:{port or self.port}/{database}"

    def _write(self, path: Path, text: str) -> None:
        path.write_text(text)
        who = account()
        if who:
            os.chown(path, who["user"], who["group"])
        path.chmod(0o600)

    def start(self, waits: bool = True) -> "PostgresServer":
        lines = [f"{name} = {value}" for name, value in self.settings.items()]
        self._write(self.data / "tests.conf", "\n".join(lines) + "\n")
        main = self.data / "postgresql.conf"
        if "include 'tests.conf'" not in main.read_text():
            self._write(main, main.read_text() + "\ninclude 'tests.conf'\n")
        self.spawn([program("postgres"), "-D", str(self.data)], cwd="/", **account())
        if waits:
            self.await_answer()
        return self

    def await_answer(self) -> None:
        def answers() -> bool:
            assert self.is_running, f"PostgreSQL ended:\n{self.log[-2000:]}"
            try:
                return self.ask("SELECT 1") == "1"
            except PostgresError:
                return False

        wait_until(answers, START_SECONDS, f"an answer of PostgreSQL at {self.port}")

    @property
    def family(self) -> list[int]:
        """The process ids of the postmaster and of all its children."""
        if not self.process:
            return []
        found = [self.process.pid]
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                except (OSError, ValueError, IndexError):
                    continue
                if parent == self.process.pid:
                    found.append(int(entry.name))
        return found

    def kill(self) -> None:
        """SIGKILL for every process of the server: none gets a chance to write anything more."""
        if not self.is_running:
            return
        # Stopped first, so that it starts no child between the look and the kill.
        os.kill(self.process.pid, signal.SIGSTOP)
        family = self.family
        for pid in family:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        deadline = time.monotonic() + 10
        while any(self._is_ours(pid) for pid in family[1:]):
            assert time.monotonic() < deadline, "processes of PostgreSQL survive SIGKILL"
            time.sleep(0.005)
        # Its lock files name a process id that may belong to another program by now.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        for path in self.base.glob(".s.PGSQL.*"):
            path.unlink(missing_ok=True)

    def _is_ours(self, pid: int) -> bool:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            return state != "Z" and os.readlink(f"/proc/{pid}/cwd") == str(self.data)
        except (OSError, IndexError):
            return False

    def stop(self, how: int = signal.SIGINT, seconds: float = 20) -> None:
        """A fast shutdown: sessions are told `57P01`."""
        super().stop(how, seconds)

    def restart(self, waits: bool = True) -> "PostgresServer":
        self.kill()
        return self.start(waits)

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self.base, ignore_errors=True)

    def ask(self, sql: str, user: str = SUPERUSER, database: str = "postgres", **environment: str) -> str:
        """The rows of a statement by psql, columns separated by `|`. Raises `PostgresError`."""
        command = [program("psql"), "-h", str(self.base), "-p", str(self.port), "-U", user, "-d", database, "-XAtq",
                   "-v", "ON_ERROR_STOP=1", "-f", "-"]  # fmt: skip
        done = subprocess.run(
            command, input=sql, capture_output=True, text=True, timeout=60,
            env={"PATH": os.environ["PATH"], "PGCONNECT_TIMEOUT": "5"} | environment,
        )  # fmt: skip
        if done.returncode != 0:
            raise PostgresError(done.stderr)
        return done.stdout.strip()

    def ask_tcp(self, sql: str, user: str, password: str = "", database: str = "postgres") -> str:
        """The same over TCP, where a password may be asked for."""
        environment = {"PGHOST": "127.0.0.1", "PGPASSWORD": password}
        command = [program("psql"), "-p", str(self.port), "-U", user, "-d", database, "-XAtqw", "-v", "ON_ERROR_STOP=1",
                   "-f", "-"]  # fmt: skip
        done = subprocess.run(
            command, input=sql, capture_output=True, text=True, timeout=60,
            env={"PATH": os.environ["PATH"], "PGCONNECT_TIMEOUT": "5"} | environment,
        )  # fmt: skip
        if done.returncode != 0:
            raise PostgresError(done.stderr)
        return done.stdout.strip()

    def configure(self, **settings) -> None:
        """Changes settings in the file and reloads it; those that need a restart take effect with the next start."""
        self.settings |= settings
        lines = [f"{name} = {value}" for name, value in self.settings.items()]
        self._write(self.data / "tests.conf", "\n".join(lines) + "\n")
        if self.is_running:
            self.ask("SELECT pg_reload_conf()")

    def require_passwords(self) -> None:
        rules = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\nhost replication all 127.0.0.1/32 trust\n"
        self._write(self.data / "pg_hba.conf", rules)
        if self.is_running:
            self.ask("SELECT pg_reload_conf()")

    # Replication

    def standby(self, name: str = "standby", port: int | None = None, **settings) -> "PostgresServer":
        """A standby, copied from this server; it follows through `port`, such as that of a forwarder."""
        base = own_directory()
        data = base / "data"
        run([program("pg_basebackup"), "-h", "127.0.0.1", "-p", self.port, "-U", SUPERUSER, "-D", data, "-c", "fast",
             "-X", "stream", "--no-sync"])  # fmt: skip
        made = PostgresServer(data, **settings)
        via = f"host=127.0.0.1 port={port or self.port} user={SUPERUSER} application_name={name}"
        made.settings["primary_conninfo"] = f"'{via} connect_timeout=2'"
        made.settings["wal_retrieve_retry_interval"] = "'200ms'"
        made._write(data / "standby.signal", "")
        return made

    def require_standby(self, *names: str, how: str = "ANY 1") -> None:
        """Commits wait for these standbys from now on; for none, if there are no names."""
        value = f"'{how} ({', '.join(names)})'" if names else "''"
        self.configure(synchronous_standby_names=value)

    def await_standbys(self, count: int, seconds: float = 20) -> None:
        query = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND replay_lsn = pg_current_wal_lsn()"
        wait_until(lambda: int(self.ask(query)) >= count, seconds, f"{count} standbys of PostgreSQL")

    def promote(self) -> None:
        assert self.ask("SELECT pg_promote(true, 20)") == "t"
