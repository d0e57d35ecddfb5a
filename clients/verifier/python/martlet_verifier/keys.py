"""The keys of the issuer, and of secrets that were given."""

import json
import logging
import threading
import time
from collections.abc import Iterable
from typing import Any

from .jws import ALGORITHMS, Key, VerifyError, read_base64url, read_object
from .source import Source

log = logging.getLogger("martlet_verifier")


class Keys:
    """Any thread may ask; one request to the source is made at a time."""

    def __init__(self, secrets: Iterable[dict[str, Any]], key_set: dict[str, Any], source: Source | None):
        self._secrets = {jwk["kid"]: Key(jwk) for jwk in secrets}
        self._keys: dict[str, Key] = {}
        self._source, self._etag, self._lock = source, "", threading.Lock()
        self.asked_at = float("-inf")
        self._take(key_set)

    def get(self, kid: str) -> Key | None:
        return self._keys.get(kid)

    def open(self, text: bytes) -> tuple[Key, str, dict[str, Any]]:
        """Key, type and claims of a compact JWS with a valid signature."""
        parts = text.split(b".")
        if len(parts) != 3:
            raise VerifyError("token_malformed")
        header = read_object(read_base64url(parts[0]))
        alg, kid = header.get("alg"), header.get("kid", "")
        if not isinstance(alg, str) or not isinstance(kid, str) or "crit" in header or "b64" in header:
            raise VerifyError("token_malformed")
        key = self._keys.get(kid)
        if key is None or key.alg != alg:
            raise VerifyError("alg_not_allowed" if key or alg not in ALGORITHMS else "kid_unknown")
        payload = read_base64url(parts[1])
        if not key.accepts(text[: text.rindex(b".")], parts[2]):
            raise VerifyError("signature_invalid")
        return key, str(header.get("typ", "")).lower(), read_object(payload)

    def _take(self, key_set: Any) -> None:
        listed = key_set.get("keys") if isinstance(key_set, dict) else None
        if not isinstance(listed, list) or len(listed) > 256:
            raise ValueError("the key set is malformed")
        keys = dict(self._secrets)
        for jwk in listed:
            if not isinstance(jwk, dict) or jwk.get("kty") == "oct" or jwk.get("kid") in keys:
                continue
            old = self._keys.get(jwk.get("kid", ""))
            try:
                key = old if old and old.jwk == jwk else Key(jwk)
            except Exception as error:
                log.debug("a key is of no use here: %s", error)
                continue
            keys[key.kid] = key
        self._keys = keys

    def ask(self, pause: float) -> bool:
        """Asks for the keys unless that was done less than `pause` seconds ago; whether there was an answer."""
        with self._lock:
            if self._source is None or time.monotonic() - self.asked_at < pause:
                return False
            self.asked_at = time.monotonic()
            fields = {"If-None-Match": self._etag} if self._etag else {}
            try:
                answer = self._source.get("/.well-known/jwks.json", 2**20, 5, Accept="application/json", **fields)
                self._source.close()
                if answer.status == 200:
                    self._take(json.loads(answer.content))
                    self._etag = answer.fields.get("ETag", "")
                return answer.status in (200, 304)
            except Exception as error:
                self._source.turn()
                log.warning("the keys cannot be read: %s", error)
                return False
