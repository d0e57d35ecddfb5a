"""Forty busy connections while the service stops or takes up a new certificate, by every protocol it speaks: nothing is lost."""

import os
import signal
import threading
import time

import pytest

from harness.certificates import Pair
from harness.secured import PROTOCOLS, Secured
from harness.wire import RESET, Closed, request

CLIENTS = 40


@pytest.fixture
def secured(make_server):
    secured = Secured(make_server, alg="HS256")
    secured.server.start()
    return secured


class Crowd:
    """Clients that go on asking, each on connections of its own, until they are told to stop or find nobody."""

    def __init__(self, secured, protocol: str):
        self.secured, self.protocol = secured, protocol
        self.token = secured.server.login().access
        self.octets = request("GET", "/verify", Authorization=f"Bearer {self.token}")
        self.answered, self.lost, self.last = 0, [], 0.0
        self.lock, self.stop = threading.Lock(), threading.Event()
        ask = self.ask_http2 if protocol in ("h2", "h2c") else self.ask_http1
        self.threads = [threading.Thread(target=self.run, args=(ask,)) for _ in range(CLIENTS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join(15)

    def run(self, ask) -> None:
        while not self.stop.is_set():
            try:
                connection = self.secured.connect(self.protocol)
            except (ConnectionRefusedError, *RESET):
                # What is refused here never became a connection: another instance may be asked instead.
                return
            with connection:
                try:
                    ask(connection)
                except Exception as fault:
                    with self.lock:
                        self.lost.append(repr(fault))
                    return

    def count(self, number: int) -> None:
        with self.lock:
            self.answered += number
            self.last = time.monotonic()

    def ask_http1(self, wire) -> None:
        for _ in range(200):
            if self.stop.is_set():
                return
            wire.send(self.octets)
            try:
                answer = wire.answer()
            except (Closed, *RESET) as fault:
                raise AssertionError("asked and not answered") from fault
            assert answer.status == 200
            self.count(1)
            if answer.headers.get("connection") == "close":
                return

    def ask_http2(self, client) -> None:
        headers = [("authorization", f"Bearer {self.token}")]
        for _ in range(40):
            if self.stop.is_set() or client.goaways:
                break
            streams = [client.ask("GET", "/verify", headers) for _ in range(5)]
            replies = dict(zip(streams, client.wait(*streams)))
            # A stream above the last one that a GOAWAY names was not taken (RFC 9113 §6.8).
            taken = client.goaways[-1][1] if client.goaways else max(streams)
            assert all(reply.status == 200 for stream, reply in replies.items() if stream <= taken)
            self.count(sum(reply.status == 200 for reply in replies.values()))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_stop_under_load_loses_nothing_and_ends_in_time(secured, protocol):
    """Exit 0 within 2 s of the last answer."""
    with Crowd(secured, protocol) as crowd:
        secured.server.wait_for(lambda: crowd.answered > 400, 20, "answers")
        os.kill(secured.server.pid, signal.SIGTERM)
        code = secured.server.run.process.wait(20)
        ended = time.monotonic()
    assert crowd.lost == []
    assert code == 0 and ended - crowd.last < 2


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_second_process_takes_over_under_load_without_a_lost_request(secured, protocol):
    """Streams that the first one had taken are answered by it; what it refuses with its GOAWAY may be asked again."""
    secured.server.stop()
    secured.server.settings["handover"] = f"{secured.server.directory}/handover.sock"
    secured.server.start()
    with Crowd(secured, protocol) as crowd:
        secured.server.wait_for(lambda: crowd.answered > 400, 20, "answers")
        first = secured.server.run
        secured.server.run_once()
        assert first.process.wait(20) == 0
        before = crowd.answered
        secured.server.wait_for(lambda: crowd.answered > before + 400, 20, "answers of the second")
        assert all(thread.is_alive() for thread in crowd.threads), "nobody was turned away"
    assert crowd.lost == []


@pytest.mark.parametrize("protocol", ["http/1.1 over TLS", "h2"])
def test_new_certificates_under_load_lose_nothing(secured, protocol):
    """Three renewals by file change and by SIGHUP; connections of before go on, those of after see the new certificate."""
    with Crowd(secured, protocol) as crowd:
        for round in range(3):
            before = crowd.answered
            leaf = Pair("localhost", secured.middle)
            leaf.write(secured.server.directory)
            if round % 2:
                os.kill(secured.server.pid, signal.SIGHUP)
            secured.server.wait_for(lambda: secured.serial() == leaf.serial, 20, "the new certificate")
            secured.server.wait_for(lambda: crowd.answered > before + 200, 20, "answers")
    assert crowd.lost == []
