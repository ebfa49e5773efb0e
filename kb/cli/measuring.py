"""`kb eval`: scores, embeddings or a TREC run, against what is right."""

from pathlib import Path
from typing import Annotated, Any

import typer

from kb.cli.options import Json, emit, emit_json, need_extra
from kb.cli.ranking import ranked, written
from kb.records.errors import KBError


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
        typer.Option(metavar="S2.npy", help="Scores of a second space: both scaled, then weighed."),
    ] = None,
    weight: Annotated[
        float | None, typer.Option(help="Of --similarity beside --fuse [0.6].")
    ] = None,
    convention: Annotated[
        str | None, typer.Option(help="Count as this model's official evaluator does.")
    ] = None,
    captions: Annotated[
        Path | None, typer.Option(metavar="C.txt", help="A caption a line: audit the shared ones.")
    ] = None,
    bootstrap: Annotated[
        int, typer.Option(min=0, metavar="N", help="Resamples of the queries for 95 % intervals.")
    ] = 0,
    trec_run: Annotated[
        Path | None, typer.Option("--trec-run", metavar="RUN", help="A TREC run, with --qrels.")
    ] = None,
    qrels: Annotated[
        Path | None, typer.Option(metavar="Q", help="TREC judgements with strata: infAP.")
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
    json: Json = False,
) -> None:
    """Evaluate embeddings or a similarity matrix in both directions, or a TREC run."""
    tables = {"similarity": similarity, "text": text, "video": video}
    given = {name: path for name, path in tables.items() if path is not None}
    if trec_run is not None or qrels is not None:
        if trec_run is None or qrels is None or given:
            raise KBError("--trec-run goes with --qrels, and without scores")
        need_extra("numpy")
        _print(_judged(trec_run, qrels), json, judged_table)
        return
    counted = convention is not None or ties != "expected" or bool(bootstrap)
    whole = set(given) in ({"similarity"}, {"text", "video"})
    both = "--similarity, or --text and --video, or --trec-run and --qrels"
    ids, numbers = topics is not None or shots is not None, relevance is not None or captions
    for wrong, what, mend in (
        (not whole, f"needs {both}", None),
        (
            convention is not None and (post != "none" or ties != "expected" or bootstrap),
            "--convention brings its own ties and no post-processing or intervals",
            None,
        ),
        (
            post == "none" and (scale is not None or bank is not None),
            "--scale and --bank belong to --post",
            "say which: --post qb-norm",
        ),
        (fuse is None and weight is not None, "--weight belongs to --fuse", None),
        (fuse is not None and similarity is None, "--fuse goes with --similarity", None),
        (write_run is None and ids, "--topics and --shots belong to --write-run", None),
        (
            write_run is not None and (counted or numbers),
            "--write-run ranks and counts nothing",
            "evaluate in a second call",
        ),
    ):
        if wrong:
            raise KBError(what, mend=mend)
    need_extra("numpy")
    from kb.retrieval import Post, files  # noqa: PLC0415
    from kb.retrieval import evaluate as measure  # noqa: PLC0415

    scores: dict[str, Any] = {name: files.read_table(path) for name, path in given.items()}
    share = {} if fuse is None else _fused(scores, files.read_table(fuse), weight)
    after = Post(post, scale, None if bank is None else files.read_table(bank))
    if write_run is not None:
        _print(share | ranked(scores, after, (topics, shots), write_run), json, written)
        return
    right = None if relevance is None else files.read_relevance(relevance)
    if convention is not None:
        found = measure(**scores, relevance=right, convention=convention).as_json()
    else:
        measured = measure(**scores, relevance=right, ties=ties, post=after)
        found = measured.as_json() | _intervals(measured, bootstrap)
    if captions is not None:
        found["duplicates"] = _audited(captions, right, (found["queries"], found["gallery"]))
    _print(found | share, json, evaluation_table)


def _fused(scores: dict[str, Any], second: Any, weight: float | None) -> dict[str, Any]:
    """Put the fused scores in the place of the first; what to report."""
    from kb.retrieval import fusion  # noqa: PLC0415

    share = fusion.LATENT if weight is None else weight
    scores["similarity"] = fusion.fused(scores["similarity"], second, share)
    return {"fusion": fusion.report(share)}


def _judged(run: Path, qrels: Path) -> dict[str, Any]:
    from kb.retrieval.inferred import evaluate_run  # noqa: PLC0415
    from kb.retrieval.trec import read_qrels, read_run  # noqa: PLC0415

    return evaluate_run(read_run(run), read_qrels(qrels))


def _audited(captions: Path, right: Any, shape: tuple[int, int]) -> dict[str, Any]:
    from kb.retrieval import Relevance, files  # noqa: PLC0415
    from kb.retrieval.duplicates import audit  # noqa: PLC0415

    return audit(files.read_lines(captions), Relevance.read(right, *shape))


def _intervals(measured: Any, samples: int) -> dict[str, Any]:
    if not samples:
        return {}
    sides = {"t2v": measured.t2v, "v2t": measured.v2t}
    found = {name: side.intervals(samples=samples) for name, side in sides.items()}
    return {"ci95": found, "bootstrap": samples}


def _print(found: dict[str, Any], as_json: bool, table: Any) -> None:
    emit_json(found) if as_json else emit(table(found))


def evaluation_table(found: dict[str, Any]) -> str:
    """The evaluation as lines of text."""
    names = list(found["t2v"])
    lines = ["     " + "".join(f"{name:>9}" for name in names)]
    for direction in ("t2v", "v2t"):
        values = (found[direction][name] for name in names if name in found[direction])
        lines.append(direction + "  " + "".join(f"{value:9.3f}" for value in values))
        for end, sign in enumerate("[]") if "ci95" in found else ():
            bounds = (found["ci95"][direction][name][end] for name in names)
            lines.append("  " + sign + "  " + "".join(f"{value:9.3f}" for value in bounds))
    rule = found.get("tie_rule")
    how = f"{found['ties']} queries with a tie ({rule})" if rule else f"as {found['source']}"
    lines.append(
        f"SumR {found['SumR']:.3f}; {found['queries']} captions, {found['gallery']} videos; {how}"
    )
    if "post" in found:
        post = found["post"]
        lines.append(
            f"after {post['name']} at inverse temperature {post['inverse_temperature']:g},"
            f" which saw {post['queries_seen']}; {' and '.join(post['directions'])}"
        )
    if "fusion" in found:
        first, second = found["fusion"]["weights"]
        lines.append(f"{first:g} of these scores and {second:g} of --fuse, each from 0 to 1")
    if "duplicates" in found:
        same = found["duplicates"]
        best = ", ".join(f"{name} {value:.2f}" for name, value in same["ceiling"].items())
        lines.append(
            f"{same['shared']} captions also describe another video ({same['videos']} videos);"
            f" the best that words allow: {best}"
        )
    return "\n".join(lines)


def judged_table(found: dict[str, Any]) -> str:
    """The measures of a TREC run as lines of text."""
    names = ("infAP", "infNDCG", "iP10", "iP100", "iP1000")
    rows = [*found["per_topic"].items(), ("all", found)]
    lines = ["topic   " + "".join(f"{name:>9}" for name in names)]
    for topic, metrics in rows:
        lines.append(f"{topic:8}" + "".join(f"{metrics[name]:9.4f}" for name in names))
    levels = [value for name, value in found.items() if name.startswith("iprec")]
    lines.append("precision at recall 0, 0.1, ... 1: " + " ".join(f"{x:.3f}" for x in levels))
    missing = found["missing_topics"]
    lines.append(f"{found['topics']} topics; {len(missing)} judged topics are not in the run")
    return "\n".join(lines)
