"""A tree in the form of msrvtt-vgg1000: invented captions and features of 1,000 videos."""

import json

import numpy as np

from kb.datasets.readers import msrvtt_vgg1000

DIM = 4


def sentences(videos, each=2):
    """Sentences in the published form, the last video's first: files order them as they like."""
    return [
        {"video_id": video, "sen_id": 9 * number + k, "caption": f"a thing {number % 7} does {k}"}
        for number, video in reversed(list(enumerate(videos)))
        for k in range(each)
    ]


def annotations(path, videos, *, order=1):
    """An annotation file of these videos."""
    entries = [{"video_id": video, "split": "train", "url": f"u{video}"} for video in videos]
    document = {"videos": entries[::order], "sentences": sentences(videos)[::order]}
    path.write_text(json.dumps(document), encoding="utf-8")


def write(root, *, features=True):
    """The tree as `kb data fetch` leaves it, with an annotation of more videos than the thousand."""
    root.mkdir(parents=True, exist_ok=True)
    videos = msrvtt_vgg1000.videos()
    annotations(root / "MSRVTT_data.json", [*videos, "video1000", "video1001"])
    (root / "features").mkdir()
    draws = np.random.default_rng(0)
    for video in videos if features else ():
        steps = draws.normal(size=(2, DIM)).astype(np.float32)
        np.save(root / f"features/{video}.npy", steps)
    return root
