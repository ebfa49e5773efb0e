"""Provenance of a run: machine, versions, commit. No host name, no path."""

import platform
import sys
from datetime import datetime, timezone
from pathlib import Path

import torch

from kb.records.errors import Exit, KBError
from kb.records.git import said
from kb.records.runs import Machine
from kb.repro import parallel

CODE = Path(__file__).resolve().parents[2]


def device(wanted: str) -> torch.device:
    """The device called `auto`, `cpu` or `cuda`. Raises KBError where it is missing."""
    if wanted not in {"auto", "cpu", "cuda"}:
        raise KBError(f"no device is called {wanted!r}", hint="choose auto, cpu or cuda")
    there = torch.cuda.is_available()
    if wanted == "cuda" and not there:
        raise KBError(
            "torch sees no CUDA device here", hint="use --device cpu", code=Exit.UNREACHABLE
        )
    return torch.device("cuda" if there and wanted != "cpu" else "cpu")


def machine(used: torch.device) -> Machine:
    """The machine, by the names of its parts."""
    gpu = used.type == "cuda"
    return Machine(
        device=torch.cuda.get_device_name(used) if gpu else "cpu",
        processor=_processor(),
        threads=torch.get_num_threads(),
        processes=parallel.size(),
        driver=_driver() if gpu else None,
        python=platform.python_version(),
        torch=torch.__version__,
        cuda=torch.version.cuda if gpu else None,
        platform=f"{platform.system()} {platform.machine()}",
    )


def peak_memory(used: torch.device) -> int | None:
    """Bytes: of the device where it is a GPU, else of this process; None where the system does not count."""
    if used.type == "cuda":
        return int(torch.cuda.max_memory_allocated(used))
    if sys.platform == "win32":
        return None
    import resource  # noqa: PLC0415  (there is none on Windows)

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def commit() -> tuple[str | None, bool | None]:
    """The commit of the code that runs, and whether tracked files differ from it."""
    head = said(["rev-parse", "HEAD"], CODE)
    if head is None:
        return None, None
    changed = said(["status", "--porcelain", "--untracked-files=no"], CODE)
    return head, None if changed is None else bool(changed)


def now() -> str:
    """This second, UTC, as records write it."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def _processor() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or None
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, None) or platform.machine() or None


def _driver() -> str | None:
    try:
        text = Path("/proc/driver/nvidia/version").read_text(encoding="utf-8")
    except OSError:
        return None
    return next((word for word in text.split() if word[0].isdigit() and "." in word), None)
