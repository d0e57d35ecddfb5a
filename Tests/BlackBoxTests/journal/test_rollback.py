"""A state directory that is older than what was seen of it: noticed, refused, and a way on."""

import shutil
from pathlib import Path

import pytest
from harness.positions import epoch, number


@pytest.fixture
def restored(make_server):
    """A stopped server over a state directory from before its last revocation."""
    server = make_server(alg="HS256")
    server.shop = server.add_client("shop")
    server.start()
    server.session = server.login()
    server.stop()
    copy = server.directory / "copy"
    shutil.copytree(server.state_path, copy)
    server.start()
    assert server.revoke(server.session.access).status_code == 200
    server.stop()
    shutil.rmtree(server.state_path)
    copy.rename(server.state_path)
    yield server


def accept(server, *options):
    return server.cli("journal", "accept", "--state", str(server.state_path), *options)


def test_an_older_state_directory_is_refused_until_it_is_accepted(restored):
    """C4: what was revoked since the copy is not known, so everything from before ends."""
    message = restored.fail_to_start().text
    assert "journal accept" in message and "was seen" in message
    assert accept(restored).returncode == 0
    restored.start()
    assert restored.refusal(restored.session.access) == "subject_revoked"
    assert restored.refresh(restored.session.refresh).status_code == 401
    assert restored.refusal(restored.login().access) == ""


def test_an_accepted_directory_counts_in_another_epoch_far_above(restored):
    """No position names two records: one of the lost records is unknown from then on, and a later one is above it."""
    restored.seen = Path(f"{restored.state_path}.seen").read_text()
    lost = int(restored.seen.split("seq ")[1])
    accepted = accept(restored)
    assert accepted.returncode == 0 and "Records are counted in epoch 2 from now on" in accepted.stdout
    restored.start()
    session = restored.login()
    position = restored.revoke(session.access).headers["revocation-seq"]
    assert epoch(position) == 2 and number(position) > 2**21 > lost
    known = restored.login().access

    def reached(wanted):
        answer = restored.verify(known, min_seq=wanted)
        return answer.json().get("code", "")

    assert reached(position) == reached(number(position)) == reached("1:2") == ""
    assert reached(f"1:{lost}") == reached("3:1") == "sequence_unknown"
    assert reached(f"2:{number(position) + 9}") == "sequence_not_reached"
    restored.stop()
    assert "epoch 2 offset" in Path(f"{restored.state_path}.seen").read_text()
    listed = restored.cli("journal", "dump", "--state", str(restored.state_path)).stdout
    assert listed.count('"kind":"EPOCH"') == 1
    assert restored.cli("journal", "compact", "--state", str(restored.state_path)).returncode == 0
    restored.start()
    later = restored.revoke(restored.login().access).headers["revocation-seq"]
    assert epoch(later) == 2 and number(later) > number(position)


def test_sessions_may_be_kept_by_whoever_knows_better(restored):
    assert accept(restored, "--keep-sessions").returncode == 0
    restored.start()
    assert restored.refusal(restored.session.access) == ""


def test_an_empty_state_directory_is_refused_as_well(restored):
    """C4: a volume that was not mounted."""
    shutil.rmtree(restored.state_path)
    assert "is empty" in restored.fail_to_start().text
    assert accept(restored).returncode == 0
    restored.start()


def test_wrong_words_are_wrong_usage(restored):
    assert accept(restored, "--everything").returncode == 2
    assert accept(restored, "--state").returncode == 2


def test_a_mistyped_directory_is_not_made(restored):
    absent = restored.directory / "vra"
    refused = restored.cli("journal", "accept", "--state", str(absent))
    assert refused.returncode == 2 and str(absent) in refused.stderr
    assert not absent.exists()


def test_a_restart_and_a_kill_are_no_rollback(make_server):
    server = make_server(alg="HS256")
    server.start()
    server.refresh(server.login().refresh)
    server.kill()
    server.start()
    server.restart()
    assert server.operator.get("/readyz").status_code == 200
    assert not server.events("journal_sighting_unwritable")
