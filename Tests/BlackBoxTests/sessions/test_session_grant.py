"""The session grant: a client opens sessions for users whom it has authenticated itself."""

import json
import time

import pytest

from harness.accounts import AMY, PEOPLE
from harness.server import Session

GRANT = "urn:martlet:grant-type:session"


@pytest.fixture(scope="module")
def server(fleet):
    server = fleet.make(alg="HS256", hs256_audiences="")
    server.secret_of = {
        name: server.add_client(name, "--grant", GRANT, *options)
        for name, options in {
            "sso": (),
            "portal": ("--users", "any", "--scope", "read"),
            "second": ("--users", "any", "--scope", "read"),
        }.items()
    }
    server.secret_of["shop"] = server.add_client("shop")
    server.start()
    yield server
    fleet.close(server)


def ask(server, client: str, **members):
    form = {"grant_type": GRANT} | members
    return server.http.post("/token", data=form, auth=(client, server.secret_of[client]))


def opened(server, client: str, **members) -> Session:
    answer = ask(server, client, **members)
    assert answer.status_code == 200, answer.text
    return Session(answer.json())


def answered(answer) -> tuple[int, str, str]:
    return answer.status_code, answer.json()["code"], answer.json()["error"]


def rotated(server, session: Session, client: str, path="/refresh"):
    form = {"grant_type": "refresh_token", "refresh_token": session.refresh}
    return server.http.post(path, data=form, auth=(client, server.secret_of[client]))


@pytest.mark.parametrize("who", [{"username": "amy"}, {"sub": AMY.id}])
def test_a_session_of_a_user_is_as_after_a_login(server, who):
    at = int(time.time()) - 100
    session = opened(server, "sso", **who, amr="hwk pin", auth_time=at, device="Amy's phone", scope="read")
    assert session.body.keys() == server.login(device="Amy's phone").body.keys()
    claims = server.verify(session.access, max_age=1000).json()["claims"]
    assert (claims["sub"], claims["client_id"], claims["sid"]) == (AMY.id, "sso", session.sid)
    assert (claims["amr"], claims["auth_time"], claims["scope"]) == (["hwk", "pin"], at, "read")
    assert claims["roles"] == list(AMY.roles) and claims["department"] == "harbour"
    assert server.refusal(session.access, max_age=50) == "auth_too_old"
    next_one = Session(rotated(server, session, "sso").json())
    assert next_one.claims["auth_time"] == at and next_one.sid == session.sid
    auth = server.http.get("/auth", headers={"Authorization": f"Bearer {next_one.access}"})
    assert auth.headers["x-auth-user"] == "amy" and auth.headers["x-auth-client"] == "sso"
    assert server.revoke(next_one.access, client_id="sso", client_secret=server.secret_of["sso"]).status_code == 200
    assert server.refusal(next_one.access) == "token_revoked"


def test_what_is_wrong_with_a_request_has_its_code(server):
    for members in ({"username": "nobody"}, {"username": "dan"}, {"sub": PEOPLE[3].id}, {"sub": "42"}):
        assert answered(ask(server, "sso", **members)) == (400, "user_invalid", "invalid_grant")
    for members in (
        {},
        {"username": "amy", "sub": AMY.id},
        {"username": "amy", "amr": "a  b"},
        {"username": "amy", "amr": "a a"},
        {"username": "amy", "auth_time": int(time.time()) + 3600},
        {"username": "amy", "auth_time": 1},
        {"username": "amy", "auth_time": "soon"},
        {"username": "amy", "device": "x" * 41},
        {"username": "amy", "refresh_token": "x"},
    ):
        assert answered(ask(server, "sso", **members)) == (400, "request_malformed", "invalid_request"), members
    assert answered(ask(server, "sso", username="amy", scope="fly")) == (400, "scope_invalid", "invalid_scope")
    assert answered(ask(server, "sso", username="amy", audience="x")) == (400, "audience_invalid", "invalid_target")
    assert answered(ask(server, "shop", username="amy")) == (400, "grant_not_allowed", "unauthorized_client")
    form = {"grant_type": GRANT, "username": "amy"}
    bearer = {"Authorization": f"Bearer {server.login().access}"}
    assert answered(server.http.post("/token", data=form, headers=bearer)) == (401, "client_invalid", "invalid_client")
    assert server.http.post("/token", json=form, auth=("sso", server.secret_of["sso"])).status_code == 415
    metadata = server.http.get("/.well-known/oauth-authorization-server").json()
    assert GRANT in metadata["grant_types_supported"]


def test_users_of_a_client_are_its_own(server):
    one, other = opened(server, "portal", sub="42"), opened(server, "second", sub="42")
    assert one.claims["sub"] == "external:portal:42" and other.claims["sub"] == "external:second:42"
    assert one.claims["scope"] == "read" and "roles" not in one.claims
    auth = server.http.get("/auth", headers={"Authorization": f"Bearer {one.access}"})
    assert (auth.headers["x-auth-subject"], auth.headers["x-auth-user"]) == ("external:portal:42", "")
    told = server.http.post("/introspect", data={"token": one.refresh}, auth=("portal", server.secret_of["portal"]))
    assert told.json()["sub"] == "external:portal:42" and "username" not in told.json()
    assert answered(ask(server, "portal", sub=AMY.id)) == (400, "user_invalid", "invalid_grant")
    # Each cut ends the sessions of one of them.
    assert server.cut(sub="external:portal:42").status_code == 200
    assert server.refusal(one.access) == "subject_revoked" and server.refusal(other.access) == ""
    assert rotated(server, one, "portal").json()["code"] == "subject_revoked"
    assert server.cut(sub="external:nobody:42").status_code == 400
    here, there = opened(server, "portal", sub="42"), opened(server, "portal", sub="42")
    bearer = {"Authorization": f"Bearer {here.access}"}
    assert server.http.post("/logout", json={"scope": "others"}, headers=bearer).status_code == 204
    assert server.refusal(there.access) == "subject_revoked" and server.refusal(here.access) == ""
    change = {"current_password": "x", "new_password": "y"}
    assert server.http.post("/password", json=change, headers=bearer).json()["code"] == "request_malformed"
    server.restart()
    assert server.refusal(here.access) == "" and server.refusal(there.access) == "subject_revoked"
    assert rotated(server, here, "portal", "/token").status_code == 200
    assert server.cut(client_id="second").status_code == 200
    assert server.refusal(other.access) == "client_revoked"


@pytest.mark.parametrize("loss", ["disable", "remove", "users", "grants"])
def test_sessions_of_its_own_users_end_with_the_permission(make_server, loss):
    server = make_server(alg="HS256")
    server.secret_of = {"portal": server.add_client("portal", "--grant", GRANT, "--users", "any")}
    server.start()
    session = opened(server, "portal", sub="42")
    assert server.refusal(session.access) == ""
    if loss in ("disable", "remove"):
        assert server.cli("client", loss, "portal").returncode == 0
    else:
        table = json.loads(server.clients_path.read_text())
        del table["clients"][0][loss]
        server.clients_path.write_text(json.dumps(table))
    server.wait_for(lambda: server.refusal(session.access) == "client_revoked", 10, "the end of the session")
    code = "client_invalid" if loss in ("disable", "remove") else "client_revoked"
    for path, status in (("/refresh", 401), ("/token", 401 if code == "client_invalid" else 400)):
        answer = rotated(server, session, "portal", path)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    answer = server.http.post("/logout", data={"refresh_token": session.refresh})
    assert (answer.status_code, answer.json()["code"]) == (401, "client_revoked")
