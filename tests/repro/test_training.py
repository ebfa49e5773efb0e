"""The loop: it learns, repeats by seed, follows its recipe, and goes on where it was stopped."""

import io
from dataclasses import replace

import pytest
import torch

from kb.records.errors import KBError
from kb.repro.baseline import BowMean
from kb.repro.batches import views
from kb.repro.budget import Clock
from kb.repro.plan import plan
from kb.repro.train import Training
from kb.repro.vocabulary import Vocabulary


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
def sides(corpus):
    """Training and validation side of the smallest world."""
    words = Vocabulary.build(c.text for c in corpus.splits["train"].captions)
    cpu = torch.device("cpu")
    return words, *(views(corpus, s, words, BowMean.needs, cpu) for s in ("train", "val"))


def training(corpus, sides, *, seed: int = 0, name: str = "bow-mean", **recipe) -> Training:
    """A training that has not begun."""
    planned = plan(name, corpus, sides[0], seed=seed)
    torch.manual_seed(seed)
    return Training(planned.build(), replace(planned.recipe, **recipe), seed)


def go(one: Training, sides, watcher: Quiet, keep=lambda _: None) -> bool:
    """Run it with no budget."""
    return one.run(sides[1], sides[2], watcher=watcher, budget=Clock(), keep=keep)


def test_it_learns(corpus, sides) -> None:
    """The loss falls, and the best weights on validation are the ones left in the model."""
    one, watched = training(corpus, sides, epochs=15, stop_after=None), Quiet()
    assert go(one, sides, watched)
    losses = [row["loss"] for row in watched.rows]
    assert losses[-1] < 0.9 * losses[0]
    assert one.state.best == max(row["SumR"] for row in watched.rows)
    for name, value in one.model.state_dict().items():
        assert torch.equal(value, one.best_weights[name])


@pytest.mark.parametrize("name", ["bow-mean", "dual-encoding"])
def test_the_same_seed_gives_the_same_curve(corpus, sides, name: str) -> None:
    """Same seed, same losses and scores to the last bit; another seed, others."""
    curves = []
    for seed in (0, 0, 1):
        one, watched = training(corpus, sides, seed=seed, name=name, epochs=2), Quiet()
        go(one, sides, watched)
        curves.append([(row["loss"], row["SumR"]) for row in watched.rows])
    assert curves[0] == curves[1]
    assert curves[0] != curves[2]


@pytest.mark.parametrize("name", ["bow-mean", "dual-encoding"])
def test_an_interrupted_training_ends_as_if_it_had_not_been(corpus, sides, name: str) -> None:
    """Interrupted within its third epoch and restored, it gives the same curve and weights."""
    whole, watched = training(corpus, sides, name=name, epochs=4), Quiet()
    go(whole, sides, watched)
    kept: list[dict] = []
    broken = training(corpus, sides, name=name, epochs=4)
    with pytest.raises(KeyboardInterrupt):
        go(broken, sides, Quiet(stop_at=2), keep=lambda now: kept.append(_frozen(now)))
    torch.rand(5)  # whatever else drew numbers meanwhile

    resumed = training(corpus, sides, seed=9, name=name, epochs=4)
    resumed.restore(kept[-1])
    again = Quiet()
    go(resumed, sides, again)

    def told(rows):
        return [(row["epoch"], row["loss"], row["SumR"], row["rate"]) for row in rows]

    assert told(again.rows) == told(watched.rows)[2:]
    assert told(resumed.state.curve) == told(whole.state.curve)
    for name_, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name_])


def _frozen(one: Training) -> dict:
    """A snapshot as a file holds it: later steps do not reach into it."""
    buffer = io.BytesIO()
    torch.save(one.snapshot(), buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


def test_patience_and_halving_follow_the_recipe(corpus, sides) -> None:
    """With a rate of zero nothing improves: the rate halves on time and training stops on time."""
    recipe = {"learning_rate": 0.0, "epochs": 30, "stop_after": 4, "halve_after": 2, "decay": 0.5}
    one, watched = training(corpus, sides, **recipe), Quiet()
    one.optimiser.param_groups[0]["lr"] = 1e-30
    go(one, sides, watched)
    rates = [row["rate"] / 1e-30 for row in watched.rows]
    assert len(rates) == 6  # the first is the best, then four without, then one more
    assert rates == pytest.approx([1, 1 / 2, 1 / 8, 1 / 16, 1 / 64, 1 / 128])


def test_a_rate_may_fall_in_steps_of_several_epochs(corpus, sides) -> None:
    """Halved after every second epoch; a row tells the rate of its own epoch."""
    recipe = {"epochs": 5, "stop_after": None, "halve_after": None}
    one = training(corpus, sides, decay=0.5, decay_every=2, learning_rate=1e-3, **recipe)
    watched = Quiet()
    go(one, sides, watched)
    rates = [row["rate"] / 1e-3 for row in watched.rows]
    assert rates == pytest.approx([1, 1, 1 / 2, 1 / 2, 1 / 4])


def test_a_budget_that_is_spent_stops_after_a_step(corpus, sides) -> None:
    """At least one step is made and kept; then no step begins that would not fit."""
    one, watched, kept = training(corpus, sides, epochs=5), Quiet(), []
    done = one.run(
        sides[1],
        sides[2],
        watcher=watched,
        budget=Clock(0.0),
        keep=lambda o: kept.append(o.state.step),
    )
    assert not done
    assert watched.rows == []
    assert kept == [1]


@pytest.mark.parametrize("name", ["bow-mean", "dual-encoding"])
def test_a_training_stopped_at_every_other_step_ends_as_if_it_had_not_been(
    corpus, sides, name: str
) -> None:
    """Stopped within epochs, frozen and taken up again and again: same curve, same weights."""
    whole = training(corpus, sides, name=name, epochs=2)
    go(whole, sides, Quiet())
    held, stops = None, 0
    while True:
        one = training(corpus, sides, seed=stops, name=name, epochs=2)
        if held is not None:
            one.restore(held)
        if one.run(sides[1], sides[2], watcher=Quiet(), budget=Steps(2), keep=lambda _: None):
            break
        held, stops = _frozen(one), stops + 1
        torch.rand(stops)
    assert stops > 5
    told = [[(row["loss"], row["SumR"]) for row in t.state.curve] for t in (one, whole)]
    assert told[0] == told[1]
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


def test_a_loss_that_is_no_number_is_said(corpus, sides) -> None:
    """NaN in the weights ends the run with one line, not with a record."""
    one = training(corpus, sides, epochs=1)
    with torch.no_grad():
        one.model.text.weight.fill_(float("nan"))
    with pytest.raises(KBError, match="the loss is nan in epoch 1"):
        go(one, sides, Quiet())


def test_an_unknown_optimiser_is_refused(corpus, sides) -> None:
    """The recipe may name those that the loop knows."""
    with pytest.raises(KBError, match=r"no optimiser.*adam"):
        training(corpus, sides, optimiser="lion")
