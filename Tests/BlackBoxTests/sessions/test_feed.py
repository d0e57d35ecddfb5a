"""The revocation feed: what its readers get, who may read, and what a bad reader costs."""

import base64
import hashlib
import json
import socket
import struct
import time
import uuid

import httpx
import pytest

from harness.followers import Followers
from harness.tokens import claims_of, header_of

READER = "reader"
RECORDS = "application/vnd.martlet.records"


@pytest.fixture(scope="module")
def feed(fleet):
    """A server with a client that may read the feed and one that may not."""
    server = fleet.make()
    server.reader = server.add_client(READER, "--grant", "client_credentials", "--scope", "revocations:read")
    server.shop = server.add_client("shop", "--grant", "client_credentials", "--scope", "read")
    server.start()
    yield server
    fleet.close(server)


def read(server, path="/revocations", **options) -> httpx.Response:
    return server.http.get(path, auth=(READER, server.reader), **options)


def head(server) -> str:
    return read(server).json()["head"]


def revoke_any(server) -> str:
    """Revokes a token that never was, and returns its jti."""
    jti = str(uuid.uuid4())
    answer = server.cut(jti=jti)
    assert answer.status_code == 200, answer.text
    return jti


def test_each_kind_of_revocation_is_in_the_feed(feed):
    position = head(feed)
    session, other = feed.login(), feed.login(feed.people[1])
    feed.revoke(session.access)
    feed.revoke(session.refresh)
    feed.cut(sub=feed.people[1].id)
    answer = read(feed, params={"after": position}).json()
    # The start records the end of a user who was disabled before.
    records = [record for record in answer["records"] if record["reason"] != "account_changed"]
    assert [record["kind"] for record in records] == ["token", "session", "cut"]
    assert records[0]["id"] == session.claims["jti"] and records[1]["id"] == session.sid
    assert records[0]["expires"] >= session.claims["exp"]
    digest = hashlib.sha256(b"\x01" + feed.people[1].id.encode()).hexdigest()[:32]
    assert (records[2]["of"], records[2]["id"]) == ("subject", digest)
    assert other.sid < records[2]["before"] and records[2]["seq"].split(":")[1] == str(records[2]["before_seq"])
    assert answer["issuer"] == feed.settings["issuer"] and answer["age_ms"] == 0
    assert amounts_to_nothing(read(feed, params={"after": answer["head"]}).json())


def amounts_to_nothing(answer: dict) -> bool:
    return answer["records"] == [] and "more" not in answer


def test_logging_out_elsewhere_spares_the_own_session(feed):
    session = feed.login()
    position = head(feed)
    answer = feed.http.post("/logout", json={"scope": "others"}, headers={"Authorization": f"Bearer {session.access}"})
    records = read(feed, params={"after": position}).json()["records"]
    if answer.status_code != 204:
        pytest.skip("another spelling of the request")
    assert records[0]["spares"] == session.sid and records[1]["of"] == "subject"
    assert records[0]["before_seq"] == records[1]["before_seq"]


def test_the_binary_form_says_the_same(feed):
    position = head(feed)
    jti = revoke_any(feed)
    answer = read(feed, params={"after": position}, headers={"Accept": RECORDS})
    assert answer.headers["content-type"] == RECORDS and len(answer.content) == 64
    assert answer.headers["revocation-seq"] == head(feed)
    kind, flags = struct.unpack_from("<BB", answer.content, 4)
    assert (kind, flags, answer.content[16:32].hex()) == (1, 1, jti.replace("-", ""))


def test_a_poll_waits_for_the_next_revocation(feed):
    position = head(feed)
    with Followers(feed.address, READER, feed.reader, streams=0, polls=1) as followers:
        feed.wait_for(lambda: feed.metric('martlet_feed_followers{form="json"}') == 1)
        jti = revoke_any(feed)
        assert followers.have_received([jti])
    assert position != head(feed)
    began = time.monotonic()
    assert amounts_to_nothing(read(feed, params={"after": head(feed), "wait": 1}).json())
    assert 0.9 < time.monotonic() - began < 5


def test_streams_and_polls_get_each_revocation_once_and_in_order(feed):
    with Followers(feed.address, READER, feed.reader, streams=25, polls=25) as followers:
        feed.wait_for(lambda: feed.metric('martlet_feed_followers{form="events"}') >= 25)
        sent = {}
        for _ in range(20):
            began = time.perf_counter()
            sent[revoke_any(feed)] = began
            time.sleep(0.02)
        assert followers.have_received(list(sent))
        delays = followers.delays(sent)
        # The machine of the tests may be busy; `make bench-feed` measures.
        assert delays[len(delays) * 99 // 100] < 2
        feed.wait_for(lambda: all(f.heartbeats for f in followers.all if f.kind == "stream"), what="heartbeats")
    feed.wait_for(lambda: feed.metric('martlet_feed_followers{form="events"}') == 0, what="the streams to be forgotten")
    feed.wait_for(lambda: feed.metric('martlet_feed_followers{form="json"}') == 0, what="the polls to be forgotten")


def test_readers_continue_after_a_kill_without_a_gap(make_server):
    server = make_server()
    server.reader = server.add_client(READER, "--scope", "revocations:read")
    server.start()
    with Followers(server.address, READER, server.reader, streams=10, polls=10) as followers:
        server.wait_for(lambda: all(follower.connections for follower in followers.all), what="the first connections")
        ids = []
        for _ in range(3):
            ids += [revoke_any(server) for _ in range(5)]
            server.restart()
            ids += [revoke_any(server) for _ in range(5)]
            assert followers.have_received(ids)
        assert all(follower.connections > 3 and not follower.resets for follower in followers.all)


def test_a_thousand_that_come_at_once_get_what_they_missed(feed):
    position = head(feed)
    ids = [revoke_any(feed) for _ in range(20)]
    followers = Followers(feed.address, READER, feed.reader, streams=100, polls=100)
    for follower in followers.all:
        follower.position = position
    with followers:
        assert followers.have_received(ids)


def test_a_stream_that_never_reads_is_dropped(feed):
    dropped = feed.metric("martlet_feed_dropped_total")
    with socket.socket() as idle:
        idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        idle.connect(feed.address)
        basic = base64.b64encode(f"{READER}:{feed.reader}".encode()).decode()
        idle.sendall(
            f"GET /revocations HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\nAuthorization: Basic {basic}\r\n\r\n"
            .encode()
        )
        feed.wait_for(lambda: feed.metric('martlet_feed_followers{form="events"}') == 1)
        end = time.monotonic() + 60
        while feed.metric('martlet_feed_followers{form="events"}') and time.monotonic() < end:
            for _ in range(500):
                revoke_any(feed)
        assert feed.metric('martlet_feed_followers{form="events"}') == 0
    # By the rule of the feed, or because it took nothing for ten seconds.
    timed_out = feed.connections_counted("timed_out")
    assert feed.metric("martlet_feed_dropped_total") == dropped + 1 or timed_out >= 1
    assert feed.metric("martlet_buffered_octets") < 1_000_000


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream", RECORDS])
@pytest.mark.parametrize("query", ["after=1", "after=1:x", "after=1:1&after=1:2", "wait=56", "wait=1.5", "from=1:1"])
def test_a_query_that_is_not_understood_is_rejected(feed, accept, query):
    answer = read(feed, f"/revocations?{query}", headers={"Accept": accept})
    assert (answer.status_code, answer.json()["code"]) == (400, "request_malformed")


def test_positions_of_another_history_are_conflicts(feed):
    for position, code in (("1:999999999", "sequence_ahead"), ("9:1", "sequence_unknown")):
        answer = read(feed, params={"after": position})
        assert (answer.status_code, answer.json()["code"]) == (409, code)
        stream = read(feed, params={"after": position}, headers={"Accept": "text/event-stream"})
        assert stream.status_code == 200 and stream.text.startswith("event: reset\n") and code in stream.text


def test_only_clients_with_the_scope_may_read(feed):
    for path in ("/revocations", "/revocations/snapshot"):
        assert feed.http.get(path).json()["code"] == "token_missing"
        assert feed.http.get(path, auth=(READER, "wrong")).json()["code"] == "client_invalid"
        answer = feed.http.get(path, auth=("shop", feed.shop))
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_insufficient")
        assert 'scope="revocations:read"' in answer.headers["www-authenticate"]
        user = {"Authorization": f"Bearer {feed.login().access}"}
        assert feed.http.get(path, headers=user).json()["code"] == "scope_insufficient"
        token = feed.http.post("/token", data={"grant_type": "client_credentials"}, auth=(READER, feed.reader)).json()
        mine = {"Authorization": f"Bearer {token['access_token']}"}
        assert feed.http.get(path, headers=mine).status_code == 200


def test_a_public_feed_needs_no_credentials(make_server):
    server = make_server(feed="public").start()
    assert server.http.get("/revocations").status_code == 200
    assert server.http.get("/revocations/snapshot").status_code == 200


def test_the_window_is_filled_again_after_a_restart(make_server):
    server = make_server()
    server.reader = server.add_client(READER, "--scope", "revocations:read")
    server.start()
    position = head(server)
    ids = [revoke_any(server) for _ in range(3)]
    server.restart()
    records = read(server, params={"after": position}).json()["records"]
    assert [record["id"] for record in records] == ids


# Snapshots


def parts(content: bytes) -> tuple[str, bytes]:
    line, _, records = content.partition(b"\n")
    return line.decode(), records


def test_a_snapshot_is_signed_and_complete(feed):
    ids = {revoke_any(feed) for _ in range(5)}
    feed.cut(client_id="gone")
    ids.add(revoke_any(feed))
    time.sleep(10.1)
    answer = read(feed, "/revocations/snapshot")
    assert answer.headers["content-type"] == "application/vnd.martlet.snapshot"
    signature, records = parts(answer.content)
    header, claims = header_of(signature), claims_of(signature)
    assert header["typ"] == "rs+jwt" and header["kid"] in {key["kid"] for key in feed.http.get("/.well-known/jwks.json").json()["keys"]}
    digest = base64.b64encode(hashlib.sha256(records).digest()).decode()
    assert claims["digest"] == f"sha-256=:{digest}:" and claims["count"] * 64 == len(records)
    assert claims["iss"] == feed.settings["issuer"] and abs(claims["iat"] - time.time()) < 30
    assert answer.headers["etag"] == f'"{claims["pos"]}"' and answer.headers["revocation-seq"] == claims["pos"]
    assert answer.headers["snapshot-signature"] == signature
    whole = base64.b64encode(hashlib.sha256(answer.content).digest()).decode()
    assert answer.headers["content-digest"] == f"sha-256=:{whole}:"
    assert int(answer.headers["content-length"]) == len(answer.content)
    seqs = [struct.unpack_from("<Q", records, start + 8)[0] for start in range(0, len(records), 64)]
    assert seqs == sorted(seqs) and seqs[-1] <= int(claims["pos"].split(":")[1])
    found = {str(uuid.UUID(bytes=records[start + 16 : start + 32])) for start in range(0, len(records), 64)}
    assert ids <= found
    # The feed continues where the snapshot ends.
    jti = revoke_any(feed)
    after = read(feed, params={"after": claims["pos"]}).json()["records"]
    assert [record["id"] for record in after] == [jti]


def test_a_snapshot_can_be_read_in_parts(feed):
    revoke_any(feed)
    answer = read(feed, "/revocations/snapshot")
    etag, content = answer.headers["etag"], answer.content
    start = len(content) - 64
    part = read(feed, "/revocations/snapshot", headers={"Range": f"bytes={start}-", "If-Range": etag})
    if part.headers["etag"] != etag:
        pytest.skip("a newer snapshot was made in between")
    assert part.status_code == 206 and part.content == content[start:]
    assert part.headers["content-range"] == f"bytes {start}-{len(content) - 1}/{len(content)}"
    assert part.headers["repr-digest"] == answer.headers["content-digest"]
    for headers in ({"Range": f"bytes={start}-", "If-Range": '"1:1"'}, {"Range": "bytes=0-9"}, {"Range": "bytes=9-1"}):
        assert read(feed, "/revocations/snapshot", headers=headers).status_code == 200
    same = read(feed, "/revocations/snapshot", headers={"If-None-Match": etag})
    assert same.status_code == 304 and same.content == b"" and "snapshot-signature" in same.headers
    bare = feed.http.head("/revocations/snapshot", auth=(READER, feed.reader))
    assert bare.headers["content-length"] == str(len(content)) and bare.content == b""


def test_a_snapshot_survives_a_compaction_and_a_restart(make_server):
    server = make_server()
    server.reader = server.add_client(READER, "--scope", "revocations:read")
    server.start()
    ids = {revoke_any(server) for _ in range(10)}
    session = server.login()
    server.revoke(session.refresh)
    server.cut(sub=server.people[1].id)
    server.stop()
    assert server.cli("journal", "compact", "--state", str(server.state_path)).returncode == 0
    server.run_once()
    ids.add(revoke_any(server))
    signature, records = parts(read(server, "/revocations/snapshot").content)
    found = {str(uuid.UUID(bytes=records[start + 16 : start + 32])) for start in range(0, len(records), 64)}
    assert ids | {session.sid} <= found and claims_of(signature)["count"] * 64 == len(records)


def test_a_snapshot_needs_a_published_key(make_server):
    server = make_server(alg="HS256", hs256_audiences="", feed="public").start()
    answer = server.http.get("/revocations/snapshot")
    assert (answer.status_code, answer.json()["code"]) == (503, "signing_unavailable")


def test_readers_that_come_together_share_one_snapshot(feed):
    revoke_any(feed)
    time.sleep(10.1)
    answers = []
    with httpx.Client(base_url=feed.url, auth=(READER, feed.reader), timeout=20) as client:
        answers = [client.get("/revocations/snapshot").headers["snapshot-signature"] for _ in range(20)]
    assert len(set(answers)) == 1
    assert json.dumps(header_of(answers[0]))
