"""Tabs with the JavaScript module in Chromium while something fails: the tab that refreshes, the proxy, Martlet itself.

"Down is not out": no tab says that the user is signed out, every promise settles, and all go on afterwards.
"""

import contextlib
import resource
import time

import pytest
from playwright.sync_api import Error as PlaywrightError

from harness.accounts import AMY, BOB
from harness.relay import LossyRelay
from harness.tls_site import TLSSite
from test_module_in_chromium import APP, Tab, lose_access

GRACE = 3
COUNT = 5
# Starts a request, and keeps what becomes of it.
BEGIN = """() => {
    window.answer = null;
    martlet.fetch('/page').then(({status}) => { answer = status; }, error => { answer = error.code || error.name; });
}"""
SETTLED = "() => answer !== null"


@pytest.fixture(scope="module")
def relay():
    relay = LossyRelay()
    yield relay
    relay.close()


@pytest.fixture(scope="module")
def site(fleet, relay):
    """The requests to /refresh take the way that loses answers."""
    place = (
        f"    location = /refresh {{ proxy_pass http://127.0.0.1:{relay.port}; proxy_buffer_size 16k; "
        "proxy_buffers 8 16k; proxy_set_header Connection close; proxy_set_header Host $http_host; "
        "proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme; "
        'proxy_set_header X-Forwarded-Host $http_host; proxy_set_header Forwarded ""; proxy_next_upstream off; }\n'
    )
    changes = [("    location @signin {\n", f"{place}    location @signin {{\n")]
    site = TLSSite(fleet, APP, changes, refresh_grace=f"{GRACE}s", hash_queue=1, hash_workers=1, login_account_failures=3)
    relay.target = site.martlet.port
    yield site
    site.close()


@pytest.fixture
def tabs(site, context):
    """Signed in, with a refresh that is longer ago than the grace time."""
    tabs = [Tab(site, context).sign_in(), *(Tab(site, context) for _ in range(COUNT - 1))]
    for tab in tabs:
        tab.before = tab.events
    time.sleep(GRACE + 0.2)
    return tabs


def go_on(tabs, seconds: int = 60) -> None:
    """All tabs reach the application again, and none has said that the user is signed out."""
    for tab in tabs:
        again = "() => martlet.fetch('/page').then(({status}) => status === 200, () => false)"
        tab.page.wait_for_function(again, timeout=seconds * 1000, polling=300)
        assert tab.events == tab.before


def crash(site, context, relay, tab) -> None:
    with tab.page.expect_event("crash"):
        with contextlib.suppress(PlaywrightError):
            tab.page.goto("chrome://crash")


def freeze(site, context, relay, tab) -> None:
    tab.session = context.new_cdp_session(tab.page)
    tab.session.send("Page.setWebLifecycleState", {"state": "frozen"})


def close(site, context, relay, tab) -> None:
    tab.page.close()


@pytest.mark.parametrize("end", [close, crash, freeze], ids=lambda end: end.__name__)
def test_the_tab_that_refreshes_is_lost(site, context, relay, tabs, end):
    first, *others = tabs
    lose_access(context)
    # Its answer never arrives.
    first.page.route("**/refresh", lambda route: None)
    with first.page.expect_request("**/refresh"):
        first.run(BEGIN)
    for tab in others:
        tab.run(BEGIN)
    end(site, context, relay, first)
    for tab in others:
        # Every promise of the module settles within 15 seconds of its own clock.
        tab.page.wait_for_function(SETTLED)
        assert tab.run("answer") == 200
    go_on(others)
    if end is freeze:
        # Awake again, its own promise settles as well, and it uses what the others have refreshed.
        first.page.unroute("**/refresh")
        first.session.send("Page.setWebLifecycleState", {"state": "active"})
        first.page.wait_for_function(SETTLED)
        go_on(tabs)


def test_the_answer_to_a_refresh_is_lost(site, context, relay, tabs):
    """The token is used up, and the browser has the old one: the next request within the grace time gets the same answer."""
    lost = relay.lost
    lose_access(context)
    relay.lose_next()
    for tab in tabs:
        tab.run(BEGIN)
    for tab in tabs:
        tab.page.wait_for_function(SETTLED)
    assert relay.lost == lost + 1
    go_on(tabs)


def test_martlet_is_stopped_for_a_while(site, context, tabs, is_full):
    """Requests go on all the time, in tabs that have lost their access token."""
    lose_access(context)
    site.martlet.stop()
    end = time.monotonic() + (30 if is_full else 5)
    try:
        while time.monotonic() < end:
            for tab in tabs:
                tab.run("() => { later += 31_000; window.dispatchEvent(new Event('focus')); }")
                status = tab.run("martlet.fetch('/page').then(({status}) => status, error => error.status ?? error.name)")
                assert status in (502, 503, "TypeError"), status
            tabs[0].page.wait_for_timeout(500)
    finally:
        site.martlet.run_once()
    go_on(tabs)


def test_the_journal_is_full(site, context, tabs):
    """As on a full disk: a refresh cannot be recorded, so it is 503."""
    lose_access(context)
    pid, before = site.martlet.pid, resource.prlimit(site.martlet.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        for tab in tabs:
            for call in ("session()", "fetch('/page')"):
                code = tab.run(f"martlet.{call}.then(() => 'settled', error => error.code || error.name)")
                assert code == "journal_unavailable", code
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
    go_on(tabs)


def test_hashing_is_saturated_and_logins_are_delayed(site, context, tabs):
    """Sign-ins fail with 503 and 429. Tabs that are signed in do not notice."""
    sign_in = "([username, password]) => martlet.signIn({username, password}).then(() => 200, error => error.status)"
    others = [Tab(site, context) for _ in range(2)]
    saturating = """([username, password]) => Promise.all(Array.from({length: 60}, () =>
        martlet.signIn({username, password}).then(() => 200, error => error.status)))"""
    found = others[0].run(saturating, [BOB.name, "a wrong password"])
    found += [others[1].run(sign_in, [BOB.name, f"another wrong one {number}"]) for number in range(5)]
    assert {503, 429} <= set(found)
    lose_access(context)
    go_on(tabs)
    for tab in others:
        assert "out" not in [state for state, _ in tab.events]
    assert tabs[0].run("martlet.session()")["username"] == AMY.name
