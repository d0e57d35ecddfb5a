"""A real redis-server, its replicas and Sentinels, started by the tests as their own children on free ports."""

import socket
import ssl
from pathlib import Path

from .certificates import Pair, trusting
from .engine_process import EngineProcess, needed, wait_until
from .resp import Resp, RespError
from .server import free_port

START_SECONDS = 20


class RedisServer(EngineProcess):
    """One redis-server that syncs every write, as a strict node demands.

    - `replica_of`: the port of the primary, or of a forwarder before it.
    - `password`: of the user `default`. `users`: lines of ACLs, as `app on >secret ~{martlet}* +@read`.
    - `tls`: whether it listens with TLS as well, at `tls_port`; the authority's certificate is then at `authority`.
    - `bind`: the addresses it listens on.
    - further settings by their names in redis.conf, with underscores for hyphens.
    """

    def __init__(
        self,
        directory: Path,
        replica_of: int | None = None,
        password: str = "",
        users: tuple[str, ...] = (),
        tls: bool = False,
        bind: str = "127.0.0.1",
        **settings,
    ):
        super().__init__(directory)
        directory.mkdir(parents=True, exist_ok=True)
        self.program = needed("redis-server")
        self.port, self.password, self.users, self.bind = free_port(), password, users, bind
        self.tls_port, self.authority = 0, directory / "authority.pem"
        self.settings = {
            "appendonly": "yes",
            "appendfsync": "always",
            "no_appendfsync_on_rewrite": "no",
            "maxmemory_policy": "noeviction",
            "save": '""',
            "repl_diskless_sync_delay": 0,
        } | {name: str(value) for name, value in settings.items()}
        if replica_of:
            self.settings["replicaof"] = f"127.0.0.1 {replica_of}"
            if password:
                self.settings["masterauth"] = password
        if tls:
            self._add_certificates()

    address = property(lambda self: ("127.0.0.1", self.port))
    url = property(lambda self: f"redis://127.0.0.1:{self.port}")
    config_path = property(lambda self: self.directory / "redis.conf")

    def _add_certificates(self) -> None:
        root = Pair("tests of Redis", authority=True)
        self.authority.write_bytes(root.pem)
        certificate, key = Pair("localhost", root).write(self.directory, "redis")
        self.tls_port = free_port()
        self.settings |= {
            "tls_port": self.tls_port,
            "tls_cert_file": certificate,
            "tls_key_file": key,
            "tls_ca_cert_file": self.authority,
            "tls_auth_clients": "no",
        }

    def write_config(self) -> None:
        lines = [f"port {self.port}", f"bind {self.bind}", f"dir {self.directory}", "daemonize no", "protected-mode no"]
        lines += [f"{name.replace('_', '-')} {value}" for name, value in self.settings.items()]
        if self.password:
            lines.append(f'requirepass "{self.password}"')
        lines += [f"user {user}" for user in self.users]
        self.config_path.write_text("\n".join(lines) + "\n")

    def start(self, waits: bool = True) -> "RedisServer":
        """Starts with the configuration as it was last rewritten, and returns once commands are answered."""
        if not self.config_path.exists():
            self.write_config()
        self.spawn([self.program, str(self.config_path)])
        if waits:
            try:
                wait_until(self.answers, START_SECONDS, f"an answer of Redis at {self.port}")
            except BaseException:
                self.kill()
                raise
        return self

    def answers(self) -> bool:
        assert self.is_running, f"redis-server ended:\n{self.log[-2000:]}"
        try:
            return self.ask("PING") == b"PONG"
        except RespError as error:
            # What a server says while it reads its file, and nothing else.
            assert str(error).startswith("LOADING"), error
            return False

    def restart(self, waits: bool = True) -> "RedisServer":
        """`kill -9` and a new process on the same files and port."""
        self.kill()
        return self.start(waits)

    def connect(self, user: str = "default", password: str | None = None, timeout: float = 5) -> Resp:
        link = Resp(self.address, timeout)
        password = self.password if password is None else password
        if password:
            link.ask("AUTH", user, password)
        return link

    def connect_tls(self, timeout: float = 5) -> Resp:
        plain = socket.create_connection(("127.0.0.1", self.tls_port), timeout)
        context: ssl.SSLContext = trusting(self.authority)
        return Resp(None, timeout, context.wrap_socket(plain, server_hostname="localhost"))

    def ask(self, *words: object):
        """One command over a connection of its own."""
        with self.connect() as link:
            return link.ask(*words)

    def configure(self, **settings) -> None:
        """CONFIG SET, until the next start."""
        for name, value in settings.items():
            self.ask("CONFIG", "SET", name.replace("_", "-"), value)

    def info(self, section: str) -> dict[str, str]:
        lines = self.ask("INFO", section).decode().splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def keys(self, pattern: str = "*") -> list[bytes]:
        return sorted(self.ask("KEYS", pattern))

    # Replication

    def promote(self) -> None:
        self.ask("REPLICAOF", "NO", "ONE")

    def follow(self, port: int) -> None:
        self.ask("REPLICAOF", "127.0.0.1", port)

    @property
    def is_in_step(self) -> bool:
        """Whether a replica is connected and has everything."""
        found = self.info("replication")
        return found.get("master_link_status") == "up" and found.get("master_sync_in_progress") == "0"

    def await_replicas(self, count: int, seconds: float = 20) -> None:
        """Waits until so many replicas are connected to this primary and have all of it."""

        def are_there() -> bool:
            with self.connect() as link:
                # A key of the test's own: WAIT speaks of what this connection has written.
                link.ask("SET", "in-step", 1)
                return link.ask("WAIT", count, 200) >= count

        wait_until(are_there, seconds, f"{count} replicas of Redis at {self.port}")

    def reached(self, *command: object, milliseconds: int = 300) -> int:
        """How many replicas have what a command has written, within the time."""
        with self.connect() as link:
            link.ask(*command)
            return link.ask("WAIT", 9, milliseconds)


class Sentinel(EngineProcess):
    """One redis-sentinel that watches a primary under a name."""

    def __init__(self, directory: Path, primary: RedisServer, name: str = "martlet", quorum: int = 2, down_ms: int = 500):
        super().__init__(directory)
        directory.mkdir(parents=True, exist_ok=True)
        self.program = needed("redis-sentinel")
        self.port, self.name = free_port(), name
        lines = [f"port {self.port}", "bind 127.0.0.1", f"dir {directory}", "daemonize no", "protected-mode no"]
        lines += [
            f"sentinel monitor {name} 127.0.0.1 {primary.port} {quorum}",
            f"sentinel down-after-milliseconds {name} {down_ms}",
            f"sentinel failover-timeout {name} 4000",
            f"sentinel parallel-syncs {name} 1",
        ]
        if primary.password:
            lines.append(f"sentinel auth-pass {name} {primary.password}")
        (directory / "sentinel.conf").write_text("\n".join(lines) + "\n")

    address = property(lambda self: ("127.0.0.1", self.port))

    def start(self) -> "Sentinel":
        self.spawn([self.program, str(self.directory / "sentinel.conf"), "--sentinel"])
        wait_until(lambda: self.ask("PING") == b"PONG", START_SECONDS, "an answer of Sentinel")
        return self

    def ask(self, *words: object):
        with Resp(self.address) as link:
            return link.ask(*words)

    @property
    def primary_port(self) -> int:
        return int(self.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.name)[1])

    def knows(self, replicas: int, sentinels: int) -> bool:
        found = self.ask("SENTINEL", "MASTER", self.name)
        state = dict(zip(found[::2], found[1::2]))
        return int(state[b"num-slaves"]) >= replicas and int(state[b"num-other-sentinels"]) >= sentinels


class RedisGroup:
    """A primary, its replicas and three Sentinels. `url` is the address for `MARTLET_STORE`."""

    def __init__(self, base: Path, replicas: int = 1, **settings):
        self.primary = RedisServer(base / "redis0", **settings).start()
        self.servers = [self.primary]
        for number in range(1, replicas + 1):
            server = RedisServer(base / f"redis{number}", replica_of=self.primary.port, **settings).start()
            self.servers.append(server)
        self.primary.await_replicas(replicas)
        self.sentinels = [Sentinel(base / f"sentinel{number}", self.primary).start() for number in range(3)]
        for sentinel in self.sentinels:
            wait_until(lambda: sentinel.knows(replicas, 2), 20, "what the Sentinels know of each other")

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{hosts}/{self.sentinels[0].name}"

    def await_failover(self, seconds: float = 20) -> RedisServer:
        """Returns the new primary once a majority of the Sentinels names it and it takes writes."""
        old = self.primary.port

        def is_promoted() -> bool:
            named = [sentinel.primary_port for sentinel in self.sentinels]
            best = max(set(named), key=named.count)
            if best == old or named.count(best) < 2:
                return False
            self.primary = next(server for server in self.servers if server.port == best)
            return self.primary.info("replication")["role"] == "master"

        wait_until(is_promoted, seconds, "a failover")
        return self.primary

    def close(self) -> None:
        for process in [*self.sentinels, *self.servers]:
            process.kill()
