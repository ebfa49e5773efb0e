"""`kb bot report` and `kb bot post`: the two halves of the bot, one for each workflow."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kb.cli.options import Json, Root, emit, say
from kb.records.errors import Exit, KBError

if TYPE_CHECKING:
    from kb.bot.report import Report

FORMATS = ("text", "json", "markdown", "github")
MOST_SUMMARY = 1 << 20  # bytes of a step summary that GitHub keeps

bot = typer.Typer(help="The bot of pull requests: judge a change, and tell GitHub about it.")


def register(app: typer.Typer) -> None:
    """Add `kb bot`."""
    app.add_typer(bot, name="bot", no_args_is_help=True)


@bot.command("report")
def report(
    base: Annotated[
        str, typer.Option("--base", metavar="FILE|REV", help="The list before the change.")
    ],
    head: Annotated[Path, typer.Option("--head", metavar="FILE", help="The list after it.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the report as JSON.")
    ] = None,
    *,
    links: Annotated[
        bool, typer.Option("--links", help="Look at new links and ask arXiv.")
    ] = False,
    arxiv: Annotated[
        bool | None, typer.Option("--arxiv/--no-arxiv", help="Ask arXiv about new papers.")
    ] = None,
    form: Annotated[str, typer.Option("--format", help="text, json, markdown or github.")] = "text",
    root: Root = None,
    json: Json = False,
) -> None:
    """Compare two versions of a list and judge what is new; exit code 1 where an error is."""
    from kb.bot.judge import compare  # noqa: PLC0415  (the room loads when the command runs)
    from kb.bot.web import Web  # noqa: PLC0415

    form = "json" if json else form
    if form not in FORMATS:
        raise KBError(f"there is no format {form!r}", hint=f"one of {', '.join(FORMATS)}")
    place = _root(root, head)
    endpoint = os.environ.get("KB_ARXIV_ENDPOINT")
    asked = (links or endpoint is not None) if arxiv is None else arxiv
    web = Web(links, asked, place / "data" if place else None, endpoint)
    found = compare(base, head, root=place, ask=web)
    if out is not None:
        from kb.records import atomic  # noqa: PLC0415

        atomic.write(out, found.as_json().encode())
    emit(_render(found, form))
    if form == "github":
        _summary(found)
    if found.blocks:
        raise typer.Exit(Exit.FINDINGS)


def _render(found: "Report", form: str) -> str:
    if form == "json":
        return found.as_json()
    if form == "markdown":
        from kb.bot.comment import summary  # noqa: PLC0415

        return summary(found)
    if form == "github":
        from kb.bot.annotations import commands  # noqa: PLC0415

        return commands(found)
    from kb.bot.plain import text  # noqa: PLC0415

    return text(found)


def _summary(found: "Report") -> None:
    """Add to the summary of the job, where there is one."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if path is None:
        return
    from kb.bot.comment import summary  # noqa: PLC0415

    body = summary(found).encode()[:MOST_SUMMARY].decode("utf-8", "ignore")
    try:
        with Path(path).open("a", encoding="utf-8") as stream:
            stream.write(body)
    except OSError as error:
        say(f"kb: the summary could not be written ({error.strerror})")


def _root(root: Path | None, head: Path) -> Path | None:
    """The knowledge base: as given, around the working folder, around the list; else none."""
    from kb.records.library import find_root  # noqa: PLC0415

    if root is not None:
        return root
    for start in (None, head.resolve().parent):
        try:
            return find_root(start)
        except KBError:  # noqa: PERF203  (two places at most)
            continue
    return None


@bot.command("post")
def post(
    event: Annotated[
        Path, typer.Option("--event", metavar="FILE", help="The workflow_run event, as JSON.")
    ],
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE", help="JSON or zip; the run's artifact if absent."),
    ] = None,
    api: Annotated[
        str, typer.Option("--api", envvar="GITHUB_API_URL", metavar="URL", help="GitHub's API.")
    ] = "https://api.github.com",
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent.")] = False,
) -> None:
    """Hold a report to its form and say it on its pull request; the token is GITHUB_TOKEN."""
    from kb.bot.github import Client  # noqa: PLC0415
    from kb.bot.post import post as send  # noqa: PLC0415

    token = os.environ.get("GITHUB_TOKEN", "")
    if not token:
        raise KBError("GITHUB_TOKEN is not set", hint="give the job's token in the environment")
    for line in send(event, report, Client(api, token, dry_run=dry_run)):
        say(f"kb: {line}")
