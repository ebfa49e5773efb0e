"""Recording of mwray's measure of relevance, one-space network and loss over given triplets."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kb.retrieval.graded import ndcg_of
from models.official.semantic_similarity_vr import KEYS, PROXIES, Released, config_of, load
from models.parts.batch import TAGS, Batch, Captions, Clips
from models.parts.losses import expected_triplets
from models.parts.words import SPECIAL
from tests.parity.cases import Case

WORD_LISTS = {  # proxy -> the parser's lists, each with a part of speech that the proxy reads
    "PoS": {"parsed_verbs": "VERB", "parsed_nouns": "NOUN"},
    "BoW": {"non_stop_words": "ADJ"},
}
PAIRS = ("vt", "tv")  # side of the anchor, other side


def skipped(_array: str) -> str | None:
    """Every array is compared, the measure's too."""
    return None


class Recorded(Released):
    """The loss over the recorded triplets."""

    def triplet_loss(self, batch: Batch, kind: str, pair: str) -> Tensor:
        """Of one direction, the k triplets of an anchor drawn with equal weights."""
        scores = self(batch) if pair == "tv" else self(batch).mT
        distance = 2 - 2 * scores
        pos, neg = (self.triplets[f"trip_{kind}_{pair}_{end}"] for end in ("pos", "neg"))
        terms = [
            expected_triplets(distance, once(p, scores), once(n, scores), self.config.margin)
            for p, n in zip(pos.T, neg.T, strict=True)
        ]
        return torch.stack(terms).mean()

    def loss(self, batch: Batch) -> Tensor:
        """Both directions of the triplets by relevance."""
        return sum(self.triplet_loss(batch, "semantic", pair) for pair in PAIRS)


def once(index: Tensor, scores: Tensor) -> Tensor:
    """1 at one item of each anchor."""
    return torch.zeros_like(scores).scatter(1, index[:, None], 1.0)


def prefixes(_model: Released) -> Mapping[str, str]:
    """Beginnings of the official names -> of ours."""
    return KEYS


def build(case: Case) -> tuple[Released, Batch]:
    """The recorded mean vectors of words; a video is one frame. Relevance is in `outputs`."""
    model = load(case.state, config_of(case.state, case.config)[0])
    model.__class__ = Recorded
    model.triplets = {n: x for n, x in case.inputs.items() if n.startswith("trip_")}
    text, video = case.inputs["text"].float(), case.inputs["video"].float()[:, None]
    words = torch.full((len(text), 1), SPECIAL)
    captions = Captions(words, torch.ones_like(words, dtype=torch.bool), vectors={"w2v": text})
    mask = torch.ones(video.shape[:2], dtype=torch.bool)
    return model, Batch(captions, Clips({"frames": video}, {"frames": mask}))


def parsed(case: Case, side: str, proxy: str, numbers: dict[str, int]) -> Captions:
    """The words that a proxy reads, as captions with parts of speech."""
    rows = []
    for caption in json.loads(str(case.inputs["captions_json"][()]))[side]:
        lists = WORD_LISTS[proxy].items()
        rows.append([(word, tag) for name, tag in lists for word in caption[name]])
    width = max(1, *(len(row) for row in rows))
    words, tags = torch.zeros(2, len(rows), width, dtype=torch.long)
    for i, row in enumerate(rows):
        for j, (word, tag) in enumerate(row):
            words[i, j] = numbers.setdefault(word, SPECIAL + len(numbers))
            tags[i, j] = TAGS.index(tag)
    return Captions(words, words > 0, tags=tags)


def outputs(model: Recorded, batch: Batch, case: Case) -> dict[str, Any]:
    """Embeddings, losses, and relevance and nDCG by both proxies."""
    text, video = model.encode_text(batch.captions), model.encode_video(batch.clips)
    scores = model.similarity(text, video)
    arrays = {"out/text_embed": text, "out/video_embed": video, "out/sim_vt": scores.mT}
    arrays["out/loss_total"] = model.loss(batch)
    for pair in PAIRS:
        arrays[f"out/loss_semantic_{pair}"] = model.triplet_loss(batch, "semantic", pair)
        arrays[f"out/alt_loss_instance_{pair}"] = model.triplet_loss(batch, "instance", pair)
    for proxy, ours in PROXIES.items():
        numbers: dict[str, int] = {}
        captions, of_videos = (parsed(case, side, proxy, numbers) for side in ("texts", "videos"))
        config, model.config = model.config, replace(model.config, relevance=ours)
        relevance = model.relevance(captions, of_videos).mT
        model.config = config
        arrays |= measured(proxy, scores.mT.detach().double().numpy(), relevance.double().numpy())
    return arrays


def measured(proxy: str, scores: np.ndarray, gain: np.ndarray) -> dict[str, Any]:
    """Values of nDCG in both directions, each by query, from scores and gains (videos, captions)."""
    queries = {"v2t": ndcg_of(scores, gain), "t2v": ndcg_of(scores.T, gain.T)}
    means = [values.mean() for values in queries.values()]
    arrays: dict[str, Any] = {f"out/ndcg_{proxy}_{w}_queries": v for w, v in queries.items()}
    arrays[f"out/relevance_{proxy}"] = gain
    arrays[f"out/relevance_pairs_share_{proxy}"] = (gain > 0).mean()
    return arrays | {f"out/ndcg_{proxy}": [*means, sum(means) / 2]}
