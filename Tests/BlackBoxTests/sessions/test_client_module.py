"""The JavaScript module for pages: its own tests, its types, and how the service serves it."""

import re
import subprocess

from harness.gateways import program
from harness.process import ROOT

FOLDER = ROOT / "clients/js"
STRICT = ["--noEmit", "--strict", "--allowJs", "--checkJs", "--target", "es2021", "--module", "es2022"]
LIBRARIES = ["--moduleResolution", "node", "--lib", "es2021,dom,dom.iterable"]


def run(*command: str) -> str:
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    return done.stdout


def test_its_tests_pass():
    """With a false clock, a false network and false channels between tabs."""
    report = run(program("node"), "--test", "test")
    # Node.js 18 counts files, later versions count tests.
    assert int(re.search(r"^\S+ pass (\d+)$", report, re.M)[1]) >= 4 and re.search(r"^\S+ fail 0$", report, re.M)


def test_types_fit_the_module_and_an_example():
    run(program("tsc"), *STRICT, *LIBRARIES, "martlet.js", "martlet.d.ts", "example.js")


def test_a_mistake_in_the_types_is_found(tmp_path):
    """So that the test above cannot pass because nothing is checked."""
    for name in ("martlet.js", "martlet.d.ts", "example.js"):
        text = (FOLDER / name).read_text()
        (tmp_path / name).write_text(text.replace("session.username", "session.password"))
    command = [program("tsc"), *STRICT, *LIBRARIES, "example.js"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode != 0 and "TS2339" in done.stdout, done.stdout


def test_it_is_served_with_a_tag_in_browser_mode_only(make_server):
    server = make_server(browser="on").start()
    answer = server.http.get("/martlet.js")
    assert answer.status_code == 200 and answer.content == (FOLDER / "martlet.js").read_bytes()
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache" and re.fullmatch(r'"[^"]+"', answer.headers["etag"])
    again = server.http.get("/martlet.js", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304 and again.content == b""
    assert make_server().start().http.get("/martlet.js").status_code == 404
