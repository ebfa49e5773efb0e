"""What a staging looks like: how long and how many, and a few videos with what is said of them."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kb.datasets.corpus import Corpus
from kb.datasets.synthetic import sheet, truth
from kb.datasets.synthetic.script import Video

SHOWN = 6  # videos of a contact sheet
_OF_A_FAMILY = 2
_CAPTIONS = 2  # of a video
_CUTS = {"least": 0.0, "quarter": 0.25, "median": 0.5, "three_quarters": 0.75, "most": 1.0}


def shown(root: Path) -> list[Video]:
    """Videos for a contact sheet: the first families of the test split, two of each at most."""
    families: dict[str, list[Video]] = {}
    for video in truth.videos(root):
        if video.split == "test":
            families.setdefault(video.family, []).append(video)
    return [video for own in families.values() for video in own[:_OF_A_FAMILY]][:SHOWN]


def contact_sheet(root: Path) -> bytes:
    """A PNG of the frames of `shown`, a row a video."""
    return sheet.png(sheet.contact(shown(root)))


def examples(corpus: Corpus, root: Path) -> list[dict[str, Any]]:
    """The videos of the contact sheet, from the top down, each with its first captions."""
    said = corpus.splits["test"].captions
    found = []
    for video in shown(root):
        texts = [caption.text for caption in said if caption.video == video.id]
        found.append({"video": video.id, "twin": video.twin, "captions": texts[:_CAPTIONS]})
    return found


def spreads(corpus: Corpus, root: Path) -> dict[str, dict[str, float]]:
    """Least, quartiles and most of what is counted, over all splits."""
    captions = [caption for data in corpus.splits.values() for caption in data.captions]
    scripts = [video.script for video in truth.videos(root)]
    counted: dict[str, Sequence[float]] = {
        "words a caption": [len(caption.text.split()) for caption in captions],
        "captions a video": list(Counter(caption.video for caption in captions).values()),
        "acts a video": [len(script.events) for script in scripts],
        "frames a video": [script.frames for script in scripts],
        "seconds a video": list(corpus.durations.values()),  # where the files tell
    }
    return {what: _spread(values) for what, values in counted.items() if values}


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {name: float(np.quantile(values, cut)) for name, cut in _CUTS.items()}
