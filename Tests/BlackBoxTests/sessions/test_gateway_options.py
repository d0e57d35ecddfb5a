"""/auth for gateways: sign-in, preflights, bearer and WebSocket tokens, by the real server."""

import subprocess

import pytest

from harness.accounts import AMY
from harness.browser import NAVIGATION, Browser

APP = "https://app.example.org"
FORWARDED = {
    "X-Forwarded-For": "192.0.2.1",
    "X-Forwarded-Method": "GET",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "app.example.org",
    "X-Forwarded-Uri": "/x?a=b",
}
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@pytest.fixture(scope="module")
def site(fleet):
    server = fleet.make(
        alg="HS256", browser="on", origins=APP, trusted_proxies="127.0.0.1", public_path="/martlet", access_ttl="30s"
    ).start()
    yield server
    fleet.close(server)


@pytest.mark.parametrize("method", METHODS)
def test_a_navigation_without_a_session_is_sent_to_the_refresh(site, method):
    headers = FORWARDED | NAVIGATION
    answer = site.http.request(method, "/auth?via=forwarded&signin=redirect", headers=headers)
    location = f"{APP}/martlet/refresh?return=/x%3Fa%3Db"
    assert (answer.status_code, answer.headers["location"]) == (302, location)
    assert answer.headers["cache-control"] == "no-store" and "set-cookie" not in answer.headers
    field = site.http.request(method, "/auth?via=forwarded&signin=field", headers=headers)
    assert (field.status_code, field.headers["x-auth-redirect"]) == (401, location)
    assert field.headers["www-authenticate"] == 'Bearer realm="martlet"' and "location" not in field.headers
    for fields in (
        {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
        {"X-Forwarded-Host": "evil.example"},
        {"X-Forwarded-Method": "POST"},
    ):
        plain = site.http.request(method, "/auth?via=forwarded&signin=redirect", headers=headers | fields)
        assert plain.status_code == 401 and "location" not in plain.headers


@pytest.mark.parametrize("protocol", ["--http1.1", "--http2-prior-knowledge"])
def test_the_authority_of_the_request_itself(site, protocol):
    """As Envoy asks, over either protocol."""
    sent = {"app.example.org": f"302 {APP}/martlet/refresh?return=/x%3Fa%3Db", "evil.example": "401 "}
    for host, seen in sent.items():
        fields = NAVIGATION | {"Host": host, "X-Forwarded-Uri": "/x?a=b"}
        command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", protocol]
        command += [part for name, value in fields.items() for part in ("-H", f"{name}: {value}")]
        asked = subprocess.run(
            [*command, f"{site.url}/auth?via=request&signin=redirect"], capture_output=True, text=True
        )
        assert asked.stdout == seen


def test_an_old_login_is_sent_to_the_password(site):
    browser = Browser(site.http)
    browser.sign_in(AMY.name, AMY.password)
    site.wait_for(
        lambda: browser.ask("GET", "/auth?via=request&max_age=0").status_code == 401, 5, "a login that is one second old"
    )
    headers = FORWARDED | NAVIGATION
    answer = browser.ask("GET", "/auth?via=forwarded&signin=redirect&max_age=0", headers=headers)
    assert answer.headers["location"] == f"{APP}/martlet/signin?return=/x%3Fa%3Db&max_age=0"
    challenge = browser.ask("GET", "/auth?via=request&max_age=0").headers["www-authenticate"]
    assert 'error="insufficient_user_authentication"' in challenge and challenge.endswith('max_age="0"')


def test_a_preflight_passes_without_identity(site):
    preflight = {"Origin": "https://other.example", "Access-Control-Request-Method": "PUT"}
    answer = site.http.options("/auth?via=request&preflight=pass", headers=preflight)
    assert answer.status_code == 200
    identity = {name: value for name, value in answer.headers.items() if name.startswith("x-auth-")}
    assert len(identity) == 7 and not any(identity.values())
    assert site.http.options("/auth?via=request", headers=preflight).status_code == 401
    assert site.http.get("/auth?via=request&preflight=pass", headers=preflight).status_code == 401


def test_the_token_for_the_application(site):
    token = site.login().access
    answer = site.http.get("/auth?bearer=yes", headers={"Authorization": f"Bearer {token}"})
    assert answer.headers["authorization"] == f"Bearer {token}"


def test_a_token_among_the_subprotocols_is_in_no_log(site):
    """Neither when it is accepted, nor when it is rejected."""
    token = site.login().access
    headers = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Origin": "https://other.example"}
    for offered, status in ((token, 200), (token + "x", 401), (f"{token}, martlet.bearer.{token}", 401)):
        protocols = {"Sec-WebSocket-Protocol": f"chat, martlet.bearer.{offered}"}
        answer = site.http.get("/auth?subprotocol=yes", headers=headers | protocols)
        assert answer.status_code == status
    assert site.http.get("/auth", headers=headers | protocols).status_code == 401
    assert token.rpartition(".")[2] not in site.run.text
    assert "martlet.bearer" not in site.run.text


@pytest.mark.parametrize("query", ["signin=yes", "preflight=yes", "bearer=1", "subprotocol=", "bearer=yes&bearer=yes"])
def test_a_parameter_that_is_not_understood_admits_nobody(site, query):
    headers = {"Authorization": f"Bearer {site.login().access}"}
    answer = site.http.get(f"/auth?{query}", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "condition_invalid")
    assert query.partition("=")[0] in answer.json()["detail"]
