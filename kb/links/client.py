"""One request, one hop, one answer: never raises for errors of a server or the network."""

import http.client
import ssl
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, cast

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    ReadTimeoutError,
    SSLError,
)

from kb.links.guard import Guard, LookupFailedError, NoSuchNameError, RefusedAddressError
from kb.links.urls import Target
from kb.links.verdict import Failure
from kb.links.wire import METER, PER_HOST, FloodError, RefusedByGuardError, pools, tls_context

BODY = 32 * 1024  # bytes of a page that are looked at
BODY_SECONDS = 1.0  # for them, once the headers have come
HEAD_SHARE = 0.25  # of the time for a request: where HEAD is not answered, GET has all of it
HEAD_ROOM = 256 * 1024  # bytes of headers and protocol on top
AGENT = "kb-links/1 (link checker of a curated list; HEAD first, few requests a host)"
HEADERS = {
    "User-Agent": AGENT,
    "Accept": "text/html,application/xhtml+xml,application/pdf;q=0.9,*/*;q=0.8",
    "Accept-Language": "en;q=1.0,*;q=0.5",
    "Accept-Encoding": "gzip",
}
WINDOW_BITS = {
    "gzip": zlib.MAX_WBITS | 16,
    "x-gzip": zlib.MAX_WBITS | 16,
    "deflate": zlib.MAX_WBITS,
}


@dataclass(frozen=True)
class Ask:
    """One request to make. `after` is the earliest moment, in seconds from now."""

    method: str
    target: Target
    after: float = 0.0
    body: int = BODY  # bytes of the answer that are wanted
    ranged: bool = True  # GET says so to the server
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """The answer. Either `status` or `failure` is set."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)  # names in lower case
    cookies: tuple[str, ...] = ()  # the Set-Cookie headers
    body: bytes = b""  # decoded, cut at the wanted size; empty where it is packed unreadably
    whole: bool = False  # the body is complete
    failure: Failure | None = None
    detail: str = ""
    ms: int = 0

    @property
    def ok(self) -> bool:
        """Whether the page exists."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004  (RFC 9110)


class Client:
    """Sends requests over guarded, metered connections. Thread-safe."""

    def __init__(
        self,
        guard: Guard,
        *,
        seconds: float = 20.0,
        keep: int = 128,
        per_host: int = PER_HOST,
        ca_file: str | None = None,
    ) -> None:
        self.guard, self.seconds = guard, seconds
        self.pools = pools(guard, keep=keep, per_host=per_host, context=tls_context(ca_file))

    def ask(self, ask: Ask) -> Answer:
        """Make one request within the time limit; redirects are answers, not followed."""
        begun = monotonic()
        try:
            share = HEAD_SHARE if ask.method == "HEAD" else 1.0
            METER.start(self.seconds * share, HEAD_ROOM + ask.body)
            answer = self._exchange(ask)
        except (HTTPError, OSError, ValueError, FloodError, http.client.HTTPException) as error:
            failure, detail = diagnose(error)
            answer = {"failure": failure, "detail": detail}
        return Answer(**answer, ms=round((monotonic() - begun) * 1000))

    def _exchange(self, ask: Ask) -> dict[str, Any]:
        headers = HEADERS | ask.headers
        if ask.method == "GET" and ask.ranged:
            headers = headers | {"Range": f"bytes=0-{ask.body - 1}"}
        pool = self.pools.connection_from_host(
            ask.target.host, ask.target.port, ask.target.scheme, pool_kwargs=None
        )
        response = pool.urlopen(
            ask.method,
            ask.target.path,
            headers=headers,
            retries=False,
            redirect=False,
            assert_same_host=False,
            timeout=self.seconds,
            preload_content=False,
            decode_content=False,
        )
        try:
            METER.shorten(BODY_SECONDS if ask.body <= BODY else self.seconds)
            body, whole = read(cast("urllib3.HTTPResponse", response), ask.body)
            return {
                "status": response.status,
                "headers": {name.lower(): value for name, value in response.headers.items()},
                "cookies": tuple(response.headers.getlist("set-cookie")),
                "body": body,
                "whole": whole,
            }
        finally:
            response.close()  # what is left unread is never read

    def close(self) -> None:
        """Close all idle connections."""
        self.pools.clear()


def read(response: urllib3.HTTPResponse, size: int) -> tuple[bytes, bool]:
    """At most `size` decoded bytes, from at most `size` bytes of the wire; whether they are all.

    A body that comes late, short or broken is no fault of the link: what came is used.
    """
    raw, ended = b"", False
    try:
        while len(raw) < size and not ended:
            chunk = response.read1(size - len(raw), decode_content=False)
            raw, ended = raw + chunk, not chunk
    except (HTTPError, OSError, FloodError, http.client.HTTPException):
        pass
    promised = response.headers.get("Content-Length", "")
    ended = ended and not (promised.isdecimal() and len(raw) < int(promised[:15]))
    body = decoded(raw, response.headers.get("Content-Encoding", ""), size)
    return body, ended and len(body) < size


def decoded(raw: bytes, encoding: str, size: int) -> bytes:
    """The first `size` bytes of a body; a bomb stays packed beyond them.

    Empty for an encoding that was not asked for (Brotli, Zstandard): nothing can be read in it.
    """
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        return raw
    if name not in WINDOW_BITS:
        return b""
    for bits in (WINDOW_BITS[name], -zlib.MAX_WBITS):  # some servers send deflate without its head
        with suppress(zlib.error):
            return zlib.decompressobj(bits).decompress(raw, size)
    return raw  # not packed, whatever the header says


def diagnose(error: BaseException) -> tuple[Failure, str]:
    """The failure of a network exception, with one line of detail."""
    chain = list(causes(error))
    for link in chain:
        if isinstance(link, RefusedByGuardError):
            return guard_failure(link.cause)
        if isinstance(link, FloodError):
            return Failure.FLOOD, ""
        if isinstance(link, TimeoutError | ConnectTimeoutError | ReadTimeoutError):
            return Failure.TIMEOUT, ""
        if isinstance(link, ssl.SSLCertVerificationError):
            return Failure.TLS, f"certificate: {link.verify_message}"
    return by_class(chain)


def by_class(chain: list[BaseException]) -> tuple[Failure, str]:
    """The failures that only the whole chain of causes distinguishes."""

    def has(*kinds: type[BaseException]) -> bool:
        return any(isinstance(link, kinds) for link in chain)

    if has(ConnectionRefusedError):
        return Failure.UNREACHABLE, "refused"
    if has(ssl.SSLEOFError, ConnectionError, http.client.IncompleteRead):
        return Failure.RESET, ""
    if has(SSLError, ssl.SSLError):
        detail = next((link.reason or "" for link in chain if isinstance(link, ssl.SSLError)), "")
        return Failure.TLS, detail.lower().replace("_", " ")
    if any("got more than" in str(link) for link in chain):  # http.client: 100 headers, 64 KiB each
        return Failure.FLOOD, ""
    return (Failure.UNREACHABLE if isinstance(chain[-1], OSError) else Failure.GARBLED), ""


def guard_failure(cause: Exception) -> tuple[Failure, str]:
    """The failure of an exception of the guard."""
    if isinstance(cause, RefusedAddressError):
        return Failure.REFUSED, str(cause)
    if isinstance(cause, NoSuchNameError):
        return Failure.NO_NAME, str(cause)
    if isinstance(cause, LookupFailedError):
        return Failure.LOOKUP, str(cause)
    return Failure.LOOKUP, type(cause).__name__


def causes(error: BaseException) -> Iterator[BaseException]:
    """An exception, then what raised it, down to the first."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__
