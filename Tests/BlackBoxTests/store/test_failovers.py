"""What a failover may lose is what the table of promises in docs/durability.md says, and nodes tell it again."""

import itertools
import threading
import time

import pytest

from faults.cluster_load import ClusterLoad
from faults.ledger import Ledger
from faults.load import PEOPLE, Mint
from harness.cluster import Cluster, writes
from harness.engine_process import wait_until
from harness.engines import PostgresUnderTest
from harness.forwarder import Forwarder
from harness.redis_server import RedisGroup, RedisServer

CUT_OFF_SECONDS = 3
numbers = itertools.count()


class RedisPair:
    """A primary with replicas, each cut off at will, and the address that nodes ask, which moves at a failover."""

    kind = "redis"

    def __init__(self, base, replicas: int = 1):
        self.primary = RedisServer(base / "primary").start()
        self.links = [Forwarder(self.primary.port) for _ in range(replicas)]
        self.replicas = [
            RedisServer(base / f"replica{number}", replica_of=link.port).start() for number, link in enumerate(self.links)
        ]
        self.primary.await_replicas(replicas)
        self.fronts: list[Forwarder] = []

    def url(self, _: int = 0) -> str:
        """An address for one node."""
        self.fronts.append(Forwarder(self.primary.port))
        return f"redis://127.0.0.1:{self.fronts[-1].port}"

    def fail(self) -> None:
        self.primary.kill()

    def promote(self, number: int = 0) -> None:
        self.replicas[number].promote()

    def lead(self, fronts=None, number: int = 0) -> None:
        """Leads the nodes behind these forwarders to a replica."""
        for front in self.fronts if fronts is None else fronts:
            front.retarget(self.replicas[number].port)

    def close(self) -> None:
        for link in [*self.links, *self.fronts]:
            link.close()
        for server in [self.primary, *self.replicas]:
            server.kill()


class PostgresPair:
    """The same of PostgreSQL, with one standby; synchronous if wanted."""

    kind = "postgres"

    def __init__(self, base, replicas: int = 1, synchronous: bool = False):
        self.engine = PostgresUnderTest(base)
        self.primary = self.engine.server
        self.links = [Forwarder(self.primary.port)]
        self.replicas = [self.primary.standby(port=self.links[0].port).start()]
        self.primary.await_standbys(1)
        if synchronous:
            self.primary.require_standby("standby")
            query = "SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')"
            wait_until(lambda: self.primary.ask(query) == "1", 10, "a synchronous standby")
        self.fronts: list[Forwarder] = []

    def url(self, _: int = 0) -> str:
        self.fronts.append(Forwarder(self.primary.port))
        return self.engine.url(self.fronts[-1].port)

    def fail(self) -> None:
        self.primary.kill()

    def promote(self, number: int = 0) -> None:
        # What the link holds back is lost with the primary.
        self.links[0].reset(refuses=True)
        self.replicas[0].promote()
        # The one that was copied demands a standby as its primary did.
        self.replicas[0].configure(synchronous_standby_names="''")

    def lead(self, fronts=None, number: int = 0) -> None:
        for front in self.fronts if fronts is None else fronts:
            front.retarget(self.replicas[0].port)

    def close(self) -> None:
        for link in [*self.links, *self.fronts]:
            link.close()
        for standby in self.replicas:
            standby.close()
        self.engine.close()


PAIRS = {"redis": RedisPair, "postgres": PostgresPair}


@pytest.fixture
def make_pair(base):
    made = []

    def make(kind: str, **options):
        # Each pair begins with empty directories.
        folder = base / f"pair{len(made) + 1}"
        folder.mkdir(mode=0o755)
        made.append(PAIRS[kind](folder, **options))
        return made[-1]

    yield make
    for pair in made:
        pair.close()


def fail_over(cluster: Cluster, pair, ledger: Ledger, cut=(0,), promoted: int = 0):
    """Load, replicas cut off for a while under it, the primary killed, and one of the replicas promoted."""
    mint = Mint(cluster[0])
    with ClusterLoad(cluster.nodes, ledger, mint, 4, seed=next(numbers)) as load:
        load.until(60)
        for number in cut:
            pair.links[number].hold()
        time.sleep(CUT_OFF_SECONDS)
        pair.fail()
    return load


def fresh_node(cluster: Cluster, make_cluster, url: str):
    """A node with the same keys and without a copy: it knows what the engine knows."""
    node = make_cluster(url, count=1, people=()).nodes[0]
    node.shared = cluster[0].shared
    node.people = PEOPLE
    node.settings |= {name: cluster[0].settings[name] for name in ("keys", "users", "clients")} | {"node": "fresh"}
    node.start()
    node.await_ready(10)
    return node


def forks(nodes) -> int:
    """How many sessions ended because of two rotations that did not know of each other."""
    return int(sum(node.figure("martlet_store_forks_total") for node in nodes))


def lost_by(node, ledger: Ledger, lives) -> int:
    """How many ended sessions and tokens a node accepts."""
    apart = Ledger()
    apart.check_tokens(node, lives, honest=False)
    return len(apart.lost)


@pytest.mark.parametrize("kind", PAIRS)
def test_what_an_asynchronous_replica_lacked_is_told_again_by_the_nodes(make_pair, make_cluster, kind, is_full):
    """The row `_REPLICAS=0`; the control without copies loses what the replica lacked."""
    for _ in range(20 if is_full else 1):
        pair = make_pair(kind)
        cluster = make_cluster(pair.url, people=PEOPLE).start()
        ledger = Ledger()
        load = fail_over(cluster, pair, ledger)
        acknowledged = ledger.total
        for front in pair.fronts:
            front.hold()
        pair.promote()
        control = fresh_node(cluster, make_cluster, pair_url(pair))
        missing = lost_by(control, ledger, load.fresh)
        control.kill()
        assert missing > 50, f"only {missing} of {acknowledged} were lost without copies: the replica was not cut off"
        # The new primary is a row of its own identity now; the nodes meet it with what they know.
        pair.lead()
        for front in pair.fronts:
            front.heal()
        began = time.monotonic()
        cluster.heal(10)
        print(f"{acknowledged} acknowledged, {missing} missing without copies, healed in {time.monotonic() - began:.2f} s")
        cluster.settle()
        ledger.forks = forks(cluster)
        for node in cluster:
            ledger.check_tokens(node)
        ledger.check_answers(cluster[1])
        ledger.assert_whole()
        again = fresh_node(cluster, make_cluster, pair_url(pair))
        ledger.check_tokens(again)
        ledger.check_to_the_end(again, 200)
        ledger.assert_whole()
        again.kill()
        for node in cluster:
            node.kill()
        pair.close()


def pair_url(pair) -> str:
    port = pair.replicas[0].port
    return f"redis://127.0.0.1:{port}" if pair.kind == "redis" else pair.engine.url(port)


def test_with_one_of_three_nodes_gone_for_good_the_others_tell_everything(make_pair, make_cluster, is_full):
    """The primary and the node that answered die with their disks, after the others have heard."""
    for _ in range(20 if is_full else 1):
        pair = make_pair("redis")
        cluster = make_cluster(pair.url, people=PEOPLE).start()
        ledger, mint = Ledger(), Mint(cluster[0])
        pair.links[0].hold()
        with ClusterLoad([cluster[0]], ledger, mint, 4, seed=next(numbers)) as load:
            time.sleep(CUT_OFF_SECONDS)
        cluster.settle()
        cluster[0].kill()
        pair.fail()
        pair.promote()
        pair.lead()
        survivors = cluster.nodes[1:]
        for node in survivors:
            wait_until(lambda: writes(node), 10, "a write")
        cluster.settle(survivors)
        again = fresh_node(cluster, make_cluster, pair_url(pair))
        ledger.forks = forks(survivors)
        for node in (*survivors, again):
            ledger.check_tokens(node, load.fresh)
        ledger.check_answers(again, load.fresh)
        ledger.assert_whole()
        assert ledger.total > 100
        again.kill()
        pair.close()


@pytest.mark.parametrize("kind", PAIRS)
def test_a_failover_to_a_replica_that_every_record_waited_for_loses_nothing(make_pair, make_cluster, kind, is_full):
    """The rows `_REPLICAS` = all and a synchronous standby: 503 while it is cut off, and nothing is needed of the copies."""
    for _ in range(20 if is_full else 1):
        pair = make_pair(kind) if kind == "redis" else make_pair(kind, synchronous=True)
        cluster = make_cluster(pair.url, people=PEOPLE, store_replicas=1).start()
        ledger, mint = Ledger(), Mint(cluster[0])
        with ClusterLoad(cluster.nodes, ledger, mint, 4, seed=next(numbers)) as load:
            load.until(100)
            pair.links[0].hold()
            time.sleep(CUT_OFF_SECONDS / 2)
            # What was under way when it was cut off may have been acknowledged before.
            before = ledger.total
            time.sleep(CUT_OFF_SECONDS / 2)
            assert ledger.total == before, "records were acknowledged that the replica did not have"
            pair.fail()
        assert ledger.unanswered > 0
        for node in cluster:
            node.kill()
        pair.promote()
        again = fresh_node_without_replicas(cluster, make_cluster, pair_url(pair))
        ledger.check_tokens(again, load.fresh)
        ledger.check_to_the_end(again, 200)
        ledger.assert_whole()
        again.kill()
        pair.close()


def fresh_node_without_replicas(cluster, make_cluster, url):
    """The promoted one has no replica yet, so this node demands none."""
    return fresh_node(cluster, make_cluster, url)


def test_with_fewer_replicas_than_there_are_the_nodes_tell_what_the_promoted_one_lacked(make_pair, make_cluster, is_full):
    """The row `fewer than all`: one of two is awaited, and the other one, which was cut off, is promoted."""
    for _ in range(20 if is_full else 1):
        pair = make_pair("redis", replicas=2)
        cluster = make_cluster(pair.url, people=PEOPLE, store_replicas=1).start()
        ledger = Ledger()
        load = fail_over(cluster, pair, ledger, cut=(0,))
        assert ledger.total > 100
        pair.replicas[1].follow(pair.replicas[0].port)
        pair.promote()
        pair.lead()
        wait_until(lambda: pair.replicas[1].is_in_step, 10, "the other replica behind the new primary")
        cluster.heal(10)
        cluster.settle()
        again = fresh_node(cluster, make_cluster, pair_url(pair))
        ledger.forks = forks(cluster)
        for node in (*cluster, again):
            ledger.check_tokens(node, load.fresh)
        ledger.check_answers(again, load.fresh)
        ledger.assert_whole()
        again.kill()
        for node in cluster:
            node.kill()
        pair.close()


@pytest.mark.parametrize("kind", PAIRS)
def test_a_fork_that_a_thief_made_ends_its_session(make_pair, make_cluster, kind, is_full):
    """A thief uses a spent token on a new primary that lacks its use, before the node that knows comes back."""
    pair = make_pair(kind)
    cluster = make_cluster(pair.url, count=2, people=PEOPLE).start()
    a, b = cluster
    front_a, front_b = pair.fronts
    stolen = [a.login() for _ in range(5 if is_full else 2)]
    untouched = a.login()
    cluster.settle()
    front_b.hold()
    pair.links[0].hold()
    time.sleep(0.2)
    honest = [a.refresh(session.refresh) for session in stolen]
    assert {answer.status_code for answer in honest} == {200}
    kept = a.refresh(untouched.refresh)
    assert kept.status_code == 200
    pair.fail()
    front_a.hold()
    pair.promote()
    pair.lead([front_b])
    front_a.retarget(pair.replicas[0].port)
    front_b.heal()
    wait_until(lambda: writes(b), 10, "a write to the new primary")
    thefts = [b.refresh(session.refresh) for session in stolen]
    outcomes = {(theft.status_code, theft.headers.get("refresh-outcome")) for theft in thefts}
    assert outcomes == {(200, "rotated")}, "the new primary knows of the rotation: no fork was planted"
    front_a.heal()
    wait_until(lambda: writes(a), 10, "a write of the node that knows")
    cluster.settle()
    for theft, answer in zip(thefts, honest):
        for node in cluster:
            assert node.refusal(answer.json()["access_token"]) == "session_revoked"
            assert node.refusal(theft.json()["access_token"]) == "session_revoked"
            assert node.refresh(answer.json()["refresh_token"]).status_code == 401
            assert node.refresh(theft.json()["refresh_token"]).status_code == 401
    assert forks(cluster) >= len(stolen)
    # Who was not stolen from goes on.
    assert b.refresh(kept.json()["refresh_token"]).status_code == 200


def test_sentinel_leads_the_nodes_to_the_new_primary(base, make_cluster):
    group = RedisGroup(base, replicas=2)
    try:
        cluster = make_cluster(group.url, people=PEOPLE).start()
        ledger, mint = Ledger(), Mint(cluster[0])
        with ClusterLoad(cluster.nodes, ledger, mint, 3, seed=7) as load:
            load.until(100)
            old = group.primary
            old.kill()
            group.await_failover()
            began = time.monotonic()
            cluster.heal(8)
            healed = time.monotonic() - began
            load.until(100)
            # The old one comes back as a replica, and nothing is written there.
            old.start()
            load.until(50)
        assert healed <= 5, healed
        cluster.settle()
        for node in cluster:
            ledger.check_tokens(node, load.fresh)
        ledger.check_answers(cluster[2], load.fresh)
        ledger.assert_whole()
        assert all(node.figure("martlet_store_forks_total") == 0 for node in cluster)
    finally:
        group.close()


def test_a_replica_is_never_written(base, make_cluster):
    primary = RedisServer(base / "primary").start()
    replica = RedisServer(base / "replica", replica_of=primary.port).start()
    writable = RedisServer(base / "writable", replica_of=primary.port, replica_read_only="no").start()
    try:
        primary.await_replicas(2)
        # A replica names its primary, and that one is written.
        node = make_cluster(f"redis://127.0.0.1:{replica.port}", count=1).start()[0]
        session = node.login()
        assert node.revoke(session.access).status_code == 200
        assert primary.ask("EXISTS", f"{{martlet}}:j:{session.claims['jti']}") == 1
        node.kill()
        primary.kill()
        for server in (replica, writable):
            before = server.keys()
            node = make_cluster(f"redis://127.0.0.1:{server.port}", count=1).nodes[0]
            node.run_once()
            assert not node.is_ready
            assert node.try_login("amy", "amy rides at dawn 7").status_code == 503
            assert server.keys() == before
    finally:
        for server in (primary, replica, writable):
            server.kill()


def test_a_wait_for_a_standby_that_is_cancelled_is_no_acknowledgement(make_pair, make_cluster):
    """PostgreSQL answers a cancelled wait with a warning, and has the record on one machine only."""
    pair = make_pair("postgres", synchronous=True)
    cluster = make_cluster(pair.url, count=1, store_replicas=1, store_timeout="10s").start()
    session = cluster[0].login()
    pair.links[0].hold()
    answers = []
    thread = threading.Thread(target=lambda: answers.append(cluster[0].revoke(session.access)))
    thread.start()
    waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    wait_until(lambda: pair.primary.ask(waiting), 5, "a commit that waits for the standby")
    pair.primary.ask("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
    thread.join(20)
    assert answers and answers[0].status_code == 503, answers[0].text
    pair.links[0].heal()
    wait_until(lambda: writes(cluster[0]), 10, "a write")
    assert cluster[0].refusal(session.access) == "token_revoked"
