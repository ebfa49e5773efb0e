"""Lists in other styles than ours: tables, paragraphs, headings, citations of every kind."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from kb.lists import Entry, parse

DATA = Path(__file__).resolve().parents[1] / "data" / "lists"
STYLES = [
    case
    for name in ("styles", "reported", "neighbours", "unseen", "afield")
    for case in YAML(typ="safe").load((DATA / f"{name}.yaml").read_text(encoding="utf-8"))
]
CASES = [pytest.param(case, id=case["style"]) for case in STYLES]
WITH_SECTIONS = [
    pytest.param(case, id=case["style"])
    for case in STYLES
    if case["entries"] and all("section" in facts for facts in case["entries"])
]
KINDS = ("paper", "code", "homepage", "dataset")


def spelt_out(facts: dict[str, Any]) -> dict[str, Any]:
    """What a person read, in the form of the contract; what is not named is absent."""
    names = facts.get("by", [])
    links = [{"kind": kind, "url": facts[kind]} for kind in KINDS if kind in facts]
    for link in facts.get("links", []):
        kind, _, url = link.partition(" ")
        links.append({"kind": kind, "url": url})
    marked = {"year_from": facts["year_from"]} if "year_from" in facts else {}
    return {
        **marked,
        "line": facts["line"],
        "end_line": facts.get("end", facts["line"]),
        "kind": facts["kind"],
        "label": facts.get("label"),
        "first_author": facts.get("first"),
        "authors": [name for name in names if name != "+"],
        "et_al": "+" in names,
        "venue": facts.get("venue"),
        "year": facts.get("year"),
        "title": facts.get("title"),
        "links": links,
        "arxiv": facts.get("arxiv"),
        "arxiv_version": facts.get("version"),
        "doi": facts.get("doi"),
    }


def shown(entry: Entry) -> dict[str, Any]:
    """An entry without its raw lines and section."""
    return {k: v for k, v in entry.as_json().items() if k not in {"raw", "section"}}


@pytest.mark.parametrize("case", CASES)
def test_a_style_is_read_as_a_person_reads_it(case: dict[str, Any]) -> None:
    """Every entry with every field, in order; nothing else is an entry."""
    found = parse(case["text"])

    assert [shown(entry) for entry in found] == [spelt_out(facts) for facts in case["entries"]]


@pytest.mark.parametrize("case", WITH_SECTIONS)
def test_sections_follow_any_kind_of_heading(case: dict[str, Any]) -> None:
    """Underlines, HTML headings and summaries name sections as # does."""
    found = {entry.line: entry.section for entry in parse(case["text"])}

    for facts in case["entries"]:
        assert found[facts["line"]] == facts["section"]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("ends", ["\r\n", "\r"])
def test_line_ends_and_byte_order_marks_change_nothing(case: dict[str, Any], ends: str) -> None:
    """The same entries on the same lines, raw text normalised."""
    text = "\ufeff" + case["text"].replace("\n", ends)

    assert parse(text) == parse(case["text"])


@pytest.mark.parametrize("case", CASES)
def test_raw_is_the_lines_as_they_stand(case: dict[str, Any]) -> None:
    """First to last line of an entry, and entries do not overlap."""
    lines = case["text"].split("\n")
    last = 0
    entries = parse(case["text"])
    lines_of = [entry.line for entry in entries]
    for entry in entries:
        if lines_of.count(entry.line) > 1:  # a part of a line that holds several
            assert entry.raw in lines[entry.line - 1]
            continue
        assert last < entry.line <= entry.end_line
        assert entry.raw == "\n".join(lines[entry.line - 1 : entry.end_line])
        last = entry.end_line
