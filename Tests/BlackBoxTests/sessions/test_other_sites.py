"""What pages of other origins can do to a signed-in browser, by every way a browser has to send a request: in Chromium,
Firefox and WebKitGTK, behind the nginx file of deploy/gateway with TLS.

`sub.app.localhost` is another host of the same site, `evil.localhost` is another site.
"""

import json

import pytest

from harness.accounts import AMY, BOB
from harness.browser import ACCESS, DEVICE, REFRESH, SESSION
from harness.firefox import Firefox, FirefoxTab
from harness.tls_site import TLSSite
from harness.webkit import WebKit

APP, SUB, EVIL = "app.localhost", "sub.app.localhost", "evil.localhost"
ASK = """
    const [method, path, body] = given;
    const headers = body ? {'Content-Type': 'application/json'} : {};
    const answer = await fetch(path, {method, headers, body: body && JSON.stringify(body)});
    return [answer.status, await answer.text()];
"""
# Each returns when the browser has sent the request, or has refused to.
TOOLS = """
    const late = new Promise(resolve => setTimeout(resolve, 4000));
    const loaded = element => Promise.race([late, new Promise(resolve => { element.onload = element.onerror = resolve; })]);
    const element = (name, members) => Object.assign(document.createElement(name), members);
    async function embedded(name, members) {
        const made = element(name, members);
        const end = loaded(made);
        (name === 'link' ? document.head : document.body).append(made);
        await end;
        made.remove();
    }
    async function form(address, enctype, fields) {
        const frame = element('iframe', {name: `frame-${Math.random()}`});
        document.body.append(frame);
        const made = element('form', {method: 'POST', action: address, enctype, target: frame.name});
        for (const [name, value] of Object.entries(fields)) made.append(element('input', {name, value}));
        document.body.append(made);
        const end = loaded(frame);
        HTMLFormElement.prototype.submit.call(made);
        await end;
        frame.remove();
    }
"""
CHANGES = (
    TOOLS
    + """
    const [target, path, fields] = given;
    const address = target + path;
    const encoded = new URLSearchParams(fields);
    for (const enctype of ['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain']) {
        await form(address, enctype, fields);
    }
    const text = JSON.stringify(fields);
    const include = {method: 'POST', credentials: 'include'};
    const json = {'Content-Type': 'application/json'};
    const readable = [];
    for (const options of [
        {...include, mode: 'no-cors', body: encoded}, {...include, mode: 'no-cors', body: text},
        {...include, mode: 'no-cors', body: new Blob([text])}, {...include, body: encoded},
        {...include, headers: json, body: text}, {...include, method: 'DELETE'},
    ]) {
        const answer = await fetch(address, options).catch(() => null);
        if (answer && answer.type !== 'opaque') readable.push([path, answer.status]);
    }
    navigator.sendBeacon(address, encoded);
    return readable;
"""
)
READS = {
    "fetch": "await fetch(address, {mode: 'no-cors', credentials: 'include'}).catch(() => {});",
    "cors": """
        const answer = await fetch(address, {credentials: 'include'}).catch(() => null);
        return answer && await answer.text();""",
    "image": "await embedded('img', {src: address});",
    "script": "await embedded('script', {src: address});",
    "style": "await embedded('link', {rel: 'stylesheet', href: address});",
    "frame": """
        const made = element('iframe', {src: address});
        const end = loaded(made);
        document.body.append(made);
        await end;
        let text = null;
        try { text = made.contentDocument && made.contentDocument.body.textContent; } catch {}
        return text;""",
    "object": "await embedded('object', {data: address});",
    "embed": "await embedded('embed', {src: address});",
    "prefetch": "await embedded('link', {rel: 'prefetch', href: address});",
    "preload": "await embedded('link', {rel: 'preload', as: 'fetch', href: address});",
    "window": """
        const opened = window.open(address);
        if (!opened) return null;
        await new Promise(resolve => setTimeout(resolve, 1500));
        let text = null;
        try { text = opened.document && opened.document.body.textContent; } catch {}
        opened.close();
        return text;""",
    "socket": """
        const socket = new WebSocket(address.replace('https', 'wss'));
        return await Promise.race([late, new Promise(resolve => {
            socket.onopen = () => resolve('open');
            socket.onerror = () => resolve(null);
        })]) || null;""",
    "events": """
        const events = new EventSource(address, {withCredentials: true});
        return await Promise.race([late, new Promise(resolve => {
            events.onmessage = ({data}) => resolve(data);
            events.onerror = () => { events.close(); resolve(null); };
        })]) || null;""",
}
# What may reach the application with the session: reading changes nothing, and no page can see the answer.
HARMLESS = {
    SUB: {"fetch", "image", "script", "style", "frame", "object", "embed", "prefetch", "preload", "window"},
    EVIL: {"window"},
}


@pytest.fixture(scope="module")
def site(fleet):
    site = TLSSite(fleet, APP, refresh_grace="30s")
    yield site
    site.close()


class ChromiumTab:
    """A tab with the methods of the other browsers."""

    def __init__(self, context):
        self.page = context.new_page()

    def go(self, address: str) -> None:
        self.page.goto(address)

    def run(self, script: str, *arguments):
        return self.page.evaluate(f"async given => {{ {script} }}", list(arguments))


def start(name: str, request, site):
    """A browser without cookies, and what ends it."""
    if name == "chromium":
        context = request.getfixturevalue("chromium").new_context(ignore_https_errors=True)
        context.set_default_timeout(60_000)
        return ChromiumTab(context), context.close
    base = request.getfixturevalue("fleet").base / f"{name}-of-other-sites"
    if name == "firefox":
        firefox = Firefox(base)
        firefox.driver.timeout.script = 60
        return FirefoxTab(firefox, f"{site.origin}/start"), firefox.close
    webkit = WebKit(base)
    webkit.driver.set_script_timeout(60)
    return webkit, webkit.close


@pytest.fixture(scope="module", params=["chromium", "firefox", "webkit"])
def browser(request, site):
    browser, close = start(request.param, request, site)
    yield browser
    close()


def ask(browser, site, method: str, path: str, body: dict | None = None) -> tuple[int, str]:
    """What a page of the application gets."""
    browser.go(f"{site.origin}/start")
    status, text = browser.run(ASK, method, path, body)
    return status, text


def sign_in(browser, site, person) -> str:
    """The identifier of the new session."""
    status, text = ask(browser, site, "POST", "/login", {"username": person.name, "password": person.password})
    assert status == 200, text
    return json.loads(text)["session_id"]


def written(site) -> int:
    """How many records the journal has: everything that lasts is one."""
    return site.martlet.admin.get("/admin/status").json()["journal"]["seq"]


def is_amy(browser, site, sid: str) -> bool:
    status, text = ask(browser, site, "GET", "/session")
    found = json.loads(text)
    return (status, found.get("username"), found.get("session_id")) == (200, AMY.name, sid)


@pytest.mark.parametrize("attacker", [SUB, EVIL])
def test_it_changes_nothing(browser, site, attacker):
    """K7, K8: no sign-in as another user, no refresh, no sign-out, no end of a session, no other password."""
    sid = sign_in(browser, site, AMY)
    browser.go(f"{site.at(attacker)}/start")
    before, seen = written(site), len(site.application.seen)
    login = {"username": BOB.name, "password": BOB.password}
    change = {"current_password": AMY.password, "new_password": "taken over by evil"}
    for path, fields in {
        "/login": login | {"mode": "cookie"},
        "/signin": login,
        "/refresh": {},
        "/logout": {"scope": "global"},
        "/signout": {},
        "/account": {"action": "all"},
        "/account?": {"action": "password", **change, "new_password_again": change["new_password"]},
        "/password": change,
        f"/sessions/{sid}": {},
        "/session/data": {"cart": "of evil"},
        "/page": {"x": "y"},
    }.items():
        assert browser.run(CHANGES, site.origin, path.rstrip("?"), fields) == [], path
    assert written(site) == before
    assert site.application.seen[seen:] == []
    assert is_amy(browser, site, sid)


@pytest.mark.parametrize("attacker", [SUB, EVIL])
def test_it_reads_nothing(browser, site, attacker):
    """K10, row by row: what reaches the application with the session, and what the page learns of it."""
    sid = sign_in(browser, site, AMY)
    browser.go(f"{site.at(attacker)}/start")
    before, seen = written(site), len(site.application.seen)
    paths = ["/page/{}", "/session?{}", "/sessions?{}", "/account?{}", "/signout?{}", "/refresh?return=/page/{}-refreshed"]
    for kind, script in READS.items():
        for path in paths if kind != "window" else paths[:1]:
            found = browser.run(f"{TOOLS} const address = given[0]; {script}", site.origin + path.format(kind))
            assert not found or (kind == "frame" and "amy" not in found), (kind, path, found)
    reached = {path.removeprefix("/page/") for method, path in site.application.seen[seen:] if path.startswith("/page/")}
    assert {method for method, _ in site.application.seen[seen:]} <= {"GET"}
    assert reached <= HARMLESS[attacker], reached
    if attacker == SUB:
        # Their cookies are sent, so that it is Martlet that rejects the others.
        assert {"fetch", "image", "frame"} <= reached
    assert written(site) == before and is_amy(browser, site, sid)


@pytest.mark.parametrize("attacker", [SUB, EVIL])
def test_its_cookies_make_the_browser_use_no_other_session(browser, site, attacker):
    """K6: cookies of the attacker's own session, of every name and for every path. At worst, a request is rejected."""
    with site.martlet.client() as http:
        login = {"username": BOB.name, "password": BOB.password, "mode": "cookie", "device": "phone"}
        answer = http.post("/login", json=login, headers={"Origin": site.origin})
        own = dict(answer.cookies.items())
    assert set(own) == {ACCESS, SESSION, REFRESH, DEVICE}
    sign_in(browser, site, AMY)
    browser.go(f"{site.at(attacker)}/start")
    paths = ["/", "/page", "/refresh", "/session", "/sessions", "/logout", "/account", "/signin"]
    for name, value in own.items():
        for path in paths:
            for domain in (f"Domain={APP}; ", ""):
                cookie = f"{name}={value}; Path={path}; {domain}Secure; SameSite=None"
                browser.run("document.cookie = given[0];", cookie)
    requests = (("GET", "/session"), ("GET", "/page"), ("GET", "/sessions"), ("POST", "/refresh"), ("GET", "/session"))
    for method, path in requests:
        status, text = ask(browser, site, method, path)
        assert BOB.id not in text and '"bob"' not in text, (path, text)
        assert status in (200, 400, 401), (path, status, text)
    browser.go(f"{site.origin}/page/after")
    assert '"bob"' not in browser.run("return document.documentElement.textContent;")
