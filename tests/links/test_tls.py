"""Certificates are checked against the name that was asked, at the address that was judged."""

import ssl
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
import trustme

from kb.links.client import Answer, Ask, Client
from kb.links.guard import Guard
from kb.links.urls import parse
from kb.links.verdict import Failure
from tests.servers.web import Web


def context(cert: trustme.LeafCert) -> ssl.SSLContext:
    """A server's side of TLS."""
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    cert.configure_cert(served)
    return served


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """An authority of our own."""
    return trustme.CA()


@pytest.fixture(scope="module")
def web(authority: trustme.CA) -> Iterator[Web]:
    """A web with good and bad certificates, a port each."""
    long_ago = datetime(2001, 1, 1, tzinfo=timezone.utc)
    contexts = {
        "good": context(authority.issue_cert("good.test")),
        "expired": context(authority.issue_cert("good.test", not_after=long_ago)),
        "stranger": context(trustme.CA().issue_cert("good.test")),
    }
    with Web(tls=contexts) as server:
        yield server


@pytest.fixture(scope="module")
def client(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Client:
    """A client that trusts the authority, for which every name is this machine."""
    path: Path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    guard = Guard(frozenset({"loopback"}), lambda _host, _port: ["127.0.0.1"])
    return Client(guard, seconds=5, ca_file=str(path))


def ask(client: Client, web: Web, kind: str, host: str = "good.test") -> Answer:
    """One request to a port with that kind of certificate."""
    return client.ask(Ask("HEAD", parse(web.url("ok", host=host, scheme=kind))))


def test_a_good_certificate_is_accepted_for_its_name(web: Web, client: Client) -> None:
    """Connected to the judged address, the name is still what SNI, Host and certificate carry."""
    assert ask(client, web, "good").status == 200
    assert web.seen[-1].headers["host"] == f"good.test:{web.tls_ports['good']}"


@pytest.mark.parametrize("kind", ["expired", "stranger"])
def test_bad_certificates_are_told(web: Web, client: Client, kind: str) -> None:
    """Expired and unknown issuers are TLS failures that say so, and nothing is asked."""
    before = web.requests
    answer = ask(client, web, kind)
    assert answer.failure is Failure.TLS
    assert "certificate" in answer.detail
    assert web.requests == before


def test_a_certificate_for_another_name_is_refused(web: Web, client: Client) -> None:
    """A good certificate of another host is no good."""
    answer = ask(client, web, "good", host="other.test")
    assert answer.failure is Failure.TLS
    assert "other.test" in answer.detail


def test_a_server_that_does_not_speak_tls_is_a_failure(web: Web) -> None:
    """A server that takes the handshake for a request ends at the deadline; nothing crashes."""
    client = Client(Guard(frozenset({"loopback"}), lambda _host, _port: ["127.0.0.1"]), seconds=0.5)
    answer = client.ask(Ask("HEAD", parse(f"https://good.test:{web.port}/ok/1")))
    assert answer.failure in {Failure.TLS, Failure.RESET, Failure.TIMEOUT}
