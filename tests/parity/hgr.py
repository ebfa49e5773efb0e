"""Recordings of cshizhe/hgr_v2t: graph reasoning in its branches, and its global baseline."""

import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from models.hgr import HGR, Side
from models.official.hgr import config_of, keys, load
from models.parts.batch import ROLES, Batch, Captions, Clips, RoleGraph
from models.parts.losses import hinge_terms
from tests.parity.cases import Case
from tests.parity.ranking import evaluated
from tests.parity.triplets import triplet

LEVELS = {"sent": 0, "verb": 1, "noun": 2}
TOP = 3  # hardest negatives of one recorded loss


def skipped(_array: str) -> str | None:
    """Every array is compared, those of the authors' evaluator too."""
    return None


def prefixes(model: HGR) -> Mapping[str, str]:
    """Beginnings of the official names -> of ours."""
    return keys(model.config)


def build(case: Case) -> tuple[HGR, Batch]:
    """The captions and graphs as annotated, the first video untrimmed: limits are the model's."""
    config, _ = config_of(case.state, case.config)
    batch_of = mean_pooled if "mp_fts" in case.inputs else annotated
    return load(case.state, config), batch_of(case.inputs)


def mean_pooled(inputs: Mapping[str, Any]) -> Batch:
    """A video is one vector: one frame."""
    words = inputs["caption_ids"].long()
    mask = torch.arange(words.shape[1]) < inputs["caption_lens"][:, None]
    frames = inputs["mp_fts"].float()[:, None]
    present = torch.ones(frames.shape[:2], dtype=torch.bool)
    return Batch(Captions(words, mask), Clips({"frames": frames}, {"frames": present}))


def annotated(inputs: Mapping[str, Any]) -> Batch:
    """Sentences with their graphs, and frames."""
    document = json.loads(str(inputs["graphs_json"][()]))
    texts = [[int(word.removeprefix("w")) for word in c.split()] for c in document["captions"]]
    longest = max(map(len, texts))
    words = torch.tensor([text + [0] * (longest - len(text)) for text in texts])
    mask = torch.arange(longest) < torch.tensor([len(text) for text in texts])[:, None]
    graph = graph_of(document["graphs"], document["roles"], longest)
    first = inputs["raw_video0"].float()
    videos = [v[:n] for v, n in zip(inputs["attn_fts"].float(), inputs["attn_lens"], strict=True)]
    frames = torch.nn.utils.rnn.pad_sequence([first, *videos[1:]], batch_first=True)
    counts = torch.tensor([len(first), *inputs["attn_lens"][1:]])
    present = torch.arange(frames.shape[1]) < counts[:, None]
    return Batch(Captions(words, mask, graph=graph), Clips({"frames": frames}, {"frames": present}))


def graph_of(graphs: list, roles: list[str], width: int) -> RoleGraph:
    """Annotated graphs, their root left out."""
    most = max(len(nodes) for nodes, _ in graphs)
    members = torch.zeros(len(graphs), most, width, dtype=torch.bool)
    role = torch.zeros(len(graphs), most, dtype=torch.long)
    argument = torch.zeros(len(graphs), most, most, dtype=torch.bool)
    for i, (nodes, edges) in enumerate(graphs):
        row = {name: at for at, name in enumerate(n for n in nodes if nodes[n]["role"] != "ROOT")}
        for name, at in row.items():
            members[i, at, nodes[name]["spans"]] = True
            label = nodes[name]["role"].removeprefix("C-").removeprefix("R-")
            role[i, at] = ROLES.index(label if label in roles else "NOUN")
        for a, b in edges:
            if a in row:
                argument[i, row[a], row[b]] = True
    return RoleGraph(members, role, argument)


def outputs(model: HGR, batch: Batch, case: Case) -> dict[str, Any]:
    """Nodes, frames, scores and losses of each level, and the evaluation of the fused scores."""
    text, video = model.encode_text(batch.captions), model.encode_video(batch.clips)
    fused = model.similarity(text, video)
    per_level = baseline if len(model.config.levels) == 1 else hierarchy
    arrays = {"out/sim_vt": fused.mT, "out/loss_total": model.loss(batch)}
    return (
        arrays | per_level(model, text, video, fused) | evaluated(case.expected, fused, floor=False)
    )


def baseline(model: HGR, text: Side, video: Side, fused: Tensor) -> dict[str, Tensor]:
    """One level, and its loss with the switches of the released code."""
    margin, pairs = model.config.margin, len(fused) * (len(fused) - 1)
    by_caption, by_video = hinge_terms(fused, margin)
    every = torch.stack([by_caption, by_video.mT])
    return {
        "out/text_embed": text.event,
        "out/video_embed": video.event,
        "out/alt_loss_allneg": every.sum() / pairs,
        "out/alt_loss_top3": every.topk(TOP, dim=2).values.mean((1, 2)).sum(),
        "out/alt_loss_t2v_only": triplet(fused, margin, "t2v", reduction="mean"),
        "out/alt_loss_v2t_only": triplet(fused, margin, "v2t", reduction="mean"),
    }


def hierarchy(model: HGR, text: Side, video: Side, fused: Tensor) -> dict[str, Tensor]:
    """Three levels; empty slots are zero."""
    levels = model.levels(text, video)
    arrays = {"out/text_global": text.event, "out/video_global": video.event}
    arrays["out/loss_fusion"] = model.triplet(fused)
    for name, level in (("verb", "action"), ("noun", "entity")):
        arrays[f"out/text_{name}"] = text.parts[level] * text.present[level][..., None]
        arrays[f"out/video_{name}"] = video.parts[level]
    for name, row in LEVELS.items():
        arrays[f"out/sim_{name}"] = levels[row].mT
        arrays[f"out/loss_{name}"] = model.triplet(levels[row])
    return arrays
