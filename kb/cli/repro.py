"""Commands of measuring: evaluate embeddings or scores."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from kb.cli.options import Json, emit, emit_json
from kb.records.errors import Exit, KBError

EXTRA = {"torch", "numpy", "jaxtyping"}  # what the extra `repro` brings
Table = Annotated[Path | None, typer.Option(metavar="FILE.npy")]


def register(app: typer.Typer) -> None:
    """Add this room's commands."""
    app.command("eval")(evaluate)


def evaluate(
    text: Annotated[
        Path | None, typer.Option(metavar="T.npy", help="Embeddings, (captions, dim).")
    ] = None,
    video: Annotated[
        Path | None, typer.Option(metavar="V.npy", help="Embeddings, (videos, dim).")
    ] = None,
    similarity: Annotated[
        Path | None, typer.Option(metavar="S.npy", help="Scores, (captions, videos).")
    ] = None,
    relevance: Annotated[
        Path | None,
        typer.Option(metavar="R", help="Lines caption<TAB>video[<TAB>gain], or .npz [diagonal]."),
    ] = None,
    ties: Annotated[str, typer.Option(help="expected, optimistic or pessimistic.")] = "expected",
    json: Json = False,
) -> None:
    """Evaluate embeddings or a similarity matrix in both directions."""
    if (similarity is None) == (text is None and video is None) or (text is None) != (
        video is None
    ):
        raise KBError("needs --similarity, or --text and --video")
    with extra_needed():
        from kb.retrieval import evaluate as measure  # noqa: PLC0415
        from kb.retrieval import files  # noqa: PLC0415
    tables = {"similarity": similarity, "text": text, "video": video}
    found = measure(
        **{name: files.read_table(path) for name, path in tables.items() if path is not None},
        relevance=None if relevance is None else files.read_relevance(relevance),
        ties=ties,
    ).as_json()
    emit_json(found) if json else emit(evaluation_table(found))


@contextmanager
def extra_needed() -> Iterator[None]:
    """Where a module of the extra is missing, one line says what to install."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in EXTRA:
            raise
        raise KBError(
            f"{error.name} is not installed",
            mend="measuring needs the extra: pip install 'kb-video-text-retrieval[repro]'",
            code=Exit.UNREACHABLE,
        ) from error


def evaluation_table(found: dict[str, Any]) -> str:
    """The evaluation as lines of text."""
    names = list(found["t2v"])
    lines = ["     " + "".join(f"{name:>9}" for name in names)]
    for direction in ("t2v", "v2t"):
        values = (found[direction][name] for name in names)
        lines.append(direction + "  " + "".join(f"{value:9.3f}" for value in values))
    lines.append(
        f"SumR {found['SumR']:.3f}; {found['queries']} captions, {found['gallery']} videos;"
        f" {found['ties']} queries with a tie ({found['tie_rule']})"
    )
    return "\n".join(lines)
