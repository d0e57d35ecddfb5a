"""An application behind a gateway: WSGI, served so that header names become variables in the most forgiving way."""

import json
import re
import threading
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer


def environ_shown(environ: dict, start_response):
    """The WSGI application: answers with its environ."""
    body = json.dumps({name: value for name, value in environ.items() if isinstance(value, str)}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


class _Handler(WSGIRequestHandler):
    def get_environ(self) -> dict:
        """As CGI, PHP and several WSGI servers do: all but letters and digits becomes `_`, doubles are joined."""
        environ = {name: value for name, value in super().get_environ().items() if not name.startswith("HTTP_")}
        for name, value in self.headers.items():
            key = "HTTP_" + re.sub(r"[^A-Z0-9]", "_", name.upper())
            environ[key] = f"{environ[key]},{value.strip()}" if key in environ else value.strip()
        self.server.seen.append(environ)
        return environ

    def log_message(self, *_) -> None:
        """Stays silent."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128

    def server_bind(self) -> None:
        """Without asking the resolver for this machine's name."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "application.test", self.server_address[1]
        self.setup_environ()

    def handle_error(self, *_) -> None:
        """A gateway that goes away is no failure."""


class Application:
    """Serves on a free loopback port. `seen` holds the environ of every request that arrived."""

    def __init__(self):
        self.server = _Server(("127.0.0.1", 0), _Handler)
        self.server.seen = []
        self.server.set_app(environ_shown)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def seen(self) -> list[dict]:
        return self.server.seen

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
