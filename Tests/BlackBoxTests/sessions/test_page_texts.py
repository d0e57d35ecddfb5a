"""What a client supplies is text in the pages, as a browser's parser reads them (html5lib follows the HTML standard)."""

import random
import re

import html5lib
import pytest

from harness.accounts import AMY
from harness.browser import SAME_ORIGIN

ROUNDS, ROUNDS_FULL = 150, 3_000
# Pieces that have a meaning somewhere in HTML, in a URL or in a log.
PIECES = [
    "<", ">", "&", '"', "'", "=", "/", " ", "\t", "\n", "\r", "\r\n", "`", ";", "-->", "<!--", "]]>", "<![CDATA[", "&lt", "&#60;",
    "&amp;", "&NotEqualTilde;", "&#x0;", "<script>", "</script>", "</title>", "</textarea>", "<svg/onload=x>", "<p", "</form>",
    "<input name=x>", "\" autofocus onfocus=\"x", "' x='", "javascript:x", "\u202e", "\u2028", "\u00a0", "\ufeff", "\x00", "\x0b",
    "\x0c", "\x1b", "\x7f", "\u0085", "\u009f", "\u00ad", "ü", "漢", "😀", "\U0010ffff", "\ufdd0", "a", "amy", "{name}", "%0a", "%",
]  # fmt: skip
XHTML = "{http://www.w3.org/1999/xhtml}"


@pytest.fixture(scope="module")
def site(fleet):
    server = fleet.make(alg="HS256", browser="on", sessions="on", login_account_failures=1_000).start()
    yield server
    fleet.close(server)


def generated(source: random.Random, byte_count_max: int, piece_count_max: int = 12) -> str:
    text = "".join(source.choice(PIECES) for _ in range(source.randint(1, piece_count_max)))
    while len(text.encode()) > byte_count_max:
        text = text[:-1]
    return text


def parsed(page: str):
    """The document, which must have no mistake that a parser would have to repair."""
    parser = html5lib.HTMLParser(strict=False)
    document = parser.parse(page)
    # U+FDD0 and U+10FFFF are no characters for a text, nor is a carriage return, which a reference keeps: both harmless.
    harmless = ("invalid-codepoint", "illegal-codepoint-for-numeric-entity")
    mistakes = [code for _, code, _ in parser.errors if code not in harmless]
    assert mistakes == [], (mistakes, page)
    return document


def skeleton(document) -> list[tuple]:
    """All elements with the names of their attributes, in their order."""
    return [(element.tag, *sorted(element.attrib)) for element in document.iter()]


def shown(text: str) -> str:
    """What a page shows of a text: U+FFFD in place of a control character."""
    return re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", "\ufffd", text)


def test_a_typed_name_stays_the_value_of_its_input(site, is_full):
    source = random.Random(13)
    fields = {"username": "x", "password": "", "device": "x", "remember": "true"}
    harmless = skeleton(parsed(site.http.post("/signin", data=fields, headers=SAME_ORIGIN).text))
    for _ in range(ROUNDS_FULL if is_full else ROUNDS):
        name, device = generated(source, 128), generated(source, 300)
        answer = site.http.post("/signin", data=fields | {"username": name, "device": device}, headers=SAME_ORIGIN)
        assert answer.status_code == 422, answer.text
        document = parsed(answer.text)
        assert skeleton(document) == harmless
        inputs = {one.get("name"): one.get("value") for one in document.iter(f"{XHTML}input")}
        assert inputs["username"] == shown(name) and inputs["device"] == shown(device)


def test_a_return_address_stays_the_value_of_its_input_or_is_ignored(site, is_full):
    source = random.Random(14)
    with_address = skeleton(parsed(site.http.get("/signin", params={"return": "/x"}).text))
    without = skeleton(parsed(site.http.get("/signin").text))
    kept = 0
    for _ in range(ROUNDS_FULL if is_full else ROUNDS):
        address = "/" + generated(source, 200, 3)
        document = parsed(site.http.get("/signin", params={"return": address}).text)
        inputs = {one.get("name"): one.get("value") for one in document.iter(f"{XHTML}input")}
        if "return" in inputs:
            kept += 1
            assert inputs["return"] == address and skeleton(document) == with_address
        else:
            assert skeleton(document) == without
    assert kept > 5


def test_names_of_devices_stay_texts_of_the_list(site, is_full):
    """The list shows what is accepted as the name of a device: printable text of up to 40 bytes."""
    source = random.Random(15)
    login = {"username": AMY.name, "password": AMY.password, "mode": "cookie"}
    names = []
    for _ in range(100 if is_full else 12):
        name = generated(source, 40)
        answer = site.http.post("/login", json=login | {"mode": "body", "device": name})
        assert answer.status_code in (200, 400), answer.text
        if answer.status_code == 200:
            names.append(name)
    assert len(names) >= 2
    with site.client() as http:
        answer = http.post("/login", json=login, headers=SAME_ORIGIN)
        assert answer.status_code == 200, answer.text
        cookie = "; ".join(f"{name}={value}" for name, value in answer.cookies.items() if "refresh" not in name)
        page = http.get("/account", headers=SAME_ORIGIN | {"Cookie": cookie})
    document = parsed(page.text)
    texts = ["".join(one.itertext()) for one in document.iter(f"{XHTML}bdi")]
    assert set(map(shown, names[-50:])) <= set(texts)
    allowed = {"html", "head", "title", "meta", "link", "body", "header", "main", "section", "h1", "h2", "h3", "p", "ul", "li",
               "dl", "dt", "dd", "bdi", "strong", "time", "form", "input", "label", "button", "a", "div"}  # fmt: skip
    assert {one.tag.removeprefix(XHTML) for one in document.iter()} <= allowed
