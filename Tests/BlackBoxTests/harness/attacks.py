"""Forged tokens by families, each one a change to a real token that must make it worthless.

Where a genuine signature makes the forgery stronger it is signed with the service's own key, so that only the fault under
test stands between the token and a yes.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from .tokens import b64url, claims_of, compact, header_of, sign, unb64url

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
NUMBER_FORMS = [
    '"9999999999"', '""', "true", "false", "null", "[]", "[9999999999]", "{}", "1e999", "1e400", "-1", "-1e999", "0", "-0",
    "9223372036854775807", "9223372036854775808", "18446744073709551616", "-9223372036854775809", "1e19", "NaN", "Infinity",
    "-Infinity", "0x7fffffff", "01", "+9999999999", "9999999999.", ".5", "1e", "1" * 400, "1e-400", "9" * 310 + ".5",
]  # fmt: skip
KIDS: list = [
    "../../keys/refresh", "../../../../../../dev/null", "/dev/null", "/etc/passwd", "file:///etc/passwd", "keys/../keys",
    "..%2f..%2fetc%2fpasswd", "' OR '1'='1", "1 UNION SELECT 'AAAA'", "'; DROP TABLE keys; --", "$(id)", "|id", "`id`",
    "k" * 5_000, "\x00", "", " ", "http://127.0.0.1/", "\u202e", "%s%n%n", "..\\..\\x", "kid\r\nX-Admin: 1", "\ud83d\ude00",
    7, -1, 1.5, None, True, ["x"], [], {"k": 1},
]  # fmt: skip


@dataclass(frozen=True)
class Material:
    """What the forgeries are made from."""

    access: str
    """A good access token, signed with `key`."""
    refresh: str
    revoked: str
    """An access token of the same kind that was revoked."""
    key: dict
    """The private JWK that signed `access`."""
    published: dict
    """A public JWK of the published set."""
    refresh_key: dict
    silent_url: str
    """Where somebody listens whom no token must ever make the service call."""

    @property
    def header(self) -> dict:
        return header_of(self.access)

    @property
    def claims(self) -> dict:
        return claims_of(self.access)

    def changed(self, header: dict | None = None, **claims) -> str:
        """A genuinely signed token with other header members and claims."""
        return sign(self.header | (header or {}), self.claims | claims, self.key)

    def raw(self, header: bytes | None = None, claims: bytes | None = None) -> str:
        return sign(header or compact(self.header), claims or compact(self.claims), self.key)


Case = tuple[str, str]


def mac(signing_input: str, secret: bytes, digest=hashlib.sha256) -> str:
    return b64url(hmac.new(secret, signing_input.encode(), digest).digest())


def unsigned(m: Material) -> Iterator[Case]:
    """`alg` none in every spelling: without a signature, with the old one, with one made by an empty secret."""
    old = m.access.split(".")[2]
    spellings = ["none", "None", "NONE", "nOnE", "none ", " none", "none\x00", "n\u00f8ne", "\uff4eone", "", "null", "nil", "0"]
    for name in spellings:
        token = sign(m.header | {"alg": name}, m.claims, None)
        yield f"{name!r} without a signature", token
        yield f"{name!r} with the old signature", token + old
        yield f"{name!r} with a MAC of nothing", token + mac(token[:-1], b"")
    for value in (None, 0, False, True, [], ["none"], {}, {"alg": "none"}):
        yield f"alg {value!r}", sign(m.header | {"alg": value}, m.claims, None) + old
    escaped = compact(m.header).replace(b'"alg"', b'"x"')[:-1] + b',"\\u0061lg":"none"}'
    yield "an escaped name", f"{b64url(escaped)}.{b64url(compact(m.claims))}."
    yield "no alg at all", sign({k: v for k, v in m.header.items() if k != "alg"}, m.claims, m.key)


def public_spellings(jwk: dict) -> dict[str, bytes]:
    """What an attacker might feed to HMAC: a public RSA key in every usual writing."""
    numbers = rsa.RSAPublicNumbers(int.from_bytes(unb64url(jwk["e"]), "big"), int.from_bytes(unb64url(jwk["n"]), "big"))
    public = numbers.public_key()
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = public.public_bytes(serialization.Encoding.PEM, spki)
    return {
        "PEM": pem,
        "PEM without its end of line": pem.strip(),
        "PEM after a space": b" " + pem,
        "PEM after a line": b"\n" + pem,
        "PEM with a byte order mark": b"\xef\xbb\xbf" + pem,
        "PEM with CRLF": pem.replace(b"\n", b"\r\n"),
        "PEM on one line": pem.replace(b"\n", b""),
        "PEM with a NUL": pem + b"\0",
        "PKCS#1 PEM": public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1),
        "DER": public.public_bytes(serialization.Encoding.DER, spki),
        "PKCS#1 DER": public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1),
        "DER in base64": base64.b64encode(public.public_bytes(serialization.Encoding.DER, spki)),
        "JWK": compact({name: jwk[name] for name in ("e", "kty", "n")}),
        "published JWK": compact(jwk),
        "spaced JWK": json.dumps(jwk).encode(),
        "indented JWK": json.dumps(jwk, indent=2).encode(),
        "JWK set": compact({"keys": [jwk]}),
        "modulus": unb64url(jwk["n"]),
        "modulus as text": jwk["n"].encode(),
        "exponent": unb64url(jwk["e"]),
        "kid": jwk["kid"].encode(),
        "nothing": b"",
        "zeros": bytes(32),
    }


def public_key_as_secret(m: Material) -> Iterator[Case]:
    """HS tokens keyed with what everybody can read (B3), under the public key's kid and the refresh secret's."""
    for name, secret in public_spellings(m.published).items():
        for kid in (m.published["kid"], m.refresh_key["kid"]):
            header = {"alg": "HS256", "typ": "at+jwt", "kid": kid}
            yield f"{name} as secret of {kid[:6]}", sign(header, m.claims, secret)
    pem = public_spellings(m.published)["PEM"]
    for algorithm, digest in (("HS384", hashlib.sha384), ("HS512", hashlib.sha512)):
        signing_input = sign({"alg": algorithm, "typ": "at+jwt", "kid": m.published["kid"]}, m.claims, None)[:-1]
        yield f"PEM as {algorithm} secret", f"{signing_input}.{mac(signing_input, pem, digest)}"


def other_algorithms(m: Material) -> Iterator[Case]:
    """A genuine signature under another name (B2)."""
    names = ["RS512", "PS256", "ES256", "ES512", "EdDSA", "HS256", "HS512", "RS1", "rs256", "RS256 ", "RSA-OAEP", "dir", "A256GCMKW"]
    for name in names:
        if name != m.header["alg"]:
            yield name, m.changed({"alg": name})


def carried_keys(m: Material) -> Iterator[Case]:
    """The attacker's own key, carried in the token or named by it (B17)."""
    mine = rsa.generate_private_key(65537, 2048)
    numbers = mine.public_key().public_numbers()
    jwk = {"kty": "RSA", "n": b64url(numbers.n.to_bytes(256, "big")), "e": "AQAB", "alg": "RS256", "use": "sig"}
    url = m.silent_url
    members = {
        "jwk": {"jwk": jwk},
        "jwk of a secret": {"jwk": {"kty": "oct", "k": b64url(b"k" * 32)}},
        "jku": {"jku": url},
        "jku after a good host": {"jku": f"http://good.example@{url.removeprefix('http://')}"},
        "x5u": {"x5u": url},
        "x5c": {"x5c": ["MIIB" * 20]},
        "x5t": {"x5t": "AAAA", "x5t#S256": "AAAA"},
        "all": {"jwk": jwk, "jku": url, "x5u": url, "x5c": ["MIIB"]},
        "iss as url": {"iss": url},
    }
    for name, more in members.items():
        for kid in ("mine", m.header["kid"], url):
            header = {"alg": "RS256", "typ": "at+jwt", "kid": kid} | more
            signing_input = sign(header, m.claims, None)[:-1]
            signature = mine.sign(signing_input.encode(), padding.PKCS1v15(), hashes.SHA256())
            yield f"{name}, kid {kid[:6]}", f"{signing_input}.{b64url(signature)}"


def hostile_kids(m: Material) -> Iterator[Case]:
    """A `kid` that is a path, a query, a command, too long, or no string (B18, B19)."""
    for kid in KIDS:
        yield f"{str(kid)[:12]!r}, genuine", m.changed({"kid": kid})
        yield f"{str(kid)[:12]!r}, MAC of nothing", sign({"alg": "HS256", "typ": "at+jwt", "kid": kid}, m.claims, b"")
    yield "none at all", sign({k: v for k, v in m.header.items() if k != "kid"}, m.claims, m.key)
    yield "the refresh secret's", m.changed({"kid": m.refresh_key["kid"]})


def extensions(m: Material) -> Iterator[Case]:
    """`crit`, `b64` and `zip`, under a genuine signature (A9, A10, A16)."""
    for header in (
        {"crit": ["b64"], "b64": False}, {"crit": ["b64"], "b64": True}, {"b64": False}, {"crit": ["exp"], "exp": 9999999999},
        {"crit": ["x"], "x": 1}, {"crit": ["x"]}, {"crit": []}, {"crit": "b64"}, {"crit": ["alg"]}, {"crit": ["typ", "kid"]},
        {"crit": ["x", "x"], "x": 1}, {"crit": None}, {"crit": [1]}, {"crit": {}}, {"crit": True}, {"crit": [""]}, {"crit": [[]]},
        {"crit": ["http://example.com/x"], "http://example.com/x": 1},
    ):  # fmt: skip
        yield str(header)[:50], m.changed(header)
    payload = b64url(compact(m.claims))
    header = b64url(compact(m.header | {"crit": ["b64"], "b64": False}))
    yield "a payload in the clear", f"{header}.{json.dumps(m.claims)}.{m.access.split('.')[2]}"
    yield "a detached payload", f"{m.access.split('.')[0]}..{m.access.split('.')[2]}"
    yield "a header twice", f"{header}.{header}.{payload}"


def shapes(m: Material) -> Iterator[Case]:
    """Other serializations, other part counts, encrypted tokens and sheer size (A1, A15, A16)."""
    head, payload, tail = m.access.split(".")
    yield "one part", head
    yield "two parts", f"{head}.{payload}"
    yield "four parts", f"{m.access}.x"
    yield "four parts, the last empty", f"{m.access}."
    yield "an empty header", f".{payload}.{tail}"
    yield "an empty payload", f"{head}..{tail}"
    yield "dots only", ".."
    yield "flattened", json.dumps({"protected": head, "payload": payload, "signature": tail})
    yield "general", json.dumps({"payload": payload, "signatures": [{"protected": head, "signature": tail}]})
    yield "quoted", f'"{m.access}"'
    yield "in a list", f'["{m.access}"]'
    yield "encoded again", base64.b64encode(m.access.encode()).decode()
    yield "after its scheme", f"Bearer {m.access}"
    yield "twice", f"{m.access}, {m.access}"
    yield "as a query", f"token={m.access}"
    for algorithm, more in (
        ("dir", {}), ("RSA-OAEP", {"zip": "DEF"}), ("PBES2-HS256+A128KW", {"p2c": 2_147_483_647, "p2s": "AAAA"}),
        ("ECDH-ES", {"epk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}}),
    ):  # fmt: skip
        header = b64url(compact({"alg": algorithm, "enc": "A128GCM", "kid": m.header["kid"]} | more))
        yield f"encrypted, {algorithm}", f"{header}.{tail}.AAAA.{payload}.AAAA"
        yield f"encrypted, {algorithm}, empty parts", f"{header}...."
    nested = sign(m.header | {"cty": "JWT"}, m.access.encode(), m.key)
    yield "a token in a token", nested
    for name, token in (
        ("dots", "." * 1_000_000), ("parts", "a." * 500_000), ("letters", "a" * 1_000_000),
        ("padding", m.access + "=" * 1_000_000), ("header", "e" * 1_000_000 + m.access),
        ("signature", m.access + "A" * 1_000_000), ("dots of the longest kind", "." * 8_192), ("9 kB", m.access + "A" * 9_000),
    ):  # fmt: skip
        yield f"a million {name}" if len(token) > 100_000 else name, token


def json_faults(m: Material) -> Iterator[Case]:
    """Texts that two readers would read in two ways, under a genuine signature (A4 to A6)."""
    header, claims = compact(m.header), compact(m.claims)
    alg = m.header["alg"].encode()
    for name, bad in {
        "alg twice": header[:-1] + b',"alg":"' + alg + b'"}',
        "alg twice, once escaped": header[:-1] + b',"\\u0061\\u006cg":"none"}',
        "kid twice": header[:-1] + b',"kid":"x"}',
        "a byte order mark": b"\xef\xbb\xbf" + header,
        "text behind": header + b"x",
        "another object behind": header + header,
        "a NUL behind": header + b"\0",
        "a trailing comma": header[:-1] + b",}",
        "a comment": header[:-1] + b"/* */}",
        "single quotes": header.replace(b'"', b"'"),
        "a list": b"[" + header + b"]",
        "a string": b'"x"',
        "null": b"null",
        "a number": b"1",
        "UTF-16": header.decode().encode("utf-16"),
        "UTF-16 without a mark": header.decode().encode("utf-16-be"),
        "broken UTF-8": header[:-1] + b',"x":"\xff"}',
        "overlong UTF-8": header[:-1] + b',"x":"\xc0\xaf"}',
        "a lone surrogate": header[:-1] + b',"x":"\xed\xa0\x80"}',
        "a control character": header[:-1] + b',"x":"\x01"}',
        "depth": header[:-1] + b',"x":' + b"[" * 2_000 + b"]" * 2_000 + b"}",
        "depth of objects": header[:-1] + b',"x":' + b'{"a":' * 700 + b"1" + b"}" * 700 + b"}",
        "an unclosed depth": header[:-1] + b',"x":' + b"[" * 4_000,
        "a bad escape": header[:-1] + b',"x":"\\x41"}',
        "a cut escape": header[:-1] + b',"x":"\\u00"}',
    }.items():
        yield f"header: {name}", m.raw(header=bad)
    for name, bad in {
        "exp twice": claims[:-1] + b',"exp":9999999999}',
        "sub twice, once escaped": claims[:-1] + b',"s\\u0075b":"root"}',
        "scope twice": claims[:-1] + b',"scope":"admin"}',
        "aud twice": claims[:-1] + b',"aud":"api"}',
        "a byte order mark": b"\xef\xbb\xbf" + claims,
        "text behind": claims + b" x",
        "a NUL behind": claims + b"\0",
        "a trailing comma": claims[:-1] + b",}",
        "a list": b"[" + claims + b"]",
        "null": b"null",
        "nothing": b" ",
        "UTF-16": claims.decode().encode("utf-16"),
        "broken UTF-8": claims[:-1] + b',"x":"\xff"}',
        "depth": claims[:-1] + b',"x":' + b"[" * 2_000 + b"]" * 2_000 + b"}",
        "a number without end": claims[:-1] + b',"x":1e}',
    }.items():
        yield f"claims: {name}", m.raw(claims=bad)


def respelled(token: str) -> Iterator[Case]:
    """Other texts that a lax decoder reads as the same octets."""
    head, payload, tail = token.split(".")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    yield "padding", token + "="
    yield "more padding", token + "=="
    yield "padding inside", token.replace(".", "=.", 1)
    yield "a line behind", token + "\n"
    yield "a space before", " " + token
    yield "a tab behind", token + "\t"
    yield "a broken line", f"{head}.{payload}.{tail[:9]}\n{tail[9:]}"
    yield "a space inside", f"{head}.{payload[:8]} {payload[8:]}.{tail}"
    yield "a dot behind", token + "."
    yield "a dot before", "." + token
    yield "a percent escape", token.replace(".", "%2E", 1)
    yield "a NUL behind", token + "\0"
    yield "a wide letter", f"{head}.{payload}.{tail[:-1]}\uff21"
    yield "the other alphabet", token.replace("-", "+").replace("_", "/") if set("-_") & set(token) else token + "+"
    for index, (name, part) in enumerate((("header", head), ("claims", payload), ("signature", tail))):
        spare = {2: 4, 3: 2}.get(len(part) % 4)
        for bits in range(1, 1 << spare) if spare else ():
            parts = [head, payload, tail]
            parts[index] = part[:-1] + alphabet[alphabet.index(part[-1]) ^ bits]
            yield f"spare bits {bits} of the {name}", ".".join(parts)


def revoked_respelled(m: Material) -> Iterator[Case]:
    """A revoked token in other spellings (A2, A3)."""
    yield "as it was", m.revoked
    yield from respelled(m.revoked)


def times(m: Material) -> Iterator[Case]:
    """`exp`, `nbf` and `iat` in forms that trap or fool a reader (E1 to E4)."""
    for form in NUMBER_FORMS:
        rest = compact({name: value for name, value in m.claims.items() if name != "exp"})[:-1]
        yield f"exp {form[:24]}", m.raw(claims=rest + b',"exp":' + form.encode() + b"}")
    for form in ('"1"', "true", "null", "[]", "1e999", "9223372036854775808", "9" * 30, "NaN", "4102444800"):
        yield f"nbf {form[:24]}", m.raw(claims=compact(m.claims)[:-1] + b',"nbf":' + form.encode() + b"}")
    yield "exp in the past", m.changed(exp=m.claims["iat"] - 1)
    yield "no exp", sign(m.header, {k: v for k, v in m.claims.items() if k != "exp"}, m.key)
    yield "no iat", sign(m.header, {k: v for k, v in m.claims.items() if k != "iat"}, m.key)


def names(m: Material) -> Iterator[Case]:
    """Issuer, audience, subject and identifiers that are not ours or of another type (E5, E6, E8)."""
    for value in ("", "elsewhere", "API", "api ", " api", "api\u0000", "a\u0440i", 7, True, None, [], [[]], [["api"]], {"api": 1}, [7], ["elsewhere"]):
        yield f"aud {value!r}", m.changed(aud=value)
    issuer = m.claims["iss"]
    for value in (issuer + "/", issuer.upper(), issuer[:-1], issuer + "?", "", None, 7, [issuer], {"iss": issuer}):
        yield f"iss {value!r}", m.changed(iss=value)
    for name in ("iss", "aud", "sub", "jti", "sid", "client_id"):
        if name in ("sid", "client_id"):
            yield f"{name} as number", m.changed(**{name: 7})
        else:
            yield f"no {name}", sign(m.header, {k: v for k, v in m.claims.items() if k != name}, m.key)
            yield f"{name} as list", m.changed(**{name: [{}]})
    yield "an unknown subject", m.changed(sub="11111111-1111-4111-8111-111111111111")


def kinds(m: Material) -> Iterator[Case]:
    """The two kinds of token in each other's place, as they are and relabelled (D9, E7)."""
    yield "a refresh token", m.refresh
    yield "a refresh token that says at+jwt", sign(header_of(m.refresh) | {"typ": "at+jwt"}, claims_of(m.refresh), m.refresh_key)
    yield "access claims under the refresh secret", sign(header_of(m.refresh) | {"typ": "at+jwt"}, m.claims, m.refresh_key)
    yield "refresh claims under the access key", sign(m.header, claims_of(m.refresh), m.key)
    for kind in ("JWT", "rt+jwt", "application/rt+jwt", "at+jwt ", "", "id+jwt", "dpop+jwt", "at+jwt;x=1", None, 7, ["at+jwt"]):
        yield f"typ {kind!r}", m.changed({"typ": kind})
    yield "no typ", sign({k: v for k, v in m.header.items() if k != "typ"}, m.claims, m.key)


def signatures(m: Material) -> Iterator[Case]:
    """Signatures cut, lengthened, altered, or of another message (B6, B8, B11)."""
    head, tail = m.access.rsplit(".", 1)
    octets = unb64url(tail)
    size = len(octets)
    for name, variant in {
        "none": b"", "one octet": b"\0", "cut at the end": octets[:-1], "cut at the start": octets[1:], "half": octets[: size // 2],
        "a zero behind": octets + b"\0", "a zero before": b"\0" + octets, "two zeros before": b"\0\0" + octets,
        "zeros": bytes(size), "ones": b"\xff" * size, "reversed": octets[::-1], "twice": octets * 2,
        "first bit": bytes([octets[0] ^ 0x80]) + octets[1:], "last bit": octets[:-1] + bytes([octets[-1] ^ 1]),
    }.items():  # fmt: skip
        yield name, f"{head}.{b64url(variant)}"
    yield "of another token", f"{head}.{m.revoked.rsplit('.', 1)[1]}"
    claims = b64url(compact(m.claims | {"scope": "admin"}))
    yield "over other claims", f"{m.access.split('.')[0]}.{claims}.{tail}"
    if m.key["kty"] == "RSA":
        numbers = (int.from_bytes(unb64url(m.key[name]), "big") for name in ("n", "e"))
        modulus, exponent = numbers
        yield "signature plus modulus", f"{head}.{b64url((int.from_bytes(octets, 'big') + modulus).to_bytes(size + 1, 'big'))}"
        yield "unpadded digest", f"{head}.{b64url(pow(int.from_bytes(hashlib.sha256(head.encode()).digest(), 'big'), 1, modulus).to_bytes(size, 'big'))}"
        yield "a cube of one", f"{head}.{b64url(pow(1, exponent, modulus).to_bytes(size, 'big'))}"
        yield "n - 1", f"{head}.{b64url((modulus - 1).to_bytes(size, 'big'))}"


def psychic(m: Material) -> Iterator[Case]:
    """ECDSA values that a careless verifier takes for anything (B9, CVE-2022-21449), and encodings that are not r and s."""
    header = m.header | {"alg": "ES256"}
    signing_input = sign(header, m.claims, None)[:-1]
    order, width = P256_ORDER, 32

    def pair(r: int, s: int) -> str:
        return f"{signing_input}.{b64url(r.to_bytes(width, 'big') + s.to_bytes(width, 'big'))}"

    for name, r, s in (
        ("zeros", 0, 0), ("r zero", 0, 1), ("s zero", 1, 0), ("ones", 1, 1), ("orders", order, order), ("r the order", order, 1),
        ("s the order", 1, order), ("r above", order + 1, 1), ("all bits", 2**256 - 1, 2**256 - 1), ("s minus one", 1, order - 1),
    ):  # fmt: skip
        yield name, pair(r, s)
    stranger = ec.generate_private_key(ec.SECP256R1())
    der = stranger.sign(signing_input.encode(), ec.ECDSA(hashes.SHA256()))
    r, s = decode_dss_signature(der)
    yield "a stranger's key", pair(r, s)
    yield "DER", f"{signing_input}.{b64url(der)}"
    yield "DER zeros", f"{signing_input}.{b64url(bytes.fromhex('3006020100020100'))}"
    yield "wide", f"{signing_input}.{b64url(r.to_bytes(33, 'big') + s.to_bytes(33, 'big'))}"
    if m.key.get("crv") == "P-256":
        genuine = unb64url(m.access.rsplit(".", 1)[1])
        r, s = int.from_bytes(genuine[:32], "big"), int.from_bytes(genuine[32:], "big")
        head = m.access.rsplit(".", 1)[0]
        for name, left, right in (("r negated", order - r, s), ("swapped", s, r), ("s plus one", r, (s + 1) % order)):
            yield f"genuine, {name}", f"{head}.{b64url(left.to_bytes(32, 'big') + right.to_bytes(32, 'big'))}"
        wide = r.to_bytes(33, "big") + s.to_bytes(33, "big")
        yield "genuine, zero-padded", f"{head}.{b64url(wide)}"


FAMILIES: dict[str, Callable[[Material], Iterator[Case]]] = {
    "unsigned": unsigned,
    "public key as secret": public_key_as_secret,
    "another algorithm": other_algorithms,
    "carried keys": carried_keys,
    "hostile kid": hostile_kids,
    "extensions": extensions,
    "shapes": shapes,
    "JSON": json_faults,
    "a revoked token respelled": revoked_respelled,
    "times": times,
    "names": names,
    "kinds": kinds,
    "signatures": signatures,
    "ECDSA values": psychic,
}
