"""Any text at all: it is read and checked without an error, and every place told is in it."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kb.lists import parse
from tests.fuzz.target import TOKENS, checked

WORDS = (
    "Slow Lanterns",
    "for Video",
    "Ash",
    "Maria Ash",
    "M. Oak",
    "2020",
    "CVPR 2019",
    "ECCV",
    "a",
    "the",
)
PIECES = st.one_of(st.sampled_from(TOKENS), st.sampled_from(WORDS), st.text(max_size=12))
TEXTS = st.lists(PIECES, max_size=60).map("".join)
MANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@MANY
@given(TEXTS)
def test_any_mixture_of_marks_and_words_is_read_and_checked(text: str) -> None:
    """No error; raw lines, line numbers and columns are those of the text."""
    checked(text)


@MANY
@given(TEXTS)
def test_line_ends_do_not_change_what_is_read(text: str) -> None:
    """The same entries with LF and with CRLF."""
    plain = text.replace("\r", "")

    assert parse(plain.replace("\n", "\r\n")) == parse(plain)


@MANY
@given(TEXTS)
def test_a_field_is_in_the_text_or_absent(text: str) -> None:
    """Links, arXiv ids and DOIs are copied from the text, never made up."""
    for entry in parse(text):
        for value in (entry.arxiv, entry.doi):
            assert value is None or value.lower() in entry.raw.lower()
        if entry.year is not None:
            assert str(entry.year) in entry.raw or str(entry.year)[2:] in entry.raw


@MANY
@given(TEXTS, TEXTS)
def test_what_stands_above_moves_entries_by_its_lines(above: str, text: str) -> None:
    """A comment of n lines before a list moves every entry by n lines."""
    quiet = "<!--\n" + "\n".join("x" for _ in above.split("\n")) + "\n-->\n"
    count = quiet.count("\n")

    moved = parse(quiet + text)

    assert [entry.line - count for entry in moved] == [entry.line for entry in parse(text)]
