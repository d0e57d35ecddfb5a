"""Speed is guarded by a count: how often a verification calls the allocator when everything is warm."""

import os
import sys

import pytest

from harness.process import BINARY, ROOT

sys.path.append(str(ROOT / "scripts/bench"))
os.environ.setdefault("MARTLET_BIN", BINARY)

import mallocs  # noqa: E402

# docs/performance.md says which ones these are. What is beside a request, as the clock's second, is far below one of ten.
ALLOWED = {"HS256": 2, "RS256": 0}


@pytest.mark.parametrize(("algorithm", "count"), ALLOWED.items())
def test_a_verification_allocates_what_is_documented_and_no_more(tmp_path, algorithm, count):
    found = mallocs.per_request(tmp_path / "m", algorithm)
    assert sum(found[kind] for kind in ("malloc", "calloc", "realloc", "aligned")) < count + 0.1, found
    assert abs(found["free"] - count) < 0.1, found
