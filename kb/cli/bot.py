"""`kb bot report`, `post` and `draft`: one command for each workflow of the bot."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kb.cli.options import Json, Root, emit, say
from kb.records.errors import Exit, KBError

if TYPE_CHECKING:
    from kb.bot.report import BotReport

FORMATS = ("text", "json", "markdown", "github")
MOST_SUMMARY = 1 << 20  # bytes of a step summary that GitHub keeps

bot = typer.Typer(
    help="The pull-request bot: judge a change, post the report, draft the line of a paper."
)


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
        bool, typer.Option("--links", help="Check new links, and query arXiv.")
    ] = False,
    arxiv: Annotated[
        bool | None,
        typer.Option("--arxiv/--no-arxiv", help="Look up new papers on arXiv [with --links]."),
    ] = None,
    form: Annotated[str, typer.Option("--format", help="text, json, markdown or github.")] = "text",
    root: Root = None,
    json: Json = False,
) -> None:
    """Compare two versions of a list and check what is new; exit code 1 for new errors."""
    from kb.bot.judge import compare  # noqa: PLC0415  (the room loads when the command runs)
    from kb.bot.web import Web  # noqa: PLC0415

    form = "json" if json else form
    if form not in FORMATS:
        raise KBError(f"there is no format {form!r}", hint=f"one of {', '.join(FORMATS)}")
    if root is None and "KB_ROOT" in os.environ:
        root = Path(os.environ["KB_ROOT"])
    endpoint = os.environ.get("KB_ARXIV_ENDPOINT")
    ask_arxiv = (links or endpoint is not None) if arxiv is None else arxiv
    result = compare(base, head, root=root, ask=Web(links, ask_arxiv, endpoint=endpoint))
    result.base_ref = _branch(os.environ.get("GITHUB_BASE_REF", ""))
    if out is not None:
        from kb.records import atomic  # noqa: PLC0415

        atomic.write(out, result.as_json().encode())
    emit(_render(result, form))
    if form == "github":
        _summary(result)
    if result.blocks:
        raise typer.Exit(Exit.FINDINGS)


def _branch(name: str) -> str | None:
    """The base branch of a pull request, if its name is allowed in a report."""
    return name if re.fullmatch(r"[\w][\w./-]{0,199}", name) else None


def _render(result: "BotReport", form: str) -> str:
    if form == "json":
        return result.as_json()
    if form == "markdown":
        from kb.bot.comment import summary  # noqa: PLC0415

        return summary(result)
    if form == "github":
        from kb.bot.formats import commands  # noqa: PLC0415

        return commands(result)
    from kb.bot.formats import text  # noqa: PLC0415

    return text(result)


def _summary(result: "BotReport") -> None:
    """Append the report to the job's summary, if there is one."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if path is None:
        return
    from kb.bot.comment import summary  # noqa: PLC0415

    body = summary(result).encode()[:MOST_SUMMARY].decode("utf-8", "ignore")
    try:
        with Path(path).open("a", encoding="utf-8") as stream:
            stream.write(body)
    except OSError as error:
        say(f"kb: the summary could not be written ({error.strerror})")


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
    listed: Annotated[
        str, typer.Option("--list", metavar="PATH", help="The list's path in the repository.")
    ] = "README.md",
    author: Annotated[
        int, typer.Option(envvar="KB_BOT_AUTHOR", help="User id of the token's account.")
    ] = 41898282,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the requests instead of sending them.")
    ] = False,
) -> None:
    """Validate a report and post it on its pull request, with the token in GITHUB_TOKEN."""
    from kb.bot.github import Client  # noqa: PLC0415
    from kb.bot.post import post as send  # noqa: PLC0415

    token = os.environ.get("GITHUB_TOKEN", "")
    if not token:
        raise KBError("GITHUB_TOKEN is not set", hint="set it to the job's token")
    client = Client(api, token, dry_run=dry_run, author=author)
    for line in send(event, report, client, listed):
        say(f"kb: {line}")


@bot.command("draft")
def draft(
    event: Annotated[Path, typer.Option("--event", metavar="FILE", help="An issue's event, JSON.")],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="Write what to say, as Markdown.")
    ],
    *,
    listed: Annotated[
        Path, typer.Option("--list", metavar="FILE", help="The list that the line goes into.")
    ] = Path("README.md"),
    root: Root = None,
) -> None:
    """Put the line of the paper that an issue asks for into the list; exit code 1 where there is none."""
    from kb.bot.issue import draft as make  # noqa: PLC0415
    from kb.records import Library, atomic  # noqa: PLC0415

    outcome = make(Library.open(root), event, listed)
    atomic.write(out, outcome.body.encode())
    emit(outcome.body)
    if not outcome.drafted:
        raise typer.Exit(Exit.FINDINGS)
