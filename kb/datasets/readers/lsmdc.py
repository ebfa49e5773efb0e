"""LSMDC 2016: 128,085 clips of 200 movies; people are SOMEONE. Retrieval, choice, blanks.

Rohrbach et al. "Movie Description." IJCV 2017; the challenge at ECCV 2016. Files of tabs without a
header: clip, start and end aligned, start and end extracted (hh.mm.ss.msmsms), sentence.
`LSMDC16_annos_training.csv`, `LSMDC16_annos_val.csv`, and for retrieval the 1,000 clips of
`LSMDC16_challenge_1000_publictect.csv`. A clip may have several sentences, but for the 1,000.
Protocols: full (retrieval; 101,079 / 7,408 sentences, 1,000 pairs); mc (five sentences, one right;
`LSMDC16_multiple_choice_{train,valid,test_randomized}.csv`); fib (a word is missing;
`LSMDC16_annos_{training,val,test}_FIB.csv`). A few rows have no sentence (five of training) and are
left out. Where the challenge's files are not there, JSFusion's tables are read in their place.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from kb.datasets.corpus import Blank, Caption, Choice, Corpus, SplitData
from kb.datasets.readers import jsfusion
from kb.datasets.readers.annotations import AGAIN, Annotations, Captions, Reading, text_of
from kb.datasets.readers.textfiles import read_lines
from kb.records.errors import KBError

_SOMEONE = "_someone"  # the 2021 edition's names of the same files
RETRIEVAL = {
    "train": ("LSMDC16_annos_training.csv", f"LSMDC16_annos_training{_SOMEONE}.csv"),
    "val": ("LSMDC16_annos_val.csv", f"LSMDC16_annos_val{_SOMEONE}.csv"),
    "test": ("LSMDC16_challenge_1000_publictect.csv",),
}
CHOICE = {
    "train": "LSMDC16_multiple_choice_train.csv",
    "val": "LSMDC16_multiple_choice_valid.csv",
    "test": "LSMDC16_multiple_choice_test_randomized.csv",
}
BLANK = {
    "train": "LSMDC16_annos_training_FIB.csv",
    "val": "LSMDC16_annos_val_FIB.csv",
    "test": "LSMDC16_annos_test_FIB.csv",
}
PROTOCOLS = ("full", "mc", "fib")
PUBLISHED: dict[str, dict[str, int]] = {"full": {"test": 1_000}, "mc": {}, "fib": {}}
CAPTIONS = {
    "full": {"train": (101_079, 101_074, 101_046), "val": (7_408,), "test": (1_000,)},
    "mc": {"train": (101_079,), "val": (7_408,), "test": (10_053,)},
    "fib": {"train": (296_960,), "val": (21_689,), "test": (30_349,)},
}
_OFFICIAL = {  # protocol -> files of which one suffices for the challenge's to be read
    "full": tuple(name for names in RETRIEVAL.values() for name in names),
    "mc": tuple(CHOICE.values()),
    "fib": tuple(BLANK.values()),
}
_TABLES = {"full": "RET", "mc": "MC", "fib": "FIB"}  # JSFusion's kinds
_SENTENCE = 5  # column
_OPTIONS = 5
_TOLERATED = 0.01  # share of rows that may be left out of a file with broken ones

Question = TypeVar("Question", Choice, Blank)


def read(
    root: Path, *, protocol: str = "full", name: str = "lsmdc", partial: bool = False
) -> Corpus:
    """The corpus under `root`. Raises KBError naming the file, the line and what to do about it."""
    reading = Reading(root, partial)
    tables = jsfusion.is_here(reading, _TABLES[protocol])
    tables = tables and not reading.seek(*_OFFICIAL[protocol])
    if protocol == "full":
        splits = {
            s: _from_jsfusion(s, reading) if tables else _retrieval(s, reading) for s in RETRIEVAL
        }
        return reading.corpus(name, protocol, splits)
    if protocol == "mc":
        choices = {
            s: jsfusion.choices(s, reading) if tables else _rows(f, reading, _choice)
            for s, f in CHOICE.items()
        }
        pairs_by_split = {
            s: [(c.video, c.options[c.answer]) for c in questions]
            for s, questions in choices.items()
        }
        if tables and not pairs_by_split["train"]:
            pairs_by_split["train"] = jsfusion.pairs("train", reading)
        corpus = reading.corpus(
            name, protocol, {s: _split_of_pairs(s, pairs) for s, pairs in pairs_by_split.items()}
        )
        corpus.choices = choices
        return corpus
    blanks = {
        s: jsfusion.blanks(s, reading) if tables else _rows(f, reading, _blank)
        for s, f in BLANK.items()
    }
    pairs_by_split = {
        s: [(b.video, b.sentence) for b in questions] for s, questions in blanks.items()
    }
    corpus = reading.corpus(
        name, protocol, {s: _split_of_pairs(s, pairs) for s, pairs in pairs_by_split.items()}
    )
    corpus.blanks = blanks
    return corpus


def movie(clip: str) -> str:
    """The movie of a clip: its id without the last part, the time in the movie."""
    return clip.rpartition("_")[0]


def _retrieval(split: str, reading: Reading) -> SplitData:
    """Sentences by clip; rows without one, as MMT's authors found in training, are left out."""
    path = reading.want(*RETRIEVAL[split])
    lines = read_lines(path, reading.digest) if path else []
    captions: Captions = {}
    silent: list[int] = []
    for number, line in lines:
        clip, text = _sentence(line, path, number, last=number == lines[-1][0])
        if not text:
            silent.append(number)
            continue
        own = captions.setdefault(clip, [])
        if own and split == "test":
            raise KBError(f"{clip} is there twice", where=path, line=number, hint=AGAIN)
        own.append(Caption(f"{clip}#{len(own)}", clip, text_of(text, clip, path)))
    if path and silent:
        what = f"{len(silent):,} rows without a sentence are left out"
        if len(silent) > max(1, _TOLERATED * len(lines)):
            what = f"{len(silent):,} of {len(lines):,} rows have no sentence"
            raise KBError(what, where=path, line=silent[0], hint=AGAIN)
        reading.notes.append(f"{path.name}:{silent[0]}: {what}")
    return Annotations({}, captions).split(split, captions, path)


def _sentence(line: str, path: Path | None, number: int, *, last: bool) -> tuple[str, str]:
    """Clip and sentence of a row; tabs after the last field are passed over."""
    cells = line.rstrip().split("\t")
    if len(cells) not in {_SENTENCE, _SENTENCE + 1} or (last and len(cells) == _SENTENCE):
        what = f"has {len(cells)} tab-separated fields, {_SENTENCE + 1} are expected"
        cut = "; the file ends in the middle" if last else ""
        raise KBError(what + cut, where=path, line=number, hint=AGAIN)
    return cells[0].strip(), "".join(cells[_SENTENCE:]).strip()


def _from_jsfusion(split: str, reading: Reading) -> SplitData:
    """The sentences of JSFusion's tables; one per clip in the test split."""
    pairs = jsfusion.pairs(split, reading)
    clips = [clip for clip, _ in pairs]
    if split == "test" and len(set(clips)) < len(clips):
        twice = next(clip for number, clip in enumerate(clips) if clip in clips[:number])
        raise KBError(f"{twice} is twice among the test's pairs", where=reading.root, hint=AGAIN)
    return _split_of_pairs(split, pairs)


def _split_of_pairs(split: str, pairs: list[tuple[str, str]]) -> SplitData:
    """A split of the questions' clips, with the right sentences as captions."""
    captions: Captions = {}
    for clip, text in pairs:
        own = captions.setdefault(clip, [])
        own.append(Caption(f"{clip}#{len(own)}", clip, text))
    return Annotations({}, captions).split(split, captions)


def _rows(
    file: str, reading: Reading, parse: Callable[[list[str]], Question | None]
) -> list[Question]:
    """The questions of a file; a few rows that are broken in the published one are left out."""
    path = reading.want(file)
    lines = read_lines(path, reading.digest) if path else []
    questions, broken = [], []
    for number, line in lines:
        question = parse(line.rstrip().split("\t"))
        if question is None:
            broken.append(number)
        else:
            questions.append(question)
    if broken and (len(broken) > _TOLERATED * len(lines) or broken[-1] == lines[-1][0]):
        what = f"{len(broken):,} of {len(lines):,} rows are no questions"
        cut = (
            ", the last one too: the file ends in the middle" if broken[-1] == lines[-1][0] else ""
        )
        raise KBError(what + cut, where=path, line=broken[0], hint=AGAIN)
    if broken:
        reading.notes.append(f"{file}:{broken[0]}: {len(broken)} rows are left out, broken")
    return questions


def _choice(cells: list[str]) -> Choice | None:
    """Five sentences after the times; the first is right, unless a number from 1 to 5 follows."""
    options = tuple(cell.strip() for cell in cells[_SENTENCE : _SENTENCE + _OPTIONS])
    rest = [cell.strip() for cell in cells[_SENTENCE + _OPTIONS :] if cell.strip()]
    answer = rest[0] if rest else "1"
    if len(options) != _OPTIONS or len(rest) > 1 or answer not in {"1", "2", "3", "4", "5"}:
        return None
    return Choice(cells[0].strip(), options, int(answer) - 1)


def _blank(cells: list[str]) -> Blank | None:
    """The whole sentence, the sentence with _____ in it, and what is missing."""
    if len(cells) != _SENTENCE + 3:
        return None
    sentence, question, answer = (cell.strip() for cell in cells[_SENTENCE:])
    return Blank(cells[0].strip(), sentence, question, answer) if answer else None
