"""An issuer that is not Martlet: its keys, its published set, and tokens in the shapes that CI systems issue."""

import json
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

ALGORITHMS = get_default_algorithms()


def _make(algorithm: str):
    if algorithm.startswith(("RS", "PS")):
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key({"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}[algorithm]())


class ForeignKey:
    def __init__(self, algorithm: str, kid: str | None):
        self.algorithm, self.kid, self.private = algorithm, kid, _make(algorithm)

    def jwk(self, private: bool = False, **members) -> dict:
        key = self.private if private else self.private.public_key()
        jwk = json.loads(ALGORITHMS[self.algorithm].to_jwk(key))
        jwk.pop("key_ops", None)
        jwk |= {"alg": self.algorithm, "use": "sig"} | ({"kid": self.kid} if self.kid else {})
        return {name: value for name, value in (jwk | members).items() if value is not None}

    def sign(self, claims: dict, **header) -> str:
        header = {"kid": self.kid} | header if self.kid else header
        payload = json.dumps(claims, separators=(",", ":")).encode()
        return jwt.PyJWS().encode(payload, self.private, self.algorithm, headers=header)


class Foreign:
    """An issuer with one key of each of some algorithms."""

    def __init__(self, issuer: str, algorithms: tuple[str, ...] = ("RS256",)):
        self.issuer = issuer
        self.keys = [ForeignKey(algorithm, f"{algorithm.lower()}-1") for algorithm in algorithms]

    @property
    def jwks(self) -> bytes:
        return json.dumps({"keys": [key.jwk() for key in self.keys]}).encode()

    def claims(self, **changes) -> dict:
        now = int(time.time())
        claims = {"iss": self.issuer, "sub": "amy", "aud": "deploy", "iat": now, "nbf": now, "exp": now + 300} | changes
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, key: int = 0, header: dict | None = None, **changes) -> str:
        return self.keys[key].sign(self.claims(**changes), **(header or {}))

    def github(self, aud: str = "https://github.com/octo-org", **changes) -> str:
        """As GitHub Actions issues: many claims as text, no typ of an access token, a jti, an audience alone."""
        return self.token(
            header={"typ": "JWT", "x5t": "ykNaY4qM_ta4k2TgZOCEYLkcYlA"},
            sub="repo:octo-org/octo-repo:environment:prod", aud=aud,
            jti="example-id", ref="refs/heads/main", ref_type="branch", ref_protected="true", sha="example-sha",
            repository="octo-org/octo-repo", repository_id="74", repository_owner="octo-org", actor="octocat",
            environment="prod", run_id="3141592653", run_number="10", run_attempt="2", event_name="workflow_dispatch",
            job_workflow_ref="octo-org/octo-automation/.github/workflows/oidc.yml@refs/heads/main",
            runner_environment="github-hosted", **changes,
        )  # fmt: skip

    def gitlab(self, **changes) -> str:
        """As GitLab issues in an ID token: audiences as a list, nested lists, booleans and a null."""
        return self.token(
            header={"typ": "JWT"},
            aud=["https://vault.example", "deploy"], sub="project_path:mygroup/myproject:ref_type:branch:ref:main",
            jti=None, nbf=int(time.time()) - 5, namespace_id="72", namespace_path="mygroup", project_id="20",
            project_path="mygroup/myproject", user_login="sample-user", user_access_level="developer",
            user_identities=[{"provider": "github", "extern_uid": "2435223452345"}], pipeline_id="574",
            pipeline_source="push", job_id="302", ref="main", ref_type="branch", ref_protected="false",
            environment=None, environment_protected=True, deployment_tier=None, groups_direct=["mygroup/a", "mygroup/b"],
            runner_id=1, runner_environment="self-hosted", ci_config_sha=None, job_project={"id": 20, "deep": [1, {"x": None}]},
            **changes,
        )  # fmt: skip
