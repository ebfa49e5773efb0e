"""Certificates good and bad for the local web: a server context for each, one authority for all."""

import ssl
from datetime import datetime, timezone
from pathlib import Path

import trustme

LONG_AGO = datetime(2001, 1, 1, tzinfo=timezone.utc)
NAMES = ("localhost", "127.0.0.1")


def contexts(authority: trustme.CA) -> dict[str, ssl.SSLContext]:
    """`ok` proves the names of this machine; the others fail in one way each."""
    return {
        "ok": served(authority.issue_cert(*NAMES)),
        "expired": served(authority.issue_cert(*NAMES, not_after=LONG_AGO)),
        "stranger": served(trustme.CA().issue_cert(*NAMES)),
        "wrong-name": served(authority.issue_cert("another.test")),
    }


def served(cert: trustme.LeafCert) -> ssl.SSLContext:
    """A server's side of TLS with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    cert.configure_cert(context)
    return context


def authority(path: Path) -> trustme.CA:
    """A new authority, whose certificate is written to `path` for clients to trust."""
    own = trustme.CA()
    own.cert_pem.write_to_path(path)
    return own
