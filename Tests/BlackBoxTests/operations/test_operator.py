"""The operator's listener: liveness, readiness, metrics."""

import json
import re

import pytest


def test_livez_and_readyz_tell_the_state(server):
    """M4."""
    assert server.operator.get("/livez").status_code == 200
    ready = server.operator.get("/readyz")
    assert ready.status_code == 200
    body = ready.json()
    assert body["status"] == "ready"
    assert body["reasons"] == []


def test_metrics_are_well_formed_count_and_hold_no_secret(server):
    """M4: the Prometheus text format, line by line."""
    session = server.login()
    server.verify(session.access)
    text = server.operator.get("/metrics").text
    assert server.operator.get("/metrics").headers["content-type"].startswith("text/plain")
    for line in text.splitlines():
        assert re.fullmatch(
            r"# (HELP|TYPE) [a-z_][a-z0-9_]* .+|" r'[a-z_][a-z0-9_]*(\{([a-z_]+="[^"]*",?)+\})? -?[0-9.e+-]+(Inf|NaN)?',
            line,
        ), line
    for secret in (session.access, session.refresh, session.sid, "amy"):
        assert secret not in text
    families = re.findall(r"# TYPE (\S+) ", text)
    assert len(families) == len(set(families)) > 3


def test_metrics_count_what_happened(server):
    """Answers are counted by route and status."""

    def total() -> float:
        return sum(
            float(line.rsplit(" ", 1)[1])
            for line in server.operator.get("/metrics").text.splitlines()
            if line.startswith('martlet_requests_total{route="/verify",status="401"}')
        )

    before = total()
    token = server.login().access
    server.verify(token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB"))
    assert total() == before + 1


@pytest.mark.parametrize("path", ["/login", "/verify", "/.well-known/jwks.json", "/openapi.yaml"])
def test_the_service_is_not_on_the_operators_listener(server, path):
    """M5: two listeners, two sets of routes."""
    assert server.operator.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_the_operators_routes_take_get_and_head_only(server, path):
    """L7, L8."""
    assert server.operator.head(path).status_code == 200
    answer = server.operator.post(path)
    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]


def test_status_tells_what_the_service_applies(make_server):
    """A reload is seen with its time and reason, and the counts and keys are those in use."""
    server = make_server().start()

    def reload_of(source: str) -> dict:
        return server.admin.get("/admin/status").json()["reloads"][source]

    status = server.admin.get("/admin/status")
    assert status.status_code == 200
    body = status.json()
    assert body["pid"] == server.pid and body["status"] == "ready"
    assert body["version"] == server.cli("version").stdout.split()[-1]
    assert body["paths"]["keys"] == str(server.keys_path) and body["paths"]["users"] == str(server.users_path)
    listed = json.loads(server.cli("keys", "list", "--json").stdout)
    shown = [(key["kid"], key["state"]) for key in body["keys"]]
    assert sorted(shown) == sorted((key["kid"], key["state"]) for key in listed)
    assert all(entry["ok"] and entry["last_success"] >= body["started"] for entry in body["reloads"].values())
    assert set(body["reloads"]) == {"settings", "keys", "users", "clients"}

    count = body["users"]
    good = server.users_path.read_text()
    server.users_path.write_text("{")
    server.wait_for(lambda: not reload_of("users")["ok"])
    users = reload_of("users")
    assert users["reason"] and users["last_attempt"] > users["last_success"]
    assert server.admin.get("/admin/status").json()["users"] == count
    server.users_path.write_text(good)
    server.wait_for(lambda: reload_of("users")["ok"])


def test_status_is_answered_on_the_unix_socket_only(server):
    """It names files and keys, so the socket's mode decides who may ask."""
    answer = server.operator.get("/admin/status")
    assert answer.status_code == 404 and answer.json()["code"] == "not_found"
    assert server.http.get("/admin/status").status_code == 404
