"""A digest of the code that makes a run: detects runs of older code. Imports no torch.

It covers the model's file (and its release's where that is run), the parts that it imports, the
views that it reads, and the training loop. Comments and docstrings change nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import kb
from kb.records import atomic, plainfile
from kb.records.errors import KBError
from kb.records.modelfile import SHARED, code

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kb.records.runs import Run

LOOP = ("optimisers", "scoring", "split_tensors", "train", "vocabulary", "views/view")
FEATURES = "views/features"  # what reads any expert
MODULE_OF = {  # views that have a module of another name
    **dict.fromkeys(("tags", "heads", "verb", "noun", "adverb", "antonym"), "syntax"),
    **dict.fromkeys(("speech-tokens", "ocr-tokens"), "transcripts"),
    **dict.fromkeys(("caption-index", "video-index"), "index"),
    **dict.fromkeys(("sentences", "segments"), "nested"),
    **dict.fromkeys(("w2v", "bert"), "vectors"),
    "video-mentions": "mentions",
}
BASELINE = "bow-mean"
OFFICIAL = "official-"  # how variants begin that are the authors' own weights
SAME = "data/same_code.json"  # written by `kb check --same-code`
DECLARATIONS = {"batch", "contract", "recipe"}  # parts without a step of any computation
IMPORT = r"^from models\.(parts(?=\.\w)|official(?=\._))\.(\w+) import"  # of what the engine brings
_KB = Path(kb.__file__).resolve().parent


def digest(root: Path, model: str, variant: str, views: Iterable[str]) -> str:
    """Of the code that makes a run of this model in the knowledge base `root`; hex."""
    room = _KB / "repro"
    files = {room / f"{name}.py" for name in (*LOOP, FEATURES)}
    modules = {MODULE_OF.get(name, name) for name in views}
    files |= {path for name in modules if (path := room / "views" / f"{name}.py").is_file()}
    files |= _with_parts(_model_files(root, model, variant))
    total = hashlib.sha256()
    for path in sorted(files, key=lambda file: (file.name, str(file.parent.name))):
        total.update(f"{path.name}\n{_code(path, path.stat().st_mtime_ns)}\n".encode())
    return total.hexdigest()


def is_older(root: Path, run: Run) -> bool:
    """Whether the code that made a run is not the code that is there now."""
    try:
        now = digest(root, run.model, run.variant, run.views)
    except OSError:  # a model whose file is gone
        return True
    return run.code != now and run.code not in _same(root).get(now, ())


def note_same(root: Path, now: str, before: str) -> None:
    """Note that code of digest `now` gave the numbers of a run made by code of digest `before`."""
    path = root / SAME
    with atomic.locked(path.parent):
        known = _same(root)
        known[now] = sorted({*known.get(now, ()), *known.get(before, ()), before})
        atomic.write(path, f"{json.dumps(known, indent=1, sort_keys=True)}\n".encode())


def _same(root: Path) -> dict[str, list[str]]:
    """Digest -> earlier digests whose numbers it gave; empty where nothing was shown."""
    try:
        known = plainfile.read_json(root / SAME, "the record of equal code")
    except KBError:
        return {}
    return known if isinstance(known, dict) else {}


def _model_files(root: Path, model: str, variant: str) -> set[Path]:
    if model == BASELINE:
        return {_KB / "repro" / "baseline.py"}
    stem = model.replace("-", "_")
    files = {root / "models" / f"{stem}.py"}
    if variant == "as-released" or variant.startswith(OFFICIAL):
        files.add(root / "models" / "official" / f"{stem}.py")
    return files


def _with_parts(files: set[Path]) -> set[Path]:
    """These files and all parts that they import."""
    seen, waiting = set[Path](), set(files)
    while waiting:
        file = waiting.pop()
        seen.add(file)
        imported = re.findall(IMPORT, file.read_text(encoding="utf-8"), re.MULTILINE)
        named = [(room, name) for room, name in imported if name not in DECLARATIONS]
        waiting |= {SHARED / room / f"{name}.py" for room, name in named} - seen
    return seen


@lru_cache(maxsize=256)
def _code(path: Path, _changed: int) -> str:
    return code(path.read_text(encoding="utf-8"))
