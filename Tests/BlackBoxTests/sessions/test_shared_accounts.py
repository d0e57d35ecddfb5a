"""Three processes with the same keys and users, each with a journal of its own, and a file that changes under them."""

import time

import pytest
from harness.accounts import AMY, BOB, CAT


@pytest.fixture
def nodes(make_server):
    first = make_server()
    first.start()
    shared = {"users": str(first.users_path), "keys": str(first.keys_path), "issuer": first.url}
    others = [make_server(people=(), **shared) for _ in range(2)]
    for node in others:
        node.run_once()
    return [first, *others]


def change(nodes, *words, stdin=""):
    done = nodes[0].cli("user", *words, "--users", str(nodes[0].users_path), stdin=stdin)
    assert done.returncode == 0, done.stderr
    return done


def reloaded(node):
    return len([event for event in node.events("reloaded") if event.get("what") == "users"])


def await_reload(nodes, before):
    deadline = time.monotonic() + 10
    while any(reloaded(node) <= count for node, count in zip(nodes, before, strict=True)):
        assert time.monotonic() < deadline, "a process did not read the changed users"
        time.sleep(0.02)


def first_login(nodes, name, password):
    """A session at the first process that knows the new password."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for node in nodes:
            answer = node.try_login(name, password)
            if answer.status_code == 200:
                return answer.json()["access_token"], answer.json()["refresh_token"], node
    raise AssertionError("no process knows the new password")


def refusals(nodes, token):
    return [node.refusal(token) for node in nodes]


def test_a_new_password_ends_the_old_sessions_and_not_the_one_that_began_with_it(nodes):
    """Each process reads the file at its own moment; the slowest must not end what the fastest let begin."""
    password = AMY.password
    for turn in range(4):
        old = [nodes[(turn + index) % 3].try_login("amy", password).json() for index in range(3)]
        for session in old:
            assert refusals(nodes, session["access_token"]) == [""] * 3
        before = [reloaded(node) for node in nodes]
        password = f"a new password, number {turn}"
        nodes[0].remember(password)
        change(nodes, "passwd", "amy", "--password-stdin", stdin=password + "\n")
        access, refresh, at = first_login(nodes[turn % 3 :] + nodes[: turn % 3], "amy", password)
        await_reload(nodes, before)
        time.sleep(0.1)
        assert refusals(nodes, access) == [""] * 3
        for session in old:
            assert all(refusals(nodes, session["access_token"]))
            assert all(node.refresh(session["refresh_token"]).status_code == 401 for node in nodes)
        assert at.refresh(refresh).status_code == 200


def test_a_login_with_the_old_password_after_the_change_ends_when_the_file_is_read(nodes):
    """The file already has the new password, but a process that has not read it yet accepts the old one."""
    before = [reloaded(node) for node in nodes]
    nodes[0].remember("another new password")
    change(nodes, "passwd", "amy", "--password-stdin", stdin="another new password\n")
    late = [(node, node.try_login("amy", AMY.password)) for node in nodes]
    await_reload(nodes, before)
    time.sleep(0.1)
    for node, answer in late:
        if answer.is_success:
            assert node.refusal(answer.json()["access_token"]) in ("session_revoked", "subject_revoked")
        assert node.try_login("amy", AMY.password).status_code == 401


def test_disabled_and_removed_users_have_no_session_any_more(nodes):
    old = {person.name: nodes[1].login(person) for person in (BOB, CAT)}
    before = [reloaded(node) for node in nodes]
    change(nodes, "disable", "bob")
    await_reload(nodes, before)
    before = [reloaded(node) for node in nodes]
    change(nodes, "remove", "cat")
    await_reload(nodes, before)
    for session in old.values():
        assert all(refusals(nodes, session.access))
    before = [reloaded(node) for node in nodes]
    change(nodes, "enable", "bob")
    await_reload(nodes, before)
    assert all(refusals(nodes, old["bob"].access))
    again = nodes[2].login(BOB)
    assert refusals(nodes, again.access) == [""] * 3
    # What readers of revocations get, who have no users.
    for node in nodes:
        node.stop()
        dumped = node.cli("journal", "dump", "--state", str(node.state_path)).stdout
        assert dumped.count('"kind":"CUT"') >= 2
