"""What is asked of every release: a file of models/official."""

import importlib
import inspect
import re
from pathlib import Path

import pytest
import torch

from kb.records.equations import trace
from models import official
from models.parts.contract import DataSizes
from tests.models import toy
from tests.models.releases import official_weights, our_names

FILES = sorted(p for p in Path(official.__file__).parent.glob("*.py") if not p.stem.startswith("_"))
KEYS = [path.stem for path in FILES]
every_file = pytest.mark.parametrize("path", FILES, ids=KEYS)


def modules(key):
    """The paper's class and the release of it."""
    paper = importlib.import_module(f"models.{key}").Model
    return paper, importlib.import_module(f"models.official.{key}")


def variants():
    """Every configuration that the release may have been trained in."""
    for key in KEYS:
        paper, release = modules(key)
        for name, change in paper.variants.items():
            yield pytest.param(paper, release, change, id=f"{key}-{name}")


every_release = pytest.mark.parametrize(("paper", "release"), [modules(k) for k in KEYS], ids=KEYS)
every_variant = pytest.mark.parametrize(("paper", "release", "change"), list(variants()))


TOLD_BY_WEIGHTS = {  # settings that a release takes for what its weights do not tell
    "clipbert": {"cnn": (16,)},  # one layer in place of a network that is not read
    "w2vvpp": {"word_dim": 5},  # as wide as the toy w2v, whose width no weight has alone
}

COUNTER = "num_batches_tracked"  # no weight
EXPERTS = {"moee": {"audio": 4, "face": 5, "frames": 6, "motion": 7}}  # the released ones


def built(paper, release, **change):
    """A small released model, in evaluation mode, always from the same seed."""
    torch.manual_seed(0)
    key = paper.__module__.rpartition(".")[2]
    settings = vars(toy.config_of(paper, **TOLD_BY_WEIGHTS.get(key, {}))) | change
    config = release.Released.Config(**settings)
    sizes = {"dims": EXPERTS[key]} if key in EXPERTS else {}
    return release.Released(config, toy.sizes(paper, config, **sizes)).eval()


def outside(net):
    """Our names of what no checkpoint of the released code holds."""
    return net.state_dict().keys() - set(our_names(net).values())


def test_there_are_releases():
    """A folder emptied by mistake is noticed."""
    assert "dual_encoding" in KEYS


@every_release
def test_a_release_is_the_paper_s_model_with_its_configuration_and_loader(paper, release):
    """`Released` derives from the paper's class; `config_of` and `load` have the agreed arguments."""
    assert issubclass(release.Released, paper)
    assert release.Released is not paper
    assert list(inspect.signature(release.config_of).parameters)[:2] == ["state", "options"]
    assert list(inspect.signature(release.load).parameters)[:2] == ["state", "config"]


@every_file
def test_quirks_declared_are_cited_and_the_other_way_round(path):
    """Every Q of the header stands in a comment of the file, every Q of a comment in the header."""
    traced = trace(path.read_text(encoding="utf-8"), path, path.parent.parent)
    assert [quirk.number for quirk in traced.quirks if not quirk.lines] == []
    assert [label for label in traced.undeclared if label.startswith("Q")] == []


@every_variant
def test_a_release_scores_and_trains(paper, release, change):
    """Scores, loss and gradients of a toy batch are finite."""
    net = built(paper, release, **change)
    batch = toy.batch(net)
    scores = net(batch)
    assert scores.shape == (4, 4)
    assert scores.isfinite().all()
    if change.get("gating") != "concat":  # Q3 of CE: a sentence longer than its video scores 0
        assert scores.std() > 0
    net.loss(batch).backward()
    gradients = [p.grad for p in net.parameters() if p.grad is not None]
    assert gradients
    assert all(gradient.isfinite().all() for gradient in gradients)


@every_release
def test_a_released_model_comes_back_from_its_weights(paper, release):
    """Its weights, under the official names, give a `Released` with equal scores.

    A table that no checkpoint holds, such as word2vec's, is given to it afterwards.
    """
    net = built(paper, release)
    batch = toy.batch(net)
    again = loaded(paper, release, official_weights(net), net).eval()
    assert type(again) is release.Released
    for name in outside(net):
        again.get_parameter(name).data = net.get_parameter(name).data
    # A release may order the experts otherwise than the net it came from: another order of sums.
    torch.testing.assert_close(again(batch), net(batch))


@every_release
def test_sizes_are_read_from_the_weights(paper, release):
    """Without a configuration every weight has the shape it came with."""
    if takes_sizes(release):
        pytest.skip("its weights number the experts: without sizes they are the published ones")
    net = built(paper, release)
    again = paper.from_official(official_weights(net))
    ours, theirs = net.state_dict(), again.state_dict()
    assert theirs.keys() == ours.keys()
    assert [n for n in ours.keys() - outside(net) if theirs[n].shape != ours[n].shape] == []
    config, data = release.config_of(official_weights(net))
    assert isinstance(config, paper.Config)
    assert isinstance(data, DataSizes)


@every_release
def test_any_weight_that_is_missing_is_noticed(paper, release):
    """One of each kind, those that differ by numbers alone being one; counters are not weights."""
    net = built(paper, release)
    weights = official_weights(net)
    kinds = {re.sub(r"\d+", "#", key): key for key in weights if not key.endswith(COUNTER)}
    for key in kinds.values():
        refused(lambda w: loaded(paper, release, w, net), without(weights, key))


@every_release
def test_weights_that_do_not_fit_are_refused(paper, release):
    """Unknown, misshapen, or none at all: named, never half loaded."""
    net = built(paper, release)
    weights = official_weights(net)

    def load(state):
        return loaded(paper, release, state, net)

    refused(load, weights | {"extra.weight": torch.ones(1)}, "extra.weight is unknown")
    for key in [key for key in weights if weights[key].ndim == 1][:3]:
        refused(load, weights | {key: torch.ones(2, 3, 5, 7, 11)}, key)
    refused(load, {})


def takes_sizes(release):
    """Whether weights alone do not tell the sizes of the data."""
    return "data" in inspect.signature(release.load).parameters


def loaded(paper, release, weights, net):
    """The weights in a model of this one's configuration."""
    if takes_sizes(release):
        return release.load(weights, net.config, net.data)
    return paper.from_official(weights, net.config)


def without(weights, key):
    """All weights but one."""
    return {k: weight for k, weight in weights.items() if k != key}


def refused(load, weights, words=""):
    """One line, with these words in it."""
    with pytest.raises(ValueError, match="official weights do not fit") as caught:
        load(weights)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
