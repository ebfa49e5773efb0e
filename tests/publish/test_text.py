"""Text from a list on its way into a page."""

import html
import json

import markdown as python_markdown
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.publish import text


@given(st.text(max_size=60))
def test_markdown_shows_any_text_letter_by_letter(value):
    """A line of escaped text comes out of a Markdown processor as the cleaned text it was."""
    line = text.clean(f"x{value}x")
    shown = python_markdown.markdown(f"# {text.markdown(line)}", extensions=["attr_list", "tables"])
    assert shown.startswith("<h1>")
    inner = shown.removeprefix("<h1>").removesuffix("</h1>")
    assert "<" not in inner
    assert " ".join(html.unescape(inner).split()) == " ".join(line.split())


@pytest.mark.parametrize(
    "start", ["1. list", "- list", "+ list", "> quote", "# title", "~~~", "    x"]
)
def test_a_line_cannot_begin_a_markdown_block(start):
    """What would start a list, a quote, a heading or a fence starts a paragraph."""
    shown = python_markdown.markdown(text.markdown(start).strip())
    assert shown.startswith("<p>")


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JAVASCRIPT:alert(1)",
        " https://a.example",
        "https://a.example/ b",
        "https://a.example/\n",
        "https://user@a.example",
        "https://a.example/\u202e",
        'https://a.example/"',
        "https://",
        "https://[::1",
        "//a.example",
        "ftp://a.example",
        "data:text/html,x",
        "a.example",
        "(link)",
        "",
    ],
)
def test_what_is_no_plain_web_address_is_no_link(url):
    """Only http and https with a host and without hidden parts may be followed."""
    assert text.web_address(url) is None


@pytest.mark.parametrize(
    "url", ["http://a.example", "https://a.example:8/ü?q=1&r=%20#f", "HTTPS://A.example/x(1)"]
)
def test_a_web_address_stays_as_it_is(url):
    """A plain address is neither changed nor refused."""
    assert text.web_address(url) == url


def test_controls_and_reordering_marks_become_visible():
    """What cannot be seen is named; what breaks a line is a blank."""
    assert text.clean("a\tb\r\nc\u2028d") == "a b c d"
    assert text.clean("\u202eexe.\u2069") == "[U+202E]exe.[U+2069]"
    assert text.clean("a\x00b\x1b[0m\ud800") == "a\ufffdb\ufffd[0m\ufffd"
    assert text.clean("Zoë Šan 李 שלום") == "Zoë Šan 李 שלום"


def test_json_names_reordering_marks_and_reads_back_as_it_was():
    """The file shows the mark as an escape; a program gets the character."""
    written = text.json_text({"title": "a\u202eb"})
    assert "\u202e" not in written
    assert json.loads(written) == {"title": "a\u202eb"}


def test_numbers_are_shown_as_published():
    """No figure gains or loses a digit that its source gave."""
    assert [text.number(value) for value in (22.0, 0.159, 145.9, None)] == [
        "22",
        "0.159",
        "145.9",
        "–",
    ]


def test_authors_are_shortened_only_when_there_are_many():
    """Up to three are named; an incomplete list says so."""
    assert text.names(["A", "B", "C"], et_al=False) == "A, B, C"
    assert text.names(["A", "B", "C", "D"], et_al=False) == "A et al."
    assert text.names(["A"], et_al=True) == "A et al."
    assert text.names([], et_al=True) == ""


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (10000, "10,000"),
        ("125782", "125,782"),
        (6513, "6,513"),
        ("about 27k", "about 27k"),
        (None, None),
    ],
)
def test_large_whole_numbers_are_grouped_and_words_stay(given, shown):
    """A record may hold a count as a number or as text."""
    assert text.grouped(given) == shown


def test_backticks_in_pairs_mark_code_and_a_single_one_is_a_letter():
    """Texts of a model's header name variables so."""
    assert text.coded("the first `max_frames` frames") == [
        ("the first ", False),
        ("max_frames", True),
        (" frames", False),
    ]
    assert text.coded("a ` alone") == [("a ` alone", False)]
