"""The part of GitHub's REST API that the bot needs: pages, retries, one-line errors.

The token goes to one origin only. Redirects are followed for downloads alone, and without it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import requests

import kb
from kb.records.errors import Exit, KBError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VERSION = "2022-11-28"
PER_PAGE = 100
MOST_PAGES = 100
ACTIONS = 41898282  # the id of github-actions[bot], whose token a workflow has
ATTEMPTS = 4
LONGEST_WAIT = 60.0  # seconds
LARGEST = 32 << 20  # bytes of one answer
LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
HINTS = {
    401: "the token is not valid",
    403: "the token lacks permissions: the job needs pull-requests: write and issues: write",
    404: "it does not exist, or the token may not see it",
    410: "gone",
    422: "GitHub refuses the values",
}


class RefusedError(Exception):
    """A final refusal; `status` is GitHub's."""

    def __init__(self, status: int, message: str) -> None:
        self.status, self.message = status, message
        super().__init__(f"{status}: {message}")


class Client:
    """A client of the API at `base`, as the user with the id `author`.

    With `dry_run` nothing is written.
    """

    def __init__(
        self,
        base: str,
        token: str,
        *,
        dry_run: bool = False,
        author: int = ACTIONS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        parts = urlsplit(base)
        local = parts.scheme == "http" and parts.hostname in LOCAL
        if not parts.hostname or parts.username or not (parts.scheme == "https" or local):
            raise KBError(
                f"--api {base[:100]!r} is not an https address", hint="https://api.github.com"
            )
        self.base = base.rstrip("/")
        self.origin = (parts.scheme, parts.netloc)
        self.dry_run, self.author, self.sleep = dry_run, author, sleep
        self.session = requests.Session()
        self.session.trust_env = False  # no .netrc beside the token that was given
        self.session.proxies = {} if local else getproxies()
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {token}",
            "User-Agent": f"kb-bot/{kb.__version__}",
            "X-GitHub-Api-Version": VERSION,
        }
        self.session.headers.update(headers)

    def get(self, path: str, **params: str) -> Any:
        """The JSON document at a path. Raises RefusedError, KBError (unreachable)."""
        return _document(self._ask("GET", f"{self.base}{path}", params=params))

    def pages(
        self, path: str, *, key: str | None = None, **params: str
    ) -> Iterator[dict[str, Any]]:
        """The rows of a list over all its pages; `key` names the list if it is inside an object.

        Raises KBError (unreachable) for a list of more than MOST_PAGES pages: half of one would be
        taken for the whole.
        """
        url: str | None = f"{self.base}{path}"
        query: dict[str, str] | None = {**params, "per_page": str(PER_PAGE)}
        for _ in range(MOST_PAGES):
            if url is None:
                return
            answer = self._ask("GET", url, params=query)
            document = _document(answer)
            rows = document.get(key) if key and isinstance(document, dict) else document
            if not isinstance(rows, list):
                raise _strange("a list was expected")
            yield from (row for row in rows if isinstance(row, dict))
            url, query = answer.links.get("next", {}).get("url"), None
            if url is not None and urlsplit(url)[:2] != self.origin:
                raise _strange("the next page is on another host")
        if url is not None:
            raise _strange(f"a list of more than {MOST_PAGES} pages")

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Write something. Raises RefusedError, KBError (unreachable)."""
        if self.dry_run:
            return {}
        answer = self._ask(method, f"{self.base}{path}", json=body)
        return _document(answer) if answer.content else {}

    def download(self, path: str, largest: int) -> bytes:
        """The bytes behind a path that redirects to a store; does not send the token there."""
        first = self._ask("GET", f"{self.base}{path}")
        target = first.headers.get("Location")
        if target is None:
            return _bounded(first, largest)
        if urlsplit(target).scheme != "https" and self.origin[0] == "https":
            raise _strange("a download without TLS")
        try:
            with requests.get(target, timeout=30, stream=True, allow_redirects=False) as answer:
                if answer.status_code != requests.codes.ok:
                    raise RefusedError(answer.status_code, "the artifact cannot be downloaded")
                return _bounded(answer, largest)
        except requests.RequestException as error:
            raise _unreachable(type(error).__name__) from error

    def _ask(self, method: str, url: str, **kwargs: Any) -> requests.Response:
        """Send one request, with retries if GitHub asks to wait or has a server error."""
        reason = ""
        for attempt in range(ATTEMPTS):
            wait = 2.0**attempt
            try:
                answer = self.session.request(
                    method, url, timeout=30, allow_redirects=False, **kwargs
                )
            except requests.RequestException as error:
                reason = type(error).__name__
                if method == "POST":
                    break  # it may have been done: better silent than twice
            else:
                if answer.status_code < 400:  # noqa: PLR2004
                    return answer
                retry_after = _patience(answer)
                if retry_after is None:
                    raise RefusedError(answer.status_code, _message(answer))
                reason, wait = f"status {answer.status_code}", max(wait, retry_after)
                if method == "POST" and answer.status_code >= 500:  # noqa: PLR2004
                    break
            if wait > LONGEST_WAIT:
                raise _unreachable(f"GitHub asks to wait {wait:.0f} s")
            if attempt + 1 < ATTEMPTS:
                self.sleep(wait)
        raise _unreachable(f"GitHub gave no usable answer ({reason})")


def _patience(answer: requests.Response) -> float | None:
    """Seconds to wait before a retry; None if a retry is of no use."""
    if answer.status_code >= 500:  # noqa: PLR2004
        return 0.0
    after = answer.headers.get("Retry-After", "")
    limited = answer.status_code == 429 or answer.headers.get("X-RateLimit-Remaining") == "0"  # noqa: PLR2004
    if answer.status_code in (403, 429) and after.isdigit():
        return float(after)
    if limited and answer.status_code in (403, 429):
        reset = answer.headers.get("X-RateLimit-Reset", "")
        return max(0.0, float(reset) - time.time()) if reset.isdigit() else LONGEST_WAIT
    return None


def _message(answer: requests.Response) -> str:
    """GitHub's message, with the usual cause."""
    try:
        document = answer.json()
    except ValueError:
        document = {}
    message = str(document.get("message", "")) if isinstance(document, dict) else ""
    hint = HINTS.get(answer.status_code, "")
    return "; ".join(part for part in (message[:200], hint) if part)


def _document(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except (ValueError, RecursionError) as error:
        raise _strange("an answer that is not JSON") from error


def _bounded(answer: requests.Response, largest: int) -> bytes:
    parts, size = [], 0
    for part in answer.iter_content(65536):
        size += len(part)
        if size > largest:
            raise KBError(
                f"the artifact is larger than {largest >> 20} MiB", hint="it is not a report"
            )
        parts.append(part)
    return b"".join(parts)


def _unreachable(what: str) -> KBError:
    return KBError(what, hint="run it again; posted parts stay", code=Exit.UNREACHABLE)


def _strange(what: str) -> KBError:
    return KBError(f"GitHub's answer: {what}", hint="is --api GitHub's API?", code=Exit.UNREACHABLE)
