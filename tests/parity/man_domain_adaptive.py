"""Recordings of Recmoon/MAN: one labelled domain or two, and an unpaired one."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from models.man_domain_adaptive import SOURCES, comparisons
from models.official.man_domain_adaptive import KEYS, Released, config_of, load
from models.parts.batch import Batch, Captions, Clips
from tests.parity.cases import Case

NAMES = {  # of our discriminators in the recordings
    "source_video": "video_domain",
    "source_text": "text_domain",
    "source2_video": "video_domain2",
    "source2_text": "text_domain2",
    "source_modality": "modality_source",
    "source2_modality": "modality_source2",
    "target_modality": "modality_target",
}


def skipped(_array: str) -> str | None:
    """Every array is compared."""
    return None


def prefixes(_model: Released) -> Mapping[str, str]:
    """Beginnings of the official names -> of ours."""
    return KEYS


def build(case: Case) -> tuple[Released, Batch]:
    """Each domain as the authors' loader gives it, in the order of the source's rows."""
    config, _ = config_of(case.state, case.config)
    batch = domain(case, "")
    batch.unpaired = domain(case, "target_")
    if config.sources > 1:
        batch.second_source = domain(case, "source2_")
    return load(case.state, config), batch


def domain(case: Case, prefix: str) -> Batch:
    """One domain."""
    x = {name: case.inputs[prefix + name] for name in ("frames", "video_mask", "bow")}
    words, there = case.inputs[f"{prefix}word_ids"].long(), case.inputs[f"{prefix}text_mask"] > 0
    clips = Clips({"frames": x["frames"].float()}, {"frames": x["video_mask"] > 0})
    return Batch(Captions(words, there, x["bow"].float()), clips)


def outputs(model: Released, batch: Batch, case: Case) -> dict[str, Tensor]:
    """Embeddings, logits and every term; in evaluation also with the lengths that are right."""
    arrays, sides = embeddings(model, batch, case, "")
    text, video = (sides["source", side] for side in ("text", "video"))
    arrays |= {"out/sim_text_x_video": model.similarity(text, video)}
    for kind, pairs in comparisons(model.config).items():
        total = torch.zeros(())
        for name, (first, second) in pairs.items():
            total = total + (ce := model.confusion(name, sides[first], sides[second]))
            arrays[f"out/ce_{NAMES[name]}"] = ce
            for place, side in (("first", first), ("second", second)):
                logits = model.logits(name, sides[side])
                order = recorded_order(case, side[0])
                arrays[f"out/logits_{NAMES[name]}_{place}"] = logits[order]
        arrays[f"out/loss_{kind}_ce_sum"] = total
    ranking = {}
    for source in SOURCES[: model.config.sources]:
        ranking[source] = model.ranking(sides[source, "text"], sides[source, "video"])
        arrays[f"out/loss_retrieval_{source}"] = ranking[source]
    arrays["out/loss_retrieval"] = torch.stack(list(ranking.values())).sum()
    arrays["out/loss_total"] = model.loss(batch)
    if model.training:
        return arrays
    config, model.config = model.config, replace(model.config, true_lengths=True)
    others, _ = embeddings(model, batch, case, "_true_lengths")
    arrays |= others | {"out/loss_total_true_lengths": model.loss(batch)}
    model.config = config
    return arrays


def embeddings(
    model: Released, batch: Batch, case: Case, ending: str
) -> tuple[dict[str, Tensor], dict[tuple[str, str], Tensor]]:
    """Arrays of both sides of every domain, in the recorded order; and the sides in the batch's."""
    sides = model.sides(batch)
    arrays = {}
    for (name, side), x in sides.items():
        of_domain = "" if name == "source" else f"_{name}"
        arrays[f"out/{side}_emb{of_domain}{ending}"] = x[recorded_order(case, name)]
    return arrays, sides


def recorded_order(case: Case, name: str) -> Tensor:
    """Rows of a domain as its outputs are recorded: by the length of its captions."""
    own = torch.arange(len(case.inputs["frames"]))
    return case.inputs.get(f"{name}_reorder", own).long()
