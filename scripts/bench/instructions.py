#!/usr/bin/env python3
"""How many instructions in user mode one request takes, and in which functions (valgrind's callgrind).

Nothing else on the machine changes these numbers. The processor that callgrind simulates has no instructions for SHA-256, so
the hash is counted apart.
"""

import argparse
import collections
import json
import re
import shutil
import socket
import subprocess
import tempfile
import urllib.parse
from pathlib import Path

import browser
import processes
import tokens

# The first pattern that a function contains decides its group. The only function of libcrypto without a name that these
# requests reach is the compression function of SHA-256.
GROUPS = (
    ("the hash", r"sha256_block|^0x\w+$"),
    ("hash contexts", r"SHA256_|sha256_|EVP_|evp_|OPENSSL_|ossl_|CRYPTO_|ERR_|err_|HashContext|MACContext|digest"),
    ("allocation", r"malloc|_int_free|cfree|\bfree\b|calloc|realloc|tcache|swift_allocObject|swift_slowAlloc|ealloc|consolidate"),
    ("retain and release", r"etain|elease|outlined (copy|consume|init|destroy|assign)"),
    ("copies", r"memcpy|memmove|memset|memcmp|mem_move"),
    ("dynamic types", r"conformance|Metadata|witness|dynamicCast|swift_once|swift_getType"),
    ("forms", r"Parameters|URLEncodedForm|MemberNames|BasicCredentials"),
    ("JSON", r"JSON|Claim|Shape"),
    ("base64", r"ase64"),
    ("UUID", r"UUID"),
    ("log lines", r"LogLine|LogSink|\bLog\b|Telemetry"),
    ("journal", r"Journal|Commit|Segment|CRC32C|crc32"),
    ("revocations", r"Revocation|Rotation|Fingerprint|Denylist|Session"),
    ("tokens", r"Issuer|Token|Keyring|Payload|Verifier"),
    ("strings and sets", r"String|Set|Dictionary|Hasher|Array"),
    ("HTTP server", r"^event loop|EventLoop|HTTP|Response|Connection|Transport|Mailbox|Exchange"),
    ("API and service", r"API|Service|Application|Accounts"),
    ("threads and clocks", r"pthread|futex|clock|gettime|Turn|wait|epoll|sched|lock"),
)


# Each pair is a row of make bench and its reference.
BROWSER_ROWS = ("auth_cookie", "auth_bearer", "refresh_cookie", "refresh_body")

SET_COOKIE = re.compile(r"(?i)\r\nset-cookie: ([^\r]+)")

# Functions that a thread was inside of when counting began: callgrind charges them with all that they called.
ENCLOSING = r"^(clone|(@objc )?enter\(_:\)|start_thread.*|.*Server\.run(Loop)?\(.*|.*JournalWriter\.init\(.*)$"


class Counted(processes.Martlet):
    """The service in callgrind, on one core, so that no thread polls for another."""

    def __init__(self, folder, algorithm, more):
        folder.mkdir(parents=True)
        self.output = folder / "callgrind"
        # valgrind does not read this form of debug information, and needs the names of functions only.
        stripped = folder / "martlet"
        subprocess.run(["strip", "--strip-debug", "-o", stripped, self.binary], check=True)
        self.binary = str(stripped)
        prefix = ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={self.output}"]
        super().__init__(folder, algorithm, more=more, prefix=prefix)

    def control(self, option):
        subprocess.run(["callgrind_control", option, str(self.process.pid)], check=True, capture_output=True)

    def functions(self, inclusive=False):
        """What was executed since the counters were set to zero, by function; `inclusive` adds what each function called."""
        if not inclusive:
            self.control("-d")
        path = max(self.output.parent.glob("callgrind*"), key=lambda path: path.stat().st_mtime)
        command = ["callgrind_annotate", "--threshold=100", "--auto=no", f"--inclusive={'yes' if inclusive else 'no'}", str(path)]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        total = int(re.search(r"([\d,]+) \([\d.]+%\)\s+PROGRAM TOTALS", text).group(1).replace(",", ""))
        found = collections.Counter()
        for line in text.splitlines():
            match = re.match(r"\s*([\d,]+) \([ \d.]+%\)\s+(?:\S*?):(.*?)(?: \[[^\]]*\])?$", line)
            if match:
                found[match.group(2)] += int(match.group(1).replace(",", ""))
        names = list(found)
        text = subprocess.run(["swift", "demangle", "--simplified"], input="\n".join(names), capture_output=True, text=True)
        plain = text.stdout.splitlines()
        named = collections.Counter()
        for name, shown in zip(names, plain if len(plain) == len(names) else names):
            if not re.match(ENCLOSING, shown):
                named[shown] += found[name]
        named["event loop"] = total - sum(named.values())
        return named


class Links:
    """Connections that send one request each before any answer is read, so that the server finds several at once."""

    def __init__(self, server, count):
        self.links = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(count)]

    @staticmethod
    def read(link):
        def more():
            if not (piece := link.recv(65_536)):
                raise SystemExit("the service has closed the connection: this machine is too busy")
            return piece

        answer = more()
        while b"\r\n\r\n" not in answer:
            answer += more()
        head, body = answer.split(b"\r\n\r\n", 1)
        assert head.startswith(b"HTTP/1.1 200"), answer
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        while length and len(body) < int(length.group(1)):
            body += more()
        return head, body

    def ask(self, requests):
        """Sends the requests over the connections by turns; returns the answers in order, each as its head and content."""
        found = []
        for start in range(0, len(requests), len(self.links)):
            batch = list(zip(self.links, requests[start : start + len(self.links)]))
            for link, octets in batch:
                link.sendall(octets)
            found += [self.read(link) for link, _ in batch]
        return found


def message(method, path, fields=(), form=None):
    body = urllib.parse.urlencode(form).encode() if form else b""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *fields]
    if form:
        lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def asking(row, server, count):
    """A function that makes the next requests of a row from the answers to the last ones."""
    login = server.login()
    ring = server.keys()

    def copies(name, member):
        return [octets.decode() for octets in tokens.copies(login[name].encode(), member, ring, count)]

    if row == "verify":
        made = [message("GET", "/verify", [f"Authorization: Bearer {token}"]) for token in copies("access_token", "jti")]
        return lambda _: made
    if row == "revoke":
        return lambda _: [message("POST", "/revoke", form={"token": token}) for token in copies("access_token", "jti")]
    if row == "refresh":
        first = copies("refresh_token", "sid")

        def refresh(answers):
            held = [json.loads(body)["refresh_token"] for _, body in answers] or first
            return [message("POST", "/refresh", form={"refresh_token": token}) for token in held]

        return refresh
    if row == "login":
        form = {"username": "bench", "password": server.password}
        return lambda _: [message("POST", "/login", form=form)] * count
    credentials = server.add_client("bench")
    fields = [f"Authorization: Basic {credentials}"]
    return lambda _: [message("POST", "/token", fields, {"grant_type": "client_credentials"})] * count


def asking_in_browser_mode(row, server, count):
    """The same for the rows of browser mode, each beside its reference: the token as a cookie, and elsewhere."""
    if row.startswith("auth"):
        fields = browser.auth_fields(server)[row == "auth_cookie"]
        return lambda _: [message("GET", "/auth?via=forwarded", fields)] * count
    if row == "refresh_body":
        return asking("refresh", server, count)
    first = []
    for octets in tokens.copies(server.login()["refresh_token"].encode(), "sid", server.keys(), count):
        token = octets.decode()
        # Only the end of a session needs the proof at the end of the session cookie.
        sid = json.loads(tokens.decoded(octets.split(b".")[1]))["sid"]
        first.append({browser.REFRESH: token, browser.SESSION: f"{sid}.1.{sid}"})

    def refresh_by_cookie(answers):
        made = []
        for one in [browser.taken(SET_COOKIE.findall(head.decode())) for head, _ in answers] or first:
            pairs = f"{browser.REFRESH}={one[browser.REFRESH]}; {browser.SESSION}={one[browser.SESSION]}"
            fields = ["Origin: https://app.example.org", "Content-Length: 0", f"Cookie: {pairs}"]
            made.append(message("POST", "/refresh", fields))
        return made

    return refresh_by_cookie


def measure(row, options, folder):
    name, _, algorithm = row.partition("-")
    of_browsers = name in BROWSER_ROWS
    server = Counted(folder / row, (algorithm or "hs256").upper(), browser.MODE if of_browsers else None)
    try:
        links = Links(server, options.connections)
        count = 10 if name == "login" else options.connections * 8
        rounds = max(1, options.requests // count)
        following, answers = (asking_in_browser_mode if of_browsers else asking)(name, server, count), []
        for _ in range(3):
            answers = links.ask(following(answers))
        server.control("-z")
        for _ in range(rounds):
            answers = links.ask(following(answers))
        functions = server.functions()
        callers = server.functions(inclusive=True) if options.inclusive else {}
    finally:
        server.stop()
    groups = collections.Counter()
    for function, instructions in functions.items():
        group = next((group for group, pattern in GROUPS if re.search(pattern, function)), "other")
        groups[group] += instructions / (count * rounds)
    total = sum(groups.values())
    print(f"{row}, {options.connections} connections: {total:,.0f} instructions, {total - groups['the hash']:,.0f} outside the hash")
    for group, instructions in groups.most_common():
        print(f"    {instructions:10,.0f}  {group}")
    for function, instructions in functions.most_common(options.functions):
        print(f"        {instructions / (count * rounds):8,.0f}  {function[:170]}")
    for function, instructions in sorted(callers.items(), key=lambda item: -item[1])[: options.inclusive]:
        print(f"        {instructions / (count * rounds):8,.0f}  with all it calls: {function[:150]}")
    return {"row": row, "connections": options.connections, "instructions": total, "groups": groups}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", default="verify,revoke,refresh,client")
    parser.add_argument("--connections", type=int, default=16, help="how many requests the server finds at once")
    parser.add_argument("--requests", type=int, default=512, help="how many are counted")
    parser.add_argument("--functions", type=int, default=0, metavar="N", help="also print the N costliest functions")
    parser.add_argument("--inclusive", type=int, default=0, metavar="N", help="and N with the functions that they call")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="instructions-", dir=Path(".build").resolve()))
    try:
        found = [measure(row, options, folder) for row in options.rows.split(",")]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        Path(options.json).write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
