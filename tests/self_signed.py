"""Certificates for servers in tests."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from pathlib import Path


class Authority(NamedTuple):
    """Who signs certificates, and the file of its own."""

    name: x509.Name
    key: ec.EllipticCurvePrivateKey
    file: str


def certificate_for(host: str, folder: Path, signed_by: Authority | None = None) -> tuple[str, str]:
    """The files of a new certificate of a host, and of its key. Without an authority it is signed with its own key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    signer = signed_by or Authority(name, key, "")
    builder = _builder(name, key, signer).add_extension(
        x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False
    )
    if signed_by is None:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    files = folder / "server.pem", folder / "server.key"
    files[0].write_bytes(builder.sign(signer.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return str(files[0]), str(files[1])


def authority_in(folder: Path) -> Authority:
    """A new authority, whose certificate is in a folder."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of the tests")])
    authority = Authority(name, key, str(folder / "authority.pem"))
    builder = _builder(name, key, authority).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    certificate = builder.sign(key, hashes.SHA256())
    (folder / "authority.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return authority


def _builder(name: x509.Name, key: ec.EllipticCurvePrivateKey, signer: Authority) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(signer.name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
    )
