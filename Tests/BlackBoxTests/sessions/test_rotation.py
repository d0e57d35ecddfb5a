"""Refresh tokens rotate once, replay within the grace time and betray a thief after it."""

import threading
import time

import pytest

from harness.records import count, journal
from harness.server import Session
from harness.tokens import claims_of, sign
from harness.wire import request

PARALLEL = 200


@pytest.fixture(scope="module")
def quick(fleet):
    """A grace time of one second, HS256."""
    server = fleet.make(alg="HS256", refresh_grace="1s")
    server.shop = server.add_client("shop")
    server.bank = server.add_client("bank")
    server.start()
    yield server
    fleet.close(server)


def code(answer) -> str:
    return answer.json()["code"]


def test_two_hundred_parallel_refreshes_leave_one_living_branch(make_server):
    """G2, G3, G4, G5: one ROTATE record, one body; after the grace time the same token kills the session."""
    quick = make_server(alg="HS256", refresh_grace="6s").start()
    session = quick.login()
    before = count(journal(quick), "ROTATE")
    body = f'{{"refresh_token":"{session.refresh}"}}'.encode()
    octets = request("POST", "/refresh", body, Content_Type="application/json")
    wires = [quick.wire(timeout=20) for _ in range(PARALLEL)]
    halves = len(octets) // 2
    for wire in wires:
        wire.send(octets[:halves])
    gate = threading.Barrier(4)

    def finish(part):
        gate.wait()
        for wire in part:
            wire.socket.sendall(octets[halves:])

    threads = [threading.Thread(target=finish, args=(wires[start::4],)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for wire in wires:
        wire.asked = [("POST", "/refresh")]
    answers = [wire.answer() for wire in wires]
    for wire in wires:
        wire.close()
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    assert sorted(answer["refresh-outcome"] for answer in answers) == ["replayed"] * (PARALLEL - 1) + ["rotated"]
    assert count(journal(quick), "ROTATE") == before + 1

    access = quick.refresh(session.refresh).json()["access_token"]
    time.sleep(6.2)
    assert quick.refusal(access) == ""
    answer = quick.refresh(session.refresh)
    assert (answer.status_code, code(answer)) == (401, "refresh_reused")
    assert quick.refusal(access) == quick.refusal(session.access) == "session_revoked"
    quick.wait_for(lambda: quick.events("refresh_reused"), 10, "the audit event")


def test_a_grandparent_within_the_grace_time_kills_the_family(make_server):
    """G3: grace covers the last step only, never older generations."""
    server = make_server(alg="HS256", refresh_grace="60s").start()
    first = server.login()
    second = Session(server.refresh(first.refresh).json())
    third = Session(server.refresh(second.refresh).json())
    answer = server.refresh(first.refresh)
    assert (answer.status_code, code(answer)) == (401, "refresh_reused")
    assert server.refusal(third.access) == "session_revoked"
    assert server.refresh(third.refresh).status_code == 401


def test_a_used_successor_ends_the_grace_of_its_parent(quick):
    """DESIGN 5: replay answers only while the successor is unused."""
    first = quick.login()
    second = Session(quick.refresh(first.refresh).json())
    assert quick.verify(second.access).status_code == 200
    assert quick.refresh(second.refresh).status_code == 200
    assert code(quick.refresh(first.refresh)) == "refresh_reused"


def test_a_revoked_session_is_refused_within_the_grace_time(quick):
    """G12: revocation is asked before grace."""
    first = quick.login()
    second = Session(quick.refresh(first.refresh).json())
    assert quick.revoke(second.refresh).status_code == 200
    answer = quick.refresh(first.refresh)
    assert answer.status_code == 401
    assert code(answer) == "session_revoked"


def test_two_rotations_within_one_second_are_told_apart(make_server):
    """The generation counts, not the clock."""
    server = make_server(alg="HS256", refresh_grace="0s").start()
    session = server.login()
    tokens = [session.refresh]
    for _ in range(10):
        tokens.append(server.refresh(tokens[-1]).json()["refresh_token"])
    assert len(set(tokens)) == len(tokens)
    assert code(server.refresh(tokens[-3])) == "refresh_reused"
    assert server.refresh(tokens[-1]).status_code == 401


def test_the_absolute_end_of_a_session_is_not_extended(quick):
    """G6: `sxp` and refresh_expires_in do not grow by rotating."""
    session = quick.login()
    first = claims_of(session.refresh)
    time.sleep(1.1)
    second = claims_of(quick.refresh(session.refresh).json()["refresh_token"])
    assert second["sxp"] == first["sxp"]
    assert second["exp"] >= first["exp"]
    assert second["sid"] == first["sid"]
    assert second["auth_time"] == first["auth_time"]


@pytest.mark.parametrize(
    ("members", "expected"),
    [({"exp": 1_000_000_000}, "refresh_idle"), ({"exp": 1_000_000_000, "sxp": 1_000_000_000}, "refresh_expired")],
)
def test_an_idle_or_overaged_refresh_token_expires(quick, members, expected):
    """G6, G7, G11: told apart at /refresh, invalid_grant at /token."""
    forged = quick.forge(quick.login().refresh).token(**members)
    answer = quick.refresh(forged)
    assert (answer.status_code, code(answer)) == (401, expected)
    answer = quick.http.post("/token", data={"grant_type": "refresh_token", "refresh_token": forged})
    assert (answer.status_code, answer.json()["error"], code(answer)) == (400, "invalid_grant", expected)


def test_idle_and_absolute_ends_come_from_the_settings(make_server):
    """G6, G7, G15: near its absolute end a session's tokens end with it."""
    server = make_server(alg="HS256", access_ttl="30s", refresh_idle="2m", session_max="3m", refresh_grace="0s").start()
    session = server.login()
    claims = claims_of(session.refresh)
    assert claims["exp"] - claims["iat"] == session.body["refresh_expires_in"] == 120
    assert claims["sxp"] - claims["iat"] == 180
    end = int(time.time()) + 3
    nearly_over = server.forge(session.refresh).token(sxp=end)
    successor = Session(server.refresh(nearly_over).json())
    assert claims_of(successor.refresh)["exp"] == claims_of(successor.refresh)["sxp"] == end
    assert successor.claims["exp"] == end
    assert 0 < successor.body["expires_in"] <= 3
    server.wait_for(lambda: time.time() >= end, 5)
    assert code(server.refresh(successor.refresh)) == "refresh_expired"
    assert server.refusal(successor.access) == "token_expired"


def test_scope_narrows_and_never_widens(quick):
    """G8: a narrower scope lasts for that access token; a wider one is refused."""
    session = quick.login(scope="read write")
    wider = quick.refresh(session.refresh, scope="read write admin")
    assert (wider.status_code, code(wider), wider.json()["error"]) == (400, "scope_invalid", "invalid_scope")
    narrow = quick.refresh(session.refresh, scope="read")
    assert narrow.json()["scope"] == "read"
    assert claims_of(narrow.json()["access_token"])["scope"] == "read"
    again = quick.refresh(narrow.json()["refresh_token"], scope="admin")
    assert code(again) == "scope_invalid"


def test_an_audience_outside_the_settings_is_refused(quick):
    """G8, D5: neither an unknown one nor one that the login did not ask for."""
    session = quick.login()
    for audience in ("elsewhere", "billing"):
        answer = quick.refresh(session.refresh, audience=audience)
        assert (answer.status_code, code(answer), answer.json()["error"]) == (400, "audience_invalid", "invalid_target")
    assert quick.refusal(session.access) == ""


def test_a_different_request_within_the_grace_time_changes_nothing(make_server):
    """DESIGN 5: another scope in grace is invalid_grant without killing the session."""
    quick = make_server(alg="HS256", refresh_grace="60s").start()
    session = quick.login(scope="read write")
    rotated = quick.refresh(session.refresh)
    answer = quick.refresh(session.refresh, scope="read")
    assert (answer.status_code, code(answer), answer.json()["error"]) == (400, "refresh_mismatch", "invalid_grant")
    assert quick.refusal(rotated.json()["access_token"]) == ""
    assert quick.refresh(rotated.json()["refresh_token"]).status_code == 200


def login_of(server, name):
    secret = getattr(server, name)
    body = {"username": "amy", "password": server.people[0].password}
    return Session(server.http.post("/login", json=body, auth=(name, secret)).json())


def test_a_refresh_token_is_bound_to_its_client(quick):
    """G9: nobody, another client and a wrong secret are refused, and the session lives on."""
    session = login_of(quick, "shop")
    assert session.claims["client_id"] == "shop"
    nobody = quick.refresh(session.refresh)
    assert (nobody.status_code, code(nobody)) == (401, "client_invalid")
    assert nobody.headers["www-authenticate"].startswith("Basic")
    body = {"refresh_token": session.refresh}
    other = quick.http.post("/refresh", json=body, auth=("bank", quick.bank))
    assert (other.status_code, code(other), other.json()["error"]) == (403, "client_not_allowed", "unauthorized_client")
    wrong = quick.http.post("/refresh", json=body, auth=("shop", "not the secret of the shop"))
    assert (wrong.status_code, code(wrong), wrong.json()["error"]) == (401, "client_invalid", "invalid_client")
    good = quick.http.post("/refresh", json=body, auth=("shop", quick.shop))
    assert good.headers["refresh-outcome"] == "rotated"


def test_a_refresh_token_that_is_none_is_refused(quick):
    """D9, G1, G11: noise, an access token, a foreign key and a future generation."""
    session = quick.login()
    claims = claims_of(session.refresh)
    foreign = sign({"alg": "HS256", "typ": "rt+jwt", "kid": quick.keys.refresh["kid"]}, claims, b"k" * 32)
    for token in ("noise", "a.b.c", session.access, foreign, session.refresh[:-2], session.refresh + "A"):
        answer = quick.refresh(token)
        assert (answer.status_code, code(answer)) == (401, "refresh_invalid"), token
        answer = quick.http.post("/token", data={"grant_type": "refresh_token", "refresh_token": token})
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_a_generation_from_the_future_is_an_alarm_not_a_rotation(quick):
    """DESIGN 5.5: a good MAC with a generation we never issued means that the journal was rolled back."""
    session = quick.login()
    forged = quick.forge(session.refresh).token(gen=claims_of(session.refresh)["gen"] + 5)
    mark = len(quick.events())
    answer = quick.refresh(forged)
    assert answer.status_code == 401
    alarm = {"level": "error", "event": "refresh_ahead_of_journal"}
    quick.wait_for(lambda: any(alarm.items() <= event.items() for event in quick.events()[mark:]), 10, "the alarm")
    assert quick.refresh(session.refresh).status_code == 200


def test_grant_types_and_body_forms_of_the_token_endpoint(quick):
    """F1, I5: /token takes a form with grant_type=refresh_token and nothing else."""
    session = quick.login()
    missing = quick.http.post("/token", data={"refresh_token": session.refresh})
    assert (missing.status_code, missing.json()["error"]) == (400, "invalid_request")
    other = quick.http.post("/token", data={"grant_type": "authorization_code", "code": "x"})
    assert (other.status_code, code(other)) == (400, "grant_unsupported")
    json_body = quick.http.post("/token", json={"grant_type": "refresh_token", "refresh_token": session.refresh})
    assert json_body.status_code == 415
    odd = quick.http.post("/refresh", data={"grant_type": "password", "refresh_token": session.refresh})
    assert odd.status_code == 400
    form = quick.http.post("/refresh", data={"grant_type": "refresh_token", "refresh_token": session.refresh})
    assert form.status_code == 200
