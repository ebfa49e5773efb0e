"""From the text of a list, or of a Location, to what is asked."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.links.urls import InvalidURLError, NotWebError, RefusedURLError, follow, parse


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("http://A.Test", "http://a.test/"),
        ("https://a.test:443/x", "https://a.test/x"),
        ("http://a.test:8080/x?q=1#f", "http://a.test:8080/x?q=1"),
        ("http://user:pw@a.test/x", "http://a.test/x"),
        ("https://a.test/caf\u00e9?\u00e4=\u00f6", "https://a.test/caf%C3%A9?%C3%A4=%C3%B6"),
        ("https://a.test/a%20b%2Fc", "https://a.test/a%20b%2Fc"),
        ("https://b\u00fccher.test/", "https://xn--bcher-kva.test/"),
        ("http://[::1]:81/x", "http://[::1]:81/x"),
        ("HTTP://a.test/(x)", "http://a.test/(x)"),
    ],
)
def test_an_address_is_asked_in_its_plain_form(text: str, asked: str) -> None:
    """Host in lower case and ASCII, path encoded once, no user-info, no fragment."""
    assert parse(text).url == asked


@pytest.mark.parametrize(
    "text",
    [
        "",
        "link",
        "www.a.test/x",
        "http://",
        "http:/a.test",
        "http://a b.test/",
        "//a.test/",
        "http://a.test/\n",
        "http://a.test:99999/",
        "http://[::1/",
        "http://" + "a" * 64 + ".test",
        "http://a.test/" + "x" * 5000,
        "http://a\\b.test/",
        "http://\x00.test/",
        "http://a]b/",
        "http://[]/",
        "http://[a.b]/",
        "http://[::1]x/",
        "http://a.test/\ud800",
        "http://a.test/#\udfff",
        "http://a.test/\x85",
        "http://a.test/\u2028x",
        "http://a..test/",
        "http://.test/",
        'http://a"b.test/',
        "http://a<b.test/",
        "http://a|b.test/",
        "http://a.test:port/",
        "http://\u2100.test/",
    ],
)
def test_what_is_no_address_is_invalid(text: str) -> None:
    """Placeholders, half addresses and control characters are told, not asked."""
    with pytest.raises(InvalidURLError):
        parse(text)


def test_mail_is_not_a_web_address() -> None:
    """A mail address in a list is fine and nothing to check."""
    with pytest.raises(NotWebError):
        parse("mailto:someone@a.test")


@pytest.mark.parametrize(
    ("location", "leads_to"),
    [
        ("/y", "https://a.test/y#part"),
        ("y?z=1", "https://a.test/dir/y?z=1#part"),
        ("//b.test/y#other", "https://b.test/y#other"),
        ("http://b.test", "http://b.test/#part"),
        ("/caf\u00c3\u00a9", "https://a.test/caf%C3%A9#part"),  # UTF-8 read as Latin-1
        ("/a b", "https://a.test/a%20b#part"),
        ("http://u:p@b.test/", "http://b.test/#part"),
    ],
)
def test_a_location_is_followed_as_browsers_do(location: str, leads_to: str) -> None:
    """Relative to the page, bytes encoded, user-info dropped, the fragment inherited."""
    assert follow(parse("https://a.test/dir/x#part"), location).shown == leads_to


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text whatever brings anything but an address or one of the three answers."""
    with suppress(InvalidURLError, RefusedURLError, NotWebError):
        target = parse(text)
        assert target.url.isascii()
        assert parse(target.url).url == target.url


@given(st.text(max_size=200))
def test_any_location_is_followed_or_refused(location: str) -> None:
    """The same for what a server sends."""
    with suppress(InvalidURLError, RefusedURLError, NotWebError):
        assert follow(parse("http://a.test/x"), location).url.isascii()


@pytest.mark.parametrize(
    "location",
    ["http://[::1/", "//[", "http://a]b/", "[", "//", "http://\ud800/", "\udc80", "http://%/"],
)
def test_a_location_that_is_no_address_is_invalid(location: str) -> None:
    """Whatever a server sends: an address, or one of our three errors."""
    with suppress(InvalidURLError, RefusedURLError, NotWebError):
        assert follow(parse("http://a.test/x"), location).url.isascii()


def test_what_cannot_be_seen_in_a_fragment_is_encoded() -> None:
    """The address that is shown steers no terminal and hides no text."""
    assert parse("http://a.test/#a\u202eb\u200b").shown == "http://a.test/#a%E2%80%AEb%E2%80%8B"


@given(st.text(max_size=40))
def test_any_location_is_an_address_or_an_error_of_ours(location: str) -> None:
    """No text raises anything else."""
    with suppress(InvalidURLError, RefusedURLError, NotWebError):
        shown = follow(parse("http://a.test/x"), location).shown
        assert shown.isprintable()
