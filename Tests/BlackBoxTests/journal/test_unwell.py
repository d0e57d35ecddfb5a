"""When the journal cannot be written: nothing false is promised, and verify goes on."""

import subprocess
import time

import pytest

from harness.server import Session


def limit_files(server, octets: str) -> None:
    """Lets the running process write no file beyond `octets`: every write fails as on a full disk."""
    subprocess.run(["prlimit", "--pid", str(server.pid), f"--fsize={octets}:unlimited"], check=True)


@pytest.fixture
def unwell(make_server):
    """A server whose disk filled up, with a session from before."""
    server = make_server(alg="HS256")
    server.shop = server.add_client("shop")
    server.start()
    server.before = [server.login() for _ in range(6)]
    server.gone = server.login()
    assert server.revoke(server.gone.access).status_code == 200
    limit_files(server, "0")
    yield server


def is_unavailable(answer) -> bool:
    return (
        answer.status_code == 503
        and answer.json()["code"] == "journal_unavailable"
        and int(answer.headers["retry-after"]) >= 1
    )


def test_a_full_disk_is_503_for_every_promise_while_verify_goes_on(unwell):
    """H15, M4: the process lives, readiness fails, what was revoked stays revoked."""
    one, two, three, four, five, _ = unwell.before
    assert is_unavailable(unwell.revoke(one.access))
    assert is_unavailable(unwell.http.post("/logout", json={"refresh_token": two.refresh}))
    assert unwell.refusal(two.access) == "session_revoked", "a denial counts in memory at once"
    assert is_unavailable(unwell.http.post("/logout", headers={"Authorization": f"Bearer {five.access}"}))
    assert is_unavailable(unwell.refresh(three.refresh))
    assert is_unavailable(
        unwell.http.post("/token", data={"grant_type": "refresh_token", "refresh_token": three.refresh})
    )
    assert is_unavailable(unwell.cut(sid=four.sid))
    assert unwell.run.is_running
    assert unwell.refusal(unwell.gone.access) == "token_revoked"
    assert unwell.refusal(three.access) == ""
    assert unwell.http.get("/healthz").status_code == 200
    assert unwell.operator.get("/livez").status_code == 200
    ready = unwell.operator.get("/readyz")
    assert ready.status_code == 503
    assert "journal" in ready.text
    unwell.wait_for(lambda: any(event["level"] == "error" for event in unwell.run.events()), 10, "the error in the log")


def test_no_thread_dies_of_a_limit_of_file_sizes(unwell):
    """The housekeeping writes once a second how far the journal has come, and the limit's signal ended the service."""
    time.sleep(2.2)
    assert unwell.run.is_running
    assert unwell.refusal(unwell.before[0].access) == ""


def test_a_full_disk_is_503_for_logins_too(unwell):
    """DESIGN 1.6: a session that could neither be refreshed nor revoked is not begun."""
    assert is_unavailable(unwell.revoke(unwell.before[0].access))
    assert is_unavailable(unwell.try_login("amy", unwell.people[0].password))


def test_after_a_restart_with_room_nothing_acknowledged_is_lost(unwell):
    """H12, H15: a refresh that failed with 503 works afterwards."""
    session = unwell.before[0]
    assert is_unavailable(unwell.refresh(session.refresh))
    assert is_unavailable(unwell.revoke(unwell.before[1].access))
    unwell.restart()
    assert unwell.refusal(unwell.gone.access) == "token_revoked"
    rotated = unwell.refresh(session.refresh)
    assert rotated.status_code == 200
    assert unwell.refusal(Session(rotated.json()).access) == ""
    assert unwell.operator.get("/readyz").status_code == 200


def test_revocations_that_got_503_are_recorded_when_there_is_room_again(unwell):
    """A client that signed out need not ask again, and cannot with an access token that is revoked by now."""
    one, two, three, *_ = unwell.before
    answer = unwell.http.post("/logout", headers={"Authorization": f"Bearer {one.access}"})
    assert is_unavailable(answer) and answer.json()["detail"].startswith("The revocation applies now.")
    assert is_unavailable(unwell.revoke(two.access)) and is_unavailable(unwell.cut(sid=three.sid))
    limit_files(unwell, "unlimited")
    event = unwell.wait_for(lambda: unwell.events("lost_revocations_recorded"), 40, "the record")[0]
    assert event["count"] == 3
    time.sleep(0.5)
    unwell.kill()
    unwell.run_once()
    refusals = [unwell.refusal(session.access) for session in (one, two, three)]
    assert refusals == ["session_revoked", "token_revoked", "session_revoked"]


def test_with_room_again_it_heals_without_a_restart(unwell):
    """H15, M4: nothing acknowledged is lost, and what failed can be asked for again."""
    session = unwell.before[0]
    assert is_unavailable(unwell.refresh(session.refresh))
    limit_files(unwell, "unlimited")
    unwell.wait_for(lambda: unwell.operator.get("/readyz").status_code == 200, 10, "readiness")
    rotated = unwell.refresh(session.refresh)
    assert rotated.status_code == 200
    assert unwell.revoke(unwell.before[1].access).status_code == 200
    events = [event["event"] for event in unwell.run.events()]
    assert "journal_unwritable" in events and "journal_healed" in events
    unwell.restart()
    assert unwell.refusal(unwell.gone.access) == "token_revoked"
    assert unwell.refusal(unwell.before[1].access) == "token_revoked"
    assert unwell.refresh(Session(rotated.json()).refresh).status_code == 200


def test_no_room_at_start_refuses_with_a_message(make_server):
    """DESIGN 7: unwritable state stops the start and leaves the files alone."""
    server = make_server(alg="HS256").start()
    server.revoke(server.login().access)
    server.stop()
    mount = (
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(server.directory / "tiny")], capture_output=True
        )
        if not (server.directory / "tiny").mkdir()
        else None
    )
    if mount.returncode != 0:
        pytest.skip("mounting a tmpfs needs root")
    try:
        server.settings["state"] = str(server.directory / "tiny")
        failure = server.fail_to_start()
        assert failure.code not in (0, None)
        assert "tiny" in failure.text
    finally:
        subprocess.run(["umount", str(server.directory / "tiny")], check=True)
    server.settings.pop("state")
    server.run_once()
    assert server.http.get("/healthz").status_code == 200
