"""Sessions in cookies: K1 to K10, by a client that keeps cookies as a browser does."""

import json
import subprocess

import pytest

from harness.accounts import AMY, BOB, Person
from harness.browser import ACCESS, DEVICE, REFRESH, SAME_ORIGIN, SESSION, Browser, Jar
from harness.process import command

APP = "https://app.example.org"
EVIL = "https://evil.example.org"
FOREIGN = [
    ({"Origin": EVIL}, "origin_not_allowed"),
    ({"Origin": "null"}, "origin_not_allowed"),
    ({"Origin": f"{APP}.evil.example"}, "origin_not_allowed"),
    ({"Origin": f"{APP}:443"}, "origin_not_allowed"),
    ({"Origin": f"{APP}/"}, "origin_not_allowed"),
    ({"Origin": APP.upper()}, "origin_not_allowed"),
    ({"Origin": "https://app.ex\u0430mple.org".encode()}, "origin_not_allowed"),
    ({"Origin": "https://" + "a" * 8_000}, "origin_not_allowed"),
    ({"Sec-Fetch-Site": "cross-site"}, "csrf_failed"),
    ({"Sec-Fetch-Site": "same-site", "Origin": "https://sub.app.example.org"}, "csrf_failed"),
    ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, "csrf_failed"),
    ({"Sec-Fetch-Site": "none"}, "csrf_failed"),
    ({"Sec-Fetch-Site": "SAME-ORIGIN"}, "csrf_failed"),
    ({}, "csrf_failed"),
]


@pytest.fixture(scope="module")
def site(fleet):
    server = fleet.make(alg="HS256", browser="on", origins=APP, trusted_proxies="127.0.0.1", refresh_grace="30s").start()
    yield server
    fleet.close(server)


@pytest.fixture
def page(site) -> Browser:
    browser = Browser(site.http)
    assert browser.sign_in(AMY.name, AMY.password).status_code == 200
    return browser


def code_of(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_sign_in_refresh_and_sign_out(site):
    """K1, K2, K3, K9: no token in any answer, and the old cookies put back are refused."""
    browser = Browser(site.http)
    assert code_of(browser.ask("GET", "/session")) == (401, "token_missing")
    signed_in = browser.sign_in(AMY.name, AMY.password)
    body = signed_in.json()
    assert body["token_type"] == "Cookie" and body["username"] == "amy" and "eyJ" not in signed_in.text
    kept = browser.jar.cookies
    names = ("secure", "httponly", "samesite", "path", "domain")
    flags = {name: tuple(morsel[flag] for flag in names) for name, morsel in kept.items()}
    assert flags == {
        ACCESS: (True, True, "Lax", "/", ""),
        SESSION: (True, True, "Lax", "/", ""),
        REFRESH: (True, True, "Strict", "/refresh", ""),
    }
    assert all(len(name) + len(m.value) <= 4_096 for name, m in kept.items())
    assert REFRESH not in browser.jar.field("/page")["Cookie"]
    asked = browser.ask("GET", "/session").json()
    assert (asked["username"], asked["session_id"], asked["amr"]) == ("amy", body["session_id"], ["pwd"])
    first = Jar(dict(browser.jar.cookies))
    refreshed = browser.ask("POST", "/refresh")
    assert refreshed.headers["refresh-outcome"] == "rotated" and "eyJ" not in refreshed.text
    assert refreshed.json()["session_id"] == body["session_id"]
    again = Browser(site.http, Jar(dict(first.cookies))).ask("POST", "/refresh")
    assert again.headers["refresh-outcome"] == "replayed"
    assert again.headers.get_list("set-cookie") == refreshed.headers.get_list("set-cookie")
    last = Jar(dict(browser.jar.cookies))
    signed_out = browser.ask("POST", "/logout")
    assert signed_out.status_code == 204 and signed_out.headers["revocation-seq"]
    assert browser.jar.cookies == {}
    for old in (first, last):
        assert code_of(Browser(site.http, Jar(dict(old.cookies))).ask("GET", "/session")) == (401, "session_revoked")
        assert code_of(Browser(site.http, Jar(dict(old.cookies))).ask("POST", "/refresh")) == (401, "session_revoked")


@pytest.mark.parametrize(("headers", "code"), FOREIGN)
@pytest.mark.parametrize("path", ["/login", "/refresh", "/logout"])
def test_a_page_of_another_site_can_do_nothing(site, page, path, headers, code):
    """K7, K8: and a refusal clears no cookie."""
    before = dict(page.jar.cookies)
    form = {"username": BOB.name, "password": BOB.password, "mode": "cookie"} if path == "/login" else None
    answer = page.ask("POST", path, headers=headers, data=form)
    assert code_of(answer) == (403, code)
    assert "set-cookie" not in answer.headers and page.jar.cookies == before
    assert page.ask("GET", "/session").json()["username"] == "amy"


def test_fields_that_come_twice_are_refused(site, page):
    """Two Origins, or two Sec-Fetch-Site, are never the page's own."""
    cookie = ("Cookie", page.jar.field("/logout")["Cookie"])
    for fields in (
        [("Origin", APP), ("Origin", APP)],
        [("Origin", APP), ("Origin", "null"), *SAME_ORIGIN.items()],
        [*SAME_ORIGIN.items(), *SAME_ORIGIN.items()],
    ):
        answer = site.http.request("POST", "/logout", headers=[cookie, *fields])
        assert answer.status_code == 403 and "set-cookie" not in answer.headers
    assert page.ask("GET", "/session").status_code == 200


def test_the_origins_of_the_list_and_no_other(site, page):
    """K10."""
    for path, method in (("/session", "GET"), ("/logout", "POST"), ("/refresh", "POST"), ("/login", "POST")):
        preflight = {"Origin": APP, "Access-Control-Request-Method": method}
        answer = site.http.request("OPTIONS", path, headers=preflight)
        assert answer.status_code == 204 and answer.headers["vary"] == "Origin"
        assert answer.headers["access-control-allow-origin"] == APP
        assert method in answer.headers["access-control-allow-methods"].split(", ")
        foreign = site.http.request("OPTIONS", path, headers=preflight | {"Origin": EVIL})
        assert not [name for name in foreign.headers if name.startswith("access-control")]
    allowed = page.ask("GET", "/session", headers={"Origin": APP, "Sec-Fetch-Site": "cross-site"})
    assert allowed.status_code == 200 and allowed.headers["access-control-allow-credentials"] == "true"
    refused = page.ask("GET", "/session", headers={"Origin": EVIL, "Sec-Fetch-Site": "cross-site"})
    assert code_of(refused) == (403, "csrf_failed") and "access-control-allow-origin" not in refused.headers


@pytest.mark.parametrize(
    ("field", "status"), [("Content-Length: 70000", 413), ("Expect: something", 417), ("bad field", 400)]
)
def test_a_message_that_is_not_read_to_its_end_is_answered_by_origin_too(site, field, status):
    """A shared cache must not give this answer to a page of another origin."""
    with site.wire() as wire:
        wire.send(f"POST /login HTTP/1.1\r\nHost: app\r\nOrigin: {APP}\r\n{field}\r\n\r\n".encode())
        answer = wire.answer()
    assert answer.status == status and answer["vary"] == "Origin"


@pytest.mark.parametrize("name", [ACCESS, SESSION, DEVICE])
@pytest.mark.parametrize("good_first", [True, False])
def test_a_name_that_comes_twice_is_refused_and_cleared(site, name, good_first):
    """K6."""
    browser = Browser(site.http)
    browser.sign_in(AMY.name, AMY.password, device="a phone")
    good, bad = browser.jar.field("/refresh")["Cookie"], f"{name}=tossed"
    both = {"Cookie": f"{good}; {bad}" if good_first else f"{bad}; {good}"} | SAME_ORIGIN
    for method, path in (("GET", "/session"), ("POST", "/refresh"), ("POST", "/logout")):
        answer = site.http.request(method, path, headers=both)
        assert code_of(answer) == (400, "cookie_ambiguous")
        lines = answer.headers.get_list("set-cookie")
        # Four names, each with and without Partitioned.
        assert len(set(lines)) == 8 and all("Max-Age=0" in line for line in lines)
    # The gateway never passes the refresh cookie on, whoever planted it.
    assert site.http.get("/auth?via=request", headers=both).status_code == 401
    at_root = {"Cookie": f"{browser.jar.field('/')['Cookie']}; {bad}"} | SAME_ORIGIN
    assert site.http.get("/auth?via=request", headers=at_root).status_code == 401
    bearer = {"Authorization": f"Bearer {browser.jar.value(ACCESS)}"}
    assert site.http.get("/session", headers=both | bearer).status_code == 200
    assert site.http.post("/auth", headers=both | bearer).status_code == 200


@pytest.mark.parametrize("good_first", [True, False])
def test_a_refresh_cookie_that_another_host_has_planted_is_worth_nothing(site, good_first):
    """The session cookie, which no other host can plant, selects the token that counts."""
    browser = Browser(site.http)
    browser.sign_in(AMY.name, AMY.password)
    other = Browser(site.http)
    other.sign_in(BOB.name, BOB.password)
    for bad in ("tossed", "", other.jar.value(REFRESH)):
        bad = f"{REFRESH}={bad}"

        def ask(method, path):
            good = browser.jar.field(path.partition("?")[0])["Cookie"]
            both = {"Cookie": f"{good}; {bad}" if good_first else f"{bad}; {good}"} | SAME_ORIGIN
            return browser.jar.take(site.http.request(method, path, headers=both))

        assert ask("GET", "/session").json()["username"] == "amy"
        assert ask("GET", "/auth?via=request").headers["x-auth-user"] == "amy"
        answer = ask("POST", "/refresh")
        assert answer.status_code == 200 and answer.json()["username"] == "amy"
    assert ask("POST", "/logout").status_code == 204 and not browser.jar.cookies


def test_more_cookies_than_are_read_end_no_session(site):
    browser = Browser(site.http)
    browser.sign_in(AMY.name, AMY.password)
    many = {"Cookie": "; ".join(f"a{i}=b" for i in range(128)) + "; " + browser.jar.field("/refresh")["Cookie"]}
    unread = (401, "token_malformed")
    for method, path, expected in (
        ("GET", "/session", unread), ("POST", "/logout", unread), ("POST", "/refresh", (400, "request_malformed"))
    ):
        answer = site.http.request(method, path, headers=many | SAME_ORIGIN)
        assert code_of(answer) == expected and "set-cookie" not in answer.headers
        assert "more than 128 cookies" in answer.json()["detail"]
    out = site.http.post("/signout", headers=many | SAME_ORIGIN, data={})
    assert out.status_code == 400 and "set-cookie" not in out.headers and "more cookies" in out.text
    assert browser.ask("POST", "/refresh").status_code == 200


def test_cookies_of_others_are_skipped_and_odd_ones_of_ours_are_401(site, page):
    good = f"{ACCESS}={page.jar.value(ACCESS)}"

    def status(cookie: str) -> int:
        return site.http.get("/session", headers={"Cookie": cookie} | SAME_ORIGIN).status_code

    for odd in ('x="a,b"', "$Version=1", "=", "x", ";;", "'", "{}", "x=,,,"):
        assert status(f"{odd}; {good}") == status(f"{good}; {odd}") == 200
    for ours in (f'{ACCESS}="{page.jar.value(ACCESS)}"', f"{ACCESS}=", f"{ACCESS}=a,b", ACCESS, ";", "", f"{good} x"):
        assert status(ours) == 401
    assert status("; ".join([*(f"c{n}=1" for n in range(100)), good])) == 200
    assert status("; ".join([*(f"c{n}=1" for n in range(200)), good])) == 401
    assert status("x=" + "y" * 20_000) == 431


@pytest.mark.parametrize("protocol", ["--http1.1", "--http2-prior-knowledge"])
def test_cookies_in_several_fields_count_as_one_list(site, page, protocol):
    """RFC 9113 8.2.3: HTTP/2 clients split the field; a name in two of them is a name that comes twice."""
    good = f"{ACCESS}={page.jar.value(ACCESS)}"

    def status(*cookies: str) -> str:
        fields = [part for cookie in cookies for part in ("-H", f"Cookie: {cookie}")]
        command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", protocol, "-H", "Sec-Fetch-Site: same-origin"]
        return subprocess.run([*command, *fields, f"{site.url}/session"], capture_output=True, text=True).stdout

    assert status(good, "x=1") == status("x=1", good) == "200"
    assert status(good, good) == status(good, "x=1", f"{ACCESS}=y") == "400"
    assert status("x=1", "y=2") == "401"


def test_the_refresh_cookie_of_another_session_is_worth_nothing(site, page):
    other = Browser(site.http)
    other.sign_in(BOB.name, BOB.password)
    mixed = Jar(dict(page.jar.cookies) | {REFRESH: other.jar.cookies[REFRESH]})
    answer = Browser(site.http, mixed).ask("POST", "/refresh")
    assert code_of(answer) == (401, "refresh_invalid") and mixed.cookies == {}
    assert other.ask("POST", "/refresh").status_code == page.ask("POST", "/refresh").status_code == 200


def test_reuse_after_the_grace_time_ends_the_session(make_server):
    server = make_server(alg="HS256", browser="on", refresh_grace="0s").start()
    browser = Browser(server.http)
    browser.sign_in(AMY.name, AMY.password)
    stolen = Jar(dict(browser.jar.cookies))
    assert browser.ask("POST", "/refresh").status_code == 200
    assert code_of(Browser(server.http, stolen).ask("POST", "/refresh")) == (401, "refresh_reused")
    assert stolen.cookies == {}
    assert code_of(browser.ask("POST", "/refresh")) == (401, "session_revoked")
    assert browser.jar.cookies == {}


def test_a_new_sign_in_ends_the_old_session_durably(make_server):
    """F13: also over kill -9, and with the access cookie gone."""
    server = make_server(alg="HS256", browser="on").start()
    browser = Browser(server.http)
    browser.sign_in(AMY.name, AMY.password)
    old = Jar(dict(browser.jar.cookies))
    browser.jar.cookies.pop(ACCESS)
    assert browser.sign_in(BOB.name, BOB.password).json()["username"] == "bob"
    server.restart()
    assert code_of(Browser(server.http, old).ask("GET", "/session")) == (401, "session_revoked")
    assert browser.ask("GET", "/session").json()["username"] == "bob"
    assert browser.ask("POST", "/refresh").status_code == 200


def test_sign_out_after_the_access_token_has_expired(make_server):
    server = make_server(alg="HS256", browser="on", access_ttl="30s").start()
    browser = Browser(server.http)
    browser.sign_in(AMY.name, AMY.password, remember=False)
    assert all(not morsel["max-age"] for morsel in browser.jar.cookies.values())
    forge = server.forge(browser.jar.value(ACCESS))
    expired = forge.token(iat=1_700_000_000, exp=1_700_000_030)
    headers = SAME_ORIGIN | {"Cookie": f"{ACCESS}={expired}"}
    assert server.http.post("/logout", headers=headers).status_code == 204
    server.restart()
    assert code_of(browser.ask("POST", "/refresh")) == (401, "session_revoked")


def test_cookies_need_tls_or_loopback(make_server):
    server = make_server(alg="HS256", browser="on", trusted_proxies="127.0.0.1").start()
    login = {"username": AMY.name, "password": AMY.password}
    relayed = SAME_ORIGIN | {"X-Forwarded-For": "192.0.2.7"}
    refused = server.http.post("/login", json=login, headers=relayed)
    assert code_of(refused) == (400, "request_malformed") and "--dev-tls" in refused.json()["detail"]
    plain = server.http.post("/login", json=login, headers=relayed | {"X-Forwarded-Proto": "http"})
    assert code_of(plain) == (400, "request_malformed")
    secure = server.http.post("/login", json=login, headers=relayed | {"X-Forwarded-Proto": "https"})
    assert len(secure.headers.get_list("set-cookie")) == 3


def test_the_device_outlives_sign_out_and_guesses_of_others(make_server):
    """Its cookie is kept over the end of the session, and guesses do not delay its next sign-in."""
    server = make_server(alg="HS256", browser="on", login_account_failures=3).start()
    browser = Browser(server.http)
    assert "device_token" not in browser.sign_in(AMY.name, AMY.password, device="a phone").json()
    kept = browser.jar.cookies[DEVICE]
    assert (kept["max-age"], kept["path"], kept["samesite"]) == (str(180 * 86_400), "/", "Lax")
    assert browser.ask("POST", "/logout").status_code == 204 and set(browser.jar.cookies) == {DEVICE}
    stranger = Browser(server.http)
    for _ in range(3):
        assert stranger.sign_in(AMY.name, "a guess").status_code == 401
    assert stranger.sign_in(AMY.name, AMY.password).status_code == 429
    assert browser.sign_in(AMY.name, AMY.password).status_code == 200
    assert browser.jar.cookies[DEVICE] == kept


def test_a_page_lists_and_ends_sessions_and_changes_the_password(make_server):
    """By the access cookie, and only from a page that may."""
    server = make_server(alg="HS256", browser="on", sessions="on", origins=APP).start()
    here, there = Browser(server.http), Browser(server.http)
    mine = here.sign_in(BOB.name, BOB.password).json()["session_id"]
    other = there.sign_in(BOB.name, BOB.password).json()["session_id"]
    listed = here.ask("GET", "/sessions").json()["sessions"]
    assert {s["session_id"]: s["current"] for s in listed} == {mine: True, other: False}
    change = {"current_password": BOB.password, "new_password": "seven new lamps 7"}
    evil = {"Origin": EVIL, "Sec-Fetch-Site": "cross-site"}
    assert code_of(here.ask("DELETE", f"/sessions/{other}", headers=evil)) == (403, "csrf_failed")
    assert code_of(here.ask("POST", "/password", headers=evil, json=change)) == (403, "csrf_failed")
    assert code_of(here.ask("POST", "/password", headers={}, data=change)) == (403, "csrf_failed")
    allowed = here.ask("GET", "/sessions", headers={"Origin": APP, "Sec-Fetch-Site": "same-site"})
    assert allowed.headers["access-control-allow-origin"] == APP
    assert here.ask("DELETE", f"/sessions/{other}").status_code == 204
    assert code_of(there.ask("GET", "/session")) == (401, "session_revoked")
    again = Browser(server.http)
    again.sign_in(BOB.name, BOB.password)
    changed = here.ask("POST", "/password", json=change)
    assert changed.status_code == 204 and "set-cookie" not in changed.headers
    assert here.ask("GET", "/session").status_code == 200
    assert here.ask("POST", "/refresh").status_code == 200
    assert code_of(again.ask("GET", "/session")) == (401, "subject_revoked")
    assert Browser(server.http).sign_in(BOB.name, change["new_password"]).status_code == 200


def test_a_page_may_get_a_token_for_an_api_of_another_origin(make_server):
    """K2: only where the setting allows it, never for the gateway, and never the refresh token."""
    server = make_server(alg="HS256", browser="on", browser_tokens="on").start()
    browser = Browser(server.http)
    wanted = {"mode": "access", "audience": "billing"}
    answer = browser.sign_in(AMY.name, AMY.password, **wanted)
    token = answer.json()["access_token"]
    assert server.verify(token).json()["claims"]["aud"] == "billing"
    assert server.verify(browser.jar.value(ACCESS)).json()["claims"]["aud"] == "api"
    assert browser.jar.value(REFRESH) not in answer.text and browser.jar.value(ACCESS) not in answer.text
    refreshed = browser.ask("POST", "/refresh", json=wanted)
    assert server.verify(refreshed.json()["access_token"]).json()["claims"]["aud"] == "billing"
    assert browser.jar.value(REFRESH) not in refreshed.text
    assert "access_token" not in browser.ask("POST", "/refresh").json()
    for wrong in ("api", "moon"):
        refused = browser.ask("POST", "/refresh", json=wanted | {"audience": wrong})
        assert code_of(refused) == (400, "audience_invalid")
        assert code_of(browser.sign_in(AMY.name, AMY.password, mode="access", audience=wrong)) == (400, "audience_invalid")
    assert browser.ask("POST", "/logout").status_code == 204
    assert server.refusal(token) == "session_revoked"
    plain = make_server(alg="HS256", browser="on").start()
    assert code_of(Browser(plain.http).sign_in(AMY.name, AMY.password, **wanted)) == (400, "request_malformed")


def test_a_user_whose_token_fits_into_no_cookie_is_named_at_start(make_server):
    roles = tuple(f"role-{number:04}" for number in range(300))
    server = make_server(alg="HS256", browser="on", people=(AMY, Person("max", "many roles 4 one", roles=roles))).start()
    (line,) = [event for event in server.run.events() if event["event"] == "cookie_too_large"]
    assert (line["username"], line["claim"], line["level"]) == ("max", "roles", "warning")
    refused = Browser(server.http).sign_in("max", "many roles 4 one")
    assert code_of(refused) == (500, "internal") and "set-cookie" not in refused.headers


def test_a_user_whose_token_fits_into_no_cookie_is_rejected_by_the_commands(make_server):
    """When the claims are configured, not when the user logs in. What another tool writes is named after the reload."""
    server = make_server(alg="HS256", browser="on", claims="team").start()
    service = {"users": server.users_path, "browser": "on", "alg": "HS256", "claims": "team"}

    def user(*words: str, stdin: str = "an unused password", **more):
        return command("user", *words, cwd=server.directory, stdin=stdin, **service | more)

    before = server.users_path.read_bytes()
    roles = [word for number in range(100) for word in ("--role", f"role-{number:04}")]
    team = ("--claim", f'team="{"x" * 1_800}"')
    row = {"username": "ben", "password_hash": "!", "roles": roles[1::2], "claims": {"team": "x" * 1_800}}
    for done in (
        user("add", "ben", "--password-stdin", *roles, *team),
        user("change", AMY.name, *roles, *team),
        user("import", "-", stdin=json.dumps(row)),
    ):
        said = done.stdout + done.stderr
        assert done.returncode == 1 and "most of it is team, so shorten that" in said, said
        assert "and 4070 fit into a cookie" in said and server.users_path.read_bytes() == before
    # Without the claim in tokens, and without cookies, the same values fit, or the limit is that of a token.
    assert user("change", AMY.name, *roles, *team, claims="").returncode == 0
    assert "and 4096 a token may have" in user("add", "ben", "--password-stdin", *roles, *team, browser="off").stderr
    # The file has the values now, so the running service has reloaded them.
    named = lambda: server.events("cookie_too_large")  # noqa: E731
    line = server.wait_for(named, 10, "a line about the reloaded user")[-1]
    assert (line["username"], line["claim"], line["level"]) == (AMY.name, "team", "warning")
    # Less is better than before, even if it is still too much.
    assert user("change", AMY.name, "--drop-role", "role-0000").returncode == 0
    assert user("change", AMY.name, "--role", "role-0000").returncode == 1


def test_off_is_off(server):
    """Nothing of it is served, and nothing changes."""
    browser = Browser(server.http)
    assert "access_token" in browser.sign_in(AMY.name, AMY.password).json()
    assert browser.jar.cookies == {}
    assert code_of(browser.ask("GET", "/session")) == (404, "not_found")
    assert code_of(server.http.post("/refresh", headers=SAME_ORIGIN)) == (400, "request_malformed")
    preflight = {"Origin": server.url, "Access-Control-Request-Method": "POST"}
    answer = server.http.request("OPTIONS", "/login", headers=preflight)
    assert answer.status_code == 204 and "vary" not in answer.headers
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("setting", "value"),
    [("origins", "https://*.example.org"), ("public_path", "/x/"), ("cookie_samesite", "none"), ("cookie_name", "a;b")],
)
def test_a_mistake_in_the_settings_is_named(make_server, setting, value):
    failure = make_server(browser="on", **{setting: value}).fail_to_start()
    assert failure.code == 2 and f"MARTLET_{setting.upper()}" in failure.text


def test_a_late_answer_for_a_replaced_session_clears_no_new_cookie(site, page):
    """Another tab signs in while this one refreshes or signs out with the old cookies."""
    old = Browser(site.http, Jar(dict(page.jar.cookies)))
    assert page.sign_in(BOB.name, BOB.password).status_code == 200
    late = old.ask("POST", "/refresh")
    assert code_of(late) == (401, "session_replaced") and "set-cookie" not in late.headers
    signed_out = old.ask("POST", "/logout")
    assert signed_out.status_code == 204 and "set-cookie" not in signed_out.headers
    assert page.ask("POST", "/refresh").json()["username"] == "bob"


def test_a_replaced_session_is_known_after_a_crash(make_server):
    server = make_server(alg="HS256", browser="on", sessions="on").start()
    page = Browser(server.http)
    page.sign_in(AMY.name, AMY.password)
    old = Browser(server.http, Jar(dict(page.jar.cookies)))
    assert page.sign_in(AMY.name, AMY.password).status_code == 200
    for _ in range(2):
        server.kill()
        server.run_once()
        assert code_of(old.ask("POST", "/refresh")) == (401, "session_replaced")
    assert page.ask("POST", "/refresh").status_code == 200


def test_a_login_that_fails_ends_and_records_nothing(make_server):
    """Its tokens do not fit into cookies: the replaced session and the oldest one of the list go on."""
    server = make_server(alg="HS256", browser="on", sessions="on", sessions_per_user=1, claims="team").start()
    # A token of 4,086 bytes is valid, and too large for its cookie together with its name.
    room = (4_086 - len(server.login().access)) * 3 // 4 - len(',"team":""') - 1_400
    names = [f"r{number:029}" for number in range(room // 33 - 1)]
    names.append("r" * (room - 33 * len(names) - 3))
    page = Browser(server.http)
    page.sign_in(AMY.name, AMY.password)
    before = server.admin.get("/admin/status").json()
    reload = lambda status: status["reloads"]["users"]["last_success"]  # noqa: E731
    roles = [word for name in names for word in ("--role", name)]
    changed = server.cli("user", "change", AMY.name, "--claim", f'team="{"x" * 1_400}"', *roles)
    assert changed.returncode == 0, changed.stderr
    server.wait_for(
        lambda: reload(server.admin.get("/admin/status").json()) != reload(before), 10, "the larger claim")  # fmt: skip
    assert page.sign_in(AMY.name, AMY.password).status_code == 500
    assert server.events("cookie_too_large")[-1]["claim"] in ("team", "roles")
    assert page.ask("GET", "/session").status_code == 200
    status = server.admin.get("/admin/status").json()
    assert (status["journal"]["seq"], status["sessions"]) == (before["journal"]["seq"], 1)
    # The first login was one too many for the second, and nothing has ended since.
    assert len(server.events("session_displaced")) == 1
