"""Two minutes of every abuse at once beside honest traffic; an hour in the full form."""

import subprocess
import sys

import pytest

from harness.process import ROOT

pytestmark = pytest.mark.campaign


def test_abuse_beside_honest_traffic_leaves_nothing_behind(is_full):
    """Memory flat after the first third, descriptors back to the start, no honest request failed."""
    seconds = 3_600 if is_full else 120
    done = subprocess.run(
        [sys.executable, "-m", "campaigns.soak", "--seconds", str(seconds)], cwd=ROOT / "Tests/BlackBoxTests",
        capture_output=True, text=True, timeout=seconds + 180,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
