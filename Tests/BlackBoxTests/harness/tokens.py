"""Tokens taken apart and made by hand, with the service's own keys or with an attacker's."""

import base64
import functools
import hashlib
import hmac
import json
from pathlib import Path

import jwt


def b64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def unb64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def header_of(token: str) -> dict:
    return json.loads(unb64url(token.split(".")[0]))


def claims_of(token: str) -> dict:
    return json.loads(unb64url(token.split(".")[1]))


def compact(value) -> bytes:
    """JSON octets of `value`; octets go through as they are, so that a test can send what no encoder writes."""
    return value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()


class Keys:
    """The private keys in a `keys/` directory."""

    def __init__(self, directory: Path):
        self.jwks = []
        for path in sorted(directory.iterdir()):
            if path.is_file() and path.suffix in (".jwk",):
                self.jwks.append(json.loads(path.read_text()))

    def find(self, algorithm: str, purpose: str = "access") -> dict:
        return next(j for j in self.jwks if j.get("alg") == algorithm and j.get("purpose", "access") == purpose)

    @property
    def refresh(self) -> dict:
        return self.find("HS256", "refresh")


def sign(header, claims, key: dict | bytes | None) -> str:
    """A compact JWS: by the algorithm of a private JWK, by HS256 for a secret, with an empty signature for `None`."""
    signing_input = f"{b64url(compact(header))}.{b64url(compact(claims))}"
    return f"{signing_input}.{b64url(signature(signing_input.encode(), key))}"


def signature(message: bytes, key: dict | bytes | None) -> bytes:
    if key is None:
        return b""
    if isinstance(key, bytes):
        return hmac.new(key, message, hashlib.sha256).digest()
    return jwt.get_algorithm_by_name(key["alg"]).sign(message, loaded(json.dumps(key)))


@functools.cache
def loaded(jwk: str):
    """The key of a private JWK; loading one takes milliseconds, for RSA tens of them."""
    return jwt.PyJWK(json.loads(jwk)).key


class Forge:
    """Variations on one real token, signed with the key that really signs."""

    def __init__(self, token: str, key: dict):
        self.header = header_of(token)
        self.claims = claims_of(token)
        self.key = key

    def token(self, header: dict | None = None, without: tuple[str, ...] = (), **claims) -> str:
        """The token with some header members and claims replaced, and some claims or header members left out."""
        new_header = {k: v for k, v in {**self.header, **(header or {})}.items() if k not in without}
        new_claims = {k: v for k, v in {**self.claims, **claims}.items() if k not in without}
        return sign(new_header, new_claims, self.key)
