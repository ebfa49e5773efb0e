"""One plan carried out: train or resume, evaluate, record."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from kb.datasets.corpus import Corpus
from kb.records import Run
from kb.records.runs import Cost, Data, Pretrained
from kb.repro import checkpoint, parallel, pretraining, provenance
from kb.repro.batches import Views, reads, views
from kb.repro.bench import Bench
from kb.repro.plan import LAPTOP, Plan, model_class
from kb.repro.scoring import similarity
from kb.repro.train import Budget, State, Training, Watcher, repeatable
from kb.repro.worth import size, worth
from models.parts.contract import Recipe, RetrievalModel


@dataclass(frozen=True)
class _Stage:
    """One training of a run: the pre-training, or the one that counts."""

    recipe: Recipe
    train: Views
    val: Views
    watcher: Watcher


def carry_out(
    plan: Plan,
    bench: Bench,
    kept: Path,
    *,
    device: torch.device,
    watchers: Sequence[Watcher],
    budget: Budget,
) -> Run | None:
    """The record of a plan, trained from the checkpoint at `kept` where one was left there.

    A watcher for each training: that before, if there is one, and that which counts. None where
    the budget ended first.
    """
    began = time.perf_counter()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    needs = reads(model_class(plan.model), bench.corpus)
    first = pretraining.first(plan.recipe, plan.size, lambda *_: None)
    words = bench.vocabulary if first is None else first.vocabulary(bench.corpus)
    sides = {
        split: views(bench.corpus, split, words, needs, device)
        for split in ("train", "val", "test")
    }
    stages = [_Stage(plan.recipe, sides["train"], sides["val"], watchers[-1])]
    if first is not None:
        recipe, clips = first.recipe(plan.recipe), first.sides(words, needs, device)
        stages.insert(0, _Stage(recipe, *clips, watchers[0]))
    trained = _trained(plan, stages, kept, device, budget)
    if trained is None:
        return None
    ended, training = trained
    run = _record(plan, bench, training, sides["test"], device=device, began=began)
    if first is not None:
        run.pretrained = _pretrained(plan, len(stages[0].train), ended)
    return run


def _trained(
    plan: Plan, stages: list[_Stage], kept: Path, device: torch.device, budget: Budget
) -> tuple[State, Training] | None:
    """Where the first stage ended, and the last one, every stage run or resumed to its end.

    On a CPU a small world trains on one thread: its steps are too short to share, the sums are the
    same on any number of cores, and nothing crawls where other programs want the cores too.
    """
    if plan.size in LAPTOP and device.type == "cpu":
        torch.set_num_threads(1)
    repeatable()
    number, training, ended = _prepared(plan, stages, kept, device)
    while True:

        def keep(now: Training, number: int = number, ended: State | None = ended) -> None:
            if parallel.rank() == 0:
                held = {"plan": plan.id, "stage": number, "ended": ended and asdict(ended)}
                checkpoint.save(kept, {**held, **now.snapshot()})

        stage = stages[number]
        if not training.run(
            stage.train, stage.val, watcher=stage.watcher, budget=budget, keep=keep
        ):
            return None
        ended = ended or training.state
        if number == len(stages) - 1:
            return ended, training
        number += 1
        training = Training(training.model, stages[number].recipe, plan.seed)


def _prepared(
    plan: Plan, stages: list[_Stage], kept: Path, device: torch.device
) -> tuple[int, Training, State | None]:
    """A stage's number, its training, and where the first stage ended if it did.

    From the beginning, or from the checkpoint an interrupted run left.
    """
    held = parallel.agreed(lambda: checkpoint.resume(kept))
    if held is not None and held.get("plan") == plan.id:
        try:
            number = int(held.get("stage", 0))
            training = Training(_fresh(plan, device), stages[number].recipe, plan.seed)
            training.restore(held)
            return number, training, State(**held["ended"]) if held.get("ended") else None
        except (LookupError, TypeError, ValueError, RuntimeError, AttributeError):
            pass  # of another version, or changed: begun again
    return 0, Training(_fresh(plan, device), stages[0].recipe, plan.seed), None


def _fresh(plan: Plan, device: torch.device) -> RetrievalModel:
    torch.manual_seed(plan.seed)
    return parallel.spread(plan.build().to(device), plan.seed)


def _pretrained(plan: Plan, clips: int, ended: State) -> Pretrained:
    first = plan.recipe.pretraining
    assert first is not None
    assert plan.pretrained is not None
    return Pretrained(
        data=first.data,
        size=plan.size,
        fingerprint=plan.pretrained,
        clips=clips,
        epochs=ended.epoch,
        steps=ended.steps,
        train_seconds=round(ended.seconds, 3),
        losses=[row["loss"] for row in ended.curve],
    )


def _record(
    plan: Plan,
    bench: Bench,
    training: Training,
    test: Views,
    *,
    device: torch.device,
    began: float,
) -> Run:
    start = time.perf_counter()
    found = worth(bench.corpus, similarity(training.model, test))
    spent = time.perf_counter() - start
    commit, dirty = provenance.commit()
    return Run(
        id=plan.id,
        kind=plan.kind,
        model=plan.model,
        variant=plan.variant,
        seed=plan.seed,
        data=data_of(bench.corpus),
        config=plain(plan.config),
        recipe=plain(asdict(plan.recipe)),
        changes=dict(plan.changes),
        config_hash=plan.config_hash,
        metrics=found.metrics,
        intervals=found.intervals,
        ranks=found.ranks,
        topics=found.topics,
        reference=bench.reference,
        curve=training.state.curve,
        machine=provenance.machine(device),
        cost=_cost(training, began=began, evaluation=spent, device=device),
        commit=commit,
        dirty=dirty,
        command=plan.command,
        date=provenance.now(),
    )


def data_of(corpus: Corpus) -> Data:
    """The data of a record, by the test split."""
    queries, gallery, each = size(corpus)
    return Data(
        name=corpus.name,
        size=corpus.size,
        fingerprint=corpus.fingerprint,
        split="test",
        protocol=corpus.protocol,
        queries=queries,
        gallery=gallery,
        captions_per_video=each,
    )


def _cost(training: Training, *, began: float, evaluation: float, device: torch.device) -> Cost:
    state, batch = training.state, training.recipe.batch_size
    speed = state.steps * batch / state.seconds if state.seconds else 0.0
    return Cost(
        seconds=round(time.perf_counter() - began, 3),
        train_seconds=round(state.seconds, 3),
        eval_seconds=round(evaluation, 3),
        epochs=state.epoch,
        steps=state.steps,
        samples_per_second=round(speed, 1),
        parameters=parameters(training.model),
        peak_memory_bytes=provenance.peak_memory(device),
    )


def parameters(model: RetrievalModel) -> int:
    """Trainable numbers."""
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


def plain(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration as JSON holds it: tuples are lists."""
    found: dict[str, Any] = json.loads(json.dumps(config, default=list))
    return found
