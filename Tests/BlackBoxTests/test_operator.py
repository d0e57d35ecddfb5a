"""The operator's listener: liveness, readiness, metrics."""

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
