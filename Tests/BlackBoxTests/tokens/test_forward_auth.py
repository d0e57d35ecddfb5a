"""/auth by itself, and behind a real nginx with auth_request."""

import json
import shutil
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from harness.accounts import AMY, PEOPLE, Person
from harness.server import Session, free_port
from harness.wire import request

NAMES = (
    "X-Auth-Subject",
    "X-Auth-User",
    "X-Auth-Session",
    "X-Auth-Client",
    "X-Auth-Scope",
    "X-Auth-Roles",
    "X-Auth-Expires",
)
ODD = Person("élan %\U0001f985", "wide eyed at noon 6", roles=("staff",))
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")


def bearer(session: Session) -> dict[str, str]:
    return {"Authorization": f"Bearer {session.access}"}


@pytest.fixture(scope="module")
def gate(fleet):
    """A server whose people include one with a name that no header can carry raw."""
    server = fleet.make(alg="HS256", people=(*PEOPLE, ODD))
    server.shop = server.add_client("shop")
    server.start()
    yield server
    fleet.close(server)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_gets_200_with_all_identity_headers(gate, method):
    """J1, J6, J9: any method, the body is ignored, nothing is cached, no cookie is set."""
    session = gate.login()
    answer = gate.http.request(
        method, "/auth", headers=bearer(session), content=b"whatever" if method == "POST" else None
    )
    assert answer.status_code == 200
    assert answer.content == b""
    assert all(name.lower() in answer.headers for name in NAMES)
    assert answer.headers["x-auth-subject"] == AMY.id
    assert answer.headers["x-auth-user"] == "amy"
    assert answer.headers["x-auth-session"] == session.sid
    assert answer.headers["x-auth-client"] == "first-party"
    assert set(answer.headers["x-auth-scope"].split()) == {"read", "write", "admin"}
    assert set(answer.headers["x-auth-roles"].replace(",", " ").split()) == {"admin", "staff"}
    assert int(answer.headers["x-auth-expires"]) == session.claims["exp"]
    assert "no-store" in answer.headers["cache-control"]
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("method", METHODS)
def test_every_method_without_a_token_gets_401(gate, method):
    """J4, J5, J6: a challenge without error when nothing was sent."""
    answer = gate.http.request(method, "/auth")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith('Bearer realm="martlet"')
    assert "error=" not in answer.headers["www-authenticate"]
    assert not any(name.lower() in answer.headers for name in NAMES)


def test_header_values_are_safe_whatever_the_name(gate):
    """J7: percent-encoded where it is not printable ASCII."""
    answer = gate.http.get("/auth", headers=bearer(gate.login(ODD)))
    raw = dict(answer.headers.raw)
    value = next(v for k, v in raw.items() if k.lower() == b"x-auth-user")
    assert value == "%C3%A9lan %25%F0%9F%A6%85".encode() or value == b"%C3%A9lan%20%25%F0%9F%A6%85"


@pytest.mark.parametrize("value", ["bearer {}", "BEARER {}", "Bearer  {}", "Bearer    {}"])
def test_the_scheme_is_case_insensitive_with_one_or_more_spaces(gate, value):
    """J1."""
    with gate.wire() as wire:
        wire.send(request("GET", "/auth", Authorization=value.format(gate.login().access)))
        assert wire.answer().status == 200


@pytest.mark.parametrize(
    "value",
    [
        "{0}",
        "Token {0}",
        "Bearer",
        "Bearer ",
        "Bearer\t{0}",
        "Bearer {0} {0}",
        "Bearer {0},{0}",
        "Basic {0}",
        'Bearer "{0}"',
        "Bearer={0}",
        "Bearer {0}, Basic x",
    ],
)
def test_other_spellings_of_authorization_are_401(gate, value):
    """J1, J3, J6: never anything but 401."""
    with gate.wire() as wire:
        wire.send(request("GET", "/auth", Authorization=value.format(gate.login().access)))
        answer = wire.answer()
        assert answer.status == 401
        assert answer["www-authenticate"].startswith("Bearer ")


def test_two_authorization_headers_are_401(gate):
    """J3: whichever of them is good."""
    token = gate.login().access
    for values in ((token, token), (token, "x"), ("x", token)):
        lines = "".join(f"Authorization: Bearer {value}\r\n" for value in values)
        with gate.wire() as wire:
            wire.send(f"GET /auth HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode())
            assert wire.answer().status == 401


def test_a_token_in_the_query_or_a_cookie_does_not_authenticate(gate):
    """J2, J6."""
    token = gate.login().access
    gate.remember(token)
    for name in ("token", "access_token", "q"):
        assert gate.http.get("/auth", params={name: token}).status_code == 401
    assert gate.http.get("/auth", headers={"Cookie": f"access_token={token}"}).status_code == 401


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 200),
        ("?aud=api", 200),
        ("?scope=read", 200),
        ("?scope=read+write", 200),
        ("?scope=read%20admin", 200),
        ("?role=admin", 200),
        ("?aud=api&scope=read&role=staff", 200),
        ("?audience=api", 200),
        ("?max_age=60", 200),
        ("?scope=sing", 403),
        ("?scope=read+sing", 403),
        ("?role=captain", 403),
        ("?aud=billing", 401),
        ("?aud=elsewhere", 401),
    ],
)
def test_audience_scope_and_role_are_the_gateways_own_demands(gate, query, status):
    """J5, J6: only 200, 401 and 403 ever come back."""
    answer = gate.http.get(f"/auth{query}", headers=bearer(gate.login()))
    assert answer.status_code == status
    if status == 403:
        assert "role" in query or 'error="insufficient_scope"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize(
    "query",
    [
        "?scope=%",
        "?aud=api&aud=billing",
        "?aud=api&audience=api",
        "?scope=%00",
        "?scope=",
        "?role=",
        "?role=%20",
        "?roles=admin",
        "?min_seq=x",
        "?max_seq=1",
        "?max_age=soon",
        "?unheard=of",
        "?" + "x" * 4000,
        "?&&==&",
    ],
)
def test_a_condition_that_is_not_understood_is_403_and_logged(gate, query):
    """J6: nginx would turn a 400 into a 500. The operator learns of it from the log."""
    before = len(gate.events("auth_condition_invalid"))
    for headers in ({}, bearer(gate.login())):
        answer = gate.http.get(f"/auth{query}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "condition_invalid")
    gate.wait_for(lambda: len(gate.events("auth_condition_invalid")) == before + 2)
    event = gate.events("auth_condition_invalid")[-1]
    assert (event["level"], event["reason"]) == ("warning", answer.json()["detail"])


def test_forwarded_headers_from_a_stranger_change_nothing(gate):
    """J8."""
    forged = {
        "X-Forwarded-For": "127.0.0.1",
        "X-Forwarded-Uri": "/open",
        "X-Original-URI": "/open",
        "X-Auth-User": "root",
        "X-Forwarded-Method": "OPTIONS",
        "X-Original-Method": "OPTIONS",
        "X-Auth-Subject": "root",
    }
    assert gate.http.get("/auth", headers=forged).status_code == 401
    assert gate.http.get("/auth", headers=forged | bearer(gate.login())).headers["x-auth-user"] == "amy"


class Echo(BaseHTTPRequestHandler):
    """The application behind the gateway: answers with the headers it was sent."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        body = json.dumps([[name.lower(), value] for name, value in self.headers.items()]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = answer

    def log_message(self, *_) -> None:
        """Stays silent."""


NGINX = """
daemon off; pid nginx.pid; error_log stderr warn; worker_processes 1;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
  upstream martlet {{ server 127.0.0.1:{auth}; keepalive 8; }}
  server {{
    listen 127.0.0.1:{port};
    proxy_http_version 1.1;
    location = /_auth {{
      internal; proxy_pass http://martlet/auth?scope=read; proxy_set_header Connection "";
      proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_set_header X-Original-URI $request_uri;
    }}
    location = /_auth_captain {{
      internal; proxy_pass http://martlet/auth?role=captain; proxy_set_header Connection "";
      proxy_pass_request_body off; proxy_set_header Content-Length "";
    }}
    location /admin {{ auth_request /_auth_captain; proxy_pass http://127.0.0.1:{app}; }}
    location / {{
      auth_request /_auth;
      {sets}
      auth_request_set $challenge $upstream_http_www_authenticate;
      proxy_pass http://127.0.0.1:{app};
    }}
  }}
}}
"""


@pytest.fixture(scope="module")
def nginx(gate, fleet):
    """A client of nginx in front of the echoing application, guarded by the service."""
    binary = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if not binary:
        pytest.skip("nginx is not installed")
    application = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=application.serve_forever, daemon=True).start()
    directory = fleet.base / "nginx"
    directory.mkdir()
    port = free_port()
    sets = "\n".join(
        f"auth_request_set $v{n} $upstream_http_{name.lower().replace('-', '_')}; " f"proxy_set_header {name} $v{n};"
        for n, name in enumerate(NAMES)
    )
    config = NGINX.format(auth=gate.port, port=port, app=application.server_address[1], sets=sets)
    (directory / "nginx.conf").write_text(config)
    process = subprocess.Popen([binary, "-p", str(directory), "-c", "nginx.conf"], stderr=subprocess.PIPE)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        for _ in range(100):
            try:
                client.get("/")
                break
            except httpx.ConnectError:
                assert process.poll() is None, process.stderr.read()
                time.sleep(0.05)
        yield client
    process.terminate()
    process.wait(10)
    application.shutdown()


@pytest.mark.parametrize("method", METHODS)
def test_nginx_lets_a_good_token_through_and_overwrites_what_the_client_claims(gate, nginx, method):
    """J6, J7: identity comes from the service, once each."""
    session = gate.login()
    forged = {name: "root" for name in NAMES} | bearer(session)
    answer = nginx.request(
        method, "/page?token=1", headers=forged, content=b"x" * 5000 if method in ("POST", "PUT") else None
    )
    assert answer.status_code == 200
    if method != "HEAD":
        seen = [value for name, value in answer.json() if name == "x-auth-user"]
        assert seen == ["amy"]
        assert "root" not in dict(answer.json()).values()
        assert dict(answer.json())["x-auth-subject"] == AMY.id


@pytest.mark.parametrize("method", METHODS)
def test_nginx_passes_401_and_its_challenge_to_the_client(gate, nginx, method):
    """J4, J6: also for revoked, forged and oversize tokens."""
    revoked = gate.login()
    gate.revoke(revoked.access)
    for headers in ({}, bearer(revoked), {"Authorization": "Bearer noise"}, {"Authorization": "Bearer " + "a" * 7000}):
        answer = nginx.request(method, "/page", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer ")


def test_nginx_passes_403_to_the_client(gate, nginx):
    """J5, J6."""
    assert nginx.get("/admin", headers=bearer(gate.login())).status_code == 403


def test_nginx_keeps_serving_on_kept_connections_while_a_token_dies(gate, nginx):
    """J9, E9: nothing is remembered between two requests."""
    session = gate.login()
    for _ in range(50):
        assert nginx.get("/", headers=bearer(session)).status_code == 200
    gate.revoke(session.access)
    assert nginx.get("/", headers=bearer(session)).status_code == 401
