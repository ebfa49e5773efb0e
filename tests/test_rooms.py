"""The house keeps its plan: who may import whom, and what a newcomer relies on."""

from importlib import import_module
from pathlib import Path

import pytest
import typer
import typer.main

from kb.cli.app import ROOMS, command_of, tree
from tests.imports import MAY_IMPORT, NUMERIC, Tree

ROOT = Path(__file__).resolve().parents[1]
TREE = Tree(ROOT)
LIGHT = [p for p in TREE.files("kb") if TREE.room(p) not in NUMERIC]


def relative(path: Path) -> str:
    """A file's name in a test's id."""
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", TREE.files("kb") + TREE.files("models"), ids=relative)
def test_a_file_imports_only_what_the_plan_allows(path: Path) -> None:
    """A room imports the rooms below it, a paper torch and the parts, a release its paper too."""
    if path.is_relative_to(ROOT / "kb"):
        assert TREE.room(path) in {*MAY_IMPORT, "", "cli"}, "add the room to MAY_IMPORT"
    assert TREE.violations(path) == []


@pytest.mark.parametrize("path", LIGHT, ids=relative)
def test_the_engine_runs_without_the_extras(path: Path) -> None:
    """Outside the numeric rooms no import on load ends in torch, numpy or mkdocs, by any chain."""
    assert TREE.heavy(path) == []


@pytest.mark.parametrize("room", ROOMS)
def test_a_command_loads_the_file_that_has_it(room: str) -> None:
    """Each file registers the commands under which the tree looks for it."""
    group = typer.Typer()
    import_module(f"kb.cli.{room}").register(group)
    there = {one.name or one.callback.__name__ for one in group.registered_commands}
    assert there | {one.name for one in group.registered_groups} == set(ROOMS[room])


def test_the_first_word_that_is_no_option_is_the_command() -> None:
    """The folder of -C is none, though it be called like one."""
    assert command_of(["--debug", "-C", "lint", "sync", "README.md"]) == "sync"
    assert command_of(["--directory=lint", "--help"]) is None


@pytest.mark.parametrize("path", TREE.files("kb/cli"), ids=relative)
def test_the_command_line_loads_no_heavy_room_on_start(path: Path) -> None:
    """A command's file imports on load only the errors, the options and its own folder."""
    names = {m for m in TREE.imported(path, on_load=True) if m.startswith("kb.")}
    light = ("kb.cli", "kb.records.errors", "kb.records.wording", "kb.__version__")
    package = {"kb.records"} & names  # of `from kb.records.errors import`
    assert {m for m in names - package if not m.startswith(light)} == set()


PLANTED = {
    "kb/lists/upward.py": "from ..sync import engine\n",
    "kb/lists/beside.py": "from .. import sync\n",
    "kb/lists/by_call.py": 'import importlib\nimportlib.import_module("kb.sync.engine")\n',
    "kb/lists/by_dunder.py": 'def f():\n    return __import__("kb.sync.engine")\n',
    "kb/lists/computed.py": "from importlib import import_module\nimport_module(NAME)\n",
    "kb/lists/tested.py": "from tests import imports\n",
    "kb/retrieval/with_model.py": "from models.parts.pooling import masked_mean\n",
    "kb/datasets/with_model.py": "def f():\n    import models.w2vvpp\n",
    "kb/datasets/with_records.py": "from kb.records import Library\n",
    "kb/publish/with_training.py": "from kb.repro import train\n",
    "models/one.py": "from models.other import Model\n",
    "models/two.py": "from .other import Model\n",
    "models/three.py": "import numpy as np\n",
    "models/four.py": "from kb.records import Library\n",
    "models/five.py": "from models.official._loading import load_renamed\n",
    "models/six.py": 'import importlib\nimportlib.import_module("models.other")\n',
    "models/official/one.py": "from models.two import Config\n",
    "models/official/two.py": "from models.official.one import KEYS\n",
    "models/parts/one.py": "from models.w2vv import Model\n",
}
ALLOWED = {
    "kb/lists/down.py": "from ..records import store\nfrom kb.records.errors import KBError\n",
    "kb/lists/beside.py": "from . import entry\nfrom .entry import Entry\n",
    "kb/datasets/errors.py": "from kb.records.errors import Exit, KBError\n",
    "kb/publish/claims.py": "from kb.repro import claims\nfrom kb.repro.claims import document\n",
    "kb/repro/model.py": "from models.parts.pooling import masked_mean\n",
    "models/one.py": "import math\nfrom models.parts.pooling import masked_mean\nimport torch.nn\n",
    "models/official/one.py": "from models.official._loading import matrix_shape\n"
    "from models.one import Config\n",
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_import_is_found(tmp_path: Path, name: str) -> None:
    """Relative, by call, of a computed name, of a model from a numeric room: none passes."""
    assert Tree(tmp_path).violations(write(tmp_path, name, PLANTED[name])) != []


@pytest.mark.parametrize("name", ALLOWED)
def test_an_import_of_the_plan_is_allowed(tmp_path: Path, name: str) -> None:
    """What lies below may be imported, in any form."""
    assert Tree(tmp_path).violations(write(tmp_path, name, ALLOWED[name])) == []


@pytest.mark.parametrize(
    "text",
    [
        "import numpy\n",
        "try:\n    import numpy\nexcept ImportError:\n    pass\n",
        "if True:\n    from torch import nn\n",
        "class A:\n    import torch\n",
        "from kb.retrieval import evaluate\n",
        "from ..retrieval.measures import recall\n",
        "import kb.retrieval.measures\n",
    ],
)
def test_a_planted_heavy_import_is_found(tmp_path: Path, text: str) -> None:
    """At the top level, in a block of it, or by way of another room."""
    write(tmp_path, "kb/retrieval/__init__.py", "from kb.retrieval.measures import recall\n")
    write(tmp_path, "kb/retrieval/measures.py", "import numpy as np\n")
    assert Tree(tmp_path).heavy(write(tmp_path, "kb/lists/heavy.py", text)) != []


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n    import numpy\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch\n",
        "import kb.lists.entry\n",
    ],
)
def test_an_import_that_waits_for_a_call_is_light(tmp_path: Path, text: str) -> None:
    """In a function, or for types alone."""
    write(tmp_path, "kb/lists/entry.py", "import re\n")
    assert Tree(tmp_path).heavy(write(tmp_path, "kb/lists/light.py", text)) == []


def write(root: Path, name: str, text: str) -> Path:
    """A file of a planted tree."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", TREE.files("kb") + TREE.files("models"), ids=relative)
def test_no_file_outgrows_its_room(path: Path) -> None:
    """No file of the engine or of a paper is longer than 400 lines; a paper's never over 300."""
    limit = 300 if path.is_relative_to(ROOT / "models") else 400
    assert len(path.read_text(encoding="utf-8").splitlines()) <= limit


def test_there_are_no_drawers() -> None:
    """No module is called utils, misc, common, helpers or layers."""
    drawers = {"utils", "util", "misc", "common", "helpers", "layers"}
    assert [p for p in TREE.files("kb") + TREE.files("models") if p.stem in drawers] == []


def test_every_command_is_in_the_readme_or_on_a_page() -> None:
    """Whatever `kb --help` lists is described in a document, and has a help line of its own."""
    pages = [*(ROOT / "site").rglob("*.md"), *(ROOT / "kb/publish/theme/pages").rglob("*.md")]
    documents = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *pages]
    text = "\n".join(d.read_text(encoding="utf-8") for d in documents if d.is_file())
    group = typer.main.get_command(tree([]))
    assert [n for n, c in group.commands.items() if f"kb {n}" not in text or not c.help] == []
