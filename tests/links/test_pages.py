"""What a page says of itself: not there, elsewhere, and which anchors it has."""

from datetime import timedelta
from time import process_time

import pytest

from kb.links.pages import anchors, has_anchor, refreshes_to, says_not_found, text_of
from tests.links.conftest import Look
from tests.servers.web import Web

HOSTILE = [
    "<title" * 6000,
    "<title>" * 5000,
    "<h1" * 11_000,
    "<!--" * 8000,
    "<![" * 11_000,
    "<a " * 11_000,
    "<meta http-equiv=refresh " * 1300,
    "<noscript>" * 3000,
    "&#" * 16_000,
]


@pytest.mark.parametrize(
    ("content", "to"),
    [
        ("0; url=/x", "/x"),
        ("0;URL=/x", "/x"),
        ("0, url = '/x y'", "/x y"),
        ('3; url="http://b.test/"', "http://b.test/"),
        ("0;/x", "/x"),
        ("0.5; url=/x", "/x"),
        ("300", None),
        ("300; url=/x", None),
        ("", None),
        ("soon; url=/x", None),
    ],
)
def test_a_refresh_leads_where_it_says(content: str, to: str | None) -> None:
    """As browsers read it; a slow one is a page that renews itself."""
    quote = "'" if '"' in content else '"'
    page = f"<html><head><META HTTP-EQUIV=Refresh CONTENT={quote}{content}{quote}>"
    assert refreshes_to(page, {}) == to
    assert refreshes_to("", {"refresh": content}) == to


@pytest.mark.parametrize(
    "page",
    [
        "<noscript><meta http-equiv=refresh content='0; url=/x'></noscript>",
        "<!-- <meta http-equiv=refresh content='0; url=/x'> -->",
        "<meta name=refresh content='0; url=/x'>",
        "<script>'<meta http-equiv=refresh content=\"0; url=/x\">'</script>",
    ],
)
def test_what_no_reader_follows_is_no_refresh(page: str) -> None:
    """Comments, scripts, and what only stands for browsers without scripts."""
    assert refreshes_to(page, {}) is None


def test_the_first_refresh_counts() -> None:
    """A second one changes nothing."""
    page = (
        "<meta http-equiv=refresh content='0; url=/a'><meta http-equiv=refresh content='0; url=/b'>"
    )
    assert refreshes_to(page, {}) == "/a"


@pytest.mark.parametrize(
    ("kind", "body", "text"),
    [
        ("text/html; charset=gbk", "\u9875".encode("gbk"), "\u9875"),
        ("text/html", '<meta charset="shift_jis">\u898b'.encode("shift_jis"), '<meta charset="shift_jis">\u898b'),
        ("text/html", "\u00e9".encode(), "\u00e9"),
        ("text/html; charset=punycode", b"a-b", "a-b"),
        ("text/html; charset=unicode_escape", rb"\u0041", r"\u0041"),
        ("text/html; charset=nonsense", b"abc", "abc"),
        ("text/html; charset=utf-16", b"\xff", "\ufffd"),
    ],
)  # fmt: skip
def test_a_page_is_read_in_its_charset(kind: str, body: bytes, text: str) -> None:
    """That of the header, that of the page, UTF-8; codecs that are no charsets are left alone."""
    assert text_of(body, {"content-type": kind}) == text


@pytest.mark.parametrize("page", HOSTILE, ids=lambda page: page[:12])
def test_hostile_pages_are_read_in_time(page: str) -> None:
    """No page of 32 KiB takes a second."""
    begun = process_time()
    says_not_found(page)
    refreshes_to(page, {})
    anchors(page)
    assert process_time() - begun < 2


@pytest.mark.parametrize(
    ("fragment", "there"),
    [
        ("one", True), ("two", True), ("three", True), ("far", True), ("top", True), ("", True),
        ("/route", True), ("!x", True), (":~:text=x", True), ("missing", False), ("ONE", False),
        ("caf%C3%A9", False),
    ],
)  # fmt: skip
def test_fragments_are_looked_up_when_asked(
    web: Web, look: Look, fragment: str, there: bool
) -> None:
    """`--fragments`: an id, a name, an anchor of GitHub's; not the top and not a script's route."""
    url = f"{web.url('anchors')}#{fragment}"
    (row,) = look(url, fragments=True).results
    assert row.verdict == ("ok" if there else "suspect")
    assert not row.gone
    assert look(url, max_age=timedelta(0)).results[0].verdict == "ok"


def test_one_page_serves_all_its_fragments(web: Web, look: Look) -> None:
    """Two requests for any number of fragments, each with its own verdict."""
    url = web.url("anchors")
    rows = look(f"{url}#one", f"{url}#missing", url, fragments=True).results
    assert [row.verdict for row in rows] == ["ok", "suspect", "ok"]
    assert len(web.asked("/anchors/1")) == 2


def test_a_page_that_did_not_arrive_whole_misses_nothing(web: Web, look: Look) -> None:
    """Where the body breaks off, nobody knows what stands behind."""
    (row,) = look(f"{web.url('wrong-length')}#x", fragments=True).results
    assert row.verdict == "ok"


def test_an_anchor_is_decoded_as_browsers_do() -> None:
    """Percent signs in the address, letters in the page."""
    assert has_anchor("caf%C3%A9", frozenset({"caf\u00e9"}))
    assert has_anchor("A", frozenset({"user-content-a"}))
