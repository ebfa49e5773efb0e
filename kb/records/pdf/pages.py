"""The text of each page, in the order it is drawn, and by place: rows from top to bottom."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kb.records.errors import KBError
from kb.records.pdf.fonts import Font, font
from kb.records.pdf.objects import DEEPEST, File, Lexer, Ref, Word

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LARGEST = 256 << 20  # bytes of a file
_SPACE = -120  # thousandths of the font's size, from which a kern in TJ is a space
_LINE = 3.0  # points within which pieces are on one line
Matrix = tuple[float, float, float, float, float, float]
_ONE: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


@dataclass
class Page:
    """One page: pieces of text with their places (x, y in points, y upwards)."""

    pieces: list[tuple[float, float, str]] = field(default_factory=list)

    @property
    def drawn(self) -> str:
        """The text in the order of drawing, a new line where the height changes."""
        return _joined(self.pieces)

    @property
    def placed(self) -> str:
        """The text by place: lines from the top, each from the left."""
        rows: list[list[tuple[float, float, str]]] = []
        for piece in sorted(self.pieces, key=lambda piece: -piece[1]):
            if rows and abs(rows[-1][0][1] - piece[1]) <= _LINE:
                rows[-1].append(piece)
            else:
                rows.append([piece])
        return "\n".join(" ".join(text for _, _, text in sorted(row)) for row in rows)


def _joined(pieces: list[tuple[float, float, str]]) -> str:
    out, last = [], None
    for _, height, text in pieces:
        if last is not None:
            out.append(" " if abs(height - last) <= _LINE else "\n")
        out.append(text)
        last = height
    return "".join(out)


def read(path: Path) -> list[Page]:
    """The pages of a PDF. KBError for a file that is none, is encrypted or holds no text."""
    try:
        if path.stat().st_size > LARGEST:
            raise KBError("larger than 256 MB", where=path, hint="give the paper's PDF")
        data = path.read_bytes()
    except OSError as error:
        raise KBError(f"cannot be read ({error.strerror or error})", where=path) from error
    if b"%PDF-" not in data[:1024]:
        raise KBError("not a PDF", where=path, hint="give the paper's PDF")
    if b"/Encrypt" in data:
        raise KBError("an encrypted PDF", where=path, hint="save it without a password")
    file = File.read(data)
    pages = [_page(file, entries) for entries in _leaves(file)]
    if not any(page.pieces for page in pages):
        raise KBError("no text layer", where=path, hint="a scan needs text recognition first")
    return pages


def _leaves(file: File) -> list[dict[str, Any]]:
    """The pages' dictionaries in order, with what they inherit."""
    roots = [
        one for one in map(file.entries, file.objects.values()) if one.get("Type") == "Catalog"
    ]
    found = list(_kids(file, roots[-1].get("Pages"), {}, 0)) if roots else []
    all_ = [one for one in map(file.entries, file.objects.values()) if one.get("Type") == "Page"]
    return found or all_


def _kids(file: File, node: Any, above: dict[str, Any], depth: int) -> Iterator[dict[str, Any]]:
    entries = above | file.entries(node)
    kids = file.get(entries.pop("Kids", None))
    if isinstance(kids, list) and depth < DEEPEST:
        for kid in kids:
            yield from _kids(file, kid, entries, depth + 1)
    elif entries:
        yield entries


def _page(file: File, entries: dict[str, Any]) -> Page:
    contents = file.get(entries.get("Contents"))
    parts = contents if isinstance(contents, list) else [entries.get("Contents")]
    painter = _Painter(file, Page())
    painter.run(b"\n".join(map(file.decoded, parts)), file.entries(entries.get("Resources")), _ONE)
    return painter.page


def _times(one: Matrix, other: Matrix) -> Matrix:
    a, b, c, d, e, f = one
    g, h, i, j, k, m = other
    return (
        a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + m
    )  # fmt: skip


class _Painter:
    """Runs the operators of content streams that place and show text."""

    def __init__(self, file: File, page: Page) -> None:
        self.file, self.page = file, page
        self.fonts: dict[int, Font] = {}
        self.font, self.leading = Font(), 0.0
        self.line: Matrix = _ONE

    def run(self, data: bytes, resources: dict[str, Any], space: Matrix, depth: int = 0) -> None:
        """Show the text of one content stream."""
        lexer, operands, saved = Lexer(data), list[Any](), list[Matrix]()
        while (item := lexer.value()) is not None:
            if not isinstance(item, Word):
                operands.append(item)
                continue
            name = item.text
            if name == "q":
                saved.append(space)
            elif name == "Q":
                space = saved.pop() if saved else space
            elif name == "cm" and (matrix := _matrix(operands)):
                space = _times(matrix, space)
            elif name == "Do" and operands and depth < DEEPEST // 10:
                self._form(operands[-1], resources, space, depth)
            elif name == "Tf" and operands:
                self.font = self._font(resources, operands[0])
            else:
                self._text(name, operands, space)
            operands = []

    def _form(self, name: Any, resources: dict[str, Any], space: Matrix, depth: int) -> None:
        form = self.file.entries(resources.get("XObject")).get(str(name))
        entries = self.file.entries(form)
        if entries.get("Subtype") == "Form":
            own = self.file.entries(entries.get("Resources")) or resources
            matrix = _matrix(self.file.get(entries.get("Matrix")) or []) or _ONE
            self.run(self.file.decoded(form), own, _times(matrix, space), depth + 1)

    def _font(self, resources: dict[str, Any], name: Any) -> Font:
        value = self.file.entries(resources.get("Font")).get(str(name))
        key = value.number if isinstance(value, Ref) else id(value)
        if key not in self.fonts:
            self.fonts[key] = font(self.file, value)
        return self.fonts[key]

    def _text(self, name: str, operands: list[Any], space: Matrix) -> None:
        numbers = [value for value in operands if isinstance(value, (int, float))]
        if name == "BT":
            self.line = _ONE
        elif name == "Tm" and (matrix := _matrix(operands)):
            self.line = matrix
        elif name in {"Td", "TD"} and len(numbers) >= 2:  # noqa: PLR2004  (x and y)
            self.leading = -numbers[1] if name == "TD" else self.leading
            self._move(numbers[0], numbers[1])
        elif name == "TL" and numbers:
            self.leading = numbers[0]
        elif name in {"T*", "'", '"'}:
            self._move(0.0, -self.leading)
        if name in {"Tj", "TJ", "'", '"'} and operands:
            self._show(operands[-1], space)

    def _move(self, right: float, up: float) -> None:
        self.line = _times((1.0, 0.0, 0.0, 1.0, right, up), self.line)

    def _show(self, value: Any, space: Matrix) -> None:
        parts = value if isinstance(value, list) else [value]
        text = "".join(
            self.font.decode(part)
            if isinstance(part, bytes)
            else (" " if isinstance(part, (int, float)) and part < _SPACE else "")
            for part in parts
        )
        if text:
            place = _times(self.line, space)
            self.page.pieces.append((place[4], place[5], text))


def _matrix(operands: list[Any]) -> Matrix | None:
    numbers = [float(one) for one in operands if isinstance(one, (int, float))]
    return (
        (numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5])
        if len(numbers) >= 6  # noqa: PLR2004  (a matrix has six)
        else None
    )
