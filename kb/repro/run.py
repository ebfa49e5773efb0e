"""One plan carried out: train or resume, evaluate, record."""

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from kb.datasets.corpus import Corpus
from kb.records import Run
from kb.records.runs import Cost, Data
from kb.repro import checkpoint, parallel, provenance, ranks, reference, store
from kb.repro.batches import Views, views
from kb.repro.bench import Bench
from kb.repro.plan import LAPTOP, Plan, model_class
from kb.repro.scoring import score
from kb.repro.train import Budget, Training, Watcher
from kb.retrieval import Evaluation
from models.parts.contract import RetrievalModel


def carry_out(
    plan: Plan,
    bench: Bench,
    kept: Path,
    *,
    device: torch.device,
    watcher: Watcher,
    budget: Budget,
) -> Run | None:
    """The record of a plan, trained from the checkpoint at `kept` where one was left there.

    None where the budget ended first.
    """
    began = time.perf_counter()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    needs = model_class(plan.model).needs
    sides = {
        split: views(bench.corpus, split, bench.vocabulary, needs, device)
        for split in ("train", "val", "test")
    }
    training = _prepared(plan, kept, device)

    def keep(now: Training) -> None:
        if parallel.rank() == 0:
            checkpoint.save(kept, {"plan": plan.id, **now.snapshot()})

    whole = training.run(sides["train"], sides["val"], watcher=watcher, budget=budget, keep=keep)
    if not whole:
        return None
    return _record(plan, bench, training, sides["test"], device=device, began=began)


def _prepared(plan: Plan, kept: Path, device: torch.device) -> Training:
    """A training from its beginning, or from the checkpoint an interrupted run left.

    On a CPU a small world trains on one thread: its steps are too short to share, the sums are the
    same on any number of cores, and nothing crawls where other programs want the cores too.
    """
    if plan.size in LAPTOP and device.type == "cpu":
        torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    training = _fresh(plan, device)
    held = parallel.agreed(lambda: checkpoint.resume(kept))
    if held is None or held.get("plan") != plan.id:
        return training
    try:
        training.restore(held)
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError):
        return _fresh(plan, device)  # of another version, or changed: begun again
    return training


def _fresh(plan: Plan, device: torch.device) -> Training:
    torch.manual_seed(plan.seed)
    model = parallel.spread(plan.build().to(device), plan.seed)
    return Training(model, plan.recipe, plan.seed)


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
    found = score(training.model, test)
    spent = time.perf_counter() - start
    commit, dirty = provenance.commit()
    return Run(
        id=plan.id,
        kind=plan.kind,
        model=plan.model,
        variant=plan.variant,
        seed=plan.seed,
        data=_data(bench.corpus, found),
        config=plain(plan.config),
        recipe=plain(asdict(plan.recipe)),
        changes=dict(plan.changes),
        config_hash=plan.config_hash,
        metrics=reference.metrics(found),
        intervals=store.intervals(found),
        ranks=ranks.packed(found),
        reference=bench.reference,
        curve=training.state.curve,
        machine=provenance.machine(device),
        cost=_cost(training, began=began, evaluation=spent, device=device),
        commit=commit,
        dirty=dirty,
        command=plan.command,
        date=provenance.now(),
    )


def _data(corpus: Corpus, found: Evaluation) -> Data:
    return Data(
        name=corpus.name,
        size=corpus.size,
        fingerprint=corpus.fingerprint,
        split="test",
        protocol=corpus.protocol,
        queries=found.captions,
        gallery=found.videos,
        captions_per_video=round(found.captions / found.videos, 3),
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
