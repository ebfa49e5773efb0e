"""Steps per second of Dual Encoding at published sizes: the loop of kb.repro beside a plain one.

The plain loop is what one writes first: a DataLoader whose items read a video's frames from disk,
look its words up and count its bag; a collate that pads; the same model, whose recurrent nets read
packed sequences and whose filters run over the padded batch; the same loss, clipping and Adam.
Both see the same batches and give the same losses, which is checked; progress goes to stderr.
Synthetic features of MSR-VTT's form (ResNet-152 frames, 20 captions a video) are read from a BigFile
by the reader of real data.

On a GPU the same command with `--device cuda`: batches are laid out on the CPU, sent from pinned
memory without waiting, and packed for cuDNN; every step ends with its loss on the CPU, so its time is
whole. `--precision bf16` adds a row of ours under autocast, whose losses are not held against the
plain ones. Nothing is compiled: sequence lengths change from batch to batch.

On a CPU a step is a matter of arithmetic (`operations`): two cores with nothing else to do take
some fifteen seconds for it, and the whole table some three minutes. Where other programs want the
cores too, `load` says so, and `cpu_seconds` (of a step, all threads) tells what the clock cannot.

    python bench/training.py [--steps 3] [--videos 200] [--device cpu] [--precision bf16] [--small]
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kb.datasets.corpus import Caption, Corpus, SplitData
from kb.datasets.features import bigfile
from kb.repro import provenance
from kb.repro.batches import Views, views
from kb.repro.train import PRECISIONS, Training, repeatable
from kb.repro.vocabulary import SPECIAL, Vocabulary
from models import dual_encoding
from models.dual_encoding import Config, DualEncoding
from models.parts.batch import Captions, Clips

WORDS = 7800  # of MSR-VTT's training captions seen five times or more, about
FRAMES = (20, 61)  # a frame every half second of clips of 10 to 30 seconds
CAPTIONS = 20
Row = dict[str, Any]


def corpus(folder: Path, videos: int, dim: int) -> Corpus:
    """Videos of random frames in a BigFile, captions of 5 to 15 random words."""
    rng = np.random.default_rng(0)
    writer = bigfile.Writer(folder)
    captions = []
    for number in range(videos):
        steps = int(rng.integers(*FRAMES))
        vectors = rng.random((steps, dim), dtype=np.float32)
        writer.add([f"video{number}_{step}" for step in range(steps)], vectors)
        for sentence in range(CAPTIONS):
            drawn = rng.zipf(1.3, size=int(rng.integers(5, 16))) % WORDS
            text = " ".join(f"w{word}" for word in drawn)
            captions.append(Caption(f"video{number}#{sentence}", f"video{number}", text))
    writer.close(by_frame=True)
    split = SplitData("train", [f"video{number}" for number in range(videos)], captions)
    frames = bigfile.open_features(folder)
    return Corpus("bench", "full", "0" * 64, {"train": split}, {"frames": frames})


class Items(Dataset):
    """A caption and its video, each time read and encoded anew."""

    def __init__(self, data: Corpus, words: Vocabulary) -> None:
        self.split, self.frames, self.words = data.splits["train"], data.features["frames"], words

    def __len__(self) -> int:
        return len(self.split.captions)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        caption = self.split.captions[index]
        ids = torch.tensor(self.words.encode(caption.text))
        bag = torch.zeros(self.words.bow_size)
        for word in ids.tolist():
            if word >= SPECIAL:
                bag[word - SPECIAL] += 1
        return ids, bag, torch.from_numpy(np.array(self.frames.read(caption.video)))


def padded(items: list[tuple[Tensor, Tensor, Tensor]]) -> tuple[Captions, Clips]:
    """The items as a batch, padded to its longest."""
    ids, bags, frames = zip(*items, strict=True)
    words = nn.utils.rnn.pad_sequence(list(ids), batch_first=True)
    steps = nn.utils.rnn.pad_sequence(list(frames), batch_first=True)
    counts = torch.tensor([len(one) for one in frames])
    mask = torch.arange(steps.shape[1]) < counts[:, None]
    captions = Captions(words, words != 0, torch.stack(list(bags)))
    return captions, Clips({"frames": steps}, {"frames": mask})


def moved(captions: Captions, clips: Clips, device: torch.device) -> tuple[Captions, Clips]:
    """The batch on the device."""
    sent = Captions(*(x.to(device) for x in (captions.words, captions.mask, captions.bow)))
    features = {name: x.to(device) for name, x in clips.features.items()}
    return sent, Clips(features, {name: x.to(device) for name, x in clips.mask.items()})


def packed_states(gru: nn.GRU, x: Tensor, mask: Tensor) -> Tensor:
    """States of a recurrent net as the manual has it: packed, read, padded again."""
    lengths = mask.sum(1).cpu()
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    found, _ = nn.utils.rnn.pad_packed_sequence(gru(packed)[0], True, 0.0, x.shape[1])
    return found


def padded_windows(convs: nn.ModuleList, x: Tensor, mask: Tensor) -> Iterator[Tensor]:
    """Filters over the whole batch, padding and all; windows past a row's end are struck out."""
    for conv in convs:
        found = conv(x.mT).mT
        p = torch.arange(found.shape[1], device=x.device)
        yield found * (p < mask.sum(1, keepdim=True) + conv.padding[0])[..., None]


@contextmanager
def plainly() -> Iterator[None]:
    """Let the model read in the plain way."""
    ways = {"gru_states": packed_states, "filtered": padded_windows}
    with patch.multiple(dual_encoding, **ways):
        yield


def plain(
    model: DualEncoding, data: Corpus, words: Vocabulary, parts: list[Tensor], device: torch.device
) -> Iterator[tuple[float, float, float]]:
    """(seconds waiting for the batch, seconds of the step, loss) of each step."""
    optimiser = torch.optim.Adam(model.parameters(), lr=DualEncoding.recipe.learning_rate)
    sampler = [part.tolist() for part in parts]
    batches = iter(DataLoader(Items(data, words), batch_sampler=sampler, collate_fn=padded))
    torch.manual_seed(1)  # the same dropout in both
    for _ in parts:
        began = time.perf_counter()
        captions, clips = moved(*next(batches), device)
        ready = time.perf_counter()
        optimiser.zero_grad()
        with plainly():
            loss = model.loss(captions, clips)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), DualEncoding.recipe.clip_norm)
        optimiser.step()
        found = loss.item()
        yield ready - began, time.perf_counter() - ready, found


def ours(
    training: Training, train: Views, parts: list[Tensor]
) -> Iterator[tuple[float, float, float]]:
    """The same of the loop of kb.repro."""
    torch.manual_seed(1)
    for part in parts:
        began = time.perf_counter()
        train.captions(part), train.clips(train.owner[part])
        ready = time.perf_counter()
        loss = float(training._step(train, part))  # noqa: SLF001  (what is measured)
        batch = ready - began
        yield batch, time.perf_counter() - ready - batch, loss


def padding(train: Views, parts: list[Tensor]) -> dict[str, float]:
    """Share of a batch's cells that are padding, by view."""
    words = [train.captions(part).mask for part in parts]
    frames = [train.clips(train.owner[part]).mask["frames"] for part in parts]
    return {
        name: 1 - sum(int(m.sum()) for m in masks) / sum(m.numel() for m in masks)
        for name, masks in (("words", words), ("frames", frames))
    }


def measured(name: str, run: Callable[[], Iterator[tuple[float, float, float]]]) -> Row:
    """Medians over the steps after the first, which warms up."""
    rows, spent = [], [time.process_time()]
    for row in run():
        rows.append(row)
        spent.append(time.process_time())
        sys.stderr.write(f"{name}: step {len(rows)}, {row[0] + row[1]:.2f} s\n")
    waits, steps = ([row[i] for row in rows[1:]] for i in (0, 1))
    whole = statistics.median([wait + step for wait, step in zip(waits, steps, strict=True)])
    return {
        "steps_per_second": 1 / whole,
        "cpu_seconds": statistics.median(np.diff(spent)[1:].tolist()),
        "waiting_ms": 1000 * statistics.median(waits),
        "waiting_share": sum(waits) / (sum(waits) + sum(steps)),
        "losses": [row[2] for row in rows],
    }


def operations(config: Config, train: Views, part: Tensor) -> dict[str, float]:
    """Floating-point operations of the recurrent nets and filters of a step, three passes each.

    A multiplication and an addition for each weight and step; `true` of the steps that there are,
    `padded` of those of the batch as it is laid out.
    """
    found = dict.fromkeys(("true", "padded"), 0.0)
    sides = (
        (train.captions(part).mask, config.word_dim, config.text_rnn, "text"),
        (
            train.clips(train.owner[part]).mask["frames"],
            config.frame_dim,
            config.video_rnn,
            "video",
        ),
    )
    for mask, width, hidden, side in sides:
        kernels, filters = (getattr(config, f"{side}_{what}") for what in ("kernels", "filters"))
        weights = 2 * 3 * hidden * (width + hidden) + sum(kernels) * filters * 2 * hidden
        found["true"] += 3 * 2.0 * weights * int(mask.sum())
        found["padded"] += 3 * 2.0 * weights * mask.numel()
    return found


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=3, help="timed, after one that warms up")
    parser.add_argument("--videos", type=int, default=200)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", choices=list(PRECISIONS), help="a third row, of ours")
    parser.add_argument("--small", action="store_true", help="small sizes: does it run at all?")
    return parser.parse_args()


def main() -> None:
    """Measure and print one JSON document."""
    asked = arguments()
    device = provenance.device(asked.device)
    repeatable()
    with tempfile.TemporaryDirectory() as folder:
        base = replace(Config.small(), frame_dim=64) if asked.small else Config()
        data = corpus(Path(folder) / "features", asked.videos, base.frame_dim)
        words = Vocabulary(tuple(f"w{number}" for number in range(WORDS)))
        config = replace(base, vocabulary=len(words), bow_size=words.bow_size)
        train = views(data, "train", words, DualEncoding.needs, device)
        draw = torch.Generator().manual_seed(0)
        parts = train.parts(DualEncoding.recipe.batch_size, None, draw)[: asked.steps + 1]

        parameters = sum(p.numel() for p in DualEncoding(config).parameters())

        def built() -> DualEncoding:
            torch.manual_seed(0)
            return DualEncoding(config).to(device).train()

        rows = {
            "plain": measured("plain", lambda: plain(built(), data, words, parts, device)),
            "kb.repro": measured(
                "kb.repro", lambda: ours(Training(built(), DualEncoding.recipe, 0), train, parts)
            ),
        }
        if asked.precision:
            name = f"kb.repro {asked.precision}"
            recipe = replace(DualEncoding.recipe, precision=asked.precision)
            rows[name] = measured(name, lambda: ours(Training(built(), recipe, 0), train, parts))
    same = np.allclose(rows["plain"]["losses"], rows["kb.repro"]["losses"], rtol=1e-4)
    document = {
        "what": "Dual Encoding, training step, published sizes" if not asked.small else "small",
        "machine": provenance.machine(device).model_dump(exclude_none=True),
        "config": {k: v for k, v in asdict(config).items() if isinstance(v, int)},
        "load": [round(one, 2) for one in os.getloadavg()],
        "threads": torch.get_num_threads(),
        "batch": DualEncoding.recipe.batch_size,
        "parameters": parameters,
        "operations": operations(config, train, parts[1]),
        "padding": padding(train, parts),
        "same_losses": bool(same),
        "faster": rows["kb.repro"]["steps_per_second"] / rows["plain"]["steps_per_second"],
        "rows": rows,
    }
    json.dump(document, sys.stdout, indent=1)
    sys.stdout.write("\n")
    if not same:
        sys.exit("the two loops do not give the same losses")


if __name__ == "__main__":
    main()
