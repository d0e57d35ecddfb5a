"""Verifies access tokens of Martlet in this process, and follows the feed of what was revoked."""

from .jws import VerifyError
from .middleware import RequireToken, RequireTokenWSGI
from .revocations import Damaged
from .verifier import Verifier

__all__ = ["Damaged", "RequireToken", "RequireTokenWSGI", "Verifier", "VerifyError"]
