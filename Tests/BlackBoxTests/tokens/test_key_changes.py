"""Changes of keys that take effect or fail, and who may own the files."""

import json
import os
import shutil

import pytest

from harness.process import command
from harness.tokens import header_of

USER, GROUP = 23_456, 20_001
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="changes owners")


def drop():
    os.setgroups([GROUP])
    os.setgid(USER)
    os.setuid(USER)


def own(path, user=USER, group=USER):
    for folder, _, names in os.walk(path):
        os.chown(folder, user, group)
        for name in names:
            os.chown(os.path.join(folder, name), user, group)


@pytest.fixture
def foreign(make_server):
    """A stopped server whose files belong to a user of their own."""
    server = make_server().start()
    server.stop()
    for parent in (server.directory, server.directory.parent):
        parent.chmod(parent.stat().st_mode | 0o011)
    own(server.directory)
    return server


def compromise(server, kid, **settings):
    return command("keys", "compromise", "--", kid, cwd=server.directory, **(server.settings | settings))


def test_a_change_is_confirmed_by_the_running_service(make_server):
    server = make_server().start()
    kid = header_of(server.login().access)["kid"]
    for words in (["rotate", "--lead", "0s"], ["retire", "--", kid], ["promote", "--", kid], ["compromise", "--", kid]):
        done = server.cli("keys", *words)
        assert done.returncode == 0 and f"applied by the running service (process {server.pid})" in done.stderr, done
    assert kid not in {key["kid"] for key in server.http.get("/.well-known/jwks.json").json()["keys"]}


@pytest.mark.parametrize("words, token", [(["--lead", "0s"], "access"), (["--refresh", "--lead", "1s"], "refresh")])
def test_a_rotation_without_a_lead_is_confirmed_when_the_service_signs_with_the_new_key(make_server, words, token):
    server = make_server().start()
    for _ in range(3):
        done = server.cli("keys", "rotate", *words)
        kid = done.stdout.strip()
        assert done.returncode == 0 and f"{kid} signs now" in done.stderr, done
        assert header_of(getattr(server.login(), token))["kid"] == kid
    done = server.cli("keys", "rotate", *words[:-1], "1h")
    assert done.returncode == 0 and "applied by the running service" in done.stderr and "signs now" not in done.stderr


def test_a_change_that_cannot_be_confirmed_fails(make_server):
    server = make_server().start()
    session = server.login()
    kid = header_of(session.access)["kid"]
    other = f"unix:{server.directory}/nobody.sock"
    for listen, reason in ((f"127.0.0.1:{server.operator_port}", "names no Unix socket"), (other, "no service listens")):
        done = compromise(server, kid, operator_listen=listen)
        assert done.returncode == 1 and "compromise is not confirmed" in done.stderr and reason in done.stderr, done
        assert "is rejected" not in done.stderr
    # The file says so all the same.
    server.wait_for(lambda: server.refusal(session.access), 10, "the refusal")


def test_a_compromise_counts_beside_a_file_that_cannot_be_read(make_server):
    server = make_server().start()
    session = server.login()
    (server.keys_path / "half.jwk").write_text('{"kty": "oct"')
    done = server.cli("keys", "compromise", "--", header_of(session.access)["kid"])
    assert done.returncode == 1 and "half.jwk" in done.stderr, done
    server.wait_for(lambda: server.refusal(session.access), 2, "the refusal")
    (server.keys_path / "half.jwk").unlink()
    made = done.stdout.strip()
    served = lambda: server.http.get("/.well-known/jwks.json").json()["keys"]  # noqa: E731
    server.wait_for(lambda: made in {key["kid"] for key in served()}, 10, "the successor")
    assert header_of(server.login().access)["kid"] == made


@needs_root
def test_a_compromise_by_root_takes_effect_in_a_service_of_another_user(foreign):
    foreign.run_once(drop)
    session = foreign.login()
    done = foreign.cli("keys", "compromise", "--", header_of(session.access)["kid"])
    assert done.returncode == 0 and "applied by the running service" in done.stderr, done
    assert foreign.refusal(session.access) in ("kid_unknown", "key_revoked")
    made = next(foreign.keys_path.glob(f"*{done.stdout.strip()}*"))
    assert (made.stat().st_uid, made.stat().st_gid) == (USER, USER)
    assert header_of(foreign.login().access)["kid"] == done.stdout.strip()


@needs_root
@pytest.mark.parametrize("mode, user, group, is_good", [
    (0o400, USER, USER, True), (0o440, 0, GROUP, True), (0o640, 0, GROUP, True), (0o660, USER, GROUP, True),
    (0o640, USER, 500, False), (0o444, 0, GROUP, False), (0o600, 500, GROUP, False),
])  # fmt: skip
def test_keys_of_root_or_of_the_service_may_be_open_to_its_groups_only(foreign, mode, user, group, is_good):
    for path in foreign.keys_path.iterdir():
        os.chown(path, user, group)
        path.chmod(mode)
    foreign.keys_path.chmod(0o2770)
    os.chown(foreign.keys_path, 0, GROUP)
    if is_good:
        foreign.run_once(drop)
        assert foreign.login().access
        return
    said = foreign_fault(foreign)
    assert "belongs to user 500" in said if user == 500 else f"mode 0{mode:o}" in said, said


def foreign_fault(server) -> str:
    try:
        server.run_once(drop)
    except Exception as failure:
        return str(failure)
    raise AssertionError("the service started")


@needs_root
def test_a_directory_of_keys_that_everyone_may_write_stops_the_start(foreign):
    foreign.keys_path.chmod(0o777)
    assert "every user of this machine may write here" in foreign_fault(foreign)


@needs_root
def test_an_account_that_root_changes_beside_a_service_of_another_user_still_gets_its_stronger_hash(foreign):
    """A lock file of root kept the service from storing hashes."""
    bcrypt = "$2b$04$abcdefghijklmnopqrstuuugKlsa1p5jkKRnTNrUebersfHaxo5bO"
    done = foreign.cli("user", "add", "bea", "--hash", bcrypt)
    assert done.returncode == 0, done.stderr
    lock = foreign.users_path.with_name("users.json.lock")
    assert lock.stat().st_uid == USER
    # As earlier versions left it.
    os.chown(lock, 0, 0)
    lock.chmod(0o600)
    foreign.run_once(drop)
    assert foreign.http.post("/login", json={"username": "bea", "password": "pw-bea"}).status_code == 200

    def stored():
        users = json.loads(foreign.users_path.read_text())["users"]
        return next(user["password"] for user in users if user["username"] == "bea")

    foreign.wait_for(lambda: stored().startswith("$argon2id$"), 10, "the stronger hash")


def test_users_that_are_away_for_a_moment_are_not_locked_out(make_server):
    server = make_server().start()
    session = server.login()
    away = server.users_path.with_suffix(".away")
    server.users_path.rename(away)
    server.wait_for(lambda: [e for e in server.events("reload_failed") if e["what"] == "users"], 10, "the failed reload")
    assert server.refusal(session.access) == ""
    assert server.login().access
    away.rename(server.users_path)
    server.wait_for(lambda: [e for e in server.events("reloaded") if e["what"] == "users"], 10, "the reload")
    shutil.copy(server.users_path, away)
    server.users_path.write_text('{"users": []}')
    server.wait_for(lambda: server.events("accounts_emptied"), 10, "the warning")
    assert server.events("accounts_emptied")[0]["after"] == 0
    assert server.refusal(session.access) != ""
