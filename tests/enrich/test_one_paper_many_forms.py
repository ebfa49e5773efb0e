"""Forms of one thing: identifiers with and without a class, DOIs however they are coded, TeX."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.enrich import feed
from kb.enrich.matching import (
    base_of,
    doi_in,
    find,
    in_address,
    parse,
    same_title,
    share_author,
    untex,
)

SICI = "10.1002/(SICI)1097-4571(199806)49:8<693::AID-ASI4>3.0.CO;2-O"


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("math.GT/0309136", "math/0309136"),
        ("math.gt/0309136", "math/0309136"),
        ("math/0309136v2", "math/0309136"),
        ("cs.CL/0112018", "cs/0112018"),
        ("hep-th/9901001", "hep-th/9901001"),
        ("cond-mat.mes-hall/9901001", None),
        ("1809.06181v3", "1809.06181"),
    ],
)
def test_an_identifier_has_one_form(text: str, base: str | None) -> None:
    """The subject class is no part of it, in text and in addresses."""
    assert (parse(text) or (None,))[0] == base
    assert base_of(text) == (base or text)
    if base:
        assert in_address(f"https://arxiv.org/abs/{text}") == parse(text)
        assert find(f"arXiv preprint {text}.") == parse(text)


@pytest.mark.parametrize(
    "text",
    [
        SICI,
        f"https://doi.org/{SICI}",
        "https://doi.org/10.1002/%28SICI%291097-4571%28199806%2949%3A8%3C693%3A%3AAID-ASI4%3E3.0.CO%3B2-O",
        SICI.replace("<", "&lt;").replace(">", "&gt;"),
        SICI.replace("<", "$<$").replace(">", "$>$"),
        SICI.replace("<", r"\textless{}").replace(">", r"\textgreater{}"),
        SICI.replace("<", r"{\textless}").replace(">", r"{\textgreater}"),
        f"doi: {SICI}.",
        f"{SICI}, see there",
    ],
)
def test_a_doi_is_decoded_as_one(text: str) -> None:
    """Percent signs, entities, TeX, an address around it, a stop behind it."""
    assert doi_in(text) == SICI


@pytest.mark.parametrize(
    ("text", "doi"),
    [
        ("10.1145/3386252", "10.1145/3386252"),
        ("(10.1145/3386252)", "10.1145/3386252"),
        (r"10.1007/978-3-030-58548-8\_13", "10.1007/978-3-030-58548-8_13"),
        ("10.1145/1.2;", "10.1145/1.2"),
        ("10.1/x", None),
        ("none", None),
    ],
)
def test_other_dois_are_read_as_they_are(text: str, doi: str | None) -> None:
    """Escapes of TeX go, brackets of the sentence too."""
    assert doi_in(text) == doi


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"Erd\H{o}s", "Erd\u0151s"),
        (r"Poincar\'e", "Poincar\u00e9"),
        (r"G{\"o}del", "G\u00f6del"),
        (r"\v{C}ech", "\u010cech"),
        (r"S{\o}ren", "S\u00f8ren"),
        ("100% of", "100% of"),
        (r"100\% of", "100% of"),
        ("50% of {Things}", "50% of Things"),
        ("{unclosed", "unclosed"),
        ("plain - text", "plain - text"),
    ],
)
def test_tex_is_read_as_text(tex: str, text: str) -> None:
    """Accents composed, braces gone, a percent sign is one."""
    assert untex(tex) == text


@given(st.text(alphabet="\\\\{}$%~^_'\"abc \n", max_size=60))
def test_any_tex_is_one_line(tex: str) -> None:
    """Nothing raises and nothing breaks a line."""
    assert "\n" not in untex(tex)


def test_deep_tex_is_left_as_it_is() -> None:
    """What no parser can nest is shown as it is written."""
    assert untex("{" * 3000) == "{" * 3000


def test_tex_in_an_answer_is_no_accusation() -> None:
    """A name or a title that arXiv writes in TeX is the one that the list writes in letters."""
    assert share_author(["P. Erd\u0151s"], [r"Paul Erd\H{o}s"])
    assert same_title("On the Poincar\u00e9 Lantern", r"On the Poincar\'e Lantern")
    assert same_title("Gaussian O(n log n) Kites", r"Gaussian $O(n \log n)$ Kites")


def test_an_answer_is_read_as_text() -> None:
    """Titles and names come out of the feed without TeX."""
    body = (
        b'<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>http://arxiv.org/abs/math.GT/0309136v1</id>'
        rb"<title>The Poincar\'e Kite</title><author><name>Paul Erd\H{o}s</name></author></entry></feed>"
    )
    (record,) = feed.read(body).entries
    assert (record.id, record.title) == ("math/0309136", "The Poincar\u00e9 Kite")
    assert record.authors == ["Paul Erd\u0151s"]
