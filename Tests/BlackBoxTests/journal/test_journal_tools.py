"""`martlet journal stat | verify | dump | compact | repair`: what they find, what they leave alone, how they end."""

import json
import re
import shutil
import subprocess

import pytest

from faults.machine import traced
from harness.process import BINARY, command

HEADER, RECORD = 4096, 64


def tool(server, *words: str):
    return server.cli("journal", *words, "--state", str(server.state_path))


def records(server) -> list[dict]:
    done = tool(server, "dump")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def segments(server) -> list:
    return sorted(server.state_path.glob("*.jrn"))


def content(server) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in server.state_path.iterdir() if path.suffix in (".jrn", ".snap")}


@pytest.fixture()
def killed(make_server):
    """A server killed after three acknowledged revocations; their tokens, and where each record lies."""
    server = make_server(alg="HS256").start()
    server.tokens = [server.login().access for _ in range(3)]
    for token in server.tokens:
        assert server.revoke(token).status_code == 200
    server.kill()
    server.places = [entry["offset"] for entry in records(server) if entry["kind"] == "REVOKE_JTI"]
    assert len(server.places) == 3
    return server


def test_repair_drops_what_was_never_acknowledged_and_keeps_a_copy(killed):
    segment = segments(killed)[-1]
    octets = bytearray(segment.read_bytes())
    end = killed.places[-1] + RECORD
    octets[end : end + 10] = b"never done"
    segment.write_bytes(octets)
    assert tool(killed, "verify").returncode == 0, "a note, no damage"
    done = tool(killed, "repair")
    assert done.returncode == 0, done.stderr
    assert "64 bytes that were never acknowledged removed" in done.stdout
    copy = killed.state_path / done.stdout.split("a copy is in ")[1].strip()
    assert copy.read_bytes().startswith(b"never done")
    again = tool(killed, "repair")
    assert again.returncode == 0 and "nothing to repair" in again.stdout
    killed.run_once()
    assert {killed.refusal(token) for token in killed.tokens} == {"token_revoked"}


def test_repair_leaves_acknowledged_records_alone_until_told_that_they_are_lost(killed):
    segment = segments(killed)[-1]
    octets = bytearray(segment.read_bytes())
    octets[killed.places[1] + 20] ^= 0x10
    segment.write_bytes(octets)
    before = content(killed)
    verify = tool(killed, "verify")
    assert verify.returncode == 1 and f"offset {killed.places[1]}" in verify.stderr
    refused = tool(killed, "repair")
    assert refused.returncode == 1
    assert segment.name in refused.stderr and "--accept-loss" in refused.stderr
    assert content(killed) == before, "a refused repair changes nothing"
    highest = max(entry["seq"] for entry in map(json.loads, tool(killed, "dump").stdout.splitlines()))

    done = tool(killed, "repair", "--accept-loss")
    assert done.returncode == 0, done.stderr
    assert "6 records kept, 1 or more lost" in done.stdout
    copies = next(killed.state_path.glob("damaged-*"))
    assert {path.name: path.read_bytes() for path in copies.iterdir()} == before
    assert not list(killed.state_path.glob("repair*"))
    whole = tool(killed, "verify")
    assert whole.returncode == 0, whole.stderr
    assert min(entry["seq"] for entry in records(killed) if entry["kind"] == "OPEN") > highest, "no number comes twice"
    (began,) = re.findall(r"counted in epoch (\d+) from now on, from (\S+)\.$", done.stdout, re.M)
    killed.run_once()
    assert [killed.refusal(token) for token in killed.tokens] == ["token_revoked", "", "token_revoked"]
    # Followers may know the positions of what was lost, so none comes twice.
    epoch, seq = killed.revoke(killed.login().access).headers["revocation-seq"].split(":")
    assert epoch == began[0] and int(epoch) > 1 and int(seq) > int(began[1].split(":")[1]) >= 2 * 2**20


def test_repair_goes_on_without_a_segment_that_cannot_be_read_at_all(killed):
    killed.run_once()
    fourth = killed.login().access
    assert killed.revoke(fourth).status_code == 200
    killed.kill()
    first, last = segments(killed)[0], segments(killed)[-1]
    assert first != last
    first.write_bytes(bytes(first.stat().st_size))
    assert tool(killed, "repair").returncode == 1
    done = tool(killed, "repair", "--accept-loss")
    assert done.returncode == 0, done.stderr
    assert f"could not read any record of {first.name}" in done.stderr
    killed.run_once()
    assert killed.refusal(fourth) == "token_revoked"
    assert {killed.refusal(token) for token in killed.tokens} == {""}


def test_each_repair_begins_an_epoch_above_every_position_that_was_given(killed):
    given = 0
    for epoch in range(1, 4):
        found = [json.loads(line) for line in tool(killed, "dump").stdout.splitlines()]
        last = segments(killed)[-1]
        # The last one would look like what a crash left behind.
        place = [entry["offset"] for entry in found if entry["kind"] == "REVOKE_JTI" and "offset" in entry][-3]
        octets = bytearray(last.read_bytes())
        octets[place + 20] ^= 0x10
        last.write_bytes(octets)
        assert tool(killed, "repair").returncode == 1
        done = tool(killed, "repair", "--accept-loss")
        assert done.returncode == 0, done.stderr
        # Another repair finds nothing to do, so it begins none.
        assert "nothing to repair" in tool(killed, "repair", "--accept-loss").stdout
        killed.run_once()
        for _ in range(3):
            position = killed.revoke(killed.login().access).headers["revocation-seq"]
        assert int(position.split(":")[0]) > epoch and int(position.split(":")[1]) > given + 2**20
        given = int(position.split(":")[1])
        killed.kill()


CHANGING = "openat,mkdir,link,rename,unlink,rmdir,fallocate,ftruncate,write,pwrite64,fsync,fdatasync"


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_a_repair_that_is_killed_at_any_call_can_be_run_again(killed):
    """Whatever is left starts with every record that is whole, or not at all; the old files are there in either case."""
    segment = segments(killed)[0]
    octets = bytearray(segment.read_bytes())
    octets[killed.places[1] + 20] ^= 0x10
    segment.write_bytes(octets)
    damaged, kept = killed.state_path.with_name("damaged"), {killed.places[0], killed.places[2]}
    before = content(killed)
    seen = map(json.loads, tool(killed, "dump").stdout.splitlines())
    wanted = {entry["key"] for entry in seen if entry.get("offset") in kept}
    assert len(wanted) == 2
    killed.state_path.rename(damaged)

    def revoked() -> set[str]:
        return {entry["key"] for entry in records(killed) if entry["kind"] == "REVOKE_JTI"}

    repair = ["journal", "repair", "--accept-loss", "--state", str(killed.state_path)]
    deaths, dead = 0, True
    while dead:
        shutil.rmtree(killed.state_path, ignore_errors=True)
        shutil.copytree(damaged, killed.state_path)
        prefix = traced(CHANGING, f"signal=SIGKILL:when={deaths + 1}")
        done = subprocess.run([*prefix, BINARY, *repair], capture_output=True, timeout=30)
        assert done.returncode in (0, -9), done.stderr
        dead = done.returncode != 0
        deaths += dead
        if tool(killed, "verify").returncode == 0:
            assert revoked() == wanted
        again = tool(killed, "repair", "--accept-loss")
        assert again.returncode == 0, again.stderr
        assert revoked() == wanted
        assert any(
            {path.name: path.read_bytes() for path in copy.iterdir()} == before
            for copy in killed.state_path.glob("damaged-*")
        )
    assert deaths > 20
    print(f"killed at each of {deaths} calls")


def test_the_tools_read_a_running_server_and_change_nothing(make_server):
    server = make_server(alg="HS256").start()
    session = server.login()
    assert server.revoke(session.access).status_code == 200
    names = sorted(path.name for path in server.state_path.iterdir())
    for name in ("stat", "verify", "dump"):
        done = tool(server, name)
        assert done.returncode == 0, done.stderr
    for name in ("compact", "repair"):
        done = tool(server, name)
        assert done.returncode == 75 and "locked" in done.stderr, name
    assert sorted(path.name for path in server.state_path.iterdir()) == names
    server.stop()
    done = tool(server, "compact")
    assert done.returncode == 0, done.stderr
    # The revocation, and the end of a user who was disabled before the start.
    assert "2 kept" in done.stdout
    assert [path.suffix for path in sorted(server.state_path.glob("*.*"))].count(".snap") == 1
    server.run_once()
    assert server.refusal(session.access) == "token_revoked"


def test_a_dump_ends_quietly_when_its_reader_does(make_server):
    server = make_server(alg="HS256").start()
    session = server.login()
    for _ in range(900):
        assert server.revoke(session.access).status_code == 200
    server.stop()
    command = [BINARY, "journal", "dump", "--state", str(server.state_path)]
    whole = subprocess.run(command, capture_output=True, timeout=60)
    assert len(whole.stdout) > 150_000, "more than a pipe holds"
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as dump:
        assert json.loads(dump.stdout.readline())["seq"] == 1
        dump.stdout.close()
        errors = dump.stderr.read()
        assert dump.wait(timeout=60) == 0
    assert errors == b""


def test_wrong_command_lines_and_missing_directories_end_with_two(make_server, tmp_path):
    server = make_server()
    helped = server.cli("journal", "--help")
    assert helped.returncode == 0
    for word in ("stat", "verify", "dump", "compact", "repair", "--accept-loss", "Exit code"):
        assert word in helped.stdout
    missing = tmp_path / "nowhere"
    for words in (
        [],
        ["mend"],
        ["stat", "extra"],
        ["stat", "--accept-loss"],
        *([name, "--state", str(missing)] for name in ("stat", "verify", "dump", "compact", "repair")),
    ):
        done = server.cli("journal", *words)
        assert done.returncode == 2, (words, done.stdout, done.stderr)
        assert done.stderr and not done.stdout
    assert not missing.exists(), "a mistyped directory is not made"


@pytest.mark.parametrize("name", ("stat", "verify", "dump", "compact", "repair", "accept"))
def test_a_directory_without_a_journal_is_a_wrong_one(make_server, tmp_path, name):
    """Nothing is read there and called whole, and nothing is made there."""
    server = make_server()
    empty = tmp_path / "empty"
    empty.mkdir()
    done = server.cli("journal", name, "--state", str(empty))
    assert done.returncode == 2 and f"{empty} contains no journal" in done.stderr, (done.stdout, done.stderr)
    assert not done.stdout and list(empty.iterdir()) == []


def test_a_journal_that_is_gone_is_accepted_where_one_was_seen(make_server, tmp_path):
    server = make_server().start()
    server.stop()
    for file in server.state_path.iterdir():
        file.unlink()
    done = server.cli("journal", "accept", "--state", str(server.state_path), "--keys", str(server.keys_path))
    assert done.returncode == 0, done.stderr
    server.start()


def test_the_journal_is_named_by_the_shared_file_of_settings(make_server, tmp_path):
    server = make_server().start()
    server.stop()
    (tmp_path / "shared.env").write_text(f"MARTLET_STATE={server.state_path}\n")
    (tmp_path / "var").mkdir(exist_ok=True)
    done = command("journal", "stat", "--env-file", str(tmp_path / "shared.env"), cwd=tmp_path)
    assert done.returncode == 0 and str(server.state_path) in done.stdout, done.stderr
