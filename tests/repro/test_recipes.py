"""What a recipe asks of the loop: rates, warm-up, easy negatives, drawn captions, precision."""

from dataclasses import asdict, dataclass, replace

import pytest
import torch

from kb.records.errors import KBError
from kb.repro import optimisers
from kb.repro.baseline import BowMean, BowMeanConfig
from kb.repro.budget import Clock
from kb.repro.plan import plan
from kb.repro.split_tensors import load_split
from kb.repro.train import Training
from kb.repro.vocabulary import Vocabulary
from models.parts.recipe import Optimiser, Sampling, Schedule


class Rates:
    """Follows a training and lists the rate that each step leaves to the next."""

    def __init__(self) -> None:
        self.training: Training | None = None
        self.seen: list[list[float]] = []
        self.epochs: list[int] = []
        self.rows: list[dict] = []

    def steps(self, _done: int, _of: int) -> None:
        """A step is done."""
        self.seen.append([group["lr"] for group in self.training.optimiser.param_groups])

    def epoch(self, row: dict) -> None:
        """An epoch is done."""
        self.rows.append(row)


@pytest.fixture(scope="module")
def splits(corpus):
    """Training and validation split of the smallest world, and its words."""
    words = Vocabulary.build(c.text for c in corpus.splits["train"].captions)
    cpu = torch.device("cpu")
    return words, *(load_split(corpus, s, words, BowMean.views, cpu) for s in ("train", "val"))


def trained(corpus, splits, *, val=None, **recipe) -> Rates:
    """The baseline trained by a changed recipe."""
    chosen = plan("bow-mean", corpus, splits[0], seed=0)
    torch.manual_seed(0)
    watched = Rates()
    val = splits[2] if val is None else val
    recipe = chosen.recipe.but(**recipe)
    watched.training = Training(chosen.build(), recipe, splits[1], val, seed=0)
    watched.training.run(callback=watched, budget=Clock(), checkpoint=lambda _: None)
    return watched


def test_the_rate_rises_through_the_warm_up_and_falls_along_a_cosine(corpus, splits) -> None:
    """Linear to its peak over the first share of all steps, to nearly zero at the last."""
    recipe = {"learning_rate": 1.0, "warmup": 0.25, "shape": "cosine", "epochs": 2}
    plainly = {"lr_decay": 1.0, "lr_patience": None, "early_stopping_patience": None}
    following = [one for (one,) in trained(corpus, splits, **recipe, **plainly).seen]
    steps = len(following)
    rates = [optimisers.share(Schedule(epochs=2, warmup=0.25), 0, steps), *following[:-1]]
    rising = int(0.25 * steps)
    assert rates[:rising] == pytest.approx([(i + 1) / rising for i in range(rising)])
    assert max(rates) == pytest.approx(1.0)
    assert rates[rising:] == sorted(rates[rising:], reverse=True)
    middle = optimisers.share(Schedule(shape="cosine", warmup=0.2), 60, 100)
    assert middle == pytest.approx(0.5)
    assert rates[-1] < 0.05


def test_a_linear_schedule_ends_at_zero() -> None:
    """Without a warm-up it falls from the first step."""
    schedule = Schedule(shape="linear")
    assert [optimisers.share(schedule, done, 4) for done in range(5)] == [1, 0.75, 0.5, 0.25, 0]


def test_amsgrad_never_forgets_a_large_gradient() -> None:
    """The largest second moment so far divides the step, where Adam's own would have shrunk."""
    model = torch.nn.Linear(1, 1, bias=False)
    where = model.weight.item()
    steps = optimisers.optimiser(model, Optimiser("amsgrad", learning_rate=0.1))
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
    steps = optimisers.optimiser(model, Optimiser("rmsprop-keras", learning_rate=0.1))
    square = 0.0
    for slope in (8.0, 0.5, 1e-6):
        model.weight.grad = torch.full_like(model.weight, slope)
        steps.step()
        square = 0.9 * square + 0.1 * slope**2
        where -= 0.1 * slope / (square**0.5 + 1e-6)
        assert model.weight.item() == pytest.approx(where, rel=1e-5)


def test_sgd_with_momentum_goes_on_in_the_old_direction() -> None:
    """Nine tenths of the last step's gradient are in the next; plain SGD has none of it."""
    for name, kept in (("sgd-momentum", 0.9), ("sgd", 0.0)):
        model = torch.nn.Linear(1, 1, bias=False)
        where, velocity = model.weight.item(), 0.0
        steps = optimisers.optimiser(model, Optimiser(name, learning_rate=0.1))
        for slope in (8.0, 0.5, -1.0):
            model.weight.grad = torch.full_like(model.weight, slope)
            steps.step()
            velocity = kept * velocity + slope
            where -= 0.1 * velocity
            assert model.weight.item() == pytest.approx(where, rel=1e-5)


def ranger(slopes, rate=0.1, decay=0.2, start=1.0):
    """Ranger longhand on one weight: where it is after each gradient."""
    fast = slow = start
    m = v = 0.0
    limit, weights = 2 / (1 - 0.999) - 1, []
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
        weights.append(fast)
    return weights


def test_ranger_draws_its_weights_back_to_a_slow_average(tmp_path) -> None:
    """Longhand over thirteen steps, stopped and taken up again in between."""
    settings = Optimiser("ranger", learning_rate=0.1, weight_decay=0.2)
    slopes = [3.0, -1.0, 0.5, 2.0, 0.1, -0.7, 1.0, 1.0, -2.0, 0.3, 0.2, 0.9, -0.4]
    model = torch.nn.Linear(1, 1, bias=False)
    model.weight.data.fill_(1.0)
    steps, seen = optimisers.optimiser(model, settings), []
    for turn, slope in enumerate(slopes):
        if turn == 4:
            torch.save(steps.state_dict(), tmp_path / "optimiser.pt")
            steps = optimisers.optimiser(model, settings)
            steps.load_state_dict(torch.load(tmp_path / "optimiser.pt"))
        model.weight.grad = torch.full_like(model.weight, slope)
        steps.step()
        seen.append(model.weight.item())
    assert seen == pytest.approx(ranger(slopes), rel=1e-5)


def test_weights_have_the_rates_their_names_begin_with(corpus, splits) -> None:
    """The first beginning that fits decides; the others learn at the recipe's rate."""
    rates = (("text.", 0.1), ("text.0.weight", 7.0))
    one = trained(corpus, splits, epochs=1, learning_rate=1e-3, lr_multipliers=rates, lr_decay=1.0)
    by = {
        id(weight): group["lr"]
        for group in one.training.optimiser.param_groups
        for weight in group["params"]
    }
    named = dict(one.training.model.named_parameters())
    assert by[id(named["text.0.weight"])] == pytest.approx(1e-4)
    assert by[id(named["video.0.weight"])] == pytest.approx(1e-3)


def test_a_model_is_called_before_each_epoch_and_after_each_step(
    corpus, splits, monkeypatch
) -> None:
    """`on_epoch` with the epoch's number from 0, `after_step` once a step."""
    calls = []
    monkeypatch.setattr(BowMean, "on_epoch", lambda _, epoch: calls.append(epoch))
    monkeypatch.setattr(BowMean, "after_step", lambda _: calls.append("step"))
    steps = len(trained(corpus, splits, epochs=2).seen) // 2
    assert calls == [0, *["step"] * steps, 1, *["step"] * steps]


def test_so_many_captions_are_drawn_of_each_video(splits) -> None:
    """Two passes over the videos, each in a new order, a caption drawn anew for every video."""
    train, draw = splits[1], torch.Generator().manual_seed(0)
    parts = train.batches(Sampling(train.videos, 2), draw)
    assert len(parts) == 2
    for part in parts:
        assert sorted(train.owner[part].tolist()) == list(range(train.videos))
    assert parts[0].tolist() != parts[1].tolist()
    other = train.batches(Sampling(train.videos, 1), draw)[0]
    assert train.owner[other].tolist() != train.owner[parts[0]].tolist()


def test_every_caption_comes_once_an_epoch(splits) -> None:
    """Without a number of draws the epoch is the captions, shuffled."""
    parts = splits[1].batches(Sampling(128), torch.Generator().manual_seed(0))
    assert sorted(torch.cat(parts).tolist()) == list(range(len(splits[1])))


def test_mixed_precision_learns_the_same_and_scores_in_full(corpus, splits) -> None:
    """In bf16 the losses are close to those of float32, and not the same."""
    exact, mixed = (
        [row["loss"] for row in trained(corpus, splits, epochs=2, precision=p).rows]
        for p in (None, "bf16")
    )
    assert mixed == pytest.approx(exact, rel=0.05)
    assert mixed != exact


def test_dual_encoding_trains_in_bf16(corpus, splits) -> None:
    """Its recurrent and convolutional layers take autocast; weights stay float32."""
    chosen = plan("dual-encoding", corpus, splits[0], seed=0)
    recipe = chosen.recipe.but(precision="bf16")
    one = Training(chosen.build(), recipe, splits[1], splits[2], seed=0)
    one._backward(torch.arange(32), fresh=True)
    one._step()
    assert one.total.isfinite()
    assert {weight.dtype for weight in one.model.parameters()} == {torch.float32}


def test_without_a_validation_split_the_last_weights_are_kept(corpus, splits) -> None:
    """Protocols such as 1k-A have none: no score, no early stop, every epoch is made."""
    empty = replace(corpus, splits={"val": replace(corpus.splits["val"], videos=[], captions=[])})
    val = load_split(empty, "val", splits[0], BowMean.views, torch.device("cpu"))
    one = trained(corpus, splits, val=val, epochs=4, early_stopping_patience=1)
    assert [row["SumR"] for row in one.rows] == [None] * 4
    assert one.training.state.best_epoch == 4


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"shape": "sine"}, "no shape of the rate is called 'sine'; choose from constant, cosine"),
        ({"lr_rule": "luck"}, "no rule of the rate is called 'luck'; choose from plateau, since-"),
        ({"precision": "int4"}, "no precision is called 'int4'; choose from bf16, fp16"),
    ],
)
def test_what_the_loop_does_not_know_is_refused(corpus, splits, recipe, message: str) -> None:
    """One line names the choices."""
    with pytest.raises(KBError, match=message):
        trained(corpus, splits, **recipe)


def test_a_setting_at_its_default_is_no_part_of_a_run_s_name(corpus, splits, monkeypatch) -> None:
    """A setting that a later version adds leaves the run its name; what differs is in it."""
    chosen = plan("bow-mean", corpus, splits[0], seed=0)

    @dataclass(frozen=True)
    class Later(BowMeanConfig):
        switch: bool = False

    with monkeypatch.context() as patch:
        patch.setattr(BowMean, "Config", Later)
        assert replace(chosen, config=Later(**asdict(chosen.config))).name == chosen.name
        on = Later(**asdict(chosen.config), switch=True)
        assert replace(chosen, config=on).name != chosen.name
    with monkeypatch.context() as patch:
        patch.setattr(BowMean, "version", 2)
        assert replace(chosen).name != chosen.name
    changed = plan("bow-mean", corpus, splits[0], seed=0, changes={"precision": "bf16"})
    assert changed.name != chosen.name
    assert changed.command.endswith("--precision bf16 --seed 0 --epochs 20")


def test_a_dataset_has_its_own_recipe_and_a_command_changes_it_further(
    corpus, splits, monkeypatch
) -> None:
    """At the benchmark's small sizes, on that dataset alone; the command has the last word."""
    by_dataset = {corpus.name: {"epochs": 41, "lr_patience": 7}}
    monkeypatch.setattr(BowMean, "recipe_by_dataset", by_dataset)

    def recipe(corpus, **changes):
        return plan("bow-mean", corpus, splits[0], seed=0, changes=changes).recipe

    wanted = BowMean.small_recipe.but(epochs=41, lr_patience=7)
    assert recipe(corpus) == wanted
    assert recipe(corpus, epochs=2) == wanted.but(epochs=2)
    assert recipe(replace(corpus, name="diorama-msvd")) == BowMean.small_recipe
    assert recipe(replace(corpus, size=None)) == BowMean.recipe


def test_settings_are_changed_by_their_own_names() -> None:
    """Each goes to its piece; a name that no piece has is refused."""
    recipe = BowMean.recipe.but(epochs=3, batch_size=7, learning_rate=0.5)
    settings = recipe.settings
    assert (settings["epochs"], settings["batch_size"], settings["learning_rate"]) == (3, 7, 0.5)
    with pytest.raises(TypeError, match="halve_after"):
        recipe.but(halve_after=3)
