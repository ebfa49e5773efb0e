"""Values read from a pickle: plain ones, and inert stand-ins for all others."""

import mmap
from dataclasses import dataclass
from typing import Any

Data = mmap.mmap | bytes


@dataclass(frozen=True)
class Blob:
    """Bytes that stay in the file until read."""

    offset: int
    length: int
    text: bool = False  # UTF-8 text that stands for Latin-1 bytes

    def read(self, data: Data) -> bytes:
        """The bytes themselves."""
        raw = data[self.offset : self.offset + self.length]
        return raw.decode("utf-8").encode("latin-1") if self.text else raw

    def string(self, data: Data) -> str:
        """The text that the bytes are."""
        return data[self.offset : self.offset + self.length].decode("utf-8")


@dataclass(frozen=True)
class Name:
    """A class or function that the pickle names; it is never looked up."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True)
class Persistent:
    """A persistent id: data outside the pickle, such as storages of torch tensors."""

    id: Any

    @property
    def storage(self) -> tuple[Name, str]:
        """Type and key of a torch storage: `("storage", type, key, device, count)`.

        TypeError for any other.
        """
        match self.id:
            case ("storage", Name() as kind, str() | int() as key, *_):
                return kind, str(key)
        raise TypeError("no storage")


@dataclass(repr=False)  # what it holds may be nested far deeper, or far wider, than can be shown
class Call:
    """A call the pickle requests, with arguments and the state to set afterwards; never executed."""

    name: Name
    arguments: Any
    state: Any = None


class Tuple(tuple[Any, ...]):  # noqa: SLOT001  (a tuple takes no slots)
    """A tuple that knows how deep its tuples go."""

    depth = 1
