"""The pages in Firefox without script: it has rules of its own for forms, focus and `form-action`."""

import re
import time

import pytest
from marionette_driver.by import By
from marionette_driver.errors import MarionetteException

from harness.accounts import AMY, BOB, Person, write_users
from harness.browser import ACCESS, REFRESH, SESSION
from harness.firefox import PREFERENCES, Firefox
from harness.secure_site import SecureSite
from harness.web import Page, Web

APP = "app.localhost"
NEW = "four other random words"


@pytest.fixture(scope="module")
def site(fleet):
    site = SecureSite(fleet, APP, refresh_grace="30s", sessions="on")
    yield site
    site.close()


@pytest.fixture(scope="module")
def firefox(fleet):
    # Pages run no script. That of the browser itself still runs, and with it Marionette.
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PREFERENCES, "javascript.enabled", False)
        firefox = Firefox(fleet.base / "firefox-pages")
    web = Web()
    script = b"<!doctype html><title>off</title><script>document.title = 'on'</script>"
    web.pages["/"] = Page(script, fields={"Content-Type": "text/html"})
    firefox.driver.navigate(f"{web.url}/")
    assert firefox.driver.title == "off"
    web.close()
    yield firefox
    firefox.close()


class Tab:
    """The one tab of the browser."""

    def __init__(self, firefox: Firefox, origin: str):
        self.driver, self.origin = firefox.driver, origin

    def go(self, path: str) -> None:
        self.driver.navigate(self.origin + path)

    @property
    def path(self) -> str:
        return re.sub("^https://[^/]*", "", self.driver.get_url())

    def fill(self, **fields: str) -> None:
        for name, value in fields.items():
            field = self.driver.find_element(By.ID, name)
            field.clear()
            field.send_keys(value)

    def press(self, label: str) -> None:
        """The button that begins with `label`."""

        def is_pressed() -> bool:
            for button in self.driver.find_elements(By.TAG_NAME, "button"):
                if button.text.startswith(label):
                    button.click()
                    return True
            return False

        self.await_that(f"the button {label}", is_pressed, True)

    def text(self, selector: str = "body") -> str:
        return self.driver.find_element(By.CSS_SELECTOR, selector).text

    def await_that(self, what: str, find, wanted) -> None:
        """Waits until `find()` is `wanted`: a click may end before the page that it loads is there, and a browser moves the
        focus only when it draws the page."""
        deadline = time.monotonic() + 60
        while True:
            try:
                found = find()
            except MarionetteException as gone:
                found = repr(gone)
            if found == wanted:
                return
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} is {found!r}, not {wanted!r}; {self.path} says: {self.text()}")
            time.sleep(0.05)

    def arrives(self, path: str) -> None:
        self.await_that("the path", lambda: self.path, path)

    def says(self, selector: str, text: str) -> None:
        self.await_that(selector, lambda: self.text(selector), text)

    def has_focus(self, name: str) -> None:
        self.await_that("the focus", lambda: self.driver.get_active_element().get_attribute("id"), name)

    @property
    def cookies(self) -> set[str]:
        return {cookie["name"] for cookie in self.driver.get_cookies()}


def test_the_scene_without_script(site, firefox):
    """Sign in, step up, list and end sessions, change the password, sign out."""
    person = Person("fay", "fay flies far 5")
    write_users(site.martlet.users_path, (AMY, BOB, person))
    site.martlet.secrets |= {person.password, NEW}
    site.martlet.run.process.send_signal(1)
    site.martlet.wait_for(lambda: site.martlet.try_login(person.name, person.password).status_code == 200, 30)
    page = Tab(firefox, site.origin)

    page.go("/account")
    page.arrives("/signin?return=/account")
    page.has_focus("username")
    page.fill(username="fay", password="wrong password")
    page.press("Sign in")
    page.says("[role=alert]", "The user name or the password is wrong.")
    page.has_focus("password")
    assert page.cookies == set()
    page.fill(password=person.password, device="Fay's laptop")
    page.press("Sign in")
    page.arrives("/account")
    assert page.cookies >= {ACCESS, SESSION}
    for text in ("You are signed in as fay.", "Fay's laptop"):
        page.await_that(f"{text} on the page", lambda: text in page.text(), True)

    page.go("/signin?max_age=60&return=/account")
    page.has_focus("password")
    page.fill(password=person.password)
    page.press("Sign in")
    page.arrives("/account")

    page.press("End session")
    page.arrives("/account?done=session_ended")
    page.says("[role=status]", "The session has ended.")
    page.fill(current_password=person.password, new_password=NEW, new_password_again=NEW)
    page.press("Change password")
    page.arrives("/account?done=password_changed")
    page.go("/signout")
    page.press("Sign out")
    page.arrives("/signin?done=signed_out")
    assert not page.cookies & {ACCESS, SESSION, REFRESH}
    # The browser keeps none of the pages before.
    page.driver.go_back()
    page.arrives("/signout")
    page.driver.go_back()
    page.arrives("/signin?return=/account")
    assert "fay" not in page.text()
    page.go("/account")
    page.arrives("/signin?return=/account")


def test_a_form_leads_to_a_listed_origin(site, firefox):
    page = Tab(firefox, site.origin)
    page.go(f"/signin?return={site.origin}/start")
    page.fill(username=AMY.name, password=AMY.password)
    page.press("Sign in")
    page.arrives("/start")
    page.go("/signout")
    page.press("Sign out")
