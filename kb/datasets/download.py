"""One file over HTTP: resumed by Range, checked by SHA-256, never larger than was published.

Every address is judged before it is connected to, those of redirects too: a source outside cannot
lead into a private network. What has arrived lies in `<file>.part` with the server's mark of its version (ETag or Last-Modified)
beside it: another run goes on from there if the server's file is still that one (If-Range), and
begins again if it is not.
"""

import hashlib
import http.client
import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from kb.links.client import diagnose
from kb.links.guard import (
    PRIVATE_ALLOWED,
    Guard,
    LookupFailedError,
    NoSuchNameError,
    RefusedAddressError,
    kind_of,
    system_resolver,
)
from kb.links.urls import Target, follow, parse
from kb.links.verdict import BY_FAILURE, Failure
from kb.links.wire import METER, FloodError, RefusedByGuardError, pools, tls_context
from kb.records.errors import Exit, KBError

Progress = Callable[[int, int], None]  # bytes here, bytes in all (0: not known)

TRIES = 5
HOPS = 5  # redirects that are followed
TIMEOUT = (10.0, 60.0)  # seconds to connect, seconds without a byte
LARGEST = 1 << 30  # bytes of a file whose size was not published
SLOWEST = 16 << 10  # bytes a second over the whole of a file; slower is given up
SECONDS = 120.0  # that any file may take
_BLOCK = 1 << 16  # what a connection that breaks may cost
_HEADERS = 256 << 10  # bytes of headers and protocol
_SPARE = 64 << 20  # bytes that stay free on the disk
_RANGE = 416
_ENCODINGS = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})
_PAUSE = 1.0  # seconds before another try; doubled each time


@dataclass(frozen=True)
class Remote:
    """A file to fetch: from where, to which path below the folder, and what it must be."""

    url: str
    path: str
    sha256: str | None = None
    bytes: int | None = None


@dataclass
class Fetched:
    """The outcome for a file."""

    url: str
    path: str
    bytes: int
    sha256: str
    verified: bool  # against a published sum
    resumed_from: int | None = None  # bytes that were here before; None: it was whole already


def fetch(remote: Remote, folder: Path, progress: Progress, pause: float = _PAUSE) -> Fetched:
    """Fetch the file, complete and as published, to `folder / remote.path`.

    Raises KBError (unreachable) where the server gives up, sends more than was published, is slower
    than SLOWEST, or leads into a private network; where the disk is full, or the sum is another.
    """
    target = folder / remote.path
    if target.is_file():
        return _already(remote, target)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    had = part.stat().st_size if part.is_file() else 0
    for attempt in range(TRIES):
        try:
            _transfer(remote, part, progress)
            break
        except (*_TROUBLE, _ShortError) as error:
            if attempt == TRIES - 1 or _settled(error):
                what = f"cannot be fetched ({_reason(error)})"
                hint = "what has arrived is kept; run it again to go on"
                raise KBError(what, where=remote.url, hint=hint, code=Exit.UNREACHABLE) from error
            time.sleep(pause * 2**attempt)
    digest = sha256(part)
    if remote.sha256 and digest != remote.sha256:
        _forget(part)
        what = f"has the SHA-256 {digest[:12]}..., {remote.sha256[:12]}... was published"
        hint = "it was thrown away; the source changed or was tampered with"
        raise KBError(what, where=remote.url, hint=hint, code=Exit.UNREACHABLE)
    part.replace(target)
    _forget(part)
    size = target.stat().st_size
    return Fetched(remote.url, remote.path, size, digest, bool(remote.sha256), had)


def _already(remote: Remote, target: Path) -> Fetched:
    digest = sha256(target)
    if remote.sha256 and digest != remote.sha256:
        what = f"has the SHA-256 {digest[:12]}..., {remote.sha256[:12]}... was published"
        raise KBError(what, where=target, hint="move it away and fetch it again")
    return Fetched(remote.url, remote.path, target.stat().st_size, digest, bool(remote.sha256))


class _ShortError(Exception):
    """The connection closed before the whole file had arrived."""


@dataclass
class _Mark:
    """Which version of the server's file a part belongs to."""

    url: str
    version: str | None
    total: int


_TROUBLE = (
    requests.RequestException,
    HTTPError,
    OSError,
    FloodError,
    http.client.HTTPException,
    ValueError,
)
_SETTLED = frozenset({Failure.REFUSED, Failure.NO_NAME})


class _Adapter(HTTPAdapter):
    """requests over guarded connections; behind a proxy, over the proxy's."""

    def __init__(self, guard: Guard) -> None:
        self.guard = guard
        super().__init__(max_retries=0)

    def init_poolmanager(self, *_: Any, **__: Any) -> None:
        """Called by requests to make its connections."""
        self.poolmanager = pools(self.guard, keep=1, per_host=1, context=tls_context())


def _guard(target: Target) -> Guard:
    """A private address is allowed if the user gave it, not as the target of a redirect."""
    try:
        addresses = system_resolver(target.host, target.port)
    except (NoSuchNameError, LookupFailedError):
        addresses = []  # behind a proxy names need not be known here
    return Guard(PRIVATE_ALLOWED & {kind_of(text) for text in addresses})


def _judge_name(guard: Guard, target: Target) -> None:
    """Behind a proxy: refuse what is known here as a private address; the proxy judges the rest."""
    try:
        guard.addresses(target.host, target.port)
    except RefusedAddressError as error:
        raise RefusedByGuardError(error) from error
    except (NoSuchNameError, LookupFailedError):
        return


@contextmanager
def _answer(
    url: str, headers: dict[str, str], seconds: float, size: int
) -> Iterator[requests.Response]:
    """The answer at an address after its redirects, each judged anew."""
    target = parse(url)
    guard = _guard(target)
    with requests.Session() as session:
        adapter = _Adapter(guard)
        for scheme in ("http://", "https://"):
            session.mount(scheme, adapter)
        for _ in range(HOPS + 1):
            if requests.utils.get_environ_proxies(target.url):  # no connection of ours judges then
                _judge_name(guard, target)
            METER.start(seconds, size + _HEADERS)
            with session.get(
                target.url, headers=headers, stream=True, timeout=TIMEOUT, allow_redirects=False
            ) as answer:
                place = answer.headers.get("Location")
                if not answer.is_redirect or place is None:
                    yield answer
                    return
                target = follow(target, place)
    raise KBError(f"more than {HOPS} redirects", where=url, code=Exit.UNREACHABLE)


def _transfer(remote: Remote, part: Path, progress: Progress) -> None:
    """One request: the rest of the file, or all of it."""
    mark, have = _marked(part, remote.url), part.stat().st_size if part.is_file() else 0
    headers = {"Accept-Encoding": "identity"}
    if have and mark and mark.total == have:
        return
    if have and mark and mark.version:
        headers |= {"Range": f"bytes={have}-", "If-Range": mark.version}
    most = remote.bytes or LARGEST
    seconds = SECONDS + most / SLOWEST
    with _answer(remote.url, headers, seconds, most) as answer:
        if answer.status_code == _RANGE:
            _forget(part)
            raise _ShortError("the part here is longer than the file there")
        if 300 <= answer.status_code < 500 and answer.status_code not in {408, 425, 429}:  # noqa: PLR2004
            what = f"answers {answer.status_code} {answer.reason}"
            hint = "see `kb data fetch --dry-run` for the home page"
            raise KBError(what, where=remote.url, hint=hint, code=Exit.UNREACHABLE)
        answer.raise_for_status()
        _check_encoding(answer, remote)
        start = _start(answer, have)
        total = _total(answer, start)
        _check_size(remote, total)
        _check_room(part, total - start)
        _write_mark(part, _Mark(remote.url, _version(answer), total))
        end = time.monotonic() + seconds
        _append(answer, part, _Extent(remote, start, total, end), progress)
    size = part.stat().st_size
    expected = total or remote.bytes or 0
    if size < expected:
        raise _ShortError(f"{size:,} of {expected:,} bytes arrived")


def _start(answer: requests.Response, have: int) -> int:
    """Where the answer's bytes begin: 0 unless the server says that it goes on."""
    if answer.status_code != requests.codes.partial_content:
        return 0
    span = answer.headers.get("Content-Range", "")
    if not span.startswith(f"bytes {have}-"):
        raise _ShortError(f"asked from byte {have}, the answer is {span or 'without a range'}")
    return have


def _total(answer: requests.Response, start: int) -> int:
    """Bytes of the whole file; 0 where the server does not say."""
    length = answer.headers.get("Content-Length", "")
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        return 0  # compressed on the way: the length is another
    return start + int(length) if length.isdecimal() else 0


def _version(answer: requests.Response) -> str | None:
    """A strong mark of the version, as If-Range needs it; none of what was compressed on the way."""
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        return None
    tag = answer.headers.get("ETag", "")
    if tag and not tag.startswith("W/"):
        return tag
    return answer.headers.get("Last-Modified")


def _check_encoding(answer: requests.Response, remote: Remote) -> None:
    """None was asked for; Brotli, Zstandard and chains of several would be stored as they come."""
    encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in _ENCODINGS:
        what = f"is sent in the encoding {encoding[:40]!r}, which was not asked for"
        raise KBError(what, where=remote.url, hint="fetch it by hand", code=Exit.UNREACHABLE)


def _check_size(remote: Remote, total: int) -> None:
    if not remote.bytes and total > LARGEST:
        what = f"is {total:,} bytes long, no size was published and {LARGEST:,} is the most"
        raise KBError(what, where=remote.url, hint="fetch it by hand", code=Exit.UNREACHABLE)
    if remote.bytes and total and total != remote.bytes:
        what = f"is {total:,} bytes long, {remote.bytes:,} were published"
        hint = "the source changed; nothing was fetched"
        raise KBError(what, where=remote.url, hint=hint, code=Exit.UNREACHABLE)


def _check_room(part: Path, wanted: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if wanted + _SPARE > free:
        what = f"needs {wanted:,} bytes more, {free:,} are free"
        hint = "make room or give --out another disk; what has arrived is kept"
        raise KBError(what, where=part.parent, hint=hint, code=Exit.UNREACHABLE)


@dataclass(frozen=True)
class _Extent:
    """What of a file is to come: from where, how much in all (0: not known), until when."""

    remote: Remote
    start: int
    total: int
    end: float  # monotonic seconds


def _append(answer: requests.Response, part: Path, extent: _Extent, progress: Progress) -> None:
    """Write what comes; decompressed bytes are counted, and the one too many ends it."""
    done, most = extent.start, extent.remote.bytes or LARGEST
    with part.open("r+b" if done else "wb") as file:
        file.truncate(done)
        file.seek(done)
        for block in answer.iter_content(_BLOCK):
            done += len(block)
            if done > most:
                _too_long(part, extent.remote, most)
            if extent.total and done > extent.total:
                raise _ShortError("more bytes than announced")
            if time.monotonic() > extent.end:
                raise requests.Timeout("too slow to wait for")
            if not extent.total:
                _check_room(part, len(block))
            file.write(block)
            progress(done, extent.total)


def _too_long(part: Path, remote: Remote, most: int) -> None:
    _forget(part)
    published = f"{most:,} were published" if remote.bytes else "no size was published"
    what = f"sends more than {most:,} bytes, {published}"
    hint = "it was thrown away; the source changed or was tampered with"
    raise KBError(what, where=remote.url, hint=hint, code=Exit.UNREACHABLE)


def _marked(part: Path, url: str) -> _Mark | None:
    try:
        row: Any = json.loads(_beside(part).read_text(encoding="utf-8"))
        mark = _Mark(str(row["url"]), row["version"], int(row["total"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return mark if mark.url == url else None


def _write_mark(part: Path, mark: _Mark) -> None:
    _beside(part).write_text(json.dumps(asdict(mark)), encoding="utf-8")


def _beside(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _forget(part: Path) -> None:
    for path in (part, _beside(part)):
        path.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _settled(error: Exception) -> bool:
    """Whether trying again changes nothing: an address that is none, or one that is refused."""
    no_address = isinstance(error, ValueError) and not isinstance(error, requests.RequestException)
    return no_address or diagnose(error)[0] in _SETTLED


def _reason(error: Exception) -> str:
    """The error on one line, in the words of `kb links` or else of the library."""
    if isinstance(error, _ShortError | requests.HTTPError):
        return " ".join(str(error).split())[:120]
    failure, detail = diagnose(error)
    _, reason = BY_FAILURE[failure]
    if failure is Failure.GARBLED and not isinstance(error, requests.RequestException):
        reason, detail = " ".join(str(error).split())[:120] or type(error).__name__, ""
    return f"{reason}: {detail}" if detail and detail != reason else reason
