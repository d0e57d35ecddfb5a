"""Every answer the run has seen, so that the last test can hold it against the OpenAPI document."""

import json
from typing import NamedTuple


class Seen(NamedTuple):
    """One kind of answer. `code` is empty where the body was not a problem document."""

    listener: str
    method: str
    path: str
    status: int
    code: str


OBSERVED: set[Seen] = set()


def code_of(headers: dict[str, str], body: bytes) -> str:
    """The problem code of an answer, or an empty string."""
    if not headers.get("content-type", "").startswith("application/problem+json") or not body:
        return ""
    return str(json.loads(body).get("code", ""))


def note(listener: str, method: str, target: str, status: int, headers: dict[str, str], body: bytes) -> None:
    """Records one answer."""
    path = target.split("?")[0]
    OBSERVED.add(Seen(listener, method, path, status, code_of(headers, body)))
