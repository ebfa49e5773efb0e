"""Recordings of PaddlePaddle/PaddleVideo: three tangled streams, four losses, both fusions."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import relu

from models.actbert import Flat
from models.official.actbert import Released, as_released, config_of, load
from models.parts.batch import Batch, Captions, Clips
from models.parts.pairs import all_pairs
from tests.parity.cases import Case

LOSS = "out/loss"
STREAMS = ("text", "image", "action")


def skipped(_array: str) -> str | None:
    """Every array is compared."""
    return None


class Recorded(Released):
    """Nothing is trimmed; regions have the recorded one of the whole frame, pairs their labels."""

    recorded: Mapping[str, Tensor]

    def read_words(self, captions: Captions) -> tuple[Tensor, Tensor]:
        """All columns."""
        return captions.words, captions.mask

    def read_regions(self, _clips: Clips) -> tuple[Tensor, Tensor, Tensor]:
        """Features, places and mask."""
        regions = self.recorded
        return regions["image_feat"], regions["image_loc"], regions["image_mask"] > 0

    def read_actions(self, _clips: Clips) -> tuple[Tensor, Tensor]:
        """All columns."""
        return self.recorded["action_feat"], self.recorded["action_mask"] > 0

    def pairs(self, videos: int) -> tuple[Tensor, Tensor]:
        """One caption of each video, its own or not."""
        right = self.recorded["next_sentence_label"] == 0
        return torch.arange(videos)[:, None], right[:, None]

    def terms(self, own: Mapping[str, Tensor], match: Tensor) -> dict[str, Tensor]:
        """The four losses, of the logits of every token."""
        labels = self.recorded
        return {
            "text": self.token_loss(own["text"], labels["text_labels"]),
            "image": self.region_loss(
                own["image"][:, 1:], labels["image_label"] == 1, labels["image_target"]
            ),
            "action": self.token_loss(own["action"], labels["action_label"]),
            "match": match,
        }


def build(case: Case) -> tuple[Recorded, Batch]:
    """Regions and actions are read from the recording."""
    model = load(case.state, config_of(case.state, case.config)[0])
    model.__class__ = Recorded
    model.recorded = {
        name: array.float() if array.is_floating_point() else array
        for name, array in case.inputs.items()
    }
    words, mask = case.inputs["text_ids"], case.inputs["text_mask"] > 0
    return model, Batch(Captions(words, mask), Clips())


def official(model: Recorded, case: Case, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under the official names and in the official layout."""
    return {k: tensor for k, tensor in as_released(model, tensors).items() if k in case.state}


def logits_of_all(model: Recorded, text: Flat, video: Flat) -> Tensor:
    """Match logits of every caption with every video."""
    each = [
        all_pairs(lambda t, v, k=k: model.logits(model.states(t, v))[:, k], text, video)
        for k in (0, 1)
    ]
    return torch.stack(each, dim=2)


def outputs(model: Recorded, batch: Batch, case: Case) -> dict[str, Any]:
    """States, pooled streams, logits of all heads, scores, ranks and losses."""
    text, video = model.encode_text(batch.captions), model.encode_video(batch.clips)
    streams = model.states(text, video)
    states = {name: x for name, (x, _) in zip(STREAMS, streams, strict=True)}
    own = {
        "text": model.word_head(states["text"], model.text.words.weight),
        "image": model.region_head(states["image"]),
        "action": model.action_head(states["action"]),
    }
    terms = model.terms(own, model.loss(batch))
    scores = model.similarity(text, video)
    arrays = {
        "out/match_logits": model.logits(streams),
        "out/match_logits_all": logits_of_all(model, text, video),
        "out/sim_text_x_video": scores,
        "out/rank": (scores > scores.diagonal()[:, None]).sum(1),
        "out/loss": torch.stack(list(terms.values())).sum(),
    }
    for name, pooler in zip(STREAMS, model.poolers, strict=True):
        arrays[f"out/seq_{name}"], arrays[f"out/scores_{name}"] = states[name], own[name]
        arrays[f"out/pooled_{name}"] = relu(pooler(states[name][:, 0]))
    arrays |= {f"out/loss_{name}": term for name, term in terms.items()}
    return {name: value for name, value in arrays.items() if name in case.expected | {LOSS: None}}
