"""GET /refresh: a navigation gets new cookies and goes back to its page, without script."""

from urllib.parse import quote

import pytest

from harness.accounts import AMY
from harness.browser import ACCESS, NAVIGATION, REFRESH, SAME_ORIGIN, SESSION, Browser, Jar

APP = "https://app.example.org"
HTML = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def site(fleet):
    server = fleet.make(alg="HS256", browser="on", origins=APP, after_signin="/home", refresh_grace="30s").start()
    yield server
    fleet.close(server)


@pytest.fixture
def page(site) -> Browser:
    """A browser whose access cookie has expired."""
    browser = Browser(site.http)
    assert browser.sign_in(AMY.name, AMY.password).status_code == 200
    browser.jar.cookies.pop(ACCESS)
    return browser


def visit(browser: Browser, query: str = "return=/page", **fields: str):
    headers = NAVIGATION | {name.replace("_", "-"): value for name, value in fields.items()}
    return browser.ask("GET", f"/refresh?{query}", headers=headers)


def test_a_navigation_comes_back_with_new_cookies(site, page):
    """The gateway's redirect, and where it leads."""
    assert page.ask("GET", "/session").status_code == 401
    # The browser has just signed in, so it shows first that it keeps cookies.
    answer = visit(page, "return=" + quote("/page?a=b&c", safe=""))
    assert answer.status_code == 303 and answer.headers["refresh-outcome"] == "rotated"
    assert answer.headers["location"] == "/refresh?return=/page%3Fa%3Db%26c&step=check"
    assert answer.headers["cache-control"] == "no-store" and answer.content == b""
    assert len(answer.headers.get_list("set-cookie")) == 3
    after = page.ask("GET", answer.headers["location"], headers=NAVIGATION)
    assert (after.status_code, after.headers["location"]) == (303, "/page?a=b&c")
    assert page.ask("GET", "/session").json()["username"] == "amy"
    # Nothing more to refresh: another tab has.
    again = visit(page)
    assert (again.status_code, again.headers["location"]) == (303, "/page") and "set-cookie" not in again.headers


def test_what_is_no_navigation_rotates_nothing(page):
    before = dict(page.jar.cookies)
    for fields in (
        {"Sec_Fetch_Dest": "image", "Sec_Fetch_Mode": "no-cors"},
        {"Sec_Fetch_Dest": "script", "Sec_Fetch_Mode": "no-cors"},
        {"Sec_Fetch_Dest": "empty", "Sec_Fetch_Mode": "cors"},
        {"Sec_Fetch_Dest": "iframe"},
        {"Sec_Purpose": "prefetch"},
    ):
        answer = visit(page, **fields)
        assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")
    head = page.ask("HEAD", "/refresh", headers=NAVIGATION)
    assert head.status_code == 403 and page.jar.cookies == before
    assert page.ask("POST", "/refresh").headers["refresh-outcome"] == "rotated"


def test_a_link_from_another_site_bounces_once(page):
    """The browser leaves out its Strict cookie; the page that it gets loads the address again as its own."""
    strict = page.jar.cookies.pop(REFRESH)
    answer = visit(page, Sec_Fetch_Site="cross-site")
    assert answer.status_code == 200 and answer.headers["content-type"] == "text/html; charset=utf-8"
    assert 'http-equiv="refresh" content="0; url=/refresh?return=/page&amp;step=bounced"' in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    page.jar.cookies[REFRESH] = strict
    assert visit(page, "return=/page&step=bounced").status_code == 303
    empty = visit(Browser(page.http), "return=/page&step=bounced", Sec_Fetch_Site="cross-site")
    assert (empty.status_code, empty.headers["location"]) == (303, "/signin?return=/page")


@pytest.mark.parametrize(
    "address",
    ["//evil.example", "/\\evil.example", "https://evil.example/", f"{APP}.evil.example/", "/%0d%0ax", "/%2fevil.example"],
)
def test_a_hostile_address_is_in_no_answer(page, address):
    """K11."""
    query = "return=" + quote(address, safe="")
    for browser in (page, Browser(page.http)):
        answer = visit(browser, query)
        assert answer.status_code == 303 and "evil" not in answer.headers["location"]
        assert "/home" in answer.headers["location"]
    bounced = visit(Browser(page.http), query, Sec_Fetch_Site="cross-site")
    assert "evil" not in bounced.text and "return=/home" in bounced.text


def test_an_address_of_a_listed_origin_is_accepted(page):
    answer = visit(page, "step=check&return=" + quote(f"{APP}/x", safe=""))
    assert answer.status_code == 409 and quote(f"{APP}/x", safe="/") in answer.text


def test_a_session_that_has_ended_goes_to_the_sign_in(site, page):
    old = Jar(dict(page.jar.cookies))
    assert page.ask("POST", "/logout").status_code == 204
    answer = visit(Browser(site.http, old))
    assert (answer.status_code, answer.headers["location"]) == (303, "/signin?return=/page")
    assert old.cookies == {}


def test_a_browser_that_keeps_no_cookies_is_told_so(site, page):
    """It would otherwise go around between the gateway and here."""
    kept = dict(page.jar.cookies)
    for _ in range(2):
        stubborn = Browser(site.http, Jar(dict(kept)))
        answer = visit(stubborn)
        assert answer.headers["location"].endswith("&step=check")
    told = Browser(site.http, Jar(dict(kept))).ask("GET", answer.headers["location"], headers=NAVIGATION)
    assert told.status_code == 409 and "does not keep the cookies" in told.text


def test_every_refusal_of_a_navigation(site, page):
    evil = {"Origin": "https://evil.example"}

    def code_of(answer) -> tuple[int, str]:
        return answer.status_code, answer.json()["code"]

    def page_of(answer, status: int) -> str:
        assert answer.status_code == status and answer.headers["content-type"].startswith("text/html"), answer.text
        return answer.text

    assert "could not be read" in page_of(visit(page, "return=/&x=1"), 400)
    assert code_of(page.ask("GET", "/refresh", headers=HTML | evil)) == (403, "origin_not_allowed")
    cookie = page.jar.field("/refresh")["Cookie"]
    twice = {"Cookie": f"{cookie}; {SESSION}=x"}
    assert "contradict each other" in page_of(site.http.get("/refresh", headers=NAVIGATION | twice), 400)
    assert page.ask("POST", "/refresh", json={"scope": "read"}).status_code == 200
    old = {"Cookie": cookie}
    assert "could not be read" in page_of(site.http.get("/refresh", headers=NAVIGATION | old), 400)


def test_without_space_no_cookie_is_lost(make_server):
    server = make_server(alg="HS256", browser="on").start()
    browser = Browser(server.http)
    browser.sign_in(AMY.name, AMY.password)
    browser.jar.cookies.pop(ACCESS)
    (segment,) = server.state_path.glob("*.jrn")
    segment.rename(server.directory / "away")
    answer = visit(browser)
    assert answer.status_code == 503 and "Try again later" in answer.text
    assert set(browser.jar.cookies) == {SESSION, REFRESH}


def test_without_browser_mode_there_is_no_get(server):
    answer = server.http.get("/refresh", headers=NAVIGATION)
    assert answer.status_code == 405 and answer.headers["allow"] == "POST, OPTIONS"
    assert server.http.options("/refresh").headers["allow"] == "POST, OPTIONS"
    assert server.http.head("/refresh", headers=SAME_ORIGIN).status_code == 405
