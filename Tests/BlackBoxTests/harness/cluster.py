"""Several nodes over one engine: the same keys, users and clients, a directory of its own each for the copy."""

import re
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

from .accounts import PEOPLE
from .clocks import NodeClock
from .engine_process import wait_until
from .server import Server


class Node(Server):
    """One of them. `store` is the address of the engine as this node sees it."""

    def __init__(self, directory: Path, shared: Path, people, host: str = "127.0.0.1", **settings):
        self.shared = shared
        shared.mkdir(parents=True, exist_ok=True)
        files = {"keys": shared / "keys", "users": shared / "users.json", "clients": shared / "clients.json"}
        super().__init__(directory, people, **(files | settings))
        if host != "127.0.0.1":
            self._move(host)

    keys_path = property(lambda self: self.shared / "keys")
    users_path = property(lambda self: self.shared / "users.json")
    clients_path = property(lambda self: self.shared / "clients.json")
    address = property(lambda self: (self.host, self.port))
    host = "127.0.0.1"

    def _move(self, host: str) -> None:
        """Listens on another address, that of a namespace, and is asked there."""
        self.host = host
        for name in ("listen", "operator_listen"):
            self.settings[name] = self.settings[name].replace("127.0.0.1", host)
        self.url = f"http://{host}:{self.port}"
        for client in (self.http, self.operator):
            client.close()
        self.http = self.client()
        self.operator = self.client(f"http://{host}:{self.operator_port}", "operator")

    @property
    def reasons(self) -> list[str]:
        """Why /readyz says that it is not ready; nothing if it is."""
        answer = self.operator.get("/readyz")
        return [] if answer.status_code == 200 else answer.json()["reasons"]

    @property
    def is_ready(self) -> bool:
        return self.operator.get("/readyz").status_code == 200

    def await_ready(self, seconds: float = 10) -> float:
        """Seconds until it is ready."""
        began = time.monotonic()
        wait_until(lambda: self.is_ready, seconds, f"readiness of {self.settings['node']}: {self.last_words()}")
        return time.monotonic() - began

    def last_words(self) -> str:
        return self.run.text[-1_500:] if self.runs else ""

    def figure(self, name: str) -> float:
        """A metric; `name` includes its labels."""
        text = self.operator.get("/metrics").text
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.M)
        assert found, f"no metric {name}"
        return float(found[1])

    def cli(self, *arguments: str, stdin: bytes | str = b"", **more):
        """A command with this node's files and its engine."""
        from .process import command

        names = ("store", "store_password_file", "store_ca", "store_prefix", "store_timeout", "store_replicas",
                 "store_durability", "node", "operator_listen", "keys", "users", "clients")  # fmt: skip
        settings = {name: self.settings[name] for name in names if name in self.settings} | {"state": self.state_path}
        return command(*arguments, cwd=self.directory, stdin=stdin, **(settings | more))


class Cluster:
    """`count` nodes over the engine at `store`, an address or a function of the node's index that returns one.

    `clocks`: how many seconds the clock of each node is off. `machines`: namespaces that the nodes run in.
    """

    def __init__(
        self, base: Path, store: str | Callable[[int], str], count: int = 3, people=PEOPLE, clocks=(), machines=(), **settings
    ):
        self.base = base
        base.mkdir(parents=True, exist_ok=True)
        self.nodes: list[Node] = []
        self.clocks: list[NodeClock] = []
        times = {"alg": "HS256", "access_ttl": "1h", "refresh_grace": "60s", "log_level": "info", "threads": 2,
                 "hash_workers": 1}  # fmt: skip
        for index in range(count):
            own = {
                "store": store(index) if callable(store) else store,
                "node": f"node{index + 1}",
                "issuer": "https://martlet.test",
                "key_rotation": "0s",
            }
            host = machines[index].host if machines else "127.0.0.1"
            node = Node(base / f"node{index + 1}", base / "shared", people if index == 0 else (), host,
                        **(times | own | settings))  # fmt: skip
            node.people, node.secrets = people, {person.password for person in people}
            if machines:
                node.prefix = machines[index].prefix
            if clocks:
                self.clocks.append(NodeClock(node.directory, clocks[index]))
                node.prefix = (*node.prefix, *self.clocks[-1].prefix)
            self.nodes.append(node)

    def __getitem__(self, index: int) -> Node:
        return self.nodes[index]

    def __len__(self) -> int:
        return len(self.nodes)

    def __iter__(self):
        return iter(self.nodes)

    def start(self) -> "Cluster":
        """Starts all, the first one first, which makes the keys."""
        for node in self.nodes:
            node.start()
        for node in self.nodes:
            node.await_ready(20)
        return self

    def close(self) -> None:
        for node in self.nodes:
            node.close()
        shutil.rmtree(self.base, ignore_errors=True)

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def leaks(self) -> list[str]:
        return [secret for node in self.nodes for secret in node.leaks()]

    def settle(self, nodes=None, seconds: float = 5) -> float:
        """Returns once every node knows whatever was acknowledged by now, and how long that took.

        A record that is recorded now comes after all of that in the order of the engine.
        """
        nodes = self.nodes if nodes is None else nodes
        session = nodes[0].login()
        assert nodes[0].revoke(session.access).status_code == 200
        began = time.monotonic()
        for node in nodes:
            wait_until(lambda: node.refusal(session.access) == "token_revoked", seconds, "the newest record on each node")
        return time.monotonic() - began

    def heal(self, seconds: float) -> float:
        """Seconds until every node has taken a write again and is ready."""
        began = time.monotonic()
        for node in self.nodes:
            wait_until(lambda: writes(node), seconds, f"a write by {node.settings['node']}: {node.last_words()}")
            wait_until(lambda: node.is_ready, seconds, f"readiness: {node.last_words()}")
        return time.monotonic() - began


def writes(node: Node) -> bool:
    """Whether a revocation of a random token is acknowledged."""
    import uuid

    answer = node.admin.post("/admin/revocations", json={"jti": str(uuid.uuid4())})
    assert answer.status_code in (200, 503), answer.text
    return answer.status_code == 200


def together(tasks: list[Callable[[], object]]) -> list:
    """Runs all at the same time, each in its thread, and returns what they returned."""
    results: list = [None] * len(tasks)
    gate = threading.Barrier(len(tasks))

    def run(index: int) -> None:
        gate.wait()
        try:
            results[index] = tasks[index]()
        except Exception as error:
            results[index] = error

    threads = [threading.Thread(target=run, args=(index,), daemon=True) for index in range(len(tasks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive(), "a task never came to its end"
    for result in results:
        if isinstance(result, Exception):
            raise result
    return results
