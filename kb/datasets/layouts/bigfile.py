"""Collections of BigFile features, captions and video sets, as hybrid_space and w2vvpp read them.

A collection a split, `<name>train`, `<name>val`, `<name>test`: `TextData/<collection>.caption.txt`,
`VideoSets/<collection>.txt`, `FeatureData/<expert>/{feature.bin, id.txt, shape.txt}` and, for
features by frame, `video2frames.txt`.
"""

from pathlib import Path

from kb.datasets.annotations import Reading
from kb.datasets.bigfile import Writer
from kb.datasets.collections import read_collections
from kb.datasets.corpus import Corpus, Features, SplitData
from kb.datasets.layouts.layout import Pixels, Progress, check_ids, one_line


def write(corpus: Corpus, folder: Path, pixels: Pixels | None, progress: Progress) -> None:
    """A collection for each split that has videos. Pixels have no place in it."""
    del pixels
    check_ids(corpus, "#", "bigfile")
    for split in (s for s in corpus.splits.values() if s.videos):
        collection = f"{corpus.name}{split.name}"
        place = folder / collection
        for part in ("TextData", "VideoSets"):
            (place / part).mkdir(parents=True)
        captions = [f"{name} {one_line(text)}\n" for name, text in _numbered(split)]
        text = place / "TextData" / f"{collection}.caption.txt"
        text.write_text("".join(captions), encoding="utf-8", newline="\n")
        names = "".join(f"{video}\n" for video in split.videos)
        (place / "VideoSets" / f"{collection}.txt").write_text(names, encoding="utf-8")
        for expert, features in corpus.features.items():
            _write_features(place / "FeatureData" / expert, split, features, progress)


def _numbered(split: SplitData) -> list[tuple[str, str]]:
    """Captions as `video#k`, k counting within the video."""
    seen: dict[str, int] = {}
    found = []
    for caption in split.captions:
        k = seen.get(caption.video, 0)
        seen[caption.video] = k + 1
        found.append((f"{caption.video}#{k}", caption.text))
    return found


def _write_features(folder: Path, split: SplitData, features: Features, progress: Progress) -> None:
    """One expert's features of the videos it has, by frame where a video has several vectors."""
    videos = [video for video in split.videos if video in features]
    if not videos:
        return
    by_frame = any(len(features.read(video)) != 1 for video in videos[:100])
    writer = Writer(folder)
    for done, video in enumerate(videos, start=1):
        steps = features.read(video)
        names = [f"{video}_{t}" for t in range(len(steps))] if by_frame else [video]
        writer.add(names, steps if by_frame else steps[:1])
        progress(f"{split.name} {folder.name}", done, len(videos))
    writer.close(by_frame=by_frame)


def read(root: Path, name: str) -> Corpus:
    """The corpus of such collections; a split without a collection is empty."""
    reading = Reading(root)
    found = {}
    for split in ("train", "val", "test"):
        collection = f"{name}{split}"
        part = read_collections(reading, {split: collection})
        found[split] = part[split] if part else SplitData(split, [], [])
    if not any(split.videos for split in found.values()):
        reading.want(f"{name}test.caption.txt")
    return reading.corpus(name, "full", found)
