"""Recording of CT-SAN's model for blanks: concepts, tracers, both attentions, its head."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from models.official.ct_san import Released, config_of, load, theirs
from models.parts.batch import Batch, Captions, Clips, Regions
from tests.parity.cases import Case

LOSS = "out/loss"


def skipped(_array: str) -> str | None:
    """Every array is compared."""
    return None


def official(model: Released, case: Case, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Gradients by our names under TensorFlow's, in its layouts."""
    return {k: x for k, x in theirs(model, tensors, forget=0.0).items() if k in case.state}


def build(case: Case) -> tuple[Released, Batch]:
    """Grids as regions, one in each cell; frames, recorded at the end of a row, at its beginning."""
    i = case.inputs
    model = load(case.state, config_of(case.state, case.config)[0])
    model.words.requires_grad_(requires_grad=False)
    ids = i["concept_ids"].long()
    model.concepts = nn.Embedding.from_pretrained(model.words.weight.detach()[ids])
    present = i["video_mask"] > 0
    order = (~present).int().argsort(dim=1, stable=True)
    present = present.gather(1, order)
    x = torch.stack([row[place] for row, place in zip(i["video"].float(), order, strict=True)])
    side = x.shape[2]
    edge = torch.arange(side)
    corner = torch.stack(torch.meshgrid(edge, edge, indexing="ij")[::-1], 2).flatten(0, 1) / side
    place = torch.cat([corner, corner + 1 / side], 1).expand(*x.shape[:2], -1, -1)
    clips = Clips({"frames": x.mean((2, 3))}, {"frames": present})
    clips.regions = Regions(x.flatten(2, 3), place, present[..., None].expand(place.shape[:3]))
    words = i["blank_caption"].long()
    return model, Batch(Captions(words, words > 0), clips)


def outputs(model: Released, batch: Batch, case: Case) -> dict[str, Any]:
    """Every step of the released network."""
    i, clips = case.inputs, batch.clips
    x, mask = model.frames(clips.regions)
    grids = model.tracers.grids(x)
    state, maps = model.tracers(grids, mask)
    logits = model.detector(state.flatten(1))
    video = (*model.video_state(clips), model.find(logits))
    filled = model.fill(batch.captions.words, i["blank_mask"] > 0, video)
    chosen = logits.topk(model.config.attributes).indices
    side = grids.shape[3]
    arrays = {f"out/{name}": x for name, x in filled.items()}
    arrays["out/video_embedding"] = grids.movedim(2, 4)
    arrays["out/att_maps"] = torch.stack(maps[1:], 1).mT.unflatten(2, (side, side))
    arrays["out/concept_logits"] = logits
    arrays["out/concepts"] = i["concept_ids"][chosen]
    arrays["out/video_state"] = torch.cat([video[1], video[0]], 1)
    arrays["out/predictions"] = filled["scores"].argmax(1)
    concept = binary_cross_entropy_with_logits(logits, i["target_concepts"].float())
    blank = cross_entropy(filled["scores"], i["answer"].long())
    arrays |= {"out/concept_loss": concept, "out/fib_loss": blank, "out/loss": concept + blank}
    return {name: array for name, array in arrays.items() if name in case.expected}
