"""Who imports whom in a tree of kb/ and models/, however the import is written."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

EXTRA = {"torch", "numpy", "jaxtyping", "mkdocs", "ray", "h5py", "scipy", "numba", "av"}
PURE = {"torch", "jaxtyping", *sys.stdlib_module_names}  # of a paper's file, beside the parts

# room -> what it may import of kb besides itself
MAY_IMPORT = {
    "records": set(),
    "lists": {"records"},
    "sync": {"lists", "records"},
    "checks": {"lists", "records"},
    "links": {"records"},
    "enrich": {"records"},
    "bot": {"checks", "lists", "links", "enrich", "records"},
    "retrieval": {"records.errors", "records.plainfile", "records.wording"},
    "datasets": {  # what is fetched comes over the guarded connections of the link checker
        "records.errors",
        "records.wording",
        *(f"links.{name}" for name in ("client", "guard", "urls", "verdict", "wire")),
    },
    "repro": {"retrieval", "datasets", "records"},
    # publish shows verdicts, places and link health; none of them needs torch or the web
    "publish": {
        *(
            "records",
            "repro.claims",
            "repro.side_by_side",
            "repro.comparison",
            "repro.statistics",
            "links.history",
            "links.verdict",
        ),
        *("lists.name_words", "lists.people", "lists.venues"),  # what a name and a venue are
    },
}
NUMERIC = {"retrieval", "datasets", "repro"}  # rooms that need the extra `repro`
ERRORS = {"KBError", "Exit"}  # what `from kb.records import` may bring into a numeric room
BY_NAME = {  # files that import what a name says: files of their own folder, an extra, a model
    *("kb/checks/catalogue.py", "kb/cli/app.py", "kb/cli/options.py", "kb/repro/models.py"),
    *("kb/datasets/features/backbones.py", "models/parts/contract.py"),
}


class Tree:
    """The Python files under one folder that holds kb/ and models/."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: dict[tuple[Path, bool], set[str]] = {}

    def files(self, folder: str) -> list[Path]:
        """Python files under a folder."""
        return sorted((self.root / folder).rglob("*.py"))

    def room(self, path: Path) -> str:
        """The room a file of kb/ lies in; empty for kb/*.py itself."""
        parts = path.relative_to(self.root / "kb").parts
        return parts[0] if len(parts) > 1 else ""

    def imported(self, path: Path, *, on_load: bool = False) -> set[str]:
        """Every module a file imports, by its full name; with `on_load` not those in functions."""
        key = (path, on_load)
        if key not in self._known:
            self._known[key] = set(self._imported(path, on_load))
        return self._known[key]

    def by_name(self, path: Path) -> list[int]:
        """Lines that import a module whose name is computed."""
        calls = (node for node in ast.walk(_parsed(path)) if isinstance(node, ast.Call))
        return [call.lineno for call in calls if _imports(call) and _constant(call) is None]

    def violations(self, path: Path) -> list[str]:
        """Imports of a file that the plan of the rooms does not allow."""
        relative = path.relative_to(self.root).as_posix()
        wrong = [f"line {line}: a computed name" for line in self.by_name(path)]
        wrong = [] if relative in BY_NAME else wrong
        if relative.startswith("models/"):
            return wrong + self._of_paper(path)
        room = self.room(path)
        if room in {"", "cli"}:
            return wrong
        return wrong + self._of_room(path, room)

    def heavy(self, path: Path) -> list[list[str]]:
        """Chains of imports on load that end in a library of an extra."""
        return list(self._heavy(_module(self.root, path)))

    def _imported(self, path: Path, on_load: bool) -> Iterator[str]:
        package = _module(self.root, path).split(".")
        if path.name != "__init__.py":
            package = package[:-1]
        for node in _nodes(_parsed(path), on_load):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                above = package[: len(package) - node.level + 1] if node.level else []
                base = ".".join([*above, *([node.module] if node.module else [])])
                yield base
                yield from (f"{base}.{alias.name}" for alias in node.names)
            elif isinstance(node, ast.Call) and _imports(node) and (name := _constant(node)):
                yield name

    def _of_paper(self, path: Path) -> list[str]:
        parts = path.relative_to(self.root / "models").parts
        allowed = {"models.parts"}
        if parts[0] == "official":
            allowed |= {f"models.{path.stem}"}
        wrong = []
        for name in sorted(self.imported(path)):
            ours = any(name == one or name.startswith(f"{one}.") for one in allowed)
            ours |= parts[0] == "official" and name.startswith("models.official._")
            bare = name in {"models", "models.official"}  # of `from models import parts`
            if not (ours or bare or name.split(".")[0] in PURE - {"models"}):
                wrong.append(name)
        return wrong

    def _of_room(self, path: Path, room: str) -> list[str]:
        names = self.imported(path)
        wrong = sorted(n for n in names if n.split(".")[0] == "tests")
        if room != "repro":
            wrong += sorted(n for n in names if n.split(".")[0] == "models")
        for name in sorted(n for n in names if n == "kb" or n.startswith("kb.")):
            if not self._allowed(name, room):
                wrong.append(name)
        return wrong

    def _allowed(self, module: str, room: str) -> bool:
        target = module.removeprefix("kb").lstrip(".")
        open_to = MAY_IMPORT.get(room, set()) | {room}
        if not target or any(target == one or target.startswith(f"{one}.") for one in open_to):
            return True
        if any(one.startswith(f"{target}.") for one in open_to):
            return (
                True  # the package of what is allowed: its other names are looked at on their own
            )
        return "records.errors" in open_to and target.removeprefix("records.") in ERRORS

    def _heavy(self, start: str) -> Iterator[list[str]]:
        """The shortest chain to each module that imports a heavy library."""
        chains, waiting = {start: [start]}, [start]
        for module in waiting:
            path = self._file(module)
            names = sorted(self.imported(path, on_load=True)) if path else []
            for name in names:
                if name.split(".")[0] in EXTRA:
                    yield [*chains[module], name]
            parents = [".".join(module.split(".")[:n]) for n in range(1, module.count(".") + 1)]
            for name in [*parents, *names]:
                if name.split(".")[0] == "kb" and name not in chains:
                    chains[name] = [*chains[module], name]
                    waiting.append(name)

    def _file(self, module: str) -> Path | None:
        base = self.root.joinpath(*module.split("."))
        candidates = (base.with_suffix(".py"), base / "__init__.py")
        return next((path for path in candidates if path.is_file()), None)


def _module(root: Path, path: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _nodes(tree: ast.AST, on_load: bool) -> Iterator[ast.AST]:
    """All nodes; on load those of functions and of `if TYPE_CHECKING` are not reached."""
    for node in ast.iter_child_nodes(tree):
        if on_load and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test) and on_load:
            yield from (inner for one in node.orelse for inner in [one, *_nodes(one, on_load)])
            continue
        yield node
        yield from _nodes(node, on_load)


def _imports(call: ast.Call) -> bool:
    """Whether a call is __import__ or import_module, under whatever module's name."""
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    return name in {"__import__", "import_module"}


def _constant(call: ast.Call) -> str | None:
    first = call.args[0] if call.args else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None
