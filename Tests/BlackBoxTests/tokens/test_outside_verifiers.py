"""Tokens of every kind of key, checked by programs that are not ours."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import jwt
import pytest
from authlib.jose import JsonWebKey, JsonWebToken
from joserfc import jwk as joserfc_jwk
from joserfc import jwt as joserfc_jwt
from jose import jwt as python_jose
from jwcrypto import jwk as jwcrypto_jwk
from jwcrypto import jwt as jwcrypto_jwt

from harness.tokens import header_of

ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA", "HS256"]
VERIFIERS_MIN = 6
NODE = """
import { importJWK, jwtVerify } from 'jose';
const { token, key, alg } = JSON.parse(await new Promise(done => {
  let text = ''; process.stdin.on('data', part => text += part).on('end', () => done(text)); }));
const { payload } = await jwtVerify(token, await importJWK(key, alg), { algorithms: [alg], audience: 'api' });
console.log(JSON.stringify(payload));
"""
RUBY = """
require 'base64'
require 'json'
require 'jwt'
given = JSON.parse($stdin.read)
jwk = given['key']
# This version takes the text of an oct key's `k` for the secret itself.
key = jwk['kty'] == 'oct' ? Base64.urlsafe_decode64(jwk['k']) : JWT::JWK.import(jwk.transform_keys(&:to_sym)).keypair
claims, = JWT.decode(given['token'], key, true, algorithms: [given['alg']])
puts JSON.generate(claims)
"""
PERL = """
use strict; use warnings; use JSON::PP; use Crypt::JWT qw(decode_jwt);
my $given = decode_json(do { local $/; <STDIN> });
print encode_json(decode_jwt(token => $given->{token}, key => $given->{key}, accepted_alg => [ $given->{alg} ]));
"""


def run(command: list[str], given: str, cwd: Path) -> dict:
    done = subprocess.run(
        command, input=given.encode(), cwd=cwd, env={"PATH": os.environ["PATH"]}, capture_output=True, timeout=30
    )
    if done.returncode != 0:
        raise ValueError(done.stderr.decode())
    return json.loads(done.stdout)


def by_pyjwt(token: str, key: dict, alg: str, _) -> dict:
    return jwt.decode(token, jwt.PyJWK(key, alg).key, algorithms=[alg], audience="api")


def by_authlib(token: str, key: dict, alg: str, _) -> dict:
    return JsonWebToken([alg]).decode(token, JsonWebKey.import_key(key))


def by_joserfc(token: str, key: dict, alg: str, _) -> dict:
    return joserfc_jwt.decode(token, joserfc_jwk.import_key(key), algorithms=[alg]).claims


def by_jwcrypto(token: str, key: dict, alg: str, _) -> dict:
    return json.loads(jwcrypto_jwt.JWT(jwt=token, key=jwcrypto_jwk.JWK(**key), algs=[alg], expected_type="JWS").claims)


def by_python_jose(token: str, key: dict, alg: str, _) -> dict:
    return python_jose.decode(token, key, algorithms=[alg], audience="api")


def by_jose_program(token: str, key: dict, _, directory: Path) -> dict:
    (directory / "key.jwk").write_text(json.dumps(key))
    return run(["jose", "jws", "ver", "-i", "-", "-k", "key.jwk", "-O", "-"], token, directory)


def by_program(command: list[str], text: str, name: str) -> Callable[[str, dict, str, Path], dict]:
    def verify(token: str, key: dict, alg: str, directory: Path) -> dict:
        (directory / name).write_text(text)
        modules = directory / "node_modules"
        if not modules.is_symlink():
            modules.symlink_to("/usr/share/nodejs")
        return run([*command, name], json.dumps({"token": token, "key": key, "alg": alg}), directory)

    return verify


VERIFIERS = {
    "PyJWT": by_pyjwt,
    "Authlib": by_authlib,
    "joserfc": by_joserfc,
    "jwcrypto": by_jwcrypto,
    "python-jose": by_python_jose,
    "jose": by_jose_program,
    "node-jose": by_program(["node"], NODE, "verify.mjs"),
    "ruby-jwt": by_program(["ruby"], RUBY, "verify.rb"),
    "Crypt::JWT": by_program(["perl"], PERL, "verify.pl"),
}
PROGRAM = {"jose": "jose", "node-jose": "node", "ruby-jwt": "ruby", "Crypt::JWT": "perl"}
# What a verifier does not know at all, in the version that Debian 12 or PyPI has.
UNKNOWN = {
    ("python-jose", "PS256"),
    ("python-jose", "EdDSA"),
    ("jose", "EdDSA"),
    ("ruby-jwt", "EdDSA"),
}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_tokens_are_taken_by_at_least_six_outside_verifiers(make_server, algorithm, tmp_path):
    """B14 to B16, B20, C1 to C5: and each refuses the token once a claim was changed."""
    server = make_server(alg=algorithm)
    # Not `start`, which brings keys along: the first start makes those of the algorithm.
    server.run_once()
    token = server.login().access
    assert header_of(token)["alg"] == algorithm
    if algorithm == "HS256":
        key = {name: value for name, value in server.key_of(token).items() if name in ("kty", "k", "alg", "kid", "use")}
    else:
        published = server.http.get("/.well-known/jwks.json").json()["keys"]
        key = next(key for key in published if key["kid"] == header_of(token)["kid"])
    head, _, tail = token.split(".")
    forged = f"{head}.{server.login().access.split('.')[1]}.{tail}"
    agreed = []
    for name, verify in VERIFIERS.items():
        if (name, algorithm) in UNKNOWN or shutil.which(PROGRAM.get(name, "true")) is None:
            continue
        assert verify(token, key, algorithm, tmp_path)["sub"] == server.people[0].id, name
        with pytest.raises(Exception):  # noqa: B017, PT011: every library has an error of its own
            verify(forged, key, algorithm, tmp_path)
        agreed.append(name)
    print(f"{algorithm}: {', '.join(agreed)}")
    assert len(agreed) >= VERIFIERS_MIN
