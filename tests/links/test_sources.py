"""Links are found where they stand, and only where a reader would see one."""

from pathlib import Path
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.links.sources import in_file, in_records, place, scan
from kb.records import KBError, Library


def urls(text: str) -> list[tuple[str, int, int]]:
    """Address, line and column of every occurrence."""
    return [(one.url, one.line, one.col) for one in scan(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[[paper]](http://a.test/x)", [("http://a.test/x", 1, 11)]),
        ("a\n b [t](<http://a.test/x y>)", [("http://a.test/x y", 2, 9)]),
        ('[t](http://a.test/x "title")', [("http://a.test/x", 1, 5)]),
        ("[t](http://a.test/x_(y))", [("http://a.test/x_(y)", 1, 5)]),
        ("![i](http://a.test/i.svg)", [("http://a.test/i.svg", 1, 6)]),
        (
            "[![i](http://a.test/i)](http://a.test/x)",
            [("http://a.test/i", 1, 7), ("http://a.test/x", 1, 25)],
        ),
        ("see http://a.test/x.", [("http://a.test/x", 1, 5)]),
        ("(http://a.test/x), and", [("http://a.test/x", 1, 2)]),
        ("<http://a.test/x>", [("http://a.test/x", 1, 2)]),
        ("[r]: http://a.test/x", [("http://a.test/x", 1, 6)]),
        ('<a href="http://a.test/x">', [("http://a.test/x", 1, 10)]),
        ("[t](link)", [("link", 1, 5)]),
        ("`[t](http://a.test/x)`", []),
        ("``` \n[t](http://a.test/x)\n```\nhttp://b.test/", [("http://b.test/", 4, 1)]),
        ("<!-- http://a.test/x --> http://b.test/", [("http://b.test/", 1, 26)]),
        ("<!--\nhttp://a.test/\n--> http://b.test/", [("http://b.test/", 3, 5)]),
        ("no links here, not even a@b.test", []),
        ("[t](http://a.test/q?a=1&amp;b=2)", [("http://a.test/q?a=1&b=2", 1, 5)]),
        ("http://a.test/q?a=1&#38;b=2&copy=3", [("http://a.test/q?a=1&b=2&copy=3", 1, 1)]),
        ('<a href="http://a.test/?a&amp;b">', [("http://a.test/?a&b", 1, 10)]),
        ("&lt;http://a.test/x&gt;", [("http://a.test/x", 1, 5)]),
        ("[t](http://a.test/x\\_y)", [("http://a.test/x_y", 1, 5)]),
        ("\u89c1http://a.test/x\uff0c\u7136\u540e", [("http://a.test/x", 1, 2)]),
        (
            "http://a.test/x\u3002http://b.test/y\uff09",
            [("http://a.test/x", 1, 1), ("http://b.test/y", 1, 17)],
        ),
        (
            "\u300ahttp://a.test/x\u300b\u3001\u300chttp://b.test/y\u300d",
            [("http://a.test/x", 1, 2), ("http://b.test/y", 1, 20)],
        ),
        ("http://a.test/\u8bba\u6587.pdf\uff1b", [("http://a.test/\u8bba\u6587.pdf", 1, 1)]),
        ("\u0441\u0430\u0439\u0442http://a.test/x", [("http://a.test/x", 1, 5)]),
        ("xhttp://a.test/x", []),
        ("[t](\nhttp://a.test/x)", [("http://a.test/x", 2, 1)]),
        ("[t](\r\n  http://a.test/x)", [("http://a.test/x", 2, 3)]),
        ("> [t](\n> http://a.test/x)", [("http://a.test/x", 2, 3)]),
        ("[t](\n\nhttp://a.test/x)", [("http://a.test/x", 3, 1)]),
        ("[r]:\n  http://a.test/x", [("http://a.test/x", 2, 3)]),
        ("[t](http://a.test/x_(y_(z)))", [("http://a.test/x_(y_(z))", 1, 5)]),
        ("[t](http://a.test/(a(b(c(d)))))", [("http://a.test/(a(b(c(d))))", 1, 5)]),
        ("([t](http://a.test/x))", [("http://a.test/x", 1, 6)]),
        ("[a [b] c](http://a.test/x)", [("http://a.test/x", 1, 11)]),
        ("[^1]: See [t](http://a.test/x)", [("http://a.test/x", 1, 15)]),
    ],
)
def test_addresses_are_found_with_their_place(text: str, found: list[tuple[str, int, int]]) -> None:
    """Each Markdown form, with line and column of the address itself; none in code or comments."""
    assert urls(text) == found


@given(
    st.lists(st.sampled_from([*list("[]()<>`!- \n#:/"), "http://a.test/x", "<!--", "-->", "```"]))
)
def test_any_markdown_is_read_and_places_are_true(parts: list[str]) -> None:
    """Whatever the text, an address stands at the very place that is given for it."""
    text = "".join(parts)
    lines = text.split("\n")
    for seen in scan(text):
        assert lines[seen.line - 1].startswith(seen.raw, seen.col - 1)


def test_files_and_anchors_are_not_web_addresses(tmp_path: Path) -> None:
    """A file that is there and an anchor are left alone; a placeholder is kept, to be called so."""
    (tmp_path / "LICENSE").write_text("words")
    path = tmp_path / "list.md"
    path.write_text("[a](LICENSE) [b](#part) [c](link) [d](http://a.test/) [e](http://a.test/)\r\n")
    found = in_file(path)
    assert [entry.url for entry in found] == ["link", "http://a.test/"]
    assert found[1].places == [(1, 39), (1, 59)]
    assert found[1].kinds == {"d", "e"}


def test_an_absent_file_is_told(tmp_path: Path) -> None:
    """A file that cannot be read is one clear line."""
    with pytest.raises(KBError, match="no such file"):
        in_file(tmp_path / "absent.md")


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Two papers that share a link, one of them removed from the list, and a dataset."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "papers.yaml").write_text(
        """papers:
- id: one2020first
  title: First
  links:
  - {kind: paper, url: "http://a.test/1"}
  - {kind: code, url: "http://a.test/code"}
- id: two2021second
  title: Second
  links:
  - {kind: code, url: "http://a.test/code"}
- id: three2022third
  title: Third
  status: removed
  links:
  - {kind: paper, url: "http://a.test/3"}
"""
    )
    (data / "datasets.yaml").write_text(
        'datasets:\n- {id: some-set, name: Some, title: Some, links: [{kind: homepage, url: "http://a.test/d"}]}\n'
    )
    return Library(tmp_path)


def test_records_bring_their_links_once(library: Library) -> None:
    """A shared link is one link with both records; what left the list is not looked at."""
    found = in_records(library, [])
    assert [(entry.url, entry.ids) for entry in found] == [
        ("http://a.test/1", ["one2020first"]),
        ("http://a.test/code", ["one2020first", "two2021second"]),
        ("http://a.test/d", ["some-set"]),
    ]


def test_records_can_be_chosen(library: Library) -> None:
    """Papers and datasets by their keys; an unknown key is told."""
    assert [entry.url for entry in in_records(library, ["two2021second"])] == ["http://a.test/code"]
    assert [entry.url for entry in in_records(library, ["some-set"])] == ["http://a.test/d"]
    with pytest.raises(KBError, match="nobody"):
        in_records(library, ["nobody"])


def test_records_know_where_the_list_has_them(library: Library, tmp_path: Path) -> None:
    """The links of records carry line and column of the list, where it has them."""
    path = tmp_path / "README.md"
    path.write_text("# List\n\n- First [[code]](http://a.test/code)\n")
    found = place(in_records(library, []), in_file(path))
    assert [entry.places for entry in found] == [[], [(3, 18)], []]


@pytest.mark.parametrize(
    "text",
    ["](" * 200_000, "](<" * 200_000, "[" * 400_000, "](((" * 100_000, "http://a.test/)" * 30_000],
)
def test_hostile_markdown_is_read_in_time(text: str) -> None:
    """Openings that never close cost no more than the text is long."""
    begun = process_time()
    for _ in scan(text):
        pass
    assert process_time() - begun < 10
