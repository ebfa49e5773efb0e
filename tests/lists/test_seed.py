"""The list as it was first given: every field of every entry, held against hand-written truth."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from kb.lists import Entry

DATA = Path(__file__).resolve().parents[1] / "data" / "lists"
TRUTH = YAML(typ="safe").load((DATA / "seed_truth.yaml").read_text(encoding="utf-8"))
COUNTS = {"papers": 42, "datasets": 9, "implementations": 12, "toolkits": 1, "pointers": 1}
LINKS = ("paper", "code", "homepage", "dataset")


def spelt_out(kind: str, line: int, facts: dict[str, Any], raw: str) -> dict[str, Any]:
    """The truth of one line in the form of the contract; what is absent is null."""
    names = facts.get("by", [])
    links = [{"kind": word, "url": facts[word]} for word in LINKS if word in facts]
    return {
        "line": line,
        "end_line": line,
        "kind": kind,
        "section": facts["in"],
        "raw": raw,
        "label": facts.get("label"),
        "first_author": facts.get("first"),
        "authors": [name for name in names if name != "+"],
        "et_al": "+" in names,
        "venue": facts.get("venue"),
        "year": facts.get("year"),
        "title": facts.get("title"),
        "links": links or [{"kind": "link", "url": url} for url in facts["links"]],
        "arxiv": facts.get("arxiv"),
        "arxiv_version": facts.get("version"),
        "doi": facts.get("doi"),
    }


CASES = [
    pytest.param(kinds.removesuffix("s"), line, facts, id=f"line {line}")
    for kinds, lines in TRUTH.items()
    for line, facts in lines.items()
]


@pytest.mark.parametrize(("kind", "line", "facts"), CASES)
def test_every_field_of_the_entry_is_right(
    kind: str, line: int, facts: dict[str, Any], seed: str, seed_entries: list[Entry]
) -> None:
    """The entry of this line says what a person read in it, and nothing more."""
    raw = seed.split("\n")[line - 1]

    (found,) = [entry for entry in seed_entries if entry.line == line]

    assert found.as_json() == spelt_out(kind, line, facts, raw)


def test_nothing_else_is_an_entry(seed_entries: list[Entry]) -> None:
    """Contents, template, licence and prose of the list are no entries; the order is the lines'."""
    lines = [line for kinds in TRUTH.values() for line in kinds]

    assert [entry.line for entry in seed_entries] == sorted(lines)
    assert {kind: len(found) for kind, found in TRUTH.items()} == COUNTS
