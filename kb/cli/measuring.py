"""`kb eval`: evaluate scores, embeddings or a TREC run."""

from pathlib import Path
from typing import Annotated, Any

import typer

from kb.cli.options import Json, emit, emit_json, need_extra
from kb.cli.ranking import written
from kb.cli.scored import EvalOptions
from kb.records.errors import KBError

MISSING = ("leave", "zero")  # judged topics that a run leaves out


def evaluate(
    text: Annotated[
        Path | None, typer.Option(metavar="T.npy", help="Embeddings, (captions, dim).")
    ] = None,
    video: Annotated[
        Path | None, typer.Option(metavar="V.npy", help="Embeddings, (videos, dim).")
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(help="Of embeddings: inner-product or cosine [inner-product]; reported."),
    ] = None,
    similarity: Annotated[
        Path | None,
        typer.Option(
            metavar="S.npy", help="Scores, (captions, videos); .npz with `captions` and `videos`."
        ),
    ] = None,
    relevance: Annotated[
        Path | None,
        typer.Option(metavar="R", help="Lines caption<TAB>video[<TAB>gain], or .npz [diagonal]."),
    ] = None,
    ties: Annotated[str, typer.Option(help="expected, optimistic or pessimistic.")] = "expected",
    post: Annotated[
        str, typer.Option(help="none, dsl, inverted-softmax or qb-norm; reported with the numbers.")
    ] = "none",
    scale: Annotated[
        float | None, typer.Option(help="Inverse temperature of --post [the paper's].")
    ] = None,
    bank: Annotated[
        Path | None,
        typer.Option(metavar="B.npy", help="Scores (other captions, videos) for --post."),
    ] = None,
    fuse: Annotated[
        Path | None,
        typer.Option(
            metavar="S2.npy",
            help="Scores of a second space, fused after min-max scaling; matched by names if any.",
        ),
    ] = None,
    weight: Annotated[
        float | None, typer.Option(help="Weight of --similarity with --fuse [0.6].")
    ] = None,
    convention: Annotated[
        str | None, typer.Option(help="Count as this model's official evaluator does.")
    ] = None,
    captions: Annotated[
        Path | None,
        typer.Option(
            metavar="C.txt", help="One caption per line: audit captions shared by videos."
        ),
    ] = None,
    bootstrap: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="Resamples for 95 % intervals: of the videos with all their captions.",
        ),
    ] = 0,
    trec_run: Annotated[
        Path | None, typer.Option("--trec-run", metavar="RUN", help="A TREC run, with --qrels.")
    ] = None,
    qrels: Annotated[
        Path | None, typer.Option(metavar="Q", help="TREC judgements with strata: infAP.")
    ] = None,
    missing: Annotated[
        str | None,
        typer.Option(
            help="Judged topics that --trec-run lacks: leave, or zero as trec_eval -c [leave]."
        ),
    ] = None,
    write_run: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Write the ranking as a TREC run instead of evaluating."),
    ] = None,
    topics: Annotated[
        Path | None, typer.Option(metavar="T.txt", help="Ids of the captions for --write-run.")
    ] = None,
    shots: Annotated[
        Path | None, typer.Option(metavar="V.txt", help="Ids of the videos for --write-run.")
    ] = None,
    metadata: Annotated[
        Path | None,
        typer.Option(
            metavar="M.yaml",
            help="For the ir_metadata header of --write-run: actor, research goal, data and so on.",
        ),
    ] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Write the run without its ir_metadata header.")
    ] = False,
    json: Json = False,
) -> None:
    """Evaluate embeddings or a similarity matrix in both directions, or a TREC run."""
    options = EvalOptions(
        text=text,
        video=video,
        by=by,
        similarity=similarity,
        relevance=relevance,
        ties=ties,
        post=post,
        scale=scale,
        bank=bank,
        fuse=fuse,
        weight=weight,
        convention=convention,
        captions=captions,
        bootstrap=bootstrap,
        write_run=write_run,
        topics=topics,
        shots=shots,
        metadata=metadata,
        plain=plain,
    )
    if trec_run is not None or qrels is not None:
        if trec_run is None or qrels is None or options.tables:
            raise KBError("--trec-run goes with --qrels, and without scores")
        options.refuse_all()
        need_extra("numpy")
        _print(_judged(trec_run, qrels, missing), json, judged_table)
        return
    if missing is not None:
        raise KBError("--missing goes with --trec-run and --qrels")
    options.check()
    need_extra("numpy")
    if write_run is not None:
        _print(options.written(write_run), json, written)
    else:
        _print(options.evaluated(), json, evaluation_table)


def _judged(run: Path, qrels: Path, missing: str | None) -> dict[str, Any]:
    if missing not in (None, *MISSING):
        raise KBError(f"--missing is {' or '.join(MISSING)}, not {missing}")
    from kb.retrieval.inferred import evaluate_run  # noqa: PLC0415
    from kb.retrieval.trec import read_qrels, read_run  # noqa: PLC0415

    how = missing or MISSING[0]
    return evaluate_run(read_run(run), read_qrels(qrels), missing=how) | {"missing": how}


def _print(document: dict[str, Any], as_json: bool, table: Any) -> None:
    emit_json(document) if as_json else emit(table(document))


def evaluation_table(metrics: dict[str, Any]) -> str:
    """The evaluation as text."""
    names = list(metrics["t2v"])
    lines = ["     " + "".join(f"{name:>9}" for name in names)]
    for direction in ("t2v", "v2t"):
        values = (metrics[direction][name] for name in names if name in metrics[direction])
        lines.append(direction + "  " + "".join(f"{value:9.3f}" for value in values))
        for end, sign in enumerate("[]") if "ci95" in metrics else ():
            bounds = (metrics["ci95"][direction][name][end] for name in names)
            lines.append("  " + sign + "  " + "".join(f"{value:9.3f}" for value in bounds))
    rule = metrics.get("tie_rule")
    how = f"{metrics['ties']} queries with a tie ({rule})" if rule else f"as {metrics['source']}"
    lines.append(
        f"SumR {metrics['SumR']:.3f}; {metrics['queries']} captions, {metrics['gallery']} videos; {how}"
    )
    if "ci95" in metrics:
        low, high = metrics["ci95"]["both"]["SumR"]
        lines.append(
            f"95 % intervals [], SumR {low:.3f} to {high:.3f}: {metrics['clusters']} clusters"
            " (videos with all their captions) resampled"
        )
    if "post" in metrics:
        post = metrics["post"]
        lines.append(
            f"after {post['name']} at inverse temperature {post['inverse_temperature']:g},"
            f" which used {post['queries_seen']}; {' and '.join(post['directions'])}"
        )
    if "scores" in metrics:
        lines.append(f"scores: {metrics['scores']} of the embeddings")
    if "fusion" in metrics:
        first, second = metrics["fusion"]["weights"]
        lines.append(
            f"{first:g} of these scores and {second:g} of --fuse, each from 0 to 1;"
            f" items matched by {metrics['fusion']['matched_by']}"
        )
    if "duplicates" in metrics:
        same = metrics["duplicates"]
        best = ", ".join(f"{name} {value:.2f}" for name, value in same["ceiling"].items())
        lines.append(
            f"{same['shared']} captions also describe another video ({same['videos']} videos);"
            f" upper bound for text alone: {best}"
        )
    return "\n".join(lines)


def judged_table(document: dict[str, Any]) -> str:
    """The metrics of a TREC run as text."""
    names = ("infAP", "infNDCG", "iP10", "iP100", "iP1000")
    rows = [*document["per_topic"].items(), ("all", document)]
    lines = ["topic   " + "".join(f"{name:>9}" for name in names)]
    for topic, metrics in rows:
        lines.append(f"{topic:8}" + "".join(f"{metrics[name]:9.4f}" for name in names))
    levels = [value for name, value in document.items() if name.startswith("iprec")]
    lines.append("precision at recall 0, 0.1, ... 1: " + " ".join(f"{x:.3f}" for x in levels))
    missing = document["missing_topics"]
    counted = " and count as 0" if document["missing"] == "zero" else ""
    lines.append(
        f"{document['topics']} topics; {len(missing)} judged topics are not in the run{counted}"
    )
    return "\n".join(lines)
