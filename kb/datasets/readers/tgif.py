"""TGIF: 102,068 animated GIFs; one sentence for a GIF of train and validation, three for test.

Li, Song, Cao, Tetreault, Goldberg, Jaimes, Luo. "TGIF: A New Dataset and Benchmark on Animated GIF
Description." CVPR 2016. Files: `data/tgif-v1.0.tsv` of lines `url<TAB>sentence`, and
`data/splits/{train,val,test}.txt`, one url a line. A GIF's id is the last part of its url without
`.gif`. Protocols: full (80,000 / 10,708 / 11,360); li (78,799 / 10,705 / 11,351, RUC collections
`tgiftrain`, `tgifval`, `tgiftest`); chen (79,451 / 10,651 / 11,310, HGR's names and captions).
"""

from pathlib import Path

from kb.datasets.corpus import Corpus, SplitData
from kb.datasets.readers.annotations import (
    AGAIN,
    RELEASE,
    Annotations,
    Captions,
    Reading,
    sentences,
    text_of,
)
from kb.datasets.readers.collections import read_collections, read_passed_on
from kb.datasets.readers.textfiles import read_lines, read_tabs
from kb.records.errors import KBError

TSV = "tgif-v1.0.tsv"
SPLITS = {"train": "splits/train.txt", "val": "splits/val.txt", "test": "splits/test.txt"}
COLLECTIONS = {"train": "tgiftrain", "val": "tgifval", "test": "tgiftest"}
PUBLISHED = {
    "full": {"train": 80_000, "val": 10_708, "test": 11_360},
    "li": {"train": 78_799, "val": 10_705, "test": 11_351},
    "chen": {"train": 79_451, "val": 10_651, "test": 11_310},
}
CAPTIONS = {
    "li": {"train": (79_632,), "val": (10_828,), "test": (34_074,)},
    "chen": {"train": (80_295,), "val": (10_774,), "test": (33_951,)},
}
PROTOCOLS = tuple(PUBLISHED)


def read(
    root: Path, *, protocol: str = "full", name: str = "tgif", partial: bool = False
) -> Corpus:
    """The corpus under `root`. Raises KBError naming the file, the line and what to do about it."""
    reading = Reading(root, partial)
    splits: dict[str, SplitData] | None = None
    if protocol == "li":
        splits = read_collections(reading, COLLECTIONS)
    if protocol == "chen":
        splits = read_passed_on(reading, [])
    if protocol != "full" and splits is None:
        wanted = "tgiftrain.caption.txt" if protocol == "li" else "ref_captions.json"
        raise KBError(f"has no {wanted}", where=root, hint=f"protocol {protocol} is read from it")
    return reading.corpus(name, protocol, splits or _official(reading))


def _official(reading: Reading) -> dict[str, SplitData]:
    path = reading.want(TSV)
    annotations = Annotations({}, _captions(path, reading) if path else {}, path is None)
    splits = {}
    for split, file in SPLITS.items():
        listed = reading.want(file, Path(file).name)
        if listed is None:
            splits[split] = SplitData(split, [], [])
            continue
        ids = [_gif(url, listed, number) for number, url in read_lines(listed, reading.digest)]
        missing = [gif for gif in ids if gif not in annotations.captions]
        if path and len(missing) == len(ids):
            what = f"none of its {len(ids):,} GIFs has a sentence in {TSV}"
            raise KBError(what, where=listed, hint=RELEASE)
        for gif in missing:  # told by `kb data check`: a GIF without a sentence
            annotations.captions[gif] = []
        splits[split] = annotations.split(split, ids, listed)
    return splits


def _captions(path: Path, reading: Reading) -> Captions:
    texts: dict[str, list[str]] = {}
    for number, (url, text) in read_tabs(path, reading.digest, 2):
        gif = _gif(url, path, number)
        texts.setdefault(gif, []).append(text_of(text.strip(), gif, path))
    return {gif: sentences(gif, of_gif) for gif, of_gif in texts.items()}


def _gif(url: str, path: Path, line: int) -> str:
    """The id of a GIF: the last part of its url, without `.gif`."""
    name = url.strip().rsplit("/", 1)[-1]
    if not name.endswith(".gif") or "/" not in url:
        what = f"{url.strip()[:60]!r} is no url of a GIF"
        raise KBError(what, where=path, line=line, hint=AGAIN)
    return name.removesuffix(".gif")
