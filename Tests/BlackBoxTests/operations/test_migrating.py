"""docs/migrating.md: its programs run as printed, and its tables leave out no option."""

import os
import re
import socket
import sqlite3
import subprocess
import sys
import time

import httpx
import pytest

from harness.accounts import BOB, Person
from harness.browser import SAME_ORIGIN, Browser
from harness.gateways import Gateway, program
from harness.process import ROOT
from harness.server import free_port

PAGE = (ROOT / "docs/migrating.md").read_text()
AMY = Person("amy", "a-quiet-harbour-4")
# The names in the documentation of each package.
OPTIONS = {
    "cookie-parser": "secret signedCookies j: JSONCookies decode cookies",
    "express-session: the cookie": "name domain path httpOnly secure 'auto' sameSite maxAge expires partitioned priority",
    "express-session: the session": (
        "secret store genid rolling resave saveUninitialized unset proxy regenerate destroy touch save reload "
        "session.id sessionID originalMaxAge"
    ),
    "connect-redis": (
        "client prefix ttl disableTTL disableTouch serializer scanCount get set destroy touch all ids length clear"
    ),
    "cookie-session": (
        "name domain path maxAge expires secure httpOnly sameSite partitioned priority keys secret signed overwrite "
        "isNew isChanged isPopulated sessionOptions"
    ),
    "csurf": "csrfToken cookie sessionKey ignoreMethods value EBADCSRFTOKEN",
}


def printed(name: str) -> str:
    """A program of the page."""
    return re.search(rf"```(?:js|python)\n((?://|#) {re.escape(name)}\n.*?)```", PAGE, re.S)[1]


class Running:
    """A program of the page in Node.js, at its port."""

    def __init__(self, base, name: str):
        self.port = free_port()
        (base / name).write_text(printed(name))
        environment = {"PATH": os.environ["PATH"], "NODE_PATH": "/usr/share/nodejs", "PORT": str(self.port)}
        self.process = subprocess.Popen(
            [program("node"), name], cwd=base, env=environment | {"SECRET": "for-this-test-only"}
        )
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 5).close()
                return
            except OSError:
                assert time.monotonic() < deadline and self.process.poll() is None
                time.sleep(0.05)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture
def start(tmp_path):
    started = []

    def run(name: str) -> Running:
        started.append(Running(tmp_path, name))
        return started[-1]

    yield run
    for running in started:
        running.close()


def test_the_program_before_runs(start):
    with httpx.Client(base_url=f"http://127.0.0.1:{start('before.js').port}") as http:
        assert http.get("/").status_code == 401
        assert http.post("/login", data={"username": "amy", "password": "x"}).status_code == 401
        assert http.post("/login", data={"username": "amy", "password": AMY.password}).status_code == 204
        for visit in (1, 2):
            assert http.get("/").text == f"Hello amy, this is visit {visit}."
        assert http.post("/logout").status_code == 204
        assert http.get("/").status_code == 401


def test_the_program_after_does_the_same_behind_the_gateway(start, fleet, make_server):
    settings = {"trusted_proxies": "127.0.0.1", "forwarded_field": "x-forwarded-for", "browser": "on"}
    server = make_server(alg="HS256", people=(AMY,), **settings).start()
    gateway = Gateway("nginx", fleet.base / "migrating", server.port, start("after.js").port)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{gateway.port}") as http:
            page = Browser(http)
            assert page.ask("GET", "/").status_code == 401
            assert page.sign_in("amy", "x").status_code == 401
            assert page.sign_in("amy", AMY.password).status_code == 200
            old = page.jar.field("/")
            server.remember(old["Cookie"])
            for visit in (1, 2):
                answer = page.ask("GET", "/", headers=SAME_ORIGIN | {"X-Auth-User": "bob", "X-Auth-Subject": "1"})
                assert answer.text == f"Hello amy, this is visit {visit}."
            assert page.ask("POST", "/logout").status_code == 204
            assert page.ask("GET", "/").status_code == 401
            # In the program before, a copied cookie would have been as good as the store made it.
            assert http.get("/", headers=SAME_ORIGIN | old).status_code == 401
    finally:
        gateway.close()


class Sweeper:
    """The program that deletes what ended sessions left, and the database of an application."""

    def __init__(self, base, server):
        self.base, self.server, self.path = base, server, base / "application.db"
        (base / "ended.py").write_text(printed("ended.py"))
        self.secret = server.add_client("reader", "--scope", "revocations:read")
        self.process = None

    def start(self) -> None:
        environment = {"AUTH_URL": self.server.url, "CREDENTIALS": f"reader:{self.secret}", "DATABASE": str(self.path)}
        self.process = subprocess.Popen([sys.executable, "ended.py"], cwd=self.base, env=environment)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def ask(self, statement: str, *values) -> list[tuple]:
        with sqlite3.connect(self.path, timeout=30) as database:
            return database.execute(statement, values).fetchall()

    def note(self, *sessions) -> None:
        for session in sessions:
            self.ask("INSERT INTO draft VALUES (?, ?, '{}')", session.sid, session.claims["sub"])

    @property
    def sids(self) -> set[str]:
        return {sid for (sid,) in self.ask("SELECT sid FROM draft")}

    def await_sids(self, *sessions, seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while self.sids != {session.sid for session in sessions}:
            assert time.monotonic() < deadline and self.process.poll() is None, self.sids
            time.sleep(0.05)

    def await_position(self, seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while True:
            try:
                if self.ask("SELECT position FROM feed"):
                    return
            except sqlite3.OperationalError:
                pass
            assert time.monotonic() < deadline and self.process.poll() is None
            time.sleep(0.05)


@pytest.fixture
def sweeper(tmp_path, make_server):
    server = make_server(alg="HS256").start()
    sweeper = Sweeper(tmp_path, server)
    sweeper.start()
    yield sweeper
    sweeper.kill()


def test_what_an_ended_session_left_in_the_database_is_deleted(sweeper):
    server = sweeper.server
    sweeper.await_position()
    amy, other, phone, bob = server.login(), server.login(), server.login(), server.login(BOB)
    sweeper.note(amy, other, phone, bob)
    assert server.http.post("/logout", headers={"Authorization": f"Bearer {amy.access}"}).status_code == 204
    sweeper.await_sids(other, phone, bob)
    # What ends while the program does not run is found when it does.
    sweeper.kill()
    scope = {"scope": "others"}
    answer = server.http.post("/logout", headers={"Authorization": f"Bearer {phone.access}"}, json=scope)
    assert answer.status_code == 204
    late = server.login()
    sweeper.note(late)
    sweeper.start()
    sweeper.await_sids(phone, bob, late)
    assert server.admin.post("/admin/revocations", json={"all": True}).status_code == 200
    sweeper.await_sids()


def test_what_is_older_than_any_session_is_deleted_too(sweeper):
    sweeper.await_position()
    session = sweeper.server.login()
    sweeper.note(session)
    days = int((time.time() - 91 * 86_400) * 1_000)
    old = f"{days:012x}"
    sid = f"{old[:8]}-{old[8:]}-7000-8000-000000000000"
    sweeper.ask("INSERT INTO draft VALUES (?, 'x', '{}')", sid)
    # The next answer of the feed, which comes at once for a record.
    token = sweeper.server.login()
    assert sweeper.server.revoke(token.access).status_code == 200
    sweeper.await_sids(session)


@pytest.mark.parametrize("heading", OPTIONS)
def test_each_option_has_its_row(heading):
    section = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", PAGE, re.S | re.M)[1]
    first = " ".join(re.findall(r"^\| (.*?) \|", section, re.M))
    named = " ".join(re.findall(r"`([^`]*)`", first))
    missing = [name for name in OPTIONS[heading].split() if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", named)]
    assert missing == []
