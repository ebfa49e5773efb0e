"""JSFusion's tables of LSMDC: a row per sentence or question, under a header.

Yu, Kim, Kim. "A Joint Sequence Fusion Model for Video Question Answering and Retrieval." ECCV 2018.
`LSMDC16_{CAP,RET,MC,FIB}_{train,val,test}.csv`, with tabs between the cells and quotes around those
that need them. Columns: `key` of the row, `vid_key` of the clip (`vid123`; its features' name too);
`description`; or `a1` ... `a5` and `answer`, counted from 0; or `sentence`, `blank_sentence`, `answer`.
"""

from collections.abc import Sequence
from pathlib import Path

from kb.datasets.corpus import Blank, Choice
from kb.datasets.readers.annotations import AGAIN, Reading, is_broken
from kb.datasets.readers.textfiles import read_csv
from kb.records.errors import KBError

_RETRIEVAL = {
    "train": ("LSMDC16_RET_train.csv", "LSMDC16_CAP_train.csv"),
    "val": ("LSMDC16_RET_val.csv", "LSMDC16_CAP_val.csv"),
    "test": ("LSMDC16_RET_test.csv",),
}
_OPTIONS = ("a1", "a2", "a3", "a4", "a5")
_OTHER = "msr"  # clips of MSR-VTT, which some tables have beside LSMDC's to train on

Pairs = list[tuple[str, str]]  # clip, sentence
Row = dict[str, str]


def is_here(reading: Reading, kind: str) -> bool:
    """Whether the root holds the tables of a kind: RET, MC or FIB."""
    return reading.seek(f"LSMDC16_{kind}_test.csv") is not None


def pairs(split: str, reading: Reading) -> Pairs:
    """Clips and their sentences; clips of other datasets are left out, with a note."""
    rows = _rows(reading, _RETRIEVAL[split], ("description",))
    captioned = [(row["vid_key"].strip(), row["description"].strip()) for row in rows]
    without_sentence = sum(not text for _, text in captioned)
    if without_sentence:
        reading.notes.append(
            f"{_RETRIEVAL[split][0]}: {without_sentence:,} rows without a sentence are out"
        )
    return [(clip, text) for clip, text in captioned if text]


def choices(split: str, reading: Reading) -> list[Choice]:
    """Questions of five sentences. There may be none to train on: JSFusion drew them at random."""
    name = f"LSMDC16_MC_{split}.csv"
    if split == "train" and reading.seek(name) is None:
        reading.notes.append(f"{name} is not there: no questions to train on")
        return []
    rows = _rows(reading, (name,), (*_OPTIONS, "answer"))
    return [_choice(row, reading.seek(name)) for row in rows]


def blanks(split: str, reading: Reading) -> list[Blank]:
    """Sentences with a word missing."""
    name = f"LSMDC16_FIB_{split}.csv"
    rows = _rows(reading, (name,), ("sentence", "blank_sentence", "answer"))
    return [_blank(row, reading.seek(name)) for row in rows]


def _rows(reading: Reading, names: Sequence[str], columns: tuple[str, ...]) -> list[Row]:
    path = reading.want(*names)
    if path is None:
        return []
    rows = read_csv(path, reading.digest, ("key", "vid_key", *columns), "\t")
    seen: set[str] = set()
    for row in rows:
        _check(row, columns, seen, path)
    own = [row for row in rows if not row["vid_key"].startswith(_OTHER)]
    if len(own) < len(rows):
        reading.notes.append(f"{path.name}: {len(rows) - len(own):,} rows of MSR-VTT are left out")
    return own


def _check(row: Row, columns: tuple[str, ...], seen: set[str], path: Path) -> None:
    key = row["key"]
    if key in seen:
        raise KBError(f"{key} is there twice", where=path, hint="was something pasted twice?")
    seen.add(key)
    if not row["vid_key"].strip():
        raise KBError(f"{key} names no clip", where=path, hint=AGAIN)
    if any(is_broken(row[name]) for name in columns):
        raise KBError(f"{key} is broken text", where=path, hint=AGAIN)


def _choice(row: Row, path: Path | None) -> Choice:
    answer = row["answer"].strip().removesuffix(".0")
    options = tuple(row[name].strip() for name in _OPTIONS)
    if answer not in {"0", "1", "2", "3", "4"}:
        what = f"the answer of {row['key']} is {answer[:20]!r}, not 0 to 4"
        raise KBError(what, where=path, hint=AGAIN)
    return Choice(row["vid_key"].strip(), options, int(answer))


def _blank(row: Row, path: Path | None) -> Blank:
    sentence, question, answer = (
        row[name].strip() for name in ("sentence", "blank_sentence", "answer")
    )
    if "_____" not in question or not answer:
        raise KBError(f"{row['key']} has no blank and answer", where=path, hint=AGAIN)
    return Blank(row["vid_key"].strip(), sentence, question, answer)
