"""The release of JSFusion: github.com/yj-yu/lsmdc, no licence stated, TensorFlow 1.

Its retrieval model; those for multiple choice and blanks are other networks. Weights are a mapping
of TensorFlow's names, as arrays or tensors.

Quirks
    Q1  the score is batch-normalised over the captions of one video: in training two of them differ
        by at most about sqrt(2 B), less than the margin of 10, so that no hinge is ever inactive
        and the loss is the margin plus the mean of all scores minus the mean of the right ones.
    Q2  every batch norm of a pair is over the captions of one video at a time, and its running
        statistics move once per video.
    Q3  the captions of a video compete in the loss, never the videos of a caption, and evaluation
        ranks captions for each video: numbers quoted as text-to-video search are video-to-text.
    Q4  a caption's own video is among the negatives: a constant of margin / B.
    Q5  both sides have all `steps` positions and padding is read as zeros: by the convolutions,
        which no mask follows, by the LSTM, whose backward direction starts in it, and by the
        statistics of every batch norm. A video stands at the end of its positions.
    Q6  the masks that shrink a video and the last convolution do not line up: with an even number of
        positions its last row is read by no window, and a video of at most five frames gives every
        caption the same score.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.jsfusion import EPSILON, Config, Decoder, JSFusion, Sequence, beside, shrink
from models.official._loading import load_renamed, matrix_shape
from models.official._tensorflow import from_tensorflow, lstm_names, to_tensorflow
from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes
from models.parts.losses import hinge_terms
from models.parts.normalisation import ShiftNorm
from models.parts.temporal import take_uniform

CELL = "cap_rnn/bidirectional_rnn/{}/multi_rnn_cell/cell_0/basic_lstm_cell"
LSTMS = {CELL.format("fw"): "", CELL.format("bw"): "_reverse"}
LEVELS = (1, 2, 3)
DENSE = {  # fully connected layers -> ours
    "vid_rnn_fc": "video",
    "cap_rnn/cap_rnn_fc": "text",
    "multimodal/rel_h2": "tensor.value.0",
    "multimodal/rel_h3": "tensor.value.1",
    "multimodal/rel_h1": "tensor.gate.0",
    "multimodal/rel_halp": "tensor.gate.1",
    **{f"multimodal/fc{n}": f"head.{n - 1}" for n in LEVELS},
}
STATISTICS = {"beta": "shift", "moving_mean": "running_mean", "moving_variance": "running_var"}
NORMS = {f"{theirs}/BatchNorm": f"{ours}.1" for theirs, ours in DENSE.items()}
NORMS["multimodal/scorefn/BatchNorm"] = "head.4"
CONVOLUTIONS = {
    **{f"video_cnn/conv{n}": f"convs.{n - 1}" for n in LEVELS},
    **{f"multimodal/conv{n}": f"decoder.layers.{n - 1}.conv" for n in LEVELS},
    **{f"multimodal/conv{n}alp": f"decoder.layers.{n - 1}.gate" for n in LEVELS},
}
KEYS = {  # the released code's names -> ours
    "word_embed": "words.weight",
    **{f"{theirs}/weights": f"{ours}.0.weight" for theirs, ours in DENSE.items()},
    "multimodal/scorefn/weights": "head.3.weight",
    **{f"{a}/{x}": f"{b}.{y}" for a, b in NORMS.items() for x, y in STATISTICS.items()},
    **{f"{theirs}/weights": f"{ours}.weight" for theirs, ours in CONVOLUTIONS.items()},
    **{f"{theirs}/biases": f"{ours}.bias" for theirs, ours in CONVOLUTIONS.items()},
    **{k: v for cell, end in LSTMS.items() for k, v in lstm_names(cell, "lstm", end).items()},
}
OVER_TIME = "video_cnn/"  # convolutions that have a second axis of size 1


class ReleasedDecoder(Decoder):
    """The decoder of videos that stand at the end of their positions."""

    def shrink_frames(self, mask: Bool[Tensor, "b n"], stride: int) -> Bool[Tensor, "b m"]:
        """Frames that are left, as if the convolution began at the end."""
        return shrink(mask.flip(1), stride).flip(1)  # Q6


class Released(JSFusion):
    """The model as released."""

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(replace(config, normalised_score=False), data)
        self.lstm.bias_hh_l0.requires_grad_(requires_grad=False)
        self.lstm.bias_hh_l0_reverse.requires_grad_(requires_grad=False)
        if config.fusion != "cosine":
            self.head.append(ShiftNorm(1, EPSILON, 1 - config.norm_decay))  # Q1
        if config.fusion == "hierarchy":
            self.decoder.__class__ = ReleasedDecoder

    def on_true(self, layer: nn.Module, x: Tensor, mask: Tensor) -> Float[Tensor, "*cells o"]:
        """A layer reads every cell; the mask comes last."""
        rows = layer(x.flatten(0, mask.ndim - 1))
        return rows.view(*mask.shape, -1) * mask[..., None]  # Q5

    def encode_video(self, clips: Clips) -> Sequence:
        """The v of each video, at the end of its positions."""
        frames = clips.features["frames"], clips.mask["frames"]
        x, mask = take_uniform(*frames, self.config.steps)
        steps = self.config.steps
        at = torch.arange(steps, device=x.device) - (steps - mask.sum(1, keepdim=True))
        mask, row = at >= 0, at.clamp(min=0)[..., None].expand(-1, -1, x.shape[2])
        x = y = x.gather(1, row) * mask[..., None]  # Q5
        for conv in self.convs:
            y = conv(y.mT).mT.relu()
        return self.on_true(self.video, beside(y, x), mask), mask

    def encode_text(self, captions: Captions) -> Sequence:
        """The t of each caption."""
        steps = self.config.steps
        more = max(steps - captions.words.shape[1], 0)
        words, mask = (F.pad(x, (0, more))[:, :steps] for x in (captions.words, captions.mask))
        x = self.dropout(self.words(words) * mask[..., None])
        states = self.dropout(self.lstm(x)[0])  # Q5
        return self.on_true(self.text, states, mask), mask

    def similarity(self, text: Sequence, video: Sequence) -> Float[Tensor, "t v"]:
        """S, video by video."""
        if self.config.fusion == "cosine":
            return super().similarity(text, video)
        videos = zip(*(x.split(1) for x in video), strict=True)
        return torch.stack([self.score(text, one) for one in videos], 1)  # Q2

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Mean over all pairs."""
        _, by_video = hinge_terms(self(batch), self.config.margin)  # Q3
        return by_video.mean() + self.config.margin / len(by_video)  # Q4


def config_of(
    state: Mapping[str, Any], options: Mapping[str, Any] | None = None
) -> tuple[Config, DataSizes]:
    """The released configuration: sizes from the weights, the rest from the recorded options.

    Raises ValueError for weights that are missing.
    """
    weights, recorded = ours(state), options or {}
    vocabulary, word_dim = matrix_shape(weights, "word_embed")
    joint, both = matrix_shape(weights, "cap_rnn/cap_rnn_fc/weights")
    _, beside_filters = matrix_shape(weights, "vid_rnn_fc/weights")
    head = [matrix_shape(weights, f"multimodal/fc{n}/weights") for n in LEVELS]
    filters = len(weights.get("video_cnn/conv3/biases", ()))
    config = Config(
        word_dim=word_dim,
        rnn=both // 2,
        filters=filters,
        joint=joint,
        channels=head[0][1],
        head=tuple(out for out, _ in head),
        steps=int(recorded.get("steps", Config.steps)),
        margin=float(recorded.get("margin", Config.margin)),
    )
    return config, DataSizes(vocabulary, dims={"frames": beside_filters - filters // 2})


def ours(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """The weights in our layouts."""
    weights = from_tensorflow(state, LSTMS)
    return {
        key: w.flatten(-2) if key.startswith(OVER_TIME) and w.ndim == 4 else w  # noqa: PLR2004
        for key, w in weights.items()
    }


def theirs(weights: Mapping[str, Tensor], *, gradients: bool = False) -> dict[str, Tensor]:
    """Weights or gradients by our names under TensorFlow's, in its layouts."""
    own = {key: weights[name] for key, name in KEYS.items() if name in weights}
    wide = {
        key: w.unsqueeze(-1) if key.startswith(OVER_TIME) and w.ndim > 1 else w
        for key, w in own.items()
    }
    return to_tensorflow(wide, **({"forget": 0.0} if gradients else {}))


def load(state: Mapping[str, Any], config: Config | None = None) -> Released:
    """The model with TensorFlow's weights in it."""
    released, data = config_of(state)
    return load_renamed(Released(config or released, data), ours(state), KEYS)


def official_state(model: Released) -> dict[str, Tensor]:
    """The weights of a model under TensorFlow's names and in its layout."""
    return theirs(model.state_dict())
