"""The addresses of a cluster: which of them may be used, and the certificates for them.

Whoever reaches a scheduler or a worker of Dask can run code there. So anything but this machine's
own loopback asks for TLS, where both sides show a certificate.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path

from distributed.security import Security

from runner.domain.errors import ClusterError, SelectionError
from runner.domain.request import Request

_ADDRESS = re.compile(r"(?P<protocol>[a-z]+)://(?:\[(?P<six>[^\]]+)\]|(?P<host>[^:/]+)):\d+/?")
TLS = "tls"
_HERE = "inproc"


def require_address(address: str) -> None:
    """Return if the scheduler may be used.

    Raises:
        SelectionError: it is no address.
        ClusterError: it would be reached over a network without TLS.
    """
    found = _ADDRESS.fullmatch(address)
    if found is None or found["protocol"] not in ("tcp", TLS):
        raise SelectionError(
            f"--scheduler {address[:80]!r} is no address of a scheduler",
            cause="an address has the form tls://HOST:PORT, or tcp://127.0.0.1:PORT on this "
            "machine",
            next_step="nox -s matrix -- --executor dask --scheduler tcp://127.0.0.1:8786",
        )
    if not is_safe(address):
        raise ClusterError(
            f"--scheduler {address[:80]}: refused, since this is a network without TLS",
            cause="whoever reaches a scheduler can run code on every machine of its cluster",
            next_step="start scheduler and workers with --tls-ca-file, --tls-cert and --tls-key, "
            "and name them here as tls://HOST:8786 (docs/machines.md has the lines)",
        )


def is_safe(address: str) -> bool:
    """Whether an address is on this machine's loopback, or speaks TLS."""
    if address.startswith(f"{_HERE}://"):
        return True
    found = _ADDRESS.fullmatch(address)
    return found is not None and (found["protocol"] == TLS or is_loopback(address))


def is_loopback(address: str) -> bool:
    """Whether nobody on another machine reaches the address."""
    found = _ADDRESS.fullmatch(address)
    host = (found["six"] or found["host"]) if found else ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def security_of(request: Request) -> Security | None:
    """Return the certificates for a scheduler; those of Dask's own settings where none are named.

    Raises:
        ClusterError: one is missing.
    """
    if not request.scheduler.startswith(f"{TLS}://"):
        return None
    named = {
        "tls_ca_file": request.tls_ca,
        "tls_client_cert": request.tls_cert,
        "tls_client_key": request.tls_key,
    }
    security = Security(
        require_encryption=True, **{name: str(path) for name, path in named.items() if path}
    )
    missing = [name for name in named if not _is_there(getattr(security, name))]
    if missing:
        options = {"tls_ca_file": "--tls-ca", "tls_client_cert": "--tls-cert"}
        lacks = ", ".join(options.get(name, "--tls-key") for name in missing)
        raise ClusterError(
            f"--scheduler {request.scheduler[:80]}: {lacks}: there is no such file",
            cause="TLS asks both sides for a certificate",
            next_step="name all three: --tls-ca ca.pem --tls-cert cert.pem --tls-key key.pem",
        )
    return security


def _is_there(value: str | None) -> bool:
    """Whether a file is there; Dask also takes the text of a certificate itself."""
    return bool(value) and ("\n" in str(value) or Path(str(value)).is_file())
