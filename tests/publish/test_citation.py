"""Citations, read back by readers that are not ours."""

import bibtexparser
import pytest
from bibtexparser import middlewares
from hypothesis import given
from hypothesis import strategies as st

from kb.publish import citation
from kb.publish.text import clean
from kb.records import Library, Paper

LAYERS = [middlewares.RemoveEnclosingMiddleware(), middlewares.SeparateCoAuthors()]


def parsed(entry: str):
    """The one entry that an independent parser finds, its fields by name."""
    found = bibtexparser.parse_string(entry, parse_stack=LAYERS)
    assert found.failed_blocks == []
    (only,) = found.entries
    return only


def read(value: str) -> str:
    """A TeX text as a reader sees it, without the braces that protect capitals."""
    for tex, char in [(r"\textbackslash{}", "\0"), (r"\textasciitilde{}", "~")]:
        value = value.replace(tex, char)
    value = value.replace(r"\textasciicircum{}", "^").replace(r"\{", "\1").replace(r"\}", "\2")
    value = value.replace("{", "").replace("}", "").replace("\1", "{").replace("\2", "}")
    for char in "&%$#_":
        value = value.replace(f"\\{char}", char)
    return value.replace("\0", "\\")


def test_every_entry_is_read_back_with_its_id_as_key(invented):
    """The parser finds each paper under its id, with all authors, nothing left over."""
    for paper in Library.open(invented).papers:
        entry = parsed(citation.bibtex(paper))
        assert entry.key == paper.id
        assert read(entry["title"]) == paper.title
        others = ["others"] if paper.et_al else []
        named = entry.fields_dict.get("author")
        assert [read(name) for name in (named.value if named else [])] == [*paper.authors, *others]


@given(st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=40).filter(str.strip))
def test_no_title_breaks_an_entry(title):
    """Whatever a title holds, the entry parses and the title reads back."""
    paper = Paper(id="mallory2020", title=title, year=2020)
    assert read(parsed(citation.bibtex(paper))["title"]).split() == clean(paper.title).split()


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"venue": "CVPR"}, "inproceedings"),
        ({"venue": "TPAMI"}, "article"),
        ({"venue": "arXiv"}, "misc"),
        ({}, "misc"),
        (
            {"venue": "Tides", "versions": [{"kind": "journal", "venue": "Tides", "year": 2020}]},
            "article",
        ),
    ],
)
def test_the_entry_type_follows_the_venue(fields, kind):
    """Conferences, journals and preprints are told apart."""
    paper = Paper.model_validate({"id": "a2020b", "title": "T", "year": 2020} | fields)
    assert parsed(citation.bibtex(paper)).entry_type == kind


def test_capitals_that_matter_are_protected():
    """A style that lower-cases titles leaves names of methods alone."""
    paper = Paper(id="a2020b", title="CLIP4Clip and HowTo100M for Video")
    assert "{CLIP4Clip} and {HowTo100M} for Video" in citation.bibtex(paper)


def test_a_name_that_holds_a_separator_stays_one_name():
    """An author called "Sons and Daughters, Ltd" is not three authors."""
    paper = Paper(id="a2020b", title="T", authors=["Sons and Daughters, Ltd", "Ada Kestrel"])
    names = parsed(citation.bibtex(paper))["author"]
    assert [name.strip("{}") for name in names] == ["Sons and Daughters, Ltd", "Ada Kestrel"]


def test_names_are_split_for_csl_at_their_particle():
    """Family names keep their particles; a single word is a name by itself."""
    paper = Paper(id="a2020b", title="T", authors=["Henri van Heron", "Ada B. Kestrel", "Plato"])
    assert citation.csl(paper)["author"] == [
        {"family": "van Heron", "given": "Henri"},
        {"family": "Kestrel", "given": "Ada B."},
        {"literal": "Plato"},
    ]


@pytest.mark.parametrize(
    ("name", "bibtex", "csl"),
    [
        ("Hinton, Geoffrey E.", "Hinton, Geoffrey E.", {"family": "Hinton", "given": "Geoffrey E."}),
        ("Luo H", "Luo, H", {"family": "Luo", "given": "H"}),
        ("Chen Y C", "Chen, Y C", {"family": "Chen", "given": "Y C"}),
        ("William H. Smith Jr.", "Smith, Jr., William H.", {"family": "Smith", "given": "William H.", "suffix": "Jr."}),
        ("Smith Jr., William H.", "Smith, Jr., William H.", {"family": "Smith", "given": "William H.", "suffix": "Jr."}),
        ("Hal Daumé III", "Daumé, III, Hal", {"family": "Daumé", "given": "Hal", "suffix": "III"}),
        ("Laurens van der Maaten", "Laurens van der Maaten", {"family": "van der Maaten", "given": "Laurens"}),
        ("Barnes and Noble, Inc.", "{Barnes and Noble, Inc.}", {"literal": "Barnes and Noble, Inc."}),
        ("王小明", "王小明", {"literal": "王小明"}),
    ],
)  # fmt: skip
def test_a_name_is_split_where_the_parser_splits_it(
    name: str, bibtex: str, csl: dict[str, str]
) -> None:
    """Surname first or last, initials, suffixes, particles and companies."""
    paper = Paper(id="a2020b", title="T", authors=[name])

    assert citation.tex_name(name) == bibtex
    assert citation.csl(paper)["author"] == [csl]


@pytest.mark.parametrize(
    ("venue", "kind"),
    [
        ("Nature", "article"), ("JMLR", "article"), ("Neural Computation", "article"), ("bioRxiv", "misc"),
        ("Journal of Lantern Studies", "article"), ("J. Foo Stud.", "article"), ("Lantern Days", "inproceedings"),
    ],
)  # fmt: skip
def test_journals_are_those_of_the_venue_table_or_named_so(venue: str, kind: str) -> None:
    """The table's kind decides; an unknown venue is a journal where its name says it."""
    assert citation.kind(Paper(id="a2020b", title="T", venue=venue, year=2020)) == kind


def test_formulas_and_short_capitals_of_a_title_survive() -> None:
    """`$h$` stays a formula, `3D` keeps its capital, a price is text."""
    assert (
        citation.tex_title("Plants in 3D under $h$-uniform Light")
        == "Plants in {3D} under $h$-uniform Light"
    )
    assert citation.tex_title("For $5 and $10") == r"For \$5 and \$10"
