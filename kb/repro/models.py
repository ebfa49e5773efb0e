"""Models by name, from the knowledge base in use. Listing imports none; loading imports one."""

import importlib
import traceback
from pathlib import Path
from typing import Any

from kb.records.errors import KBError, MissingExtraError
from kb.repro import model_package

EXTRAS = {"torch", "numpy", "jaxtyping"}


def names() -> list[str]:
    """Names of all models with a file, imported or not: ["clip4clip", ...]."""
    return sorted(file.stem.replace("_", "-") for file in _files())


def path(name: str) -> Path:
    """The model's source file. Raises KBError where there is no such model."""
    files = {file.stem.replace("_", "-"): file for file in _files()}
    if name not in files:
        there = ", ".join(sorted(files)) or "none yet"
        raise KBError(f"no model is called {name!r}", hint=f"there are: {there}")
    return files[name]


def load(name: str) -> Any:
    """The model class: `load("dual-encoding").Config`, `.needs(config)`, `.variants`.

    Raises KBError where there is no such model, where torch is not installed, and where the file
    cannot be imported or lacks something of the contract.
    """
    file, loaded = path(name), module(name)
    from kb.repro.contract_check import lacks  # noqa: PLC0415  (it needs torch, as the module does)

    if missing := lacks(loaded):
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise KBError(
            f"{missing[0]}{more}",
            where=shown(file),
            hint=f"`kb check {shown(file)}` lists what the contract wants",
        )
    return loaded.Model


def module(name: str) -> Any:
    """The model's module, complete or not. Raises KBError where the import fails."""
    file = path(name)
    return _import(f"models.{file.stem}", file)


def release(name: str) -> Any | None:
    """The module models/official/<key>.py: the released code's differences; None without one.

    Raises KBError where it cannot be imported.
    """
    stem = path(name).stem
    file = model_package.folder() / "official" / f"{stem}.py"
    return _import(f"models.official.{stem}", file) if file.is_file() else None


def fault(name: str, error: Exception) -> Exception:
    """An error raised by the model's code, as a KBError with its line; any other unchanged."""
    try:
        file = path(name)
    except KBError:
        return error
    line = _line_in(file, error)
    if isinstance(error, KBError) or line is None:
        return error
    what = f"raises {type(error).__name__}" + (f": {error}" if str(error) else "")
    hint = f"`kb check {shown(file)}` tries the model on a toy batch"
    return KBError(what, where=shown(file), line=line, hint=hint)


def shown(file: Path) -> str:
    """Path of a file in the knowledge base, for messages: models/x.py."""
    root = model_package.folder().parent
    return str(file.relative_to(root)) if file.is_relative_to(root) else str(file)


def _files() -> list[Path]:
    """Model files of papers: no packages, no leading underscore."""
    files = model_package.folder().glob("*.py")
    return [file for file in files if file.stem.isidentifier() and file.stem[0] != "_"]


def _import(dotted: str, file: Path) -> Any:
    model_package.follow()
    try:
        return importlib.import_module(dotted)
    except SyntaxError as error:
        place = Path(error.filename) if error.filename else file
        what = f"not Python: {error.msg}"
        raise KBError(
            what, where=shown(place), line=error.lineno, hint="correct the file"
        ) from error
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and error.name in EXTRAS:
            raise MissingExtraError(error.name) from error
        what = f"cannot be imported: {type(error).__name__}: {error}"
        line = _line_in(file, error)
        raise KBError(what, where=shown(file), line=line, hint="correct the file") from error


def _line_in(file: Path, error: BaseException) -> int | None:
    """The innermost line of this file in an error's trace."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(file)]
    return lines[-1] if lines else None
