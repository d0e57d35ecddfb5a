"""clients/verifier as packages: their own tests, types, sizes, and that they need nothing else."""

import json
import re
import subprocess
import sys
import tomllib

import pytest

from harness.gateways import program
from harness.process import ROOT
from harness.verifiers import CLIENTS

JS, PYTHON = CLIENTS / "js", CLIENTS / "python"
TSC = ["--noEmit", "--strict", "--allowJs", "--checkJs", "--target", "es2022", "--module", "es2022"]
TSC += ["--moduleResolution", "node", "--lib", "es2022"]
# What the example uses of Node, whose own types Debian does not have.
NODE_TYPES = """
declare const process: { env: Record<string, string | undefined> };
declare const console: { error(text: string): void };
declare module 'node:http' {
  interface Request { headers: { authorization?: string } }
  interface Response { end(text: string): void; writeHead(status: number, fields: Record<string, string>): Response }
  const http: {
    createServer(step: (request: Request, response: Response) => void): { listen(port: number, host: string): void };
  };
  export default http;
}
"""


def run(*command, cwd) -> subprocess.CompletedProcess:
    return subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True, timeout=300)


def test_the_tests_of_the_client_for_node_pass():
    done = run(program("node"), "--test", "test", cwd=JS)
    assert done.returncode == 0, done.stdout[-8000:]
    # Node.js 18 counts files, later versions count tests.
    assert re.search(r"^\S+ fail 0$", done.stdout, re.M)
    assert int(re.search(r"^\S+ pass (\d+)$", done.stdout, re.M)[1]) >= 2


def check_types(folder, example: str) -> subprocess.CompletedProcess:
    (folder / "node.d.ts").write_text(NODE_TYPES)
    (folder / "verifier.d.ts").write_text((JS / "verifier.d.ts").read_text())
    (folder / "example.js").write_text(example)
    return run(program("tsc"), *TSC, "node.d.ts", "verifier.d.ts", "example.js", cwd=folder)


def test_types_fit_an_example(tmp_path):
    done = check_types(tmp_path, (JS / "example.js").read_text())
    assert done.returncode == 0, done.stdout


MISTAKES = {
    "claims.sub": "claims.sub.user",
    "audience: 'api'": "audience: 1",
    "scope: 'read'": "scopes: 'read'",
    "'damaged'": "'broken'",
    "error.status": "error.statusCode",
}


@pytest.mark.parametrize("right", MISTAKES)
def test_a_mistake_in_the_types_is_found(tmp_path, right):
    """So that the test above cannot pass because nothing is checked."""
    text = (JS / "example.js").read_text()
    assert right in text
    done = check_types(tmp_path, text.replace(right, MISTAKES[right]))
    assert done.returncode != 0 and "error TS2" in done.stdout, done.stdout


def test_the_types_name_each_code_that_the_client_gives_and_the_service_knows():
    types = re.search(r"type Code =(.*?);", (JS / "verifier.d.ts").read_text(), re.S)[1]
    declared = set(re.findall(r"'([a-z_]+)'", types))
    for folder in (JS, PYTHON / "martlet_verifier"):
        sources = "".join(path.read_text() for path in folder.iterdir() if path.suffix in (".js", ".py"))
        assert {code for code in declared if f"'{code}'" not in sources.replace('"', "'")} == set()
        made = re.findall(r"(?:fail\(|VerifyError\()['\"]([a-z_]+)", sources)
        assert set(made) <= declared and len(made) > 10
    known = (ROOT / "Sources/API/Problems/ProblemCode.swift").read_text()
    assert {code for code in declared - {"stale"} if f'"{code}"' not in known} == set()


def test_the_packages_have_the_version_of_the_service():
    version = run(ROOT / "scripts/version", cwd=ROOT).stdout.strip()
    assert json.loads((JS / "package.json").read_text())["version"] == version
    assert tomllib.loads((PYTHON / "pyproject.toml").read_text())["project"]["version"] == version


def test_the_package_for_node_has_every_file_that_it_imports():
    listed = set(json.loads((JS / "package.json").read_text())["files"])
    names, imported = {"verifier.js"}, set()
    while names - imported:
        name = (names - imported).pop()
        imported.add(name)
        names |= set(re.findall(r"from '\./([^']+)'", (JS / name).read_text()))
    assert listed == imported | {"verifier.d.ts"}


def test_the_client_for_node_has_no_dependencies():
    imported = {name for path in JS.glob("*.js") for name in re.findall(r"from '([^'.][^']*)'", path.read_text())}
    assert all(name.startswith("node:") for name in imported), imported
    assert "dependencies" not in (JS / "package.json").read_text()


def test_the_client_for_python_needs_pyjwt_alone():
    allowed = {*sys.stdlib_module_names, "jwt"}
    for path in PYTHON.glob("martlet_verifier/*.py"):
        for name in re.findall(r"^(?:from|import) ([a-z_0-9]+)", path.read_text(), re.M):
            assert name in allowed, f"{path.name}: {name}"


@pytest.mark.parametrize("path", [*JS.glob("*.js"), *PYTHON.glob("martlet_verifier/*.py")], ids=lambda path: path.name)
def test_a_file_is_small_enough_to_be_read(path):
    assert len(path.read_text().splitlines()) <= 300
