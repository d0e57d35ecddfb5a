"""Guesses at the secrets of clients are slowed for the source that guesses, wherever a client authenticates (H16)."""

import itertools

import pytest

from harness.accounts import AMY

ENDPOINTS = {
    "/token": {"grant_type": "client_credentials"},
    "/introspect": {"token": "a"},
    "/revoke": {"token": "a"},
    "/refresh": {"refresh_token": "a"},
    "/login": {"username": AMY.name, "password": AMY.password},
}
OLD = "W" * 43
numbers = itertools.count()


def wrong() -> str:
    """A guess that was not made before."""
    return f"{next(numbers):043}"


@pytest.fixture
def gate(make_server):
    server = make_server(
        alg="EdDSA", login_account_failures=10, login_source_failures=100, trusted_proxies="127.0.0.1")  # fmt: skip
    server.secrets_of = {name: server.add_client(name, "--grant", "client_credentials") for name in ("shop", "bank")}
    return server.start()


def ask(server, path="/introspect", secret=None, client="shop", source="203.0.113.1", in_content=False):
    secret = secret or server.secrets_of[client]
    credentials = {"client_id": client, "client_secret": secret} if in_content else {}
    return server.http.post(
        path, data=ENDPOINTS[path] | credentials, auth=None if in_content else (client, secret),
        headers={"X-Forwarded-For": source})  # fmt: skip


@pytest.mark.parametrize(("path", "in_content"), [*((path, False) for path in ENDPOINTS), ("/token", True)])
def test_forty_wrong_secrets_in_a_row_are_slowed(gate, path, in_content):
    answers = [ask(gate, path, wrong(), in_content=in_content) for _ in range(40)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 30
    last = answers[-1]
    assert last.json()["code"] == "too_many_attempts" and 1 <= int(last.headers["retry-after"]) <= 30
    assert last.json()["error"] == "temporarily_unavailable" and last.headers["cache-control"] == "no-store"
    # The right secret gets the same answer: a guesser does not learn it.
    right = ask(gate, path, in_content=in_content)
    assert right.status_code == 429
    assert {name: value for name, value in right.json().items() if name != "request_id"} == {
        name: value for name, value in last.json().items() if name != "request_id"}  # fmt: skip
    elsewhere = ask(gate, path, source="203.0.113.2")
    assert elsewhere.status_code in (200, 401) and "client_invalid" not in elsewhere.text
    assert gate.metric('martlet_client_failures_total{result="throttled"}') == 31
    assert gate.metric('martlet_client_failures_total{result="refused"}') == 10


def test_a_right_secret_from_a_known_source_is_never_slowed(gate):
    """A fleet behind one address, of which one machine has an old secret and another guesses."""
    assert ask(gate).status_code == 200
    for _ in range(120):
        ask(gate, secret=wrong())
        ask(gate, secret=wrong(), client="bank")
    assert ask(gate, secret=wrong()).status_code == 429
    assert ask(gate, "/token").status_code == 200 and ask(gate).status_code == 200
    assert ask(gate, client="bank").status_code == 429, "bank has never authenticated from here"


def test_one_machine_with_an_old_secret_does_not_stop_others_at_its_address(gate):
    for _ in range(200):
        ask(gate, secret=wrong())
    assert ask(gate, client="bank").status_code == 200


@pytest.mark.parametrize(("path", "in_content"), [*((path, False) for path in ENDPOINTS), ("/token", True)])
def test_a_machine_that_sends_its_old_secret_for_ever_locks_out_no_other_at_its_address(gate, path, in_content):
    """Guessing needs different secrets. The machine gets 401 and never 429, and others at its address are new there."""
    answers = [ask(gate, path, OLD, in_content=in_content) for _ in range(150)]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(401, "client_invalid")}
    neighbor = ask(gate, path, in_content=in_content)
    assert neighbor.status_code in (200, 401) and "client_invalid" not in neighbor.text
    body = {"username": AMY.name, "password": AMY.password}
    assert gate.http.post("/login", json=body, headers={"X-Forwarded-For": "203.0.113.1"}).status_code == 200


def test_guesses_for_ever_new_clients_are_slowed_by_source(gate):
    statuses = [ask(gate, secret=OLD, client=f"client-{n}").status_code for n in range(130)]
    assert statuses.count(401) >= 100 and statuses[-1] == 429
    assert gate.try_login(AMY.name, AMY.password).status_code == 200
    body = {"username": "ghost", "password": "a guess at it"}
    login = gate.http.post("/login", json=body, headers={"X-Forwarded-For": "203.0.113.1"})
    assert login.status_code == 429, "passwords and secrets are guessed from one bucket"


def test_no_secret_reaches_the_log(gate):
    for _ in range(12):
        guess = wrong()
        gate.remember(guess)
        ask(gate, secret=guess)
    refused = gate.events("request_refused")
    assert {event["code"] for event in refused} == {"client_invalid", "too_many_attempts"}
