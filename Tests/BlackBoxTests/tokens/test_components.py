"""Servers and a Go library that check tokens of services, unmodified, as docs/works-with.md sets them up."""

import imaplib
import os
import shlex
import subprocess
import time

import httpx
import pytest
from pika.exceptions import AMQPError

from harness.certificates import Pair
from harness.components import Apache, Dovecot, RabbitMQ, snippet
from harness.gateways import program
from harness.server import free_port
from harness.tokens import claims_of, header_of

# Those that go-oidc 2.1 knows; the service also signs with EdDSA.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")


def client_token(server, name: str, secret: str, **form) -> str:
    answer = server.http.post("/token", data={"grant_type": "client_credentials"} | form, auth=(name, secret))
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


def forged(token: str) -> str:
    """The token with another signature."""
    head, payload, tail = token.split(".")
    return f"{head}.{payload}.{'A' if tail[0] != 'A' else 'B'}{tail[1:]}"


# go-oidc


@pytest.fixture(scope="module")
def go_verify(tmp_path_factory):
    """The Go example of the page as a program: the subject of a token that it accepts, or what it says instead."""
    folder = tmp_path_factory.mktemp("go")
    (folder / "main.go").write_text(snippet("go"))
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GOPATH": "/usr/share/gocode", "GO111MODULE": "off"}
    environment |= {"GOCACHE": str(folder / "cache"), "GOPROXY": "off", "GOMAXPROCS": "2"}
    command = [program("go"), "build", "-o", "verify", "main.go"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr

    def verify(issuer: str, audience: str, token: str) -> tuple[str, str]:
        settings = {"ISSUER": issuer, "AUDIENCE": audience, "TOKEN": token}
        done = subprocess.run([folder / "verify"], env=settings, capture_output=True, text=True, timeout=30)
        assert (done.returncode == 0) == bool(done.stdout), done.stderr
        return done.stdout.strip(), done.stderr

    return verify


@pytest.fixture(scope="module")
def signers(fleet):
    """A service with a client of each algorithm, whose name is the client's, in lower case."""
    server = fleet.make()
    # The first start makes the directory of keys.
    server.start().stop()
    server.secrets_of = {}
    algorithms = (*ALGORITHMS, "EdDSA")
    for algorithm in algorithms:
        if algorithm != "RS256":
            assert server.cli("keys", "rotate", "--alg", algorithm, "--lead", "0s").returncode == 0
    # A key signs from the next full second on.
    time.sleep(1.1)
    for algorithm in algorithms:
        options = ("--grant", "client_credentials", "--audience", "api", "--audience", "billing", "--alg", algorithm)
        server.secrets_of[algorithm] = server.add_client(algorithm.lower(), *options)
    server.start()
    yield server
    fleet.close(server)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_go_oidc_accepts_a_token_of_each_algorithm_it_knows(signers, go_verify, algorithm):
    name = algorithm.lower()
    token = client_token(signers, name, signers.secrets_of[algorithm])
    assert header_of(token)["alg"] == algorithm
    assert go_verify(signers.url, "api", token)[0] == f"client:{name}"
    assert "audience" in go_verify(signers.url, "billing", token)[1]
    assert "failed to verify" in go_verify(signers.url, "api", forged(token))[1]


# RabbitMQ


@pytest.fixture(scope="module")
def broker(fleet):
    """RabbitMQ, and a service that it reads the keys of over TLS; `broker.martlet` has the clients."""
    base = fleet.base / "rabbitmq"
    authority = Pair("tests", authority=True)
    files = Pair("localhost", authority).write(fleet.base / "rabbitmq-tls")
    (fleet.base / "rabbitmq-tls/authority.crt").write_bytes(authority.pem)
    secure = free_port()
    server = fleet.make(audience="rabbitmq,billing", hs256_audiences="", tls_cert=files[0], tls_key=files[1])
    server.settings["listen"] += f",https://127.0.0.1:{secure}"
    options = ("--grant", "client_credentials", "--audience", "rabbitmq", "--audience", "billing")
    scopes = [scope for _, scope in options_of("martlet client add shop", "--scope")]
    server.shop = server.add_client("shop", *options, *(word for scope in scopes for word in ("--scope", scope)))
    server.start()
    broker = RabbitMQ(base, secure, fleet.base / "rabbitmq-tls/authority.crt")
    broker.martlet = server
    yield broker
    broker.close()
    fleet.close(server)


def options_of(command: str, name: str) -> list[tuple[str, str]]:
    """The options of one name that a command of the page has, in order."""
    words = shlex.split(snippet("sh", command))
    return [(word, value) for word, value in zip(words, words[1:]) if word == name]


def publish(broker: RabbitMQ, token: str, monkeypatch, queue: str = "orders") -> str:
    """Runs the example of the page; what it fails with, or nothing when the message was confirmed."""
    monkeypatch.setenv("TOKEN", token)
    monkeypatch.setenv("PORT", str(broker.port))
    text = snippet("python", "# pika").replace('"orders"', f'"{queue}"')
    try:
        exec(compile(text, "works-with.md: pika", "exec"), {})
    except AMQPError as problem:
        return f"{type(problem).__name__}: {problem}"
    return ""


def test_rabbitmq_lets_a_service_publish_with_its_token(broker, monkeypatch):
    server = broker.martlet
    token = client_token(server, "shop", server.shop)
    assert claims_of(token)["aud"] == "rabbitmq"
    assert publish(broker, token, monkeypatch) == ""
    # Within its scopes only.
    assert "access to queue 'invoices'" in publish(broker, token, monkeypatch, "invoices")


def test_rabbitmq_refuses_another_audience_and_a_forged_token(broker, monkeypatch):
    server = broker.martlet
    token = client_token(server, "shop", server.shop)
    forge, now = server.forge(token), int(time.time())
    for what, refused in {
        "another audience": client_token(server, "shop", server.shop, audience="billing"),
        "expired": forge.token(exp=now - 60, iat=now - 600),
        "a changed signature": forged(token),
        "noise": "x",
    }.items():
        assert "ProbableAuthenticationError" in publish(broker, refused, monkeypatch), what


# Apache


@pytest.fixture(scope="module")
def gateway(fleet):
    server = fleet.make(audience="api,billing", hs256_audiences="")
    server.reports = server.add_client("reports", "--grant", "client_credentials", "--scope", "read")
    server.other = server.add_client("other", "--grant", "client_credentials", "--scope", "read")
    secret = server.add_client("gateway", "--audience", "api")
    server.start()
    apache = Apache(fleet.base / "apache-oauth2", server.url, secret)
    apache.martlet = server
    yield apache
    apache.close()
    fleet.close(server)


def ask(gateway: Apache, place: str, token: str | None, **fields: str) -> httpx.Response:
    headers = fields | ({"Authorization": f"Bearer {token}"} if token else {})
    return httpx.get(f"http://127.0.0.1:{gateway.port}/{place}", headers=headers, timeout=20)


def seen(gateway: Apache, place: str, token: str | None) -> int:
    return ask(gateway, place, token).status_code


@pytest.mark.parametrize("place", ("asking", "checking"))
def test_apache_tells_the_application_who_asks(gateway, place):
    server = gateway.martlet
    token = client_token(server, "reports", server.reports)
    told = ask(gateway, place, token, **{"OAuth2-sub": "root", "OAuth2_sub": "root"})
    assert told.status_code == 200
    assert told.json()["HTTP_OAUTH2_SUB"] == "client:reports"


@pytest.mark.parametrize("place", ("asking", "checking"))
def test_apache_protects_a_page(gateway, place):
    server = gateway.martlet
    token = client_token(server, "reports", server.reports)
    assert seen(gateway, place, token) == 200
    assert seen(gateway, place, None) == 401
    assert seen(gateway, place, forged(token)) == 401
    assert seen(gateway, place, "x") == 401
    assert seen(gateway, place, server.login().refresh) == 401
    assert seen(gateway, place, client_token(server, "reports", server.reports, audience="billing")) == 401


def test_apache_notices_a_disabled_client_where_it_asks(gateway):
    server = gateway.martlet
    token = client_token(server, "other", server.other)
    assert seen(gateway, "asking", token) == seen(gateway, "checking", token) == 200
    assert server.cli("client", "disable", "other").returncode == 0
    server.wait_for(lambda: server.refusal(token) == "client_revoked", what="the client's end")
    server.wait_for(lambda: seen(gateway, "asking", token) == 401, what="the end of what Apache remembers")
    # It cannot know here.
    assert seen(gateway, "checking", token) == 200


# Dovecot


@pytest.fixture(scope="module")
def mail(fleet):
    if os.geteuid() != 0:
        pytest.skip("Dovecot's processes change to users of their own, which needs root")
    server = fleet.make(audience="imap,api", hs256_audiences="")
    options = ("--grant", "client_credentials", "--audience", "imap", "--audience", "api")
    server.reports, server.other = server.add_client("reports", *options), server.add_client("other", *options)
    secret = server.add_client("mail", "--audience", "imap")
    server.start()
    dovecot = Dovecot(fleet.base / "dovecot", f"127.0.0.1:{server.port}", secret)
    dovecot.martlet = server
    yield dovecot
    dovecot.close()
    fleet.close(server)


def logs_in(mail: Dovecot, user: str, token: str, mechanism: str = "OAUTHBEARER") -> bool:
    """Whether the user can list a mailbox. Both mechanisms send the token after the name."""
    message = {
        "OAUTHBEARER": f"n,a={user},\x01host=localhost\x01port=143\x01auth=Bearer {token}\x01\x01",
        "XOAUTH2": f"user={user}\x01auth=Bearer {token}\x01\x01",
    }[mechanism]
    # Asked again after a refusal, the client answers with nothing (RFC 7628 §3.2.3).
    answers = iter([message.encode(), b"\x01"])
    with imaplib.IMAP4("127.0.0.1", mail.port, timeout=20) as client:
        try:
            client.authenticate(mechanism, lambda _: next(answers))
        except imaplib.IMAP4.error:
            return False
        return client.select("INBOX")[0] == "OK"


def test_dovecot_lets_a_service_in_with_its_token(mail):
    server = mail.martlet
    token = client_token(server, "reports", server.reports)
    assert logs_in(mail, "client:reports", token) and logs_in(mail, "client:reports", token, "XOAUTH2")
    assert not logs_in(mail, "client:other", token) and not logs_in(mail, "amy", token)
    assert not logs_in(mail, "client:reports", forged(token))
    assert not logs_in(mail, "client:reports", client_token(server, "reports", server.reports, audience="api"))
    amy = server.login(audience="imap")
    assert not logs_in(mail, "client:reports", amy.access) and logs_in(mail, amy.claims["sub"], amy.access)


def test_dovecot_notices_a_disabled_client_and_a_revoked_token(mail):
    server = mail.martlet
    token = client_token(server, "other", server.other)
    assert logs_in(mail, "client:other", token)
    assert server.http.post("/revoke", data={"token": token}, auth=("other", server.other)).status_code == 200
    assert not logs_in(mail, "client:other", token)
    token = client_token(server, "other", server.other)
    assert logs_in(mail, "client:other", token)
    assert server.cli("client", "disable", "other").returncode == 0
    server.wait_for(lambda: server.refusal(token) == "client_revoked", what="the client's end")
    assert not logs_in(mail, "client:other", token)
