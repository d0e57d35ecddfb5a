"""The pages without script over real HTTP: sign in, the account, sign out, and what they reject."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from urllib.parse import quote

import pytest

from harness.accounts import AMY, BOB, Person, write_users
from harness.browser import ACCESS, SAME_ORIGIN, SESSION, Browser

TYPE = "text/html; charset=utf-8"
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'"
)
FORM = "application/x-www-form-urlencoded"
HOSTILE = "<script>alert(1)</script>\u202e\u2066\r\nSet-Cookie: a=b"
NEW = "four other random words"


@pytest.fixture(scope="module")
def pages(fleet):
    server = fleet.make(alg="HS256", browser="on", sessions="on", pages_name="The House").start()
    yield server
    fleet.close(server)


@pytest.fixture
def browser(pages):
    return Browser(pages.http)


def checked(answer, status: int = 200):
    """A page, with the fields that every page has."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == TYPE and answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-security-policy"].startswith(POLICY)
    assert answer.headers["referrer-policy"] == answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["vary"] == "Accept-Language"
    assert answer.headers.get_list("x-content-type-options") == ["nosniff"]
    assert answer.text.startswith("<!doctype html>\n<html lang=") and answer.text.endswith("</html>")
    assert "<script" not in answer.text
    return answer


def alert(answer) -> str:
    return unescape(re.search(r'role="alert"[^>]*>(?:<p class="error">)?([^<]*)<', answer.text)[1])


def signed_in(answer, address: str, prefix: str = "") -> None:
    """The browser goes on to `address`, but shows first that it keeps cookies."""
    leads(answer, f"{prefix}/refresh?return={quote(address, safe='/')}&step=check")


def leads(answer, location: str) -> None:
    assert (answer.status_code, answer.headers["location"], answer.content) == (303, location, b""), answer.text
    assert answer.headers["cache-control"] == "no-store"


def sign_in(browser, person=AMY, **fields):
    return browser.ask("POST", "/signin", data={"username": person.name, "password": person.password, **fields})


def act(browser, action: str, **fields):
    return browser.ask("POST", "/account", data={"action": action, **fields})


def change(browser, current: str, new: str, again: str | None = None):
    again = new if again is None else again
    return act(browser, "password", current_password=current, new_password=new, new_password_again=again)


def test_the_scene(pages):
    """Sign in, see the sessions, end one, change the password, sign out."""
    person = Person("eve", "eve eats early 4")
    write_users(pages.users_path, (AMY, BOB, person))
    pages.secrets |= {person.password, NEW}
    pages.run.process.send_signal(1)
    one, two = Browser(pages.http), Browser(pages.http)
    pages.wait_for(lambda: sign_in(one, person, device="Eve's phone").status_code == 303)
    signed_in(sign_in(two, person, remember="true", **{"return": "/start?x=1"}), "/start?x=1")
    assert two.jar.cookies[ACCESS]["max-age"] and not one.jar.cookies[ACCESS]["max-age"]
    page = checked(two.ask("GET", "/account")).text
    assert "<strong>eve</strong>" in page and "Eve&#39;s phone" in page and "127.0.0.1" in page
    (sid,) = re.findall(r'name="session" value="([^"]+)"', page)
    leads(act(two, "end", session=sid), "/account?done=session_ended")
    assert "The session has ended." in checked(two.ask("GET", "/account?done=session_ended")).text
    leads(one.ask("GET", "/account"), "/refresh?return=/account")
    assert checked(change(two, person.password, "short"), 422)
    leads(change(two, person.password, NEW), "/account?done=password_changed")
    checked(sign_in(one, person), 401)
    assert "Do you want to sign out" in checked(two.ask("GET", "/signout")).text
    leads(two.ask("POST", "/signout", data={}), "/signin?done=signed_out")
    assert two.jar.cookies == {}
    leads(two.ask("GET", "/account"), "/signin?return=/account")
    leads(act(two, "all"), "/signin?return=/account")


def test_step_up(pages, browser):
    sign_in(browser)
    page = checked(browser.ask("GET", "/signin?max_age=60&return=/pay")).text
    assert 'value="amy" required readonly' in page and 'name="max_age" value="60"' in page
    before = browser.jar.value(SESSION)
    checked(sign_in(browser, BOB, max_age="60"), 422)
    assert browser.jar.value(SESSION) == before
    signed_in(sign_in(browser, max_age="60", **{"return": "/pay"}), "/pay")
    assert browser.jar.value(SESSION) != before


def test_the_language_is_the_readers(browser):
    german = browser.ask("GET", "/signin", SAME_ORIGIN | {"Accept-Language": "fr;q=0.2, de-AT;q=0.8"})
    assert '<html lang="de" dir="ltr">' in checked(german).text and german.headers["content-language"] == "de"
    wrong = browser.ask("POST", "/signin", SAME_ORIGIN | {"Accept-Language": "de"}, data={"username": "amy"})
    assert alert(checked(wrong, 422)) == "Geben Sie Ihr Passwort ein."
    refused = browser.ask("POST", "/signin", {"Accept-Language": "de"}, data={"username": "amy"})
    assert alert(checked(refused, 403)) == "Das Formular kam von einer fremden Seite. Es wurde nichts geändert."


def test_what_was_typed_stays_and_the_password_does_not(browser):
    wrong = checked(sign_in(browser, Person("amy", "not my password"), device="phone", remember="true"), 401)
    assert alert(wrong) == "The user name or the password is wrong." and "not my password" not in wrong.text
    assert 'value="amy"' in wrong.text and 'value="phone"' in wrong.text and 'value="true" checked' in wrong.text
    assert wrong.headers["www-authenticate"] == 'Bearer realm="martlet"'


@pytest.mark.parametrize("path", ["/signin", "/signout", "/account"])
def test_forms_that_are_not_ours(pages, browser, path):
    """Another site's form, and content that is not one form, get a page and change nothing."""
    sign_in(browser)
    for fields in (
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        assert "another site" in alert(checked(browser.ask("POST", path, fields, data={}), 403))
    evil = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    checked(browser.ask("GET", path, evil), 403)
    checked(browser.ask("GET", f"{path}?a=b"), 400)
    for content in (b"a=1&a=2", b"username=%ff", b"%zz=1", b"x=" + b"1" * 40_000):
        checked(browser.ask("POST", path, SAME_ORIGIN | {"Content-Type": FORM}, content=content), 400)
    large = b"username=" + b"x" * (65 * 1024)
    checked(browser.ask("POST", path, SAME_ORIGIN | {"Content-Type": FORM}, content=large), 413)
    checked(browser.ask("POST", path, files={"username": b"amy"}), 415)
    checked(browser.ask("POST", path, json={"username": "amy"}), 415)
    if path != "/signout":
        twice = b"username=amy&username=amy&password=x" if path == "/signin" else b"action=all&action=all"
        checked(browser.ask("POST", path, SAME_ORIGIN | {"Content-Type": FORM}, content=twice), 400)
    assert browser.ask("GET", "/session").status_code == 200
    allowed = browser.ask("OPTIONS", path)
    assert (allowed.status_code, allowed.headers["allow"]) == (204, "GET, HEAD, POST, OPTIONS")
    head = browser.ask("HEAD", path)
    assert head.status_code == 200 and head.content == b"" and int(head.headers["content-length"]) > 500


def test_hostile_names(pages, browser):
    """Nothing breaks out of the page, of a header or of the log."""
    name = HOSTILE + "x" * (128 - len(HOSTILE.encode()))
    wrong = checked(sign_in(browser, Person(name, "some password"), device=HOSTILE), 422)
    assert "&lt;script&gt;alert(1)" in wrong.text and "set-cookie" not in wrong.headers
    wrong = checked(sign_in(browser, Person(name, "some password")), 401)
    assert "&lt;script&gt;alert(1)" in wrong.text and "set-cookie" not in wrong.headers
    checked(sign_in(browser, Person(name + "x", "some password")), 422)
    for event in pages.events():
        assert "<script" not in json.dumps(event)


def test_hostile_return_addresses(browser):
    hostile = ("//evil.example", "https://evil.example/", "/\\evil.example", "/%2fevil", "javascript:alert(1)", "\r\nX: y")
    for address in hostile:
        page = checked(browser.ask("GET", "/signin", params={"return": address}))
        assert 'name="return"' not in page.text and "evil" not in page.text
        signed_in(sign_in(browser, **{"return": address}), "/")


def test_a_listed_origin_may_be_returned_to(make_server):
    server = make_server(alg="HS256", browser="on", origins="https://app.example", after_signin="/home").start()
    browser = Browser(server.http)
    page = checked(browser.ask("GET", "/signin", params={"return": "https://app.example/x"}))
    assert page.headers["content-security-policy"] == f"{POLICY} https://app.example"
    signed_in(sign_in(browser, **{"return": "https://app.example/x"}), "https://app.example/x")
    signed_in(sign_in(browser), "/home")


def test_a_public_path_is_in_every_address(make_server):
    server = make_server(alg="HS256", browser="on", public_path="/martlet", sessions="on").start()
    browser = Browser(server.http)
    signed_in(sign_in(browser), "/", "/martlet")
    for path in ("/signin", "/signout", "/account"):
        addresses = re.findall(r'(?:href|action)="([^"]*)"', checked(browser.ask("GET", path)).text)
        assert len(addresses) >= 3 and all(address.startswith("/martlet/") for address in addresses)
    leads(browser.ask("GET", "/.well-known/change-password"), "/martlet/account")
    leads(browser.ask("POST", "/signout", data={}), "/martlet/signin?done=signed_out")


def test_style_sheets(browser):
    for path in re.findall(r'href="(/pages/[^"]+)"', browser.ask("GET", "/signin").text):
        sheet = browser.ask("GET", path)
        assert sheet.status_code == 200 and sheet.headers["content-type"] == "text/css; charset=utf-8"
        assert sheet.headers["cache-control"] == "public, max-age=31536000, immutable"
        same = browser.ask("GET", path, {"If-None-Match": sheet.headers["etag"]})
        assert (same.status_code, same.content) == (304, b"")
        old = browser.ask("GET", re.sub(r"-[0-9a-f]+\.", "-0.", path))
        assert old.content == sheet.content and old.headers["cache-control"] == "no-cache"
    checked(browser.ask("GET", "/pages/other.css"), 404)
    checked(browser.ask("GET", "/pages/other.css?a=b"), 400)


def test_too_many_attempts(make_server):
    server = make_server(alg="HS256", browser="on", login_account_failures=2).start()
    browser = Browser(server.http)
    sign_in(browser)
    for _ in range(2):
        checked(change(browser, "wrong password", NEW), 401)
    for answer in (change(browser, AMY.password, NEW), sign_in(browser)):
        seconds = int(checked(answer, 429).headers["retry-after"])
        assert 0 < seconds <= 30 and f"Seconds to wait: {seconds}." in alert(answer)


def test_without_a_list_of_sessions(make_server):
    server = make_server(alg="HS256", browser="on").start()
    browser = Browser(server.http)
    sign_in(browser)
    assert 'value="others"' in checked(browser.ask("GET", "/account")).text
    checked(act(browser, "end", session=browser.jar.value(SESSION)[:36]), 404)


def test_when_nothing_can_be_stored(make_server):
    """503 with a page, and the browser keeps its cookies."""
    server = make_server(alg="HS256", browser="on", sessions="on").start()
    browser = Browser(server.http)
    sign_in(browser)
    (segment,) = server.state_path.glob("*.jrn")
    segment.rename(server.directory / "away")
    cookies = dict(browser.jar.cookies)
    for answer in (act(browser, "others"), browser.ask("POST", "/signout", data={}), sign_in(browser)):
        assert int(checked(answer, 503).headers["retry-after"]) > 0
    assert browser.jar.cookies == cookies


def test_many_at_once_are_told_to_wait(make_server):
    server = make_server(alg="HS256", browser="on", hash_queue=1, hash_workers=1).start()

    def attempt(_: int):
        return sign_in(Browser(server.http))

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(attempt, range(24)))
    assert {answer.status_code for answer in answers} == {303, 503}
    busy = next(answer for answer in answers if answer.status_code == 503)
    assert alert(checked(busy, 503)).startswith("The service is busy. Seconds to wait: ")


def test_house_style_and_texts(make_server, tmp_path):
    (tmp_path / "house.css").write_text("h1 { color: teal }")
    texts = {"ar": {"dir": "rtl", "sign_in_title": "تسجيل <b>"}, "en": {"sign_in": "Come in"}}
    (tmp_path / "texts.json").write_text(json.dumps(texts))
    server = make_server(
        alg="HS256",
        browser="on",
        pages_name="Häuser & <Söhne>",
        pages_style=tmp_path / "house.css",
        pages_texts=tmp_path / "texts.json",
    ).start()
    browser = Browser(server.http)
    page = checked(browser.ask("GET", "/signin", SAME_ORIGIN | {"Accept-Language": "ar"})).text
    assert '<html lang="ar" dir="rtl">' in page and "<h1>تسجيل &lt;b&gt;</h1>" in page
    assert "Häuser &amp; &lt;Söhne&gt;" in page and ">Come in<" in browser.ask("GET", "/signin").text
    sheets = re.findall(r'href="/pages/(\w+)-[0-9a-f]+\.css"', page)
    assert sheets == ["layout", "theme", "house"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"fr":\n{"sign_inn": "x"}}', "texts.json:2: there is no text with this key"),
        ('{"fr":\n{"<b>sign_in</b>": "x"}}', "texts.json:2: there is no text with this key"),
        ("{\n\n", "texts.json:3: "),
        (json.dumps({"fr": {"sign_in": "x" * 1_048_576}}), "larger than the limit of 262144 bytes"),
        (None, "no such file"),
    ],
)
def test_a_mistake_in_the_texts_stops_the_start(make_server, tmp_path, content, message):
    if content:
        (tmp_path / "texts.json").write_text(content)
    server = make_server(alg="HS256", browser="on", pages_texts=tmp_path / "texts.json")
    said = str(server.fail_to_start())
    assert "MARTLET_PAGES_TEXTS" in said and message in said
    checked_only = server.cli("serve", "--check", "--pages-texts", str(tmp_path / "texts.json"))
    assert message in checked_only.stderr


@pytest.mark.parametrize(
    ("setting", "value"),
    [("pages_style", "/nowhere/house.css"), ("pages_name", "a\nb"), ("pages_style_mode", "replace")],
)
def test_other_mistakes_stop_the_start(make_server, setting, value):
    server = make_server(alg="HS256", browser="on", **{setting: value})
    assert f"MARTLET_{setting.upper()}" in str(server.fail_to_start())
