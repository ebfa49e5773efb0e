"""How links are looked at: the settings of a run, the rules for hosts, the excludes."""

import os
import re
from dataclasses import dataclass, field, fields
from datetime import date, timedelta
from math import isfinite
from pathlib import Path
from typing import Any

from kb.links.guard import Resolver, system_resolver
from kb.links.pace import HostRule, Patience
from kb.links.services import API, SOFTWARE_HERITAGE, WAYBACK, Exists
from kb.records import KBError, yamlfile


@dataclass(frozen=True)
class Settings:
    """The settings of one run."""

    max_age: timedelta = timedelta(days=7)
    offline: bool = False
    concurrency: int = 100
    timeout: float = 20.0  # seconds for one request
    budget: float | None = None  # seconds for the run
    allow_private: bool = False
    fragments: bool = False  # whether a page must have the anchor that a link names
    resolver: Resolver = system_resolver
    ca_file: str | None = None
    patience: Patience = field(default_factory=Patience)
    github: API | None = field(default_factory=API)
    archive: str | None = WAYBACK
    software_heritage: str = SOFTWARE_HERITAGE
    arxiv: Exists | None = None

    @classmethod
    def from_environment(cls, **own: object) -> "Settings":
        """Endpoints and the token from KB_GITHUB_API, KB_WAYBACK, KB_SWH and GITHUB_TOKEN."""
        token = os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN") or None
        endpoint = os.environ.get("KB_GITHUB_API", API.endpoint)
        archive = os.environ.get("KB_WAYBACK", WAYBACK) or None
        swh = os.environ.get("KB_SWH") or SOFTWARE_HERITAGE
        values: dict[str, Any] = {
            "github": API(endpoint, token),
            "archive": archive,
            "software_heritage": swh,
            **own,
        }
        return cls(**values)


FILE = "links-policy.yaml"
DEFAULTS = Path(__file__).with_name("policy.yaml")
TYPES = {field.name: type(field.default) for field in fields(HostRule)}
SLOWEST = 3600.0  # seconds; a longer interval would hang the run
HINT = "see the head of kb/links/policy.yaml for the form"


@dataclass(frozen=True)
class Skip:
    """An address, or many with `*`, that is not checked, why, and until when."""

    url: str
    reason: str
    until: date | None = None

    def matches(self, url: str, today: date) -> bool:
        """Whether the exclude covers `url` today."""
        return (self.until is None or today <= self.until) and glob(self.url, url)


def glob(pattern: str, text: str) -> bool:
    """Whether `text` matches `pattern`, in which `*` stands for anything.

    Each part is searched once, after the one before it: no backtracking, whatever the pattern.
    """
    first, *parts = re.sub(r"\*+", "*", pattern).split("*")
    if not parts:
        return text == first
    *middle, last = parts
    if not text.startswith(first) or len(text) < len(first) + len(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in middle:
        at = text.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return text.endswith(last)


class Policy:
    """The rules for hosts, and the addresses that are left alone."""

    def __init__(self, hosts: dict[str, HostRule], skips: list[Skip]) -> None:
        self.hosts, self.skips = hosts, skips

    @classmethod
    def load(cls, data: Path | None = None) -> "Policy":
        """The packaged rules, with those of `data`/links-policy.yaml over them.

        Raises KBError where a file is not of the form.
        """
        hosts, skips = read(DEFAULTS)
        if data is not None:
            more, skips = read(data / FILE)
            hosts |= more
        return cls(hosts, skips)

    def rule(self, host: str) -> HostRule:
        """The rule of a host: its own, that of the nearest name above it, or the default."""
        labels = host.lower().rstrip(".").split(".")
        for start in range(len(labels)):
            if rule := self.hosts.get(".".join(labels[start:])):
                return rule
        return self.hosts["default"]

    def skip(self, url: str, today: date) -> str | None:
        """Why an address is left alone today, or None."""
        return next((skip.reason for skip in self.skips if skip.matches(url, today)), None)

    def lapsed(self, today: date) -> list[Skip]:
        """Excludes that no longer hold."""
        return [skip for skip in self.skips if skip.until is not None and skip.until < today]


def read(path: Path) -> tuple[dict[str, HostRule], list[Skip]]:
    """Read one policy file; nothing where there is none. Raises KBError."""
    document = yamlfile.parse(yamlfile.read_text(path).text, path)
    if set(document) - {"hosts", "skip"}:
        raise KBError("only `hosts` and `skip` stand at the top", where=path, hint=HINT)
    hosts, skips = document.get("hosts") or {}, document.get("skip") or []
    if not isinstance(hosts, dict) or not isinstance(skips, list):
        raise KBError("`hosts` is a mapping and `skip` a list", where=path, hint=HINT)
    rules = {str(name).lower(): _rule(name, value, path) for name, value in hosts.items()}
    return rules, [_skip(value, path) for value in skips]


def _rule(name: object, value: Any, where: Path) -> HostRule:
    if not isinstance(value, dict) or set(value) - set(TYPES):
        raise KBError(f"host {name}: unknown setting", where=where, hint=HINT)
    for key, setting in value.items():
        if not _fits(setting, TYPES[key]):
            raise KBError(f"host {name}: {key} cannot be {setting!r}", where=where, hint=HINT)
    return HostRule(**value)


def _fits(setting: object, kind: type) -> bool:
    """Whether a value of the file may be a setting of this type."""
    if kind is bool or isinstance(setting, bool):
        return kind is bool and isinstance(setting, bool)
    if kind is int:
        return isinstance(setting, int) and setting >= 1
    return isinstance(setting, int | float) and isfinite(setting) and 0 <= setting <= SLOWEST


def _skip(value: Any, where: Path) -> Skip:
    if not isinstance(value, dict) or not value.get("url") or not value.get("reason"):
        raise KBError("an exclude needs `url` and `reason`", where=where, hint=HINT)
    return Skip(str(value["url"]), str(value["reason"]), _day(value.get("until"), where))


def _day(text: object, where: Path) -> date | None:
    try:
        return None if text is None else date.fromisoformat(str(text))
    except ValueError as error:
        raise KBError(f"`until` cannot be {text!r}", where=where, hint="YYYY-MM-DD") from error
