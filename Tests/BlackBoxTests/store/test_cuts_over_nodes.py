"""A cut on one node ends every login that any node answered before it, whatever the clocks of the nodes say."""

import itertools
import random
import threading

import pytest

from harness.accounts import AMY, Person
from harness.cluster import together
from harness.engine_process import wait_until

RIDER = Person("rider", "rides by night 12")
CLOCKS = (0, 3, -3)
CUTS = ({"sub": RIDER.id}, {"all": True})


class Rounds:
    """Logins on all nodes around a cut on one of them, again and again."""

    def __init__(self, nodes, seed: int):
        self.nodes = list(nodes)
        self.chance = random.Random(seed)
        self.logins = 0

    def login(self, node, **members) -> str:
        """An access token; nothing for a login that a cut met before it was answered."""
        answer = node.try_login(RIDER.name, RIDER.password, **members)
        if answer.status_code != 200:
            is_cut = not members and answer.json()["code"] == "invalid_credentials"
            assert is_cut, f"{answer.text}, {node.settings['node']}: {node.last_words()}"
            return ""
        self.logins += 1
        return answer.json()["access_token"]

    def play(self, cut: dict, survivors: list[str]) -> list[str]:
        """`survivors` are the tokens of the round before. Returns those that must live after this one."""
        done_before: list[str] = list(survivors)
        beside: list[str] = []
        is_cutting = threading.Event()
        lock = threading.Lock()

        def logins(node):
            for _ in range(4):
                was_cutting = is_cutting.is_set()
                token = self.login(node)
                with lock:
                    if not token:
                        assert was_cutting or is_cutting.is_set(), "a login was rejected although nothing was cut"
                        continue
                    # Answered before the cut was asked for, or beside it: then it may live or not.
                    (beside if was_cutting or is_cutting.is_set() else done_before).append(token)

        position = []

        def end(node):
            wait_until(lambda: len(done_before) >= len(survivors) + self.chance.randrange(6), 20, "some logins")
            with lock:
                is_cutting.set()
            answer = node.cut(**cut)
            assert answer.status_code == 200, answer.text
            position.append(answer.headers["revocation-seq"])

        together([*(lambda n=node: logins(n) for node in self.nodes), lambda: end(self.chance.choice(self.nodes))])
        after = together([lambda n=node: self.login(n, min_seq=position[0]) for node in self.nodes for _ in range(2)])
        for node in self.nodes:
            for token in done_before:
                answer = node.verify(token, min_seq=position[0])
                assert answer.status_code == 401, f"a login that was answered before the cut lives on: {answer.text}"
            for token in after:
                answer = node.verify(token)
                assert answer.status_code == 200, f"a login that began after the cut has ended: {answer.text}"
        return after


@pytest.mark.parametrize("clocks", [CLOCKS, (3, -3, 0)], ids=["0 +3 -3", "+3 -3 0"])
def test_no_login_answered_before_a_cut_outlives_it_and_none_begun_after_it_dies(engine, make_cluster, is_full, clocks):
    cluster = make_cluster(engine.url(), clocks=clocks, people=(AMY, RIDER)).start()
    rounds = Rounds(cluster, seed=sum(clocks) + 1)
    living: list[str] = []
    kinds = itertools.cycle(CUTS)
    while rounds.logins < (2_500 if is_full else 60):
        living = rounds.play(next(kinds), living)
    # A restart of every node changes nothing of it.
    for node in cluster:
        node.restart().await_ready(10)
        for token in living:
            assert node.refusal(token) == ""


def test_a_login_that_began_behind_a_cut_is_ended_by_it(engine, make_cluster):
    """A node that has not heard of a cut yet issues a session that is older than the cut: the safe side."""
    between, url = engine.through()
    cluster = make_cluster(lambda index: url if index == 0 else engine.url(), count=2, people=(AMY, RIDER)).start()
    # The first node's knowledge stays behind for a moment.
    between.delay(0.15)
    answer = cluster[1].cut(sub=RIDER.id)
    assert answer.status_code == 200
    position = answer.headers["revocation-seq"]
    early = cluster[0].try_login(RIDER.name, RIDER.password)
    between.heal()
    # 401 if the cut arrives while the password is being checked.
    assert early.status_code in (200, 401, 503)
    late = cluster[0].try_login(RIDER.name, RIDER.password, min_seq=position)
    assert late.status_code == 200, late.text
    for node in cluster:
        assert node.verify(late.json()["access_token"], min_seq=position).status_code == 200
    if early.status_code == 200:
        # Whether it lives is the same on each node.
        assert len({node.verify(early.json()["access_token"], min_seq=position).status_code for node in cluster}) == 1
