"""No client forges an identity in front of an Express application or a CGI program behind any of the gateways."""

import pytest

from harness.accounts import AMY
from harness.backends import ApacheCGI, Express
from harness.gateways import Client, Gateway
from harness.identity import CHARACTERS, FORGED, NAMES, PLACES, alias

GATEWAYS = ("nginx", "haproxy", "caddy-2.6", "caddy-2.11", "traefik", "envoy", "apache")
SETTINGS = {"trusted_proxies": "127.0.0.1", "forwarded_field": "x-forwarded-for"}


def identity(body: bytes) -> dict[str, str]:
    """What an application would take for the identity."""
    lines = [line.partition("=") for line in body.decode("latin-1").splitlines()]
    wanted = {f"HTTP_X_AUTH_{name.upper()}" for name in NAMES}
    found: dict[str, str] = {}
    for name, _, value in lines:
        if name in wanted:
            found[name] = f"{found[name]},{value}" if name in found else value
    return found


def forgeries() -> list[list[tuple[str, str]]]:
    """Each character in each place: once, twice, and named in Connection. Envoy rejects more than ten names there."""
    found = []
    for character in CHARACTERS:
        names = [alias(place, name, character, character) for place in PLACES for name in NAMES]
        fields = [(name, FORGED) for name in names]
        found += [fields, fields + fields, [*fields, ("Connection", ", ".join(names[:7]))]]
    return found


@pytest.fixture(scope="module", params=[Express, ApacheCGI])
def backend(request, fleet):
    # A module may ask for one kind twice.
    fleet.count += 1
    backend = request.param(fleet.base / f"{request.param.__name__}-{fleet.count}")
    yield backend
    backend.close()


@pytest.fixture(scope="module")
def martlet(fleet):
    server = fleet.make(alg="HS256", browser="on", **SETTINGS).start()
    yield server
    fleet.close(server)


def test_the_backend_itself_takes_a_forged_header(backend):
    """So that the test below cannot pass for another reason."""
    with Client(backend.port, "127.0.0.1", 20) as client:
        assert identity(client.ask([("X-Auth-User", FORGED)]).body) == {"HTTP_X_AUTH_USER": FORGED}


@pytest.mark.parametrize("name", GATEWAYS)
def test_no_spelling_comes_through(fleet, martlet, backend, name):
    session = martlet.login()
    good = ("Authorization", f"Bearer {session.access}")
    gateway = Gateway(name, fleet.base / f"{type(backend).__name__}-{name}", martlet.port, backend.port)
    try:
        with gateway.client() as client:
            plain = client.ask([good])
            expected = identity(plain.body)
            assert plain.status == 200 and len(expected) == 7
            assert (expected["HTTP_X_AUTH_USER"], expected["HTTP_X_AUTH_SUBJECT"]) == ("amy", AMY.id)
            for fields in forgeries():
                for lines in ([good, *fields], [*fields, good]):
                    reply = client.ask(lines)
                    assert reply.status == 200 and identity(reply.body) == expected, (lines, reply)
                    assert f"={FORGED}\n".encode() not in reply.body
    finally:
        gateway.close()


@pytest.mark.parametrize("backend", [Express], indirect=True)
@pytest.mark.parametrize("name", GATEWAYS)
def test_without_browser_mode_the_files_work_when_via_and_signin_are_removed(fleet, make_server, backend, name):
    server = make_server(alg="HS256", **SETTINGS).start()
    good = ("Authorization", f"Bearer {server.login().access}")
    queries = ("&via=original&signin=field", "&via=forwarded&signin=redirect", "&via=request&signin=redirect")
    changes = dict.fromkeys(queries, "")
    ports = (server.port, backend.port)
    gateway = Gateway(name, fleet.base / f"bearer-{name}", *ports, changes=changes)
    try:
        with gateway.client() as client:
            assert client.ask([good]).status == 200 and client.ask([]).status == 401
    finally:
        gateway.close()
