"""The rules for hosts and the excludes: packaged defaults, then the knowledge base's own."""

import re
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any

from kb.links.hosts import Rule
from kb.records import KBError, yamlfile

FILE = "links-policy.yaml"
NAMES = {field.name: type(field.default) for field in fields(Rule)}
FORM = "see the head of kb/links/policy.yaml for the form"


@dataclass(frozen=True)
class Skip:
    """An address, or many with `*`, that is not checked, why, and until when."""

    url: str
    reason: str
    until: date | None = None

    def holds(self, url: str, today: date) -> bool:
        """Whether the exclude covers `url` today."""
        pattern = ".*".join(re.escape(part) for part in self.url.split("*"))
        in_time = self.until is None or today <= self.until
        return in_time and re.fullmatch(pattern, url, re.DOTALL) is not None


class Policy:
    """What is known of hosts, and what is left alone."""

    def __init__(self, hosts: dict[str, Rule], skips: list[Skip]) -> None:
        self.hosts, self.skips = hosts, skips

    @classmethod
    def load(cls, data: Path | None = None) -> "Policy":
        """The packaged rules, with those of `data`/links-policy.yaml over them.

        Raises KBError where a file is not of the form.
        """
        hosts, skips = read(Path(__file__).with_name("policy.yaml"))
        if data is not None:
            more, skips = read(data / FILE)
            hosts |= more
        return cls(hosts, skips)

    def rule(self, host: str) -> Rule:
        """The rule of a host: its own, that of the nearest name above it, or the default."""
        labels = host.lower().rstrip(".").split(".")
        for start in range(len(labels)):
            if rule := self.hosts.get(".".join(labels[start:])):
                return rule
        return self.hosts["default"]

    def skip(self, url: str, today: date) -> str | None:
        """Why an address is left alone today, or None."""
        return next((skip.reason for skip in self.skips if skip.holds(url, today)), None)

    def lapsed(self, today: date) -> list[Skip]:
        """Excludes that no longer hold."""
        return [skip for skip in self.skips if skip.until is not None and skip.until < today]


def read(path: Path) -> tuple[dict[str, Rule], list[Skip]]:
    """Read one policy file; nothing where there is none."""
    document = yamlfile.parse(yamlfile.read_text(path).text, path)
    if set(document) - {"hosts", "skip"}:
        raise KBError("only `hosts` and `skip` stand at the top", where=path, hint=FORM)
    hosts = {
        str(name).lower(): _rule(name, value, path)
        for name, value in (document.get("hosts") or {}).items()
    }
    return hosts, [_skip(value, path) for value in document.get("skip") or []]


def _rule(name: object, value: Any, where: Path) -> Rule:
    if not isinstance(value, dict) or set(value) - set(NAMES):
        raise KBError(f"host {name}: unknown setting", where=where, hint=FORM)
    for key, setting in value.items():
        good = isinstance(setting, bool) if NAMES[key] is bool else _positive(setting)
        if not good:
            raise KBError(f"host {name}: {key} cannot be {setting!r}", where=where, hint=FORM)
    if value.get("concurrency", 1) < 1:
        raise KBError(f"host {name}: concurrency cannot be under 1", where=where, hint=FORM)
    return Rule(**value)


def _positive(setting: object) -> bool:
    return isinstance(setting, int | float) and not isinstance(setting, bool) and setting >= 0


def _skip(value: Any, where: Path) -> Skip:
    if not isinstance(value, dict) or not value.get("url") or not value.get("reason"):
        raise KBError("an exclude needs `url` and `reason`", where=where, hint=FORM)
    return Skip(str(value["url"]), str(value["reason"]), _day(value.get("until"), where))


def _day(text: object, where: Path) -> date | None:
    try:
        return None if text is None else date.fromisoformat(str(text))
    except ValueError as error:
        raise KBError(f"`until` cannot be {text!r}", where=where, hint="YYYY-MM-DD") from error
