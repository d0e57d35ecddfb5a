"""A web application with Flask. It asks Martlet about every request, so a revocation counts immediately. The browser
keeps the tokens in two HttpOnly cookies."""

import os
from functools import wraps
from urllib.parse import urlsplit

import httpx
from flask import Flask, Response, g, jsonify, request
from werkzeug.exceptions import Forbidden, HTTPException, ServiceUnavailable, Unauthorized

AUDIENCE = os.environ["AUDIENCE"]
# The application is a client of its own, so that Martlet limits failed logins by the address of the user (`source`).
CLIENT = httpx.BasicAuth(os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"])
COOKIE = {"httponly": True, "samesite": "Strict", "secure": os.environ.get("SECURE_COOKIES") == "1"}

app = Flask(__name__)
martlet = httpx.Client(base_url=os.environ["AUTH_URL"], timeout=5)


def ask(path: str, fields: dict, **options) -> httpx.Response:
    """An answer of Martlet that decides something; 503 for all others."""
    try:
        answer = martlet.post(path, json=fields, **options)
    except httpx.HTTPError as error:
        raise ServiceUnavailable("The authentication service is not available.") from error
    if answer.status_code >= 500:
        raise ServiceUnavailable("The authentication service is not available.")
    return answer


def verify(token: str | None) -> dict | None:
    """The claims of a token that is valid at this moment."""
    if not token:
        return None
    answer = ask("/verify", {"token": token, "audience": AUDIENCE})
    return answer.json()["claims"] if answer.status_code == 200 else None


@app.before_request
def reject_other_sites() -> None:
    """Browsers name the origin of every POST. This rejects forms of other sites, forged logins included."""
    origin = request.headers.get("Origin")
    if request.method == "POST" and origin and urlsplit(origin).netloc != request.host:
        raise Forbidden("This request comes from another site.")


@app.after_request
def set_cookies(response: Response) -> Response:
    """Keeps the tokens that a login or a refresh returned, or forgets them."""
    if "tokens" in g:
        tokens = g.tokens or {}
        for name, age in (("access", "expires_in"), ("refresh", "refresh_expires_in")):
            response.set_cookie(name, tokens.get(f"{name}_token", ""), max_age=tokens.get(age, 0), **COOKIE)
    return response


def require_user(view):
    @wraps(view)
    def checked(*arguments, **options):
        g.user = verify(request.cookies.get("access"))
        if g.user is None and request.cookies.get("refresh"):
            answer = ask("/refresh", {"refresh_token": request.cookies["refresh"]}, auth=CLIENT)
            g.tokens = answer.json() if answer.status_code == 200 else None
            g.user = verify(g.tokens["access_token"]) if g.tokens else None
        if g.user is None:
            raise Unauthorized("Log in first.")
        return view(*arguments, **options)

    return checked


@app.post("/login")
def login():
    fields = {name: request.form.get(name, "") for name in ("username", "password")}
    # Behind a proxy, wrap the application in werkzeug's ProxyFix, so that remote_addr is the user's address.
    answer = ask("/login", fields | {"source": request.remote_addr}, auth=CLIENT)
    if answer.status_code != 200:
        return jsonify(error=answer.json()["title"]), answer.status_code
    g.tokens = answer.json()
    return "", 204


@app.get("/me")
@require_user
def me():
    return jsonify(user=g.user["sub"], scope=g.user.get("scope", ""))


@app.post("/logout")
def logout():
    """`everywhere=1` ends all sessions of the user. The cookies go only when Martlet has ended the session."""
    if request.cookies.get("refresh"):
        scope = "global" if request.form.get("everywhere") else "local"
        ask("/logout", {"refresh_token": request.cookies["refresh"], "scope": scope})
    g.tokens = None
    return "", 204


@app.errorhandler(HTTPException)
def as_json(error: HTTPException):
    return jsonify(error=error.description), error.code
