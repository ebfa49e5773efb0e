"""Recordings of losses alone: on a given table of scores, and on the host they were released with."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from models.official._scan import KEYS
from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from tests.parity.cases import Case

LOSS = "out/loss"


def given_scores(model: type[Any], config: Any, case: Case) -> tuple[RetrievalModel, Batch]:
    """A model whose scores are the recorded table, images in its rows, and an empty batch."""

    class Given(model):
        """The loss of the paper's class, on scores that are a parameter."""

        def host(self) -> nn.Module:
            """A table of scores: captions x videos."""
            return nn.ParameterDict({"sim": case.inputs["sim"].float().mT.contiguous()})

        def forward(self, _batch: Batch) -> Tensor:
            """The table."""
            return self.encoder["sim"]

    words = torch.zeros(1, 1, dtype=torch.long)
    return Given(config, DataSizes()), Batch(Captions(words, words > 0), Clips())


def host_batch(case: Case) -> Batch:
    """Captions of the recorded lengths; every region of an image is there."""
    words, images = case.inputs["captions"].long(), case.inputs["images"].float()
    mask = torch.arange(words.shape[1]) < case.inputs["lengths"][:, None]
    there = torch.ones(images.shape[:2], dtype=torch.bool)
    return Batch(Captions(words, mask), Clips({"frames": images}, {"frames": there}))


def official(
    _model: RetrievalModel, _case: Case, tensors: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Weights under the released names; a given table as the recording has it, images in rows."""
    if "encoder.sim" in tensors:
        return {"sim": tensors["encoder.sim"].mT}
    return {
        theirs + name.removeprefix(ours): tensor
        for theirs, ours in KEYS.items()
        for name, tensor in tensors.items()
        if name.startswith(ours)
    }


def outputs(model: RetrievalModel, batch: Batch, _case: Case) -> dict[str, Tensor]:
    """The loss, and where there is a host its embeddings and scores, images in rows."""
    arrays = {LOSS: model.loss(batch)}
    if isinstance(model.encoder, nn.ParameterDict):
        return arrays
    text, video = model.encode_text(batch.captions), model.encode_video(batch.clips)
    arrays |= {"out/caption_emb": text[0], "out/image_emb": video[0]}
    return arrays | {"out/sim": model.similarity(text, video).mT}
