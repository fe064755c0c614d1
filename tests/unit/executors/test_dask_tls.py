"""A cluster whose scheduler asks for certificates: with them it may be used, without it may not."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from distributed import LocalCluster
from distributed.security import Security

from runner.domain.errors import ClusterError
from runner.domain.request import Request
from runner.executors.dask import place
from runner.executors.dask.place import open_place

REPOSITORY = Path(__file__).resolve().parents[3]


def make_certificates(folder: Path) -> tuple[Path, Path, Path]:
    """Write an authority's certificate, and a certificate that it signed with its key."""
    folder.mkdir()
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"authority of {folder.name}")])
    own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cluster")])

    def certificate(subject, public, *, authority):
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if not authority:
            here = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
            builder = builder.add_extension(x509.SubjectAlternativeName([here]), critical=False)
        return builder.sign(authority_key, hashes.SHA256())

    files = {
        "ca.pem": certificate(name, authority_key.public_key(), authority=True).public_bytes(
            serialization.Encoding.PEM
        ),
        "cert.pem": certificate(own, key.public_key(), authority=False).public_bytes(
            serialization.Encoding.PEM
        ),
        "key.pem": key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    }
    for each, content in files.items():
        (folder / each).write_bytes(content)
    return folder / "ca.pem", folder / "cert.pem", folder / "key.pem"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return make_certificates(tmp_path_factory.mktemp("tls") / "ours")


@pytest.fixture(scope="module")
def scheduler(certificates):
    ca, cert, key = map(str, certificates)
    roles = ("scheduler", "worker", "client")
    security = Security(
        require_encryption=True,
        tls_ca_file=ca,
        **{f"tls_{role}_cert": cert for role in roles},
        **{f"tls_{role}_key": key for role in roles},
    )
    with LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=False,
        memory_limit=0,
        dashboard_address=None,
        protocol="tls",
        host="127.0.0.1",
        security=security,
    ) as cluster:
        yield cluster.scheduler_address


def request_of(tmp_path, scheduler, certificates=(None, None, None)):
    ca, cert, key = certificates
    return Request(
        root=REPOSITORY,
        store=tmp_path,
        out=tmp_path / "out",
        executor="dask",
        scheduler=scheduler,
        tls_ca=ca,
        tls_cert=cert,
        tls_key=key,
    )


def test_a_cluster_with_tls_may_be_used_with_a_certificate(scheduler, certificates, tmp_path):
    assert scheduler.startswith("tls://")
    with open_place(request_of(tmp_path, scheduler, certificates), print) as found:
        while not found.team.members:
            list(found.team.events())
        assert not found.team.refused


@pytest.mark.parametrize("how", ["another authority", "without TLS"])
def test_without_a_certificate_of_its_authority_it_may_not(
    scheduler, certificates, tmp_path, monkeypatch, how
):
    monkeypatch.setattr(place, "CONNECT_S", 2.0)
    request = request_of(tmp_path, scheduler.replace("tls", "tcp"))
    if how == "another authority":
        request = request_of(tmp_path, scheduler, make_certificates(tmp_path / "theirs"))
    with pytest.raises(ClusterError, match="no scheduler answers"), open_place(request, print):
        pass
