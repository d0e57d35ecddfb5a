#!/usr/bin/env python3
"""How long `martlet verify` of one token takes from exec to exit, keys in its cache, beside /bin/true and `openssl version`.

The three take turns, so that what else the machine does falls on all of them alike.
"""

import argparse
import http.server
import json
import os
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("MARTLET_BIN", str(ROOT / ".build/release/martlet"))


def issuer(keys: Path, folder: Path):
    """A server that publishes the public keys of a directory that mint signs with."""
    pages = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = pages.get(self.path)
            self.send_response(200 if body else 404)
            self.send_header("Cache-Control", "max-age=3600")
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    secret = {"d", "p", "q", "dp", "dq", "qi", "purpose"}
    found = [json.loads(path.read_text()) for path in keys.glob("*.jwk")]
    public = [{n: v for n, v in key.items() if n not in secret} for key in found if key["kty"] != "oct"]
    pages["/.well-known/oauth-authorization-server"] = json.dumps({"issuer": url, "jwks_uri": f"{url}/keys"}).encode()
    pages["/keys"] = json.dumps({"keys": public}).encode()
    return server, url


def make_keys(folder: Path) -> Path:
    """The keys that a first start makes."""
    settings = {"MARTLET_LISTEN": f"unix:{folder}/s", "MARTLET_OPERATOR_LISTEN": "", "PATH": os.environ["PATH"]}
    run = subprocess.Popen([BINARY, "serve"], cwd=folder, env=settings, stderr=subprocess.PIPE)
    for line in run.stderr:
        if b"listening" in line:
            break
    run.terminate()
    run.communicate()
    return folder / "keys"


def milliseconds(words: list[str], environment: dict) -> float:
    begin = time.perf_counter()
    subprocess.run(words, env=environment, stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - begin) * 1e3


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server, url = issuer(make_keys(folder), folder)
        environment = {"PATH": os.environ["PATH"], "HOME": name, "MARTLET_ISSUER": url, "MARTLET_KEYS": f"{name}/keys"}
        minted = subprocess.run(
            [BINARY, "mint", "--subject", "amy"], cwd=name, env=environment, capture_output=True, text=True, check=True
        )
        verify = [BINARY, "verify", "--token-env", "TOKEN", "--issuer", url, "--audience", "api"]
        environment["TOKEN"] = minted.stdout.strip()
        milliseconds(verify, environment)
        server.shutdown()
        server.server_close()
        rows = {"/bin/true": ["/bin/true"], "openssl version": ["openssl", "version"], "martlet version": [BINARY, "version"],
                "martlet verify": verify}  # fmt: skip
        times = {row: [] for row in rows}
        for _ in range(max(1, options.rounds)):
            for row, words in rows.items():
                times[row].append(milliseconds(words, environment))
        floor = statistics.median(times["openssl version"])
        for row, found in times.items():
            median = statistics.median(found)
            print(f"{row:16} min {min(found):6.2f} ms  median {median:6.2f} ms  {median / floor:5.2f} of openssl version")


if __name__ == "__main__":
    main()
