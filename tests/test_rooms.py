"""The house keeps its plan: who may import whom, and what a newcomer relies on."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
EXTRA = {"torch", "numpy", "jaxtyping", "mkdocs", "ray", "h5py", "scipy"}

# room -> the rooms of kb it may import besides itself
MAY_IMPORT = {
    "records": set(),
    "lists": {"records"},
    "sync": {"lists", "records"},
    "checks": {"lists", "records"},
    "links": {"records"},
    "enrich": {"records"},
    "bot": {"checks", "lists", "links", "enrich", "records"},
    "retrieval": {"records.errors"},
    # what is fetched comes over the guarded connections that links are asked over
    "datasets": {
        "records.errors",
        *(f"links.{name}" for name in ("client", "guard", "urls", "verdict", "wire")),
    },
    "repro": {"retrieval", "datasets", "records"},
    # publish shows verdicts, places and link health; none of them needs torch or the web
    # and from lists what a name and a venue are
    "publish": {
        "records",
        "repro.claims",
        "repro.comparison",
        "links.history",
        "links.verdict",
        "lists.name_words",
        "lists.people",
        "lists.venues",
    },
}
NUMERIC = {"retrieval", "datasets", "repro"}  # rooms that need the extra `repro`


def imported(path: Path, *, top_level_only: bool = False) -> set[str]:
    """Every module a file imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def files(folder: str) -> list[Path]:
    """Python files under a folder of the repository."""
    return sorted((ROOT / folder).rglob("*.py"))


def room_of(path: Path) -> str:
    """The room a file of kb/ lies in; empty for kb/*.py itself."""
    parts = path.relative_to(ROOT / "kb").parts
    return parts[0] if len(parts) > 1 else ""


def allowed(module: str, room: str) -> bool:
    """Whether a room may import this module of kb."""
    target = module.removeprefix("kb").lstrip(".")
    open_to = MAY_IMPORT[room] | {room}
    return not target or any(target == name or target.startswith(f"{name}.") for name in open_to)


ROOM_FILES = [p for p in files("kb") if room_of(p) not in {"", "cli"}]
LIGHT_FILES = [p for p in ROOM_FILES if room_of(p) not in NUMERIC]


@pytest.mark.parametrize("path", ROOM_FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_room_imports_only_the_rooms_below_it(path: Path) -> None:
    """A file of kb/ imports only what the plan lets its room import."""
    room = room_of(path)
    assert room in MAY_IMPORT, f"{room} is not on the plan: add it to MAY_IMPORT and to README.md"
    of_kb = {m for m in imported(path) if m == "kb" or m.startswith("kb.")}
    wrong = sorted(m for m in of_kb if not allowed(m, room) and m != "kb.records")
    if room in {"retrieval", "datasets"} and "kb.records" in of_kb:
        names = {m.removeprefix("kb.records.") for m in of_kb if m.startswith("kb.records.")}
        wrong += sorted(names - {"errors", "errors.KBError", "errors.Exit", "KBError", "Exit"})
    elif "kb.records" in of_kb and "records" not in MAY_IMPORT[room] | {room}:
        wrong.append("kb.records")
    assert wrong == [], f"{room} may import {sorted(MAY_IMPORT[room])}"


@pytest.mark.parametrize("path", LIGHT_FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_engine_runs_without_the_extras(path: Path) -> None:
    """Outside the numeric rooms no file of kb/ imports torch, numpy or mkdocs on load."""
    tops = {m.split(".")[0] for m in imported(path, top_level_only=True)}
    assert tops & EXTRA == set()


@pytest.mark.parametrize("path", files("models"), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_paper_imports_neither_the_engine_nor_another_paper(path: Path) -> None:
    """A file of models/ knows torch and models.parts, nothing else of ours."""
    ours = {m for m in imported(path) if m.split(".")[0] in {"kb", "models", "tests"}}
    assert {m for m in ours if not m.startswith("models.parts")} == set()


@pytest.mark.parametrize("path", files("kb/cli"), ids=lambda p: str(p.relative_to(ROOT)))
def test_the_command_line_loads_no_heavy_room_on_start(path: Path) -> None:
    """A command's file imports at the top only the errors, the options and its own folder."""
    tops = {m for m in imported(path, top_level_only=True) if m.startswith("kb.")}
    light = ("kb.cli", "kb.records.errors", "kb.__version__")
    assert {m for m in tops if not m.startswith(light)} == set()


@pytest.mark.parametrize(
    "path", files("kb") + files("models"), ids=lambda p: str(p.relative_to(ROOT))
)
def test_no_file_outgrows_its_room(path: Path) -> None:
    """No file of the engine or of a paper is longer than 400 lines; a paper's never over 300."""
    limit = 300 if path.is_relative_to(ROOT / "models") else 400
    assert len(path.read_text(encoding="utf-8").splitlines()) <= limit


def test_there_are_no_drawers() -> None:
    """No module is called utils, misc, common, helpers or layers."""
    drawers = {"utils", "util", "misc", "common", "helpers", "layers"}
    assert [p for p in files("kb") + files("models") if p.stem in drawers] == []


def test_every_command_is_in_the_readme_or_on_a_page() -> None:
    """Whatever `kb --help` lists is described in a document, and has a help line of its own."""
    import typer.main  # noqa: PLC0415  (only this test needs the command tree)

    from kb.cli.app import app  # noqa: PLC0415

    pages = [*(ROOT / "site").rglob("*.md"), *(ROOT / "kb/publish/theme/pages").rglob("*.md")]
    documents = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *pages]
    text = "\n".join(d.read_text(encoding="utf-8") for d in documents if d.is_file())
    group = typer.main.get_command(app)
    assert [n for n, c in group.commands.items() if f"kb {n}" not in text or not c.help] == []
