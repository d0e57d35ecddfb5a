"""Sessions in cookies in Chromium, behind nginx with TLS: what a page can do, and what pages of other sites cannot."""

import json

import pytest

from harness.accounts import AMY, BOB
from harness.browser import ACCESS, REFRESH, SESSION
from harness.secure_site import SecureSite

APP, SUB, EVIL = "app.localhost", "sub.app.localhost", "evil.localhost"
NAMES = {ACCESS, SESSION, REFRESH}

ASK = """async ([method, path, body]) => {
    const headers = body ? {'Content-Type': 'application/json'} : {};
    const answer = await fetch(path, {method, headers, body: body && JSON.stringify(body)});
    return [answer.status, await answer.text(), answer.headers.get('Refresh-Outcome')];
}"""
# What a page of another origin can send with the cookies of `target`, and whether a WebSocket opens.
ATTACK = """async ([target, login]) => {
    const send = (path, options) => fetch(target + path, {credentials: 'include', ...options}).catch(() => null);
    const text = {'Content-Type': 'text/plain'};
    const form = new URLSearchParams(login);
    for (const path of ['/login', '/refresh', '/logout', '/page']) {
        await send(path, {method: 'POST', mode: 'no-cors', body: form});
        await send(path, {method: 'POST', mode: 'no-cors', headers: text, body: '{}'});
        await send(path, {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(login)});
    }
    const read = await send('/session', {});
    const opened = await new Promise(resolve => {
        const socket = new WebSocket(target.replace('https', 'wss') + '/page');
        socket.onopen = () => resolve(true);
        socket.onerror = () => resolve(false);
    });
    return [read === null, opened];
}"""
FORM = """([target, login]) => {
    const form = document.createElement('form');
    form.method = 'POST';
    form.action = target + '/login';
    for (const [name, value] of Object.entries(login)) {
        const input = document.createElement('input');
        [input.name, input.value] = [name, value];
        form.append(input);
    }
    document.body.append(form);
    form.submit();
}"""


@pytest.fixture(scope="module")
def site(fleet):
    site = SecureSite(fleet, APP, refresh_grace="30s")
    yield site
    site.close()


class Tab:
    """A tab of a page, which sends what a script of the page sends."""

    def __init__(self, context, origin: str):
        self.page = context.new_page()
        self.page.goto(f"{origin}/start")

    def ask(self, method: str, path: str, body: dict | None = None) -> tuple[int, str, str | None]:
        return tuple(self.page.evaluate(ASK, [method, path, body]))

    def sign_in(self, person=AMY) -> None:
        status, text, _ = self.ask("POST", "/login", {"username": person.name, "password": person.password})
        assert status == 200 and "eyJ" not in text, text


def kept(context) -> dict[str, dict]:
    return {cookie["name"]: cookie for cookie in context.cookies()}


def reached(site) -> list[str]:
    """What has arrived at the application, except for the icon that browsers ask for by themselves."""
    return [seen["PATH_INFO"] for seen in site.application.seen if seen["PATH_INFO"] != "/favicon.ico"]


def test_the_scene(site, context):
    """K1, K2, K3, K9: sign in, use, refresh in many tabs at once, sign out."""
    tab = Tab(context, site.origin)
    assert tab.ask("GET", "/session")[0] == 401
    tab.sign_in()
    assert tab.page.evaluate("document.cookie") == ""
    cookies = kept(context)
    flags = {name: (c["secure"], c["httpOnly"], c["sameSite"], c["path"], c["domain"]) for name, c in cookies.items()}
    assert flags == {
        ACCESS: (True, True, "Lax", "/", APP),
        SESSION: (True, True, "Lax", "/", APP),
        REFRESH: (True, True, "Strict", "/refresh", APP),
    }
    status, text, _ = tab.ask("GET", "/page")
    environ = json.loads(text)
    assert status == 200 and environ["HTTP_X_AUTH_USER"] == "amy" and REFRESH not in environ["HTTP_COOKIE"]
    assert tab.ask("POST", "/page", {"x": 1})[0] == 200
    assert '"amy"' in Tab(context, site.origin).page.goto(f"{site.origin}/page").text()
    outcomes = tab.page.evaluate(
        """() => Promise.all(Array.from({length: 20}, () => fetch('/refresh', {method: 'POST'})
            .then(answer => [answer.status, answer.headers.get('Refresh-Outcome')])))"""
    )
    assert sorted(outcomes) == [[200, "replayed"]] * 19 + [[200, "rotated"]]
    old = context.cookies()
    assert tab.ask("POST", "/logout")[0] == 204
    assert kept(context) == {}
    assert tab.ask("GET", "/page")[0] == tab.ask("POST", "/refresh")[0] == 401
    context.add_cookies(old)
    assert tab.ask("GET", "/page")[0] == tab.ask("GET", "/session")[0] == 401
    assert tab.ask("POST", "/refresh")[0] == 401 and kept(context) == {}


def test_cookies_that_end_with_the_browser(site, context):
    tab = Tab(context, site.origin)
    body = {"username": AMY.name, "password": AMY.password, "remember": False}
    assert tab.ask("POST", "/login", body)[0] == 200
    assert {name: cookie["expires"] for name, cookie in kept(context).items()} == dict.fromkeys(NAMES, -1)
    assert tab.ask("POST", "/refresh")[2] == "rotated"
    assert {name: cookie["expires"] for name, cookie in kept(context).items()} == dict.fromkeys(NAMES, -1)


@pytest.mark.parametrize("attacker", [SUB, EVIL])
def test_a_page_of_another_origin_can_do_nothing(site, context, attacker):
    """K7, K8, K10: it signs no user in or out, reads no answer and opens no WebSocket."""
    tab = Tab(context, site.origin)
    tab.sign_in()
    before = kept(context)
    seen = reached(site)
    login = {"username": BOB.name, "password": BOB.password, "mode": "cookie"}
    other = Tab(context, site.at(attacker))
    assert other.page.evaluate(ATTACK, [site.origin, login]) == [True, False]
    with other.page.expect_navigation():
        other.page.evaluate(FORM, [site.origin, login])
    assert "csrf_failed" in other.page.content()
    assert reached(site) == seen
    assert kept(context) == before
    status, text, _ = tab.ask("GET", "/session")
    assert status == 200 and json.loads(text)["username"] == "amy"
    assert tab.ask("POST", "/refresh")[2] == "rotated"


def test_a_link_from_another_site_arrives_with_the_session(site, context):
    Tab(context, site.origin).sign_in()
    other = Tab(context, site.at(EVIL))
    with other.page.expect_navigation():
        other.page.evaluate("target => { location = target + '/page'; }", site.origin)
    assert '"amy"' in other.page.content()


def test_a_cookie_that_another_host_of_the_site_plants_is_worth_nothing(site, context):
    """K6."""
    tab = Tab(context, site.origin)
    tab.sign_in()
    sub = Tab(context, site.at(SUB))
    attributes = f"Domain={APP}; Secure; SameSite=None"
    for name in (ACCESS, SESSION):
        sub.page.evaluate("text => { document.cookie = text; }", f"{name}=planted; Path=/; {attributes}")
    assert set(kept(context)) == NAMES
    sub.page.evaluate("text => { document.cookie = text; }", f"{REFRESH}=planted; Path=/refresh; {attributes}")
    assert len(context.cookies()) == 4
    assert tab.ask("GET", "/page")[0] == 200
    for path in ("/", "/refresh"):
        sub.page.evaluate("text => { document.cookie = text; }", f"{REFRESH}=planted; Path={path}; {attributes}")
        assert tab.ask("GET", "/page")[0] == 200
        assert tab.ask("POST", "/refresh")[0] == 200
    # The user can sign out and in again.
    assert tab.ask("POST", "/logout")[0] == 204
    tab.sign_in()
    assert tab.ask("GET", "/page")[0] == 200 and tab.ask("POST", "/refresh")[0] == 200
