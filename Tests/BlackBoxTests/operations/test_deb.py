"""The Debian package of `make deb`: contents, dependencies, and a login, a verification and a revocation with it.

With MARTLET_TEST_FULL=1 it is installed with apt in a Debian 12 root that debootstrap makes, or that the archive in
MARTLET_TEST_DEBIAN_ROOT holds, and started there as its unit says.
"""

import gzip
import os
import re
import shutil
import stat
import subprocess
import tarfile
import time
from pathlib import Path

import httpx
import pytest

from harness.accounts import AMY
from harness.process import BINARY, ROOT
from harness.server import free_port

UNIT = "usr/lib/systemd/system/martlet.service"
SETTINGS = "etc/martlet/martlet.env"
pytestmark = pytest.mark.skipif(shutil.which("dpkg-shlibdeps") is None, reason="dpkg-dev is not here")


def out(*command, **options) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=900, **options)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def package(tmp_path_factory, is_full) -> Path:
    if "libswiftCore" in out("readelf", "-d", BINARY):
        pytest.skip("this binary is a build for debugging, without the Swift runtime inside")
    folder = tmp_path_factory.mktemp("deb")
    # Compressing takes most of the time, and the shipped form is for the long form to try.
    kind = {} if is_full else {"DPKG_DEB_COMPRESSOR_TYPE": "none"}
    out(ROOT / "scripts/deb", folder, env={**os.environ, "MARTLET_BIN": BINARY} | kind)
    (made,) = folder.iterdir()
    return made


@pytest.fixture(scope="module")
def unpacked(package, tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("root")
    out("dpkg-deb", "-x", package, root)
    out("dpkg-deb", "-e", package, root / "DEBIAN")
    return root


def field(package: Path, name: str) -> str:
    return out("dpkg-deb", "-f", package, name).strip()


def sections(text: str) -> dict[str, list[str]]:
    """The settings of a unit file; one may be given several times."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line and line[0] not in "#[":
            name, value = line.split("=", 1)
            found.setdefault(name, []).append(value)
    return found


def listed(step: str) -> set[str]:
    """The packages that scripts/packages lists for a step."""
    rows = [line.split(None, 2) for line in (ROOT / "scripts/packages").read_text().splitlines()]
    return {row[0] for row in rows if len(row) == 3 and row[0] != "#" and step in row[1].split(",")}


def settings(root: Path) -> dict[str, str]:
    return dict(re.findall(r"^(MARTLET_\w+)=(.*)$", (root / SETTINGS).read_text(), re.M))


def test_the_name_has_the_version_of_the_binary_and_of_the_document(package):
    version = out(BINARY, "version").split()[1]
    architecture = out("dpkg", "--print-architecture").strip()
    assert package.name == f"martlet_{version}_{architecture}.deb"
    assert (field(package, "Version"), field(package, "Architecture")) == (version, architecture)
    assert re.search(rf'^  version: "{version}"$', (ROOT / "openapi.yaml").read_text(), re.M)


def test_the_dependencies_are_what_the_binary_links_and_the_image_installs(package, unpacked):
    depends = field(package, "Depends").split(", ")
    assert depends.pop() == "systemd | systemd-standalone-sysusers | systemd-sysusers"
    named = {entry.split()[0] for entry in depends}
    # The dynamic section lists the libraries, and dpkg knows which package each is from.
    needed = re.findall(r"NEEDED.*\[(.+)\]", out("readelf", "-d", unpacked / "usr/bin/martlet"))
    loaded = dict(re.findall(r"(\S+) => (/\S+)", out("ldd", unpacked / "usr/bin/martlet")))
    owners = set()
    for library in needed:
        if library.startswith("ld-linux"):
            continue
        path = Path(loaded[library])
        # A merged /usr has one file under two names; dpkg knows one of them.
        names = [str(path), str(path).removeprefix("/usr"), "/usr" + str(path), str(path.resolve())]
        found = subprocess.run(["dpkg", "-S", *names], capture_output=True, text=True).stdout
        owners |= {line.split(":")[0] for line in found.splitlines()}
    assert named == owners
    recommended = set(field(package, "Recommends").split(", "))
    assert named - {"libc6"} | recommended == listed("image-run")
    # The libraries of the engines are loaded only when a setting names one.
    assert recommended == {"ca-certificates", "libhiredis0.14", "libpq5"}
    assert all("(>=" in entry for entry in depends)


def test_files_have_their_places_owners_and_modes(package, unpacked):
    tree = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], capture_output=True, check=True)
    archive = unpacked.parent / "tree.tar"
    archive.write_bytes(tree.stdout)
    with tarfile.open(archive) as files:
        members = {member.name.removeprefix("./"): member for member in files}
    assert all((member.uid, member.gid) == (0, 0) for member in members.values())
    modes = {name: member.mode for name, member in members.items() if member.isfile()}
    assert {name for name, mode in modes.items() if mode == 0o755} == {"usr/bin/martlet"}
    assert set(modes.values()) == {0o644, 0o755}
    document = "usr/share/doc/martlet"
    names = ("configuration.md", "performance.svg")
    documents = ("copyright", "README.md", "openapi.yaml", "examples/README.md", *(f"docs/{name}" for name in names))
    shipped = {UNIT, SETTINGS, "usr/lib/sysusers.d/martlet.conf", *(f"{document}/{name}" for name in documents)}
    assert shipped - modes.keys() == set()
    # The service makes its keys and its state; the package ships none.
    assert not [name for name in modes if name.startswith("var/")]
    assert (unpacked / "DEBIAN/conffiles").read_text() == f"/{SETTINGS}\n"
    with gzip.open(unpacked / document / "changelog.gz", "rt") as changes:
        assert changes.read() == (ROOT / "CHANGELOG.md").read_text()
    summed = re.findall(r"^\w{32}  (.+)$", (unpacked / "DEBIAN/md5sums").read_text(), re.M)
    assert sorted(summed) == sorted(name for name in modes if name.startswith("usr/"))
    out("md5sum", "--check", "--quiet", "DEBIAN/md5sums", cwd=unpacked)


def test_the_unit_is_that_of_the_repository_with_its_settings_in_a_file(unpacked):
    """One source: the package changes the binary's path and moves `Environment=` to a file, nothing else."""
    ours, theirs = (sections(path.read_text()) for path in (unpacked / UNIT, ROOT / "deploy/systemd/martlet.service"))
    assert ours.pop("Environment") == [f"MARTLET_ENV_FILE=/{SETTINGS}"]
    moved = dict(word.split("=", 1) for line in theirs.pop("Environment") for word in line.split())
    assert settings(unpacked) == moved
    assert ours.pop("ExecStart") == ["/usr/bin/martlet serve"]
    del theirs["ExecStart"]
    assert ours == theirs
    assert ours["User"] == ["martlet"] and ours["StateDirectory"] == ["martlet"]
    assert (unpacked / "usr/lib/sysusers.d/martlet.conf").read_text().split()[:2] == ["u", "martlet"]
    for name in ("STATE", "KEYS", "USERS", "CLIENTS"):
        assert moved[f"MARTLET_{name}"].startswith("/var/lib/martlet/")


@pytest.mark.parametrize("script", ["postinst", "prerm", "postrm"])
def test_the_scripts_of_the_package_are_valid_shell(unpacked, script):
    assert stat.S_IMODE((unpacked / "DEBIAN" / script).stat().st_mode) == 0o755
    out("sh", "-n", unpacked / "DEBIAN" / script)


def log_in_verify_and_revoke(url: str) -> None:
    with httpx.Client(base_url=url, timeout=20) as client:
        answer = client.post("/login", json={"username": AMY.name, "password": AMY.password})
        assert answer.status_code == 200, answer.text
        token = answer.json()["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        assert client.get("/verify", headers=bearer).status_code == 200
        assert client.post("/revoke", data={"token": token}).status_code == 200
        refused = client.get("/verify", headers=bearer)
        assert (refused.status_code, refused.json()["code"]) == (401, "token_revoked")


def serve(command: list, log: Path, environment: dict, url: str) -> None:
    """Starts the service, uses it, and stops it as systemd does."""
    with log.open("w") as output:
        server = subprocess.Popen(command, env=environment, stderr=output, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while log.read_text().count('"listening"') < 3:
            assert server.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        log_in_verify_and_revoke(url)
    finally:
        server.terminate()
        code = server.wait(timeout=20)
    assert code == 0, log.read_text()


def test_the_unpacked_binary_serves_with_the_settings_of_the_package(unpacked, tmp_path):
    port = free_port()
    text = (unpacked / SETTINGS).read_text()
    for path in ("/var/lib/martlet", "/run/martlet"):
        assert path in text
        (tmp_path / path[1:]).mkdir(parents=True, mode=0o700)
        text = text.replace(path, f"{tmp_path}{path}")
    (tmp_path / "martlet.env").write_text(text.replace("127.0.0.1:8081", f"127.0.0.1:{free_port()}"))
    binary, kept = unpacked / "usr/bin/martlet", {"PATH": os.environ["PATH"]}
    environment = kept | {"MARTLET_ENV_FILE": str(tmp_path / "martlet.env"), "MARTLET_LISTEN": f"127.0.0.1:{port}"}
    arguments = ["user", "add", AMY.name, "--password-stdin", "--env-file", tmp_path / "martlet.env"]
    out(binary, *arguments, input=AMY.password, env=kept)
    serve([binary, "serve"], tmp_path / "log", environment, f"http://127.0.0.1:{port}")


# The long form: apt, in a Debian root.


@pytest.fixture(scope="module")
def debian(tmp_path_factory, is_full) -> Path:
    if not is_full:
        pytest.skip("MARTLET_TEST_FULL=1 installs the package with apt in a Debian root")
    if os.geteuid() != 0:
        pytest.skip("debootstrap and chroot need root")
    root = tmp_path_factory.mktemp("debian") / "root"
    archive = os.environ.get("MARTLET_TEST_DEBIAN_ROOT")
    if archive:
        root.mkdir()
        out("tar", "-C", root, "-xpf", archive)
    else:
        made = subprocess.run(["debootstrap", "--variant=minbase", "bookworm", root], capture_output=True, text=True)
        if made.returncode != 0:
            pytest.skip("debootstrap failed: " + made.stdout.strip()[-300:])
    root.chmod(0o755)
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    return root


def inside(root: Path, *words, user: str = "root", environment: dict | None = None) -> tuple[list, dict]:
    """A command in the root, with /proc and /dev, in a mount namespace that ends with it."""
    script = (
        f'set -e; mount --bind {root} {root}; mount -t proc proc {root}/proc; mount --rbind /dev {root}/dev;'
        f' exec chroot --userspec={user} {root} "$@"'
    )
    known = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    command = ["unshare", "--mount", "--propagation", "private", "bash", "-c", script, "inside", *words]
    return command, known | (environment or {})


def run_inside(root: Path, *words, **options) -> str:
    stdin = options.pop("input", "")
    command, environment = inside(root, *words, **options)
    return out(*command, env=environment, input=stdin)


def test_apt_installs_the_package_and_its_unit_serves(debian, package):
    shutil.copy(package, debian / "tmp" / package.name)
    run_inside(debian, "apt-get", "-q", "update")
    run_inside(debian, "apt-get", "-qy", "install", "--no-install-recommends", f"/tmp/{package.name}")
    status = run_inside(debian, "dpkg-query", "-W", "-f", "${Status} ${Version}", "martlet")
    assert status == f"install ok installed {field(package, 'Version')}"

    # The user and the directory are there before the first start, so that the first user can be added.
    uid, gid = map(int, re.search(r"^martlet:[^:]*:(\d+):(\d+):", (debian / "etc/passwd").read_text(), re.M).groups())
    state = debian / "var/lib/martlet"
    assert (state.stat().st_uid, state.stat().st_gid, stat.S_IMODE(state.stat().st_mode)) == (uid, gid, 0o700)
    unit = sections((debian / UNIT).read_text())
    (account,) = unit["User"]
    (line,) = re.findall(r"^sudo -u martlet (martlet user add demo .*)$", (ROOT / "README.md").read_text(), re.M)
    add = [*line.replace("demo", AMY.name).split(), "--password-stdin"]
    run_inside(debian, *add, user=f"{account}:{account}", input=AMY.password)
    verified = run_inside(debian, "systemd-analyze", "verify", f"/{UNIT}")
    assert "martlet.service" not in verified, verified

    # What systemd does before ExecStart: RuntimeDirectory, and the environment of the unit.
    runtime = debian / "run" / unit["RuntimeDirectory"][0]
    runtime.mkdir(mode=0o750)
    os.chown(runtime, uid, gid)
    port = free_port()
    environment = dict(line.split("=", 1) for line in unit["Environment"])
    ports = {"MARTLET_LISTEN": f"127.0.0.1:{port}"}
    ports["MARTLET_OPERATOR_LISTEN"] = settings(debian)["MARTLET_OPERATOR_LISTEN"].replace("8081", str(free_port()))
    words = unit["ExecStart"][0].split()
    command, environment = inside(debian, *words, user=f"{account}:{account}", environment=environment | ports)
    serve(command, debian.parent / "log", environment, f"http://127.0.0.1:{port}")
    assert {path.lstat().st_uid for path in state.rglob("*")} == {uid}

    # An upgrade keeps what an operator changed.
    with (debian / SETTINGS).open("a") as file:
        file.write("MARTLET_ACCESS_TTL=5m\n")
    run_inside(debian, "apt-get", "-qy", "install", "--reinstall", "--no-install-recommends", f"/tmp/{package.name}")
    assert settings(debian)["MARTLET_ACCESS_TTL"] == "5m"

    # An operator's settings survive the removal, and the state survives even a purge.
    run_inside(debian, "apt-get", "-qy", "remove", "martlet")
    assert (debian / SETTINGS).exists() and not (debian / "usr/bin/martlet").exists()
    run_inside(debian, "apt-get", "-qy", "purge", "martlet")
    assert not (debian / SETTINGS).exists()
    assert list((state / "keys").iterdir())
