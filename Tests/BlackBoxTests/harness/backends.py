"""Applications of two real kinds behind a gateway: Express in Node.js, and a CGI program in Apache."""

import os
import socket
import subprocess
import time
from pathlib import Path

from .gateways import program
from .server import free_port

# Both answer with the header fields that they see, one `NAME=value` a line, names as CGI spells them.
EXPRESS = """
const express = require('express');
const app = express();
app.use((request, response) => {
  const lines = [];
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    const name = request.rawHeaders[index].toUpperCase().replace(/[^A-Z0-9]/g, '_');
    lines.push(`HTTP_${name}=${request.rawHeaders[index + 1]}`);
  }
  response.type('text/plain').send(lines.join('\\n'));
});
app.listen(Number(process.argv[2]), '127.0.0.1');
"""
CGI = "#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\n\\r\\n'\nexec env\n"
MODULES = ("mpm_event", "authz_core", "alias", "cgi")


class Backend:
    """Serves on a free loopback port."""

    def __init__(self, base: Path, command: list[str]):
        self.output = open(base / "output", "wb+")
        self.process = subprocess.Popen(
            command,
            cwd=base,
            env={"PATH": os.environ["PATH"], "NODE_PATH": "/usr/share/nodejs"},
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=self.output,
        )
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 5).close()
                return
            except OSError:
                assert time.monotonic() < deadline, (base / "output").read_text()
                time.sleep(0.05)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        self.output.close()


class Express(Backend):
    def __init__(self, base: Path):
        base.mkdir()
        self.port = free_port()
        (base / "app.cjs").write_text(EXPRESS)
        super().__init__(base, [program("node"), "app.cjs", str(self.port)])


class ApacheCGI(Backend):
    def __init__(self, base: Path):
        base.mkdir()
        # Apache's workers run as another user.
        base.chmod(0o755)
        base.parent.chmod(0o755)
        self.port = free_port()
        (base / "page").write_text(CGI)
        (base / "page").chmod(0o755)
        load = "".join(f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so\n" for m in MODULES)
        (base / "apache.conf").write_text(
            f"{load}ServerName cgi.test\nPidFile pid\nErrorLog /dev/stderr\nUser www-data\n"
            f"Listen 127.0.0.1:{self.port}\nScriptAlias /page {base}/page\n"
        )
        super().__init__(base, [program("apache2"), "-DFOREGROUND", "-d", str(base), "-f", str(base / "apache.conf")])
