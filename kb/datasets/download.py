"""One file over HTTP: resumed by Range, checked by SHA-256, never larger than the disk has room.

What has arrived lies in `<file>.part` with the server's mark of its version (ETag or Last-Modified)
beside it: another run goes on from there if the server's file is still that one (If-Range), and
begins again if it is not.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import requests

from kb.records.errors import Exit, KBError

Told = Callable[[int, int], None]  # bytes here, bytes in all (0: not known)

TRIES = 5
TIMEOUT = (10.0, 60.0)  # seconds to connect, seconds without a byte
_BLOCK = 1 << 16  # what a connection that breaks may cost
_SPARE = 64 << 20  # bytes that stay free on the disk
_RANGE = 416
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
    """What became of a file."""

    url: str
    path: str
    bytes: int
    sha256: str
    verified: bool  # against a published sum
    resumed_from: int | None = None  # bytes that were here before; None: it was whole already


def fetch(remote: Remote, folder: Path, told: Told, pause: float = _PAUSE) -> Fetched:
    """The file, whole and as published, at `folder / remote.path`.

    Raises KBError (unreachable) where the server gives up, the disk is full, or the sum is another.
    """
    target = folder / remote.path
    if target.is_file():
        return _already(remote, target)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    had = part.stat().st_size if part.is_file() else 0
    for attempt in range(TRIES):
        try:
            _transfer(remote, part, told)
            break
        except (requests.RequestException, _ShortError) as error:
            if attempt == TRIES - 1:
                what = f"cannot be fetched ({_reason(error)})"
                hint = "what has arrived is kept; run it again to go on"
                raise KBError(what, where=remote.url, hint=hint, code=Exit.UNREACHABLE) from error
            time.sleep(pause * 2**attempt)
    digest = _sum(part)
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
    digest = _sum(target)
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


def _transfer(remote: Remote, part: Path, told: Told) -> None:
    """One request: the rest of the file, or all of it."""
    mark, have = _marked(part, remote.url), part.stat().st_size if part.is_file() else 0
    headers = {"Accept-Encoding": "identity"}
    if have and mark and mark.total == have:
        return
    if have and mark and mark.version:
        headers |= {"Range": f"bytes={have}-", "If-Range": mark.version}
    with requests.get(remote.url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
        if answer.status_code == _RANGE:
            _forget(part)
            raise _ShortError("the part here is longer than the file there")
        if 400 <= answer.status_code < 500 and answer.status_code not in {408, 425, 429}:  # noqa: PLR2004
            what = f"answers {answer.status_code} {answer.reason}"
            hint = "see `kb data fetch --dry-run` for the home page"
            raise KBError(what, where=remote.url, hint=hint, code=Exit.UNREACHABLE)
        answer.raise_for_status()
        start = _start(answer, have)
        total = _total(answer, start)
        _check_size(remote, total)
        _check_room(part, total - start)
        _write_mark(part, _Mark(remote.url, _version(answer), total))
        _append(answer, part, start, total, told)
    if total and part.stat().st_size < total:
        raise _ShortError(f"{part.stat().st_size:,} of {total:,} bytes arrived")


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


def _check_size(remote: Remote, total: int) -> None:
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


def _append(answer: requests.Response, part: Path, start: int, total: int, told: Told) -> None:
    done = start
    with part.open("r+b" if start else "wb") as file:
        file.truncate(start)
        file.seek(start)
        for block in answer.iter_content(_BLOCK):
            done += len(block)
            if total and done > total:
                raise _ShortError("more bytes than announced")
            if not total:
                _check_room(part, len(block))
            file.write(block)
            told(done, total)


def _marked(part: Path, url: str) -> _Mark | None:
    try:
        found: Any = json.loads(_beside(part).read_text(encoding="utf-8"))
        mark = _Mark(str(found["url"]), found["version"], int(found["total"]))
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


def _sum(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) < 120 else type(error).__name__  # noqa: PLR2004  (one line)
