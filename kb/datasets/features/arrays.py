"""Arrays and tensors in a pickle, recognised, and read lazily from the file.

Knows what numpy (`_reconstruct`, `_frombuffer`, `scalar`) and torch (`_rebuild_tensor_v2`) write;
any other call is refused by its name, and was not made. An array never has more bytes than the file
has for it: neither a shape nor a stride can make a few bytes into many.
"""

import mmap
import re
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.datasets.features.pickled import Blob, Call, Data, Name, Persistent
from kb.records.errors import KBError

NUMBERS = "fiub"  # float, signed, unsigned, truth value: anything else is no feature
_DTYPE = re.compile(r"[fiub]\d{1,2}")
_AXES = 8
_SHOWN = 64 << 20  # bytes looked at before pages are given back; up to 2 MiB around each are mapped
_TORCH = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ByteStorage": "|u1",
}


class Mapping:
    """The bytes of a mapped file, and how many were looked at.

    Pages that were looked at count as this process's memory until they are given back; the system
    keeps them in its cache, and arrays that were made of them stay good.
    """

    def __init__(self, data: mmap.mmap) -> None:
        self.data, self._seen = data, 0

    @classmethod
    def of(cls, path: Path) -> "Mapping":
        """The bytes of a file. OSError or ValueError where it is empty or no regular file."""
        if not path.is_file():  # opening a pipe would wait for a writer
            raise OSError("no regular file")
        with path.open("rb") as file:
            return cls(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    def seen(self, count: int) -> None:
        """Count bytes that were read."""
        self._seen += count
        if self._seen > _SHOWN and hasattr(mmap, "MADV_DONTNEED"):
            self.data.madvise(mmap.MADV_DONTNEED)
            self._seen = count


@dataclass(frozen=True)
class Stored:
    """An array stored in a file: offset, type and shape."""

    data: Data
    blob: Blob | bytes
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    where: Path
    strides: tuple[int, ...] | None = None  # bytes; None: row-major
    first: int = 0  # byte of the blob at which it begins

    def read(self) -> NDArray[Any]:
        """The array; a view of the file if its bytes are stored as they are."""
        if isinstance(self.blob, Blob) and not self.blob.text:
            start, end = self.blob.offset, self.blob.offset + self.blob.length
            raw: Any = memoryview(self.data)[start:end]
        else:
            try:
                raw = self.blob if isinstance(self.blob, bytes) else self.blob.read(self.data)
            except UnicodeError as error:
                raise _refused("holds an array of broken text", self.where) from error
        try:
            return np.ndarray(self.shape, self.dtype, raw, self.first, self.strides)
        except (TypeError, ValueError) as error:  # UTF-8 has up to two bytes for one of the array
            what = "holds an array with fewer bytes than its shape"
            raise _refused(what, self.where) from error


@dataclass(frozen=True)
class Reading:
    """One file's bytes, and the positions of its torch storages."""

    data: Data
    where: Path
    storages: dict[str, Blob]

    def array(self, value: Any) -> Stored | None:
        """The array a pickled value stands for; None for other values.

        Raises KBError for a call that makes no array, by its name.
        """
        if not isinstance(value, Call):
            return None
        try:
            return self._array_of(value)
        except (TypeError, ValueError, LookupError, AttributeError, OverflowError) as error:
            raise self._refused("holds a broken array") from error

    def _array_of(self, call: Call) -> Stored:
        if str(call.name) == "torch._utils._rebuild_parameter":
            call = call.arguments[0]
        match call.name:
            case Name(module=module, name="_reconstruct") if module.startswith("numpy"):
                _, shape, dtype, fortran, blob = call.state
                return self._numpy(blob, _dtype(dtype), shape, fortran=bool(fortran))
            case Name(module=module, name="_frombuffer") if module.startswith("numpy"):
                blob, dtype, shape, order = call.arguments
                return self._numpy(blob, _dtype(dtype), shape, fortran=order == "F")
            case Name(module=module, name="scalar") if module.startswith("numpy"):
                dtype, blob = call.arguments
                return self._numpy(blob, _dtype(dtype), (), fortran=False)
            case Name(module="torch._utils", name="_rebuild_tensor_v2"):
                return self._tensor(*call.arguments[:4])
        raise self._refused(f"wants {call.name} called, which makes no array")

    def _numpy(self, blob: Any, dtype: np.dtype[Any], shape: Any, *, fortran: bool) -> Stored:
        size = _sizes(shape)
        strides = None
        if fortran and size:
            strides = tuple(dtype.itemsize * prod(size[:axis]) for axis in range(len(size)))
        return self._checked(Stored(self.data, _bytes(blob), dtype, size, self.where, strides))

    def _tensor(self, storage: Any, offset: Any, size: Any, stride: Any) -> Stored:
        if not isinstance(storage, Persistent):
            raise self._refused("holds a tensor without its storage")
        kind, key = storage.storage
        if kind.name not in _TORCH:
            raise self._refused(f"holds a tensor of {kind}")
        dtype = np.dtype(_TORCH[kind.name])
        first, *steps = (step * dtype.itemsize for step in _sizes((offset, *_sizes(stride))))
        blob, strides = self.storages[key], tuple(steps)
        return self._checked(
            Stored(self.data, blob, dtype, _sizes(size), self.where, strides, first)
        )

    def _checked(self, stored: Stored) -> Stored:
        """The array, if the file has all its bytes."""
        shape, itemsize = stored.shape, stored.dtype.itemsize
        available = stored.blob.length if isinstance(stored.blob, Blob) else len(stored.blob)
        span = prod(shape) * itemsize  # also the least that honest strides reach over
        if stored.strides is not None and 0 not in shape:
            steps = zip(shape, stored.strides, strict=True)
            span = max(span, sum((n - 1) * step for n, step in steps) + itemsize)
        if stored.first + span > available:
            raise self._refused("holds an array with fewer bytes than its shape")
        return stored

    def _refused(self, what: str) -> KBError:
        return _refused(what, self.where)


def _refused(what: str, where: Path) -> KBError:
    hint = "features are arrays of numbers; nothing in it was executed"
    return KBError(what, where=where, hint=hint)


def objects(call: Call) -> list[Any] | None:
    """Items of a numpy array of objects, which are in the pickle itself; None for others."""
    match call:
        case Call(name=Name(name="_reconstruct"), state=(_, _, _, _, list() as items)):
            return items
    return None


def itemsize(kind: str) -> int:
    """Bytes of one number in a torch storage of this type; 0 for one that is not known."""
    return np.dtype(_TORCH[kind]).itemsize if kind in _TORCH else 0


def _sizes(values: Any) -> tuple[int, ...]:
    """Sizes, strides or an offset: integers from 0, of a few axes. TypeError for any other."""
    if not isinstance(values, (tuple, list)) or len(values) > _AXES + 1:
        raise TypeError("no sizes")
    if any(type(n) is not int or not 0 <= n < 1 << 62 for n in values):
        raise TypeError("a size is no integer from 0")
    return tuple(values)


def _bytes(value: Any) -> Blob | bytes:
    """Bytes as the protocols write them: plain, as Latin-1 text, or as text to be encoded."""
    if isinstance(value, Call) and str(value.name) == "_codecs.encode":
        value = value.arguments[0]
    if isinstance(value, str):
        return value.encode("latin-1")
    if not isinstance(value, (bytes, Blob)):
        raise TypeError("no bytes")
    return value


def _dtype(call: Any) -> np.dtype[Any]:
    """A numpy type of numbers from its code and byte order."""
    code, order = call.arguments[0], (call.state or (3, "<"))[1]
    if not isinstance(code, str) or not isinstance(order, str) or not _DTYPE.fullmatch(code):
        raise TypeError("no type of numbers")
    return np.dtype(f"{order if order in {'<', '>'} else '|'}{code}")
