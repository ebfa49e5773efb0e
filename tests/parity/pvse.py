"""Recordings of yalesong/pvse, from pooled frame features on."""

from dataclasses import replace

import numpy as np
import torch

from kb.retrieval import evaluate
from models.parts.batch import Captions, Clips
from models.pvse import OFFICIAL, Config, Model, diversity, sizes
from tests.parity.cases import Case

LOSSES = {  # array -> what differs from the recorded configuration
    "out/loss_ranking": {},
    "out/alt_loss_ranking_allneg": {"hardest": False},
    "out/alt_loss_ranking_sum": {"hardest": True, "reduction": "sum"},
}


def skipped(_array: str) -> str | None:
    """Every array is compared, the evaluator's too."""
    return None


def config_of(case: Case) -> Config:
    """Sizes from the weights; what weights do not tell from the recorded options."""
    c = case.config
    if c["order"]:
        raise ValueError("order embeddings are not the paper's")
    return replace(
        sizes(case.state),
        heads=int(c["num_embeds"]),
        attention=bool(c["attention"]),
        dropout=float(c["dropout"]),
        margin=float(c["margin"]),
        hardest=bool(c["max_violation"]),
        diversity=float(c["div_weight"]),
        discrepancy=float(c["mmd_weight"]),
        gamma=float(c["mmd_gamma"]),
        legacy=bool(c["legacy"]),
    )


def batch_of(case: Case) -> tuple[Captions, Clips]:
    """The loader repeats the last frame of a short clip: every frame is there."""
    given = case.inputs
    words, frames = given["words"].long(), given["frames"].float()
    mask = torch.arange(words.shape[1]) < given["lengths"][:, None]
    present = torch.ones(frames.shape[:2], dtype=torch.bool)
    return Captions(words, mask), Clips({"frames": frames}, {"frames": present})


def run(case: Case) -> dict[str, np.ndarray]:
    """Every array of the recording, computed by the model in float32."""
    config, batch = config_of(case), batch_of(case)
    model = Model.from_official(case.state, config).eval()
    found: dict[str, torch.Tensor] = {}
    for side in ("text", "video"):
        if config.attention:
            steps = batch[0].words.shape[1] if side == "text" else case.inputs["frames"].shape[1]
            _keep_attention(getattr(model, side), found, f"out/{side}_attn", steps)
    (text, r_text), (video, r_video) = model.read_text(batch[0]), model.read_video(batch[1])
    found |= {"out/text_embed": text, "out/video_embed": video}
    if r_text is not None:
        found |= {"out/text_residual": r_text, "out/video_residual": r_video}
        found["out/loss_diversity"] = diversity(r_text) + diversity(r_video)
        found["out/loss_mmd"] = model.discrepancy(text.flatten(0, 1), video.flatten(0, 1))
    scores = model.similarity(text, video)
    found |= {"out/sim_vt": scores.mT} | evaluated(scores)
    for array, change in LOSSES.items():
        model.config = replace(config, **change)
        found[array] = model.ranking(scores)
    model.config = replace(config, hardest=False)
    found["out/alt_loss_total_allneg"] = model.loss(*batch)
    model.config = config
    found["out/loss_total"] = model.loss(*batch)
    found["out/loss_total"].backward()
    found |= case.gradients(model, OFFICIAL)
    return {array: _squeezed(array, value, case) for array, value in found.items()}


def evaluated(scores: torch.Tensor) -> dict[str, torch.Tensor]:
    """Ranks from 0 of both directions, and R@1, R@5, R@10, floored median, mean from 1."""
    both, found = evaluate(similarity=scores.detach()), {}
    for side in ("t2v", "v2t"):
        direction = getattr(both, side)
        ranks, recall = direction.rank - 1, direction.metrics
        row = [recall[f"R@{k}"] for k in (1, 5, 10)]
        row += [np.floor(np.median(ranks)) + 1, ranks.mean() + 1]
        found[f"out/{side}_ranks"] = torch.tensor(ranks)
        found[f"out/{side}_metrics"] = torch.tensor(row)
    return found


def _squeezed(array: str, value: torch.Tensor, case: Case) -> np.ndarray:
    """A single vector a side has no axis of heads in the released code."""
    wide = array.endswith(("_embed", "_residual")) and case.config["num_embeds"] == 1
    return (value.squeeze(1) if wide else value).detach().numpy()


def _keep_attention(
    side: torch.nn.Module, found: dict[str, torch.Tensor], array: str, steps: int
) -> None:
    """Columns that are padding in every row, which the model does not read, get their zeros."""
    attention = side.attention

    def kept(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        weights = attention(x, mask)
        found[array] = torch.nn.functional.pad(weights, (0, 0, 0, steps - weights.shape[1]))
        return weights

    side.attention = kept
