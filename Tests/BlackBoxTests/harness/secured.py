"""A server with a TLS address, and connections to it."""

import ssl

from .certificates import Pair, trusting
from .server import free_port
from .wire import Wire, request


class SecureWire(Wire):
    """A connection that shakes hands first."""

    def __init__(self, port: int, context: ssl.SSLContext, **options):
        super().__init__(("127.0.0.1", port), listener="service")
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost", **options)


class Secured:
    """A server with a TLS address beside the plain one, and everything its certificate needs."""

    def __init__(self, make_server, client_authority: bool = False, key=None, **settings):
        self.root = Pair("root", authority=True)
        self.middle = Pair("middle", self.root, authority=True)
        self.leaf = Pair("localhost", self.middle, key=key)
        self.port = free_port()
        server = make_server(**settings)
        self.server = server
        self.root_path = server.directory / "root.pem"
        self.root_path.write_bytes(self.root.pem)
        self.certificate, self.key = self.leaf.write(server.directory)
        server.settings |= {
            "listen": f"127.0.0.1:{server.port},https://127.0.0.1:{self.port}",
            "tls_cert": self.certificate,
            "tls_key": self.key,
        }
        if client_authority:
            server.settings["tls_client_ca"] = self.root_path

    def wire(self, context: ssl.SSLContext | None = None, **options) -> SecureWire:
        return SecureWire(self.port, context or trusting(self.root_path), **options)

    def ask(self, target: str = "/healthz", context: ssl.SSLContext | None = None):
        with self.wire(context) as wire:
            wire.send(request("GET", target))
            return wire.answer()

    def serial(self) -> int:
        """Of the certificate that a new connection sees."""
        with self.wire() as wire:
            return int(wire.socket.getpeercert()["serialNumber"], 16)
