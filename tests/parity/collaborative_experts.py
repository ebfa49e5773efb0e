"""Recordings of albanie/collaborative-experts: its gating, and the rows of its ablation."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from models.official.collaborative_experts import Released, config_of, load
from models.official.collaborative_experts import prefixes as official_prefixes
from models.parts.batch import Batch, Captions, Clips
from models.parts.losses import hinge_terms
from tests.parity.cases import Case

LOSS = "out/loss"


def skipped(_array: str) -> str | None:
    """Every array is compared."""
    return None


def prefixes(model: Released) -> Mapping[str, str]:
    """Beginnings of the official names -> of ours."""
    return official_prefixes(model)


def build(case: Case) -> tuple[Released, Batch]:
    """The recorded word rows as the table; one vector is one step; missing where `ind` is 0."""
    model = load(case.state, *config_of(case.state, case.config))
    rows = [case.inputs[text].float().flatten(0, 2) for text in ("text", "text_multi")]
    model.words = nn.Embedding.from_pretrained(torch.cat(rows))
    clips = Clips()
    for name in model.data.dims:
        x = case.inputs[f"experts/{name}"].float()
        x = x.view(len(x), -1, x.shape[-1])
        length = case.inputs.get(f"expert_len/{name}", torch.ones(len(x)))
        present = case.inputs[f"ind/{name}"].bool()[:, None]
        clips.features[name], clips.mask[name] = x, steps_until(length, x) & present
    return model, Batch(captions_of(case, "text"), clips)


def captions_of(case: Case, text: str) -> Captions:
    """Captions one after another, each word by the number of its row in the table."""
    rows, length = case.inputs[text], case.inputs[f"{text}_len"].flatten()
    first = 0 if text == "text" else case.inputs["text"][..., 0].numel()
    words = first + torch.arange(rows[..., 0].numel()).view(-1, rows.shape[2])
    return Captions(words, steps_until(length, words))


def steps_until(length: Tensor, x: Tensor) -> Tensor:
    """(b, steps) True for the first `length` steps of each row."""
    return torch.arange(x.shape[1]) < length[:, None]


def outputs(model: Released, batch: Batch, case: Case) -> dict[str, Tensor]:
    """Both sides and what they are made from, scores and losses."""
    config, names = model.config, list(model.data.dims)
    x = [model.pooled(name, batch.clips) for name in names]
    arrays = {f"out/pooled/{name}": one for name, one in zip(names, x, strict=True)}
    vlad = model.text_pooling(model.words(batch.captions.words), batch.captions.mask)
    text, video = model.encode_text(batch.captions), model.encode_video(batch.clips)
    scores = model.similarity(text, video)
    arrays |= {"out/text_vlad": vlad, "out/moe_weights": text.share, "out/sims": scores}
    arrays |= {
        "out/loss": model.loss(batch),
        "out/loss_nofixnorm": all_pairs(scores, config.margin),
    }
    if config.gating == "concat":  # both sides as they are before the longer one is cut
        arrays |= {f"out/video_emb/{name}": one for name, one in zip(names, x, strict=True)}
        arrays[f"out/text_emb/{names[0]}"] = vlad[:, None]
    else:
        sides = zip(names, text.embedding, video.embedding, strict=True)
        for name, t, v in sides:
            arrays |= {f"out/text_emb/{name}": t[:, None], f"out/video_emb/{name}": v}
        products = zip(text.embedding, video.embedding, strict=True)
        arrays["out/sims_keep_missing"] = sum(t @ v.mT for t, v in products)
    if config.gating in {"collaborative", "own"}:
        projected = zip(names, model.projected(x), strict=True)
        arrays |= {f"out/projected/{name}": e for name, e in projected}
    several = model.similarity(model.encode_text(captions_of(case, "text_multi")), video)
    averaged = several.view(len(several.mT), -1, len(several.mT)).mean(1)
    arrays |= {"out/sims_multi": several, "out/sims_multi_avg": averaged}
    arrays["out/sims_multi_train"] = several if config.gating == "concat" else averaged
    return arrays


def all_pairs(scores: Tensor, margin: float) -> Tensor:
    """The mean over all pairs, each with itself too: `fix_norm` off."""
    by_caption, by_video = hinge_terms(scores, margin)
    return (by_caption + by_video).mean() / 2 + margin / len(scores)
