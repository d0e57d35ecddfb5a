"""The gateways of deploy/gateway with sessions in cookies: what a page behind each of them can do, and what others cannot."""

import json
import socket
import time
from http.cookies import SimpleCookie

import pytest

from harness.accounts import AMY, PEOPLE, Person
from harness.browser import ACCESS, REFRESH, SESSION
from harness.gateways import Gateway, Reply
from harness.live_app import LiveApplication
from harness.server import free_port

GATEWAYS = ("nginx", "haproxy", "caddy-2.6", "caddy-2.11", "traefik", "envoy", "apache")
APP, EVIL = "app.localhost", "https://evil.example"
SAME = ("Sec-Fetch-Site", "same-origin")
JSON = ("Content-Type", "application/json")
NAVIGATION = [("Sec-Fetch-Site", "none"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")]
KEY = ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
SOCKET = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"), KEY]
OWN = (
    "/login /refresh /logout /session /sessions /sessions/x /password /martlet.js /signin /signout /account /pages/x.css "
    "/.well-known/change-password"
).split()
# The cookies of this user are nearly as large as browsers take.
ROLES = tuple(f"role-{number:05}" for number in range(35))
LARGE = Person("large", "a large password 8", roles=ROLES, claims=(("department", "d" * 1900),))


class Site:
    """Martlet, an application, and the gateways between clients and them, each started when it is first asked for."""

    def __init__(self, fleet):
        self.fleet, self.started = fleet, {}
        self.application = LiveApplication()
        self.ports = {name: free_port() for name in GATEWAYS}
        origins = ",".join(self.origin(name) for name in GATEWAYS)
        settings = {"trusted_proxies": "127.0.0.1", "forwarded_field": "x-forwarded-for", "browser": "on"}
        settings |= {"origins": origins, "sessions": "on", "refresh_grace": "0s"}
        self.martlet = fleet.make(alg="HS256", people=(*PEOPLE, LARGE), **settings).start()

    def origin(self, name: str) -> str:
        return f"http://{APP}:{self.ports[name]}"

    def gateway(self, name: str) -> Gateway:
        if name not in self.started:
            base = self.fleet.base / f"cookies-{name}"
            ports = (self.martlet.port, self.application.port)
            self.started[name] = Gateway(name, base, *ports, APP, self.ports[name])
        return self.started[name]

    def close(self) -> None:
        for gateway in self.started.values():
            gateway.close()
        self.application.close()
        self.fleet.close(self.martlet)


class Page:
    """A page behind a gateway, with the cookies of its browser."""

    def __init__(self, site: Site, name: str):
        self.site, self.gateway, self.origin = site, site.gateway(name), site.origin(name)
        self.cookies: dict[str, str] = {}
        self.client = self.gateway.client()

    def cookie(self, path: str) -> list[tuple[str, str]]:
        sent = [f"{n}={v}" for n, v in self.cookies.items() if n != REFRESH or path.startswith("/refresh")]
        return [("Cookie", "; ".join(sent))] if sent else []

    def ask(self, path: str, *fields: tuple[str, str], method: str = "GET", body: bytes = b"") -> Reply:
        reply = self.client.ask([*self.cookie(path), *fields], path, method, body)
        for line in reply.cookies:
            ((name, morsel),) = SimpleCookie(line).items()
            if morsel["max-age"] == "0":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.value
        return reply

    def sign_in(self, person: Person = AMY) -> "Page":
        body = json.dumps({"username": person.name, "password": person.password}).encode()
        reply = self.ask("/login", SAME, JSON, method="POST", body=body)
        assert reply.status == 200 and set(self.cookies) == {ACCESS, SESSION, REFRESH}, reply
        for value in self.cookies.values():
            self.site.martlet.remember(value)
        return self

    def open(self, path: str, *fields: tuple[str, str]) -> tuple[int, bytes, socket.socket]:
        """The status, the head and the socket of a request whose answer goes on."""
        lines = [f"GET {path} HTTP/1.1", f"Host: {APP}:{self.gateway.port}"]
        lines += [f"{name}: {value}" for name, value in fields]
        connection = socket.create_connection(("127.0.0.1", self.gateway.port), 10)
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        text = b""
        while b"\r\n\r\n" not in text:
            assert (more := connection.recv(4096)), text
            text += more
        return int(text.split()[1]), text, connection


@pytest.fixture(scope="module")
def site(fleet):
    site = Site(fleet)
    yield site
    site.close()


@pytest.fixture(params=GATEWAYS)
def page(request, site):
    page = Page(site, request.param)
    yield page
    page.client.close()


def headers(reply: Reply) -> dict[str, str]:
    """What the application has seen."""
    assert reply.status == 200, reply
    return {name.lower(): value for name, value in json.loads(reply.body)["headers"]}


def test_the_application_gets_the_user_and_never_the_refresh_token(site, page):
    assert page.ask("/page", SAME).status == 401
    page.sign_in()
    seen = headers(page.ask("/page", SAME))
    assert (seen["x-auth-user"], seen["x-auth-subject"]) == ("amy", AMY.id)
    assert REFRESH not in seen["cookie"] and "x-original-method" not in seen
    reply = page.ask("/page", SAME, JSON, method="POST", body=b'{"a":1}')
    assert headers(reply)["x-auth-user"] == "amy" and json.loads(reply.body)["content"] == '{"a":1}'
    old = dict(page.cookies)
    assert page.ask("/refresh", SAME, method="POST").status == 200 and page.cookies[REFRESH] != old[REFRESH]
    assert headers(page.ask("/page", SAME))["x-auth-user"] == "amy"
    session = page.ask("/session", SAME)
    assert json.loads(session.body)["username"] == "amy" and session.headers["vary"] == "Origin"
    assert page.ask("/logout", SAME, method="POST").status == 204 and not page.cookies
    page.cookies = old
    assert page.ask("/page", SAME).status == 401


def test_a_request_that_another_site_causes_stops_at_the_gateway(site, page):
    page.sign_in()
    seen = len(site.application.seen)
    listed, navigation = ("Origin", page.origin), ("Sec-Fetch-Mode", "navigate")
    cross, sibling = ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "same-site")
    lies = [(name, "GET") for name in ("X-Original-Method", "X-Forwarded-Method", "X-HTTP-Method-Override")]
    for method, fields, status in (
        ("GET", [cross, navigation], 200),
        ("GET", [], 200),
        ("HEAD", [], 200),
        ("POST", [listed], 200),
        ("POST", [SAME], 200),
        ("PUT", [SAME, ("Origin", "null")], 200),
        ("POST", [], 403),
        ("POST", [cross, navigation], 403),
        ("POST", [("Origin", EVIL)], 403),
        ("POST", [sibling, ("Origin", f"http://sub.{APP}:{page.gateway.port}")], 403),
        ("DELETE", [sibling], 403),
        ("GET", [cross, ("Origin", EVIL)], 403),
        ("POST", lies, 403),
        ("POST", [*lies, ("Connection", "X-Original-Method, X-Forwarded-Method")], 403),
        ("POST", [("X-Original-URL", page.origin), ("X-Forwarded-Uri", "/login")], 403),
    ):
        reply = page.ask("/page", *fields, method=method)
        assert reply.status == status, (method, fields, reply)
    assert len(site.application.seen) == seen + 6


def test_a_web_socket_opens_for_the_listed_origin_only(site, page):
    bearer = ("Authorization", f"Bearer {site.martlet.login().access}")
    nothing = page.open("/socket", *SOCKET, ("Origin", page.origin))
    assert nothing[0] == 401
    nothing[2].close()
    page.sign_in()
    cookie = page.cookie("/socket")
    for fields, status in (
        ([*cookie, ("Origin", page.origin)], 101),
        ([*cookie, SAME], 101),
        ([bearer], 101),
        ([*cookie], 403),
        ([*cookie, ("Origin", EVIL)], 403),
        ([*cookie, ("Origin", f"http://sub.{APP}:{page.gateway.port}")], 403),
        ([*cookie, ("Sec-Fetch-Site", "none")], 403),
    ):
        found, head, connection = page.open("/socket", *SOCKET, *fields)
        assert found == status, (fields, head)
        if status == 101:
            assert b"x-seen-user: amy" in head.lower()
            connection.sendall(b"hello")
            connection.settimeout(10)
            echo = b""
            while len(echo) < 5 and (more := connection.recv(5)):
                echo += more
            assert echo == b"hello"
        connection.close()


def test_events_arrive_while_the_stream_is_open(site, page):
    page.sign_in()
    site.application.more.clear()
    status, text, connection = page.open("/events", *page.cookie("/events"), SAME)
    connection.settimeout(10)
    while b"data: amy" not in text:
        assert (more := connection.recv(4096)), text
        text += more
    assert status == 200 and b"data: more" not in text
    site.application.more.set()
    while b"data: more" not in text:
        assert (more := connection.recv(4096)), text
        text += more
    connection.close()


def test_the_paths_of_martlet_reach_martlet_and_no_other_path_does(site, page):
    seen = len(site.application.seen)
    for path in OWN:
        reply = page.ask(path, SAME)
        # Problems of Martlet itself; a gateway that asks /auth returns an empty 401 or one of its own.
        is_own = reply.headers.get("content-type", "").split(";")[0] in (
            "application/problem+json", "text/javascript", "text/html", "text/css"
        )
        assert is_own or reply.status in (302, 303) and page.gateway.host not in reply.headers["location"], (path, reply)
    for path in ("/openapi.yaml", "/.well-known/jwks.json", "/healthz", "/token", "/sessionsx", "/pagesx", "/pages"):
        assert page.ask(path, SAME).status == 401, path
    assert len(site.application.seen) == seen


def test_cookies_of_the_largest_size_pass(site, page):
    """Three lines of up to 4 KiB in an answer, and two cookies of this size in a request."""
    page.sign_in(LARGE)
    assert len(page.cookies[ACCESS]) > 3500
    page.cookies["of-the-application"] = "x" * 3500
    assert headers(page.ask("/page", SAME))["x-auth-user"] == LARGE.name
    assert page.ask("/refresh", SAME, method="POST").status == 200
    assert page.ask("/logout", SAME, method="POST").status == 204


def test_a_navigation_whose_access_token_has_expired_comes_back(site, page):
    page.sign_in()
    seen = len(site.application.seen)
    del page.cookies[ACCESS]
    away = page.ask("/page?a=b", *NAVIGATION)
    assert away.status == 302 and away.cookies == () and away.headers["cache-control"] == "no-store", away
    assert away.headers["location"] == f"{page.origin}/refresh?return=/page%3Fa%3Db"
    assert len(site.application.seen) == seen
    path = away.headers["location"].removeprefix(page.origin)
    # Martlet may first check that the browser keeps the new cookies.
    for _ in range(3):
        reply = page.ask(path, *NAVIGATION)
        if reply.status == 200:
            break
        assert reply.status == 303 and ACCESS in page.cookies, reply
        path = reply.headers["location"]
    assert path == "/page?a=b" and headers(reply)["x-auth-user"] == "amy"


def test_only_navigations_are_sent_away_and_only_to_a_listed_origin(site, page):
    seen = len(site.application.seen)
    site_none, mode, dest = NAVIGATION
    old = ("Accept", "text/html,application/xhtml+xml")
    lies = [("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Uri", "//evil.example/")]
    lies += [("X-Original-URL", "https://evil.example/"), ("X-Auth-Redirect", "https://evil.example/")]
    for method, fields, is_sent in (
        ("GET", NAVIGATION, True),
        ("GET", [old], True),
        ("GET", [*NAVIGATION, *lies], True),
        ("GET", [*NAVIGATION, *lies, ("Connection", ", ".join(name for name, _ in lies))], True),
        ("GET", [], False),
        ("POST", NAVIGATION, False),
        ("GET", [SAME, ("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Dest", "empty"), old], False),
        ("GET", [SAME, ("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "image"), old], False),
        ("GET", [site_none, mode, ("Sec-Fetch-Dest", "iframe")], False),
        ("GET", [*NAVIGATION, ("Sec-Purpose", "prefetch")], False),
        ("GET", [*NAVIGATION, *SOCKET], False),
    ):
        reply = page.ask("/page", *fields, method=method)
        if page.gateway.name == "envoy" and any(name == "Connection" for name, _ in fields) and reply.status == 400:
            # Envoy itself rejects a Connection that names X-Forwarded-Host.
            continue
        assert reply.status == (302 if is_sent else 401), (method, fields, reply)
        if is_sent:
            assert reply.headers["location"] == f"{page.origin}/refresh?return=/page", fields
        else:
            assert "location" not in reply.headers and "bearer" in reply.headers["www-authenticate"].lower()
    lines = ["GET /page HTTP/1.1", "Host: evil.example", *(f"{name}: {value}" for name, value in NAVIGATION)]
    reply = page.client.send("\r\n".join(lines).encode() + b"\r\n\r\n")
    # Caddy serves the hosts that its file names, and no others.
    assert "evil" not in reply.headers.get("location", "") and reply.status in (200, 401), reply
    assert len(site.application.seen) == seen


@pytest.mark.parametrize("name", GATEWAYS)
def test_an_application_can_answer_preflights_itself(site, name):
    base = site.fleet.base / f"preflight-{name}"
    changes = {"&signin=": "&preflight=pass&signin="}
    gateway = Gateway(name, base, site.martlet.port, site.application.port, changes=changes)
    asked = [("Origin", "https://other.test"), ("Access-Control-Request-Method", "PUT")]
    try:
        with gateway.client() as client:
            reply = client.ask([*asked, ("X-Auth-User", "root"), ("X_Auth_User", "root")], method="OPTIONS")
            assert reply.status == 204 and reply.headers["access-control-allow-origin"] == "https://other.test"
            seen = len(site.application.seen)
            assert client.ask(asked[:1], method="OPTIONS").status == 401
            assert client.ask(asked, method="PUT").status == 401
            assert len(site.application.seen) == seen
    finally:
        gateway.close()
    with site.gateway(name).client() as client:
        assert client.ask(asked, method="OPTIONS").status == 401


def test_an_own_401_of_the_application_stays_its_own(site, page):
    page.sign_in()
    reply = page.ask("/own-401", SAME)
    assert (reply.status, reply.body) == (401, b"mine") and reply.headers["www-authenticate"] == 'Bearer realm="app"'


def test_two_access_cookies_are_401_and_a_bearer_token_decides(site, page):
    page.sign_in()
    (name, value), = page.cookie("/page")
    page.cookies = {}
    for both in (f"{value}; {ACCESS}=x", f"{ACCESS}=x; {value}"):
        assert page.ask("/page", SAME, (name, both)).status == 401
    bearer = ("Authorization", f"Bearer {site.martlet.login().access}")
    assert headers(page.ask("/page", (name, f"{value}; {ACCESS}=x"), bearer))["x-auth-user"] == "amy"


def test_a_stopped_martlet_is_5xx_for_pages_and_never_401(site, page):
    page.sign_in()
    seen = len(site.application.seen)
    site.martlet.stop()
    try:
        for path, method in (("/page", "GET"), ("/page", "POST"), ("/session", "GET"), ("/refresh", "POST")):
            assert page.ask(path, SAME, method=method).status in (500, 502, 503), path
        assert page.ask("/page", *NAVIGATION).status in (500, 502, 503)
        assert len(site.application.seen) == seen
    finally:
        site.martlet.run_once()
    again = time.monotonic() + 15
    while (reply := page.ask("/page", SAME)).status != 200:
        assert time.monotonic() < again, reply
        time.sleep(0.05)
    assert headers(reply)["x-auth-user"] == "amy"
