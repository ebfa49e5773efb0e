"""Views of a batch, one file each: the inputs that models read from captions and videos.

A name in a model's `needs` is a view of this room, or else an expert whose features are read.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from kb.datasets.corpus import Corpus
from kb.records.errors import Exit, KBError
from kb.repro.views import mentions, syntax, transcripts, vectors
from kb.repro.views.bow import Bow
from kb.repro.views.boxes import Boxes
from kb.repro.views.candidates import Candidates
from kb.repro.views.concepts import Concepts
from kb.repro.views.features import Expert
from kb.repro.views.graph import Graph
from kb.repro.views.index import Index
from kb.repro.views.nested import Segments, Sentences
from kb.repro.views.pieces import Pieces
from kb.repro.views.pixels import Pixels
from kb.repro.views.seconds import Seconds
from kb.repro.views.view import Source, Toy, View
from kb.repro.views.web import Web
from kb.repro.vocabulary import Vocabulary
from models.parts.contract import DataSizes

__all__ = ["Source", "Toy", "View", "data_sizes", "read", "refuse_missing", "view"]

WORDS = "words"  # always there, no view of its own
_ALL: tuple[View, ...] = (
    *(Bow(), Boxes(), Candidates(), Concepts(), Graph()),
    *(Pieces(), Pixels(), Seconds(), Segments(), Sentences(), Web()),
    *(Index("caption-index", "captions"), Index("video-index", "clips")),
    *(*mentions.VIEWS, *syntax.VIEWS, *transcripts.VIEWS, *vectors.VIEWS),
)
AVERAGING = frozenset(  # models that pool the frames before anything else; a test holds them to it
    [
        *("bow-mean", "collaborative-experts", "jpose", "moee", "sea"),
        *("semantic-similarity-vr", "w2vv", "w2vvpp", "multimodal-cues"),
        *("cpd", "intra-to-inter-modal", "ira-loss", "universal-weighting-polyloss"),
    ]
)
VIEWS: dict[str, View] = {one.name: one for one in _ALL}


def view(name: str) -> View:
    """The view of this name: one of this room, or an expert."""
    return VIEWS.get(name) or Expert(name)


def read(model: Any, config: Any, corpus: Corpus) -> frozenset[str]:
    """Views that a configured model reads of these data: what it needs and optional experts."""
    views: frozenset[str] = model.needs(config) | (model.optional & corpus.features.keys())
    return views - {WORDS}


class MissingViewsError(KBError):
    """Data without a view that a model reads."""


def refuse_missing(names: Iterable[str], corpus: Corpus, splits: Iterable[str]) -> None:
    """Raise MissingViewsError, naming every view that a split of the data lacks, before anything trains."""
    reasons = {
        f"{name}: {reason}"
        for split in splits
        for name in names
        if not (view(name).training_only and split != "train")
        if (reason := view(name).lacks(corpus, split)) is not None
    }
    if reasons:
        raise MissingViewsError(
            f"{corpus.name} lacks what the model reads; {'; '.join(sorted(reasons))}",
            hint="choose another variant or other data: `kb data list`",
            code=Exit.UNREACHABLE,
        )


def refuse_averages(model: str, names: Iterable[str], corpus: Corpus) -> None:
    """Raise KBError for a model that reads frames one by one, on data with one vector per video."""
    if "frames" in names and "frames" in corpus.by_video and model not in AVERAGING:
        folder = corpus.own_names.get("frames", "frames")
        what = f"{corpus.name} has one vector per video ({folder}), the model reads frame by frame"
        hint = "take features by frame, or a model that averages them, such as w2vvpp"
        raise KBError(what, hint=hint, code=Exit.UNREACHABLE)


def data_sizes(names: Iterable[str], corpus: Corpus, vocabulary: Vocabulary) -> DataSizes:
    """Input sizes that the data give a model with these views."""
    train = corpus.splits["train"]
    sizes: dict[str, Any] = {
        "vocabulary": len(vocabulary),
        "captions": len(train.captions),
        "videos": len(train.videos),
    }
    for name in sorted(names):
        for field, size in view(name).sizes(corpus, vocabulary).items():
            merged = isinstance(size, Mapping)
            sizes[field] = {**sizes.get(field, {}), **size} if merged else size
    return DataSizes(**sizes)
