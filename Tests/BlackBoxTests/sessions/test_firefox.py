"""Sessions in cookies in Firefox, behind the nginx file of deploy/gateway with TLS."""

import json
import time

import pytest

from harness.accounts import AMY
from harness.browser import ACCESS, REFRESH, SESSION
from harness.firefox import Firefox, FirefoxTab
from harness.tls_site import TLSSite

APP, SUB, EVIL = "app.localhost", "sub.app.localhost", "evil.localhost"
BEGIN = """
    while (!window.module) await new Promise(resolve => setTimeout(resolve, 10));
    window.events = [];
    window.later = 0;
    window.martlet = module.createMartlet({ now: () => performance.now() + window.later });
    martlet.addEventListener('change', ({ state }) => events.push(state));
    const session = await martlet.session();
    return session && session.username;
"""
SIGN_IN = "return (await martlet.signIn({username: given[0], password: given[1]})).username;"
FETCH = "return (await martlet.fetch(given[0], {method: given[1] || 'GET'})).status;"
# Whether a live connection opens.
LIVE = {
    "socket": """
        function socket(target) {
            return new Promise(resolve => {
                const opened = new WebSocket(target.replace('https', 'wss') + 'socket');
                opened.onopen = () => { opened.close(); resolve(true); };
                opened.onerror = () => resolve(false);
            });
        }""",
    "stream": """
        function stream(target) {
            return new Promise(resolve => {
                const events = new EventSource(target + 'events');
                events.onmessage = () => { events.close(); resolve(true); };
                events.onerror = () => { events.close(); resolve(false); };
            });
        }""",
}
SUBMIT = """
    const form = document.querySelector('[name=password]').form;
    [form.elements.username.value, form.elements.password.value] = given;
    setTimeout(() => form.requestSubmit(), 50);
"""
OUT = "events.at(-1) === 'out'"


@pytest.fixture(scope="module")
def site(fleet):
    site = TLSSite(fleet, APP, refresh_grace="6s")
    yield site
    site.close()


@pytest.fixture(scope="module")
def firefox(fleet):
    firefox = Firefox(fleet.base / "firefox")
    yield firefox
    firefox.close()


@pytest.fixture
def open_tab(site, firefox):
    """Opens tabs with the module."""
    tabs = []

    def run(host: str = APP) -> FirefoxTab:
        tab = FirefoxTab(firefox, f"{site.at(host)}/start")
        tabs.append(tab)
        tab.user = tab.run(BEGIN)
        return tab

    yield run
    if tabs:
        tabs[0].run("await martlet.signOut().catch(() => {});")
    for tab in tabs:
        tab.close()


def lose_access(tab: FirefoxTab) -> None:
    """As if the access token had expired."""
    tab.driver.switch_to_window(tab.handle)
    tab.driver.delete_cookie(ACCESS)


def test_the_scene(site, firefox, open_tab):
    tab = open_tab()
    assert tab.user is None
    assert tab.run(SIGN_IN, AMY.name, AMY.password) == "amy"
    assert tab.run("return document.cookie;") == ""
    flags = {c["name"]: (c["secure"], c["httpOnly"], c.get("sameSite"), c["path"]) for c in tab.cookies()}
    assert flags == {ACCESS: (True, True, "Lax", "/"), SESSION: (True, True, "Lax", "/")}
    assert tab.run(FETCH, "/page") == 200 and tab.run(FETCH, "/page", "POST") == 200
    # A link from another site arrives with the session.
    other = FirefoxTab(firefox, f"{site.at(EVIL)}/start")
    other.run("setTimeout(() => { location = given[0]; }, 50);", f"{site.origin}/page")
    other.wait_for("document.body && document.body.textContent.includes('X-Auth-User')")
    seen = {name.lower(): value for name, value in json.loads(other.text())["headers"]}
    assert seen["x-auth-user"] == "amy" and REFRESH not in seen["cookie"]
    other.close()
    # The access token expires: the next request goes on without a sign-in.
    lose_access(tab)
    assert tab.run(FETCH, "/page") == 200
    old = tab.cookies()
    tab.run("await martlet.signOut();")
    assert tab.cookies() == [] and tab.run(FETCH, "/page") == 401
    for cookie in old:
        tab.driver.add_cookie({key: cookie[key] for key in ("name", "value", "path", "secure", "httpOnly")})
    assert tab.run("return (await fetch('/page')).status;") == 401
    assert tab.run("return (await fetch('/refresh', {method: 'POST'})).status;") == 401


def test_a_navigation_without_a_session_signs_in_by_the_page(site, firefox, open_tab):
    tab = open_tab()
    assert tab.user is None
    page = FirefoxTab(firefox, f"{site.origin}/page?a=b")
    page.wait_for("document.querySelector('[name=password]')")
    page.run(SUBMIT, AMY.name, AMY.password)
    page.wait_for("document.body.textContent.toLowerCase().includes('x-auth-user')")
    assert page.run("return location.href;") == f"{site.origin}/page?a=b"
    page.close()
    # The page with the module learns of it.
    tab.run("window.later = 31_000; window.dispatchEvent(new Event('focus'));")
    tab.wait_for("events.at(-1) === 'in'")


def test_when_the_access_token_has_expired_all_kinds_of_requests_go_on(site, firefox, open_tab):
    """A navigation, a link from another site, a WebSocket and a stream of events, without a sign-in."""
    tab = open_tab()
    tab.run(SIGN_IN, AMY.name, AMY.password)
    shows = "document.body && document.body.textContent.toLowerCase().includes('x-auth-user')"
    lose_access(tab)
    page = FirefoxTab(firefox, f"{site.origin}/page?a=b")
    page.wait_for(shows)
    assert page.run("return location.href;") == f"{site.origin}/page?a=b"
    page.close()
    lose_access(tab)
    other = FirefoxTab(firefox, f"{site.at(EVIL)}/start")
    other.run("setTimeout(() => { location = given[0]; }, 50);", f"{site.origin}/page?c=d")
    other.wait_for(shows)
    assert other.run("return location.href;") == f"{site.origin}/page?c=d"
    other.close()
    for kind in LIVE:
        lose_access(tab)
        assert tab.run(f"return [await {kind}(given[0]), (await martlet.session()).username, await {kind}(given[0])];"
                       f"{LIVE[kind]}", f"{site.origin}/") == [False, "amy", True], kind


def test_a_sign_out_is_in_every_tab_within_two_seconds(site, open_tab):
    """The fastest of several times counts, because this machine may have much else to do."""
    tabs = [open_tab() for _ in range(4)]
    times = []
    while not times or min(times) >= 2:
        assert len(times) < 8, times
        tabs[0].run(SIGN_IN, AMY.name, AMY.password)
        for tab in tabs:
            tab.wait_for("events.at(-1) === 'in'")
        before = [tab.run("return events.length;") for tab in tabs]
        began = time.monotonic()
        tabs[0].run("await martlet.signOut();")
        for tab in tabs:
            tab.wait_for(OUT)
        times.append(time.monotonic() - began)
        assert [tab.run("return events.length;") for tab in tabs] == [count + 1 for count in before]


def test_a_sign_out_elsewhere_is_noticed_at_the_next_focus(site, open_tab):
    tab = open_tab()
    tab.run(SIGN_IN, AMY.name, AMY.password)
    (sid,) = {tab.run("return (await martlet.session()).session_id;")}
    assert site.martlet.cut(sid=sid).status_code == 200
    tab.run("window.later = 31_000; window.dispatchEvent(new Event('focus'));")
    tab.wait_for(OUT)


def test_many_tabs_refresh_at_once_with_one_rotation(site, open_tab):
    tabs = [open_tab()]
    tabs[0].run(SIGN_IN, AMY.name, AMY.password)
    tabs += [open_tab() for _ in range(9)]
    time.sleep(6.2)
    before = len(site.martlet.events("refresh_rotated"))
    lose_access(tabs[0])
    for tab in tabs:
        tab.run("window.answer = martlet.fetch('/page').then(answer => answer.status);")
    assert [tab.run("return await answer;") for tab in tabs] == [200] * 10
    assert len(site.martlet.events("refresh_rotated")) == before + 1


def test_a_stopped_martlet_signs_no_tab_out(site, open_tab):
    tab = open_tab()
    tab.run(SIGN_IN, AMY.name, AMY.password)
    before = tab.run("return events;")
    lose_access(tab)
    site.martlet.stop()
    try:
        assert tab.run(FETCH, "/page") == 503
        for call in ("session()", "signOut()"):
            failed = tab.run(f"return martlet.{call}.then(() => 'settled', error => error.status);")
            assert failed in (500, 502, 503), call
        assert tab.run("return events;") == before
    finally:
        site.martlet.run_once()
    time.sleep(1.1)
    tab.wait_for("await martlet.fetch('/page').then(({status}) => status === 200, () => false)")
    assert tab.run("return events;") == before


def test_a_page_of_another_host_can_do_nothing(site, firefox, open_tab):
    tab = open_tab()
    tab.run(SIGN_IN, AMY.name, AMY.password)
    before = tab.cookies()
    seen = len(site.application.seen)
    attack = """
        const [target, login] = given;
        const send = (path, options) => fetch(target + path, {credentials: 'include', ...options}).catch(() => null);
        for (const path of ['/login', '/refresh', '/logout', '/page']) {
            await send(path, {method: 'POST', mode: 'no-cors', body: new URLSearchParams(login)});
            await send(path, {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(login)});
        }
        const read = await send('/session', {});
        const opened = await new Promise(resolve => {
            const socket = new WebSocket(target.replace('https', 'wss') + '/socket');
            socket.onopen = () => resolve(true);
            socket.onerror = () => resolve(false);
        });
        return [read === null, opened];
    """
    for host in (SUB, EVIL):
        other = FirefoxTab(firefox, f"{site.at(host)}/start")
        assert other.run(attack, site.origin, {"username": AMY.name, "password": AMY.password}) == [True, False], host
        other.close()
    assert tab.cookies() == before and len(site.application.seen) == seen
    assert tab.run("return (await martlet.session()).username;") == "amy"
