"""Every setting of an engine that loses acknowledged records is rejected in turn; rights work as the documents print them."""

import re

import pytest

from harness.accounts import AMY
from harness.cluster import writes
from harness.engine_process import wait_until
from harness.engines import ROLE, schema
from harness.postgres_server import PostgresServer
from harness.process import ROOT
from harness.redis_server import RedisServer
from harness.resp import RespError

REDIS_FLAWS = {
    "appendfsync": ("everysec", "always"),
    "no-appendfsync-on-rewrite": ("yes", "no"),
    "maxmemory-policy": ("allkeys-lru", "noeviction"),
    "appendonly": ("no", "yes"),
}
POSTGRES_FLAWS = {"fsync": ("off", "on"), "synchronous_commit": ("off", "on"), "full_page_writes": ("off", "on")}


def rejects(node, setting: str) -> None:
    """Nothing is written, and /readyz and the log name the setting and a remedy."""
    wait_until(lambda: "store_durability" in node.reasons, 10, f"store_durability for {setting}: {node.last_words()}")
    assert not writes(node)
    answer = node.try_login("amy", "amy rides at dawn 7")
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    assert setting in node.operator.get("/readyz").text
    assert setting in node.log


def reconnect(engine) -> None:
    """Settings are read after each connect."""
    if engine.kind == "redis":
        engine.server.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    else:
        engine.server.ask(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )


@pytest.mark.parametrize("setting", REDIS_FLAWS)
def test_a_setting_of_redis_that_loses_records_is_rejected(redis, make_cluster, setting):
    bad, good = REDIS_FLAWS[setting]
    node = make_cluster(redis.url(), count=1).start()[0]
    session = node.login()
    redis.server.configure(**{setting.replace("-", "_"): bad})
    reconnect(redis)
    rejects(node, setting)
    assert node.refusal(session.access) == ""
    # Another node does not begin to write there either.
    other = make_cluster(redis.url(), count=1).nodes[0]
    other.settings["node"] = "other"
    other.run_once()
    rejects(other, setting)
    relaxed = make_cluster(redis.url(), count=1, store_durability="relaxed").nodes[0]
    relaxed.settings["node"] = "relaxed"
    relaxed.run_once()
    wait_until(lambda: writes(relaxed), 5, "a write by a node that takes it as it is")
    assert setting in relaxed.operator.get("/readyz").text
    redis.server.configure(**{setting.replace("-", "_"): good})
    reconnect(redis)
    wait_until(lambda: writes(node), 10, "a write once the setting is right")


@pytest.mark.parametrize("setting", POSTGRES_FLAWS)
def test_a_setting_of_postgresql_that_loses_records_is_rejected(postgres, make_cluster, setting):
    bad, good = POSTGRES_FLAWS[setting]
    node = make_cluster(postgres.url(), count=1).start()[0]
    session = node.login()
    postgres.server.configure(**{setting: bad})
    reconnect(postgres)
    rejects(node, setting)
    assert node.refusal(session.access) == ""
    postgres.server.configure(**{setting: good})
    reconnect(postgres)
    wait_until(lambda: writes(node), 10, "a write once the setting is right")


@pytest.mark.parametrize(
    "setting", ["synchronous_commit = off", "default_transaction_isolation = 'repeatable read'"], ids=["commit", "isolation"]
)
def test_settings_of_the_role_count_as_well(postgres, make_cluster, setting):
    """Set for the role or the database they are not in the file, and apply all the same."""
    node = make_cluster(postgres.url(), count=1).start()[0]
    postgres.server.ask(f"ALTER ROLE {ROLE} SET {setting}")
    reconnect(postgres)
    rejects(node, setting.split(" ")[0].removeprefix("default_"))


@pytest.mark.parametrize("kind", ["redis", "postgres"])
def test_replicas_that_do_not_exist_are_rejected(kind, request, make_cluster):
    engine = request.getfixturevalue(kind)
    node = make_cluster(engine.url(), count=1, store_replicas=1).nodes[0]
    try:
        node.run_once()
    except Exception as failure:
        assert "replica" in str(failure).lower() or "standby" in str(failure).lower()
        return
    rejects(node, "replica" if kind == "redis" else "synchronous_standby_names")


# Rights

DOCUMENTS = ROOT / "docs"


def printed_acl() -> str:
    """The line of docs/redis.md that makes the service's user: its words after the name and the password."""
    text = (DOCUMENTS / "redis.md").read_text()
    found = re.search(r"ACL SETUSER (\S+) ([^\n`]+(?:\\\n[^\n`]+)*)", text)
    assert found, "docs/redis.md prints no ACL SETUSER"
    return re.sub(r"\\\n\s*", " ", found[0])


def rules_of(line: str) -> tuple[str, list[str]]:
    words = line.split()
    return words[2], words[3:]


def redis_with(base, words: list[str], name: str) -> RedisServer:
    server = RedisServer(base / f"redis{abs(hash(tuple(words))) % 10**8}", password="top").start()
    server.ask("ACL", "SETUSER", name, *[">secret" if word.startswith(">") else word.strip("'\"") for word in words])
    return server


def node_for(make_cluster, server: RedisServer, name: str, base):
    secret = base / "password"
    secret.write_text("secret\n")
    secret.chmod(0o600)
    return make_cluster(f"redis://{name}@127.0.0.1:{server.port}", count=2, store_password_file=secret)


def works(cluster) -> bool:
    """A whole life over both nodes: login, rotation, logout, revocation, cut, restart."""
    try:
        cluster.start()
    except Exception:
        return False
    a, b = cluster
    try:
        session = a.login()
        rotated = b.refresh(session.refresh)
        cut = a.cut(sub=AMY.id)
        ended = b.http.post("/logout", json={"refresh_token": rotated.json()["refresh_token"]})
        revoked = a.revoke(session.access)
        b.restart()
        b.await_ready(5)
        a.cli("store", "status").check_returncode()
        return {cut.status_code, revoked.status_code, rotated.status_code} == {200} and ended.status_code in (200, 204)
    except Exception:
        return False


def test_the_acl_of_the_docs_works_and_nothing_less_does(base, make_cluster, is_full):
    name, words = rules_of(printed_acl())
    server = redis_with(base, words, name)
    try:
        cluster = node_for(make_cluster, server, name, base)
        assert works(cluster), cluster[0].last_words()
        # Nothing of Redis beside its own keys is open to it.
        with server.connect(name, "secret") as link:
            for command in (("SET", "other", 1), ("GET", "other"), ("KEYS", "*"), ("FLUSHALL",), ("CONFIG", "SET", "save", "")):
                with pytest.raises(RespError, match="NOPERM"):
                    link.ask(*command)
        denied = server.ask("ACL", "LOG")
        used = [entry for entry in denied if isinstance(entry, list) and b"other" not in entry]
        print(f"{len(used)} entries in the ACL log")
    finally:
        server.kill()
    rights = [word for word in words if word[0] in "+~&"]
    assert len(rights) > 5
    unneeded = []
    for right in rights if is_full else rights[:3]:
        server = redis_with(base, [word for word in words if word != right], name)
        try:
            cluster = node_for(make_cluster, server, name, base)
            if works(cluster):
                unneeded.append(right)
            for node in cluster:
                node.kill() if node.runs else None
        finally:
            server.kill()
    assert not unneeded, f"rights that nothing needs: {unneeded}"


def test_a_wrong_password_stops_the_start_and_is_not_tried_in_a_storm(base, make_cluster):
    server = RedisServer(base / "redis", password="top").start()
    try:
        secret = base / "password"
        secret.write_text("wrong password\n")
        secret.chmod(0o600)
        node = make_cluster(server_url(server), count=1, store_password_file=secret).nodes[0]
        failure = node.fail_to_start()
        assert "wrong password" not in failure.text
        assert "MARTLET_STORE_PASSWORD_FILE" in failure.text, failure.text
        secret.write_text("top\n")
        node.start()
        node.await_ready()
        # Changed while it runs: 503, the reason, and no storm of attempts.
        server.ask("CONFIG", "SET", "requirepass", "changed")
        server.password = "changed"
        server.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        wait_until(lambda: not node.is_ready, 5, "a node that is not ready")
        assert node.try_login("amy", "amy rides at dawn 7").status_code == 503
        before = int(server.info("stats")["total_connections_received"])
        import time

        time.sleep(4)
        assert int(server.info("stats")["total_connections_received"]) - before <= 20
        assert "password" in node.operator.get("/readyz").text.lower()
        server.ask("CONFIG", "SET", "requirepass", "top")
        server.password = "top"
        wait_until(lambda: writes(node), 10, "a write with the right password")
    finally:
        server.kill()


def server_url(server: RedisServer) -> str:
    return f"redis://127.0.0.1:{server.port}"


def test_the_role_of_postgresql_has_what_it_needs_and_no_more(postgres, make_cluster):
    """EXECUTE and SELECT: it writes by its function only."""
    cluster = make_cluster(postgres.url(), count=2)
    assert works(cluster), cluster[0].last_words()
    tables = postgres.server.ask("SELECT tablename FROM pg_tables WHERE schemaname = 'martlet'").split()
    assert tables
    for table in tables:
        for verb in ("INSERT", "UPDATE", "DELETE", "TRUNCATE"):
            held = postgres.server.ask(f"SELECT has_table_privilege('{ROLE}', 'martlet.{table}', '{verb}')")
            assert held == "f", f"{ROLE} may {verb} martlet.{table}"
    assert postgres.server.ask(f"SELECT has_schema_privilege('{ROLE}', 'martlet', 'CREATE')") == "f"
    # A function that runs with the rights of its owner must not look for names where a user can put some.
    open_paths = postgres.server.ask(
        "SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'martlet' "
        "AND p.prosecdef AND NOT EXISTS (SELECT FROM unnest(p.proconfig) c WHERE c LIKE 'search_path=%')"
    )
    assert open_paths == ""
    public = postgres.server.ask(
        "SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'martlet' "
        "AND has_function_privilege('public', p.oid, 'EXECUTE')"
    )
    assert public == "", f"functions that anybody may call: {public}"


def test_no_grant_to_the_role_of_postgresql_is_unneeded(postgres, make_cluster, is_full):
    grants = [line for line in schema(postgres.server).splitlines() if line.strip().upper().startswith("GRANT ")]
    assert grants
    unneeded = []
    for grant in grants if is_full else grants[:2]:
        revoke = re.sub(r"\bTO\b", "FROM", grant.strip().replace("GRANT", "REVOKE", 1))
        postgres.server.ask(revoke)
        cluster = make_cluster(postgres.url(), count=2)
        if works(cluster):
            unneeded.append(grant)
        for node in cluster:
            if node.runs:
                node.kill()
        postgres.server.ask(grant)
    assert not unneeded, f"grants that nothing needs: {unneeded}"


def test_a_schema_that_is_missing_or_newer_stops_the_start(base, make_cluster):
    server = PostgresServer().start()
    try:
        server.ask(f"CREATE ROLE {ROLE} LOGIN")
        node = make_cluster(server_of(server), count=1).nodes[0]
        failure = node.fail_to_start()
        assert "martlet store init" in failure.text or "martlet store schema" in failure.text, failure.text
        done = node.cli("store", "init", store=f"postgres://postgres@127.0.0.1:{server.port}/postgres")
        assert done.returncode == 0, done.stderr
    finally:
        server.close()


def server_of(server: PostgresServer) -> str:
    return server.url_of(ROLE)
