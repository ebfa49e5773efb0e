"""What the authors released: the video's branch, at github.com/mayu-ot/vsum_dsf 084358b.

It belongs to their companion paper of the same months ("Video Summarization using Deep Semantic
Features", ACCV 2016). No licence is stated. Of sentences and images there are no weights: those
branches start at random, and the sizes of what they read must be given or are the published ones.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from models.official._loading import load_renamed, matrix_shape
from models.otani_web_image import SENTENCE, Config, OtaniWebImage
from models.parts.contract import DataSizes

KEYS = {  # the released code's names -> ours; chainer lays a weight out as torch does
    "fc_v1.W": "video.0.weight",
    "fc_v1.b": "video.0.bias",
    "fc_v2.W": "video.2.weight",
    "fc_v2.b": "video.2.bias",
}
SKIP_THOUGHTS = 4800  # numbers of a sentence's vector


class Released(OtaniWebImage):
    """The model as released: the video's branch does nothing that the paper's does not."""


def config_of(
    state: Mapping[str, Tensor], options: Mapping[str, Any] | None = None
) -> tuple[Config, DataSizes]:
    """The released configuration: sizes from the weights. ValueError where a weight is missing."""
    del options  # the released code has none
    hidden, frame = matrix_shape(state, "fc_v1.W")
    common, _ = matrix_shape(state, "fc_v2.W")
    data = DataSizes(dims={"frames": frame}, vectors={SENTENCE: SKIP_THOUGHTS, "web": frame})
    return Config(hidden=hidden, common=common), data


def load(
    state: Mapping[str, Any], config: Config | None = None, data: DataSizes | None = None
) -> Released:
    """The released branch in a model whose others are untrained."""
    released, sizes = config_of(state)
    return load_renamed(Released(config or released, data or sizes), state, KEYS)
