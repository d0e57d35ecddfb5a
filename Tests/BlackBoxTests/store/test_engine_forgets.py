"""An engine that forgets brings nobody back: nodes keep what they know and tell it again."""

import shutil
import subprocess
import time

import pytest

from harness.accounts import BOB
from harness.cluster import writes
from harness.engine_process import wait_until
from harness.engines import schema

PREFIX = "{martlet}"


def code(answer) -> str:
    return answer.json().get("code", "")


class Known:
    """A revoked token, an ended session, a cut, a rotation: what must still be so after a fault, and one that lives."""

    def __init__(self, cluster):
        self.cluster = cluster
        a, b = cluster[0], cluster[1]
        self.cut = b.login(who=BOB)
        assert a.cut(sub=BOB.id).status_code == 200
        self.token, self.session, self.rotated, self.lives = (a.login() for _ in range(4))
        assert b.revoke(self.token.access).status_code == 200
        assert a.http.post("/logout", json={"refresh_token": self.session.refresh}).status_code in (200, 204)
        answer = b.refresh(self.rotated.refresh)
        assert answer.status_code == 200
        self.second = answer.json()["refresh_token"]
        self.third = a.refresh(self.second).json()["refresh_token"]
        cluster.settle()

    def holds(self, nodes, uses_up: bool = False) -> None:
        for node in nodes:
            assert node.refusal(self.token.access) == "token_revoked"
            assert node.refusal(self.session.access) == "session_revoked"
            assert node.refusal(self.cut.access) == "subject_revoked"
            assert node.refusal(self.lives.access) == ""
            assert node.refresh(self.session.refresh).status_code == 401
            assert node.refresh(self.cut.refresh).status_code == 401
        if uses_up:
            answer = nodes[-1].refresh(self.lives.refresh)
            assert answer.status_code == 200, answer.text
            # Spent twice over: a thief's.
            stale = nodes[0].refresh(self.rotated.refresh)
            assert (stale.status_code, code(stale)) == (401, "refresh_reused"), stale.text
            assert nodes[-1].refresh(self.third).status_code == 401


def newcomer(cluster, make_cluster, url: str):
    """A node with the same keys and without a copy."""
    node = make_cluster(url, count=1, people=()).nodes[0]
    node.shared = cluster[0].shared
    node.settings |= {name: cluster[0].settings[name] for name in ("keys", "users", "clients")} | {"node": "newcomer"}
    node.start()
    node.await_ready(10)
    return node


def forget_everything(engine) -> None:
    if engine.kind == "redis":
        engine.server.ask("FLUSHALL")
    else:
        engine.server.ask(f"DROP SCHEMA martlet CASCADE; {schema(engine.server)}")


def test_a_flushed_engine_is_told_everything_that_lives(engine, make_cluster):
    cluster = make_cluster(engine.url(), count=2).start()
    known = Known(cluster)
    epoch = cluster[0].figure("martlet_store_epoch")
    forget_everything(engine)
    cluster.heal(6)
    cluster.settle()
    known.holds(list(cluster))
    known.holds([newcomer(cluster, make_cluster, engine.url())], uses_up=True)
    assert cluster[0].figure("martlet_store_epoch") > epoch
    assert any("epoch" in str(event.get("event")) for node in cluster for event in node.events())


@pytest.mark.parametrize("key", ["log", "epoch", "time", "nodes", "s", "d", "j", "c"])
def test_a_key_of_redis_that_somebody_deletes_brings_nobody_back(redis, make_cluster, key):
    cluster = make_cluster(redis.url(), count=2, refresh_grace="1s").start()
    known = Known(cluster)
    time.sleep(1.1)
    doomed = [name for name in redis.server.keys() if name == f"{PREFIX}:{key}".encode()]
    doomed += [name for name in redis.server.keys() if name.startswith(f"{PREFIX}:{key}:".encode())]
    assert doomed or key in ("nodes", "time"), redis.server.keys()
    if doomed:
        redis.server.ask("DEL", *doomed)
    time.sleep(0.5)
    cluster.heal(6)
    known.holds(list(cluster))
    stale = cluster[0].refresh(known.rotated.refresh)
    assert stale.status_code == 401, stale.text
    stale = cluster[1].refresh(known.second)
    assert stale.status_code == 401, stale.text


class Backup:
    """The files of an engine that is stopped, and put back later."""

    def __init__(self, engine, base):
        self.engine = engine
        self.source = engine.server.directory / "appendonlydir" if engine.kind == "redis" else engine.server.data
        self.copy = engine.server.directory / "backup"
        self._while_stopped(lambda: subprocess.run(["cp", "-a", str(self.source), str(self.copy)], check=True))

    def _while_stopped(self, act) -> None:
        self.engine.server.stop()
        if self.engine.kind == "postgres":
            (self.engine.server.data / "postmaster.pid").unlink(missing_ok=True)
        act()
        self.engine.start()

    def restore(self) -> None:
        def act():
            shutil.rmtree(self.source)
            subprocess.run(["cp", "-a", str(self.copy), str(self.source)], check=True)
            if self.engine.kind == "postgres":
                (self.source / "postmaster.pid").unlink(missing_ok=True)

        self._while_stopped(act)


def test_an_old_backup_is_told_what_it_lacks(engine, make_cluster, base):
    cluster = make_cluster(engine.url(), count=2).start()
    early = cluster[0].login()
    assert cluster[0].revoke(early.access).status_code == 200
    backup = Backup(engine, base)
    cluster.heal(6)
    known = Known(cluster)
    backup.restore()
    cluster.heal(6)
    cluster.settle()
    fresh = newcomer(cluster, make_cluster, engine.url())
    for node in (*cluster, fresh):
        assert node.refusal(early.access) == "token_revoked"
    known.holds([*cluster, fresh], uses_up=True)
    assert sum(node.figure("martlet_store_forks_total") for node in cluster) == 0


def test_an_old_backup_that_was_written_before_the_nodes_came_back_is_merged(engine, make_cluster, base):
    """A newcomer without a copy writes to it first, so that the engine's numbers reach those that the others know."""
    cluster = make_cluster(engine.url(), count=2).start()
    backup = Backup(engine, base)
    cluster.heal(6)
    known = Known(cluster)
    for node in cluster:
        node.kill()
    backup.restore()
    other = newcomer(cluster, make_cluster, engine.url())
    for _ in range(60):
        assert writes(other)
    for node in cluster:
        node.run_once()
    cluster.heal(6)
    cluster.settle([*cluster, other])
    known.holds([*cluster, other], uses_up=True)


def trim_the_log(engine) -> None:
    if engine.kind == "redis":
        engine.server.ask("XTRIM", f"{PREFIX}:log", "MAXLEN", 1)
    else:
        engine.server.ask("DELETE FROM martlet.log WHERE seq < (SELECT max(seq) FROM martlet.log)")


def test_a_node_behind_a_trimmed_log_reads_everything_again(engine, make_cluster):
    between, url = engine.through()
    cluster = make_cluster(lambda index: url if index == 0 else engine.url(), count=2).start()
    between.hold()
    wait_until(lambda: not cluster[0].is_ready, 5, "a node that is cut off")
    sessions = [cluster[1].login() for _ in range(3)]
    for session in sessions:
        assert cluster[1].revoke(session.access).status_code == 200
    rotated = cluster[1].login()
    answer = cluster[1].refresh(rotated.refresh)
    assert writes(cluster[1]) and answer.status_code == 200
    trim_the_log(engine)
    between.heal()
    cluster.heal(6)
    for session in sessions:
        wait_until(lambda: cluster[0].refusal(session.access) == "token_revoked", 3, "what was trimmed")
    again = cluster[0].refresh(rotated.refresh)
    assert (again.status_code, again.content) == (200, answer.content)
    # Trimmed while it was stopped.
    cluster[0].kill()
    session = cluster[1].login()
    assert cluster[1].revoke(session.access).status_code == 200 and writes(cluster[1])
    trim_the_log(engine)
    cluster[0].run_once()
    cluster[0].await_ready(5)
    assert cluster[0].refusal(session.access) == "token_revoked"


def spoil_the_log(engine, how: str) -> None:
    """Somebody else adds a record that no node could have."""
    if engine.kind == "redis":
        log = f"{PREFIX}:log"
        if how == "garbage":
            last = engine.server.ask("XREVRANGE", log, "+", "-", "COUNT", 1)[0]
            fields = last[1]
            fields = [b"\x00" * 64 if index == 1 else value for index, value in enumerate(fields)]
            engine.server.ask("XADD", log, last[0].split(b"-")[0] + b"-*", *fields)
        else:
            last = engine.server.ask("XREVRANGE", log, "+", "-", "COUNT", 1)[0]
            epoch, seq = last[0].split(b"-")
            engine.server.ask("XADD", log, b"%b-%d" % (epoch, int(seq) + 5), *last[1])
        return
    columns = engine.server.ask(
        "SELECT string_agg(column_name, ',' ORDER BY ordinal_position) FROM information_schema.columns "
        "WHERE table_schema = 'martlet' AND table_name = 'log'"
    ).split(",")
    step = 1 if how == "garbage" else 5
    values = {"seq": f"seq + {step}"}
    if how == "garbage":
        kinds = engine.server.ask(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'martlet' AND table_name = 'log' "
            "AND data_type = 'bytea'"
        ).split()
        values |= {name: "decode(repeat('00', 64), 'hex')" for name in kinds}
    engine.server.ask(
        f"INSERT INTO martlet.log ({', '.join(columns)}) SELECT {', '.join(values.get(name, name) for name in columns)} "
        f"FROM martlet.log ORDER BY seq DESC LIMIT 1; UPDATE martlet.head SET seq = seq + {step}; NOTIFY martlet"
    )


@pytest.mark.parametrize("how", ["garbage", "gap"])
def test_a_damaged_log_is_never_skipped(engine, make_cluster, how):
    """A node stops at it. After a gap, and after a restart, it may read everything that lives again instead."""
    cluster = make_cluster(engine.url(), count=2).start()
    known = Known(cluster)
    spoil_the_log(engine, how)
    if (engine.kind, how) == ("postgres", "gap"):
        time.sleep(2)
        cluster.heal(6)
        return known.holds(list(cluster), uses_up=True)
    for node in cluster:
        wait_until(lambda: "store_damaged" in node.reasons, 8, f"store_damaged: {node.reasons}")
        assert node.refusal(known.token.access) == "token_revoked"
        assert node.refusal(known.lives.access) == ""
        assert node.try_login("amy", "amy rides at dawn 7").status_code == 503
        assert node.refresh(known.lives.refresh).status_code == 503
    # A refusal counts here all the same.
    cluster[0].revoke(known.lives.access)
    assert cluster[0].refusal(known.lives.access) == "token_revoked"
    node = cluster[0].restart()
    time.sleep(1.5)
    assert node.refusal(known.token.access) == node.refusal(known.lives.access) == "token_revoked"
    assert node.refusal(known.session.access) == "session_revoked"
    assert node.refresh(known.session.refresh).status_code in (401, 503)
