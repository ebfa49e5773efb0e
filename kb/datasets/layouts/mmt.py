"""Lists, tokens and a pickle per expert, as collaborative experts reads them; a file per video, as MMT does.

`raw-captions.pkl` {video: [[token]]}; `train_list.txt`, `val_list.txt`, `test_list.txt`, and the same
as `*_list_full.txt`; `mmt_feats/features.<expert>.pkl` {video: (steps, dim) array, NaN where the
expert has none}. `vid_feat_files/mult_h5/<v>/<i>/<d>/<video>.h5` holds the same of one video, where
h5py is installed.
"""

import io
import math
import pickle
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

from kb.datasets.corpus import Corpus
from kb.datasets.features import hdf5
from kb.datasets.layouts.layout import Pixels, Progress, check_captions, check_ids, every_video
from kb.datasets.readers.annotations import Reading
from kb.datasets.readers.collections import TOKENS, read_passed_on
from kb.records.errors import KBError

FEATURES = "mmt_feats"
_PROTOCOL = 3  # the last without frames, which parts written one by one cannot share


def write(corpus: Corpus, folder: Path, pixels: Pixels | None, progress: Progress) -> None:
    """Lists, tokens, and one pickle an expert, written video by video."""
    del pixels
    check_ids(corpus, "/", "mmt")
    check_captions(corpus, "mmt")
    tokens: dict[str, list[list[str]]] = {video: [] for video in every_video(corpus)}
    for split in corpus.splits.values():
        names = "".join(f"{video}\n" for video in split.videos)
        for listed in (f"{split.name}_list.txt", f"{split.name}_list_full.txt"):
            (folder / listed).write_text(names, encoding="utf-8")
        for caption in split.captions:
            tokens[caption.video].append(caption.text.split())
    with (folder / TOKENS).open("wb") as file:
        _dump(file, tokens.items())
    (folder / FEATURES).mkdir()
    for expert, features in corpus.features.items():
        with (folder / FEATURES / f"features.{expert}.pkl").open("wb") as file:
            read = features.read
            values = ((v, read(v) if v in features else math.nan) for v in tokens)
            _dump(file, _with_progress(values, expert, len(tokens), progress))
    if find_spec("h5py") is not None:
        place = folder / "vid_feat_files" / hdf5.NAME
        for done, video in enumerate(tokens, start=1):
            _write_video(place, video, corpus, tokens)
            progress(hdf5.NAME, done, len(tokens))


def _write_video(
    place: Path, video: str, corpus: Corpus, tokens: dict[str, list[list[str]]]
) -> None:
    """One video's captions and the features of its experts."""
    arrays = {
        expert: features.read(video) if video in features else None
        for expert, features in corpus.features.items()
    }
    widths = {expert: features.dim for expert, features in corpus.features.items()}
    hdf5.write(place, video, arrays, widths, tokens[video])


def _with_progress(
    items: Iterable[tuple[str, Any]], what: str, count: int, progress: Progress
) -> Iterable[tuple[str, Any]]:
    for done, item in enumerate(items, start=1):
        yield item
        progress(what, done, count)


def _dump(file: BinaryIO, items: Iterable[tuple[str, Any]]) -> None:
    """A pickled dictionary, item by item: never more than one in memory."""
    file.write(pickle.PROTO + bytes([_PROTOCOL]) + pickle.EMPTY_DICT)
    for key, value in items:
        for part in (key, value):
            buffer = io.BytesIO()
            pickler = pickle.Pickler(buffer, protocol=_PROTOCOL)
            pickler.fast = True  # no memo: parts stand by themselves
            pickler.dump(part)
            file.write(buffer.getbuffer()[2:-1])  # without the version and the stop
        file.write(pickle.SETITEM)
    file.write(pickle.STOP)


def read(root: Path, name: str) -> Corpus:
    """The corpus of such a folder; an empty list is an empty split."""
    reading = Reading(root)
    splits = read_passed_on(reading, [])
    if splits is None:
        raise KBError(f"has no {TOKENS}", where=root, hint="is it a folder of MMT or CE?")
    return reading.corpus(name, "full", splits)
