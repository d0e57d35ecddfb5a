"""The rows of browser mode: the access cookie before a gateway, a refresh by cookie, and what a page loads.

A request of these rows has the fields that a browser sends, about 1.5 KiB with the access token. CPU is that of the
server's process.
"""

import json
import statistics
import subprocess
import urllib.request
from http.cookies import SimpleCookie

import processes
from engine import HERE, per_request
from processes import Martlet, Server

MODE = {
    "MARTLET_BROWSER": "on", "MARTLET_TRUSTED_PROXIES": "127.0.0.1", "MARTLET_ISSUER": "https://app.example.org",
    "MARTLET_REFRESH_GRACE": "0s",
}  # fmt: skip
ACCESS, SESSION, REFRESH = "__Host-Http-martlet-access", "__Host-Http-martlet-session", "__Secure-martlet-refresh"
# More chains than connections, so that one is always free.
CHAINS = 96

FIELDS = [
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
    "Accept: application/json, text/plain, */*",
    "Accept-Language: en-US,en;q=0.9,de;q=0.8",
    "Accept-Encoding: gzip, deflate, br, zstd",
    'Sec-CH-UA: "Chromium";v="138", "Not)A;Brand";v="8"',
    "Sec-CH-UA-Mobile: ?0",
    'Sec-CH-UA-Platform: "Linux"',
    "Sec-Fetch-Dest: empty",
    "Sec-Fetch-Mode: cors",
    "Sec-Fetch-Site: same-origin",
    "Priority: u=1, i",
    "Referer: https://app.example.org/orders/2024?page=3&sort=date",
    "X-Forwarded-For: 192.0.2.17",
    "X-Forwarded-Method: GET",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: app.example.org",
    "X-Forwarded-Uri: /api/orders/2024?page=3&sort=date",
]
OTHER_COOKIES = "theme=dark; _consent=all; region=eu-central; experiment=b7; seen=2024-11-29T08%3A00%3A00Z"


def service(bench):
    """A service in browser mode, shared by the rows."""
    if "browser" not in bench.servers:
        bench.servers["browser"] = (Martlet(bench.folder / "browser", "HS256", more=MODE), None)
    return bench.servers["browser"][0]


def cookies(server):
    """The cookies of a new session."""
    content = json.dumps({"username": "bench", "password": server.password, "mode": "cookie"}).encode()
    fields = {"Content-Type": "application/json", "Origin": "https://app.example.org"}
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}/login", content, fields)
    with urllib.request.urlopen(request) as answer:
        lines = answer.headers.get_all("Set-Cookie")
    return taken(lines)


def taken(lines):
    """The cookies that the Set-Cookie lines of an answer set."""
    return {name: part.value for line in lines for name, part in SimpleCookie(line).items()}


def fetched(server, target, fields=()):
    """The content of an answer, by the same request that wrk sends."""
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{target}")
    for line in fields:
        request.add_header(*line.split(": ", 1))
    with urllib.request.urlopen(request) as answer:
        return answer.read()


def wrk(server, target, fields, seconds):
    """The count of answers and their time; the answers must be 200."""
    command = ["taskset", "-c", processes.LOAD_CORE, "wrk", "-t1", "-c64", f"-d{seconds}s", "-s", HERE / "pipeline.lua",
               f"http://localhost:{server.port}{target}", "--", "1", *fields]  # fmt: skip
    output = subprocess.run(command, capture_output=True, text=True).stdout
    if "RESULT " not in output:
        raise SystemExit("wrk failed: " + output)
    found = json.loads(output.split("RESULT ", 1)[1].splitlines()[0])
    if found["wrong"]:
        raise SystemExit(f"{found['wrong']} answers were not 200, or broken")
    return found["requests"], found["microseconds"] / 1e6


def by_turns(bench, title, ours, reference, limit, value="cpu", at_least=False):
    """Measures two loads by turns. Each is a pair of a server and a function from seconds to a count and a time."""
    for server, load in (ours, reference):
        load(1)
    pairs = []
    for _ in range(bench.options.rounds):
        late, early = (
            per_request(server, lambda load=load: load(bench.options.seconds)) for server, load in (reference, ours))
        pairs.append((early, late))
    ratio = statistics.median(one[value] / other[value] for one, other in pairs)
    figures = [statistics.median(pair[side][value] for pair in pairs) for side in (0, 1)]
    missed = ratio < limit if at_least else ratio > limit
    bench.rows.append({"row": title, value: figures[0], f"reference_{value}": figures[1], "ratio": ratio, "missed": missed})
    unit = "µs of CPU" if value == "cpu" else "requests/s"
    print(f"{title:58} {figures[0]:>10,.2f} {unit}, reference {figures[1]:,.2f}: {ratio:.2f} × "
          f"({'at least' if at_least else 'at most'} {limit})" + "\n    ! missed" * missed, flush=True)  # fmt: skip


def auth_fields(server):
    """The fields of the same request by bearer token and by cookie."""
    token = cookies(server)[ACCESS]
    bearer = [*FIELDS, f"Cookie: {OTHER_COOKIES}", f"Authorization: Bearer {token}"]
    return bearer, [*FIELDS, f"Cookie: {OTHER_COOKIES}; {ACCESS}={token}"]


def auth_cookie(bench):
    server = service(bench)
    bearer, cookie = auth_fields(server)
    target = "/auth?via=forwarded"
    by_turns(
        bench, "auth, HS256, access cookie against bearer token",
        (server, lambda seconds: wrk(server, target, cookie, seconds)),
        (server, lambda seconds: wrk(server, target, bearer, seconds)), 1.10)  # fmt: skip


def auth_bearer(bench):
    server = service(bench)
    bearer, _ = auth_fields(server)
    yardstick = bench.nginx(0)
    by_turns(
        bench, "auth, HS256, bearer token against nginx",
        (server, lambda seconds: wrk(server, "/auth?via=forwarded", bearer, seconds)),
        (yardstick, lambda seconds: wrk(yardstick, "/auth", bearer, seconds)), 1.25)  # fmt: skip


def gate(folder, port):
    """nginx that asks a server about each request and then sends a small file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text("ok\n")
    own = processes.free_port()
    conf = folder / "nginx.conf"
    conf.write_text(f"""
        daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
        events {{ worker_connections 1024; }}
        http {{
            access_log off; keepalive_requests 1000000000; keepalive_timeout 600s;
            client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
            uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
            upstream asked {{ server 127.0.0.1:{port}; keepalive 64; }}
            server {{
                listen 127.0.0.1:{own};
                location = /healthz {{ return 200; }}
                location / {{ root {folder}; auth_request /_auth; }}
                location = /_auth {{
                    internal; proxy_pass http://asked/auth; proxy_http_version 1.1; proxy_set_header Connection "";
                    proxy_pass_request_body off; proxy_set_header Content-Length "";
                }}
            }}
        }}""")
    return Server(["nginx", "-p", str(folder), "-c", str(conf)], own, folder / "log")


def through_nginx(bench):
    server = service(bench)
    bearer, _ = auth_fields(server)
    gates = [gate(bench.folder / "gate", server.port), gate(bench.folder / "gate-nginx", bench.nginx(0).port)]
    try:
        ours, reference = (
            (one, lambda seconds, one=one: wrk(one, "/index.html", bearer, seconds)) for one in gates)
        by_turns(bench, "requests through auth_request of nginx, against nginx", ours, reference, 0.85, "rate", True)
    finally:
        for one in gates:
            one.stop()


def refresh_load(server, path, mode, seconds):
    command = ["taskset", "-c", processes.LOAD_CORE, "wrk", "-t1", "-c64", f"-d{seconds}s", "-s", HERE / "requests.lua",
               f"http://127.0.0.1:{server.port}/", "--", mode, path]  # fmt: skip
    output = subprocess.run(command, capture_output=True, text=True).stdout
    found = json.loads(output.split("RESULT ", 1)[1].splitlines()[0])
    if found["refused"] + found["broken"] + found["dry"] > 64:
        raise SystemExit(f"not all refreshes were answered with 200: {found}")
    return found["requests"], found["microseconds"] / 1e6


def refresh_cookie(bench):
    """Chains of refreshes; each run begins with sessions of its own."""
    server = service(bench)
    count = 0

    def load(by_cookie, seconds):
        nonlocal count
        count += 1
        path = bench.folder / f"chains-{count}"
        made = [cookies(server) for _ in range(CHAINS)]
        if by_cookie:
            path.write_text("".join(f"{one[REFRESH]} {one[SESSION]}\n" for one in made))
        else:
            path.write_text("".join(f"{one[REFRESH]}\n" for one in made))
        used = server.processor_seconds()
        result = refresh_load(server, path, "refresh_cookie" if by_cookie else "refresh", seconds)
        return result, sum(server.processor_seconds()) - sum(used)

    def cpu(by_cookie, seconds):
        (requests, _), used = load(by_cookie, seconds)
        return used * 1e6 / requests

    pairs = [(cpu(True, bench.options.seconds), cpu(False, bench.options.seconds)) for _ in range(bench.options.rounds)]
    ratio = statistics.median(one / other for one, other in pairs)
    own, reference = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
    missed = ratio > 1.05
    title = "refresh by cookie against refresh by content, durable"
    bench.rows.append({"row": title, "cpu": own, "reference_cpu": reference, "ratio": ratio, "missed": missed})
    print(f"{title:58} {own:>10,.2f} µs of CPU, reference {reference:,.2f}: {ratio:.2f} × (at most 1.05)"
          + "\n    ! missed" * missed, flush=True)  # fmt: skip


def document(title, target, fields=()):
    """A document that a page loads, against nginx with content of the same length."""

    def run(bench):
        server = service(bench)
        yardstick = bench.nginx(len(fetched(server, target, fields)))
        by_turns(
            bench, title, (server, lambda seconds: wrk(server, target, FIELDS, seconds)),
            (yardstick, lambda seconds: wrk(yardstick, target, FIELDS, seconds)), 1.5)  # fmt: skip

    return run


def verify_in_browser_mode(bench):
    """The same verification with browser mode and without, by turns."""
    with_mode, (without, login) = service(bench), bench.service("hs256", "HS256")
    loads = []
    for server, token in ((with_mode, cookies(with_mode)[ACCESS]), (without, login["access_token"])):
        field = [f"Authorization: Bearer {token}"]
        loads.append((server, lambda seconds, server=server, field=field: wrk(server, "/verify", field, seconds)))
    by_turns(bench, "verify HS256, browser mode on against off", *loads, 1.02)


ROWS = {
    "auth-hs256": auth_bearer,
    "auth-cookie-hs256": auth_cookie,
    "auth-through-nginx": through_nginx,
    "refresh-cookie": refresh_cookie,
    "sign-in-page": document("GET /signin against nginx", "/signin"),
    "martlet-js": document("GET /martlet.js against nginx", "/martlet.js"),
    "verify-browser-mode": verify_in_browser_mode,
}
