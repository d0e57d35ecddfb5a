"""Certificates for tests: an authority, one below it, and what they sign."""

import ipaddress
import ssl
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Pair:
    """A certificate and its key, signed by `issuer` or by itself."""

    def __init__(self, name: str, issuer: "Pair | None" = None, authority: bool = False, days=(-1, 30), key=None):
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.issuer = issuer
        signer = issuer or self
        now = datetime.now(timezone.utc)
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(signer.name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=days[0]))
            .not_valid_after(now + timedelta(days=days[1]))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if not authority:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        self.certificate = builder.sign(signer.key, hashes.SHA256())

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def serial(self) -> int:
        return self.certificate.serial_number

    @property
    def chain(self) -> bytes:
        """Its own certificate and those above it, without the root."""
        above = self.issuer.chain if self.issuer and self.issuer.issuer else b""
        return self.pem + above

    def key_pem(self, passphrase: bytes | None = None) -> bytes:
        how = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)

    def write(self, directory: Path, name: str = "tls", certificates: bytes | None = None) -> tuple[Path, Path]:
        """Puts both files where they belong, each at once, as a tool that renews certificates does."""
        directory.mkdir(parents=True, exist_ok=True)
        paths = directory / f"{name}.crt", directory / f"{name}.key"
        for path, octets in zip(paths, (certificates or self.chain, self.key_pem())):
            new = path.with_suffix(".new")
            new.write_bytes(octets)
            new.chmod(0o600)
            new.rename(path)
        return paths


def trusting(root: Path | None, client: tuple[Path, Path] | None = None, **versions) -> ssl.SSLContext:
    """A client's context; without a root it takes anybody's word."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if root:
        context.load_verify_locations(root)
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if client:
        context.load_cert_chain(*client)
    for name, value in versions.items():
        setattr(context, name, value)
    return context
