"""An API with FastAPI. It verifies access tokens itself with the published keys. Before it does something that cannot
be undone, it asks Martlet, because only Martlet knows which tokens are revoked."""

import os
from typing import Annotated

import httpx
import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

AUTH_URL, ISSUER, AUDIENCE = (os.environ[name] for name in ("AUTH_URL", "ISSUER", "AUDIENCE"))

app = FastAPI()
keys = jwt.PyJWKClient(f"{AUTH_URL}/.well-known/jwks.json", timeout=5)  # keeps the keys, and fetches new ones
martlet = httpx.Client(base_url=AUTH_URL, timeout=5)
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))]
UNAVAILABLE = HTTPException(503, "The authentication service is not available.")


def rejection(status: int, error: str) -> HTTPException:
    challenge = f'Bearer error="{error}"' if error else "Bearer"
    return HTTPException(status, error or "no token", {"WWW-Authenticate": challenge})


def verified(bearer: Bearer) -> dict:
    """The claims of the request's access token."""
    if bearer is None:
        raise rejection(401, "")
    try:
        token = jwt.decode_complete(
            bearer.credentials,
            keys.get_signing_key_from_jwt(bearer.credentials),
            algorithms=["RS256"],
            issuer=ISSUER,
            audience=AUDIENCE,
            options={"require": ["exp", "sub"]},
        )
    except jwt.PyJWKClientConnectionError:
        raise UNAVAILABLE from None
    except jwt.PyJWTError:
        raise rejection(401, "invalid_token") from None
    if token["header"].get("typ") != "at+jwt":
        raise rejection(401, "invalid_token")
    return token["payload"]


def with_scope(name: str):
    def check(claims: Annotated[dict, Depends(verified)]) -> dict:
        if name not in claims.get("scope", "").split():
            raise rejection(403, "insufficient_scope")
        return claims

    return check


def not_revoked(bearer: Bearer, claims: Annotated[dict, Depends(with_scope("write"))]) -> dict:
    """The claims of a token that has the scope and that Martlet accepts at this moment."""
    try:
        answer = martlet.post("/verify", json={"token": bearer.credentials, "audience": AUDIENCE})
    except httpx.HTTPError:
        raise UNAVAILABLE from None
    if answer.status_code == 401:
        raise rejection(401, "invalid_token")
    if answer.status_code != 200:
        raise UNAVAILABLE
    return claims


@app.get("/notes")
def notes(claims: Annotated[dict, Depends(with_scope("read"))]) -> dict:
    return {"owner": claims["sub"], "notes": []}


@app.delete("/notes", status_code=204)
def delete_all_notes(claims: Annotated[dict, Depends(not_revoked)]) -> None:
    """Deletes the notes of claims["sub"]."""
