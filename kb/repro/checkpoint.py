"""Checkpoints: written whole, read as tensors and plain values only."""

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from kb.records import atomic
from kb.records.errors import Exit, KBError

Content = dict[str, Any]


def save(path: Path, content: Content) -> None:
    """Write a checkpoint: the old one stands until the new one is whole."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    atomic.write(path, buffer.getvalue())


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
        raise KBError(what, where=path, mend="such a file is not opened") from error
    except (OSError, KeyError, TypeError, AttributeError) as error:
        raise KBError("cannot be read as a checkpoint", where=path) from error
    if not isinstance(content, dict):
        raise KBError("holds no named weights", where=path)
    return content


def resume(path: Path) -> Content | None:
    """An interrupted run's checkpoint; None where there is none or it is damaged: start afresh."""
    if not path.is_file():
        return None
    try:
        return load(path)
    except KBError:
        return None
