"""WebKitGTK's small browser on a screen without a monitor, driven by WebDriver."""

import os
import subprocess
import time
from pathlib import Path

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.webkitgtk.options import Options
from selenium.webdriver.webkitgtk.service import Service

from .gateways import program

BROWSERS = sorted(Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser"))


class WebKit:
    """A browser with a profile of its own. Certificates are not checked."""

    def __init__(self, base: Path):
        base.mkdir()
        self.output = open(base / "output", "wb+")
        read, write = os.pipe()
        self.screen = subprocess.Popen(
            [program("Xvfb"), "-displayfd", str(write), "-screen", "0", "1024x768x24", "-nolisten", "tcp"],
            pass_fds=[write],
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=self.output,
        )
        os.close(write)
        with open(read) as numbers:
            display = numbers.readline().strip()
        assert display, (base / "output").read_text()
        options = Options()
        options.binary_location = str(BROWSERS[0])
        options.add_argument("--automation")
        options.set_capability("acceptInsecureCerts", True)
        environment = {"PATH": os.environ["PATH"], "HOME": str(base), "DISPLAY": f":{display}"}
        # There is no graphics card.
        environment |= {"LIBGL_ALWAYS_SOFTWARE": "1", "WEBKIT_DISABLE_COMPOSITING_MODE": "1"}
        service = Service(program("WebKitWebDriver"), env=environment, log_output=str(base / "driver"))
        self.driver = webdriver.WebKitGTK(options=options, service=service)
        self.driver.set_script_timeout(60)
        self.driver.set_page_load_timeout(60)

    def go(self, address: str) -> None:
        self.driver.get(address)

    def run(self, script: str, *arguments):
        """The value of an asynchronous function's body, run in the page."""
        found, value = self.driver.execute_async_script(
            f"const [...given] = arguments; const done = given.pop();"
            f"(async () => {{ {script} }})().then(value => done([true, value]), error => done([false, `${{error}}`]));",
            *arguments,
        )
        assert found, value
        return value

    def wait_for(self, condition: str, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while True:
            try:
                if self.run(f"return Boolean({condition});"):
                    return
            except WebDriverException:
                pass  # The browser is on its way to another page.
            assert time.monotonic() < deadline, f"{condition} did not come true"
            time.sleep(0.05)

    def arrives(self, address: str, seconds: float = 60) -> None:
        """Waits until the browser is at an address."""
        deadline = time.monotonic() + seconds
        while (found := self.driver.current_url) != address:
            assert time.monotonic() < deadline, f"at {found}, not at {address}"
            time.sleep(0.1)

    def close(self) -> None:
        try:
            self.driver.quit()
        finally:
            self.screen.terminate()
            self.screen.wait(20)
            self.output.close()
