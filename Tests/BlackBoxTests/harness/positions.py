"""Positions of records, such as 1:4194401: an epoch and a number."""

import re


def number(position: str) -> int:
    """The number of a position of any epoch; all epochs are in one order."""
    assert re.fullmatch(r"[1-9][0-9]*:(0|[1-9][0-9]*)", position), position
    return int(position.split(":")[1])


def epoch(position: str) -> int:
    number(position)
    return int(position.split(":")[0])
