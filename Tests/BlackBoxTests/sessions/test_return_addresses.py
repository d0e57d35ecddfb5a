"""Whatever address Martlet accepts, a browser's own URL parser must find it on a listed origin."""

import random
from urllib.parse import quote, unquote

import pytest
from playwright.sync_api import sync_playwright

from harness.browser import NAVIGATION
from harness.gateways import program

APP, HERE = "https://app.example.org", "https://auth.example.org"
PARTS = [
    *("/", "//", "///", "\\", "%2f", "%2F", "%5c", "%255c", "%252f", "%25", "%", "%2e", "%2e%2e", ".", "..", "/./", "/../"),
    *("@", ":", ":443", ":80@", "https:", "https://", "HTTPS://", "http://", "javascript:", "data:", "//evil.example"),
    *("app.example.org", "evil.example", ".evil.example", "?", "#", "&", "=", ";", "|", "^", "[", "]", "'", '"', "<", ">"),
    *("\t", "\r\n", "\x00", "\x0b", " ", "%09", "%00", "%0d%0a", "%20", "\x7f", "\x80", "\u00a0", "\u00ad", "\u2028"),
    *("\u3002", "\uff0f", "\u2215", "\u202e", "a", "page", "xn--", "0", "127.1", "[::1]", "localhost", "refresh", "signin"),
]
STARTS = ["", "/", "/", "/", "/a", APP, APP, f"{APP}/", "https://", "//", "/\\", "\\"]
COUNT = 1_500
PARSE = """([addresses, base]) => addresses.map(address => {
    try { return new URL(address, base).origin; } catch { return 'none'; }
})"""


@pytest.fixture(scope="module")
def site(fleet):
    server = fleet.make(alg="HS256", browser="on", origins=APP, issuer=HERE, after_signin="/home").start()
    yield server
    fleet.close(server)


def generated() -> list[str]:
    source = random.Random(11)
    made = {
        source.choice(STARTS) + "".join(source.choice(PARTS) for _ in range(source.randrange(1, 6)))
        for _ in range(COUNT)
    }
    return sorted(made)


def accepted(site, address: str) -> bool:
    answer = site.http.get("/refresh?return=" + quote(address, safe=""), headers=NAVIGATION)
    assert answer.status_code == 303, address
    kept = unquote(answer.headers["location"].removeprefix("/signin?return="))
    assert kept in (address, "/home"), address
    return kept == address


def test_a_browser_never_leaves_the_listed_origins(site):
    """K11: generated spellings, judged by Chromium."""
    addresses = [address for address in generated() if accepted(site, address)]
    assert len(addresses) > 50
    assert all(address.isascii() and address.isprintable() and " " not in address for address in addresses)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program("chromium"), args=["--no-sandbox"])
        origins = browser.new_page().evaluate(PARSE, [addresses, f"{HERE}/refresh?return=x"])
        browser.close()
    led = {address: origin for address, origin in zip(addresses, origins, strict=True) if origin not in (APP, HERE)}
    assert led == {}
