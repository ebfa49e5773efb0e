"""A folder of extracted features: what is through is put aside, then gathered into a BigFile.

A process may be killed anywhere: each step is one rename, and the next run goes on from there. A
BigFile has several files, so the new ones are moved into place from a folder whose name says that
it is whole; where that was broken off, the next run moves the rest.
"""

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.datasets.features import bigfile
from kb.records.errors import KBError

PARTS = ".parts"  # features of the videos that are through
FRESH = ".fresh"  # a BigFile that is being written
WHOLE = ".whole"  # one that is written, and is moved into place
GATHERED = ".gathered"  # parts that a BigFile in place holds
NUMBERS = ".numbers"  # beside a part: which frames
NOTE = "extraction.json"
FILES = ("feature.bin", "id.txt", "shape.txt", "video2frames.txt")


@dataclass
class AsideStore:
    """The features of an output folder."""

    out: Path
    there: dict[str, list[str]] = field(default_factory=dict)  # frames by video of the BigFile

    @property
    def parts(self) -> Path:
        """The folder of what is not yet in the BigFile."""
        return self.out / PARTS

    def open(self, note: dict[str, Any]) -> None:
        """Finish what was broken off. KBError for features of another network, rate or rule."""
        self.out.mkdir(parents=True, exist_ok=True)
        _agree(self.out, note)
        self._settle()
        self.parts.mkdir(exist_ok=True)
        path = self.out / "video2frames.txt"
        self.there = bigfile.read_frames(path) if path.is_file() else {}

    def __contains__(self, video: str) -> bool:
        return video in self.there or (self.parts / f"{video}.npy").is_file()

    def put(self, video: str, numbers: list[int], features: NDArray[np.float32]) -> None:
        """Store one video's (frames, dim) features; the numbers of its frames before them."""
        if not np.isfinite(features).all():
            raise KBError(f"the network gives NaN for {video}", hint="are its weights whole?")
        for name, array in (
            (f"{video}{NUMBERS}", np.array(numbers)),
            (f"{video}.npy", features.astype(np.float32)),
        ):
            part = self.parts / f".{name}"
            with part.open("wb") as file:
                np.save(file, array)
            part.replace(self.parts / name)

    def gather(self) -> int:
        """Write the BigFile of earlier and new features; the dimension of its vectors."""
        parts = sorted(self.parts.glob("[!.]*.npy"))
        earlier = bigfile.BigFile(self.out) if self.there else None
        if not parts:
            shutil.rmtree(self.parts)
            return earlier.dim if earlier else 0
        fresh = self.out / FRESH
        writer = bigfile.Writer(fresh)
        added = {part.stem for part in parts}
        for video, names in self.there.items():
            if earlier is not None and video not in added:
                writer.add(names, np.stack([earlier.read(name) for name in names]))
        for part in parts:
            features = np.load(part, allow_pickle=False)
            numbers = np.load(part.with_name(f"{part.stem}{NUMBERS}"), allow_pickle=False)
            writer.add([f"{part.stem}_{k}" for k in numbers.tolist()], features)
        writer.close(by_frame=True)
        fresh.replace(self.out / WHOLE)
        self._settle()
        return writer.dim

    def _settle(self) -> None:
        """Move a whole BigFile into place, and take away what is not needed any more."""
        shutil.rmtree(self.out / FRESH, ignore_errors=True)
        shutil.rmtree(self.out / GATHERED, ignore_errors=True)
        whole = self.out / WHOLE
        if not whole.is_dir():
            return
        for name in FILES:
            if (whole / name).is_file():
                (whole / name).replace(self.out / name)
        if self.parts.is_dir():
            self.parts.replace(self.out / GATHERED)
        shutil.rmtree(whole)
        shutil.rmtree(self.out / GATHERED, ignore_errors=True)


def _agree(out: Path, note: dict[str, Any]) -> None:
    path = out / NOTE
    if path.is_file():
        stored = _note(path)
        if stored != note:
            how = stored.get("like") or f"at {stored.get('fps')} frames a second"
            what = f"holds features of {stored.get('backbone')} {how}"
            raise KBError(what, where=out, hint="give --out another folder")
        return
    if (out / "feature.bin").exists():
        raise KBError("holds a BigFile of another maker", where=out, hint="give --out a new folder")
    part = path.with_name(f".{NOTE}")
    part.write_text(f"{json.dumps(note)}\n", encoding="utf-8")
    part.replace(path)


def _note(path: Path) -> dict[str, Any]:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(stored, dict):
            return stored
    except (ValueError, RecursionError):
        pass
    raise KBError("is no note of features", where=path, hint="give --out a new folder")
