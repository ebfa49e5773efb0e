"""A small copy of MSR-VTT in its published form, as a user has it: few videos, invented captions."""

import json

import numpy as np

SPLITS = {"train": range(12), "validate": range(12, 16), "test": range(16, 24)}
WORDS = ("a dog runs", "a cat sleeps", "the man cooks", "a woman sings")


def write(root):
    """The two annotation files; 24 videos of three captions."""
    root.mkdir(parents=True, exist_ok=True)
    for name, splits in (("train_val", ("train", "validate")), ("test", ("test",))):
        videos = [(n, split) for split in splits for n in SPLITS[split]]
        document = {
            "videos": [{"video_id": f"video{n}", "split": split} for n, split in videos],
            "sentences": [
                {"video_id": f"video{n}", "sen_id": 3 * n + k, "caption": f"{WORDS[n % 4]} {k}"}
                for n, _ in videos
                for k in range(3)
            ],
        }
        (root / f"{name}_videodatainfo.json").write_text(json.dumps(document), encoding="utf-8")
    return root


def features(folder, *, dim=6, steps=3, without=(), name="video{}.npy"):
    """A file per video."""
    folder.mkdir(parents=True)
    draws = np.random.default_rng(dim)
    for number in range(24):
        shape = (steps, dim) if steps else (dim,)
        if number not in without:
            np.save(folder / name.format(number), draws.normal(size=shape).astype(np.float32))
