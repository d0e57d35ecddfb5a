"""Drives the verifier client for Python by lines of JSON: one request a line, one answer a line."""

import json
import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
from martlet_verifier import Verifier, VerifyError  # noqa: E402
from martlet_verifier.revocations import Checked, Revocations  # noqa: E402

verifier: Verifier | None = None
events: list[str] = []


def denials(records: list[str], tokens: list[dict]) -> list[str | None]:
    known = Revocations()
    for each in records:
        known.apply(bytes.fromhex(each), 0, 2**63)
    codes = []
    for token in tokens:
        claims = token["claims"]
        jti, sid = (bytes.fromhex(claims.get(name, "").replace("-", "")) for name in ("jti", "sid"))
        codes.append(known.denial(Checked(token["kid"], None, claims, jti, sid or None, frozenset())))
    return codes


def answer_to(op: str, options: dict) -> dict:
    global verifier
    if op == "new":
        verifier = Verifier(**options, on_event=lambda event, detail: events.append(f"{event}: {detail}"))
    elif op == "verify":
        return {"claims": verifier.verify(options.pop("token"), **options)}
    elif op == "load":
        return {"claims": verifier.load(Path(options["file"]).read_bytes(), options.get("max_age"))}
    elif op == "status":
        return verifier.status | {"age": min(verifier.age, 1e9), "events": events}
    elif op == "deny":
        return {"codes": denials(**options)}
    elif op == "close" and verifier:
        verifier.close()
    return {}


for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = answer_to(request.pop("op"), request)
    except VerifyError as error:
        answer = {"code": error.code, "status": error.status}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
