"""What a visitor reads first: README.md, SECURITY.md and .github name what exists, and README's lines do what it says."""

import os
import re
import subprocess

import httpx
import pytest
import yaml

from harness.accounts import Person
from harness.process import BINARY, ROOT

TEXT = (ROOT / "README.md").read_text()
DEMO = Person("demo", "a-password-without-blanks-7")
ADDRESS = "http://127.0.0.1:8080"


def section(heading: str) -> str:
    (found,) = re.findall(rf"^## {heading}\n(.*?)(?=^## )", TEXT, re.S | re.M)
    return found


def five_minutes() -> list[tuple[str, str]]:
    """The commands, and what is printed below each."""
    (console,) = re.findall(r"```console\n(.*?)```", section("Five minutes"), re.S)
    return [tuple(part.split("\n", 1)) for part in re.split(r"^\$ ", console, flags=re.M)[1:]]


def test_the_five_minutes_of_the_page_are_as_printed(make_server, tmp_path):
    server = make_server(people=(DEMO,), audience="api", hs256_audiences="", claims="").start()
    pairs = five_minutes()
    assert len(pairs) == 5
    for command, printed in pairs:
        command = command.replace(ADDRESS, server.url).replace("PASSWORD", DEMO.password)
        done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=30)
        assert (done.returncode, done.stderr) == (0, ""), command
        # Status lines, member names and fixed values; tokens, ids and times differ from run to run.
        assert re.findall(r"^HTTP/1.1 .*", printed, re.M) == re.findall(r"^HTTP/1.1 [^\r\n]*", done.stdout, re.M)
        assert re.findall(r'"(\w+)" *:', printed) == re.findall(r'"(\w+)" *:', done.stdout), done.stdout
        names = "code|title|type|token_type|scope|aud|client_id|alg"
        for fixed in re.findall(rf'"(?:{names})" *: *"[^"]*"|^WWW-.*|^Revocation.*', printed, re.M):
            assert fixed in done.stdout


def test_jq_reads_the_same_tokens(make_server, tmp_path):
    server = make_server(people=(DEMO,)).start()
    form = {"username": DEMO.name, "password": DEMO.password}
    (tmp_path / "session.json").write_bytes(httpx.post(f"{server.url}/login", data=form).content)
    pairs = (("cut -d '\"' -f 4", "jq -r .access_token"), ("cut -d '\"' -f 14", "jq -r .refresh_token"))
    for cut, jq in pairs:
        assert f"$({cut} session.json)" in TEXT and f"$({jq} session.json)" in TEXT
        cut_out, jq_out = (
            subprocess.run(f"{tool} session.json", shell=True, cwd=tmp_path, capture_output=True, text=True)
            for tool in (cut, jq)
        )
        if jq_out.returncode == 127:
            pytest.skip("jq is not here")
        assert cut_out.stdout == jq_out.stdout != "\n"


def test_make_run_prints_the_lines_of_the_page():
    script = (ROOT / "scripts/serve").read_text().replace("\\$", "$")
    script = script.replace("$address", ADDRESS).replace("$password", "PASSWORD")
    assert [line for line in script.splitlines() if "curl -sS" in line] == [command for command, _ in five_minutes()]


def test_the_figures_of_the_page_are_those_of_the_performance_page():
    measured = (ROOT / "docs/performance.md").read_text()
    known = set(re.findall(r"\d[\d,]*(?:\.\d+)?", measured))
    # Two columns of each row are figures; the first says what was measured.
    rows = re.findall(r"^\| [^|]+\|([^|]+)\|([^|]*)\|$", section("Measured"), re.M)
    figures = re.findall(r"\d[\d,]*(?:\.\d+)?", " ".join(cell for row in rows for cell in row))
    assert len(rows) == 8 and len(figures) > 12
    assert [figure for figure in figures if figure not in known] == []


def test_commands_and_targets_that_the_pages_name_exist():
    pages = TEXT + (ROOT / "SECURITY.md").read_text() + (ROOT / "examples/README.md").read_text()
    usage = subprocess.run([BINARY, "help"], capture_output=True, text=True).stdout
    commands = set(re.findall(r"^  ([a-z-]+) ", usage, re.M))
    named = set(re.findall(r"`martlet ([a-z]+)", pages)) | set(re.findall(r"-u martlet martlet ([a-z]+)", pages))
    named |= set(re.findall(r"\bexec martlet martlet ([a-z]+)", pages))
    assert {"user", "mint", "verify", "decode", "version", "client"} <= named <= commands
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert {"run", "test", "deb"} <= set(re.findall(r"(?:`|^)make ([a-z-]+)", pages, re.M)) <= targets
    settings = (ROOT / "docs/configuration.md").read_text()
    assert all(f"`{name}`" in settings for name in re.findall(r"\bMARTLET_[A-Z_]+\b", pages))


def test_the_workflow_calls_scripts_and_targets_that_exist():
    workflow = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text())
    job = workflow["jobs"]["test"]
    (image,) = re.findall(r"^FROM (\S+) AS build$", (ROOT / "Dockerfile").read_text(), re.M)
    assert job["container"]["image"] == image
    runs = [step["run"] for step in job["steps"] if "run" in step]
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    for run in runs:
        assert set(re.findall(r"^make ([a-z-]+)", run, re.M)) <= targets
    assert {"make lint", "bash .ci/run", "make deb"} <= set(runs)
    assert os.access(ROOT / ".ci/run", os.X_OK)
    assert workflow["permissions"] == {"contents": "read"}


def test_the_issue_forms_have_what_github_asks_of_them():
    folder = ROOT / ".github/ISSUE_TEMPLATE"
    forms = [path for path in folder.glob("*.yml") if path.name != "config.yml"]
    assert len(forms) == 2
    for path in forms:
        form = yaml.safe_load(path.read_text())
        assert {"name", "description", "body"} <= form.keys()
        inputs = [entry for entry in form["body"] if entry["type"] != "markdown"]
        assert all(entry["attributes"]["label"] for entry in inputs)
        assert len({entry["id"] for entry in inputs}) == len(inputs)
    assert yaml.safe_load((folder / "config.yml").read_text()) == {"blank_issues_enabled": False}


def test_the_version_is_in_one_place():
    """The binary states it, openapi.yaml is what the binary prints, and everything else asks one of them."""
    version = subprocess.run([ROOT / "scripts/version"], capture_output=True, text=True, check=True).stdout.strip()
    assert subprocess.run([BINARY, "version"], capture_output=True, text=True).stdout == f"martlet {version}\n"
    document = subprocess.run([BINARY, "openapi"], capture_output=True, text=True).stdout
    assert document == (ROOT / "openapi.yaml").read_text() and f'  version: "{version}"\n' in document
    files = [ROOT / name for name in ("README.md", "SECURITY.md", "Dockerfile", "docker-compose.yml", "Makefile")]
    for folder in ("deploy", "examples", ".github", "scripts"):
        files += [path for path in (ROOT / folder).rglob("*") if path.suffix != ".pyc" and path.is_file()]
    pattern = re.compile(rf"(?<![\d.]){re.escape(version)}(?![\d.])")
    assert [str(path) for path in files if pattern.search(path.read_text())] == []
