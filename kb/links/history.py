"""data/links.json: the verdicts over time. Cache and history in one file, written atomically.

Only this file can say `dead`: a link that was gone (404, 410, no such name) in one look and is
gone again in another at least a day later, with nothing good between.
"""

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from kb.links.verdict import ALIVE, Result, Verdict
from kb.records import KBError, atomic, plainfile

APART = timedelta(hours=24)  # between the two looks that make a death
SHORT = timedelta(days=3)  # how long a redirect or a wall is believed
KEPT = 12  # looks remembered for a link
FRESH = ALIVE | {Verdict.BLOCKED}  # believed for a while; everything else is looked at again
REMEMBERED = FRESH | {Verdict.SUSPECT, Verdict.DEAD, Verdict.TIMEOUT, Verdict.RATE_LIMITED}
FORM: dict[str, type] = {
    "status": int,
    "repository": int,
    "final_url": str,
    "reason": str,
    "archive": str,
    "redirects": list,
    "history": list,
}
STAMP = "%Y-%m-%dT%H:%M:%SZ"


def stamp(moment: datetime) -> str:
    """A time as text: UTC, whole seconds."""
    return moment.astimezone(timezone.utc).strftime(STAMP)


def moment(text: str) -> datetime:
    """The time of such a text."""
    return datetime.strptime(text, STAMP).replace(tzinfo=timezone.utc)


@dataclass
class History:
    """The links of one knowledge base over time, by address."""

    path: Path | None  # None: remembers nothing
    links: dict[str, dict[str, Any]]

    @classmethod
    def load(cls, path: Path | None) -> "History":
        """Read the file; a missing one is empty. Raises KBError for another form."""
        if path is None or not path.exists():
            return cls(path, {})
        return cls(path, read(path))

    def fresh(self, url: str, now: datetime, max_age: timedelta) -> Result | None:
        """The last verdict if it is young enough to reuse; None if the link needs a check."""
        known = self.links.get(url)
        if known is None or Verdict(known["verdict"]) not in FRESH:
            return None
        limit = max_age if known["verdict"] == Verdict.OK else min(max_age, SHORT)
        age = now - moment(known["checked"])
        return self.known(url) if timedelta(0) <= age < limit else None

    def known(self, url: str) -> Result | None:
        """The last verdict of any age."""
        known = self.links.get(url)
        if known is None:
            return None
        return Result(
            url=url,
            verdict=Verdict(known["verdict"]),
            reason=known.get("reason"),
            status=known.get("status"),
            final_url=known.get("final_url"),
            redirects=list(known.get("redirects", [])),
            archive=known.get("archive"),
            repository=known.get("repository"),
            cached=True,
        )

    def judge(self, result: Result, now: datetime) -> Result:
        """The result combined with the history: the second failure a day apart is dead."""
        known = self.links.get(result.url, {})
        archive = result.archive or known.get("archive")
        if not result.gone:
            return replace(result, archive=archive if result.verdict not in ALIVE else None)
        since = moment(known["gone_since"]) if known.get("gone_since") else now
        if now - since >= APART:
            reason = f"{result.reason}; so since {since:%Y-%m-%d}"
            return replace(result, verdict=Verdict.DEAD, reason=reason, archive=archive)
        when = (since + APART).strftime("%Y-%m-%d %H:%M UTC")
        reason = f"{result.reason}; dead if still so after {when}"
        return replace(result, reason=reason, archive=archive)

    def note(self, result: Result, now: datetime) -> None:
        """Save one result; of several at the same time only the last."""
        if result.verdict not in REMEMBERED or result.cached:
            return
        known = self.links.get(result.url, {})
        entry: dict[str, Any] = {"verdict": result.verdict.value, "checked": stamp(now)}
        for name in ("status", "final_url", "reason", "archive", "repository"):
            if (value := getattr(result, name)) is not None:
                entry[name] = value
        if result.final_url == result.url:
            del entry["final_url"]
        if result.redirects:
            entry["redirects"] = result.redirects
        if result.verdict in ALIVE:
            entry["last_good"] = stamp(now)
        else:
            entry |= {key: known[key] for key in ("last_good", "gone_since") if key in known}
        if result.gone:
            entry.setdefault("gone_since", stamp(now))
        look = [stamp(now), result.verdict.value, result.status]
        before = [row for row in known.get("history", []) if row[:1] != look[:1]]
        entry["history"] = [*before, look][-KEPT:]
        self.links[result.url] = entry

    def save(self, touched: set[str]) -> None:
        """Merge the changed entries into the current file.

        Another process may have written meanwhile; neither loses anything.
        """
        if self.path is None or not touched:
            return
        with atomic.locked(self.path.parent):
            standing = read(self.path) if self.path.exists() else {}
            standing |= {url: self.links[url] for url in touched if url in self.links}
            atomic.write(self.path, dump(standing))
            self.links = standing


def read(path: Path) -> dict[str, dict[str, Any]]:
    """The links of a history file."""
    try:
        document = json.loads(plainfile.read(path))
        links: dict[str, dict[str, Any]] = document["links"]
        for entry in links.values():
            prove(entry)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise KBError(
            "not a link history", where=path, hint="restore it from git, or delete it to start anew"
        ) from error
    return links


def prove(entry: dict[str, Any]) -> None:
    """Raise ValueError, KeyError or TypeError for an entry that `note` cannot have written."""
    Verdict(entry["verdict"])
    for name in ("checked", "last_good", "gone_since"):
        if name == "checked" or name in entry:
            moment(entry[name])
    for name, kind in FORM.items():
        if not isinstance(entry.get(name, kind()), kind):
            raise TypeError(name)
    hops, looks = entry.get("redirects", []), entry.get("history", [])
    if not (
        all(isinstance(hop, str) for hop in hops) and all(type(look) is list for look in looks)
    ):
        raise TypeError("redirects, history")


def dump(links: dict[str, dict[str, Any]]) -> bytes:
    """The file's bytes, sorted, so that a diff shows what changed."""
    document = {"schema_version": 1, "links": dict(sorted(links.items()))}
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()
