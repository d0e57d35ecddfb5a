"""The container files: what they name exists, and the binary runs on nothing but what they install."""

import json
import os
import re
import resource
import shutil
import subprocess
import time
from pathlib import Path

import jsonschema
import pytest
import yaml

from harness.server import free_port

ROOT = Path(__file__).resolve().parents[3]
BINARY = Path(os.environ.get("MARTLET_BIN", ROOT / ".build/release/martlet")).resolve()


def packages(step):
    """The packages that scripts/packages lists for a step."""
    rows = [line.split(None, 2) for line in (ROOT / "scripts/packages").read_text().splitlines()]
    return sorted(row[0] for row in rows if len(row) == 3 and row[0] != "#" and step in row[1].split(","))


def stages():
    """The Dockerfile's stages, each as one text with its continued lines joined."""
    text = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text())
    return re.split(r"^FROM ", text, flags=re.MULTILINE)[1:]


def installed(stage):
    """The packages that a stage of the Dockerfile installs."""
    words = re.search(r"apt-get install -y --no-install-recommends (.*?) &&", stage).group(1)
    return sorted(words.split())


def compose():
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def test_the_dockerfile_installs_the_listed_packages():
    build, run = stages()
    assert installed(build) == packages("image-build")
    assert installed(run) == packages("image-run")


def test_the_documented_installation_has_every_package_of_the_image():
    text = (ROOT / "docs/operations.md").read_text()
    (line,) = re.findall(r"^apt-get install (.*)$", text, flags=re.MULTILINE)
    assert sorted(line.split()) == packages("image-run")


def test_every_package_has_a_step_and_a_reason():
    lines = [line for line in (ROOT / "scripts/packages").read_text().splitlines() if line and line[0] != "#"]
    assert lines and all(len(line.split(None, 2)) == 3 for line in lines)


def test_what_the_image_build_copies_is_not_ignored():
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = set(re.findall(r"^COPY (\w[\w.]*) ", stages()[0], flags=re.MULTILINE))
    assert copied == kept
    assert all((ROOT / name).exists() for name in kept)


def test_the_image_runs_as_nobody_in_particular_and_checks_its_health():
    run = stages()[1]
    assert re.search(r"^USER 10001:10001$", run, flags=re.MULTILINE)
    assert re.search(r'^HEALTHCHECK .*CMD \["martlet", "healthcheck"\]$', run, flags=re.MULTILINE)


def test_the_compose_file_is_valid():
    schema = json.loads((ROOT / "Tests/Vectors/compose-spec/compose_spec.json").read_text())
    jsonschema.Draft201909Validator(schema).validate(compose())


def test_the_compose_file_gives_no_privileges_away():
    service = compose()["services"]["martlet"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_everything_written_lies_on_a_volume():
    """The root is read-only, so each path of the image's settings is below a volume of the compose file."""
    mounted = volume_paths()
    assert sorted(entry.split(":")[0] for entry in compose()["services"]["martlet"]["volumes"]) == sorted(
        compose()["volumes"]
    )
    paths = re.findall(r"MARTLET_\w+=(/\S+)", stages()[1])
    assert len(paths) == 4
    assert all(any(path == mount or path.startswith(mount + "/") for mount in mounted) for path in paths)
    declared = json.loads(re.search(r"^VOLUME (\[.*\])$", stages()[1], flags=re.MULTILINE).group(1))
    assert sorted(declared) == sorted([*mounted, "/run/martlet"])
    sockets = re.findall(r"unix:(/[^\s,]+)", stages()[1])
    assert sockets and all(str(Path(path).parent) in declared for path in sockets)


# The run-time layout by hand, where there is no container engine.


def closure(names):
    """The packages and what they depend on, as their control files declare it."""
    command = ["apt-cache", "depends", "--recurse", "--no-recommends", "--no-suggests", "--no-conflicts"]
    command += ["--no-breaks", "--no-replaces", "--no-enhances", *names]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    every = {line.strip() for line in found.splitlines() if re.match(r"^[a-z0-9]", line)}
    return sorted(every)


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """An empty root with the image's packages unpacked, the binary, and empty volumes."""
    if os.geteuid() != 0:
        pytest.skip("chroot and mount namespaces need root")
    namespace = subprocess.run(["unshare", "--mount", "--propagation", "private", "true"], capture_output=True, text=True)
    if namespace.returncode != 0:
        pytest.skip("no mount namespace can be made here: " + namespace.stderr.strip())
    for tool in ("apt-get", "apt-cache", "dpkg-deb", "unshare"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not here")
    if not BINARY.exists():
        pytest.skip(f"{BINARY} is not built")
    folder = tmp_path_factory.mktemp("image")
    archives, root = folder / "archives", folder / "root"
    archives.mkdir()
    root.mkdir(mode=0o755)
    names = closure(packages("image-run"))
    fetched = subprocess.run(["apt-get", "-qq", "download", *names], cwd=archives, capture_output=True, text=True)
    if fetched.returncode != 0:
        pytest.skip("the packages cannot be fetched: " + fetched.stderr.strip()[-200:])
    for archive in sorted(archives.glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", archive, root], check=True)
    for link in ("lib", "lib64"):
        # Debian 12 is merged: what a package ships in /lib belongs below /usr.
        if (root / link).is_dir() and not (root / link).is_symlink():
            shutil.copytree(root / link, root / "usr" / link, symlinks=True, dirs_exist_ok=True)
            shutil.rmtree(root / link)
        (root / link).symlink_to(f"usr/{link}")
    (root / "usr/local/bin").mkdir(parents=True, exist_ok=True)
    shutil.copy(BINARY, root / "usr/local/bin/martlet")
    for name in ("dev", "proc", "tmp"):
        (root / name).mkdir(exist_ok=True)
    for path in (root / path.lstrip("/") for path in [*volume_paths(), "/run/martlet"]):
        path.mkdir(parents=True)
        path.chmod(0o700)
        os.chown(path, 10001, 10001)
    return root


def settings():
    """The environment that the Dockerfile sets."""
    return dict(re.findall(r"(MARTLET_\w+)=(\S+)", stages()[1]))


def inside(root, environment, *arguments):
    """The command that runs the binary in the root: read-only but for the volumes, as the image's user."""
    volumes = " ".join(f"mount --bind {root}{path} {root}{path};" for path in sorted([*volume_paths(), "/run/martlet"]))
    script = (
        f"set -e; mount --bind {root} {root}; {volumes} mount -o remount,bind,ro {root};"
        f" mount -t proc proc {root}/proc; mount --bind /dev {root}/dev;"
        f' exec chroot --userspec=10001:10001 {root} /usr/local/bin/martlet "$@"'
    )
    command = ["unshare", "--mount", "--propagation", "private", "bash", "-c", script, "martlet", *arguments]
    environment = {"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", **environment}
    return command, environment


def volume_paths():
    return [entry.split(":")[1] for entry in compose()["services"]["martlet"]["volumes"]]


def run_inside(root, environment, *arguments, **more):
    command, environment = inside(root, environment, *arguments)
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, **more)


def test_the_binary_runs_on_the_named_packages_alone(image):
    answer = run_inside(image, {}, "version")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip()


def test_the_service_starts_on_a_read_only_root_and_its_health_check_passes(image):
    ports = {"MARTLET_LISTEN": f"127.0.0.1:{free_port()}", "MARTLET_OPERATOR_LISTEN": f"127.0.0.1:{free_port()}"}
    environment = {**settings(), **ports}
    added = run_inside(image, environment, "user", "add", "guest", "--password-stdin", input="a long enough password")
    assert added.returncode == 0, added.stderr

    unhealthy = run_inside(image, environment, "healthcheck")
    assert unhealthy.returncode != 0

    command, environment = inside(image, environment, "serve")
    log = image.parent / "log"
    with log.open("w") as output:
        server = subprocess.Popen(command, env=environment, stderr=output)
    try:
        deadline = time.monotonic() + 20
        while log.read_text().count('"listening"') < 2 and server.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert server.poll() is None, log.read_text()
        healthy = run_inside(image, environment, "healthcheck")
        assert healthy.returncode == 0, healthy.stderr + log.read_text()
    finally:
        server.terminate()
        code = server.wait(timeout=20)
    assert code == 0, log.read_text()
    written = {path.stat().st_uid for path in (image / "var/lib/martlet").glob("*/*")}
    assert written == {10001}


# The descriptor limit, which containers and shells often set low.


def descriptors(pid):
    """The soft and the hard limit of a process."""
    row = re.search(r"^Max open files +(\d+) +(\d+)", Path(f"/proc/{pid}/limits").read_text(), re.MULTILINE)
    return int(row[1]), int(row[2])


@pytest.mark.parametrize(("connections", "warnings"), [(1500, 0), (20000, 1)])
def test_the_soft_descriptor_limit_is_raised_and_a_hard_one_too_low_is_told(make_server, connections, warnings):
    server = make_server(connections=connections, threads=2)
    server.start(preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 2048)))
    assert descriptors(server.pid) == (2048, 2048)
    told = server.events("descriptor_limit_low")
    assert [(event["level"], event["limit"], event["connections"]) for event in told] == [
        ("warning", 2048, connections)
    ] * warnings
