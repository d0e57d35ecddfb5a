"""`kill -9` of nodes and engines under load loses nothing that was acknowledged and ends no honest session."""

import threading
import time
from collections.abc import Callable

import pytest

from faults.cluster_load import ClusterLoad
from faults.ledger import Ledger
from faults.load import PEOPLE, Mint
from harness.cluster import Cluster

# In the long form, which has the machine for itself, and beside other tests.
HEALED_SECONDS, HEALED_SECONDS_BUSY = 3, 8


def times(kind: str, is_full: bool) -> int:
    return {"redis": 200, "postgres": 50}[kind] if is_full else 2


class Campaign:
    """Load on all nodes, faults in between, and what was promised checked on every node."""

    def __init__(self, cluster: Cluster, workers: int = 4):
        self.cluster, self.ledger, self.workers = cluster, Ledger(), workers
        self.mint = Mint(cluster[0])
        self.seed = 0
        # Seconds until all nodes wrote again, of each fault.
        self.healed: list[float] = []

    def strike(self, fault: Callable[[], None], heals: Callable[[], None] = lambda: None, nodes=None) -> None:
        """Load, a fault in its midst, and the time until all nodes write again."""
        self.seed += 1
        nodes = nodes or list(self.cluster)
        with ClusterLoad(nodes, self.ledger, self.mint, self.workers, seed=self.seed) as load:
            load.until(60)
            fault()
            time.sleep(0.05)
            heals()
            began = time.monotonic()
            self.cluster.heal(20)
            self.healed.append(time.monotonic() - began)
            load.until(60)
        self.check(load.fresh)
        # A long run that ends early has its figures in the output all the same.
        print(f"{self.seed}: {self}", flush=True)

    def check(self, lives) -> None:
        self.cluster.settle()
        for node in self.cluster:
            self.ledger.check_tokens(node, lives)
        self.ledger.check_answers(self.cluster[self.seed % len(self.cluster)], lives)
        self.ledger.assert_whole()

    def end(self, within: float) -> str:
        self.ledger.check_to_the_end(self.cluster[self.seed % len(self.cluster)], 400)
        self.ledger.assert_whole()
        assert self.ledger.total > 100
        late = [f"{seconds:.2f}" for seconds in self.healed if seconds > within]
        assert not late, f"healed after more than {within} s {len(late)} times: {late}"
        return str(self)

    def __str__(self) -> str:
        last, slowest = self.healed[-1], max(self.healed)
        return (f"{self.ledger.total} acknowledged, {self.ledger.unanswered} not, "
                f"healed within {last:.2f} s, at most {slowest:.2f} s")  # fmt: skip


@pytest.fixture
def campaign(engine, make_cluster):
    return Campaign(make_cluster(engine.url(), people=PEOPLE).start())


def test_kill_nine_of_an_engine_under_load(engine, campaign, is_full, record_property):
    for _ in range(times(engine.kind, is_full)):
        campaign.strike(engine.kill, engine.start)
    record_property("outcome", campaign.end(HEALED_SECONDS if is_full else HEALED_SECONDS_BUSY))


def test_kill_nine_of_a_node_under_load(engine, campaign, is_full):
    cluster = campaign.cluster
    for turn in range(200 if is_full else 3):
        node = cluster[turn % 3]
        campaign.strike(node.kill, node.run_once)
    campaign.end(HEALED_SECONDS if is_full else HEALED_SECONDS_BUSY)


def test_kill_nine_of_the_engine_and_all_nodes_at_once(engine, campaign, is_full):
    cluster = campaign.cluster

    def everything() -> None:
        engine.kill()
        for node in cluster:
            node.kill()

    def back() -> None:
        engine.start()
        for node in cluster:
            node.run_once()

    for _ in range(20 if is_full else 1):
        campaign.strike(everything, back)
    campaign.end(2 * HEALED_SECONDS_BUSY)


def test_a_client_that_retries_over_an_outage_longer_than_a_second_keeps_its_session(engine, make_cluster):
    """The engine is away for two seconds while refreshes are under way: each retry within the grace is answered."""
    cluster = make_cluster(engine.url(), count=2).start()
    sessions = [cluster[0].login() for _ in range(6)]
    statuses: list[set] = [set() for _ in sessions]
    stop = threading.Event()
    wrong = []

    def client(index: int) -> None:
        token = sessions[index].refresh
        turn = 0
        while not stop.is_set():
            turn += 1
            answer = cluster[(index + turn) % 2].refresh(token)
            statuses[index].add(answer.status_code)
            if answer.status_code == 200:
                token = answer.json()["refresh_token"]
            elif answer.status_code == 503:
                if answer.json()["code"] != "store_unavailable" or answer.headers["retry-after"] != "1":
                    wrong.append(answer.text)
                time.sleep(0.05)
            else:
                wrong.append(answer.text)
                return

    threads = [threading.Thread(target=client, args=(index,)) for index in range(len(sessions))]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    for _ in range(2):
        engine.kill()
        time.sleep(2)
        engine.start()
        cluster.heal(HEALED_SECONDS_BUSY)
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[:3]
    assert all(seen == {200, 503} for seen in statuses), statuses
