"""What measuring costs beside the product of the embeddings, which nobody can avoid.

    python bench/retrieval.py [--rows 59800 --videos 2990] [--large 100000] [--many 9668]

One run, the same inputs: embeddings of a model that finds some right videos, both directions with
every metric, beside the bare blocked product, the argsort of the official evaluators (where its
matrix and order fit), and torchmetrics where it is installed. CPU seconds are the ones to read on a
machine that does other things too; OPENBLAS_NUM_THREADS=1 makes them comparable. The better of two
runs is told: the first also loads the compiled loop, once a process.
"""

import argparse
import os
import resource
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

from kb.retrieval import Evaluation, evaluate

DIM = 512
Table = np.ndarray[Any, Any]
ROWS = 2048  # of the bare product: the fastest block here
FITS = 4 << 30  # bytes that the argsort way may take
SHARE = 0.1  # of the items that are right for a query
NOISE = 0.3  # of a caption around its video: R@1 near 40 at 2,990 videos


def main() -> None:
    """Print one table a size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=59800, help="captions of the first size")
    parser.add_argument("--videos", type=int, default=2990, help="videos of the first size")
    parser.add_argument("--large", type=int, default=100_000, help="of both, 0 for none")
    parser.add_argument("--many", type=int, default=9668, help="items of which 10 % are right")
    options = parser.parse_args()
    for captions, videos in ((options.rows, options.videos), (options.large, options.large)):
        if captions:
            compare(captions, videos)
    if options.many:
        compare_many(max(2, options.many * 3842 // 9668), options.many)


def compare(captions: int, videos: int) -> None:
    """One size: each way, its wall and CPU seconds, and its share of the bare product."""
    text, video, owner = embeddings(captions, videos)
    print(
        f"\n{captions:,} captions x {videos:,} videos, {DIM} dimensions, load {os.getloadavg()[0]:.1f}"
    )
    bare = timed("bare blocked product", lambda: product(text, video))
    before = peak()
    timed(
        "kb.retrieval, both directions",
        lambda: told(evaluate(text=text, video=video, relevance=owner)),
        bare,
    )
    print(f"    resident memory rose by {max(0, peak() - before) >> 20} MiB in it")
    bytes_needed = captions * videos * (4 + 8)
    if bytes_needed > FITS:
        print(f"argsort, both directions: needs {bytes_needed >> 30} GiB, left out")
    else:
        timed("argsort, both directions", lambda: by_argsort(text @ video.T, owner), bare)
    items = np.arange(videos)
    by_torchmetrics(
        "RetrievalMRR",
        (captions, videos),
        lambda some: (text[:some] @ video.T, owner[:some, None] == items),
    )


def compare_many(queries: int, items: int) -> None:
    """Many right answers a query: an order of all of them is what every metric needs."""
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((queries, items), dtype=np.float32)
    right = rng.random((queries, items)) < SHARE
    scores += right
    print(f"\n{queries:,} x {items:,} scores, {SHARE:.0%} right, load {os.getloadavg()[0]:.1f}")
    bare = timed("argsort, both directions, the same metrics", lambda: ordered(scores, right))
    timed(
        "kb.retrieval, both directions",
        lambda: told(evaluate(similarity=scores, relevance=right)),
        bare,
    )
    by_torchmetrics("RetrievalMAP", right.shape, lambda some: (scores[:some], right[:some]))


def ordered(scores: Table, right: Table) -> str:
    """MRR, R@1 and mAP of both directions from the order of every row."""
    said = []
    for name, table, truth in (("t2v", scores, right), ("v2t", scores.T, right.T)):
        hits = np.take_along_axis(truth, np.argsort(-table, axis=1), axis=1)
        first = hits.argmax(axis=1) + 1
        ranks = np.arange(1, hits.shape[1] + 1)
        precision = (np.cumsum(hits, axis=1) / ranks * hits).sum(axis=1) / hits.sum(axis=1)
        said.append(
            f"{name} R@1 {100 * (first == 1).mean():.3f}, MRR {(1 / first).mean():.3f},"
            f" mAP {100 * precision.mean():.3f}"
        )
    return "; ".join(said)


def embeddings(captions: int, videos: int) -> tuple[Table, Table, Table]:
    """Unit vectors; caption i describes video i * videos // captions."""
    rng = np.random.default_rng(0)
    owner = np.arange(captions) * videos // captions
    video = unit(rng.standard_normal((videos, DIM), dtype=np.float32))
    noise = rng.standard_normal((captions, DIM), dtype=np.float32)
    noise *= NOISE
    noise += video[owner]
    return unit(noise), video, owner


def unit(table: Table) -> Table:
    """Rows of length one, in place."""
    table /= np.linalg.norm(table, axis=1, keepdims=True)
    return table


def product(text: Table, video: Table) -> None:
    """Every score once, a block of rows at a time."""
    for start in range(0, len(text), ROWS):
        text[start : start + ROWS] @ video.T


def told(found: Evaluation) -> str:
    """All metrics of both directions: they are computed when asked for."""
    t2v = {name: round(value, 3) for name, value in found.t2v.metrics.items()}
    return f"t2v {t2v}; SumR {found.sum_r:.2f}"


def by_argsort(scores: Table, owner: Table) -> str:
    """The official way: order every row, and every column, and look the right ones up."""
    order = np.argsort(-scores, axis=1)
    rank = (order == owner[:, None]).argmax(axis=1) + 1
    back = np.empty(scores.shape[::-1], np.int32)
    for j, column in enumerate(scores.T):
        back[j, np.argsort(-column)] = np.arange(len(column))
    best = [int(back[j, owner == j].min()) + 1 for j in range(scores.shape[1])]
    return (
        f"t2v R@1 {100 * (rank == 1).mean():.3f}, v2t R@1 {100 * np.mean(np.array(best) == 1):.3f}"
    )


def by_torchmetrics(
    name: str, shape: tuple[int, int], rows: Callable[[int], tuple[Table, Table]]
) -> None:
    """A retrieval metric of torchmetrics, of the first queries as far as its flat tables stay small.

    It takes every (query, item) pair flat with its query's index; `rows` gives the scores of the
    first queries and what is right.
    """
    if find_spec("torchmetrics") is None:
        print("torchmetrics: not installed, left out")
        return
    import torch  # noqa: PLC0415  (the other ways need none of it)
    from torchmetrics import retrieval  # noqa: PLC0415

    queries, items = shape
    some = min(queries, max(1, (1 << 22) // items))
    scores, right = (torch.from_numpy(table).reshape(-1) for table in rows(some))
    index = torch.arange(some).repeat_interleave(items)
    metric = getattr(retrieval, name)()

    def run() -> str:
        return f"{name} {float(metric(scores, right, indexes=index)):.3f}"

    wall, _ = timed(f"torchmetrics, {name} of the first {some:,} queries", run)
    print(f"    for all queries, one metric, one direction: {wall * queries / some:.0f} s or more")


def timed(
    name: str, run: Callable[[], object], bare: tuple[float, float] | None = None
) -> tuple[float, float]:
    """Wall and CPU seconds of the better of two runs, printed beside the bare product's."""
    best = (float("inf"), float("inf"))
    for _ in range(2):
        wall, cpu = time.perf_counter(), time.process_time()
        result = run()
        best = min(
            best, (time.perf_counter() - wall, time.process_time() - cpu), key=lambda t: t[1]
        )
    ratio = f"  {best[0] / bare[0]:5.2f} x wall {best[1] / bare[1]:5.2f} x CPU" if bare else ""
    print(f"{name:58} {best[0]:8.2f} s {best[1]:8.2f} s CPU{ratio}")
    if result:
        print(f"    {result}")
    sys.stdout.flush()
    return best


def peak() -> int:
    """Largest resident memory so far, in bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most << 10


if __name__ == "__main__":
    main()
