"""Options for executing runs, and the exit of a command whose runs failed."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from kb.cli.options import emit, emit_json, need_extra, say
from kb.records.errors import Exit, KBError
from kb.records.wording import counted

ENGINES = ("local", "ray")
Documents = list[dict[str, Any]]
CONFIGS = ("small", "published")
PRECISIONS = ("float32", "bf16", "fp16")
LONGEST_NAME = 100  # letters of who runs it


@dataclass(frozen=True)
class ExecutionOptions:
    """Engine, parallel runs and time budget."""

    engine: str
    address: str | None
    jobs: int
    budget: str | None

    def check(self, precision: str | None) -> None:
        """Raise KBError for an impossible combination, then for a missing extra."""
        if self.engine not in ENGINES:
            raise KBError(f"no engine is called {self.engine!r}", hint="choose local or ray")
        if self.address is not None and self.engine != "ray":
            raise KBError("--address names a Ray cluster", hint="add --engine ray")
        if self.jobs > 1 and self.engine == "ray":
            raise KBError("Ray places runs by itself", hint="leave --jobs out")
        if precision not in {None, *PRECISIONS}:
            hint = f"choose {', '.join(PRECISIONS)}"
            raise KBError(f"no precision is called {precision!r}", hint=hint)
        need_extra("numpy", "jaxtyping", "torch")
        if self.engine == "ray":
            need_extra("ray", extra="cluster")

    def run(self, library: Any, requests: list[Any]) -> list[dict[str, Any]] | None:
        """Make the runs; returns their documents, or None in a torchrun process other than rank 0."""
        return self.run_with(library, lambda reproduce: reproduce(requests))

    def run_with(
        self, library: Any, work: Callable[[Callable[[list[Any]], Documents]], Documents]
    ) -> Documents | None:
        """As `run`, of work that is given the function that makes runs of requests."""
        from kb.repro import budget as time  # noqa: PLC0415
        from kb.repro import parallel, progress  # noqa: PLC0415
        from kb.repro.reproduce import Executor, reproduce  # noqa: PLC0415

        clock = time.Clock(time.seconds(self.budget))
        executor = Executor(self.engine, self.address, self.jobs, clock)
        with parallel.process_group():
            leads = parallel.rank() == 0
            with progress.reporter() if leads else progress.silence() as reporter:
                documents = work(lambda requests: reproduce(library, requests, executor, reporter))
            return documents if leads else None


def recorded(library: Any, model: str) -> Any:
    """The recorded runs of a model, of a claim first; None where there are none."""
    from kb.repro import again  # noqa: PLC0415

    return again.recorded(library, model)


def reproduce(runs: Any, options: ExecutionOptions, device: str, *, show: bool, json: bool) -> None:
    """Train one of these runs again, or only show them. Exit 1 where it is not reproduced."""
    from kb.repro import again, progress  # noqa: PLC0415
    from kb.repro import budget as time  # noqa: PLC0415

    if show:
        document = runs.document()
    else:
        clock = time.Clock(time.seconds(options.budget))
        minutes = max(1, round(runs.first.cost.seconds / 60))
        say(f"training {runs.model} again: the recorded run took {counted(minutes, 'minute')}")
        with progress.reporter() as reporter:
            document = again.again(runs, device=device, clock=clock, reporter=reporter)
    emit_json(document) if json else emit(again.text(document))
    if not document.get("reproduced", True):
        raise typer.Exit(Exit.FINDINGS)


def raise_failures(documents: list[dict[str, Any]]) -> None:
    """Raise KBError if a run failed or a model was refused."""
    runs = [row for one in documents for row in one.get("runs", [])]
    failed = [row for row in runs if row["status"] == "failed"]
    refused = [one for one in documents if one["status"] == "refused"]
    if failed:
        first = f"{failed[0]['model']}, {failed[0]['reason']}"
        what = f"{len(failed)} of {len(runs)} runs failed, the first: {first}"
        hint = "their records have the reason; the same command retries them"
        raise KBError(what, hint=hint, code=Exit.UNREACHABLE)
    if refused:
        what = f"{len(refused)} of {len(documents)} models were not run, the first: {refused[0]['reason']}"
        raise KBError(what, code=Exit.UNREACHABLE)


def numbers(text: str) -> tuple[int, ...]:
    """The seeds of `0,1,2`, each once."""
    try:
        seeds = [int(part) for part in text.split(",")]
    except ValueError as error:
        raise KBError(f"invalid seeds {text!r}", hint="write 0 or 0,1,2") from error
    if any(not 0 <= seed < 1 << 63 for seed in seeds):
        raise KBError("a seed is negative or too large", hint="write 0 or 0,1,2")
    return tuple(dict.fromkeys(seeds))


def named_files(words: list[str] | None) -> tuple[tuple[str, Path], ...]:
    """The files of `w2v=FILE`, by name."""
    pairs = [word.partition("=") for word in words or ()]
    for name, equals, file in pairs:
        if not (name and equals and file):
            raise KBError(f"{name + equals + file!r} is not NAME=FILE", hint="write w2v=FILE")
    return tuple((name, Path(file).expanduser()) for name, _, file in pairs)


def named_folders(words: list[str] | None) -> tuple[tuple[str, str], ...]:
    """The folders of `frames=resnet152`, by expert."""
    pairs = [word.partition("=") for word in words or ()]
    for expert, equals, folder in pairs:
        if not (expert and equals and folder):
            what = f"{expert + equals + folder!r} is not EXPERT=FOLDER"
            raise KBError(what, hint="write frames=resnet152")
    return tuple(sorted({expert: folder for expert, _, folder in pairs}.items()))


def named_probe(name: str, size: str | None, data: str | None) -> Any:
    """The probe world of `plain`, or `order-twins:present`. KBError for none, and beside --data."""
    from kb.datasets.synthetic.probes import Probe  # noqa: PLC0415

    if data is not None:
        raise KBError("--probe makes its own data", hint="leave --data out")
    return Probe.named(name, size or "small")


def checked_config(name: str | None) -> str | None:
    """`small`, `published` or none; KBError for another."""
    if name not in {None, *CONFIGS}:
        raise KBError(f"no configuration is called {name!r}", hint=f"choose {' or '.join(CONFIGS)}")
    return name


def checked_name(by: str | None) -> str | None:
    """Who runs it, with single spaces; None for nobody's name. KBError for one that no record takes."""
    name = " ".join((by or "").split())
    if not name.isprintable() or len(name) > LONGEST_NAME:
        what = "the name in --by or KB_BY is too long, or is not printable"
        raise KBError(what, hint=f"write up to {LONGEST_NAME} letters")
    return name or None
