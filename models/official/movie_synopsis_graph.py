"""The release of the movie-synopsis graph: github.com/ycxioooong/MovieSynopsisAssociation 0e2b669.

No licence is stated. As released nothing imports; what is below is what its functions compute once
they can be called. Its widths of words, phrases and portraits are those of `text_widths`.

Quirks
    Q1  the event flow is a warp from the first to the last cell, which gives a shot to several
        sentences; the score is a sentence's mean cosine with the sum of its shots.
    Q2  in the last row and the last column the warp prices a straight step as the diagonal one.
    Q3  as many nodes as possible are matched, by all cosines; those below zero are then undone.
    Q4  a synopsis node without a partner gets the last candidate: the last clip node that is among
        the best of any synopsis node, as many each as there are synopsis nodes. Its cosine counts,
        even below zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool
from torch import Tensor

from models.movie_synopsis_graph import (
    ACTION,
    APPEARANCE,
    CAST,
    Config,
    MovieSynopsis,
    Pairs,
    Scores,
    Side,
    cosines,
)
from models.official._loading import load_renamed, matrix_shape
from models.parts.assignment import assign
from models.parts.contract import DataSizes
from models.parts.pooling import masked_mean

SIDES = {"vembeder": "video", "sembeder": "text"}
VOCABULARY = 10_000  # rows of `words`, random: no checkpoint has them
POOLED, WARPED = "reduce_norm", "none"  # reduce_opt: rows averaged before they meet, or kept


@dataclass(frozen=True)
class ReleasedConfig(Config):
    """The paper's settings, and what the released code reads of a synopsis."""

    text_widths: tuple[int, int, int] | None = None  # of sentence, portrait, verb; None: of a word


class Released(MovieSynopsis):
    """The model as released."""

    def widths(self) -> dict[str, Mapping[str, int]]:
        """A character is known by a portrait, not by words."""
        widths = super().widths()
        given = getattr(self.config, "text_widths", None)
        text = dict(zip((APPEARANCE, CAST, ACTION), given, strict=True)) if given else {}
        return widths | ({"text": text} if text else {})

    def event_flow(self, text: Side, video: Side) -> Scores:
        """By the warp, or by the best assignment of sentences to shots."""
        if self.config.flow == "pooled":
            return super().event_flow(text, video)
        y = self.path(text, video).float()
        sentences, there = text.nodes[APPEARANCE], text.mask[APPEARANCE]
        shots = torch.einsum("tvnm,vmd->tvnd", y, video.nodes[APPEARANCE])
        c = F.cosine_similarity(sentences[:, None], shots, dim=3, eps=1e-12)
        return masked_mean(c.mT, there)  # Q1

    def path(self, text: Side, video: Side) -> Bool[Tensor, "t v n m"]:
        """Which shots are whose."""
        c, there = cosines(text, video, APPEARANCE)
        if self.config.flow == "any-order":
            return self.match(c + 1, there)
        y = torch.zeros_like(there)
        sentences, shots = text.mask[APPEARANCE].sum(1), video.mask[APPEARANCE].sum(1)
        for t, n in enumerate(sentences.tolist()):
            for v, m in enumerate(shots.tolist()):
                for shot, sentence in warp(c[t, v, :n, :m].mT.tolist()):
                    y[t, v, sentence, shot] = True
        return y

    def match(self, c: Pairs, there: Bool[Tensor, "t v n m"]) -> Bool[Tensor, "t v n m"]:
        """Every synopsis node has a partner."""
        y = assign(c.double() + 2 * min(c.shape[2:]) + 2, there) & (c > 0)  # Q3
        for t, v in torch.cartesian_prod(*map(torch.arange, y.shape[:2])).tolist():
            n, m = int(there[t, v].any(1).sum()), int(there[t, v].any(0).sum())
            if not n or not m:
                continue
            last = c[t, v, :n, :m].topk(min(n, m), dim=1).indices.max()
            y[t, v, :n, last] |= ~y[t, v, :n].any(1)  # Q4
        return y


def warp(c: list[list[float]]) -> list[tuple[int, int]]:
    """Cells (shot, sentence) of the cheapest monotone path through 1 - c."""
    m, n = len(c), len(c[0]) if c else 0
    if min(m, n) <= 1:
        return [(i, j) for i in range(m) for j in range(n)]
    D = [[float("inf")] * (n + 1) for _ in range(m + 1)]
    D[0][0] = 0.0
    for i in range(1, m + 1):
        for j in range(1, n + 1):
            diagonal = D[i - 1][j - 1]
            up = diagonal if j == n else D[i - 1][j]  # Q2
            left = diagonal if i == m else D[i][j - 1]
            D[i][j] = 1 - c[i - 1][j - 1] + min(diagonal, up, left)
    i, j, cells = m, n, [(m - 1, n - 1)]
    while (i, j) != (1, 1):
        i, j = min(((i - 1, j - 1), (i - 1, j), (i, j - 1)), key=lambda at: D[at[0]][at[1]])
        cells.append((i - 1, j - 1))
    return cells


def keys(config: Config) -> dict[str, str]:
    """Prefixes of the released code's names -> of ours."""
    layers = {"fc1.": "0.", "fc2.": "2."}
    if not config.graph:
        return {
            f"{theirs}.{name}": f"{side}_{APPEARANCE}.{number}"
            for theirs, side in SIDES.items()
            for name, number in layers.items()
        }
    return {
        f"embeder_{kind}.{theirs}.{name}": f"{side}_{kind}.{number}"
        for kind, own in ((APPEARANCE, layers), (ACTION, layers), (CAST, {"fc.": "0."}))
        for theirs, side in SIDES.items()
        for name, number in own.items()
    }


def config_of(
    state: Mapping[str, Tensor], options: Mapping[str, Any] | None = None
) -> tuple[ReleasedConfig, DataSizes]:
    """The released configuration: sizes from the weights, the rest from the recorded options.

    Raises ValueError for weights that are missing or an option that is not the paper's.
    """
    recorded = options or {}
    if recorded.get("max_violation"):
        raise ValueError("max_violation True is not the paper's: all negatives count")
    graph = any(key.startswith("embeder_") for key in state)
    pooled = recorded.get("reduce_opt", WARPED) == POOLED
    start = f"embeder_{APPEARANCE}." if graph else ""
    shapes = {s: matrix_shape(state, f"{start}{name}.fc1.weight") for name, s in SIDES.items()}
    common, _ = matrix_shape(state, f"{start}vembeder.fc2.weight")
    config: dict[str, Any] = {
        "word_dim": shapes["text"][1],
        "appr_hidden": (shapes["video"][0], shapes["text"][0]),
        "common": common,
        "graph": graph,
        "flow": "pooled" if pooled else "ordered",
        "flow_weight": float(recorded.get("wg", Config.flow_weight)),
        "action_weight": float(recorded.get("aw", Config.action_weight)),
        "margin": float(recorded.get("margin", Config.margin)),
    }
    dims = {"frames": shapes["video"][1]}
    if graph:
        acts = {s: matrix_shape(state, f"embeder_action.{n}.fc1.weight") for n, s in SIDES.items()}
        cast = {s: matrix_shape(state, f"embeder_cast.{n}.fc.weight") for n, s in SIDES.items()}
        config["action_hidden"] = (acts["video"][0], acts["text"][0])
        config["cast_dim"], dims["regions"] = cast["video"]
        dims["motion"] = acts["video"][1]
        config["text_widths"] = (shapes["text"][1], cast["text"][1], acts["text"][1])
    return ReleasedConfig(**config), DataSizes(VOCABULARY, dims=dims)


def load(state: Mapping[str, Any], config: Config | None = None) -> Released:
    """The released checkpoint; its word vectors are given to `words` afterwards."""
    released, data = config_of(state)
    net = Released(config or released, data)
    return load_renamed(net, state, keys(net.config))
