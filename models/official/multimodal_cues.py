"""The release of Multimodal Cues: github.com/niluthpol/multimodal_vtt, without a licence.

It has no quirk: the spaces were trained one by one, and each checkpoint is a model of its own.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from models.multimodal_cues import CUES, Config, MultimodalCues
from models.official._loading import flatten_checkpoint, load_renamed, matrix_shape
from models.parts.contract import DataSizes

PARTS = ("img_enc.", "txt_enc.")
KEYS = {  # prefixes of the released code's names -> of ours
    f"{name}.{official}": f"spaces.{name}.{ours}"
    for name in CUES
    for official, ours in (
        ("img_enc.fc.", "visual.0."),
        ("txt_enc.embed.", "words."),
        ("txt_enc.rnn.", "gru."),
    )
}


class Released(MultimodalCues):
    """The model as released."""


def config_of(
    state: Mapping[str, Tensor], options: Mapping[str, Any] | None = None
) -> tuple[Config, DataSizes]:
    """The released configuration: sizes from the weights, the rest from the recorded options.

    Half of what the activity space reads is audio, as published (1,024 of 2,048). `options` are
    the official code's own names. Raises ValueError for weights that are missing or an option that
    is not the paper's.
    """
    recorded = options or {}
    if int(recorded.get("num_layers", 1)) != 1:
        raise ValueError(f"num_layers {recorded['num_layers']} is not the paper's 1")
    spaces = tuple(n for n in CUES if any(k.startswith(f"{n}.") for k in state)) or tuple(CUES)
    shapes = {name: matrix_shape(state, f"{name}.img_enc.fc.weight") for name in spaces}
    vocabulary, word_dim = matrix_shape(state, f"{spaces[0]}.txt_enc.embed.weight")
    config = Config(
        spaces=spaces,
        word_dim=word_dim,
        common=shapes[spaces[0]][0],
        margin=float(recorded.get("margin", Config.margin)),
        beta=float(recorded.get("beta", Config.beta)),
    )
    dims = {"frames": shapes["object"][1]} if "object" in spaces else {}
    if "activity" in spaces:
        width = shapes["activity"][1]
        dims |= {"motion": width - width // 2, "audio": width // 2}
    return config, DataSizes(vocabulary, dims=dims)


def load(state: Mapping[str, Any], config: Config | None = None) -> Released:
    """The checkpoints {"object": ..., "activity": ...}, or one state dict with these prefixes."""
    checkpoints = {name: state[name] for name in CUES if isinstance(state.get(name), Mapping)}
    weights = {
        f"{name}.{key}": weight
        for name, checkpoint in checkpoints.items()
        for key, weight in flatten_checkpoint(checkpoint, PARTS).items()
    }
    official = weights or state
    sized, data = config_of(official)
    return load_renamed(Released(config or sized, data), official, KEYS)
