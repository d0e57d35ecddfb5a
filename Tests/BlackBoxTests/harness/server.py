"""A server with a directory of its own, and the calls that most tests make."""

import itertools
import os
import random
import re
import shutil
import socket
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from .accounts import AMY, PEOPLE, Person, write_users
from .observed import note
from .process import Run, StartFailed, command
from .tokens import Forge, Keys, claims_of, header_of
from .wire import Wire

AUDIENCES = "api,billing,partner"
LONG_ENOUGH_TO_BE_SECRET = 8

# Of several processes that run tests at once, this one's number.
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
WORKER_COUNT = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))


# Below those that the kernel gives away by itself, so that no other program takes one that is promised.
PORTS = range(12_000, 32_000)
_turns = itertools.count(random.randrange(len(PORTS)))


def free_port(family=socket.AF_INET) -> int:
    """A port that nobody listens on; none comes twice in a run before all had their turn."""
    while True:
        port = PORTS[(next(_turns) * WORKER_COUNT + WORKER) % len(PORTS)]
        with socket.socket(family) as probe:
            try:
                probe.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", port))
            except OSError:
                continue
        return port


@dataclass
class Session:
    """What one login or refresh answered."""

    body: dict

    @property
    def access(self) -> str:
        return self.body["access_token"]

    @property
    def refresh(self) -> str:
        return self.body["refresh_token"]

    @property
    def sid(self) -> str:
        return self.body["session_id"]

    @property
    def claims(self) -> dict:
        return claims_of(self.access)


class Server:
    """The service on free loopback ports. Settings are given by their short names: `refresh_grace="1s"`."""

    # A copy of the keys that the first server of each algorithm made, for those after it: making RSA keys takes a while.
    keys_made: dict[str, Path] = {}

    def __init__(self, directory: Path, people=PEOPLE, **settings):
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.people = people
        self.port, self.operator_port = free_port(), free_port()
        self.settings = {
            "listen": f"127.0.0.1:{self.port}",
            "operator_listen": f"127.0.0.1:{self.operator_port},unix:{directory}/operator.sock",
            "issuer": f"http://127.0.0.1:{self.port}",
            "audience": AUDIENCES,
            "hs256_audiences": "partner",
            "claims": "department",
            "login_account_failures": 0,
            "login_source_failures": 0,
            "log_level": "debug",
        } | settings
        # What stands in front of the command, as `env LD_PRELOAD=…`.
        self.prefix: tuple[str, ...] = ()
        self.secrets = {person.password for person in people}
        self.runs: list[Run] = []
        self.checked = 0
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = self.client()
        self.operator = self.client(f"http://127.0.0.1:{self.operator_port}", "operator")
        self.admin = self.client("http://operator", "operator", uds=f"{directory}/operator.sock")
        if people:
            write_users(self.users_path, people)

    users_path = property(lambda self: self.directory / "users.json")
    clients_path = property(lambda self: self.directory / "clients.json")
    keys_path = property(lambda self: self.directory / "keys")
    state_path = property(lambda self: self.directory / "var")
    address = property(lambda self: ("127.0.0.1", self.port))
    run = property(lambda self: self.runs[-1])
    pid = property(lambda self: self.run.pid)
    keys = property(lambda self: Keys(self.keys_path))

    def client(
        self, url: str | None = None, listener: str = "service", uds: str | None = None, **options
    ) -> httpx.Client:
        """A client whose answers are recorded and whose tokens must not turn up in the log."""

        def hook(response: httpx.Response) -> None:
            request = response.request
            response.read()
            target = request.url.raw_path.decode("latin-1")
            note(listener, request.method, target, response.status_code, dict(response.headers), response.content)
            self._remember(request, response)

        transport = httpx.HTTPTransport(uds=uds, limits=httpx.Limits(max_connections=None))
        return httpx.Client(
            base_url=url or self.url, transport=transport, timeout=20, event_hooks={"response": [hook]}, **options
        )

    def _remember(self, request: httpx.Request, response: httpx.Response) -> None:
        authorization = request.headers.get("authorization", "")
        if authorization.lower().startswith("bearer "):
            self.remember(authorization[7:].strip())
        for line in response.headers.get_list("set-cookie"):
            self.remember(line.partition("=")[2].partition(";")[0])
        if response.content and response.headers.get("content-type") == "application/json":
            body = response.json()
            if isinstance(body, dict):
                for name in ("access_token", "refresh_token", "device_token"):
                    self.remember(body.get(name, ""))

    def remember(self, secret: str) -> None:
        """From now on the log must not hold `secret`; of a token, not even its claims or its signature."""
        parts = secret.split(".") if secret.count(".") == 2 else [secret]
        self.secrets.update(part for part in parts[-2:] if len(part) >= LONG_ENOUGH_TO_BE_SECRET)

    def start(self, preexec=None, arguments: tuple[str, ...] = ()) -> "Server":
        """Starts and returns once every address is bound."""
        alg = self.settings.get("alg", "RS256")
        made = Server.keys_made.get(alg)
        # The copy goes with the folder of its server.
        is_kept = made is not None and made.exists()
        if is_kept and not self.keys_path.exists():
            shutil.copytree(made, self.keys_path)
        self.run_once(preexec, arguments)
        if not is_kept:
            Server.keys_made[alg] = Path(shutil.copytree(self.keys_path, self.directory.parent / f"keys-{alg}"))
        return self

    def run_once(self, preexec=None, arguments: tuple[str, ...] = (), attempts: int = 3) -> None:
        self.runs.append(Run(["serve", *arguments], self.directory, self.settings, preexec, self.prefix))
        addresses = f"{self.settings['listen']},{self.settings['operator_listen']}"
        try:
            self.run.await_listening(addresses.count(",") + 1)
        except StartFailed as failure:
            # Now and then libfaketime finds its semaphore gone and ends the process before the service begins.
            if attempts == 1 or "libfaketime: In ft_shm_init(), sem_open failed" not in failure.text:
                raise
            self.runs.pop()
            self.run_once(preexec, arguments, attempts - 1)

    def fail_to_start(self) -> StartFailed:
        """Starts what must not start."""
        try:
            self.run_once()
        except StartFailed as failure:
            self.runs.pop()
            return failure
        self.stop()
        raise AssertionError("the service started")

    def stop(self) -> int:
        return self.run.stop()

    def kill(self) -> None:
        """SIGKILL: the process gets no chance to write anything more."""
        self.run.kill()

    def restart(self) -> "Server":
        """`kill -9` and a new process on the same directory."""
        self.kill()
        self.run_once()
        return self

    def close(self) -> None:
        for client in (self.http, self.operator, self.admin):
            client.close()
        if self.runs and self.run.is_running:
            self.run.kill()

    @property
    def log(self) -> str:
        return "".join(run.text for run in self.runs)

    def events(self, name: str | None = None) -> list[dict]:
        return [event for run in self.runs for event in run.events(name)]

    def leaks(self) -> list[str]:
        """The secrets that turned up in the log since the last call."""
        text = self.log
        fresh, self.checked = text[max(0, self.checked - 4096) :], len(text)
        return [secret for secret in self.secrets if secret in fresh]

    def cli(self, *arguments: str, stdin: bytes | str = b""):
        """A command with this server's files."""
        settings = {
            "users": self.users_path,
            "clients": self.clients_path,
            "state": self.state_path,
            "keys": self.keys_path,
            "operator_listen": self.settings["operator_listen"],
        }
        return command(*arguments, cwd=self.directory, stdin=stdin, **settings)

    def add_client(self, name: str, *options: str) -> str:
        """Adds a client before the start and returns its secret."""
        done = self.cli("client", "add", name, *options)
        assert done.returncode == 0, done.stderr
        secret = next(line for line in done.stdout.splitlines() if re.fullmatch(r"[A-Za-z0-9_-]{40,}", line.strip()))
        self.remember(secret)
        return secret

    def login(self, who: Person = AMY, **members) -> Session:
        """A good login as the first party."""
        answer = self.try_login(who.name, who.password, **members)
        assert answer.status_code == 200, answer.text
        return Session(answer.json())

    def try_login(self, username, password, **members) -> httpx.Response:
        return self.http.post("/login", json={"username": username, "password": password, **members})

    def refresh(self, token: str, **members) -> httpx.Response:
        return self.http.post("/refresh", json={"refresh_token": token, **members})

    def verify(self, token: str, **members) -> httpx.Response:
        return self.http.post("/verify", json={"token": token, **members})

    def refusal(self, token: str, **members) -> str:
        """The code with which /verify refuses a token, or an empty string when it holds."""
        answer = self.verify(token, **members)
        return "" if answer.status_code == 200 else answer.json()["code"]

    def revoke(self, token: str, **members) -> httpx.Response:
        return self.http.post("/revoke", data={"token": token, **members})

    def cut(self, **members) -> httpx.Response:
        """POST /admin/revocations over the operator's Unix socket."""
        return self.admin.post("/admin/revocations", json=members)

    def key_of(self, token: str) -> dict:
        """The private key that signed `token`."""
        kid = header_of(token)["kid"]
        return next(key for key in self.keys.jwks if key["kid"] == kid)

    def forge(self, token: str) -> Forge:
        return Forge(token, self.key_of(token))

    def wire(self, **options) -> Wire:
        return Wire(self.address, **options)

    def metric(self, name: str) -> int:
        """A metric of the operator's listener; `name` includes its labels."""
        text = self.operator.get("/metrics").text
        return int(float(re.search(rf"^{re.escape(name)} (\S+)$", text, re.M)[1]))

    def connections_counted(self, kind: str) -> int:
        return self.metric(f'martlet_connections_total{{kind="{kind}"}}')

    def _end(self) -> str:
        """What a service that is no more said last: a sanitizer's report, for one, ends it without a word to the test."""
        if not self.runs or self.run.is_running:
            return ""
        return f"; the service ended with {self.run.process.returncode}:\n{self.run.text[-16_000:]}"

    def wait_for(self, condition, seconds: float = 5, what: str = "the condition"):
        """Polls until `condition()` is true and returns what it answered."""
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, f"{what} did not come true within {seconds} s{self._end()}"
            time.sleep(0.02)
        return found
