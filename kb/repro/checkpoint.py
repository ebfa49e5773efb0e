"""Checkpoints: written atomically, read as tensors and plain values only."""

import os
import pickle
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from kb.records.errors import Exit, KBError

Content = dict[str, Any]


def save(path: Path, content: Content) -> None:
    """Write a checkpoint atomically: the old one is valid until the new one replaces it.

    Raises KBError where the disk is full or read-only; leaves no partial file.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    except OSError as error:
        raise _unwritten(path, error) from error
    beside = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except (OSError, RuntimeError) as error:  # torch's writer turns a full disk into the latter
        beside.unlink(missing_ok=True)
        raise _unwritten(path, error) from error
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _unwritten(path: Path, error: Exception) -> KBError:
    known = next((e for e in _causes(error) if isinstance(e, OSError)), None)
    why = (known.strerror or str(known)) if known else str(error).splitlines()[0]
    what = f"the checkpoint cannot be written ({why})"
    hint = "make room; the last whole checkpoint is kept"
    return KBError(what, where=path.name, hint=hint, code=Exit.UNREACHABLE)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and its chain of causes."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def load(path: Path) -> Content:
    """The content of a checkpoint. Code in it is never run: `weights_only`.

    Raises KBError where the file is missing, broken, or holds anything but tensors and values.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise KBError("is not there", where=path, code=Exit.UNREACHABLE) from error
    except (
        pickle.UnpicklingError,
        zipfile.BadZipFile,
        EOFError,
        RuntimeError,
        ValueError,
    ) as error:
        unsafe = "weights_only" in str(error).lower() or "Unsupported" in str(error)
        what = "holds more than tensors and values" if unsafe else "is no whole checkpoint"
        raise KBError(what, where=path, hint="such a file is not opened") from error
    except (OSError, KeyError, TypeError, AttributeError) as error:
        raise KBError("cannot be read as a checkpoint", where=path) from error
    if not isinstance(content, dict):
        raise KBError("holds no named weights", where=path)
    return content


def resume(path: Path) -> Content | None:
    """An interrupted run's checkpoint; None if it is missing or damaged: start from scratch."""
    if not path.is_file():
        return None
    try:
        return load(path)
    except KBError:
        return None
