"""Ending sessions: logout, revocation by clients, and an operator's cuts."""

import pytest

from harness.positions import number
from harness.server import Session


def bearer(session: Session) -> dict:
    return {"Authorization": f"Bearer {session.access}"}


def dead(server, *sessions: Session) -> bool:
    """Every access token is refused and no refresh token works."""
    return all(server.refusal(s.access) for s in sessions) and all(
        server.refresh(s.refresh).status_code == 401 for s in sessions
    )


@pytest.fixture(scope="module")
def fast(fleet):
    server = fleet.make(alg="HS256")
    server.shop = server.add_client("shop")
    server.bank = server.add_client("bank")
    server.start()
    yield server
    fleet.close(server)


def login_of(server, name: str) -> Session:
    body = {"username": "amy", "password": server.people[0].password}
    return Session(server.http.post("/login", json=body, auth=(name, getattr(server, name))).json())


def test_logout_by_access_token_ends_the_session_at_once(fast):
    """G12, E9: refused by /verify, /auth, /introspect and /refresh alike."""
    gone, stays = fast.login(), fast.login()
    answer = fast.http.post("/logout", headers=bearer(gone))
    assert answer.status_code == 204
    assert answer.content == b""
    assert number(answer.headers["revocation-seq"]) > 0
    assert fast.refusal(gone.access) == "session_revoked"
    assert fast.http.get("/auth", headers=bearer(gone)).status_code == 401
    told = fast.http.post("/introspect", data={"token": gone.access}, auth=("shop", fast.shop))
    assert told.json() == {"active": False}
    assert fast.refresh(gone.refresh).status_code == 401
    assert not dead(fast, stays)


@pytest.mark.parametrize("form", ["json", "data"])
def test_logout_by_refresh_token_ends_the_session(fast, form):
    """G12."""
    gone = fast.login()
    answer = fast.http.post("/logout", **{form: {"refresh_token": gone.refresh}})
    assert answer.status_code == 204
    assert dead(fast, gone)


def test_logout_of_the_others_spares_this_session(fast):
    """G14."""
    here, there, elsewhere = fast.login(), fast.login(), fast.login(fast.people[1])
    assert fast.http.post("/logout", headers=bearer(here), json={"scope": "others"}).status_code == 204
    assert dead(fast, there)
    assert fast.refusal(here.access) == fast.refusal(elsewhere.access) == ""
    assert fast.refresh(here.refresh).status_code == 200


def test_logout_everywhere_ends_all_sessions_and_a_login_right_after_lives(fast):
    """G14: a login in the same moment works, older sessions do not."""
    sessions = [fast.login() for _ in range(3)]
    assert fast.http.post("/logout", headers=bearer(sessions[0]), json={"scope": "global"}).status_code == 204
    after = fast.login()
    assert dead(fast, *sessions)
    assert fast.refusal(after.access) == ""


def test_logout_needs_a_token_and_a_known_reach(fast):
    """J4, L9."""
    nothing = fast.http.post("/logout")
    assert (nothing.status_code, nothing.json()["code"]) == (401, "token_missing")
    assert 'error="' not in nothing.headers["www-authenticate"]
    session = fast.login()
    odd = fast.http.post("/logout", headers=bearer(session), json={"scope": "universe"})
    assert (odd.status_code, odd.json()["code"]) == (400, "request_malformed")
    assert fast.refusal(session.access) == ""
    noise = fast.http.post("/logout", json={"refresh_token": "noise"})
    assert noise.status_code == 401


def test_revoking_an_access_token_leaves_the_session(fast):
    """H4: and the next access token of the session works."""
    session = fast.login()
    assert fast.revoke(session.access, token_type_hint="access_token").status_code == 200
    assert fast.refusal(session.access) == "token_revoked"
    successor = Session(fast.refresh(session.refresh).json())
    assert fast.refusal(successor.access) == ""


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "nonsense", ""])
def test_a_wrong_hint_never_hides_a_token(fast, hint):
    """H1."""
    session = fast.login()
    assert fast.revoke(session.refresh, token_type_hint=hint).status_code == 200
    assert fast.refusal(session.access) == "session_revoked"
    other = fast.login()
    assert fast.revoke(other.access, token_type_hint=hint).status_code == 200
    assert fast.refusal(other.access) == "token_revoked"


def test_unknown_expired_and_revoked_tokens_are_revoked_without_complaint(fast):
    """H2."""
    session = fast.login()
    expired = fast.forge(session.access).token(exp=1_000_000_000, iat=999_999_000)
    for token in ("noise", "a.b.c", expired, session.access, session.access):
        assert fast.revoke(token).status_code == 200


def test_a_client_revokes_only_its_own_tokens(fast):
    """H3, G9."""
    mine = login_of(fast, "shop")
    other = fast.http.post("/revoke", data={"token": mine.access}, auth=("bank", fast.bank))
    assert (other.status_code, other.json()["code"]) == (403, "client_not_allowed")
    nobody = fast.revoke(mine.access)
    assert (nobody.status_code, nobody.json()["code"], nobody.json()["error"]) == (
        401,
        "client_invalid",
        "invalid_client",
    )
    assert fast.refusal(mine.access) == ""
    own = fast.http.post("/revoke", data={"token": mine.access}, auth=("shop", fast.shop))
    assert own.status_code == 200
    assert fast.refusal(mine.access) == "token_revoked"


def test_introspection_needs_a_client_and_tells_only_what_rfc_7662_says(fast):
    """H6, H7, H8, H9, H10, H11, I4, I6."""
    session = fast.login()
    form = {"token": session.access}
    nobody = fast.http.post("/introspect", data=form)
    assert (nobody.status_code, nobody.json()["error"]) == (401, "invalid_client")
    assert nobody.headers["www-authenticate"].startswith('Basic realm="martlet"')
    both = fast.http.post(
        "/introspect", data=form | {"client_id": "shop", "client_secret": fast.shop}, auth=("shop", fast.shop)
    )
    assert both.status_code == 400
    answer = fast.http.post("/introspect", data=form, auth=("shop", fast.shop))
    body = answer.json()
    assert answer.headers["content-type"] == "application/json"
    assert "no-store" in answer.headers["cache-control"]
    assert body["active"] is True
    assert body["sub"] == session.claims["sub"]
    assert body["exp"] == session.claims["exp"]
    for token in ("noise", session.access[:-1], fast.forge(session.access).token(exp=1)):
        told = fast.http.post("/introspect", data={"token": token}, auth=("shop", fast.shop))
        assert (told.status_code, told.json()) == (200, {"active": False})
    query = fast.http.post("/introspect", params={"client_id": "shop", "client_secret": fast.shop}, data=form)
    assert query.status_code in (400, 401)


def test_introspection_of_a_refresh_token_follows_its_session(fast):
    """H10, G2: a live one is active, a spent or revoked one is not."""
    session = login_of(fast, "shop")
    shop, bank = ("shop", fast.shop), ("bank", fast.bank)

    def active(token, client=shop):
        return fast.http.post("/introspect", data={"token": token}, auth=client).json()["active"]

    assert active(session.refresh) is True
    assert active(session.refresh, bank) is False
    successor = fast.http.post("/refresh", json={"refresh_token": session.refresh}, auth=shop).json()["refresh_token"]
    assert (active(session.refresh), active(successor)) == (False, True)
    assert fast.http.post("/revoke", data={"token": successor}, auth=shop).status_code == 200
    assert active(successor) is False


def test_a_valid_refresh_token_is_enough_for_a_logout(fast):
    """Clients send what they have: an access token that is no longer valid must not keep the session alive."""
    for authorization in ("Bearer undefined", "Bearer", "Basic eDp5", f"Bearer {fast.login().access}x"):
        session = fast.login()
        form = {"refresh_token": session.refresh}
        assert fast.http.post("/logout", data=form, headers={"Authorization": authorization}).status_code == 204
        assert dead(fast, session)
    session = fast.login()
    bearer = {"Authorization": f"Bearer {session.access}"}
    assert fast.http.post("/logout", json={"refresh_token": "undefined"}, headers=bearer).status_code == 204
    assert dead(fast, session)


def test_scope_is_a_set(make_server):
    """RFC 6749 section 3.3: the same scope in another order is the same request."""
    server = make_server(alg="HS256", refresh_grace="30s").start()
    session = server.login(scope="write read write")
    assert sorted(session.claims["scope"].split()) == ["read", "write"]
    first = server.refresh(session.refresh, scope="read write")
    second = server.refresh(session.refresh, scope="write read read")
    assert (second.status_code, second.headers["refresh-outcome"]) == (200, "replayed")
    assert second.json() == first.json()
    assert server.refresh(session.refresh, scope="read").json()["code"] == "refresh_mismatch"


def test_cuts_over_the_unix_socket_end_what_they_name_and_survive_a_restart(make_server):
    """G14, H12, M6: by jti, sid, sub, client_id, kid and all."""
    server = make_server(alg="HS256")
    server.shop = server.add_client("shop")
    server.start()
    bob = server.people[1]
    one, two, three = server.login(), server.login(), server.login(bob)
    of_shop = login_of(server, "shop")
    billing = server.login(bob, audience="partner")

    answer = server.cut(jti=one.claims["jti"], expires_at=one.claims["exp"])
    assert answer.status_code == 200
    first = number(answer.json()["seq"])
    assert server.refusal(one.access) == "token_revoked"
    assert number(server.cut(sid=two.sid).json()["seq"]) > first
    assert server.refusal(two.access) == "session_revoked"
    assert server.cut(client_id="shop").status_code == 200
    assert server.refusal(of_shop.access) == "client_revoked"
    assert server.cut(sub=bob.id).status_code == 200
    assert server.refusal(three.access) == server.refusal(billing.access) == "subject_revoked"
    after = server.login(bob)
    assert server.refusal(after.access) == ""

    server.restart()
    expected = ["token_revoked", "session_revoked", "client_revoked", "subject_revoked", ""]
    assert [server.refusal(s.access) for s in (one, two, of_shop, three, after)] == expected
    assert server.refresh(three.refresh).status_code == 401

    kid = server.key_of(after.access)["kid"]
    assert server.cut(kid=kid).status_code == 200
    assert server.refusal(after.access) == "key_revoked"
    server.restart()
    assert server.refusal(after.access) == "key_revoked"


def test_a_compromised_refresh_secret_ends_every_refresh_token_made_with_it(make_server):
    """M6: the key cut reaches refresh tokens too, at both endpoints that take them."""
    server = make_server(alg="HS256").start()
    session = server.login()
    assert server.cut(kid=server.key_of(session.refresh)["kid"]).status_code == 200
    answer = server.http.post("/refresh", json={"refresh_token": session.refresh})
    assert (answer.status_code, answer.json()["code"]) == (401, "key_revoked")
    answer = server.http.post("/token", data={"grant_type": "refresh_token", "refresh_token": session.refresh})
    assert (answer.status_code, answer.json()["code"]) == (400, "key_revoked")


def test_a_cut_of_everything_ends_all_sessions_of_all_users(make_server):
    """G14."""
    server = make_server(alg="HS256").start()
    sessions = [server.login(person) for person in server.people[:3]]
    assert server.cut(all=True).status_code == 200
    assert dead(server, *sessions)
    later = server.login()
    assert server.refusal(later.access) == ""
    server.restart()
    assert dead(server, *sessions)
    assert server.refusal(later.access) == ""


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"jti": "not a uuid"},
        {"sid": 7},
        {"sub": ""},
        {"all": False},
        {"all": "yes"},
        {"kid": "a", "sub": "b"},
        {"planet": "mars"},
    ],
)
def test_a_malformed_cut_is_refused(fast, members):
    """L12."""
    answer = fast.cut(**members)
    assert (answer.status_code, answer.json()["code"]) == (400, "request_malformed")


def test_cuts_are_not_taken_over_tcp(fast):
    """M5: only who may open the Unix socket may cut."""
    session = fast.login()
    answer = fast.operator.post("/admin/revocations", json={"all": True})
    assert answer.status_code in (403, 404)
    assert fast.http.post("/admin/revocations", json={"all": True}).status_code == 404
    assert fast.refusal(session.access) == ""
