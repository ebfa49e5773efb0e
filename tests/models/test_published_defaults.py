"""Defaults are the published ones, each with its source: tests/data/published_defaults.yaml."""

from dataclasses import asdict, fields

import pytest
import torch
from torch.overrides import TorchFunctionMode

from models.parts.recipe import Recipe
from tests.models import published, toy
from tests.models.walking import LOADED

every_name = pytest.mark.parametrize("name", LOADED)
RATES = pytest.mark.parametrize(
    ("name", "field"),
    [
        (name, field.name)
        for name, model in LOADED.items()
        for field in fields(model.Config)
        if "dropout" in field.name
    ],
)


@every_name
def test_the_config_is_the_published_one(name):
    """Every field of Config is listed with its value, and no other."""
    config = {k: published.frozen(v) for k, v in asdict(LOADED[name].Config()).items()}
    assert published.values(name, "config") == config


@every_name
def test_the_recipe_is_the_published_one(name):
    """What is listed is set, and whatever differs from a plain Recipe is listed."""
    settings = LOADED[name].recipe.settings
    settings["stages"] = [asdict(stage) for stage in settings["stages"]]
    settings = {k: published.frozen(v) for k, v in settings.items()}
    listed = published.values(name, "recipe")
    assert listed == {key: settings.get(key) for key in listed}
    plain = {k: published.frozen(v) for k, v in Recipe().settings.items()}
    different = {key for key, value in settings.items() if value != plain[key]}
    assert (different | set(published.ALWAYS)) - set(listed) == set()


@every_name
def test_every_default_names_its_source(name):
    """A paper's section, a file of the release, or `ours` with the departure that says why."""
    unnamed = [(s, f) for s, f, source in published.sources(name) if len(source or "") < 4]
    assert unnamed == []


class CountDropout(TorchFunctionMode):
    """Counts how often a non-zero dropout is applied, in modules and in attention too."""

    count = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        """Count, then do what was asked."""
        kwargs = kwargs or {}
        rate, training = 0.0, kwargs.get("training", True)
        if func is torch.nn.functional.dropout:
            rate = kwargs.get("p", args[1] if len(args) > 1 else 0.5)
            training = kwargs.get("training", args[2] if len(args) > 2 else True)
        elif func is torch.nn.functional.scaled_dot_product_attention:
            rate = kwargs.get("dropout_p", 0.0)
        elif func is torch.nn.functional.multi_head_attention_forward:
            rate = kwargs.get("dropout_p", args[10] if len(args) > 10 else 0.0)
        self.count += bool(rate and training)
        return func(*args, **kwargs)


@every_name
def test_dropout_is_applied_as_often_as_published(name):
    """In one batch of training, on each side: no place of dropout is missing, none is added."""
    model = LOADED[name]
    published_rates = {k: v for k, v in asdict(model.Config()).items() if "dropout" in k}
    net = toy.built(model, **published_rates).train()
    batch, counts = toy.batch(net), {}
    for method, items in (("encode_text", batch.captions), ("encode_video", batch.clips)):
        with CountDropout() as counter:
            getattr(net, method)(items)
        counts[method] = counter.count
    assert counts == {"encode_text": 0, "encode_video": 0} | published.values(name, "dropout")


@RATES
def test_a_rate_of_dropout_acts_in_training(name, field):
    """With this rate alone two passes in training differ; with none they agree."""
    model = LOADED[name]
    rates = [f.name for f in fields(model.Config) if "dropout" in f.name]
    for rate in (0.5, 0.0):
        net = toy.built(model, **dict.fromkeys(rates, 0.0) | {field: rate}).train()
        batch = toy.batch(net, 8)
        assert net(batch).equal(net(batch)) is (rate == 0.0)
