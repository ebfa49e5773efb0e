"""What a model's file lacks of the contract in models/parts/contract.py."""

import inspect
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from types import ModuleType
from typing import Any

from kb.records.errors import KBError
from kb.records.modelfile import Lack, ModelFile, record_checked
from kb.repro import behaviour, models
from models.parts.contract import RetrievalModel
from models.parts.recipe import Recipe

# method -> its parameters
SIGNATURES = {
    "__init__": ("self", "config", "data"),
    "encode_text": ("self", "captions"),
    "encode_video": ("self", "clips"),
    "similarity": ("self", "text", "video"),
    "loss": ("self", "batch"),
}


def lacks(module: ModuleType) -> list[str]:
    """What a model's module lacks, one line each; builds and runs nothing."""
    model = getattr(module, "Model", None)
    if not inspect.isclass(model) or not issubclass(model, RetrievalModel):
        return ["no `Model`: end the file with `Model = YourClass`, a RetrievalModel"]
    return [*_of_attributes(model), *_of_methods(model), *_of_variants(model)]


def _of_attributes(model: Any) -> Iterator[str]:
    config = getattr(model, "Config", None)
    if config is None:
        yield "no `Config`: a frozen dataclass whose defaults are the paper's"
    elif not is_dataclass(config) or not _frozen(config):
        yield "`Config` is not a frozen dataclass"
    elif not callable(getattr(config, "small", None)):
        yield "no `Config.small()`: hidden sizes for the synthetic benchmark"
    for name in ("recipe", "small_recipe"):
        if not isinstance(getattr(model, name, None), Recipe):
            yield f"no `{name}`: a Recipe of models.parts.recipe"
    views = getattr(model, "views", None)
    if not isinstance(views, frozenset) or "words" not in views:
        yield "no `views`: a frozenset of what a batch must have, `words` among them"
    if not isinstance(getattr(model, "variants", None), Mapping):
        yield 'no `variants`: {"full": {}, name: changes to Config}'


def _frozen(config: Any) -> bool:
    """Whether a dataclass, or the one that it derives from, is frozen."""
    made = (vars(cls).get("__dataclass_params__") for cls in config.__mro__)
    return bool(next(one.frozen for one in made if one is not None))


def _of_methods(model: Any) -> Iterator[str]:
    for name in sorted(model.__abstractmethods__):
        yield f"no method `{name}({', '.join(SIGNATURES[name])})`"
    for name, wanted in SIGNATURES.items():
        if name in model.__abstractmethods__:
            continue
        parameters = tuple(inspect.signature(getattr(model, name)).parameters)
        if parameters != wanted:
            yield f"`{name}` takes ({', '.join(parameters)}), not ({', '.join(wanted)})"


def _of_variants(model: Any) -> Iterator[str]:
    """Names that variants and recipes use exist."""
    variants, config = getattr(model, "variants", None), getattr(model, "Config", None)
    if not isinstance(variants, Mapping) or not is_dataclass(config):
        return
    if variants.get("full") != {}:
        yield 'the variant "full" must be {}: it changes nothing'
    known = {one.name for one in fields(config)}
    for name, change in variants.items():
        for field in sorted(set(change) - known):
            yield f"variant {name} changes `{field}`, which Config does not have"
    for name in sorted(set(model.recipe_by_variant) - set(variants)):
        yield f"recipe_by_variant names the variant {name}, which there is not"


def wanted(file: ModelFile) -> list[Lack]:
    """Everything one model's file lacks; records it as checked where the code passes.

    Static lacks first, then those of the class, then of its behaviour on a toy batch.
    """
    if not file.exists:
        models.path(file.name)  # says which models there are
    of_code = list(_of_code(file))
    if not of_code:
        record_checked(file.root, file.name, file.source)
    places = {lack.where for lack in of_code if ":" in lack.where}
    of_text = ModelFile(file.root, file.name).lacks
    return of_code + [
        lack for lack in of_text if not (of_code and lack.of_checks) and lack.where not in places
    ]


def refuse_what_cannot_run(name: str, variant: str) -> None:
    """Raise a one-line KBError where a model fails on a toy batch, before any data are read."""
    model = models.load(name)
    hint = f"`kb check {models.shown(models.path(name))}` lists what the contract wants"
    try:
        fault = behaviour.a_variant_runs(model, **model.variants.get(variant, {}))
    except Exception as error:
        located = models.fault(name, error)
        if isinstance(located, KBError):
            raise located from error
        fault = f"raises {type(error).__name__}: {error}"
    if fault is not None:
        raise KBError(fault, where=models.shown(models.path(name)), hint=hint)


def _of_code(file: ModelFile) -> Iterator[Lack]:
    """Lacks found by importing and running the file."""
    try:
        module = models.module(file.name)
    except KBError as error:
        yield _lack(file, error, error.hint or "correct the file")
        return
    missing = lacks(module)
    yield from (Lack(file.path, what, "see models/parts/contract.py") for what in missing)
    yield from (Lack(file.path, what, "say what it is") for what in _undocumented(module))
    if missing:
        return
    try:
        _ = module.Model.Config(), module.Model.Config.small()
        for fault in behaviour.faults(module.Model):
            yield Lack(file.path, fault, "what is checked: kb/repro/behaviour.py")
    except Exception as error:  # noqa: BLE001  (whatever the model's code raises)
        yield _lack(file, models.fault(file.name, error), "it was run on a toy batch")


def _lack(file: ModelFile, error: Exception, hint: str) -> Lack:
    """An error of the model's code, at its line where that is known."""
    if isinstance(error, KBError):
        where = file.path if error.line is None else f"{error.where}:{error.line}"
        return Lack(where, error.what, hint)
    last = traceback.extract_tb(error.__traceback__)[-1]
    return Lack(file.path, f"{last.name} raises {type(error).__name__}: {error}", hint)


def _undocumented(module: ModuleType) -> Iterator[str]:
    """Public classes and functions without a docstring of their own."""
    own = [
        one for one in vars(module).values() if getattr(one, "__module__", "") == module.__name__
    ]
    for one in dict.fromkeys(own):
        name = getattr(one, "__name__", "_")
        if (inspect.isclass(one) or inspect.isfunction(one)) and not name.startswith("_"):
            if not one.__doc__ or one.__doc__.startswith(f"{name}("):  # a dataclass writes its own
                yield f"`{name}` has no docstring"
            members = vars(one).items() if inspect.isclass(one) else ()
            for member, value in members:
                if inspect.isfunction(value) and member[0] != "_" and not value.__doc__:
                    yield f"`{name}.{member}` has no docstring"
