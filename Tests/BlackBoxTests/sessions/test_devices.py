"""A device that has logged in before is known by its token, which proves no password and is stored nowhere."""

import json

import pytest

from harness.accounts import AMY, BOB, write_users
from harness.server import Session
from harness.tokens import claims_of, header_of

GUESS = "a guess at it"
DAYS = 86_400


@pytest.fixture
def make_door(make_server):
    """A server with a few failures an account and an address, whose requests name their address."""

    def make(**settings):
        limits = {"login_account_failures": 3, "login_source_failures": 6, "trusted_proxies": "127.0.0.1"}
        server = make_server(alg="EdDSA", **(limits | settings))
        server.shop = server.add_client("shop", "--grant", "client_credentials")
        return server.start()

    return make


def log_in(server, name=AMY.name, password=AMY.password, source="203.0.113.1", form=False, **members):
    body = {"username": name, "password": password, **members}
    fields = {"X-Forwarded-For": source}
    return server.http.post("/login", headers=fields, **({"data": body} if form else {"json": body}))


def device_token(server, person=AMY, source="203.0.113.1", **members) -> str:
    answer = log_in(server, person.name, person.password, source, device="a phone", **members)
    assert answer.status_code == 200, answer.text
    return answer.json()["device_token"]


def is_known(server, token, person=AMY, source="203.0.113.99") -> bool:
    """Whether the device gets in while account and address have used up their failures."""
    for _ in range(9):
        log_in(server, person.name, GUESS, source)
    assert log_in(server, person.name, person.password, source).status_code == 429
    status = log_in(server, person.name, person.password, source, device_token=token).status_code
    assert status in (200, 429)
    return status == 200


@pytest.mark.parametrize("form", [False, True])
def test_a_login_that_names_its_device_gets_a_token_for_it(make_door, form):
    server = make_door()
    assert "device_token" not in log_in(server, form=form).json()
    answer = log_in(server, form=form, device="a phone").json()
    header, claims = header_of(answer["device_token"]), claims_of(answer["device_token"])
    assert (header["typ"], header["alg"]) == ("dt+jwt", "HS256")
    assert claims["sub"] == AMY.id and claims["exp"] - claims["iat"] == 180 * DAYS
    again = log_in(server, form=form, device="a phone", device_token=answer["device_token"]).json()
    assert claims_of(again["device_token"])["jti"] != claims["jti"], "each has its own failures"
    assert "device_token" not in server.refresh(answer["refresh_token"]).json()
    bare = log_in(server, form=form, device_token=answer["device_token"])
    assert bare.status_code == 200 and "device_token" not in bare.json()


def test_a_known_device_gets_in_from_any_address_also_after_a_restart(make_door):
    server = make_door()
    token = device_token(server)
    assert is_known(server, token)
    server.restart()
    assert is_known(server, token)


def test_a_stolen_token_guesses_for_its_own_device_only(make_door):
    server = make_door()
    stolen, other = device_token(server), device_token(server)
    statuses = [log_in(server, AMY.name, GUESS, device_token=stolen).status_code for _ in range(9)]
    assert statuses == [401] * 3 + [429] * 6
    assert log_in(server, device_token=stolen).status_code == 429
    assert log_in(server, device_token=other, source="203.0.113.7").status_code == 200
    # Neither the account nor the address has paid for it.
    assert log_in(server, source="203.0.113.8").status_code == 200
    assert log_in(server, BOB.name, BOB.password).status_code == 200


def test_what_is_no_device_token_of_the_user_is_ignored(make_door):
    server = make_door(login_account_failures=0, login_source_failures=0)
    session = Session(log_in(server, device="a phone").json())
    good = session.body["device_token"]
    header, payload, mac = good.split(".")
    others = [
        "", "x", "a.b.c", good[:-1], good + "A", f"{header}.{payload}.", f"{header}.{payload}.{mac[::-1]}", good * 20,
        "é" * 500, session.access, session.refresh, device_token(server, BOB),
    ]  # fmt: skip
    for other in others:
        assert log_in(server, device_token=other).status_code == 200, other
        assert log_in(server, form=True, device_token=other).status_code == 200, other
        wrong = log_in(server, AMY.name, GUESS, device_token=other)
        assert (wrong.status_code, wrong.json()["code"]) == (401, "invalid_credentials")
    assert log_in(server, device_token=7).json()["code"] == "request_malformed"


def test_only_the_users_own_token_makes_the_device_known(make_door):
    server = make_door()
    good, ofBob = device_token(server), device_token(server, BOB)
    head, payload, mac = good.split(".")
    forged = f"{head}.{payload}.{'A' if mac[0] != 'A' else 'B'}{mac[1:]}"
    for token in (forged, ofBob, Session(log_in(server, source="203.0.113.20").json()).refresh):
        assert not is_known(server, token)
    assert is_known(server, good)


@pytest.mark.parametrize("end", ["subject", "everything", "logout", "password", "disabled", "key"])
def test_what_ends_the_sessions_of_the_user_ends_the_device_token(make_door, end):
    server = make_door()
    answer = log_in(server, device="a phone").json()
    token = answer["device_token"]
    if end == "subject":
        assert server.cut(sub=AMY.id).status_code == 200
    elif end == "everything":
        assert server.cut(all=True).status_code == 200
    elif end == "logout":
        bearer = {"Authorization": f"Bearer {answer['access_token']}"}
        assert server.http.post("/logout", json={"scope": "global"}, headers=bearer).status_code == 204
    elif end == "password":
        done = server.cli("user", "passwd", AMY.name, "--password-stdin", stdin=AMY.password)
        assert done.returncode == 0, done.stderr
        server.wait_for(lambda: server.events("reloaded"), what="the new password")
    elif end == "disabled":
        # Not by trying to log in: failures would soon close the account.
        for count, change in enumerate(("disable", "enable"), start=1):
            assert server.cli("user", change, AMY.name).returncode == 0
            server.wait_for(lambda: len(server.events("reloaded")) >= count, what=f"{change} to be applied")
    else:
        assert server.cut(kid=header_of(token)["kid"]).status_code == 200
        assert log_in(server, device_token=token).json()["code"] == "signing_unavailable"
        return
    assert not is_known(server, token)
    server.restart()
    assert not is_known(server, token), "also after kill -9"


def test_the_end_of_its_session_does_not_end_it(make_door):
    server = make_door()
    answer = log_in(server, device="a phone").json()
    bearer = {"Authorization": f"Bearer {answer['access_token']}"}
    assert server.http.post("/logout", json={}, headers=bearer).status_code == 204
    assert is_known(server, answer["device_token"])


def test_a_device_token_opens_nothing(make_door):
    server = make_door()
    token = device_token(server)
    bearer = {"Authorization": f"Bearer {token}"}
    assert server.refusal(token) == "typ_mismatch"
    assert server.http.get("/verify", headers=bearer).json()["code"] == "typ_mismatch"
    assert server.http.get("/auth", headers=bearer).status_code == 401
    assert server.http.post("/logout", json={}, headers=bearer).json()["code"] == "typ_mismatch"
    assert server.refresh(token).json()["code"] == "refresh_invalid"
    form = {"grant_type": "refresh_token", "refresh_token": token}
    assert server.http.post("/token", data=form).json()["error"] == "invalid_grant"
    shop = ("shop", server.shop)
    assert server.http.post("/introspect", data={"token": token}, auth=shop).json() == {"active": False}
    assert "Revocation-Seq" not in server.http.post("/revoke", data={"token": token}, auth=shop).headers
    assert is_known(server, token), "/revoke does not know it"


def test_a_backend_sends_the_devices_of_its_users(make_door):
    """A client that names no addresses has one bucket for each account: a device has its own."""
    server = make_door()
    shop = ("shop", server.shop)

    def ask(password, **members):
        body = {"username": AMY.name, "password": password, **members}
        return server.http.post("/login", json=body, auth=shop)

    token = ask(AMY.password, device="Ana's phone").json()["device_token"]
    assert [ask(GUESS).status_code for _ in range(5)] == [401] * 3 + [429] * 2
    assert ask(AMY.password).status_code == 429
    assert ask(AMY.password, device_token=token).status_code == 200


def test_a_removed_user_of_the_same_name_is_another_user(make_door):
    server = make_door()
    token = device_token(server)
    users = json.loads(server.users_path.read_text())["users"]
    next(user for user in users if user["username"] == AMY.name)["id"] = "0198f000-0000-7000-8000-000000000001"
    server.users_path.write_text(json.dumps({"users": users}))
    server.wait_for(lambda: server.events("reloaded"), what="the users")
    assert not is_known(server, token)
    write_users(server.users_path, server.people)
