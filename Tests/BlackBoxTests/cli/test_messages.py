"""What commands say about files: each message names the file, what is wrong with it, and what to do."""

import os
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from harness.process import BINARY, command, environment

TLS = ("--listen", "https://127.0.0.1:0", "--tls-cert", "cert", "--tls-key")
CASES = {
    "users that are a directory": (["user", "list", "--users", "folder"], 1, "folder: this is a directory, not a file"),
    "users that are empty": (["user", "list", "--users", "empty"], 2, "empty:1: expected JSON, and the file is empty"),
    "users that are no JSON": (["user", "list", "--users", "noise"], 2, "noise:1: expected valid JSON"),
    "users that were cut": (["user", "list", "--users", "cut"], 2, "cut:1: expected JSON to its end"),
    "keys that are a file": (["keys", "list", "--keys", "empty"], 1, "empty: this is a file, not a directory"),
    "keys that are a file, changed": (["keys", "rotate", "--keys", "empty"], 1, "a part of this path is a file"),
    "a key that is missing": (["keys", "import", "none", "--keys", "keys"], 1, "none: no such file or directory in "),
    "a key below a missing directory": (["keys", "import", "a/b", "--keys", "keys"], 75, "/a does not exist. Create it, mount its volume"),
    "a key for jws that is missing": (["jws", "verify", "--key", "none", "x"], 2, "none: no such file or directory in "),
    "a key set that is a directory": (["verify", "--jwks", "folder", "x"], 2, "folder: this is a directory, not a file"),
    "a journal that is a file": (["journal", "verify", "--state", "empty"], 2, "empty: this is a file, not a directory"),
    "a journal that is missing": (["journal", "repair", "--state", "none"], 2, "none: no such file or directory in "),
    "settings that are missing": (["serve", "--check", "--env-file", "none"], 2, "none: no such file or directory in "),
    "an address that is abstract": (["serve", "--check", "--listen", "unix:@martlet"], 2, "MARTLET_LISTEN: «unix:@martlet»"),
}
SYSTEM_ALONE = ("No such file or directory\n", "Is a directory\n", "Not a directory\n", "no reason given")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("messages")
    (path / "folder").mkdir()
    (path / "keys").mkdir()
    for name, content in (("empty", ""), ("noise", "users: []\n"), ("cut", "{")):
        (path / name).write_text(content)
        (path / name).chmod(0o600)
    return path


@pytest.mark.parametrize(("words", "code", "text"), CASES.values(), ids=CASES)
def test_a_file_that_cannot_be_used_is_told_with_a_remedy(folder, words, code, text):
    done = command(*words, cwd=folder)
    assert done.returncode == code, done.stderr
    assert text in done.stderr, done.stderr
    assert not any(phrase in done.stderr for phrase in SYSTEM_ALONE), done.stderr


def test_what_may_not_be_read_is_not_called_missing(folder):
    """For another user than the owner; a directory that may not be searched hides what is in it."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    (closed / "keys").mkdir()
    (closed / "users.json").write_text('{"users": []}')
    for path in (folder, *folder.parents):
        if path.stat().st_uid == os.geteuid() and path.stat().st_mode & 0o055 != 0o055 and "pytest" in path.name:
            path.chmod(0o755)
    for words in (
        ["user", "list", "--users", "closed/users.json"],
        ["keys", "list", "--keys", "closed/keys"],
        ["journal", "verify", "--state", "closed/state"],
    ):
        done = subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", BINARY, *words],
            cwd=folder, env=environment({}), capture_output=True, text=True, timeout=30,
        )  # fmt: skip
        assert done.returncode in (1, 2), done.stderr
        assert "Permission denied to user 65534" in done.stderr, done.stderr


def test_a_tls_key_in_another_form_is_told_how_to_convert_it(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    forms = {
        "der": (Encoding.DER, NoEncryption(), "it is DER. Convert it: openssl pkey -inform DER"),
        "locked": (Encoding.PEM, BestAvailableEncryption(b"x"), "encrypted with a passphrase. Decrypt it: openssl pkey"),
    }
    made = ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", "other", "-out", "cert", "-subj", "/CN=x"]
    subprocess.run(made, cwd=folder, check=True, capture_output=True)
    for name, (encoding, encryption, text) in forms.items():
        (folder / name).write_bytes(key.private_bytes(encoding, PrivateFormat.PKCS8, encryption))
        (folder / name).chmod(0o600)
        done = command("serve", "--check", *TLS, name, cwd=folder)
        assert done.returncode == 2 and f"{name}: no usable private key in PEM: it is" in done.stderr, done.stderr
        assert text in done.stderr
    (folder / "cert.key").write_bytes((folder / "cert").read_bytes())
    (folder / "cert.key").chmod(0o600)
    assert "it contains a certificate" in command("serve", "--check", *TLS, "cert.key", cwd=folder).stderr
