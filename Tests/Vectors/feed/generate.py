"""Writes the files of this folder again: `.venv/bin/python Tests/Vectors/feed/generate.py`.

Everything is derived from fixed numbers, so the same program always writes the same bytes. It shares no code with the
server: it is a second implementation of docs/feed.md.
"""

import base64
import copy
import hashlib
import json
import pathlib
import struct

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

HERE = pathlib.Path(__file__).parent
ISSUER = "https://auth.example.com"
NOW = 1_790_000_000
EPOCH = 1

KINDS = {"token": 1, "session": 2, "cut": 4}
OF = {"subject": 1, "client": 2, "key": 3, "all": 4}
REASONS = ["unspecified", "logout", "revoked", "refresh_reused", "compromised", "operator_action", "account_changed",
           "session_limit", "replaced"]
FOREVER = (1 << 63) - 1
LATEST = 253_402_300_799


# Records

def crc32c(data):
    remainder = 0xFFFFFFFF
    for byte in data:
        remainder ^= byte
        for _ in range(8):
            remainder = remainder >> 1 ^ (0x82F63B78 if remainder & 1 else 0)
    return remainder ^ 0xFFFFFFFF


def uuid_text(data):
    digits = data.hex()
    return "-".join([digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]])


def uuid7(milliseconds, tail=1):
    return struct.pack(">QQ", milliseconds << 16 | 0x7000 | tail >> 8 & 0xFFF, 0x8000_0000_0000_0000 | tail)


def high(identifier):
    return int.from_bytes(identifier[:8], "big")


def pack(kind, flags, reason, seq, key, expires, value, time, durable=0):
    body = struct.pack("<BBHQ16sqQqQ", kind, flags, reason, seq, key, expires, value, time, durable)
    return struct.pack("<I", crc32c(body)) + body


def cut_key(of, name):
    return hashlib.sha256(bytes([OF[of]]) + name.encode()).digest()[:16]


def seconds_up(milliseconds):
    return min(-(-milliseconds // 1_000), LATEST)


def token(seq, jti, expires, reason="revoked", any_expiry=False):
    data = pack(1, 1 if any_expiry else 0, REASONS.index(reason), seq, jti, expires, 0, NOW * 1_000 + seq)
    shown = {"seq": f"{EPOCH}:{seq}", "kind": "token", "id": uuid_text(jti), "expires": seconds_up(expires),
             "reason": reason}
    if any_expiry:
        shown["any_expiry"] = True
    return data, shown


def session(seq, sid, expires, reason="logout"):
    data = pack(2, 0, REASONS.index(reason), seq, sid, expires, 0, NOW * 1_000 + seq)
    return data, {"seq": f"{EPOCH}:{seq}", "kind": "session", "id": uuid_text(sid), "expires": seconds_up(expires),
                  "reason": reason}


def cut(seq, of, name, before, expires, reason="operator_action", spares_one=False):
    key = cut_key(of, name)
    flags = OF[of] << 4 | (8 if spares_one else 0)
    data = pack(4, flags, REASONS.index(reason), seq, key, expires, before, NOW * 1_000 + seq)
    return data, {"seq": f"{EPOCH}:{seq}", "kind": "cut", "of": of, "id": key.hex(),
                  "before": uuid_text(struct.pack(">QQ", before, 1 << 63)), "before_seq": seq,
                  "expires": seconds_up(expires), "reason": reason}


def spare(seq, of, sid, before, expires, reason="logout"):
    data = pack(4, OF[of] << 4 | 1, REASONS.index(reason), seq, sid, expires, before, NOW * 1_000 + seq)
    return data, {"seq": f"{EPOCH}:{seq}", "kind": "cut", "of": of, "spares": uuid_text(sid),
                  "before": uuid_text(struct.pack(">QQ", before, 1 << 63)), "before_seq": seq + 1,
                  "expires": seconds_up(expires), "reason": reason}


# What the records say about

LOGIN = NOW * 1_000 - 600_000  # Sessions began ten minutes ago, unless a case says otherwise.
CUT_AT = high(uuid7(NOW * 1_000))
ENDS = NOW * 1_000 + 30 * 86_400_000

revoked_jti = uuid7(LOGIN + 5, 0x11)
typed_jti = uuid7(LOGIN + 6, 0x12)
odd_jti = uuid7(LOGIN + 7, 0x13)
ended_sid = uuid7(LOGIN + 1, 0x21)
reused_sid = uuid7(LOGIN + 2, 0x22)
displaced_sid = uuid7(LOGIN + 3, 0x23)
spared_sid = uuid7(LOGIN + 8, 0x31)
other_sid = uuid7(LOGIN + 9, 0x32)
late_sid = uuid7(NOW * 1_000 + 60_000, 0x33)
spared_twice_sid = uuid7(LOGIN + 10, 0x34)

RECORDS = [
    token(7, revoked_jti, NOW * 1_000 + 600_000),
    token(8, typed_jti, NOW * 1_000 + 3_600_000, "operator_action", any_expiry=True),
    token(9, odd_jti, NOW * 1_000 + 600_001, "unspecified"),  # The end is rounded up to the next second.
    session(12, ended_sid, ENDS),
    session(13, reused_sid, ENDS, "refresh_reused"),
    session(15, displaced_sid, ENDS, "session_limit"),
    session(16, uuid7(LOGIN + 4, 0x24), ENDS, "replaced"),
    cut(20, "subject", "cut-user", CUT_AT, ENDS, "account_changed"),
    spare(22, "subject", spared_sid, CUT_AT, ENDS),
    cut(23, "subject", "sparing-user", CUT_AT, ENDS, "logout", spares_one=True),
    cut(30, "client", "cut-client", CUT_AT, ENDS),
    cut(31, "key", "cut-key", CUT_AT, FOREVER, "compromised"),
    spare(40, "subject", spared_twice_sid, CUT_AT, ENDS),
    cut(41, "subject", "twice-cut-user", CUT_AT, ENDS, "logout", spares_one=True),
    cut(45, "subject", "twice-cut-user", CUT_AT + (1_000 << 16), ENDS, "account_changed"),
]
ALL = cut(50, "all", "", CUT_AT - (900_000 << 16), ENDS)  # Of everything that began 15 minutes ago or earlier.
RECORDS.append(ALL)
HEAD = 55


def case(name, claims, denied, kid="key-1"):
    base = {"iss": ISSUER, "sub": "user-1", "client_id": "app", "iat": NOW - 60, "exp": NOW + 540,
            "jti": uuid_text(uuid7(LOGIN + 100, 0x41)), "sid": uuid_text(uuid7(LOGIN + 50, 0x51)), "bsq": 52}
    for member, value in claims.items():
        if value is None:
            base.pop(member, None)
        else:
            base[member] = value
    return {"name": name, "header": {"alg": "EdDSA", "typ": "at+jwt", "kid": kid}, "claims": base, "denied": denied}


CASES = [
    case("nothing is revoked", {}, None),
    case("the token is revoked", {"jti": uuid_text(revoked_jti)}, "token"),
    case("the token is revoked for any expiry", {"jti": uuid_text(typed_jti), "exp": NOW + 3_000}, "token"),
    case("the session was ended", {"sid": uuid_text(ended_sid)}, "session"),
    case("the session was ended after a reuse", {"sid": uuid_text(reused_sid)}, "session"),
    case("the session was ended by a limit", {"sid": uuid_text(displaced_sid)}, "session"),
    case("a session's id is not a token's", {"jti": uuid_text(ended_sid)}, None),
    case("the subject's cut, by the sequence number: one below", {"sub": "cut-user", "bsq": 19}, "all"),
    case("the subject's cut, one below, above the cut of everything",
         {"sub": "twice-cut-user", "bsq": 44, "sid": uuid_text(other_sid)}, "all"),
    case("the subject's cut, by the sequence number: at it or above", {"sub": "cut-user", "bsq": 50}, None),
    case("the cut of everything, by the sequence number: one below", {"bsq": 49}, "all"),
    case("the sequence number counts, not the time of the session",
         {"sub": "cut-user", "bsq": 50, "sid": uuid_text(other_sid)}, None),
    case("the subject's cut, by the time of the session", {"sub": "cut-user", "bsq": None, "sid": uuid_text(other_sid)},
         "subject"),
    case("a session after the subject's cut", {"sub": "cut-user", "bsq": None, "sid": uuid_text(late_sid)}, None),
    case("another subject", {"bsq": None, "sid": uuid_text(other_sid)}, None),
    case("the cut of everything, by the time of the session",
         {"bsq": None, "sid": uuid_text(uuid7(NOW * 1_000 - 900_001))}, "all"),
    case("a session at the time of the cut of everything",
         {"bsq": None, "sid": uuid_text(struct.pack(">QQ", CUT_AT - (900_000 << 16), 1 << 63))}, None),
    case("the session that survives its subject's cut", {"sub": "sparing-user", "bsq": None,
                                                         "sid": uuid_text(spared_sid)}, None),
    case("another session of that subject", {"sub": "sparing-user", "bsq": None, "sid": uuid_text(other_sid)},
         "subject"),
    case("a session that survives its subject's cut is not exempt from that of a client",
         {"sub": "sparing-user", "client_id": "cut-client", "bsq": None, "sid": uuid_text(spared_sid)}, "client"),
    case("the second cut ends the session that survived the first",
         {"sub": "twice-cut-user", "bsq": None, "sid": uuid_text(spared_twice_sid)}, "subject"),
    case("the client's cut", {"client_id": "cut-client", "bsq": None}, "client"),
    case("the client's cut, after it", {"client_id": "cut-client", "bsq": 50}, None),
    case("a token of the client itself, without a session, by its id",
         {"sub": "cut-client", "client_id": "cut-client", "sid": None, "bsq": None}, "client"),
    case("a token of the client itself, issued after the cut by its id",
         {"sub": "cut-client", "client_id": "cut-client", "sid": None, "bsq": None,
          "jti": uuid_text(uuid7(NOW * 1_000 + 5))}, None),
    case("a token of the client itself, whose id has no time, by iat",
         {"sub": "cut-client", "client_id": "cut-client", "sid": None, "bsq": None,
          "jti": "6f9619ff-8b86-4011-b42d-00c04fc964ff"}, "client"),
    case("a token of the client itself, whose id has no time, issued later",
         {"sub": "cut-client", "client_id": "cut-client", "sid": None, "bsq": None, "iat": NOW + 1,
          "jti": "6f9619ff-8b86-4011-b42d-00c04fc964ff"}, None),
    case("a key's cut ends every token of the key", {"bsq": 1_000}, "key", kid="cut-key"),
    case("a client that is called like a subject", {"client_id": "cut-user", "bsq": None}, None),
]

# The same without the cut of everything, so that sequence numbers below it can be compared with others.
NARROW_CASES = [
    case("the subject's cut, one below", {"sub": "cut-user", "bsq": 19}, "subject"),
    case("the subject's cut, at it", {"sub": "cut-user", "bsq": 20}, None),
    case("the session that survives, by the sequence number",
         {"sub": "sparing-user", "bsq": 6, "sid": uuid_text(spared_sid)}, None),
    case("another session of that subject, by the sequence number",
         {"sub": "sparing-user", "bsq": 6, "sid": uuid_text(other_sid)}, "subject"),
    case("the second cut ends the session that survived the first, by the sequence number",
         {"sub": "twice-cut-user", "bsq": 6, "sid": uuid_text(spared_twice_sid)}, "subject"),
    case("between the two cuts", {"sub": "twice-cut-user", "bsq": 44, "sid": uuid_text(other_sid)}, "subject"),
    case("at the second cut", {"sub": "twice-cut-user", "bsq": 45, "sid": uuid_text(other_sid)}, None),
    case("the client's cut, one below", {"client_id": "cut-client", "bsq": 29}, "client"),
    case("the client's cut, at it", {"client_id": "cut-client", "bsq": 30}, None),
    case("a token of the client itself, by the sequence number",
         {"sub": "cut-client", "client_id": "cut-client", "sid": None, "bsq": 29}, "client"),
]


# Snapshots

def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


ED25519 = ed25519.Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"feed vectors, key 1").digest())
P256 = ec.derive_private_key(int.from_bytes(hashlib.sha256(b"feed vectors, key 2").digest(), "big") >> 1,
                             ec.SECP256R1())
UNKNOWN = ed25519.Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"feed vectors, not in the set").digest())


def jwks():
    point = P256.public_key().public_numbers()
    return {"keys": [
        {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": "key-1",
         "x": base64url(ED25519.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))},
        {"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "key-2",
         "x": base64url(point.x.to_bytes(32, "big")), "y": base64url(point.y.to_bytes(32, "big"))},
    ]}


def sign(header, claims, key):
    text = base64url(json.dumps(header, separators=(",", ":")).encode())
    text += "." + base64url(json.dumps(claims, separators=(",", ":")).encode())
    if isinstance(key, ed25519.Ed25519PrivateKey):
        signature = key.sign(text.encode())
    else:
        der = key.sign(text.encode(), ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
        signature = b"".join(number.to_bytes(32, "big") for number in decode_dss_signature(der))
    return text + "." + base64url(signature)


def digest(data):
    return "sha-256=:" + base64.b64encode(hashlib.sha256(data).digest()).decode() + ":"


def snapshot(records, key=ED25519, alg="EdDSA", kid="key-1", typ="rs+jwt", **changes):
    content = b"".join(records)
    claims = {"iss": ISSUER, "iat": NOW, "pos": f"{EPOCH}:{HEAD}", "count": len(records), "digest": digest(content)}
    claims.update(changes)
    return sign({"alg": alg, "typ": typ, "kid": kid}, claims, key).encode() + b"\n" + content


def flip(data, bit):
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def snapshots():
    records = [data for data, _ in RECORDS]
    good = snapshot(records)
    start = good.index(b"\n") + 1
    yield "snapshot.snap", good, None
    yield "snapshot-es256.snap", snapshot(records, P256, "ES256", "key-2"), None
    yield "snapshot-empty.snap", snapshot([]), None
    yield "snapshot-flipped-record.snap", flip(good, (start + 70) * 8), "digest"
    yield "snapshot-flipped-signature.snap", flip(good, (start - 20) * 8), "signature"
    yield "snapshot-cut-off.snap", good[:-64], "digest"
    yield "snapshot-torn.snap", good[:-1], "digest"
    yield "snapshot-record-added.snap", good + records[0], "digest"
    yield "snapshot-other-issuer.snap", snapshot(records, iss="https://other.example.com"), "issuer"
    yield "snapshot-unknown-key.snap", snapshot(records, UNKNOWN, kid="key-9"), "key"
    yield "snapshot-forged-key.snap", snapshot(records, UNKNOWN), "signature"
    yield "snapshot-access-token.snap", snapshot(records, typ="at+jwt"), "type"
    yield "snapshot-wrong-count.snap", snapshot(records, count=len(records) + 1), "count"
    unsigned = base64url(b'{"alg":"none","typ":"rs+jwt","kid":"key-1"}')
    body = good[:start].decode().split(".")[1]
    yield "snapshot-unsigned.snap", f"{unsigned}.{body}.\n".encode() + b"".join(records), "signature"
    yield "snapshot-without-line.snap", b"".join(records), "signature"


def damaged():
    """Content of `application/vnd.martlet.records` that a reader must not accept, not even in part."""
    one, two = RECORDS[0][0], RECORDS[3][0]
    rotation = pack(3, 0, 0, 60, ended_sid, ENDS, 1, NOW * 1_000)
    strange = pack(4, 9 << 4, 0, 60, ended_sid, ENDS, 1, NOW * 1_000)
    return [
        {"name": "a flipped bit in the identifier", "hex": flip(one, 8 * 17).hex(), "fault": "damaged"},
        {"name": "a flipped bit in the checksum", "hex": flip(one, 3).hex(), "fault": "damaged"},
        {"name": "a checksum with another seed",
         "hex": (struct.pack("<I", crc32c(one[4:]) ^ 0x1234) + one[4:]).hex(), "fault": "damaged"},
        {"name": "the last eight bytes are not zero", "hex": pack(
            1, 0, 2, 7, revoked_jti, NOW * 1_000, 0, NOW * 1_000, durable=6).hex(), "fault": "damaged"},
        {"name": "zeros", "hex": bytes(64).hex(), "fault": "damaged"},
        {"name": "the second record is damaged", "hex": (one + flip(two, 300)).hex(), "fault": "damaged"},
        {"name": "half a record", "hex": (one + two[:32]).hex(), "fault": "cut_off"},
        {"name": "one byte too many", "hex": (one + b"\n").hex(), "fault": "cut_off"},
        {"name": "a rotation", "hex": (one + rotation).hex(), "fault": "unknown"},
        {"name": "a kind of the future", "hex": pack(40, 0, 0, 60, ended_sid, ENDS, 0, NOW * 1_000).hex(),
         "fault": "unknown"},
        {"name": "a cut of something unknown", "hex": strange.hex(), "fault": "unknown"},
        {"name": "descending", "hex": (two + one).hex(), "fault": "out_of_order"},
        {"name": "twice the same", "hex": (one + one).hex(), "fault": "out_of_order"},
    ]


def write(name, value):
    data = value if isinstance(value, bytes) else (json.dumps(value, indent=2) + "\n").encode()
    (HERE / name).write_bytes(data)


def main():
    write("records.bin", b"".join(data for data, _ in RECORDS))
    write("records.json", {"epoch": EPOCH, "records": [
        {"hex": data.hex(), "json": shown} for data, shown in RECORDS]})
    shown = [copy.deepcopy(value) for _, value in RECORDS]
    write("answer.json", {"issuer": ISSUER, "head": f"{EPOCH}:{HEAD}", "age_ms": 4, "records": shown})
    write("answer-more.json", {
        "issuer": ISSUER, "head": f"{EPOCH}:{HEAD}", "age_ms": 0, "records": shown[:4], "more": True})
    write("answer-empty.json", {"issuer": ISSUER, "head": f"{EPOCH}:{HEAD}", "age_ms": 12, "records": []})
    write("damaged.json", damaged())
    write("jwks.json", jwks())
    index = []
    for name, content, fault in snapshots():
        write(name, content)
        index.append({"file": name, "fault": fault})
    write("snapshots.json", {"issuer": ISSUER, "now": NOW + 5, "position": f"{EPOCH}:{HEAD}", "snapshots": index})
    write("cases.json", {"issuer": ISSUER, "now": NOW, "groups": [
        {"records": shown, "cases": CASES},
        {"records": [value for value in shown if value.get("of") != "all"], "cases": NARROW_CASES},
    ]})


if __name__ == "__main__":
    main()
