"""Settings of a store that cannot work stop the start: all mistakes at once, each with what to do, and no password in any."""

import pytest

from harness.process import command

CASES = {
    "unknown scheme": ({"store": "mysql://db"}, "MARTLET_STORE: the value is neither file nor an address of the form redis://"),
    "password of Redis": ({"store": "redis://m:hunter2@db"}, "MARTLET_STORE: the address contains a password"),
    "password of PostgreSQL": ({"store": "postgres://m:hunter2@db/a"}, "MARTLET_STORE: the address contains a password"),
    "password as a parameter": ({"store": "postgres://db/a?password=hunter2"}, "MARTLET_STORE_PASSWORD_FILE"),
    "password where none belongs": ({"store": "redis//hunter2"}, "MARTLET_STORE: the value is neither file nor"),
    "with a source to follow": (
        {"store": "redis://db", "follow": "https://a.example", "issuer": "https://a.example"},
        "MARTLET_STORE: a server with MARTLET_FOLLOW records nothing",
    ),
    "authorities without TLS": ({"store": "redis://db", "store_ca": "/ca.pem"}, "MARTLET_STORE_CA: the connection is not encrypted"),
    "without a store": ({"store_replicas": "1"}, "MARTLET_STORE_REPLICAS: it is for an engine, and MARTLET_STORE names none"),
    "a name with a space": ({"store": "redis://db", "node": "a b"}, "MARTLET_NODE: «a b» is not a name of at most 64"),
    "a hash tag in the prefix": ({"store": "redis://db", "store_prefix": "{a}"}, "MARTLET_STORE_PREFIX: «{a}» is not a name"),
    "a password file that is missing": (
        {"store": "redis://127.0.0.1:1", "store_password_file": "/nowhere"}, "MARTLET_STORE_PASSWORD_FILE: /nowhere"),
    "authorities that are missing": (
        {"store": "rediss://127.0.0.1:1", "store_ca": "/nowhere"}, "MARTLET_STORE_CA: /nowhere"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_stops_the_start_and_says_what_to_do(make_server, name):
    settings, expected = CASES[name]
    failure = make_server(**settings).fail_to_start()
    assert failure.code == 2, failure.text
    assert expected in failure.text, failure.text
    assert "hunter2" not in failure.text


def test_all_mistakes_are_told_at_once(make_server):
    failure = make_server(
        store="redis://:hunter2@db", store_timeout="0s", store_durability="none", store_prefix="A", node="/"
    ).fail_to_start()
    assert failure.code == 2
    for name in ("STORE", "STORE_TIMEOUT", "STORE_DURABILITY", "STORE_PREFIX", "NODE"):
        assert f"MARTLET_{name}: " in failure.text, name
    assert "hunter2" not in failure.text


@pytest.mark.parametrize("content", [b"", b"\n", b"two\nlines\n", b"\xff\n", b"x" * 2000], ids=["empty", "blank", "two", "bytes", "long"])
def test_a_password_file_has_one_line(make_server, tmp_path, content):
    path = tmp_path / "secret"
    path.write_bytes(content)
    failure = make_server(store="redis://127.0.0.1:1", store_password_file=path).fail_to_start()
    assert failure.code == 2 and "MARTLET_STORE_PASSWORD_FILE" in failure.text, failure.text
    assert "two" not in failure.text.replace("store", "")


def test_a_file_without_a_certificate_is_no_authority(make_server, tmp_path):
    path = tmp_path / "ca.pem"
    path.write_text("nothing\n")
    failure = make_server(store="rediss://127.0.0.1:1", store_ca=path).fail_to_start()
    assert failure.code == 2 and "contains no certificate" in failure.text, failure.text


def test_commands_read_the_same_settings(tmp_path):
    done = command("store", "status", cwd=tmp_path, store="redis://m:hunter2@db", store_timeout="0s")
    assert done.returncode == 2
    assert "MARTLET_STORE: the address contains a password" in done.stderr and "MARTLET_STORE_TIMEOUT: " in done.stderr
    assert "hunter2" not in done.stderr
