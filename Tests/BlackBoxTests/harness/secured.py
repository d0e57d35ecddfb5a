"""A server with a TLS address, and connections to it."""

import socket
import ssl

from .certificates import Pair, trusting
from .http2 import HTTP2Client
from .server import free_port
from .wire import Wire, request

PROTOCOLS = ["http/1.1", "http/1.1 over TLS", "h2c", "h2"]


class SecureWire(Wire):
    """A connection that shakes hands first."""

    def __init__(self, port: int, context: ssl.SSLContext, **options):
        super().__init__(("127.0.0.1", port), listener="service")
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost", **options)


class HeldBack:
    """A TLS socket whose octets go out when it is told so: a record for each `sendall`, all of them in one piece.

    The client's last octets of the handshake are held back as well.
    """

    def __init__(self, port: int, context: ssl.SSLContext, protocols: tuple[str, ...] = ()):
        context.set_alpn_protocols(protocols or ("http/1.1",))
        self.socket = socket.create_connection(("127.0.0.1", port), 5)
        self.inward, self.outward = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.inward, self.outward, server_hostname="localhost")
        while True:
            try:
                return self.tls.do_handshake()
            except ssl.SSLWantReadError:
                self.release()
                self._fill()

    def _fill(self) -> None:
        octets = self.socket.recv(65_536)
        if octets:
            self.inward.write(octets)
        else:
            self.inward.write_eof()

    def settimeout(self, seconds: float) -> None:
        self.socket.settimeout(seconds)

    def sendall(self, octets: bytes) -> None:
        self.tls.write(octets)

    def release(self) -> None:
        self.socket.sendall(self.outward.read())

    def recv(self, count: int) -> bytes:
        while True:
            try:
                return self.tls.read(count)
            except ssl.SSLWantReadError:
                self._fill()

    def close(self) -> None:
        self.socket.close()


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

    def connect(self, protocol: str) -> Wire | HTTP2Client:
        """A client's connection by one of ``PROTOCOLS``."""
        if protocol == "http/1.1":
            return self.server.wire()
        if protocol == "http/1.1 over TLS":
            return self.wire()
        if protocol == "h2c":
            return HTTP2Client(self.server.address)
        context = trusting(self.root_path)
        context.set_alpn_protocols(["h2"])
        return HTTP2Client(None, sock=self.wire(context).socket)

    def ask(self, target: str = "/healthz", context: ssl.SSLContext | None = None):
        with self.wire(context) as wire:
            wire.send(request("GET", target))
            return wire.answer()

    def serial(self) -> int:
        """Of the certificate that a new connection sees."""
        with self.wire() as wire:
            return int(wire.socket.getpeercert()["serialNumber"], 16)
