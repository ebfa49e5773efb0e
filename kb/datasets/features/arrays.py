"""Arrays and tensors in a pickle, recognised and read from the file when they are asked for.

Knows what numpy (`_reconstruct`, `_frombuffer`, `scalar`) and torch (`_rebuild_tensor_v2`) write;
any other call is refused by its name, and was not made.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.datasets.features.pickles import Blob, Call, Data, Name, Persistent
from kb.records.errors import KBError

_KINDS = "fiub"  # float, signed, unsigned, truth value: anything else is no feature
_TORCH = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ByteStorage": "|u1",
}


@dataclass(frozen=True)
class Stored:
    """An array that lies in a file: where, of what type, in what shape."""

    data: Data
    blob: Blob | bytes
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    strides: tuple[int, ...] | None = None  # bytes; None: row-major
    first: int = 0  # byte of the blob at which it begins

    def read(self) -> NDArray[Any]:
        """The array: a view of the file where the bytes lie in it as they are."""
        if isinstance(self.blob, Blob) and not self.blob.text:
            start = self.blob.offset + self.first
            end = self.blob.offset + self.blob.length
            raw: Any = memoryview(self.data)[start:end]
        else:
            whole = self.blob if isinstance(self.blob, bytes) else self.blob.read(self.data)
            raw = memoryview(whole)[self.first :]
        return np.ndarray(self.shape, self.dtype, raw, 0, self.strides)


@dataclass(frozen=True)
class Reading:
    """One file's bytes, and where its torch storages lie."""

    data: Data
    where: Path
    storages: dict[str, Blob]

    def array(self, value: Any) -> Stored | None:
        """The array that a value of a pickle is; None for what is no array.

        Raises KBError for a call that makes no array, by its name.
        """
        if not isinstance(value, Call):
            return None
        try:
            return self._made(value)
        except (TypeError, ValueError, IndexError, KeyError, AttributeError) as error:
            raise self._refused("holds a broken array") from error

    def _made(self, call: Call) -> Stored:
        match call.name:
            case Name(module=module, name="_reconstruct") if module.startswith("numpy"):
                _, shape, dtype, fortran, blob = call.state
                return self._numpy(blob, _dtype(dtype), tuple(shape), bool(fortran))
            case Name(module=module, name="_frombuffer") if module.startswith("numpy"):
                blob, dtype, shape, order = call.arguments
                return self._numpy(blob, _dtype(dtype), tuple(shape), order == "F")
            case Name(module=module, name="scalar") if module.startswith("numpy"):
                dtype, blob = call.arguments
                return self._numpy(blob, _dtype(dtype), (), fortran=False)
            case Name(module="torch._utils", name="_rebuild_tensor_v2"):
                return self._tensor(*call.arguments[:4])
            case Name(module="torch._utils", name="_rebuild_parameter"):
                return self._made(call.arguments[0])
        raise self._refused(f"wants {call.name} called, which makes no array")

    def _numpy(
        self, blob: Any, dtype: np.dtype[Any], shape: tuple[int, ...], fortran: bool
    ) -> Stored:
        blob = _bytes(blob)
        strides = tuple(np.cumprod([dtype.itemsize, *shape[:-1]]).tolist()) if fortran else None
        return self._checked(Stored(self.data, blob, dtype, shape, strides if shape else None))

    def _tensor(self, storage: Any, offset: int, size: Any, stride: Any) -> Stored:
        if not isinstance(storage, Persistent):
            raise self._refused("holds a tensor without its storage")
        _, kind, key, *_ = storage.id
        if kind.name not in _TORCH:
            raise self._refused(f"holds a tensor of {kind}")
        dtype = np.dtype(_TORCH[kind.name])
        strides = tuple(step * dtype.itemsize for step in stride)
        blob = self.storages[str(key)]
        first = offset * dtype.itemsize
        return self._checked(Stored(self.data, blob, dtype, tuple(size), strides, first))

    def _checked(self, found: Stored) -> Stored:
        """The array, if its bytes are all there and hold numbers."""
        if found.dtype.kind not in _KINDS or found.dtype.hasobject:
            raise self._refused(f"holds an array of {found.dtype}")
        steps = found.strides or _row_major(found.shape, found.dtype.itemsize)
        if any(n < 0 for n in found.shape) or any(step < 0 for step in steps):
            raise self._refused("holds an array of a negative size")
        used = sum((n - 1) * step for n, step in zip(found.shape, steps, strict=True))
        there = found.blob.length if isinstance(found.blob, Blob) else len(found.blob)
        text = isinstance(found.blob, Blob) and found.blob.text
        whole = 0 in found.shape or found.first + used + found.dtype.itemsize <= there
        if not whole and not text:  # UTF-8 takes up to two bytes for one: numpy checks it when read
            raise self._refused("holds an array with fewer bytes than its shape")
        return found

    def _refused(self, what: str) -> KBError:
        hint = "features are arrays of numbers; nothing in it was executed"
        return KBError(what, where=self.where, hint=hint)


def held(call: Call) -> list[Any] | None:
    """What a numpy array of objects holds, which stands in the pickle itself; None for others."""
    array = isinstance(call.name, Name) and call.name.name == "_reconstruct"
    if not array or not isinstance(call.state, tuple) or len(call.state) != 5:  # noqa: PLR2004  (as numpy writes it)
        return None
    found = call.state[-1]
    return found if isinstance(found, list) else None


def itemsize(kind: str) -> int:
    """Bytes of one number in a torch storage of this type; 0 for one that is not known."""
    return np.dtype(_TORCH[kind]).itemsize if kind in _TORCH else 0


def _row_major(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    steps = [itemsize]
    for n in reversed(shape[1:]):
        steps.append(steps[-1] * n)
    return tuple(reversed(steps)) if shape else ()


def _bytes(value: Any) -> Blob | bytes:
    """Bytes as the protocols write them: plain, as Latin-1 text, or as text to be encoded."""
    if isinstance(value, Call) and str(value.name) == "_codecs.encode":
        value = value.arguments[0]
    if isinstance(value, str):
        return value.encode("latin-1")
    if not isinstance(value, (bytes, Blob)):
        raise TypeError(value)
    return value


def _dtype(call: Any) -> np.dtype[Any]:
    """A numpy type from its code and byte order; no structured ones."""
    code, order = call.arguments[0], (call.state or (3, "<"))[1]
    if not isinstance(code, str) or len(code) > 3:  # noqa: PLR2004  (f4, i8, b1, f16)
        raise TypeError(code)
    return np.dtype(f"{order if order in '<>' else '|'}{code}")
