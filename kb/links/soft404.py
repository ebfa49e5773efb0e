"""Pages that say "not found" with status 200. A suspicion, never a death: heuristics err."""

import html
import re

TITLE = re.compile(rb"<title[^>]*>(.{0,400}?)</title", re.IGNORECASE | re.DOTALL)
HEADING = re.compile(rb"<h1[^>]*>(.{0,400}?)</h1", re.IGNORECASE | re.DOTALL)
TAG = re.compile(r"<[^>]*>")
# A page says "not found" when a title, a first heading, or a part of one holds one of the phrases
# and otherwise only such words: a paper *about* missing pages keeps its good name.
PHRASES = """
404 | 410 | not found | no longer available | no longer exists | not available | not exist
not be found | not find | been removed | been deleted | was removed | was deleted | unavailable
is gone | nothing here | nothing found | has expired
"""
FILLER = """
the this that your you we a an it is was are were be been has have had http https status code error
errors 404 410 1 oops sorry whoops uh oh page pages file files site document resource url link video
repository paper article item content project dataset requested looking for not found no longer
available exists exist does do can could find removed deleted unavailable gone nothing here expired
such moved or may might on server temporarily anymore any more missing exactly what re at of to
"""
SAYING = tuple(phrase.strip() for phrase in PHRASES.strip().replace("\n", "|").split("|"))
WORDS = frozenset(FILLER.split())
WORD = re.compile(r"[a-z0-9']+")
PART = re.compile("\\s+[-|:\u2013\u2014\u00b7\u00bb]+\\s+")  # dashes, dots, guillemets
FRONT = re.compile(r"^/(?:(?:index|home|default)(?:\.\w+)?|[a-z]{2}(?:[-_][A-Za-z]{2})?)?/?$")
LOGIN = re.compile(
    r"/(?:log-?_?in|sign-?_?in|sign-?on|servicelogin|wp-login|authenticate)(?:\.\w+)?(?:/|$)",
    re.IGNORECASE,
)
ERROR_PATH = re.compile(
    r"/(?:404|not-?_?found|page-?not-?found|error(?:404)?)(?:\.\w+)?/?$", re.IGNORECASE
)


def phrases(body: bytes) -> list[str]:
    """The title and the first heading of a page, each also by its parts."""
    found = []
    for pattern in (TITLE, HEADING):
        if match := pattern.search(body):
            text = html.unescape(TAG.sub(" ", match.group(1).decode("utf-8", "replace")))
            text = " ".join(text.split())
            parts = PART.split(text)
            found += [text, parts[0], parts[-1]]
    return [text for text in dict.fromkeys(found) if text]


def says_not_found(body: bytes) -> str | None:
    """The words by which a page says that it is not there, or None."""
    return next((text for text in phrases(body) if is_apology(text)), None)


def is_apology(text: str) -> bool:
    """Whether a title says nothing but that the page is not there."""
    plain = text.lower().replace("\u2019", "'").replace("can't", "can not")
    words = WORD.findall(plain.replace("n't", " not").replace("cannot", "can not"))
    plain = f" {' '.join(words)} "
    return set(words) <= WORDS and any(f" {phrase} " in plain for phrase in SAYING)


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
    """Whether a page sends to a login that was not asked for; paths as for `lost_on_the_way`."""
    return bool(LOGIN.search(final.partition("?")[0])) and not LOGIN.search(asked)


def is_empty(status: int | None, headers: dict[str, str]) -> bool:
    """Whether a page has no content, and the server says so."""
    html_page = headers.get("content-type", "").lower().startswith(("text/html", "application/xh"))
    return status == 200 and html_page and headers.get("content-length") == "0"  # noqa: PLR2004


CHALLENGE = re.compile(
    rb"cf-chl|challenge-platform|/_Incapsula_|px-captcha|awswaf|<title>\s*(?:just a moment"
    rb"|attention required|are you a robot|access denied|security check|human verification)",
    re.IGNORECASE,
)


def bot_wall(status: int, headers: dict[str, str], body: bytes, *, known: bool) -> str | None:
    """Why an answer is a wall against programs rather than a page, or None.

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
