"""What an auditor's scanner asks a TLS server: every version, every suite, every group, the chain, renegotiation, resumption."""

import os
import re
import socket
import ssl
import struct
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from harness.certificates import Pair, trusting
from harness.secured import Secured

GOOD = {
    f"ECDHE-{kind}-{cipher}"
    for kind in ("ECDSA", "RSA")
    for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
}
GOOD_13 = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}
HANDSHAKE, ALERT = 22, 21


@pytest.fixture(scope="module", params=["ECDSA", "RSA"])
def secured(request, fleet):
    """One server for each kind of certificate: static RSA can only be asked of one that has an RSA key."""
    key = rsa.generate_private_key(65_537, 2_048) if request.param == "RSA" else None
    secured = Secured(fleet.make, key=key, alg="HS256")
    secured.kind = request.param
    secured.server.start()
    yield secured
    fleet.close(secured.server)


def s_client(secured, *arguments: str, stdin: bytes = b"Q\n") -> str:
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{secured.port}", *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=20)
    return (done.stdout + done.stderr).decode("utf-8", "replace")


def hello(version: bytes, suites: bytes) -> bytes:
    """A ClientHello that no library of today would send."""
    body = version + os.urandom(32) + b"\0" + struct.pack(">H", len(suites)) + suites + b"\1\0"
    message = b"\1" + struct.pack(">I", len(body))[1:] + body
    return bytes([HANDSHAKE]) + version + struct.pack(">H", len(message)) + message


@pytest.mark.parametrize("version", [b"\3\0", b"\3\1", b"\3\2"], ids=["SSL 3", "TLS 1.0", "TLS 1.1"])
def test_old_versions_get_an_alert(secured, version):
    """RFC 8996, RFC 7568. The suites are those that every server of their time had."""
    with socket.create_connection(("127.0.0.1", secured.port), 5) as sock:
        sock.sendall(hello(version, bytes.fromhex("002f0035000a0005c013c014c009c00a003c009c")))
        answer = sock.recv(4_096)
    assert answer == b"" or answer[0] == ALERT


def test_ssl_2_gets_nothing(secured):
    with socket.create_connection(("127.0.0.1", secured.port), 5) as sock:
        sock.sendall(bytes.fromhex("802b0100020012000000100700c00300800100800600400400800200800a") + os.urandom(16))
        answer = sock.recv(4_096)
    assert answer == b"" or answer[0] == ALERT


def accepts(secured, suite: str) -> bool:
    context = trusting(None, maximum_version=ssl.TLSVersion.TLSv1_2)
    context.set_ciphers(f"{suite}:@SECLEVEL=0")
    try:
        with secured.wire(context) as wire:
            return wire.socket.cipher()[0] == suite
    except (ssl.SSLError, ConnectionResetError):
        return False


def test_of_all_suites_that_openssl_knows_only_good_ones_are_taken(secured):
    """One connection each: no CBC, no RC4, no 3DES, no static RSA or DH, no PSK, no anonymity, no NULL."""
    listed = subprocess.run(
        ["openssl", "ciphers", "-tls1_2", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"], capture_output=True, text=True, check=True)
    suites = set()
    for suite in listed.stdout.strip().split(":"):
        try:
            trusting(None).set_ciphers(f"{suite}:@SECLEVEL=0")
            suites.add(suite)
        except ssl.SSLError:
            pass  # Known by name and not built in.
    assert len(suites) > 50
    taken = {suite for suite in suites if not suite.startswith("TLS_") and accepts(secured, suite)}
    assert taken == {suite for suite in GOOD if suite.split("-")[1] == secured.kind}


@pytest.mark.parametrize("suite", sorted(GOOD_13 | {"TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"}))
def test_suites_of_1_3(secured, suite):
    told = s_client(secured, "-tls1_3", "-ciphersuites", suite)
    assert (f"Cipher is {suite}" in told) == (suite in GOOD_13), told


@pytest.mark.parametrize("group", ["X25519", "P-256", "P-384"])
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_good_groups_are_taken(secured, group, version):
    # Under TLS 1.2 a client that does not name P-256 wants no certificate on that curve either (RFC 8422 §5.1).
    groups = group if version == "-tls1_3" or group == "P-256" else f"{group}:P-256"
    told = s_client(secured, version, "-groups", groups)
    assert re.search(r"Cipher is (ECDHE|TLS_)", told), told


@pytest.mark.parametrize(
    ("group", "version"),
    [("secp192k1", "-tls1_2"), ("P-224", "-tls1_2"), ("ffdhe2048", "-tls1_2"), ("ffdhe2048", "-tls1_3"), ("P-521", "-tls1_3")],
)
def test_weak_and_costly_groups_are_not(secured, group, version):
    assert "Cipher is (NONE)" in s_client(secured, version, "-groups", group, "-cipher", "ALL:@SECLEVEL=0")


def test_the_chain_is_sent_without_its_root_and_holds(secured):
    told = s_client(secured, "-showcerts", "-CAfile", str(secured.root_path), "-verify_return_error")
    assert told.count("BEGIN CERTIFICATE") == 2
    assert "Verify return code: 0 (ok)" in told
    assert "Compression: NONE" in told and "Secure Renegotiation IS" in told
    assert "No client certificate CA names sent" in told


def test_renegotiation_is_refused(secured):
    told = s_client(secured, "-tls1_2", stdin=b"R\n")
    assert "no renegotiation" in told or "handshake failure" in told


def test_a_client_that_says_it_fell_back_is_told_not_to(secured):
    """RFC 7507: somebody on the way made it believe that TLS 1.3 is not spoken."""
    assert "inappropriate fallback" in s_client(secured, "-fallback_scsv", "-tls1_2")


@pytest.mark.parametrize("offered", ["h2", "http/1.1", "h2,http/1.1", "http/1.1,h2"])
def test_alpn(secured, offered):
    chosen = "h2" if "h2" in offered.split(",") else "http/1.1"
    assert f"ALPN protocol: {chosen}" in s_client(secured, "-alpn", offered)


def test_alpn_of_strangers_is_refused(secured):
    assert "no application protocol" in s_client(secured, "-alpn", "spdy/3,h3")


def test_weak_signatures_are_not_agreed_to(secured):
    """A client that takes SHA-1 only gets none (RFC 9155)."""
    told = s_client(secured, "-tls1_2", "-cipher", "ALL:@SECLEVEL=0", "-sigalgs", "RSA+SHA1:ECDSA+SHA1")
    assert "Cipher is (NONE)" in told, told


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_resumption_by_ticket_only_until_the_keys_change(secured, version):
    """No session is kept on the server; a ticket of before a reload is good for nothing and harms nothing."""
    context = trusting(secured.root_path, minimum_version=version, maximum_version=version)

    def connect(session=None):
        with secured.wire(context, session=session) as wire:
            wire.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert wire.answer().status == 200
            return wire.socket.session_reused, wire.socket.session

    reused, session = connect()
    assert not reused and session.has_ticket
    assert connect(session)[0] and connect(session)[0]
    serial = secured.serial()
    Pair("localhost", secured.middle, key=secured.leaf.key).write(secured.server.directory)
    secured.server.wait_for(lambda: secured.serial() != serial)
    assert not connect(session)[0]
    context.options |= ssl.OP_NO_TICKET
    _, session = connect()
    assert session is None or not connect(session)[0] or version == ssl.TLSVersion.TLSv1_3


def test_early_data_is_not_offered(secured):
    told = s_client(secured, "-tls1_3", stdin=b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert "Max Early Data: 0" in told or "Early data was not sent" in told
