"""Archives of a Debian root, from which the base image of the Dockerfile is imported.

The quick form packs this machine's own installed packages: that takes seconds and needs no network, and apt inside finds
the packages of the Dockerfile installed already. The full form has debootstrap make a root as Debian ships it, once; the
archive is kept below .build.
"""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

SUITE = "bookworm"
STATUS = Path("/var/lib/dpkg/status")
KEPT = (".build", "test-roots")
# Which packages a root needs beside the essential ones, so that the commands of the Dockerfile run.
TOOLS = ("apt", "passwd")
LEFT_OUT = re.compile(r"/usr/share/(doc|doc-base|man|info|locale|i18n|bug|lintian|zoneinfo|bash-completion)(/|$)|/usr/lib/udev/")
MERGED = ("bin", "sbin", "lib", "lib64")


class NoRoot(Exception):
    """Why no root can be made on this machine."""


def debootstrapped(project: Path, scratch: Path) -> Path:
    """An archive of what debootstrap makes; made once, since its downloads take a minute or more."""
    options = ["--variant=minbase", SUITE]
    key = hashlib.sha256(" ".join(options).encode()).hexdigest()[:12]
    archive = project.joinpath(*KEPT, f"debian-{SUITE}-{key}.tar")
    if archive.exists():
        return archive
    root = scratch / "debian"
    made = subprocess.run(["debootstrap", *options, str(root)], capture_output=True, text=True, timeout=600)
    if made.returncode != 0:
        raise NoRoot("debootstrap failed: " + made.stdout.strip()[-300:])
    archive.parent.mkdir(parents=True, exist_ok=True)
    new = archive.with_suffix(f".{os.getpid()}.new")
    pack(root, new)
    new.rename(archive)
    shutil.rmtree(root)
    return archive


def of_installed_packages(wanted: list[str], scratch: Path) -> Path:
    """An archive of the files of the essential packages, `wanted` and all that these depend on, as installed here."""
    if f"VERSION_CODENAME={SUITE}" not in Path("/etc/os-release").read_text().split() or not STATUS.exists():
        raise NoRoot(f"this machine does not run Debian {SUITE}")
    stanzas = installed()
    missing = [name for name in wanted if name not in stanzas]
    if missing:
        raise NoRoot("not installed here: " + " ".join(missing))
    names = closure(stanzas, [name for name, fields in stanzas.items() if fields.get("Essential") == "yes"] + [*TOOLS, *wanted])
    root = scratch / "debian"
    root.mkdir()
    for name in MERGED:
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    copy(files_of(stanzas, names), root)
    complete(root, [stanzas[name] for name in names])
    archive = scratch / "debian.tar"
    pack(root, archive)
    shutil.rmtree(root)
    return archive


def installed() -> dict[str, dict[str, str]]:
    """The fields of every installed package, by its name; `text` is the whole stanza."""
    found = {}
    for text in STATUS.read_text().split("\n\n"):
        fields = dict(re.findall(r"^([A-Za-z-]+): *(.*)$", text, re.M))
        if fields.get("Status") == "install ok installed":
            found[fields["Package"]] = fields | {"text": text.strip()}
    return found


def closure(stanzas: dict[str, dict[str, str]], names: list[str]) -> list[str]:
    """These packages and what they depend on: of alternatives, the first that is installed."""
    provided = {}
    for name, fields in stanzas.items():
        for other in re.findall(r"[a-z0-9][a-z0-9+.-]+(?=[ ,(]|$)", re.sub(r"\(.*?\)", "", fields.get("Provides", ""))):
            provided.setdefault(other, name)
    found, left = {}, list(names)
    while left:
        name = left.pop()
        if name in found:
            continue
        found[name] = None
        for field in ("Depends", "Pre-Depends"):
            for alternatives in filter(None, stanzas[name].get(field, "").split(",")):
                plain = [re.match(r"\s*([a-z0-9+.-]+)", one)[1] for one in alternatives.split("|")]
                left += [other if other in stanzas else provided[other] for other in plain if other in stanzas or other in provided][:1]
    return sorted(found)


def files_of(stanzas: dict[str, dict[str, str]], names: list[str]) -> list[str]:
    """The files, links and folders of packages, with folders that are links resolved (/bin is usr/bin)."""
    full = [f"{name}:{stanzas[name]['Architecture']}" if stanzas[name].get("Multi-Arch") == "same" else name for name in names]
    listed = subprocess.run(["dpkg-query", "--listfiles", *full], capture_output=True, text=True, check=True).stdout
    paths = {os.path.join(os.path.realpath(os.path.dirname(line)), os.path.basename(line)) for line in listed.split("\n") if line[:1] == "/"}
    merged = {f"/{name}" for name in MERGED}
    return sorted(path for path in paths if os.path.lexists(path) and path not in merged | {"/", "/."} and not LEFT_OUT.match(path))


def copy(paths: list[str], root: Path) -> None:
    listing = "\0".join(path.removeprefix("/") for path in paths).encode()
    packed = ["tar", "-C", "/", "--no-recursion", "--null", "--verbatim-files-from", "-T", "-", "-cf", "-"]
    sender = subprocess.Popen(packed, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    receiver = subprocess.Popen(["tar", "-C", str(root), "--keep-directory-symlink", "-xpf", "-"], stdin=sender.stdout)
    sender.stdout.close()
    sender.stdin.write(listing)
    sender.stdin.close()
    if sender.wait() != 0 or receiver.wait() != 0:
        raise NoRoot("the files of this machine's packages cannot be copied")


def complete(root: Path, stanzas: list[dict[str, str]]) -> None:
    """What the packages' own scripts would have made."""
    for name in ("passwd", "group"):
        shutil.copy(root / f"usr/share/base-passwd/{name}.master", root / "etc" / name)
    # No account has a password.
    for name, source, fields in (("shadow", "passwd", ":*:19000:0:99999:7:::"), ("gshadow", "group", ":*::")):
        accounts = [line.split(":")[0] for line in (root / "etc" / source).read_text().splitlines()]
        (root / "etc" / name).write_text("".join(f"{account}{fields}\n" for account in accounts))
    dpkg = root / "var/lib/dpkg"
    for folder in (dpkg / "info", dpkg / "updates", root / "tmp", root / "proc", root / "sys", root / "dev", root / "etc/apt/apt.conf.d"):
        folder.mkdir(parents=True, exist_ok=True)
    (root / "tmp").chmod(0o1777)
    (dpkg / "status").write_text("\n\n".join(fields["text"] for fields in stanzas) + "\n")
    # No lists are fetched: apt knows what is installed, and that is all it is asked for.
    shutil.rmtree(root / "etc/apt/sources.list.d", ignore_errors=True)
    (root / "etc/apt/sources.list").write_text("")
    subprocess.run(["ldconfig", "-r", str(root)], check=True, capture_output=True)


def pack(root: Path, archive: Path) -> None:
    excluded = "--exclude=./var/cache/apt/archives/*.deb"
    subprocess.run(["tar", "-C", str(root), excluded, "-cf", str(archive), "."], check=True, capture_output=True)
