"""`martlet verify` with keys from the network: what is fetched, from whom, how much of it, and what is kept."""

import json
import os
import stat
import time

import pytest

from harness.certificates import Pair
from harness.foreign import Foreign, ForeignKey
from harness.offline import run
from harness.server import free_port
from harness.web import Page, Raw, Web

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A root, a certificate for localhost below it, and where they lie."""
    folder = tmp_path_factory.mktemp("tls")
    root = Pair("a root", authority=True)
    (folder / "root.pem").write_bytes(root.pem)
    return folder / "root.pem", Pair("localhost", root).write(folder), root


@pytest.fixture
def secure(authority):
    web = Web(authority[1])
    # By name, so that both the name and the address are checked somewhere.
    web.url = web.url.replace("127.0.0.1", "localhost")
    yield web
    web.close()


@pytest.fixture
def plain():
    web = Web()
    yield web
    web.close()


@pytest.fixture
def place(tmp_path):
    return tmp_path


@pytest.fixture(scope="module")
def foreign() -> Foreign:
    return Foreign("https://issuer.example", ("RS256", "ES256"))


def publish(web: Web, issuer: str = None, path="/.well-known/openid-configuration", **fields) -> Foreign:
    """Puts an issuer's metadata and keys on a server."""
    made = Foreign(issuer or web.url, ("ES256",))
    metadata = {"issuer": made.issuer, "jwks_uri": f"{web.url}/keys"}
    web.pages[path] = Page(json.dumps(metadata).encode(), fields=JSON | fields)
    web.pages["/keys"] = Page(made.jwks, fields=JSON | fields)
    return made


def code(done) -> tuple[int, str]:
    return done.returncode, json.loads(done.stdout).get("code", "")


def test_an_issuer_is_found_by_its_metadata_over_tls(place, secure, authority):
    made = publish(secure)
    arguments = ("verify", made.token(), "--issuer", made.issuer, "--audience", "deploy", "--json")
    assert code(run(place, *arguments, SSL_CERT_FILE=str(authority[0]))) == (0, "")
    assert secure.paths == ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", "/keys"]
    method, _, fields, _ = secure.asked[0]
    assert method == "GET" and fields["host"] == f"localhost:{secure.port}" and "authorization" not in fields
    # Another's token is refused, though its keys are the same.
    other = dict(made.claims(), iss="https://other.example")
    refused = run(place, "verify", made.keys[0].sign(other), *arguments[2:], SSL_CERT_FILE=str(authority[0]))
    assert code(refused) == (1, "issuer_mismatch")


def test_a_server_that_is_not_who_it_says_is_not_believed(place, secure, authority, tmp_path):
    made = publish(secure)
    arguments = ("verify", made.token(), "--json", "--no-cache", "--jwks")
    known = {"SSL_CERT_FILE": str(authority[0])}
    assert code(run(place, *arguments, f"{secure.url}/keys", **known)) == (0, "")
    # Nobody vouches for it.
    done = run(place, *arguments, f"{secure.url}/keys")
    assert code(done) == (3, "keys_unreachable") and "certificate" in done.stdout
    # Its certificate is for another name.
    done = run(place, *arguments, f"https://127.0.0.2:{secure.port}/keys", **known)
    assert code(done)[0] == 3
    made_for = Pair("elsewhere", authority[2])
    expired = Pair("localhost", authority[2], days=(-9, -1))
    self_signed = Pair("localhost")
    for name, pair in {"expired": expired, "self": self_signed}.items():
        web = Web(pair.write(tmp_path / name))
        web.pages = secure.pages
        assert code(run(place, *arguments, f"{web.url}/keys", **known)) == (3, "keys_unreachable"), name
        web.close()
    web = Web(made_for.write(tmp_path / "name"))
    web.pages = secure.pages
    assert code(run(place, *arguments, f"https://localhost.example.invalid:{web.port}/keys", **known))[0] == 3
    assert code(run(place, *arguments, f"{web.url}/keys", **known)) == (0, "")
    web.close()


def test_the_name_of_the_host_is_checked(place, authority, tmp_path):
    """The certificates of the harness are for localhost and 127.0.0.1: at ::1 they are somebody else's."""
    web = Web(authority[1], host="::1")
    made = publish(web)
    done = run(place, "verify", made.token(), "--json", "--jwks", f"{web.url}/keys", SSL_CERT_FILE=str(authority[0]))
    web.close()
    assert code(done) == (3, "keys_unreachable") and "IP address mismatch" in done.stdout


def test_ipv6(place):
    web = Web(host="::1")
    made = publish(web)
    assert run(place, "verify", made.token(), "--issuer", web.url).returncode == 0
    assert web.asked[0][2]["host"] == f"[::1]:{web.port}"
    web.close()


@pytest.mark.parametrize(
    ("path", "well_known"),
    [
        ("", "/.well-known/oauth-authorization-server"), ("/", "/.well-known/oauth-authorization-server"),
        ("/t/1", "/.well-known/oauth-authorization-server/t/1"), ("/t/1", "/t/1/.well-known/openid-configuration"),
        ("/t/", "/t/.well-known/openid-configuration"),
    ],
)  # fmt: skip
def test_where_metadata_lies(place, plain, path, well_known):
    made = publish(plain, plain.url + path, well_known)
    assert run(place, "verify", made.token(), "--issuer", made.issuer).returncode == 0
    assert plain.paths[-2:] == [well_known, "/keys"]


def test_metadata_that_is_anothers_or_leads_astray(place, plain):
    made = publish(plain)
    name = "/.well-known/openid-configuration"
    for metadata in (
        {"issuer": plain.url + "/", "jwks_uri": f"{plain.url}/keys"}, {"jwks_uri": f"{plain.url}/keys"}, [], {"issuer": plain.url},
        {"issuer": plain.url, "jwks_uri": "http://issuer.example/keys"}, {"issuer": plain.url, "jwks_uri": "file:///etc/passwd"},
    ):  # fmt: skip
        plain.pages[name] = Page(json.dumps(metadata).encode(), fields=JSON)
        done = run(place, "verify", made.token(), "--issuer", plain.url, "--json", "--no-cache")
        assert done.returncode == 3 and "/keys" not in plain.paths, metadata


def test_an_issuer_over_tls_cannot_name_keys_off_tls(place, secure, plain, authority):
    made = publish(plain, secure.url)
    secure.pages["/.well-known/openid-configuration"] = Page(
        json.dumps({"issuer": secure.url, "jwks_uri": f"{plain.url}/keys"}).encode(), fields=JSON
    )
    done = run(place, "verify", made.token(), "--issuer", secure.url, "--json", SSL_CERT_FILE=str(authority[0]))
    assert code(done) == (3, "issuer_unusable") and plain.asked == []


def test_redirects(place, plain, secure, authority, foreign):
    known = {"SSL_CERT_FILE": str(authority[0])}
    plain.pages["/keys"] = Page(foreign.jwks, fields=JSON)
    secure.pages["/keys"] = Page(foreign.jwks, fields=JSON)

    def through(web: Web, location: str, status: int = 302):
        web.pages["/from"] = Page(status=status, fields={"Location": location})
        arguments = ("verify", foreign.token(), "--jwks", f"{web.url}/from", "--json", "--no-cache")
        return code(run(place, *arguments, **known))

    for status in (301, 302, 303, 307, 308):
        assert through(plain, "/keys", status) == (0, "")
    assert through(plain, f"{secure.url}/keys") == (0, "")
    assert through(secure, f"//localhost:{secure.port}/keys") == (0, "")
    assert through(plain, "keys") == through(plain, "./x/../keys#z") == (0, "")
    asked = len(plain.asked)
    for location in (f"{plain.url}/keys", "http://issuer.example/", "file:///etc/passwd", "ftp://localhost/"):
        assert through(secure, location) == (3, "keys_unreachable"), location
    assert len(plain.asked) == asked
    assert through(plain, "/from") == (3, "keys_unreachable")
    assert plain.paths.count("/from") < 12 + 5


HEAD = b"HTTP/1.1 200 OK\r\n"
HOSTILE = {
    "nothing": b"", "no http": b"SSH-2.0-x\r\n", "status": b"HTTP/1.1 200\n\n", "cut short": HEAD + b"Content-Length: 99\r\n\r\n{}",
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
    "length and chunks": HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "gzip": HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", "endless head": HEAD + b"X: y\r\n" * 9_000,
    "endless line": HEAD + b"X: " + b"y" * 70_000, "large": HEAD + b"Content-Length: 99999999\r\n\r\n" + b" " * 1_100_000,
    "large to the end": HEAD + b"\r\n" + b" " * 1_100_000, "large chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\nfffffff\r\n",
    "many interim": b"HTTP/1.1 100 Go on\r\n\r\n" * 50, "not json": HEAD + b"\r\nnot json", "empty set": HEAD + b'\r\n{"keys":[]}',
    "deep": HEAD + b"\r\n" + b'{"keys":' * 5_000, "secret": HEAD + b'\r\n{"keys":[{"kty":"oct","alg":"HS256","kid":"a","k":"' + b"A" * 86 + b'"}]}',
    "html": HEAD + b"Content-Type: text/html\r\n\r\n<html>",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_answers(place, foreign, name):
    raw = Raw(HOSTILE[name])
    done = run(place, "verify", foreign.token(), "--jwks", raw.url, "--json")
    raw.close()
    assert done.returncode == 3 and json.loads(done.stdout)["verdict"] == "unknown"
    assert not list((place / ".cache/martlet").glob("*")) or name in ("not json", "empty set", "deep", "secret", "html")


def test_a_server_that_dawdles_is_left_in_time(place, foreign):
    slow = Raw(HEAD + b"Content-Length: 2\r\n\r\n{}", piece=1, pause=0.3)
    silent = Raw(b"", holds=True)
    for raw in (slow, silent):
        begin = time.monotonic()
        done = run(place, "verify", foreign.token(), "--jwks", raw.url, "--json", "--timeout", "1s")
        assert code(done) == (3, "keys_unreachable") and time.monotonic() - begin < 5
        raw.close()


def test_nobody_there_is_3(place, foreign):
    arguments = ("verify", foreign.token(), "--json")
    port = free_port()
    assert code(run(place, *arguments, "--jwks", f"http://127.0.0.1:{port}/")) == (3, "keys_unreachable")
    assert code(run(place, *arguments, "--issuer", f"http://127.0.0.1:{port}")) == (3, "keys_unreachable")
    assert code(run(place, *arguments, "--server", f"http://127.0.0.1:{port}")) == (3, "server_unreachable")
    assert code(run(place, *arguments, "--jwks", "https://issuer.invalid/keys")) == (3, "keys_unreachable")
    assert code(run(place, "verify", "--json", "junk", "--jwks", f"http://127.0.0.1:{port}/"))[0] in (1, 3)


class TestCache:
    def test_what_is_fresh_is_not_asked_for_again(self, place, plain):
        made = publish(plain, **{"Cache-Control": "max-age=60"})
        arguments = ("verify", made.token(), "--issuer", made.issuer)
        assert run(place, *arguments).returncode == 0
        asked = len(plain.asked)
        assert run(place, *arguments).returncode == 0 and len(plain.asked) == asked
        folder = place / ".cache/martlet"
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in folder.iterdir())
        assert run(place, *arguments, "--no-cache").returncode == 0 and len(plain.asked) == asked + 3
        # Another place by XDG_CACHE_HOME, and none at all without a home.
        assert run(place, *arguments, XDG_CACHE_HOME=str(place / "xdg")).returncode == 0
        assert len(plain.asked) == asked + 6 and len(list((place / "xdg/martlet").iterdir())) == 2
        assert run(place, *arguments, HOME="").returncode == 0 and len(plain.asked) == asked + 9

    def test_no_store_is_not_kept(self, place, plain, foreign):
        plain.pages["/k"] = Page(foreign.jwks, fields={"Cache-Control": "no-store"})
        for count in (1, 2):
            assert run(place, "verify", foreign.token(), "--jwks", f"{plain.url}/k").returncode == 0
            assert len(plain.asked) == count
        assert list((place / ".cache/martlet").iterdir()) == []

    def test_what_is_past_its_time_is_asked_for_by_its_etag(self, place, plain, foreign):
        plain.pages["/k"] = Page(foreign.jwks, fields={"Cache-Control": "max-age=0", "ETag": '"one"'})
        arguments = ("verify", foreign.token(), "--jwks", f"{plain.url}/k", "--json")
        assert [code(run(place, *arguments)) for _ in range(3)] == [(0, "")] * 3
        assert [fields.get("if-none-match") for _, _, fields, _ in plain.asked] == [None, '"one"', '"one"']

    def test_stale_keys_are_no_keys_unless_asked_for(self, place, plain, foreign):
        plain.pages["/k"] = Page(foreign.jwks, fields={"Cache-Control": "max-age=0"})
        arguments = ("verify", foreign.token(), "--jwks", f"{plain.url}/k", "--json")
        assert run(place, *arguments).returncode == 0
        plain.pages["/k"] = Page(status=503)
        assert code(run(place, *arguments)) == (3, "keys_unreachable")
        plain.close()
        assert code(run(place, *arguments)) == (3, "keys_unreachable")
        done = run(place, *arguments, "--max-stale", "1h")
        assert code(done) == (0, "") and "out of date" in done.stderr
        # What they do not know says nothing.
        new = ForeignKey("ES256", "new").sign(foreign.claims())
        done = run(place, "verify", new, *arguments[2:], "--max-stale", "1h")
        assert code(done) == (3, "keys_stale")
        time.sleep(1.1)
        assert code(run(place, *arguments, "--max-stale", "1s")) == (3, "keys_unreachable")

    def test_an_unknown_kid_is_worth_one_look(self, place, plain, foreign):
        plain.pages["/k"] = Page(foreign.jwks, fields={"Cache-Control": "max-age=3600"})
        keys = ("--jwks", f"{plain.url}/k", "--json")
        assert code(run(place, "verify", foreign.token(), *keys)) == (0, "")
        new = ForeignKey("ES256", "new")
        token = new.sign(foreign.claims())
        assert code(run(place, "verify", token, *keys)) == (1, "kid_unknown") and len(plain.asked) == 2
        plain.pages["/k"].body = json.dumps({"keys": [new.jwk()]}).encode()
        assert code(run(place, "verify", token, *keys)) == (0, "") and len(plain.asked) == 3
        assert code(run(place, "verify", token, *keys)) == (0, "") and len(plain.asked) == 3
        # Many tokens are worth one look together.
        many = "\n".join([ForeignKey("ES256", "x").sign(foreign.claims())] * 5)
        assert run(place, "verify", *keys, "--junit", "r.xml", stdin=many).returncode == 1 and len(plain.asked) == 4

    def test_a_key_that_was_replaced_under_its_kid_is_worth_one_look(self, place, plain, foreign):
        plain.pages["/k"] = Page(foreign.jwks, fields={"Cache-Control": "max-age=3600"})
        keys = ("--jwks", f"{plain.url}/k", "--json")
        assert code(run(place, "verify", foreign.token(), *keys)) == (0, "")
        # Of the same algorithm, and of another one.
        for count, algorithm in ((2, "RS256"), (3, "ES256")):
            new = ForeignKey(algorithm, foreign.keys[0].kid)
            token = new.sign(foreign.claims())
            plain.pages["/k"].body = json.dumps({"keys": [new.jwk()]}).encode()
            assert code(run(place, "verify", token, *keys)) == (0, "") and len(plain.asked) == count
            assert code(run(place, "verify", token, *keys)) == (0, "") and len(plain.asked) == count
        # Many forged tokens are worth one look together; without a server, the copy's key still says that they are forged.
        forged = ForeignKey("ES256", new.kid).sign(foreign.claims())
        assert run(place, "verify", *keys, "--junit", "r.xml", stdin="\n".join([forged] * 5)).returncode == 1
        assert len(plain.asked) == 4
        plain.close()
        assert code(run(place, "verify", forged, *keys)) == (1, "signature_invalid")

    def test_keys_that_moved_are_found_by_new_metadata(self, place, plain):
        made = publish(plain, **{"Cache-Control": "max-age=3600"})
        arguments = ("verify", made.token(), "--issuer", made.issuer, "--json")
        assert code(run(place, *arguments)) == (0, "")
        new = Foreign(made.issuer, ("ES256",))
        del plain.pages["/keys"]
        plain.pages["/moved"] = Page(new.jwks, fields=JSON)
        metadata = {"issuer": made.issuer, "jwks_uri": f"{plain.url}/moved"}
        plain.pages["/.well-known/openid-configuration"].body = json.dumps(metadata).encode()
        assert code(run(place, "verify", new.token(), *arguments[2:])) == (0, "")

    def test_a_cache_that_others_may_write_is_not_believed(self, place, plain, foreign):
        plain.pages["/k"] = Page(foreign.jwks, fields={"Cache-Control": "max-age=3600"})
        arguments = ("verify", foreign.token(), "--jwks", f"{plain.url}/k")
        assert run(place, *arguments).returncode == 0
        folder = place / ".cache/martlet"
        (entry,) = folder.iterdir()
        evil = json.loads(entry.read_text()) | {"body": '{"keys":[]}'}
        entry.write_text(json.dumps(evil))
        assert run(place, *arguments).returncode == 3 and len(plain.asked) == 1
        entry.chmod(0o666)
        assert run(place, *arguments).returncode == 0 and len(plain.asked) == 2
        folder.chmod(0o777)
        assert run(place, *arguments).returncode == 0 and len(plain.asked) == 3
        assert stat.S_IMODE(folder.stat().st_mode) == 0o777
        os.chmod(folder, 0o700)


class TestServer:
    def test_a_revoked_token_is_refused(self, place, server):
        token = server.login().access
        arguments = ("verify", "-", "--server", server.url, "--json", "--audience", "api")
        done = run(place, *arguments, stdin=token)
        assert code(done) == (0, "") and json.loads(done.stdout)["claims"]["iss"] == server.url
        assert code(run(place, *arguments, "--claim", "department=none", stdin=token)) == (1, "claim_mismatch")
        assert code(run(place, *arguments, "--audience", "billing", stdin=token)) == (0, "")
        assert code(run(place, *arguments[:-1], "billing", stdin=token)) == (1, "audience_mismatch")
        assert code(run(place, *arguments, "--min-ttl", "1d", stdin=token)) == (4, "token_expiring")
        assert code(run(place, *arguments, "--issuer", "https://other.example", stdin=token)) == (1, "issuer_mismatch")
        assert server.revoke(token).status_code == 200
        assert code(run(place, *arguments, stdin=token)) == (1, "token_revoked")
        # Offline the same token is still good, by the keys that the same server publishes under its own name.
        assert run(place, "verify", "-", "--issuer", server.url, stdin=token).returncode == 0

    def test_what_is_no_verdict_is_3(self, place, plain, foreign):
        token = foreign.token()
        for status, body in (
            (200, b"{}"), (200, b'{"active":false}'), (200, b"<html>"), (401, b"<html>"), (401, b'{"code":"nonsense"}'),
            (401, b'{"code":"journal_unavailable"}'), (404, b'{"code":"not_found"}'), (503, b'{"code":"internal"}'),
            (500, b""), (302, b""),
        ):  # fmt: skip
            plain.pages["/verify"] = Page(body, status, {"Location": f"{plain.url}/elsewhere"})
            done = run(place, "verify", token, "--server", plain.url, "--json")
            assert code(done) == (3, "server_unusable"), (status, body)
        assert "/elsewhere" not in plain.paths
        plain.pages["/verify"] = Page(b'{"code":"session_revoked"}', 401)
        assert code(run(place, "verify", token, "--server", f"{plain.url}/", "--json")) == (1, "session_revoked")
        asked = len(plain.asked)
        # What is no token is shown to nobody.
        assert code(run(place, "verify", "junk", "--server", plain.url, "--json")) == (1, "token_malformed")
        assert len(plain.asked) == asked

    def test_over_tls(self, place, secure, authority, foreign):
        secure.pages["/base/verify"] = Page(b'{"active":true,"claims":{}}')
        arguments = ("verify", foreign.token(), "--server", f"{secure.url}/base", "--json")
        assert code(run(place, *arguments, SSL_CERT_FILE=str(authority[0]))) == (0, "")
        method, path, fields, content = secure.asked[0]
        assert (method, path) == ("POST", "/base/verify") and json.loads(content) == {"token": arguments[1]}
        assert code(run(place, *arguments)) == (3, "server_unreachable") and len(secure.asked) == 1
