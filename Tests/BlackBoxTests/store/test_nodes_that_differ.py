"""Nodes that do not fit together say so, and keep each other's sessions alive meanwhile."""

import shutil
import time

import pytest

from harness.cluster import writes
from harness.engine_process import wait_until


def test_a_second_node_of_one_name_is_rejected(engine, make_cluster):
    cluster = make_cluster(engine.url(), count=2).start()
    other = make_cluster(engine.url(), count=1).nodes[0]
    other.shared = cluster[0].shared
    other.settings |= {name: cluster[0].settings[name] for name in ("keys", "users", "clients")} | {"node": "node1"}
    failure = other.fail_to_start()
    assert "node1" in failure.text and "MARTLET_NODE" in failure.text, failure.text
    assert all(writes(node) and node.is_ready for node in cluster)
    # A restart of the node itself takes its own name again, also after kill -9.
    cluster[0].restart().await_ready(10)
    assert writes(cluster[0])


def test_other_keys_are_told_after_half_the_lead_and_other_settings_at_once(engine, make_cluster):
    cluster = make_cluster(engine.url(), count=2, key_lead="4s").start()
    assert all(node.is_ready for node in cluster)
    other = make_cluster(engine.url(), count=1, key_lead="4s", refresh_grace="10s").nodes[0]
    other.settings["node"] = "other"
    shutil.copytree(cluster[0].keys_path, other.keys_path)
    other.run_once()
    wait_until(lambda: "settings_differ" in other.reasons, 5, "settings_differ on the node that differs")
    wait_until(lambda: "settings_differ" in cluster[0].reasons, 5, "settings_differ on the others")
    assert "keys_differ" not in other.reasons
    assert "grace" in other.operator.get("/readyz").text.lower() or "other" in cluster[0].operator.get("/readyz").text
    other.stop()
    wait_until(lambda: cluster[0].is_ready, 75, "readiness once the other one is gone")


def test_another_keyring_is_told_after_half_the_lead(engine, make_cluster):
    cluster = make_cluster(engine.url(), count=1, key_lead="4s").start()
    other = make_cluster(engine.url(), count=1, key_lead="4s").nodes[0]
    other.settings["node"] = "other"
    began = time.monotonic()
    other.run_once()
    wait_until(lambda: "keys_differ" in other.reasons, 10, "keys_differ on the node that differs")
    assert time.monotonic() - began >= 1.5, "told before half of the lead"
    wait_until(lambda: "keys_differ" in cluster[0].reasons, 5, "keys_differ on the other")
    # It verifies and writes on.
    assert writes(cluster[0])


def test_a_clock_that_is_off_is_told_and_issues_nothing(engine, make_cluster):
    cluster = make_cluster(engine.url(), count=2, clocks=(0, 0)).start()
    a, b = cluster
    session = a.login()
    cluster.clocks[1].set(2)
    wait_until(lambda: abs(b.figure("martlet_clock_offset_seconds") - 2) < 0.3, 5, "the offset in the metrics")
    wait_until(lambda: any("clock" in str(event.get("event")) for event in b.events()), 5, "a warning in the log")
    assert b.is_ready and b.refresh(session.refresh).status_code == 200
    for offset in (10, -10):
        cluster.clocks[1].set(offset)
        wait_until(lambda: "clock_off" in b.reasons, 5, "clock_off")
        assert b.try_login("amy", "amy rides at dawn 7").status_code == 503
        assert b.refresh(session.refresh).status_code == 503
        # Revocations need no clock.
        assert writes(b)
        assert a.is_ready and a.login()
        cluster.clocks[1].set(0)
        wait_until(lambda: b.is_ready, 5, "readiness with a true clock")
        assert b.login()


def test_the_status_command_shows_all_nodes(engine, make_cluster):
    cluster = make_cluster(engine.url(), count=3).start()
    time.sleep(1.2)
    done = cluster[0].cli("store", "status")
    assert done.returncode == 0, done.stderr
    assert all(f"node{number}" in done.stdout for number in (1, 2, 3)), done.stdout
