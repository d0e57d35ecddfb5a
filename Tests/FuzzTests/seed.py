#!/usr/bin/env python3
"""Writes the corpus of the fuzzers anew from Tests/Vectors and from what is written here.

Needs the packages of the black-box tests (hpack). A file is named by 16 digits of a hash of what is in it; what libFuzzer
found is named by 40, and stays.
"""

import base64
import hashlib
import hmac
import json
import struct
from pathlib import Path

from hpack import Encoder

HERE = Path(__file__).parent
VECTORS = HERE.parent / "Vectors"
CORPUS = HERE / "corpus"


def put(fuzzer: str, octets: bytes | str) -> None:
    octets = octets.encode() if isinstance(octets, str) else octets
    folder = CORPUS / fuzzer
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha256(octets).hexdigest()[:16]).write_bytes(octets)


def encoded(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


# The same keys, moment and payloads as in Entries/FixedKeys.swift.
ACCESS_SECRET = hashlib.sha256(b"the fuzzers' access secret").digest()
REFRESH_SECRET = hashlib.sha256(b"the fuzzers' refresh secret").digest()
ACCESS = (
    '{"iss":"https://auth.example","sub":"alice","aud":"api","client_id":"first-party","iat":1800000000,'
    '"exp":1800000600,"jti":"0191a2b3-c4d5-8e6f-8091-a2b3c4d5e6f7","sid":"019a0000-0000-7001-8000-000000000001",'
    '"scope":"read write","auth_time":1799999900,"amr":["pwd"],"roles":["ops"]}'
)
REFRESH = (
    '{"iss":"https://auth.example","aud":"https://auth.example","sub":"alice","client_id":"first-party",'
    '"iat":1800000000,"exp":1800001000,"sxp":1800005000,"sid":"019a0000-0000-7001-8000-000000000001","gen":3,'
    '"taud":["api"],"scope":"read","auth_time":1799999900,"amr":["pwd"]}'
)


def signed(header: str, payload: str, secret: bytes) -> str:
    text = f"{encoded(header.encode())}.{encoded(payload.encode())}"
    return f"{text}.{encoded(hmac.digest(secret, text.encode(), 'sha256'))}"


def json_seeds() -> None:
    for path in sorted((VECTORS / "jsontestsuite/test_parsing").glob("*")):
        octets = path.read_bytes()
        if path.name.startswith("y_") and len(octets) <= 64 or path.name.startswith("i_") and len(octets) <= 24:
            put("json", octets)
    put("json", ACCESS)
    put("json", '{"a":[1,-2.5,3e2,true,false,null,"x\\u00e9\\n\\ud83d\\ude00","é€😀"],"b":{"c":{}}, "d" : "" }')


def token_seeds() -> None:
    put("jws", signed('{"alg":"HS256","typ":"at+jwt","kid":"mac"}', ACCESS, ACCESS_SECRET))
    put("jws", signed('{"alg":"HS256","typ":"rt+jwt","kid":"ref"}', REFRESH, REFRESH_SECRET))
    put("jws", signed('{"typ":"at+jwt","alg":"HS256","kid":"mac"}', ACCESS.replace("1800000600", "1"), ACCESS_SECRET))
    put("jws", signed('{"alg":"HS256","kid":"mac","crit":["b64"],"b64":false}', ACCESS, ACCESS_SECRET))
    put("jws", signed('{"alg":"RS256","typ":"at+jwt","kid":"rsa"}', ACCESS, b"k" * 256))
    put("jws", signed('{"alg":"none","typ":"at+jwt","kid":"mac"}', ACCESS, b"")[:-43])
    for path in sorted((VECTORS / "rfc7515-latchset").glob("*.jwsc")):
        put("jws", path.read_bytes().strip())
    cases = json.loads((VECTORS / "wycheproof/json_web_signature_test.json").read_text())
    tokens = [test["jws"] for group in cases["testGroups"] for test in group["tests"]]
    for token in [token for token in tokens if isinstance(token, str) and len(token) <= 400][::4]:
        put("jws", token)


def claim_seeds() -> None:
    for payload in (ACCESS, REFRESH, "{}", "[]"):
        put("claims", payload)
    for old, new in (
        ('"aud":"api"', '"aud":["x","api"]'), (',"sid":"019a0000-0000-7001-8000-000000000001"', ""),
        ('"exp":1800000600', '"exp":1.8000006e9'), ('"exp":1800000600', '"exp":"1800000600"'),
        ('"alice"', '"al\\u0069ce"'), ("}", ',"nbf":1800000000}'), ("}", ',"team":{"a":[1,2,{"b":null}]}}'),
        ('"amr":["pwd"],', ""), ('"roles":["ops"]', '"roles":"ops"'), ('"iat"', '"iat":1,"iat"'),
    ):  # fmt: skip
        put("claims", ACCESS.replace(old, new))


def key_seeds() -> None:
    pair = json.loads((VECTORS / "rfc7515-latchset/rfc7515_A.2.jwk").read_text())
    common = '"use":"sig","iat":1700000000'
    secret = encoded(ACCESS_SECRET)
    times = '"signs_from":1700000000,"signs_until":1800000000,"verifies_until":1900000000,"compromised_at":1800000000'
    seeds = [
        f'{{"kty":"oct","alg":"HS256","kid":"mac","purpose":"access",{common},"k":"{secret}"}}',
        f'{{"kty":"oct","alg":"HS256","kid":"ref","purpose":"refresh",{common},"k":"{secret}"}}',
        f'{{"kty":"RSA","alg":"RS256","kid":"rsa","purpose":"access",{common},"e":"AQAB","n":"{pair["n"]}"}}',
        f'{{"kty":"oct","alg":"HS256","kid":"old","purpose":"access",{common},{times},"k":"{secret}"}}',
    ]
    for seed in seeds:
        put("jwk", seed)
        put("keyfile", seed)
    put("keyfile", json.dumps(pair | {"alg": "RS256", "kid": "pair", "purpose": "access", "iat": 1700000000}))
    for path in sorted(VECTORS.glob("jwk-pyjwt/*.json")) + sorted(VECTORS.glob("rfc7515-latchset/*.jwk")):
        put("jwk", path.read_bytes())


def http1_seeds() -> None:
    for name in ("http1-llhttp", "http1-gunicorn"):
        for index, case in enumerate(json.loads((VECTORS / name / "cases.json").read_text())):
            octets = base64.b64decode(case["raw_b64"])
            if len(octets) <= 400:
                put("http1", bytes([index % 64]) + octets)
    head = "POST /token?a=b HTTP/1.1\r\nHost: a\r\n"
    put("http1", f"\x07{head}Content-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: a\r\n\r\n")
    put("http1", f"\x00{head}Transfer-Encoding: chunked\r\n\r\n5;x=\"y\"\r\nhello\r\n0\r\nTrailer: z\r\n\r\n")


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def http2_seeds() -> None:
    def head(method: str, path: str, *more: tuple[str, str]) -> bytes:
        fields = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "a"), *more]
        return Encoder().encode(fields)

    get, post = head("GET", "/healthz"), head("POST", "/token", ("content-type", "text/plain"), ("cookie", "a=b"))
    put("http2", b"\xff" + frame(1, 5, 1, get) + frame(1, 5, 3, head("GET", "/", ("cookie", "c"), ("cookie", "d"))))
    put("http2", b"\x03" + frame(1, 4, 1, post) + frame(0, 0, 1, b"hello") + frame(0, 1, 1, b"more"))
    put("http2", b"\x10" + frame(1, 0, 1, get[:5]) + frame(9, 4, 1, get[5:]) + frame(3, 0, 1, b"\0\0\0\x08"))
    put("http2", b"\x80" + frame(4, 0, 0, struct.pack(">HI", 4, 1)) + frame(4, 1) + frame(6, 0, 0, b"12345678"))
    put("http2", b"\x80" + frame(1, 5, 1, get) + frame(8, 0, 1, b"\0\0\0\x01") + frame(8, 0, 0, b"\0\0\0\x00"))
    put("http2", b"\x80" + b"".join(frame(1, 5, id, get) + frame(3, 0, id, b"\0\0\0\x08") for id in range(1, 20, 2)))
    put("http2", b"\x80" + frame(1, 4, 1, post) + frame(1, 5, 1, Encoder().encode([("trailer", "x")])))
    put("http2", b"\x80" + frame(7, 0, 0, b"\0" * 8) + frame(2, 0, 1, b"\0\0\0\0\x10") + frame(5, 4, 1, b"\0\0\0\x02"))


def small_seeds() -> None:
    for text in ("", "a=b", "a=b&c=%41%2b+d&e", "a=b&a=c", "%zz=1", "token=eyJhbGciOiJIUzI1NiJ9.e30.x&scope=a%20b", "=&=&&"):
        put("form", text)
    for text in (
        "", "a=1", "x=1; a=2; ab=3", "a=1; a=2", "a=\"1\"; ab=1,2", "a=1\nab=2", "$Version=1; a=1; $Path=/", ";;; ;=; a",
        "\ta=1;ab=\x7f", "__Host-Http-martlet-access=eyJhbGciOiJIUzI1NiJ9.e30.c2ln; __Secure-martlet-refresh=x", "x=;" * 130,
    ):  # fmt: skip
        put("cookie", text)
    for text in ("", "AA", "AAA", "AAAA", "-_-_", "Zg==", "Zm9v", "AB", "+/+/", "Zm9vYmFy" * 8):
        put("base64url", text)
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    for text in (trace, "01" + trace[2:] + "-x", trace.upper(), trace[:-3], "ff" + trace[2:]):
        put("traceparent", text)
    for kind in range(1, 9):
        put("journal", struct.pack("<IBBHQ16sQQQQ", 0, kind, 0, 3, 9, b"k" * 16, 1800000000000, 7, 1799999999999, 8))
    put("journal", b"MRTJRNL\n" + struct.pack("<II", 1, 0) + b"u" * 16 + struct.pack("<QQQI", 1, 1, 1800000000000, 7))
    put("journal", b"MRTJSNP\n" + struct.pack("<II", 1, 0) + b"u" * 16 + struct.pack("<QQQIIQI", 1, 9, 1, 7, 0, 4, 5))
    put("journal", "0000000000000001-0000000000000001.jrn")


def key_set_seeds() -> None:
    for path in sorted(VECTORS.glob("jwk-pyjwt/*.json")) + sorted(VECTORS.glob("rfc7515-latchset/*.jwk*")):
        if path.stat().st_size <= 4_096:
            put("keyset", path.read_bytes())
    for path in sorted(VECTORS.glob("pem-node-jsonwebtoken/*")):
        if path.stat().st_size <= 4_096:
            put("keyset", path.read_bytes())


def proxy_seeds() -> None:
    for text in (
        "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n", "PROXY TCP6 2001:db8::1 ::ffff:192.0.2.1 1 65535\r\nGET",
        "PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff::1 ::1 65535 1\r\n",
    ):  # fmt: skip
        put("proxy", text)
    mark, four = b"\r\n\r\n\0\r\nQUIT\n", bytes([192, 0, 2, 1, 198, 51, 100, 1]) + struct.pack(">HH", 56324, 443)
    six = bytes(range(32)) + struct.pack(">HH", 1, 2)
    for head, body in (
        (b"\x20\x00", b""), (b"\x21\x11", four), (b"\x21\x21", six), (b"\x21\x31", b"/a".ljust(108, b"\0") * 2),
        (b"\x21\x00", b"unspecified"), (b"\x21\x11", four + b"\x04\x00\x03abc"), (b"\x21\x11", four + b"\x03\x00\x04abcd"),
    ):  # fmt: skip
        put("proxy", mark + head + struct.pack(">H", len(body)) + body + b"GET / HTTP/1.1")


def fetching_seeds() -> None:
    json_type = "Content-Type: application/json\r\n"
    for text in (
        f"HTTP/1.1 200 OK\r\n{json_type}Content-Length: 2\r\nCache-Control: max-age=60\r\nAge: 3\r\n\r\n{{}}",
        f"HTTP/1.1 200 OK\r\n{json_type}Transfer-Encoding: chunked\r\n\r\n1;x=y\r\n{{\r\n1 \r\n}}\r\n0\r\nT: v\r\n\r\n",
        'HTTP/1.0 200\r\nCache-Control: no-cache="a", max-age="9"\r\n\r\nuntil the end',
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n",
        "HTTP/1.1 301 Moved\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n", "HTTP/1.1 101 Switching\r\n\r\n", "HTTP/2 200\r\n\r\n",
    ):  # fmt: skip
        put("answer", "\x03" + text)
    for text in (
        "https://issuer.example/.well-known/jwks.json", "http://127.0.0.1:8080/keys?a=b", "HTTPS://A.example:8443",
        "http://[::1]:80/", "http://localhost", "//other.example/x", "/path#fragment", "http://0x7f.1/", "https://a@b/",
        "https://[fe80::1%25eth0]/", "https://xn--bcher-kva.example:0/", "http://issuer.example/",
    ):  # fmt: skip
        put("address", text)


def page_seeds() -> None:
    for parts in (
        ("amy", "Ana's phone", "/start?x=1"), ("<script>alert(1)</script>", '" autofocus x="', "'><b>&amp;"),
        ("\u202eamy\r\n\x1b[0m", "\u2066", "javascript:alert(1)"),
        ("a", "b", "c", '{"ar":{"dir":"rtl","sign_in":"<b>\u062f</b>","signed_in_as":"{name}{name}"}}'),
        ("a", "b", "c", '{"de":{"device_unfit":"\\u0000]]>--!>","password":"{count}"},"pt-BR":{}}'),
    ):  # fmt: skip
        put("page", "\0".join(parts))


def redis_seeds() -> None:
    """The first byte is the size of the pieces; then replies follow."""

    def bulk(value: bytes | str) -> bytes:
        value = value.encode() if isinstance(value, str) else value
        return b"$%d\r\n%b\r\n" % (len(value), value)

    def array(*elements: bytes) -> bytes:
        return b"*%d\r\n%b" % (len(elements), b"".join(elements))

    record = bytes.fromhex("00" * 64)
    entry = array(bulk("1-7"), array(bulk("r"), bulk(record), bulk("t"), bulk("1800000000000")))
    for size, reply in enumerate(
        [
            b"+OK\r\n:-7\r\n$-1\r\n$0\r\n\r\n*0\r\n*-1\r\n",
            b"-MOVED 3999 10.0.0.7:6380\r\n-NOPERM this user has no permissions\r\n",
            array(b":1\r\n", b":4194304\r\n", b":1800000000000\r\n"),
            entry,
            array(array(bulk("{m}:log"), array(entry, entry))),
            array(*map(bulk, ["1", "1800000000000", "2", "17", "5", "a", "1", "1-9,12-11"])),
            array(bulk("master"), b":90\r\n", array(array(bulk("10.0.0.1"), bulk("6379"), bulk("77")))),
            array(bulk("slave"), bulk("redis.example"), b":6379\r\n", bulk("connected"), b":5\r\n"),
            bulk("# Server\r\nredis_version:7.0.15\r\nrun_id:" + "0a" * 20 + "\r\n"),
            array(*map(bulk, ["appendonly", "yes", "appendfsync", "always", "no-appendfsync-on-rewrite", "no",
                              "maxmemory-policy", "noeviction"])),
            bulk("1800000000000 7 1.2\t1:3\t5\t-7\tab\tcd"),
            bulk("{m}:c:4:019a0000-0000-7001-8000-000000000001"),
            bulk(bytes(40)), bulk(bytes(16) + record * 2),
            b"$2000000000\r\n", b"*2147483647\r\n", b"*1\r\n" * 9,
        ]
    ):  # fmt: skip
        put("redis", bytes([size]) + reply)


def main() -> None:
    for old in CORPUS.glob("*/" + "[0-9a-f]" * 16):
        old.unlink()
    for seeds in (
        json_seeds, token_seeds, claim_seeds, key_seeds, http1_seeds, http2_seeds, small_seeds, key_set_seeds,
        proxy_seeds, fetching_seeds, page_seeds, redis_seeds,
    ):  # fmt: skip
        seeds()
    for folder in sorted(CORPUS.iterdir()):
        files = list(folder.iterdir())
        print(folder.name, len(files), "files", sum(path.stat().st_size for path in files), "octets")


if __name__ == "__main__":
    main()
