"""What surrounds a run of `kb links`: the progress bar, signals that end it, the arXiv query."""

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
    """Check the links, with a bar on a terminal; what a person should know goes to stderr."""
    from kb.links.check import check  # noqa: PLC0415
    from kb.links.history import History  # noqa: PLC0415
    from kb.links.settings import Policy  # noqa: PLC0415

    policy = Policy.load(library.data if library is not None else None)
    history = History.load(library.data / "links.json" if library is not None else None)
    tell_lapsed(policy)
    with stoppable(), bar(len(links)) as progress:
        report = check(links, history, policy, settings, progress=progress)
    if report.unreachable:
        say("no network: nothing was held against any link" + proxy())
    if settings.github is not None and settings.github.closed:
        say(f"{settings.github.closed}: other repositories were looked at as pages")
    return report


def proxy() -> str:
    """What to say where the network may lie behind a proxy."""
    from urllib.request import getproxies  # noqa: PLC0415

    if not getproxies():
        return ""
    return "; a proxy is set, but links are asked directly: only so can their addresses be judged"


def tell_lapsed(policy: "Policy") -> None:
    """Say which excludes no longer hold."""
    from datetime import datetime, timezone  # noqa: PLC0415

    for skip in policy.lapsed(datetime.now(timezone.utc).date()):
        say(f"{skip.url} is checked again: its exclude held until {skip.until} ({skip.reason})")


@contextmanager
def stoppable() -> Iterator[None]:
    """SIGTERM ends a run as Ctrl-C does, so that its verdicts are written."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not the main thread: whoever runs us decides
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def bar(total: int) -> "Iterator[Progress]":
    """A progress bar on stderr where that is a terminal; silent elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _done, _total, _result: None
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415

    from kb.links.probe import printable  # noqa: PLC0415

    # An address may hold what rich would take for its own markup.
    words = TextColumn("{task.description}", markup=False)
    columns = (BarColumn(), MofNCompleteColumn(), words)
    with Progress(*columns, console=Console(stderr=True), transient=True) as display:
        task = display.add_task("links", total=total)

        def progress(done: int, _total: int, result: "Result") -> None:
            line = f"{result.verdict.value} {printable(result.url[:60])}"
            display.update(task, completed=done, description=line)

        yield progress


def arxiv_exists(library: "Library | None") -> "Exists":
    """How arXiv is asked which papers exist: through `kb enrich`'s polite line and its cache."""

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
    """Without a network say so at once, rather than after every retry."""
    from kb.links.guard import LookupFailedError, NoSuchNameError, system_resolver  # noqa: PLC0415
    from kb.links.urls import parse  # noqa: PLC0415

    target = parse(address)
    try:
        system_resolver(target.host, target.port)
    except (LookupFailedError, NoSuchNameError) as error:
        raise KBError(str(error), code=Exit.UNREACHABLE) from error
