"""Other people's servers that check tokens, each started from the settings that docs/works-with.md prints."""

import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from .gateways import program
from .process import ROOT
from .server import free_port
from .wsgi import Application

PAGE = ROOT / "docs/works-with.md"
# The names that the page uses for a service, which tests replace by the address of the one under test.
ISSUER, HOST = "https://auth.example.com", "auth.example.com"


def snippet(language: str, mark: str = "") -> str:
    """The one block of the page in a language that contains `mark`."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.S | re.M)
    found = [block for block in blocks if mark in block]
    assert len(found) == 1, f"{PAGE} has {len(found)} blocks in {language} with {mark!r}"
    return found[0]


def replaced(text: str, **names: str) -> str:
    """The text with some of its words replaced; each must be there."""
    for old, new in names.items():
        assert old in text, f"{old} is not in {text}"
        text = text.replace(old, new)
    return text


class Component:
    """A program in a folder and a process group of its own, with a port that it listens on."""

    seconds = 30

    def __init__(self, base: Path):
        self.base, self.port = base, free_port()
        base.mkdir()
        # Some of them have workers that run as another user.
        base.chmod(0o755)
        self.processes: list[subprocess.Popen] = []

    @property
    def said(self) -> str:
        return (self.base / "output").read_text(errors="replace")

    def run(self, command: list[str], **environment: str) -> subprocess.Popen:
        with open(self.base / "output", "ab") as output:
            process = subprocess.Popen(
                command,
                cwd=self.base,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.base), "LANG": "C.UTF-8"} | environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def await_open(self, port: int | None = None) -> None:
        deadline = time.monotonic() + self.seconds
        while True:
            try:
                socket.create_connection(("127.0.0.1", port or self.port), 1).close()
                return
            except OSError:
                ended = [process.args for process in self.processes if process.poll() is not None]
                assert not ended and time.monotonic() < deadline, f"{ended}\n{self.said[-4000:]}"
                time.sleep(0.05)

    def close(self) -> None:
        """Ends the processes in the reverse order of their starts, and what they started themselves."""
        for process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                pass
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()


class RabbitMQ(Component):
    """A broker on loopback with its own port mapper, so that it neither finds nor disturbs another one."""

    # It took more than a minute on a machine that was building at the same time.
    seconds = 180

    def __init__(self, base: Path, port: int, authority: Path):
        """`port` is where Martlet speaks TLS, with a certificate of `authority`."""
        super().__init__(base)
        names = {HOST: f"localhost:{port}", "/etc/ssl/certs/ca-certificates.crt": str(authority)}
        settings = replaced(snippet("ini", "rabbitmq.conf"), **names)
        (base / "rabbitmq.conf").write_text(f"{settings}listeners.tcp.1 = 127.0.0.1:{self.port}\n")
        (base / "enabled_plugins").write_text("[rabbitmq_auth_backend_oauth2].\n")
        mapper = free_port()
        self.run([program("epmd"), "-address", "127.0.0.1", "-port", str(mapper)])
        self.await_open(mapper)
        self.run(
            ["/usr/lib/rabbitmq/bin/rabbitmq-server"],
            # The script then becomes the broker, which SIGTERM ends, and does not start one below it.
            RUNNING_UNDER_SYSTEMD="true",
            RABBITMQ_NODENAME=f"martlet{self.port}@localhost",
            RABBITMQ_CONFIG_FILE=str(base / "rabbitmq"),
            RABBITMQ_ENABLED_PLUGINS_FILE=str(base / "enabled_plugins"),
            RABBITMQ_CONF_ENV_FILE=str(base / "none"),
            RABBITMQ_MNESIA_BASE=str(base / "mnesia"),
            RABBITMQ_LOG_BASE=str(base / "log"),
            RABBITMQ_LOGS="-",
            RABBITMQ_DIST_PORT=str(free_port()),
            # One scheduler each: busy ones would take the time of the tests.
            RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} +S 1:1 +sbwt none",
            ERL_EPMD_ADDRESS="127.0.0.1",
            ERL_EPMD_PORT=str(mapper),
        )
        self.await_open()


class Apache(Component):
    """Apache with mod_oauth2 before an application that answers with what it is told about the caller."""

    MODULES = ("mpm_event", "authn_core", "authz_core", "authz_user", "headers", "proxy", "proxy_http", "oauth2")

    def __init__(self, base: Path, issuer: str, secret: str):
        super().__init__(base)
        self.application = Application()
        locations = replaced(snippet("apache", "OAuth2TokenVerify"), SECRET=secret).replace(ISSUER, issuer)
        modules = "".join(f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so\n" for m in self.MODULES)
        (base / "apache.conf").write_text(
            f"ServerName gateway.test\nPidFile pid\nErrorLog /dev/stderr\nUser www-data\nGroup www-data\n{modules}"
            f"Listen 127.0.0.1:{self.port}\n{locations}ProxyPass / http://127.0.0.1:{self.application.port}/\n"
        )
        self.run([program("apache2"), "-DFOREGROUND", "-d", str(base), "-f", str(base / "apache.conf")])
        self.await_open()

    def close(self) -> None:
        super().close()
        self.application.close()


class Dovecot(Component):
    """An IMAP server on loopback whose only users are those that Martlet names."""

    def __init__(self, base: Path, host: str, secret: str):
        super().__init__(base)
        names = {"SECRET": secret, "https://mail": "http://mail", HOST: host}
        oauth2 = replaced(snippet("ini", "dovecot-oauth2"), **names)
        (base / "oauth2.conf").write_text(oauth2)
        place = "/etc/dovecot/dovecot-oauth2.conf.ext"
        mechanisms = replaced(snippet("sh", "auth_mechanisms"), **{place: str(base / "oauth2.conf")})
        owner = pwd.getpwnam("nobody")
        # Mailboxes belong to a user that cannot enter the folder of the tests.
        self.mail = Path(tempfile.mkdtemp(prefix="mt-mail-"))
        os.chown(self.mail, owner.pw_uid, owner.pw_gid)
        (base / "dovecot.conf").write_text(
            f"{mechanisms}protocols = imap\nlisten = 127.0.0.1\nssl = no\ndisable_plaintext_auth = no\n"
            f"base_dir = {base}/run\nstate_dir = {base}/state\nlog_path = {base}/output\nauth_verbose = yes\n"
            f"auth_failure_delay = 0\nmail_location = maildir:~/Maildir\nfirst_valid_uid = {owner.pw_uid}\n"
            f"userdb {{\n  driver = static\n  args = uid={owner.pw_uid} gid={owner.pw_gid} home={self.mail}/%u\n}}\n"
            f"service imap-login {{\n  inet_listener imap {{\n    port = {self.port}\n  }}\n"
            "  inet_listener imaps {\n    port = 0\n  }\n}\n"
            # Otherwise refusals take longer and longer.
            "service anvil {\n  unix_listener anvil-auth-penalty {\n    mode = 0\n  }\n}\n"
        )
        self.run([program("dovecot"), "-F", "-c", str(base / "dovecot.conf")])
        self.await_open()

    def close(self) -> None:
        super().close()
        shutil.rmtree(self.mail)
