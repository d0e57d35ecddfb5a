"""Starting, reloading and refusing to: one message that names file, line or variable and what is expected."""

import fcntl
import json
import os
import shutil
import signal
import struct
import time
from pathlib import Path

import pytest

from faults.machine import traced
from harness.accounts import AMY
from harness.process import Run, StartFailed, command
from harness.tokens import b64url


def snapshot(directory: Path) -> dict[str, tuple]:
    """Every file below a directory with its mode and octets."""
    return {
        str(path.relative_to(directory)): (path.stat().st_mode, path.read_bytes() if path.is_file() else None)
        for path in sorted(directory.rglob("*"))
        if not path.is_socket()
    }


def refuses(server, *words: str) -> str:
    """The server must not start, must say `words`, exit with 2 and change nothing."""
    before = snapshot(server.directory)
    failure = server.fail_to_start()
    assert failure.code == 2, failure.text
    for word in words:
        assert word in failure.text, failure.text
    assert snapshot(server.directory) == before
    return failure.text


@pytest.fixture
def stopped(make_server):
    """A server that has run once, so that its keys and state are there."""
    server = make_server(alg="HS256").start()
    server.kill()
    return server


BROKEN_USERS = {
    "a missing brace": ('{"users": [\n  {"id": "x"\n]}', "users.json", "3"),
    "a trailing comma": ('{"users": [\n],\n}', "users.json", "3"),
    "another type": ('{"users": {}}', "users.json", "users"),
    "a list on top": ("[]", "users.json"),
    "an empty file": ("", "users.json"),
}


@pytest.mark.parametrize("case", BROKEN_USERS.values(), ids=BROKEN_USERS)
def test_a_broken_users_file_stops_the_start(stopped, case):
    """The message names the file and the line."""
    text, *words = case
    stopped.users_path.write_text(text)
    refuses(stopped, *words)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"username": ""}, "username"),
        ({"username": " amy"}, "username"),
        ({"username": "a\u0000b"}, "username"),
        ({"id": "not a uuid"}, "id"),
        ({"scopes": ["with space"]}, "scope"),
        ({"scopes": "read"}, "scopes"),
        ({"roles": [1]}, "roles"),
        ({"disabled": "no"}, "disabled"),
        ({"claims": []}, "claims"),
    ],
)
def test_a_users_file_with_a_wrong_member_stops_the_start(stopped, change, word):
    """And says which member, and what it should be."""
    stopped.users_path.write_text(json.dumps({"users": [AMY.entry() | change]}, indent=2))
    refuses(stopped, "users.json", word)


def test_two_users_of_one_name_or_id_stop_the_start(stopped):
    """Duplicates have no one meaning."""
    one = AMY.entry()
    other = one | {"username": "amy2"}
    stopped.users_path.write_text(json.dumps({"users": [one, other]}))
    refuses(stopped, "users.json")
    stopped.users_path.write_text(json.dumps({"users": [one, one | {"id": "11111111-1111-4111-8111-111111111111"}]}))
    refuses(stopped, "users.json", "name")
    text = json.dumps({"users": [one]}).replace('"disabled"', '"disabled": true, "disabled"')
    stopped.users_path.write_text(text)
    refuses(stopped, "users.json", "once")


def key_files(server) -> list[Path]:
    return sorted(path for path in server.keys_path.iterdir() if path.suffix == ".jwk")


def refresh_key(server) -> Path:
    return next(path for path in key_files(server) if json.loads(path.read_text()).get("purpose") == "refresh")


def access_key(server) -> Path:
    return next(path for path in key_files(server) if json.loads(path.read_text()).get("purpose") == "access")


def rewrite(path: Path, **members) -> str:
    key = json.loads(path.read_text()) | members
    path.write_text(json.dumps({name: value for name, value in key.items() if value is not None}))
    return path.name


def spoil(path: Path) -> str:
    path.write_text("{")
    return path.name


BROKEN_KEYS = {
    "no JSON": lambda s: spoil(access_key(s)),
    "a short secret": lambda s: rewrite(refresh_key(s), k=b64url(os.urandom(31))),
    "a secret of one octet repeated": lambda s: rewrite(refresh_key(s), k=b64url(b"a" * 32)),
    "an encryption key": lambda s: rewrite(refresh_key(s), use="enc"),
    "an unknown type": lambda s: rewrite(refresh_key(s), kty="EC"),
    "no secret": lambda s: rewrite(refresh_key(s), k=None),
    "an unknown algorithm": lambda s: rewrite(refresh_key(s), alg="none"),
    "padding": lambda s: rewrite(refresh_key(s), k="A" * 43 + "="),
}


@pytest.mark.parametrize("breaks", BROKEN_KEYS.values(), ids=BROKEN_KEYS)
def test_a_broken_key_file_stops_the_start(stopped, breaks):
    """B4, B5, B23: the message names the file, never the key."""
    names = [path.name for path in key_files(stopped)]
    secrets = [json.loads(path.read_text()).get("k", "") for path in key_files(stopped)]
    name = breaks(stopped)
    assert name in names
    text = refuses(stopped, name)
    assert not any(secret and secret in text for secret in secrets)


def test_a_key_file_that_others_may_read_stops_the_start(stopped):
    """B22: mode 0644."""
    path = refresh_key(stopped)
    path.chmod(0o644)
    refuses(stopped, path.name, "0644", "chmod 600")


def access_list(**permissions: int) -> bytes:
    """An access control list of a file in the kernel's form: the owner and a mask of read and write, and named users."""
    entries = [(1, 6, -1), *((2, bits, int(user.removeprefix("u"))) for user, bits in permissions.items())]
    entries += [(4, 0, -1), (0x10, 6, -1), (0x20, 0, -1)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)


def test_an_access_control_list_counts_as_what_it_grants(stopped):
    """The mode shows the list's mask: it neither tells who else may read, nor that it is the service itself."""
    path = access_key(stopped)
    try:
        os.setxattr(path, "system.posix_acl_access", access_list(u12345=4))
    except OSError as error:
        pytest.skip(f"no access control lists here: {error}")
    assert path.stat().st_mode & 0o777 == 0o660
    refuses(stopped, path.name, "user 12345, by an access control list", "setfacl -x u:12345 ")
    os.setxattr(path, "system.posix_acl_access", access_list(**{f"u{os.geteuid()}": 4}))
    if os.geteuid() == 0:
        os.chown(path, -1, 12345)
    stopped.start()


@pytest.mark.parametrize("setting", ["users", "clients"])
def test_accounts_in_a_directory_that_is_missing_stop_the_start(make_server, setting):
    """Their volume is not mounted, or the name has a mistake: nobody could log in."""
    server = make_server(alg="HS256", **{setting: "absent/file.json"})
    failure = server.fail_to_start()
    assert failure.code == 75
    assert f"absent/file.json: the directory {server.directory}/absent does not exist" in failure.text
    assert not server.keys_path.exists() and not server.state_path.exists()
    checked = command("serve", "--check", cwd=server.directory, **server.settings)
    assert checked.returncode == 2 and "does not exist" in checked.stderr
    (server.directory / "absent").mkdir()
    server.start()


def test_a_signal_ends_a_start_that_waits(make_server):
    """For as long as MARTLET_LOCK_WAIT a start waits for the lock; a manager that stops it must not wait as well."""
    server = make_server(alg="HS256", lock_wait="5m").start()
    server.stop()
    with (server.state_path / "LOCK").open("r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.truncate()
        lock.write(b"leaving\n")
        lock.flush()
        for number in (signal.SIGTERM, signal.SIGINT):
            run = Run(["serve"], server.directory, server.settings)
            deadline = time.monotonic() + 20
            while not any(path.read_text() == "signals\n" for path in Path(f"/proc/{run.pid}/task").glob("*/comm")):
                assert run.is_running and time.monotonic() < deadline, run.text
                time.sleep(0.02)
            os.kill(run.pid, signal.SIGHUP)
            os.kill(run.pid, number)
            assert run.stop(seconds=10) == 0
            assert [event["signal"] for event in run.events("start_abandoned")] == [number]
            assert run.events("listening") == []
    server.start()


def test_a_missing_refresh_secret_in_a_filled_directory_stops_the_start(stopped):
    """An empty directory is filled; one that lost a key is not silently mended."""
    refresh_key(stopped).unlink()
    refuses(stopped, "refresh")


def test_two_keys_of_one_kid_stop_the_start(stopped):
    """C2."""
    path = refresh_key(stopped)
    shutil.copy2(path, path.with_name("copy" + path.suffix))
    refuses(stopped, json.loads(path.read_text())["kid"])


def test_an_empty_keys_directory_is_filled_and_said_so(make_server):
    """DESIGN 10: files of mode 0600 with a kid each; the second start takes them as they are."""
    server = make_server(people=())
    server.keys_path.mkdir(mode=0o700)
    server.start()
    made = snapshot(server.keys_path)
    assert len(key_files(server)) >= 2
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in key_files(server))
    for path in key_files(server):
        assert json.loads(path.read_text())["kid"] in server.log
    server.restart()
    assert snapshot(server.keys_path) == made


def test_all_mistakes_in_the_settings_are_reported_at_once(make_server):
    """Every variable, unknown names included, and what is expected of each."""
    server = make_server(
        access_ttl="5 parsecs", refresh_grace="-1s", threads="many", no_such_setting="1", alg="HS999", argon2_memory="8"
    )
    text = refuses(
        server,
        "MARTLET_ACCESS_TTL",
        "MARTLET_REFRESH_GRACE",
        "MARTLET_THREADS",
        "MARTLET_NO_SUCH_SETTING",
        "MARTLET_ALG",
        "MARTLET_ARGON2_MEMORY",
    )
    assert "RS256" in text and "HS256" in text


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("access_ttl", "29s"),
        ("access_ttl", "61m"),
        ("refresh_grace", "61s"),
        ("leeway", "61s"),
        ("audience", ""),
        ("audience", "a,a"),
        ("issuer", "not a url"),
        ("issuer", "http://a.example/?q=1"),
        ("listen", "nowhere"),
        ("listen", "127.0.0.1:99999"),
        ("log", "xml"),
        ("log_level", "loud"),
        ("hash_workers", "0"),
        ("hs256_audiences", "unheard-of"),
        ("access_ttl", "99999999999999999999d"),
        ("connections", "0"),
    ],
)
def test_a_setting_out_of_range_stops_the_start(make_server, setting, value):
    """And is named."""
    server = make_server(**{setting: value})
    refuses(server, f"MARTLET_{setting.upper()}")


def test_a_flag_is_the_same_as_its_variable_and_unknown_flags_are_refused(make_server):
    """DESIGN 11: `--access-ttl 5m` wins over nothing set."""
    server = make_server(alg="HS256").start(arguments=("--access-ttl", "5m"))
    assert server.login().body["expires_in"] == 300
    done = command("serve", "--no-such-flag", "1", cwd=server.directory)
    assert done.returncode == 2
    assert "--no-such-flag" in done.stderr


def test_an_address_in_use_stops_the_start_and_is_named(make_server):
    """The message names the address."""
    first = make_server(alg="HS256").start()
    second = make_server(alg="HS256", listen=f"127.0.0.1:{first.port}")
    failure = second.fail_to_start()
    assert failure.code == 75
    assert str(first.port) in failure.text
    assert not second.state_path.exists() and not second.keys_path.exists()


@pytest.mark.parametrize(
    ("listen", "word"),
    [
        ("auth.internal:8080", "IP address"),
        ("*:8080", "IP address"),
        (":8080", "IP address"),
        ("8080", "IP address"),
        ("http://127.0.0.1:8080", "IP address"),
        ("127.0.0.1:18080,0.0.0.0:18080", "overlaps with"),
        ("fd:web", "fd:web"),
        ("unix:users.json", "not a socket"),
    ],
)
def test_a_mistake_in_an_address_is_found_before_anything_is_made(make_server, listen, word):
    server = make_server(alg="HS256", listen=listen)
    refuses(server, word)
    assert not server.state_path.exists() and not server.keys_path.exists()


def test_a_socket_in_a_missing_directory_is_found_before_anything_is_made(make_server):
    server = make_server(alg="HS256")
    server.settings["listen"] = f"unix:{server.directory}/not-there/a.sock"
    failure = server.fail_to_start()
    assert failure.code == 75 and "not-there/a.sock" in failure.text
    assert not server.state_path.exists() and not server.keys_path.exists()


def test_version_and_help_answer_without_any_setup(make_server):
    """And an unknown command does not."""
    server = make_server(people=())
    version = server.cli("version")
    assert version.returncode == 0 and any(letter.isdigit() for letter in version.stdout)
    help_text = server.cli("help").stdout
    for word in ("serve", "user", "client", "journal", "openapi", "healthcheck"):
        assert word in help_text
    unknown = server.cli("dance")
    assert unknown.returncode == 2
    assert "dance" in unknown.stderr


def test_healthcheck_follows_the_service(make_server):
    """For containers: 0 while it listens, not 0 after."""
    server = make_server(alg="HS256").start()
    listen = {"listen": server.settings["listen"]}
    assert command("healthcheck", cwd=server.directory, **listen).returncode == 0
    server.stop()
    assert command("healthcheck", cwd=server.directory, **listen).returncode != 0


@pytest.mark.parametrize("how", ["SIGHUP", "polling"])
def test_a_bad_reload_keeps_the_old_state_and_says_so(make_server, how):
    """DESIGN 11: and a good one afterwards is taken."""
    server = make_server(alg="HS256").start()
    session = server.login()
    good = server.users_path.read_text()
    mark = len(server.run.chunks)
    server.users_path.write_text(good[:-4])
    if how == "SIGHUP":
        os.kill(server.pid, signal.SIGHUP)
    said = server.wait_for(lambda: [line for line in server.run.chunks[mark:] if "users.json" in line], 10)
    assert json.loads(said[0])["level"] in ("error", "warning", "warn")
    assert server.refusal(session.access) == ""
    server.login()
    people = json.loads(good)
    people["users"] = [user for user in people["users"] if user["username"] != "amy"]
    server.users_path.write_text(json.dumps(people))
    server.wait_for(lambda: server.refusal(session.access), 10, "the reload")
    assert server.try_login("amy", AMY.password).status_code == 401


def test_text_logs_are_for_people(make_server):
    """MARTLET_LOG=text."""
    server = make_server(alg="HS256", log="text").start()
    server.login()
    assert server.run.events() == []
    assert "listening" in server.log


def test_socket_and_state_are_closed_to_others(make_server):
    """B22, DESIGN 7: directory 0700, files 0600."""
    server = make_server(alg="HS256").start()
    server.revoke(server.login().access)
    assert server.state_path.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in server.state_path.iterdir())
    assert (server.directory / "operator.sock").stat().st_mode & 0o007 == 0
    server.stop()
    assert not (server.directory / "operator.sock").exists()


def test_a_thread_that_cannot_be_started_ends_the_start_or_is_one_of_several_loops(make_server):
    """A process that may have no more threads must not serve without the one that takes signals or reads accounts again."""
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    refused, served = [], 0
    for number in range(1, 20):
        server = make_server(
            alg="HS256", threads=2, access_log="./access.log", handover="handover", hash_workers=1, drain_timeout="2s"
        )
        # The number counts for every thread by itself, and only the first one starts others.
        server.prefix = traced("clone3", f"error=EAGAIN:when={number}")
        try:
            server.start()
        except StartFailed as failure:
            assert failure.code == 75
            refused.append(failure.text.splitlines()[-1])
            continue
        assert server.login().access
        assert server.stop() == 0
        served += 1
        if served == 3:
            break
    for name in ("journal", "hash-0", "access-log", "housekeeping", "compaction", "signals", "handover"):
        assert any(name in line for line in refused), refused
    assert served == 3, "without either loop's thread, and with both"
