"""Pictures that other sites show beside a link to a page: 1,200 x 630 PNG, drawn at the build.

Drawn with the site's own font and colours; letters that the font lacks are left out. Two ramps of
grey levels in one channel are turned into ink and the verdict's colour, which is quick to pack.
"""

import html
import importlib.util
import io
import json
import re
import unicodedata
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from kb.publish.render import THEME

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

NAME = "social.png"  # beside each page
WIDTH, HEIGHT, EDGE = 1200, 630, 80  # pixels
INK, PAPER = (20, 24, 31), (255, 255, 255)
COLOURS = {"holds": (10, 94, 168), "fails": (177, 68, 0), "undecided": (98, 106, 119)}
TITLE, TEXT = (72, 60, 48), 34  # sizes of type, the largest title that fits
LINES = 4
_RANGE = re.compile(r"U\+([0-9A-F]+)(?:-([0-9A-F]+))?")
_FRONT = re.compile(r"\A---\n(\{.*\})\n---\n")


def available() -> bool:
    """Whether Pillow is installed (extra `site`)."""
    return importlib.util.find_spec("PIL") is not None


def pictures(files: dict[str, str | bytes], site: str) -> dict[str, bytes]:
    """The picture of each generated page that asks for one, by its path in the site."""
    pen = _Pen()
    drawn = {}
    for path, content in files.items():
        front = _FRONT.match(content) if isinstance(content, str) else None
        meta = json.loads(front[1]) if front and path.endswith(".md") else {}
        if meta.get("picture"):
            stem = re.sub(r"(^|/)index$", "", path.removesuffix(".md"))
            drawn[f"{stem}/{NAME}".lstrip("/")] = _picture(pen, meta, site)
    return drawn


@dataclass
class _Pen:
    """The site's font in its two weights, loaded once a size."""

    _loaded: dict[tuple[int, int], "ImageFont.FreeTypeFont"] = field(default_factory=dict)

    def font(self, size: int, weight: int) -> "ImageFont.FreeTypeFont":
        """The Latin letters of the site's font."""
        from PIL import ImageFont  # noqa: PLC0415  (only with the extra)

        key = (size, weight)
        if key not in self._loaded:
            path = THEME / "assets" / "fonts" / "source-sans-3-latin.woff2"
            font = ImageFont.truetype(path, size)
            font.set_variation_by_axes([weight])
            self._loaded[key] = font
        return self._loaded[key]

    @cached_property
    def letters(self) -> frozenset[int]:
        """The code points that the font has, as the style sheet says."""
        css = (THEME / "assets" / "tokens.css").read_text(encoding="utf-8")
        ranges = css.partition("latin.woff2")[2].partition("}")[0]
        bounds = [(one[1], one[2] or one[1]) for one in _RANGE.finditer(ranges)]
        return frozenset(n for low, high in bounds for n in range(int(low, 16), int(high, 16) + 1))

    def writable(self, text: str) -> str:
        """The text without letters that the font lacks; accents that it lacks are taken off."""
        plain = "".join(
            letter if ord(letter) in self.letters else unicodedata.normalize("NFKD", letter)
            for letter in unicodedata.normalize("NFC", html.unescape(text))
        )
        kept = "".join(letter for letter in plain if ord(letter) in self.letters)
        return " ".join("".join(c for c in kept if not unicodedata.combining(c)).split())

    def lines(self, text: str, size: int, weight: int) -> list[str]:
        """The text broken into lines that fit the picture."""
        font, lines = self.font(size, weight), [""]
        for word in text.split():
            longer = f"{lines[-1]} {word}".strip()
            if lines[-1] and font.getlength(longer) > WIDTH - 2 * EDGE:
                lines.append(word)
            else:
                lines[-1] = longer
        return [line for line in lines if line]


def _picture(pen: _Pen, meta: dict[str, Any], site: str) -> bytes:
    """One picture: site, title, description, and the verdict where the page has one."""
    from PIL import Image, ImageDraw  # noqa: PLC0415  (only with the extra)

    image = Image.new("L", (WIDTH, HEIGHT), 0)
    draw = ImageDraw.Draw(image)
    title = pen.writable(str(meta.get("title", "")))
    if title != pen.writable(site):
        draw.text((EDGE, 64), pen.writable(site), font=pen.font(TEXT, 400), fill=90)
    down = _write(draw, pen, _title(pen, title), 132)
    about = pen.lines(pen.writable(str(meta.get("description", ""))), TEXT, 400)[:2]
    _write(draw, pen, (TEXT, 400, about), down + 20)
    verdict = meta.get("verdict") or {"kind": "none", "says": ""}
    drawn = _mark(draw, verdict["kind"])
    says = pen.writable(verdict["says"]).partition(". ")[0].rstrip(".")
    draw.text((EDGE + 44 * drawn, 536), says, font=pen.font(TEXT, 650), fill=127)
    image.putpalette(_palette(COLOURS.get(verdict["kind"], INK)))
    packed = io.BytesIO()
    image.save(packed, "PNG", compress_level=4)
    return packed.getvalue()


def _title(pen: _Pen, title: str) -> tuple[int, int, list[str]]:
    """Size, weight and lines of the largest title that fits; its end is cut where none does."""
    for size in TITLE:
        lines = pen.lines(title, size, 650)
        if len(lines) * size <= LINES * TITLE[-1] * 1.25:
            return size, 650, lines
    return TITLE[-1], 650, [*lines[: LINES - 1], f"{lines[LINES - 1]} \N{HORIZONTAL ELLIPSIS}"]


def _write(
    draw: "ImageDraw.ImageDraw", pen: _Pen, text: tuple[int, int, list[str]], top: int
) -> int:
    """Write lines from `top` down; where the next would begin."""
    size, weight, lines = text
    for line in lines:
        draw.text((EDGE, top), line, font=pen.font(size, weight), fill=127)
        top += round(size * 1.2)
    return top


def _mark(draw: "ImageDraw.ImageDraw", kind: str) -> bool:
    """A disc, a diamond or a ring, as on the page; whether there is one."""
    left, top, side = EDGE, 542, 28
    box = (left, top, left + side, top + side)
    middle, half = (left + side // 2, top + side // 2), side // 2
    if kind == "fails":
        draw.regular_polygon((*middle, half + 2), 4, rotation=45, fill=255)
    elif kind == "undecided":
        draw.ellipse(box, outline=255, width=5)
    elif kind == "holds":
        draw.ellipse(box, fill=255)
    return kind in COLOURS


def _palette(colour: tuple[int, int, int]) -> list[int]:
    """Levels 0 to 127 go from paper to ink, 128 to 255 from paper to the verdict's colour."""
    ramps = [(end, level) for end in (INK, colour) for level in range(128)]
    return [
        round(paper + (to - paper) * level / 127)
        for end, level in ramps
        for paper, to in zip(PAPER, end, strict=True)
    ]
