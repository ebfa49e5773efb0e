"""A complete document from the web, or an error, over the same guarded connections."""

import http.client
import re
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

import urllib3
from urllib3.exceptions import HTTPError

from kb.links.client import AGENT, HEAD_ROOM, diagnose, guard_failure
from kb.links.guard import (
    PRIVATE_ALLOWED,
    Guard,
    LookupFailedError,
    NoSuchNameError,
    Remembering,
    Resolver,
    kind_of,
    system_resolver,
)
from kb.links.urls import Target, follow, parse
from kb.links.verdict import BY_FAILURE, PERMANENT, TEMPORARY, Failure
from kb.links.wire import METER, FloodError, pools, tls_context
from kb.records.errors import Exit, KBError

HOPS = 5  # redirects that are followed
PIECE = 64 * 1024  # bytes
# Compressed bytes would have to be unpacked before they can be counted; a list is small.
HEADERS = {"User-Agent": AGENT, "Accept": "text/plain, */*;q=0.8", "Accept-Encoding": "identity"}


@dataclass(frozen=True)
class Reader:
    """Reads documents of at most `largest` bytes, each within `seconds`.

    Whoever names an address of this machine or of the local network may read it; a redirect may
    lead from outside to neither.
    """

    largest: int
    seconds: float = 60.0
    resolver: Resolver = system_resolver
    ca_file: str | None = None

    def read(self, url: str) -> bytes:
        """The document's bytes.

        Raises KBError: usage for what is no address or no document, unreachable where the server
        or the network fails, a document that breaks off included.
        """
        resolver = Remembering(self.resolver)
        try:
            target = parse(url)
            guard = Guard(self._own(target, resolver), resolver)
            end = monotonic() + self.seconds
            for _ in range(HOPS + 1):
                answer = self._answer(guard, target, end, url)
                if isinstance(answer, bytes):
                    return answer
                target = answer
        except ValueError as error:
            raise KBError(str(error), where=url, hint="name an http(s) address") from error
        except (HTTPError, OSError, FloodError, http.client.HTTPException) as error:
            raise _failed(url, *diagnose(error)) from error
        raise KBError(f"more than {HOPS} redirects", where=url, code=Exit.UNREACHABLE)

    @staticmethod
    def _own(target: Target, resolver: Resolver) -> frozenset[str]:
        """The kinds of private address of the document's own host."""
        try:
            addresses = resolver(target.host, target.port)
        except (NoSuchNameError, LookupFailedError) as error:
            raise _failed(target.url, *guard_failure(error)) from error
        return PRIVATE_ALLOWED & {kind_of(text) for text in addresses}

    def _answer(self, guard: Guard, target: Target, end: float, url: str) -> bytes | Target:
        """The document, or the target of a redirect."""
        METER.start(end - monotonic(), HEAD_ROOM + self.largest)
        manager = pools(guard, keep=1, per_host=1, context=tls_context(self.ca_file))
        pool = manager.connection_from_host(target.host, target.port, target.scheme)
        try:
            with pool.urlopen(
                "GET",
                target.path,
                headers=HEADERS,
                retries=False,
                redirect=False,
                assert_same_host=False,
                timeout=self.seconds,
                preload_content=False,
                decode_content=False,
            ) as response:
                place = response.headers.get("Location", "")
                if response.status in PERMANENT | TEMPORARY and place:
                    return follow(target, place)
                return self._body(response, url)
        finally:
            manager.clear()

    def _body(self, response: urllib3.BaseHTTPResponse, url: str) -> bytes:
        if response.status != http.client.OK:
            what = f"HTTP {response.status}"
            raise KBError(what, where=url, hint="check the address", code=Exit.UNREACHABLE)
        _refuse_page(response.headers.get, url)
        data = bytearray()
        while piece := response.read(PIECE, decode_content=False):
            data += piece
            if len(data) > self.largest:
                raise KBError(
                    f"larger than {self.largest >> 20} MB", where=url, hint="is it a list?"
                )
        return bytes(data)


def _refuse_page(header: Callable[[str, str], str], url: str) -> None:
    if re.match(r"\s*(?:text/html|application/xhtml)", header("Content-Type", ""), re.IGNORECASE):
        raise KBError("a web page, not Markdown", where=url, hint="name the raw file")
    if header("Content-Encoding", "identity").lower() != "identity":
        raise KBError(
            "the server compresses it in spite of the request",
            where=url,
            hint="save it and name the file",
        )


def _failed(url: str, failure: Failure, detail: str) -> KBError:
    _, reason = BY_FAILURE[failure]
    if failure is Failure.REFUSED:
        return KBError(f"{reason}: {detail}", where=url, hint="save it and name the file")
    what = f"cannot be fetched ({reason}{f': {detail}' if detail else ''})"
    return KBError(what, where=url, hint="check the address and the network", code=Exit.UNREACHABLE)
