"""Clients that log in, refresh, revoke, log out and cut at once, and write down what was acknowledged."""

import json
import os
import random
import threading
import time
import uuid

from harness.accounts import AMY, Person
from harness.server import Server
from harness.tokens import claims_of, header_of, sign

from .ledger import Ledger, Life
from .line import Gone, Line

RIDERS = tuple(Person(f"rider-{number}", "no rider ever logs in", password_hash="!", scopes=("read",)) for number in range(64))
PEOPLE = (AMY, *RIDERS)
# How often each is done: a login costs a password hash, the rest a record each.
# Milliseconds by which a minted session claims to be older than it is.
EARLIER = 5
KINDS = {"rotation": 10, "token": 5, "session": 3, "logout": 3, "cut": 2, "subject": 1, "login": 0.1}


def identifier(milliseconds: int) -> str:
    """A UUIDv7, as a session's name."""
    octets = bytearray(milliseconds.to_bytes(6, "big") + os.urandom(10))
    octets[6] = octets[6] & 0x0F | 0x70
    octets[8] = octets[8] & 0x3F | 0x80
    return str(uuid.UUID(bytes=bytes(octets)))


class Mint:
    """Sessions as a login would begin them, signed with the service's own keys: thousands a second, without Argon2."""

    def __init__(self, server: Server):
        session = server.login(AMY)
        self.heads = header_of(session.refresh), header_of(session.access)
        self.bodies = claims_of(session.refresh), claims_of(session.access)
        self.keys = server.key_of(session.refresh), server.key_of(session.access)
        for body in self.bodies:
            body["scope"] = "read"

    def life(self, subject: str | None = None) -> Life:
        subject = subject or random.choice(RIDERS).id
        # A little before now, as the sessions of a real login: a cut is above every session that was begun before it.
        own = {"sid": identifier(int(time.time() * 1000) - EARLIER), "sub": subject}
        refresh = sign(self.heads[0], self.bodies[0] | own, self.keys[0])
        access = sign(self.heads[1], self.bodies[1] | own | {"jti": str(uuid.uuid4())}, self.keys[1])
        return Life(subject, refresh, [access])


class Load:
    """Threads with a connection each. Whatever gets its success answer is in the ledger before the next is asked."""

    def __init__(
        self, server: Server, ledger: Ledger, mint: Mint, workers: int = 3, kinds: dict | None = None, seed: int = 0,
        limit: int | None = None, pause: float = 0
    ):  # fmt: skip
        self.server, self.ledger, self.mint = server, ledger, mint
        self.kinds = kinds or KINDS
        self.limit, self.pause = limit, pause
        self.stopping = threading.Event()
        self.fresh: list[Life] = []
        self.threads = [
            threading.Thread(target=self._work, args=(index, random.Random(seed * 100 + index)), daemon=True)
            for index in range(workers)
        ]

    def __enter__(self) -> "Load":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.stopping.set()
        self.join()

    def join(self) -> None:
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive(), "an answer never came"

    def until(self, count: int, seconds: float = 20) -> None:
        """Waits for so many more acknowledgements."""
        target, deadline = self.ledger.total + count, time.monotonic() + seconds
        while self.ledger.total < target and time.monotonic() < deadline:
            if not any(thread.is_alive() for thread in self.threads):
                return
            time.sleep(0.002)

    def _work(self, index: int, chance: random.Random) -> None:
        line, admin = Line(self.server.address), Line(f"{self.server.directory}/operator.sock")
        mine: list[Life] = []
        # Subjects are divided among the workers, so that nobody's cut ends another's session.
        subjects = [rider.id for rider in RIDERS[index :: len(self.threads)]]
        done = 0
        try:
            while not self.stopping.is_set() and done != self.limit:
                mine = [life for life in mine if life.is_honest and len(life.access) < 6]
                while len(mine) < 6:
                    mine.append(self._begin(chance.choice(subjects)))
                kind = chance.choices(list(self.kinds), self.kinds.values())[0]
                self._step(kind, chance.choice(mine), line, admin)
                done += 1
                if self.pause:
                    time.sleep(self.pause)
        except Gone:
            pass
        finally:
            line.close()
            admin.close()

    def _begin(self, subject: str) -> Life:
        life = self.ledger.add(self.mint.life(subject))
        self.fresh.append(life)
        return life

    def _step(self, kind: str, life: Life, line: Line, admin: Line) -> None:
        if kind == "rotation":
            return self._rotate(life, line)
        if kind == "login":
            return self._login(line)
        if kind == "token":
            token = next((t for t in reversed(life.access) if t not in life.revoked | life.doubtful), "")
            if not token:
                return None
            life.doubtful.add(token)
            if self._ended(kind, line.revoke, token):
                life.revoked.add(token)
            return None
        # Until the answer is there nobody knows, and if it never comes, nobody will.
        concerned = self.ledger.by_subject[life.subject] if kind == "subject" else [life]
        concerned = [other for other in concerned if not other.is_over]
        for other in concerned:
            other.is_in_doubt = True
        sid = claims_of(life.refresh)["sid"]
        ended = {
            "session": lambda: self._ended(kind, line.revoke, life.refresh),
            "logout": lambda: self._ended(kind, lambda t: line.post("/logout", refresh_token=t), life.refresh),
            "cut": lambda: self._ended(kind, lambda s: admin.post("/admin/revocations", sid=s), sid),
            "subject": lambda: self._ended(
                kind, lambda t: line.post("/logout", refresh_token=t, scope="global"), life.refresh
            ),
        }[kind]()
        if ended:
            for other in concerned:
                other.is_over, other.ended_by = True, kind
        if kind == "subject":
            # What is minted next must be above the cut: within a millisecond only the service's own names tell.
            time.sleep((EARLIER + 3) / 1000)
        return None

    def _ended(self, kind: str, ask, target: str) -> bool:
        try:
            status, _, body = ask(target)
        except Gone:
            self.ledger.miss()
            raise
        if status in (200, 204):
            self.ledger.acknowledge(kind)
            return True
        self.ledger.miss()
        if status != 503:
            self.ledger.wrong.append(f"{kind} got {status} {body[:200]!r}")
        return False

    def _rotate(self, life: Life, line: Line) -> None:
        life.was_repeated = life.was_repeated or bool(life.pending_since)
        life.pending_since = life.pending_since or time.monotonic()
        try:
            status, _, body = line.post("/refresh", refresh_token=life.refresh)
        except Gone:
            self.ledger.miss()
            raise
        if status == 200:
            life.take(body)
            self.ledger.acknowledge("rotation")
            return
        self.ledger.miss()
        if status != 503:
            life.is_in_doubt = True
            self.ledger.wrong.append(f"rotation got {status} {body[:200]!r}")

    def _login(self, line: Line) -> None:
        status, _, body = line.post("/login", username=AMY.name, password=AMY.password)
        if status == 200:
            answer = json.loads(body)
            life = self.ledger.add(Life(AMY.id, answer["refresh_token"], [answer["access_token"]]))
            self.fresh.append(life)
        elif status != 503:
            self.ledger.wrong.append(f"login got {status} {body[:200]!r}")
