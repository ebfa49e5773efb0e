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

from kb.publish import tree
from kb.records import Exit, KBError

STYLES = "style-src 'self'"
_SHADOW = re.compile(r'\("style",\{\},([\w$]+)\.toString\(\)\)')  # in the script of Zensical
_ESCAPE = re.compile(r"\\(['\"\\`])")
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


def seal(site: Path) -> None:
    """Write the hashes into every page; raise on a script that is not the theme's."""
    allowed, _ = scripts((site / "404.html").read_text(encoding="utf-8"))
    bundles = sorted((site / "assets" / "javascripts").glob("bundle.*.min.js"))
    found = (shadow_style(one.read_text(encoding="utf-8")) for one in bundles)
    styles = " ".join([STYLES, *(one for one in found if one)])
    listed = " ".join(sorted(allowed))
    for path in site.rglob("*.html"):
        html = path.read_text(encoding="utf-8")
        hashes, handlers = scripts(html)
        if hashes - allowed or handlers:
            raise KBError(
                "a page would run a script that is not the theme's",
                where=str(path.relative_to(site)),
                hint="look for HTML in the hand-written pages",
                code=Exit.FINDINGS,
            )
        if HASHES in html:
            sealed = html.replace(HASHES, listed).replace(STYLES, styles, 1)
            tree.replace(path, sealed.encode())
