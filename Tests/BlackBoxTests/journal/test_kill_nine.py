"""An acknowledged revocation or rotation is never lost, whenever the process is killed."""

from harness.positions import number
from harness.records import count, journal

BATCH = 10


def test_a_revocation_answered_with_success_survives_kill_nine_every_time(make_server, is_full):
    """H12, G4, G5: revoke, 2xx, `kill -9`, restart, still refused; a rotation replays the same bytes across it.

    One at a time, by logins; test_faults kills under load, 1,000 times in the long form.
    """
    server = make_server(alg="HS256", refresh_grace="60s", argon2_memory=19456).start()
    times = 100 if is_full else 10
    revoked = []
    while len(revoked) < times:
        sessions = [server.login() for _ in range(min(BATCH, times - len(revoked)))]
        for turn, session in enumerate(sessions):
            rotated = server.refresh(session.refresh)
            assert rotated.headers["refresh-outcome"] == "rotated"
            target = session.access if turn % 2 else rotated.json()["access_token"]
            assert server.revoke(target).status_code == 200
            server.kill()
            server.run_once()
            assert server.refusal(target) == "token_revoked"
            replayed = server.refresh(session.refresh)
            assert replayed.headers["refresh-outcome"] == "replayed"
            assert replayed.content == rotated.content
            revoked.append(target)
    assert {server.refusal(token) for token in revoked} == {"token_revoked"}


def test_every_kind_of_revocation_survives_kill_nine_in_one_burst(make_server):
    """H12, G12, G14: a token, a session, a logout of each reach and each cut, killed right after the last answer."""
    server = make_server(alg="HS256").start()
    by_token, by_session, by_logout, stays = (server.login() for _ in range(4))
    spared = server.login()
    others = server.login()
    assert server.revoke(by_token.access).status_code == 200
    assert server.revoke(by_session.refresh).status_code == 200
    local = server.http.post("/logout", headers={"Authorization": f"Bearer {by_logout.access}"})
    assert local.status_code == 204
    assert server.cut(sid=others.sid).status_code == 200
    server.restart()
    assert server.refusal(by_token.access) == "token_revoked"
    assert server.refusal(by_session.access) == "session_revoked"
    assert server.refusal(by_logout.access) == "session_revoked"
    assert server.refusal(others.access) == "session_revoked"
    assert server.refusal(stays.access) == ""

    reach = server.http.post("/logout", json={"refresh_token": spared.refresh, "scope": "others"})
    assert reach.status_code == 204
    server.restart()
    assert server.refusal(stays.access) == "subject_revoked"
    assert server.refusal(spared.access) == ""


def test_sequence_numbers_rise_over_restarts(make_server):
    """Revocation-Seq is the journal's order, so a later answer has the higher number."""
    server = make_server(alg="HS256").start()
    seen = []
    for _ in range(3):
        seen.append(number(server.revoke(server.login().access).headers["revocation-seq"]))
        server.restart()
    assert seen == sorted(set(seen))
    assert number(server.verify(server.login().access).json()["seq"]) >= seen[-1]


def test_a_second_process_on_the_same_state_exits_with_a_message(make_server):
    """DESIGN 7: LOCK admits one process, and `kill -9` frees it."""
    first = make_server(alg="HS256").start()
    second = make_server(alg="HS256", state=first.state_path, keys=first.keys_path)
    failure = second.fail_to_start()
    assert failure.code not in (0, None)
    assert str(first.state_path) in failure.text
    assert first.refusal(first.login().access) == ""
    first.kill()
    second.start()
    assert second.http.get("/healthz").status_code == 200


def last_segment(server):
    return sorted(server.state_path.glob("*.jrn"))[-1]


def test_a_torn_tail_is_dropped_kept_aside_and_reported(make_server):
    """H13: what a power cut tears off the end does not stop the start, and nothing before it is lost."""
    server = make_server(alg="HS256").start()
    session = server.login()
    assert server.revoke(session.access).status_code == 200
    server.kill()
    segment = last_segment(server)
    octets = segment.read_bytes()
    end = len(octets.rstrip(b"\0"))
    torn = octets[4096 + 64 * ((end - 4096 - 1) // 64) :][:41]
    tail = 4096 + 64 * -(-(end - 4096) // 64)
    with segment.open("r+b") as file:
        file.seek(tail)
        file.write(torn)
        file.truncate(tail + 41)
    server.run_once()
    assert server.refusal(session.access) == "token_revoked"
    assert "torn" in server.run.text


def test_a_flipped_bit_in_an_acknowledged_record_refuses_to_start(make_server):
    """H13: it never fails open; the message names file and offset."""
    server = make_server(alg="HS256").start()
    sessions = [server.login() for _ in range(4)]
    for session in sessions:
        assert server.revoke(session.access).status_code == 200
    server.kill()
    segment = last_segment(server)
    octets = bytearray(segment.read_bytes())
    offset = 4096 + 64 * 2
    assert octets[offset : offset + 64].strip(b"\0"), "the record is there"
    octets[offset + 20] ^= 0x10
    segment.write_bytes(octets)
    failure = server.fail_to_start()
    assert failure.code not in (0, None)
    assert segment.name in failure.text
    assert str(offset) in failure.text
    assert segment.read_bytes() == octets
    found = server.cli("journal", "verify", "--state", str(server.state_path))
    assert found.returncode == 1
    assert segment.name in found.stdout + found.stderr
    octets[offset + 20] ^= 0x10
    segment.write_bytes(octets)
    server.run_once()
    assert {server.refusal(session.access) for session in sessions} == {"token_revoked"}


def test_journal_stat_and_verify_read_a_live_directory(make_server):
    """The operator's commands work while the service runs, and tell no token."""
    server = make_server(alg="HS256").start()
    session = server.login()
    server.refresh(session.refresh)
    server.revoke(session.access)
    for name in ("stat", "verify", "dump"):
        done = server.cli("journal", name, "--state", str(server.state_path))
        assert done.returncode == 0, done.stderr
        assert session.access.split(".")[2] not in done.stdout
    assert count(journal(server), "ROTATE") == 1
