"""What is going to be trained, on what, in a few lines before it starts: of real data."""

from collections.abc import Iterator

from kb.datasets.corpus import Corpus
from kb.datasets.features.video_pixels import COUNT, SIDE, VideoPixels
from kb.repro.plan import Plan


def lines(corpus: Corpus, plans: list[Plan]) -> Iterator[str]:
    """The models with their configuration, the videos, the features, and the tower."""
    for plan in plans:
        variant = "" if plan.variant == "full" else f" {plan.variant}"
        config = "small" if plan.small else "published"
        what = f"{config} configuration, {plan.recipe.schedule.epochs} epochs at most"
        yield f"{plan.model}{variant} seed {plan.seed}: {what}"
    counts = ", ".join(f"{name} {of_videos(corpus, name)}" for name in corpus.splits)
    yield f"{corpus.name}, protocol {corpus.protocol}: {counts}"
    for expert in sorted({view for plan in plans for view in plan.views} & corpus.features.keys()):
        folders = ", ".join(corpus.places.get(expert, [])) or corpus.own_names.get(expert, expert)
        width = corpus.features[expert].dim
        each = ", one vector per video" if expert in corpus.by_video else ""
        yield f"{expert}: features of {folders}, {width} dimensions{each}"
    if isinstance(corpus.pixels, VideoPixels) and any("pixels" in plan.views for plan in plans):
        yield f"pixels: {COUNT} frames of each video file, {SIDE} by {SIDE}"
    for tower in {plan.tower for plan in plans if plan.tower is not None}:
        yield f"tower: {tower.kind} of {tower.folder}, {tower.digest[:16]}"


def of_videos(corpus: Corpus, split: str) -> str:
    """`2,985 of 2,990 videos`, or `2,990 videos`."""
    there = len(corpus.splits[split].videos)
    published = corpus.published.get(split, there)
    return f"{there:,} videos" if there >= published else f"{there:,} of {published:,} videos"
