"""BibTeX as people write it: names, strings, accents, and faults that cost nobody else an entry."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.cli import run
from kb.enrich.bibtex import read
from kb.records import KBError, Library


@pytest.fixture
def bib(tmp_path: Path):
    """Write a file and read it."""

    def parsed(text: str):
        path = tmp_path / "b.bib"
        path.write_text(text, encoding="utf-8")
        return read(path)

    return parsed


@pytest.mark.parametrize(
    ("author", "names"),
    [
        ("{Barnes and Noble, Inc.} and Byron, Ada", ["Barnes and Noble, Inc.", "Ada Byron"]),
        ("{NVIDIA} AND {European Space Agency}", ["NVIDIA", "European Space Agency"]),
        ("Smith, Jr., William H. and Byron, Ada", ["William H. Smith Jr.", "Ada Byron"]),
        ("King, III, Martin", ["Martin King III"]),
        ("Molina, A. AND Byron, Ada", ["A. Molina", "Ada Byron"]),
        ("Molina, A. And\n  Byron, Ada", ["A. Molina", "Ada Byron"]),
        ("van der Berg, Bo and de La Fontaine, Jean", ["Bo van der Berg", "Jean de La Fontaine"]),
        (r"Erd{\H o}s, Paul and G{\"o}del, Kurt", ["Paul Erd\u0151s", "Kurt G\u00f6del"]),
        ("Anderson, Bo", ["Bo Anderson"]),
        ("Byron, Ada and others", ["Ada Byron"]),
    ],
)
def test_people_are_read_as_bibtex_reads_them(bib, author: str, names: list[str]) -> None:
    """`and` in any case outside of braces, companies in braces, von, Jr., accents."""
    references, skipped = bib(f"@article{{a, author={{{author}}}, title={{T}}}}")
    assert (references[0].authors, skipped) == (names, [])
    assert references[0].et_al == author.endswith("others")


@pytest.mark.parametrize(
    ("fields", "arxiv"),
    [
        ("eprint={math.GT/0309136}, archiveprefix={arXiv}", "math/0309136"),
        ("eprint={0309136}, archiveprefix={arXiv}, primaryclass={math.GT}", "math/0309136"),
        ("eprint={arXiv:1809.06181v2}, eprinttype={arxiv}", "1809.06181"),
        ("journal={arXiv preprint arXiv:1809.06181}", "1809.06181"),
        ("journal={CoRR}, url={https://arxiv.org/abs/cs.CL/0112018}", "cs/0112018"),
        ("note={see 1809.06181}", None),
        ("eprint={1809.06181}", None),
    ],
)
def test_the_arxiv_identifier_is_read_where_it_is_said(bib, fields: str, arxiv: str | None) -> None:
    """Old forms with their class and without, in one field or two."""
    assert bib(f"@article{{a, title={{T}}, {fields}}}")[0][0].arxiv == arxiv


@pytest.mark.parametrize(
    ("value", "title"),
    [
        (r"{Reaching 100\% of Things}", "Reaching 100% of Things"),
        ("{Reaching 100% of Things}", "Reaching 100% of Things"),
        ('"A " # x # " of Kites"', "A Lantern of Kites"),
        ("{A } # X # { of Kites}", "A Lantern of Kites"),
        ('"A {"}quoted{"} Kite"', 'A "quoted" Kite'),
        ("{A # B}", "A # B"),
        ("{{A} {B}}", "A B"),
        ("x", "Lantern"),
    ],
)
def test_a_value_is_put_together(bib, value: str, title: str) -> None:
    """Quotes, braces, names of @string in any case and `#` between them; a percent sign is one."""
    assert bib(f"@string{{x = {{Lantern}}}}\n@article{{a, title = {value}}}")[0][0].title == title


def test_a_string_that_names_itself_ends(bib) -> None:
    """A circle of @string is cut, not followed."""
    assert bib("@string{x = x # y}\n@string{y = x}\n@article{a, title = x, year=2020}")[0]


def test_one_bad_entry_costs_nobody_else(bib) -> None:
    """Duplicate keys, duplicate fields and unclosed entries are named; the rest is read."""
    references, skipped = bib(
        "@misc{a, title={One}}\n@misc{a, title={Two}}\n@misc{b, title={Three}, title={Four}}\n"
        "@misc{c, title={never\n@misc{d, title={Five}}\n"
    )
    assert [(one.key, one.title) for one in references] == [
        ("a", "One"),
        ("b", "Three"),
        ("d", "Five"),
    ]
    assert [(row["key"], row["line"]) for row in skipped] == [("a", 2), ("b", 3), (None, 4)]


def test_the_command_says_what_it_left_out(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the JSON among the suggestions; the records are filled from the rest."""
    path = base / "b.bib"
    path.write_text(
        "@misc{dong2019dual, title={Dual Encoding for Zero-Example Video Retrieval},"
        " author={Dong, Jianfeng and Li, Xirong}, year=2019}\n@misc{dong2019dual, title={X}}\n"
    )
    assert run(["enrich", "--source", "bibtex", str(path), "-C", str(base)]) == 0
    assert "line 2: this key occurs twice; the first entry is read" in capsys.readouterr().out
    assert Library.open(base).paper("dong2019dual").authors == ["Jianfeng Dong", "Xirong Li"]


@pytest.mark.parametrize("text", ["", "no entries", "@misc{", "@comment{x}", "@string{x=1}"])
def test_what_is_no_bibliography_is_one_line(bib, text: str) -> None:
    """Nothing to read is an error of the file."""
    with pytest.raises(KBError, match=r"b\.bib"):
        bib(text)


@given(st.text(alphabet='@{}=,#"\\\\%\n abcmist19', max_size=120))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Whatever stands in the file, nothing but an error of ours comes out."""
    path = tmp_path_factory.mktemp("bib") / "b.bib"
    path.write_text(text, encoding="utf-8")
    try:
        references, _ = read(path)
    except KBError:
        return
    assert all(one.title == " ".join(one.title.split()) for one in references)
