"""For whom a failed login is counted, what the log says of it, and how many workers look at passwords."""

import glob
import os
from pathlib import Path

import pytest

from harness.accounts import AMY, BOB

GUESS = "a guess at it"


@pytest.fixture(scope="module")
def gate(fleet):
    """A server that counts two failures an address, and has a client."""
    server = fleet.make(alg="EdDSA", login_source_failures=2)
    server.shop = server.add_client("shop")
    server.start()
    yield server
    fleet.close(server)


def guess(server, client=True, name="amy", **members):
    body = {"username": name, "password": GUESS, **members}
    return server.http.post("/login", json=body, auth=("shop", server.shop) if client else None)


def test_the_users_of_a_backend_do_not_share_its_address(gate):
    """Only those whom the backend names by address are limited by address."""
    assert {guess(gate).status_code for _ in range(4)} == {401}
    assert [guess(gate, source="203.0.113.7").status_code for _ in range(3)] == [401, 401, 429]
    assert guess(gate, source="203.0.113.8").status_code == 401
    assert guess(gate, source="2001:db8::1").status_code == 401
    body = {"username": BOB.name, "password": BOB.password, "source": "203.0.113.9"}
    assert gate.http.post("/login", json=body, auth=("shop", gate.shop)).status_code == 200
    assert gate.http.post("/login", data=body, auth=("shop", gate.shop)).status_code == 200


@pytest.mark.parametrize("members", [{"source": "here"}, {"source": "203.0.113.7:1"}, {"source": ""}, {"source": 7}])
def test_a_source_that_is_no_address_is_refused(gate, members):
    answer = guess(gate, **members)
    assert (answer.status_code, answer.json()["code"]) == (400, "request_malformed")


@pytest.mark.parametrize("members", [{}, {"client_id": "first-party"}])
def test_nobody_but_an_authenticated_client_says_for_whom_it_asks(gate, members):
    answer = guess(gate, client=False, source="203.0.113.7", **members)
    assert (answer.status_code, answer.json()["code"]) == (400, "request_malformed")


def test_a_password_typed_as_a_name_is_in_no_log_line(gate):
    gate.remember("hunter2 and more of it")
    for client in (True, False):
        guess(gate, client=client, name="hunter2 and more of it")
    gate.try_login("hunter2 and more of it", "")
    assert "hunter2" not in gate.log
    told = [event for event in gate.events("login_refused") if "unknown_username" in event]
    assert len({event["unknown_username"] for event in told}) == 1
    assert {event["username"] for event in gate.events("login_refused") if "username" in event} >= {AMY.name}


def test_a_forwarding_field_of_a_stranger_is_warned_of_once(make_server):
    server = make_server(alg="EdDSA").start()
    for name in ("X-Forwarded-For", "Forwarded", "X-Forwarded-For"):
        server.http.post("/login", json={"username": "amy", "password": GUESS}, headers={name: "for=198.51.100.4"})
    (told,) = server.events("forwarding_field_ignored")
    assert (told["level"], told["field"], told["source"]) == ("warning", "x-forwarded-for", "127.0.0.1")
    assert "MARTLET_TRUSTED_PROXIES" in told["remedy"] and "198.51.100.4" not in server.log


def test_a_trusted_proxy_is_not_warned_of(make_server):
    server = make_server(alg="EdDSA", trusted_proxies="127.0.0.1").start()
    server.http.get("/healthz", headers={"X-Forwarded-For": "198.51.100.4"})
    server.http.get("/healthz", headers={"X-Forwarded-For": "nonsense"})
    assert server.events("forwarding_field_ignored") == []


def test_threads_and_workers_follow_the_affinity_mask(make_server):
    """Not the processors that the machine has."""
    allowed = sorted(os.sched_getaffinity(0))
    server = make_server(alg="EdDSA").start(preexec=lambda: os.sched_setaffinity(0, allowed[:1]))

    def threads() -> list[str]:
        return [Path(path).read_text().strip() for path in glob.glob(f"/proc/{server.pid}/task/*/comm")]

    # The first loop is started last.
    server.wait_for(lambda: "loop-0" in threads(), 10, "the loops")
    assert [name for name in sorted(threads()) if name.startswith(("hash-", "loop-"))] == ["hash-0", "loop-0"]
