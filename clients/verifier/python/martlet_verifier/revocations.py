"""What a feed of Martlet says: records of 64 bytes, and which tokens they end."""

import hashlib
import re
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

SUBJECT, CLIENT, KEY, ALL = 1, 2, 3, 4
MARGIN_MS = 60_000
# checksum, kind, flags, reason, seq, id, expires, value, time, zero
RECORD = struct.Struct("<IBBHQ16sqQqQ")


class Damaged(Exception):
    """The feed or a snapshot is not as Martlet sends it."""


class Position(NamedTuple):
    """`epoch:seq`; seq alone orders positions."""

    epoch: int
    seq: int

    @classmethod
    def read(cls, text: object) -> "Position":
        found = re.fullmatch(r"(0|[1-9][0-9]{0,9}):(0|[1-9][0-9]{0,15})", text if isinstance(text, str) else "")
        if not found or int(found[1]) >= 2**32:
            raise Damaged("a position is malformed")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.epoch}:{self.seq}"


class Cut(NamedTuple):
    """Ends logins that came before: by the last seq that they knew, or without that by time."""

    before: int
    seq: int
    expires: int

    def raised(self, other: "Cut | None") -> "Cut":
        return Cut(*map(max, self, other)) if other else self


class Checked(NamedTuple):
    """What was read from a token whose signature is valid."""

    kid: str
    key: object
    claims: dict[str, Any]
    jti: bytes
    sid: bytes | None
    scopes: frozenset[str]

    @property
    def born(self) -> int:
        """The high half of the session's id, or of a UUIDv7 of the token's own."""
        if self.sid or self.jti[6] >> 4 == 7:
            return int.from_bytes((self.sid or self.jti)[:8])
        return self.claims["iat"] * 1_000 << 16 | 0x7000

    def precedes(self, cut: Cut) -> bool:
        bsq = self.claims.get("bsq")
        return self.born < cut.before if bsq is None else bsq < cut.seq


def _table() -> Iterator[int]:
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        yield byte


TABLE = tuple(_table())


def crc32c(content: bytes) -> int:
    register = 0xFFFFFFFF
    for byte in content:
        register = TABLE[(register ^ byte) & 0xFF] ^ register >> 8
    return register ^ 0xFFFFFFFF


class Revocations:
    """Everything that was revoked and has not expired. One thread writes, all may read."""

    def __init__(self) -> None:
        self.tokens: dict[bytes, int] = {}
        self.sessions: dict[bytes, int] = {}
        self.cuts: dict[tuple[int, bytes], Cut] = {}
        self.spares: dict[tuple[int, bytes], Cut] = {}
        self._newest: dict[int, Cut] = {}

    def __len__(self) -> int:
        return len(self.tokens) + len(self.sessions) + len(self.cuts)

    def apply(self, content: bytes, after: int, head: int, is_signed: bool = False) -> int:
        """Applies records whose seqs ascend from `after` (exclusive) to at most `head`, and returns the last seq."""
        if len(content) % RECORD.size:
            raise Damaged("a record is incomplete")
        for at, record in enumerate(RECORD.iter_unpack(content)):
            checksum, kind, flags, _, seq, name, expires, value, _, zero = record
            if not is_signed and crc32c(content[64 * at + 4 : 64 * at + 64]) != checksum:
                raise Damaged(f"the checksum of the record after {after} is wrong")
            if zero:
                raise Damaged(f"the record after {after} does not end with zeros")
            if not after < seq <= head:
                raise Damaged(f"record {seq} is out of order")
            if kind == 1 and flags in (0, 1):
                self.tokens[name] = max(expires, self.tokens.get(name, expires))
            elif kind == 2 and flags in (0, 8):
                self.sessions[name] = max(expires, self.sessions.get(name, expires))
            elif kind == 4 and SUBJECT <= flags >> 4 <= ALL and flags & 6 == 0:
                self._cut(flags >> 4, name, bool(flags & 1), Cut(value, seq, expires))
            else:
                raise Damaged(f"record {seq} has the unknown kind {kind} with flags {flags}")
            after = seq
        return after

    def _cut(self, of: int, name: bytes, is_spare: bool, cut: Cut) -> None:
        if is_spare:
            spare = cut._replace(seq=cut.seq + 1)
            self.spares[of, name] = spare.raised(self.spares.get((of, name)))
        else:
            self.cuts[of, name] = cut.raised(self.cuts.get((of, name)))
            self._newest[of] = cut.raised(self._newest.get(of))

    def denial(self, token: Checked) -> str | None:
        """The code with which a token is rejected, or None."""
        claims = token.claims
        if token.jti in self.tokens:
            return "token_revoked"
        if token.sid in self.sessions:
            return "session_revoked"
        if self._is_cut(token, ALL, ""):
            return "subject_revoked"
        if self._is_cut(token, KEY, token.kid):
            return "key_revoked"
        if self._is_cut(token, CLIENT, claims.get("client_id", "")):
            return "client_revoked"
        return "subject_revoked" if self._is_cut(token, SUBJECT, claims["sub"]) else None

    def _is_cut(self, token: Checked, of: int, name: str) -> bool:
        newest = self._newest.get(of)
        if not newest or (of != KEY and not token.precedes(newest)):
            return False
        cut = self.cuts.get((of, hashlib.sha256(bytes([of]) + name.encode()).digest()[:16]))
        if not cut or of == KEY:
            return cut is not None
        spare = self.spares.get((of, token.sid)) if token.sid else None
        by_time = token.claims.get("bsq") is None
        is_spared = spare and (spare.before >= cut.before if by_time else spare.seq >= cut.seq)
        return token.precedes(cut) and not is_spared

    def forget(self, now_ms: float) -> None:
        """Forgets what has expired."""
        for entries in (self.tokens, self.sessions):
            for name in [name for name, end in list(entries.items()) if end + MARGIN_MS < now_ms]:
                del entries[name]
        for cuts in (self.cuts, self.spares):
            for key in [key for key, cut in list(cuts.items()) if cut.expires + MARGIN_MS < now_ms]:
                del cuts[key]
