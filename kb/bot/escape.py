"""Text of strangers as text: no markup, no mention, no link, no command, whatever it holds."""

from __future__ import annotations

import re

from kb.checks import formats

BREAK = "\u200b"  # a zero-width space: seen by nobody, and the end of any automatic link
_LINKS = re.compile(
    r"(?i)(?<=:)(?=//)|(?<=www)(?=\.)|(?<=gh)(?=-\d)|(?<=mailto)(?=:)|(?<=xmpp)(?=:)"
)


def text(value: str) -> str:
    """Markdown that shows `value` as it is, on one line: nothing in it links, mentions or styles."""
    flat = " ".join(formats.visible(value).split())
    return _LINKS.sub(BREAK, formats.escape(flat))


def span(value: str) -> str:
    """A code span: GitHub neither links nor notifies from one."""
    flat = " ".join(formats.visible(value).split()) or " "
    fence = "`" * (_longest(flat) + 1)
    pad = " " if "`" in flat or not flat.strip() else ""
    return f"{fence}{pad}{flat}{pad}{fence}"


def block(value: str, kind: str = "markdown") -> str:
    """A fenced block whose fence is longer than any run of back-ticks in it."""
    fence = "`" * max(3, _longest(value) + 1)
    return f"{fence}{kind}\n{formats.visible(value)}\n{fence}"


def _longest(value: str) -> int:
    return max((len(run) for run in re.findall(r"`+", value)), default=0)


def data(value: str) -> str:
    """The message of a workflow command: it cannot end the command or begin another."""
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def attribute(value: str) -> str:
    """The same for one of its properties."""
    return data(value).replace(":", "%3A").replace(",", "%2C")
