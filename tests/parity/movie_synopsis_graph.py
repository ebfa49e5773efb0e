"""Recordings of ycxioooong/MovieSynopsisAssociation: pooled, event flow, and the graph beside it."""

import json
from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from models.movie_synopsis_graph import Side, cosines
from models.official._loading import load_renamed
from models.official.movie_synopsis_graph import Released, config_of, keys
from models.parts.batch import Batch, Captions, Clips
from models.parts.losses import hinge_terms
from models.parts.pooling import masked_mean
from tests.parity.cases import Case
from tests.parity.quadratic import initial_value, largest_value

KINDS = ("appr", "cast", "action")


def skipped(_array: str) -> str | None:
    """Every array is compared, the exact solution of the test too."""
    return None


def prefixes(model: Released) -> Mapping[str, str]:
    """Beginnings of the official names -> of ours."""
    return keys(model.config)


def build(case: Case) -> tuple[Released, Batch]:
    """Nodes are recorded as vectors: there are neither captions nor clips."""
    config, data = config_of(case.state, case.config)
    words = torch.zeros(1, 1, dtype=torch.long)
    model = load_renamed(Released(config, data), case.state, keys(config))
    return model, Batch(Captions(words, words == 0), Clips())


def side(model: Released, case: Case, theirs: str, ours: str) -> Side:
    """Clips or synopses."""
    i = case.inputs
    nodes = {}
    for kind in KINDS:
        if f"{theirs}_{kind}" in i:
            x, lengths = i[f"{theirs}_{kind}"].float(), i[f"{theirs}_{kind}_lengths"]
            nodes[kind] = x, torch.arange(x.shape[1]) < lengths[:, None]
    return model.embed(ours, nodes, links(case, theirs, nodes) if "cast" in nodes else {})


def links(case: Case, theirs: str, nodes: Mapping[str, Any]) -> dict[str, Tensor]:
    """(b, cast, kind) True for each recorded edge, which has a direction."""
    graphs = json.loads(str(case.inputs["graphs_json"]))
    name, own = {"clip": ("video", "video"), "syn": ("synopsis", "syn")}[theirs]
    tables = {}
    for kind in ("cast", "action"):
        shape = (*nodes["cast"][1].shape, nodes[kind][1].shape[1])
        table = torch.zeros(shape, dtype=torch.bool)
        for row, graph in enumerate(graphs[name]):
            for a, b in graph[f"{own}_cast_{kind}"]:
                table[row, a, b] = True
        tables[kind] = table
    return tables


def outputs(model: Released, _batch: Batch, case: Case) -> dict[str, Any]:
    """Whatever is recorded of: nodes, cosines, matchings, scores, losses, exact solutions."""
    video, text = side(model, case, "clip", "video"), side(model, case, "syn", "text")
    scores = model.similarity(text, video)
    arrays = {"out/sim_vt": scores.mT} | nodes(model, text, video) | metrics(scores)
    arrays |= {
        f"out/{name}": value for name, value in losses(model, scores).items() if "alt" not in name
    }
    if not model.config.graph and model.config.flow == "ordered":
        for name, flow in (("bm", "any-order"), ("basic", "pooled")):
            other = settings(model, flow=flow)
            arrays[f"out/alt_sim_{name}"] = other.similarity(text, video).mT
            for loss, value in losses(model, other.similarity(text, video)).items():
                arrays[f"out/alt_{loss}_{name}"] = value
            if name == "bm":
                arrays["out/alt_matching_bm"] = laid_out(other.path(text, video), text, video)
        arrays["out/path"] = laid_out(model.path(text, video), text, video)
        arrays["out/cosines"] = laid_out(cosines(text, video, "appr")[0], text, video)
    if model.config.graph:
        arrays |= graph(model, text, video)
    return {name: array for name, array in arrays.items() if name in case.expected}


def settings(model: Released, **change: Any) -> Released:
    """The model with the same weights and other settings."""
    other = copy(model)
    other.config = replace(model.config, **change)
    return other


def nodes(model: Released, text: Side, video: Side) -> dict[str, Tensor]:
    """Embedded shots and sentences, end to end; pooled ones as they are compared."""
    if model.config.flow == "pooled":
        means = [normalize(masked_mean(s.nodes["appr"], s.mask["appr"])) for s in (video, text)]
    else:
        means = [s.nodes["appr"][s.mask["appr"]] for s in (video, text)]
    return dict(zip(("out/clip_embed", "out/syn_embed"), means, strict=True))


def losses(model: Released, scores: Tensor) -> dict[str, Tensor]:
    """Both directions and their sum."""
    by_caption, by_video = (terms.mean() for terms in hinge_terms(scores, model.config.margin))
    return {
        "loss_clip2syn": by_video,
        "loss_syn2clip": by_caption,
        "loss_total": by_caption + by_video,
    }


def metrics(scores: Tensor) -> dict[str, Tensor]:
    """R@1, R@5, R@10 in percent, median and mean rank."""
    arrays = {}
    for name, table in (("syn2clip", scores), ("clip2syn", scores.mT)):
        ahead = (table > table.diagonal()[:, None]).sum(1).double()
        recalls = [100 * (ahead < k).double().mean() for k in (1, 5, 10)]
        arrays[f"out/{name}_metrics"] = torch.stack(
            [*recalls, ahead.quantile(0.5) + 1, ahead.mean() + 1]
        )
    return arrays


def laid_out(pairs: Tensor, text: Side, video: Side, kind: str = "appr") -> Tensor:
    """(clip nodes, synopsis nodes) of all items end to end."""
    table = pairs.permute(1, 3, 0, 2).flatten(2).flatten(0, 1)
    return table[video.mask[kind].flatten()][:, text.mask[kind].flatten()]


def graph(model: Released, text: Side, video: Side) -> dict[str, Tensor]:
    """Matchings, both scores apart, and the quadratic assignment of the test."""
    arrays = {"out/sim_graph": model.graph(text, video).mT}
    arrays["out/sim_eventflow"] = model.event_flow(text, video).mT
    arrays["out/alt_loss_graph_only"] = losses(model, arrays["out/sim_graph"].mT)["loss_total"]
    for kind in KINDS:
        c, there = cosines(text, video, kind)
        arrays[f"out/cosines_{kind}"] = laid_out(c, text, video, kind)
        if kind != "appr":
            y = model.match(c.detach(), there)
            arrays[f"out/matching_{kind}"] = laid_out(y, text, video, kind)
    arrays["out/eval_graph_init"] = initial_value(model, text, video).mT
    arrays["out/eval_graph_exact"] = largest_value(model, text, video).mT
    return arrays
