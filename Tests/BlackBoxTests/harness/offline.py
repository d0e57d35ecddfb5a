"""Commands that need no server."""

import os
import subprocess

from harness.process import BINARY


def run(place, *arguments, stdin: bytes | str = b"", **variables) -> subprocess.CompletedProcess:
    """Runs a command; whatever it was given to check must not come out again."""
    kept = {"PATH": os.environ["PATH"], "HOME": str(place)}
    stdin = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(
        [BINARY, *arguments], cwd=place, env=kept | variables, input=stdin, capture_output=True, timeout=60
    )
    done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
    given = [*arguments, *variables.values(), *stdin.decode("latin-1").split()]
    for token in (word for word in given if word.count(".") == 2 and word.startswith("ey")):
        for part in token.split(".")[1:]:
            assert len(part) < 16 or part not in done.stdout + done.stderr, "the token is printed"
    return done
