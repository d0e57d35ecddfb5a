"""The user command on a terminal: the password is asked for twice and never shown."""

import os
import pty
import select
import signal
import termios
import time

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
