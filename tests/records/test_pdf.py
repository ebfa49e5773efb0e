"""`kb check --pdf`: published numbers are found in the text layer of a reader's PDF."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import pytest

from kb.cli import run
from kb.records import KBError, Library, quotes
from kb.records.pdf import pages

ROOT = Path(__file__).resolve().parents[2]
LINES = [
    "Table 1: Retrieval with sentences and videos",
    "JSFusion [65] 1k-A 10.2 31.2 43.2 13 -",
    "MoEE [39] 1k-B 13.6 37.9 51.0 10 -",
]


def pdf(objects: dict[int, bytes]) -> bytes:
    """A file of these objects, its catalogue being number 1."""
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % item for item in objects.items())
    return b"%PDF-1.5\n" + body + b"trailer << /Root 1 0 R >>\n%%EOF\n"


def stream(data: bytes, *, packed: bool = True, more: bytes = b"") -> bytes:
    """A stream object."""
    data = zlib.compress(data) if packed else data
    head = b"<< /Length %d %s %s >>" % (len(data), b"/Filter /FlateDecode" if packed else b"", more)
    return head + b"\nstream\n" + data + b"\nendstream"


def content(lines: list[str]) -> bytes:
    """Operators that draw one line under another."""
    shown = b" T* ".join(
        b"(%s) Tj" % line.replace("(", "\\(").replace(")", "\\)").encode("latin-1")
        for line in lines
    )
    return b"BT /F1 10 Tf 12 TL 72 700 Td " + shown + b" ET"


def document(*texts: list[str], font: bytes = b"<< /Type /Font /Subtype /Type1 >>") -> bytes:
    """A PDF with a page for each list of lines."""
    objects: dict[int, bytes] = {1: b"<< /Type /Catalog /Pages 2 0 R >>", 3: font}
    kids = []
    for at, lines in enumerate(texts):
        page, body = 10 + 2 * at, 11 + 2 * at
        objects[page] = b"<< /Type /Page /Parent 2 0 R /Contents %d 0 R >>" % body
        objects[body] = stream(content(lines))
        kids.append(b"%d 0 R" % page)
    objects[2] = (
        b"<< /Type /Pages /Kids [%s] /Resources << /Font << /F1 3 0 R >> >> >>" % b" ".join(kids)
    )
    return pdf(objects)


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    """A PDF whose second page holds a table."""
    path = tmp_path / "paper.pdf"
    path.write_bytes(document(["A first page"], LINES))
    return path


def test_the_text_of_each_page_is_read(paper: Path) -> None:
    """Compressed contents, inherited resources, lines one under another."""
    assert [page.drawn for page in pages.read(paper)] == ["A first page", "\n".join(LINES)]


def test_lines_are_put_together_by_place(tmp_path: Path) -> None:
    """A table drawn column by column reads row by row."""
    cells = [("JSFusion", 72, 700), ("MoEE", 72, 680), ("10.2", 150, 700), ("13.6", 150, 680)]
    draw = b" ".join(b"BT 1 0 0 1 %d %d Tm (%s) Tj ET" % (x, y, t.encode()) for t, x, y in cells)
    objects = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: b"<< /Type /Pages /Kids [3 0 R] >>",
        3: b"<< /Type /Page /Contents 4 0 R >>",
        4: stream(draw, packed=False),
    }
    path = tmp_path / "columns.pdf"
    path.write_bytes(pdf(objects))
    (page,) = pages.read(path)
    assert page.placed == "JSFusion 10.2\nMoEE 13.6"


def test_codes_are_read_through_the_font_s_map(tmp_path: Path) -> None:
    """Two-byte codes of a subset font have their text in ToUnicode."""
    mapped = b"""1 begincodespacerange <0000> <ffff> endcodespacerange
    1 beginbfchar <0001> <0052> endbfchar 1 beginbfrange <0010> <0019> <0030> endbfrange"""
    objects = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: b"<< /Type /Pages /Kids [3 0 R] >>",
        3: b"<< /Type /Page /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
        4: stream(b"BT /F 9 Tf [<0001> -300 <00120013>] TJ ET"),
        5: b"<< /Type /Font /Subtype /Type0 /ToUnicode 6 0 R >>",
        6: stream(mapped),
    }
    path = tmp_path / "subset.pdf"
    path.write_bytes(pdf(objects))
    assert pages.read(path)[0].drawn == "R 23"


def test_glyph_names_and_object_streams_are_read(tmp_path: Path) -> None:
    """Type 1 fonts of TeX name their glyphs; objects may lie in a compressed stream."""
    inner = [
        (2, b"<< /Type /Pages /Kids [3 0 R] >>"),
        (5, b"<< /Differences [1 /one /fi /minus] >>"),
    ]
    offsets, body = [], b""
    for number, value in inner:
        offsets.append(b"%d %d" % (number, len(body)))
        body += value + b" "
    head = b" ".join(offsets) + b" "
    more = b"/Type /ObjStm /N 2 /First %d" % len(head)
    objects = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        3: b"<< /Type /Page /Contents 4 0 R /Resources << /Font << /F 6 0 R >> >> >>",
        4: stream(b"BT /F 9 Tf (\\001\\002\\003x) Tj ET"),
        6: b"<< /Type /Font /Subtype /Type1 /Encoding 5 0 R >>",
        7: stream(head + body, more=more),
    }
    path = tmp_path / "packed.pdf"
    path.write_bytes(pdf(objects))
    assert pages.read(path)[0].drawn == "1fi-x"


def test_rows_are_found_with_their_page(paper: Path) -> None:
    """Of the source most rows say they are from; what is not in the file is listed as such."""
    places = quotes.check(Library(ROOT), paper)
    found = {(place.paper, place.page, place.by) for place in places if place.page}
    assert found == {("yu2018jsfusion", 2, "quote"), ("miech2018moee", 2, "quote")}
    assert {place.row.source.name for place in places} == {
        "Collaborative Experts paper (BMVC 2019)"
    }
    assert not any(place.ok for place in places)  # the paper has them on page 8


def test_numbers_in_order_are_enough(tmp_path: Path) -> None:
    """A row whose label is set otherwise is found by its numbers."""
    path = tmp_path / "paper.pdf"
    path.write_bytes(document(["JSFusion, reference 65: 10.2 / 31.2 / 43.2 / 13"]))
    found = [place for place in quotes.check(Library(ROOT), path, ["jsfusion"]) if place.page]
    assert [(place.by, place.row.metrics["R@1"]) for place in found] == [("numbers", 10.2)]


def test_the_command_says_what_stands_where(
    paper: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 1 while a row of the source is missing or on another page; JSON says which."""
    assert run(["check", "-C", str(ROOT), "--pdf", str(paper)]) == 1
    assert "page 2     yu2018jsfusion: msrvtt 1k-A t2v: by its quote, recorded on page 8" in (
        capsys.readouterr().out
    )
    assert run(["check", "-C", str(ROOT), "--pdf", str(paper), "jsfusion", "--json"]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert {row["paper"] for row in rows} == {"yu2018jsfusion"}
    assert [row["page"] for row in rows if row["by"] == "quote"] == [2]


def test_a_whole_source_that_is_found_is_clean(tmp_path: Path) -> None:
    """Every row of the source, each on its page."""
    rows = [
        row.source
        for rows in Library(ROOT).published.values()
        for row in rows
        if row.source.name.startswith("Collaborative Experts")
    ]
    pages_ = [[""] for _ in range(max(one.page or 1 for one in rows))]
    for one in rows:
        ascii_ = str(one.quote).replace("\u2020", "").replace("\u2021", "")
        pages_[(one.page or 1) - 1].append(ascii_)
    path = tmp_path / "whole.pdf"
    path.write_bytes(document(*pages_))
    assert run(["check", "-C", str(ROOT), "--pdf", str(path)]) == 0


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"GIF89a", "not a PDF"),
        (document(["x"]).replace(b"trailer <<", b"trailer << /Encrypt 9 0 R"), "encrypted"),
        (document([""]), "no text layer"),
        (b"%PDF-1.5\n1 0 obj\n" + b"[" * 5000, "no text layer"),
        (b"%PDF-1.5\n1 0 obj << /Type /Page /Contents 1 0 R /Parent 1 0 R", "no text layer"),
    ],
)
def test_a_file_that_is_none_gets_one_line(tmp_path: Path, data: bytes, what: str) -> None:
    """What is wrong and where, whatever the bytes."""
    path = tmp_path / "x.pdf"
    path.write_bytes(data)
    with pytest.raises(KBError, match=what):
        pages.read(path)


def test_a_pdf_without_our_numbers_is_said_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing found is a finding, not a silence."""
    path = tmp_path / "other.pdf"
    path.write_bytes(document(["Another paper"]))
    assert run(["check", "-C", str(ROOT), "--pdf", str(path)]) == 1
    assert "no published number" in capsys.readouterr().out
