"""No token is spent, and no start is granted, for what no key signs."""

import json
import time

from harness.accounts import AMY
from harness.browser import ACCESS, NAVIGATION, Browser


def end_signing(server, at: int) -> None:
    """Has the keys of the default algorithm sign until `at`, as an editor would."""
    for path in server.keys_path.glob("access-eddsa-*.jwk"):
        key = json.loads(path.read_text())
        path.write_text(json.dumps(key | {"signs_until": at, "verifies_until": at + 600}))


def expect_unsigned(answer, seconds: range = range(1, 61)) -> None:
    assert (answer.status_code, answer.json()["code"]) == (503, "signing_unavailable")
    assert answer.json()["error"] == "temporarily_unavailable"
    assert int(answer.headers["retry-after"]) in seconds


def test_a_refresh_that_cannot_be_signed_is_not_spent(make_server):
    """The last key of the algorithm signs until a moment, and then nothing does, until a command makes a new one."""
    server = make_server(alg="EdDSA", refresh_grace="0s", browser="on").start()
    session = server.login()
    page = Browser(server.http)
    page.sign_in(AMY.name, AMY.password)
    page.jar.cookies.pop(ACCESS)
    end = int(time.time()) + 2
    end_signing(server, end)
    server.wait_for(lambda: time.time() > end and server.operator.get("/readyz").status_code == 503, 20, "unreadiness")
    assert "signing_unavailable" in server.operator.get("/readyz").json()["reasons"]
    for _ in range(2):
        expect_unsigned(server.refresh(session.refresh))
        expect_unsigned(
            server.http.post("/token", data={"grant_type": "refresh_token", "refresh_token": session.refresh})
        )
        expect_unsigned(server.try_login(AMY.name, AMY.password))
        visit = page.ask("GET", "/refresh", headers=NAVIGATION)
        assert visit.status_code == 503 and visit.headers["content-type"].startswith("text/html")
        assert int(visit.headers["retry-after"]) in range(1, 61)
    assert server.refusal(session.access) == ""
    done = server.cli("keys", "rotate", "--alg", "EdDSA", "--lead", "0s")
    assert done.returncode == 0, done.stderr
    server.wait_for(lambda: server.operator.get("/readyz").status_code == 200, 20, "readiness")
    # Without grace, a token that had been spent would end its session here.
    answer = server.refresh(session.refresh)
    assert (answer.status_code, answer.headers["refresh-outcome"]) == (200, "rotated")
    visit = page.ask("GET", "/refresh", headers=NAVIGATION)
    assert (visit.status_code, visit.headers["refresh-outcome"]) == (303, "rotated")


def test_a_key_file_that_is_gone_leaves_the_keys_as_they_were(make_server):
    server = make_server(alg="EdDSA").start()
    session = server.login()
    (path,) = server.keys_path.glob("access-eddsa-*.jwk")
    path.rename(server.directory / "away")
    (failed,) = server.wait_for(lambda: server.events("reload_failed"), 10, "the failed reload")
    assert "no key signs EdDSA now. Run: martlet keys rotate --alg EdDSA --lead 0s" in failed["reason"]
    assert server.refresh(session.refresh).status_code == 200
    server.stop()
    refused = server.fail_to_start()
    assert refused.code == 2
    assert "no key signs EdDSA now. Run: martlet keys rotate --alg EdDSA --lead 0s" in refused.text
    (server.directory / "away").rename(path)
    server.run_once()


def test_an_algorithm_of_a_client_or_an_audience_needs_its_key(make_server):
    server = make_server(alg="EdDSA").start()
    server.add_client("web", "--alg", "EdDSA")
    server.wait_for(lambda: [e for e in server.events("reloaded") if e["what"] == "clients"], 10, "the reload")
    table = json.loads(server.clients_path.read_text())
    table["clients"][0]["alg"] = "ES384"
    server.clients_path.write_text(json.dumps(table))
    (failed,) = server.wait_for(lambda: server.events("reload_failed"), 10, "the failed reload")
    assert failed["what"] == "clients" and "no key signs ES384 now" in failed["reason"]
    server.stop()
    refused = server.fail_to_start()
    assert refused.code == 2 and "no key signs ES384 now" in refused.text
    assert server.cli("keys", "rotate", "--alg", "ES384", "--lead", "0s").returncode == 0
    time.sleep(1.1)
    server.run_once()
