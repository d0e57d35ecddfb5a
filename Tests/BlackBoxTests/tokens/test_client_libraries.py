"""Other people's OAuth clients, unmodified: they refresh, introspect and revoke, as registered clients and as the first party."""

import asyncio

import pytest
from authlib.integrations.httpx_client import OAuth2Client as AuthlibHTTPXClient
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from httpx_oauth.oauth2 import OAuth2
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session


@pytest.fixture(autouse=True)
def http_is_loopback_here(monkeypatch):
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")


def login(server, client: str) -> dict:
    auth = None if client == "first-party" else (client, server.shop)
    body = {"username": "amy", "password": server.people[0].password}
    answer = server.http.post("/login", json=body, auth=auth)
    assert answer.status_code == 200, answer.text
    return answer.json()


def introspected(server, token: str) -> dict:
    """What a registered client learns of a token."""
    return server.http.post("/introspect", data={"token": token}, auth=("shop", server.shop)).json()


def expect_fresh(server, before: dict, after: dict, client: str) -> None:
    server.remember(after["access_token"])
    server.remember(after["refresh_token"])
    assert after["refresh_token"] != before["refresh_token"]
    told = introspected(server, after["access_token"])
    assert (told["active"], told["client_id"]) == (True, client)


@pytest.mark.parametrize("client", ["first-party", "shop"])
@pytest.mark.parametrize("path", ["/token", "/refresh"])
def test_requests_oauthlib_refreshes_and_revokes(server, client, path):
    """It sends the client's id in the content beside the header that authenticates the client."""
    before = login(server, client)
    session = OAuth2Session(client, token=before)
    auth = None if client == "first-party" else HTTPBasicAuth(client, server.shop)
    after = session.refresh_token(
        f"{server.url}{path}", refresh_token=before["refresh_token"], client_id=client, auth=auth
    )
    expect_fresh(server, before, after, client)
    form = {"token": after["refresh_token"], "token_type_hint": "refresh_token", "client_id": client}
    assert session.post(f"{server.url}/revoke", data=form, auth=auth, withhold_token=True).status_code == 200
    assert introspected(server, after["access_token"]) == {"active": False}


def test_requests_oauthlib_refreshes_by_itself(server):
    before = login(server, "shop")
    saved = []
    session = OAuth2Session(
        "shop",
        token=before | {"expires_in": -30},
        auto_refresh_url=f"{server.url}/token",
        auto_refresh_kwargs={"client_id": "shop", "client_secret": server.shop},
        token_updater=saved.append,
    )
    assert session.get(f"{server.url}/verify").status_code == 200
    expect_fresh(server, before, saved[0], "shop")


AUTHLIB_METHODS = [
    ("first-party", "none"),
    ("shop", "client_secret_basic"),
    ("shop", "client_secret_post"),
]


@pytest.mark.parametrize(("client", "method"), AUTHLIB_METHODS)
@pytest.mark.parametrize("library", [AuthlibSession, AuthlibHTTPXClient])
def test_authlib_refreshes_introspects_and_revokes(server, library, client, method):
    before = login(server, client)
    secret = None if client == "first-party" else server.shop
    with library(
        client, secret, token_endpoint_auth_method=method, revocation_endpoint_auth_method=method, token=dict(before)
    ) as session:
        after = session.refresh_token(f"{server.url}/token", refresh_token=before["refresh_token"])
        expect_fresh(server, before, after, client)
        asked = session.introspect_token(f"{server.url}/introspect", token=after["access_token"])
        if client == "first-party":
            # RFC 7662 §2.1: not without authentication, which a public client has none of; the metadata says so.
            assert (asked.status_code, asked.json()["error"]) == (401, "invalid_client")
        else:
            assert asked.json()["active"] is True
        revoked = session.revoke_token(
            f"{server.url}/revoke", token=after["refresh_token"], token_type_hint="refresh_token"
        )
        assert revoked.status_code == 200
    assert introspected(server, after["access_token"]) == {"active": False}


@pytest.mark.parametrize("client", ["first-party", "shop"])
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_httpx_oauth_refreshes_and_revokes(server, client, method):
    """It always sends the client's id in the content, and for a public client an empty secret."""
    before = login(server, client)
    library = OAuth2(
        client,
        "" if client == "first-party" else server.shop,
        f"{server.url}/authorize",
        f"{server.url}/token",
        refresh_token_endpoint=f"{server.url}/token",
        revoke_token_endpoint=f"{server.url}/revoke",
        token_endpoint_auth_method=method,
        revocation_endpoint_auth_method=method,
    )
    after = asyncio.run(library.refresh_token(before["refresh_token"]))
    expect_fresh(server, before, after, client)
    asyncio.run(library.revoke_token(after["refresh_token"], "refresh_token"))
    assert introspected(server, after["access_token"]) == {"active": False}


def test_a_public_client_gets_nothing_that_needs_a_secret(server):
    theirs, mine = login(server, "shop"), login(server, "first-party")
    form = {"grant_type": "refresh_token", "refresh_token": theirs["refresh_token"], "client_id": "first-party"}
    answer = server.http.post("/token", data=form)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    named = server.http.post("/token", data=form | {"client_id": "shop"})
    assert (named.status_code, named.json()["error"]) == (401, "invalid_client")
    other = server.http.post(
        "/token",
        data={"grant_type": "refresh_token", "refresh_token": mine["refresh_token"], "client_id": "first-party"},
        auth=("shop", server.shop),
    )
    assert (other.status_code, other.json()["error"]) == (400, "invalid_request")
    assert server.refusal(theirs["access_token"]) == server.refusal(mine["access_token"]) == ""
