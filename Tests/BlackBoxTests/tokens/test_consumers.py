"""Other people's libraries, unmodified, against what the service issues."""

import json

import jwt
import pytest
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from authlib.jose import JsonWebKey, JsonWebToken
from joserfc import jwk as joserfc_jwk
from joserfc import jwt as joserfc_jwt
from oauthlib.oauth2 import TokenExpiredError
from requests_oauthlib import OAuth2Session

from harness.tokens import header_of, unb64url

HEADER_TYPES = {"typ": "at+jwt"}


@pytest.fixture(autouse=True)
def http_is_loopback_here(monkeypatch):
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")


def test_pyjwt_verifies_an_rs256_token_through_the_published_set(server):
    """B15, B20, C1, I10."""
    token = server.login().access
    key = jwt.PyJWKClient(f"{server.url}/.well-known/jwks.json").get_signing_key_from_jwt(token)
    claims = jwt.decode(token, key.key, algorithms=["RS256"], audience="api", issuer=server.url)
    assert claims["sub"] == server.people[0].id


def test_authlib_verifies_an_rs256_token_through_the_published_set(server):
    """B15, B20, C3."""
    token = server.login().access
    keys = JsonWebKey.import_key_set(server.http.get("/.well-known/jwks.json").json())
    claims = JsonWebToken(["RS256"]).decode(token, keys)
    claims.validate()
    assert claims["iss"] == server.url


def test_joserfc_verifies_an_rs256_token_through_the_published_set(server):
    """B15, B20, C5."""
    token = server.login().access
    keys = joserfc_jwk.KeySet.import_key_set(server.http.get("/.well-known/jwks.json").json())
    decoded = joserfc_jwt.decode(token, keys, algorithms=["RS256"])
    assert decoded.header["typ"] == "at+jwt"
    assert decoded.claims["aud"] == "api"


def test_pyjwt_and_joserfc_verify_an_hs256_token_with_the_secret_of_the_key_file(server):
    """B16: the audience `partner` shares a secret on purpose."""
    token = server.login(audience="partner").access
    assert header_of(token)["alg"] == "HS256"
    secret = unb64url(server.key_of(token)["k"])
    assert jwt.decode(token, secret, algorithms=["HS256"], audience="partner", issuer=server.url)["aud"] == "partner"
    key = joserfc_jwk.OctKey.import_key(secret)
    assert joserfc_jwt.decode(token, key, algorithms=["HS256"]).claims["aud"] == "partner"


def test_the_published_set_holds_no_private_member_and_no_secret(server):
    """B21, C1, C2, C3, C5, C8."""
    answer = server.http.get("/.well-known/jwks.json")
    assert "max-age" in answer.headers["cache-control"]
    assert answer.headers["etag"]
    keys = answer.json()["keys"]
    assert len({key["kid"] for key in keys}) == len(keys) >= 1
    for key in keys:
        assert set(key) <= {"kty", "n", "e", "kid", "alg", "use", "key_ops"}
        assert (key["kty"], key["alg"], key["e"]) == ("RSA", "RS256", "AQAB")
        assert unb64url(key["n"])[0] != 0
    secret = server.keys.refresh["k"]
    assert secret not in answer.text


def test_requests_oauthlib_refreshes_at_both_endpoints(server):
    """G2, I1: the client class refreshes by RFC 6749 §6 and takes the rotated token."""
    for path in ("/refresh", "/token"):
        session = server.login()
        token = {"access_token": session.access, "refresh_token": session.refresh, "token_type": "Bearer"}
        client = OAuth2Session(client_id="", token=token)
        fresh = client.refresh_token(f"{server.url}{path}", refresh_token=session.refresh)
        assert fresh["refresh_token"] != session.refresh
        assert client.get(f"{server.url}/verify").status_code == 200
        server.remember(fresh["access_token"])


def test_requests_oauthlib_refreshes_by_itself_when_the_token_has_expired(server):
    """A stored token past its time leads to one refresh, then the call goes through."""
    session = server.login()
    stored = {
        "access_token": session.access,
        "refresh_token": session.refresh,
        "token_type": "Bearer",
        "expires_in": -30,
    }
    saved = []
    client = OAuth2Session("shop", token=stored, auto_refresh_url=f"{server.url}/token", token_updater=saved.append)
    assert client.get(f"{server.url}/verify").status_code == 200
    assert len(saved) == 1
    with pytest.raises(TokenExpiredError):
        OAuth2Session("shop", token=stored).get(f"{server.url}/verify")


def login_of_shop(server):
    body = {"username": "amy", "password": server.people[0].password}
    answer = server.http.post("/login", json=body, auth=("shop", server.shop))
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_authlib_refreshes_introspects_and_revokes_as_a_confidential_client(server, method):
    """G9, H1, H6, H7, I6."""
    token = login_of_shop(server)
    client = AuthlibSession(
        "shop", server.shop, token_endpoint_auth_method=method, revocation_endpoint_auth_method=method
    )
    fresh = client.refresh_token(f"{server.url}/token", refresh_token=token["refresh_token"])
    assert fresh["refresh_token"] != token["refresh_token"]
    told = client.introspect_token(f"{server.url}/introspect", token=fresh["access_token"]).json()
    assert told["active"] is True
    assert told["client_id"] == "shop"
    assert client.revoke_token(f"{server.url}/revoke", token=fresh["access_token"]).status_code == 200
    gone = client.introspect_token(f"{server.url}/introspect", token=fresh["access_token"])
    assert json.loads(gone.text) == {"active": False}
    assert (
        client.revoke_token(
            f"{server.url}/revoke", token=fresh["refresh_token"], token_type_hint="refresh_token"
        ).status_code
        == 200
    )
    assert server.refusal(token["access_token"]) == "session_revoked"


def test_metadata_states_only_what_is_true(server):
    """F1, I7, I8, I9, I10."""
    metadata = server.http.get("/.well-known/oauth-authorization-server").json()
    assert metadata["issuer"] == server.url == server.login().claims["iss"]
    assert metadata["jwks_uri"] == f"{server.url}/.well-known/jwks.json"
    assert "password" not in metadata.get("grant_types_supported", [])
    assert all(value not in ([], "", None) for value in metadata.values())
    for name in ("token_endpoint", "introspection_endpoint", "revocation_endpoint"):
        path = metadata[name].removeprefix(server.url)
        assert (
            server.http.options(path).headers["allow"].startswith("POST")
            or "POST" in server.http.options(path).headers["allow"]
        )
    password = server.people[0].password
    refused = server.http.post("/token", data={"grant_type": "password", "username": "amy", "password": password})
    assert (refused.status_code, refused.json()["error"]) == (400, "unsupported_grant_type")
