"""Signed texts: the parts of a compact JWS, and keys."""

import base64
import json
from typing import Any, NoReturn

import jwt

ALGORITHMS = {name: ("RSA", None) for name in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")} | {
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
    "HS256": ("oct", None),
}


class VerifyError(Exception):
    """A token is rejected; `code` is Martlet's, `status` that of the answer to a request with this token."""

    def __init__(self, code: str):
        super().__init__(f"The access token is not accepted: {code}")
        self.code = code
        self.status = {"scope_insufficient": 403, "stale": 503}.get(code, 401)

    @property
    def field(self) -> tuple[str, str]:
        """The field of that answer."""
        if self.status == 503:
            return "Retry-After", "1"
        errors = {"token_missing": "", "scope_insufficient": ', error="insufficient_scope"'}
        return "WWW-Authenticate", 'Bearer realm="martlet"' + errors.get(self.code, ', error="invalid_token"')

    @property
    def content(self) -> bytes:
        return json.dumps({"title": str(self), "status": self.status, "code": self.code}).encode()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member is there twice")
    return found


def _reject(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")


def read_object(content: bytes) -> dict[str, Any]:
    """The object in UTF-8 and JSON, without a member of the same name twice."""
    try:
        value = json.loads(content.decode(), object_pairs_hook=_object, parse_constant=_reject)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise VerifyError("token_malformed")
    return value


def read_base64url(text: bytes) -> bytes:
    """The bytes of a text in the one canonical spelling."""
    try:
        content = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except ValueError:
        raise VerifyError("token_malformed") from None
    if base64.urlsafe_b64encode(content).rstrip(b"=") != text:
        raise VerifyError("token_malformed")
    return content


class Key:
    """A key for one algorithm, made from a JWK."""

    def __init__(self, jwk: dict[str, Any]):
        kty, crv = ALGORITHMS.get(jwk.get("alg", ""), (None, None))
        is_usable = kty == jwk.get("kty") and crv in (None, jwk.get("crv")) and jwk.get("use", "sig") == "sig"
        if kty is None or not is_usable or not isinstance(jwk.get("kid"), str):
            raise ValueError(f"the key {jwk.get('kid')} cannot be used")
        self.kid, self.alg, self.jwk = jwk["kid"], jwk["alg"], jwk
        self.is_secret = kty == "oct"
        self._key = jwt.PyJWK(jwk, jwk["alg"])
        is_short = len(self._key.key) < 32 if self.is_secret else getattr(self._key.key, "key_size", 2_048) < 2_048
        if is_short and kty in ("oct", "RSA"):
            raise ValueError(f"the key {self.kid} is too short")

    def accepts(self, text: bytes, encoded: bytes) -> bool:
        return bool(self._key.Algorithm.verify(text, self._key.key, read_base64url(encoded)))
