"""examples/: each is run as it is there, against the service."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
import yaml

from harness.accounts import AMY, BOB
from harness.foreign import Foreign
from harness.process import BINARY, ROOT
from harness.server import free_port
from harness.web import Page, Web

EXAMPLES = ROOT / "examples"
NODE_MODULES = Path("/usr/share/nodejs")


@pytest.fixture(scope="module")
def martlet(fleet):
    """Martlet with a client for the web applications, and behind the proxy of the static page."""
    server = fleet.make(trusted_proxies="127.0.0.1", forwarded_field="x-forwarded-for")
    server.secret = server.add_client("web")
    server.start()
    yield server
    fleet.close(server)


def environment(martlet, **more) -> dict[str, str]:
    known = {"AUTH_URL": martlet.url, "ISSUER": martlet.url, "AUDIENCE": "api", "PYTHONDONTWRITEBYTECODE": "1"}
    return {"PATH": os.environ["PATH"]} | known | more


@contextmanager
def running(command: list, port: int, folder: Path, variables: dict):
    """A program, once something listens on its port."""
    with (folder / "output").open("w") as output:
        process = subprocess.Popen(
            [str(word) for word in command], cwd=folder, env=variables, stdout=output, stderr=output
        )
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/", timeout=5)
                break
            except httpx.TransportError:
                assert process.poll() is None and time.monotonic() < deadline, (folder / "output").read_text()
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def express(folder: Path, variables: dict):
    """examples/express as a running program; its address."""
    is_there = all((NODE_MODULES / name).exists() for name in ("express", "cookie-parser", "jose"))
    if not is_there or not shutil.which("node"):
        pytest.skip("node-express, node-cookie-parser and node-jose are not here")
    port = free_port()
    for file in (EXAMPLES / "express").iterdir():
        shutil.copy(file, folder)
    # Debian keeps its packages in one folder: ES modules know no search path, and Debian's Node alone searches it.
    (folder / "node_modules").symlink_to(NODE_MODULES)
    return running(["node", "app.js"], port, folder, variables | {"PORT": str(port), "NODE_PATH": str(NODE_MODULES)})


def flask(folder: Path, variables: dict):
    port = free_port()
    command = [sys.executable, "-m", "flask", "--app", EXAMPLES / "flask/app.py", "run", "--port", port]
    return running(command, port, folder, variables)


def fastapi(folder: Path, variables: dict):
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "--app-dir", EXAMPLES / "fastapi", "--port", port, "app:app"]
    return running(command, port, folder, variables)


def session_grant(name: str):
    """Starts one of the two programs of examples/session-grant."""

    def start(folder: Path, variables: dict):
        port = free_port()
        if name == "app.py":
            command = [sys.executable, "-m", "uvicorn", "--app-dir", EXAMPLES / "session-grant", "--port", port]
            return running([*command, "app:app"], port, folder, variables)
        if not (NODE_MODULES / "express").exists() or not shutil.which("node"):
            pytest.skip("node-express is not here")
        for file in ("app.js", "package.json"):
            shutil.copy(EXAMPLES / "session-grant" / file, folder)
        (folder / "node_modules").symlink_to(NODE_MODULES)
        more = {"PORT": str(port), "NODE_PATH": str(NODE_MODULES)}
        return running(["node", "app.js"], port, folder, variables | more)

    return start


PROGRAMS = {"express": express, "flask": flask, "fastapi": fastapi}


@pytest.fixture(scope="module")
def programs(martlet, tmp_path_factory):
    """The address of an example, which is started when a test first asks for it."""
    started: dict[str, str] = {}
    with ExitStack() as stack:

        def address(name: str) -> str:
            if name not in started:
                variables = environment(martlet, CLIENT_ID="web", CLIENT_SECRET=martlet.secret)
                started[name] = stack.enter_context(PROGRAMS[name](tmp_path_factory.mktemp(name), variables))
            return started[name]

        yield address


@pytest.fixture(params=["express", "flask"])
def application(request, programs) -> str:
    return programs(request.param)


PASSWORD = {"username": AMY.name, "password": AMY.password}


@contextmanager
def logged_in(url: str):
    with httpx.Client(base_url=url, timeout=20) as browser:
        assert browser.post("/login", data=PASSWORD).status_code == 204
        yield browser


def test_a_web_application_logs_in_and_out(application, martlet):
    with httpx.Client(base_url=application, timeout=20) as browser:
        assert browser.get("/me").status_code == 401
        wrong = browser.post("/login", data=PASSWORD | {"password": "wrong"})
        assert wrong.status_code == 401 and "wrong" in wrong.json()["error"]
        answer = browser.post("/login", data=PASSWORD)
        assert answer.status_code == 204
        for cookie in answer.headers.get_list("set-cookie"):
            assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
        me = browser.get("/me")
        assert me.status_code == 200 and me.json()["user"] == AMY.id
        refresh = browser.cookies["refresh"]
        assert browser.post("/logout").status_code == 204
        assert not browser.cookies
        assert browser.get("/me").status_code == 401
        martlet.remember(refresh)
    assert martlet.refresh(refresh, client_id="web", client_secret=martlet.secret).status_code == 401


def test_a_web_application_refreshes_a_session_without_an_access_token(application):
    with logged_in(application) as browser:
        first = browser.cookies["refresh"]
        browser.cookies.delete("access")
        assert browser.get("/me").json()["user"] == AMY.id
        assert browser.cookies["refresh"] != first and browser.cookies["access"]


def test_a_web_application_forgets_a_session_that_was_ended_elsewhere(application):
    with logged_in(application) as here, logged_in(application) as there:
        assert there.post("/logout", data={"everywhere": "1"}).status_code == 204
        # The access token is gone, as when it expires; the refresh token is of an ended session.
        here.cookies.delete("access")
        assert here.get("/me").status_code == 401
        assert not here.cookies


def test_a_web_application_rejects_forged_tokens_and_other_sites(application, martlet):
    forge = martlet.forge(martlet.login().access)
    with httpx.Client(base_url=application, timeout=20) as browser:
        expired = forge.token(exp=int(time.time()) - 60)
        for token in ("x", forge.token(aud="billing"), forge.token({"typ": "JWT"}), expired):
            browser.cookies.set("access", token)
            assert browser.get("/me").status_code == 401
        browser.cookies.clear()
        answer = browser.post("/login", data=PASSWORD, headers={"Origin": "https://evil.example"})
        assert answer.status_code == 403 and not browser.cookies
        assert browser.post("/login", data=PASSWORD, headers={"Origin": application}).status_code == 204


def test_flask_asks_about_every_request(programs, martlet):
    """A revoked access token counts immediately; its session goes on with the refresh token."""
    with logged_in(programs("flask")) as browser:
        revoked = browser.cookies["access"]
        answer = martlet.http.post("/revoke", data={"token": revoked}, auth=("web", martlet.secret))
        assert answer.status_code == 200
        assert browser.get("/me").status_code == 200
        assert browser.cookies["access"] != revoked


@pytest.mark.parametrize("name", PROGRAMS)
def test_an_example_keeps_the_session_while_martlet_is_not_there(name, martlet, tmp_path):
    nowhere = environment(martlet, CLIENT_ID="web", CLIENT_SECRET="x", AUTH_URL="http://127.0.0.1:9")
    nowhere |= {"NODE_ENV": "production", "SECURE_COOKIES": "1"}
    token = martlet.login().access
    with PROGRAMS[name](tmp_path, nowhere) as url, httpx.Client(base_url=url, timeout=20) as browser:
        if name == "fastapi":
            assert browser.get("/notes", headers=bearer(token)).status_code == 503
            return
        browser.cookies.set("access", token)
        browser.cookies.set("refresh", "kept")
        assert browser.get("/me").status_code == 503
        browser.cookies.delete("access")
        assert browser.get("/me").status_code == 503
        assert browser.post("/logout").status_code == 503
        assert browser.cookies["refresh"] == "kept"
        browser.cookies.clear()
        forgotten = browser.post("/logout").headers.get_list("set-cookie")
        assert len(forgotten) == 2 and all("; Secure" in cookie for cookie in forgotten)


def bearer(token: str) -> dict:
    return {"Authorization": f"Bearer {token}"}


def test_fastapi_verifies_tokens_and_asks_before_it_deletes(programs, martlet):
    session, reader = martlet.login(), martlet.login(BOB)
    forge = martlet.forge(session.access)
    with httpx.Client(base_url=programs("fastapi"), timeout=20) as api:
        anonymous = api.get("/notes")
        assert (anonymous.status_code, anonymous.headers["www-authenticate"]) == (401, "Bearer")
        assert api.get("/notes", headers=bearer(session.access)).json()["owner"] == session.claims["sub"]
        for token in ("x", session.refresh, forge.token(aud="billing"), forge.token({"typ": "JWT"}),
                      forge.token(exp=int(time.time()) - 60)):  # fmt: skip
            rejected = api.get("/notes", headers=bearer(token))
            assert (rejected.status_code, rejected.headers["www-authenticate"]) == (401, 'Bearer error="invalid_token"')
        assert api.delete("/notes", headers=bearer(reader.access)).status_code == 403
        assert api.delete("/notes", headers=bearer(session.access)).status_code == 204
        assert martlet.revoke(session.access).status_code == 200
        # The keys alone say nothing of the revocation, and Martlet does.
        assert api.get("/notes", headers=bearer(session.access)).status_code == 200
        assert api.delete("/notes", headers=bearer(session.access)).status_code == 401


def test_the_client_of_the_api_logs_in_refreshes_and_logs_out(programs, martlet, monkeypatch):
    fastapi = programs("fastapi")
    monkeypatch.syspath_prepend(EXAMPLES / "fastapi")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    import client

    session = client.Session(martlet.url, AMY.name, AMY.password)
    first = session.tokens["refresh_token"]
    session.tokens["access_token"] = "expired"
    with httpx.Client(base_url=fastapi, auth=session, timeout=20) as api:
        assert api.get("/notes").json()["owner"] == AMY.id
    assert session.tokens["refresh_token"] != first
    session.log_out()
    assert martlet.refresh(session.tokens["refresh_token"]).status_code == 401
    variables = environment(martlet, API_URL=fastapi, NAME=AMY.name, PASSWORD=AMY.password)
    command = [sys.executable, "-B", EXAMPLES / "fastapi/client.py"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout.strip()) == (0, AMY.id), done.stderr


# The static page behind nginx.

PAGE = """
import {{ Session }} from {module};
const kept = new Map();
const storage = {{
  getItem: (name) => kept.get(name) ?? null,
  setItem: (name, value) => kept.set(name, value),
  removeItem: (name) => kept.delete(name),
}};
const say = (...words) => console.log(JSON.stringify(words));
const session = new Session({base}, storage);
say('anonymous', (await session.fetch('/api/me')).status);
await session.logIn({name}, 'wrong').catch((error) => say('rejected', error.message));
await session.logIn({name}, {password});
const forged = {{ headers: {{ 'X-Auth-User': 'root' }} }};
say('in', session.isLoggedIn, await (await session.fetch('/api/me', forged)).text());
// As after a reload: the storage is left. Two requests at once share one refresh.
const before = kept.get('refresh_token');
const again = new Session({base}, storage);
const answers = await Promise.all([again.fetch('/api/me'), again.fetch('/api/me')]);
say('reloaded', answers.map((answer) => answer.status), kept.get('refresh_token') !== before);
// The first page has an access token of the session still, so its session ends with the other's.
const last = kept.get('refresh_token');
await again.logOut();
say('out', again.isLoggedIn, (await again.fetch('/api/me')).status, (await session.fetch('/api/me')).status);
kept.set('refresh_token', last);
say('ended', (await again.fetch('/api/me')).status, again.isLoggedIn);
"""


class Backend(BaseHTTPRequestHandler):
    """The API behind the proxy: it answers the user's name, and what else of the identity it was sent."""

    def do_GET(self):
        content = f"{self.headers['X-Auth-User']} {self.headers['Authorization']}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def page(martlet, tmp_path):
    if shutil.which("nginx") is None:
        pytest.skip("nginx is not here")
    backend = ThreadingHTTPServer(("127.0.0.1", 0), Backend)
    threading.Thread(target=backend.serve_forever, args=(0.02,), daemon=True).start()
    port = free_port()
    text = (EXAMPLES / "spa/nginx.conf").read_text()
    for old, new in (
        ("listen 8000;", f"listen 127.0.0.1:{port};"),
        ("root /srv/site;", f"root {EXAMPLES}/spa/site;"),
        ("127.0.0.1:8080", f"127.0.0.1:{martlet.port}"),
        ("127.0.0.1:9000", f"127.0.0.1:{backend.server_port}"),
    ):
        assert old in text
        text = text.replace(old, new)
    folders = "".join(
        f"{name}_temp_path {tmp_path}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (tmp_path / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {tmp_path}/pid; error_log {tmp_path}/error.log;\n"
        "events { worker_connections 64; }\n"
        f"http {{ access_log off; types {{ text/html html; text/javascript js; }}\n{folders}{text}}}\n"
    )
    command = ["nginx", "-p", tmp_path, "-c", tmp_path / "nginx.conf"]
    with running(command, port, tmp_path, {"PATH": os.environ["PATH"]}) as url:
        yield url
    backend.shutdown()
    backend.server_close()


def test_the_static_page_is_served_with_its_scripts(page):
    html = httpx.get(page + "/")
    assert html.status_code == 200 and "default-src 'self'" in html.headers["content-security-policy"]
    assert html.text == (EXAMPLES / "spa/site/index.html").read_text()
    for script in ("page.js", "session.js"):
        answer = httpx.get(f"{page}/{script}")
        assert answer.headers["content-type"].startswith("text/javascript")
        for name in re.findall(r"querySelector\('#([\w-]+)'\)|'#([\w-]+)'", answer.text):
            assert f'id="{"".join(name)}"' in html.text
    # Martlet's other paths are not reachable from outside: the page is what comes instead.
    assert httpx.get(f"{page}/verify").text == html.text and httpx.get(f"{page}/_auth").status_code == 404


def test_the_static_page_logs_in_refreshes_and_logs_out(page, tmp_path):
    if shutil.which("node") is None:
        pytest.skip("node is not here")
    shutil.copy(EXAMPLES / "spa/site/session.js", tmp_path / "session.mjs")
    values = {"module": f"{tmp_path}/session.mjs", "base": page, "name": AMY.name, "password": AMY.password}
    script = PAGE.format(**{name: json.dumps(value) for name, value in values.items()})
    (tmp_path / "run.mjs").write_text(script)
    done = subprocess.run(["node", tmp_path / "run.mjs"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        ["anonymous", 401],
        ["rejected", httpx.post(f"{page}/login", data=PASSWORD | {"password": "x"}).json()["title"]],
        ["in", True, f"{AMY.name} None"],
        ["reloaded", [200, 200], True],
        ["out", False, 401, 401],
        ["ended", 401, False],
    ]
    # The page itself: a parser finds mistakes in what no browser runs here.
    shutil.copy(EXAMPLES / "spa/site/page.js", tmp_path / "page.mjs")
    checked = subprocess.run(["node", "--check", tmp_path / "page.mjs"], capture_output=True, text=True, timeout=30)
    assert checked.returncode == 0, checked.stderr


# GitHub Actions: the workflow's scripts and the server's, against an issuer of the same shape.


@pytest.fixture
def github(tmp_path):
    web = Web()
    issuer = Foreign(web.url, ("RS256",))
    web.pages["/.well-known/openid-configuration"] = Page(
        json.dumps({"issuer": web.url, "jwks_uri": f"{web.url}/keys"}).encode()
    )
    web.pages["/keys"] = Page(issuer.jwks)
    issuer.web = web
    yield issuer
    web.close()


def receive(place: Path, issuer: str, token: str) -> subprocess.CompletedProcess:
    binaries = place / "bin"
    binaries.mkdir(exist_ok=True)
    if not (binaries / "martlet").exists():
        (binaries / "martlet").symlink_to(BINARY)
    variables = {"PATH": f"{binaries}:{os.environ['PATH']}", "HOME": str(place), "ISSUER": issuer, "TOKEN": token,
                 "REPOSITORY": "octo-org/octo-repo"}  # fmt: skip
    options = {"input": "release", "capture_output": True, "text": True, "timeout": 30}
    return subprocess.run([EXAMPLES / "github-actions/receive.sh"], cwd=place, env=variables, **options)


def test_the_workflow_sends_a_token_and_the_release(github, tmp_path):
    document = yaml.safe_load((EXAMPLES / "github-actions/deploy.yml").read_text())
    assert document["permissions"] == {"contents": "read", "id-token": "write"}
    job = document["jobs"]["deploy"]
    *_, deploy = job["steps"]
    token = github.github(aud="deploy")
    answer = json.dumps({"count": 1, "value": token})
    github.web.pages["/token?a=b&audience=deploy"] = Page(answer.encode())
    github.web.pages["/releases"] = Page(b"received")
    (tmp_path / "release.tar.gz").write_bytes(b"release")
    variables = {"PATH": os.environ["PATH"], "RUNNER_TEMP": str(tmp_path), "DEPLOY_URL": f"{github.web.url}/releases",
                 "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "x",
                 "ACTIONS_ID_TOKEN_REQUEST_URL": f"{github.web.url}/token?a=b"}  # fmt: skip
    assert variables.keys() >= job["env"].keys()
    done = subprocess.run(["bash", "-c", deploy["run"]], env=variables, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    # The runner hides the token in its log from this line on.
    assert done.stdout.splitlines()[0] == f"::add-mask::{token}"
    method, path, fields, content = github.web.asked[-1]
    assert (method, path, content) == ("POST", "/releases", b"release")
    assert fields["authorization"] == f"Bearer {token}"


def test_the_server_accepts_releases_of_its_repository_and_branch_only(github, tmp_path):
    done = receive(tmp_path, github.issuer, github.github(aud="deploy"))
    assert done.returncode == 0, done.stderr
    name = done.stdout.splitlines()[-1]
    assert (tmp_path / name).read_text() == "release"
    for changes in ({"repository": "evil/repo"}, {"ref": "refs/heads/other"}, {"exp": int(time.time()) - 5}):
        claims = dict(iss=github.issuer, sub="s", aud="deploy", repository="octo-org/octo-repo", ref="refs/heads/main")
        now = int(time.time())
        token = github.keys[0].sign(claims | {"iat": now, "nbf": now, "exp": now + 300} | changes, typ="JWT")
        rejected = receive(tmp_path, github.issuer, token)
        assert rejected.returncode == 1 and "rejected" in rejected.stderr
    assert receive(tmp_path, github.issuer, github.github(aud="other")).returncode == 1
    unreachable = receive(tmp_path, "http://127.0.0.1:9", github.github(aud="deploy"))
    assert unreachable.returncode == 75
    assert len(list((tmp_path / "releases").iterdir())) == 1


@pytest.mark.parametrize("name", ["app.js", "app.py"])
def test_a_client_opens_sessions_for_its_own_users(fleet, tmp_path, name):
    martlet = fleet.make()
    secret = martlet.add_client("portal", "--grant", "urn:martlet:grant-type:session", "--users", "any")
    martlet.start()
    variables = environment(martlet, CLIENT_ID="portal", CLIENT_SECRET=secret)
    with session_grant(name)(tmp_path, variables) as url, httpx.Client(base_url=url, timeout=20) as browser:
        for address in ("ana@example.com", "eve@example.com"):
            assert browser.post(f"/links/{address}").status_code == 204
        mails = martlet.wait_for(lambda: re.findall(r"^mail: (/sessions/\S+)$", (tmp_path / "output").read_text(), re.M))
        assert len(mails) == 1
        answer = browser.post(mails[0])
        assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store"
        tokens = answer.json()
        martlet.remember(tokens["access_token"])
        claims = martlet.verify(tokens["access_token"]).json()["claims"]
        assert (claims["sub"], claims["amr"]) == ("external:portal:42", ["otp"])
        for spent in (mails[0], "/sessions/guess"):
            assert browser.post(spent).status_code == 401
        assert browser.post("/links/ana@example.com").status_code == 204
        path = tmp_path / "output"
        mails = martlet.wait_for(lambda: re.findall(r"^mail: (\S+)$", path.read_text(), re.M)[1:])
        martlet.stop()
        assert browser.post(mails[0]).status_code == 503
    fleet.close(martlet)


def test_every_example_has_a_line_in_the_list_and_a_test():
    listed = set(re.findall(r"^\| \[[^]]+\]\((\w[\w-]*)\)", (EXAMPLES / "README.md").read_text(), re.M))
    assert listed == {path.name for path in EXAMPLES.iterdir() if path.is_dir()}
    text = Path(__file__).read_text() + Path(__file__).with_name("test_demo.py").read_text()
    assert all(f'EXAMPLES / "{name}' in text for name in listed)


def test_python_packages_of_the_examples_are_pinned_for_the_tests():
    pins = (ROOT / "Tests/BlackBoxTests/requirements.txt").read_text().lower()
    for file in EXAMPLES.glob("*/requirements.txt"):
        assert all(f"\n{line.lower()}==" in pins for line in file.read_text().split()), file
