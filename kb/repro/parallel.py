"""One run on several devices: `torchrun --nproc-per-node N -m kb repro ...`.

Each process encodes its share of a batch; the encodings of all are gathered, so every caption
still has every video of the batch as a negative, and the loss equals that of one process.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from models.parts.contract import RetrievalModel
from models.parts.normalisation import CallwiseBatchNorm

T = TypeVar("T")


def rank() -> int:
    """The number of this process in its run; rank 0 validates, prints and records."""
    return dist.get_rank() if dist.is_initialized() else 0


def size() -> int:
    """Processes of this run."""
    return dist.get_world_size() if dist.is_initialized() else 1


@contextmanager
def process_group() -> Iterator[None]:
    """Join the processes that torchrun started, if it did."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    gpu = torch.cuda.is_available()
    if gpu:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    dist.init_process_group("nccl" if gpu else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()


def broadcast_from_rank0(decide: Callable[[], T]) -> T:
    """The value `decide` gives on rank 0, in every process: clocks and rounding differ."""
    if size() == 1:
        return decide()
    box: list[Any] = [decide() if rank() == 0 else None]
    dist.broadcast_object_list(box)
    value: T = box[0]
    return value


def average(model: nn.Module) -> None:
    """Mean of each gradient over the processes."""
    if size() == 1:
        return
    for weight in model.parameters():
        if weight.requires_grad:
            if weight.grad is None:
                weight.grad = torch.zeros_like(weight)
            dist.all_reduce(weight.grad)
            weight.grad /= size()


def distribute(model: RetrievalModel, seed: int) -> RetrievalModel:
    """The model, with encoders that process only this rank's share while training."""
    if size() == 1:
        return model
    sync_batch_norm(model)
    for name in ("encode_text", "encode_video"):
        setattr(model, name, _shared(model, getattr(model, name)))
    torch.manual_seed(seed + rank())  # dropout: another mask in each share
    return model


def _shared(model: RetrievalModel, encode: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """An encoder that encodes its share of a batch and gathers the rest."""

    def encoded(batch: Any) -> Any:
        rows = _rows(batch)
        if not model.training or rows < size():  # too few to share: every process encodes all
            return encode(batch)
        with _norms_over_all_rows(model):
            return _gathered(encode(_share(batch, rows)), rows)

    return encoded


@contextmanager
def _norms_over_all_rows(model: nn.Module) -> Iterator[None]:
    """Batch norms use the rows of all processes while shares are encoded."""
    norms = [module for module in model.modules() if isinstance(module, GatheredNorm)]
    for norm in norms:
        norm.gathers = True
    try:
        yield
    finally:
        for norm in norms:
            norm.gathers = False


def _span(rows: int) -> slice:
    """This process's rows of a batch; shares differ by at most one row."""
    return slice(rows * rank() // size(), rows * (rank() + 1) // size())


def _rows(batch: Any) -> int:
    """Items of a batch: the length of its first tensor."""
    if isinstance(batch, Tensor):
        return len(batch)
    if is_dataclass(batch):
        batch = {field.name: getattr(batch, field.name) for field in fields(batch)}
    if not isinstance(batch, dict | list | tuple):
        return 0
    values = batch.values() if isinstance(batch, dict) else batch
    return next((rows for value in values if (rows := _rows(value))), 0)


def _share(batch: Any, rows: int) -> Any:
    """This process's rows of every tensor in a batch."""
    return _map_tensors(batch, lambda x: x[_span(rows)])


def _gathered(encoding: Any, rows: int) -> Any:
    """The encoding of the whole batch, differentiable in this process's share."""
    return _map_tensors(encoding, lambda x: _Gather.apply(x, rows))  # type: ignore[no-untyped-call]


def _map_tensors(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """`change` applied to every tensor of a nested structure."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, dict):
        return {name: _map_tensors(inner, change) for name, inner in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(_map_tensors(inner, change) for inner in value)
    if is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in fields(value)]
        return replace(value, **{n: _map_tensors(getattr(value, n), change) for n in names})
    return value


class _Gather(torch.autograd.Function):
    """Concatenate the shares; every process computes the full loss from them.

    A process has the full gradient of its share, here multiplied by the number of processes
    because `average` divides by it.
    """

    @staticmethod
    def forward(ctx: Any, share: Tensor, rows: int) -> Tensor:
        """(rows, ...) of (own rows, ...)."""
        ctx.rows, ctx.shape = rows, share.shape
        return _all_gather_padded(share, _span(rows), rows)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        """The gradient of the own rows, without the padding."""
        own = grads[0][_span(ctx.rows)]
        return own[tuple(slice(n) for n in ctx.shape)] * size(), None


class _GatherSummed(torch.autograd.Function):
    """Concatenate the shares; each process continues with its own rows of the result."""

    @staticmethod
    def forward(ctx: Any, share: Tensor, span: slice, rows: int) -> Tensor:
        """(rows, ...) of (own rows, ...)."""
        ctx.span = span
        return _all_gather_padded(share, span, rows)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        """Gradients of the own rows, summed over all processes."""
        total = grads[0].contiguous()
        dist.all_reduce(total)
        return total[ctx.span], None, None


def _all_gather_padded(share: Tensor, span: slice, rows: int) -> Tensor:
    """(rows, ...) shares of all processes, each padded to the widest with zeros."""
    inner = torch.tensor(share.shape[1:], dtype=torch.int64, device=share.device)
    if len(inner):
        dist.all_reduce(inner, dist.ReduceOp.MAX)
    kind = torch.uint8 if share.dtype is torch.bool else share.dtype
    gathered = torch.zeros(rows, *inner.tolist(), dtype=kind, device=share.device)
    gathered[span][tuple(slice(n) for n in share.shape)] = share.detach().to(kind)
    dist.all_reduce(gathered)
    return gathered.to(share.dtype)


class GatheredNorm(nn.BatchNorm1d):
    """Batch norm over the rows of all processes."""

    gathers = False

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  (torch's name)
        """Normalised rows of this process."""
        if not (self.gathers and self.training):
            return super().forward(input)
        own = torch.tensor([len(input)], device=input.device)
        shares = [torch.zeros_like(own) for _ in range(size())]
        dist.all_gather(shares, own)
        counts = [int(count) for count in shares]
        start = sum(counts[: rank()])
        span = slice(start, start + len(input))
        gathered = _GatherSummed.apply(input, span, sum(counts))  # type: ignore[no-untyped-call]
        return super().forward(gathered)[span]


class GatheredCallwiseNorm(GatheredNorm, CallwiseBatchNorm):
    """GatheredNorm for a network called several times per step."""


GATHERED: dict[type[nn.Module], type[nn.Module]] = {
    nn.BatchNorm1d: GatheredNorm,
    CallwiseBatchNorm: GatheredCallwiseNorm,
}


def sync_batch_norm(model: nn.Module) -> None:
    """Turn every batch norm over rows into one over the rows of all processes, in place."""
    for module in model.modules():
        if type(module) in GATHERED:
            module.__class__ = GATHERED[type(module)]
