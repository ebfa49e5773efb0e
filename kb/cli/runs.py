"""How runs are made, as options say it, and how their failures end a command."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kb.cli.options import need_extra
from kb.records.errors import Exit, KBError

ENGINES = ("local", "ray")
PRECISIONS = ("float32", "bf16", "fp16")


@dataclass(frozen=True)
class ExecutionOptions:
    """Where runs are made, how many at a time, for how long."""

    engine: str
    address: str | None
    jobs: int
    budget: str | None

    def check(self, precision: str | None) -> None:
        """Refuse what no engine can do before anything heavy is imported; then ask for the extra."""
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

    def made(self, library: Any, requests: list[Any]) -> list[dict[str, Any]] | None:
        """The documents of the requests; None in a process of torchrun that does not lead."""
        from kb.repro import budget as time  # noqa: PLC0415
        from kb.repro import parallel, progress  # noqa: PLC0415
        from kb.repro.reproduce import Executor, reproduce  # noqa: PLC0415

        clock = time.Clock(time.seconds(self.budget))
        executor = Executor(self.engine, self.address, self.jobs, clock)
        with parallel.process_group():
            leads = parallel.rank() == 0
            with progress.reporter() if leads else progress.silence() as reporter:
                found = reproduce(library, requests, executor, reporter)
            return found if leads else None


def raise_failures(found: list[dict[str, Any]]) -> None:
    """End with one line and an exit code where a run failed or a model could not be asked."""
    runs = [row for one in found for row in one.get("runs", [])]
    failed = [row for row in runs if row["status"] == "failed"]
    refused = [one for one in found if one["status"] == "refused"]
    if failed:
        first = f"{failed[0]['model']}, {failed[0]['reason']}"
        what = f"{len(failed)} of {len(runs)} runs failed, the first: {first}"
        hint = "the records say why; the same command runs them again"
        raise KBError(what, hint=hint, code=Exit.UNREACHABLE)
    if refused:
        what = (
            f"{len(refused)} of {len(found)} models were not run, the first: {refused[0]['reason']}"
        )
        raise KBError(what, code=Exit.UNREACHABLE)


def numbers(text: str) -> tuple[int, ...]:
    """The seeds of `0,1,2`, each once."""
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError as error:
        raise KBError(f"{text!r} names no seeds", hint="write 0 or 0,1,2") from error
    if any(not 0 <= seed < 1 << 63 for seed in found):
        raise KBError("a seed is negative or too large", hint="write 0 or 0,1,2")
    return tuple(dict.fromkeys(found))


def named_files(words: list[str] | None) -> tuple[tuple[str, Path], ...]:
    """The files of `w2v=FILE`, by name."""
    pairs = [word.partition("=") for word in words or ()]
    for name, equals, file in pairs:
        if not (name and equals and file):
            raise KBError(f"{name + equals + file!r} is no NAME=FILE", hint="write w2v=FILE")
    return tuple((name, Path(file).expanduser()) for name, _, file in pairs)
