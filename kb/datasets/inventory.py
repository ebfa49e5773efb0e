"""The files of a dataset against its published counts: `kb data check`."""

import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kb.datasets import catalogue, sources
from kb.datasets.corpus import Corpus, Features
from kb.datasets.features.experts import ROLES
from kb.datasets.features.videos import find_videos
from kb.datasets.readers.registry import READERS
from kb.datasets.synthetic import truth
from kb.datasets.synthetic.counterparts import COUNTERPARTS
from kb.records.errors import Exit, KBError
from kb.records.wording import counted

FIRST_MODEL = "dual-encoding"  # which needs features of frames and nothing else
FIRST_MODEL_BY_VIDEO = "moee"  # which averages them
_SHOWN = 10  # missing videos that are named on the screen
_SCANNED = 2000  # videos of an expert whose values are looked at, evenly spread


@dataclass
class Split:
    """Videos and captions of a split, and how many were published."""

    videos: int
    captions: int
    published: int | None
    published_captions: list[int] | None = None  # one count an edition


@dataclass
class Expert:
    """One kind of features, and which videos lack them."""

    dim: int
    videos: int
    missing: int
    first_missing: list[str]
    scanned: int
    places: list[str] = field(default_factory=list)  # folders or files under the root
    by_video: bool = False  # one vector per video


@dataclass
class Report:
    """The state of a dataset on disk; `problems` is empty if everything is as published."""

    name: str
    root: str
    protocol: str
    fingerprint: str | None = None
    splits: dict[str, Split] = field(default_factory=dict)
    topics: int = 0
    judged: int = 0
    features: dict[str, Expert] = field(default_factory=dict)
    video_files: int | None = None  # None: there is no folder of videos
    missing: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    """The drift manifest: expert or "videos" -> split -> ids of the missing videos."""
    absent: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    next: str = ""  # the command that comes next

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
            published = " or ".join(f"{n:,}" for n in split.published_captions or ())
            of_published = f" of {published}" if published else ""
            videos = f"  {name:<6} {split.videos:>7,}{expected} videos"
            lines.append(f"{videos}, {split.captions:,}{of_published} captions")
        if self.topics:
            lines.append(f"  topics {self.topics:>7,}, {self.judged:,} of them judged")
        for name, expert in self.features.items():
            missing = f", {expert.missing:,} missing" if expert.missing else ""
            each = ", one vector per video" if expert.by_video else ""
            places = f", in {', '.join(expert.places)}" if expert.places else ""
            what = (
                f"{expert.dim} dimensions{each}, {counted(expert.videos, 'video')}{missing}{places}"
            )
            lines.append(f"  {name}: {what}")
        if self.video_files is not None:
            lines.append(f"  video files: {self.video_files:,}")
        lines += [f"  - {note}" for note in self.notes]
        lines += [f"  ! {problem}" for problem in self.problems]
        return "\n".join([*lines, f"next: {self.next}"] if self.next else lines)


def take(name: str, root: Path | None, protocol: str = "full") -> Report:
    """Check a dataset on disk; the report lists its problems."""
    root = root or _cached(name)
    protocol = READERS[name].protocol(protocol) if name in READERS else protocol
    report = Report(name, str(root), protocol)
    try:
        corpus = _load(name, root, protocol)
    except KBError as error:
        if not root.is_dir() or error.where is None:
            raise
        report.problems.append(str(error))
        if error.code == Exit.UNREACHABLE:
            report.next = _first_step(name, root)
        return report
    report.fingerprint, report.notes = corpus.fingerprint, corpus.notes
    report.topics, report.judged = len(corpus.topics), sum(map(bool, corpus.judgements.values()))
    report.absent = corpus.absent
    report.problems += [f"{file} is not there" for file in corpus.absent]
    report.problems += [*corpus.faults, *_changed(name, root)]
    _count(report, corpus, *_published(name, root, protocol))
    report.problems += _captionless(corpus)
    for expert, features in corpus.features.items():
        report.features[expert] = _look(expert, features, corpus, report)
    _look_for_videos(root, corpus, report)
    if not corpus.features and report.video_files is None:
        report.problems.append("there are neither features nor videos")
    report.next = _next(report)
    return report


def _next(report: Report) -> str:
    """The command that comes next: get the annotations, extract features, or run a model."""
    root = shlex.quote(report.root)
    if report.absent or not any(split.videos for split in report.splits.values()):
        return _first_step(report.name, Path(report.root))
    if "frames" not in report.features:
        if report.video_files:
            return f"kb features {root} --backbone NAME --fps 1 --out {root}/frames"
        return f"put features under {root} (a folder of VIDEO.npy, a BigFile, HDF5, a pickle)"
    where = f" --root {root}" if report.name in READERS else ""
    protocols = READERS[report.name].protocols if report.name in READERS else ("full",)
    protocol = "" if report.protocol == protocols[0] else f" --protocol {report.protocol}"
    model = FIRST_MODEL_BY_VIDEO if report.features["frames"].by_video else FIRST_MODEL
    return f"kb repro {model} --data {report.name}{where}{protocol} --config small"


def _first_step(name: str, root: Path) -> str:
    """How to get the annotation files."""
    return f"kb data fetch {name} --out {shlex.quote(str(root))}"


def _load(name: str, root: Path, protocol: str) -> Corpus:
    """A real dataset, complete or not; a synthetic one."""
    if name in READERS:
        return READERS[name](root, protocol=protocol, partial=True)
    return catalogue.load(name, root=root, protocol=protocol)


def _cached(name: str) -> Path:
    if name in READERS:
        raise KBError(f"where is {name}?", hint="--root names its folder")
    _, folder = catalogue.folder_of(name, catalogue.DEFAULT_SIZE, 0)
    if not folder.is_dir():
        hint = f"kb data make {name}"
        raise KBError(f"{name} has not been generated", hint=hint, code=Exit.UNREACHABLE)
    return folder


Counts = tuple[Mapping[str, int], Mapping[str, tuple[int, ...]]]


def _published(name: str, root: Path, protocol: str) -> Counts:
    """Videos and captions by split, as published or as configured in the generator."""
    if name in COUNTERPARTS:
        size: dict[str, int] = truth.read(root)["parameters"]["size"]
        return size, {}
    reader = READERS[name]
    return reader.videos[protocol], reader.captions.get(protocol, {})


def _count(
    report: Report,
    corpus: Corpus,
    videos: Mapping[str, int],
    captions: Mapping[str, tuple[int, ...]],
) -> None:
    """Each split against its published counts."""
    for name, data in corpus.splits.items():
        published = captions.get(name)
        there = Split(
            len(data.videos),
            len(data.captions),
            videos.get(name),
            list(published) if published else None,
        )
        report.splits[name] = there
        if there.published not in {None, there.videos}:
            what = (
                f"{name} has {counted(there.videos, 'video')}, {there.published:,} were published"
            )
            report.problems.append(what)
        if published and there.captions not in published:
            counts = " or ".join(f"{count:,}" for count in published)
            what = f"{name} has {counted(there.captions, 'caption')}, {counts} were published"
            report.problems.append(what)


def _changed(name: str, root: Path) -> list[str]:
    """Whether files are other ones than those published, by their SHA-256."""
    paths = sources.changed(name, root)
    if not paths:
        return []
    return [f"{len(paths):,} files are not those published (sha256), {paths[0]} first"]


def _captionless(corpus: Corpus) -> list[str]:
    problems = []
    for name, split in corpus.splits.items():
        captioned = {caption.video for caption in split.captions}
        silent = [video for video in split.videos if video not in captioned]
        by_topics = name == "test" and corpus.topics  # its queries are topics
        if silent and not by_topics:
            problems.append(f"{len(silent):,} {name} videos have no caption, {silent[0]} first")
        empty = [caption.id for caption in split.captions if not caption.text.strip()]
        if empty:
            problems.append(f"{len(empty):,} {name} captions are empty, {empty[0]} first")
    return problems


def _look(name: str, features: Features, corpus: Corpus, report: Report) -> Expert:
    videos = [video for split in corpus.splits.values() for video in split.videos]
    there = [video for video in videos if video in features]
    missing = _missing(features, corpus)
    scanned = there[:: max(1, len(there) // _SCANNED)]
    broken = [video for video in scanned if not _readable(features, video)]
    first = [video for ids in missing.values() for video in ids][:_SHOWN]
    if missing:
        count = sum(map(len, missing.values()))
        report.missing[name] = missing
        if name not in ROLES or not there:  # a video may be silent, or have nothing written on it
            report.problems.append(f"{name}: {count:,} videos are missing, {first[0]} first")
    if broken:
        what = f"{name}: {len(broken):,} videos cannot be read, {broken[0]} first"
        report.problems.append(f"{what} (NaN, infinity or damage)")
    lacking = sum(map(len, missing.values()))
    places, by_video = corpus.places.get(name, []), name in corpus.by_video
    return Expert(features.dim, len(there), lacking, first, len(scanned), places, by_video)


def _missing(available: Any, corpus: Corpus) -> dict[str, list[str]]:
    """Videos of each split that are not in a container of ids."""
    missing = {
        name: [video for video in split.videos if video not in available]
        for name, split in corpus.splits.items()
    }
    return {name: ids for name, ids in missing.items() if ids}


def _look_for_videos(root: Path, corpus: Corpus, report: Report) -> None:
    files = find_videos(root)
    if not files:
        return
    missing = _missing(files, corpus)
    lost = [video for ids in missing.values() for video in ids]
    report.video_files = len(files)
    if lost:
        report.missing["videos"] = missing
        report.problems.append(f"{len(lost):,} video files are missing, {lost[0]} first")


def _readable(features: Features, video: str) -> bool:
    try:
        features.read(video)
    except KBError:
        return False
    return True
