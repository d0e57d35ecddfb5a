"""The shipped image, built by buildah and run by podman, with everything below one folder."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

from . import debian_root
from .process import BINARY, ROOT

TOOLS = ("buildah", "podman", "runc", "debootstrap", "strip", "tar", "ldconfig")
CONTAINERS_CONF = """
[containers]
default_ulimits = ["nofile=10000:10000", "nproc=10000:10000"]
netns = "host"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
STORAGE_CONF = """
[storage]
driver = "{driver}"
graphroot = "{folder}/graph"
runroot = "{folder}/run"
"""


class Unavailable(Exception):
    """Why no container can run on this machine."""


def storage_driver(folder: Path) -> str:
    """`overlay` where the kernel can stack folders here; otherwise every container is a copy of the whole image."""
    layers = [folder / f"probe-{name}" for name in ("lower", "upper", "work", "merged")]
    for layer in layers:
        layer.mkdir()
    options = "lowerdir={},upperdir={},workdir={}".format(*layers[:3])
    probe = ["unshare", "--mount", "mount", "-t", "overlay", "overlay", "-o", options, str(layers[3])]
    can_stack = subprocess.run(probe, capture_output=True).returncode == 0
    for layer in layers:
        shutil.rmtree(layer)
    return "overlay" if can_stack else "vfs"


class Engine:
    """podman and buildah with images, volumes and settings of their own."""

    def __init__(self, folder: Path):
        if os.geteuid() != 0:
            raise Unavailable("containers need root here")
        missing = [tool for tool in TOOLS if shutil.which(tool) is None]
        if missing:
            raise Unavailable("not installed: " + ", ".join(missing))
        probe = subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], capture_output=True, text=True)
        if probe.returncode != 0:
            raise Unavailable("no namespace can be made: " + probe.stderr.strip())
        self.folder = folder
        (folder / "containers.conf").write_text(CONTAINERS_CONF)
        (folder / "storage.conf").write_text(STORAGE_CONF.format(folder=folder, driver=storage_driver(folder)))
        self.environment = {
            "PATH": f"{ROOT}/.venv/bin:{os.environ['PATH']}",
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
        }

    def run(self, *command: str, stdin: str = "", seconds: float = 120, more: dict | None = None):
        """A command's result, whatever it is."""
        return subprocess.run(
            command, cwd=ROOT, env=self.environment | (more or {}), input=stdin, capture_output=True, text=True, timeout=seconds
        )

    def podman(self, *arguments: str, **options) -> str:
        """What a command of podman printed; it must succeed."""
        done = self.run("podman", *arguments, **options)
        assert done.returncode == 0, f"podman {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def import_base(self, is_full: bool) -> None:
        """Debian as `debian:12-slim`: the archive that MARTLET_TEST_DEBIAN_ROOT names, or one that is made."""
        named = os.environ.get("MARTLET_TEST_DEBIAN_ROOT")
        try:
            archive = Path(named) if named else self.make_base(is_full)
        except debian_root.NoRoot as reason:
            raise Unavailable(str(reason)) from None
        imported = self.run("podman", "import", str(archive), "docker.io/library/debian:12-slim")
        if imported.returncode != 0:
            raise Unavailable("podman cannot import an image: " + imported.stderr.strip()[-300:])

    def make_base(self, is_full: bool) -> Path:
        if is_full:
            return debian_root.debootstrapped(ROOT, self.folder)
        rows = [line.split(None, 2) for line in (ROOT / "scripts/packages").read_text().splitlines()]
        wanted = [row[0] for row in rows if len(row) == 3 and "image-run" in row[1].split(",")]
        try:
            return debian_root.of_installed_packages(wanted, self.folder)
        except debian_root.NoRoot:
            return debian_root.debootstrapped(ROOT, self.folder)

    def build(self) -> None:
        """The image of the Dockerfile; the binary under test takes the place of the stage that compiles one."""
        stage = self.folder / "stage"
        binary = stage / "src/.build/release/martlet"
        binary.parent.mkdir(parents=True)
        assert self.run("strip", "--strip-debug", "-o", str(binary), BINARY).returncode == 0
        built = self.run(
            "buildah", "bud", "--format", "docker", "--isolation", "chroot", "--network", "host", "--pull-never",
            "--build-context", f"build={stage}", "-t", "localhost/martlet:latest", ".", seconds=300,
        )  # fmt: skip
        if built.returncode != 0 and "Temporary failure" in built.stdout + built.stderr:
            raise Unavailable("the packages of the image cannot be fetched")
        assert built.returncode == 0, (built.stdout + built.stderr)[-3_000:]

    def image(self) -> dict:
        """What the image declares; podman shows the health check beside the rest."""
        found = json.loads(self.podman("image", "inspect", "localhost/martlet:latest"))[0]
        return {"Healthcheck": found.get("HealthCheck") or found.get("Healthcheck")} | found["Config"]

    def volume(self, name: str) -> Path:
        """Where a volume lies on this machine."""
        return Path(self.podman("volume", "inspect", "--format", "{{.Mountpoint}}", name))

    def close(self) -> None:
        self.run("podman", "pod", "rm", "--all", "--force", "--time", "2")
        self.run("podman", "rm", "--all", "--force", "--time", "2")
        self.run("podman", "volume", "rm", "--all", "--force")
        shutil.rmtree(self.folder, ignore_errors=True)


class Container:
    """A container of the image that runs the service."""

    def __init__(self, engine: Engine, name: str):
        self.engine = engine
        self.name = name

    def exec(self, *command: str, stdin: str = ""):
        """A command inside, as `docker compose exec` runs one."""
        return self.engine.run("podman", "exec", "--interactive", self.name, *command, stdin=stdin, seconds=60)

    @property
    def log(self) -> str:
        done = self.engine.run("podman", "logs", self.name)
        return done.stdout + done.stderr

    @property
    def state(self) -> dict:
        return json.loads(self.engine.podman("inspect", self.name))[0]["State"]

    def events(self, name: str) -> list[dict]:
        entries = [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]
        return [entry for entry in entries if entry.get("event") == name]

    def await_listening(self, count: int, seconds: float = 60) -> None:
        """Returns once the service listens; `count` addresses since the container was made."""
        deadline = time.monotonic() + seconds
        while len(self.events("listening")) < count:
            assert self.state["Running"], f"{self.name} ended with {self.state['ExitCode']}:\n{self.log}"
            assert time.monotonic() < deadline, self.log
            time.sleep(0.1)

    def await_end(self, seconds: float = 60) -> int:
        deadline = time.monotonic() + seconds
        while self.state["Running"]:
            assert time.monotonic() < deadline, self.log
            time.sleep(0.1)
        return self.state["ExitCode"]

    def stop(self, seconds: int) -> float:
        """SIGTERM, then SIGKILL after so many seconds; returns how long it took."""
        began = time.monotonic()
        self.engine.podman("stop", "--time", str(seconds), self.name)
        return time.monotonic() - began
