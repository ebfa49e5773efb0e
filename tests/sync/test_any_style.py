"""Every list of the tests, in whatever style: synced once, there is nothing left to do."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from kb.cli import run
from kb.records import KBError
from tests.sync.base import Base

LISTS = Path(__file__).resolve().parents[1] / "data" / "lists"
CASES = [
    pytest.param(case, id=case["style"])
    for name in ("styles", "reported", "neighbours", "unseen", "afield")
    for case in YAML(typ="safe").load((LISTS / f"{name}.yaml").read_text(encoding="utf-8"))
    if case["entries"]
]
TWICE = """# Awesome Things

## Editing

- [LampCLIP: Image-Based Essence Transfer of Ships](https://arxiv.org/abs/2110.00001) [[code](https://github.com/a/old)]

## Others

- [Image-based Essence Transfer of Ships](https://arxiv.org/pdf/2110.00001.pdf) [[code](https://github.com/a/new)]
"""


@pytest.mark.parametrize("case", CASES)
def test_a_list_of_any_style_is_in_sync_after_its_first_sync(
    base: Base, case: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Checking and rendering find nothing to do, and no byte of records or list changes."""
    try:
        base.sync(case["text"])
    except KBError:
        pytest.skip("only pointers")
    before, text = base.bytes(), base.list.read_bytes()

    assert base.sync(write=False).outdated == []
    assert run(["-C", str(base.root), "render", str(base.list), "--check"]) == 0
    assert (base.bytes(), base.list.read_bytes()) == (before, text)
    capsys.readouterr()


def test_a_paper_under_two_titles_does_not_wait_for_a_sync_for_ever(base: Base) -> None:
    """One record has the links of both lines; neither line asks to be synced again."""
    base.sync(TWICE)
    (paper,) = base.library.papers

    assert len(paper.links) == 4
    assert run(["-C", str(base.root), "render", str(base.list), "--check"]) == 0
