"""A refresh token that many clients present to several nodes at once is rotated once, and all get the same bytes."""

import json

import pytest

from faults.line import Line
from harness.cluster import together

CLIENTS = 64
# The clocks of the nodes are this far apart.
CLOCKS = (0, 3, -3)


def present(node, token: str) -> tuple[int, str, bytes]:
    line = Line(node.address)
    try:
        status, fields, body = line.post("/refresh", refresh_token=token)
        return status, fields.get("refresh-outcome", ""), body
    finally:
        line.close()


@pytest.mark.parametrize("clocks", [(), CLOCKS], ids=["true clocks", "clocks 3 s apart"])
def test_64_clients_on_three_nodes_get_one_rotation(engine, make_cluster, is_full, clocks):
    nodes = make_cluster(engine.url(), clocks=clocks).start()
    session = nodes[0].login()
    token = session.refresh
    for _ in range(300 if is_full else 10):
        # The two next nodes may not have heard of the rotation before: the engine knows.
        answers = together([lambda n=nodes[i % 3]: present(n, token) for i in range(CLIENTS)])
        assert {status for status, _, _ in answers} == {200}, answers[:3]
        assert len({body for _, _, body in answers}) == 1
        outcomes = sorted(outcome for _, outcome, _ in answers)
        assert outcomes == ["replayed"] * (CLIENTS - 1) + ["rotated"]
        token = json.loads(answers[0][2])["refresh_token"]
    assert {node.refusal(json.loads(answers[0][2])["access_token"]) for node in nodes} == {""}


@pytest.mark.parametrize("clocks", [CLOCKS], ids=["clocks 3 s apart"])
def test_a_token_rotated_by_one_node_is_replayed_by_the_others_and_its_parent_betrays_a_thief(
    engine, make_cluster, clocks
):
    """Each node is asked for another step without a pause, so that its own memory is behind."""
    nodes = make_cluster(engine.url(), clocks=clocks).start()
    session = nodes[0].login()
    tokens = [session.refresh]
    for step in range(12):
        status, outcome, body = present(nodes[step % 3], tokens[-1])
        assert (status, outcome) == (200, "rotated"), body
        again = [present(nodes[other], tokens[-1]) for other in range(3)]
        assert {(s, o, b) for s, o, b in again} == {(200, "replayed", body)}
        tokens.append(json.loads(body)["refresh_token"])
    status, _, body = present(nodes[1], tokens[-3])
    assert (status, json.loads(body)["code"]) == (401, "refresh_reused")
    status, _, body = present(nodes[2], tokens[-1])
    assert (status, json.loads(body)["code"]) == (401, "session_revoked")


def test_ends_and_rotations_of_one_session_on_different_nodes_leave_nothing_alive(engine, make_cluster, is_full):
    """A logout on one node beside refreshes on the two others: once all are answered, no token of it is alive anywhere."""
    nodes = make_cluster(engine.url()).start()
    sessions = [nodes[0].login() for _ in range(4)]
    for turn in range(100 if is_full else 8):
        session = sessions[turn % 4]

        def end(node=nodes[turn % 3], session=session):
            answer = node.http.post("/logout", json={"refresh_token": session.refresh})
            return answer.status_code, "", answer.content

        answers = together([end, *(lambda n=nodes[(turn + i) % 3], s=session: present(n, s.refresh) for i in (1, 2))])
        assert answers[0][0] in (200, 204), answers[0]
        bodies = {body for status, _, body in answers[1:] if status == 200}
        assert len(bodies) <= 1
        assert all(status in (200, 401) for status, _, _ in answers[1:]), answers
        for body in bodies:
            successor = json.loads(body)["refresh_token"]
            assert {present(node, successor)[0] for node in nodes} == {401}
        assert {present(node, session.refresh)[0] for node in nodes} == {401}
        sessions[turn % 4] = nodes[turn % 3].login()
