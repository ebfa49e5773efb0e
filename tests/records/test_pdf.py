"""`kb check --pdf`: published numbers are found in the text layer of a reader's PDF."""

from __future__ import annotations

import contextlib
import io
import json
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from pypdf import PdfWriter

from kb.cli import run
from kb.records import KBError, Library, quotes
from kb.records import pdf as reader

ROOT = Path(__file__).resolve().parents[2]
LINES = [
    "Table 1: Retrieval with sentences and videos",
    "JSFusion [65] 1k-A 10.2 31.2 43.2 13 -",
    "MoEE [39] 1k-B 13.6 37.9 51.0 10 -",
]


def pdf(objects: dict[int, bytes], *, trailer: bytes = b"", packed: int | None = None) -> bytes:
    """A file of these objects with its table of them, the catalogue being number 1.

    Args:
        objects: number -> what stands between `obj` and `endobj`.
        trailer: more entries of the trailer.
        packed: number of an object stream that holds the objects which have no bytes here.
    """
    body, places = b"%PDF-1.5\n", dict[int, int]()
    for number, value in objects.items():
        if value:
            places[number] = len(body)
            body += b"%d 0 obj\n%s\nendobj\n" % (number, value)
    size, start = max(objects) + 2, len(body)
    if packed is None:
        rows = b"".join(
            b"%010d 00000 n \n" % places[number] if number in places else b"0000000000 65535 f \n"
            for number in range(size - 1)
        )
        body += b"xref\n0 %d\n%s" % (size - 1, rows)
        body += b"trailer\n<< /Root 1 0 R /Size %d %s >>\n" % (size - 1, trailer)
    else:
        inside = [number for number, value in objects.items() if not value]
        rows = b"".join(
            bytes([2, *packed.to_bytes(4, "big"), inside.index(number)])
            if number in inside
            else bytes([number in places, *places.get(number, 0).to_bytes(4, "big"), 0])
            for number in range(size)
        )
        more = b"/Type /XRef /W [1 4 1] /Root 1 0 R /Size %d" % size
        body += b"%d 0 obj\n%s\nendobj\n" % (size - 1, stream(rows, more=more))
    return body + b"startxref\n%d\n%%%%EOF\n" % start


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


FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
CATALOGUE = b"<< /Type /Catalog /Pages 2 0 R >>"
ONE_PAGE = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"


def page(resources: bytes = b"", contents: int = 4) -> bytes:
    """A page object."""
    box = b"/MediaBox [0 0 612 792]"
    shown = b"/Contents %d 0 R /Resources << %s >>" % (contents, resources)
    return b"<< /Type /Page /Parent 2 0 R %s %s >>" % (box, shown)


def single(contents: bytes, resources: bytes, more: dict[int, bytes] | None = None) -> bytes:
    """A PDF of one page, object 4 being its contents."""
    objects = {1: CATALOGUE, 2: ONE_PAGE, 3: page(resources), 4: contents}
    return pdf(objects | (more or {}))


def document(*texts: list[str], trailer: bytes = b"") -> bytes:
    """A PDF with a page for each list of lines."""
    objects: dict[int, bytes] = {1: CATALOGUE, 3: FONT}
    kids = []
    for at, lines in enumerate(texts):
        number, body = 10 + 2 * at, 11 + 2 * at
        objects[number] = b"<< /Type /Page /Parent 2 0 R /Contents %d 0 R >>" % body
        objects[body] = stream(content(lines))
        kids.append(b"%d 0 R" % number)
    shared = b"/MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >>"
    tree = b"<< /Type /Pages /Kids [%s] /Count %d %s >>"
    objects[2] = tree % (b" ".join(kids), len(kids), shared)
    return pdf(dict(sorted(objects.items())), trailer=trailer)


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    """A PDF whose second page holds a table."""
    path = tmp_path / "paper.pdf"
    path.write_bytes(document(["A first page"], LINES))
    return path


def test_the_text_of_each_page_is_read(paper: Path) -> None:
    """Compressed contents, inherited resources, lines one under another."""
    assert [one.drawn for one in reader.read(paper)] == ["A first page", "\n".join(LINES)]


def test_lines_are_put_together_by_place(tmp_path: Path) -> None:
    """A table drawn column by column reads row by row."""
    cells = [("JSFusion", 72, 700), ("MoEE", 72, 680), ("10.2", 150, 700), ("13.6", 150, 680)]
    draw = b" ".join(
        b"BT /F1 10 Tf 1 0 0 1 %d %d Tm (%s) Tj ET" % (x, y, t.encode()) for t, x, y in cells
    )
    path = tmp_path / "columns.pdf"
    path.write_bytes(single(stream(draw, packed=False), b"/Font << /F1 5 0 R >>", {5: FONT}))
    (one,) = reader.read(path)
    assert [line.split() for line in one.placed.split("\n")] == [
        ["JSFusion", "10.2"],
        ["MoEE", "13.6"],
    ]


def test_codes_are_read_through_the_font_s_map(tmp_path: Path) -> None:
    """Two-byte codes of a subset font have their text in ToUnicode."""
    mapped = b"""1 begincodespacerange <0000> <ffff> endcodespacerange
1 beginbfchar
<0001> <0052>
endbfchar
1 beginbfrange
<0010> <0019> <0030>
endbfrange"""
    more = {
        5: b"<< /Type /Font /Subtype /Type0 /BaseFont /AAAAAA+CM /Encoding /Identity-H"
        b" /DescendantFonts [7 0 R] /ToUnicode 6 0 R >>",
        6: stream(mapped),
        7: b"<< /Type /Font /Subtype /CIDFontType0 /BaseFont /AAAAAA+CM /DW 500 >>",
    }
    path = tmp_path / "subset.pdf"
    draw = stream(b"BT /F 9 Tf 72 700 Td [<0001> -600 <00120013>] TJ ET")
    path.write_bytes(single(draw, b"/Font << /F 5 0 R >>", more))
    assert reader.read(path)[0].drawn == "R 23"


def test_glyph_names_and_object_streams_are_read(tmp_path: Path) -> None:
    """Type 1 fonts of TeX name their glyphs; objects may lie in a compressed stream."""
    inner = {2: ONE_PAGE, 5: b"<< /Type /Encoding /Differences [1 /one /fi /minus] >>"}
    offsets, body = [], b""
    for number, value in inner.items():
        offsets.append(b"%d %d" % (number, len(body)))
        body += value + b" "
    head = b" ".join(offsets) + b" "
    objects = {
        1: CATALOGUE,
        2: b"",
        3: page(b"/Font << /F 6 0 R >>"),
        4: stream(b"BT /F 9 Tf 72 700 Td (\\001\\002\\003x) Tj ET"),
        5: b"",
        6: b"<< /Type /Font /Subtype /Type1 /BaseFont /CMR10 /Encoding 5 0 R >>",
        7: stream(head + body, more=b"/Type /ObjStm /N 2 /First %d" % len(head)),
    }
    path = tmp_path / "packed.pdf"
    path.write_bytes(pdf(objects, packed=7))
    assert quotes.squeezed(reader.read(path)[0].drawn) == "1fi-x"


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


def bomb() -> bytes:
    """A page whose contents unpack to 256 MB, packed twice."""
    data = zlib.compress(zlib.compress(b" " * (1 << 28)))
    head = b"<< /Length %d /Filter [/FlateDecode /FlateDecode] >>" % len(data)
    return single(head + b"\nstream\n" + data + b"\nendstream", b"")


def forms(of: int, each: int) -> bytes:
    """Forms that draw the next one `each` times: `each` ** `of` texts."""
    draw = b" ".join(b"/X Do" for _ in range(each))
    more = {5: FONT}
    for at in range(6, 6 + of):
        last = at == 5 + of
        resources = b"/Font << /F1 5 0 R >>" if last else b"/XObject << /X %d 0 R >>" % (at + 1)
        head = b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << %s >>" % resources
        more[at] = stream(content(["x"]) if last else draw, more=head)
    return single(stream(draw), b"/XObject << /X 6 0 R >>", more)


def nested(depth: int) -> bytes:
    """A page tree as deep as that."""
    objects = {1: CATALOGUE}
    for at in range(2, depth + 2):
        objects[at] = b"<< /Type /Pages /Kids [%d 0 R] /Count 1 >>" % (at + 1)
    objects[depth + 2] = page()
    return pdf(objects)


LOOP = pdf({1: CATALOGUE, 2: b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 2 >>"})
SELF = single(
    stream(
        b"/X Do", more=b"/Type /XObject /Subtype /Form /Resources << /XObject << /X 4 0 R >> >>"
    ),
    b"/XObject << /X 4 0 R >>",
)
WHOLE = document(["A first page"], LINES)


def encrypted() -> bytes:
    """A file that asks for a password."""
    writer, out = PdfWriter(clone_from=io.BytesIO(WHOLE)), io.BytesIO()
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "what"),
    [
        pytest.param(b"GIF89a", "not a PDF", id="another-format"),
        pytest.param(encrypted(), "encrypted", id="encrypted"),
        pytest.param(document([""]), "no text layer", id="no-text"),
        pytest.param(WHOLE[: len(WHOLE) // 2], "a broken PDF", id="cut-off"),
        pytest.param(WHOLE.replace(b"startxref", b"startxxxx"), "a broken PDF", id="no-table"),
        pytest.param(b"%PDF-1.5\n1 0 obj\n" + b"[" * 5000, "a broken PDF", id="open-arrays"),
        pytest.param(LOOP, "PDF|no text", id="page-tree-of-itself"),
        pytest.param(SELF, "PDF|no text", id="form-of-itself"),
        pytest.param(nested(2000), "PDF|more than", id="deep-page-tree"),
        pytest.param(bomb, "more than|broken|no text", id="bomb"),
    ],
)
def test_a_hostile_file_gets_one_line_in_bounded_time(
    tmp_path: Path, data: bytes | Callable[[], bytes], what: str
) -> None:
    """What is wrong and where, whatever the bytes; the process that reads them is ended in time."""
    path = tmp_path / "x.pdf"
    path.write_bytes(data() if callable(data) else data)
    start = time.monotonic()
    with pytest.raises(KBError, match=what) as caught:
        reader.read(path, seconds=10)
    assert time.monotonic() - start < 15
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_forms_that_multiply_are_read_as_far_as_the_bounds_go(tmp_path: Path) -> None:
    """Thirty to the power of ten texts take seconds, whether or not some of them are read."""
    path = tmp_path / "x.pdf"
    path.write_bytes(forms(9, 30))
    start = time.monotonic()
    with contextlib.suppress(KBError):
        reader.read(path, seconds=10)
    assert time.monotonic() - start < 15


def test_time_is_bounded(paper: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that comes to no end is ended."""
    monkeypatch.setattr(reader, "_CHILD", "while True: pass")
    with pytest.raises(KBError, match="more than a paper needs"):
        reader.read(paper, seconds=1)


def test_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that would take more memory than is allowed is ended."""
    code = "from kb.records import pdf_text; pdf_text.MEMORY = 150 << 20; pdf_text.main()"
    monkeypatch.setattr(reader, "_CHILD", code)
    path = tmp_path / "x.pdf"
    path.write_bytes(document(["word " * 2_000_000]))
    with pytest.raises(KBError, match="more than a paper needs"):
        reader.read(path, seconds=30)


def test_a_pdf_without_our_numbers_is_said_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing found is a finding, not a silence."""
    path = tmp_path / "other.pdf"
    path.write_bytes(document(["Another paper"]))
    assert run(["check", "-C", str(ROOT), "--pdf", str(path)]) == 1
    assert "no published number" in capsys.readouterr().out
