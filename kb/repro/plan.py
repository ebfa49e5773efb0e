"""The plan of a run: model, data and settings, hence its id."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from kb.datasets import subset
from kb.datasets.corpus import Corpus
from kb.datasets.features.video_pixels import VideoPixels
from kb.datasets.synthetic.probes import Probe
from kb.records import reproducers, runcode
from kb.records.errors import KBError
from kb.repro import checkpoint, domains, model_package, models, pretraining, towers, views
from kb.repro.baseline import NAME as BASELINE
from kb.repro.baseline import BowMean
from kb.repro.pretraining import Progress
from kb.repro.towers import Tower
from kb.repro.vocabulary import Vocabulary
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.recipe import Recipe

LAPTOP = {"tiny", "small"}  # sizes of generated worlds
OPTIONS = ("epochs", "precision")  # settings of the recipe with options of their own
AS_RELEASED = "as-released"  # the variant of every model whose release differs from its paper


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
    config: Any  # of the model's class
    recipe: Recipe
    sizes: DataSizes
    views: tuple[str, ...]  # that it reads
    changes: Mapping[str, Any] = field(default_factory=dict)  # to the recipe, by the command
    weights: Path | None = None  # official weights: evaluated, not trained
    tower: Tower | None = None  # what its weights start from
    pretrained: str | None = None  # fingerprint of what it is trained on first
    probe: Probe | None = None  # the probe world that the data are
    trial: bool = False  # in a probe world, for no claim
    source_domains: tuple[str, ...] = ()  # fingerprints of what is trained on in the data's place
    small: bool = False  # the small configuration and recipe, whatever the data are
    options: tuple[str, ...] = ()  # of the command that made it, about real data
    by: str | None = None  # who runs it; None: the knowledge base itself
    stated: Mapping[str, str] = field(default_factory=dict)  # claim -> digest of its statement
    restated: str = ""  # of a claim that changed after this plan's first record was made

    @property
    def kind(self) -> Literal["model", "baseline"]:
        """`model` or `baseline`."""
        return "baseline" if self.model == BASELINE else "model"

    @property
    def model_class(self) -> Any:
        """The class that is trained: the paper's, or the release's where that is the variant."""
        return model_class(self.model, self.variant)

    @cached_property
    def config_hash(self) -> str:
        """Over what decides the numbers but the seed: data, and whatever differs from the defaults.

        A setting added later keeps the hash of older runs, which are at its default. A change of a
        default or of the method raises the model's version.
        """
        cls = self.model_class
        content = {
            "model": self.model,
            "version": cls.version,
            "data": [
                *(self.data, self.size, self.fingerprint, self.protocol, self.pretrained),
                *self.source_domains,
                *(() if self.tower is None else (self.tower.digest,)),
            ],
            "config": differences(asdict(self.config), asdict(cls.Config())),
            "recipe": differences(settings(self.recipe), settings(cls.recipe)),
            "released": self.variant == AS_RELEASED,
        }
        text = json.dumps(content, sort_keys=True, ensure_ascii=True, default=list)
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    @cached_property
    def code(self) -> str:
        """Digest of the code that decides the numbers."""
        return runcode.digest(model_package.folder().parent, self.model, self.variant, self.views)

    @property
    def name(self) -> str:
        """The run without its code version: `diorama-msrvtt-small.full.s0.1a2b3c4d`."""
        parts = [self.data, self.size, self.protocol if self.protocol != "full" else None]
        if self.probe is not None:
            parts += [self.probe.mechanism, self.probe.level]
        data = "-".join(part for part in parts if part)
        return f"{data}.{self.variant}.s{self.seed}.{self.config_hash[:8]}"

    @property
    def id(self) -> str:
        """The run with its code version: `diorama-msrvtt-small.full.s0.1a2b3c4d.9e8f7a`.

        Then the claim that it was run again for, and who ran it, where there is one.
        """
        parts = [self.name, self.code[:6], self.restated, reproducers.tag(self.by or "")]
        return ".".join(part for part in parts if part)

    @property
    def command(self) -> str:
        """The command that makes this run alone, without `--root`: that is a local path."""
        model = self.model if self.kind == "model" else "MODEL"
        if self.probe is not None:
            return self._in_probe(model)
        words = ["kb repro", model, f"--data {self.data}"]
        words += [f"--size {self.size}"] if self.size else []
        words += [f"--protocol {self.protocol}"] if self.protocol != "full" else []
        if self.weights is not None:
            words += ["--checkpoint FILE"]
            return " ".join([*words, *self.options])
        precision = self.recipe.optimiser.precision
        words += self.options
        words += [f"--variant {self.variant}"] if self.variant != "full" else []
        words += [f"--precision {precision}"] if precision else []
        words += self._set
        return " ".join([*words, f"--seed {self.seed}", f"--epochs {self.recipe.schedule.epochs}"])

    def _in_probe(self, model: str) -> str:
        """The command of a run in a probe world: for a claim, or for a setting of the recipe."""
        if not self.trial:
            return f"kb claims {model} --run"
        assert self.probe is not None
        words = [f"kb repro {model} --probe {self.probe.name}", f"--size {self.probe.size}"]
        words += [f"--variant {self.variant}"] if self.variant != "full" else []
        words += [f"--{name} {self.changes[name]}" for name in OPTIONS if name in self.changes]
        return " ".join([*words, *self._set, f"--seed {self.seed}"])

    @property
    def _set(self) -> list[str]:
        """The settings of the recipe that the command changed, but those with an option of their own."""
        own = {*OPTIONS, "config"}
        changed = {name: v for name, v in self.changes.items() if name not in own}
        return [f"--set {name}={'none' if v is None else v}" for name, v in changed.items()]

    def build(self) -> RetrievalModel:
        """The untrained model, its weights by torch's seed; or the official one."""
        if self.weights is not None:
            return _official(model_class(self.model), self.weights)
        model: RetrievalModel = self.model_class(self.config, self.sizes)
        if self.tower is not None:
            towers.start(self.model, model, self.tower)
        return model


def settings(recipe: Recipe) -> dict[str, Any]:
    """A recipe's settings as a record stores them: flat, stages as plain values."""
    flat = recipe.settings
    return flat | {"stages": [asdict(stage) for stage in flat["stages"]]}


def differences(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that are not at their defaults."""
    return {name: v for name, v in values.items() if name not in defaults or v != defaults[name]}


def model_class(name: str, variant: str = "full") -> Any:
    """The class of a model, of its release, or of the baseline."""
    if name == BASELINE:
        return BowMean
    if variant == AS_RELEASED and (release := models.release(name)) is not None:
        return release.Released
    return models.load(name)


def variants(name: str) -> dict[str, Mapping[str, Any]]:
    """Variants of a model by name; `as-released` where its release has quirks (Q1, Q2, ...)."""
    own = dict(model_class(name).variants)
    release = None if name == BASELINE else models.release(name)
    if release is not None and re.search(r"^\s+Q1\b", release.__doc__ or "", re.MULTILINE):
        own[AS_RELEASED] = {}
    return own


def plan(  # noqa: PLR0913  (all but the first three are named)
    name: str,
    corpus: Corpus,
    vocabulary: Vocabulary,
    *,
    seed: int,
    variant: str = "full",
    changes: Mapping[str, Any] | None = None,
    config: str | None = None,
    tower: Tower | None = None,
    progress: Progress = lambda *_: None,
) -> Plan:
    """The run of a model on a corpus, its recipe changed where `changes` says so.

    Data of a laptop size (generated ones that are tiny or small, msrvtt-vgg1000) use the model's
    small config and recipe, others the published ones, unless `config` says which. A tower decides its
    own sizes. Raises KBError for a variant that the model does not have, for views that the data
    lack, and for a tower that does not fit.
    """
    if variant not in variants(name):
        known = ", ".join(variants(name))
        raise KBError(f"{name} has no variant {variant!r}", hint=f"choose from {known}")
    cls = model_class(name, variant)
    small = config == "small" or (config is None and (corpus.laptop or corpus.size in LAPTOP))
    recipe = cls.small_recipe if small else cls.recipe
    by_dataset = cls.recipe_by_dataset.get(corpus.name, {}) if small else {}
    recipe = recipe.but(**by_dataset | dict(cls.recipe_by_variant.get(variant, {})))
    recipe = recipe.but(**changes or {})
    base = cls.Config.small() if small else cls.Config()
    of_tower = {} if tower is None else towers.settings(name, tower)
    settings_of_model = replace(base, **of_tower, **cls.variants.get(variant, {}))
    names = views.read(cls, settings_of_model, corpus)
    views.refuse_missing(names, corpus, corpus.splits)
    views.refuse_averages(name, names, corpus)
    subset.refuse_single(corpus)
    stage = pretraining.load_stage(recipe, corpus.size, progress)
    sources = domains.load_sources(recipe, corpus, progress)
    if stage is not None:
        vocabulary = stage.vocabulary(corpus)
    elif sources is not None:
        vocabulary = sources.vocabulary
    for source in sources.corpora if sources else ():
        views.refuse_missing(names, source, ["train"])
    return Plan(
        model=name,
        variant=variant,
        seed=seed,
        data=corpus.name,
        size=corpus.size,
        fingerprint=fingerprint(corpus, names),
        protocol=corpus.protocol,
        config=settings_of_model,
        recipe=recipe,
        sizes=views.data_sizes(names, corpus, vocabulary),
        views=tuple(sorted(names)),
        changes={**(changes or {}), **({} if config is None else {"config": config})},
        tower=tower,
        pretrained=None if stage is None else stage.corpus.fingerprint,
        probe=corpus.probe,
        source_domains=tuple(source.fingerprint for source in sources.corpora) if sources else (),
        small=small,
        options=_options(corpus, config, tower is not None),
    )


def fingerprint(corpus: Corpus, names: Iterable[str]) -> str:
    """The corpus's, with that of its video files where a model reads them."""
    if "pixels" not in names or not isinstance(corpus.pixels, VideoPixels):
        return corpus.fingerprint
    both = f"{corpus.fingerprint}{corpus.pixels.fingerprint}"
    return hashlib.sha256(both.encode()).hexdigest()


def _options(corpus: Corpus, config: str | None, tower: bool) -> tuple[str, ...]:
    """The options of a command about real data, the configuration and a tower."""
    features = tuple(f"--features {expert}={name}" for expert, name in corpus.chosen.items())
    limit = () if corpus.limit is None else (f"--limit-videos {corpus.limit}",)
    of_config = () if config is None else (f"--config {config}",)
    return (*features, *limit, *of_config, *(("--tower FOLDER",) if tower else ()))


def official_plan(name: str, corpus: Corpus, vocabulary: Vocabulary, weights: Path) -> Plan:
    """The evaluation of official weights. Raises KBError where their data sizes differ.

    The file's hash is in the variant's name: other weights are another run.
    """
    model = _official(model_class(name), weights)
    names = views.read(type(model), model.config, corpus)
    sizes = views.data_sizes(names, corpus, vocabulary)
    for what in ("vocabulary", "bow", "dims"):
        theirs, ours = getattr(model.data, what), getattr(sizes, what)
        if theirs and theirs != ours:
            raise KBError(
                f"the weights have {what} {theirs}, the data {ours}",
                where=weights,
                hint="they belong to other data: name those with --data and --root",
            )
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    return Plan(
        model=name,
        variant=f"{runcode.OFFICIAL}{digest[:8]}",
        seed=0,
        data=corpus.name,
        size=corpus.size,
        fingerprint=fingerprint(corpus, names),
        protocol=corpus.protocol,
        config=model.config,
        recipe=type(model).recipe.but(epochs=0),
        sizes=sizes,
        views=tuple(sorted(names)),
        weights=weights,
        options=_options(corpus, None, corpus.text_pieces is not None),
    )


def _official(cls: Any, weights: Path) -> RetrievalModel:
    """The authors' model. KBError where the model takes no weights, or not this file."""
    _refuse_where_none_were_released(cls)
    try:
        model: RetrievalModel = cls.from_official(checkpoint.load(weights))
    except (ValueError, KeyError, RuntimeError) as error:
        what = f"does not fit the model ({error})"
        raise KBError(what, where=weights, hint="it takes the official code's file") from error
    return model


def _refuse_where_none_were_released(cls: Any) -> None:
    """Raise KBError where the authors released no weights, whatever the file contains."""
    try:
        cls.from_official({})
    except NotImplementedError as error:
        raise KBError(str(error), hint="train the model: leave --checkpoint out") from error
    except (ValueError, LookupError, RuntimeError):
        return  # an empty dict is no weights; the file itself will tell
