"""Every answer the run has seen, so that the last test can hold it against the OpenAPI document.

A run that is shared out to several processes names a folder in MARTLET_TEST_SEEN, where each leaves what it has seen.
"""

import json
import os
import re
import uuid
from pathlib import Path
from typing import NamedTuple


class Seen(NamedTuple):
    """One kind of answer. `code` is empty where the body was not a problem document."""

    listener: str
    method: str
    path: str
    status: int
    code: str


OBSERVED: set[Seen] = set()
FOLDER = os.environ.get("MARTLET_TEST_SEEN")


def leave() -> None:
    """Writes down what this process has seen, for the last one of a shared run."""
    if FOLDER and OBSERVED:
        Path(FOLDER, f"{uuid.uuid4()}.json").write_text(json.dumps(sorted(OBSERVED)))


def everything() -> set[Seen]:
    """What this process has seen, and what others left."""
    left = Path(FOLDER).glob("*.json") if FOLDER else ()
    return OBSERVED | {Seen(*entry) for file in left for entry in json.loads(file.read_text())}


def code_of(headers: dict[str, str], body: bytes) -> str:
    """The problem code of an answer, or an empty string."""
    if not headers.get("content-type", "").startswith("application/problem+json") or not body:
        return ""
    return str(json.loads(body).get("code", ""))


def note(listener: str, method: str, target: str, status: int, headers: dict[str, str], body: bytes) -> None:
    """Records one answer."""
    path = re.sub("^/sessions/[^/]+$", "/sessions/{sid}", target.split("?")[0])
    path = re.sub("^/pages/[^/]+$", "/pages/{sheet}", path)
    OBSERVED.add(Seen(listener, method, path, status, code_of(headers, body)))
