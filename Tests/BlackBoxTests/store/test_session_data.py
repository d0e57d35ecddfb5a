"""`/session/data` of several nodes over a real Redis and a real PostgreSQL."""

import re
import threading
import time

import pytest

from harness.accounts import AMY
from harness.cluster import together
from harness.engine_process import wait_until
from harness.process import ROOT, StartFailed
from harness.server import free_port
from harness.tls_site import TLSSite

APP = "app.localhost"
NAME_SECONDS = 6
PATCH = "application/merge-patch+json"


@pytest.fixture
def pair(engine, make_cluster):
    """Two nodes, whose sessions have data."""
    nodes = make_cluster(engine.url(), count=2, session_data="on")
    nodes.engine = engine
    return nodes.start()


def bearer(session, **fields) -> dict[str, str]:
    return {"Authorization": f"Bearer {session.access}"} | {name.replace("_", "-"): value for name, value in fields.items()}


def read(node, session, **fields):
    return node.http.get("/session/data", headers=bearer(session, **fields))


def patch(node, session, changes: dict, **fields):
    return node.http.patch("/session/data", json=changes, headers=bearer(session, Content_Type=PATCH, **fields))


def put(node, session, content: bytes, **fields):
    headers = bearer(session, Content_Type="application/json", **fields)
    return node.http.put("/session/data", content=content, headers=headers)


def remove(node, session, **fields):
    return node.http.delete("/session/data", headers=bearer(session, **fields))


def insist(node, session, changes: dict):
    """As a client does that is asked to come again."""
    while (answer := patch(node, session, changes)).status_code == 429:
        assert answer.json()["code"] == "data_busy" and answer.headers["retry-after"] == "1"
        time.sleep(0.05)
    return answer


def test_every_node_reads_at_once_what_any_node_wrote(pair):
    session = pair[0].login()
    empty = read(pair[1], session)
    assert (empty.status_code, empty.text, empty.headers["cache-control"]) == (200, "{}", "no-store")
    for number in range(50):
        writer, reader = pair[number % 2], pair[1 - number % 2]
        answer = patch(writer, session, {"count": number, f"n{number % 7}": number})
        assert answer.status_code == 200, answer.text
        seen = read(reader, session)
        assert (seen.text, seen.headers["etag"]) == (answer.text, answer.headers["etag"])
        assert read(reader, session, If_None_Match=seen.headers["etag"]).status_code == 304
    assert read(pair[1], pair[1].login()).text == "{}"
    assert [secret for secret in pair.leaks()] == []


def test_conditions_hold_over_nodes(pair):
    session = pair[0].login()
    none = read(pair[0], session).headers["etag"]
    text = b' {"n": 12345678901234567890, "z": -0, "s": "\\u0041"} '
    first = put(pair[0], session, text, If_None_Match="*")
    assert first.status_code == 204 and read(pair[1], session).content == text
    for fields, status in (
        ({"If_None_Match": "*"}, 412), ({"If_Match": none}, 412), ({}, 428), ({"If_Match": first.headers["etag"]}, 204),
    ):  # fmt: skip
        assert put(pair[1], session, b'{"b":1}', **fields).status_code == status, fields
    assert patch(pair[0], session, {"a": 1}, If_Match=first.headers["etag"]).status_code == 412
    removed = remove(pair[0], session)
    assert removed.status_code == 204 and read(pair[1], session).text == "{}"
    assert remove(pair[1], session).status_code == 204
    # The revision counts on, so an old tag never names new content.
    again = put(pair[1], session, text, If_None_Match="*")
    assert again.status_code == 204 and again.headers["etag"] != first.headers["etag"]
    assert put(pair[0], session, b"{}", If_Match=first.headers["etag"]).status_code == 412


def test_the_largest_object_is_kept_byte_for_byte(pair):
    session = pair[0].login()
    text = b'{"a":"' + b"\xc3\xa9" * 8_188 + b'"}'
    assert len(text) == 16_384 and put(pair[0], session, text, If_None_Match="*").status_code == 204
    assert read(pair[1], session).content == text
    assert put(pair[0], session, text + b" ", If_Match="*").status_code == 413
    assert patch(pair[1], session, {"b": 1}).status_code == 413 and read(pair[0], session).content == text


def test_changes_at_the_same_time_are_all_kept(pair):
    session = pair[0].login()
    tasks = [lambda n=n: insist(pair[n % 2], session, {f"item{n}": n}) for n in range(24)]
    assert {answer.status_code for answer in together(tasks)} == {200}
    assert read(pair[0], session).json() == {f"item{n}": n for n in range(24)}


def test_a_change_in_flight_at_the_logout_brings_nothing_back(pair):
    for round_number in range(10):
        session = pair[0].login()
        assert patch(pair[0], session, {"cart": 1}).status_code == 200
        stop, late = threading.Event(), []
        done_at: list[float] = []

        def keep_writing(node):
            number = 0
            while not stop.is_set():
                began = time.monotonic()
                answer = patch(node, session, {"cart": number})
                assert answer.status_code in (200, 401, 429), answer.text
                if done_at and began > done_at[0] and answer.status_code != 401:
                    late.append(answer.text)
                number += 1

        writers = [threading.Thread(target=keep_writing, args=(node,)) for node in pair for _ in range(2)]
        for writer in writers:
            writer.start()
        time.sleep(0.1)
        answer = pair[round_number % 2].http.post("/logout", headers=bearer(session))
        assert answer.status_code == 204
        done_at.append(time.monotonic())
        time.sleep(0.1)
        stop.set()
        for writer in writers:
            writer.join(20)
        assert late == []
        for node in pair:
            assert read(node, session).json()["code"] == "session_revoked"


def holds(engine, text: str) -> bool:
    """Whether the engine has data of sessions with this text."""
    if engine.kind == "postgres":
        found = engine.server.ask(f"SELECT count(*) FROM martlet.data WHERE convert_from(content, 'UTF8') LIKE '%{text}%'")
        return int(found) > 0
    texts = [key for key in engine.server.keys() if engine.server.ask("TYPE", key) == b"string"]
    return any(text.encode() in engine.server.ask("GET", key) for key in texts)


def test_a_logout_removes_the_bytes_from_the_engine(pair):
    session, other = pair[0].login(), pair[0].login()
    assert patch(pair[0], session, {"cart": "marker-one"}).status_code == 200
    assert patch(pair[1], other, {"cart": "marker-two"}).status_code == 200
    assert holds(pair.engine, "marker-one") and holds(pair.engine, "marker-two")
    assert pair[1].http.post("/logout", headers=bearer(session)).status_code == 204
    assert not holds(pair.engine, "marker-one") and holds(pair.engine, "marker-two")
    assert remove(pair[0], other).status_code == 204 and not holds(pair.engine, "marker-two")


def test_without_the_engine_nothing_is_changed_and_verification_goes_on(pair):
    session = pair[0].login()
    before = patch(pair[0], session, {"a": 1})
    assert before.status_code == 200
    pair.engine.kill()
    for ask in (lambda: read(pair[0], session), lambda: patch(pair[1], session, {"a": 2}), lambda: remove(pair[0], session)):
        began = time.monotonic()
        answer = ask()
        assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
        assert answer.headers["retry-after"] == "1" and time.monotonic() - began < 3
    assert pair[0].verify(session.access).status_code == 200
    pair.engine.start()
    pair.heal(20)
    after = read(pair[1], session)
    assert after.json() == {"a": 1} and after.headers["etag"] == before.headers["etag"]
    assert patch(pair[0], session, {"a": 3}).json() == {"a": 3}


def test_data_survives_a_kill_of_the_engine_and_of_every_node(pair):
    session = pair[0].login()
    answers = [patch(pair[number % 2], session, {f"n{number}": number}) for number in range(20)]
    assert {answer.status_code for answer in answers} == {200}
    pair.engine.kill()
    for node in pair:
        node.run.kill()
    pair.engine.start()
    # Until then a node of the same name may still live.
    time.sleep(NAME_SECONDS)
    for node in pair:
        node.start()
        node.await_ready(20)
    assert read(pair[1], session).json() == {f"n{number}": number for number in range(20)}


def test_it_is_off_unless_asked_for_and_needs_an_engine(redis, make_cluster, make_server):
    nodes = make_cluster(redis.url(), count=1).start()
    session = nodes[0].login()
    assert read(nodes[0], session).json()["code"] == "not_enabled"
    with pytest.raises(StartFailed) as failure:
        make_server(session_data="on").start()
    assert "MARTLET_SESSION_DATA" in str(failure.value) and "Set MARTLET_STORE" in str(failure.value)


BEGIN = """async () => {
    const { createMartlet } = await import('/martlet.js');
    window.martlet = createMartlet();
    await martlet.session().catch(() => undefined);
}"""
SIGN_IN = "([username, password]) => martlet.signIn({username, password}).then(session => session.username)"
# As docs/session-data.md prints it.
ADD = re.search(
    r"(async function addToCart.*?\n}\n)", (ROOT / "docs/session-data.md").read_text(), re.S
)[1]
SHOW = "martlet.fetch('/session/data').then(async answer => answer.ok ? (await answer.json()).cart : answer.status)"


class Tab:
    def __init__(self, site: TLSSite, context):
        self.page = context.new_page()
        self.page.goto(f"{site.at(APP)}/start")
        self.page.evaluate(BEGIN)

    def start_adding(self, article: str, count: int = 1) -> None:
        self.page.evaluate(f"([article, count]) => {{ {ADD} window.added = addToCart(article, count); }}", [article, count])

    def add(self, article: str, count: int = 1):
        self.start_adding(article, count)
        return self.page.evaluate("added")

    @property
    def cart(self):
        return self.page.evaluate(SHOW)


def test_the_cart_of_a_browser_behind_two_nodes(redis, make_cluster, fleet, context):
    """What teams that leave connect-redis have: nginx asks two nodes in turn, without stickiness."""
    port = free_port()
    origin = f"https://{APP}:{port}"
    nodes = make_cluster(
        redis.url(), count=2, session_data="on", browser="on", sessions="on", trusted_proxies="127.0.0.1",
        forwarded_field="x-forwarded-for", issuer=origin,
    ).start()  # fmt: skip
    site = TLSSite(fleet, APP, port=port, nodes=list(nodes))
    try:
        one, two = Tab(site, context), Tab(site, context)
        assert one.page.evaluate(SIGN_IN, [AMY.name, AMY.password]) == AMY.name
        assert one.add("tea") == {"tea": 1} and two.cart == {"tea": 1}
        # Both tabs add before either has its answer.
        for number in range(10):
            one.start_adding(f"one{number}")
            two.start_adding(f"two{number}")
            one.page.evaluate("added")
            two.page.evaluate("added")
        both = {"tea": 1} | {f"{tab}{number}": 1 for number in range(10) for tab in ("one", "two")}
        assert one.cart == both and two.cart == both
        asked = [node.figure('martlet_requests_total{route="/session/data",status="200"}') for node in nodes]
        assert min(asked) >= 5, "nginx asks both"

        nodes[0].run.kill()
        for number in range(6):
            assert two.add(f"late{number}")[f"late{number}"] == 1
        assert one.cart == both | {f"late{number}": 1 for number in range(6)}
        nodes[0].start()
        nodes[0].await_ready(20)

        for number in range(20):
            two.start_adding(f"flight{number}")
        one.page.evaluate("martlet.signOut()")
        wait_until(lambda: two.cart == 401, 10, "the end of the session in the other tab")
        assert one.cart == 401
        assert one.page.evaluate(SIGN_IN, [AMY.name, AMY.password]) == AMY.name
        assert one.cart is None and two.cart is None
        assert nodes.leaks() == []
    finally:
        site.close()
