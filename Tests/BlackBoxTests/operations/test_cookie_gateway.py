"""Sessions in cookies behind a real nginx that ends TLS, over HTTP/1.1 and HTTP/2."""

import json

import httpx
import pytest

from harness.accounts import AMY
from harness.browser import ACCESS, SAME_ORIGIN, Browser
from harness.secure_site import SecureSite


@pytest.fixture(scope="module")
def site(fleet):
    site = SecureSite(fleet)
    yield site
    site.close()


@pytest.fixture(params=[False, True], ids=["HTTP/1.1", "HTTP/2"])
def page(site, request):
    with site.client(request.param) as http:
        browser = Browser(http)
        answer = browser.sign_in(AMY.name, AMY.password)
        assert answer.status_code == 200 and answer.http_version == ("HTTP/2" if request.param else "HTTP/1.1")
        yield browser


def user(answer: httpx.Response) -> str:
    """Whom the application sees."""
    return json.loads(answer.content).get("HTTP_X_AUTH_USER", "")


def test_the_application_sees_the_user_and_never_the_refresh_token(site, page):
    answer = page.ask("GET", "/page")
    assert answer.status_code == 200 and user(answer) == "amy"
    assert "martlet-refresh" not in answer.text and "set-cookie" not in answer.headers
    posted = page.ask("POST", "/page", content=b"x=1")
    assert posted.status_code == 200 and user(posted) == "amy"
    assert page.ask("POST", "/refresh").headers["refresh-outcome"] == "rotated"
    assert user(page.ask("GET", "/page")) == "amy"
    old = page.jar.field("/page")
    assert page.ask("POST", "/logout").status_code == 204 and page.jar.cookies == {}
    assert page.http.get("/page", headers=SAME_ORIGIN | old).status_code == 401


def test_what_the_page_of_another_site_sends_stops_at_the_gateway(site, page):
    navigation = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    evil = {"Origin": "https://evil.example"}
    seen = len(site.application.seen)
    for method, headers, status in (
        ("GET", navigation, 200),
        ("GET", {}, 200),
        ("POST", navigation, 403),
        ("POST", {}, 403),
        ("DELETE", {"Sec-Fetch-Site": "same-site"}, 403),
        ("GET", {"Sec-Fetch-Site": "same-site"} | evil, 403),
        ("GET", key, 403),
        ("GET", key | evil, 403),
        ("GET", key | {"Origin": site.origin}, 200),
        ("POST", {"Origin": site.origin}, 200),
        ("GET", {"X-Original-Method": "GET", "X-Forwarded-Method": "GET"} | key, 403),
        ("POST", {"X-Original-Method": "GET", "X-Forwarded-Method": "GET"}, 403),
    ):
        assert page.ask(method, "/page", headers=headers).status_code == status, (method, headers)
    assert len(site.application.seen) == seen + 4


def test_two_access_cookies_are_401_at_the_gateway(page):
    cookie = page.jar.field("/page")["Cookie"]
    for both in (f"{cookie}; {ACCESS}=x", f"{ACCESS}=x; {cookie}"):
        assert page.http.get("/page", headers=SAME_ORIGIN | {"Cookie": both}).status_code == 401
    bearer = {"Authorization": f"Bearer {page.jar.value(ACCESS)}", "Cookie": f"{cookie}; {ACCESS}=x"}
    assert user(page.http.get("/page", headers=bearer)) == "amy"


def test_the_gateway_is_needed_for_nothing_but_tls(site, page):
    """The cookies are Secure, so the login through a proxy that ends TLS must have been by https."""
    assert all(morsel["secure"] for morsel in page.jar.cookies.values())
    with httpx.Client(base_url=site.martlet.url) as plain:
        headers = SAME_ORIGIN | {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "http"}
        answer = plain.post("/login", json={"username": AMY.name, "password": AMY.password}, headers=headers)
        assert answer.status_code == 400 and "--dev-tls" in answer.json()["detail"]
