"""The graph score of the movie-synopsis release's test: nodes and edges matched together, exactly."""

from itertools import product

import torch
from torch import Tensor

from models.movie_synopsis_graph import ACTION, CAST, Side, cosines
from models.official.movie_synopsis_graph import Released
from models.parts.assignment import assign

BEST, STEPS = 2, 2  # clip nodes of each synopsis node that are kept; edges from a kept node


def pair(model: Released, text: Side, video: Side, t: int, v: int) -> dict[str, Tensor]:
    """Weights, first matching and edges of one clip and one synopsis, without padding."""
    out = {}
    for kind, weight in ((CAST, 1.0), (ACTION, model.config.action_weight)):
        c, there = cosines(text, video, kind)
        y = model.match(c, there)[t, v]
        rows, columns = text.mask[kind][t], video.mask[kind][v]
        out[kind] = weight * c[t, v][rows][:, columns].clamp(min=0)
        out[f"{kind} matched"] = y[rows][:, columns]
        for name, one, item in (("text", text, t), ("video", video, v)):
            edges = one.links[kind][item][one.mask[CAST][item]]
            out[f"{kind} {name}"] = edges[:, one.mask[kind][item]]
    return out


def value(p: dict[str, Tensor], matched: dict[str, Tensor]) -> Tensor:
    """Matched nodes and edges, for each node of the synopsis."""
    total, gain = torch.zeros(()), {}
    for kind, y in matched.items():
        gain[kind] = (p[kind] * y).sum(1)
        total = total + gain[kind].sum()
    for kind, y in matched.items():
        there = matched[CAST].float() @ p[f"{kind} video"].float() @ y.float().T
        ends = gain[CAST][:, None] + gain[kind]
        total = total + (there * p[f"{kind} text"] * ends / 2).sum()
    return total / max(1, len(p[CAST]) + len(p[ACTION]))


def each(model: Released, text: Side, video: Side, score) -> Tensor:
    """(t, v) of a score of each pair."""
    t, v = len(text.mask[CAST]), len(video.mask[CAST])
    with torch.no_grad():
        rows = [score(pair(model, text, video, i, j)) for i, j in product(range(t), range(v))]
    return torch.stack(rows).view(t, v)


def first(p: dict[str, Tensor]) -> Tensor:
    """The value of the matching that training uses."""
    return value(p, {kind: p[f"{kind} matched"] for kind in (CAST, ACTION)})


def initial_value(model: Released, text: Side, video: Side) -> Tensor:
    """(t, v) values of the matchings of nodes alone."""
    return each(model, text, video, first)


def largest_value(model: Released, text: Side, video: Side) -> Tensor:
    """(t, v) the greatest value of any one-to-one matching within the pruned clip graph."""
    return each(model, text, video, largest)


def largest(p: dict[str, Tensor]) -> Tensor:
    """Each matching of the cast is tried; that of the actions is then a linear assignment."""
    kept = pruned(p)
    inner = p | {kind: p[kind][:, kept[kind]] for kind in kept}
    for kind in kept:
        inner[f"{kind} video"] = p[f"{kind} video"][kept[CAST]][:, kept[kind]]
    sides = [sum(int(inner[f"{kind} {side}"].sum()) for kind in kept) for side in ("video", "text")]
    if not all(sides):
        return first(p)
    a, i = inner[CAST].shape
    best = torch.zeros(())
    for columns in product(range(-1, i), repeat=a):
        used = [column for column in columns if column >= 0]
        if len(used) != len(set(used)):
            continue
        y = torch.zeros(a, i, dtype=torch.bool)
        for row, column in enumerate(columns):
            if column >= 0:
                y[row, column] = True
        best = torch.maximum(best, value(inner, {CAST: y, ACTION: actions(inner, y)}))
    return best


def actions(p: dict[str, Tensor], cast: Tensor) -> Tensor:
    """The best matching of the actions beside one of the cast."""
    gain = (p[CAST] * cast).sum(1)
    joined = p["action text"].float()  # (cast, action) of the synopsis
    near = cast.float() @ p["action video"].float()  # (synopsis cast, clip action)
    count = joined.T @ near  # edges that a pair of actions would complete
    weights = p[ACTION] + (count * p[ACTION] + (joined * gain[:, None]).T @ near) / 2
    return assign(weights[None], torch.ones_like(weights[None], dtype=torch.bool))[0]


def pruned(p: dict[str, Tensor]) -> dict[str, Tensor]:
    """Clip nodes that may be matched: matched ones, the best of each, and what is near those."""
    kept = {}
    for kind in (CAST, ACTION):
        kept[kind] = p[f"{kind} matched"].any(0)
        if p[kind].numel():
            best = p[kind].topk(min(BEST, p[kind].shape[1]), dim=1).indices
            kept[kind][best.flatten()] = True
    cast = p["cast video"] | p["cast video"].T
    for _ in range(STEPS):
        near = kept[CAST] | (cast & kept[CAST]).any(1) | (p["action video"] & kept[ACTION]).any(1)
        kept[ACTION] = kept[ACTION] | (p["action video"] & kept[CAST][:, None]).any(0)
        kept[CAST] = near
    return kept
