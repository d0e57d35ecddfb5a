"""The pages in Chromium without script, behind nginx with TLS: every action, by keyboard, and for every reader."""

import json
import re
import time

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import TimeoutError as PlaywrightTimeout
from playwright.sync_api import expect

from harness.accounts import AMY, BOB, Person, write_users
from harness.browser import ACCESS, REFRESH, SESSION
from harness.secure_site import SecureSite
from harness.tls_site import TLSSite

APP, SUB, EVIL = "app.localhost", "sub.app.localhost", "evil.localhost"
NEW = "four other random words"
ARABIC = {
    "ar": {"dir": "rtl", "sign_in_title": "تسجيل الدخول", "username": "اسم المستخدم", "password": "كلمة المرور"},
}
WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
# What has the focus: the name of a field, or the text of a link or a button.
FOCUS = """() => {
    const at = document.activeElement;
    return at.name && at.tagName === 'INPUT' ? at.name : at === document.body ? '' : at.textContent.trim();
}"""
# Controls that are smaller than 24 pixels in one direction and are no link within a text.
SMALL = """() => [...document.querySelectorAll('a, button, input:not([type=hidden], [hidden])')].filter(control => {
    const box = control.getBoundingClientRect();
    return box.width < 24 || box.height < 24;
}).map(control => control.outerHTML)"""


@pytest.fixture(scope="module")
def site(fleet, tmp_path_factory):
    texts = tmp_path_factory.mktemp("pages") / "texts.json"
    texts.write_text(json.dumps(ARABIC))
    settings = {"sessions": "on", "pages_texts": texts, "pages_name": "The House", "after_signin": "/account"}
    site = SecureSite(fleet, APP, refresh_grace="30s", **settings)
    site.martlet.settings["origins"] += f",{site.at(SUB)}"
    site.martlet.restart()
    yield site
    site.close()


@pytest.fixture
def open_page(chromium):
    """Opens a page in a browser of its own, without script unless a test asks for it."""
    contexts = []

    def open_page(**options):
        options = {"java_script_enabled": False, "ignore_https_errors": True, "locale": "en-US"} | options
        contexts.append(chromium.new_context(**options))
        contexts[-1].set_default_timeout(60_000)
        return contexts[-1].new_page()

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def eve(site):
    """A user of one test, whose password may change."""
    eve = Person("eve", "eve eats early 4")
    write_users(site.martlet.users_path, (AMY, BOB, eve))
    site.martlet.secrets |= {eve.password, NEW}
    site.martlet.run.process.send_signal(1)
    site.martlet.wait_for(lambda: site.martlet.try_login(eve.name, eve.password).status_code == 200, 30)
    return eve


def sign_in(page, site, person=AMY, query: str = "", device: str = "") -> None:
    page.goto(f"{site.origin}/signin{query}")
    page.get_by_label("User name").fill(person.name)
    page.get_by_label("Password").fill(person.password)
    page.get_by_label("Name of this device").fill(device)
    page.get_by_role("button", name="Sign in").click()


def path(page) -> str:
    return re.sub("^https://[^/]*", "", page.url)


def shown(page) -> str:
    """What a failed test says about the page."""
    return f"the page {path(page)} says: {page.locator('body').inner_text()}"


def arrives(page, wanted: str) -> None:
    """Waits until the browser is at a path: a click does not wait for the answer to the form."""
    try:
        page.wait_for_url(lambda url: re.sub("^https://[^/]*", "", url) == wanted, timeout=60_000)
    except PlaywrightTimeout as late:
        raise AssertionError(f"not at {wanted}; {shown(page)}") from late


def has_focus(page, wanted: str) -> None:
    """Waits until the focus is there. A browser applies `autofocus` with the first frame that it draws, which may be later
    than the end of loading; keys that are pressed before that are lost."""
    deadline = time.monotonic() + 60
    while (found := page.evaluate(FOCUS)) != wanted:
        assert time.monotonic() < deadline, f"the focus is on {found!r}, not on {wanted!r}; {shown(page)}"
        page.wait_for_timeout(20)


def cookies(page) -> set[str]:
    return {cookie["name"] for cookie in page.context.cookies()}


def test_the_scene_without_script(site, open_page, eve):
    """Sign in, step up, list and end sessions, change the password, sign out."""
    phone, page = open_page(), open_page()
    sign_in(phone, site, eve, device="Eve's phone")
    expect(phone.get_by_text("You are signed in as eve.")).to_be_visible()
    page.goto(f"{site.origin}/account")
    arrives(page, "/signin?return=/account")
    sign_in(page, site, eve, "?return=/start")
    arrives(page, "/start")
    assert cookies(page) == {ACCESS, SESSION, REFRESH}

    page.goto(f"{site.origin}/signin?max_age=60&return=/account")
    expect(page.get_by_label("User name")).not_to_be_editable()
    expect(page.get_by_label("Password")).to_be_focused()
    page.get_by_label("Password").fill(eve.password)
    page.get_by_role("button", name="Sign in").click()
    arrives(page, "/account")

    expect(page.get_by_text("Eve's phone")).to_be_visible()
    page.get_by_role("button", name="End session: Eve's phone").click()
    arrives(page, "/account?done=session_ended")
    expect(page.get_by_role("status")).to_have_text("The session has ended.")
    expect(page.get_by_text("Eve's phone")).to_have_count(0)
    phone.goto(f"{site.origin}/account")
    arrives(phone, "/signin?return=/account")

    page.get_by_label("Current password").fill("not my password")
    for label in ("New password", "New password again"):
        page.get_by_label(label, exact=True).fill(NEW)
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("alert")).to_have_text("The current password is wrong.")
    expect(page.get_by_label("Current password")).to_be_focused()
    expect(page.get_by_label("Current password")).to_have_value("")
    page.get_by_label("Current password").fill(eve.password)
    for label in ("New password", "New password again"):
        page.get_by_label(label, exact=True).fill(NEW)
    page.get_by_role("button", name="Change password").click()
    arrives(page, "/account?done=password_changed")

    page.get_by_role("link", name="Sign out").click()
    page.get_by_role("button", name="Sign out").click()
    arrives(page, "/signin?done=signed_out")
    assert cookies(page) == set()
    expect(page.get_by_role("status")).to_have_text("You are signed out.")
    # The browser keeps none of the pages before, so that the button to go back shows nothing of the session.
    page.go_back()
    arrives(page, "/signout")
    expect(page.get_by_role("button", name="Sign out")).to_have_count(0)
    expect(page.get_by_text("eve")).to_have_count(0)
    page.go_back()
    arrives(page, "/signin?return=/account")
    expect(page.get_by_text("eve")).to_have_count(0)
    page.goto(f"{site.origin}/account")
    arrives(page, "/signin?return=/account")


def test_the_form_leads_to_a_listed_origin_only(site, open_page):
    """Chromium applies form-action to the redirect as well, so the page must name the origin."""
    page = open_page()
    sign_in(page, site, query=f"?return={site.at(SUB)}/start")
    page.wait_for_url(f"{site.at(SUB)}/start", timeout=60_000)
    sign_in(page, site, query=f"?return={site.at(EVIL)}/start")
    arrives(page, "/account")
    assert page.url == f"{site.origin}/account"


def test_an_expired_access_token_is_renewed_on_the_way(site, open_page):
    page = open_page()
    sign_in(page, site)
    arrives(page, "/account")
    page.context.clear_cookies(name=ACCESS)
    page.goto(f"{site.origin}/account")
    arrives(page, "/account")
    assert ACCESS in cookies(page)
    page.context.clear_cookies(name=ACCESS)
    page.get_by_role("button", name="End all other sessions").or_(
        page.get_by_role("button", name="Sign out everywhere")
    ).first.click()
    arrives(page, "/account?done=again")
    expect(page.get_by_role("status")).to_contain_text("Nothing was changed")


def test_by_keyboard_alone(site, open_page, eve):
    """The order of the focus, as it is written here."""
    page = open_page(java_script_enabled=True)

    def tabs(count: int) -> list[str]:
        order = [page.evaluate(FOCUS)]
        for _ in range(count):
            page.keyboard.press("Tab")
            order.append(page.evaluate(FOCUS))
        return order

    page.goto(f"{site.origin}/signin")
    has_focus(page, "username")
    assert tabs(4) == ["username", "password", "device", "remember", "Sign in"]
    page.goto(f"{site.origin}/signin")
    has_focus(page, "username")
    page.keyboard.type("eve")
    page.keyboard.press("Tab")
    page.keyboard.type("wrong password")
    assert page.locator("[name=username]").input_value() == "eve"
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("The user name or the password is wrong.")
    has_focus(page, "password")
    assert tabs(3) == ["password", "device", "remember", "Sign in"]
    for _ in range(3):
        page.keyboard.press("Shift+Tab")
    page.keyboard.type(eve.password)
    for _ in range(2):
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    arrives(page, "/account")
    # The login of the fixture is the other session.
    expected = ["", "Sign out", "End session", "End all other sessions", "Sign out everywhere"]
    passwords = ["current_password", "new_password", "new_password_again", "Change password"]
    assert tabs(8) == expected + passwords
    page.goto(f"{site.origin}/account")
    tabs(2)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    arrives(page, "/account?done=session_ended")
    assert tabs(6) == ["", "Sign out", "Sign out everywhere", *passwords]
    for _ in range(3):
        page.keyboard.press("Shift+Tab")
    for text in (eve.password, NEW, NEW):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    with page.expect_navigation():
        page.keyboard.press("Space")
    arrives(page, "/account?done=password_changed")
    page.keyboard.press("Tab")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert tabs(2) == ["", "Sign out", "Go to your account"]
    page.keyboard.press("Shift+Tab")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    arrives(page, "/signin?done=signed_out")


def states(page, site, eve):
    """Every page in every state, by name; the page is in that state while the name is yielded."""

    def submit(button: str, **fields: str) -> None:
        for label, value in fields.items():
            page.get_by_label(label.replace("_", " "), exact=True).fill(value)
        with page.expect_navigation():
            page.get_by_role("button", name=button).click()

    page.goto(f"{site.origin}/signout")
    yield "signed out"
    page.goto(f"{site.origin}/signin")
    yield "sign in"
    submit("Sign in", User_name="eve")
    yield "no password"
    submit("Sign in", User_name="e" * 128, Password="wrong password")
    yield "wrong password"
    page.get_by_label("Name of this device").fill("x" * 41)
    submit("Sign in", User_name="eve", Password="wrong password")
    yield "wrong device"
    page.goto(f"{site.origin}/signin?other=1")
    yield "problem"
    sign_in(page, site, eve, device="a device with a long name of 40 bytes ok")
    arrives(page, "/account")
    yield "account"
    submit("Change password", Current_password=eve.password, New_password="x", New_password_again="x")
    yield "short password"
    # What was done is only said to a visitor who comes from a page of ours.
    with page.expect_navigation():
        page.evaluate("location.href = '/account?done=session_ended'")
    expect(page.get_by_role("status")).to_be_visible()
    yield "done"
    page.goto(f"{site.origin}/signin")
    yield "signed in already"
    page.goto(f"{site.origin}/signin?max_age=60")
    yield "step up"
    page.goto(f"{site.origin}/signout")
    yield "sign out"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(site, open_page, eve, scheme):
    page = open_page(java_script_enabled=True, bypass_csp=True, color_scheme=scheme)
    for state in states(page, site, eve):
        found = Axe().run(page)
        assert found.violations_count == 0, f"{state}, {scheme}: {found.generate_report()}"
        assert page.evaluate(SMALL) == [], state


# A browser that shows text twice as large lays a page out as on a screen of half the size.
SIZES = {"320 px": (320, "100%"), "200 %": (640, "200%"), "320 px and 200 %": (320, "200%")}
SIZES |= {f"{width} px": (width, "100%") for width in (768, 1280)}


@pytest.mark.parametrize("name", SIZES)
def test_no_page_scrolls_sideways(site, open_page, eve, name):
    width, size = SIZES[name]
    page = open_page(java_script_enabled=True, bypass_csp=True, viewport={"width": width, "height": 800})
    for state in states(page, site, eve):
        page.add_style_tag(content=f"html {{ font-size: {size}; }}")
        assert not page.evaluate(WIDE), state
        assert page.evaluate("getComputedStyle(document.querySelector('button, p')).fontSize") == (
            "32px" if size == "200%" else "16px"
        )


def test_german_right_to_left_and_forced_colors(site, open_page, tmp_path):
    german = open_page(locale="de-DE")
    german.goto(f"{site.origin}/signin")
    expect(german.get_by_role("heading", name="Anmelden")).to_be_visible()
    arabic = open_page(locale="ar", java_script_enabled=True, bypass_csp=True)
    arabic.goto(f"{site.origin}/signin")
    assert arabic.evaluate("getComputedStyle(document.querySelector('h1')).direction") == "rtl"
    assert Axe().run(arabic).violations_count == 0
    forced = open_page(forced_colors="active", java_script_enabled=True, bypass_csp=True)
    forced.goto(f"{site.origin}/signin")
    with forced.expect_navigation():
        forced.get_by_role("button", name="Sign in").click()
    assert forced.evaluate("getComputedStyle(document.querySelector('[aria-invalid=true]')).borderWidth") != "0px"
    assert Axe().run(forced).violations_count == 0
    rules = forced.evaluate("[...document.styleSheets].flatMap(sheet => [...sheet.cssRules]).map(rule => rule.cssText)")
    assert len(rules) > 20 and not re.search("animation|transition", " ".join(rules))


def test_no_page_is_shown_in_a_frame(site, open_page):
    page = open_page(java_script_enabled=True)
    sign_in(page, site)
    arrives(page, "/account")
    for origin in (site.origin, site.at(EVIL)):
        page.goto(f"{origin}/start")
        for name in ("signin", "signout", "account"):
            page.evaluate(
                """address => new Promise(done => {
                    const frame = document.createElement('iframe');
                    frame.onload = done;
                    frame.src = address;
                    document.body.append(frame);
                })""",
                f"{site.origin}/{name}",
            )
        assert [frame for frame in page.frames[1:] if frame.query_selector("form")] == []


def test_a_form_of_another_site_changes_nothing(site, open_page):
    page = open_page(java_script_enabled=True)
    sign_in(page, site)
    arrives(page, "/account")
    login = {"username": BOB.name, "password": BOB.password}
    for form in (("signout", {}), ("account", {"action": "all"}), ("signin", login)):
        page.goto(f"{site.at(EVIL)}/start")
        with page.expect_navigation():
            page.evaluate(
                """([address, fields]) => {
                    const form = document.createElement('form');
                    [form.method, form.action] = ['POST', address];
                    for (const [name, value] of Object.entries(fields)) {
                        const input = document.createElement('input');
                        [input.name, input.value] = [name, value];
                        form.append(input);
                    }
                    document.body.append(form);
                    form.submit();
                }""",
                [f"{site.origin}/{form[0]}", form[1]],
            )
        expect(page.get_by_role("alert")).to_have_text("The form was sent by another site, so nothing was changed.")
    page.goto(f"{site.origin}/account")
    expect(page.get_by_text("You are signed in as amy.")).to_be_visible()


# The words of buttons and links that are broken in their middle: they have more than one box.
BROKEN = """() => [...document.querySelectorAll('button, a')].flatMap(control => {
    const text = control.firstChild;
    return [...text.data.matchAll(/\\S+/g)].filter(word => {
        const range = document.createRange();
        range.setStart(text, word.index);
        range.setEnd(text, word.index + word[0].length);
        return range.getClientRects().length > 1;
    }).map(word => word[0]);
})"""


@pytest.mark.parametrize("locale", ["en-US", "de-DE", "ar"])
def test_nothing_is_broken_or_covered_at_320_pixels_and_twice_the_text_size(site, open_page, locale):
    page = open_page(java_script_enabled=True, locale=locale, viewport={"width": 320, "height": 700})
    page.goto(f"{site.origin}/signin?return=/account")
    page.locator("[name=username]").fill(AMY.name)
    page.locator("[name=password]").fill(AMY.password)
    page.locator("form button").click()
    arrives(page, "/account")
    for place in ("/account", "/signin", "/signin?max_age=0", "/signout", "/signin?x=y"):
        page.goto(f"{site.origin}{place}")
        page.evaluate("() => { document.documentElement.style.fontSize = '200%'; }")
        assert page.evaluate(BROKEN) == [] and not page.evaluate(WIDE), place
    # The outline of a message with the focus ends above the links.
    bottom = page.locator("[role=alert]").evaluate("at => at.getBoundingClientRect().bottom")
    assert page.locator(".links a").first.evaluate("at => at.getBoundingClientRect().top") >= bottom + 16


def test_a_time_and_links_keep_their_place_from_right_to_left(site, open_page):
    page = open_page(java_script_enabled=True, locale="ar")
    page.goto(f"{site.origin}/signin?return=/account")
    page.locator("[name=username]").fill(AMY.name)
    page.locator("[name=password]").fill(AMY.password)
    page.locator("form button").click()
    arrives(page, "/account")
    # The first letter of the year is left of the last letter of the zone.
    lefts = page.locator("time").first.evaluate(
        """time => [0, time.firstChild.length - 1].map(index => {
            const range = document.createRange();
            range.setStart(time.firstChild, index);
            range.setEnd(time.firstChild, index + 1);
            return range.getBoundingClientRect().left;
        })"""
    )
    assert lefts[0] < lefts[1]
    edges = page.locator(".links a").first.evaluate(
        "at => [at.getBoundingClientRect().right, at.parentElement.getBoundingClientRect().right]"
    )
    assert abs(edges[0] - edges[1]) < 1


def test_a_gateway_that_drops_cookies_leads_to_a_page_that_says_so(fleet, open_page):
    """Before the browser gives up: it follows about 20 redirects."""
    line = "        proxy_set_header X-Original-Method"
    site = TLSSite(fleet, APP, [(line, f'        proxy_set_header Cookie "";\n{line}')])
    try:
        page = open_page()
        page.goto(f"{site.origin}/page")
        page.get_by_label("User name").fill(AMY.name)
        page.get_by_label("Password").fill(AMY.password)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="You are signed in")).to_be_visible()
        arrives(page, "/refresh?return=/page")
        assert len(site.martlet.events("refresh_needless")) == 1
        # Again and again, until the gateway passes cookies on.
        page.get_by_role("link", name="Continue").click()
        expect(page.get_by_role("heading", name="You are signed in")).to_be_visible()
        assert site.application.seen == []
    finally:
        site.close()
