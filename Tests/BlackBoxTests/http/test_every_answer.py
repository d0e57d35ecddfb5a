"""Each code on each route that documents it, so that the contract's table has no dead entry."""

import time

import pytest

from harness.accounts import AMY
from harness.browser import SAME_ORIGIN, Browser
from harness.refused_tokens import CODES, access_tokens, login_of_shop

BEARER_ROUTES = [
    ("GET", "/verify"),
    ("POST", "/verify"),
    ("POST", "/logout"),
    ("POST", "/password"),
    ("GET", "/session"),
    ("GET", "/sessions"),
    ("DELETE", "/sessions/019a0000-0000-7000-8000-000000000000"),
    ("GET", "/revocations"),
    ("GET", "/revocations/snapshot"),
] + [
    (method, "/auth") for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
]
REFRESH_ROUTES = ["/refresh", "/token", "/logout"]
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def spent(fleet):
    """A server with a token for every way of being refused."""
    server = fleet.make(refresh_grace="0s", sessions="on", browser="on")
    server.shop = server.add_client("shop")
    server.bank = server.add_client("bank")
    server.start()
    server.refused_tokens = access_tokens(server)
    server.refused_refresh = refresh_tokens(server)
    yield server
    fleet.close(server)


@pytest.mark.parametrize(("method", "path"), BEARER_ROUTES)
@pytest.mark.parametrize("code", CODES)
def test_a_refused_bearer_token_is_401_with_its_code(spent, method, path, code):
    """E9, E10, J4, J5: every endpoint refuses alike."""
    answer = spent.http.request(method, path, headers={"Authorization": f"Bearer {spent.refused_tokens[code]}"})
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert answer.headers["www-authenticate"].startswith('Bearer realm="martlet", error="invalid_token"')


@pytest.mark.parametrize(("method", "path"), BEARER_ROUTES)
def test_no_bearer_token_is_401_without_an_error(spent, method, path):
    """J5."""
    answer = spent.http.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_missing")
    assert answer.headers["www-authenticate"] == 'Bearer realm="martlet"'


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_auth_refuses_by_scope_and_role_for_every_method(spent, method):
    """J5, J6."""
    bearer = {"Authorization": f"Bearer {spent.login().access}"}
    refusals = (
        ("scope=sing", "scope_insufficient"),
        ("role=captain", "role_insufficient"),
        ("rolle=captain", "condition_invalid"),
    )
    for query, code in refusals:
        answer = spent.http.request(method, f"/auth?{query}", headers=bearer)
        assert (answer.status_code, answer.json()["code"]) == (403, code)
    for query, code in (
        ("subject=x", "subject_mismatch"),
        ("client_id=x", "client_mismatch"),
        ("claims=%7B%22amr%22%3A%22otp%22%7D", "claim_mismatch"),
    ):
        answer = spent.http.request(method, f"/auth?{query}", headers=bearer)
        assert (answer.status_code, answer.json()["code"]) == (401, code)
    old = spent.forge(spent.login().access).token(auth_time=int(time.time()) - 500)
    answer = spent.http.request(method, "/auth?max_age=100", headers={"Authorization": f"Bearer {old}"})
    assert (answer.status_code, answer.json()["code"]) == (401, "auth_too_old")


def test_verify_by_get_takes_the_same_demands_as_by_post(spent):
    """J5."""
    session = spent.login()
    old = spent.forge(session.access).token(auth_time=int(time.time()) - 500)

    def get(token, **query):
        answer = spent.http.get("/verify", params=query, headers={"Authorization": f"Bearer {token}"})
        return answer.status_code, answer.json().get("code")

    assert get(session.access, audience="api", scope="read write", max_age=60) == (200, None)
    assert get(session.access, scope="sing") == (403, "scope_insufficient")
    assert get(session.access, role="captain") == (403, "role_insufficient")
    assert get(session.access, aud="billing") == (401, "audience_mismatch")
    assert get(session.access, audience="billing") == (401, "audience_mismatch")
    assert get(old, max_age=100) == (401, "auth_too_old")
    assert get(session.access, subject="x") == (401, "subject_mismatch")
    assert get(session.access, client_id="x") == (401, "client_mismatch")
    assert get(session.access, claims='{"amr":"otp"}') == (401, "claim_mismatch")
    assert get(session.access, claims='{"amr":"pwd"}', required_claims="sub amr", min_seq=0) == (200, None)
    assert get(session.access, min_seq=10**15) == (503, "sequence_not_reached")
    assert get(session.access, min_seq="1:0") == (200, None)
    assert get(session.access, min_seq="2:0") == (503, "sequence_unknown")
    unclear = ({"max_age": "x"}, {"max_age": "-1"}, {"scope": 'a"b'}, {"role": ""}, {"roles": "staff"}, {"min_seq": "x"})
    for query in unclear:
        assert get(session.access, **query) == (400, "request_malformed")


def test_each_route_with_min_seq_waits_for_no_record_that_nobody_wrote(spent):
    """A record beyond the head, and one of an epoch that never was; one that is here changes nothing."""
    session, wanted = spent.login(), {"sequence_not_reached": "1:4000000000", "sequence_unknown": "7:1"}
    shop = ("shop", spent.shop)

    def codes(ask):
        answers = {code: ask(position) for code, position in wanted.items()}
        for answer in answers.values():
            assert answer.headers["retry-after"] == "1"
        return [(answer.status_code, answer.json().get("code") or answer.json().get("error")) for answer in answers.values()]

    expected = [(503, code) for code in wanted]
    bearer = {"Authorization": f"Bearer {session.access}"}
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        assert codes(lambda at, method=method: spent.http.request(method, f"/auth?min_seq={at}", headers=bearer)) == expected
    login = {"username": "amy", "password": AMY.password}
    assert codes(lambda at: spent.http.post("/login", json=login | {"min_seq": at})) == expected
    assert codes(lambda at: spent.http.post("/refresh", data={"refresh_token": session.refresh, "min_seq": at})) == expected
    for path, form in (
        ("/token", {"grant_type": "refresh_token", "refresh_token": session.refresh}),
        ("/introspect", {"token": session.access}),
    ):
        found = codes(lambda at, path=path, form=form: spent.http.post(path, data=form | {"min_seq": at}, auth=shop))
        assert [status for status, _ in found] == [503, 503]
    assert spent.http.get("/auth?min_seq=1:1", headers=bearer).status_code == 200
    assert spent.http.post("/login", json=login | {"min_seq": 1}).status_code == 200
    assert spent.http.post("/refresh", data={"refresh_token": session.refresh, "min_seq": "1"}).status_code == 200


def test_verify_by_post_refuses_what_it_does_not_understand(spent):
    """A condition counts in the query and in the content; in both, or misspelled in either, it is refused."""
    session = spent.login()

    def post(query, **members):
        answer = spent.http.post(f"/verify{query}", json={"token": session.access} | members)
        return answer.status_code, answer.json().get("code")

    assert post("?scope=read", role="staff") == (200, None)
    assert post("?scope=sing") == post("", scope="sing") == (403, "scope_insufficient")
    assert post("?role=captain") == post("", role="captain") == (403, "role_insufficient")
    assert post("", subject="x") == (401, "subject_mismatch")
    assert post("", client_id="x") == (401, "client_mismatch")
    assert post("", claims={"amr": "otp"}) == (401, "claim_mismatch")
    assert post("", claims={"amr": "pwd"}, required_claims=["sub"], audience=["api", "x"], min_seq=0) == (200, None)
    assert post("", min_seq=10**15) == (503, "sequence_not_reached")
    assert post("", min_seq="2:0") == (503, "sequence_unknown")
    for query, members in (
        ("?scope=read", {"scope": "read"}),
        ("?scoop=read", {}),
        ("", {"scoop": "read"}),
        ("", {"aud": None}),
        ("", {"aud": "api", "audience": "api"}),
        ("", {"min_sequence": 1}),
        ("", {"min_seq": "1"}),
    ):
        assert post(query, **members) == (400, "request_malformed")
    answer = spent.http.request("GET", "/verify", content="x", headers={"Content-Type": "text/plain"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/logout", {"scoop": "global"}),
        ("/logout", {"scope": ""}),
        ("/logout?scope=global", {}),
        ("/login", {"username": "amy", "password": "x", "audiences": "api"}),
        ("/refresh", {"refresh_token": "x", "scopes": "read"}),
    ],
)
def test_a_member_that_is_not_understood_is_named(spent, path, form):
    session = spent.login()
    answer = spent.http.post(path, data=form, headers={"Authorization": f"Bearer {session.access}"})
    assert (answer.status_code, answer.json()["code"]) == (400, "request_malformed")
    name = path.partition("?")[2].partition("=")[0] or list(form)[-1]
    assert name in answer.json()["detail"]
    assert spent.refusal(session.access) == ""


def refresh_tokens(server) -> dict[str, str]:
    session = server.login()
    forge = server.forge(session.refresh)
    now = int(time.time())
    reused = server.login()
    server.refresh(server.refresh(reused.refresh).json()["refresh_token"])
    ended, cut, of_shop = server.login(), server.login(server.people[1]), login_of_shop(server)
    server.revoke(ended.refresh)
    server.cut(sub=server.people[1].id)
    server.cut(client_id="shop")
    return {
        "refresh_invalid": session.refresh + "AAAA",
        "refresh_expired": forge.token(exp=now - 60, sxp=now - 60),
        "refresh_idle": forge.token(exp=now - 60),
        "refresh_reused": reused.refresh,
        "session_revoked": ended.refresh,
        "subject_revoked": cut.refresh,
        "client_revoked": of_shop.refresh,
    }


@pytest.mark.parametrize("path", REFRESH_ROUTES)
@pytest.mark.parametrize(
    "code",
    [
        "refresh_invalid",
        "refresh_expired",
        "refresh_idle",
        "session_revoked",
        "subject_revoked",
        "client_revoked",
        "refresh_reused",
    ],
)
def test_a_refused_refresh_token_has_its_code(spent, path, code):
    """G11: 401, but 400 invalid_grant at the token endpoint; /logout may end what is already ended once more."""
    token = spent.refused_refresh[code]
    if code == "refresh_reused":
        session = spent.login()
        token = session.refresh
        spent.refresh(token)
    auth = ("shop", spent.shop) if code == "client_revoked" and path != "/logout" else None
    form = {"refresh_token": token} | ({"grant_type": "refresh_token"} if path == "/token" else {})
    answer = spent.http.post(path, data=form, auth=auth)
    if path == "/logout" and code in ("session_revoked", "client_revoked", "refresh_reused", "subject_revoked"):
        assert answer.status_code == 204 or answer.json()["code"] == code
        return
    assert (answer.status_code, answer.json()["code"]) == (400 if path == "/token" else 401, code)
    if path == "/token":
        assert answer.json()["error"] == "invalid_grant"


@pytest.mark.parametrize("path", ["/refresh", "/token"])
def test_what_a_refresh_cannot_be_granted_has_its_code(spent, path):
    """G8, G9, I3, I4."""
    grant = {"grant_type": "refresh_token"}

    def ask(form, auth=None):
        answer = spent.http.post(path, data=grant | form, auth=auth)
        return answer.status_code, answer.json()["code"]

    mine = spent.login(scope="read")
    token = {"refresh_token": mine.refresh}
    assert ask(token | {"scope": "read write"}) == (400, "scope_invalid")
    assert ask(token | {"audience": "billing"}) == (400, "audience_invalid")
    assert ask(token | {"grant_type": "password"}) == (400, "grant_unsupported")
    assert ask({}) == (400, "request_malformed")
    assert ask(token | {"client_id": "shop", "client_secret": "wrong"}) == (401, "client_invalid")
    of_shop = {"refresh_token": login_of_shop(spent).refresh}
    assert ask(of_shop) == (401, "client_invalid")
    foreign = (403, "client_not_allowed") if path == "/refresh" else (400, "refresh_invalid")
    assert ask(of_shop, ("bank", spent.bank)) == foreign
    if path == "/token":
        credentials = {"grant_type": "client_credentials"}
        assert ask(credentials, ("bank", spent.bank)) == (400, "grant_not_allowed")
    text = spent.http.post(path, content="x", headers={"Content-Type": "text/plain"})
    assert (text.status_code, text.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("path", ["/refresh", "/token"])
def test_another_request_inside_the_grace_time_is_a_mismatch(make_server, path):
    """DESIGN 5."""
    server = make_server(alg="HS256", refresh_grace="30s").start()
    form = {"grant_type": "refresh_token", "refresh_token": server.login().refresh}
    assert server.http.post(path, data=form).status_code == 200
    answer = server.http.post(path, data=form | {"scope": "read"})
    assert (answer.status_code, answer.json()["code"], answer.json()["error"]) == (
        400,
        "refresh_mismatch",
        "invalid_grant",
    )


@pytest.mark.parametrize("path", ["/revoke", "/introspect", "/logout", "/login"])
def test_a_form_without_what_it_needs_is_malformed(spent, path):
    """I5."""
    form = {"x": "y", "token": "", "scope": "universe" if path == "/logout" else ""}
    answer = spent.http.post(path, data=form, auth=("shop", spent.shop))
    assert (answer.status_code, answer.json()["code"]) == (400, "request_malformed")


def test_the_operators_order_must_be_json(spent):
    """L9."""
    answer = spent.admin.post("/admin/revocations", data={"all": "true"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_verify_takes_json_only(spent):
    """L9."""
    answer = spent.http.post("/verify", data={"token": "x"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


COOKIE_ROUTES = [
    ("POST", "/login"),
    ("POST", "/refresh"),
    ("POST", "/logout"),
    ("GET", "/session"),
    ("GET", "/sessions"),
    ("DELETE", "/sessions/019a0000-0000-7000-8000-000000000000"),
    ("POST", "/password"),
]


@pytest.mark.parametrize(("method", "path"), COOKIE_ROUTES)
def test_a_request_by_cookie_is_refused_with_its_code(spent, method, path):
    """K6, K7, K8."""
    browser = Browser(spent.http)
    body = {"username": AMY.name, "password": AMY.password, "mode": "cookie"}
    assert browser.sign_in(AMY.name, AMY.password).status_code == 200

    def ask(headers, double=False):
        cookie = browser.jar.field("/refresh")["Cookie"]
        fields = headers | {"Cookie": f"{cookie}; {cookie}" if double else cookie}
        answer = spent.http.request(method, path, headers=fields, json=body if path == "/login" else None)
        return answer.status_code, answer.json()["code"]

    evil = {"Origin": "https://evil.example"}
    assert ask(evil | {"Sec-Fetch-Site": "cross-site"}) == (403, "csrf_failed")
    assert ask(evil) == (403, "origin_not_allowed")
    assert ask(SAME_ORIGIN, double=True) == (400, "cookie_ambiguous")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_auth_refuses_a_cookie_of_another_site_for_every_method(spent, method):
    """K7."""
    browser = Browser(spent.http)
    browser.sign_in(AMY.name, AMY.password)

    def ask(headers):
        answer = spent.http.request(method, "/auth?via=request", headers=browser.jar.field("/auth") | headers)
        return answer.status_code, answer.json()["code"] if answer.content else ""

    evil = {"Origin": "https://evil.example"}
    assert ask(evil | {"Sec-Fetch-Site": "cross-site"}) == (403, "csrf_failed")
    assert ask(evil) == (403, "origin_not_allowed")
    assert ask(SAME_ORIGIN) == (200, "")
    assert ask({}) == ((200, "") if method == "GET" else (403, "csrf_failed"))


def test_the_session_takes_no_parameters(spent):
    answer = spent.http.get("/session?x=1", headers={"Authorization": f"Bearer {spent.login().access}"})
    assert (answer.status_code, answer.json()["code"]) == (400, "request_malformed")


FEED_PATHS = ["/revocations", "/revocations/snapshot"]


@pytest.mark.parametrize("path", FEED_PATHS)
def test_the_feed_rejects_readers_and_queries(make_server, path):
    server = make_server(login_source_failures=5)
    reader = server.add_client("reader", "--scope", "revocations:read")
    shop = server.add_client("shop")
    server.start()
    for expected, options in (
        ((400, "request_malformed"), {"params": {"from": "1:1"}, "auth": ("reader", reader)}),
        ((401, "client_invalid"), {"auth": ("reader", "wrong")}),
        ((403, "scope_insufficient"), {"auth": ("shop", shop)}),
    ):
        answer = server.http.get(path, **options)
        assert (answer.status_code, answer.json()["code"]) == expected
    for _ in range(20):
        answer = server.http.get(path, auth=("reader", f"wrong {time.monotonic()}"))
        if answer.status_code == 429:
            break
    assert answer.json()["code"] == "too_many_attempts" and int(answer.headers["retry-after"]) >= 1


@pytest.mark.parametrize("path", FEED_PATHS)
def test_a_feed_that_is_off_is_not_found(make_server, path):
    server = make_server(feed="off").start()
    answer = server.http.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_enabled")


def test_positions_that_the_feed_does_not_have(make_server):
    server = make_server(feed="public").start()
    assert server.cut(sub=server.people[1].id).status_code == 200
    server.stop()
    # A new epoch forgets the records of the one before.
    done = server.cli("journal", "accept", "--state", str(server.state_path), "--keep-sessions", "--keys", str(server.keys_path))
    assert done.returncode == 0, done.stderr
    server.run_once()
    head = server.http.get("/revocations").json()["head"]
    epoch, number = head.split(":")
    for position, expected in (
        (f"{epoch}:{int(number) + 10**9}", (409, "sequence_ahead")),
        (f"{int(epoch) + 1}:1", (409, "sequence_unknown")),
    ):
        answer = server.http.get("/revocations", params={"after": position})
        assert (answer.status_code, answer.json()["code"]) == expected
    answer = server.http.get("/revocations", params={"after": f"{epoch}:0"})
    assert (answer.status_code, answer.json()["code"]) == (410, "sequence_gone")


def test_a_snapshot_that_cannot_be_made(make_server):
    secretive = make_server(alg="HS256", hs256_audiences="", feed="public").start()
    answer = secretive.http.get("/revocations/snapshot")
    assert (answer.status_code, answer.json()["code"]) == (503, "signing_unavailable")
    server = make_server(feed="public").start()
    server.state_path.rename(server.directory / "elsewhere")
    answer = server.http.get("/revocations/snapshot")
    (server.directory / "elsewhere").rename(server.state_path)
    assert (answer.status_code, answer.json()["code"]) == (503, "journal_unavailable")
    assert int(answer.headers["retry-after"]) >= 1
