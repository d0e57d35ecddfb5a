"""One token's life from login to a revocation that outlives `kill -9`."""

import pytest

from harness.positions import number


@pytest.mark.parametrize("algorithm", ["RS256", "HS256"])
def test_a_session_lives_replays_dies_and_stays_dead_after_kill_and_restart(make_server, algorithm):
    """E9, G5, H12: login, verify, refresh, replay with identical bytes, revoke, refuse, restart, refuse."""
    server = make_server(alg=algorithm, refresh_grace="60s").start()
    first = server.login()
    answer = server.verify(first.access)
    assert answer.status_code == 200
    assert answer.json()["active"] is True
    assert answer.json()["alg"] == algorithm
    assert answer.json()["claims"] == first.claims

    rotated = server.refresh(first.refresh)
    assert rotated.status_code == 200
    assert rotated.headers["refresh-outcome"] == "rotated"
    replayed = server.refresh(first.refresh)
    assert replayed.headers["refresh-outcome"] == "replayed"
    assert replayed.content == rotated.content

    successor = rotated.json()["access_token"]
    revoked = server.revoke(successor)
    assert revoked.status_code == 200
    assert revoked.content == b""
    assert number(revoked.headers["revocation-seq"]) > 0
    assert server.refusal(successor) == "token_revoked"
    assert server.refusal(first.access) == ""

    server.restart()
    assert server.refusal(successor) == "token_revoked"
    assert server.refusal(first.access) == ""
    again = server.refresh(first.refresh)
    assert again.headers["refresh-outcome"] == "replayed"
    assert again.content == rotated.content

    assert server.revoke(rotated.json()["refresh_token"]).status_code == 200
    assert server.refusal(first.access) == "session_revoked"
    assert server.refresh(rotated.json()["refresh_token"]).json()["code"] in ("session_revoked", "refresh_invalid")
    server.restart()
    assert server.refusal(first.access) == "session_revoked"
    assert server.refusal(successor) in ("token_revoked", "session_revoked")
    assert server.stop() == 0


def test_what_a_login_answers_agrees_with_its_tokens(server):
    """D1, D2, D3, D6, D7, D8, F13, I1, I2: the members beside the tokens say what the tokens say."""
    answer = server.try_login("amy", server.people[0].password, scope="read write")
    body = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert set(body) == {
        "access_token",
        "token_type",
        "expires_in",
        "refresh_token",
        "refresh_expires_in",
        "session_id",
        "scope",
    }
    session = server.login(scope="read write")
    claims = session.claims
    assert body["token_type"] == "Bearer"
    assert session.body["expires_in"] == claims["exp"] - claims["iat"] == 600
    assert session.sid == claims["sid"] != body["session_id"]
    assert set(claims["scope"].split()) == {"read", "write"} == set(session.body["scope"].split())
    assert set(claims) >= {"iss", "exp", "aud", "sub", "client_id", "iat", "jti", "sid", "auth_time", "amr"}
    assert claims["iss"] == server.url
    assert claims["aud"] == "api"
    assert claims["sub"] == server.people[0].id
    assert claims["client_id"] == "first-party"
    assert claims["roles"] == ["admin", "staff"]
    assert claims["department"] == "harbour"
    assert all(isinstance(claims[name], int) for name in ("exp", "iat", "auth_time"))
    assert "password" not in claims and "username" not in claims


def test_unrecognized_login_members_cannot_choose_a_session(server):
    """F13: identifiers that the client sends are not taken over."""
    wanted = "0190a0b0-c0d0-7000-8000-000000000000"
    for name in ("session_id", "sid", "jti"):
        answer = server.try_login(server.people[0].name, server.people[0].password, **{name: wanted})
        assert (answer.status_code, answer.json()["code"]) == (400, "request_malformed")
    session = server.login(state=wanted)
    assert session.sid != wanted
    assert session.claims["jti"] != wanted
