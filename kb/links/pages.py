"""Content of pages: "not found" texts, refresh redirects, anchors.

A page with the text "not found" and status 200 is `suspect`, never `dead`: heuristics err.
"""

import codecs
import html
import json
import re
import unicodedata
from contextlib import suppress
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

VOCABULARY = Path(__file__).with_name("not_found.json")
TITLE = re.compile(r"<title[^>]{0,400}>(.{0,400}?)</title", re.IGNORECASE | re.DOTALL)
HEADING = re.compile(r"<h1[^>]{0,400}>(.{0,400}?)</h1", re.IGNORECASE | re.DOTALL)
TAG = re.compile(r"<[^>]*>")
CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)
# Python's own codecs (punycode, unicode_escape ...) are no charsets of the web.
CHARSETS = (
    "utf",
    "iso",
    "cp",
    "gb",
    "big5",
    "euc",
    "shift",
    "koi8",
    "ascii",
    "mac",
    "latin",
    "tis",
)
# Scripts written without spaces are compared letter by letter.
TOKEN = re.compile(
    "[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+"
)
PART = re.compile("\\s+[-|:\u2013\u2014\u00b7\u00bb]+\\s+|_")  # dashes, dots, guillemets

FRONT = re.compile(r"^/(?:(?:index|home|default)(?:\.\w+)?|[a-z]{2}(?:[-_][A-Za-z]{2})?)?/?$")
LOGIN = re.compile(
    r"/(?:log-?_?in|sign-?_?in|sign-?on|servicelogin|wp-login|authenticate)(?:\.\w+)?(?:/|$)",
    re.IGNORECASE,
)
ERROR_PATH = re.compile(
    r"/(?:404|not-?_?found|page-?not-?found|error(?:404)?)(?:\.\w+)?/?$", re.IGNORECASE
)


def tokens(text: str) -> list[str]:
    """The words of a text in lower case; for Chinese, Japanese and Korean the letters."""
    plain = unicodedata.normalize("NFC", text).lower().replace("\u2019", "'")
    plain = plain.replace("can't", "can not").replace("n't", " not").replace("cannot", "can not")
    return TOKEN.findall(plain)


def spaced(text: str) -> str:
    """The words of a text, each with a single space before and after."""
    return f" {' '.join(tokens(text))} "


@cache
def vocabulary() -> tuple[tuple[str, ...], frozenset[str]]:
    """The phrases of "not found" pages, and filler words around them."""
    document = json.loads(VOCABULARY.read_text(encoding="utf-8"))
    phrases = tuple(spaced(phrase) for phrase in document["phrases"])
    return phrases, frozenset(tokens(" ".join([*document["phrases"], *document["filler"]])))


def text_of(body: bytes, headers: dict[str, str]) -> str:
    """A page as text: by the charset of its headers, or of its own head, or UTF-8."""
    for place in (headers.get("content-type", ""), body[:1024].decode("latin-1")):
        if match := CHARSET.search(place):
            with suppress(LookupError, ValueError):  # no such charset
                if (name := codecs.lookup(match[1]).name).startswith(CHARSETS):
                    return body.decode(name, "replace")
    return body.decode("utf-8", "replace")


def titles(page: str) -> list[str]:
    """The title and the first heading of a page, each also by its parts."""
    candidates = []
    for pattern in (TITLE, HEADING):
        if match := pattern.search(page):
            text = " ".join(html.unescape(TAG.sub(" ", match[1])).split())
            parts = PART.split(text)
            candidates += [text, parts[0], parts[-1]]
    return [text for text in dict.fromkeys(candidates) if text]


def says_not_found(page: str) -> str | None:
    """The "not found" phrase of a page, or None."""
    return next((text for text in titles(page) if is_apology(text)), None)


def is_apology(text: str) -> bool:
    """Whether a title is one of the phrases with filler only.

    So a paper *about* missing pages keeps its good name.
    """
    phrases, words = vocabulary()
    plain = spaced(text)
    return set(plain.split()) <= words and any(phrase in plain for phrase in phrases)


REFRESH = re.compile(
    r"\s*(\d{1,6})(?:\.\d*)?\s*[;,]\s*(?:url\s*=\s*)?[\"']?([^\"'>]+)", re.IGNORECASE
)
LONGEST_REFRESH = 30  # seconds; a slower one is a page that renews itself


class _Head(HTMLParser):
    """Collects anchors and the first refresh of a page, except inside `<noscript>`."""

    def __init__(self) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.refresh: str | None = None
        self.without_scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.anchors |= {values["id"]} if "id" in values else set()
        self.anchors |= {values["name"]} if tag == "a" and "name" in values else set()
        if tag == "noscript":
            self.without_scripts += 1
        refreshes = tag == "meta" and values.get("http-equiv", "").lower() == "refresh"
        if refreshes and not self.without_scripts and self.refresh is None:
            self.refresh = values.get("content", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "noscript":
            self.without_scripts = max(0, self.without_scripts - 1)


def _head(page: str) -> _Head:
    parser = _Head()
    with suppress(ValueError, AssertionError):  # html.parser gives up on some broken declarations
        parser.feed(page)
    return parser


def refreshes_to(page: str, headers: dict[str, str]) -> str | None:
    """The target of a Refresh header or `<meta http-equiv="refresh">`, or None."""
    content = headers.get("refresh")
    if content is None and "refresh" in page.lower():
        content = _head(page).refresh
    match = REFRESH.match(content) if content else None
    if match is None or int(match[1]) > LONGEST_REFRESH:
        return None
    return match[2].strip()


def anchors(page: str) -> frozenset[str]:
    """Targets of fragments: all ids, and all names of `<a>`."""
    return frozenset(_head(page).anchors)


def has_anchor(fragment: str, known: frozenset[str]) -> bool:
    """Whether a page with these anchors has the fragment's target.

    The top, routes of scripts (`#/x`, `#!x`) and text fragments are no anchors of the HTML.
    """
    name = unquote(fragment)
    if name.lower() in {"", "top"} or name.startswith(("/", "!", ":~:")):
        return True
    # GitHub puts a prefix before the anchors of a README.
    return bool({fragment, name, f"user-content-{name}", f"user-content-{name.lower()}"} & known)


def lost_on_the_way(asked: str, final: str) -> str | None:
    """Why a redirect from path `asked` to path `final` looks like a page that is gone, or None.

    Both are paths with queries, as the server sees them.
    """
    if ERROR_PATH.search(final.partition("?")[0]) and not ERROR_PATH.search(
        asked.partition("?")[0]
    ):
        return f"redirected to an error page ({final})"
    if FRONT.match(final) and not FRONT.match(asked):
        return "redirected to the front page"
    return None


def leads_to_login(asked: str, final: str) -> bool:
    """Whether a page redirects to a login; paths as for `lost_on_the_way`."""
    return bool(LOGIN.search(final.partition("?")[0])) and not LOGIN.search(asked)


def is_empty(status: int | None, headers: dict[str, str]) -> bool:
    """Whether the server declares an empty page."""
    html_page = headers.get("content-type", "").lower().startswith(("text/html", "application/xh"))
    return status == 200 and html_page and headers.get("content-length") == "0"  # noqa: PLR2004


CHALLENGE = re.compile(
    rb"cf-chl|challenge-platform|/_Incapsula_|px-captcha|awswaf|<title>\s*(?:just a moment"
    rb"|attention required|are you a robot|access denied|security check|human verification)",
    re.IGNORECASE,
)


def bot_wall(status: int, headers: dict[str, str], body: bytes, *, known: bool) -> str | None:
    """Why an answer is a bot wall and not a page, or None.

    `known` is True for a host whose 202 and 503 are known to be its wall.
    """
    if "cf-mitigated" in headers:
        return f"{status}: bot wall (cf-mitigated: {headers['cf-mitigated'][:40]})"
    if headers.get("x-amzn-waf-action"):
        return f"{status}: bot wall (x-amzn-waf-action)"
    if status in {200, 202, 403, 429, 503} and CHALLENGE.search(body):
        return f"{status}: the page is a challenge to browsers"
    if status == 202 and not body:  # noqa: PLR2004  (accepted, nothing shown: IEEE, AWS WAF)
        return "202: an empty page, as bot walls send"
    if known and status in {202, 503}:
        return f"{status}: this host answers programs so"
    return None
