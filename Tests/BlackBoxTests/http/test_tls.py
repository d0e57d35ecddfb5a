"""TLS: who gets in and with what, what is sent, and renewal that nobody notices."""

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path

import pytest

from harness.accounts import AMY
from harness.certificates import Pair, trusting
from harness.http2 import END_HEADERS, HEADERS, RawHTTP2
from harness.process import command
from harness.secured import HeldBack, Secured, SecureWire
from harness.wire import Wire, request

OLD_SUITES = "ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA:@SECLEVEL=0"
GOOD_SUITES = ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"]


@pytest.fixture
def make_secured(make_server):
    return lambda **options: Secured(make_server, **options)


@pytest.fixture(scope="module")
def secured(fleet):
    made = []

    def make(**options):
        made.append(fleet.make(**options))
        return made[-1]

    secured = Secured(make)
    secured.server.start()
    yield secured
    for server in made:
        fleet.close(server)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_requests_are_answered_with_a_chain_that_only_needs_the_root(secured, version):
    """The leaf and the authority in between come from the server; several requests go over one connection."""
    context = trusting(secured.root_path, minimum_version=version, maximum_version=version)
    token = secured.server.login().access
    with secured.wire(context) as wire:
        assert wire.socket.version() == version.name.replace("_", ".")
        for _ in range(3):
            wire.send(request("GET", "/verify", Authorization=f"Bearer {token}"))
            assert wire.answer().status == 200
        wire.send(request("GET", "/openapi.yaml") + request("GET", "/healthz"))
        assert len(wire.answer().body) > 16_384
        assert wire.answer().status == 200


def test_a_long_message_in_many_records_is_read_whole(secured):
    """A head and content over several records, and one octet a record."""
    with secured.wire() as wire:
        body = b'{"token":"' + b"x" * 40_000 + b'"}'
        wire.send(request("POST", "/verify", body, Content_Type="application/json"))
        assert wire.answer().status in (400, 401, 413)
    with secured.wire() as wire:
        for octet in request("GET", "/healthz"):
            wire.send(bytes([octet]))
        assert wire.answer().status == 200


def held_back(secured, version, **options) -> HeldBack:
    return HeldBack(
        secured.port, trusting(secured.root_path, minimum_version=version, maximum_version=version), **options
    )


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_records_that_arrive_together_are_all_answered(secured, version):
    """A reading may take in several records, and the socket then tells of no more: requests, also behind one whose answer
    takes a while, and content in pieces, all of it right behind the handshake's last octets."""
    login = request(
        "POST", "/login", json.dumps({"username": AMY.name, "password": AMY.password}).encode(),
        Content_Type="application/json",
    )
    parts = [request("GET", "/healthz"), login, request("GET", "/openapi.yaml"), request("GET", "/healthz")] * 2
    parts += [login[:40], login[40:-5], login[-5:-2], login[-2:], request("GET", "/healthz")]
    with secured.wire() as wire:
        wire.socket.close()
        wire.socket = held_back(secured, version)
        for part in parts:
            wire.socket.sendall(part)
        wire.socket.release()
        assert [wire.answer().status for _ in range(10)] == [200] * 10


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_frames_in_records_that_arrive_together_are_all_answered(secured, version):
    sock = held_back(secured, version, protocols=("h2",))
    with RawHTTP2(None, sock=sock) as raw:
        for stream in range(1, 41, 2):
            raw.ask(stream, path=b"/healthz")
        sock.release()
        answered = set()

        def is_last(kind, flags, stream, payload) -> bool:
            if kind == HEADERS and flags & END_HEADERS:
                answered.add(stream)
            return len(answered) == 20

        raw.frames(5, is_last)
        assert answered == set(range(1, 41, 2))


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_a_peer_that_sends_without_pause_gets_two_readings_a_turn(make_secured, tmp_path):
    """One that the queue tells of and one that was held back, however many records are there: others have their turn."""
    secured = make_secured(alg="HS256", threads=1)
    server = secured.server.start()
    peer = held_back(secured, ssl.TLSVersion.TLSv1_3)
    count = 6_000
    for _ in range(count):
        peer.sendall(request("GET", "/healthz"))
    calls = tmp_path / "calls"
    traced = ["strace", "-f", "-q", "-o", calls, "-e", "trace=epoll_wait,write", "-p", str(server.pid)]
    with subprocess.Popen(traced, stderr=subprocess.DEVNULL) as tracer:
        status = Path(f"/proc/{server.pid}/status")
        server.wait_for(lambda: "TracerPid:\t0\n" not in status.read_text(), 5, "strace")
        sender = threading.Thread(target=peer.release)
        sender.start()
        answers = b""
        while answers.count(b"HTTP/1.1 200") < count:
            answers += peer.recv(65_536)
        sender.join()
        tracer.send_signal(signal.SIGINT)
    peer.close()
    turns: dict[str, list[int]] = {}
    for thread, call in (line.split(maxsplit=1) for line in calls.read_text().splitlines()):
        if call.startswith(("epoll_wait", "<... epoll_wait")):
            turns.setdefault(thread, []).append(0)
        elif call.startswith("write(") and thread in turns:
            turns[thread][-1] += 1
    most = max(max(written) for written in turns.values())
    # The first turn may also write the session's ticket.
    assert sum(sum(written) for written in turns.values()) >= count and most <= 3


def test_a_reader_that_stalls_gets_every_octet_in_the_end(secured):
    """Partial writes: many long answers at once to a client that does not read for a while."""
    with secured.wire() as wire:
        wire.send(request("GET", "/openapi.yaml") * 200)
        time.sleep(0.5)
        bodies = {wire.answer().body for _ in range(200)}
    assert len(bodies) == 1


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_versions_are_refused(secured, version):
    context = trusting(None, minimum_version=version, maximum_version=version)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        secured.wire(context)


def test_suites_without_forward_secrecy_or_with_cbc_are_refused(secured):
    """And each good one is taken."""
    twelve = {"maximum_version": ssl.TLSVersion.TLSv1_2}
    for suites in (OLD_SUITES, "AES128-GCM-SHA256:AES256-SHA:@SECLEVEL=0", "DHE-RSA-AES128-GCM-SHA256"):
        context = trusting(secured.root_path, **twelve)
        context.set_ciphers(suites)
        with pytest.raises(ssl.SSLError):
            secured.wire(context)
    for suite in GOOD_SUITES:
        context = trusting(secured.root_path, **twelve)
        context.set_ciphers(suite)
        with secured.wire(context) as wire:
            assert wire.socket.cipher()[0] == suite


def test_alpn_is_h2_or_http_1_1_or_nothing(secured):
    """RFC 7301 §3.2: a client that wants other protocols only is told so."""
    for offered, chosen in ((["http/1.1", "h2"], "h2"), (["http/1.1"], "http/1.1"), (None, None)):
        context = trusting(secured.root_path)
        if offered:
            context.set_alpn_protocols(offered)
        with secured.wire(context) as wire:
            assert wire.socket.selected_alpn_protocol() == chosen
    context = trusting(secured.root_path)
    context.set_alpn_protocols(["h3", "spdy/1"])
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        secured.wire(context)


def test_answers_over_tls_ask_for_tls_only(secured):
    """L14: refusals, too; over plain HTTP nothing is said (RFC 6797 §7.2)."""
    assert secured.ask()["strict-transport-security"].startswith("max-age=")
    with secured.wire() as wire:
        wire.send(b"GET / HTTP/1.1\r\n\r\n")
        answer = wire.answer()
        assert answer.status == 400 and "strict-transport-security" in answer.headers
    assert "strict-transport-security" not in secured.server.http.get("/healthz").headers


def test_plain_http_to_the_tls_port_ends_at_once(secured):
    """And a hello to the plain port gets one answer at most."""
    with Wire(("127.0.0.1", secured.port)) as wire:
        wire.send(request("GET", "/healthz"))
        assert wire.is_closed()
    with pytest.raises(ssl.SSLError), SecureWire(secured.server.port, trusting(None)):
        pass
    with secured.server.wire() as wire:
        wire.send(bytes.fromhex("16030100050100000100") + b"\r\n\r\n")
        assert [answer.status for answer in wire.answers()] in ([400], [])
    assert secured.ask().status == 200


def test_a_connection_ends_with_a_farewell(secured):
    """Over TLS an end without one could be anybody's cut."""
    for fields in ({"Connection": "close"}, {}):
        with secured.wire(suppress_ragged_eofs=False) as wire:
            wire.send(request("GET" if fields else "BAD", "/healthz" if fields else "x", **fields))
            assert wire.answer().status in (200, 400)
            assert wire.socket.recv(1) == b""


def test_a_session_is_resumed_by_its_ticket(secured):
    context = trusting(secured.root_path)
    with secured.wire(context) as wire:
        wire.send(request("GET", "/healthz"))
        assert wire.answer().status == 200
        session = wire.socket.session
        assert not wire.socket.session_reused and session.has_ticket
    with secured.wire(context, session=session) as wire:
        assert wire.socket.session_reused
        wire.send(request("GET", "/healthz"))
        assert wire.answer().status == 200
    before = len(secured.server.events("reloaded"))
    os.kill(secured.server.pid, signal.SIGHUP)
    secured.server.wait_for(lambda: len(secured.server.events("reloaded")) >= before + 4)
    with secured.wire(context, session=session) as wire:
        assert not wire.socket.session_reused, "a reload draws new ticket keys"


def test_renegotiation_and_early_data_are_not_there(secured):
    """`openssl s_client` asks for the one and is not offered the other."""
    arguments = ["openssl", "s_client", "-connect", f"127.0.0.1:{secured.port}", "-tls1_2"]
    done = subprocess.run(arguments, input=b"R\n", capture_output=True, timeout=20)
    assert b"no renegotiation" in done.stderr or b"handshake failure" in done.stderr
    done = subprocess.run([*arguments[:-1], "-tls1_3"], input=b"Q\n", capture_output=True, timeout=20)
    assert b"Max Early Data: 0" in done.stdout or b"Early data was not sent" in done.stdout


def test_new_keys_may_be_asked_for_between_requests(secured):
    """A KeyUpdate (RFC 8446 §4.6.3) is answered, and what comes behind it is read."""
    arguments = ["openssl", "s_client", "-connect", f"127.0.0.1:{secured.port}", "-tls1_3"]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as client:
        # A command is one when it comes alone.
        for octets in (b"K\n", b"k\n", request("GET", "/healthz", Connection="close")):
            time.sleep(1)
            client.stdin.write(octets)
            client.stdin.flush()
            if octets[:1] in b"Kk":
                while (line := client.stderr.readline()) and b"KEYUPDATE" not in line:
                    pass
        output = client.stdout.read()
    assert b"HTTP/1.1 200 OK" in output


def test_a_connection_too_many_is_closed_before_the_handshake(make_secured):
    secured = make_secured(connections=2)
    secured.server.start()
    with secured.wire() as first, secured.wire() as second:
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            secured.wire()
        for wire in (first, second):
            wire.send(request("GET", "/healthz"))
            assert wire.answer().status == 200

    def is_served() -> bool:
        try:
            return secured.ask().status == 200
        except (ssl.SSLError, ConnectionResetError):
            return False

    secured.server.wait_for(is_served, what="room for another connection")


def test_a_handshake_that_stops_is_ended_like_a_head_that_stops(make_secured):
    """Also one that never begins, or drips."""
    secured = make_secured(head_timeout="1s")
    secured.server.start()
    for octets in (b"", bytes.fromhex("16030102000100")):
        with Wire(("127.0.0.1", secured.port)) as wire:
            wire.send(octets)
            assert wire.is_closed(within=5)
    assert secured.ask().status == 200


def test_junk_in_and_after_the_handshake_ends_only_its_own_connection(secured):
    hello = bytes.fromhex("160301") + (512).to_bytes(2, "big")
    with secured.wire() as bystander:
        for octets in (os.urandom(400), hello + os.urandom(512), bytes.fromhex("15030100020228"), b"\x80\x2e\x01"):
            with Wire(("127.0.0.1", secured.port)) as wire:
                wire.send(octets)
                wire.socket.shutdown(socket.SHUT_WR)
                wire.socket.settimeout(5)
                while wire.socket.recv(65536):
                    pass
        plain = socket.create_connection(("127.0.0.1", secured.port), 5)
        with trusting(None).wrap_socket(plain) as done:
            raw = socket.socket(fileno=os.dup(done.fileno()))
            raw.sendall(bytes.fromhex("1703030020") + os.urandom(32))
            raw.settimeout(5)
            while raw.recv(65536):
                pass
            raw.close()
        bystander.send(request("GET", "/healthz"))
        assert bystander.answer().status == 200


def test_clients_without_the_right_certificate_stay_outside(make_secured):
    """MARTLET_TLS_CLIENT_CA; the plain address is as open as before."""
    secured = make_secured(client_authority=True)
    directory = secured.server.directory
    secured.server.start()
    good = Pair("backend", secured.root).write(directory, "backend")
    foreign = Pair("stranger").write(directory, "stranger")
    late = Pair("late", secured.root, days=(-3, -1)).write(directory, "late")
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        for client in (None, foreign, late):
            context = trusting(secured.root_path, client, minimum_version=version, maximum_version=version)
            with pytest.raises((ssl.SSLError, ConnectionResetError)):
                wire = secured.wire(context)
                wire.socket.sendall(request("GET", "/healthz"))
                wire.socket.recv(1)
        context = trusting(secured.root_path, good, minimum_version=version, maximum_version=version)
        assert secured.ask(context=context).status == 200
    assert secured.server.http.get("/healthz").status_code == 200


@pytest.mark.parametrize("by", ["SIGHUP", "file change"])
def test_a_new_certificate_is_taken_up_under_load_without_a_lost_request(make_secured, by):
    """Connections that are there go on, and new ones see the new certificate."""
    secured = make_secured()
    secured.server.start()
    token = secured.server.login().access
    octets = request("GET", "/verify", Authorization=f"Bearer {token}")
    stop, failures, counts = threading.Event(), [], []

    def load(keeps: bool) -> None:
        count, wire = 0, None
        try:
            while not stop.is_set():
                wire = wire or secured.wire()
                wire.send(octets)
                assert wire.answer().status == 200
                count += 1
                if not keeps:
                    wire.close()
                    wire = None
        except Exception as failure:
            failures.append(repr(failure))
        counts.append(count)

    threads = [threading.Thread(target=load, args=(number % 2 == 0,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            leaf = Pair("localhost", secured.middle)
            leaf.write(secured.server.directory)
            if by == "SIGHUP":
                os.kill(secured.server.pid, signal.SIGHUP)
            secured.server.wait_for(lambda: secured.serial() == leaf.serial)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert min(counts) > 0


def test_a_bad_renewal_keeps_the_old_certificate_and_says_so(make_secured):
    """The service serves on, degraded, until it is mended."""
    secured = make_secured()
    server = secured.server.start()
    expired = Pair("localhost", secured.middle, days=(-3, -1))
    expired.write(server.directory)
    server.wait_for(lambda: server.operator.get("/readyz").json()["degraded"] == ["tls_reload_failed"])
    assert server.operator.get("/readyz").status_code == 200
    assert server.metric('martlet_reload_last_success{source="tls"}') == 0
    # The status changes a moment before the reason is in the log.
    server.wait_for(lambda: any("expired" in event["reason"] for event in server.events("reload_failed")), what="the reason")
    assert secured.serial() == secured.leaf.serial
    fresh = Pair("localhost", secured.middle)
    fresh.write(server.directory)
    server.wait_for(lambda: server.operator.get("/readyz").json()["degraded"] == [])
    assert secured.serial() == fresh.serial


def expiry(server) -> int:
    return server.metric("martlet_tls_certificate_expiry_timestamp_seconds")


@pytest.mark.parametrize("first", ["certificate", "key"])
def test_a_certificate_and_its_key_may_arrive_one_after_the_other(make_secured, first):
    """In between they do not fit each other: the old pair serves, and there is no alarm."""
    secured = make_secured()
    server = secured.server.start()
    assert expiry(server) == int(secured.leaf.certificate.not_valid_after_utc.timestamp())
    fresh = Pair("localhost", secured.middle, days=(-1, 60))
    writes = [(secured.certificate, fresh.chain), (secured.key, fresh.key_pem())]
    for path, octets in writes if first == "certificate" else reversed(writes):
        # In pieces, as cp(1) writes.
        path.write_bytes(octets[:50])
        server.wait_for(lambda: server.events("renewal_unfinished"), what="a look at the unfinished pair")
        path.write_bytes(octets)
    server.wait_for(lambda: secured.serial() == fresh.serial)
    assert server.events("reload_failed") == []
    assert server.operator.get("/readyz").json() == {"status": "ready", "reasons": [], "degraded": []}
    assert expiry(server) == int(fresh.certificate.not_valid_after_utc.timestamp())


def test_an_operator_who_asks_is_told_at_once_that_the_pair_does_not_fit(make_secured):
    secured = make_secured()
    server = secured.server.start()
    secured.certificate.write_bytes(Pair("localhost", secured.middle).chain)
    os.kill(server.pid, signal.SIGHUP)
    server.wait_for(lambda: [event for event in server.events("reload_failed") if event["what"] == "tls"])
    assert server.operator.get("/readyz").json()["degraded"] == ["tls_reload_failed"]
    assert secured.serial() == secured.leaf.serial


def test_draining_finishes_what_is_in_flight(make_secured):
    secured = make_secured()
    secured.server.start()
    with secured.wire() as wire:
        wire.send(request("GET", "/healthz"))
        assert wire.answer().status == 200
        os.kill(secured.server.pid, signal.SIGTERM)
        secured.server.wait_for(lambda: secured.server.events("draining"))
        wire.send(request("GET", "/healthz"))
        answer = wire.answer()
        assert answer.status == 200 and answer["connection"] == "close"
    assert secured.server.stop() == 0


def refused(secured, *words: str) -> None:
    failure = secured.server.fail_to_start()
    assert failure.code == 2, failure.text
    for word in words:
        assert word in failure.text, failure.text
    assert not secured.server.keys_path.exists() or not secured.server.events("listening")


def test_a_pair_that_cannot_serve_stops_the_start_and_is_named(make_secured):
    """Unreadable, mismatched, expired, not yet valid, open to others, under a passphrase, or no PEM at all."""
    secured = make_secured(client_authority=True)
    directory = secured.server.directory

    def put(pair: Pair) -> None:
        pair.write(directory)

    secured.key.chmod(0o644)
    refused(secured, "tls.key", "0644", "chmod 600")
    secured.key.unlink()
    refused(secured, "tls.key")
    put(secured.leaf)
    secured.certificate.write_bytes(Pair("localhost", secured.middle).chain)
    refused(secured, "tls.key", "tls.crt", "does not belong")
    put(Pair("localhost", days=(-9, -1)))
    refused(secured, "tls.crt", "expired")
    put(Pair("localhost", days=(2, 9)))
    refused(secured, "tls.crt", "not valid before")
    put(secured.leaf)
    secured.certificate.write_text("no PEM")
    refused(secured, "tls.crt", "certificate")
    secured.certificate.write_bytes(secured.leaf.pem + b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    refused(secured, "tls.crt", "certificate")
    secured.certificate.unlink()
    refused(secured, "tls.crt", "no such file")
    put(secured.leaf)
    secured.key.write_bytes(secured.leaf.key_pem(b"secret"))
    refused(secured, "tls.key", "passphrase")
    put(secured.leaf)
    secured.root_path.write_text("")
    refused(secured, "root.pem", "authorities")
    secured.root_path.write_bytes(secured.root.pem)
    secured.server.start()


def test_settings_that_do_not_go_together_are_mistakes(make_server):
    for settings, words in (
        ({"listen": "https://127.0.0.1:0"}, ("MARTLET_TLS_CERT", "MARTLET_TLS_KEY")),
        ({"tls_cert": "a", "tls_key": "b"}, ("MARTLET_TLS_CERT", "MARTLET_TLS_KEY", "https://")),
        ({"listen": "https://unix:/x", "tls_cert": "a", "tls_key": "b"}, ("MARTLET_LISTEN",)),
    ):
        failure = make_server(**settings).fail_to_start()
        assert failure.code == 2
        assert all(word in failure.text for word in words), failure.text


def test_dev_tls_makes_a_pair_and_keeps_it(make_server):
    """Every TCP address of the service speaks TLS, with a certificate that a client can be told to trust."""
    server = make_server().start(arguments=("--dev-tls",))
    certificate, key = server.state_path / "dev-tls.crt", server.state_path / "dev-tls.key"
    assert key.stat().st_mode & 0o777 == 0o600
    with SecureWire(server.port, trusting(certificate)) as wire:
        wire.send(request("GET", "/healthz"))
        answer = wire.answer()
        assert answer.status == 200
        assert "strict-transport-security" not in answer.headers, "browsers would remember it for all of localhost"
    done = command("healthcheck", cwd=server.directory, listen=f"https://127.0.0.1:{server.port}")
    assert done.returncode == 0, done.stderr
    made = certificate.read_bytes()
    assert server.stop() == 0
    server.run_once(arguments=("--dev-tls",))
    assert certificate.read_bytes() == made
    assert server.operator.get("/readyz").status_code == 200
    server.stop()
    server.settings |= {"tls_cert": certificate, "tls_key": key}
    with pytest.raises(Exception, match="--dev-tls"):
        server.run_once(arguments=("--dev-tls",))
    server.runs.pop()
