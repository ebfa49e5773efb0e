"""Certificates are checked against the name that was asked, at the address that was judged."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from time import monotonic, sleep

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
        "old": context(authority.issue_cert("good.test")),
        "h2-only": context(authority.issue_cert("good.test")),
        "asks-for-yours": context(authority.issue_cert("good.test")),
        "no-chain": context(authority.create_child_ca().issue_cert("good.test")),
    }
    contexts["old"].maximum_version = ssl.TLSVersion.TLSv1_2
    contexts["old"].set_ciphers("DHE:!ECDHE@SECLEVEL=0")
    contexts["h2-only"].set_alpn_protocols(["h2"])
    contexts["asks-for-yours"].verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(contexts["asks-for-yours"])
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


@pytest.mark.parametrize("kind", ["old", "asks-for-yours"])
def test_a_server_that_cannot_agree_is_a_failure(web: Web, client: Client, kind: str) -> None:
    """No common cipher, a certificate of ours wanted: one failure, nothing crashes."""
    answer = ask(client, web, kind)
    assert answer.failure in {Failure.TLS, Failure.RESET}


def test_a_server_for_http_2_alone_is_asked_as_it_is(web: Web, client: Client) -> None:
    """Without a protocol in common the server answers as it can."""
    answer = ask(client, web, "h2-only")
    assert answer.status == 200 or answer.failure in {Failure.TLS, Failure.RESET}


def test_a_chain_with_its_intermediate_is_accepted(web: Web, client: Client) -> None:
    """An intermediate authority that the server sends along is followed to the root."""
    assert ask(client, web, "no-chain").status == 200


class Raw(threading.Thread):
    """A server that accepts one connection and does something rude with it."""

    def __init__(self, rude: Callable[[socket.socket], None]) -> None:
        super().__init__(daemon=True)
        self.rude = rude
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self) -> None:
        """Serve the one connection."""
        connection, _ = self.listener.accept()
        with connection, suppress(OSError):
            connection.recv(4096)
            self.rude(connection)
        self.listener.close()


def drip(connection: socket.socket) -> None:
    """A byte of a handshake record now and then."""
    for byte in b"\x16\x03\x03\x40\x00" + bytes(200):
        connection.sendall(bytes([byte]))
        sleep(0.1)


def flood(connection: socket.socket) -> None:
    """Handshake bytes without end."""
    for _ in range(2000):
        connection.sendall(b"\x16\x03\x03\x40\x00" + bytes(16_384))


RUDE: dict[str, Callable[[socket.socket], None]] = {
    "closes": lambda _connection: None,
    "alert": lambda connection: connection.sendall(b"\x15\x03\x03\x00\x02\x02\x28"),
    "unknown-name": lambda connection: connection.sendall(b"\x15\x03\x03\x00\x02\x02\x70"),
    "garbage": lambda connection: connection.sendall(b"SSH-2.0-OpenSSH_9.9\r\n"),
    "http": lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "half-record": lambda connection: connection.sendall(b"\x16\x03\x03\x02\x00\x02"),
    "drip": drip,
    "flood": flood,
}


@pytest.mark.parametrize("name", RUDE)
def test_a_handshake_that_goes_wrong_is_a_failure_in_time(name: str) -> None:
    """Closed, an alert, another protocol, half a record, a byte now and then, bytes without end."""
    server = Raw(RUDE[name])
    guard = Guard(frozenset({"loopback"}), lambda _host, _port: ["127.0.0.1"])
    begun = monotonic()
    answer = Client(guard, seconds=2).ask(Ask("GET", parse(f"https://good.test:{server.port}/")))
    assert answer.failure in {Failure.TLS, Failure.RESET, Failure.TIMEOUT, Failure.FLOOD}
    assert monotonic() - begun < 6
