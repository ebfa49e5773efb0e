"""The loop: it learns, repeats by seed, follows its recipe, and goes on where it was stopped."""

import io

import pytest
import torch

from kb.records.errors import KBError
from kb.repro.baseline import BowMean
from kb.repro.budget import Clock
from kb.repro.plan import plan
from kb.repro.split_tensors import load_split
from kb.repro.train import Training
from kb.repro.vocabulary import Vocabulary

SHORT = {"epochs": 2, "captions_per_video": 10}  # half of the captions: a few steps an epoch


class Quiet:
    """Follows a training and keeps its rows."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.rows: list[dict] = []
        self.stop_at = stop_at

    def steps(self, done: int, of: int) -> None:
        """Interrupt in the middle of an epoch, if asked to."""
        if self.stop_at == len(self.rows) and done == of // 2:
            raise KeyboardInterrupt

    def epoch(self, row: dict) -> None:
        """Keep the row."""
        self.rows.append(row)


@pytest.fixture(scope="module")
def splits(corpus):
    """Training and validation split of the smallest world."""
    words = Vocabulary.build(c.text for c in corpus.splits["train"].captions)
    cpu = torch.device("cpu")
    return words, *(load_split(corpus, s, words, BowMean.views, cpu) for s in ("train", "val"))


def training(corpus, splits, *, seed: int = 0, name: str = "bow-mean", **recipe) -> Training:
    """A training that has not begun."""
    planned = plan(name, corpus, splits[0], seed=seed)
    torch.manual_seed(seed)
    return Training(planned.build(), planned.recipe.but(**recipe), splits[1], splits[2], seed=seed)


def go(one: Training, callback: Quiet, checkpoint=lambda _: None) -> bool:
    """Run it with no budget."""
    return one.run(callback=callback, budget=Clock(), checkpoint=checkpoint)


def test_it_learns(corpus, splits) -> None:
    """The loss falls, and the best weights on validation are the ones left in the model."""
    one, watched = training(corpus, splits, epochs=15, early_stopping_patience=None), Quiet()
    assert go(one, watched)
    losses = [row["loss"] for row in watched.rows]
    assert losses[-1] < 0.9 * losses[0]
    assert one.state.best == max(row["SumR"] for row in watched.rows)
    for name, value in one.model.state_dict().items():
        assert torch.equal(value, one.best_weights[name])


@pytest.mark.parametrize("name", ["bow-mean", "dual-encoding"])
def test_the_same_seed_gives_the_same_curve(corpus, splits, name: str) -> None:
    """Same seed, same losses and scores to the last bit; another seed, others."""
    curves = []
    for seed in (0, 0, 1):
        one, watched = training(corpus, splits, seed=seed, name=name, **SHORT), Quiet()
        go(one, watched)
        curves.append([(row["loss"], row["SumR"]) for row in watched.rows])
    assert curves[0] == curves[1]
    assert curves[0] != curves[2]


@pytest.mark.parametrize("name", ["bow-mean", "dual-encoding"])
def test_an_interrupted_training_ends_as_if_it_had_not_been(corpus, splits, name: str) -> None:
    """Interrupted within its third epoch and restored, it gives the same curve and weights."""
    whole, watched = training(corpus, splits, name=name, **SHORT | {"epochs": 4}), Quiet()
    go(whole, watched)
    snapshots: list[dict] = []
    broken = training(corpus, splits, name=name, **SHORT | {"epochs": 4})
    with pytest.raises(KeyboardInterrupt):
        go(broken, Quiet(stop_at=2), checkpoint=lambda now: snapshots.append(_frozen(now)))
    torch.rand(5)  # whatever else drew numbers meanwhile

    resumed = training(corpus, splits, seed=9, name=name, **SHORT | {"epochs": 4})
    resumed.restore(snapshots[-1])
    again = Quiet()
    go(resumed, again)

    def losses(rows):
        return [(row["epoch"], row["loss"], row["SumR"], row["rate"]) for row in rows]

    assert losses(again.rows) == losses(watched.rows)[2:]
    assert losses(resumed.state.curve) == losses(whole.state.curve)
    for name_, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name_])


def _frozen(one: Training) -> dict:
    """A snapshot as a file holds it: later steps do not reach into it."""
    buffer = io.BytesIO()
    torch.save(one.snapshot(), buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


def test_patience_and_halving_follow_the_recipe(corpus, splits) -> None:
    """With a rate of zero nothing improves: the rate halves on time and training stops on time."""
    recipe = {
        "learning_rate": 0.0,
        "epochs": 30,
        "early_stopping_patience": 4,
        "lr_patience": 2,
        "lr_decay": 0.5,
    }
    one, watched = training(corpus, splits, **recipe), Quiet()
    one.optimiser.param_groups[0]["lr"] = 1e-30
    go(one, watched)
    rates = [row["rate"] / 1e-30 for row in watched.rows]
    assert len(rates) == 6  # the first is the best, then four without, then one more
    assert rates == pytest.approx([1, 1 / 2, 1 / 8, 1 / 16, 1 / 64, 1 / 128])


def test_a_rate_may_fall_in_steps_of_several_epochs(corpus, splits) -> None:
    """Halved after every second epoch; a row tells the rate of its own epoch."""
    recipe = {"epochs": 5, "early_stopping_patience": None, "lr_patience": None}
    one = training(corpus, splits, lr_decay=0.5, decay_every=2, learning_rate=1e-3, **recipe)
    watched = Quiet()
    go(one, watched)
    rates = [row["rate"] / 1e-3 for row in watched.rows]
    assert rates == pytest.approx([1, 1, 1 / 2, 1 / 2, 1 / 4])


def test_a_budget_that_is_spent_stops_after_a_step(corpus, splits) -> None:
    """At least one step is made and kept; then no step begins that would not fit."""
    one, watched, steps = training(corpus, splits, epochs=5), Quiet(), []
    done = one.run(
        callback=watched,
        budget=Clock(0.0),
        checkpoint=lambda o: steps.append(o.state.step),
    )
    assert not done
    assert watched.rows == []
    assert steps == [1]


@pytest.mark.parametrize("name", ["bow-mean", "dual-encoding"])
def test_a_training_stopped_at_every_other_step_ends_as_if_it_had_not_been(
    corpus, splits, name: str
) -> None:
    """Stopped within epochs, frozen and taken up again and again: same curve, same weights."""
    whole = training(corpus, splits, name=name, epochs=2)
    go(whole, Quiet())
    snapshot, stops = None, 0
    while True:
        one = training(corpus, splits, seed=stops, name=name, epochs=2)
        if snapshot is not None:
            one.restore(snapshot)
        if one.run(callback=Quiet(), budget=Steps(2), checkpoint=lambda _: None):
            break
        snapshot, stops = _frozen(one), stops + 1
        torch.rand(stops)
    assert stops > 5
    curves = [[(row["loss"], row["SumR"]) for row in t.state.curve] for t in (one, whole)]
    assert curves[0] == curves[1]
    for key, value in whole.model.state_dict().items():
        assert torch.equal(value, one.model.state_dict()[key])


class Steps:
    """A budget counted in questions."""

    def __init__(self, number: int) -> None:
        self.left = number

    def allows(self, _: float) -> bool:
        """So many times."""
        self.left -= 1
        return self.left >= 0


def test_a_loss_that_is_no_number_is_said(corpus, splits) -> None:
    """NaN in the weights ends the run with one line, not with a record."""
    one = training(corpus, splits, epochs=1)
    with torch.no_grad():
        one.model.text[0].weight.fill_(float("nan"))
    with pytest.raises(KBError, match="the loss is nan in epoch 1"):
        go(one, Quiet())


def test_an_unknown_optimiser_is_refused(corpus, splits) -> None:
    """The recipe may name those that the loop knows."""
    with pytest.raises(KBError, match=r"no optimiser.*adam"):
        training(corpus, splits, optimiser="lion")


def test_torch_s_plateau_counts_epochs_without_a_best_in_a_row(corpus, splits) -> None:
    """With a patience of 2 the third epoch without a best halves the rate, as ReduceLROnPlateau."""
    recipe = {"epochs": 8, "lr_patience": 2, "lr_rule": "plateau", "lr_decay": 1.0}
    one, watched = training(corpus, splits, **recipe, early_stopping_patience=None), Quiet()
    for group in one.optimiser.param_groups:
        group["lr"] = 1e-30
    go(one, watched)
    rates = [row["rate"] / 1e-30 for row in watched.rows]
    assert rates[:4] == pytest.approx([1, 1, 1, 1])
    assert len({row["SumR"] for row in watched.rows}) == 1


def test_gradients_of_several_batches_make_one_step(corpus, splits) -> None:
    """Two batches of 64 accumulated are the mean gradient of both, and half as many steps."""
    counted = []
    one = training(corpus, splits, epochs=1, batch_size=64, accumulate=2)
    one.model.after_step = lambda: counted.append(1)
    go(one, Quiet())
    batches = one.train.batches_per_epoch(one.recipe.sampling)
    assert len(counted) == -(-batches // 2)


def test_the_last_epoch_is_selected_where_the_recipe_says_so(corpus, splits) -> None:
    """Whatever validation says, the weights left are those of the end."""
    one, watched = training(corpus, splits, epochs=3, select="last"), Quiet()
    seen = []
    go(one, watched, lambda now: seen.append(_frozen(now)["model"]))
    for name, value in one.model.state_dict().items():
        assert torch.equal(value, seen[-1][name])


def test_an_epoch_may_be_selected_by_another_score(corpus, splits) -> None:
    """By mean inverted rank the best is the largest of it; an unknown name is refused in one line."""
    one = training(corpus, splits, epochs=3, select="t2v MRR")
    go(one, Quiet())
    assert 0 < one.state.best < 1
    with pytest.raises(KBError, match="no validation score is called 'luck'"):
        go(training(corpus, splits, epochs=1, select="luck"), Quiet())


def test_frozen_weights_stand_still(corpus, splits) -> None:
    """A factor of 0 takes weights out of training."""
    one = training(corpus, splits, epochs=1, lr_multipliers=(("text.", 0.0),))
    before = one.model.text[0].weight.detach().clone()
    other = one.model.video[0].weight.detach().clone()
    go(one, Quiet())
    assert one.model.text[0].weight.equal(before)
    assert not one.model.video[0].weight.equal(other)
