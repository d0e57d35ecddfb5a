"""Real responses against the schemas of the document, for each kind of key that access tokens can be signed with."""

import jsonschema
import pytest
import yaml
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata

from harness.accounts import AMY

ALGORITHMS = ("RS256", "PS256", "ES256", "ES512", "EdDSA", "HS256", "HS512")
# Members beyond the documented ones are drift; the document itself leaves room for later versions.
CLOSED = ("Tokens", "Verified", "BatchVerified", "RSAKey", "ECKey", "OKPKey", "JWKSet", "Metadata", "Readiness", "Status")


@pytest.fixture(scope="module", params=ALGORITHMS)
def signed(request, fleet):
    """A server whose access tokens carry this algorithm, with the client `shop`."""
    server = fleet.make(alg=request.param)
    server.shop = server.add_client("shop")
    server.start()
    yield server, request.param
    fleet.close(server)


def checker(server):
    """A function that validates a response by what its operation documents for its status."""
    document = yaml.safe_load(server.http.get("/openapi.yaml").text)
    schemas = document["components"]["schemas"]
    for name in CLOSED:
        schemas[name]["additionalProperties"] = False

    def check(response, operation: str | None = None) -> dict:
        method = response.request.method.lower()
        described = document["paths"][operation or response.request.url.path][method]["responses"]
        assert str(response.status_code) in described, f"{response.status_code} {response.text}"
        kind = response.headers["content-type"].split(";")[0]
        schema = described[str(response.status_code)]["content"][kind]["schema"]
        content = yaml.safe_load(response.text) if kind.endswith("yaml") else response.json()
        jsonschema.Draft202012Validator({**document, **schema}).validate(content)
        return content

    return check


def test_tokens_and_their_verification(signed):
    server, algorithm = signed
    check = checker(server)
    tokens = check(server.http.post("/login", json={"username": AMY.name, "password": AMY.password}))
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    for response in (
        server.http.get("/verify", headers=bearer),
        server.http.post("/verify", json={"token": tokens["access_token"]}),
    ):
        assert check(response)["alg"] == algorithm
    for more in ({}, {"claims": False}):
        batch = server.http.post("/verify/batch", json={"tokens": [tokens["access_token"], "no"]} | more)
        assert check(batch)["results"][0]["alg"] == algorithm
    check(server.http.post("/introspect", data={"token": tokens["access_token"]}, auth=("shop", server.shop)))
    check(server.http.get("/verify", headers=bearer, params={"scope": "fly"}))
    check(server.http.post("/refresh", json={"refresh_token": tokens["refresh_token"]}))
    check(server.http.post("/token", data={"grant_type": "refresh_token", "refresh_token": "no"}))
    assert server.http.post("/logout", headers=bearer).status_code == 204
    assert check(server.http.get("/verify", headers=bearer))["code"] == "session_revoked"


def test_the_documents(signed):
    server, algorithm = signed
    check = checker(server)
    keys = check(server.http.get("/.well-known/jwks.json"))["keys"]
    assert {key["alg"] for key in keys} == {algorithm} - {"HS256", "HS512"}
    check(server.http.get("/.well-known/oauth-authorization-server"))
    # YAML is parsed before it is validated, as a client of the document does.
    check(server.http.get("/openapi.yaml"))


def test_what_operators_and_monitors_read(signed):
    server, algorithm = signed
    check = checker(server)
    for path in ("/livez", "/readyz"):
        check(server.operator.get(path))
    keys = check(server.admin.get("/admin/status"))["keys"]
    assert algorithm in {key["alg"] for key in keys if key["purpose"] == "access"}
    check(server.admin.post("/admin/revocations", json={"sub": "019a0000-0000-7000-8000-00000000ffff"}))


def test_authlib_accepts_the_metadata(make_server):
    """RFC 8414 section 2, as Authlib checks it; the issuer must be https there."""
    server = make_server(issuer="https://auth.example").start()
    AuthorizationServerMetadata(server.http.get("/.well-known/oauth-authorization-server").json()).validate()
