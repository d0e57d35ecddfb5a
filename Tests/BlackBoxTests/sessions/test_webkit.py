"""Sessions in cookies in WebKitGTK, behind the nginx file of deploy/gateway with TLS."""

import json

import pytest

from harness.accounts import AMY
from harness.browser import ACCESS, SESSION
from harness.tls_site import TLSSite
from harness.webkit import WebKit

APP, EVIL = "app.localhost", "evil.localhost"
BEGIN = """
    while (!window.module) await new Promise(resolve => setTimeout(resolve, 10));
    window.events = [];
    window.martlet = module.createMartlet();
    martlet.addEventListener('change', ({ state }) => events.push(state));
    const session = await martlet.session();
    return session && session.username;
"""
SIGN_IN = "return (await martlet.signIn({username: given[0], password: given[1]})).username;"
SUBMIT = """
    const form = document.querySelector('[name=password]').form;
    [form.elements.username.value, form.elements.password.value] = given;
    setTimeout(() => form.requestSubmit(), 50);
"""
FETCH = "return (await martlet.fetch(given[0], {method: given[1] || 'GET'})).status;"


@pytest.fixture(scope="module")
def site(fleet):
    site = TLSSite(fleet, APP)
    yield site
    site.close()


@pytest.fixture(scope="module")
def webkit(fleet):
    webkit = WebKit(fleet.base / "webkit")
    yield webkit
    webkit.close()


def test_the_scene(site, webkit):
    webkit.go(f"{site.origin}/start")
    assert webkit.run(BEGIN) is None
    assert webkit.run(SIGN_IN, AMY.name, AMY.password) == "amy" and webkit.run("return document.cookie;") == ""
    flags = {c["name"]: (c["secure"], c["httpOnly"], c.get("sameSite"), c["path"]) for c in webkit.driver.get_cookies()}
    assert flags == {ACCESS: (True, True, "Lax", "/"), SESSION: (True, True, "Lax", "/")}
    assert webkit.run(FETCH, "/page") == 200 and webkit.run(FETCH, "/page", "POST") == 200
    webkit.go(f"{site.origin}/page")
    seen = {name.lower(): value for name, value in json.loads(webkit.run("return document.body.textContent;"))["headers"]}
    assert seen["x-auth-user"] == "amy" and "martlet-refresh" not in seen["cookie"]
    webkit.go(f"{site.origin}/start")
    assert webkit.run(BEGIN) == "amy"
    # The access token expires: the next request goes on without a sign-in.
    webkit.driver.delete_cookie(ACCESS)
    assert webkit.run(FETCH, "/page") == 200
    webkit.driver.delete_cookie(ACCESS)
    webkit.go(f"{site.origin}/page?a=b")
    webkit.wait_for("document.body.textContent.toLowerCase().includes('x-auth-user')")
    webkit.arrives(f"{site.origin}/page?a=b")
    # A link from another site: the refresh cookie is Strict, and the page that comes in between loads itself again.
    webkit.driver.delete_cookie(ACCESS)
    webkit.go(f"{site.at(EVIL)}/start")
    webkit.driver.execute_script("setTimeout(() => { location = arguments[0]; }, 50);", f"{site.origin}/page?c=d")
    webkit.arrives(f"{site.origin}/page?c=d")
    webkit.wait_for("document.body.textContent.toLowerCase().includes('x-auth-user')")
    webkit.go(f"{site.origin}/start")
    assert webkit.run(BEGIN) == "amy"
    webkit.run("await martlet.signOut();")
    assert webkit.driver.get_cookies() == [] and webkit.run(FETCH, "/page") == 401
    assert webkit.run("return events;") == ["in", "out"]


def test_a_navigation_without_a_session_signs_in_by_the_page(site, webkit):
    webkit.go(f"{site.origin}/start")
    webkit.run(BEGIN)
    webkit.run("await martlet.signOut();")
    webkit.go(f"{site.origin}/page?a=b")
    webkit.arrives(f"{site.origin}/signin?return=/page%3Fa%3Db")
    webkit.run(SUBMIT, AMY.name, AMY.password)
    webkit.arrives(f"{site.origin}/page?a=b")
    webkit.wait_for("document.body.textContent.toLowerCase().includes('x-auth-user')")
