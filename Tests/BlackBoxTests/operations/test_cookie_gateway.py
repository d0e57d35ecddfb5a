"""Sessions in cookies behind a real nginx that ends TLS, over HTTP/1.1 and HTTP/2."""

import json
import os
import re
import ssl
import subprocess
import time

import httpx
import pytest

from harness.accounts import AMY
from harness.browser import ACCESS, SAME_ORIGIN, Browser
from harness.certificates import Pair, trusting
from harness.gateways import TEMPORARY, program
from harness.process import ROOT
from harness.server import free_port
from harness.wsgi import Application

CONFIGURATION = """
daemon off; pid pid; error_log stderr crit; events {{}}
http {{
    access_log off; {temporary}
    upstream martlet {{ server 127.0.0.1:{martlet}; keepalive 8; }}
    server {{
        listen 127.0.0.1:{port} ssl http2;
        ssl_certificate certificate.pem;
        ssl_certificate_key key.pem;
        large_client_header_buffers 4 32k;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $host;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header Forwarded "";
        {auth}
        location ~ ^/(login|refresh|logout|session)$ {{ proxy_pass http://martlet; }}
        location / {{
            auth_request /_auth;
            auth_request_set $auth_user $upstream_http_x_auth_user;
            proxy_pass http://127.0.0.1:{application};
            proxy_set_header X-Auth-User $auth_user;
        }}
    }}
}}
"""


def documented() -> str:
    """The location that docs/gateway.md tells readers to write."""
    return re.search(r"```nginx\n(.*?)```", (ROOT / "docs/gateway.md").read_text(), re.S)[1]


class Site:
    """Martlet, an application that shows what it gets, and nginx before both."""

    def __init__(self, fleet):
        self.fleet, self.port = fleet, free_port()
        self.origin = f"https://localhost:{self.port}"
        self.application = Application()
        settings = {"browser": "on", "origins": self.origin, "trusted_proxies": "127.0.0.1"}
        self.martlet = fleet.make(alg="HS256", forwarded_field="x-forwarded-for", **settings).start()
        base = fleet.base / "cookie-gateway"
        base.mkdir()
        base.chmod(0o755)
        root = Pair("root", authority=True)
        (base / "root.pem").write_bytes(root.pem)
        certificate, key = Pair("localhost", root).write(base)
        text = CONFIGURATION.format(
            temporary=TEMPORARY,
            martlet=self.martlet.port,
            port=self.port,
            application=self.application.port,
            auth=documented(),
        )
        text = text.replace(" certificate.pem", f" {certificate}").replace(" key.pem", f" {key}")
        (base / "nginx.conf").write_text(text)
        self.context: ssl.SSLContext = trusting(base / "root.pem")
        self.output = open(base / "output", "wb+")
        self.process = subprocess.Popen(
            [program("nginx"), "-p", str(base), "-c", str(base / "nginx.conf")],
            cwd=base,
            env={"PATH": os.environ["PATH"]},
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=self.output,
        )
        deadline = time.monotonic() + 20
        with self.client(False) as http:
            while True:
                try:
                    assert http.get("/session").status_code == 401
                    return
                except httpx.TransportError:
                    assert time.monotonic() < deadline, (base / "output").read_text()
                    time.sleep(0.05)

    def client(self, http2: bool) -> httpx.Client:
        return httpx.Client(base_url=self.origin, verify=self.context, http2=http2, timeout=20)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        self.output.close()
        self.application.close()
        self.fleet.close(self.martlet)


@pytest.fixture(scope="module")
def site(fleet):
    site = Site(fleet)
    yield site
    site.close()


@pytest.fixture(params=[False, True], ids=["HTTP/1.1", "HTTP/2"])
def page(site, request):
    with site.client(request.param) as http:
        browser = Browser(http)
        answer = browser.sign_in(AMY.name, AMY.password)
        assert answer.status_code == 200 and answer.http_version == ("HTTP/2" if request.param else "HTTP/1.1")
        yield browser


def user(answer: httpx.Response) -> str:
    """Whom the application sees."""
    return json.loads(answer.content).get("HTTP_X_AUTH_USER", "")


def test_the_application_sees_the_user_and_never_the_refresh_token(site, page):
    answer = page.ask("GET", "/page")
    assert answer.status_code == 200 and user(answer) == "amy"
    assert "martlet-refresh" not in answer.text and "set-cookie" not in answer.headers
    posted = page.ask("POST", "/page", content=b"x=1")
    assert posted.status_code == 200 and user(posted) == "amy"
    assert page.ask("POST", "/refresh").headers["refresh-outcome"] == "rotated"
    assert user(page.ask("GET", "/page")) == "amy"
    old = page.jar.field("/page")
    assert page.ask("POST", "/logout").status_code == 204 and page.jar.cookies == {}
    assert page.http.get("/page", headers=SAME_ORIGIN | old).status_code == 401


def test_what_the_page_of_another_site_sends_stops_at_the_gateway(site, page):
    navigation = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    evil = {"Origin": "https://evil.example"}
    seen = len(site.application.seen)
    for method, headers, status in (
        ("GET", navigation, 200),
        ("GET", {}, 200),
        ("POST", navigation, 403),
        ("POST", {}, 403),
        ("DELETE", {"Sec-Fetch-Site": "same-site"}, 403),
        ("GET", {"Sec-Fetch-Site": "same-site"} | evil, 403),
        ("GET", key, 403),
        ("GET", key | evil, 403),
        ("GET", key | {"Origin": site.origin}, 200),
        ("POST", {"Origin": site.origin}, 200),
        ("GET", {"X-Original-Method": "GET", "X-Forwarded-Method": "GET"} | key, 403),
        ("POST", {"X-Original-Method": "GET", "X-Forwarded-Method": "GET"}, 403),
    ):
        assert page.ask(method, "/page", headers=headers).status_code == status, (method, headers)
    assert len(site.application.seen) == seen + 4


def test_two_access_cookies_are_401_at_the_gateway(page):
    cookie = page.jar.field("/page")["Cookie"]
    for both in (f"{cookie}; {ACCESS}=x", f"{ACCESS}=x; {cookie}"):
        assert page.http.get("/page", headers=SAME_ORIGIN | {"Cookie": both}).status_code == 401
    bearer = {"Authorization": f"Bearer {page.jar.value(ACCESS)}", "Cookie": f"{cookie}; {ACCESS}=x"}
    assert user(page.http.get("/page", headers=bearer)) == "amy"


def test_the_gateway_is_needed_for_nothing_but_tls(site, page):
    """The cookies are Secure, so the login through a proxy that ends TLS must have been by https."""
    assert all(morsel["secure"] for morsel in page.jar.cookies.values())
    with httpx.Client(base_url=site.martlet.url) as plain:
        headers = SAME_ORIGIN | {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "http"}
        answer = plain.post("/login", json={"username": AMY.name, "password": AMY.password}, headers=headers)
        assert answer.status_code == 400 and "--dev-tls" in answer.json()["detail"]
