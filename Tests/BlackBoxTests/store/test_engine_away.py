"""While the engine is away, nodes verify and say how old their knowledge is; what would write gets 503."""

import shutil
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.cluster import writes
from harness.engine_process import wait_until
from harness.partition import Network

WRITE_SECONDS = 1.2
AGE_TRUE_TO = 0.2


@pytest.fixture
def parted(base, engine_kind, make_cluster):
    """Three nodes in namespaces over an engine on this side."""
    from harness.engines import ENGINES

    with Network(3) as network:
        settings = {"bind": f"127.0.0.1 {network.host}"} if engine_kind == "redis" else {"listen_addresses": f"'127.0.0.1,{network.host}'"}
        engine = ENGINES[engine_kind](base, **settings)
        try:
            if engine_kind == "postgres":
                rules = engine.server.data / "pg_hba.conf"
                engine.server._write(rules, rules.read_text() + f"host all all {network.host}/24 trust\n")
                engine.server.ask("SELECT pg_reload_conf()")
            cluster = make_cluster(engine.url(host=network.host), machines=network.machines)
            yield engine, network, cluster.start()
        finally:
            for node in cluster:
                node.close()
            engine.close()


@pytest.fixture(params=["redis", "postgres"])
def engine_kind(request):
    return request.param


def took(call) -> tuple[float, object]:
    """How many seconds a call takes, and what it returns."""
    began = time.monotonic()
    answer = call()
    return time.monotonic() - began, answer


def is_unavailable(answer) -> bool:
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.headers["retry-after"] == "1"
    return answer.status_code == 503 and answer.json()["code"] == "store_unavailable"


class Prober(threading.Thread):
    """Verifies one token on one node without a pause, and keeps how long that takes."""

    def __init__(self, node, token: str):
        super().__init__(daemon=True)
        from faults.line import Line

        self.line, self.token = Line(node.address), token
        self.times: list[float] = []
        self.statuses: set[int] = set()
        self.stopping = threading.Event()
        self.start()

    def run(self) -> None:
        while not self.stopping.is_set():
            began = time.perf_counter()
            self.statuses.add(self.line.post("/verify", token=self.token)[0])
            self.times.append(time.perf_counter() - began)
            time.sleep(0.002)

    def end(self) -> tuple[float, set[int]]:
        self.stopping.set()
        self.join(10)
        ordered = sorted(self.times)
        return ordered[int(len(ordered) * 0.99)], self.statuses


@pytest.mark.alone
def test_a_node_that_is_parted_from_the_engine(parted, is_full):
    engine, network, cluster = parted
    alone, others = cluster[0], (cluster[1], cluster[2])
    session, spare, doomed, rotating = (alone.login() for _ in range(4))
    cluster.settle()
    # What a password costs here.
    hashing, _ = took(lambda: alone.try_login("amy", "wrong password 1"))
    quiet = Prober(alone, session.access)
    time.sleep(2 if not is_full else 8)
    quiet_p99, _ = quiet.end()

    # Records come in until the last moment, so that what the node knows is no older than the partition.
    for _ in range(20):
        assert writes(others[0])
    network[0].cut(network.host, engine.server.port)
    parted_at = time.monotonic()
    prober = Prober(alone, session.access)
    # Everything that writes gets 503 in time; a refusal counts here at once all the same.
    for name, call in {
        "login": lambda: alone.try_login("amy", "amy rides at dawn 7"),
        "refresh": lambda: alone.refresh(rotating.refresh),
        "revoke": lambda: alone.revoke(spare.access),
        "logout": lambda: alone.http.post("/logout", json={"refresh_token": doomed.refresh}),
    }.items():
        seconds, answer = took(call)
        assert is_unavailable(answer), (name, answer.text)
        assert seconds <= WRITE_SECONDS + hashing * (name == "login"), f"{name} was answered after {seconds:.2f} s"
    assert alone.refusal(spare.access) == "token_revoked"
    assert alone.refusal(doomed.access) == "session_revoked"
    # The others notice nothing, and do not know yet.
    assert all(writes(node) and node.refusal(spare.access) == "" for node in others)
    other = others[0].login()
    assert others[0].revoke(other.access).status_code == 200
    assert (others[1].refusal(other.access) or "late") in ("token_revoked", "late")
    assert "store_unavailable" in " ".join(alone.reasons)
    for _ in range(6):
        time.sleep(0.4)
        told = float(alone.verify(session.access).headers["revocation-age"])
        assert abs(told - (time.monotonic() - parted_at)) <= AGE_TRUE_TO, (told, time.monotonic() - parted_at)
    assert float(others[0].verify(session.access).headers["revocation-age"]) < 1.5
    parted_p99, statuses = prober.end()
    assert statuses == {200}
    assert parted_p99 <= max(2 * quiet_p99, quiet_p99 + 0.005), (parted_p99, quiet_p99)

    pid = alone.pid
    network[0].heal()
    began = time.monotonic()
    wait_until(lambda: writes(alone), 5, "a write after the partition")
    healed = time.monotonic() - began
    assert healed < 4, healed
    assert alone.pid == pid and alone.run.is_running
    alone.await_ready(5)
    # What got 503 is everywhere afterwards, and nothing was lost meanwhile.
    for node in cluster:
        wait_until(lambda: node.refusal(spare.access) == "token_revoked", 3, "a revocation that got 503, everywhere")
        wait_until(lambda: node.refusal(doomed.access) == "session_revoked", 3, "a logout that got 503, everywhere")
    wait_until(lambda: alone.refusal(other.access) == "token_revoked", 3, "what came meanwhile")
    # No outage ends a session: the client tries again, elsewhere too.
    assert others[1].refresh(rotating.refresh).status_code == 200
    assert alone.figure("martlet_store_up") == 1


@pytest.mark.alone
def test_nodes_that_are_parted_from_each_other_notice_nothing(parted):
    _, network, cluster = parted
    network[0].cut(network[1].host)
    network[0].cut(network[2].host)
    session = cluster[1].login()
    assert cluster[0].refusal(session.access) == ""
    assert cluster[0].revoke(session.access).status_code == 200
    for node in cluster:
        wait_until(lambda: node.refusal(session.access) == "token_revoked", 2, "a revocation, over the engine")
    assert all(node.is_ready for node in cluster)


@pytest.mark.alone
def test_a_node_that_is_sent_no_answers_does_not_know_what_happened_and_loses_nothing(parted):
    """What the node sends arrives, and no answer comes back: the outcome of what was under way is unknown."""
    engine, network, cluster = parted
    alone, other = cluster[0], cluster[1]
    sessions = [alone.login() for _ in range(4)]
    network[0].deafen(network.host, engine.server.port)
    for session in sessions[:2]:
        assert is_unavailable(alone.refresh(session.refresh))
    assert is_unavailable(alone.revoke(sessions[2].access))
    network[0].heal()
    wait_until(lambda: writes(alone), 5, "a write after the partition")
    for session in sessions[:2]:
        answers = [node.refresh(session.refresh) for node in (alone, other, cluster[2])]
        assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers]
        assert len({answer.content for answer in answers}) == 1
    for node in cluster:
        wait_until(lambda: node.refusal(sessions[2].access) == "token_revoked", 3, "a revocation that got 503")
    assert alone.figure("martlet_store_forks_total") == 0


def test_a_half_open_connection_is_found_within_the_timeout(engine, make_cluster):
    between, url = engine.through()
    cluster = make_cluster(lambda index: url if index == 0 else engine.url(), count=2).start()
    session = cluster[0].login()
    between.hold()
    seconds, answer = took(lambda: cluster[0].revoke(session.access))
    assert is_unavailable(answer) and seconds <= WRITE_SECONDS, seconds
    wait_until(lambda: not cluster[0].is_ready, 2, "a node that says that it is not ready")
    between.heal()
    cluster.heal(3)
    for node in cluster:
        wait_until(lambda: node.refusal(session.access) == "token_revoked", 3, "a revocation that got 503")


def test_a_connection_that_falls_silent_while_everything_is_read_is_given_up(engine, make_cluster):
    between, url = engine.through()
    cluster = make_cluster(lambda index: url if index == 0 else engine.url(), count=2).start()
    node, other = cluster
    revoked = [str(uuid.uuid4()) for _ in range(400)]
    for jti in revoked:
        assert other.cut(jti=jti).status_code == 200
    session = node.login()
    assert other.revoke(session.access).status_code == 200
    node.stop()
    shutil.rmtree(node.state_path)
    node.state_path.with_name(node.state_path.name + ".seen").unlink(missing_ok=True)
    between.drip(20_000)
    before = between.down.bytes
    # Before it listens, it tries to read everything.
    with ThreadPoolExecutor(1) as starting:
        started = starting.submit(node.run_once)
        wait_until(lambda: between.down.bytes - before > 10_000, 30, "the first part of what the engine has")
        assert not started.done()
        between.strand()
        between.heal()
        started.result()
    node.await_ready(10)
    assert node.refusal(session.access) == "token_revoked"


@pytest.mark.parametrize("fault", ["slow", "drip", "reset"])
def test_slow_dripping_and_reset_connections_lose_nothing(engine, make_cluster, fault):
    between, url = engine.through()
    cluster = make_cluster(lambda index: url if index == 0 else engine.url(), count=2).start()
    revoked = []
    for turn in range(6):
        session = cluster[0].login()
        if fault == "slow":
            between.delay(0.05)
        elif fault == "drip":
            between.drip(40)
        else:
            between.reset()
        answer = cluster[0].revoke(session.access)
        assert answer.status_code == 200 or is_unavailable(answer)
        if answer.status_code == 200 or fault != "slow":
            revoked.append(session)
        between.heal()
        wait_until(lambda: writes(cluster[0]), 3, "a write after the fault")
    for node in cluster:
        for session in revoked:
            wait_until(lambda: node.refusal(session.access) == "token_revoked", 3, "a revocation")


def test_a_node_that_starts_while_the_engine_is_away_verifies_from_its_copy(engine, make_cluster):
    cluster = make_cluster(engine.url(), count=2).start()
    kept, ended = cluster[0].login(), cluster[1].login()
    assert cluster[0].revoke(ended.access).status_code == 200
    cluster.settle()
    engine.kill()
    node = cluster[1].restart()
    assert node.refusal(kept.access) == ""
    assert node.refusal(ended.access) == "token_revoked"
    assert not node.is_ready
    first = float(node.verify(kept.access).headers["revocation-age"])
    time.sleep(1)
    assert 0.8 <= float(node.verify(kept.access).headers["revocation-age"]) - first <= 1.3
    assert is_unavailable(node.try_login("amy", "amy rides at dawn 7"))
    # A refusal that gets 503 outlives a kill of this node, too: it is in its copy.
    assert is_unavailable(node.revoke(kept.access))
    node.restart()
    assert node.refusal(kept.access) == "token_revoked"
    engine.start()
    cluster.heal(5)
    wait_until(lambda: cluster[0].refusal(kept.access) == "token_revoked", 3, "a revocation that got 503")
