"""Commands on a terminal: passwords are asked for twice and never shown, long journal commands show their progress."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import termios
import time

import pytest

from harness.process import BINARY, environment
from harness.server import Session

PASSWORD = "typed on a terminal 4"


def converse(arguments: list[str], lines: list[str], cwd) -> tuple[int, str, bool]:
    """Runs a command on a pseudo-terminal; answers its exit code, what it showed, and whether echo is back on."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.execve(BINARY, [BINARY, *arguments], environment({}))
    shown = ""
    deadline = time.monotonic() + 15
    waiting = list(lines)
    while time.monotonic() < deadline:
        ready, _, _ = select.select([terminal], [], [], 0.1)
        if ready:
            try:
                octets = os.read(terminal, 4096)
            except OSError:
                break
            if not octets:
                break
            shown += octets.decode("utf-8", "replace")
        elif waiting and shown.count(": ") > len(lines) - len(waiting) and not is_echo_on(terminal):
            os.write(terminal, waiting.pop(0).encode() + b"\n")
            time.sleep(0.05)
    else:
        os.kill(pid, signal.SIGKILL)
    is_echoing = is_echo_on(terminal)
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), shown, is_echoing


def is_echo_on(terminal: int) -> bool:
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)


def test_a_password_typed_on_a_terminal_is_not_echoed(make_server):
    """M1: nothing of it is shown, and the terminal's echo is on again afterwards."""
    server = make_server(people=(), alg="HS256")
    users = ["--users", str(server.users_path)]
    code, shown, is_echoing = converse(
        ["user", "add", "tess", "--scope", "read", *users], [PASSWORD] * 2, server.directory
    )
    assert code == 0, shown
    assert PASSWORD not in shown
    assert is_echoing
    server.secrets.add(PASSWORD)
    server.start()
    answer = server.try_login("tess", PASSWORD)
    assert answer.status_code == 200
    assert server.refusal(Session(answer.json()).access) == ""


def test_two_different_entries_are_refused(make_server):
    """A slip of the finger must not become a password."""
    server = make_server(people=(), alg="HS256")
    users = ["--users", str(server.users_path)]
    code, shown, is_echoing = converse(["user", "add", "tess", *users], [PASSWORD, PASSWORD + "!"], server.directory)
    assert code == 1
    assert PASSWORD not in shown
    assert is_echoing
    assert not server.users_path.exists() or "tess" not in server.users_path.read_text()


@pytest.fixture()
def journal(make_server):
    """A server that was killed, with a journal of two segments."""
    server = make_server(alg="HS256").start()
    server.revoke(server.login().access)
    server.stop()
    server.start()
    session = server.login()
    server.revoke(session.access)
    server.kill()
    return server


def journal_command(server, *words: str, output) -> tuple[int, bytes, str]:
    """Runs a journal command with standard error on a terminal: exit code, standard output, what the terminal got.

    `output` None puts standard output on the terminal as well.
    """
    terminal, inner = pty.openpty()
    arguments = [BINARY, "journal", *words, "--state", str(server.state_path)]
    process = subprocess.Popen(
        arguments, stdin=subprocess.DEVNULL, stdout=inner if output is None else output, stderr=inner,
        env=environment({}), cwd=server.directory)  # fmt: skip
    os.close(inner)
    try:
        printed = process.stdout.read() if process.stdout else b""
        shown = b""
        while True:
            try:
                piece = os.read(terminal, 4096)
            except OSError:
                break
            if not piece:
                break
            shown += piece
        return process.wait(timeout=30), printed, shown.decode()
    finally:
        process.kill()
        process.wait()
        os.close(terminal)


def is_cleared(shown: str) -> bool:
    """Whether every line of progress was replaced by one at least as long, the last one by spaces."""
    width = 0
    pieces = shown.split("\r")
    for piece in pieces[:-1]:
        if len(piece.rstrip("\n")) < width:
            return False
        width = 0 if not piece.strip() else len(piece)
    return width == 0 and pieces[-1] == ""


STEPS = {
    "verify": ["reading"],
    "stat": ["reading"],
    "dump": ["reading"],
    "repair": ["reading"],
    "compact": ["reading", "compacting"],
}


@pytest.mark.parametrize("name", STEPS)
def test_a_long_journal_command_shows_its_progress_on_a_terminal_and_removes_it(journal, name):
    files = [path for path in journal.state_path.iterdir() if path.suffix in (".jrn", ".snap")]
    total = sum(path.stat().st_size for path in files)
    code, printed, shown = journal_command(journal, name, output=subprocess.PIPE)
    assert code == 0 and printed, shown
    steps = re.findall(r"\r(\w+): \d+\.\d of (\d+\.\d) MiB", shown)
    assert list(dict.fromkeys(label for label, _ in steps)) == STEPS[name], shown
    totals = {label: {float(of) for of_label, of in steps if of_label == label} for label in STEPS[name]}
    for label, found in totals.items():
        expected = total * (2 if label == "compacting" else 1) / 2**20
        assert all(0 <= expected - value < 0.11 for value in found), (shown, total)
    assert is_cleared(shown), shown


def test_a_repair_that_accepts_loss_shows_both_of_its_steps(journal):
    segment = sorted(journal.state_path.glob("*.jrn"))[0]
    octets = bytearray(segment.read_bytes())
    octets[4096 + 64 + 20] ^= 0x10
    segment.write_bytes(octets)
    code, printed, shown = journal_command(journal, "repair", "--accept-loss", output=subprocess.PIPE)
    assert code == 0 and b"or more lost" in printed
    assert list(dict.fromkeys(re.findall(r"\r(\w+): ", shown))) == ["reading", "repairing"]
    assert is_cleared(shown), shown


def test_a_dump_that_prints_to_the_terminal_shows_no_progress(journal):
    code, _, shown = journal_command(journal, "dump", output=None)
    assert code == 0 and "MiB" not in shown
    assert [json.loads(line)["seq"] for line in shown.splitlines()][:2] == [1, 2]


def test_a_message_comes_after_the_progress_was_removed(journal):
    segment = sorted(journal.state_path.glob("*.jrn"))[0]
    octets = bytearray(segment.read_bytes())
    octets[4096 + 64 + 20] ^= 0x10
    segment.write_bytes(octets)
    code, printed, shown = journal_command(journal, "verify", output=subprocess.PIPE)
    assert code == 1 and b"damaged" in printed
    progress, message = shown[: shown.index(segment.name)], shown[shown.index(segment.name) :]
    assert is_cleared(progress) and "MiB" in progress and "MiB" not in message


@pytest.mark.parametrize("name", STEPS)
def test_without_a_terminal_no_progress_is_written(journal, name):
    done = journal.cli("journal", name, "--state", str(journal.state_path))
    assert done.returncode == 0
    assert "MiB" not in done.stderr and "\r" not in done.stderr + done.stdout


def test_the_help_says_when_progress_is_shown(journal):
    assert "show their progress if standard error is a terminal" in " ".join(journal.cli("journal", "--help").stdout.split())
