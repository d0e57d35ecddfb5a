"""What every endpoint that takes an access token must say of one that does not hold."""

REFUSED = {
    "token_malformed",
    "token_too_large",
    "alg_not_allowed",
    "kid_unknown",
    "signature_invalid",
    "typ_mismatch",
    "claim_missing",
    "claim_invalid",
    "token_expired",
    "issuer_mismatch",
    "audience_mismatch",
}
LONGEST_FIELD = 9_000


def refused(server, token: str, *codes: str, **members) -> None:
    """The token is refused by /verify with one of `codes`, by /auth with 401, and is inactive at /introspect."""
    found = server.refusal(token, **members)
    assert found in (codes or REFUSED), (found, token[:300])
    if all(33 <= ord(letter) < 127 for letter in token) and 0 < len(token) < LONGEST_FIELD:
        answer = server.http.get("/auth", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
        told = server.http.post("/introspect", data={"token": token}, auth=("shop", server.shop))
        assert (told.status_code, told.json()) == (200, {"active": False})
