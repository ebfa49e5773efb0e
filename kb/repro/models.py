"""Models by name. Listing imports none of them; loading imports one."""

import importlib
import importlib.util
import pkgutil
from pathlib import Path
from typing import Any

from kb.records.errors import Exit, KBError


def _folder() -> list[str]:
    spec = importlib.util.find_spec("models")
    return list(spec.submodule_search_locations or []) if spec else []


def names() -> list[str]:
    """Every model that has a file, without importing any of them: ["clip4clip", ...]."""
    found = pkgutil.iter_modules(_folder())
    return sorted(m.name.replace("_", "-") for m in found if not m.ispkg)


def path(name: str) -> Path:
    """The model's source file."""
    if name not in names():
        raise KBError(
            f"no model is called {name!r}", hint=f"there are: {', '.join(names()) or 'none yet'}"
        )
    return Path(_folder()[0]) / f"{name.replace('-', '_')}.py"


def load(name: str) -> Any:
    """The model class: `load("dual-encoding").Config`, `.needs`, `.variants`.

    Raises KBError where there is no such model, or where torch is not installed.
    """
    module = path(name).stem
    try:
        return importlib.import_module(f"models.{module}").Model
    except ModuleNotFoundError as error:
        if error.name in {"torch", "numpy", "jaxtyping"}:
            raise KBError(
                f"{error.name} is not installed",
                hint="models need the extra: pip install 'kb-video-text-retrieval[repro]'",
                code=Exit.UNREACHABLE,
            ) from error
        raise
