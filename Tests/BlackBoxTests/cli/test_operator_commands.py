"""`martlet status`, `revoke`, `serve --check`, the shared settings file, and commands in a wrong directory."""

import json
import os

import pytest

from harness.accounts import AMY, BOB
from harness.process import command
from harness.server import free_port


def cli(server, *arguments, **settings):
    """A command with the settings of the service, as an operator's shell has them."""
    return command(*arguments, cwd=server.directory, **(server.settings | settings))


def test_status_shows_a_ready_service_and_a_failed_reload(make_server):
    """0 while all is well, 1 with the reason when a file cannot be read again, 75 without a service."""
    server = make_server().start()
    shown = cli(server, "status")
    assert shown.returncode == 0, shown.stderr
    assert str(server.pid) in shown.stdout and str(server.keys_path) in shown.stdout and "signing" in shown.stdout
    assert json.loads(cli(server, "status", "--json").stdout)["users"] == len(server.people)
    server.users_path.write_text("{")
    server.wait_for(lambda: cli(server, "status").returncode == 1)
    shown = cli(server, "status")
    assert "FAILED" in shown.stdout and "users.json:1" in shown.stdout
    server.stop()
    gone = cli(server, "status")
    assert gone.returncode == 75 and "operator.sock" in gone.stderr
    assert cli(server, "status", operator_listen="127.0.0.1:1").returncode == 2


def test_revoke_ends_what_it_names_and_the_log_tells_who_asked(make_server):
    server = make_server().start()
    amy, bob = server.login(AMY), server.login(BOB)
    done = cli(server, "revoke", "--user", AMY.name)
    assert done.returncode == 0 and AMY.name in done.stderr, done.stderr
    assert server.refusal(amy.access) == "subject_revoked"
    assert server.events("revoked")[-1]["uid"] == os.getuid()
    assert server.events("revoked")[-1]["order"] == f"sub {AMY.id}"
    for wrong in (["--user", "nobody"], ["--sub", "demo"], ["--client", "none"], ["--key", "none"]):
        done = cli(server, "revoke", *wrong)
        assert done.returncode == 1 and "revoked" not in done.stderr.split(), done.stderr
    assert server.refusal(bob.access) == ""
    assert cli(server, "revoke", "--key", "none", "--ahead").returncode == 0
    assert cli(server, "revoke", "--jti", bob.claims["jti"]).returncode == 0
    assert server.refusal(bob.access) == "token_revoked"
    server.restart()
    assert server.refusal(bob.access) == "token_revoked"
    assert cli(server, "revoke").returncode == 2


@pytest.mark.parametrize("shift", [-3600, 600, 86_400 * 30])
def test_an_order_for_a_jti_counts_whatever_end_it_names(server, shift):
    session = server.login(BOB)
    answer = server.cut(jti=session.claims["jti"], expires_at=session.claims["exp"] + shift)
    assert answer.status_code == 200
    assert server.refusal(session.access) == "token_revoked"


def test_check_reports_every_mistake_and_changes_nothing(make_server, tmp_path):
    server = make_server()
    before = sorted(tmp_path.rglob("*"))
    good = command("serve", "--check", cwd=server.directory, **server.settings)
    assert good.returncode == 0, good.stderr
    assert sorted(tmp_path.rglob("*")) == before
    server.users_path.write_text("{")
    server.clients_path.write_text("[]")
    bad = server.settings | {"state": "/nonexistent/var", "keys": str(server.users_path)}
    found = command("serve", "--check", cwd=server.directory, **bad)
    assert found.returncode == 2
    for part in ("users.json:1", "clients.json:1", "/nonexistent"):
        assert part in found.stderr, found.stderr
    wrong = {"threads": 0, "log": "xml", "listen": "auth.internal:8080"}
    found = command("serve", "--check", cwd=server.directory, **(server.settings | wrong))
    assert found.returncode == 2
    for part in ("MARTLET_THREADS", "MARTLET_LOG", "auth.internal:8080"):
        assert part in found.stderr, found.stderr


def test_check_runs_beside_the_service(server):
    assert cli(server, "serve", "--check").returncode == 0
    assert server.http.get("/healthz").status_code == 200


def test_check_looks_at_the_place_of_the_mark_and_at_the_addresses(make_server, tmp_path):
    server = make_server()
    for seen in ("/nonexistent/mark", str(tmp_path)):
        found = command("serve", "--check", cwd=server.directory, **(server.settings | {"seen": seen}))
        assert found.returncode == 2 and "MARTLET_SEEN" in found.stderr, found.stderr
    other = make_server().start()
    taken = server.settings | {"listen": other.settings["listen"], "operator_listen": other.settings["operator_listen"]}
    found = command("serve", "--check", cwd=server.directory, **taken)
    assert found.returncode == 75, found.stderr
    for name in ("listen", "operator_listen"):
        assert other.settings[name].split(",")[0] in found.stderr, found.stderr
    # A mistake beside it counts more.
    server.users_path.write_text("{")
    assert command("serve", "--check", cwd=server.directory, **taken).returncode == 2


@pytest.mark.parametrize(
    "words",
    [["version", "x"], ["version", "--json"], ["status", "--socket", ""], ["mint", "--subject", "x", "--scope", ""]],
)
def test_a_word_that_would_change_nothing_is_refused(tmp_path, words):
    done = command(*words, cwd=tmp_path)
    assert done.returncode == 2 and done.stderr and not done.stdout, done.stderr


def test_service_and_commands_share_a_file_of_settings(make_server, tmp_path):
    server = make_server(people=())
    names = {f"MARTLET_{name.upper()}": value for name, value in server.settings.items()}
    file = tmp_path / "env"
    users = tmp_path / "elsewhere.json"
    file.write_text("# shared\n" + "".join(f"{n}='{v}'\n" for n, v in names.items()) + f"MARTLET_USERS={users}\n")
    added = command("user", "add", "eve", "--password-stdin", "--env-file", str(file), cwd=tmp_path, stdin=b"eve is early")
    assert added.returncode == 0 and str(users) in added.stderr and users.exists()
    listed = command("user", "list", cwd=tmp_path, env_file=str(file))
    assert "eve" in listed.stdout and str(users) in listed.stderr
    server.settings = {"env_file": str(file), "listen": server.settings["listen"], "operator_listen": server.settings["operator_listen"]}
    server.start()
    assert server.try_login("eve", "eve is early").status_code == 200
    assert command("healthcheck", cwd=tmp_path, env_file=str(file)).returncode == 0
    wrong = command("user", "list", f"--env-file={tmp_path}/none", cwd=tmp_path)
    assert wrong.returncode == 2 and "MARTLET_ENV_FILE" in wrong.stderr
    file.write_text("MARTLET_USERS\n")
    assert f"{file}:1" in command("user", "list", "--env-file", str(file), cwd=tmp_path).stderr


@pytest.mark.parametrize(
    "words",
    [["keys", "list"], ["keys", "rotate"], ["user", "list"], ["user", "disable", "amy"], ["client", "list"], ["client", "add", "shop"], ["client", "remove", "shop"]],
)  # fmt: skip
def test_a_command_in_a_wrong_directory_says_where_it_looked_and_makes_nothing(tmp_path, words):
    done = command(*words, cwd=tmp_path)
    assert done.returncode == 1 and str(tmp_path) in done.stderr, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_variables_of_a_kubernetes_service_are_ignored_with_one_line(make_server):
    links = {"service_host": "10.96.0.7", "service_port": "8080", "port": "tcp://10.96.0.7:8080"}
    links |= {"port_8080_tcp": "tcp://10.96.0.7:8080", "port_8080_tcp_addr": "10.96.0.7"}
    server = make_server(**links).start()
    told = server.events("service_links_ignored")
    assert len(told) == 1 and "MARTLET_PORT_8080_TCP_ADDR" in told[0]["variables"]


@pytest.mark.parametrize("kind", ["tcp", "unix", "proxy", "trusted", "https"])
def test_healthcheck_works_for_every_kind_of_listener(make_server, tmp_path, kind):
    port = free_port()
    listen = {
        "tcp": f"127.0.0.1:{port}",
        "unix": f"unix:{tmp_path}/s",
        "proxy": f"proxy+127.0.0.1:{port}",
        "trusted": f"proxy+127.0.0.1:{port}",
        "https": f"https://127.0.0.1:{port}",
    }[kind]
    more = {"proxy": {"trusted_proxies": "10.9.9.9"}, "trusted": {"trusted_proxies": "127.0.0.1"}}.get(kind, {})
    server = make_server(listen=listen, **more)
    if kind == "https":
        server.settings["listen"] = listen.removeprefix("https://")
        server.start(arguments=("--dev-tls",))
        server.settings["listen"] = listen
    else:
        server.start()
    done = cli(server, "healthcheck")
    assert done.returncode == 0, done.stderr
    server.stop()
    gone = cli(server, "healthcheck")
    assert gone.returncode == 1 and "no service listens there" in gone.stderr
