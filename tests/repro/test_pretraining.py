"""A model trained on other data first: what it is given, and that no stop changes what it gives."""

from dataclasses import replace

import pytest
import torch

from kb.repro import pretraining
from kb.repro.baseline import BowMean
from kb.repro.budget import Clock
from kb.repro.loaded_data import DataSource, LoadedData
from kb.repro.plan import plan
from kb.repro.progress import Nothing
from kb.repro.run import execute
from kb.repro.split_tensors import load_split
from models.parts.recipe import PretrainingStage, Sampling

FIRST = PretrainingStage("diorama-msvd", 2, learning_rate=2e-3, clips_per_video=3)
CPU = torch.device("cpu")


class Stops:
    """A budget that is spent after so many questions."""

    def __init__(self, number: int) -> None:
        self.left = number

    def allows(self, _: float) -> bool:
        """So many times."""
        self.left -= 1
        return self.left >= 0


@pytest.fixture
def data(monkeypatch) -> LoadedData:
    """The smallest world; the baseline is trained on silent clips first."""
    recipe = BowMean.small_recipe.but(epochs=3, stages=(FIRST,))
    monkeypatch.setattr(BowMean, "small_recipe", recipe)
    monkeypatch.setattr(BowMean, "variants", {"full": {}, "scratch": {}})
    monkeypatch.setattr(BowMean, "recipe_by_variant", {"scratch": {"stages": ()}})
    return LoadedData.load(DataSource("diorama-msrvtt", "tiny"), lambda *_: None)


def planned(data, variant="full"):
    """The run of the baseline."""
    return plan("bow-mean", data.corpus, data.vocabulary, seed=0, variant=variant)


def made(data, checkpoint_path, variant="full", budget=None):
    """Its record, or None where the budget ended."""
    callbacks = [Nothing().watch("", 1)] * 2
    return execute(
        planned(data, variant),
        data,
        checkpoint_path,
        device=CPU,
        callbacks=callbacks,
        budget=budget or Clock(),
    )


def test_a_record_tells_what_was_trained_on_first(data, tmp_path) -> None:
    """Data, fingerprint, clips and the loss of each epoch; without it, nothing."""
    run, scratch = (made(data, tmp_path / v, v) for v in ("full", "scratch"))
    pretrained = run.pretrained
    corpus = pretraining.load_stage(planned(data).recipe, "tiny", lambda *_: None).corpus
    assert (pretrained.data, pretrained.size, pretrained.epochs) == ("diorama-msvd", "tiny", 2)
    assert pretrained.fingerprint == corpus.fingerprint
    assert pretrained.clips == len(corpus.splits["train"].captions)
    assert len(pretrained.losses) == 2
    assert len(run.curve) == len(scratch.curve) == 3
    assert scratch.pretrained is None
    assert run.recipe["stages"][0]["data"] == "diorama-msvd"


def test_what_was_learnt_first_is_what_training_begins_with(data, tmp_path) -> None:
    """The first epoch's loss is lower than from scratch (0.94 to 0.96 of it over five seeds)."""
    run, scratch = (made(data, tmp_path / v, v) for v in ("full", "scratch"))
    assert run.curve[0]["loss"] < 0.98 * scratch.curve[0]["loss"]


def test_stops_in_either_training_change_no_number(data, tmp_path) -> None:
    """Stopped after every third step of both and taken up again: the same record."""
    whole, stops, run = made(data, tmp_path / "whole"), 0, None
    stages = set()
    while run is None:
        run = made(data, tmp_path / "stopped", budget=Stops(3))
        if run is None:
            stages.add(torch.load(tmp_path / "stopped", weights_only=True)["stage"])
            stops += 1
            torch.rand(stops)
    assert stages == {0, 1}
    assert run.metrics == whole.metrics
    assert run.ranks == whole.ranks
    assert [row["loss"] for row in run.curve] == [row["loss"] for row in whole.curve]
    assert run.pretrained.losses == whole.pretrained.losses
    assert run.pretrained.steps == whole.pretrained.steps


def test_a_checkpoint_that_does_not_fit_is_begun_afresh(data, tmp_path) -> None:
    """A stage that is not there, or weights cut out: the run begins again and ends the same."""
    uninterrupted, checkpoint_path = made(data, tmp_path / "whole"), tmp_path / "kept"
    for spoil in ({"stage": 7}, {"model": {}}, {"first": {"when": 1}, "stage": 1}):
        assert made(data, checkpoint_path, budget=Stops(1)) is None
        torch.save(torch.load(checkpoint_path, weights_only=True) | spoil, checkpoint_path)
        assert made(data, checkpoint_path).metrics == uninterrupted.metrics
        checkpoint_path.unlink()


def test_both_training_sets_share_their_words(data) -> None:
    """A word has one number in both trainings; from scratch the words are the data's own."""
    full, scratch = planned(data), planned(data, "scratch")
    first = pretraining.load_stage(full.recipe, "tiny", lambda *_: None)
    words = first.vocabulary(data.corpus)
    assert set(words.words) >= set(data.vocabulary.words)
    assert full.sizes.vocabulary == len(words)
    assert scratch.sizes.vocabulary == len(data.vocabulary)


def test_a_run_is_named_by_what_it_was_trained_on_first(data) -> None:
    """Its data are part of the hash; a run without keeps the name it always had."""
    full, scratch = planned(data), planned(data, "scratch")
    assert replace(full, pretrained="0" * 64).config_hash != full.config_hash
    longer = full.recipe.but(stages=(replace(FIRST, epochs=3),))
    assert replace(full, recipe=longer).config_hash != full.config_hash
    assert scratch.pretrained is None
    assert scratch.recipe.stages == ()


def test_the_first_training_has_no_patience_and_its_own_rate(data) -> None:
    """What the pre-training does not say is as in the recipe."""
    full = planned(data)
    recipe = pretraining.load_stage(full.recipe, "tiny", lambda *_: None).recipe(full.recipe)
    settings = recipe.settings
    assert (settings["epochs"], settings["learning_rate"]) == (2, 2e-3)
    assert settings["early_stopping_patience"] is None
    assert recipe.sampling.batch_size == full.recipe.sampling.batch_size
    assert recipe.stages == ()


def test_clips_of_one_video_stand_side_by_side(data) -> None:
    """Up to `clips_per_video` of them, groups in random order, every clip once; a batch knows its videos."""
    full = planned(data)
    first = pretraining.load_stage(full.recipe, "tiny", lambda *_: None)
    train, nothing = first.splits(first.vocabulary(data.corpus), BowMean.views, CPU)
    assert len(nothing) == 0
    orders = []
    for seed in (0, 0, 1):
        parts = train.batches(Sampling(10, clips_per_video=3), torch.Generator().manual_seed(seed))
        orders.append(torch.cat(parts))
    assert orders[0].sort().values.equal(torch.arange(len(train)))
    assert orders[0].equal(orders[1])
    assert not orders[0].equal(orders[2])
    source = train.source[train.owner[orders[0]]]
    runs = torch.unique_consecutive(source, return_counts=True)[1]
    clips = torch.bincount(source)
    assert len(runs) <= int((clips / 3).ceil().sum())
    captions = first.corpus.splits["train"].captions
    for row in parts[0].tolist():
        video = first.corpus.cut_from[captions[row].id]
        same = [i for i, c in enumerate(captions) if first.corpus.cut_from[c.id] == video]
        assert train.clips(torch.tensor(same)).video.unique().numel() == 1


def test_without_groups_clips_are_strangers(data) -> None:
    """Any order, the one that shuffling gives."""
    full = planned(data)
    apart = full.recipe.but(stages=(replace(FIRST, clips_per_video=None),))
    first = pretraining.load_stage(apart, "tiny", lambda *_: None)
    words = first.vocabulary(data.corpus)
    train, _ = first.splits(words, BowMean.views, CPU)
    own = load_split(data.corpus, "train", words, BowMean.views, CPU)
    for one in (train, own):
        order = torch.cat(one.batches(Sampling(7), torch.Generator().manual_seed(0)))
        assert order.equal(torch.randperm(len(one), generator=torch.Generator().manual_seed(0)))
