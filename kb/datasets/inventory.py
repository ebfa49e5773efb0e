"""What is there of a data set, against the published counts: `kb data check`."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kb.datasets import catalogue, msrvtt
from kb.datasets.corpus import Corpus, Features
from kb.datasets.diorama import oracle
from kb.records.errors import Exit, KBError

_SHOWN = 10  # missing videos that are named
_SCANNED = 2000  # videos of an expert whose values are looked at, evenly spread


@dataclass
class Split:
    """Videos and captions of a split, and how many were published."""

    videos: int
    captions: int
    published: int | None


@dataclass
class Expert:
    """One kind of features, and which videos lack them."""

    dim: int
    videos: int
    missing: int
    first_missing: list[str]
    scanned: int


@dataclass
class Report:
    """What was found; `problems` is empty where everything is as published."""

    name: str
    root: str
    protocol: str
    fingerprint: str | None = None
    splits: dict[str, Split] = field(default_factory=dict)
    features: dict[str, Expert] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Nothing is missing or wrong."""
        return not self.problems

    def plain(self) -> dict[str, Any]:
        """As one JSON document."""
        return {**asdict(self), "whole": self.whole}

    def text(self) -> str:
        """As one screen."""
        lines = [f"{self.name} in {self.root}, protocol {self.protocol}"]
        for name, split in self.splits.items():
            expected = "" if split.published is None else f" of {split.published:,}"
            lines.append(
                f"  {name:<6} {split.videos:>6,}{expected} videos, {split.captions:,} captions"
            )
        for name, expert in self.features.items():
            missing = f", {expert.missing:,} missing" if expert.missing else ""
            lines.append(f"  {name}: {expert.dim} dimensions, {expert.videos:,} videos{missing}")
        return "\n".join([*lines, *(f"  ! {problem}" for problem in self.problems)])


def take(name: str, root: Path | None, protocol: str = "full") -> Report:
    """Look at a data set on disk; what is wrong with it is in the report."""
    root = root or _cached(name)
    report = Report(name, str(root), protocol)
    try:
        corpus = catalogue.load(name, root=root, protocol=protocol)
    except KBError as error:
        if not root.is_dir():
            raise
        report.problems.append(str(error))
        return report
    report.fingerprint = corpus.fingerprint
    published = _published(name, root, protocol)
    for split, data in corpus.splits.items():
        found = Split(len(data.videos), len(data.captions), published.get(split))
        report.splits[split] = found
        if found.published not in {None, found.videos}:
            what = f"{split} has {found.videos:,} videos, {found.published:,} were published"
            report.problems.append(what)
    report.problems += _captionless(corpus)
    for expert, features in corpus.features.items():
        report.features[expert] = _look(expert, features, corpus, report.problems)
    if not corpus.features:
        report.problems.append("there are no features: FeatureData/<name>/feature.bin")
    return report


def _cached(name: str) -> Path:
    if name in catalogue.READERS:
        raise KBError(f"where is {name}?", mend="--root names its folder")
    _, folder = catalogue.folder_of(name, catalogue.DEFAULT_SIZE, 0)
    if not folder.is_dir():
        mend = f"kb data make {name}"
        raise KBError(f"{name} has not been generated", mend=mend, code=Exit.UNREACHABLE)
    return folder


def _published(name: str, root: Path, protocol: str) -> dict[str, int]:
    """Videos per split as published, or as the generator was asked for."""
    if name in catalogue.STAGINGS:
        size: dict[str, int] = oracle.truth(root)["parameters"]["size"]
        return size
    return msrvtt.PUBLISHED[protocol]


def _captionless(corpus: Corpus) -> list[str]:
    problems = []
    for name, split in corpus.splits.items():
        captioned = {caption.video for caption in split.captions}
        silent = [video for video in split.videos if video not in captioned]
        if silent:
            problems.append(f"{len(silent):,} {name} videos have no caption, {silent[0]} first")
        empty = [caption.id for caption in split.captions if not caption.text.strip()]
        if empty:
            problems.append(f"{len(empty):,} {name} captions are empty, {empty[0]} first")
    return problems


def _look(name: str, features: Features, corpus: Corpus, problems: list[str]) -> Expert:
    videos = [video for split in corpus.splits.values() for video in split.videos]
    there = [video for video in videos if video in features]
    missing = [video for video in videos if video not in features]
    scanned = there[:: max(1, len(there) // _SCANNED)]
    broken = [video for video in scanned if not _readable(features, video)]
    if missing:
        problems.append(f"{name}: {len(missing):,} videos are missing, {missing[0]} first")
    if broken:
        problems.append(f"{name}: {len(broken):,} videos hold NaN or infinity, {broken[0]} first")
    return Expert(features.dim, len(there), len(missing), missing[:_SHOWN], len(scanned))


def _readable(features: Features, video: str) -> bool:
    try:
        features.read(video)
    except KBError:
        return False
    return True
