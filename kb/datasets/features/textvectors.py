"""Vectors of words and sentences from the files that users of the published code have.

`w2v`: word2vec's text format (`word 0.1 -0.2 ...`, a line with count and width before it or not),
or a BigFile whose ids are words, as W2VV++ and SEA publish theirs: a caption is the mean over its
distinct words. `bert`: a BigFile or an .npz (`ids`, `vectors`) whose ids are those of the captions.
"""

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.datasets.corpus import Caption, EncodeText
from kb.datasets.features.bigfile import BigFile
from kb.records.errors import Exit, KBError
from kb.records.wording import counted

Floats = NDArray[np.float64]
Lookup = Callable[[str], Floats | None]
NAMED = 3  # missing ids that a message names
MOST = 8 << 30  # bytes of a text file
_FORMS = "word2vec's text format, or a BigFile folder (id.txt, feature.bin, shape.txt)"


def open_vectors(name: str, path: Path, tokenise: Callable[[str], list[str]]) -> EncodeText:
    """Captions -> (captions, dim) vectors of `w2v` or `bert`. KBError for a file of no known form."""
    if not path.exists():
        raise KBError("there is no such file", where=path, code=Exit.UNREACHABLE)
    if name == "w2v":
        lookup, dim = _words(path)
        return _mean_of_words(lookup, dim, tokenise)
    if name == "bert":
        lookup, dim = _sentences(path)
        return _of_captions(lookup, dim, path)
    raise KBError(f"no text vectors are called {name!r}", hint="write w2v=FILE or bert=FILE")


def fingerprint(path: Path) -> str:
    """Digest of the files' names, sizes and contents; hex."""
    total = sha256()
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    for file in (one for one in files if one.is_file()):
        total.update(f"{file.name}\n{file.stat().st_size}\n".encode())
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                total.update(block)
    return total.hexdigest()


def _mean_of_words(lookup: Lookup, dim: int, tokenise: Callable[[str], list[str]]) -> EncodeText:
    def encode(captions: Sequence[Caption]) -> Floats:
        table = np.zeros((len(captions), dim))
        for row, caption in enumerate(captions):
            words = dict.fromkeys(tokenise(caption.text))
            vectors = [vector for word in words if (vector := lookup(word)) is not None]
            if vectors:
                table[row] = np.mean(vectors, axis=0)
        return table

    return encode


def _of_captions(lookup: Lookup, dim: int, path: Path) -> EncodeText:
    def encode(captions: Sequence[Caption]) -> Floats:
        vectors = [lookup(caption.id) for caption in captions]
        absent = [c.id for c, v in zip(captions, vectors, strict=True) if v is None and c.video]
        if absent:
            names = ", ".join(absent[:NAMED])
            what = f"has no vector of {counted(len(absent), 'caption')}, the first: {names}"
            raise KBError(what, where=path, hint="its ids must be those of the captions")
        return np.array([np.zeros(dim) if v is None else v for v in vectors]).reshape(-1, dim)

    return encode


def _words(path: Path) -> tuple[Lookup, int]:
    if path.is_dir():
        return _of_bigfile(path)
    table = dict(_rows(path))
    if not table:
        raise KBError("holds no word vector", where=path, hint=f"it takes {_FORMS}")
    return table.get, len(next(iter(table.values())))


def _rows(path: Path) -> Any:
    """(word, vector) of each line; a first line of two numbers is the header."""
    if path.stat().st_size > MOST:
        raise KBError("is larger than 8 GiB", where=path, hint="convert it to a BigFile")
    width = None
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            word, *values = line.rstrip("\n").split(" ")
            values = [value for value in values if value]
            if number == 1 and len(values) == 1 and word.isdigit():
                continue
            try:
                vector = np.array([float(value) for value in values])
            except ValueError as error:
                what = "is no line of word vectors"
                raise KBError(what, where=path, line=number, hint=f"it takes {_FORMS}") from error
            width = width or len(vector)
            if not width or len(vector) != width or not np.isfinite(vector).all():
                what = (
                    f"has {len(vector)} numbers or one that is not finite, the lines before {width}"
                )
                raise KBError(what, where=path, line=number, hint=f"it takes {_FORMS}")
            yield word, vector


def _sentences(path: Path) -> tuple[Lookup, int]:
    if path.is_dir():
        return _of_bigfile(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            ids, vectors = file["ids"], np.asarray(file["vectors"], np.float64)
    except (OSError, ValueError, KeyError, EOFError) as error:
        what = f"is no archive of ids and vectors ({error})"
        raise KBError(
            what, where=path, hint="write np.savez(FILE, ids=..., vectors=...)"
        ) from error
    if vectors.ndim != 2 or len(ids) != len(vectors) or not np.isfinite(vectors).all():  # noqa: PLR2004
        what = f"has {len(ids)} ids and vectors of shape {vectors.shape}, all must be finite"
        raise KBError(what, where=path, hint="one row per id")
    table: Mapping[str, Floats] = dict(zip(map(str, ids.tolist()), vectors, strict=True))
    return table.get, vectors.shape[1]


def _of_bigfile(folder: Path) -> tuple[Lookup, int]:
    store = BigFile(folder)

    def lookup(name: str) -> Floats | None:
        return np.asarray(store.read(name), np.float64) if name in store else None

    return lookup, store.dim
