"""`kb links --archive`: whether archives keep what the list links to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kb.cli.options import emit, say
from kb.records.errors import KBError

if TYPE_CHECKING:
    from kb.links.archives import Copy
    from kb.links.check import LinkReport
    from kb.links.settings import Settings
    from kb.records import Library

LOOK, SAVE = MODES = ("look", "save")


def check(mode: str | None, settings: Settings) -> None:
    """Raise KBError for a mode that there is none of, or options that do not go with it."""
    from kb.links import archives  # noqa: PLC0415

    if mode is None:
        return
    if mode not in MODES:
        raise KBError(f"--archive is {' or '.join(MODES)}, not {mode!r}")
    if settings.offline:
        raise KBError("--archive sends requests", hint="leave out --offline")
    if settings.allow_private and archives.public(settings):
        what = (
            "--archive names addresses to public archives, and --allow-private allows private ones"
        )
        raise KBError(what, hint="leave one of them out")


def copies(
    mode: str | None, report: LinkReport, library: Library | None, settings: Settings
) -> list[Copy] | None:
    """What the archives have of the links; None where nobody asked."""
    from kb.links import archives  # noqa: PLC0415
    from kb.links.settings import Policy  # noqa: PLC0415

    if mode is None or report.interrupted or report.unreachable:
        return None
    policy = Policy.load(library.data if library is not None else None)
    return archives.copies(
        report.results, swhids(library), policy, settings, save=mode == SAVE, progress=_progress
    )


def _progress(url: str) -> None:
    import sys  # noqa: PLC0415

    if sys.stderr.isatty():
        say(url)


def swhids(library: Library | None) -> dict[str, str]:
    """Address -> Software Heritage identifier, of every link to code that has one."""
    return {link.url: link.swhid for link in _code(library) if link.swhid}


def _code(library: Library | None) -> list[Any]:
    if library is None:
        return []
    papers = (link for paper in library.papers for link in paper.links if link.kind == "code")
    listed = (one for one in library.implementations if one.status == "active")
    return [*papers, *listed]


def document(rows: list[Copy] | None) -> dict[str, Any]:
    """What `--json` has more: `archives`, a row per address."""
    return {} if rows is None else {"archives": [row.as_json() for row in rows]}


def show(rows: list[Copy] | None, library: Library | None) -> None:
    """The rows that are not archived; without rows, how to have them."""
    from kb.links import archives  # noqa: PLC0415

    if rows is not None:
        lacking = [row for row in rows if row.state != archives.ARCHIVED]
        emit("\n".join([*(row.line() for row in lacking), f"archives: {archives.summary(rows)}"]))
        if any(row.state == archives.MISSING for row in lacking):
            say("kb: `--archive save` asks the archives for what is missing")
        return
    code = {link.url: link.swhid for link in _code(library)}
    without = sum(swhid is None for swhid in code.values())
    if without:
        links = "link" if without == 1 else "links"
        say(
            f"kb: {without} {links} to code without a Software Heritage identifier;"
            " `kb links --only code --archive look` says whether it is kept there"
        )
