"""No server can hold the checker up or fill its memory."""

import tracemalloc
import zlib
from time import monotonic

import pytest

from kb.links.client import BODY, Ask, Client, decoded
from kb.links.guard import Guard
from kb.links.urls import parse
from kb.links.verdict import Failure
from tests.servers.web import Web
from tests.servers.web_streams import bomb


@pytest.fixture
def client() -> Client:
    """A client that is in no hurry."""
    return Client(Guard(frozenset({"loopback"})), seconds=60)


@pytest.mark.parametrize("name", ["slow-headers", "silent"])
def test_a_request_ends_at_its_deadline(web: Web, name: str) -> None:
    """Bytes that trickle in do not renew the time: the whole request has one deadline."""
    hasty = Client(Guard(frozenset({"loopback"})), seconds=1)
    begun = monotonic()
    assert hasty.ask(Ask("GET", parse(web.url(name)))).failure is Failure.TIMEOUT
    assert monotonic() - begun < 30  # the server would take half an hour


@pytest.mark.parametrize("name", ["header-flood", "long-header", "continue-flood"])
def test_endless_headers_are_cut(web: Web, client: Client, name: str) -> None:
    """Headers, long ones and interim answers are read up to a limit."""
    assert client.ask(Ask("GET", parse(web.url(name)))).failure is Failure.FLOOD


@pytest.mark.parametrize("name", ["huge-body", "gzip-bomb", "ranged"])
def test_a_body_is_read_up_to_a_limit(web: Web, client: Client, name: str) -> None:
    """However much there is, and however it unpacks, no more than the wanted bytes are kept."""
    bomb()  # packed before the memory is measured
    client.ask(Ask("GET", parse(web.url("ok"))))
    tracemalloc.start()
    answer = client.ask(Ask("GET", parse(web.url(name))))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert answer.ok
    assert 0 < len(answer.body) <= BODY
    assert peak < 8_000_000


def test_a_bomb_stays_packed() -> None:
    """Of a stream that unpacks to 100 MB, only what is wanted is unpacked."""
    assert len(decoded(bomb()[:BODY], "gzip", BODY)) == BODY


def test_what_is_not_gzip_is_read_as_it_is() -> None:
    """A header that lies about the packing does no harm."""
    assert decoded(b"<title>plain</title>", "gzip", BODY) == b"<title>plain</title>"


@pytest.mark.parametrize("bits", [zlib.MAX_WBITS, -zlib.MAX_WBITS])
def test_deflate_is_read_with_and_without_its_head(bits: int) -> None:
    """Servers send `deflate` in both forms."""
    packer = zlib.compressobj(wbits=bits)
    raw = packer.compress(b"<title>x</title>") + packer.flush()
    assert decoded(raw, "deflate", BODY) == b"<title>x</title>"


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, br", "compress", "x"])
def test_an_encoding_that_was_not_asked_for_is_not_read(encoding: str) -> None:
    """Packed bytes are no text: nothing is concluded from them."""
    assert decoded(b"<title>404 Not Found</title>", encoding, BODY) == b""


def test_a_slow_body_is_no_fault(web: Web, client: Client) -> None:
    """The headers say that the page is there; its body may dawdle."""
    answer = client.ask(Ask("GET", parse(web.url("slow-body"))))
    assert answer.status == 200


def test_the_range_wanted_is_asked_for(web: Web, client: Client) -> None:
    """GET asks for the first bytes only, and a server that knows ranges sends no more."""
    answer = client.ask(Ask("GET", parse(web.url("ranged")), body=1000))
    assert (answer.status, len(answer.body)) == (206, 1000)
    assert web.seen[0].headers["range"] == "bytes=0-999"


def test_what_came_of_a_slow_body_is_used(web: Web, client: Client) -> None:
    """A page that says in its first bytes that it is not there is heard, whatever comes after."""
    answer = client.ask(Ask("GET", parse(web.url("slow-soft-404"))))
    assert answer.body.startswith(b"<title>Page not found</title>")


def test_head_is_given_a_share_of_the_time(web: Web) -> None:
    """Where HEAD is not answered, GET follows: it is not waited for as long."""
    patient = Client(Guard(frozenset({"loopback"})), seconds=6)
    begun = monotonic()
    assert patient.ask(Ask("HEAD", parse(web.url("silent")))).failure is Failure.TIMEOUT
    assert monotonic() - begun < 6
