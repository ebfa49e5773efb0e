"""Recordings of antoine77340/MIL-NCE_HowTo100M: text and loss, blocks of S3D-G, the whole tower."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.official._loading import load_renamed, official_names
from models.official.mil_nce import (
    KEYS,
    TABLE,
    TEXT_KEYS,
    Released,
    ReleasedConfig,
    config_of,
    our_layout,
    released_layout,
    word_ids,
)
from models.parts.batch import Batch, Captions, Clips, Nested
from models.parts.contract import DataSizes
from models.parts.s3d import (
    ConvUnit,
    InceptionBlock,
    SamePool,
    SelfGate,
    Widths,
    inception_names,
    space_to_depth,
    unit_names,
)
from models.parts.words import SPECIAL
from tests.parity.cases import Case

LOSS = "out/loss"
BLOCK_KEYS = {
    **unit_names("stem.", "stem."),
    **inception_names("block.", "block."),
    "self_gating.fc.": "gate.affine.",
}
STEMS = {"plain": False, "s2d": True}
POOLS = {  # kernel, stride
    "133": ((1, 3, 3), (1, 2, 2)),
    "333": ((3, 3, 3), (2, 2, 2)),
    "222": ((2, 2, 2), (2, 2, 2)),
}
MAPS = {"conv1": "stem", "mixed_3c": "blocks.3c", "mixed_4f": "blocks.4f", "mixed_5c": "blocks.5c"}


def skipped(_array: str) -> str | None:
    """Every array is compared."""
    return None


class TextAndLoss(Released):
    """Without a tower: the vectors of the clips are recorded."""

    clip_vectors: Tensor

    def encode_video(self, clips: Clips) -> Tensor:  # noqa: ARG002
        """What is recorded."""
        return self.clip_vectors


class Blocks(nn.Module):
    """A stem, a block and a gate of small widths."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        widths = [
            int(case.config["block_widths"][k]) for k in ("b0", "b1_a", "b1_b", "b2_a", "b2_b")
        ]
        a, b, c, d, e = widths
        dim = int(case.config["block_input"])
        pooled = int(case.config["block_widths"]["b3"])
        self.stem = ConvUnit(3, dim, (3, 7, 7), (2, 2, 2), (1, 3, 3))
        self.block, self.gate = (
            InceptionBlock(dim, Widths(a, (b, c), (d, e), pooled)),
            SelfGate(dim),
        )

    def loss(self, batch: Mapping[str, Tensor]) -> Tensor:
        """What the recording defines its gradients by."""
        return (self.block(batch["x"]) ** 2).mean() + (self.stem(batch["video"]) ** 2).mean()

    def after_step(self) -> None:
        """Nothing."""


def build(case: Case) -> tuple[Any, Any]:
    """The part of the model that the recording is of, and its input."""
    if "block_widths" in case.config:
        return load_renamed(Blocks(case), case.state, BLOCK_KEYS), case.inputs
    if "weight_formula" in case.config:
        towers = {name: tower(cubes=cubes) for name, cubes in STEMS.items()}
        return nn.ModuleDict(towers), case.inputs["video_u8"].float() / 255
    config, data = config_of(case.state, case.config)
    model = Released(config, data)
    model.__class__ = TextAndLoss
    del model.tower, model.video
    load_renamed(model, our_layout(case.state), TEXT_KEYS)
    model.clip_vectors = case.inputs["video_embd"].float().requires_grad_()
    return model, Batch(candidates_of(case), Clips(pixels=None))


def candidates_of(case: Case) -> Captions:
    """First candidates, and all of them; their ids are ours."""
    ids = case.inputs["text_ids"].long()
    words = torch.where(ids > 0, ids + SPECIAL - 1, ids)
    owner = torch.arange(len(ids)).repeat_interleave(ids.shape[1])
    every, first = words.flatten(0, 1), words[:, 0]
    near = Nested(Captions(every, every > 0), owner, torch.zeros(len(owner), 2))
    return Captions(first, first > 0, candidates=near)


def tower(*, cubes: bool) -> Released:
    """The whole model, its weights by the recorded formula."""
    model = Released(ReleasedConfig(cubes=cubes), DataSizes(SPECIAL))
    own = model.state_dict()
    for key, name in official_names(model, KEYS).items():
        if not key.endswith("num_batches_tracked") and key != TABLE:
            own[name].copy_(torch.from_numpy(by_formula(key, tuple(own[name].shape))))
    return model.eval()


def by_formula(key: str, shape: tuple[int, ...]) -> np.ndarray:
    """A weight of the recording, from its name and its size."""
    n = np.arange(np.prod(shape), dtype=np.float64)
    wave = 43758.5453 * np.sin(12.9898 * n + 78.233 * (sum(key.encode()) % 997))
    u = (2 * (wave - np.floor(wave)) - 1).reshape(shape)
    if key.endswith("running_var"):
        return (1 + 0.4 * u).astype(np.float32)
    if key.endswith(("running_mean", "bias")):
        return (0.05 * u).astype(np.float32)
    if len(shape) == 1:
        return (1.2 + 0.3 * u).astype(np.float32)
    return (u * np.sqrt(6 / np.prod(shape[1:]))).astype(np.float32)


def outputs(model: Any, batch: Any, case: Case) -> dict[str, Any]:
    """Every array of the part that was recorded."""
    kinds = {Blocks: of_blocks, TextAndLoss: of_text}
    return kinds.get(type(model), of_towers)(model, batch, case)


def of_blocks(model: Blocks, batch: Mapping[str, Tensor], _case: Case) -> dict[str, Any]:
    """Each block alone."""
    x = batch["x"]
    arrays = {f"out/pool_{name}": SamePool(*pool)(x) for name, pool in POOLS.items()}
    arrays |= {"out/block": model.block(x), "out/stem": model.stem(batch["video"])}
    arrays |= {"out/self_gating": model.gate(x)}
    arrays["out/space_to_depth"] = space_to_depth(batch["video_s2d"])
    return arrays | {LOSS: (arrays["out/block"] ** 2).mean() + (arrays["out/stem"] ** 2).mean()}


def of_text(model: TextAndLoss, batch: Batch, case: Case) -> dict[str, Any]:
    """Both losses, all scores, and sentences from their letters on."""
    near, clips = batch.captions.candidates, model.encode_video(batch.clips)
    text = model.encode_text(near.items)
    scores = model.similarity(text, clips)  # (captions, clips)
    by_clip = scores.mT.reshape(len(clips), len(clips), -1)
    first = torch.eye(len(clips), dtype=torch.bool)
    sims = model.similarity(model.encode_text(batch.captions), clips)
    c, vocabulary = model.config, case.config["vocabulary"]
    ids = [word_ids(sentence, vocabulary, c.max_words) for sentence in case.config["sentences"]]
    words = torch.tensor([one + [0] * (c.max_words - len(one)) for one in ids])
    return {
        "out/text_embd": text,
        "out/scores": by_clip,
        "out/sims": sims,
        "out/loss_first_candidate": model.terms(sims, first).mean(),
        "out/sentence_ids": torch.where(words > 0, words - SPECIAL + 1, words),
        "out/sentence_embd": model.encode_text(Captions(words, words > 0)),
        LOSS: model.loss(batch),
    }


def of_towers(model: nn.ModuleDict, batch: Tensor, _case: Case) -> dict[str, Any]:
    """Vectors of both towers, and the means and shapes of some maps."""
    arrays: dict[str, Any] = {LOSS: torch.zeros((), requires_grad=True)}
    for name, net in model.items():
        maps = keep_maps(net)
        pooled = net.tower(batch)
        arrays[f"out/{name}/mixed_5c"] = pooled
        arrays[f"out/{name}/video_embedding"] = net.video(pooled)
        for layer, y in maps.items():
            row = f"out/{name}/{layer}{'_map' if layer == 'mixed_5c' else ''}"
            arrays[f"{row}_mean"], arrays[f"{row}_shape"] = y.mean((0, 2, 3, 4)), np.array(y.shape)
    return arrays


def keep_maps(net: Released) -> dict[str, Tensor]:
    """Filled with the maps of some layers when the tower is run."""
    maps: dict[str, Tensor] = {}
    for layer, ours in MAPS.items():
        module = net.tower.get_submodule(ours)
        module.register_forward_hook(lambda _m, _x, y, layer=layer: maps.update({layer: y}))
    return maps


def official(model: Any, case: Case, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under the official names, and the gradient of the recorded vectors."""
    if isinstance(model, Blocks):
        names = official_names(model, BLOCK_KEYS)
        return {key: tensors[name] for key, name in names.items() if name in tensors}
    if not isinstance(model, TextAndLoss):
        return {}
    names = official_names(model, TEXT_KEYS)
    renamed = {key: tensors[name] for key, name in names.items() if name in tensors}
    arrays = released_layout({key: x for key, x in renamed.items() if key in case.state})
    gradient = model.clip_vectors.grad
    return arrays | ({} if gradient is None else {"in/video_embd": gradient.clone()})
