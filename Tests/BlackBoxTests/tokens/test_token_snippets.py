"""The snippets of docs/tokens.md, run as they stand there."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from jwt import PyJWK

from harness.server import free_port
from harness.tokens import b64url, compact

DOCUMENT = Path(__file__).parents[3] / "docs" / "tokens.md"
PROGRAMS = {"js": ["node", "verify.mjs"], "python": [sys.executable, "-"], "ruby": ["ruby", "-"], "perl": ["perl", "-"]}


def snippet(language: str) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT.read_text(), re.S | re.M)
    assert len(found) == 1, f"docs/tokens.md has {len(found)} snippets in {language}"
    return found[0]


class Checker:
    """One snippet as a program: what it prints, or nothing when it fails."""

    def __init__(self, language: str, directory: Path):
        self.command = PROGRAMS[language]
        if shutil.which(self.command[0]) is None:
            pytest.skip(f"there is no {self.command[0]} here")
        self.text = snippet(language)
        self.directory = directory
        if language == "js":
            # ES modules know no search path; Debian keeps its packages in one folder.
            if not Path("/usr/share/nodejs/jose").exists():
                pytest.skip("node-jose is not installed")
            (directory / "node_modules").symlink_to("/usr/share/nodejs")
            (directory / "verify.mjs").write_text(self.text)
            self.text = ""

    def subject(self, server, token: str, **changed: str) -> str | None:
        settings = {
            "TOKEN": token,
            "ALG": "RS256",
            "JWKS_URL": f"{server.url}/.well-known/jwks.json",
            "ISSUER": server.url,
            "AUDIENCE": "api",
        } | changed
        done = subprocess.run(
            self.command,
            cwd=self.directory,
            env={"PATH": os.environ["PATH"]} | settings,
            input=self.text.encode(),
            capture_output=True,
            timeout=30,
        )
        assert (done.returncode == 0) == bool(done.stdout.strip()), done.stderr.decode()
        return done.stdout.decode().strip() or None


@pytest.mark.parametrize("language", PROGRAMS)
def test_a_snippet_takes_a_good_token_and_refuses_what_its_list_names(server, language, tmp_path):
    """B1, B2, D9, E1, E5, E6, E7: the documented checks, in the words of four libraries."""
    check = Checker(language, tmp_path)
    session = server.login()
    forge = server.forge(session.access)
    assert check.subject(server, session.access) == session.claims["sub"]
    now = int(time.time())
    head, payload, tail = session.access.split(".")
    none = f"{b64url(compact({'alg': 'none', 'typ': 'at+jwt'}))}.{payload}."
    for name, token, changed in (
        ("another audience", session.access, {"AUDIENCE": "billing"}),
        ("another issuer", session.access, {"ISSUER": server.url + "/"}),
        ("another algorithm", session.access, {"ALG": "HS256"}),
        ("expired", forge.token(exp=now - 90, iat=now - 600), {}),
        ("another kind", forge.token({"typ": "JWT"}), {}),
        ("a refresh token", session.refresh, {}),
        ("no signature", none, {}),
        ("a changed signature", f"{head}.{payload}.{'A' if tail[0] != 'A' else 'B'}{tail[1:]}", {}),
    ):
        assert check.subject(server, token, **changed) is None, name


def run_until_open(command: list[str], port: int) -> subprocess.Popen:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(f"http://127.0.0.1:{port}/", timeout=1)
            return process
        except httpx.TransportError:
            time.sleep(0.02)
    process.kill()
    raise AssertionError(process.communicate()[0].decode())


def look(port: int, token: str | None) -> int:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.get(f"http://127.0.0.1:{port}/private/x", headers=headers, timeout=5).status_code


@pytest.mark.skipif(shutil.which("haproxy") is None, reason="there is no haproxy here")
def test_the_haproxy_snippet_checks_tokens_in_place(server, tmp_path):
    """B1, E1, E5, E6, E7: with the key as a file."""
    session = server.login()
    key = server.key_of(session.access)
    pem = PyJWK(key).key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (tmp_path / "KEY.pem").write_bytes(pem)
    port = free_port()
    text = snippet("haproxy").replace("HERE", f"127.0.0.1:{port}").replace("KEY.pem", f"{tmp_path}/KEY.pem")
    config = tmp_path / "haproxy.cfg"
    config.write_text(
        "defaults\n    mode http\n    timeout client 5s\n    timeout server 5s\n    timeout connect 5s\n"
        + text.replace("ISSUER", server.url)
        + "backend application\n    http-request return status 204\n"
    )
    process = run_until_open(["haproxy", "-db", "-f", str(config)], port)
    try:
        forge = server.forge(session.access)
        now = int(time.time())
        assert look(port, session.access) == 204
        for token in (
            None,
            "x",
            forge.token(exp=now - 5, iat=now - 600),
            forge.token(aud="billing"),
            forge.token(iss=server.url + "/"),
            forge.token({"typ": "JWT"}),
            session.refresh,
            session.access[:-8] + "AAAAAAAA",
        ):
            assert look(port, token) == 401
    finally:
        process.kill()
        process.wait()


@pytest.mark.skipif(shutil.which("nginx") is None, reason="there is no nginx here")
def test_the_nginx_snippet_asks_for_every_request(server, tmp_path):
    """E9, J6: a revoked token is refused by the next request."""
    session = server.login()
    port, application = free_port(), free_port()
    locations = snippet("nginx").replace("MARTLET", f"127.0.0.1:{server.port}")
    config = tmp_path / "nginx.conf"
    config.write_text(
        f"daemon off; master_process off; pid {tmp_path}/pid; error_log {tmp_path}/error.log; worker_processes 1;\n"
        "events { worker_connections 64; }\n"
        f"http {{ access_log off; client_body_temp_path {tmp_path}/b; proxy_temp_path {tmp_path}/p;\n"
        f"fastcgi_temp_path {tmp_path}/f; uwsgi_temp_path {tmp_path}/u; scgi_temp_path {tmp_path}/s;\n"
        f"server {{ listen 127.0.0.1:{application}; return 204; }}\n"
        f"server {{ listen 127.0.0.1:{port};\n{locations.replace('APPLICATION', f'127.0.0.1:{application}')} }} }}\n"
    )
    process = run_until_open(["nginx", "-p", str(tmp_path), "-c", str(config)], port)
    try:
        assert look(port, None) == 401
        assert look(port, session.access) == 204
        assert look(port, session.refresh) == 401
        assert server.revoke(session.access).status_code == 200
        assert look(port, session.access) == 401
    finally:
        process.kill()
        process.wait()
