"""The package `models` of this process: the engine's parts, the papers of the knowledge base in use.

`models.parts` and `models.official._*` come with kb, every other module is a file of the knowledge
base's own models/ folder. Nothing called `models` has to be on sys.path.
"""

import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

from kb.records.errors import KBError
from kb.records.library import find_root
from kb.records.modelfile import SHARED

OURS = ("models.parts", "models.official._")  # prefixes of the engine's own modules
_MARK = "of the knowledge base in use"
_SET_ASIDE: dict[str, dict[str, ModuleType]] = {}  # folder -> modules of a knowledge base


def use(root: Path) -> None:
    """Load models from this knowledge base, in this process and its children."""
    if folder() != (root / "models").resolve():
        os.environ["KB_ROOT"] = str(root.resolve())


def folder() -> Path:
    """The folder models/ of the knowledge base in use; a checkout of kb is one by itself.

    Raises KBError without one.
    """
    try:
        root = find_root()
    except KBError:
        root = SHARED.parent
        if not (root / "data" / "papers.yaml").is_file():
            raise
    return (root / "models").resolve()


class ModelFinder(MetaPathFinder):
    """Finds the two packages and the engine's own modules; the rest is on their search paths."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002  (importlib's)
        target: ModuleType | None = None,  # noqa: ARG002  (same)
    ) -> ModuleSpec | None:
        """The spec of a module of `models`; None leaves it to other finders."""
        if fullname == "models.parts":
            parts = SHARED / "parts"
            return spec_from_file_location(
                fullname, parts / "__init__.py", submodule_search_locations=[str(parts)]
            )
        if fullname.startswith("models.official._"):
            file = SHARED / "official" / f"{fullname.rpartition('.')[2]}.py"
            return spec_from_file_location(fullname, file) if file.is_file() else None
        if fullname not in {"models", "models.official"}:
            return None
        spec = ModuleSpec(fullname, None, loader_state=_MARK, is_package=True)
        spec.submodule_search_locations = _search_path(fullname)
        return spec


def install() -> None:
    """Make `models` importable, ahead of anything else of that name.

    Raises KBError where the process has loaded another package called `models`.
    """
    _refuse_foreign()
    if not any(isinstance(finder, ModelFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, ModelFinder())


def follow() -> None:
    """Point `models` at the knowledge base now in use; drop modules of another one."""
    _refuse_foreign()
    package = sys.modules.get("models")
    if package is None or list(package.__path__) == _search_path("models"):
        return
    before, now = (str(paths[:1]) for paths in (list(package.__path__), _search_path("models")))
    names = [n for n in sys.modules if n.startswith("models.") and not n.startswith(OURS)]
    _SET_ASIDE[before] = {name: sys.modules.pop(name) for name in names}
    package.__path__ = _search_path("models")
    sys.modules.update(_SET_ASIDE.pop(now, {}))  # come back as they were: one class, one thing


def _search_path(package: str) -> list[str]:
    """Folders of the modules of one of the two packages."""
    try:
        own = folder()
    except KBError:
        return []
    return [str(own.joinpath(*package.split(".")[1:]).resolve())]


def _refuse_foreign() -> None:
    package = sys.modules.get("models")
    if package is None or getattr(package.__spec__, "loader_state", None) == _MARK:
        return
    file = getattr(package, "__file__", None)
    if file is None or Path(file).resolve() != SHARED / "__init__.py":
        raise KBError(
            "this process has loaded another package called `models`",
            where=file,
            hint="import kb.repro before it, or run `kb` in a process of its own",
        )
