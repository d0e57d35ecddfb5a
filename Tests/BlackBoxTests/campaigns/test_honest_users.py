"""Honest users get in while others guess, and a refused login's time does not say why: the long forms."""

import subprocess
import sys

import pytest

from harness.process import ROOT

pytestmark = pytest.mark.campaign


def run(name: str, *options, seconds: int) -> str:
    done = subprocess.run(
        [sys.executable, "-m", f"campaigns.{name}", *map(str, options)], cwd=ROOT / "Tests/BlackBoxTests",
        capture_output=True, text=True, timeout=seconds,
    )  # fmt: skip
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_spray_leaves_honest_users_in_and_memory_as_it_was(is_full):
    """A minute, after a flood of a million names and addresses; a quarter of that in the short form."""
    seconds, count = (60, 1_000_000) if is_full else (15, 100_000)
    run("spray", "--seconds", seconds, "--flood", count, seconds=seconds + 1_800)


def test_the_time_of_a_refused_login_does_not_say_why(is_full):
    """The quietest of three runs counts: a busy machine makes differences, and no run hides a real one."""
    failures = []
    for _ in range(3):
        try:
            run("ranks", "--tries", 300 if is_full else 100, seconds=1_800)
            return
        except AssertionError as failure:
            failures.append(failure)
    raise failures[-1]
