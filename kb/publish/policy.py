"""A Content-Security-Policy for every page: only the theme's own scripts run.

The theme carries a few inline scripts. They are allowed by their hash, taken from the error page,
which holds nothing of the list; an inline script anywhere else stops the build. Zensical's search
draws itself in a shadow tree with one style element; that is allowed by its hash too.
"""

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

from kb.publish import markup, tree
from kb.records import Exit, KBError

STYLES = "style-src 'self'"
_SHADOW = re.compile(r'\("style",\{\},([\w$]+)\.toString\(\)\)')  # in the script of Zensical
_ESCAPE = re.compile(r"\\(['\"\\`])")
MANY = 10_000  # pieces of pages that are remembered
_SCRIPT = re.compile(r"<script[\s>]")
_SILENT = re.compile(  # from a file, or data
    r'<script(?: src="[^"<>]*"|(?: id="\w+")? type="application/(?:ld\+)?json")>[^<]*</script>'
)
_HANDLER = re.compile(r"[\s\"'/]on", re.IGNORECASE)  # or a word of a value
HASHES = "'sha256-kb'"  # what overrides/main.html holds until the hashes are known


class _Scripts(HTMLParser):
    """Collects inline scripts that a browser would run, and event-handler attributes."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.inline: list[str] = []  # their texts
        self.handlers: list[str] = []
        self._open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.handlers += [f"{tag} {name}" for name in named if name.startswith("on")]
        runs = named.get("type") in {None, "", "module", "text/javascript"}
        self._open = tag == "script" and "src" not in named and runs
        if self._open:
            self.inline.append("")

    def handle_endtag(self, tag: str) -> None:
        self._open = self._open and tag != "script"

    def handle_data(self, data: str) -> None:
        if self._open:
            self.inline[-1] += data


def scripts(html: str) -> tuple[set[str], list[str]]:
    """The CSP hashes of a page's inline scripts, and its event-handler attributes."""
    parser = _Scripts()
    parser.feed(html)
    parser.close()
    return {_hash(script) for script in parser.inline}, parser.handlers


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def shadow_style(script: str) -> str | None:
    """The CSP hash of the style that a theme's script puts into its search; None if there is none."""
    name = _SHADOW.search(script)
    if name is None:
        return None
    literal = re.search(rf"\b{re.escape(name[1])}='((?:[^'\\]|\\.)*)'", script)
    return _hash(_ESCAPE.sub(r"\1", literal[1])) if literal else None


class _Known:
    """Finds pages without a foreign script or handler, mostly without Python's parser."""

    def __init__(self, error_page: str) -> None:
        self.allowed, _ = scripts(error_page)
        self._common: set[str] = set()  # harmless pieces, most of which the pages share

    def holds(self, page: str) -> bool:
        """Whether the page runs no script but those of the error page, and has no handler."""
        cut = markup.pieces(page)
        new = set(cut[1::2]) - self._common if cut else set()
        if cut and all(map(self._is_harmless, new)):
            if len(self._common) < MANY:
                self._common |= new
            return True
        hashes, handlers = scripts(page)
        return not (hashes - self.allowed or handlers)

    def _is_harmless(self, piece: str) -> bool:
        if _SCRIPT.match(piece):
            if _SILENT.fullmatch(piece):
                return True
            hashes, handlers = scripts(piece)
            return not (hashes - self.allowed or handlers)
        if not _HANDLER.search(piece) and markup.is_start(piece):
            return True
        opened = markup.start(piece)
        if opened is None:
            return piece.startswith("<!") or markup.is_end(piece)
        return not any(name.startswith("on") for name, _ in opened.attributes)


def seal(site: Path) -> None:
    """Write the hashes into every page of a site that nobody reads yet.

    Raises KBError for a script that is not the theme's.
    """
    known = _Known((site / "404.html").read_text(encoding="utf-8"))
    bundles = sorted((site / "assets" / "javascripts").glob("bundle.*.min.js"))
    found = (shadow_style(one.read_text(encoding="utf-8")) for one in bundles)
    styles = " ".join([STYLES, *(one for one in found if one)])
    listed = " ".join(sorted(known.allowed))
    for path in tree.under(site, ".html"):
        html = path.read_text(encoding="utf-8")
        if not known.holds(html):
            raise KBError(
                "a page would run a script that is not the theme's",
                where=str(path.relative_to(site)),
                hint="look for HTML in the hand-written pages",
                code=Exit.FINDINGS,
            )
        if HASHES in html:
            sealed = html.replace(HASHES, listed).replace(STYLES, styles, 1)
            with path.open("r+b") as file:  # not emptied first: ext4 would write it out at once
                file.write(sealed.encode())
                file.truncate()
