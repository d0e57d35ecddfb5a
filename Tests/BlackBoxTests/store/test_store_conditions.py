"""What a server says about its store: /readyz, metrics, Revocation-Age, and the answers while it is away."""

import time

import pytest

from harness.accounts import AMY
from harness.cluster import writes
from harness.engine_process import wait_until


def details(node) -> dict[str, str]:
    return {entry["reason"]: entry["text"] for entry in node.operator.get("/readyz").json()["details"]}


def test_a_server_whose_store_is_away_verifies_and_records_nothing(engine, make_cluster):
    a, b = make_cluster(engine.url(), count=2, staleness_max="2s").start()
    session, kept, rotating = a.login(), a.login(), a.login()
    assert b.figure("martlet_store_up") == 1
    engine.kill()
    wait_until(lambda: b.reasons == ["store_unavailable"], 5, "store_unavailable")
    assert details(b)["store_unavailable"]
    assert b.figure("martlet_store_up") == 0
    assert b.figure('martlet_store_condition{condition="store_unavailable"}') == 1
    verified = b.verify(session.access)
    assert verified.status_code == 200 and float(verified.headers["Revocation-Age"]) >= 0
    for answer in (
        b.try_login(AMY.name, AMY.password),
        b.refresh(rotating.refresh),
        b.revoke(session.access),
        b.http.post("/logout", json={"refresh_token": session.refresh}),
        b.cut(sid=session.sid),
        b.http.post("/password", json={"current_password": AMY.password, "new_password": "another long password 9"},
                    headers={"Authorization": f"Bearer {kept.access}"}),
    ):  # fmt: skip
        assert answer.status_code == 503, f"{answer.request.url}: {answer.text}"
        assert answer.json()["code"] == "store_unavailable" and answer.headers["Retry-After"] == "1"
        assert answer.elapsed.total_seconds() < 2.5
    # Doubt rejects: a revocation that got 503 counts here at once.
    assert b.refusal(session.access) in ("token_revoked", "session_revoked")
    assert a.refusal(session.access) == ""
    assert b.figure("martlet_store_unsent_refusals") > 0
    wait_until(lambda: "stale" in b.reasons, 5, "stale")
    age = float(b.verify(kept.access).headers["Revocation-Age"])
    assert age > 2 and b.figure("martlet_store_age_seconds") > 2
    assert b.http.post("/verify", json={"token": kept.access, "max_age_of_revocations": 1}).json()["code"] == "stale"
    engine.start()
    for node in (a, b):
        wait_until(lambda: node.is_ready, 15, f"readiness without a restart: {node.last_words()}")
    wait_until(lambda: a.refusal(session.access) != "", 5, "the revocation on the other server")
    assert b.figure("martlet_store_unsent_refusals") == 0
    # A store that is busy may take too long once more: then the client tries again, as after any 503.
    answers = []

    def is_refreshed() -> bool:
        answers.append(b.refresh(rotating.refresh))
        assert answers[-1].status_code in (200, 503), f"an outage ends no session: {answers[-1].text}"
        return answers[-1].status_code == 200

    wait_until(is_refreshed, 15, "a refresh after the outage")
    assert b.figure("martlet_store_reconnects_total") >= 1


def test_a_stale_server_that_must_not_verify_does_not(engine, make_cluster):
    node = make_cluster(engine.url(), count=1, staleness_max="1s", stale="refuse").start()[0]
    session = node.login()
    engine.kill()
    wait_until(lambda: node.refusal(session.access) == "stale", 5, "stale")
    engine.start()
    wait_until(lambda: node.refusal(session.access) == "", 15, "a verification")


def test_a_start_without_the_store_verifies_from_the_copy(engine, make_cluster):
    node = make_cluster(engine.url(), count=1).start()[0]
    session, ended = node.login(), node.login()
    assert node.revoke(ended.access).status_code == 200
    time.sleep(1.2)
    node.stop()
    engine.kill()
    node.run_once()
    assert "store_unavailable" in node.reasons
    verified = node.verify(session.access)
    assert verified.status_code == 200 and float(verified.headers["Revocation-Age"]) > 0
    assert node.refusal(ended.access) == "token_revoked"
    engine.start()
    wait_until(lambda: node.is_ready and writes(node), 15, "a write")


def test_a_start_without_store_and_copy_verifies_nothing(redis, make_cluster):
    node = make_cluster(redis.url(), count=1).start()[0]
    session = node.login()
    redis.kill()
    fresh = make_cluster(redis.url(), count=1).nodes[0]
    fresh.settings |= {name: node.settings[name] for name in ("keys", "users", "clients")} | {"node": "fresh"}
    fresh.run_once()
    assert fresh.refusal(session.access) == "stale" and "stale" in fresh.reasons
    redis.start()
    wait_until(lambda: fresh.refusal(session.access) == "", 15, "a verification")


@pytest.mark.parametrize("damage", ["short", "checksum", "kind"])
def test_a_record_that_must_not_be_skipped_stops_the_server(redis, make_cluster, damage):
    node = make_cluster(redis.url(), count=1).start()[0]
    session, ended = node.login(), node.login()
    assert node.revoke(ended.access).status_code == 200
    key = next(name for name in redis.server.keys() if name.endswith(b":log"))
    last = redis.server.ask("XREVRANGE", key, "+", "-", "COUNT", 1)[0]
    fields = last[1]
    record = bytearray(fields[fields.index(b"r") + 1])
    if damage == "short":
        record = record[:40]
    elif damage == "checksum":
        record[20] ^= 1
    else:
        record[4] = 99
    epoch, seq = last[0].split(b"-")
    words = [bytes(record) if word == fields[fields.index(b"r") + 1] else word for word in fields]
    redis.server.ask("XADD", key, b"%s-%d" % (epoch, int(seq) + 1), *words)
    wait_until(lambda: "store_damaged" in node.reasons, 10, f"store_damaged: {node.last_words()}")
    assert details(node)["store_damaged"]
    assert node.refusal(session.access) == "" and node.refusal(ended.access) == "token_revoked"
    assert not writes(node)


def test_accepted_flaws_are_stated(redis, make_cluster):
    redis.server.configure(appendfsync="everysec")
    node = make_cluster(redis.url(), count=1, store_durability="relaxed").start()[0]
    assert node.is_ready and writes(node)
    assert "appendfsync" in details(node)["store_relaxed"]
    assert node.figure("martlet_store_relaxed") >= 1
    assert any(event.get("setting") == "appendfsync" for event in node.events("store_durability_accepted"))


def test_the_operator_sees_the_store(engine, make_cluster):
    node = make_cluster(engine.url(), count=1).start()[0]
    status = node.admin.get("/admin/status").json()["store"]
    assert status["up"] is True and status["node"] == "node1" and status["conditions"] == [] and status["unsent"] == 0
    text = node.cli("status")
    assert text.returncode == 0 and "store" in text.stdout and "up" in text.stdout, text.stdout + text.stderr


def test_whatever_needs_the_store_says_so(redis, make_cluster):
    node = make_cluster(redis.url(), count=1, alg="RS256", sessions="on", feed="public").start()[0]
    session, other = node.login(), node.login()
    bearer = {"Authorization": f"Bearer {session.access}"}
    node.state_path.rename(node.directory / "elsewhere")
    answers = [node.http.get("/revocations/snapshot")]
    (node.directory / "elsewhere").rename(node.state_path)
    redis.kill()
    wait_until(lambda: node.reasons == ["store_unavailable"], 5, "store_unavailable")
    answers += [
        node.http.post("/token", data={"grant_type": "refresh_token", "refresh_token": session.refresh}),
        node.http.delete(f"/sessions/{other.sid}", headers=bearer),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json().get("code")) == (503, "store_unavailable"), answer.text
        assert int(answer.headers["Retry-After"]) >= 1
    redis.start()
    wait_until(lambda: node.is_ready, 15, "readiness without a restart")
