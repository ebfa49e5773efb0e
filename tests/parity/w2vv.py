"""Recordings of danieljf24/w2vv, its Keras weights and gradients turned into ours."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from kb.retrieval import evaluate
from models.official.w2vv import KEYS, Released, config_of, load, turned
from models.parts.batch import Batch, Captions, Clips
from tests.parity.cases import Case
from tests.parity.ranking import intervals, metrics, nearest

LOSS = "out/loss"
END = 2  # <end>; <start> and it frame a sentence here, and the model leaves them out


def skipped(_array: str) -> str | None:
    """Every array is compared, the evaluator's too."""
    return None


def official(_model: Released, case: Case, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors by our names under Keras' names, kernels (in, out)."""
    return {
        key: turned(key, tensors[name])
        for key, name in KEYS.items()
        if name in tensors and key in case.state
    }


def build(case: Case) -> tuple[Released, Batch]:
    """Sentences from their recorded words, each with the image that it describes."""
    config, _ = config_of(case.state, case.config)
    inputs = case.inputs
    sentences = [row[row > 0] for row in inputs["word_ids"].long()]
    words = pad_sequence([torch.tensor([1, *row, END]) for row in sentences], batch_first=True)
    captions = Captions(words, words > 0, inputs["bow"].float(), {"w2v": inputs["w2v"].float()})
    images = inputs["images"].float()[inputs["owner"]][:, None]
    present = torch.ones(images.shape[:2], dtype=torch.bool)
    return load(case.state, config), Batch(captions, Clips({"frames": images}, {"frames": present}))


def outputs(model: Released, batch: Batch, case: Case) -> dict[str, Any]:
    """Encodings, predictions, loss and scores with every image, and the evaluation of the scores."""
    owner = case.inputs["owner"].numpy()
    u = torch.cat([model.read(name, batch.captions) for name in model.config.encoders], dim=1)
    text = model.encode_text(batch.captions)
    scores = model.similarity(text, case.inputs["images"].float())
    arrays = {"out/text_feat_concat": u, "out/text_emb": text, "out/loss": model.loss(batch)}
    arrays["out/sim_text_x_video"] = scores
    for way, (low, high) in intervals(scores, owner).items():
        name = f"out/eval_{way}"
        if name in case.expected:
            arrays[name] = nearest(case.expected[name], metrics(low), metrics(high))
    relevance = np.stack([np.arange(len(owner)), owner], axis=1)
    by_image = evaluate(similarity=scores.detach().numpy(), relevance=relevance).v2t
    arrays["out/eval_v2t_map"] = np.array(by_image.metrics["mAP"] / 100)
    return arrays
