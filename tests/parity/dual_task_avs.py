"""Recordings of nikkiwoo-gh/Dual-task-video-retrieval: both tasks, and a search over a collection."""

from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from models.official.dual_task_avs import KEYS, Released, config_of, load, scaled
from models.parts.batch import Batch, Captions, Clips
from tests.parity.cases import Case
from tests.parity.triplets import triplet

TOP = 10  # concepts of a video that are its tags


def skipped(_array: str) -> str | None:
    """Every array is compared."""
    return None


def prefixes(_model: Released) -> Mapping[str, str]:
    """Beginnings of the official names -> of ours."""
    return KEYS


def build(case: Case) -> tuple[Released, Batch]:
    """The concepts of the captions' videos are given; the captions are no queries."""
    config, _ = config_of(case.state, case.config)
    i = case.inputs
    y = i["concept_labels"].float()
    vectors = {"mentions": torch.zeros_like(y), "video-mentions": y}
    captions = Captions(i["word_ids"].long(), i["text_mask"] > 0, i["bow"].float(), vectors)
    clips = Clips({"frames": i["frames"].float()}, {"frames": i["video_mask"] > 0})
    return load(case.state, config), Batch(captions, clips)


def outputs(model: Released, batch: Batch, case: Case) -> dict[str, Any]:
    """Embeddings, probabilities, both losses in every form, and the search where it is recorded."""
    text, video = model.encode_text(batch.captions), model.encode_video(batch.clips)
    scores, margin = model.embedding_scores(text, video), model.config.margin
    p, y = video["concepts"], batch.captions.vectors["video-mentions"]
    tagging = model.tagging(p, y)
    arrays = {
        "out/text_emb": text["embedding"],
        "out/video_emb": video["embedding"],
        "out/concept_prob": p,
        "out/sim_text_x_video": scores,
        "out/loss_match": model.matching(text, video),
        "out/loss_match_t2v": triplet(scores, margin, "t2v"),
        "out/loss_match_v2t": triplet(scores, margin, "v2t"),
        "out/loss_concept": tagging,
        "out/loss_concept_mean": tagging / len(y),
        "out/loss_total": model.loss(batch),
    }
    if "out/fused_theta_0.5" in case.expected:
        arrays |= other_losses(model, p, y, case) | tags(p, y) | search(model, video, case)
    return arrays


def other_losses(model: Released, p: Tensor, y: Tensor, case: Case) -> dict[str, Tensor]:
    """The concepts' loss with other settings and other labels."""
    half = settings(model, mentioned_weight=0.5).tagging(p, y)
    plain = settings(model, concept_loss="plain").tagging(p, y)
    return {
        "out/loss_concept_lambda_0.5": half,
        "out/loss_concept_plain_bce_sum": plain,
        "out/loss_concept_plain_bce_mean": plain / len(y),
        "out/loss_concept_row1_empty": model.tagging(p, case.inputs["labels_row1_empty"].float()),
    }


def settings(model: Released, **change: Any) -> Released:
    """The model with the same weights and other settings."""
    other = copy(model)
    other.config = replace(model.config, **change)
    return other


def tags(p: Tensor, y: Tensor) -> dict[str, Tensor]:
    """How many of a video's concepts are among the likeliest."""
    top = p.topk(min(TOP, p.shape[1]), dim=1).indices
    hits = y.gather(1, top).sum(1)
    return {
        "out/concept_match_at_10": hits,
        "out/concept_recall_at_10": hits / y.sum(1).clamp(max=TOP),
    }


def search(model: Released, video: Mapping[str, Tensor], case: Case) -> dict[str, Tensor]:
    """Queries against the recorded collection."""
    i = case.inputs
    words = i["query_word_ids"].long()
    mask = torch.arange(words.shape[1]) < i["query_lengths"][:, None]
    vectors = {"mentions": i["query_concepts"].float()}
    queries = model.encode_text(Captions(words, mask, i["query_bow"].float(), vectors))
    collection = {name: rows[i["search_video_rows"]] for name, rows in video.items()}
    by_embedding = model.embedding_scores(queries, collection)
    by_concepts = model.concept_scores(queries, collection)
    return {
        "out/query_emb": queries["embedding"],
        "out/embedding_score": by_embedding,
        "out/concept_score": by_concepts,
        "out/embedding_score_norm": scaled(by_embedding),
        "out/concept_score_norm": scaled(by_concepts),
        **{
            f"out/fused_theta_{theta}": settings(model, concept_share=theta).similarity(
                queries, collection
            )
            for theta in (0.3, 0.5)
        },
    }
