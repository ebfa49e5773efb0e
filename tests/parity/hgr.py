"""Recordings of cshizhe/hgr_v2t: graph reasoning in its branches, and its global baseline."""

import json
from dataclasses import replace

import numpy as np
import torch

from kb.retrieval import evaluate
from models.hgr import Config, Model, official_prefixes, sizes
from models.parts.batch import ROLES, Captions, Clips, RoleGraph
from tests.parity.cases import Case

LEVELS = {"sent": 0, "verb": 1, "noun": 2}
METRICS = ("R@1", "R@5", "R@10", "MedR", "MnR")
ALTERNATIVES = {  # array -> what differs from the recorded configuration
    "out/alt_loss_allneg": {"hardest": None},
    "out/alt_loss_top3": {"hardest": 3},
    "out/alt_loss_t2v_only": {"direction": "t2v"},
    "out/alt_loss_v2t_only": {"direction": "v2t"},
}


def skipped(_array: str) -> str | None:
    """Every array is compared: what the authors' evaluator says of the scores too."""
    return None


def config_of(case: Case) -> Config:
    """Sizes from the weights; what weights do not tell from the recorded options."""
    c = case.config
    hardest = int(c.get("hard_topk", 1)) if c.get("max_violation", True) else None
    found = replace(sizes(case.state), margin=float(c["margin"]), hardest=hardest)
    if len(found.levels) == 1:
        return found
    weights = c["loss_weights"]
    return replace(
        found,
        fusion=str(c["attn_fusion"]),
        sharpness=float(c["simattn_sigma"]),
        max_words=int(c["max_words"]),
        max_frames=int(c["max_frames"]),
        actions=int(c["num_verbs"]),
        entities=int(c["num_nouns"]),
        weights=None if weights is None else tuple(map(float, weights)),
    )


def batch_of(case: Case) -> tuple[Captions, Clips]:
    """The captions and graphs as annotated, the first video untrimmed: limits are the model's."""
    given = case.inputs
    if "mp_fts" in given:  # a video is one vector: one frame
        words = given["caption_ids"].long()
        mask = torch.arange(words.shape[1]) < given["caption_lens"][:, None]
        frames = given["mp_fts"].float()[:, None]
        present = torch.ones(frames.shape[:2], dtype=torch.bool)
        return Captions(words, mask), Clips({"frames": frames}, {"frames": present})
    document = json.loads(str(given["graphs_json"][()]))
    texts = [[int(word.removeprefix("w")) for word in c.split()] for c in document["captions"]]
    longest = max(map(len, texts))
    words = torch.tensor([text + [0] * (longest - len(text)) for text in texts])
    mask = torch.arange(longest) < torch.tensor([len(text) for text in texts])[:, None]
    graph = graph_of(document["graphs"], document["roles"], longest)
    first = given["raw_video0"].float()
    videos = [v[:n] for v, n in zip(given["attn_fts"].float(), given["attn_lens"], strict=True)]
    frames = torch.nn.utils.rnn.pad_sequence([first, *videos[1:]], batch_first=True)
    counts = torch.tensor([len(first), *given["attn_lens"][1:]])
    present = torch.arange(frames.shape[1]) < counts[:, None]
    return Captions(words, mask, graph=graph), Clips({"frames": frames}, {"frames": present})


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
            named = nodes[name]["role"].removeprefix("C-").removeprefix("R-")
            role[i, at] = ROLES.index(named if named in roles else "NOUN")
        for a, b in edges:
            if a in row:
                argument[i, row[a], row[b]] = True
    return RoleGraph(members, role, argument)


def run(case: Case) -> dict[str, np.ndarray]:
    """Every array of the recording that concerns the model, computed by it in float32."""
    config, batch = config_of(case), batch_of(case)
    model = Model.from_official(case.state, config).eval()
    text, video = model.encode_text(batch[0]), model.encode_video(batch[1])
    fused, levels = model.similarity(text, video), model.levels(text, video)
    found = {"out/sim_vt": fused.mT}
    if len(config.levels) == 1:
        found |= {"out/text_embed": text.event, "out/video_embed": video.event}
        for array, change in ALTERNATIVES.items():
            model.config = replace(config, **change)
            found[array] = model.triplet(fused)
        model.config = config
    else:
        found |= {"out/text_global": text.event, "out/video_global": video.event}
        found["out/loss_fusion"] = model.triplet(fused)
        for name, level in (("verb", "action"), ("noun", "entity")):
            phrases, present = text.parts[level], text.present[level]
            found[f"out/text_{name}"] = phrases * present[..., None]
            found[f"out/video_{name}"] = video.parts[level]
        for name, at in LEVELS.items():
            found[f"out/sim_{name}"] = levels[at].mT
            found[f"out/loss_{name}"] = model.triplet(levels[at])
    found["out/loss_total"] = model.loss(*batch)
    found["out/loss_total"].backward()
    found |= case.gradients(model, official_prefixes(config))
    ours = {array: value.detach().numpy() for array, value in found.items()}
    ranks = evaluate(similarity=fused.detach().numpy(), relevance=np.arange(len(fused)))
    for way, direction in (("t2v", ranks.t2v), ("v2t", ranks.v2t)):
        ours[f"out/{way}_metrics"] = np.array([direction.metrics[name] for name in METRICS])
    return ours
