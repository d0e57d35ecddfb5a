"""Users and clients for a server under test, written by other means than the service's own commands."""

import json
import uuid
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import argon2


@dataclass(frozen=True)
class Person:
    """One account; `password_hash` replaces the Argon2id hash of `password` when given."""

    name: str
    password: str
    roles: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ("read", "write")
    disabled: bool = False
    claims: tuple[tuple[str, object], ...] = ()
    password_hash: str = ""
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def entry(self) -> dict:
        return {
            "id": self.id,
            "username": self.name,
            "password": self.password_hash or argon2id(self.password),
            "roles": list(self.roles),
            "scopes": list(self.scopes),
            "disabled": self.disabled,
            "sessions_from": 0,
            "claims": dict(self.claims),
        }


@lru_cache
def argon2id(password: str) -> str:
    """A hash at the service's default cost by the reference implementation's Python binding."""
    return argon2.PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1, hash_len=32, salt_len=16).hash(password)


AMY = Person(
    "amy",
    "amy rides at dawn 7",
    roles=("admin", "staff"),
    scopes=("read", "write", "admin"),
    claims=(("department", "harbour"),),
)
BOB = Person("bob", "bob keeps bees 1999", scopes=("read",))
CAT = Person("cat", "cat walks the wall 3")
PEOPLE = (AMY, BOB, CAT, Person("dan", "dan is not welcome 0", disabled=True))


def write_users(path: Path, people=PEOPLE) -> None:
    path.write_text(json.dumps({"users": [person.entry() for person in people]}, indent=2))
    path.chmod(0o600)
