"""The real datasets by name: their readers, protocols and published counts."""

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kb.datasets import layouts
from kb.datasets.corpus import Corpus
from kb.datasets.readers import (
    activitynet,
    avs,
    didemo,
    howto100m,
    lsmdc,
    msrvtt,
    msrvtt_vgg1000,
    msvd,
    tgif,
    vatex,
)
from kb.records.errors import KBError


class Read(Protocol):
    """The signature of a reader."""

    def __call__(
        self, root: Path, *, protocol: str = "full", name: str = ..., partial: bool = False
    ) -> Corpus:
        """The corpus under a folder."""
        ...


@dataclass(frozen=True)
class Reader:
    """One dataset: its reader, protocols and published counts."""

    name: str
    call: Read
    protocols: tuple[str, ...]
    videos: Mapping[str, Mapping[str, int]]  # protocol -> split -> count
    captions: Mapping[str, Mapping[str, tuple[int, ...]]]  # same; one count an edition
    description: str  # its files and protocols

    @property
    def about(self) -> str:
        """The first line of the description."""
        return self.description.partition("\n")[0]

    def protocol(self, name: str) -> str:
        """The protocol of this name; the first for "full", where a dataset has none of that name."""
        return self.protocols[0] if name == "full" and name not in self.protocols else name

    def __call__(
        self, root: Path, *, protocol: str = "full", name: str | None = None, partial: bool = False
    ) -> Corpus:
        """The corpus under `root`. KBError for a protocol the dataset does not have.

        A partial corpus is what the files that are there tell, with the others in `absent`.
        """
        protocol = self.protocol(protocol)
        mark = layouts.marked(root)
        if mark and mark["name"] == (name or self.name) and protocol == self.protocols[0]:
            written = layouts.read(root)
            if written is not None:
                return written
        if protocol not in self.protocols:
            hint = f"choose {', '.join(self.protocols)}"
            raise KBError(f"protocol {protocol} is unknown for {self.name}", hint=hint)
        with _uncollected():
            return self.call(root, protocol=protocol, name=name or self.name, partial=partial)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Pause the garbage collector: scanning millions of new strings would cost a third more time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


_MODULES = (msvd, msrvtt, tgif, avs, lsmdc, activitynet, didemo, howto100m, vatex, msrvtt_vgg1000)

READERS = {
    name: Reader(
        name,
        module.read,
        tuple(module.PROTOCOLS),
        module.PUBLISHED,
        module.CAPTIONS,
        module.__doc__ or "",
    )
    for module in _MODULES
    for name in (module.__name__.rpartition(".")[2].replace("_", "-"),)
}
