"""docs/ci.md: each snippet that can run here is run, and the others are held to what they name."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from harness.accounts import AMY
from harness.foreign import Foreign
from harness.offline import run
from harness.process import BINARY, ROOT
from harness.web import Page, Web

TEXT = (ROOT / "docs/ci.md").read_text()


def snippets(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.S)


def shell(place: Path, script: str, **variables) -> subprocess.CompletedProcess:
    """Runs a snippet as `sh -e` does, with the program on the path."""
    binaries = place / "bin"
    binaries.mkdir(exist_ok=True)
    if not (binaries / "martlet").exists():
        (binaries / "martlet").symlink_to(BINARY)
    variables = {name: str(value) for name, value in variables.items()}
    environment = {"PATH": f"{binaries}:{os.environ['PATH']}", "HOME": str(place)} | variables
    return subprocess.run(
        ["sh", "-e", "-c", script], cwd=place, env=environment, capture_output=True, text=True, timeout=60
    )


@pytest.fixture
def issuer(tmp_path):
    web = Web()
    foreign = Foreign(web.url, ("RS256",))
    web.pages["/.well-known/openid-configuration"] = Page(
        json.dumps({"issuer": web.url, "jwks_uri": f"{web.url}/keys"}).encode()
    )
    web.pages["/keys"] = Page(foreign.jwks)
    (tmp_path / "jwks.json").write_bytes(foreign.jwks)
    yield foreign
    web.close()


def test_plain_shell(tmp_path, issuer, server):
    section = TEXT.split("## Plain shell")[1].split("## What goes over the network")[0]
    found = re.findall(r"```sh\n(.*?)```", section, re.S)
    assert len(found) == 5
    fresh, offline, claim, decode, ask = found
    known = {"ISSUER": issuer.issuer}
    for lifetime, status, said in ((600, 0, "go on"), (60, 0, "fetch a new token first"), (-60, 1, "no")):
        done = shell(tmp_path, fresh, TOKEN=issuer.token(exp=issuer.claims()["iat"] + lifetime), **known)
        assert done.returncode == status and said in done.stdout + done.stderr, done
    done = shell(tmp_path, fresh, TOKEN=issuer.token(), ISSUER="http://127.0.0.1:9")
    assert done.returncode == 1 and "ask again later" in done.stderr
    assert shell(tmp_path, offline, TOKEN=issuer.token(), **known).returncode == 0
    assert shell(tmp_path, offline, TOKEN=issuer.token(aud="other"), **known).returncode == 1
    assert shell(tmp_path, claim, TOKEN=issuer.token(), **known).stdout == "deploying for amy\n"
    assert "UNVERIFIED" in shell(tmp_path, decode, TOKEN=issuer.token()).stdout
    token = server.login().access
    assert shell(tmp_path, ask, TOKEN=token, SERVER=server.url).returncode == 0
    assert server.revoke(token).status_code == 200
    assert shell(tmp_path, ask, TOKEN=token, SERVER=server.url).returncode == 1


def test_minting(tmp_path, server):
    (script,) = [text for text in snippets("sh") if "mint" in text]
    settings = {"MARTLET_KEYS": server.keys_path, "MARTLET_USERS": server.users_path, "MARTLET_STATE": server.state_path,
                "MARTLET_ISSUER": server.url, "NAME": AMY.name}  # fmt: skip
    done = shell(tmp_path, script, **settings)
    assert done.returncode == 0, done.stderr
    assert server.refusal((tmp_path / "token.txt").read_text().strip()) == ""


def steps(snippet: str) -> str:
    """The one script of a pipeline's snippet, and its document."""
    document = yaml.safe_load(snippet)
    if "jobs" in document:
        return document["jobs"]["deploy"]["steps"][0]["run"]
    (job,) = document.values()
    return "\n".join(job["script"])


def test_pipelines(tmp_path, issuer):
    """Their scripts run against an issuer of the same shape; only its address is put in."""
    github, gitlab, many = (steps(snippet) for snippet in snippets("yaml"))
    web = Web()
    web.pages["/token?a=b&audience=deploy"] = Page(json.dumps({"count": 1, "value": issuer.github(aud="deploy")}).encode())
    script = github.replace("https://token.actions.githubusercontent.com", issuer.issuer)
    variables = {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "x", "ACTIONS_ID_TOKEN_REQUEST_URL": f"{web.url}/token?a=b",
                 "GITHUB_REPOSITORY": "octo-org/octo-repo"}  # fmt: skip
    done = shell(tmp_path, script, **variables)
    assert done.returncode == 0 and done.stdout.startswith("::notice "), done
    assert shell(tmp_path, script, **variables | {"GITHUB_REPOSITORY": "evil/repo"}).returncode == 1
    web.close()
    variables = {"CI_SERVER_URL": issuer.issuer, "CI_PROJECT_PATH": "mygroup/myproject"}
    token = issuer.gitlab()
    assert shell(tmp_path, gitlab.replace("ref_protected=true", "ref_protected=false"), DEPLOY_TOKEN=token, **variables).returncode == 0
    assert shell(tmp_path, gitlab, DEPLOY_TOKEN=token, **variables).returncode == 1
    (tmp_path / "tokens.txt").write_text(f"{token}\n{issuer.token()}\n")
    assert shell(tmp_path, many, **variables).returncode == 0
    assert (tmp_path / "tokens.xml").read_text().count("<testcase") == 2


def test_every_option_on_the_page_exists():
    """And every option that the commands take and the page does not explain stands in their help."""
    place = Path("/")
    usage = "".join(run(place, *command, "--help").stdout for command in (("verify",), ("mint",), ("decode",)))
    options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", TEXT)) - {"--no-"}
    assert options and {option for option in options if option not in usage} == set()
    codes = dict(re.findall(r"\| (\d) \| (\w+)", TEXT))
    assert set(codes) == {"0", "1", "2", "3", "4"}
