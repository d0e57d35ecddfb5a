"""What the service promised, kept by those who were promised it, and whether it still holds."""

import json
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from harness.tokens import claims_of

from .line import Line

# A retry of a refresh whose answer was lost is a replay only within the grace time, 60 s in these tests.
RETRY_SECONDS = 45


@dataclass
class Life:
    """One session as its client knows it."""

    subject: str
    refresh: str
    access: list[str]
    # Acknowledged: the whole session is over.
    is_over: bool = False
    ended_by: str = ""
    # Asked for and not acknowledged: an end of the session may have happened or not.
    is_in_doubt: bool = False
    # Access tokens whose own revocation was acknowledged, or was asked for and not acknowledged.
    revoked: set[str] = field(default_factory=set)
    doubtful: set[str] = field(default_factory=set)
    # The last acknowledged rotation: the token that was given, the content that came back, when.
    parent: str = ""
    answer: bytes = b""
    rotated_at: float = 0
    # When a rotation was asked for that brought no answer; 0 for never.
    pending_since: float = 0
    # Whether such a rotation was asked for again.
    was_repeated: bool = False

    @property
    def is_honest(self) -> bool:
        return not self.is_over and not self.is_in_doubt

    def take(self, answer: bytes) -> None:
        """A rotation was acknowledged."""
        body = json.loads(answer)
        self.parent, self.answer, self.rotated_at = self.refresh, answer, time.monotonic()
        self.refresh = body["refresh_token"]
        self.access.append(body["access_token"])
        self.pending_since = 0


class Ledger:
    """All lives, what was acknowledged, and what did not hold."""

    def __init__(self):
        self.lives: list[Life] = []
        self.by_subject: dict[str, list[Life]] = {}
        self.lock = threading.Lock()
        self.acknowledged = Counter()
        self.unanswered = 0
        # Acknowledged and not so any more.
        self.lost: list[str] = []
        # Refused although nobody asked for it.
        self.wrong: list[str] = []
        # How many sessions may have ended although nobody asked for it, because a client repeated a refresh without a
        # response to a new primary that lacked the first attempt, which looks like a theft.
        self.forks = 0

    @property
    def total(self) -> int:
        return sum(self.acknowledged.values())

    def add(self, life: Life) -> Life:
        with self.lock:
            self.lives.append(life)
            self.by_subject.setdefault(life.subject, []).append(life)
        return life

    def acknowledge(self, kind: str) -> None:
        with self.lock:
            self.acknowledged[kind] += 1

    def miss(self) -> None:
        with self.lock:
            self.unanswered += 1

    def assert_whole(self) -> None:
        assert not self.lost, f"{len(self.lost)} acknowledged operations lost: {self.lost[:5]}"
        assert not self.wrong, f"{len(self.wrong)} refused that nobody asked for: {self.wrong[:5]}"

    def check_tokens(self, server, lives: list[Life] | None = None, honest: bool = True) -> None:
        """Verifies every access token of every life, which writes nothing."""
        lives = self.lives if lives is None else lives
        gone, good = [], []
        for life in lives:
            for token in life.access:
                if life.is_over or token in life.revoked:
                    gone.append((token, life.ended_by or "token"))
                elif life.is_honest and token not in life.doubtful:
                    good.append((token, life))
        line = Line(server.address)
        for (token, by), status in zip(gone, line.verify_all([token for token, _ in gone]), strict=True):
            if status != 401:
                self.lost.append(f"ended by {by}, a token verifies with {status}: {payload(token)}")
        if honest:
            for (token, life), status in zip(good, line.verify_all([token for token, _ in good]), strict=True):
                if status == 200 or life.is_in_doubt:
                    continue
                if life.was_repeated and self.forks > 0:
                    life.is_in_doubt = True
                    self.forks -= 1
                else:
                    self.wrong.append(f"a good token verifies with {status}: {payload(token)}")
        line.close()

    def check_answers(self, server, lives: list[Life] | None = None) -> None:
        """Asks again, within the grace time, for what was answered or should have been; a retry is an operation, too."""
        line = Line(server.address)
        for life in self.lives if lives is None else lives:
            if not life.is_honest:
                continue
            if life.pending_since:
                if time.monotonic() - life.pending_since > RETRY_SECONDS:
                    life.is_in_doubt = True
                    continue
                status, _, body = line.post("/refresh", refresh_token=life.refresh)
                if status == 200:
                    life.take(body)
                    self.acknowledge("rotation")
                    continue
                life.is_in_doubt = True
                if self.forks > 0 and status == 401 and json.loads(body)["code"] == "session_revoked":
                    self.forks -= 1
                else:
                    self.wrong.append(f"the retry of a lost refresh got {status} {body[:200]!r}")
            elif life.parent and time.monotonic() - life.rotated_at < RETRY_SECONDS:
                status, fields, body = line.post("/refresh", refresh_token=life.parent)
                if (status, fields.get("refresh-outcome"), body) != (200, "replayed", life.answer):
                    self.lost.append(f"a replay in the grace time got {told(status, fields, body)}, "
                                     f"not its first answer {told(200, {}, life.answer)}")  # fmt: skip
                    life.is_in_doubt = True
        line.close()

    def check_to_the_end(self, server, at_most: int = 100_000, seed: int = 1) -> None:
        """Uses every session up: what is over cannot be refreshed, what is not can, and an old token betrays a thief."""
        self.check_tokens(server)
        self.check_answers(server)
        line = Line(server.address)
        lives = random.Random(seed).sample(self.lives, min(at_most, len(self.lives)))
        for life in lives:
            if life.is_in_doubt:
                continue
            status, fields, body = line.post("/refresh", refresh_token=life.refresh)
            if life.is_over:
                if status != 401:
                    self.lost.append(f"the session is over and a refresh got {status}: {payload(life.refresh)}")
                continue
            if status != 200:
                known = "an acknowledged rotation is unknown" if life.parent else "an unused session is refused"
                (self.lost if life.parent else self.wrong).append(f"{known}: {status} {body[:200]!r}")
                continue
            ancestor = life.parent or life.refresh
            life.take(body)
            if ancestor != life.parent:
                status, _, body = line.post("/refresh", refresh_token=ancestor)
                if status != 401:
                    self.lost.append(f"a token two rotations old got {status}")
                life.is_over = True
        line.close()
        self.check_tokens(server, lives)


def told(status: int, fields: dict, body: bytes) -> str:
    """An answer to a refresh in short."""
    content = json.loads(body)
    if status != 200:
        return f"{status} {content.get('code')}"
    return f"{status} {fields.get('refresh-outcome', '')} {claims_of(content['access_token'])}"


def payload(token: str) -> str:
    """The middle of a token, enough to find it in a dump and of no use to anyone."""
    return token.split(".")[1][:200]
