"""Middleware: lets requests with a valid token pass, and answers the others."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any

from .jws import VerifyError

if TYPE_CHECKING:
    from .verifier import Verifier


def _bearer(field: str) -> str:
    scheme, _, token = field.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise VerifyError("token_missing")
    return token.strip()


class RequireTokenWSGI:
    """`environ["martlet.claims"]` has the claims."""

    def __init__(self, app: Callable[..., Iterable[bytes]], verifier: "Verifier", **conditions: Any):
        self.app, self.verifier, self.conditions = app, verifier, conditions

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            token = _bearer(environ.get("HTTP_AUTHORIZATION", ""))
            environ["martlet.claims"] = self.verifier.verify(token, **self.conditions)
        except VerifyError as error:
            start_response(f"{error.status} Rejected", [("Content-Type", "application/problem+json"), error.field])
            return [error.content]
        return self.app(environ, start_response)


class RequireToken:
    """For ASGI: `scope["martlet.claims"]` has the claims. A WebSocket without a valid token is closed."""

    def __init__(self, app: Callable[..., Awaitable[None]], verifier: "Verifier", **conditions: Any):
        self.app, self.verifier, self.conditions = app, verifier, conditions

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] in ("http", "websocket"):
            try:
                scope["martlet.claims"] = await self._claims(dict(scope["headers"]).get(b"authorization", b""))
            except VerifyError as error:
                return await self._reject(error, scope["type"], send)
        await self.app(scope, receive, send)

    async def _claims(self, field: bytes) -> dict[str, Any]:
        token = _bearer(field.decode("latin-1"))
        try:
            return self.verifier.verify(token, **self.conditions, may_ask=False)
        except VerifyError as error:
            if error.code != "kid_unknown":
                raise
        return await asyncio.to_thread(self.verifier.verify, token, **self.conditions)

    async def _reject(self, error: VerifyError, kind: str, send: Any) -> None:
        if kind == "websocket":
            return await send({"type": "websocket.close", "code": 1008})
        name, value = error.field
        fields = [(b"content-type", b"application/problem+json"), (name.lower().encode(), value.encode())]
        await send({"type": "http.response.start", "status": error.status, "headers": fields})
        await send({"type": "http.response.body", "body": error.content})
