"""Options of `kb eval` for scores: which go together, and their evaluation."""

import shlex
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from kb.cli.ranking import ranked
from kb.records.errors import KBError

Document = dict[str, Any]
_DEFAULTS = {"ties": "expected", "post": "none", "bootstrap": 0, "plain": False}
INNER, COSINE = PRODUCTS = ("inner-product", "cosine")  # of embeddings


@dataclass(frozen=True)
class EvalOptions:
    """The options of `kb eval` for scores, named as on the command line."""

    text: Path | None
    video: Path | None
    by: str | None
    similarity: Path | None
    relevance: Path | None
    ties: str
    post: str
    scale: float | None
    bank: Path | None
    fuse: Path | None
    weight: float | None
    convention: str | None
    captions: Path | None
    bootstrap: int
    write_run: Path | None
    topics: Path | None
    shots: Path | None
    metadata: Path | None
    plain: bool

    @property
    def tables(self) -> dict[str, Path]:
        """The given score or embedding files."""
        tables = {"similarity": self.similarity, "text": self.text, "video": self.video}
        return {name: path for name, path in tables.items() if path is not None}

    def check(self) -> None:
        """Raise KBError for options that do not go together."""
        own_count = self.ties != "expected" or bool(self.bootstrap)
        counted = own_count or bool(self.convention or self.relevance or self.captions)
        inputs = "--similarity, or --text and --video, or --trec-run and --qrels"
        alone = "--convention has its own tie rule, and no post-processing or intervals"
        which = "add --post qb-norm, for example"
        for wrong, what, hint in (
            (set(self.tables) not in ({"similarity"}, {"text", "video"}), f"needs {inputs}", None),
            (self.convention and (self.post != "none" or own_count), alone, None),
            (self.post == "none" and self._of_post, "--scale and --bank belong to --post", which),
            (self.by and self.similarity, "--by goes with --text and --video", None),
            (self.by not in (None, *PRODUCTS), f"--by is {' or '.join(PRODUCTS)}", None),
            (not self.fuse and self.weight is not None, "--weight belongs to --fuse", None),
            (self.fuse and not self.similarity, "--fuse goes with --similarity", None),
            (not self.write_run and self._ids, "--topics and --shots belong to --write-run", None),
            (
                not self.write_run and (self.metadata or self.plain),
                "--metadata and --plain belong to --write-run",
                None,
            ),
            (self.metadata and self.plain, "--plain leaves out what --metadata would say", None),
            (
                self.write_run and counted,
                "--write-run ranks and counts nothing",
                "evaluate in a second call",
            ),
        ):
            if wrong:
                raise KBError(what, hint=hint)

    def refuse_all(self) -> None:
        """Raise KBError for any option, beside a TREC run that has none of them."""
        named = [
            "--" + field.name.replace("_", "-")
            for field in fields(self)
            if getattr(self, field.name) != _DEFAULTS.get(field.name)
        ]
        if named:
            what = f"{', '.join(named)} cannot be used with --trec-run"
            raise KBError(what, hint="its metrics are those of trec_eval and sample_eval")

    @property
    def _of_post(self) -> bool:
        return self.scale is not None or self.bank is not None

    @property
    def _ids(self) -> bool:
        return self.topics is not None or self.shots is not None

    def evaluated(self) -> Document:
        """The evaluation."""
        from kb.retrieval import evaluate, files  # noqa: PLC0415

        right = None if self.relevance is None else files.read_relevance(self.relevance)
        if self.convention is not None:
            official = evaluate(**self._scores, relevance=right, convention=self.convention)
            document = official.as_json()
        else:
            ours = evaluate(**self._scores, relevance=right, ties=self.ties, post=self._post())
            document = ours.as_json() | _intervals(ours, self.bootstrap)
        if self.captions is not None:
            shape = document["queries"], document["gallery"]
            document["duplicates"] = _audited(self.captions, right, shape)
        return document | self._read[1]

    def written(self, out: Path) -> Document:
        """Write the ranking as a TREC run; returns its file and counts."""
        ids = self.topics, self.shots
        return self._read[1] | ranked(self._scores, self._post(), ids, out, self._header())

    def _header(self) -> Document | None:
        """What is known of the run; None with --plain."""
        from kb.retrieval import run_header  # noqa: PLC0415

        if self.plain:
            return None
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        paths = {name: path for name, path in named.items() if isinstance(path, Path)}
        inputs = {
            name: path for name, path in paths.items() if name not in {"write_run", "metadata"}
        }
        made = "given scores" if self.similarity else self.by or INNER
        steps = [{"name": "scores", "method": made}]
        steps += [{"name": "fusion", "method": "weighted sum"}] if self.fuse else []
        steps += [{"name": "post-processing", "method": self.post}] if self.post != "none" else []
        method = {"score ties": "reverse alphabetical order", "retrieval": steps}
        document = run_header.known("kb", self._command(named), method, inputs)
        return document if self.metadata is None else run_header.merged(document, self.metadata)

    @staticmethod
    def _command(named: dict[str, Any]) -> str:
        """The call, with the names of files."""
        words = ["kb", "eval"]
        for name, value in named.items():
            if value is not None and value != _DEFAULTS.get(name):
                shown = value.name if isinstance(value, Path) else str(value)
                words += ["--" + name.replace("_", "-"), shown]
        return shlex.join(words)

    @property
    def _scores(self) -> Document:
        """The tables; with --fuse, `similarity` is the fused one."""
        return self._read[0]

    @cached_property
    def _read(self) -> tuple[Document, Document]:
        """The tables, and what is reported of how they were made."""
        from kb.retrieval import files, fusion  # noqa: PLC0415

        if self.similarity is None:
            tables: Document = {name: files.read_table(path) for name, path in self.tables.items()}
            if self.by == COSINE:
                tables = {name: _unit(table, name) for name, table in tables.items()}
            return tables, {"scores": self.by or INNER}
        first = files.read_scores(self.similarity)
        if self.fuse is None:
            return {"similarity": first.table}, {}
        second, how = fusion.aligned(first, files.read_scores(self.fuse))
        table = fusion.fused(first.table, second, self._share)
        return {"similarity": table}, {"fusion": fusion.report(self._share, how)}

    @property
    def _share(self) -> float:
        from kb.retrieval import fusion  # noqa: PLC0415

        return fusion.LATENT if self.weight is None else self.weight

    def _post(self) -> Any:
        from kb.retrieval import Post, files  # noqa: PLC0415

        bank = None if self.bank is None else files.read_table(self.bank)
        return Post(self.post, self.scale, bank)


def _unit(table: Any, name: str) -> Any:
    """Rows of length one. KBError for a row that has none."""
    import numpy as np  # noqa: PLC0415

    rows = np.asarray(table, np.float64)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    if not (length > 0).all():  # NaN, too
        at = int(np.flatnonzero(~(length[:, 0] > 0))[0])
        raise KBError(f"--{name} has no direction in row {at}: a cosine needs one")
    return rows / length


def _audited(captions: Path, right: Any, shape: tuple[int, int]) -> Document:
    from kb.retrieval import Relevance, files  # noqa: PLC0415
    from kb.retrieval.duplicates import audit  # noqa: PLC0415

    return audit(files.read_lines(captions), Relevance.read(right, *shape))


def _intervals(measured: Any, samples: int) -> Document:
    if not samples:
        return {}
    captions, _ = measured.relevance.clusters()
    clusters = int(captions.max()) + 1
    return {
        "ci95": measured.intervals(samples=samples),
        "bootstrap": samples,
        "clusters": clusters,
    }
