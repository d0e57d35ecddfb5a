"""A server that follows the feed of another one, and a source that does everything wrong."""

import json
import subprocess
import threading
import time
import uuid

import pytest

from harness.feed_source import RECORDS, FeedSource, age_of, follower, in_a_month, record
from harness.server import free_port

READY_SECONDS = 20


@pytest.fixture(scope="module")
def home(fleet):
    """The server whose tokens the followers verify."""
    server = fleet.make().start()
    yield server
    fleet.close(server)


@pytest.fixture
def source(home):
    source = FeedSource(home)
    yield source
    source.close()


@pytest.fixture
def follow(make_server, home):
    """Makes a follower of these sources and waits until it knows everything."""

    def make(*sources, ready: bool = True, **settings):
        server = follower(make_server, *(source.url for source in sources), issuer=home.settings["issuer"], **settings)
        if ready:
            is_ready(server)
        return server

    return make


def is_ready(server) -> None:
    server.wait_for(lambda: server.operator.get("/readyz").status_code == 200, READY_SECONDS, "ready")


def rejects(server, session, code: str = "session_revoked", seconds: float = 5) -> None:
    server.wait_for(lambda: server.refusal(session.access) == code, seconds, code)


def condition(server, name: str) -> int:
    return server.metric(f'martlet_follow_condition{{condition="{name}"}}')


def test_a_follower_verifies_and_knows_what_was_revoked(home, source, follow):
    edge = follow(source)
    first, second = home.login(), home.login()
    answer = edge.verify(first.access)
    assert answer.status_code == 200 and answer.json()["claims"] == first.claims
    assert age_of(answer) < 3 and answer.json()["seq"] == f"1:{source.head}"
    seq = source.revoke_session(first.sid)
    rejects(edge, first)
    assert age_of(edge.verify(first.access)) < 3
    assert edge.verify(second.access, min_seq=seq).status_code == 200
    assert edge.verify(second.access, min_seq=seq + 1).json()["code"] == "sequence_not_reached"
    bearer = {"authorization": f"Bearer {second.access}"}
    passed = edge.http.get("/auth", headers=bearer)
    assert passed.status_code == 200 and passed.headers["x-auth-subject"] == second.claims["sub"]
    assert age_of(passed) < 3
    batch = edge.http.post("/verify/batch", json={"tokens": [first.access, second.access]})
    assert [result["active"] for result in batch.json()["results"]] == [False, True] and age_of(batch) < 3
    assert "revocation-age" not in edge.http.get("/healthz").headers
    assert "revocation-age" not in home.verify(second.access).headers


def test_a_source_may_hold_a_request_only_while_the_follower_is_current(source, follow):
    """Otherwise each start and each return of the source would take a second longer."""
    edge = follow(source)
    waits = lambda: [path[-1] for path in source.asked if path.startswith("/revocations?")]  # noqa: E731
    edge.wait_for(lambda: len(waits()) >= 2, 20, "two requests")
    assert waits()[:2] == ["0", "1"]


def test_a_request_waits_for_the_record_that_it_names(home, source, follow):
    edge = follow(source)
    session, gone = home.login(), home.login()
    bearer = {"authorization": f"Bearer {session.access}"}
    asks = {
        "verify": lambda seq: edge.verify(session.access, min_seq=seq),
        "auth": lambda seq: edge.http.get("/auth", params={"min_seq": seq}, headers=bearer),
        "batch": lambda seq: edge.http.post("/verify/batch", json={"tokens": [session.access], "min_seq": f"1:{seq}"}),
        "batch by query": lambda seq: edge.http.post(
            "/verify/batch", params={"min_seq": seq}, json={"tokens": [session.access] * 256}
        ),
    }
    for name, ask in asks.items():
        began = time.monotonic()
        answer = ask(source.head + 1)
        assert (answer.status_code, answer.json()["code"]) == (503, "sequence_not_reached"), name
        assert time.monotonic() - began > 0.2, name
        late = threading.Timer(0.05, source.revoke_session, [gone.sid])
        late.start()
        answer = ask(source.head + 1)
        late.join()
        assert answer.status_code == 200, (name, answer.text)


def test_every_kind_of_revocation_counts(home, source, follow):
    edge = follow(source)
    token, subject, client = home.login(), home.login(), home.login()
    source.revoke_token(token.claims["jti"], token.claims["exp"])
    rejects(edge, token, "token_revoked")
    source.cut("subject", subject.claims["sub"])
    rejects(edge, subject, "subject_revoked")
    source.cut("client", "first-party")
    rejects(edge, client, "client_revoked")
    time.sleep(0.002)
    after = home.login()
    assert edge.verify(after.access).status_code == 200
    source.cut("key", next(key["kid"] for key in source.keys if key["kid"] == home.key_of(after.access)["kid"]))
    rejects(edge, after, "key_revoked")


def test_the_rest_is_not_here_and_the_answer_says_where(source, follow):
    edge = follow(source)
    requests = {
        "/login": {"username": "amy", "password": "x"},
        "/refresh": {"refresh_token": "x"},
        "/logout": {},
        "/password": {"current_password": "x", "new_password": "y"},
    }
    for path, body in requests.items():
        answer = edge.http.post(path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (421, "not_here"), path
        assert source.url in answer.json()["detail"]
    for path in ("/revoke", "/token", "/introspect"):
        answer = edge.http.post(path, data={"token": "x"})
        assert (answer.status_code, answer.json()["code"]) == (421, "not_here"), path
    assert edge.http.get("/sessions").json()["code"] == "not_here"
    assert edge.admin.post("/admin/revocations", json={"all": True}).json()["code"] == "not_here"
    assert edge.http.get("/nothing").status_code == 404
    assert edge.http.get("/login").status_code == 405
    for path in ("/.well-known/jwks.json", "/.well-known/oauth-authorization-server", "/openapi.yaml", "/healthz"):
        assert edge.http.get(path).status_code == 200
    published = edge.http.get("/.well-known/jwks.json").json()["keys"]
    assert {key["kid"] for key in published} == {key["kid"] for key in source.keys}


def test_conditions_on_the_age(home, source, follow):
    source.age = 100.0
    edge = follow(source, staleness_max="10m")
    session = home.login()
    bearer = {"authorization": f"Bearer {session.access}"}
    assert 100 <= age_of(edge.verify(session.access)) < 105
    assert edge.verify(session.access, max_age_of_revocations=200).status_code == 200
    for answer in (
        edge.verify(session.access, max_age_of_revocations=60),
        edge.http.get("/verify?max_age_of_revocations=60", headers=bearer),
        edge.http.get("/auth?max_age_of_revocations=60", headers=bearer),
        edge.http.post("/verify/batch?max_age_of_revocations=60", json={"tokens": [session.access]}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (503, "stale"), answer.request.url
        assert age_of(answer) >= 100 and answer.headers["retry-after"] == "1"
    assert edge.http.get("/auth?max_age_of_revocations=200", headers=bearer).status_code == 200
    assert home.verify(session.access, max_age_of_revocations=0).status_code == 200
    assert edge.http.get("/auth?max_age_of_revocations=-1", headers=bearer).status_code == 403
    assert edge.verify(session.access, max_age_of_revocations=-1).status_code == 400
    assert edge.verify(session.access, max_age_of_revocations="1").status_code == 400


@pytest.mark.parametrize("stale", ["serve", "refuse"])
def test_a_stale_follower_says_so_and_does_what_was_chosen(home, source, follow, stale):
    edge = follow(source, staleness_max="2s", stale=stale)
    session, gone = home.login(), home.login()
    source.revoke_session(gone.sid)
    rejects(edge, gone)
    source.close()
    edge.wait_for(lambda: "stale" in edge.operator.get("/readyz").json()["reasons"], 10, "stale")
    answer = edge.verify(session.access)
    assert age_of(answer) > 2
    assert answer.status_code == (200 if stale == "serve" else 503)
    assert edge.refusal(gone.access) == ("session_revoked" if stale == "serve" else "stale")
    assert edge.metric("martlet_feed_stale") == 1 and condition(edge, "away") == 1
    assert edge.events("feed_away")


def test_a_restart_without_the_source_continues_from_the_copy(home, source, follow):
    edge = follow(source, staleness_max="1h")
    sessions = [home.login() for _ in range(3)]
    for session in sessions[:2]:
        source.revoke_session(session.sid)
        rejects(edge, session)
    source.close()
    time.sleep(1.2)
    before = age_of(edge.verify(sessions[2].access))
    edge.restart()
    answer = edge.verify(sessions[2].access)
    assert answer.status_code == 200 and age_of(answer) >= before > 1
    assert [edge.refusal(session.access) for session in sessions] == ["session_revoked", "session_revoked", ""]
    assert edge.events("followed_copy_read")[-1]["position"] == f"1:{source.head}"


def test_without_copy_and_source_nothing_is_verified(home, follow, make_server):
    nowhere = f"http://127.0.0.1:{free_port()}"
    server = follower(make_server, nowhere, issuer=home.settings["issuer"], browser="on")
    token = home.login().access
    bearer = {"authorization": f"Bearer {token}"}
    answers = [
        server.verify(token),
        server.http.get("/verify", headers=bearer),
        server.http.post("/verify/batch", json={"tokens": [token]}),
        server.http.get("/session", headers=bearer),
        server.http.get("/revocations", headers=bearer),
        server.http.get("/revocations/snapshot", headers=bearer),
        *(server.http.request(method, "/auth", headers=bearer) for method in ("GET", "POST", "PUT", "PATCH", "DELETE")),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (503, "stale"), answer.request.url
        assert "revocation-age" not in answer.headers
    page = server.http.get("/signin")
    assert (page.status_code, page.json()["code"]) == (421, "not_here") and nowhere in page.json()["detail"]
    status = server.cli("status")
    assert status.returncode == 1 and f"follows" in status.stdout and nowhere in status.stdout
    assert "NOTHING known yet, record none, away" in status.stdout
    assert server.operator.get("/readyz").json()["reasons"] == ["stale"]
    assert server.operator.get("/livez").status_code == 200


def test_a_source_that_comes_back_is_followed_without_a_gap(home, follow):
    source = FeedSource(home)
    edge = follow(source)
    sessions = [home.login() for _ in range(4)]
    source.revoke_session(sessions[0].sid)
    rejects(edge, sessions[0])
    source.close()
    edge.wait_for(lambda: condition(edge, "away") == 1, 5, "away")
    again = FeedSource(home, head=source.head, port=source.port)
    again.window, again.records, again.head = source.window, dict(source.records), source.head
    for session in sessions[1:3]:
        again.revoke_session(session.sid)
    for session in sessions[1:3]:
        rejects(edge, session)
    assert edge.refusal(sessions[3].access) == "" and condition(edge, "following") == 1
    assert not any("snapshot" in path for path in again.asked), "the records were enough"
    again.close()


def test_a_position_that_is_too_old_takes_a_snapshot(home, source, follow):
    edge = follow(source)
    sessions = [home.login() for _ in range(3)]
    with source.changed:
        # The source forgets the records between.
        source.faults["/revocations"] = lambda handler: source.problem(handler, 503, "x")
    edge.wait_for(lambda: condition(edge, "away") == 1, 5, "away")
    for session in sessions[:2]:
        source.revoke_session(session.sid)
    source.window = source.head
    source.faults.clear()
    for session in sessions[:2]:
        rejects(edge, session)
    assert edge.refusal(sessions[2].access) == ""
    # What a snapshot revokes applies while the rest of it is being read.
    edge.wait_for(lambda: edge.metric("martlet_follow_snapshots_total") == 2, what="the second snapshot")
    assert edge.metric("martlet_follow_resets_total") == 0


@pytest.mark.parametrize("change", ["rolled_back", "new_epoch"])
def test_another_history_of_the_source_takes_no_revocation_back(home, source, follow, change):
    edge = follow(source)
    known, other, alive = home.login(), home.login(), home.login()
    source.revoke_session(known.sid)
    rejects(edge, known)
    with source.changed:
        # The copy that was restored knows nothing of it.
        source.records, source.window = {}, 5
        if change == "rolled_back":
            source.head = 5
        else:
            source.epoch, source.head, source.window = 2, 2_097_152, 2_097_152
        source.changed.notify_all()
    source.revoke_session(other.sid)
    rejects(edge, other)
    for _ in range(2):
        assert edge.refusal(known.access) == "session_revoked" and edge.refusal(alive.access) == ""
        edge.restart()
        is_ready(edge)
    assert edge.events("feed_reset") and "kept" in edge.events("feed_reset")[0]
    assert json.loads(json.dumps(edge.events("feed_reset")))[0]["level"] == "warning"


def flipped(source, handler):
    body = bytearray(record(2, source.head, uuid.uuid4().bytes, in_a_month()))
    body[20] ^= 1
    source.send(handler, 200, bytes(body), RECORDS, source.fields())


def unknown_kind(source, handler):
    body = record(9, source.head, uuid.uuid4().bytes, in_a_month())
    source.send(handler, 200, body, RECORDS, source.fields())


def rotation(source, handler):
    body = record(3, source.head, uuid.uuid4().bytes, in_a_month())
    source.send(handler, 200, body, RECORDS, source.fields())


def out_of_order(source, handler):
    body = b"".join(record(2, source.head - back, uuid.uuid4().bytes, in_a_month()) for back in (0, 1))
    source.send(handler, 200, body, RECORDS, source.fields())


def beyond_the_head(source, handler):
    body = record(2, source.head + 5, uuid.uuid4().bytes, in_a_month())
    source.send(handler, 200, body, RECORDS, source.fields())


def cut_off(source, handler):
    body = record(2, source.head, uuid.uuid4().bytes, in_a_month())[:50]
    source.send(handler, 200, body, RECORDS, source.fields())


def wrong_type(source, handler):
    source.send(handler, 200, b"", "text/html", source.fields())


def other_issuer(source, handler):
    source.send(handler, 200, b"", RECORDS, source.fields() | {"Revocation-Issuer": "https://other.example.com"})


def no_age(source, handler):
    fields = source.fields()
    del fields["Revocation-Age"]
    source.send(handler, 200, b"", RECORDS, fields)


def endless_line(source, handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000_000)


def a_gibibyte(source, handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: 1073741824\r\n\r\n" % RECORDS.encode())
    handler.wfile.write(b"\0" * 1_000_000)


def endless_chunks(source, handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n" % RECORDS.encode())
    for _ in range(40):
        handler.wfile.write(b"10000\r\n" + b"\0" * 65_536 + b"\r\n")


def no_http(source, handler):
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n" * 3)
    handler.close_connection = True


DAMAGE = (
    flipped, unknown_kind, rotation, out_of_order, beyond_the_head, cut_off, wrong_type, other_issuer, no_age,
    endless_line, a_gibibyte, endless_chunks, no_http,
)


def test_a_damaged_feed_is_never_skipped(home, source, follow):
    """The follower stops where it is, says so, verifies with what it has, and goes on when the feed is whole again."""
    edge = follow(source, staleness_max="1h")
    known = home.login()
    source.revoke_session(known.sid)
    rejects(edge, known)
    memory = resident(edge)
    for fault in DAMAGE:
        session = home.login()
        seen = len(edge.events("feed_damaged"))
        source.faults["/revocations"] = lambda handler, fault=fault: fault(source, handler)
        edge.wait_for(lambda: len(edge.events("feed_damaged")) > seen, 15, fault.__name__)
        # A record that the follower cannot get until the feed is whole again.
        source.revoke_session(session.sid)
        said = edge.events("feed_damaged")[-1]
        assert said["level"] == "error" and said["source"] == source.url and said["position"], fault.__name__
        readiness = edge.operator.get("/readyz")
        assert readiness.status_code == 503 and readiness.json()["reasons"] == ["feed_damaged"], fault.__name__
        assert condition(edge, "feed_damaged") == 1
        assert edge.refusal(known.access) == "session_revoked" and edge.refusal(session.access) == "", fault.__name__
        source.faults.clear()
        rejects(edge, session, seconds=8)
        is_ready(edge)
    assert resident(edge) - memory < 64 << 20


def resident(server) -> int:
    status = open(f"/proc/{server.pid}/status").read()
    return int(status.split("VmRSS:")[1].split()[0]) << 10


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://other.example.com"},
        {"count": 3},
        {"digest": "sha-256=:AAAA:"},
        {"count": 1 << 40},
        {"pos": "0:1"},
    ],
)
def test_an_invalid_snapshot_is_not_used(home, source, follow, changes):
    body = source.snapshot(**changes)
    source.faults["/revocations/snapshot"] = lambda handler: source.send(handler, 200, body, "application/octet-stream")
    edge = follow(source, ready=False)
    edge.wait_for(lambda: edge.events("feed_damaged"), 5, "feed_damaged")
    assert edge.refusal(home.login().access) == "stale"
    source.faults.clear()
    is_ready(edge)


def test_a_half_open_connection_only_costs_age(home, source, follow):
    """A source that accepts and says nothing is given up after some seconds; the next one is asked."""
    other = FeedSource(home)
    other.window, other.records, other.head = source.window, dict(source.records), source.head
    edge = follow(source, other)
    source.faults["/revocations"] = lambda handler: time.sleep(30)
    session = home.login()
    other.revoke_session(session.sid)
    rejects(edge, session, seconds=15)
    assert edge.events("feed_away")[-1]["source"] == source.url
    other.close()


def test_a_full_disk_changes_nothing_in_memory(home, source, follow):
    edge = follow(source)
    first, second = home.login(), home.login()
    subprocess.run(["prlimit", "--pid", str(edge.pid), "--fsize=0:unlimited"], check=True)
    source.revoke_session(first.sid)
    rejects(edge, first)
    edge.wait_for(lambda: edge.events("followed_copy_unwritable"), 5, "said")
    assert edge.metric("martlet_follow_copy_writable") == 0
    assert edge.operator.get("/readyz").status_code == 200
    subprocess.run(["prlimit", "--pid", str(edge.pid), "--fsize=unlimited:unlimited"], check=True)
    source.revoke_session(second.sid)
    rejects(edge, second)


def test_a_new_key_is_found_soon_after_a_token_needs_it(home, source, follow):
    keys, source.keys = source.keys, []
    edge = follow(source, ready=False)
    edge.wait_for(lambda: edge.events("feed_damaged") or edge.events("feed_away"), 5, "no key")
    source.keys = keys
    is_ready(edge)
    session = home.login()
    kept, source.keys = source.keys, [key for key in source.keys if key["kid"] != home.key_of(session.access)["kid"]]
    assert edge.verify(session.access).status_code == 200
    source.keys = kept


def test_a_redirect_is_not_followed(home, source, follow):
    other = FeedSource(home)
    edge = follow(source, staleness_max="1h")

    def away(handler):
        source.send(handler, 302, b"", "text/plain", {"Location": f"{other.url}/revocations?after=1:10"})

    source.faults["/revocations"] = away
    edge.wait_for(lambda: condition(edge, "away") == 1, 5, "away")
    assert other.asked == []
    other.close()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"follow": "http://martlet.example.com"}, "only https is allowed"),
        ({"follow": "ftp://127.0.0.1"}, "not a usable http or https URL"),
        ({"follow": "https://a.example?x=y"}, "not a usable http or https URL"),
        ({"follow_credentials": "/etc/no-secret"}, "/etc/no-secret"),
        ({"staleness_max": "2h"}, "MARTLET_STALENESS_MAX"),
        ({"stale": "refuse", "staleness_max": "0s"}, "MARTLET_STALE"),
        ({"issuer": "http://127.0.0.1:8080"}, "MARTLET_ISSUER"),
        ({"follow": "", "follow_credentials": "/x"}, "MARTLET_FOLLOW_CREDENTIALS"),
    ],
)
def test_a_mistake_in_the_settings_is_named(home, make_server, settings, said):
    server = follower(make_server, "https://a.example", start=False, issuer=home.settings["issuer"])
    server.settings |= settings
    failure = server.fail_to_start()
    assert failure.code == 2 and said in failure.text, failure.text


def test_what_a_follower_must_not_have(home, source, make_server):
    server = follower(make_server, source.url, start=False, issuer=home.settings["issuer"])
    server.state_path.mkdir()
    (server.state_path / "0000000000000001-0000000000000001.jrn").write_bytes(b"")
    assert "is part of a journal" in server.fail_to_start().text
    (server.state_path / "0000000000000001-0000000000000001.jrn").unlink()
    server.keys_path.mkdir(mode=0o700)
    for path in home.keys_path.iterdir():
        if path.suffix == ".jwk":
            (server.keys_path / path.name).write_bytes(path.read_bytes())
            (server.keys_path / path.name).chmod(0o600)
    failure = server.fail_to_start()
    assert failure.code == 2 and "is not a shared secret" in failure.text
    credentials = server.directory / "credentials"
    credentials.write_text("only-an-id\n")
    server.settings["follow_credentials"] = credentials
    failure = server.fail_to_start()
    assert "client_id:secret" in failure.text and "only-an-id" not in failure.text


def test_a_shared_secret_verifies_what_it_signed(home, source, make_server):
    server = follower(
        make_server, source.url, start=False, issuer=home.settings["issuer"], hs256_audiences="partner"
    )
    server.keys_path.mkdir(mode=0o700)
    secret = next(key for key in home.keys.jwks if key["kty"] == "oct" and key.get("purpose", "access") == "access")
    path = server.keys_path / "shared.jwk"
    path.write_text(json.dumps(secret))
    path.chmod(0o600)
    server.run_once()
    is_ready(server)
    session = home.login(audience="partner")
    assert server.verify(session.access).status_code == 200
    source.revoke_session(session.sid)
    rejects(server, session)
    assert "oct" not in server.http.get("/.well-known/jwks.json").text


def test_the_credentials_go_to_the_feed_only(home, source, make_server):
    server = follower(make_server, source.url, start=False, issuer=home.settings["issuer"])
    credentials = server.directory / "credentials"
    credentials.write_text("edge:a secret of a follower\n")
    server.settings["follow_credentials"] = credentials
    server.remember("a secret of a follower")
    seen = {}
    answer = source.answer

    def noting(handler):
        seen[handler.path.split("?")[0]] = handler.headers.get("authorization")
        answer(handler)

    source.answer = noting
    server.run_once()
    is_ready(server)
    # RFC 6749 §2.3.1: each part in the form encoding.
    expected = "Basic ZWRnZTphK3NlY3JldCtvZithK2ZvbGxvd2Vy"
    assert seen["/revocations"] == seen["/revocations/snapshot"] == expected
    assert seen["/.well-known/jwks.json"] is None


def test_a_source_that_lets_nobody_in_is_named_with_the_remedy(home, source, follow):
    source.faults["/revocations/snapshot"] = lambda handler: source.problem(handler, 401, "client_invalid")
    edge = follow(source, ready=False)
    edge.wait_for(lambda: edge.events("feed_away"), 5, "feed_away")
    assert "MARTLET_FOLLOW_CREDENTIALS" in edge.events("feed_away")[0]["reason"]
