"""The gateways of deploy/gateway, each between a client that forges identity headers and a WSGI application."""

import itertools
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from harness.accounts import AMY, PEOPLE, Person
from harness.gateways import FOLDER, HOST, Client, Gateway, Reply
from harness.identity import CHARACTERS, FORGED, NAMES, PLACES, alias, variants
from harness.process import ROOT
from harness.tls_site import TLSSite
from harness.wsgi import Application

GATEWAYS = ("nginx", "haproxy", "caddy-2.6", "caddy-2.11", "traefik", "envoy", "apache")
WITH_H2 = tuple(name for name in GATEWAYS if name != "nginx")
PLAIN = Person("plain", "a plain password 8", roles=(), scopes=("read",))


class Site:
    """Martlet, an application, and the gateways between clients and them, each started when it is first asked for."""

    def __init__(self, fleet):
        self.fleet, self.started = fleet, {}
        self.application = Application()
        settings = {"trusted_proxies": "127.0.0.1", "forwarded_field": "x-forwarded-for", "browser": "on"}
        self.martlet = fleet.make(alg="HS256", people=(*PEOPLE, PLAIN), **settings).start()
        self.session = self.martlet.login()
        self.good = ("Authorization", f"Bearer {self.session.access}")
        claims = self.session.claims
        self.identity = {
            "HTTP_X_AUTH_SUBJECT": AMY.id,
            "HTTP_X_AUTH_USER": "amy",
            "HTTP_X_AUTH_SESSION": self.session.sid,
            "HTTP_X_AUTH_CLIENT": "first-party",
            "HTTP_X_AUTH_SCOPE": claims["scope"],
            "HTTP_X_AUTH_ROLES": ",".join(claims["roles"]),
            "HTTP_X_AUTH_EXPIRES": str(claims["exp"]),
        }

    def gateway(self, name: str) -> Gateway:
        if name not in self.started:
            base = self.fleet.base / f"gateway-{name}"
            self.started[name] = Gateway(name, base, self.martlet.port, self.application.port)
        return self.started[name]

    def claimed(self, environ: dict) -> dict:
        """What an application would take for the identity."""
        return {key: value for key, value in environ.items() if key in self.identity}

    def is_forged(self, environ: dict) -> bool:
        return self.claimed(environ) != self.identity or FORGED in environ.values()

    def accepts(self, reply: Reply, what: object) -> None:
        """The request reached the application with the identity that Martlet returned, and nothing else."""
        assert reply.status == 200, (what, reply)
        assert self.claimed(reply.environ) == self.identity, what
        assert FORGED not in reply.environ.values(), what

    def settled(self) -> list[dict]:
        """What the application has seen, once nothing more arrives: a gateway may go on when its client has left."""
        seen, before = self.application.seen, -1
        while len(seen) != before:
            before = len(seen)
            time.sleep(0.3)
        return seen

    def close(self) -> None:
        for gateway in self.started.values():
            gateway.close()
        self.application.close()
        self.fleet.close(self.martlet)


@pytest.fixture(scope="module")
def site(fleet):
    site = Site(fleet)
    yield site
    site.close()


@pytest.fixture(params=GATEWAYS)
def gateway(request, site):
    return site.gateway(request.param)


@pytest.fixture(params=WITH_H2)
def gateway_with_h2(request, site):
    return site.gateway(request.param)


def test_the_application_itself_would_take_every_spelling(site):
    """So that the tests below cannot pass for another reason: without a gateway each of them forges."""
    seen = site.application.seen
    with Client(site.application.port, "127.0.0.1", 20) as client:
        for fields in variants():
            before = len(seen)
            client.ask(fields)
            assert FORGED in site.claimed(seen[before]).get("HTTP_X_AUTH_USER", ""), fields


def test_no_spelling_of_an_identity_header_comes_through(site, gateway):
    with gateway.client() as client:
        site.accepts(client.ask([site.good]), "plain")
        for fields in variants():
            # The token comes first and last: some gateways keep the first of what they take for doubles, some the last.
            site.accepts(client.ask([site.good, *fields]), fields)
            site.accepts(client.ask([*fields[:7], site.good]), fields)


def test_no_spelling_comes_through_over_http_2(site, gateway_with_h2):
    for character in CHARACTERS:
        names = [alias(place, name, character, character).lower() for place in PLACES[:3] for name in NAMES]
        fields = [(name, FORGED) for name in names]
        good = ("authorization", site.good[1])
        site.accepts(gateway_with_h2.ask_h2([good, *fields, *fields[-7:]]), character)


def test_odd_messages_over_http_2_forge_nothing(site, gateway_with_h2):
    """Names in upper case, `connection`, pseudo-headers and blanks are refused or harmless."""
    seen = len(site.application.seen)
    good = ("authorization", site.good[1])
    odd = (
        [("X-Auth-User", FORGED)],
        [("X_Auth_User", FORGED)],
        [("connection", "x-auth-user"), ("x_auth_user", FORGED)],
        [(":x-auth-user", FORGED)],
        [("x-auth-user ", FORGED)],
        [(" x-auth-user", FORGED)],
        [("x-auth-user\t", FORGED)],
        [("x auth user", FORGED)],
        [("x\0auth-user", FORGED)],
        [("a", f"b\r\nx-auth-user: {FORGED}")],
        [("a", f"b\nx_auth_user: {FORGED}")],
        [("te", "trailers"), ("trailer", "x-auth-user")],
    )
    # At once: Envoy waits for a second before it closes such a connection.
    with ThreadPoolExecutor(len(odd)) as pool:
        list(pool.map(lambda fields: gateway_with_h2.ask_h2([good, *fields], seconds=3), odd))
    assert not [environ for environ in site.settled()[seen:] if site.is_forged(environ)]
    site.accepts(gateway_with_h2.ask_h2([good]), "afterwards")


def odd_messages(token: str) -> dict[str, bytes]:
    """Messages that proxies and servers are known to read in two ways."""
    host, good, user = f"Host: {HOST}\r\n", f"Authorization: {token}\r\n", f"X_Auth_User: {FORGED}\r\n"
    get, post = f"GET /page HTTP/1.1\r\n{host}{good}", f"POST /page HTTP/1.1\r\n{host}{good}"
    chunked, chunk = "Transfer-Encoding: chunked\r\n", "1\r\na\r\n0\r\n"
    smuggled = f"GET /page HTTP/1.1\r\n{host}X-Auth-User: {FORGED}\r\n\r\n"
    texts = {
        "folded": f"{get}A: b\r\n X-Auth-User: {FORGED}\r\n\r\n",
        "folded name": f"{get}X-Auth-User:\r\n {FORGED}\r\n\r\n",
        "folded alias": f"{get}X_Auth_User:\r\n\t{FORGED}\r\n\r\n",
        "blank before the colon": f"{get}X-Auth-User : {FORGED}\r\n\r\n",
        "tab before the colon": f"{get}X_Auth_User\t: {FORGED}\r\n\r\n",
        "blank before the name": f"GET /page HTTP/1.1\r\n X-Auth-User: {FORGED}\r\n{host}{good}\r\n",
        "bare line feed": f"{get}A: b\nX-Auth-User: {FORGED}\r\n\r\n",
        "bare line feed alias": f"{get}A: b\n{user}\r\n",
        "bare carriage return": f"{get}A: b\rX-Auth-User: {FORGED}\r\n\r\n",
        "NUL": f"{get}A: b\0\r\nX-Auth\0-User: {FORGED}\r\n\r\n",
        "no colon": f"{get}X-Auth-User\r\n: {FORGED}\r\n\r\n",
        "not ASCII": f"{get}X\xadAuth-User: {FORGED}\r\nX\u2010Auth\u2010User: {FORGED}\r\n\r\n",
        "long name": f"{get}X_Auth_User{'_' * 300}: {FORGED}\r\n{'A' * 300}_X: {FORGED}\r\n{user}\r\n",
        "name after 64 characters": f"{get}{'A' * 64}-X-Auth-User: x\r\n{user}\r\n",
        "trailer": f"{post}{chunked}Trailer: X-Auth-User\r\n\r\n{chunk}X-Auth-User: {FORGED}\r\n{user}\r\n",
        "trailer with TE": f"{post}{chunked}TE: trailers\r\nConnection: TE\r\n\r\n{chunk}{user}\r\n",
        "close and name": f"{get}{user}Connection: close, X-Auth-User\r\n\r\n",
        "keep-alive and name": f"{get}{user}Connection: keep-alive, X-Auth-User, X-Auth-Roles\r\n\r\n",
        "two connection lines": f"{get}Connection: x-auth-user\r\n{user}Connection: X_Auth_User\r\n\r\n",
        "proxy connection": f"{get}Proxy-Connection: X-Auth-User\r\nKeep-Alive: X-Auth-User\r\n{user}\r\n",
        "upgrade": f"{get}Connection: Upgrade, X-Auth-User\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{user}X-Auth-User: {FORGED}\r\n\r\n",
        "upgrade to h2c": f"{get}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        f"HTTP2-Settings: AAMAAABk\r\n{user}\r\n",
        "absolute": f"GET http://{HOST}/page HTTP/1.1\r\n{host}{good}{user}\r\n",
        "absolute of another host": f"GET http://{HOST}/page HTTP/1.1\r\nHost: other.test\r\n{good}{user}\r\n",
        "http/1.0": f"GET /page HTTP/1.0\r\n{host}{good}{user}X-Auth-User: {FORGED}\r\n\r\n",
        "expect": f"{post}Expect: 100-continue\r\nContent-Length: 0\r\n{user}\r\n",
        "smuggled by length": f"{post}{chunked}Content-Length: 4\r\n\r\n0\r\n\r\n{smuggled}",
        "smuggled by coding": f"{post}Content-Length: {len(smuggled) + 5}\r\nTransfer-Encoding: xchunked\r\n\r\n"
        f"0\r\n\r\n{smuggled}",
        "smuggled by alias": f"{post}Content_Length: 0\r\nTransfer_Encoding: chunked\r\n"
        f"Content-Length: {len(smuggled)}\r\n\r\n{smuggled}",
        "pipelined": f"{get}{user}\r\n{get}X-Auth-User: {FORGED}\r\nX.Auth.User: {FORGED}\r\n\r\n",
    }
    return {what: text.encode("latin-1", "replace") for what, text in texts.items()}


def send_and_read(gateway: Gateway, message: bytes) -> bytes:
    """What comes back until the gateway closes or says nothing for a while."""
    with gateway.client(timeout=0.5) as client:
        try:
            client.send(message)
        except (OSError, ValueError):
            pass
        except Exception as problem:  # A reply that http.client cannot read is as good as none.
            assert type(problem).__module__ == "http.client", problem
        if not client.socket:
            return b""
        client.socket.settimeout(0.3)
        try:
            return client.socket.recv(65536)
        except OSError:
            return b""


def test_messages_with_two_readings_forge_nothing(site, gateway):
    seen = len(site.application.seen)
    messages = odd_messages(site.good[1])
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda message: send_and_read(gateway, message), messages.values()))
    arrived = site.settled()[seen:]
    assert not [environ for environ in arrived if site.is_forged(environ)]
    assert len(arrived) > 5, "the application was hardly asked"
    with gateway.client() as client:
        site.accepts(client.ask([site.good]), "afterwards")


def test_an_empty_value_is_not_filled_by_the_client(site, gateway):
    """A user without roles has an empty X-Auth-Roles, which a gateway may leave out. The client's must go, too."""
    token = ("Authorization", f"Bearer {site.martlet.login(PLAIN).access}")
    with gateway.client() as client:
        for character, place in itertools.product(CHARACTERS, PLACES):
            forged = alias(place, "Roles", character, character)
            for fields in ([token, (forged, FORGED)], [(forged, FORGED), (forged.lower(), FORGED), token]):
                environ = client.ask(fields).environ
                assert environ["HTTP_X_AUTH_USER"] == PLAIN.name
                assert environ.get("HTTP_X_AUTH_ROLES", "") == "", fields
                assert FORGED not in environ.values(), fields


@pytest.mark.parametrize("value", ("X-Auth-User, X-Auth-Roles", "close, x-auth-user"))
def test_connection_takes_no_identity_away(site, gateway, value):
    lines = [("Connection", value)]
    with gateway.client() as client:
        for fields in ([site.good, *lines], [*lines, ("Connection", "X-Auth-Session"), site.good]):
            reply = client.ask(fields)
            site.accepts(reply, fields)
            # The next proxy is not asked to take it away, either.
            assert "x-auth" not in reply.environ.get("HTTP_CONNECTION", "").lower(), fields


@pytest.mark.parametrize("name", ("haproxy", "caddy-2.6", "caddy-2.11", "traefik"))
def test_a_web_socket_is_asked_for_with_the_identity(site, name):
    """What is done to Connection leaves upgrades alone. The other examples do not pass them on."""
    fields = [("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", f"{'A' * 22}==")]
    with site.gateway(name).client() as client:
        reply = client.ask([site.good, ("Connection", "X-Auth-User, Upgrade"), *fields])
    site.accepts(reply, name)
    assert reply.environ["HTTP_UPGRADE"].lower() == "websocket"
    assert reply.environ["HTTP_CONNECTION"].lower() == "upgrade"


PATHS = (
    "/page",
    "//page",
    "/login/",
    "//login",
    "/login/../page",
    "/login%2f..%2fpage",
    "/%6cogin/x",
    "/login;x",
    "/LOGIN",
    "/logout.php",
    "/refresh/x",
    "/login/x?a=/login",
    "/page?/login",
    "/_auth",
    "/auth",
    "/verify",
    "/./page",
    "/a/../login/..",
    "/login\\..\\page",
    f"http://{HOST}/page",
    f"http://{HOST}//login/x",
)


@pytest.mark.parametrize(
    "lines",
    (
        [],
        [("Authorization", "Bearer noise")],
        [("Authorization", "Basic YW15OmFteQ==")],
        [("Authorization", "Bearer {0}"), ("Authorization", "Bearer noise")],
        [("Authorization", "Bearer noise"), ("Authorization", "Bearer {0}")],
        [("Authorization", "Bearer {0}"), ("Authorization", "Bearer {0}")],
        [("Authorization_", "Bearer {0}")],
        [("authorization", "Bearer {0}, Bearer noise")],
        [("X-Authorization", "Bearer {0}"), ("Proxy-Authorization", "Bearer {0}")],
        [("Cookie", "access_token={0}"), ("X_Auth_User", FORGED), ("X-Auth-User", FORGED)],
        [("X-Forwarded-Uri", "/login"), ("X-Original-URL", "/login"), ("X-Rewrite-URL", "/login")],
        [("X-Forwarded-Method", "OPTIONS"), ("X-HTTP-Method-Override", "OPTIONS")],
    ),
)
def test_without_one_good_token_nothing_reaches_the_application(site, gateway, lines):
    seen = len(site.application.seen)
    fields = [(name, value.format(site.session.access)) for name, value in lines]
    with gateway.client() as client:
        for method in ("GET", "POST", "OPTIONS", "HEAD", "DELETE"):
            reply = client.ask(fields, method=method, body=b"x=1" if method == "POST" else b"")
            # nginx and Apache may refuse two lines of Authorization by themselves.
            assert reply.status in ((401,) if len(lines) < 2 else (401, 400)), (method, reply)
        for path in PATHS if not lines else ():
            assert client.ask(fields, path).status in (301, 308, 400, 401, 404, 405), path
    assert site.application.seen[seen:] == []


def test_statuses_and_challenges_come_back(site, gateway):
    """401 names the scheme, and the error for a bad token only; 403 says what is missing."""
    poor = site.martlet.login(scope="write")
    with gateway.client() as client:
        none = client.ask([])
        assert none.status == 401 and none.headers["www-authenticate"] == 'Bearer realm="martlet"'
        bad = client.ask([("Authorization", "Bearer a.b.c")])
        assert bad.status == 401
        assert bad.headers["www-authenticate"] == 'Bearer realm="martlet", error="invalid_token"'
        less = client.ask([("Authorization", f"Bearer {poor.access}")])
        assert less.status == 403
        if gateway.name != "nginx":
            assert 'error="insufficient_scope"' in less.headers["www-authenticate"]


def test_a_revoked_token_is_refused_from_the_next_request_on(site, gateway):
    session = site.martlet.login()
    token = ("Authorization", f"Bearer {session.access}")
    with gateway.client() as client:
        assert client.ask([token]).status == 200
        site.martlet.revoke(session.access)
        assert client.ask([token]).status == 401


def test_bodies_and_other_headers_arrive(site, gateway):
    """The examples remove nothing but what they name."""
    fields = [site.good, ("X-Requested-With", "XMLHttpRequest"), ("X-CSRF-Token", "t"), ("Cookie", "a=b")]
    with gateway.client() as client:
        for method in ("POST", "PUT", "PATCH"):
            environ = client.ask(fields, "/page?a=b%20c", method, b"x" * 5000).environ
            assert (environ["REQUEST_METHOD"], environ["QUERY_STRING"]) == (method, "a=b%20c")
            assert environ["CONTENT_LENGTH"] == "5000" and environ["HTTP_HOST"].startswith(HOST)
            assert environ["HTTP_X_REQUESTED_WITH"] == "XMLHttpRequest"
            assert (environ["HTTP_X_CSRF_TOKEN"], environ["HTTP_COOKIE"]) == ("t", "a=b")
            assert environ["HTTP_AUTHORIZATION"] == site.good[1]
        forged = [("X-Forwarded-For", "198.51.100.66"), ("X_Forwarded_For", "198.51.100.66"), ("Forwarded", "for=x")]
        for fields in ([], forged, [*forged, ("X-Forwarded-For", "198.51.100.67")]):
            environ = client.ask([site.good, *fields]).environ
            assert environ["HTTP_X_FORWARDED_FOR"] == "127.0.0.1"
            assert environ.get("HTTP_FORWARDED", "") == ""
        if gateway.name not in ("nginx", "traefik"):
            assert "HTTP_X_AUTH_EXTRA" not in client.ask([site.good, ("X-Auth-Extra", FORGED)]).environ


@pytest.mark.parametrize(
    "lines",
    (
        [],
        [("X-Forwarded-For", "198.51.100.66"), ("Forwarded", "for=198.51.100.67")],
        [("x-forwarded-for", "198.51.100.66, 127.0.0.1"), ("X-Forwarded-For", "198.51.100.67")],
        [("X-Forwarded-For", "198.51.100.66"), ("Connection", "X-Forwarded-For, Forwarded")],
        [("X-Real-IP", "198.51.100.66"), ("X_Forwarded_For", "198.51.100.66"), ("True-Client-IP", "198.51.100.66")],
        [("Forwarded", "for=198.51.100.66"), ("Connection", "close, x-forwarded-for")],
    ),
)
def test_a_login_counts_for_the_address_of_the_client_and_no_other(site, gateway, lines):
    """Clients are neither one shared address nor able to choose theirs."""
    name, mark = f"nobody-{gateway.name}", len(site.martlet.events("login_refused"))
    body = f'{{"username":"{name}","password":"wrong"}}'.encode()
    with gateway.client(source="127.0.0.2") as client:
        reply = client.ask([("Content-Type", "application/json"), *lines], "/login", "POST", body)
        if gateway.name == "envoy" and any("forwarded-for" in value.lower() for _, value in lines):
            # Envoy itself refuses a Connection that names X-Forwarded-For.
            assert reply.status == 400
            return
        assert reply.status == 401
    refused = lambda: site.martlet.events("login_refused")[mark:]
    assert site.martlet.wait_for(refused, what=f"a line about {name}")[0]["source"] == "127.0.0.2"


def test_a_stopped_martlet_lets_nothing_through(site, gateway):
    """The answer is 5xx, never 401, which pages read as "signed out", and 200 again when Martlet is back."""
    seen = len(site.application.seen)
    with gateway.client() as client:
        site.accepts(client.ask([site.good]), "before")
        seen += 1
        site.martlet.stop()
        try:
            waits = []
            for fields in ([site.good], [], [("Authorization", "Bearer noise")], [site.good, ("X_Auth_User", FORGED)]):
                began = time.monotonic()
                status = client.ask(fields).status
                waits.append(time.monotonic() - began)
                assert status == {"traefik": 500, "caddy-2.6": 502, "caddy-2.11": 502}.get(gateway.name, 503), gateway.name
            # The quickest of four: this machine may be busy.
            assert min(waits) < 1
            assert len(site.application.seen) == seen
        finally:
            site.martlet.run_once()
        site.martlet.wait_for(lambda: client.ask([site.good]).status == 200, 15, f"{gateway.name} after the restart")
        site.accepts(client.ask([site.good]), "after")


def test_a_martlet_that_hangs_lets_nothing_through(site):
    """All gateways at once, because each waits two seconds. Traefik waits 30 seconds; the test does not."""
    gateways = [site.gateway(name) for name in GATEWAYS]
    seen = len(site.application.seen)

    def status(gateway: Gateway) -> int:
        with gateway.client(timeout=1 if gateway.name == "traefik" else 15) as client:
            try:
                return client.ask([site.good]).status
            except TimeoutError:
                return 0

    site.martlet.run.process.send_signal(signal.SIGSTOP)
    try:
        site.martlet.wait_for(lambda: open(f"/proc/{site.martlet.pid}/stat").read().rsplit(")")[1].split()[0] == "T")
        with ThreadPoolExecutor(len(gateways)) as pool:
            statuses = dict(zip(GATEWAYS, pool.map(status, gateways)))
    finally:
        site.martlet.run.process.send_signal(signal.SIGCONT)
    assert statuses.pop("traefik") in (0, 500)
    assert statuses["nginx"] == 503
    assert set(statuses.values()) <= {500, 502, 503, 504}, statuses
    assert len(site.application.seen) == seen


def test_operations_md_shows_every_file_as_it_is():
    page = (ROOT / "docs/operations.md").read_text()
    files = sorted(FOLDER.iterdir())
    assert len(files) >= 9
    for file in files:
        block = file.read_text().rstrip("\n")
        assert f"\n{block}\n```\n" in page, f"docs/operations.md and {file.name} differ"
        assert f"(../deploy/gateway/{file.name})" in page, f"docs/operations.md does not name {file.name}"


def ports_used(http: httpx.Client) -> set[int]:
    """The ports from which a client sends 1,100 requests, one after another."""
    answers = (http.get("/session", headers={"Host": HOST}) for _ in range(1_100))
    return {answer.extensions["network_stream"].get_extra_info("client_addr")[1] for answer in answers}


@pytest.mark.parametrize("name", WITH_H2)
def test_a_connection_lasts_for_the_requests_of_a_busy_page(site, name):
    with httpx.Client(base_url=f"http://127.0.0.1:{site.gateway(name).port}", http1=False, http2=True) as http:
        assert len(ports_used(http)) == 1


def test_a_connection_to_nginx_lasts_for_the_requests_of_a_busy_page(fleet):
    """A browser loses requests that it sends while a proxy ends the connection."""
    site = TLSSite(fleet, "localhost")
    try:
        with httpx.Client(base_url=site.origin, http2=True, verify=site.context) as http:
            assert len(ports_used(http)) == 1
    finally:
        site.close()
