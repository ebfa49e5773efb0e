"""Batches of a few ragged captions and clips, for whatever views a model needs."""

from dataclasses import fields, replace

import torch

from kb.datasets.synthetic.world import EXPERTS
from models.parts.batch import ROLES, Captions, Clips, RoleGraph

SIZES = {"vocabulary": 30, "bow_size": 12, "frame_dim": 6}
WORDS, STEPS = 7, 8  # of the longest caption, of the longest clip


def dims(model):
    """Expert -> feature length: `frames` has its 6, the others are told apart by theirs."""
    read = model.needs | (model.optional & set(EXPERTS))
    others = sorted(read - {"words", "bow", "graph", "concepts", "frames"})
    found = {name: 4 + 3 * i for i, name in enumerate(others)}
    return found | {"frames": SIZES["frame_dim"]} if "frames" in model.needs else found


def sizes(model):
    """What data would fill into the Config of this class."""
    known = {field.name for field in fields(model.Config)}
    every = SIZES | {"experts": tuple(sorted(dims(model).items()))}
    return {name: size for name, size in every.items() if name in known}


def built(model, **change):
    """A small model of this class, in evaluation mode, always from the same seed."""
    torch.manual_seed(0)
    return model(replace(model.Config.small(), **sizes(model) | change)).eval()


def batch(model, n=4, seed=1):
    """Captions and clips of n pairs; the first of each is the longest, and no expert lacks it.

    Where a model reads several experts, each but the first lacks one of the other clips.
    """
    g = torch.Generator().manual_seed(seed)
    lengths = torch.randint(3, WORDS, (n,), generator=g).index_fill(0, torch.tensor([0]), WORDS)
    steps = torch.randint(2, STEPS, (n,), generator=g).index_fill(0, torch.tensor([0]), STEPS)
    words = torch.randint(1, SIZES["vocabulary"], (n, WORDS), generator=g)
    mask = torch.arange(WORDS) < lengths[:, None]
    bow = torch.randint(0, 2, (n, SIZES["bow_size"]), generator=g).float()
    captions = Captions(words * mask, mask, bow if "bow" in model.needs else None)
    if "concepts" in model.needs:
        captions.vectors["concepts"] = bow  # of its one caption, each word named once
    if "graph" in model.needs:
        captions.graph = graph(mask, g)
    present = torch.arange(STEPS) < steps[:, None]
    features, masks = {}, {}
    for i, (expert, dim) in enumerate(sorted(dims(model).items())):
        masks[expert] = present.clone()
        if i and n > 1:
            masks[expert][1 + i % (n - 1)] = False
        features[expert] = torch.randn(n, STEPS, dim, generator=g) * masks[expert][..., None]
    return captions, Clips(features, masks)


def graph(mask, generator):
    """Two predicates of one word, up to three phrases of several; an argument has one or both."""
    n, most = len(mask), 5
    nodes = torch.randint(3, most + 1, (n,), generator=generator)
    real = torch.arange(most) < nodes[:, None]
    role = torch.randint(1, len(ROLES), (n, most), generator=generator)
    role[:, [0, 2]] = 0
    members = torch.rand(n, most, WORDS, generator=generator) < 0.4
    members[:, :, 1] |= True
    members[:, [0, 2]] = torch.nn.functional.one_hot(torch.tensor([1, 2]), WORDS) > 0
    argument = torch.rand(n, most, most, generator=generator) < 0.5
    argument[:, 0, 1] |= True
    argument &= (role[:, :, None] == 0) & (role[:, None] != 0)
    members &= real[..., None] & mask[:, None]
    return RoleGraph(members, role * real, argument & real[:, None] & real[..., None])


def picked(captions, clips, rows):
    """These rows of a batch, in this order."""
    bow = None if captions.bow is None else captions.bow[rows]
    given = captions.graph
    parts = () if given is None else (given.members[rows], given.role[rows], given.argument[rows])
    return (
        Captions(
            captions.words[rows],
            captions.mask[rows],
            bow,
            {name: x[rows] for name, x in captions.vectors.items()},
            RoleGraph(*parts) if parts else None,
        ),
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
    graph = captions.graph
    if graph is not None:
        members = torch.nn.functional.pad(graph.members, (0, extra), value=True)
        members[(graph.members == 0).all(2)] = False
        members = torch.nn.functional.pad(members, (0, 0, 0, extra))
        role = torch.nn.functional.pad(graph.role, (0, extra))
        graph = RoleGraph(
            members, role, torch.nn.functional.pad(graph.argument, (0, extra, 0, extra))
        )
    return Captions(words, mask, captions.bow, captions.vectors, graph), Clips(features, present)
