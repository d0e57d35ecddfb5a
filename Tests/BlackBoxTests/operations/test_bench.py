"""The programs behind `make bench-journal` and `make bench-tokens` can be built and run; the product has neither."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.process import BINARY, ROOT

# Builds for release with all cores.
pytestmark = [pytest.mark.alone, pytest.mark.skipif(not shutil.which("swift"), reason="the toolchain is not here")]


@pytest.fixture(scope="module")
def built() -> Path:
    """The folder of the programs, built as the Makefile does."""
    for name in ("martlet-journal-bench", "martlet-token-bench"):
        assert f"MARTLET_BENCH=1 scripts/build --product {name}" in (ROOT / "Makefile").read_text()
        done = subprocess.run(
            [ROOT / "scripts/build", "--product", name], env=os.environ | {"MARTLET_BENCH": "1"},
            capture_output=True, text=True, timeout=900)  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
    return ROOT / ".build/release"


def run(*words) -> subprocess.CompletedProcess:
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=120)


def test_a_token_costs_little_compared_with_its_cryptography(built):
    """The figures mean something on a quiet machine only; here the program works, and nothing is wildly off."""
    done = run(built / "martlet-token-bench", "--rounds", 3)
    assert done.returncode == 0, done.stderr
    rows = {line[:22].strip(): line.split() for line in done.stdout.splitlines()[1:]}
    assert set(rows) == {"HS256 verify", "RS256 verify", "RS256 sign", "ES256 verify", "ES256 sign"}
    assert all(0.5 < float(row[-2]) < 10 for row in rows.values())


@pytest.mark.parametrize("words", (["--rounds", "2"], ["--rounds", "1001"], ["--rounds"], ["--what"], ["3"]))
def test_a_mistake_in_its_command_line_ends_with_two(built, words):
    done = run(built / "martlet-token-bench", *words)
    assert done.returncode == 2 and not done.stdout
    assert done.stderr == run(built / "martlet-token-bench", "--help").stdout


def test_the_journal_bench_fills_and_reads_a_journal(built, tmp_path):
    done = run(built / "martlet-journal-bench", "fill", tmp_path / "journal", 1000, "revocations")
    assert done.returncode == 0, done.stdout + done.stderr
    assert run(BINARY, "journal", "verify", "--state", tmp_path / "journal").returncode == 0


def test_the_product_has_no_bench():
    done = run(BINARY, "bench-tokens")
    assert done.returncode == 2 and "unknown command bench-tokens" in done.stderr
    assert "bench" not in run(BINARY, "help").stdout
