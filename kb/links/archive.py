"""A snapshot of a page that is gone: the Wayback Machine is asked where it would send a reader."""

from dataclasses import replace

from kb.links.client import Ask
from kb.links.probe import Probe
from kb.links.urls import parse
from kb.links.verdict import PERMANENT, TEMPORARY, Result

ENDPOINT = "https://web.archive.org"


def look(gone: Result, endpoint: str) -> Probe:
    """The same result with the newest snapshot's address. The redirect is read, not followed."""
    asked = parse(f"{endpoint.rstrip('/')}/web/{gone.url}")
    answer = yield Ask("GET", asked)
    location = answer.headers.get("location", "")
    if answer.status not in PERMANENT | TEMPORARY or "/web/" not in location:
        return gone
    # urljoin would take the "//" of the archived address for its own.
    whole = location if "://" in location.partition("/web/")[0] else asked.origin + location
    try:
        return replace(gone, archive=parse(whole).shown)
    except ValueError:
        return gone
