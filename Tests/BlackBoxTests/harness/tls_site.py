"""The nginx file of deploy/gateway with TLS, at every name of loopback, before Martlet and an application."""

import os
import ssl
import subprocess
import time

import httpx

from .certificates import Pair, trusting
from .gateways import FOLDER, TEMPORARY, program
from .live_app import LiveApplication
from .server import free_port

# A page that has loaded the module and does nothing with it.
SCRIPT = "<script type='module'>import * as module from '/martlet.js'; window.module = module;</script>"
START = f'    location = /start {{ default_type text/html; return 200 "<!doctype html><title>start</title>{SCRIPT}"; }}\n'


class TLSSite:
    """`changes` are made to the nginx file. The issuer is the origin of `host`. `nodes` are servers that run already, in
    place of one with these settings; nginx asks them in turn."""

    def __init__(self, fleet, host: str, changes=(), port: int = 0, nodes=(), **settings):
        self.fleet, self.port, self.nodes = fleet, port or free_port(), nodes
        self.origin = self.at(host)
        self.application = LiveApplication()
        settings = {"browser": "on", "sessions": "on", "trusted_proxies": "127.0.0.1", "issuer": self.origin} | settings
        if not nodes:
            self.martlet = fleet.make(alg="HS256", forwarded_field="x-forwarded-for", **settings).start()
        upstream = [f"127.0.0.1:{node.port}" for node in nodes or [self.martlet]]
        fleet.count += 1
        self.base = fleet.base / f"tls-{fleet.count}"
        self.base.mkdir()
        self.base.chmod(0o755)
        root = Pair("root", authority=True)
        (self.base / "root.pem").write_bytes(root.pem)
        certificate, key = Pair("localhost", root).write(self.base)
        tls = f"listen 127.0.0.1:{self.port} ssl http2; ssl_certificate {certificate}; ssl_certificate_key {key};"
        text = (FOLDER / "nginx.conf").read_text()
        for old, new in (
            ("listen 8000;", tls),
            ("127.0.0.1:8080", "; server ".join(upstream)),
            ("127.0.0.1:9000", f"127.0.0.1:{self.application.port}"),
            ("    location / {", f"{START}    location / {{"),
            *changes,
        ):
            assert old in text, old
            text = text.replace(old, new)
        outside = f"daemon off; pid pid; error_log stderr crit; events {{}}\nhttp {{ access_log off; {TEMPORARY}\n"
        (self.base / "nginx.conf").write_text(f"{outside}{text}}}\n")
        self.context: ssl.SSLContext = trusting(self.base / "root.pem")
        self.start_proxy()

    def start_proxy(self) -> None:
        self.output = open(self.base / "output", "ab+")
        self.process = subprocess.Popen(
            [program("nginx"), "-p", str(self.base), "-c", str(self.base / "nginx.conf")],
            cwd=self.base,
            env={"PATH": os.environ["PATH"]},
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=self.output,
        )
        deadline = time.monotonic() + 20
        with httpx.Client(base_url=self.at("localhost"), verify=self.context, timeout=20) as http:
            while True:
                try:
                    assert http.get("/session").status_code == 401
                    return
                except httpx.TransportError:
                    assert time.monotonic() < deadline, (self.base / "output").read_text()
                    time.sleep(0.05)

    def at(self, host: str) -> str:
        """The origin of a host."""
        return f"https://{host}:{self.port}"

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        self.output.close()
        self.application.close()
        if not self.nodes:
            self.fleet.close(self.martlet)
