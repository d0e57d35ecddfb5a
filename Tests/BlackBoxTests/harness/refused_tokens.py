"""Access tokens that the service rejects, by the code that it answers."""

import time

from .server import Session
from .tokens import b64url, unb64url


def login_of_shop(server) -> Session:
    body = {"username": "amy", "password": server.people[0].password}
    return Session(server.http.post("/login", json=body, auth=("shop", server.shop)).json())


def access_tokens(server) -> dict[str, str]:
    """Tokens by the code that refuses them."""
    session = server.login()
    forge = server.forge(session.access)
    now = int(time.time())
    head, payload, tail = session.access.split(".")
    revoked, ended = server.login(), server.login()
    server.revoke(revoked.access)
    server.revoke(ended.refresh)
    cut, of_shop = server.login(server.people[1]), login_of_shop(server)
    server.cut(sub=server.people[1].id)
    server.cut(client_id="shop")
    shared = server.login(audience="partner")
    server.cut(kid=server.key_of(shared.access)["kid"])
    return {
        "token_malformed": "not a token".replace(" ", "-"),
        "token_too_large": "a" * 8_193,
        "alg_not_allowed": forge.token({"alg": "HS256"}),
        "kid_unknown": forge.token({"kid": "unheard-of"}),
        "signature_invalid": f"{head}.{payload}.{b64url(bytes(len(unb64url(tail))))}",
        "typ_mismatch": forge.token({"typ": "JWT"}),
        "issuer_mismatch": forge.token(iss="https://elsewhere.example"),
        "audience_mismatch": forge.token(aud="elsewhere"),
        "claim_missing": forge.token(without=("jti",)),
        "claim_invalid": forge.token(jti=7),
        "token_expired": forge.token(iat=now - 900, exp=now - 300),
        "token_not_active": forge.token(nbf=now + 300),
        "token_revoked": revoked.access,
        "session_revoked": ended.access,
        "subject_revoked": cut.access,
        "client_revoked": of_shop.access,
        "key_revoked": shared.access,
    }


CODES = [
    "token_malformed",
    "token_too_large",
    "alg_not_allowed",
    "kid_unknown",
    "signature_invalid",
    "typ_mismatch",
    "issuer_mismatch",
    "audience_mismatch",
    "claim_missing",
    "claim_invalid",
    "token_expired",
    "token_not_active",
    "token_revoked",
    "session_revoked",
    "subject_revoked",
    "client_revoked",
    "key_revoked",
]
