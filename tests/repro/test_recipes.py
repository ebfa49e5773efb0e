"""What a recipe asks of the loop: rates, warm-up, easy negatives, drawn captions, precision."""

from dataclasses import replace

import pytest
import torch

from kb.records.errors import KBError
from kb.repro import optimise
from kb.repro.baseline import BowMean, BowMeanConfig
from kb.repro.batches import views
from kb.repro.budget import Clock
from kb.repro.plan import plan
from kb.repro.train import Training
from kb.repro.vocabulary import Vocabulary
from models.dual_encoding import DualEncoding
from models.parts.contract import Recipe
from tests.models import toy


class Rates:
    """Follows a training and keeps the rate after every step."""

    def __init__(self) -> None:
        self.training: Training | None = None
        self.seen: list[list[float]] = []
        self.easy: list[bool] = []
        self.rows: list[dict] = []

    def steps(self, _done: int, _of: int) -> None:
        """A step is done."""
        self.seen.append([group["lr"] for group in self.training.optimiser.param_groups])
        self.easy.append(self.training.model.easy)

    def epoch(self, row: dict) -> None:
        """An epoch is done."""
        self.rows.append(row)


@pytest.fixture(scope="module")
def sides(corpus):
    """Training and validation side of the smallest world, and its words."""
    words = Vocabulary.build(c.text for c in corpus.splits["train"].captions)
    cpu = torch.device("cpu")
    return words, *(views(corpus, s, words, BowMean.needs, cpu) for s in ("train", "val"))


def trained(corpus, sides, *, val=None, **recipe) -> Rates:
    """The baseline trained by a changed recipe."""
    chosen = plan("bow-mean", corpus, sides[0], seed=0)
    torch.manual_seed(0)
    watched = Rates()
    watched.training = Training(chosen.build(), replace(chosen.recipe, **recipe), 0)
    val = sides[2] if val is None else val
    watched.training.run(sides[1], val, watcher=watched, budget=Clock(), keep=lambda _: None)
    return watched


def test_the_rate_rises_through_the_warm_up_and_falls_along_a_cosine(corpus, sides) -> None:
    """Linear to its peak over the first share of all steps, to nearly zero at the last."""
    recipe = {"learning_rate": 1.0, "warmup": 0.25, "schedule": "cosine", "epochs": 2}
    plainly = {"decay": 1.0, "halve_after": None, "stop_after": None}
    rates = [one for (one,) in trained(corpus, sides, **recipe, **plainly).seen]
    steps = len(rates)
    rising = int(0.25 * steps)
    assert rates[:rising] == pytest.approx([(i + 1) / rising for i in range(rising)])
    assert max(rates) == pytest.approx(1.0)
    assert rates[rising:] == sorted(rates[rising:], reverse=True)
    middle = optimise.share(Recipe(schedule="cosine", warmup=0.2), 60, 100)
    assert middle == pytest.approx(0.5)
    assert rates[-1] < 0.05


def test_a_linear_schedule_ends_at_zero() -> None:
    """Without a warm-up it falls from the first step."""
    recipe = Recipe(schedule="linear")
    assert [optimise.share(recipe, done, 4) for done in range(5)] == [1, 0.75, 0.5, 0.25, 0]


def test_amsgrad_never_forgets_a_large_gradient() -> None:
    """The largest second moment so far divides the step, where Adam's own would have shrunk."""
    model = torch.nn.Linear(1, 1, bias=False)
    where = model.weight.item()
    steps = optimise.optimiser(model, Recipe("amsgrad", learning_rate=0.1))
    m = v = largest = 0.0
    for turn, slope in enumerate([8.0, 0.0, 0.5, 0.0], 1):
        model.weight.grad = torch.full_like(model.weight, slope)
        steps.step()
        m, v = 0.9 * m + 0.1 * slope, 0.999 * v + 0.001 * slope**2
        largest = max(largest, v)
        root = (largest / (1 - 0.999**turn)) ** 0.5
        where -= 0.1 * m / (1 - 0.9**turn) / (root + 1e-8)
        assert model.weight.item() == pytest.approx(where, rel=1e-5)
    assert largest > v


def test_rmsprop_of_keras_forgets_sooner() -> None:
    """The mean square keeps nine tenths of itself at a step, where torch's keeps 99 hundredths."""
    model = torch.nn.Linear(1, 1, bias=False)
    where = model.weight.item()
    steps = optimise.optimiser(model, Recipe("rmsprop-keras", learning_rate=0.1))
    square = 0.0
    for slope in (8.0, 0.5, 1e-6):
        model.weight.grad = torch.full_like(model.weight, slope)
        steps.step()
        square = 0.9 * square + 0.1 * slope**2
        where -= 0.1 * slope / (square**0.5 + 1e-6)
        assert model.weight.item() == pytest.approx(where, rel=1e-5)


def ranger(slopes, rate=0.1, decay=0.2, start=1.0):
    """Ranger longhand on one weight: where it is after each gradient."""
    fast = slow = start
    m = v = 0.0
    limit, found = 2 / (1 - 0.999) - 1, []
    for t, slope in enumerate(slopes, 1):
        m, v = 0.95 * m + 0.05 * slope, 0.999 * v + 0.001 * slope**2
        length = limit - 2 * t * 0.999**t / (1 - 0.999**t)
        step = m / (1 - 0.95**t)
        if length > 5:
            over = (length - 4) * (length - 2) * limit
            step *= (over / ((limit - 4) * (limit - 2) * length)) ** 0.5
            step /= (v**0.5 + 1e-5) / (1 - 0.999**t) ** 0.5
        fast = fast * (1 - rate * decay) - rate * step
        if t % 6 == 0:
            slow += 0.5 * (fast - slow)
            fast = slow
        found.append(fast)
    return found


def test_ranger_draws_its_weights_back_to_a_slow_average(tmp_path) -> None:
    """Longhand over thirteen steps, stopped and taken up again in between."""
    recipe = Recipe("ranger", learning_rate=0.1, weight_decay=0.2)
    slopes = [3.0, -1.0, 0.5, 2.0, 0.1, -0.7, 1.0, 1.0, -2.0, 0.3, 0.2, 0.9, -0.4]
    model = torch.nn.Linear(1, 1, bias=False)
    model.weight.data.fill_(1.0)
    steps, seen = optimise.optimiser(model, recipe), []
    for turn, slope in enumerate(slopes):
        if turn == 4:
            torch.save(steps.state_dict(), tmp_path / "optimiser.pt")
            steps = optimise.optimiser(model, recipe)
            steps.load_state_dict(torch.load(tmp_path / "optimiser.pt"))
        model.weight.grad = torch.full_like(model.weight, slope)
        steps.step()
        seen.append(model.weight.item())
    assert seen == pytest.approx(ranger(slopes), rel=1e-5)


def test_weights_have_the_rates_their_names_begin_with(corpus, sides) -> None:
    """The first beginning that fits decides; the others learn at the recipe's rate."""
    rates = (("text.", 0.1), ("text.weight", 7.0))
    one = trained(corpus, sides, epochs=1, learning_rate=1e-3, rates=rates, decay=1.0)
    by = {
        id(weight): group["lr"]
        for group in one.training.optimiser.param_groups
        for weight in group["params"]
    }
    named = dict(one.training.model.named_parameters())
    assert by[id(named["text.weight"])] == pytest.approx(1e-4)
    assert by[id(named["video.weight"])] == pytest.approx(1e-3)


def test_hard_negatives_wait_for_the_warm_up_to_end(corpus, sides) -> None:
    """The model is told for the first epochs, and Dual Encoding's loss counts all negatives then."""
    easy = trained(corpus, sides, epochs=3, easy_epochs=2).easy
    assert easy == [True] * (2 * len(easy) // 3) + [False] * (len(easy) // 3)
    net, other = toy.built(DualEncoding), toy.built(DualEncoding, hardest=False)
    batch = toy.batch(DualEncoding)
    assert net.loss(*batch) < other.loss(*batch)
    net.easy = True
    torch.testing.assert_close(net.loss(*batch), other.loss(*batch))


def test_so_many_captions_are_drawn_of_each_video(sides) -> None:
    """Two passes over the videos, each in a new order, a caption drawn anew for every video."""
    train, draw = sides[1], torch.Generator().manual_seed(0)
    parts = train.parts(train.videos, 2, draw)
    assert len(parts) == 2
    for part in parts:
        assert sorted(train.owner[part].tolist()) == list(range(train.videos))
    assert parts[0].tolist() != parts[1].tolist()
    other = train.parts(train.videos, 1, draw)[0]
    assert train.owner[other].tolist() != train.owner[parts[0]].tolist()


def test_every_caption_comes_once_an_epoch(sides) -> None:
    """Without a number of draws the epoch is the captions, shuffled."""
    parts = sides[1].parts(128, None, torch.Generator().manual_seed(0))
    assert sorted(torch.cat(parts).tolist()) == list(range(len(sides[1])))


def test_mixed_precision_learns_the_same_and_scores_in_full(corpus, sides) -> None:
    """In bf16 the losses are close to those of float32, and not the same."""
    exact, mixed = (
        [row["loss"] for row in trained(corpus, sides, epochs=2, precision=p).rows]
        for p in (None, "bf16")
    )
    assert mixed == pytest.approx(exact, rel=0.05)
    assert mixed != exact


def test_dual_encoding_trains_in_bf16(corpus, sides) -> None:
    """Its recurrent and convolutional layers take autocast; weights stay float32."""
    chosen = plan("dual-encoding", corpus, sides[0], seed=0)
    one = Training(chosen.build(), replace(chosen.recipe, precision="bf16"), 0)
    loss = one._step(sides[1], torch.arange(32))
    assert loss.isfinite()
    assert {weight.dtype for weight in one.model.parameters()} == {torch.float32}


def test_without_a_validation_split_the_last_weights_are_kept(corpus, sides) -> None:
    """Protocols such as 1k-A have none: no score, no early stop, every epoch is made."""
    empty = replace(corpus, splits={"val": replace(corpus.splits["val"], videos=[], captions=[])})
    val = views(empty, "val", sides[0], BowMean.needs, torch.device("cpu"))
    one = trained(corpus, sides, val=val, epochs=4, stop_after=1)
    assert [row["SumR"] for row in one.rows] == [None] * 4
    assert one.training.state.best_epoch == 4


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"schedule": "sine"}, "no schedule is called 'sine'; there are cosine, linear"),
        ({"precision": "int4"}, "no precision is called 'int4'; there are bf16, fp16"),
    ],
)
def test_what_the_loop_does_not_know_is_refused(recipe, message: str) -> None:
    """One line names what there is."""
    with pytest.raises(KBError, match=message):
        Training(BowMean(BowMeanConfig.small()), replace(BowMean.small_recipe, **recipe), 0)


def test_a_switch_that_is_off_leaves_a_run_its_name(corpus, sides) -> None:
    """What a later version adds and a run does not use is no part of its name; what is used is."""
    chosen = plan("bow-mean", corpus, sides[0], seed=0)
    off = replace(chosen, config={**chosen.config, "later": None, "other": False})
    assert off.id == chosen.id
    assert replace(chosen, config={**chosen.config, "later": True}).id != chosen.id
    changed = plan("bow-mean", corpus, sides[0], seed=0, changes={"precision": "bf16"})
    assert changed.id != chosen.id
    assert changed.command.endswith("--precision bf16 --seed 0 --epochs 20")


def test_a_staging_has_its_own_recipe_and_a_command_changes_it_further(
    corpus, sides, monkeypatch
) -> None:
    """At the world's small sizes, on that staging alone; the command has the last word."""
    monkeypatch.setattr(BowMean, "staged", {corpus.name: {"epochs": 41, "halve_after": 7}})

    def recipe(corpus, **changes):
        return plan("bow-mean", corpus, sides[0], seed=0, changes=changes).recipe

    wanted = replace(BowMean.small_recipe, epochs=41, halve_after=7)
    assert recipe(corpus) == wanted
    assert recipe(corpus, epochs=2) == replace(wanted, epochs=2)
    assert recipe(replace(corpus, name="diorama-msvd")) == BowMean.small_recipe
    assert recipe(replace(corpus, size=None)) == BowMean.recipe
