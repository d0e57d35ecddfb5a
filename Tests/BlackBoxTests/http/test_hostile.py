"""Over two hundred messages against the running service, plain and over TLS: one answer or the close, never two answers to
one message, and no connection that outlives its deadline."""

import time

import pytest

from harness.hostile import CLOSE, GOES_ON, REFUSED, UNFINISHED
from harness.messages import get
from harness.secured import Secured

DEADLINE = 3.0
SLACK = 3.0
# Would be served if it were taken for a message: behind a refused one nothing is.
CANARY = get(b"/openapi.yaml")


@pytest.fixture(scope="module")
def secured(fleet):
    """A server with a plain and a TLS address and little patience."""
    secured = Secured(fleet.make, alg="HS256", head_timeout="3s", body_timeout="3s", idle_timeout="3s")
    secured.server.start()
    yield secured
    fleet.close(secured.server)


@pytest.fixture(params=["plain", "tls"])
def connect(request, secured):
    return secured.server.wire if request.param == "plain" else secured.wire


def statuses(wire) -> list[int]:
    wire.asked = [("", "")] * 9
    return [answer.status for answer in wire.answers()]


@pytest.mark.parametrize(("octets", "allowed"), REFUSED.values(), ids=REFUSED.keys())
def test_a_refused_message_gets_one_answer_and_the_close(connect, octets, allowed):
    """L1 to L6: the status is the one that fits, and what stands behind the message is never served."""
    allowed = allowed if isinstance(allowed, tuple) else (allowed,)
    began = time.monotonic()
    with connect() as wire:
        wire.send(octets + CANARY)
        found = statuses(wire)
        closed = wire.is_closed(within=0.1) or wire.buffer == b""
    assert closed and time.monotonic() - began < DEADLINE + SLACK
    assert len(found) == 1 or found == [] and CLOSE in allowed, found
    assert set(found) <= set(allowed)


@pytest.mark.parametrize(("octets", "status"), GOES_ON.values(), ids=GOES_ON.keys())
def test_a_sound_message_is_served_and_ends_where_it_says(connect, octets, status):
    """The message behind it is answered as itself."""
    with connect() as wire:
        wire.send(octets + CANARY)
        wire.asked = [("", "")] * 2
        first, second = wire.answer(), wire.answer()
    assert first.status == status
    assert second.status == 200 and second.body.startswith(b"openapi:")


def test_a_message_that_breaks_off_is_given_up_at_its_deadline(connect):
    """408 or the close, not before the time is over and soon after."""
    wires = {name: connect() for name in UNFINISHED}
    began = time.monotonic()
    for name, octets in UNFINISHED.items():
        wires[name].send(octets)
    found = {}
    for name, wire in wires.items():
        wire.socket.settimeout(max(0.1, began + DEADLINE + SLACK - time.monotonic()))
        wire.asked = [("", "")] * 9
        answers = []
        try:
            while True:
                answers.append(wire.answer().status)
        except TimeoutError:
            answers.append("still open")
        except Exception as end:
            answers += ["cut short"] * bool(end.args and end.args[0])
        found[name] = answers
        wire.close()
    allowed = ([], [408], [100, 408], [200, 408])
    assert {name: answers for name, answers in found.items() if answers not in allowed} == {}
    assert time.monotonic() - began >= DEADLINE / 2


def test_the_answers_do_not_depend_on_how_messages_are_cut(secured):
    """Each refused message once more in two pieces, cut where its line ends, and each sound one, octet by octet."""
    found = {}
    for name, (octets, allowed) in REFUSED.items():
        allowed = allowed if isinstance(allowed, tuple) else (allowed,)
        at = max(1, octets.rfind(b"\n", 0, 400) - 1)
        with secured.server.wire() as wire:
            wire.send(octets[:at])
            time.sleep(0.002)
            wire.send(octets[at:] + CANARY)
            answers = statuses(wire)
        if len(answers) > 1 or not set(answers) <= set(allowed) or answers == [] and CLOSE not in allowed:
            found[name] = answers
    for name, (octets, status) in GOES_ON.items():
        with secured.server.wire() as wire:
            for octet in octets:
                wire.send(bytes([octet]))
            if (answer := wire.answer().status) != status:
                found[name] = answer
    assert found == {}
    assert secured.server.http.get("/healthz").status_code == 200
