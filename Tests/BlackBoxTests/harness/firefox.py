"""Firefox without a window, driven by the protocol that is built into it."""

import os
import subprocess
import time
from pathlib import Path

from marionette_driver.errors import MarionetteException
from marionette_driver.marionette import Marionette

from .gateways import program
from .server import free_port

# No first page, no updates, no reports: the tests reach loopback only.
PREFERENCES = {
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    # A page may open windows without a click.
    "dom.disable_open_during_load": False,
    # Shows JSON as it was sent.
    "devtools.jsonview.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
}


class Firefox:
    """A browser with a profile of its own. Certificates are not checked."""

    def __init__(self, base: Path):
        base.mkdir()
        port = free_port()
        spelled = {True: "true", False: "false"}
        lines = [
            f'user_pref("{name}", {spelled.get(value, value) if not isinstance(value, str) else repr(value)});'
            for name, value in (PREFERENCES | {"marionette.port": port}).items()
        ]
        (base / "user.js").write_text("\n".join(lines) + "\n")
        self.output = open(base / "output", "wb+")
        self.process = subprocess.Popen(
            [program("firefox-esr"), "--headless", "--marionette", "--no-remote", "--profile", str(base)],
            env={"PATH": os.environ["PATH"], "HOME": str(base), "MOZ_CRASHREPORTER_DISABLE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=self.output,
        )
        self.driver = Marionette(host="127.0.0.1", port=port, socket_timeout=90)
        deadline = time.monotonic() + 60
        while True:
            try:
                self.driver.start_session({"acceptInsecureCerts": True}, timeout=60)
                break
            except OSError:
                assert time.monotonic() < deadline and self.process.poll() is None, (base / "output").read_text()
                time.sleep(0.2)
        # Stays open, so that there is a window to open tabs from.
        self.first = self.driver.current_window_handle
        self.driver.timeout.script = 60
        self.driver.timeout.page_load = 60

    def close(self) -> None:
        try:
            self.driver.delete_session()
        finally:
            self.process.terminate()
            self.process.wait(20)
            self.output.close()


class PageGone(Exception):
    """The tab has left the page before the script ended."""


class FirefoxTab:
    """A tab at `address`."""

    def __init__(self, firefox: Firefox, address: str):
        self.driver = firefox.driver
        self.driver.switch_to_window(firefox.first)
        self.handle = self.driver.open(type="tab", focus=True)["handle"]
        self.go(address)

    def go(self, address: str) -> None:
        self.driver.switch_to_window(self.handle)
        self.driver.navigate(address)

    def run(self, script: str, *arguments):
        """The value of an asynchronous function's body, run in the page."""
        self.driver.switch_to_window(self.handle)
        answer = self.driver.execute_async_script(
            f"const [...given] = arguments; const done = given.pop();"
            f"(async () => {{ {script} }})().then(value => done([true, value]), error => done([false, `${{error}}`]));",
            script_args=arguments,
            sandbox=None,
        )
        if answer is None:
            raise PageGone(script)
        found, value = answer
        assert found, value
        return value

    def text(self) -> str:
        return self.run("return document.body.textContent;")

    def cookies(self) -> list[dict]:
        """Those of this address, also the ones that no script can read."""
        self.driver.switch_to_window(self.handle)
        return self.driver.get_cookies()

    def wait_for(self, condition: str, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while True:
            try:
                if self.run(f"return Boolean({condition});"):
                    return
            except (PageGone, MarionetteException):
                pass  # The tab is on its way to another page.
            assert time.monotonic() < deadline, f"{condition} did not come true"
            time.sleep(0.05)

    def close(self) -> None:
        self.driver.switch_to_window(self.handle)
        self.driver.close()
