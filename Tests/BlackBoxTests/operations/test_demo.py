"""make demo: a newcomer gets a page to sign in to."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from harness.gateways import program
from harness.process import BINARY, ROOT
from harness.server import free_port

EXAMPLES = ROOT / "examples"


@pytest.fixture
def demo():
    """The running demo: its address and the password of its user."""
    environment = {
        "PATH": f"{os.environ['PATH']}:/usr/sbin",
        "MARTLET_BIN": str(BINARY),
        "DEMO_PORT": str(free_port()),
        # A setting of the caller must not reach it.
        "MARTLET_COOKIE_NAME": "other",
    }
    process = subprocess.Popen(
        ["scripts/demo"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    text = ""
    while "Ctrl-C" not in text:
        assert (line := process.stdout.readline()), text
        text += line
    yield re.findall(r"https://\S+", text), re.search(r"password (\S+)", text)[1]
    children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    assert len(children) == 3
    folders = list(Path("/tmp").glob("martlet-demo.*"))
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    process.stdout.close()
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < deadline, "a program of the demo goes on"
        time.sleep(0.05)
    assert any(not folder.exists() for folder in folders)


def test_its_page_signs_a_user_in_and_out(demo):
    (address,), password = demo
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program("chromium"), args=["--no-sandbox"])
        context = browser.new_context(ignore_https_errors=True)
        context.set_default_timeout(60_000)
        page, other = context.new_page(), context.new_page()
        faults = []
        page.on("pageerror", lambda fault: faults.append(fault))
        page.goto(address)
        other.goto(address)
        page.get_by_label("User name").fill("demo")
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("status")).not_to_be_empty()
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator("#user")).to_have_text("demo")
        expect(other.locator("#user")).to_have_text("demo")
        page.get_by_role("textbox", name="Note").fill("<b>milk</b>")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("listitem")).to_have_text("<b>milk</b>")
        page.reload()
        expect(page.get_by_role("listitem")).to_have_text("<b>milk</b>")
        page.get_by_role("link", name="Sessions and password").click()
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert page.url == f"{address}account"
        page.goto(address)
        expect(page.locator("#user")).to_have_text("demo")
        page.get_by_role("button", name="Sign out", exact=True).click()
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        expect(other.get_by_role("button", name="Sign in")).to_be_visible()
        assert context.cookies() == [] and faults == []
        browser.close()


def test_its_page_loads_nothing_from_elsewhere():
    files = [path for path in (EXAMPLES / "demo").rglob("*") if path.is_file()]
    assert len(files) == 4
    assert [path.name for path in files if re.search(r"https?://|//cdn", path.read_text().replace("http://127.0.0.1", ""))] == []


def test_its_packages_are_listed():
    rows = [line.split(None, 2) for line in (ROOT / "scripts/packages").read_text().splitlines() if line]
    wanted = {row[0] for row in rows if row[0] != "#" and "demo" in row[1].split(",")}
    assert wanted == {"curl", "nginx", "node-express", "nodejs", "openssl"}
