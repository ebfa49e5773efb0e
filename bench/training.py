"""Steps per second of every model: the loop of kb.repro beside a plain one, side by side.

The plain loop is what one writes first: a DataLoader whose items read one caption and its video
from disk, a collate that pads them, torch's optimiser, `loss.backward()`. Both train the same model
on the same batches from the same weights and must give the same losses, which is checked. Steps of
the two alternate, so that other programs disturb both alike. Data: the synthetic counterpart of
MSR-VTT, which has every view; sizes: published (`--config small` for the benchmark's).

On a GPU the same command with `--device cuda`: every step ends with its loss on the CPU, so that its
time is whole. `--precision bf16` trains under autocast; the losses are then not compared.

    python bench/training.py [MODEL..] [--steps 3] [--config published] [--device cpu]
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kb.repro import models, provenance
from kb.repro.loaded_data import DataSource, LoadedData
from kb.repro.optimisers import optimiser
from kb.repro.plan import Plan, plan
from kb.repro.split_tensors import SplitTensors, load_split
from kb.repro.train import PRECISIONS, Training, make_deterministic
from kb.repro.views import features
from models.parts.batch import Batch

DATA, SIZE = "diorama-msrvtt", "tiny"
TOLERANCE = 1e-4  # relative, of losses: other padding, other order of sums
Row = dict[str, Any]


class Items(Dataset[Batch]):
    """A caption and its video, each time read and encoded anew."""

    def __init__(self, tensors: SplitTensors) -> None:
        self.tensors = tensors

    def __len__(self) -> int:
        return len(self.tensors)

    def __getitem__(self, row: int) -> Batch:
        return self.tensors.batch(torch.tensor([row]))


def collate(items: list[Any]) -> Any:
    """The items as one batch, every tensor padded to its largest."""
    first = items[0]
    if isinstance(first, Tensor):
        shape = [max(item.shape[axis] for item in items) for axis in range(first.ndim)]
        return torch.cat([padded(item, shape) for item in items])
    if isinstance(first, dict):
        return {name: collate([item[name] for item in items]) for name in first}
    if is_dataclass(first):
        parts = {f.name: [getattr(item, f.name) for item in items] for f in fields(first)}
        return type(first)(**{name: collate(values) for name, values in parts.items()})
    return first  # None: a view that nobody reads


def padded(x: Tensor, shape: list[int]) -> Tensor:
    """Zeros after the end of every axis but the first."""
    if list(x.shape[1:]) == shape[1:]:
        return x
    wide = x.new_zeros(x.shape[0], *shape[1:])
    wide[tuple(slice(size) for size in x.shape)] = x
    return wide


def plain_loop(one: Plan, train: SplitTensors, batches: list[Tensor]) -> Iterator[float]:
    """The loss of each step of the plain loop."""
    torch.manual_seed(0)
    model = one.build().to(train.device).train()
    model.on_epoch(0)
    steps = optimiser(model, one.recipe.optimiser)
    sampler = [rows.tolist() for rows in batches]
    loader = iter(DataLoader(Items(train), batch_sampler=sampler, collate_fn=collate))
    torch.manual_seed(1)  # the same dropout in both; the loader has drawn its own seed by now
    for batch in loader:
        steps.zero_grad()
        loss = model.loss(batch)
        loss.backward()
        if one.recipe.optimiser.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(model.parameters(), one.recipe.optimiser.clip_norm)
        steps.step()
        model.after_step()
        yield loss.item()


def our_loop(one: Plan, train: SplitTensors, batches: list[Tensor]) -> Iterator[float]:
    """The same of the loop of kb.repro."""
    torch.manual_seed(0)
    training = Training(one.build().to(train.device), one.recipe, train, train, seed=0)
    training.model.train()
    training.model.on_epoch(0)
    torch.manual_seed(1)
    for rows in batches:
        training.total = torch.zeros_like(training.total)
        training._backward(rows, fresh=True)  # noqa: SLF001  (what is measured)
        training._step()  # noqa: SLF001
        yield float(training.total)


def alternate(loops: dict[str, Iterator[float]], steps: int) -> dict[str, Row]:
    """Losses and seconds of both, a step of each in turn; the first step warms up."""
    rows: dict[str, Row] = {name: {"losses": [], "seconds": []} for name in loops}
    random = {name: torch.get_rng_state() for name in loops}
    for _ in range(steps + 1):
        for name, loop in loops.items():
            torch.set_rng_state(random[name])  # each has its own dropout sequence
            began = time.perf_counter()
            loss = next(loop)
            rows[name]["seconds"].append(time.perf_counter() - began)
            rows[name]["losses"].append(loss)
            random[name] = torch.get_rng_state()
    for row in rows.values():
        row["step_ms"] = 1000 * statistics.median(row.pop("seconds")[1:])
    return rows


def endless(train: SplitTensors, one: Plan) -> Iterator[Tensor]:
    """The batches of one epoch after another: a large batch may be a whole epoch of a tiny world."""
    shuffle = torch.Generator().manual_seed(0)
    while batches := train.batches(one.recipe.sampling, shuffle):
        yield from batches


def measure(name: str, data: LoadedData, asked: argparse.Namespace, device: torch.device) -> Row:
    """Both loops of one model."""
    changes = {"precision": asked.precision} if asked.precision else {}
    one = plan(name, data.corpus, data.vocabulary, seed=0, changes={"stages": (), **changes})
    if asked.config == "published":
        cls = one.model_class
        one = replace(one, config=cls.Config(), recipe=cls.recipe.but(stages=(), **changes))
    ours = load_split(data.corpus, "train", data.vocabulary, one.views, device)
    features.FITS = 0  # the plain loop reads from disk
    plain = load_split(data.corpus, "train", data.vocabulary, one.views, device)
    features.FITS = 8 << 30
    batches = list(islice(endless(ours, one), asked.steps + 1))
    loops = {"plain": plain_loop(one, plain, batches), "kb.repro": our_loop(one, ours, batches)}
    rows = alternate(loops, asked.steps)
    losses = zip(rows["plain"]["losses"], rows["kb.repro"]["losses"], strict=True)
    return {
        "model": name,
        "batch": one.recipe.sampling.batch_size,
        "plain_ms": round(rows["plain"]["step_ms"], 1),
        "ours_ms": round(rows["kb.repro"]["step_ms"], 1),
        "ratio": round(rows["kb.repro"]["step_ms"] / rows["plain"]["step_ms"], 2),
        "same_losses": all(abs(a - b) <= TOLERANCE * abs(a) for a, b in losses),
    }


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("models", nargs="*", help="all, if none is named")
    parser.add_argument("--steps", type=int, default=3, help="timed, after one that warms up")
    parser.add_argument("--config", choices=("published", "small"), default="published")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", choices=list(PRECISIONS))
    return parser.parse_args()


def main() -> None:
    """Measure and print one JSON document; progress goes to stderr."""
    asked = arguments()
    device = provenance.device(asked.device)
    torch.set_num_threads(asked.threads)
    make_deterministic()
    data = LoadedData.load(DataSource(DATA, SIZE), lambda *_: None)
    rows = []
    for name in asked.models or models.names():
        rows.append(measure(name, data, asked, device))
        sys.stderr.write(f"{json.dumps(rows[-1])}\n")
    document = {
        "what": f"training step, {asked.config} sizes, {DATA} {SIZE}",
        "machine": provenance.machine(device).model_dump(exclude_none=True),
        "load": [round(one, 2) for one in os.getloadavg()],
        "threads": torch.get_num_threads(),
        "rows": rows,
    }
    json.dump(document, sys.stdout, indent=1)
    sys.stdout.write("\n")
    if not asked.precision and not all(row["same_losses"] for row in rows):
        sys.exit("the two loops do not give the same losses")


if __name__ == "__main__":
    main()
