"""Navigations whose access cookie has expired, in Chromium behind a real nginx: they come back by themselves."""

import json

import pytest

from harness.accounts import AMY
from harness.browser import ACCESS
from harness.secure_site import SecureSite

APP, EVIL = "app.localhost", "evil.localhost"
PAGE = """
            auth_request_set $auth_redirect $upstream_http_x_auth_redirect;
            error_page 401 = @signin;
"""
PLACES = """
        location @signin {
            if ($auth_redirect) { return 302 $auth_redirect; }
            return 401;
        }
        location = /signin { default_type text/html; return 200 "<!doctype html><title>sign in</title>"; }
"""
LOGIN = """async ([username, password]) => (await fetch('/login', {
    method: 'POST',
    headers: {'Content-Type': 'application/json'},
    body: JSON.stringify({username, password}),
})).status"""


@pytest.fixture(scope="module")
def site(fleet):
    site = SecureSite(fleet, APP, "&signin=field", PAGE, PLACES)
    yield site
    site.close()


@pytest.fixture
def page(site, context):
    """A tab whose access cookie has expired."""
    page = context.new_page()
    page.goto(f"{site.origin}/start")
    assert page.evaluate(LOGIN, [AMY.name, AMY.password]) == 200
    context.clear_cookies(name=ACCESS)
    return page


def user(text: str) -> str:
    return json.loads(text)["HTTP_X_AUTH_USER"]


def names(context) -> set[str]:
    return {cookie["name"] for cookie in context.cookies()}


def test_an_address_that_the_user_enters(site, context, page):
    answer = page.goto(f"{site.origin}/page?a=b")
    assert user(answer.text()) == "amy" and page.url == f"{site.origin}/page?a=b"
    assert ACCESS in names(context)


def test_a_link_from_another_site(site, context, page):
    """The refresh cookie is Strict, so the browser sends it only after the bounce."""
    page.goto(f"{site.at(EVIL)}/start")
    page.evaluate("url => { location.href = url }", f"{site.origin}/page?a=b")
    page.wait_for_url(f"{site.origin}/page?a=b")
    assert user(page.inner_text("body")) == "amy"


def test_a_script_is_never_sent_away(site, context, page):
    status = page.evaluate("async () => { const a = await fetch('/page'); return [a.status, a.redirected]; }")
    assert status == [401, False]
    assert page.evaluate("async () => (await fetch('/refresh', {method: 'POST'})).status") == 200
    assert page.evaluate("async () => (await fetch('/page')).status") == 200


def test_a_page_of_another_site_cannot_rotate(site, context, page):
    before = {cookie["name"]: cookie["value"] for cookie in context.cookies()}
    page.goto(f"{site.at(EVIL)}/start")
    page.evaluate(
        """async target => {
            for (const [tag, name] of [['img', 'src'], ['script', 'src'], ['iframe', 'src'], ['link', 'href']]) {
                const element = document.createElement(tag);
                if (tag === 'link') element.rel = 'prefetch';
                const done = new Promise(resolve => {
                    element.onload = element.onerror = resolve;
                    setTimeout(resolve, 1000);
                });
                element[name] = target + '/refresh?return=/page';
                document.documentElement.append(element);
                await done;
            }
            await fetch(target + '/refresh', {credentials: 'include', mode: 'no-cors'}).catch(() => null);
        }""",
        site.origin,
    )
    assert {cookie["name"]: cookie["value"] for cookie in context.cookies()} == before


def test_without_a_session_the_sign_in_comes(site, context, page):
    context.clear_cookies()
    page.goto(f"{site.origin}/page?a=b")
    assert page.url == f"{site.origin}/signin?return=/page%3Fa%3Db" and page.title() == "sign in"
