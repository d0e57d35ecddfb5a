"""The JavaScript module in Chromium, behind the nginx file of deploy/gateway with TLS."""

import re
import time

import pytest

from harness.accounts import AMY, BOB
from harness.browser import ACCESS
from harness.process import ROOT
from harness.server import free_port
from harness.tls_site import TLSSite
from harness.tokens import claims_of

APP, SUB = "app.localhost", "sub.app.localhost"
# `later` moves the clock of the module.
BEGIN = """async base => {
    const { createMartlet } = await import('/martlet.js');
    window.events = [];
    window.later = 0;
    window.martlet = createMartlet({ base, now: () => performance.now() + later });
    martlet.addEventListener('change', ({ state, reason }) => events.push([state, reason]));
    const session = await martlet.session().catch(() => undefined);
    return session && session.username;
}"""
SIGN_IN = "([username, password]) => martlet.signIn({username, password}).then(session => session.username)"
FETCH = "async path => (await martlet.fetch(path)).status"
# Long enough for 20 tabs on a machine that has much else to do.
TABS, ROUNDS, GRACE = 20, 3, 6
OUT = "events.length && events.at(-1)[0] === 'out'"


@pytest.fixture(scope="module")
def site(fleet):
    """Pages of the other host of the site may use this gateway; for them, its 401 has the fields of CORS."""
    port = free_port()
    origin = f"https://{SUB}:{port}"
    page = (ROOT / "docs/gateway.md").read_text()
    allowed = re.search(r"```nginx\n *(add_header .*?)```", page, re.S)[1].replace("https://app.example.org", origin)
    changes = [("    location @signin {\n", f"    location @signin {{\n{allowed}")]
    site = TLSSite(fleet, APP, changes, port, origins=origin, browser_tokens="on", refresh_grace=f"{GRACE}s")
    yield site
    site.close()


class Tab:
    """A tab with the module, and the requests that it has sent."""

    def __init__(self, site: TLSSite, context, host: str = APP, base: str = ""):
        self.page = context.new_page()
        self.sent: list[tuple[str, str]] = []
        self.page.on("request", lambda request: self.sent.append((request.method, request.url)))
        self.page.goto(f"{site.at(host)}/start")
        self.user = self.page.evaluate(BEGIN, base)

    def run(self, script: str, argument=None):
        return self.page.evaluate(script, argument)

    def sign_in(self, person=AMY) -> "Tab":
        assert self.run(SIGN_IN, [person.name, person.password]) == person.name
        return self

    @property
    def events(self) -> list[list[str]]:
        return self.run("events")

    def count(self, end: str) -> int:
        return sum(url.endswith(end) for _, url in self.sent)


def lose_access(context) -> None:
    """As if the access token had expired, at once in all tabs."""
    context.clear_cookies(name=ACCESS)


def rotations(site: TLSSite) -> int:
    return len(site.martlet.events("refresh_rotated"))


def test_a_page_signs_in_uses_the_application_and_signs_out(site, context):
    tab = Tab(site, context)
    assert tab.user is None
    tab.sign_in()
    assert tab.run("document.cookie") == "" and tab.run(FETCH, "/page") == 200
    assert [event[0] for event in tab.events] == ["out", "in"]
    again = Tab(site, context)
    assert again.user == "amy" and again.count("/session") == 1 and again.count("/refresh") == 0
    tab.run("martlet.signOut()")
    assert tab.run(FETCH, "/page") == 401 and context.cookies() == []


def test_20_tabs_refresh_at_once_with_one_rotation(site, context, is_full):
    tabs = [Tab(site, context).sign_in()]
    tabs += [Tab(site, context) for _ in range(TABS - 1)]
    for _ in range(50 if is_full else ROUNDS):
        # A session in cookies rotates at most once within the grace time.
        time.sleep(GRACE + 0.2)
        before = rotations(site)
        lose_access(context)
        for tab in tabs:
            tab.run("() => { window.answer = martlet.fetch('/page').then(answer => answer.status); }")
        assert [tab.run("answer") for tab in tabs] == [200] * TABS
        assert rotations(site) == before + 1
    assert all(tab.run("events.every(([state]) => state !== 'out')") for tab in tabs[1:])


def test_500_requests_at_once_cause_one_refresh(site, context):
    tab = Tab(site, context).sign_in()
    lose_access(context)
    tab.sent.clear()
    statuses = tab.run(
        "() => Promise.all(Array.from({length: 500}, (_, n) => martlet.fetch(`/page/${n}`).then(a => a.status)))"
    )
    assert statuses == [200] * 500 and tab.count("/refresh") == 1


def test_a_sign_out_is_in_every_tab_within_two_seconds(site, context):
    """Without a focus or another request: a message tells them. The fastest of several times counts, because this machine
    may have much else to do."""
    tabs = [Tab(site, context) for _ in range(5)]
    times = []
    while not times or min(times) >= 2:
        assert len(times) < 8, times
        tabs[0].sign_in()
        for tab in tabs:
            tab.page.wait_for_function("events.at(-1)[0] === 'in'")
        before = [tab.events for tab in tabs]
        began = time.monotonic()
        tabs[0].run("martlet.signOut()")
        for tab in tabs:
            tab.page.wait_for_function(OUT)
        times.append(time.monotonic() - began)
        assert [len(tab.events) - len(old) for tab, old in zip(tabs, before)] == [1] * 5


@pytest.mark.parametrize(
    "returns", ["new Event('focus')", "new Event('online')", "new PageTransitionEvent('pageshow', {persisted: true})"]
)
def test_a_sign_out_elsewhere_is_noticed_when_the_page_returns(site, context, chromium, returns):
    tab = Tab(site, context).sign_in()
    other = chromium.new_context(ignore_https_errors=True)
    Tab(site, other).sign_in().run("martlet.signOut({scope: 'global'})")
    other.close()
    assert tab.events[-1][0] == "in"
    tab.run("() => { later = 31_000; }")
    tab.run(f"() => {{ window.dispatchEvent({returns}); }}")
    tab.page.wait_for_function(OUT)


def test_a_stopped_martlet_signs_no_tab_out(site, context):
    tabs = [Tab(site, context).sign_in(), *(Tab(site, context) for _ in range(4))]
    before = [tab.events for tab in tabs]
    lose_access(context)
    site.martlet.stop()
    try:
        for tab in tabs:
            assert tab.run(FETCH, "/page") == 503
            for call in ("session()", "signOut()", "sessions()", "token({audience: 'x'})"):
                failed = tab.run(f"martlet.{call}.then(() => 'settled', error => error.status ?? error.name)")
                assert failed in (500, 502, 503, "TypeError"), call
            tab.run("() => { later += 31_000; window.dispatchEvent(new Event('focus')); }")
        assert [tab.events for tab in tabs] == before
    finally:
        site.martlet.run_once()
    time.sleep(1.1)
    for tab in tabs:
        tab.page.wait_for_function("() => martlet.fetch('/page').then(({status}) => status === 200, () => false)")
    assert [tab.events for tab in tabs] == before


def test_the_tab_that_refreshes_is_closed_and_the_others_go_on(site, context):
    tabs = [Tab(site, context).sign_in(), *(Tab(site, context) for _ in range(3))]
    lose_access(context)
    # Its answer never arrives.
    tabs[0].page.route("**/refresh", lambda route: None)
    with tabs[0].page.expect_request("**/refresh"):
        tabs[0].run("() => { martlet.fetch('/page').catch(() => {}); }")
    for tab in tabs[1:]:
        tab.run("() => { window.answer = martlet.fetch('/page').then(answer => answer.status); }")
    tabs[0].page.close()
    assert [tab.run("answer") for tab in tabs[1:]] == [200] * 3


def test_a_page_of_another_host_of_the_site_uses_this_gateway(site, context):
    tab = Tab(site, context, SUB, site.origin)
    assert tab.user is None
    tab.sign_in(BOB)
    assert tab.run(FETCH, f"{site.origin}/page") == 200
    assert {cookie["domain"] for cookie in context.cookies()} == {APP}
    lose_access(context)
    tab.sent.clear()
    assert tab.run(FETCH, f"{site.origin}/page") == 200 and tab.count("/refresh") == 1
    tab.run("martlet.signOut()")
    assert context.cookies() == []


def test_a_token_for_another_api_is_in_memory_only(site, context):
    tab = Tab(site, context).sign_in()
    token = tab.run("martlet.token({audience: 'billing'})")
    site.martlet.remember(token)
    assert claims_of(token)["aud"] == "billing" and claims_of(token)["sub"] == AMY.id
    tab.sent.clear()
    assert tab.run("martlet.token({audience: 'billing'})") == token and tab.sent == []
    assert tab.run("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]
    # The gateway accepts its own audience only.
    with_token = "async token => (await fetch('/page', {headers: {Authorization: `Bearer ${token}`}})).status"
    assert tab.run(with_token, token) == 401 and tab.run(FETCH, "/page") == 200
    refused = tab.run("martlet.token({audience: 'api'}).catch(error => [error.status, error.code])")
    assert refused == [400, "audience_invalid"] and tab.run(FETCH, "/page") == 200
    other = Tab(site, context)
    other.run("martlet.signOut()")
    tab.page.wait_for_function(OUT)
    again = tab.run("martlet.token({audience: 'billing'}).catch(error => [error.status, error.code])")
    assert again == [401, "token_missing"]


def test_a_page_lists_and_ends_sessions(site, context, chromium):
    tab = Tab(site, context).sign_in(BOB)
    other = chromium.new_context(ignore_https_errors=True)
    elsewhere = Tab(site, other).sign_in(BOB)
    mine = [one["session_id"] for one in tab.run("martlet.sessions()")["sessions"] if not one["current"]]
    assert elsewhere.run("martlet.session()")["session_id"] in mine
    for sid in mine:
        tab.run("id => martlet.endSession(id)", sid)
    assert elsewhere.run("martlet.session()") is None and elsewhere.events[-1][0] == "out"
    other.close()
    (own,) = tab.run("martlet.sessions()")["sessions"]
    tab.run("id => martlet.endSession(id)", own["session_id"])
    assert tab.events[-1][0] == "out" and tab.run(FETCH, "/page") == 401


def test_without_script_a_navigation_signs_in_by_the_page_and_comes_back(site, chromium):
    context = chromium.new_context(ignore_https_errors=True, java_script_enabled=False)
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.goto(f"{site.origin}/page?a=b")
    assert page.url == f"{site.origin}/signin?return=/page%3Fa%3Db"
    page.locator("[name=username]").fill(AMY.name)
    page.locator("[name=password]").fill(AMY.password)
    page.get_by_role("button").first.click()
    page.wait_for_url(f"{site.origin}/page?a=b")
    assert '"amy"' in page.inner_text("body")
    # The access token expires: the page comes back by itself.
    lose_access(context)
    page.goto(f"{site.origin}/page?c=d")
    assert page.url == f"{site.origin}/page?c=d" and '"amy"' in page.inner_text("body")
    context.close()
