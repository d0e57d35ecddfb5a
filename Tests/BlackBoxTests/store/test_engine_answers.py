"""What engines answer when they cannot or will not, and what no engine would: nothing is acknowledged, nothing dies."""

import re
import socket
import struct
import threading
import time

import pytest

from harness.cluster import writes
from harness.engine_process import wait_until
from harness.engines import ROLE
from harness.redis_server import RedisServer


def is_unavailable(answer) -> bool:
    return answer.status_code == 503 and answer.json()["code"] == "store_unavailable"


@pytest.fixture
def pair(engine, make_cluster):
    return make_cluster(engine.url(), count=2).start()


@pytest.fixture
def on_redis(redis, make_cluster):
    return make_cluster(redis.url(), count=2).start()


@pytest.fixture
def on_postgres(postgres, make_cluster):
    return make_cluster(postgres.url(), count=2).start()


def meets(cluster, begin, end, heals: float = 4) -> None:
    """While the fault lasts, nothing is acknowledged and verification goes on; afterwards everything is there."""
    session, rotating = cluster[0].login(), cluster[0].login()
    pids = [node.pid for node in cluster]
    begin()
    try:
        wait_until(lambda: not writes(cluster[0]), 5, "a write that gets 503")
        assert is_unavailable(cluster[0].revoke(session.access))
        assert cluster[0].refusal(session.access) == "token_revoked"
        assert is_unavailable(cluster[1].refresh(rotating.refresh))
        assert cluster[1].refusal(rotating.access) == ""
        wait_until(lambda: not cluster[0].is_ready, 3, "/readyz")
        assert "store_unavailable" in cluster[0].reasons
    finally:
        end()
    cluster.heal(heals)
    for node in cluster:
        wait_until(lambda: node.refusal(session.access) == "token_revoked", 3, "a revocation that got 503, everywhere")
    assert cluster[0].refresh(rotating.refresh).status_code == 200
    assert [node.pid for node in cluster] == pids and all(node.run.is_running for node in cluster)


def test_redis_is_out_of_memory(redis, on_redis):
    meets(on_redis, lambda: redis.server.configure(maxmemory="1mb"), lambda: redis.server.configure(maxmemory=0))


def test_redis_has_too_few_replicas(redis, on_redis):
    meets(on_redis, lambda: redis.server.configure(min_replicas_to_write=1),
          lambda: redis.server.configure(min_replicas_to_write=0))  # fmt: skip


def test_redis_has_become_a_replica(redis, on_redis):
    meets(on_redis, lambda: redis.server.follow(1), redis.server.promote)


def test_redis_cannot_save(redis, on_redis):
    (redis.server.directory / "dump.rdb").mkdir()

    def begin():
        redis.server.configure(stop_writes_on_bgsave_error="yes", save="3600 1")
        redis.server.ask("BGSAVE")
        wait_until(lambda: redis.server.info("persistence")["rdb_last_bgsave_status"] == "err", 5, "a failed save")

    def end():
        redis.server.configure(stop_writes_on_bgsave_error="no", save="")

    meets(on_redis, begin, end)


def test_redis_is_busy_with_a_script(redis, on_redis):
    redis.server.configure(busy_reply_threshold=100)
    link = redis.server.connect(timeout=30)

    def begin():
        threading.Thread(target=lambda: fails(lambda: link.ask("EVAL", "while true do end", 0)), daemon=True).start()
        time.sleep(0.3)

    meets(on_redis, begin, lambda: redis.server.ask("SCRIPT", "KILL"))


def fails(call) -> None:
    try:
        call()
    except Exception:
        pass


def test_redis_is_loading(redis, on_redis):
    redis.server.ask("EVAL", "for i = 1, 3000 do redis.call('SET', 'filler' .. i, string.rep('x', 64)) end", 0)

    def begin():
        redis.server.kill()
        redis.server.config_path.write_text(
            redis.server.config_path.read_text() + "key-load-delay 1000\nloading-process-events-interval-bytes 1024\n"
        )
        redis.server.start(waits=False)

    meets(on_redis, begin, lambda: wait_until(lambda: is_loaded(redis.server), 30, "the end of LOADING"))


def is_loaded(server: RedisServer) -> bool:
    from harness.resp import RespError

    try:
        return server.ask("PING") == b"PONG"
    except RespError:
        return False


def test_redis_forgets_its_scripts(redis, on_redis):
    for _ in range(5):
        redis.server.ask("SCRIPT", "FLUSH")
        assert all(writes(node) for node in on_redis)


def test_redis_closes_idle_connections(redis, on_redis):
    """`timeout 1`: connections end while nothing is wrong, so clients notice as little as possible."""
    redis.server.configure(timeout=1)
    time.sleep(2.5)
    for _ in range(10):
        wait_until(lambda: writes(on_redis[0]), 0.5, "a write")
        time.sleep(0.3)


def test_a_cluster_of_redis_whose_slot_nobody_has_and_then_another_server(base, make_cluster):
    """CLUSTERDOWN, and MOVED to the server that has the slot."""
    first = RedisServer(base / "first", cluster_enabled="yes").start()
    second = RedisServer(base / "second", cluster_enabled="yes").start()
    try:
        cluster = make_cluster(f"redis://127.0.0.1:{first.port}", count=2)
        for node in cluster:
            node.start()
        assert not cluster[0].is_ready and not writes(cluster[0])
        second.ask("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        first.ask("CLUSTER", "MEET", "127.0.0.1", second.port)
        wait_until(lambda: b"cluster_state:ok" in first.ask("CLUSTER", "INFO"), 15, "a cluster")
        cluster.heal(8)
        session = cluster[0].login()
        assert cluster[0].revoke(session.access).status_code == 200
        wait_until(lambda: cluster[1].refusal(session.access) == "token_revoked", 3, "a revocation")
        assert any(b"martlet" in key for key in second.keys())
    finally:
        first.kill()
        second.kill()


# PostgreSQL


def role_setting(server, text: str) -> None:
    server.ask(f"ALTER ROLE {ROLE} {text}")
    terminate(server)


def terminate(server) -> None:
    server.ask(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{ROLE}'")


def test_postgresql_ends_sessions(postgres, on_postgres):
    """57P01: the next connection is made at once."""
    for _ in range(3):
        terminate(postgres.server)
        on_postgres.heal(3)


def test_postgresql_has_no_connection_left(postgres, on_postgres):
    meets(on_postgres, lambda: role_setting(postgres.server, "CONNECTION LIMIT 0"),
          lambda: role_setting(postgres.server, "CONNECTION LIMIT -1"))  # fmt: skip


def test_postgresql_is_read_only(postgres, on_postgres):
    meets(on_postgres, lambda: role_setting(postgres.server, "SET default_transaction_read_only = on"),
          lambda: role_setting(postgres.server, "RESET default_transaction_read_only"))  # fmt: skip


def test_postgresql_is_stopped_and_started(postgres, on_postgres):
    meets(on_postgres, postgres.server.stop, postgres.server.start)


def test_somebody_locks_the_row_that_orders_everything(postgres, on_postgres):
    import subprocess

    from harness.postgres_server import program

    locking = []

    def begin():
        command = [program("psql"), "-h", str(postgres.server.base), "-p", str(postgres.server.port), "-U", "postgres",
                   "-XAtq", "-c", "BEGIN; SELECT * FROM martlet.head FOR UPDATE; SELECT pg_sleep(60)"]  # fmt: skip
        locking.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
        wait_until(
            lambda: postgres.server.ask("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%'") == "2",
            5, "the lock",
        )  # fmt: skip

    def end():
        locking[0].kill()
        postgres.server.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' "
                            "AND pid <> pg_backend_pid()")  # fmt: skip
        locking[0].wait()

    meets(on_postgres, begin, end)


@pytest.mark.parametrize(
    "setting",
    [
        "bytea_output = 'escape'",
        "client_encoding = 'LATIN1'",
        "standard_conforming_strings = off",
        "search_path = ''",
        "DateStyle = 'German'",
        "extra_float_digits = -15",
        "enable_seqscan = off",
        "plan_cache_mode = force_generic_plan",
    ],
)
def test_settings_of_the_role_change_nothing(postgres, make_cluster, setting):
    """What an administrator may set for a role or a database for other reasons."""
    from harness.cluster import together

    postgres.server.ask(f"ALTER ROLE {ROLE} SET {setting}")
    cluster = make_cluster(postgres.url(), count=2).start()
    session = cluster[0].login()
    for _ in range(4):
        answers = together([lambda n=cluster[i % 2]: n.refresh(session.refresh) for i in range(16)])
        assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers][:2]
        assert len({answer.content for answer in answers}) == 1
        session.body = answers[0].json()
    assert cluster[1].revoke(session.access).status_code == 200
    wait_until(lambda: cluster[0].refusal(session.access) == "token_revoked", 3, "a revocation")
    assert cluster[1].restart().refusal(session.access) == "token_revoked"


# Answers that no engine gives

REDIS_NONSENSE = {
    "another question": b"+OK\r\n",
    "nothing": b"$-1\r\n",
    "no list": b"*-1\r\n",
    "an empty list": b"*0\r\n",
    "a negative length": b"$-7\r\n",
    "a length beyond memory": b"$99999999999\r\n",
    "a length of half a gigabyte": b"$536870912\r\nx",
    "a list beyond memory": b"*2147483647\r\n",
    "a number too large": b":99999999999999999999999\r\n",
    "depth": b"*1\r\n" * 10_000,
    "zeros": bytes(65_536),
    "an unknown type": b"!hello\r\n",
    "a line without an end": b"+" + b"x" * 300_000,
    "an error of no kind": b"-\r\n",
    "an error without an end": b"-ERR " + b"y" * 70_000 + b"\r\n",
    "two answers": b"+OK\r\n+OK\r\n:1\r\n",
    "HTTP": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
}
POSTGRES_NONSENSE = {
    "ready without an answer": b"Z\x00\x00\x00\x05I",
    "zeros": bytes(65_536),
    "a length beyond memory": b"D\x7f\xff\xff\xff\x00\x01",
    "a negative length": b"D\xff\xff\xff\xff",
    "a row without columns": b"D\x00\x00\x00\x06\x00\x00C\x00\x00\x00\x0dSELECT 1\x00Z\x00\x00\x00\x05I",
    "a short row": b"T\x00\x00\x00\x1e\x00\x01x\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x17\x00\x04\xff\xff\xff\xff\x00\x00"
    b"D\x00\x00\x00\x0a\x00\x01\xff\xff\xff\xffC\x00\x00\x00\x0dSELECT 1\x00Z\x00\x00\x00\x05I",
    "an error without fields": b"E\x00\x00\x00\x05\x00Z\x00\x00\x00\x05I",
    "a warning that a wait was cancelled": b"N\x00\x00\x00\x1cSWARNING\x00C01000\x00Mcanc\x00\x00",
    "HTTP": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
}
NONSENSE = {"redis": REDIS_NONSENSE, "postgres": POSTGRES_NONSENSE}


def memory(node) -> int:
    """Resident KiB."""
    status = open(f"/proc/{node.pid}/status").read()
    return int(status.split("VmRSS:")[1].split()[0])


def test_nonsense_acknowledges_nothing_and_kills_nothing(engine, make_cluster, is_full):
    between, url = engine.through()
    cluster = make_cluster(lambda index: url if index == 0 else engine.url(), count=2).start()
    node = cluster[0]
    pid, before = node.pid, memory(node)
    acknowledged, unknown = [], []
    for name, content in NONSENSE[engine.kind].items():
        for _ in range(10 if is_full else 2):
            session = node.login()
            between.answer_instead(content)
            answer = node.revoke(session.access)
            assert answer.status_code in (200, 503), (name, answer.text)
            assert node.refusal(session.access) == "token_revoked", name
            (acknowledged if answer.status_code == 200 else unknown).append((name, session))
            wait_until(lambda: between.has_answered, 3, f"{name}: a piece that was replaced")
            wait_until(lambda: writes(node), 5, f"a write after {name}: {node.last_words()}")
            assert node.pid == pid and node.run.is_running, f"{name} ended the node:\n{node.last_words()}"
    cluster.settle()
    for name, session in acknowledged + unknown:
        wait_until(lambda: cluster[1].refusal(session.access) == "token_revoked", 3, f"a revocation beside {name}")
    assert memory(node) - before < 65_536, f"{memory(node) - before} KiB more"
    assert node.figure("martlet_store_reconnects_total") > 0


def test_an_address_that_is_no_engine_stops_nothing(base, make_cluster):
    """An address where something else listens: the node says so, and does not hang."""
    listener = socket.create_server(("127.0.0.1", 0))
    links = []

    def accept():
        while True:
            try:
                link, _ = listener.accept()
            except OSError:
                return
            links.append(link)
            fails(lambda: link.sendall(b"SSH-2.0-OpenSSH_9.2\r\n"))

    threading.Thread(target=accept, daemon=True).start()
    port = listener.getsockname()[1]
    for url in (f"redis://127.0.0.1:{port}", f"postgres://{ROLE}@127.0.0.1:{port}/postgres"):
        cluster = make_cluster(url, count=1)
        try:
            cluster[0].start()
        except Exception as failure:
            assert "MARTLET_STORE" in str(failure)
            continue
        assert not cluster[0].is_ready and not writes(cluster[0])
    listener.close()


class Starting:
    """What an engine answers to everyone while it starts."""

    REDIS = b"-LOADING Redis is loading the dataset in memory\r\n"
    FIELDS = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0"
    POSTGRES = b"E" + struct.pack(">I", 4 + len(FIELDS)) + FIELDS

    def __init__(self, kind: str):
        self.kind = kind
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            try:
                link, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=lambda link=link: fails(lambda: self.answer(link)), daemon=True).start()

    def answer(self, link: socket.socket) -> None:
        with link:
            while content := link.recv(65_536):
                if self.kind == "redis":
                    link.sendall(self.REDIS * len(re.findall(rb"(?:^|(?<=\r\n))\*\d+\r\n", content)))
                elif content[4:8] == struct.pack(">I", 80_877_103):
                    # A question for TLS.
                    link.sendall(b"N")
                else:
                    link.sendall(self.POSTGRES)
                    return

    def close(self) -> None:
        self.listener.close()


@pytest.mark.parametrize("fault", ["starting", "refused", "silent"])
def test_a_start_that_meets_an_engine_that_does_not_answer_yet_heals(engine, make_cluster, fault):
    between, url = engine.through()
    starting = Starting(engine.kind)
    try:
        match fault:
            case "starting": between.retarget(starting.port)
            case "refused": between.reset(refuses=True)
            case "silent": between.hold()
        node = make_cluster(url, count=1)[0].start()
        assert "store_unavailable" in node.reasons
        assert is_unavailable(node.try_login("amy", "amy rides at dawn 7"))
        assert not writes(node)
        between.retarget(engine.server.port)
        between.heal()
        node.await_ready(30)
        session = node.login()
        assert node.refresh(session.refresh).status_code == 200
    finally:
        starting.close()
