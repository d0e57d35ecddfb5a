"""Sessions that people can see: the list, ending one, and how many a user may have."""

import time

import pytest

from harness.accounts import AMY, BOB
from harness.positions import number
from harness.server import Session
from harness.tokens import header_of

UNKNOWN = "019a0000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def listing(fleet):
    server = fleet.make(alg="EdDSA", sessions="on", refresh_grace="0s")
    server.shop = server.add_client("shop")
    server.start()
    yield server
    fleet.close(server)


def bearer(session: Session) -> dict:
    return {"Authorization": f"Bearer {session.access}"}


def listed(server, session: Session) -> list[dict]:
    answer = server.http.get("/sessions", headers=bearer(session))
    assert answer.status_code == 200, answer.text
    return answer.json()["sessions"]


def ids(server, session: Session) -> list[str]:
    return [entry["session_id"] for entry in listed(server, session)]


def end(server, sid: str, session: Session):
    return server.http.delete(f"/sessions/{sid}", headers=bearer(session))


def end_others(server, session: Session) -> None:
    answer = server.http.post("/logout", headers=bearer(session), json={"scope": "others"})
    assert answer.status_code == 204


def test_a_session_shows_where_and_when_and_with_what(listing):
    began = int(time.time())
    here = listing.login(device="Amy’s phone")
    end_others(listing, here)
    body = {"username": AMY.name, "password": AMY.password, "source": "203.0.113.7"}
    there = Session(listing.http.post("/login", json=body, auth=("shop", listing.shop)).json())
    second, first = listed(listing, here)
    expected = {"session_id": here.sid, "current": True, "device": "Amy’s phone", "client_id": "first-party"}
    assert expected.items() <= first.items() and first["address"] == "127.0.0.1"
    assert {"session_id": there.sid, "current": False, "device": None, "client_id": "shop"}.items() <= second.items()
    assert second["address"] == "203.0.113.7"
    for entry in (first, second):
        assert began <= entry["created_at"] == entry["last_used_at"] <= time.time()
        assert entry["expires_at"] == entry["created_at"] + 14 * 86_400
    assert [entry["current"] for entry in listed(listing, there)] == [True, False]
    assert listing.http.head("/sessions", headers=bearer(here)).status_code == 200


def test_a_refresh_counts_as_a_use(listing):
    session = listing.login(BOB)
    time.sleep(1.1)
    later = Session(listing.refresh(session.refresh).json())
    (entry,) = [entry for entry in listed(listing, later) if entry["current"]]
    assert entry["last_used_at"] > entry["created_at"]
    assert entry["expires_at"] == entry["last_used_at"] + 14 * 86_400


def test_one_is_ended_at_once_and_nothing_tells_of_other_users(listing):
    here, there, bob = listing.login(), listing.login(), listing.login(BOB)
    answer = end(listing, there.sid, here)
    assert answer.status_code == 204 and number(answer.headers["revocation-seq"]) > 0
    assert listing.refusal(there.access) == "session_revoked"
    refusals = [end(listing, sid, here) for sid in (there.sid, bob.sid, UNKNOWN, "x", here.sid.upper())]
    assert {(refusal.status_code, refusal.json()["code"]) for refusal in refusals} == {(404, "not_found")}
    assert listing.refusal(bob.access) == ""
    assert there.sid not in ids(listing, here) and bob.sid not in ids(listing, here)
    for method, path in (("GET", "/sessions?x=1"), ("DELETE", f"/sessions/{here.sid}?x=1")):
        malformed = listing.http.request(method, path, headers=bearer(here))
        assert (malformed.status_code, malformed.json()["code"]) == (400, "request_malformed")
    assert end(listing, here.sid, here).status_code == 204


def test_list_ends_and_the_others_survive_kill_nine_and_compaction(make_server):
    server = make_server(alg="EdDSA", sessions="on", refresh_grace="60s").start()
    here = server.login(device="here")
    sessions = [server.login(device=f"Device {number}") for number in range(6)]
    assert end(server, sessions[0].sid, here).status_code == 204
    used = server.refresh(sessions[1].refresh)
    assert used.status_code == 200
    expected = listed(server, here)
    assert [entry["session_id"] for entry in expected] == [s.sid for s in reversed([here, *sessions[1:]])]
    for compacts in (False, True, False):
        server.kill()
        if compacts:
            done = server.cli("journal", "compact", "--state", str(server.state_path))
            assert done.returncode == 0, done.stderr
        server.run_once()
        assert listed(server, here) == expected
    end_others(server, here)
    server.restart()
    assert ids(server, here) == [here.sid]
    assert server.cli("journal", "verify", "--state", str(server.state_path)).returncode == 0
    server.stop()
    server.cli("journal", "compact", "--state", str(server.state_path))
    assert b"Device" not in b"".join(path.read_bytes() for path in server.state_path.iterdir() if path.suffix != ".torn")


def test_the_commands_tell_of_entries_and_not_of_persons(make_server):
    server = make_server(alg="EdDSA", sessions="on").start()
    session = server.login(device="Amy’s phone")
    dump = server.cli("journal", "dump", "--state", str(server.state_path)).stdout
    lines = [line for line in dump.splitlines() if '"SESSION_ENTRY"' in line]
    assert len(lines) == 3 and session.sid in lines[0]
    assert all('"key":null,"expires":null,"value":null' in line for line in lines[1:])
    assert "SESSION_ENTRY" in server.cli("journal", "stat", "--state", str(server.state_path)).stdout
    assert "phone" not in dump + server.log
    assert server.metric("martlet_listed_sessions") == 1
    assert server.admin.get("/admin/status").json()["sessions"] == 1


def test_a_login_ends_the_oldest_beyond_the_limit_also_over_a_restart(make_server):
    server = make_server(alg="EdDSA", sessions="on", sessions_per_user=3).start()
    bob = server.login(BOB)
    sessions = [server.login() for _ in range(4)]
    assert [server.refusal(session.access) for session in sessions] == ["session_revoked", "", "", ""]
    server.restart()
    sessions += [server.login(), server.login()]
    for _ in range(2):
        alive = [session for session in sessions if server.refusal(session.access) == ""]
        assert [session.sid for session in alive] == [session.sid for session in sessions[3:]]
        assert ids(server, sessions[-1]) == [session.sid for session in reversed(sessions[3:])]
        server.restart()
    assert server.refusal(bob.access) == ""
    assert [event["sid"] for event in server.events("session_displaced")] == [session.sid for session in sessions[:3]]


def test_off_nothing_is_served_and_what_was_stored_goes(make_server):
    server = make_server(alg="EdDSA", sessions="on").start()
    before = server.login(device="Amy’s phone")
    server.settings["sessions"] = "off"
    server.restart()
    meanwhile = server.login(device="Amy’s phone")
    for method, path in (("GET", "/sessions"), ("DELETE", f"/sessions/{before.sid}")):
        answer = server.http.request(method, path, headers=bearer(before))
        assert (answer.status_code, answer.json()["code"]) == (404, "not_enabled")
    assert server.admin.get("/admin/status").json()["sessions"] is None
    assert "martlet_listed_sessions" not in server.operator.get("/metrics").text
    server.wait_for(lambda: server.events("journal_compacted"), 10, "a compaction")
    assert b"phone" not in b"".join(path.read_bytes() for path in server.state_path.iterdir())
    server.settings["sessions"] = "on"
    server.restart()
    after = server.login()
    assert ids(server, after) == [after.sid]
    assert {server.refusal(session.access) for session in (before, meanwhile, after)} == {""}


def test_a_limit_needs_the_list(make_server):
    failure = make_server(sessions_per_user=3).fail_to_start()
    assert failure.code == 2
    assert "MARTLET_SESSIONS_PER_USER" in failure.text and "MARTLET_SESSIONS=on" in failure.text


def test_without_space_an_end_is_not_acknowledged(make_server):
    """The journal is moved away: nothing is acknowledged any more, and both routes say so."""
    server = make_server(alg="EdDSA", sessions="on").start()
    here, there = server.login(), server.login()
    (segment,) = server.state_path.glob("*.jrn")
    segment.rename(server.directory / "away")
    answer = end(server, there.sid, here)
    assert (answer.status_code, answer.json()["code"]) == (503, "journal_unavailable")
    assert server.refusal(there.access) == "session_revoked"


def test_a_compromised_refresh_secret_takes_its_sessions_out_of_the_list(make_server):
    server = make_server(alg="EdDSA", sessions="on", sessions_per_user=3, refresh_grace="0s").start()
    lost = [server.login() for _ in range(2)]
    kid = header_of(lost[0].refresh)["kid"]
    # Key files have whole seconds: a later start cannot tell what came first in one of them.
    time.sleep(1)
    done = server.cli("keys", "compromise", "--", kid)
    assert done.returncode == 0, done.stderr
    assert [server.refresh(session.refresh).status_code for session in lost] == [401, 401]
    time.sleep(1)
    for _ in range(2):
        alive = server.login()
        assert not {session.sid for session in lost} & set(ids(server, alive))
        server.restart()
    again = server.login()
    assert len(ids(server, again)) == 3 and not server.events("session_displaced")
    server.login()
    assert len(server.events("session_displaced")) == 1
