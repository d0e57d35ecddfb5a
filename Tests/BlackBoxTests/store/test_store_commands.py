"""`martlet store`: prepares, examines, fills and empties a store."""

import json
import re
import shutil
import time

import pytest

from harness.accounts import AMY
from harness.engine_process import wait_until
from harness.postgres_server import PostgresServer
from harness.process import command


def test_help_names_each_command_and_its_exit_codes(tmp_path):
    done = command("store", "--help", cwd=tmp_path)
    assert done.returncode == 0
    for name in ("schema", "init", "status", "check", "import", "export", "Exit code"):
        assert name in done.stdout
    for name in ("status", "check", "import", "export", "schema", "init"):
        assert command("store", name, "--help", cwd=tmp_path).stdout == done.stdout
    assert command("store", cwd=tmp_path).returncode == 2
    assert command("store", "sttus", cwd=tmp_path).returncode == 2


@pytest.mark.parametrize("words", [("status",), ("check",), ("import", "--from", "."), ("export", "--to", "new")])
def test_a_command_without_a_store_says_how_to_name_one(tmp_path, words):
    (tmp_path / "0000000000000001-0000000000000001.jrn").touch()
    done = command("store", *words, cwd=tmp_path)
    assert done.returncode == 2 and "MARTLET_STORE names no store" in done.stderr, done.stderr


def test_a_store_that_is_away_may_come_back(tmp_path):
    for words in (("status",), ("check",), ("export", "--to", "new")):
        done = command("store", *words, "--store", "redis://127.0.0.1:1", cwd=tmp_path)
        assert done.returncode == 75 and "127.0.0.1:1" in done.stderr, done.stderr


def test_redis_needs_no_schema(tmp_path):
    for name in ("schema", "init"):
        done = command("store", name, "--store", "redis://127.0.0.1", cwd=tmp_path)
        assert done.returncode == 2 and "Redis needs no schema" in done.stderr


def test_the_schema_is_printed_and_applied(base):
    server = PostgresServer().start()
    try:
        printed = command("store", "schema", "--role", "service", cwd=base, store=server.url)
        assert printed.returncode == 0 and "CREATE SCHEMA" in printed.stdout and "service" in printed.stdout
        server.ask("CREATE ROLE service LOGIN")
        owner = server.url_of("postgres")
        for _ in range(2):
            done = command("store", "init", "--role", "service", cwd=base, store=owner)
            assert done.returncode == 0, done.stderr
        assert server.ask("SELECT count(*) FROM pg_tables WHERE schemaname = 'martlet'") != "0"
        status = command("store", "status", cwd=base, store=server.url_of("service"))
        assert status.returncode == 0 and "servers   0" in status.stdout, status.stdout + status.stderr
    finally:
        server.close()


def test_the_status_names_each_server_and_what_differs(engine, make_cluster):
    cluster = make_cluster(engine.url(), count=2).start()
    session = cluster[0].login()
    seq = cluster[0].revoke(session.access).headers["Revocation-Seq"]

    def listed():
        found = json.loads(cluster[0].cli("store", "status", "--json").stdout)
        return found if all(node["position"] == seq for node in found["servers"]) else None

    wait_until(listed, 5, "both servers at the last record")
    found = listed()
    assert [node["name"] for node in found["servers"]] == ["node1", "node2"] and found["position"] == seq
    assert len({node["keys"] for node in found["servers"]}) == len({node["settings"] for node in found["servers"]}) == 1
    assert all(abs(node["clock_offset_ms"]) < 1000 and 0 <= node["age_ms"] < 3000 for node in found["servers"])
    text = cluster[0].cli("store", "status")
    assert text.returncode == 0 and re.search(r"^node2 ", text.stdout, re.M)
    other = make_cluster(engine.url(), count=1, refresh_grace="7s").nodes[0]
    other.settings["node"] = "other"
    shutil.copytree(cluster[0].keys_path, other.keys_path)
    other.run_once()
    wait_until(lambda: cluster[0].cli("store", "status").returncode == 1, 5, "a difference")
    text = cluster[0].cli("store", "status").stdout
    assert "different settings" in text and "MARTLET_REFRESH_GRACE" in text and "different keys" not in text


def test_a_check_measures_and_judges(engine, make_cluster):
    node = make_cluster(engine.url(), count=1).start()[0]
    done = node.cli("store", "check")
    assert done.returncode == 0, done.stdout + done.stderr
    alone, together = re.search(r"writes +(\d+) per second one by one, (\d+) in batches of 64", done.stdout).groups()
    assert 0 < int(alone) < int(together)
    assert "round trip" in done.stdout and "clock" in done.stdout and "survive kill -9" in done.stdout
    # What it records means nothing to a server, which goes on and stays right.
    session = node.login()
    assert node.refresh(session.refresh).status_code == 200
    if engine.kind == "redis":
        engine.server.configure(appendfsync="everysec")
    else:
        engine.server.ask("ALTER ROLE martlet SET synchronous_commit = off")
    flawed = node.cli("store", "check")
    assert flawed.returncode == 1 and "loses records" in flawed.stdout, flawed.stdout + flawed.stderr
    assert node.cli("store", "check", "--store-durability", "relaxed").returncode == 0
    wanting = node.cli("store", "check", "--store-replicas", "1")
    assert wanting.returncode in (1, 75), wanting.stdout + wanting.stderr


def test_a_journal_moves_into_a_store_and_back(engine, make_server, make_cluster):
    """Sessions go on, spent refresh tokens stay spent, and what was revoked stays revoked, through both moves."""
    plain = make_server(alg="HS256", issuer="https://martlet.test", access_ttl="1h", refresh_grace="1s").start()
    alive, ended, rotated, cut = (plain.login() for _ in range(4))
    successor = plain.refresh(rotated.refresh).json()
    assert plain.revoke(ended.access).status_code == 200
    assert plain.http.post("/logout", json={"refresh_token": cut.refresh}).status_code in (200, 204)
    seq = plain.revoke(plain.login().access).headers["Revocation-Seq"]
    running = command("store", "import", "--from", str(plain.state_path), "--store", engine.url(), cwd=plain.directory)
    assert running.returncode == 75 and "locked" in running.stderr, running.stderr
    plain.stop()
    done = command("store", "import", "--from", str(plain.state_path), "--store", engine.url(), cwd=plain.directory)
    assert done.returncode == 0, done.stderr
    # Never continued, but sent again without harm.
    refused = plain.fail_to_start()
    assert "MOVED" in refused.text and "martlet store export" in refused.text, refused.text
    again = command("store", "import", "--from", str(plain.state_path), "--store", engine.url(), cwd=plain.directory)
    assert again.returncode == 0, again.stderr

    cluster = make_cluster(engine.url(), count=2, refresh_grace="1s")
    shared = cluster[0].shared
    shutil.copytree(plain.keys_path, shared / "keys")
    shutil.copy(plain.users_path, shared / "users.json")
    for node in cluster:
        node.settings |= {name: plain.settings[name] for name in ("audience", "hs256_audiences", "claims")}
    cluster.start()
    for node in cluster:
        assert node.refusal(alive.access) == "", node.last_words()
        assert node.refusal(ended.access) == "token_revoked"
        assert node.refusal(cut.access) == "session_revoked"
    position = cluster[0].revoke(cluster[0].login().access).headers["Revocation-Seq"]
    assert int(position.split(":")[0]) > int(seq.split(":")[0]) and int(position.split(":")[1]) > int(seq.split(":")[1])
    third = cluster[1].refresh(successor["refresh_token"])
    assert third.status_code == 200, third.text
    assert cluster[0].refresh(alive.refresh).status_code == 200

    new = plain.directory / "new"
    still = command("store", "export", "--to", str(new), "--store", engine.url(), cwd=plain.directory)
    assert still.returncode == 1 and "node1" in still.stderr, still.stdout + still.stderr
    for node in cluster:
        node.stop()
    wait_until(
        lambda: command(
            "store", "export", "--to", str(new), "--store", engine.url(), cwd=plain.directory, refresh_grace="1s"
        ).returncode == 0,
        20, "an export", )  # fmt: skip
    full = command("store", "export", "--to", str(new), "--store", engine.url(), cwd=plain.directory)
    assert full.returncode == 2 and "not empty" in full.stderr
    plain.settings["state"] = new
    plain.run_once()
    assert plain.refusal(alive.access) == "" and plain.refusal(ended.access) == "token_revoked"
    assert plain.refusal(cut.access) == "session_revoked"
    after = plain.revoke(plain.login().access).headers["Revocation-Seq"]
    assert int(after.split(":")[0]) > int(position.split(":")[0]) and int(after.split(":")[1]) > int(position.split(":")[1])
    # Used twice: the first use counts, and the second ends the session.
    fourth = plain.refresh(third.json()["refresh_token"])
    assert fourth.status_code == 200, fourth.text
    time.sleep(1.2)
    assert plain.refresh(successor["refresh_token"]).json()["code"] == "refresh_reused"


def test_a_copy_is_no_journal_and_a_journal_no_copy(engine, make_server, make_cluster):
    plain = make_server(alg="HS256").start()
    plain.login()
    plain.stop()
    node = make_cluster(engine.url(), count=1).nodes[0]
    node.settings["state"] = plain.state_path
    failure = node.fail_to_start()
    assert failure.code == 2 and "martlet store import" in failure.text, failure.text
    other = make_cluster(engine.url(), count=1).start()[0]
    other.login()
    other.stop()
    plain.settings["state"] = other.state_path
    failure = plain.fail_to_start()
    assert failure.code == 2 and "martlet store export" in failure.text, failure.text


def test_an_export_needs_a_new_directory_and_an_import_a_journal(engine, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    done = command("store", "export", "--to", "full", "--store", engine.url(), cwd=tmp_path)
    assert done.returncode == 2 and "not empty" in done.stderr
    done = command("store", "import", "--from", "nowhere", "--store", engine.url(), cwd=tmp_path)
    assert done.returncode == 2 and "contains no journal" in done.stderr
    assert command("store", "import", "--store", engine.url(), cwd=tmp_path).returncode == 2


def test_the_people_of_both_are_the_same(make_cluster, redis):
    """A guard of the tests above: what they compare is one account."""
    cluster = make_cluster(redis.url(), count=2).start()
    assert [node.login(AMY).claims["sub"] for node in cluster] == [AMY.id] * 2
