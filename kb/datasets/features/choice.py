"""Which folder of features is which expert, as the user asks."""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import cast

from kb.datasets.corpus import Corpus
from kb.datasets.features.experts import Expert, ExpertSet, assign


def with_features(corpus: Corpus, chosen: Mapping[str, str]) -> Corpus:
    """The corpus with an expert's features from the folder or file of this name.

    KBError for a folder that was not found.
    """
    if not chosen:
        return corpus
    own = corpus.own_names or {name: name for name in corpus.features}
    experts = cast("dict[str, Expert]", dict(corpus.features))
    expert_set = assign(ExpertSet(experts, [], own, corpus.places, corpus.by_video), chosen)
    named = [
        f"{expert} reads the features of {folder}, as asked" for expert, folder in chosen.items()
    ]
    changed = replace(
        corpus,
        features=dict(expert_set.experts),
        own_names=expert_set.own_names,
        places=expert_set.places,
        by_video=expert_set.by_video,
        notes=[*(n for n in corpus.notes if not n.startswith("features of frames are")), *named],
    )
    return marked(changed, expert_set.own_names != own, *sorted(expert_set.own_names.items()))


def marked(corpus: Corpus, changes: bool, *what: object) -> Corpus:
    """The corpus with another fingerprint, where the choice changes what is read."""
    if not changes:
        return corpus
    both = f"{corpus.fingerprint}{what}"
    return replace(corpus, fingerprint=sha256(both.encode()).hexdigest())
