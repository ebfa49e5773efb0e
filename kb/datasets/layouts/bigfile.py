"""Collections of BigFile features, captions and video sets, as hybrid_space and w2vvpp read them.

A collection a split, `<name>train`, `<name>val`, `<name>test`: `TextData/<collection>.caption.txt`,
`VideoSets/<collection>.txt`, `FeatureData/<expert>/{feature.bin, id.txt, shape.txt}` and, for
features by frame, `video2frames.txt`, and beside it `FeatureData/mean_<expert>` with the mean of each
video's frames, which W2VV++ and SEA read. Where topics are the queries of the test, they stand in the
place of its captions as `<collection>.avs.txt` and `avs.qrels.<collection>`, as TRECVID's do.
"""

from pathlib import Path

from kb.datasets.corpus import Corpus, Features, SplitData
from kb.datasets.features.bigfile import Writer
from kb.datasets.features.experts import AVERAGE
from kb.datasets.layouts.layout import Pixels, Progress, check_ids, one_line
from kb.datasets.readers.annotations import Reading
from kb.datasets.readers.avs import judged, read_topics, write_topics
from kb.datasets.readers.collections import read_collections
from kb.datasets.readers.textfiles import read_ids


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
        text = place / "TextData"
        if captions:
            caption_file = text / f"{collection}.caption.txt"
            caption_file.write_text("".join(captions), encoding="utf-8", newline="\n")
        names = "".join(f"{video}\n" for video in split.videos)
        (place / "VideoSets" / f"{collection}.txt").write_text(names, encoding="utf-8")
        if split.name == "test" and corpus.topics:
            write_topics(corpus.topics, corpus.judgements, text, collection)
        for expert, features in corpus.features.items():
            _write_features(place / "FeatureData" / expert, split, features, progress)


def _numbered(split: SplitData) -> list[tuple[str, str]]:
    """Captions as `video#k`, k counting within the video."""
    seen: dict[str, int] = {}
    numbered = []
    for caption in split.captions:
        k = seen.get(caption.video, 0)
        seen[caption.video] = k + 1
        numbered.append((f"{caption.video}#{k}", caption.text))
    return numbered


def _write_features(folder: Path, split: SplitData, features: Features, progress: Progress) -> None:
    """One expert's features of the videos it has, by frame where a video has several vectors.

    Then their means too, in `mean_<expert>`.
    """
    videos = [video for video in split.videos if video in features]
    if not videos:
        return
    by_frame = any(len(features.read(video)) != 1 for video in videos[:100])
    writer = Writer(folder)
    means = Writer(folder.with_name(f"{AVERAGE}{folder.name}")) if by_frame else None
    for done, video in enumerate(videos, start=1):
        steps = features.read(video)
        names = [f"{video}_{t}" for t in range(len(steps))] if by_frame else [video]
        writer.add(names, steps if by_frame else steps[:1])
        if means:
            means.add([video], steps.mean(0, keepdims=True))
        progress(f"{split.name} {folder.name}", done, len(videos))
    writer.close(by_frame=by_frame)
    if means:
        means.close(by_frame=False)


def _listed(reading: Reading, collection: str) -> list[str]:
    """The videos of a collection without captions."""
    path = reading.seek(f"VideoSets/{collection}.txt")
    return read_ids(path, reading.digest) if path else []


def read(root: Path, name: str) -> Corpus:
    """The corpus of such collections; a split without a collection is empty."""
    reading = Reading(root)
    splits = {}
    for split in ("train", "val", "test"):
        collection = f"{name}{split}"
        part = read_collections(reading, {split: collection})
        splits[split] = part[split] if part else SplitData(split, _listed(reading, collection), [])
    if not any(split.videos for split in splits.values()):
        reading.want(f"{name}test.caption.txt")
    topic_file = reading.seek(f"{name}test.avs.txt")
    topics = read_topics(topic_file, reading) if topic_file else []
    judgements = judged(f"{name}test", topics, reading) if topics else {}
    corpus = reading.corpus(name, "full", splits)
    corpus.topics, corpus.judgements = topics, judgements
    return corpus
