"""Sockets that outlive a process: activation by a manager, a second process that takes over; Unix sockets' modes."""

import os
import signal
import socket
import stat

import pytest

from harness.busy import BusyClients
from harness.process import Run
from harness.server import free_port
from harness.wire import Wire, request


class Activated(Run):
    """A run that finds `sockets` from descriptor 3 on, as a service manager would leave them."""

    def __init__(self, server, sockets, names: str | None = None, pid: str = "$$"):
        copies = [os.dup(one.fileno()) for one in sockets]
        high = [os.dup2(copy, 200 + place, inheritable=True) for place, copy in enumerate(copies)]
        moves = " ".join(f"{3 + place}<&{number} {number}<&-" for place, number in enumerate(high))
        given = f"LISTEN_PID={pid} LISTEN_FDS={len(sockets)}" + (f" LISTEN_FDNAMES={names}" if names else "")
        script = f'exec {moves}; {given} exec "$0" "$@"'
        super().__init__(["serve"], server.directory, server.settings, prefix=["bash", "-c", script], passed=high)
        for number in [*copies, *high]:
            os.close(number)


def activate(server, sockets, names=None, pid="$$", addresses=3) -> Activated:
    run = Activated(server, sockets, names, pid)
    server.runs.append(run)
    run.await_listening(addresses)
    return run


def held(port: int = 0) -> socket.socket:
    one = socket.create_server(("127.0.0.1", port), backlog=1024)
    return one


def ask(address, target="/healthz") -> int:
    with Wire(address) as wire:
        wire.send(request("GET", target))
        return wire.answer().status


def test_a_socket_at_a_configured_address_is_used_in_its_place(make_server):
    server = make_server(alg="HS256")
    with held(server.port) as one:
        activate(server, [one])
        assert ask(server.address) == 200
        assert server.run.stop() == 0
        # The manager's copy still listens: who comes now waits for the next process.
        waiting = Wire(server.address)
        waiting.send(request("GET", "/healthz"))
        activate(server, [one])
        assert waiting.answer().status == 200
        waiting.close()


def test_a_socket_is_asked_for_by_its_name(make_server):
    server = make_server(alg="HS256", operator_listen="")
    server.settings["listen"] = "fd:web,fd:martlet.socket"
    with held() as one, held() as two:
        activate(server, [one, two], "martlet.socket:web", addresses=2)
        assert ask(one.getsockname()) == ask(two.getsockname()) == 200
        told = sorted(event["address"] for event in server.events("listening"))
        assert told == ["fd:martlet.socket", "fd:web"]


def test_a_socket_that_nobody_asks_for_ends_the_start(make_server):
    server = make_server(alg="HS256")
    with held() as one:
        run = Activated(server, [one], "web")
        assert run.process.wait(20) == 2
        run.pump.join(2)
        assert f"the socket «web» at 127.0.0.1:{one.getsockname()[1]} was passed" in run.text
    server.settings["listen"] = "fd:web"
    assert server.fail_to_start().code == 2


def test_sockets_for_another_process_are_none_of_ours(make_server):
    server = make_server(alg="HS256")
    with held() as one:
        activate(server, [one], pid="1")
        assert ask(server.address) == 200


def test_a_restart_under_activation_fails_no_request(make_server):
    """40 busy connections; the queue is the manager's and waits."""
    server = make_server(alg="HS256")
    with held(server.port) as one:
        activate(server, [one])
        token = server.login().access
        octets = request("GET", "/verify", Authorization=f"Bearer {token}")
        with BusyClients(server.address, octets) as busy:
            busy.await_served(400)
            assert server.run.stop() == 0
            activate(server, [one])
            busy.await_served(400)
        assert busy.failures == []


@pytest.mark.parametrize("keeps", [True, False], ids=["kept", "one-request"])
def test_a_second_process_takes_over_without_a_failed_request(make_server, keeps):
    """40 busy connections: what the first has not accepted, the second answers; what was revoked stays so."""
    server = make_server(alg="HS256", log_level="info")
    server.settings["handover"] = f"{server.directory}/handover.sock"
    server.start()
    mode = stat.S_IMODE(os.stat(server.settings["handover"]).st_mode)
    assert mode == 0o600
    session, gone = server.login(), server.login()
    octets = request("GET", "/verify", Authorization=f"Bearer {session.access}")
    with BusyClients(server.address, octets, keeps=keeps) as busy:
        busy.await_served(400)
        first = server.run
        assert server.revoke(gone.refresh).status_code == 200
        refreshed = server.refresh(session.refresh).json()["refresh_token"]
        server.run_once()
        assert first.process.wait(20) == 0
        busy.await_served(400)
    first.pump.join(2)
    assert busy.failures == []
    assert [event["event"] for event in first.events() if event["event"] in ("handed_over", "stopped")] == [
        "handed_over",
        "stopped",
    ]
    assert server.run.events("taking_over")[0]["sockets"] == 3
    assert server.refusal(gone.access) == "session_revoked"
    assert server.refresh(refreshed).status_code == 200
    # The operator's Unix socket went along, and the last process takes its file away.
    assert server.cut(sid=session.sid).status_code == 204 or server.refusal(session.access) == "session_revoked"
    assert server.stop() == 0
    assert not os.path.exists(f"{server.directory}/operator.sock")
    assert not os.path.exists(server.settings["handover"])


def test_a_successor_with_a_mistake_leaves_the_first_alone(make_server):
    server = make_server(alg="HS256")
    server.settings["handover"] = f"{server.directory}/handover.sock"
    server.start()
    users = server.users_path.read_text()
    server.users_path.write_text("{")
    assert server.fail_to_start().code == 2
    server.users_path.write_text(users)
    assert ask(server.address) == 200
    assert server.run.is_running and not server.events("handed_over")


def test_without_handover_a_second_process_is_refused(make_server):
    server = make_server(alg="HS256").start()
    failure = server.fail_to_start()
    assert failure.code == 75 and "Address already in use" in failure.text
    assert ask(server.address) == 200
    server.settings["listen"] = f"127.0.0.1:{free_port()}"
    server.settings["operator_listen"] = ""
    failure = server.fail_to_start()
    assert failure.code == 75 and "locked" in failure.text
    assert ask(server.address) == 200


def test_a_handover_socket_left_by_a_killed_process_is_replaced(make_server):
    server = make_server(alg="HS256")
    server.settings["handover"] = f"{server.directory}/handover.sock"
    server.start()
    server.restart()
    assert ask(server.address) == 200
    assert os.path.exists(server.settings["handover"])


def test_a_unix_socket_has_the_mode_asked_for_and_replaces_a_stale_one(make_server):
    server = make_server(alg="HS256")
    path = f"{server.directory}/service.sock"
    server.settings["listen"] += f",unix:{path}?mode=0600"
    server.start()
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(f"{server.directory}/operator.sock").st_mode) == 0o660
    assert ask(path) == 200
    server.restart()
    assert ask(path) == 200
    other = make_server(alg="HS256", listen=f"127.0.0.1:{free_port()},unix:{path}")
    failure = other.fail_to_start()
    assert failure.code == 75 and f"unix:{path} is served by another process" in failure.text
    os.kill(server.pid, signal.SIGTERM)
    assert server.run.process.wait(15) == 0
    assert not os.path.exists(path)
