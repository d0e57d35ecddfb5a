"""What clients get wrong: each mistake has one answer, and the process stays the same."""

import json
import re

import pytest

from harness.wire import request

JSON_TYPE = {"Content-Type": "application/json"}
GOOD = b'{"username":"amy","password":"amy rides at dawn 7"}'
ROUTES = {
    "/login": "POST",
    "/refresh": "POST",
    "/token": "POST",
    "/verify": "GET",
    "/verify/batch": "POST",
    "/logout": "POST",
    "/revoke": "POST",
    "/introspect": "POST",
    "/.well-known/jwks.json": "GET",
    "/.well-known/oauth-authorization-server": "GET",
    "/.well-known/openid-configuration": "GET",
    "/openapi.yaml": "GET",
    "/healthz": "GET",
}
OAUTH = ("/login", "/refresh", "/token", "/logout", "/revoke", "/introspect")

MALFORMED = {
    "nothing": b"",
    "no JSON": b"username=amy",
    "an array": b"[]",
    "a string": b'"amy"',
    "null": b"null",
    "an empty object": b"{}",
    "a missing password": b'{"username":"amy"}',
    "a number as username": b'{"username":7,"password":"amy rides at dawn 7"}',
    "a list as password": b'{"username":"amy","password":["amy rides at dawn 7"]}',
    "null as password": b'{"username":"amy","password":null}',
    "true as scope": GOOD[:-1] + b',"scope":true}',
    "a duplicate member": GOOD[:-1] + b',"username":"bob"}',
    "a duplicate member spelled with an escape": GOOD[:-1] + b',"us\\u0065rname":"bob"}',
    "a duplicate of an unknown member": GOOD[:-1] + b',"x":1,"x":2}',
    "a byte order mark": b"\xef\xbb\xbf" + GOOD,
    "UTF-16": GOOD.decode().encode("utf-16"),
    "a trailing comma": GOOD[:-1] + b",}",
    "trailing text": GOOD + b"x",
    "a second document": GOOD + GOOD,
    "broken UTF-8": GOOD.replace(b"amy rides", b"amy\xff rides"),
    "a lone surrogate": GOOD.replace(b"amy rides", b"\\ud800 rides"),
    "a raw newline in a string": GOOD.replace(b"amy rides", b"amy\nrides"),
    "a comment": b"/* hello */" + GOOD,
    "single quotes": GOOD.replace(b'"', b"'"),
    "NaN": GOOD[:-1] + b',"x":NaN}',
    "depth": GOOD[:-1] + b',"x":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "an unknown mode": GOOD[:-1] + b',"mode":"telepathy"}',
}


def code_of(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_login_body_is_400(server, body):
    """A6, L12."""
    answer = server.http.post("/login", content=body, headers=JSON_TYPE)
    assert code_of(answer) == (400, "request_malformed")
    assert answer.json()["error"] == "invalid_request"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/refresh", "/verify", "/logout"])
@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'{"token":1,"refresh_token":1}',
        b'{"token":"a","token":"b"}',
        b"\xef\xbb\xbf{}",
        b'{"refresh_token":"a","refresh_token":"b"}',
    ],
)
def test_a_malformed_body_is_400_elsewhere_too(server, path, body):
    """L12: all parsers in the service agree."""
    assert code_of(server.http.post(path, content=body, headers=JSON_TYPE)) == (400, "request_malformed")


def test_unknown_members_are_refused_but_for_those_of_oauth(server):
    """A member that is misspelled must not pass as one that was never sent."""
    unknown = GOOD[:-1] + b',"x":{"y":[1,2.5e3,null]}}'
    assert code_of(server.http.post("/login", content=unknown, headers=JSON_TYPE)) == (400, "request_malformed")
    form = {"username": "amy", "password": "amy rides at dawn 7"}
    assert code_of(server.http.post("/login", data=form | {"x": "y"})) == (400, "request_malformed")
    answer = server.http.post("/login", data=form | {"grant_type": "password", "state": "x"})
    assert answer.status_code == 200
    token = answer.json()["access_token"]
    assert code_of(server.verify(token, whatever=[1])) == (400, "request_malformed")
    bearer = {"Authorization": f"Bearer {token}"}
    answer = server.http.get("/verify", params={"whatever": "1"}, headers=bearer)
    assert code_of(answer) == (400, "request_malformed")
    refresh = server.login().refresh
    grant = {"grant_type": "refresh_token", "refresh_token": refresh, "nonce": "x"}
    assert server.http.post("/token", data=grant).status_code == 200


def test_repeated_form_parameters_are_refused_and_empty_ones_count_as_absent(server):
    """I5."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    body = "username=amy&password=amy+rides+at+dawn+7"
    assert server.http.post("/login", content=body, headers=form).status_code == 200
    assert server.http.post("/login", content=body + "&scope=", headers=form).status_code == 200
    assert code_of(server.http.post("/login", content=body + "&username=bob", headers=form)) == (
        400,
        "request_malformed",
    )
    assert code_of(server.http.post("/login", content=body + "&x=1&x=2", headers=form)) == (400, "request_malformed")
    for broken in ("username=amy&password=%", "username=amy&password=%zz", "username=%ff&password=x"):
        assert server.http.post("/login", content=broken, headers=form).status_code == 400


@pytest.mark.parametrize("path", OAUTH)
def test_another_media_type_is_415(server, path):
    """L9."""
    for kind in ("text/plain", "application/xml", "multipart/form-data; boundary=x", "application/jsonx", "json"):
        answer = server.http.post(path, content=GOOD, headers={"Content-Type": kind})
        assert code_of(answer) == (415, "unsupported_media_type"), kind


def test_media_types_compare_without_case_and_may_carry_a_charset(server):
    """L9."""
    for kind in ("APPLICATION/JSON", "application/json; charset=utf-8", "application/json;charset=UTF-8"):
        assert server.http.post("/login", content=GOOD, headers={"Content-Type": kind}).status_code == 200, kind


@pytest.mark.parametrize("path", ["/login", "/refresh", "/verify", "/revoke"])
def test_an_oversize_body_is_413(server, path):
    """L6."""
    answer = server.http.post(path, content=b'{"x":"' + b"a" * 70_000 + b'"}', headers=JSON_TYPE)
    assert code_of(answer) == (413, "body_too_large")


@pytest.mark.parametrize("path", ROUTES)
def test_the_wrong_method_is_405_with_allow_and_options_tells_it(server, path):
    """H5, L7, M5."""
    allowed = {verb.strip() for verb in server.http.options(path).headers["allow"].split(",")}
    assert ROUTES[path] in allowed
    for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "TRACE"):
        if method in allowed:
            continue
        answer = server.http.request(method, path)
        assert answer.status_code == 405, method
        assert {verb.strip() for verb in answer.headers["allow"].split(",")} == allowed
        if method != "HEAD":
            assert answer.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize("path", ["/login", "/nowhere"])
@pytest.mark.parametrize("method", ["BREW", "get", "PROPFIND"])
def test_an_unknown_method_is_501(server, path, method):
    """L7: method names are case-sensitive."""
    with server.wire() as wire:
        wire.send(request(method, path))
        answer = wire.answer()
        assert (answer.status, answer.code) == (501, "method_unknown")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/nowhere",
        "/login/",
        "/LOGIN",
        "//login",
        "/./login",
        "/%6Cogin",
        "/livez",
        "/metrics",
        "/admin/revocations",
        "/readyz",
        "/keys",
        "/.env",
        "/login;x=1",
        "/verify/batch/x",
        "/../etc/passwd",
        "/%00",
        "/%",
    ],
)
def test_an_unknown_path_is_404(server, path):
    """M5: the operator's routes are not on the service listener."""
    with server.wire() as wire:
        wire.send(request("GET", path))
        answer = wire.answer()
        assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize("path", ["/verify", "/refresh", "/logout", "/revoke", "/introspect", "/login", "/token"])
@pytest.mark.parametrize("name", ["token", "access_token", "refresh_token", "id_token"])
def test_a_token_in_the_url_is_refused(server, path, name):
    """J2, ASVS 14.2.1: and the log does not repeat it."""
    token = server.login().access
    server.remember(token)
    method = "GET" if path == "/verify" else "POST"
    answer = server.http.request(method, path, params={name: token})
    assert code_of(answer) == (400, "token_in_url")


def test_a_query_value_that_looks_like_a_token_is_refused_under_any_name(server):
    """J2."""
    token = server.login().access
    server.remember(token)
    assert code_of(server.http.get("/verify", params={"q": token})) == (400, "token_in_url")


def test_a_token_in_header_and_body_at_once_is_refused(server):
    """J3."""
    token = server.login().access
    header = {"Authorization": f"Bearer {token}"}
    answer = server.http.post("/verify", json={"token": token}, headers=header)
    assert code_of(answer) == (400, "request_malformed")
    assert server.http.post("/verify", headers=header).status_code == 200


def test_oversize_tokens_are_refused_by_length(server):
    """A15."""
    for token in ("a" * 8193, "a" * 60_000, "." * 60_000, "a.b." + "c" * 20_000):
        assert server.refusal(token) in ("token_too_large", "token_malformed")
    assert server.refusal("a" * 9_000) == "token_too_large"


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"scope": "sing"}, (400, "scope_invalid", "invalid_scope")),
        ({"scope": "read  write"}, None),
        ({"scope": 'read "write"'}, (400, "scope_invalid", "invalid_scope")),
        ({"audience": "elsewhere"}, (400, "audience_invalid", "invalid_target")),
        ({"client_id": "shop"}, (401, "client_invalid", "invalid_client")),
        ({"client_id": "shop", "client_secret": "wrong"}, (401, "client_invalid", "invalid_client")),
        ({"client_id": "nobody", "client_secret": "wrong"}, (401, "client_invalid", "invalid_client")),
    ],
)
def test_login_options_that_cannot_be_granted(server, members, expected):
    """G8, I3."""
    answer = server.try_login("amy", "amy rides at dawn 7", **members)
    if expected is None:
        assert answer.status_code in (200, 400)
        return
    assert (answer.status_code, answer.json()["code"], answer.json()["error"]) == expected
    assert re.fullmatch(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+", answer.json()["error_description"])


@pytest.mark.parametrize(
    "value",
    [
        "Basic",
        "Basic !!!",
        "Basic c2hvcA==",
        "Basic c2hvcDp3cm9uZw==",
        "Digest x=y",
        "Basic c2hvcDo\x7f",
        "Basic " + "A" * 9000,
    ],
)
def test_broken_client_authentication_is_401_with_a_basic_challenge(server, value):
    """I4, I6."""
    answer = server.http.post("/introspect", data={"token": "x"}, headers={"Authorization": value})
    assert answer.status_code in (400, 401)
    if answer.status_code == 401:
        assert answer.headers["www-authenticate"].startswith("Basic ")
        assert answer.json()["error"] == "invalid_client"


def test_every_error_is_a_problem_document(server):
    """L11, L13, I3: stable type, equal status, no inner detail."""
    answers = [
        server.http.post("/login", content=b"{", headers=JSON_TYPE),
        server.http.get("/verify"),
        server.verify("noise"),
        server.http.get("/nowhere"),
        server.http.get("/login"),
        server.try_login("amy", "wrong one"),
        server.refresh("noise"),
    ]
    for answer in answers:
        problem = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert set(problem) - {"error", "error_description", "detail"} == {
            "type",
            "title",
            "status",
            "code",
            "request_id",
        }
        assert problem["type"] == f"urn:martlet:problem:{problem['code']}"
        assert problem["status"] == answer.status_code
        text = json.dumps(problem) + str(answer.headers)
        assert not re.search(r"\.swift|/tmp/|openssl|fatal|stack", text, re.I)
        assert "server" not in answer.headers
    assert len({answer.json()["request_id"] for answer in answers}) == len(answers)
