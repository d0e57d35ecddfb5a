"""Speed is guarded by a count: how often a request calls the allocator when everything is warm."""

import os
import sys

import pytest

from harness.process import BINARY, ROOT

sys.path.append(str(ROOT / "scripts/bench"))
os.environ.setdefault("MARTLET_BIN", BINARY)

import mallocs  # noqa: E402

# docs/performance.md says which ones these are. What is beside a request, as the clock's second, is far below one of ten.
ALLOWED = {"HS256": 0, "RS256": 0}


def calls(found) -> float:
    return sum(found[kind] for kind in ("malloc", "calloc", "realloc", "aligned"))


@pytest.mark.parametrize(("algorithm", "count"), ALLOWED.items())
def test_a_verification_allocates_what_is_documented_and_no_more(tmp_path, algorithm, count):
    found = mallocs.per_request(tmp_path / "m", algorithm)
    assert calls(found) < count + 0.1, found
    assert abs(found["free"] - count) < 0.1, found


def test_a_stream_of_http_2_allocates_inside_libnghttp2_only(tmp_path):
    """Its stream, two frames to send, the head's fields, and two fields of the request that are spelled out."""
    found = mallocs.per_stream(tmp_path / "m")
    assert calls(found) < 6.1 and abs(found["free"] - calls(found)) < 0.1, found


def test_a_token_in_a_cookie_costs_one_allocation_more_than_one_in_a_field(tmp_path):
    """What the cookies of a request say. The cross-site rules and what the gateway reports about the request need none."""
    by_cookie, by_field = (calls(mallocs.per_check(tmp_path / name, name == "cookie")) for name in ("cookie", "field"))
    assert by_cookie < by_field + 1.1, (by_cookie, by_field)
