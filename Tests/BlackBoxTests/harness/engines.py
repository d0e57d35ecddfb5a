"""Redis and PostgreSQL, ready for nodes, with one face for tests that hold for both."""

from pathlib import Path

from .forwarder import Forwarder
from .postgres_server import PostgresServer
from .process import command
from .redis_server import RedisServer

ROLE = "martlet"


class RedisUnderTest:
    kind = "redis"

    def __init__(self, base: Path, **settings):
        self.server = RedisServer(base / "redis", **settings).start()
        self.forwarders: list[Forwarder] = []

    def url(self, port: int | None = None, host: str = "127.0.0.1") -> str:
        return f"redis://{host}:{port or self.server.port}"

    def through(self) -> tuple[Forwarder, str]:
        """A forwarder before the engine, and the address through it."""
        made = Forwarder(self.server.port)
        self.forwarders.append(made)
        return made, self.url(made.port)

    def kill(self) -> None:
        self.server.kill()

    def start(self) -> None:
        self.server.start()

    def close(self) -> None:
        for forwarder in self.forwarders:
            forwarder.close()
        self.server.kill()


class PostgresUnderTest:
    kind = "postgres"

    def __init__(self, base: Path, **settings):
        self.server = PostgresServer(**settings).start()
        self.forwarders: list[Forwarder] = []
        try:
            prepare(self.server)
        except BaseException:
            self.server.close()
            raise

    def url(self, port: int | None = None, host: str = "127.0.0.1") -> str:
        return f"postgres://{ROLE}@{host}:{port or self.server.port}/postgres"

    def through(self) -> tuple[Forwarder, str]:
        made = Forwarder(self.server.port)
        self.forwarders.append(made)
        return made, self.url(made.port)

    def kill(self) -> None:
        self.server.kill()

    def start(self) -> None:
        self.server.start()

    def close(self) -> None:
        for forwarder in self.forwarders:
            forwarder.close()
        self.server.close()


def prepare(server: PostgresServer, role: str = ROLE, password: str = "") -> None:
    """The role of the service, and the schema that `martlet store schema` prints."""
    secret = f" PASSWORD '{password}'" if password else ""
    server.ask(f"CREATE ROLE {role} LOGIN{secret}")
    server.ask(schema(server, role))


def schema(server: PostgresServer, role: str = ROLE) -> str:
    """What `martlet store schema` prints for a role."""
    done = command("store", "schema", "--role", role, cwd=server.base, store=server.url_of(role))
    assert done.returncode == 0, done.stderr
    return done.stdout


ENGINES = {"redis": RedisUnderTest, "postgres": PostgresUnderTest}
