"""Reading a dataset of MSR-VTT's size: how soon the first batch, how many a second, how much memory.

10,000 videos of 20 captions, and 32 frames of 2,048 numbers a video (2.6 GB, written to a temporary
folder and removed). Batches of 128 random videos are gathered and padded as training reads them. The
floor is a plain copy of the same bytes out of the page cache.

    python bench/data.py [--videos 10000] [--frames 32] [--dim 2048] [--folder DIR]
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from kb.datasets.corpus import Features
from kb.datasets.features.bigfile import Writer
from kb.datasets.readers import msrvtt
from kb.datasets.readers.registry import READERS
from kb.datasets.synthetic import rendering
from kb.datasets.synthetic.difficulty import SIZES
from kb.datasets.synthetic.world import World

BATCH = 128
BATCHES = 60


def write(folder: Path, videos: int, frames: int, dim: int) -> None:
    """A dataset in MSR-VTT's form with random features."""
    splits = ["train"] * int(videos * 0.65) + ["validate"] * int(videos * 0.05)
    splits += ["test"] * (videos - len(splits))
    entries = [
        {
            "video_id": f"video{n}",
            "split": s,
            "id": n,
            "category": 0,
            "url": "",
            "start time": 0.0,
            "end time": 10.0,
        }
        for n, s in enumerate(splits)
    ]
    said = [
        {"sen_id": n, "video_id": f"video{n // 20}", "caption": f"a person number {n} does a thing"}
        for n in range(20 * videos)
    ]
    for file, part in ((msrvtt.TRAIN_VAL, {"train", "validate"}), (msrvtt.TEST, {"test"})):
        chosen = {e["video_id"] for e in entries if e["split"] in part}
        document = {
            "videos": [e for e in entries if e["video_id"] in chosen],
            "sentences": [s for s in said if s["video_id"] in chosen],
        }
        (folder / file).write_text(json.dumps(document), encoding="utf-8")
    writer, draws = Writer(folder / "FeatureData" / "resnet"), np.random.default_rng(0)
    block = draws.normal(size=(frames * 100, dim)).astype(np.float32)
    for start in range(0, videos, 100):
        count = min(100, videos - start)
        names = [f"video{v}_{t}" for v in range(start, start + count) for t in range(frames)]
        writer.add(names, block[: count * frames])
    writer.close(by_frame=True)


def memory() -> tuple[int, int, int]:
    """(anonymous, mapped file, peak of all) mebibytes of this process."""
    status = Path("/proc/self/status")
    words = dict.fromkeys(("RssAnon", "RssFile"), 0)
    if status.is_file():
        for line in status.read_text().splitlines():
            key, _, value = line.partition(":")
            if key in words:
                words[key] = int(value.split()[0]) // 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return words["RssAnon"], words["RssFile"], peak


def gather(features: Features, names: list[str], frames: int, dim: int) -> None:
    """A (batch, frames, dim) block of features and its mask, as training reads them."""
    out, mask = (
        np.zeros((len(names), frames, dim), np.float32),
        np.zeros((len(names), frames), bool),
    )
    for row, name in enumerate(names):
        found = features.read(name)
        out[row, : len(found)], mask[row, : len(found)] = found, True


def read(folder: Path, frames: int, dim: int) -> None:
    """The table of one process that opens the dataset and reads batches."""
    started, worked = time.perf_counter(), time.process_time()
    corpus = READERS["msrvtt"](folder)
    opened, work = time.perf_counter() - started, time.process_time() - worked
    features, draws = corpus.features["frames"], np.random.default_rng(1)
    videos = corpus.splits["train"].videos
    choose = [list(draws.choice(videos, BATCH)) for _ in range(BATCHES)]
    gather(features, choose[0], frames, dim)
    first = time.perf_counter() - started
    began = time.perf_counter()
    for names in choose:
        gather(features, names, frames, dim)
    rate = BATCHES / (time.perf_counter() - began)
    raw = np.memmap(folder / "FeatureData/resnet/feature.bin", np.float32, "r").reshape(
        -1, frames, dim
    )
    rows = [np.sort(draws.integers(0, len(raw), BATCH)) for _ in range(BATCHES)]
    anonymous, mapped, peak = memory()
    began = time.perf_counter()
    for index in rows:
        out = np.zeros((BATCH, frames, dim), np.float32)
        for row, video in enumerate(index):
            out[row] = raw[video]
    floor = BATCHES / (time.perf_counter() - began)
    size = BATCH * frames * dim * 4 / 1e9
    print(f"open (annotations, ids, fingerprint)  {opened:8.2f} s     {work:.2f} s of work")
    print(f"first batch, from the start           {first:8.2f} s     asked: under 2")
    print(f"batches a second, random videos       {rate:8.1f}       {rate * size:.2f} GB/s")
    print(f"plain copy of the same from the cache {floor:8.1f}       {floor * size:.2f} GB/s")
    print(
        f"memory: own {anonymous} MiB, mapped {mapped} MiB, peak of both {peak} MiB; asked: under 1,000"
    )


def generation(videos: int) -> None:
    """Frames of the world rendered in a second, one process."""
    scripts = [
        v.script
        for v, _ in zip(
            World("diorama-msrvtt", SIZES["small"]).videos(), range(videos), strict=False
        )
    ]
    began = time.perf_counter()
    frames = sum(len(rendering.render(script)) for script in scripts)
    print(f"world: frames rendered a second       {frames / (time.perf_counter() - began):8.0f}")


def main() -> None:
    """Write, read in a fresh process, remove."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=10_000)
    parser.add_argument("--frames", type=int, default=32)
    parser.add_argument("--dim", type=int, default=2048)
    parser.add_argument("--folder", type=Path, help="where to; the system's temporary folder")
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.read:
        read(given.read, given.frames, given.dim)
        return
    folder = Path(tempfile.mkdtemp(prefix="kb-bench-", dir=given.folder))
    try:
        write(folder, given.videos, given.frames, given.dim)
        line = [sys.executable, __file__, "--read", str(folder)]
        subprocess.run([*line, "--frames", str(given.frames), "--dim", str(given.dim)], check=True)
    finally:
        shutil.rmtree(folder)
    generation(200)


if __name__ == "__main__":
    main()
