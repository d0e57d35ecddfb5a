"""Followers of a real server: behind nginx, behind a relay, and through the death of what they follow."""

import shutil
import threading
import time
from pathlib import Path

import pytest

from harness.feed_source import age_of, follower
from harness.gateways import Gateway
from harness.server import Server
from harness.wsgi import Application

READY_SECONDS = 20
# What the product promises for the release binary on a machine that does nothing else is checked by the campaign.
PATIENCE_SECONDS = 5


def credentials_of(home: Server, name: str = "edge") -> Path:
    """The file of a client that may read the feed; call it before the start."""
    secret = home.add_client(name, "--scope", "revocations:read")
    path = home.directory / f"{name}.credentials"
    path.write_text(f"{name}:{secret}\n")
    return path


def is_ready(server: Server) -> None:
    server.wait_for(lambda: server.operator.get("/readyz").status_code == 200, READY_SECONDS, "ready")


@pytest.fixture
def home(make_server):
    server = make_server(access_ttl="1h", login_account_failures=0)
    server.credentials = credentials_of(server)
    return server.start()


@pytest.fixture
def follow(make_server, home):
    def make(*urls: str, **settings) -> Server:
        server = follower(
            make_server,
            *(urls or (home.url,)),
            issuer=home.settings["issuer"],
            **({"follow_credentials": home.credentials, "browser": "off"} | settings),
        )
        is_ready(server)
        return server

    return make


def seconds_until_rejected(server: Server, token: str, code: str = "") -> float:
    """How long a token that was just revoked is still accepted."""
    began = time.monotonic()
    while (found := server.refusal(token)) == "":
        assert time.monotonic() - began < PATIENCE_SECONDS, "the token is still accepted"
    assert not code or found == code
    return time.monotonic() - began


def test_a_revocation_of_each_kind_arrives(home, follow):
    edge = follow()
    sessions = [home.login() for _ in range(4)]
    assert all(edge.refusal(session.access) == "" for session in sessions)
    assert home.revoke(sessions[0].access).status_code == 200
    seconds_until_rejected(edge, sessions[0].access, "token_revoked")
    home.http.post("/logout", headers={"authorization": f"Bearer {sessions[1].access}"})
    seconds_until_rejected(edge, sessions[1].access, "session_revoked")
    assert home.cut(sub=sessions[2].claims["sub"]).status_code == 200
    seconds_until_rejected(edge, sessions[2].access, "subject_revoked")
    newest = home.login()
    assert edge.refusal(newest.access) == ""
    # The session that asks survives.
    other = home.login()
    home.http.post("/logout", json={"scope": "others"}, headers={"authorization": f"Bearer {newest.access}"})
    seconds_until_rejected(edge, other.access)
    assert edge.refusal(newest.access) == "" == home.refusal(newest.access)
    assert home.cut(all=True).status_code == 200
    seconds_until_rejected(edge, newest.access, "subject_revoked")


@pytest.mark.parametrize("change", ["disable", "remove"])
def test_a_disabled_user_is_rejected_by_a_follower_that_knows_no_users(home, follow, change):
    edge = follow()
    session = home.login()
    assert edge.refusal(session.access) == ""
    done = home.cli("user", change, "amy")
    assert done.returncode == 0, done.stderr
    home.wait_for(lambda: home.refusal(session.access), what="the source rejects")
    seconds_until_rejected(edge, session.access, "subject_revoked")


def test_accounts_that_were_changed_while_no_server_ran_can_be_ended_for_followers(home, follow):
    """The start finds who was disabled. It cannot find who was removed; docs/scaling.md has this remedy."""
    edge = follow()
    disabled, removed = home.login(home.people[0]), home.login(home.people[1])
    home.stop()
    for change, person in (("disable", home.people[0]), ("remove", home.people[1])):
        done = home.cli("user", change, person.name)
        assert done.returncode == 0, done.stderr
    home.run_once()
    edge.wait_for(lambda: edge.refusal(disabled.access) == "subject_revoked", 20, "the user who was disabled")
    assert home.refusal(removed.access)
    socket = str(home.directory / "operator.sock")
    done = home.cli("revoke", "--sub", removed.claims["sub"], "--ahead", "--socket", socket)
    assert done.returncode == 0, done.stderr
    edge.wait_for(lambda: edge.refusal(removed.access) == "subject_revoked", 20, "the user who was removed")


@pytest.mark.parametrize("change", ["disable", "remove"])
def test_a_disabled_client_is_rejected_by_a_follower_that_knows_no_clients(home, follow, change):
    edge = follow()
    home.secret = home.add_client("robot", "--grant", "client_credentials", "--scope", "read")
    ask = lambda: home.http.post("/token", data={"grant_type": "client_credentials"}, auth=("robot", home.secret))
    home.wait_for(lambda: ask().status_code == 200, what="the client")
    own = {"client_id": "robot", "client_secret": home.secret, "scope": "read"}
    tokens = [ask().json()["access_token"], home.login(**own).access]
    other = home.login()
    assert all(edge.refusal(token) == "" for token in tokens)
    done = home.cli("client", change, "robot")
    assert done.returncode == 0, done.stderr
    for token in tokens:
        seconds_until_rejected(edge, token, "client_revoked")
        assert home.refusal(token) == "client_revoked"
    assert edge.refusal(other.access) == ""


def test_the_age_of_a_follower_counts_from_the_end_of_the_wait(home, follow):
    edge = follow()
    session, ages = home.login(), []
    while len(ages) < 40:
        ages.append(age_of(edge.verify(session.access)))
        time.sleep(0.05)
    # From when a request is sent that waits for a second, it would be one at least.
    assert min(ages) < 0.9


def test_nginx_asks_a_follower(home, follow, tmp_path):
    edge = follow(trusted_proxies="127.0.0.1", forwarded_field="x-forwarded-for", browser="on")
    application = Application()
    gateway = Gateway("nginx", tmp_path / "nginx", edge.port, application.port)
    try:
        with gateway.client() as client:
            for _ in range(5):
                session = home.login()
                good = ("Authorization", f"Bearer {session.access}")
                assert client.ask([good]).status == 200
                assert home.revoke(session.access).status_code == 200
                began = time.monotonic()
                while client.ask([good]).status != 401:
                    assert time.monotonic() - began < PATIENCE_SECONDS
    finally:
        gateway.close()
        application.close()


def test_a_relay_passes_on_what_it_follows_and_ages_add_up(home, follow):
    relay = follow(feed="public")
    leaf = follow(relay.url, follow_credentials="")
    session, gone = home.login(), home.login()
    assert leaf.refusal(session.access) == ""
    home.revoke(gone.access)
    seconds_until_rejected(leaf, gone.access, "token_revoked")
    home.kill()
    time.sleep(5)
    from_relay, from_leaf = relay.verify(session.access), leaf.verify(session.access)
    assert age_of(from_relay) >= 5 and age_of(from_leaf) >= 5
    # A second relay process on the same copy serves the same position.
    relay.restart()
    leaf.wait_for(lambda: leaf.metric('martlet_follow_condition{condition="following"}') == 1, 10, "followed again")
    assert age_of(leaf.verify(session.access)) >= 5
    assert leaf.refusal(gone.access) == "token_revoked"
    home.run_once()
    # Each follower adds one to two seconds while nothing is revoked.
    leaf.wait_for(lambda: age_of(leaf.verify(session.access)) < 4.5, 15, "fresh again")
    again = home.login()
    home.revoke(again.access)
    seconds_until_rejected(leaf, again.access, "token_revoked")
    assert leaf.metric("martlet_follow_resets_total") == 0


@pytest.mark.parametrize("rounds", [3])
def test_no_revocation_is_missed_when_the_source_is_killed(home, follow, rounds):
    edge = follow(staleness_max="1h")
    gone = []
    for _ in range(rounds):
        sessions = [home.login() for _ in range(6)]
        stop = threading.Event()

        def revoke(sessions=sessions, stop=stop):
            for session in sessions:
                try:
                    if home.http.post("/revoke", data={"token": session.access}).status_code == 200:
                        gone.append(session)
                except OSError:
                    pass
                except Exception:  # noqa: BLE001 - the server dies while this is sent
                    pass
                if stop.is_set():
                    return

        worker = threading.Thread(target=revoke)
        worker.start()
        time.sleep(0.02)
        home.kill()
        stop.set()
        worker.join()
        assert all(edge.refusal(session.access) in ("", "token_revoked") for session in sessions)
        home.run_once()
        alive = home.login()
        home.revoke(alive.access)
        gone.append(alive)
        seconds_until_rejected(edge, alive.access)
        for session in gone:
            assert edge.refusal(session.access) == "token_revoked"
    assert gone and edge.metric("martlet_follow_resets_total") == 0


def test_a_source_that_was_rolled_back_takes_nothing_back(home, follow, tmp_path):
    edge = follow()
    before, gone = home.login(), home.login()
    home.revoke(before.access)
    seconds_until_rejected(edge, before.access)
    home.stop()
    kept = tmp_path / "copy"
    shutil.copytree(home.state_path, kept)
    home.run_once()
    home.revoke(gone.access)
    seconds_until_rejected(edge, gone.access)
    home.kill()
    shutil.rmtree(home.state_path)
    shutil.copytree(kept, home.state_path)
    assert home.cli("journal", "accept", "--keep-sessions").returncode == 0
    home.run_once()
    edge.wait_for(lambda: edge.metric("martlet_follow_resets_total") >= 1, 15, "a reset")
    assert edge.refusal(gone.access) == "token_revoked", "the source forgot it, the follower did not"
    edge.restart()
    is_ready(edge)
    assert edge.refusal(gone.access) == "token_revoked" and edge.refusal(before.access) == "token_revoked"
    newest = home.login()
    assert edge.refusal(newest.access) == ""
    home.revoke(newest.access)
    seconds_until_rejected(edge, newest.access)


def test_another_issuer_at_the_same_address_is_not_followed(home, follow, make_server):
    edge = follow()
    session, gone = home.login(), home.login()
    home.revoke(gone.access)
    seconds_until_rejected(edge, gone.access)
    home.kill()
    other = make_server(listen=home.settings["listen"], issuer="https://other.example.com", feed="public")
    other.start()
    edge.wait_for(lambda: edge.events("feed_damaged"), 15, "feed_damaged")
    said = edge.events("feed_damaged")[-1]["reason"]
    assert "https://other.example.com" in said and "MARTLET_ISSUER" in said
    assert edge.operator.get("/readyz").json()["reasons"][-1:] == ["feed_damaged"]
    assert edge.refusal(gone.access) == "token_revoked" and edge.refusal(session.access) == ""
    other.stop()


def test_a_client_without_the_scope_is_told_apart(home, make_server):
    path = home.directory / "other"
    done = home.cli("client", "add", "nosey")
    secret = next(line.strip() for line in done.stdout.splitlines() if len(line.strip()) >= 40 and " " not in line.strip())
    home.remember(secret)
    path.write_text(f"nosey:{secret}\n")
    home.wait_for(lambda: any(event["what"] == "clients" for event in home.events("reloaded")), what="reloaded")
    edge = follower(make_server, home.url, issuer=home.settings["issuer"], follow_credentials=path)
    edge.wait_for(lambda: edge.events("feed_away"), 10, "feed_away")
    assert "revocations:read" in edge.events("feed_away")[0]["reason"]
