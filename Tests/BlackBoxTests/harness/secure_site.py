"""nginx with TLS before Martlet in browser mode and an application, with the location that docs/gateway.md gives."""

import os
import re
import ssl
import subprocess
import time

import httpx

from .certificates import Pair, trusting
from .gateways import TEMPORARY, program
from .process import ROOT
from .server import free_port
from .wsgi import Application

CONFIGURATION = """
daemon off; pid pid; error_log stderr crit; events {{}}
http {{
    access_log off; {temporary}
    upstream martlet {{ server 127.0.0.1:{martlet}; keepalive 8; }}
    server {{
        listen 127.0.0.1:{port} ssl http2;
        ssl_certificate certificate.pem;
        ssl_certificate_key key.pem;
        large_client_header_buffers 4 32k;
        keepalive_requests 100000;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $host;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header Forwarded "";
        {auth}
        location = /start {{ default_type text/html; return 200 "<!doctype html><title>start</title>"; }}
        location ~ ^/(login|refresh|logout|session|signin|signout|account|pages/[^/]+)$ {{ proxy_pass http://martlet; }}
        location / {{
            auth_request /_auth;
            {page}
            auth_request_set $auth_user $upstream_http_x_auth_user;
            proxy_pass http://127.0.0.1:{application};
            proxy_set_header X-Auth-User $auth_user;
        }}
    }}
}}
"""


def documented() -> str:
    """The location that docs/gateway.md tells readers to write."""
    return re.search(r"```nginx\n(.*?)```", (ROOT / "docs/gateway.md").read_text(), re.S)[1]


class SecureSite:
    """Martlet, an application that shows what it gets, and nginx before both, at every name of loopback."""

    def __init__(self, fleet, host: str = "localhost", query: str = "", page: str = "", places: str = "", **settings):
        """`query` follows that of /auth; `page` and `places` are more lines for the pages and for the server."""
        self.fleet, self.port = fleet, free_port()
        self.origin = self.at(host)
        self.application = Application()
        settings |= {"browser": "on", "origins": self.origin, "trusted_proxies": "127.0.0.1"}
        self.martlet = fleet.make(alg="HS256", forwarded_field="x-forwarded-for", **settings).start()
        base = fleet.base / f"secure-{host}-{self.port}"
        base.mkdir()
        base.chmod(0o755)
        root = Pair("root", authority=True)
        (base / "root.pem").write_bytes(root.pem)
        certificate, key = Pair("localhost", root).write(base)
        text = CONFIGURATION.format(
            temporary=TEMPORARY,
            martlet=self.martlet.port,
            port=self.port,
            application=self.application.port,
            auth=documented().replace("via=original", f"via=original{query}") + places,
            page=page,
        )
        text = text.replace(" certificate.pem", f" {certificate}").replace(" key.pem", f" {key}")
        (base / "nginx.conf").write_text(text)
        self.context: ssl.SSLContext = trusting(base / "root.pem")
        self.output = open(base / "output", "wb+")
        self.process = subprocess.Popen(
            [program("nginx"), "-p", str(base), "-c", str(base / "nginx.conf")],
            cwd=base,
            env={"PATH": os.environ["PATH"]},
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=self.output,
        )
        deadline = time.monotonic() + 20
        with self.client(False) as http:
            while True:
                try:
                    assert http.get("/session").status_code == 401
                    return
                except httpx.TransportError:
                    assert time.monotonic() < deadline, (base / "output").read_text()
                    time.sleep(0.05)

    def at(self, host: str) -> str:
        """The origin of a host."""
        return f"https://{host}:{self.port}"

    def client(self, http2: bool) -> httpx.Client:
        return httpx.Client(base_url=self.at("localhost"), verify=self.context, http2=http2, timeout=20)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        self.output.close()
        self.application.close()
        self.fleet.close(self.martlet)
