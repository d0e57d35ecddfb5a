"""The engines, the forwarder, the partitions and the clocks of these tests do what the tests take them for."""

import socket
import subprocess
import threading
import time

import pytest

from harness.clocks import NodeClock
from harness.engine_process import wait_until
from harness.forwarder import Forwarder
from harness.partition import Network
from harness.postgres_server import PostgresError, PostgresServer, program
from harness.redis_server import RedisGroup, RedisServer
from harness.resp import Resp, RespError


@pytest.fixture
def server(tmp_path):
    server = RedisServer(tmp_path / "redis").start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def postgres():
    server = PostgresServer().start()
    yield server
    server.close()


def test_redis_keeps_what_it_acknowledged_over_kill_nine(server):
    assert server.ask("CONFIG", "GET", "appendfsync")[1] == b"always"
    for number in range(3):
        server.ask("SET", f"key{number}", number)
        server.restart()
    assert [server.ask("GET", f"key{number}") for number in range(3)] == [b"0", b"1", b"2"]


def test_users_of_redis_may_do_what_their_line_says(tmp_path):
    server = RedisServer(tmp_path / "redis", password="top", users=("app on >secret ~{a}* +get +ping +client",)).start()
    try:
        with pytest.raises(RespError, match="NOAUTH"):
            Resp(server.address).ask("GET", "x")
        with server.connect("app", "secret") as link:
            assert link.ask("GET", "{a}:x") is None
            with pytest.raises(RespError, match="NOPERM"):
                link.ask("GET", "x")
            with pytest.raises(RespError, match="NOPERM"):
                link.ask("SET", "{a}:x", 1)
    finally:
        server.kill()


def test_redis_speaks_tls(tmp_path):
    server = RedisServer(tmp_path / "redis", tls=True).start()
    try:
        with server.connect_tls() as link:
            assert link.ask("PING") == b"PONG"
    finally:
        server.kill()


def test_a_replica_behind_a_forwarder_misses_what_came_while_it_was_held(server, tmp_path):
    with Forwarder(server.port) as between:
        replica = RedisServer(tmp_path / "replica", replica_of=between.port).start()
        try:
            server.await_replicas(1)
            assert server.reached("SET", "before", 1) == 1
            between.hold()
            assert server.reached("SET", "after", 1) == 0
            replica.promote()
            assert (replica.ask("GET", "before"), replica.ask("GET", "after")) == (b"1", None)
        finally:
            replica.kill()


def test_sentinels_promote_a_replica(tmp_path):
    group = RedisGroup(tmp_path)
    try:
        assert group.primary.reached("SET", "kept", 1) == 1
        group.primary.kill()
        assert group.await_failover().ask("GET", "kept") == b"1"
    finally:
        group.close()


def test_postgres_keeps_what_it_acknowledged_over_kill_nine(postgres):
    postgres.ask("CREATE TABLE kept (number int)")
    for number in range(2):
        postgres.ask(f"INSERT INTO kept VALUES ({number})")
        postgres.restart()
    assert postgres.ask("SELECT number FROM kept ORDER BY 1").split() == ["0", "1"]


def test_roles_of_postgres_have_passwords_and_rights(postgres):
    postgres.ask("CREATE ROLE app LOGIN PASSWORD 'secret'; CREATE TABLE closed (number int)")
    postgres.require_passwords()
    assert postgres.ask_tcp("SELECT 1", "app", "secret") == "1"
    with pytest.raises(PostgresError, match="password"):
        postgres.ask_tcp("SELECT 1", "app", "wrong")
    with pytest.raises(PostgresError, match="permission denied"):
        postgres.ask_tcp("SELECT * FROM closed", "app", "secret")


def test_a_commit_waits_for_a_standby_that_was_cut_off(postgres):
    with Forwarder(postgres.port) as between:
        standby = postgres.standby(port=between.port).start()
        try:
            postgres.require_standby("standby")
            wait_until(lambda: postgres.ask("SELECT sync_state FROM pg_stat_replication") in ("sync", "quorum"), 10, "sync")
            postgres.ask("CREATE TABLE waits (number int)")
            between.hold()
            with pytest.raises(subprocess.TimeoutExpired):
                ask_for(postgres, "INSERT INTO waits VALUES (1)", 0.5)
            between.heal()
            postgres.ask("INSERT INTO waits VALUES (2)")
            postgres.kill()
            standby.promote()
            assert "2" in standby.ask("SELECT number FROM waits").split()
        finally:
            standby.close()
            postgres.settings.pop("synchronous_standby_names", None)
            postgres.start()


def ask_for(server: PostgresServer, sql: str, seconds: float) -> None:
    subprocess.run([program("psql"), "-h", str(server.base), "-p", str(server.port), "-U", "postgres", "-c", sql],
                   timeout=seconds, capture_output=True)  # fmt: skip


class Echo:
    """Answers each connection with what it sends."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                link, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._echo, args=(link,), daemon=True).start()

    @staticmethod
    def _echo(link: socket.socket) -> None:
        try:
            while content := link.recv(4096):
                link.sendall(content)
        except OSError:
            pass
        link.close()


def told(link: socket.socket, text: bytes, seconds: float = 2) -> float:
    """How long an echo takes; infinity for none."""
    began = time.monotonic()
    link.settimeout(seconds)
    link.sendall(text)
    found = b""
    try:
        while len(found) < len(text):
            piece = link.recv(4096)
            if not piece:
                return float("inf")
            found += piece
    except TimeoutError:
        return float("inf")
    assert found == text
    return time.monotonic() - began


def test_a_forwarder_delays_holds_drips_loses_and_resets():
    echo = Echo()
    with Forwarder(echo.port) as between:
        link = socket.create_connection(("127.0.0.1", between.port))
        assert told(link, b"a") < 0.1
        between.delay(0.1)
        assert 0.2 <= told(link, b"a") < 0.5
        between.heal()
        between.drip(100)
        assert 0.09 <= told(link, b"0123456789") < 0.5
        between.heal()
        between.hold()
        assert told(link, b"a", 0.3) == float("inf")
        between.heal()
        # What was under way arrives late, as after a partition.
        assert link.recv(10) == b"a"
        assert told(link, b"b") < 0.1
        between.lose()
        assert told(link, b"a", 0.2) == float("inf")
        between.heal()
        with pytest.raises(ConnectionResetError):
            link.recv(1)
        other = socket.create_connection(("127.0.0.1", between.port))
        assert told(other, b"a") < 0.1
        between.reset(refuses=True)
        with pytest.raises(ConnectionResetError):
            other.recv(1)
        with pytest.raises(OSError):
            refused = socket.create_connection(("127.0.0.1", between.port), 1)
            refused.sendall(b"a")
            if refused.recv(1) == b"":
                raise ConnectionResetError
        between.heal()
        assert told(socket.create_connection(("127.0.0.1", between.port)), b"a") < 0.1
        last = socket.create_connection(("127.0.0.1", between.port))
        last.sendall(b"all of it")
        last.shutdown(socket.SHUT_WR)
        last.settimeout(2)
        found = b""
        while piece := last.recv(100):
            found += piece
        assert found == b"all of it"
    echo.listener.close()


@pytest.mark.alone
def test_a_cut_namespace_neither_hears_nor_is_heard(tmp_path):
    with Network(2) as network:
        server = RedisServer(tmp_path / "redis", bind=network.host).start(waits=False)
        try:
            script = f"redis-cli -h {network.host} -p {server.port} PING || echo NO"

            def ask(machine: int) -> str:
                command = [*network[machine].prefix, "timeout", "0.5", "sh", "-c", script]
                return subprocess.run(command, capture_output=True, text=True).stdout.strip()

            wait_until(lambda: ask(0) == "PONG", 10, "an answer to a namespace")
            network[0].cut(network.host, server.port)
            assert (ask(0), ask(1)) == ("", "PONG")
            network[0].heal()
            assert ask(0) == "PONG"
            network[1].deafen(network.host, server.port)
            assert (ask(0), ask(1)) == ("PONG", "")
        finally:
            server.kill()


def test_a_clock_of_a_node_is_off_and_runs(tmp_path):
    clock = NodeClock(tmp_path, 3)

    def offset() -> float:
        done = subprocess.run([*clock.prefix, "date", "+%s.%N"], capture_output=True, text=True)
        return float(done.stdout) - time.time()

    assert 2.9 < offset() < 3.5
    clock.set(-3)
    assert -3.1 < offset() < -2.5
