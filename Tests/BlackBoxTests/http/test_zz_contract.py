"""openapi.yaml against everything the run has seen, and against generated requests."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from openapi_spec_validator import validate

from harness import observed
from harness.process import ROOT

SUITE = ROOT / "Tests/BlackBoxTests"
CANNOT_HAPPEN = {"internal"}
SCHEMATHESIS_SECONDS = 15


@pytest.fixture(scope="module")
def document(server) -> dict:
    return yaml.safe_load(server.http.get("/openapi.yaml").text)


def documented(document: dict) -> set[tuple[str, str, int, str]]:
    """Every (method, path, status, code); the code is empty where a response lists none."""
    found = set()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method not in ("get", "head", "post", "put", "delete", "options", "patch", "trace"):
                continue
            for status, response in operation["responses"].items():
                if status == "default":
                    continue
                codes = response.get("x-codes") or [""]
                found |= {(method.upper(), path, int(status), code) for code in codes}
    return found


def test_the_document_is_valid_and_is_what_the_command_prints(server, document):
    """I9: one document: served, printed and checked in."""
    validate(document)
    printed = server.cli("openapi")
    assert printed.returncode == 0
    assert yaml.safe_load(printed.stdout) == document
    assert (ROOT / "openapi.yaml").read_text() == printed.stdout


def is_whole_run(request) -> bool:
    """Whether every file of the suite takes part, here or in processes that left what they saw."""
    if observed.FOLDER:
        return True
    taken = {item.path for item in request.session.items}
    here = set(SUITE.glob("*/test_*.py"))
    # Campaigns run by themselves and produce no kind of answer that the others do not.
    others = {path for path in here if "pytest.mark.campaign" not in path.read_text() or path == Path(__file__)}
    return not request.config.option.keyword and taken >= others


def codes_of_any_request(document: dict) -> set[str]:
    """What the `default` response documents: faults that any request may meet before its endpoint sees it."""
    return set(document["components"]["responses"]["Refused"]["x-codes"])


@pytest.mark.last
def test_every_documented_answer_was_produced(request, document):
    """What the document promises, the run has seen from the real server."""
    if not is_whole_run(request):
        pytest.skip("needs the whole run")
    everything = observed.everything()
    by_status = {(seen.method, seen.path, seen.status) for seen in everything}
    exact = {(seen.method, seen.path, seen.status, seen.code) for seen in everything}
    missing = {
        entry for entry in documented(document) if entry not in exact and (entry[3] or entry[:3] not in by_status)
    }
    assert not missing, "\n".join(str(entry) for entry in sorted(missing))
    assert codes_of_any_request(document) - {seen.code for seen in everything} <= CANNOT_HAPPEN


@pytest.mark.last
def test_every_answer_seen_is_documented(document):
    """And nothing else came out of a documented route."""
    entries = documented(document)
    routes = {(method, path) for method, path, _, _ in entries}
    statuses = {(method, path, status) for method, path, status, _ in entries}
    anywhere = codes_of_any_request(document)

    def is_known(seen) -> bool:
        here = (seen.method, seen.path)
        return (
            here not in routes
            or seen.code in anywhere
            or (*here, seen.status, seen.code) in entries
            or (not seen.code and (*here, seen.status) in statuses)
        )

    unknown = [seen for seen in observed.everything() if not is_known(seen)]
    assert not unknown, "\n".join(str(seen) for seen in sorted(unknown))


CONFIGURATION = """
[checks]
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 501, 503]
"""
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance"
)


@pytest.mark.parametrize("alg", ["HS256", "EdDSA"])
def test_schemathesis_finds_no_undocumented_answer(make_server, tmp_path, is_full, alg):
    """A bounded run of generated requests, with and without a token."""
    server = make_server(alg=alg, hash_queue=1000).start()
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    program = Path(sys.executable).with_name("schemathesis")
    seconds = SCHEMATHESIS_SECONDS * (10 if is_full else 1)
    command = [
        str(program),
        "--config-file",
        str(tmp_path / "schemathesis.toml"),
        "run",
        f"{server.url}/openapi.yaml",
        "--checks",
        CHECKS,
        "--max-time",
        str(seconds),
        "--phases",
        "examples,coverage,fuzzing",
        "--seed",
        "7",
        "--exclude-tag",
        "operator",
        "--suppress-health-check",
        "all",
        "--no-color",
        "--max-examples",
        "40",
        "-H",
        f"Authorization: Bearer {server.login().access}",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=seconds * 4 + 60)
    assert done.returncode == 0, done.stdout[-12000:] + done.stderr[-2000:]
    assert server.refusal(server.login().access) == ""
