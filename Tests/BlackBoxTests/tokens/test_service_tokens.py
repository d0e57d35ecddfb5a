"""Other people's libraries get and check tokens of services, unmodified, in the words of docs/works-with.md."""

import asyncio
import re
import threading
import time
from importlib.metadata import version

import httpx
import pytest
import uvicorn
from authlib.integrations.httpx_client import OAuth2Client as AuthlibHTTPXClient
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from fastapi.testclient import TestClient
from requests_oauth2client import (
    BearerToken,
    ClientSecretBasic,
    ClientSecretPost,
    InvalidScope,
    OAuth2Client,
    UnauthorizedClient,
)

from harness.certificates import Pair
from harness.components import PAGE, snippet
from harness.process import ROOT
from harness.server import free_port
from harness.tokens import claims_of

GETTING = ("requests-oauth2client", "Authlib", "requests-oauthlib", "httpx-oauth")
CHECKING = ("FastMCP", "Flask-JWT-Extended", "FastAPI")


@pytest.fixture(autouse=True)
def http_is_loopback_here(monkeypatch):
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")


@pytest.fixture(scope="module")
def martlet(fleet):
    """A service with the clients `reports` and `brief`, each for two audiences."""
    server = fleet.make(audience="api,billing", hs256_audiences="")
    options = ("--grant", "client_credentials", "--audience", "api", "--audience", "billing")
    server.reports = server.add_client("reports", *options, "--scope", "read", "--scope", "list")
    server.brief = server.add_client("brief", *options, "--scope", "read")
    server.start()
    yield server
    fleet.close(server)


@pytest.fixture
def secure(fleet, monkeypatch):
    """A service that speaks TLS, which requests-oauth2client insists on, and the same clients."""
    authority, folder = Pair("tests", authority=True), fleet.base / "secure-tls"
    certificate, key = Pair("localhost", authority).write(folder)
    (folder / "authority.crt").write_bytes(authority.pem)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(folder / "authority.crt"))
    port = free_port()
    issuer = f"https://127.0.0.1:{port}"
    server = fleet.make(issuer=issuer, audience="api,billing", hs256_audiences="", tls_cert=certificate, tls_key=key)
    server.settings["listen"] += f",{issuer}"
    server.issuer = issuer
    server.reports = server.add_client("reports", "--grant", "client_credentials", "--scope", "read", "--scope", "list")
    server.shop = server.add_client("shop")
    server.start()
    yield server
    fleet.close(server)


def run(name: str, monkeypatch, martlet, **more: str) -> dict:
    """The names that the page's example of a library defines."""
    settings = {"ISSUER": martlet.url, "CLIENT_ID": "reports", "CLIENT_SECRET": martlet.reports}
    for key, value in (settings | more).items():
        monkeypatch.setenv(key, value)
    names: dict = {"__name__": re.sub(r"\W", "_", name)}
    exec(compile(snippet("python", f"# {name}\n"), f"{PAGE.name}: {name}", "exec"), names)
    return names


def token_of(martlet, name: str, **form: str) -> str:
    form = {"grant_type": "client_credentials", **form}
    answer = martlet.http.post("/token", data=form, auth=(name, getattr(martlet, name)))
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


def forged(token: str) -> str:
    head, payload, tail = token.split(".")
    return f"{head}.{payload}.{'A' if tail[0] != 'A' else 'B'}{tail[1:]}"


def refused(martlet) -> dict[str, str]:
    """What a service for `api` must not accept, by what it is."""
    good = token_of(martlet, "reports")
    forge, now = martlet.forge(good), int(time.time())
    return {
        "another audience": token_of(martlet, "reports", audience="billing"),
        "another issuer": forge.token(iss=f"{martlet.url}/"),
        "expired": forge.token(exp=now - 90, iat=now - 600),
        "a changed signature": forged(good),
        "a refresh token": martlet.login().refresh,
        "noise": "x",
    }


def active(martlet, token: str) -> bool:
    return martlet.http.post("/introspect", data={"token": token}, auth=("reports", martlet.reports)).json()["active"]


# Getting tokens


def test_the_page_names_the_versions_that_run_here():
    page = PAGE.read_text()
    pins = dict(re.findall(r"^([\w-]+)==(\S+)$", (ROOT / "Tests/BlackBoxTests/requirements.txt").read_text(), re.M))
    for name in (*GETTING, *CHECKING):
        (line,) = re.findall(rf"^\| \[?{name}[\]( ].*$", page, re.M)
        pinned = {key.lower(): value for key, value in pins.items()}[name.lower()]
        assert version(name) == pinned and f"| {pinned} |" in line


def test_the_requests_oauth2client_example_calls_a_service(secure, monkeypatch):
    names = run("requests-oauth2client", monkeypatch, secure, ISSUER=secure.issuer)
    answer = names["session"].get(f"{secure.issuer}/verify")
    assert answer.status_code == 200
    assert (answer.json()["claims"]["sub"], answer.json()["claims"]["scope"]) == ("client:reports", "read")
    secure.remember(names["session"].auth.token.access_token)


@pytest.mark.parametrize("method", (ClientSecretBasic, ClientSecretPost))
def test_requests_oauth2client_gets_refreshes_introspects_and_revokes(secure, method):
    client = OAuth2Client.from_discovery_document(
        secure.http.get("/.well-known/oauth-authorization-server").json(),
        issuer=secure.issuer,
        auth=method("reports", secure.reports),
    )
    token = client.client_credentials(scope="read", audience="billing")
    secure.remember(token.access_token)
    assert isinstance(token, BearerToken) and not token.refresh_token and 0 < token.expires_in <= 600
    assert (claims_of(token.access_token)["sub"], token.scope) == ("client:reports", "read")
    assert client.introspect_token(token)["active"] is True
    assert client.introspect_token(forged(token.access_token))["active"] is False
    assert client.revoke_access_token(token) is True
    assert client.introspect_token(token)["active"] is False
    with pytest.raises(InvalidScope):
        client.client_credentials(scope="write")
    # A user's session, which alone has refresh tokens.
    login = {"username": "amy", "password": secure.people[0].password}
    body = secure.http.post("/login", json=login, auth=("reports", secure.reports)).json()
    fresh = client.refresh_token(body["refresh_token"])
    secure.remember(fresh.access_token)
    secure.remember(fresh.refresh_token)
    assert fresh.refresh_token != body["refresh_token"] and client.introspect_token(fresh)["active"] is True
    assert client.revoke_refresh_token(fresh) is True
    assert client.introspect_token(fresh)["active"] is False


def test_a_library_is_told_what_a_client_lacks(secure):
    client = OAuth2Client(f"{secure.issuer}/token", auth=ClientSecretBasic("shop", secure.shop))
    with pytest.raises(UnauthorizedClient):
        client.client_credentials()


def test_the_authlib_example_calls_a_service(martlet, monkeypatch):
    session = run("Authlib", monkeypatch, martlet)["session"]
    martlet.remember(session.token["access_token"])
    answer = session.get(f"{martlet.url}/verify")
    assert answer.status_code == 200 and answer.json()["claims"]["sub"] == "client:reports"


@pytest.mark.parametrize("method", ("client_secret_basic", "client_secret_post"))
@pytest.mark.parametrize("library", (AuthlibSession, AuthlibHTTPXClient))
def test_authlib_gets_introspects_and_revokes(martlet, library, method):
    ways = {"token_endpoint_auth_method": method, "revocation_endpoint_auth_method": method}
    with library("reports", martlet.reports, scope="read", **ways) as session:
        token = session.fetch_token(f"{martlet.url}/token", grant_type="client_credentials", audience="api")
        martlet.remember(token["access_token"])
        assert claims_of(token["access_token"])["aud"] == "api" and "refresh_token" not in token
        asked = session.introspect_token(f"{martlet.url}/introspect", token=token["access_token"])
        assert (asked.json()["active"], asked.json()["client_id"]) == (True, "reports")
        revoked = session.revoke_token(f"{martlet.url}/revoke", token=token["access_token"])
        assert revoked.status_code == 200 and not active(martlet, token["access_token"])


def test_authlib_asks_again_when_the_token_has_expired(martlet):
    with AuthlibSession(
        "reports", martlet.reports, grant_type="client_credentials", token_endpoint=f"{martlet.url}/token"
    ) as session:
        before = session.fetch_token()
        session.token = before | {"expires_at": int(time.time()) - 1}
        assert session.get(f"{martlet.url}/verify").status_code == 200
        assert session.token["access_token"] != before["access_token"]
        martlet.remember(before["access_token"])
        martlet.remember(session.token["access_token"])


# Checking tokens


def test_fastmcp_accepts_a_token_through_the_key_set(martlet, monkeypatch):
    names = run("FastMCP", monkeypatch, martlet)
    verifier = names["verifier"]
    check = lambda token: asyncio.run(verifier.verify_token(token))
    found = check(token_of(martlet, "reports"))
    assert (found.client_id, found.subject, sorted(found.scopes)) == ("reports", "client:reports", ["list", "read"])
    for what, token in refused(martlet).items():
        assert check(token) is None, what
    assert check(token_of(martlet, "reports", scope="list")) is None


def test_a_fastmcp_server_protects_its_tools(martlet, monkeypatch):
    """Over HTTP, as a program would ask it."""
    application = run("FastMCP", monkeypatch, martlet)["server"].http_app()
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(application, port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        martlet.wait_for(lambda: server.started or not thread.is_alive(), 20, "the start of the server")
        hello = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-03-26",
                "capabilities": {},
                "clientInfo": {"name": "test", "version": "1"},
            },
        }

        def status(token: str) -> int:
            headers = {"Authorization": f"Bearer {token}", "Accept": "application/json, text/event-stream"}
            return httpx.post(f"http://127.0.0.1:{port}/mcp", json=hello, headers=headers, timeout=20).status_code

        assert status(token_of(martlet, "reports")) == 200
        assert {status(token) for token in refused(martlet).values()} == {401}
        assert status(token_of(martlet, "reports", scope="list")) == 401
    finally:
        server.should_exit = True
        thread.join(20)


def test_flask_jwt_extended_accepts_a_token_through_the_key_set(martlet, monkeypatch):
    client = run("Flask-JWT-Extended", monkeypatch, martlet)["app"].test_client()
    ask = lambda token: client.get("/report", headers={"Authorization": f"Bearer {token}"})
    answer = ask(token_of(martlet, "reports"))
    assert (answer.status_code, answer.get_json()) == (200, {"for": "client:reports"})
    for what, token in refused(martlet).items():
        assert ask(token).status_code in (401, 422), what


def test_fastapi_accepts_a_token_through_the_key_set(martlet, monkeypatch):
    with TestClient(run("FastAPI", monkeypatch, martlet)["app"]) as client:
        ask = lambda token: client.get("/report", headers={"Authorization": f"Bearer {token}"})
        answer = ask(token_of(martlet, "reports"))
        assert (answer.status_code, answer.json()) == (200, {"for": "client:reports"})
        for what, token in refused(martlet).items():
            assert ask(token).status_code == 401, what


def test_a_component_that_checks_by_itself_accepts_a_revoked_token_until_it_expires(martlet, monkeypatch):
    """As the page says. The service itself rejects the token at once."""
    token = token_of(martlet, "brief")
    assert martlet.cli("client", "disable", "brief").returncode == 0
    martlet.wait_for(lambda: martlet.refusal(token) == "client_revoked", what="the client's end")
    assert not active(martlet, token)
    answer = martlet.http.post("/token", data={"grant_type": "client_credentials"}, auth=("brief", martlet.brief))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    verifier = run("FastMCP", monkeypatch, martlet)["verifier"]
    assert asyncio.run(verifier.verify_token(token)).client_id == "brief"
