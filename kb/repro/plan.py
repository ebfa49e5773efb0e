"""What a run is before it runs: its model, data and numbers, hence its name."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from kb.datasets.corpus import Corpus
from kb.records.errors import KBError
from kb.records.pairs import switched_on
from kb.repro import checkpoint, models, pretraining
from kb.repro.baseline import NAME as BASELINE
from kb.repro.baseline import BowMean
from kb.repro.batches import experts_of, reads
from kb.repro.pretraining import Progress
from kb.repro.vocabulary import Vocabulary
from models.parts.contract import Recipe, RetrievalModel

LAPTOP = {"tiny", "small"}  # sizes of generated worlds
NOT_IN_HASH = {"seed", "changes", "weights"}
LATER = {"pretrained"}  # fields that came after the first records: None leaves the hash as it was


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
    changes: Mapping[str, Any] = field(default_factory=dict)  # to the recipe, by the command
    weights: Path | None = None  # official weights: evaluated, not trained
    pretrained: str | None = None  # fingerprint of what it is trained on first

    @property
    def kind(self) -> Literal["model", "baseline"]:
        """`model` or `baseline`."""
        return "baseline" if self.model == BASELINE else "model"

    @property
    def config_hash(self) -> str:
        """Over everything that decides the numbers but the seed.

        What is off (None, False) is left out: a switch that a later version adds, and a run does
        not use, leaves the run its name.
        """
        content = {k: v for k, v in asdict(self).items() if k not in NOT_IN_HASH}
        content = {k: v for k, v in content.items() if v is not None or k not in LATER}
        for part in ("config", "recipe"):
            content[part] = switched_on(content[part])
        text = json.dumps(content, sort_keys=True, ensure_ascii=True, default=list)
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    @property
    def id(self) -> str:
        """`diorama-msrvtt-small.full.s0.1a2b3c4d`."""
        parts = [self.data, self.size, self.protocol if self.protocol != "full" else None]
        data = "-".join(part for part in parts if part)
        return f"{data}.{self.variant}.s{self.seed}.{self.config_hash[:8]}"

    @property
    def command(self) -> str:
        """What to type for this run alone; `--root` is left out: it is a path."""
        words = ["kb repro", self.model if self.kind == "model" else "MODEL", f"--data {self.data}"]
        words += [f"--size {self.size}"] if self.size else []
        words += [f"--protocol {self.protocol}"] if self.protocol != "full" else []
        if self.weights is not None:
            return " ".join([*words, "--checkpoint FILE"])
        words += [f"--variant {self.variant}"] if self.variant != "full" else []
        words += [f"--precision {self.recipe.precision}"] if self.recipe.precision else []
        return " ".join([*words, f"--seed {self.seed}", f"--epochs {self.recipe.epochs}"])

    def build(self) -> RetrievalModel:
        """The untrained model, its weights by torch's seed; or the official one."""
        found = model_class(self.model)
        if self.weights is not None:
            return _official(found, self.weights)
        model: RetrievalModel = found(found.Config(**self.config))
        return model


def model_class(name: str) -> Any:
    """The class of a model, or of the baseline."""
    return BowMean if name == BASELINE else models.load(name)


def plan(  # noqa: PLR0913  (all but the first three are named)
    name: str,
    corpus: Corpus,
    vocabulary: Vocabulary,
    *,
    seed: int,
    variant: str = "full",
    changes: Mapping[str, Any] | None = None,
    progress: Progress = lambda *_: None,
) -> Plan:
    """The run of a model on a corpus, its recipe changed where `changes` says so.

    Raises KBError for a variant the model does not have.

    A world for a laptop (tiny, small) takes the model's sizes and recipe for it; a full one and a
    real dataset take the published ones. What the data decide (words, bag, frame length) comes
    from the data.
    """
    found = model_class(name)
    if variant not in found.variants:
        raise KBError(
            f"{name} has no variant {variant!r}", hint=f"there are {', '.join(found.variants)}"
        )
    world = corpus.size in LAPTOP
    recipe = replace(
        found.small_recipe if world else found.recipe,
        **(found.staged.get(corpus.name, {}) if world else {})
        | dict(found.recipes.get(variant, {}))
        | dict(changes or {}),
    )
    first = pretraining.first(recipe, corpus.size, progress)
    if first is not None:
        vocabulary = first.vocabulary(corpus)
    config = replace(
        found.Config.small() if world else found.Config(),
        **_sizes(found, corpus, vocabulary),
        **found.variants[variant],
    )
    return Plan(
        model=name,
        variant=variant,
        seed=seed,
        data=corpus.name,
        size=corpus.size,
        fingerprint=corpus.fingerprint,
        protocol=corpus.protocol,
        config=asdict(config),
        recipe=recipe,
        changes=changes or {},
        pretrained=None if first is None else first.corpus.fingerprint,
    )


def _sizes(found: Any, corpus: Corpus, vocabulary: Vocabulary) -> dict[str, Any]:
    """The fields of the model's Config that the data decide; `experts` is ((name, dim), ...)."""
    dims = {name: corpus.features[name].dim for name in experts_of(corpus, reads(found, corpus))}
    sizes: dict[str, Any] = {"vocabulary": len(vocabulary), "bow_size": vocabulary.bow_size}
    sizes |= {"frame_dim": dims.get("frames"), "experts": tuple(dims.items())}
    known = {one.name for one in fields(found.Config)}
    return {name: size for name, size in sizes.items() if name in known and size is not None}


def official_plan(name: str, corpus: Corpus, vocabulary: Vocabulary, weights: Path) -> Plan:
    """The evaluation of official weights. Raises KBError where they were made for other words.

    The file's hash is part of the variant's name: other weights are another run.
    """
    found = model_class(name)
    config: Any = _official(found, weights).config
    for what, size in _sizes(found, corpus, vocabulary).items():
        if getattr(config, what) != size:
            raise KBError(
                f"the weights have {what} {getattr(config, what)}, the data {size}",
                where=weights,
                hint="they belong to other data: name those with --data and --root",
            )
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    return Plan(
        model=name,
        variant=f"official-{digest[:8]}",
        seed=0,
        data=corpus.name,
        size=corpus.size,
        fingerprint=corpus.fingerprint,
        protocol=corpus.protocol,
        config=asdict(config),
        recipe=replace(found.recipe, epochs=0),
        weights=weights,
    )


def _official(found: Any, weights: Path) -> RetrievalModel:
    _refuse_where_none_fits(found)
    try:
        model: RetrievalModel = found.from_official(checkpoint.load(weights))
    except (ValueError, KeyError, RuntimeError) as error:
        what = f"does not fit the model ({error})"
        raise KBError(what, where=weights, hint="it takes the official code's file") from error
    return model


def _refuse_where_none_fits(found: Any) -> None:
    """Raise KBError where no file of the authors can be read, whatever this one holds."""
    try:
        found.from_official({})
    except NotImplementedError as error:
        raise KBError(str(error), hint="train the model: leave --checkpoint out") from error
    except (ValueError, LookupError, RuntimeError):
        return  # nothing is no weights; the file itself will tell
