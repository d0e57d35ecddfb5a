"""Clocks of nodes that are wrong: libfaketime in front of a process, whose monotonic clock stays true."""

import secrets
from pathlib import Path

import pytest


class NodeClock:
    """The wall clock of one process, set while it runs. `prefix` stands in front of its command."""

    def __init__(self, directory: Path, seconds: float = 0):
        libraries = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
        if not libraries:
            pytest.skip("faketime is not installed: scripts/install test")
        directory.mkdir(parents=True, exist_ok=True)
        self.file = directory / "clock"
        self.set(seconds)
        # With a name for its shared memory the library sets no variable, and the environment stays where Swift looks for it.
        # The name is for this clock only: a process that ends removes what another one is about to open.
        name = f"-{secrets.token_hex(6)}"
        self.prefix = (
            "env", f"LD_PRELOAD={libraries[0]}", "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1",
            f"FAKETIME_SHARED={name} {name}", f"FAKETIME_TIMESTAMP_FILE={self.file}",
        )  # fmt: skip

    def set(self, seconds: float) -> None:
        self.seconds = seconds
        self.file.write_text(f"{seconds:+.3f}s\n")
