"""The state directory against closed descriptors, other writers, other owners, old copies and short-lived trouble."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from harness.process import BINARY, command

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
OTHER = 65_533


def without(*descriptors):
    """Closes standard descriptors right before the program begins."""

    def close():
        for descriptor in descriptors:
            os.close(descriptor)

    return close


@pytest.mark.parametrize("closed", [(2,), (1, 2), (0, 1, 2), (0,)])
def test_standard_descriptors_that_are_closed_never_become_files(make_server, closed):
    """Log lines went into the journal's segment."""
    server = make_server(alg="HS256")
    log = f"{server.directory}/log"
    text = " ".join(f"{number}>&-" for number in closed)
    environment = {f"MARTLET_{name.upper()}": str(value) for name, value in server.settings.items()}
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MARTLET_")}
    command = ["sh", "-c", f'exec "$0" serve {text}', BINARY]
    with open(log, "wb") as output:
        process = subprocess.Popen(
            command, cwd=server.directory, env=plain | environment, stdout=output, stderr=output
        )
    try:
        server.wait_for(lambda: answers(server), 20, "an answer")
        open_files = {number: os.readlink(f"/proc/{process.pid}/fd/{number}") for number in (0, 1, 2)}
        for number in closed:
            assert open_files[number] == "/dev/null", open_files
        session = server.login()
        assert server.http.post("/logout", json={"refresh_token": session.refresh}).status_code == 204
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert server.cli("journal", "verify", "--state", str(server.state_path)).returncode == 0
    server.start()
    assert server.refusal(session.access) == "session_revoked"


def answers(server) -> bool:
    try:
        return server.http.get("/healthz").status_code == 200
    except OSError:
        return False
    except Exception as error:  # httpx names its own
        return "refused" not in str(error).lower() and False


def test_commands_open_standard_descriptors_as_well(make_server):
    server = make_server(alg="HS256").start()
    server.stop()
    for command in (["journal", "compact"], ["journal", "repair"], ["keys", "list"]):
        words = " ".join(command)
        done = subprocess.run(["sh", "-c", f'exec "$0" {words} <&- >&- 2>&-', BINARY], cwd=server.directory, timeout=30)
        assert done.returncode == 0, command
    assert server.cli("journal", "verify", "--state", str(server.state_path)).returncode == 0


def test_a_lock_that_was_removed_ends_acknowledgements(make_server):
    """Two services wrote, and what the first one acknowledged was lost."""
    server = make_server(alg="HS256").start()
    session = server.login()
    (server.state_path / "LOCK").unlink()
    other = make_server(alg="HS256")
    other.settings |= {"state": str(server.state_path), "keys": str(server.keys_path), "issuer": server.url}
    other.start()
    refused = server.http.post("/logout", json={"refresh_token": session.refresh})
    assert refused.status_code == 503
    assert "journal_replaced" in server.operator.get("/readyz").text
    assert server.refusal(session.access) == "session_revoked", "it counts in memory"
    server.stop()
    assert other.stop() == 0
    assert server.cli("journal", "verify", "--state", str(server.state_path)).returncode == 0


def test_a_start_leaves_drafts_of_others_alone(make_server):
    server = make_server(alg="HS256").start()
    server.stop()
    (server.state_path / "notes.tmp").write_text("mine")
    (server.state_path / "0000000000000009-0000000000000009.jrn.tmp").write_text("ours")
    server.start()
    assert [path.name for path in server.state_path.glob("*.tmp")] == ["notes.tmp"]


@AS_ROOT
@pytest.mark.parametrize("command", [["accept"], ["compact"], ["repair"]])
def test_journal_commands_of_root_leave_files_that_the_service_can_open(make_server, command):
    server = make_server(alg="HS256").start()
    server.revoke(server.login().access)
    server.stop()
    for path in [server.state_path, *server.state_path.iterdir()]:
        os.chown(path, OTHER, OTHER)
    assert server.cli("journal", *command, "--state", str(server.state_path)).returncode == 0
    owners = {path.name: (path.stat().st_uid, path.stat().st_gid) for path in server.state_path.iterdir()}
    assert set(owners.values()) == {(OTHER, OTHER)}, owners


@AS_ROOT
def test_an_older_volume_is_refused_where_nothing_can_be_written_beside_it(make_server):
    """The image's layout: user 10001, a root that is read-only to it, state and keys as volumes of their own."""
    server = make_server(alg="HS256")
    root = server.directory / "lib"
    for name in ("state", "keys"):
        (root / name).mkdir(parents=True)
        os.chmod(root / name, 0o700)
        os.chown(root / name, 10001, 10001)
    os.chmod(server.directory, 0o755)
    os.chmod(server.directory.parent, 0o755)
    os.chown(server.users_path, 10001, 10001)
    binary = server.directory / "martlet"
    shutil.copy(BINARY, binary)
    environment = {f"MARTLET_{name.upper()}": str(value) for name, value in server.settings.items()} | {
        "MARTLET_STATE": str(root / "state"),
        "MARTLET_KEYS": str(root / "keys"),
        "MARTLET_OPERATOR_LISTEN": "",
    }

    def run() -> subprocess.Popen:
        return subprocess.Popen(
            [binary, "serve"], cwd=server.directory, env=environment, user=10001, group=10001, extra_groups=[],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )

    first = run()
    server.wait_for(lambda: answers(server), 20, "an answer")
    copy = server.directory / "copy"
    shutil.copytree(root / "state", copy)
    session = server.login()
    assert server.http.post("/logout", json={"refresh_token": session.refresh}).status_code == 204
    first.send_signal(signal.SIGTERM)
    log = first.communicate(timeout=20)[1].decode()
    assert first.returncode == 0 and "journal_sighting_unwritable" not in log
    assert (root / "keys" / "state.seen").read_text().startswith("martlet-journal-seen")
    assert not (root / "state.seen").exists()
    shutil.rmtree(root / "state")
    subprocess.run(["cp", "-a", copy, root / "state"], check=True)
    subprocess.run(["chown", "-R", "10001:10001", root / "state"], check=True)
    second = run()
    message = second.communicate(timeout=20)[1].decode()
    assert second.returncode == 2 and "was seen" in message and str(root / "keys" / "state.seen") in message
    accepted = subprocess.run([binary, "journal", "accept"], env=environment, capture_output=True, timeout=20)
    assert accepted.returncode == 0, accepted.stderr
    third = run()
    server.wait_for(lambda: answers(server), 20, "an answer")
    assert server.refusal(session.access) != ""
    third.send_signal(signal.SIGTERM)
    assert third.wait(20) == 0
    third.stderr.close()


def test_the_mark_lies_where_the_setting_says(make_server):
    server = make_server(alg="HS256")
    place = server.directory / "elsewhere"
    server.settings["seen"] = f"{place}/mark"
    failure = server.fail_to_start()
    assert failure.code == 75 and "MARTLET_SEEN" in failure.text
    place.mkdir()
    server.start()
    server.stop()
    assert (place / "mark").exists() and not (server.directory / "var.seen").exists()
    shutil.rmtree(server.state_path)
    assert "is empty" in server.fail_to_start().text
    accepted = server.cli("journal", "accept", "--state", str(server.state_path), "--seen", f"{place}/mark")
    assert accepted.returncode == 0, accepted.stderr
    server.start()


def test_a_lock_of_a_process_that_goes_away_is_waited_for(make_server):
    server = make_server(alg="HS256").start()
    server.stop()
    with open(server.state_path / "LOCK", "rb+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        threading.Timer(1.5, fcntl.flock, (lock, fcntl.LOCK_UN)).start()
        began = time.monotonic()
        server.start()
        assert time.monotonic() - began > 1.3
    server.stop()
    server.settings["lock_wait"] = "0s"
    with open(server.state_path / "LOCK", "rb+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        failure = server.fail_to_start()
        assert failure.code == 75 and "locked" in failure.text
        environment = os.environ | {"MARTLET_LOCK_WAIT": "0s"}
        done = subprocess.run(
            [BINARY, "journal", "compact", "--state", server.state_path], env=environment, capture_output=True, timeout=30
        )
        assert done.returncode == 75 and b"locked" in done.stderr


def test_a_volume_that_is_missing_may_come_later(make_server):
    server = make_server(alg="HS256")
    server.settings["state"] = "/not-there/x/state"
    assert server.fail_to_start().code == 75
    for words in (
        ["user", "add", "bob", "--users", "/not-there/x/users.json", "--password-stdin"],
        ["journal", "stat", "--state", "/not-there/x/state"],
    ):
        assert server.cli(*words, stdin="a long pass phrase").returncode == 75, words
    # A directory that is there, without the one that is named, is a mistake.
    assert server.cli("journal", "stat", "--state", f"{server.directory}/vra").returncode == 2


@AS_ROOT
@pytest.mark.parametrize("options", ["ro", "size=64k"])
def test_a_volume_that_is_read_only_or_full_may_get_well(make_server, options):
    server = make_server(alg="HS256")
    volume = server.directory / "volume"
    volume.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", volume], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip(f"no mount: {mounted.stderr}")
    try:
        server.settings["state"] = str(volume / "state")
        assert server.fail_to_start().code == 75
        if options == "ro":
            added = server.cli("user", "add", "bob", "--users", f"{volume}/users.json", "--password-stdin", stdin="a pass phrase")
            assert added.returncode == 75, added.stderr
    finally:
        subprocess.run(["umount", volume], check=True)


def test_an_older_copy_is_refused_after_a_crash(make_server):
    """The mark follows what is acknowledged within a second; a killed service writes nothing at its end."""
    server = make_server(alg="HS256").start()
    copy = server.directory / "copy"
    shutil.copytree(server.state_path, copy)
    session = server.login()
    assert server.http.post("/logout", json={"refresh_token": session.refresh}).status_code == 204
    mark = server.directory / "var.seen"
    before = mark.read_text()
    server.wait_for(lambda: mark.read_text() != before, 5, "the mark")
    server.kill()
    shutil.rmtree(server.state_path)
    shutil.copytree(copy, server.state_path)
    failure = server.fail_to_start()
    assert failure.code == 2 and "was seen" in failure.text and mark.name in failure.text


def test_nobody_is_given_a_session_that_the_journal_does_not_know(make_server):
    """A start after a crash goes on above every session id, so that its cuts reach all of them (durability.md, SESSION)."""
    server = make_server(alg="HS256").start()
    sids = [server.login().sid for _ in range(3)]
    server.kill()
    lines = server.cli("journal", "dump").stdout.splitlines()
    records = [json.loads(line) for line in lines]
    assert [record["key"] for record in records if record["kind"] == "SESSION"] == sids


def test_a_cut_reaches_every_session_although_the_clock_was_set_back_and_the_service_killed(make_server):
    """Session ids and cuts are compared by when they were made; a minted token has an id that no server gave out."""
    server = make_server(alg="HS256")
    clock = server.directory / "offset"
    clock.write_text("+0s\n")
    (library,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
    server.prefix = (
        "env", f"LD_PRELOAD={library}", "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1",
        "FAKETIME_SHARED=-guard -guard", f"FAKETIME_TIMESTAMP_FILE={clock}",
    )  # fmt: skip
    server.start()
    amy, session = server.people[0], server.login()
    clock.write_text("-30s\n")
    server.restart()
    assert server.refusal(session.access) == ""
    assert server.cut(username=amy.name).status_code == 200
    assert server.refusal(session.access) == "subject_revoked"
    assert server.refusal(server.login().access) == ""
    clock.write_text("+0s\n")
    time.sleep(1)
    settings = server.settings | {"users": server.users_path, "keys": server.keys_path, "state": server.state_path}
    minted = command("mint", "--user", amy.name, cwd=server.directory, **settings).stdout.strip()
    assert server.refusal(minted) == ""
    # Longer than a round in which the clock is looked at.
    time.sleep(1)
    clock.write_text("-30s\n")
    assert server.cut(username=amy.name).status_code == 200
    clock.write_text("+0s\n")
    assert {server.refusal(token) for token in (session.access, minted)} == {"subject_revoked"}
    assert server.refresh(session.refresh).status_code == 401


def test_a_secret_that_signs_everything_and_is_shared_is_warned_of(make_server):
    server = make_server(alg="HS256", audience="api,legacy", hs256_audiences="legacy").start()
    (event,) = server.events("own_secret_shared")
    assert (event["level"], event["shared_with"]) == ("warning", "legacy") and "MARTLET_ALG" in event["reason"]
    assert not make_server(alg="HS256", audience="api", hs256_audiences="").start().events("own_secret_shared")
