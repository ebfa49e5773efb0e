"""One plan carried out: train or resume, evaluate, record."""

import time
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

import torch

from kb.datasets.corpus import Corpus
from kb.records import Library, Run
from kb.records.runs import Cost, Data
from kb.repro import checkpoint, provenance, reference, store
from kb.repro.batches import Views, views
from kb.repro.bench import Bench
from kb.repro.plan import Plan, model_class
from kb.repro.scoring import score
from kb.repro.train import Budget, Training, Watcher
from kb.retrieval import Evaluation
from models.parts.contract import RetrievalModel

# Small worlds: steps too short to share. One thread is nearly as fast as two, gives the same sums
# on any number of cores, and does not crawl where other programs want the cores too.
ONE_THREAD = {"tiny", "small"}


def carry_out(
    library: Library,
    plan: Plan,
    bench: Bench,
    *,
    device: torch.device,
    watcher: Watcher,
    budget: Budget,
) -> Run | None:
    """The record of a plan, trained from where it was left; None where the budget ended first."""
    began = time.perf_counter()
    needs = model_class(plan.model).needs
    sides = {
        split: views(bench.corpus, split, bench.vocabulary, needs, device)
        for split in ("train", "val", "test")
    }
    training = _prepared(library, plan, device)
    kept = store.partial(library, plan)
    whole = training.run(
        sides["train"],
        sides["val"],
        watcher=watcher,
        budget=budget,
        keep=lambda now: checkpoint.save(kept, {"plan": plan.id, **now.snapshot()}),
    )
    if not whole:
        return None
    run = _record(plan, bench, training, sides["test"], device=device, began=began)
    store.add(library, plan, run)
    kept.unlink(missing_ok=True)
    return run


def _prepared(library: Library, plan: Plan, device: torch.device) -> Training:
    """A training from its beginning, or from the checkpoint an interrupted run left."""
    if plan.size in ONE_THREAD and device.type == "cpu":
        torch.set_num_threads(1)
    torch.manual_seed(plan.seed)
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    training = Training(plan.build().to(device), plan.recipe, plan.seed)
    held = checkpoint.resume(store.partial(library, plan))
    if held is not None and held.get("plan") == plan.id:
        training.restore(held)
    return training


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
        kind="baseline" if plan.kind == "baseline" else "model",
        model=plan.model,
        variant=plan.variant,
        seed=plan.seed,
        data=_data(bench.corpus, found),
        config=plain(plan.config),
        recipe=asdict(plan.recipe),
        config_hash=plan.config_hash,
        metrics=reference.metrics(found),
        intervals=store.intervals(found),
        ranks=store.packed(found),
        reference=bench.reference,
        curve=training.state.curve,
        machine=provenance.machine(device),
        cost=_cost(training, began=began, evaluation=spent, device=device),
        commit=commit,
        dirty=dirty,
        command=plan.command,
        date=datetime.now(timezone.utc).isoformat(timespec="seconds"),
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
    return Cost(
        seconds=round(time.perf_counter() - began, 3),
        train_seconds=round(state.seconds, 3),
        eval_seconds=round(evaluation, 3),
        epochs=state.epoch,
        steps=state.steps,
        samples_per_second=round(state.steps * batch / max(state.seconds, 1e-9), 1),
        parameters=parameters(training.model),
        peak_memory_bytes=provenance.peak_memory(device),
    )


def parameters(model: RetrievalModel) -> int:
    """Trainable numbers."""
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


def plain(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration as JSON holds it: tuples are lists."""
    return {name: list(v) if isinstance(v, tuple) else v for name, v in config.items()}
