"""Users sign in with a link from a mail. Your application knows the users; Martlet opens and keeps their sessions."""

import os
import secrets

import httpx
from fastapi import FastAPI, HTTPException, Response

AUTH_URL, CLIENT_ID, CLIENT_SECRET = (os.environ[name] for name in ("AUTH_URL", "CLIENT_ID", "CLIENT_SECRET"))

app = FastAPI()
martlet = httpx.Client(base_url=AUTH_URL, auth=(CLIENT_ID, CLIENT_SECRET), timeout=5)
users = {"ana@example.com": "42"}  # your database: the id of each address
links: dict[str, str] = {}  # the user whom each link signs in


@app.post("/links/{address}", status_code=204)
def mail_link(address: str) -> None:
    """Gives the same answer for an unknown address."""
    code = secrets.token_urlsafe(24)
    if user := users.get(address):
        links[code] = user
        print(f"mail: /sessions/{code}", flush=True)


@app.post("/sessions/{code}")
def open_session(code: str, response: Response) -> dict:
    if (user := links.pop(code, None)) is None:
        raise HTTPException(401)
    try:
        form = {"grant_type": "urn:martlet:grant-type:session", "sub": user, "amr": "otp"}
        answer = martlet.post("/token", data=form).raise_for_status()
    except httpx.HTTPError:
        raise HTTPException(503, "The authentication service is not available.") from None
    response.headers["Cache-Control"] = "no-store"
    return answer.json()
