"""A snapshot of a page that is gone: the Wayback Machine is asked where it would send a reader."""

from collections.abc import Generator
from dataclasses import replace

from kb.links.client import Answer, Ask
from kb.links.probe import Probe
from kb.links.urls import parse
from kb.links.verdict import PERMANENT, TEMPORARY, Result

ENDPOINT = "https://web.archive.org"


def snapshot(url: str, endpoint: str) -> Generator[Ask, Answer, str | None]:
    """The newest snapshot's address, or None. Its redirect is read, not followed."""
    try:
        asked = parse(f"{endpoint.rstrip('/')}/web/{url}")
    except ValueError:
        return None
    answer = yield Ask("GET", asked)
    location = answer.headers.get("location", "")
    if answer.status not in PERMANENT | TEMPORARY or "/web/" not in location:
        return None
    try:
        from_root = location if "://" in location.partition("/web/")[0] else asked.origin + location
        return parse(from_root).shown
    except ValueError:
        return None


def with_snapshot(look: Probe, endpoint: str | None) -> Probe:
    """The same look, and where it finds the page gone, a snapshot of it."""
    result: Result = yield from look
    if not result.gone or endpoint is None:
        return result
    found = yield from snapshot(result.url, endpoint)
    return replace(result, archive=found)
