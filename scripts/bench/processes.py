"""The two servers under measurement, each a single process pinned to one core."""

import base64
import json
import os
import re
import socket
import statistics
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import tokens

SERVER_CORE, LOAD_CORE = "0", "1"
# nginx reads no longer words from its configuration.
NGINX_PARAMETER_MAX = 4_000
TICK = os.sysconf("SC_CLK_TCK")


GIVEN = set()


def free_port():
    """A port that no other call has given: the kernel may offer the same one twice."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port not in GIVEN:
            GIVEN.add(port)
            return port


def answers(port, path="/healthz"):
    """Whether a GET gets a 200."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as link:
            link.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            return link.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


class Server:
    """A running process: when it answers, what it uses, and its end."""

    def __init__(self, command, port, log, environment=None, pinned=True):
        self.port = port
        self.log = log
        prefix = ["taskset", "-c", SERVER_CORE] if pinned else []
        with open(log, "ab") as output:
            began = time.perf_counter()
            self.process = subprocess.Popen(prefix + command, env=environment, stdout=output, stderr=output)
        while not answers(port):
            if self.process.poll() is not None or time.perf_counter() - began > 60:
                self.stop()
                raise SystemExit(f"{command[0]} did not start: " + Path(log).read_text()[-2000:])
            time.sleep(0.0002)
        self.seconds_to_answer = time.perf_counter() - began

    def processor_seconds(self):
        """User and system time of all threads so far; the sum is exact, the split is sampled by the kernel."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) / TICK, int(fields[12]) / TICK

    def memory(self):
        """RSS and PSS in MiB."""
        rollup = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return tuple(int(re.search(rf"^{name}:\s+(\d+)", rollup, re.M).group(1)) / 1024 for name in ("Rss", "Pss"))

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def nginx(folder, byte_count, files=None, connections=1_024, workers=1, pinned=True):
    """nginx that answers everything with 200 and a body of so many octets, without an access log.

    With the files of a certificate and its key it has an address for TLS, and one for HTTP/2 without. With one worker
    it is one process.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port, secure_port, http2_port = free_port(), free_port(), free_port()
    secure = files and f"""
                listen 127.0.0.1:{secure_port} ssl http2; listen 127.0.0.1:{http2_port} http2;
                ssl_certificate {files[0]}; ssl_certificate_key {files[1]}; ssl_protocols TLSv1.2 TLSv1.3;
                ssl_session_cache off; ssl_session_tickets on; ssl_ecdh_curve X25519:P-256:P-384;"""
    answer = f"return 200 '{'x' * byte_count}';"
    if byte_count > NGINX_PARAMETER_MAX:
        (folder / "content").write_text("x" * byte_count)
        answer = f"root {folder}; rewrite ^ /content break; open_file_cache max=8;"
    conf = folder / "nginx.conf"
    conf.write_text(f"""
        daemon off; master_process {"off" if workers == 1 else "on"}; worker_processes {workers};
        worker_rlimit_nofile {connections + 200};
        pid {folder}/nginx.pid; error_log {folder}/error.log;
        events {{ worker_connections {connections}; }}
        http {{
            access_log off; default_type application/json; server_tokens off;
            keepalive_requests 1000000000; keepalive_timeout 600s;
            client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
            uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
            server {{
                listen 127.0.0.1:{port}{" reuseport" if workers > 1 else ""};{secure or ""}
                add_header Cache-Control no-store; add_header X-Content-Type-Options nosniff;
                location / {{ {answer} }}
            }}
        }}""")
    server = Server(["nginx", "-p", str(folder), "-c", str(conf)], port, folder / "log", pinned=pinned)
    server.secure_port, server.http2_port = secure_port, http2_port
    return server


class Martlet(Server):
    """The service with its own state, keys and one user; `MARTLET_BIN` names another binary."""

    binary = os.environ.get("MARTLET_BIN", ".build/release/martlet")
    password = "a password of the bench"

    def __init__(self, folder, algorithm, pinned=True, files=None, connections=20_000, more=None,
                 prefix=()):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        port = self.http2_port = free_port()
        self.secure_port = free_port() if files else None
        self.environment = {
            "PATH": os.environ["PATH"],
            "MARTLET_LISTEN": f"127.0.0.1:{port}" + (f",https://127.0.0.1:{self.secure_port}" if files else ""),
            "MARTLET_CONNECTIONS": str(connections),
            "MARTLET_OPERATOR_LISTEN": f"127.0.0.1:{free_port()}",
            "MARTLET_STATE": str(folder / "state"),
            "MARTLET_KEYS": str(folder / "keys"),
            "MARTLET_USERS": str(folder / "users.json"),
            "MARTLET_CLIENTS": str(folder / "clients.json"),
            "MARTLET_ALG": algorithm,
            "MARTLET_ACCESS_TTL": "1h",
            "MARTLET_THREADS": "1",
        }
        if files:
            self.environment |= {"MARTLET_TLS_CERT": str(files[0]), "MARTLET_TLS_KEY": str(files[1])}
        if not (folder / "users.json").exists():
            command = [self.binary, "user", "add", "bench", "--password-stdin", "--scope", "read", "--scope", "write"]
            subprocess.run(command, env=self.environment, input=self.password.encode(), check=True,
                           stdout=subprocess.DEVNULL)
        super().__init__([*prefix, self.binary, "serve"], port, folder / "log", self.environment | (more or {}), pinned)

    def login(self):
        """A login's answer."""
        form = urllib.parse.urlencode({"username": "bench", "password": self.password}).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/login", form) as answer:
            return json.load(answer)

    def add_client(self, name):
        """Adds a client that may get tokens for itself, waits until the service knows it, and returns `id:secret`."""
        command = [self.binary, "client", "add", name, "--grant", "client_credentials", "--scope", "read"]
        done = subprocess.run(command, env=self.environment, check=True, capture_output=True, text=True)
        secret = next(line for line in done.stdout.splitlines() if re.fullmatch(r"[A-Za-z0-9_-]{40,}", line.strip()))
        credentials = base64.b64encode(f"{name}:{secret.strip()}".encode()).decode()
        deadline = time.perf_counter() + 10
        while True:
            try:
                self.client_token(credentials)
                return credentials
            except urllib.error.HTTPError:
                if time.perf_counter() > deadline:
                    raise
                time.sleep(0.05)

    def client_token(self, credentials):
        """The octets of the answer to a client that asks for a token for itself."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/token", b"grant_type=client_credentials")
        request.add_header("Authorization", "Basic " + credentials)
        with urllib.request.urlopen(request) as answer:
            return answer.read()

    def verified(self, token):
        """The octets of a verification's answer."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/verify")
        request.add_header("Authorization", "Bearer " + token)
        with urllib.request.urlopen(request) as answer:
            return answer.read()

    def keys(self):
        return tokens.keys(self.folder / "keys")


def sync_microseconds(folder):
    """The median time of one durable 4 KiB write here: what a single revocation waits for at least."""
    path = folder / "sync"
    file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_DSYNC, 0o600)
    try:
        times = []
        for _ in range(200):
            began = time.perf_counter()
            os.pwrite(file, bytes(4096), 0)
            times.append(time.perf_counter() - began)
        return statistics.median(times) * 1e6
    finally:
        os.close(file)
        path.unlink()
