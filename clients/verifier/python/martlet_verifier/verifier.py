"""The verifier: keys, tokens, and the feed that is followed."""

import base64
import copy
import hashlib
import logging
import random
import re
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .jws import VerifyError
from .keys import Keys
from .revocations import Checked, Damaged, Position, Revocations
from .source import Source

RECORDS = "application/vnd.martlet.records"
SNAPSHOT = "application/vnd.martlet.snapshot"
REQUIRED = ("iss", "aud", "jti", "sub", "iat", "exp")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TIME_MAX = 253_402_300_799
log = logging.getLogger("martlet_verifier")


def _is_count(value: object) -> bool:
    return (type(value) is int or (isinstance(value, float) and value.is_integer())) and 0 <= value < 2**53


def _is_time(value: object) -> bool:
    return _is_count(value) and value <= TIME_MAX


class Verifier:
    """All times are in seconds. Make one per process, after a fork; any number of threads may verify."""

    def __init__(
        self,
        issuer: str,
        url: str | Sequence[str] = (),
        *,
        audience: str | None = None,
        credentials: str | None = None,
        secrets: Iterable[dict[str, Any]] = (),
        jwks: dict[str, Any] | None = None,
        leeway: int = 0,
        max_age: float = 60,
        on_stale: str = "serve",
        cache_size: int = 4_096,
        snapshot_bytes_max: int = 2**28,
        on_event: Callable[[str, str], None] = lambda event, detail: None,
    ):
        if on_stale not in ("serve", "refuse") or max_age < 1:
            raise ValueError('on_stale is "serve" or "refuse", and max_age at least 1')
        self.issuer, self.audience, self.leeway = issuer, audience, leeway
        self.max_age, self.on_stale, self._on_event = max_age, on_stale, on_event
        self._cache_size, self._snapshot_bytes_max = cache_size, snapshot_bytes_max
        self.revocations = Revocations()
        self.state = "starting"
        self.error = ""
        self._young: dict[str, Checked] = {}
        self._old: dict[str, Checked] = {}
        self._position: Position | None = None
        self._current_at = float("-inf")
        # The time of the last snapshot, less the monotonic time at which it was here.
        self._source_time = float("-inf")
        self._synced, self._closed = threading.Event(), threading.Event()
        self._feed, self._key_source = (Source(url, credentials), Source(url, None)) if url else (None, None)
        self._keys = Keys(secrets, jwks or {"keys": []}, self._key_source)
        if url:
            threading.Thread(target=self._keep_keys, name="martlet-keys", daemon=True).start()
            threading.Thread(target=self._follow, name="martlet-feed", daemon=True).start()

    @property
    def age(self) -> float:
        """Seconds since a request was sent whose answer showed that every revocation was here; infinite before that."""
        return time.monotonic() - self._current_at

    @property
    def status(self) -> dict[str, Any]:
        position = str(self._position) if self._position else None
        known = {"state": self.state, "age": self.age, "position": position, "revocations": len(self.revocations)}
        return known | {"error": self.error}

    def ready(self, timeout: float = 30) -> "Verifier":
        """Waits until tokens can be verified."""
        end = time.monotonic() + timeout
        while not self._synced.wait(0.05):
            if time.monotonic() > end or self.state in ("damaged", "closed"):
                raise TimeoutError(f"Martlet's revocations are not here: {self.error or 'no answer'}")
        return self

    def verify(
        self, token: str, audience: str | None = None, scope: str | Iterable[str] = (), *, may_ask: bool = True
    ) -> dict[str, Any]:
        """The claims of a token, or VerifyError. With `may_ask`, a key that is not known yet is asked for."""
        audience = audience or self.audience
        if not audience:
            raise TypeError("Name the audience: verify(token, audience).")
        if not self._synced.is_set() or (self.on_stale == "refuse" and self.age > self.max_age):
            raise VerifyError("stale")
        try:
            checked = self._signed(token)
        except VerifyError as error:
            if error.code != "kid_unknown" or not may_ask or not self._keys.ask(5):
                raise
            checked = self._signed(token)
        claims = checked.claims
        now = time.time()
        wanted = scope.split() if isinstance(scope, str) else scope
        code = (
            ("audience_mismatch" if audience not in _names(claims["aud"]) else None)
            or ("token_not_active" if claims.get("nbf", 0) > now + self.leeway else None)
            or ("token_expired" if now >= claims["exp"] + self.leeway else None)
            or self.revocations.denial(checked)
            or ("scope_insufficient" if not checked.scopes.issuperset(wanted) else None)
        )
        if code:
            raise VerifyError(code)
        # A caller that changes what it got must not change what the next one gets.
        inner = {name: copy.deepcopy(value) for name, value in claims.items() if isinstance(value, (list, dict))}
        return claims | inner

    def _signed(self, token: str) -> Checked:
        """What was read from a token whose signature is valid, from memory if it was here before."""
        if not isinstance(token, str):
            raise VerifyError("token_malformed")
        known = self._young.get(token) or self._old.get(token)
        if known and self._keys.get(known.kid) is known.key:
            return known
        if len(token) > 8_192:
            raise VerifyError("token_too_large")
        if not token.isascii():
            raise VerifyError("token_malformed")
        key, typ, claims = self._keys.open(token.encode())
        if typ not in ("at+jwt", "application/at+jwt"):
            raise VerifyError("typ_mismatch")
        if any(name not in claims for name in REQUIRED):
            raise VerifyError("claim_missing")
        if claims["iss"] != self.issuer:
            raise VerifyError("issuer_mismatch")
        texts = [claims["sub"], claims.get("client_id", "-"), claims["jti"], claims.get("sid", claims["jti"])]
        times = [claims["iat"], claims["exp"], claims.get("nbf", 0), claims.get("bsq", 0)]
        is_good = all(isinstance(text, str) and text for text in texts) and all(UUID.fullmatch(id) for id in texts[2:])
        is_good = is_good and all(map(_is_time, times[:3])) and _is_count(times[3])
        scope, audiences = claims.get("scope", ""), _names(claims["aud"])
        if not is_good or not all(isinstance(name, str) for name in (scope, *audiences)):
            raise VerifyError("claim_invalid")
        jti, sid = (bytes.fromhex(text.replace("-", "")) for text in texts[2:])
        checked = Checked(key.kid, key, claims, jti, sid if "sid" in claims else None, frozenset(scope.split(" ")))
        if len(self._young) * 2 >= self._cache_size:
            self._old, self._young = self._young, {}
        self._young[token] = checked
        return checked

    def _keep_keys(self) -> None:
        while not self._closed.wait(5):
            self._keys.ask(60)

    def _follow(self) -> None:
        failures, forgotten_at = 0, float("-inf")
        while not self._closed.is_set():
            try:
                if self._position is None:
                    self._read_snapshot()
                self._poll()
                failures = 0
                if time.monotonic() - forgotten_at > 60:
                    # The clock of this machine may be ahead: a record that is forgotten too early would be missed
                    # once it is right.
                    self.revocations.forget(min(time.time(), self._source_time + time.monotonic()) * 1_000)
                    forgotten_at = time.monotonic()
            except Exception as error:
                # After damage as well, the position stays: nothing is skipped.
                self._become("damaged" if isinstance(error, Damaged) else "away", error)
                self._feed.turn()
                self._closed.wait(min(5, 0.05 * 2**failures) * random.uniform(0.5, 1))
                failures = min(failures + 1, 16)

    def _read_snapshot(self) -> None:
        if self._keys.asked_at == float("-inf"):
            self._keys.ask(0)
        # Many verifiers may ask at the same time, so it may come slowly. One that gave up early would begin again.
        answer = self._feed.get("/revocations/snapshot", self._snapshot_bytes_max, 600, 30, Accept=SNAPSHOT)
        if answer.status != 200:
            raise OSError(f"the snapshot was answered with {answer.status} {answer.code}")
        try:
            self._position = self.load(answer.content)["position"]
        except VerifyError:
            self._keys.ask(5)
            raise

    def load(self, content: bytes, max_age: float | None = None) -> dict[str, Any]:
        """Applies a snapshot after a check of signature, digest, issuer, and with `max_age` of its age."""
        end = content.find(b"\n", 0, 8_193)
        try:
            key, typ, claims = self._keys.open(content[: max(end, 0)])
            if key.is_secret or typ != "rs+jwt":
                raise VerifyError("typ_mismatch")
        except VerifyError as error:
            if error.code == "kid_unknown":
                raise
            raise Damaged(f"the snapshot's signature is invalid: {error.code}") from error
        records = content[end + 1 :]
        digest = f"sha-256=:{base64.b64encode(hashlib.sha256(records).digest()).decode()}:"
        if claims.get("iss") != self.issuer:
            raise Damaged(f"the snapshot is of {claims.get('iss')} and not of {self.issuer}")
        if (claims.get("digest"), claims.get("count")) != (digest, len(records) / 64):
            raise Damaged("the snapshot is not the signed one")
        position = Position.read(claims.get("pos"))
        if not _is_time(claims.get("iat")):
            raise Damaged("the time of the snapshot is malformed")
        age = time.time() - claims["iat"]
        self._source_time = max(self._source_time, claims["iat"] - time.monotonic())
        if max_age is not None and not -60 <= age <= max_age:
            raise VerifyError("stale")
        self.revocations.apply(records, 0, position.seq, is_signed=True)
        if max_age is not None:
            self._caught_up(time.monotonic() - max(age, 0))
        return claims | {"position": position}

    def _poll(self) -> None:
        sent_at, start = time.monotonic(), self._position
        # Until everything is known to be here, an answer is wanted at once.
        wait = 1 if self.state == "following" else 0
        answer = self._feed.get(f"/revocations?after={start}&wait={wait}", 4_096 * 64, 6, Accept=RECORDS)
        arrived_at = time.monotonic()
        if answer.status in (409, 410):
            self._position = None
            self._tell("reset", str(answer.status))
        fields = answer.fields
        if answer.status != 200 or fields.get("Content-Type") != RECORDS:
            raise OSError(f"the feed was answered with {answer.status} {answer.code}")
        if fields.get("Revocation-Issuer") != self.issuer:
            raise Damaged(f"the feed is of {fields.get('Revocation-Issuer')} and not of {self.issuer}")
        # One that ends with its connection looks whole wherever it was cut off.
        if "Content-Length" not in fields and "Transfer-Encoding" not in fields:
            raise Damaged("the answer does not say where it ends")
        head, has_more = Position.read(fields.get("Revocation-Seq")), fields.get("Revocation-More") == "1"
        age = re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,9})?", fields.get("Revocation-Age", ""))
        if head.seq < start.seq or head.epoch < start.epoch:
            raise Damaged("the head of the feed went back")
        if not age:
            raise Damaged("the age of the feed is malformed")
        if has_more and not answer.content:
            raise Damaged("the feed has more, and answered without records")
        last = self.revocations.apply(answer.content, start.seq, head.seq)
        self._position = head._replace(seq=last) if has_more else head
        if not has_more:
            # How long the request waited there, which cannot be longer than its answer took.
            held = re.fullmatch(r"[0-9]{1,9}\.[0-9]{3}", fields.get("Revocation-Held", ""))
            self._caught_up(sent_at + min(float(held[0]) if held else 0, arrived_at - sent_at) - float(age[0]))
            self._become("following")

    def _caught_up(self, at: float) -> None:
        self._current_at = max(self._current_at, at)
        self._synced.set()

    def _become(self, state: str, error: Exception | None = None) -> None:
        self.error = str(error or "")
        if self.state != state and not self._closed.is_set():
            log.log(logging.ERROR if state == "damaged" else logging.INFO, "the feed is %s: %s", state, self.error)
            self._tell(state, self.error)
            self.state = state

    def _tell(self, event: str, detail: str) -> None:
        try:
            self._on_event(event, detail)
        except Exception:
            log.exception("on_event failed")

    def close(self) -> None:
        self._closed.set()
        self.state = "closed"
        for source in (self._feed, self._key_source):
            if source:
                source.close()


def _names(audience: Any) -> list[Any]:
    return audience if isinstance(audience, list) else [audience]
