"""Around a run of `kb links`: progress bar, signals, arXiv look-up."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from kb.cli.options import say
from kb.records.errors import Exit, KBError

if TYPE_CHECKING:
    from kb.links.check import LinkReport, Progress
    from kb.links.services import Exists
    from kb.links.settings import Policy, Settings
    from kb.links.sources import ListedLink
    from kb.links.verdict import Result
    from kb.records import Library


def look(
    links: "list[ListedLink]", library: "Library | None", settings: "Settings"
) -> "LinkReport":
    """Check the links, with a progress bar on a terminal and notes on stderr."""
    from kb.links.check import check  # noqa: PLC0415
    from kb.links.history import History  # noqa: PLC0415
    from kb.links.settings import Policy  # noqa: PLC0415

    policy = Policy.load(library.data if library is not None else None)
    history = History.load(library.data / "links.json" if library is not None else None)
    report_expired(policy)
    with stoppable(), bar(len(links)) as progress:
        report = check(links, history, policy, settings, progress=progress)
    if report.unreachable:
        say("no network: no verdict was recorded" + proxy())
    if settings.github is not None and settings.github.closed:
        say(f"{settings.github.closed}: other repositories were checked as web pages")
    return report


def proxy() -> str:
    """A note for networks behind a proxy."""
    from urllib.request import getproxies  # noqa: PLC0415

    if not getproxies():
        return ""
    return "; kb ignores the configured proxy: behind it, it could not check where links lead"


def report_expired(policy: "Policy") -> None:
    """Report excludes that have expired."""
    from datetime import datetime, timezone  # noqa: PLC0415

    for skip in policy.lapsed(datetime.now(timezone.utc).date()):
        say(f"{skip.url} is checked again: its exclude expired on {skip.until} ({skip.reason})")


@contextmanager
def stoppable() -> Iterator[None]:
    """Treat SIGTERM like Ctrl-C, so that the verdicts are saved."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def bar(total: int) -> "Iterator[Progress]":
    """A progress bar on stderr, on a terminal only."""
    if not sys.stderr.isatty():
        yield lambda _done, _total, _result: None
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415

    from kb.links.probe import printable  # noqa: PLC0415

    # An address may contain rich's markup.
    words = TextColumn("{task.description}", markup=False)
    columns = (BarColumn(), MofNCompleteColumn(), words)
    with Progress(*columns, console=Console(stderr=True), transient=True) as display:
        task = display.add_task("links", total=total)

        def progress(done: int, _total: int, result: "Result") -> None:
            line = f"{result.verdict.value} {printable(result.url[:60])}"
            display.update(task, completed=done, description=line)

        yield progress


def arxiv_exists(library: "Library | None") -> "Exists":
    """A look-up of arXiv ids, with the rate limit and the cache of `kb enrich`."""

    def exists(identifiers: list[str]) -> dict[str, bool]:
        from platformdirs import user_cache_path  # noqa: PLC0415

        from kb.enrich.arxiv import Arxiv, Cache, endpoint  # noqa: PLC0415

        require_name(endpoint())
        folder = library.data if library is not None else user_cache_path("kb")
        cache = Cache(folder / "arxiv.json")
        Arxiv(cache).fetch(identifiers)
        return {key: cache.get(key) is not None for key in identifiers if cache.fresh(key)}

    return exists


def require_name(address: str) -> None:
    """Raise KBError (unreachable) at once if the host does not resolve."""
    from kb.links.guard import LookupFailedError, NoSuchNameError, system_resolver  # noqa: PLC0415
    from kb.links.urls import parse  # noqa: PLC0415

    target = parse(address)
    try:
        system_resolver(target.host, target.port)
    except (LookupFailedError, NoSuchNameError) as error:
        raise KBError(str(error), code=Exit.UNREACHABLE) from error
