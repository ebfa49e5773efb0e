"""What a run is before it runs: its model, data and numbers, hence its name."""

import hashlib
import json
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from kb.datasets.corpus import Corpus
from kb.records.errors import KBError
from kb.repro import models
from kb.repro.baseline import NAME as BASELINE
from kb.repro.baseline import BowMean
from kb.repro.vocabulary import Vocabulary
from models.parts.contract import Recipe, RetrievalModel


@dataclass(frozen=True)
class Plan:
    """One run, fully determined: the same plan on the same machine gives the same numbers."""

    model: str
    variant: str
    seed: int
    data: str
    size: str | None
    fingerprint: str
    protocol: str
    config: dict[str, Any]
    recipe: Recipe

    @property
    def kind(self) -> str:
        """`model` or `baseline`."""
        return "baseline" if self.model == BASELINE else "model"

    @property
    def config_hash(self) -> str:
        """Over everything that decides the numbers but the seed."""
        content = {k: v for k, v in asdict(self).items() if k != "seed"}
        text = json.dumps(content, sort_keys=True, ensure_ascii=True, default=list)
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    @property
    def id(self) -> str:
        """`diorama-msrvtt-small.full.s0.1a2b3c4d`."""
        data = f"{self.data}-{self.size}" if self.size else self.data
        return f"{data}.{self.variant}.s{self.seed}.{self.config_hash[:8]}"

    @property
    def command(self) -> str:
        """What to type for this run alone; `--root` is left out: it is a path."""
        words = ["kb repro", self.model if self.kind == "model" else "MODEL", f"--data {self.data}"]
        words += [f"--size {self.size}"] if self.size else []
        words += [f"--variant {self.variant}"] if self.variant != "full" else []
        return " ".join([*words, f"--seed {self.seed}", f"--epochs {self.recipe.epochs}"])

    def build(self) -> RetrievalModel:
        """The untrained model; torch's seed decides its weights."""
        found = model_class(self.model)
        model: RetrievalModel = found(found.Config(**self.config))
        return model


def model_class(name: str) -> Any:
    """The class of a model, or of the baseline."""
    return BowMean if name == BASELINE else models.load(name)


def plan(
    name: str,
    corpus: Corpus,
    vocabulary: Vocabulary,
    *,
    seed: int,
    variant: str = "full",
    epochs: int | None = None,
) -> Plan:
    """The run of a model on a corpus. Raises KBError for a variant the model does not have.

    A generated world takes the model's sizes for it, a real data set the published ones; what the
    data decide (words, bag, frame length) comes from the data.
    """
    found = model_class(name)
    if variant not in found.variants:
        raise KBError(
            f"{name} has no variant {variant!r}", mend=f"there are {', '.join(found.variants)}"
        )
    world = corpus.size is not None
    config = replace(
        found.Config.small() if world else found.Config(),
        **_sizes(found.Config, corpus, vocabulary),
        **found.variants[variant],
    )
    recipe = found.small_recipe if world else found.recipe
    return Plan(
        model=name,
        variant=variant,
        seed=seed,
        data=corpus.name,
        size=corpus.size,
        fingerprint=corpus.fingerprint,
        protocol=corpus.protocol,
        config=asdict(config),
        recipe=recipe if epochs is None else replace(recipe, epochs=epochs),
    )


def _sizes(config: type, corpus: Corpus, vocabulary: Vocabulary) -> dict[str, int]:
    sizes = {"vocabulary": len(vocabulary), "bow_size": vocabulary.bow_size}
    if "frames" in corpus.features:
        sizes["frame_dim"] = corpus.features["frames"].dim
    known = {field.name for field in fields(config)}
    return {name: size for name, size in sizes.items() if name in known}
