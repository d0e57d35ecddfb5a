"""A thousand readers of one node: how fast revocations arrive, and that none is missed through kills and storms.

The quick form has 50. The limits are wide, because the machine of the tests may be busy; `make bench-feed` measures.
"""

import os
import shutil
import time
import uuid

import httpx
import pytest

from harness.feed_source import age_of, follower
from harness.followers import Followers

pytestmark = pytest.mark.campaign

FULL = os.environ.get("MARTLET_TEST_FULL") == "1"
READERS = 1_000 if FULL else 50
REVOCATIONS = 400 if FULL else 40
KILLS = 20 if FULL else 2
READER = "reader"


@pytest.fixture
def node(make_server):
    server = make_server()
    server.reader = server.add_client(READER, "--scope", "revocations:read")
    return server.start()


def revoke(server) -> str:
    jti = str(uuid.uuid4())
    answer = server.cut(jti=jti)
    assert answer.status_code == 200, answer.text
    return jti


def followers(node) -> Followers:
    return Followers(node.address, READER, node.reader, streams=READERS // 2, polls=READERS // 2)


def are_all_there(node) -> bool:
    return node.metric('martlet_feed_followers{form="events"}') == READERS // 2


def test_revocations_arrive_at_all_readers_within_a_tenth_of_a_second(node):
    with followers(node) as crowd:
        node.wait_for(lambda: are_all_there(node), 60, "the readers")
        sent = {}
        began = time.perf_counter()
        for number in range(REVOCATIONS):
            time.sleep(max(0, began + number * 0.05 - time.perf_counter()))
            at = time.perf_counter()
            sent[revoke(node)] = at
        assert crowd.have_received(list(sent), 60)
        delays = crowd.delays(sent)
    middle, late = delays[len(delays) // 2], delays[len(delays) * 99 // 100]
    print(f"{READERS} readers: p50 {middle * 1_000:.1f} ms, p99 {late * 1_000:.1f} ms, max {delays[-1] * 1_000:.1f} ms")
    assert late < (2 if FULL else 5)


def test_no_revocation_is_missed_or_repeated_through_kills_of_the_node(node):
    with followers(node) as crowd:
        ids = []
        for _ in range(KILLS):
            node.wait_for(lambda: are_all_there(node), 60, "the readers")
            ids += [revoke(node) for _ in range(10)]
            node.restart()
            ids += [revoke(node) for _ in range(10)]
        assert crowd.have_received(ids, 120)
        assert not any(follower.resets for follower in crowd.all)


def test_readers_of_a_relay_are_told_when_its_source_is_restored_from_an_older_copy(node, make_server):
    credentials = node.directory / "credentials"
    credentials.write_text(f"{READER}:{node.reader}\n")
    relay = follower(
        make_server, node.url, issuer=node.settings["issuer"], follow_credentials=credentials, feed="public",
        staleness_max="1h",
    )
    relay.wait_for(lambda: relay.operator.get("/readyz").status_code == 200, 20, "ready")
    gone, later = node.login(), node.login()
    node.stop()
    copy = node.directory / "older"
    shutil.copytree(node.state_path, copy)
    node.run_once()
    ids = []
    with Followers(relay.address, READER, node.reader, streams=READERS // 2, polls=READERS // 2) as crowd:
        relay.wait_for(lambda: are_all_there(relay), 60, "the readers")
        for _ in range(KILLS):
            ids += [revoke(node) for _ in range(5)]
            node.restart()
        assert crowd.have_received(ids, 120)
        assert not any(reader.resets for reader in crowd.all)
        assert node.revoke(gone.access).status_code == 200
        relay.wait_for(lambda: relay.refusal(gone.access) == "token_revoked", 20, "the last record")
        # The source no longer knows what it has said since the copy.
        node.stop()
        shutil.rmtree(node.state_path)
        copy.rename(node.state_path)
        assert node.cli("journal", "accept", "--keep-sessions", "--state", str(node.state_path)).returncode == 0
        node.run_once()
        assert node.revoke(later.access).status_code == 200
        relay.wait_for(lambda: all(reader.resets for reader in crowd.all), 120, "the readers to be told")
    assert relay.metric("martlet_follow_resets_total") == 1
    # What only the relay still knows counts there, and what came since.
    relay.wait_for(lambda: relay.refusal(later.access) == "token_revoked", 60, "the new record")
    assert relay.refusal(gone.access) == "token_revoked" and node.refusal(gone.access) == ""
    assert age_of(relay.verify(later.access)) < 60


def test_readers_that_reconnect_at_once_are_served_within_the_memory(node):
    head = followers(node).head()
    ids = [revoke(node) for _ in range(REVOCATIONS)]
    for _ in range(3):
        crowd = followers(node)
        for follower in crowd.all:
            follower.position = head
        with crowd:
            assert crowd.have_received(ids, 60)
        node.wait_for(lambda: node.metric('martlet_feed_followers{form="events"}') == 0, 20, "the end of the readers")
    assert node.metric("martlet_buffered_octets") < 1_000_000
