"""This list's BibTeX against a bibliography that was read from the publishers' records."""

from __future__ import annotations

import json
from pathlib import Path

import bibtexparser
import jsonschema
import pytest
from pylatexenc.latex2text import LatexNodes2Text

from kb.lists.people import given, surname
from kb.publish import citation, cited, exports
from kb.records import Imprint, Library, Paper, Version

ROOT = Path(__file__).resolve().parents[2]
READ = ROOT / "tests" / "data" / "bibliography.bib"
TEX = LatexNodes2Text()
Entries = dict[str, dict[str, str]]


def entries(text: str) -> Entries:
    """Key -> fields, as a parser that is not ours reads them; `type` is one of them."""
    library = bibtexparser.parse_string(text)
    assert library.failed_blocks == []
    return {
        entry.key: {"type": entry.entry_type} | {f.key.lower(): str(f.value) for f in entry.fields}
        for entry in library.entries
    }


def meaning(name: str, value: str) -> object:
    """What a field says: names by family and given name, TeX and white space undone."""
    text = " ".join(TEX.latex_to_text(value).split())
    if name == "author":
        return [(surname(one), given(one)) for one in text.split(" and ")]
    return text


def differences(got: Entries, want: Entries) -> list[str]:
    """What is missing or wrong; fields that were not verified themselves do not count."""
    found = []
    for key, fields in want.items():
        unverified = fields.get("annote", "").removeprefix("not verified: ").split(", ")
        skipped = {"annote", *({"doi", "url"} if "doi" in unverified else ())}
        skipped |= {"author"} if "authors" in unverified else set()
        for name, value in fields.items():
            if name in skipped:
                continue
            has = got.get(key, {}).get(name)
            if has is None or meaning(name, has) != meaning(name, value):
                found.append(f"{key} {name}: {has!r}, read {value!r}")
    return found


def test_nothing_is_missing_or_wrong_in_fifty_entries() -> None:
    """Type, title with its capitals, names, venue, year, volume, number, pages, ids, address."""
    want = entries(READ.read_text("utf-8"))
    assert len(want) == 50
    assert differences(entries(str(exports.export(Library(ROOT), "bibtex"))), want) == []


def test_the_comparison_finds_what_is_wrong() -> None:
    """Another page, a lost capital and a missing volume are three things."""
    want = {"a": {"type": "article", "title": "{CLIP} and Text", "pages": "1--2", "volume": "3"}}
    got = {"a": {"type": "article", "title": "Clip and Text", "pages": "1--3"}}
    assert len(differences(got, want)) == 3


def test_issns_have_their_check_digit() -> None:
    """ISO 3297: the weighted sum of the digits is a multiple of 11."""
    numbers = [entry["issn"] for entry in cited.table().values() if "issn" in entry]
    assert len(numbers) > 15
    for number in numbers:
        digits = [10 if char == "X" else int(char) for char in number.replace("-", "")]
        assert (
            sum(digit * weight for digit, weight in zip(digits, range(8, 0, -1), strict=True)) % 11
            == 0
        ), number


@pytest.mark.parametrize(
    ("venue", "year", "name"),
    [
        ("CVPR", 2016, "IEEE Conference on Computer Vision and Pattern Recognition"),
        ("CVPR", 2018, "IEEE/CVF Conference on Computer Vision and Pattern Recognition"),
        ("CVPR", None, "IEEE/CVF Conference on Computer Vision and Pattern Recognition"),
        ("TVCG", 2020, "IEEE Transactions on Visualization and Computer Graphics"),
        ("Lantern Days", 2020, "Lantern Days"),
    ],
)
def test_a_venue_has_the_full_name_of_its_year(venue: str, year: int | None, name: str) -> None:
    """From the table of citations, then from that of the lists; else as it is."""
    assert cited.full_name(venue, year) == name


def test_the_published_version_comes_before_the_preprint() -> None:
    """A conference paper that the list has as a preprint is cited as the conference's."""
    version = Version(kind="conference", venue="EMNLP", year=2021, doi="10.1000/x_y")
    paper = Paper(id="a2020b", title="T", venue="arXiv", year=2020, versions=[version])
    entry = entries(citation.bibtex(paper))["a2020b"]
    assert (entry["type"], entry["year"], entry["doi"]) == ("inproceedings", "2021", "10.1000/x_y")


def test_a_version_under_another_title_is_another_text() -> None:
    """It is not cited for this one."""
    version = Version(kind="journal", venue="PR", year=2022, title="T, Extended")
    paper = Paper(id="a2020b", title="T", venue="arXiv", year=2020, versions=[version])
    assert entries(citation.bibtex(paper))["a2020b"]["type"] == "misc"


def test_ris_holds_what_the_citation_needs() -> None:
    """Tags in RIS's form, one reference from TY to ER, pages as first and last."""
    imprint = Imprint(volume="3", number="1", pages="10-20")
    paper = Paper(
        id="a2020b", title="T", authors=["Ada B. Kestrel"], venue="TMM", year=2020, imprint=imprint
    )
    lines = citation.ris(paper).split("\r\n")
    assert lines[0] == "TY  - JOUR"
    assert lines[-2:] == ["ER  - ", ""]
    assert {"AU  - Kestrel, Ada B.", "SP  - 10", "EP  - 20", "VL  - 3", "SN  - 1520-9210"} <= {
        *lines
    }


def test_csl_items_of_this_list_have_pages_and_issn() -> None:
    """The same facts as in BibTeX, under CSL's names."""
    items = {one["id"]: one for one in json.loads(exports.export(Library(ROOT), "csl-json"))}
    jsonschema.validate(list(items.values()), {"type": "array", "items": {"required": ["title"]}})
    item = items["dong2021dual"]
    assert (item["volume"], item["issue"], item["page"]) == ("44", "8", "4065-4080")
    assert item["ISSN"] == "0162-8828"
