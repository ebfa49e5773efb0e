"""Batches of a few ragged captions and clips, for whatever views a model needs."""

from dataclasses import replace

import torch

from models.parts.batch import Captions, Clips

SIZES = {"vocabulary": 30, "bow_size": 12, "frame_dim": 6}
WORDS, STEPS = 7, 8  # of the longest caption, of the longest clip


def built(model, **change):
    """A small model of this class, in evaluation mode, always from the same seed."""
    torch.manual_seed(0)
    return model(replace(model.Config.small(), **SIZES, **change)).eval()


def batch(model, n=4, seed=1):
    """Captions and clips of n pairs; the first of each is the longest."""
    g = torch.Generator().manual_seed(seed)
    lengths = torch.randint(3, WORDS, (n,), generator=g).index_fill(0, torch.tensor([0]), WORDS)
    steps = torch.randint(2, STEPS, (n,), generator=g).index_fill(0, torch.tensor([0]), STEPS)
    words = torch.randint(1, SIZES["vocabulary"], (n, WORDS), generator=g)
    mask = torch.arange(WORDS) < lengths[:, None]
    bow = torch.randint(0, 2, (n, SIZES["bow_size"]), generator=g).float()
    captions = Captions(words * mask, mask, bow if "bow" in model.needs else None)
    present = torch.arange(STEPS) < steps[:, None]
    experts = sorted(model.needs - {"words", "bow"})
    features = {
        e: torch.randn(n, STEPS, SIZES["frame_dim"], generator=g) * present[..., None]
        for e in experts
    }
    return captions, Clips(features, {e: present.clone() for e in experts})


def picked(captions, clips, rows):
    """These rows of a batch, in this order."""
    bow = None if captions.bow is None else captions.bow[rows]
    return (
        Captions(captions.words[rows], captions.mask[rows], bow),
        Clips(
            {e: x[rows] for e, x in clips.features.items()},
            {e: m[rows] for e, m in clips.mask.items()},
        ),
    )


def padded(captions, clips, extra=3):
    """The same batch with more padding, filled with what must not be read."""
    words = torch.nn.functional.pad(captions.words, (0, extra), value=9)
    mask = torch.nn.functional.pad(captions.mask, (0, extra), value=False)
    features, present = {}, {}
    for e, x in clips.features.items():
        junk = x.masked_fill(~clips.mask[e][..., None], 1e3)
        features[e] = torch.nn.functional.pad(junk, (0, 0, 0, extra), value=1e3)
        present[e] = torch.nn.functional.pad(clips.mask[e], (0, extra), value=False)
    return Captions(words, mask, captions.bow), Clips(features, present)
