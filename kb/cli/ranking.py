"""`kb eval --write-run`: a ranking as a TREC run."""

from pathlib import Path
from typing import Any


def ranked(
    scores: dict[str, Any],
    post: Any,
    ids: tuple[Path | None, Path | None],
    out: Path,
    header: dict[str, Any] | None,
) -> dict[str, Any]:
    """Write the run of these scores under its header; returns its file and counts."""
    from kb.records import atomic  # noqa: PLC0415
    from kb.retrieval import files, run_header, trec  # noqa: PLC0415
    from kb.retrieval.counting import Matrix  # noqa: PLC0415
    from kb.retrieval.evaluation import scores_of  # noqa: PLC0415
    from kb.retrieval.inferred import DEPTH  # noqa: PLC0415
    from kb.retrieval.post import adjust  # noqa: PLC0415

    rows: Any = scores_of(**scores)
    if post.name != "none":
        bank = None if post.bank is None else Matrix(post.bank)
        rows = adjust(rows, post.name, scale=post.scale, bank=bank)
    topics, shots = (
        [str(number) for number in range(size)] if path is None else files.read_lines(path)
        for path, size in zip(ids, rows.shape, strict=True)
    )
    tag = "kb" if header is None else header["tag"]
    lines = list(trec.write_run(trec.ranked(rows, topics, shots, DEPTH), tag))
    above = [] if header is None else run_header.lines(header)
    atomic.write(out, "".join(f"{line}\n" for line in [*above, *lines]).encode())
    how = {} if post.name == "none" else {"post": post.as_json() | {"directions": ["t2v"]}}
    return {"run": str(out), "topics": len(topics), "lines": len(lines), **how}


def written(document: dict[str, Any]) -> str:
    """The document as text, with the command that evaluates the run."""
    return (
        f"{document['run']}: {document['topics']} topics, {document['lines']} lines;"
        f" evaluate it with kb eval --trec-run {document['run']} --qrels Q"
    )
