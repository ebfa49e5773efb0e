"""Wherever an extraction is broken off, the next one finishes it with the same bytes."""

import os
from pathlib import Path

import numpy as np
import pytest

from kb.datasets.features import aside
from kb.datasets.features.extraction import FrameRule, Report, extract
from kb.records.errors import KBError

FIRST, MORE = ("v0", "v1"), ("v0", "v1", "v2")
CALLS = ("replace", "unlink", "rmdir", "mkdir")  # what changes the folder


class KilledError(BaseException):
    """No handler may go on after it."""


class Network:
    """A backbone of two dimensions: mean and maximum of a frame."""

    name, side, crop = "two", 4, 1.0

    def __call__(self, frames):
        """(n, 4, 4, 3) -> (n, 2)."""
        flat = frames.reshape(len(frames), -1).astype(np.float32)
        return np.stack([flat.mean(1), flat.max(1)], axis=1)


def frames(path: Path):
    """Three frames of a video, by its name."""
    for number in range(3):
        yield number, np.full((4, 4, 3), 10 * int(path.name[1:]) + number, np.uint8)


def extracted(out: Path, names: tuple[str, ...]) -> Report:
    """The features of these videos."""
    rule = FrameRule({"fps": 1.0}, frames, lambda frame: frame)
    return extract({name: Path(name) for name in names}, Network(), out, rule=rule)


def content(out: Path) -> dict[str, bytes]:
    """Every file of the folder."""
    return {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file()}


def cut_after(left, real):
    """What changes a folder, until nothing is left."""

    def cut(*args, **kwargs):
        if next(left, None) is None:
            raise KilledError
        return real(*args, **kwargs)

    return cut


def killed_after(monkeypatch, count: int, out: Path, names: tuple[str, ...]) -> bool:
    """Whether an extraction was killed before its change of this number."""
    left = iter(range(count))
    with monkeypatch.context() as patched:
        for name in CALLS:
            patched.setattr(os, name, cut_after(left, getattr(os, name)))
        try:
            extracted(out, names)
        except KilledError:
            return True
    return False


@pytest.mark.parametrize("before", [(), FIRST], ids=["new", "longer"])
def test_a_folder_is_finished_wherever_it_was_broken_off(tmp_path, monkeypatch, before):
    """Before each change of the folder in turn: a new one, and one that gets another video."""
    if before:
        extracted(tmp_path / "whole", before)
    extracted(tmp_path / "whole", MORE)
    wanted = content(tmp_path / "whole")
    assert set(wanted) == {*aside.FILES, aside.NOTE}
    for count in range(200):
        out = tmp_path / f"{count}"
        if before:
            extracted(out, before)
        if not killed_after(monkeypatch, count, out, MORE):
            break
        extracted(out, MORE)
        assert content(out) == wanted, f"after {count} changes"
        assert [path.name for path in out.iterdir() if path.is_dir()] == []
    assert 10 < count < 200


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000])
def test_a_note_that_is_none_is_one_line(tmp_path, text):
    """Cut short, or of something else."""
    (tmp_path / aside.NOTE).write_text(text)
    with pytest.raises(KBError, match="is no note of features; give --out a new folder"):
        extracted(tmp_path, FIRST)
