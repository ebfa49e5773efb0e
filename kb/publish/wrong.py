"""A link "this is wrong" in each row of each table and at each claim: an issue that is filled in.

The link has no text of its own (the style sheet draws it), so that cells can be copied, sorted,
searched and exported without it. Where no repository is known there is no link.
"""

import html
import re
from urllib.parse import quote

from kb.publish.text import clean

LONGEST = 80  # characters of what a row says
_ROW = re.compile(r"<tr\b(?P<attributes>[^>]*)>(?P<cells>.*?)</tr>", re.DOTALL)
_ARTICLE = re.compile(
    r"<article\b(?P<attributes>[^>]*)>(?P<cells>(?:(?!<article\b).)*?)</article>", re.DOTALL
)
_ID = re.compile(r'\bid="([^"]+)"')
_SILENT = re.compile(r"<(svg|details|style|script)\b.*?</\1>", re.DOTALL)
_TAG = re.compile(r"<[^>]+>")
_HEADER = re.compile(r"<header>(.*?)</header>", re.DOTALL)


def linked(page: str, prefix: str, address: str) -> str:
    """The page at this address with a link in the last cell of each row that has one.

    `prefix`: the address of the issue, to which the place is added.
    """

    def row(match: re.Match[str]) -> str:
        head, cells, tail = match[0].rpartition("</td>")
        if not cells:
            return match[0]  # a row of headings
        return f"{head}{_link(prefix, _place(match, address, match['cells']))}{cells}{tail}"

    def article(match: re.Match[str]) -> str:
        header = _HEADER.search(match["cells"])
        says = header[1] if header else match["cells"]
        link = _link(prefix, _place(match, address, says))
        return f"{match[0].removesuffix('</article>')}{link}\n</article>"

    return _ARTICLE.sub(article, _ROW.sub(row, page))


def _place(match: re.Match[str], address: str, says: str) -> str:
    """`papers/x/#claim-y: what the row says`."""
    anchor = _ID.search(match["attributes"])
    bare = _TAG.sub(" ", _SILENT.sub(" ", says))
    text = clean(" ".join(html.unescape(bare).split()))[:LONGEST].strip()
    where = f"{address or 'the front page'}{f'#{anchor[1]}' if anchor else ''}"
    return f"{where}: {text}" if text else where


def _link(prefix: str, place: str) -> str:
    target = html.escape(prefix + quote(place, safe="/"))
    return f'<a class="kb-wrong" href="{target}" rel="nofollow" aria-label="This is wrong"></a>'
