"""The release of CT-SAN: gitlab.com/fodrh1201/CT-SAN, no licence stated, TensorFlow 1.

Read in the copy github.com/anujkum25/ConceptWord, which has the author's own commits: models for
captions and for filling blanks, none for retrieval. Weights are those of the model for blanks: its
detector, video state and attentions, and its head, `Blanks`. The sentence LSTM and the score of
retrieval are ours and untrained, in no checkpoint. Vectors of concepts are rows of the word table;
which rows is not among the weights: load them into `concepts`.

Quirks
    Q1  padding stands before a video, and the tracers move on in it: their input is zero, their
        bias is not.
    Q2  both attentions have a bias for all concepts alike, which the softmax removes.
    Q3  both directions over a sentence with a blank start at the video's state and read all
        positions, padding too.
"""

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from models.ct_san import CTSAN, PLACE, Config, SemanticAttention
from models.official._loading import load_renamed, matrix_shape
from models.official._tensorflow import from_tensorflow, lstm_names, to_tensorflow
from models.parts.batch import Regions
from models.parts.contract import DataSizes

CELL = "basic_lstm_cell"
DIRECTIONS = {
    f"fib_rnn/bidirectional_rnn/{way}/{CELL}": end for way, end in (("fw", ""), ("bw", "_reverse"))
}
LSTMS = {
    f"video_rnn/{CELL}": ("video_lstm", ""),
    f"attr_rnn/{CELL}": ("tracers.lstm", ""),
    **{cell: ("blanks.lstm", end) for cell, end in DIRECTIONS.items()},
}
STATISTICS = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
HEAD = {"affine": "blanks.affine", "attended_output": "blanks.answer"}
PLAIN = {  # not turned: both layouts are the same
    "attended_input/input_W": "input.weight",
    "attended_output/output_W": "output.weight",
    "attended_input/input_b": "input.bias",
    "attended_output/output_b": "output.bias",
    "attended_input/input_w_1": "input.scale",
    "attended_output/output_w_1": "output.scale",
}
KEYS = {  # the released code's names -> ours
    "word_embed": "words.weight",
    "attr_video_embedding/kernel": "tracers.embed.weight",
    "attr_logit/K": "detector.weight",
    **{f"attr_rnn/conv{n}/kernel": f"tracers.conv{n}.weight" for n in (1, 2)},
    **{f"attr_rnn/conv{n}/bias": f"tracers.conv{n}.bias" for n in (1, 2)},
    **{f"BatchNorm/{theirs}": f"blanks.norm.{ours}" for theirs, ours in STATISTICS.items()},
    **{f"{theirs}/weights": f"{ours}.weight" for theirs, ours in HEAD.items()},
    **{f"{theirs}/biases": f"{ours}.bias" for theirs, ours in HEAD.items()},
    **{k: v for cell, (ours, end) in LSTMS.items() for k, v in lstm_names(cell, ours, end).items()},
    **PLAIN,
}


class BiasedAttention(SemanticAttention):
    """Attention with the released code's bias."""

    def __init__(self, word_dim: int, dim: int) -> None:
        super().__init__(word_dim, dim)
        self.bias = nn.Parameter(torch.zeros(()))  # Q2


class Blanks(nn.Module):
    """The head that fills a blank."""

    def __init__(self, word_dim: int, hidden: int, vocabulary: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(word_dim, hidden, batch_first=True, bidirectional=True)
        self.affine, self.answer = nn.Linear(2 * hidden, hidden), nn.Linear(hidden, vocabulary)
        self.norm = nn.BatchNorm1d(hidden, eps=1e-3)
        self.norm.num_batches_tracked = None  # which TensorFlow has not


class Released(CTSAN):
    """What was released, and our score."""

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        self.blanks = Blanks(config.word_dim, config.hidden, data.vocabulary)
        for name, bias in self.named_parameters():
            if ".bias_hh" in name:
                nn.init.zeros_(bias).requires_grad_(requires_grad=False)
        if config.concepts:
            self.input = BiasedAttention(config.word_dim, config.word_dim)
            self.output = BiasedAttention(config.word_dim, config.hidden)
            self.tracers.resting = False  # Q1

    def frames(self, regions: Regions) -> tuple[Float[Tensor, "v t d g g"], Bool[Tensor, "v t"]]:
        """The grids of each video at the end of its positions."""
        x, mask = super().frames(regions)
        steps = mask.shape[1]
        at = torch.arange(steps, device=x.device) - (steps - mask.sum(1, keepdim=True))
        row = at.clamp(min=0)[..., None, None, None].expand_as(x)
        mask = at >= 0
        return x.gather(1, row) * mask[..., None, None, None], mask  # Q1

    def fill(
        self, words: Int[Tensor, "b n"], blank: Bool[Tensor, "b n"], video: tuple[Tensor, ...]
    ) -> dict[str, Tensor]:
        """Scores of every word for the blank of a sentence, and what they are made of."""
        h, c, a = video
        x, gamma = self.input(self.words(words), a @ self.input.weight.mT, a)
        begin = (h.expand(2, -1, -1).contiguous(), c.expand(2, -1, -1).contiguous())
        states = (self.blanks.lstm(x, begin)[0] * blank[..., None]).sum(1)  # Q3
        before = self.blanks.affine(states).tanh()
        value = a.tanh() @ self.output.weight.mT
        after, beta = self.output(before[:, None], value, value)
        scores = self.blanks.answer(self.blanks.norm(after[:, 0]))
        return {
            "attended_input": x,
            "gammas": gamma,
            "output_before": before,
            "output_after": after[:, 0],
            "beta": beta[:, 0],
            "scores": scores,
        }


def config_of(
    state: Mapping[str, Any], options: Mapping[str, Any] | None = None
) -> tuple[Config, DataSizes]:
    """The released configuration: sizes from the weights, the rest from the recorded options.

    The edge of a grid is twice that of the pooled one unless it was recorded. Raises ValueError for
    weights that are missing.
    """
    weights, recorded = ours(state), options or {}
    vocabulary, word_dim = matrix_shape(weights, "word_embed")
    _, frames = matrix_shape(weights, f"video_rnn/{CELL}/kernel[input]")
    count, places = matrix_shape(weights, "attr_logit/K")
    hidden, _ = matrix_shape(weights, "attended_output/output_W")
    grid = 2 * round((places // hidden) ** 0.5)
    config = Config(
        word_dim=word_dim,
        hidden=hidden,
        grid=int(recorded.get("grid", grid)),
        steps=int(recorded.get("steps", Config.steps)),
        attributes=int(recorded.get("attr_length", Config.attributes)),
    )
    embed = weights.get("attr_video_embedding/kernel")
    features = embed.shape[1] if embed is not None and embed.ndim > 1 else frames
    dims = {"frames": frames, "regions": features + PLACE}
    return config, DataSizes(vocabulary, dims=dims, vectors={"concepts": count})


def ours(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """The weights in our layouts."""
    weights = from_tensorflow(state, LSTMS)
    for key in PLAIN.keys() & weights.keys():
        weights[key] = torch.as_tensor(state[key])
        if key.endswith("_w_1") and weights[key].ndim == 2:  # noqa: PLR2004  (one row)
            weights[key] = weights[key][0]
    if "attr_logit/K" in weights:
        k = torch.as_tensor(state["attr_logit/K"])
        weights["attr_logit/K"] = k.flatten(0, -2).mT if k.ndim > 1 else k
    return weights


def theirs(model: CTSAN, weights: Mapping[str, Tensor], **layout: float) -> dict[str, Tensor]:
    """Weights or gradients of a model under TensorFlow's names, in its layouts."""
    own = {key: weights[name] for key, name in KEYS.items() if name in weights}
    state = to_tensorflow({key: x for key, x in own.items() if key not in PLAIN}, **layout)
    for key in PLAIN.keys() & own.keys():
        state[key] = own[key][None] if key.endswith("_w_1") else own[key]
    if "attr_logit/K" in own:
        side = (model.config.grid + 1) // 2
        state["attr_logit/K"] = own["attr_logit/K"].mT.unflatten(0, (side, side, -1))
    return state


def load(state: Mapping[str, Any], config: Config | None = None) -> Released:
    """The model with TensorFlow's weights in it."""
    released, data = config_of(state)
    return load_renamed(Released(config or released, data), ours(state), KEYS)


def official_state(model: Released) -> dict[str, Tensor]:
    """The weights of a model under TensorFlow's names and in its layout."""
    return theirs(model, model.state_dict())
