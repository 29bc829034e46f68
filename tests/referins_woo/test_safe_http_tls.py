"""TLS is always verified; a CA of one's own is added, it replaces nothing (row 35)."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from referins_woo import config as configuration
from referins_woo.safe_http import SafeHttp, Unreachable
from tests.referins_woo.woo.canned import Canned, Server, serving

SETTINGS = {
    "SECRET_KEY": "only-for-tests-only-for-tests-only-for-tests",
    "ENCRYPTION_KEYS": "b25seS1mb3ItdGVzdHMtb25seS1mb3ItdGVzdHMtISE=",
    "REFERINS_ALLOW_PRIVATE_STORES": "1",
}


class Authority:
    """Issues certificates for 127.0.0.1 and localhost."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.key = folder, ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")])
        self.file = folder / "ca.pem"
        certificate = (
            self._builder(self.name, self.key.public_key(), timedelta(days=9))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, life: timedelta) -> x509.CertificateBuilder:
        start = datetime.now(UTC) - timedelta(days=2)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key)
        return builder.serial_number(x509.random_serial_number()).not_valid_before(start).not_valid_after(start + life)

    def issue(self, *names: str, life: timedelta = timedelta(days=9)) -> Path:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        entries: list[x509.GeneralName] = [
            x509.IPAddress(ipaddress.ip_address(name)) if name[0].isdigit() else x509.DNSName(name) for name in names
        ]
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        certificate = (
            self._builder(subject, key.public_key(), life)
            .add_extension(x509.SubjectAlternativeName(entries), critical=False)
            .add_extension(issuer_key, critical=False)
            .sign(self.key, hashes.SHA256())
        )
        path = self.folder / f"{names[0]}-{life.days}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
        return path


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@contextmanager
def _secure(certificate: Path, newest: ssl.TLSVersion | None = None) -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    if newest is not None:
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = newest
    with serving(Canned()) as server:
        server.handle_error = lambda *args: None  # type: ignore[method-assign]
        server.socket = context.wrap_socket(server.socket, server_side=True)
        yield server


def _http(authority: Authority | None) -> SafeHttp:
    extra = {"REFERINS_STORE_CA": str(authority.file)} if authority else {}
    return SafeHttp(configuration.load({**SETTINGS, **extra}))


def test_a_store_of_our_own_authority_is_reached(authority: Authority) -> None:
    with _secure(authority.issue("127.0.0.1", "localhost")) as server:
        http = _http(authority)
        for host in ("127.0.0.1", "localhost"):
            assert http.send("GET", f"https://{host}:{server.server_port}/").body == b"[]"


@pytest.mark.parametrize(
    ("names", "days", "known", "reason"),
    [
        (("127.0.0.1",), 9, False, "unable to get local issuer certificate"),
        (("127.0.0.1",), 1, True, "expired"),
        (("other.example",), 9, True, "mismatch"),
    ],
)
def test_row_35_a_certificate_that_does_not_hold_is_refused_by_its_reason(
    authority: Authority, names: tuple[str, ...], days: int, known: bool, reason: str
) -> None:
    with _secure(authority.issue(*names, life=timedelta(days=days))) as server:
        with pytest.raises(Unreachable) as caught:
            _http(authority if known else None).send("GET", f"https://127.0.0.1:{server.server_port}/")
        assert caught.value.kind == "tls"
        assert reason in str(caught.value)
        assert server.seen == []


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_an_outdated_protocol_is_refused(authority: Authority) -> None:
    with _secure(authority.issue("127.0.0.1"), ssl.TLSVersion.TLSv1_1) as server:
        with pytest.raises(Unreachable) as caught:
            _http(authority).send("GET", f"https://127.0.0.1:{server.server_port}/")
        assert caught.value.kind in ("tls", "reset")
        assert server.seen == []


@pytest.mark.parametrize(("named", "kind"), [("shop.example", ""), ("other.example", "tls")])
def test_behind_the_guard_the_certificate_is_checked_for_the_name_not_the_address(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, named: str, kind: str
) -> None:
    """The connection goes to a checked public address; here the wire is bent to a server of ours."""
    dialled: list[str] = []
    with _secure(authority.issue(named)) as server:

        def bend(address: tuple[str, int], *args: object, **kwargs: object) -> socket.socket:
            dialled.append(address[0])
            connection = socket.socket()
            connection.settimeout(5)
            connection.connect(("127.0.0.1", server.server_port))
            return connection

        public = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", 443))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: public)
        monkeypatch.setattr("urllib3.util.connection.create_connection", bend)
        settings = {**SETTINGS, "REFERINS_ALLOW_PRIVATE_STORES": "0", "REFERINS_STORE_CA": str(authority.file)}
        http = SafeHttp(configuration.load(settings))
        if kind:
            with pytest.raises(Unreachable) as caught:
                http.send("GET", "https://shop.example/")
            assert caught.value.kind == kind
        else:
            http.send("GET", "https://shop.example/")
            http.send("GET", "https://shop.example/")
            assert server.seen[0].headers["host"] == "shop.example"
            assert server.connections == 1
        assert dialled == ["93.184.215.14"]
