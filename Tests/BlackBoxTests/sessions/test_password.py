"""POST /password: the user's new password, and the end of the other sessions."""

import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.accounts import AMY, PEOPLE, Person, write_users
from harness.http2 import HTTP2Client
from harness.process import command
from harness.server import Session

NEW = "amy sails at dusk 8"
FORM = "application/x-www-form-urlencoded"


def change(server, session: Session, current=AMY.password, new=NEW, **members):
    server.secrets.update({current, new} - {""})
    body = {"current_password": current, "new_password": new} | members
    return server.http.post("/password", json=body, headers={"Authorization": f"Bearer {session.access}"})


def answered(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"] if answer.content else ""


def stored(server, name="amy") -> dict:
    return next(user for user in json.loads(server.users_path.read_text())["users"] if user["username"] == name)


def is_alive(server, session: Session) -> bool:
    return server.refusal(session.access) == ""


@pytest.fixture
def server(make_server):
    return make_server(alg="HS256").start()


@pytest.mark.parametrize("content", ["json", "data"])
def test_the_new_password_counts_at_once_and_after_kill_nine(server, content):
    kept, other, bob = server.login(), server.login(), server.login(PEOPLE[1])
    server.secrets.add(NEW)
    body = {"current_password": AMY.password, "new_password": NEW}
    answer = server.http.post("/password", **{content: body}, headers={"Authorization": f"Bearer {kept.access}"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["cache-control"] == "no-store"
    seq = answer.headers["revocation-seq"]
    assert server.verify(kept.access, min_seq=seq).json()["claims"]["auth_time"] == kept.claims["auth_time"]
    for _ in range(2):
        assert is_alive(server, kept) and is_alive(server, bob) and not is_alive(server, other)
        assert answered(server.refresh(other.refresh)) == (401, "subject_revoked")
        assert answered(server.try_login("amy", AMY.password)) == (401, "invalid_credentials")
        assert server.try_login("amy", NEW).status_code == 200
        server.restart()
    assert stored(server)["sessions_from"] == 0 and stored(server)["password"].startswith("$argon2id$")
    assert server.refresh(kept.refresh).status_code == 200
    # A command that edits the file lets the session continue too.
    assert server.cli("user", "change", "amy", "--role", "sailor").returncode == 0
    server.wait_for(lambda: server.login(Person("amy", NEW)).claims["roles"][-1] == "sailor", 10, "the reload")
    assert is_alive(server, kept)
    assert not server.leaks()
    events = server.run.events("password_changed") + server.runs[0].events("password_changed")
    assert [(event["sub"], event["sid"]) for event in events] == [(AMY.id, kept.sid)]


def test_over_http2_it_is_the_same(server):
    kept, other = server.login(), server.login()
    form = f"current_password={AMY.password}&new_password={NEW}".replace(" ", "+")
    with HTTP2Client(server.address) as client:
        bearer = (b"authorization", f"Bearer {kept.access}".encode())
        answer = client.post("/password", form.encode(), FORM, headers=(bearer,))
    assert answer.status == 204
    assert is_alive(server, kept) and not is_alive(server, other)


def test_what_is_wrong_with_a_request_has_its_code(make_server, tmp_path):
    listed = tmp_path / "breached.txt"
    listed.write_text("CBFDAC6008F9CAB4083784CBD1874F76618D2A97:7\n")  # password123
    server = make_server(alg="HS256", password_min=10, breached_passwords=str(listed))
    secret = server.add_client("shop", "--grant", "client_credentials", "--scope", "read")
    server.start()
    session, other = server.login(), server.login()
    credentials = {"client_id": "shop", "client_secret": secret}
    assert answered(change(server, session, "wrong guess")) == (403, "password_wrong")
    assert "www-authenticate" not in change(server, session, "wrong guess").headers
    for new, reasons in (
        ("short", ["too_short"]),
        ("password123", ["breached"]),
        ("amy", ["too_short", "user_name"]),
        ("x" * 1025, ["too_long"]),
        ("", ["too_short"]),
        (AMY.password, ["unchanged"]),
    ):
        answer = change(server, session, new=new)
        assert answered(answer) == (422, "password_unfit")
        assert answer.json()["reasons"] == reasons and answer.json()["error"] == "invalid_request"
    server.secrets -= {"short", "amy"}
    for members in (
        {"current_password": ""},
        {"current_password": "x" * 1025},
        {"new_password": None},
        {"new_password": 7},
        {"password": "x"},
        {"source": "192.0.2.1"},
        credentials | {"source": "here"},
    ):
        assert answered(change(server, session, **members)) == (400, "request_malformed"), members
    assert answered(change(server, session, **credentials | {"client_secret": "x"})) == (401, "client_invalid")
    bearer = {"Authorization": f"Bearer {session.access}"}
    text = server.http.post("/password", content="x", headers=bearer | {"Content-Type": "text/plain"})
    assert answered(text) == (415, "unsupported_media_type")
    for extra in ("&new_password=twice", "&x=y"):
        form = f"current_password=x&new_password=y{extra}"
        answer = server.http.post("/password", content=form, headers=bearer | {"Content-Type": FORM})
        assert answered(answer) == (400, "request_malformed")
    assert answered(server.http.post("/password?x=y", headers=bearer)) == (400, "request_malformed")
    # Tokens that belong to no session of a user.
    issued = server.http.post("/token", data={"grant_type": "client_credentials"}, auth=("shop", secret)).json()
    files = {"keys": server.keys_path, "users": server.users_path, "state": server.state_path}
    minted = command("mint", "--user", "amy", cwd=server.directory, alg="HS256", issuer=server.url, **files)
    assert minted.returncode == 0, minted.stderr
    for token in (issued["access_token"], minted.stdout.strip()):
        server.remember(token)
        answer = server.http.post(
            "/password",
            json={"current_password": AMY.password, "new_password": NEW},
            headers={"Authorization": f"Bearer {token}"},
        )
        assert answered(answer) == (400, "request_malformed")
    assert is_alive(server, other)
    assert change(server, session, source="192.0.2.1", **credentials).status_code == 204


def test_wrong_passwords_count_as_failed_logins(make_server):
    server = make_server(alg="HS256", login_account_failures=3).start()
    session = server.login()
    assert answered(change(server, session, "a wrong guess")) == (403, "password_wrong")
    assert answered(server.try_login("amy", "a wrong guess")) == (401, "invalid_credentials")
    assert answered(change(server, session, "a wrong guess")) == (403, "password_wrong")
    answer = change(server, session)
    assert answered(answer) == (429, "too_many_attempts") and int(answer.headers["retry-after"]) >= 1
    assert answered(server.try_login("amy", AMY.password)) == (429, "too_many_attempts")
    assert is_alive(server, session)


def test_guesses_by_others_do_not_delay_the_change_of_a_known_device(make_server):
    server = make_server(alg="HS256", login_account_failures=3, trusted_proxies="127.0.0.1").start()
    body = {"username": AMY.name, "password": AMY.password, "device": "a phone"}
    answer = server.http.post("/login", json=body, headers={"X-Forwarded-For": "203.0.113.1"}).json()
    session, token = Session(answer), answer["device_token"]
    server.remember(token)
    for _ in range(4):
        guess = {"username": AMY.name, "password": "a guess at it"}
        server.http.post("/login", json=guess, headers={"X-Forwarded-For": "203.0.113.9"})
    # The device is somewhere else by now.
    assert answered(change(server, session)) == (429, "too_many_attempts")
    assert answered(change(server, session, device_token="x")) == (429, "too_many_attempts")
    assert answered(change(server, session, "not it", device_token=token)) == (403, "password_wrong")
    assert answered(change(server, session, device_token=token)) == (204, "")
    assert is_alive(server, session)


def test_with_a_full_queue_it_is_503(make_server):
    server = make_server(alg="HS256", hash_workers=1, hash_queue=1).start()
    session = server.login()

    def ask(_):
        return answered(change(server, session, "a wrong guess"))

    with ThreadPoolExecutor(16) as pool:
        answers = set(pool.map(ask, range(64)))
    assert answers == {(403, "password_wrong"), (503, "hashing_saturated")}


def test_a_file_that_cannot_be_written_changes_nothing(server):
    session, other = server.login(), server.login()
    content = server.users_path.read_bytes()
    lock = server.users_path.with_name("users.json.lock")
    lock.unlink(missing_ok=True)
    lock.mkdir()
    answer = change(server, session)
    assert answered(answer) == (503, "users_unavailable") and int(answer.headers["retry-after"]) >= 1
    assert server.users_path.read_bytes() == content
    assert is_alive(server, other) and server.login()
    lock.rmdir()
    server.users_path.write_bytes(b"{")
    assert answered(change(server, session)) == (503, "users_unavailable")
    server.users_path.write_bytes(content)
    assert change(server, session).status_code == 204
    assert not is_alive(server, other)


def test_if_the_journal_fails_the_answer_says_what_has_changed(make_server):
    server = make_server(alg="HS256").start()
    session, other = server.login(), server.login()
    # The journal is longer than the users: a limit between the two stops only the journal.
    for _ in range(60):
        server.revoke(server.refresh(server.login(PEOPLE[1]).refresh).json()["access_token"])
    limit = server.users_path.stat().st_size + 1024
    subprocess.run(["prlimit", "--pid", str(server.pid), f"--fsize={limit}:unlimited"], check=True)
    answer = change(server, session)
    assert answered(answer) == (503, "sessions_not_ended")
    assert stored(server)["password"] != AMY.entry()["password"]
    assert not is_alive(server, other) and is_alive(server, session)
    assert answered(change(server, session, NEW, "yet another one 9")) == (503, "journal_unavailable")
    subprocess.run(["prlimit", "--pid", str(server.pid), "--fsize=unlimited:unlimited"], check=True)
    server.wait_for(lambda: server.operator.get("/readyz").status_code == 200, 10, "readiness")
    bearer = {"Authorization": f"Bearer {session.access}"}
    assert server.http.post("/logout", json={"scope": "others"}, headers=bearer).status_code == 204
    server.restart()
    assert not is_alive(server, other) and is_alive(server, session)
    assert server.try_login("amy", NEW).status_code == 200


@pytest.mark.parametrize("scheme", ["sha512crypt", "disabled", "removed"])
def test_other_hashes_and_ended_accounts(make_server, scheme, vectors):
    cases = json.loads((vectors / "generated/password_hashes.json").read_text())
    case = next(case for case in cases if case["scheme"] == "sha512crypt" and case["expect"] and case["password"])
    amy = Person("amy", case["password"], password_hash=case["hash"], id=AMY.id)
    server = make_server(alg="HS256", people=(amy,))
    server.secrets.clear()
    server.start()
    session = server.login(amy)
    if scheme == "sha512crypt":
        answer = change(server, session, case["password"])
        server.secrets.discard(case["password"])  # a word that the log has elsewhere
        assert answer.status_code == 204
        assert stored(server)["password"].startswith("$argon2id$")
        assert server.try_login("amy", NEW).status_code == 200
        return
    verb = "disable" if scheme == "disabled" else "remove"
    assert server.cli("user", verb, "amy").returncode == 0
    answer = change(server, session, case["password"])
    server.secrets.discard(case["password"])
    assert answered(answer) == (401, "subject_revoked")


def test_of_two_changes_at_once_one_wins(server):
    for turn in range(6):
        password = AMY.password if turn == 0 else f"turn {turn} is over now"
        amy = Person("amy", password)
        one, two = server.login(amy), server.login(amy)
        news = [f"turn {turn + 1} is over now", f"the other one {turn}"]
        with ThreadPoolExecutor(2) as pool:
            first, second = pool.map(lambda pair: change(server, pair[0], password, pair[1]), zip((one, two), news))
        codes = sorted([first.status_code, second.status_code])
        assert codes[0] == 204 and codes[1] in (401, 403), (first.text, second.text)
        winner, new = (one, news[0]) if first.status_code == 204 else (two, news[1])
        loser = two if winner is one else one
        assert is_alive(server, winner) and not is_alive(server, loser)
        assert server.try_login("amy", new).status_code == 200
        if new != news[0]:
            assert change(server, winner, new, news[0]).status_code == 204


def test_a_change_beside_passwd_and_logout_leaves_one_password_and_no_old_session(make_server):
    """A concurrent `martlet user passwd` is never overwritten, and no session of an old password stays."""
    server = make_server(alg="HS256").start()
    password = AMY.password
    for turn in range(5):
        amy = Person("amy", password)
        kept, other = server.login(amy), server.login(amy)
        new, by_operator = f"mine in turn {turn}", f"the operator's in turn {turn}"
        with ThreadPoolExecutor(3) as pool:
            changed = pool.submit(change, server, kept, password, new)
            command = pool.submit(
                server.cli, "user", "passwd", "amy", "--password-stdin", stdin=f"{by_operator}\n".encode()
            )
            leaves = pool.submit(
                server.http.post, "/logout", headers={"Authorization": f"Bearer {kept.access}"}
            )
            assert command.result().returncode == 0
            code, left = changed.result().status_code, leaves.result().status_code
        assert code in (204, 401, 403) and left in (204, 401), (changed.result().text, leaves.result().text)
        server.wait_for(lambda: server.try_login("amy", by_operator).status_code == 200 or
                        server.try_login("amy", new).status_code == 200, 10, "a password")
        time.sleep(0.6)
        works = [text for text in (password, new, by_operator) if server.try_login("amy", text).status_code == 200]
        # The command comes last in the file, or the change saw its hash and was refused.
        assert works == [by_operator], (works, code)
        assert not is_alive(server, other) and not is_alive(server, kept)
        password = by_operator


def test_no_login_with_the_old_password_outlives_the_change(make_server):
    server = make_server(alg="HS256", hash_queue=1000).start()
    kept = server.login()
    with ThreadPoolExecutor(9) as pool:
        logins = [pool.submit(server.try_login, "amy", AMY.password) for _ in range(12)]
        answer = change(server, kept)
        logins += [pool.submit(server.try_login, "amy", AMY.password) for _ in range(12)]
        late = [login.result() for login in logins]
    assert answer.status_code == 204
    opened = [Session(login.json()) for login in late if login.status_code == 200]
    assert all(not is_alive(server, session) for session in opened)
    assert is_alive(server, kept)
    # What another program writes meanwhile is taken over as a whole.
    write_users(server.users_path, (Person("amy", "from elsewhere 5", id=AMY.id),))
    server.wait_for(lambda: server.try_login("amy", "from elsewhere 5").status_code == 200, 10, "the file")
    assert answered(change(server, kept, NEW, "yet another one 9")) == (403, "password_wrong")
