"""Recordings of gabeur/mmt: the transformer, and its baselines."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from models.mmt import ExpertSteps
from models.official._loading import official_names
from models.official.mmt import THEIRS, UNUSED, Released, config_of, load, prefixes
from models.parts.batch import Batch, Captions, Clips
from models.parts.transformer import split_qkv
from tests.parity.cases import Case

LOSS = "out/loss"


def skipped(array: str) -> str | None:
    """Why an array is no concern of the model; None where it is."""
    if UNUSED.match(array.rpartition("/")[2]):
        return "statistics of a layer that the released code never calls"
    return None


def build(case: Case) -> tuple[Released, Batch]:
    """Steps were drawn, and all of them pooled, before the recording."""
    config, _ = config_of(case.state, case.config)
    model = load(case.state, config)
    if [THEIRS[m] for m in model.names] != case.config["expert_order"]:
        raise ValueError(f"the experts are {case.config['expert_order']}")
    steps = {m: steps_of(THEIRS[m], case, config.gather) for m in model.names}
    model.gather_steps = lambda name, _clips: steps[name]
    return model, Batch(captions_of(case.inputs["token_ids"]), Clips())


def captions_of(ids: Tensor) -> Captions:
    """(videos, captions, words, 2) ids and validity, as captions one after the other."""
    words, mask = ids.flatten(0, 1).long().unbind(-1)
    return Captions(words, mask > 0)


def steps_of(name: str, case: Case, gather: str) -> ExpertSteps:
    """The recorded steps of an expert."""
    whole, *parts = (
        case.inputs[f"features{part}/{name}"]
        for part in ("_avgpool" if gather == "mean" else "_maxpool", "", "_t", "_ind")
    )
    x, times, present = parts
    return ExpertSteps(whole.float(), x.float(), times.float(), present > 0)


def official(model: Released, case: Case, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under the official names, queries, keys and values apart."""
    names = official_names(model, prefixes(model))
    split = split_qkv({key: tensors[name] for key, name in names.items() if name in tensors})
    return {key: tensor for key, tensor in split.items() if key in case.state}


def outputs(model: Released, batch: Batch, case: Case) -> dict[str, Tensor]:
    """Both sides, what enters and leaves the transformers, scores and losses."""
    arrays: dict[str, Tensor] = {}
    keep_states(model, arrays)
    multi = model.encode_text(captions_of(case.inputs["token_ids_multi"]))
    text, video = model.encode_text(batch.captions), model.encode_video(batch.clips)
    several, scores = model.similarity(multi, video), model.similarity(text, video)
    videos = len(video[0])
    averaged = several.reshape(videos, -1, videos).mean(1)
    arrays |= {"out/sims": scores, "out/sims_multi": several}
    arrays |= {"out/sims_multi_avg": averaged, "out/sims_multi_train": averaged}
    arrays |= {"out/vid_embds": video[0], "out/vid_weights": video[1]}
    arrays |= {"out/text_embds": text[0][:, :, None], "out/text_weights": text[1][:, None]}
    return arrays | losses(model, batch, scores)


def losses(model: Released, batch: Batch, scores: Tensor) -> dict[str, Tensor]:
    """The model's loss, and the two that the released code has and no configuration uses."""
    n, margin, right = len(scores), model.config.margin, torch.arange(len(scores))
    hinge = model.loss(batch)
    both = cross_entropy(scores, right) + cross_entropy(scores.mT, right)
    diagonal = (hinge * (n - 1) + margin) / n  # a pair against itself is a margin too near
    return {"out/loss": hinge, "out/loss_nofixnorm": diagonal, "out/loss_infonce": both}


def keep_states(model: Released, arrays: dict[str, Tensor]) -> None:
    """Keep what enters the video transformer and what leaves both."""

    def video(_module: nn.Module, inputs: tuple[Tensor, ...], last: Tensor) -> None:
        x, mask, kind, position = inputs
        mask = mask.long().index_fill(1, torch.tensor([0]), 1)  # the first token is always read
        arrays.update({"out/vid_tokens": x, "out/vid_attention_mask": mask, "out/vid_last": last})
        arrays.update({"out/vid_token_type_ids": kind, "out/vid_position_ids": position})

    def text(_module: nn.Module, _inputs: object, last: Tensor) -> None:
        arrays["out/txt_last"] = last  # of the latest captions

    model.text.register_forward_hook(text)
    if model.config.between == "transformer":
        model.video.register_forward_hook(video)
