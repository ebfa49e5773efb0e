"""Which folder of features is which expert, as the user asks."""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import cast

from kb.datasets.corpus import Corpus
from kb.datasets.features.experts import Expert, Found, assign


def with_features(corpus: Corpus, chosen: Mapping[str, str]) -> Corpus:
    """The corpus with an expert's features from the folder or file of this name.

    KBError for a folder that was not found.
    """
    if not chosen:
        return corpus
    own = corpus.own_names or {name: name for name in corpus.features}
    experts = cast("dict[str, Expert]", dict(corpus.features))
    found = assign(Found(experts, [], own, corpus.places, corpus.by_video), chosen)
    named = [
        f"{expert} reads the features of {folder}, as asked" for expert, folder in chosen.items()
    ]
    changed = replace(
        corpus,
        features=dict(found.experts),
        own_names=found.own_names,
        places=found.places,
        by_video=found.by_video,
        notes=[*(n for n in corpus.notes if not n.startswith("features of frames are")), *named],
    )
    return marked(changed, found.own_names != own, *sorted(found.own_names.items()))


def marked(corpus: Corpus, changes: bool, *what: object) -> Corpus:
    """The corpus with another fingerprint, where the choice changes what is read."""
    if not changes:
        return corpus
    both = f"{corpus.fingerprint}{what}"
    return replace(corpus, fingerprint=sha256(both.encode()).hexdigest())
