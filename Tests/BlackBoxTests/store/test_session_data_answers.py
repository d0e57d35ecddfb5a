"""Each code that `/session/data` documents, for each of its methods."""

import threading
import time

import pytest

from harness.accounts import AMY
from harness.browser import SAME_ORIGIN, Browser
from harness.cluster import together
from harness.refused_tokens import CODES, access_tokens

PATH = "/session/data"
METHODS = ["GET", "PUT", "PATCH", "DELETE"]


@pytest.fixture
def node(redis, make_cluster):
    nodes = make_cluster(
        redis.url(), count=1, session_data="on", browser="on", sessions="on", alg="RS256", store_timeout="5s"
    )
    nodes[0].shop = nodes[0].add_client("shop")
    nodes.start()
    nodes[0].engine = redis
    return nodes[0]


def ask(node, method: str, token: str, target: str = PATH, content: bytes = b"{}", **fields):
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    headers |= {name.replace("_", "-"): value for name, value in fields.items()}
    return node.http.request(method, target, content=b"" if method in ("GET", "DELETE") else content, headers=headers)


def seen(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_rejected_tokens_have_their_codes(node):
    tokens = access_tokens(node)
    for method in METHODS:
        for code in CODES:
            answer = ask(node, method, tokens[code])
            assert seen(answer) == (401, code), method
            assert answer.headers["www-authenticate"].startswith('Bearer realm="martlet", error="invalid_token"')
            assert answer.headers["cache-control"] == "no-store"
        answer = node.http.request(method, PATH)
        assert seen(answer) == (401, "token_missing") and answer.headers["www-authenticate"] == 'Bearer realm="martlet"'


def test_requests_of_other_sites_are_rejected(node):
    browser = Browser(node.http)
    assert browser.sign_in(AMY.name, AMY.password).status_code == 200
    cookie = browser.jar.field("/")["Cookie"]
    evil = {"Origin": "https://evil.example"}
    for method in METHODS:

        def send(headers, double=False):
            fields = headers | {"Cookie": f"{cookie}; {cookie}" if double else cookie}
            return seen(node.http.request(method, PATH, headers=fields, json={} if method in ("PUT", "PATCH") else None))

        assert send(evil | {"Sec-Fetch-Site": "cross-site"}) == (403, "csrf_failed")
        assert send(evil) == (403, "origin_not_allowed")
        assert send(SAME_ORIGIN, double=True) == (400, "cookie_ambiguous")


def test_each_method_has_its_answers(node):
    token = node.login().access
    made = ask(node, "PUT", token, content=b'{"a":1}', If_None_Match="*")
    assert made.status_code == 204 and not made.content
    tag = made.headers["etag"]
    assert ask(node, "GET", token).json() == {"a": 1}
    unchanged = ask(node, "GET", token, If_None_Match=tag)
    assert unchanged.status_code == 304 and unchanged.headers["etag"] == tag
    assert node.http.head(PATH, headers={"Authorization": f"Bearer {token}"}).headers["etag"] == tag
    for method in METHODS:
        assert seen(ask(node, method, token, f"{PATH}?x=1")) == (400, "request_malformed")
        assert seen(ask(node, method, token, If_Match="x")) == (400, "request_malformed")
        assert seen(ask(node, method, token, If_Match='"x"')) == (412, "precondition_failed")
    for method in ("PUT", "PATCH"):
        for content in (b"", b"[]", b"null", b'{"a":1,"a":2}', b'{"a":"\xff"}', b"[" * 3_000, b'{"a":' * 9 + b"1" + b"}" * 9):
            answer = ask(node, method, token, content=content, If_Match="*")
            assert seen(answer) == (400, "request_malformed"), content[:20]
        for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json-patch+json"):
            assert seen(ask(node, method, token, Content_Type=kind)) == (415, "unsupported_media_type")
        large = b'{"b":"' + b"x" * 16_384 + b'"}'
        assert seen(ask(node, method, token, content=large, If_Match="*")) == (413, "body_too_large")
    assert seen(ask(node, "PUT", token)) == (428, "precondition_required")
    assert ask(node, "PATCH", token, content=b'{"b":2}').json() == {"a": 1, "b": 2}
    assert ask(node, "DELETE", token).status_code == 204
    assert ask(node, "GET", token).text == "{}"


def test_more_changes_than_may_wait_are_rejected(node):
    token = node.login().access
    for method in ("PUT", "PATCH", "DELETE"):
        condition = {"If_Match": "*"} if method == "PUT" else {}
        assert ask(node, "PATCH", token, content=b'{"a":1}').status_code == 200
        # Redis answers nobody until then.
        node.engine.server.ask("CLIENT", "PAUSE", 1_500, "ALL")
        content = b'{"a":2}'
        answers = together([lambda: ask(node, method, token, content=content, **condition) for _ in range(48)])
        busy = [answer for answer in answers if answer.status_code == 429]
        assert len(busy) == 16 and {seen(answer) for answer in busy} == {(429, "data_busy")}
        assert {answer.headers["retry-after"] for answer in busy} == {"1"}
        assert {answer.status_code for answer in answers} - {429} <= {200, 204, 412}


def test_without_the_engine_each_method_is_503(node):
    token = node.login().access
    node.engine.kill()
    time.sleep(0.2)
    for method in METHODS:
        answer = ask(node, method, token, If_None_Match="*")
        assert seen(answer) == (503, "store_unavailable") and answer.headers["retry-after"] == "1"


def test_without_the_setting_each_method_is_404(make_server):
    server = make_server().start()
    token = server.login().access
    for method in METHODS:
        assert seen(ask(server, method, token)) == (404, "not_enabled")


def test_a_client_of_many_connections_holds_up_no_other_session(node):
    """One session keeps its lane full; another one is answered as ever."""
    greedy, other = node.login().access, node.login().access
    stop = threading.Event()

    def flood():
        while not stop.is_set():
            assert ask(node, "PATCH", greedy, content=b'{"a":1}').status_code in (200, 429)

    threads = [threading.Thread(target=flood) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        for number in range(20):
            answer = ask(node, "PATCH", other, content=b'{"n":%d}' % number)
            assert (answer.status_code, answer.json()) == (200, {"n": number})
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
