"""Files of records: read with the place of a fault, written so that only changes show."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kb.records import KBError, Library, Paper, canonical
from kb.records.yamlfile import parse

ROOT = Path(__file__).resolve().parents[2]

COMMENTED = """\
# The head of the file.

papers:  # all of them
# Above the first.
- id: ada2020first
  title: First  # its title
  # Above the year.
  year: 2020

# Above the second.
- id: bell2021second
  title: 'Second'
  year:   2021

# The end.
"""


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A folder of records with comments and a person's own spacing."""
    (tmp_path / "data").mkdir()
    put(tmp_path, COMMENTED)
    return tmp_path


def put(root: Path, text: str | bytes, name: str = "papers") -> None:
    """Write a file of records."""
    data = text if isinstance(text, bytes) else text.encode()
    (root / "data" / f"{name}.yaml").write_bytes(data)


def text_of(root: Path) -> str:
    """The papers' file."""
    return (root / "data" / "papers.yaml").read_bytes().decode()


def change(root: Path, number: int, **fields: object) -> None:
    """Change fields of one paper and save."""
    with Library.editing(root) as library:
        library.papers[number] = library.papers[number].model_copy(update=fields)
        library.save()


def test_records_that_did_not_change_keep_their_bytes(base: Path) -> None:
    """Reading and saving writes nothing."""
    with Library.editing(base) as library:
        assert library.papers
        assert library.save() == []
    assert text_of(base) == COMMENTED


def test_a_changed_value_is_one_changed_line(base: Path) -> None:
    """Comments stay where they were; the other record keeps a person's spacing."""
    change(base, 0, year=2019)
    assert text_of(base) == COMMENTED.replace("year: 2020", "year: 2019")


def test_a_comment_outlives_the_line_it_stood_at(base: Path) -> None:
    """A field that goes away leaves its comment with the record."""
    change(base, 0, year=None)
    assert "# Above the year." in text_of(base)
    assert Library(base).papers[0].year is None


def test_a_new_record_is_put_in_order_and_shows_as_its_own_lines(base: Path) -> None:
    """Sorted by id, with the blank line between."""
    with Library.editing(base) as library:
        library.papers.append(Paper(id="alan2020middle", title="Middle", year=2020))
        library.save()
    old, new = COMMENTED.split("\n"), text_of(base).split("\n")
    assert [line for line in new if line not in old] == ["- id: alan2020middle", "  title: Middle"]
    assert [paper.id for paper in Library(base).papers] == [
        "ada2020first",
        "alan2020middle",
        "bell2021second",
    ]
    assert all(line in new for line in old)


@pytest.mark.parametrize(("mark", "end"), [("\ufeff", "\n"), ("", "\r\n"), ("\ufeff", "\r\n")])
def test_line_ends_and_byte_order_mark_stay(base: Path, mark: str, end: str) -> None:
    """As another editor saved the file."""
    put(base, mark + COMMENTED.replace("\n", end))
    change(base, 0, year=2019)
    assert text_of(base) == mark + COMMENTED.replace("year: 2020", "year: 2019").replace("\n", end)


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("papers:\n- id: aa\n  title: [x\n", ":4:1", "did not find expected"),
        ("papers:\n- id: aa\n\ttitle: t\n", ":3:1", "tab"),
        ("papers:\n- id: aa\n  title: t\n  title: u\n", ":4:3", "the key `title` occurs twice"),
        ("papers:\n- id: aa\n  title: &t x\n  notes:\n  - *t\n", ":5:5", "an alias"),
        ("papers:\n- id: aa\n  title: 7\n", ":3:3", "in quotes"),
        ("papers:\n- id: aa\n  tytle: t\n", ":3:3", "no field has this name"),
        ("papers:\n- id: aa\n  title: t\n  year: 20199\n", ":4:3", "less than or equal to 2100"),
        (
            "papers:\n- id: aa\n  title: t\n  links:\n  - kind: paper\n    url: 7\n",
            ":6:5",
            "quotes",
        ),
        ("papers:\n- id: aa\n  title: t\n- id: aa\n  title: u\n", ":4:3", "id aa occurs twice"),
        ("papers:\n- id: aa\n", ":2:3", "title: Field required"),
        ("papers:\n- aa\n", ":2:3", "valid dictionary"),
        ("papers: 3\n", "", "not a list"),
        ("- 3\n", "", "not a mapping at the top"),
        ("papers: !!python/object/apply:os.getcwd []\n", ":1:9", "could not determine"),
        (b"papers:\n- id: aa\n  title: \xff\n", ":3", "not UTF-8"),
        (b"\x7fELF\0\1", ":1", "a binary file"),
        ("papers: " + "[" * 60 + "\n", ":1:39", "nesting far too deep"),
        ("<<<<<<< HEAD\npapers: []\n", ":2:7", ""),
    ],
)
def test_a_fault_is_one_line_with_its_place(
    base: Path, text: str | bytes, place: str, words: str
) -> None:
    """File, line and column as an editor counts them, what is wrong, what to do."""
    put(base, text)
    with pytest.raises(KBError) as caught:
        _ = Library(base).papers
    said = str(caught.value)
    assert said.startswith(f"{base / 'data' / 'papers.yaml'}{place}: ")
    assert words in said
    assert "\n" not in said


def test_nothing_is_an_empty_knowledge_base(base: Path) -> None:
    """An empty file, one of comments, one with an empty key."""
    for text in ("", "# nothing yet\n", "papers:\n", "papers: []\n"):
        put(base, text)
        assert Library(base).papers == []


def test_records_can_be_put_into_an_empty_file(base: Path) -> None:
    """`papers: []` opens up for the first record."""
    put(base, "# mine\npapers: []  # none yet\n")
    with Library.editing(base) as library:
        library.papers.append(Paper(id="aa", title="T"))
        library.save()
    assert text_of(base) == "# mine\npapers:  # none yet\n- id: aa\n  title: T\n"


words = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=30
)
papers = st.builds(
    Paper,
    id=st.from_regex(r"[a-z0-9][a-z0-9-]{1,20}", fullmatch=True),
    title=words.filter(str.strip),
    authors=st.lists(words.filter(str.strip), max_size=3),
    year=st.none() | st.integers(1900, 2100),
    notes=st.lists(words.filter(str.strip), max_size=2),
)


@given(st.lists(papers, unique_by=lambda paper: paper.id, max_size=4))
def test_what_is_written_is_what_is_read(records: list[Paper]) -> None:
    """Any title in any script, by two YAML readers that are not ours."""
    text = "papers:\n" + "".join(
        line + "\n" for paper in records for line in canonical.entry(canonical.plain(paper))
    )
    wanted = [canonical.plain(paper) for paper in records]
    assert (parse(text, Path("x.yaml")).get("papers") or []) == wanted
    assert (yaml.safe_load(text)["papers"] or []) == wanted


@pytest.mark.parametrize("text", ["no", "1e3", "2019-01-01", "0x1f", "~", "=", "1_000", "a: b"])
def test_words_that_yaml_would_read_as_something_else_are_quoted(text: str) -> None:
    """`no` stays a word and `1e3` stays text, for YAML 1.1 and 1.2 alike."""
    assert yaml.safe_load(canonical.scalar(text)) == text


def test_the_list_s_own_records_are_canonical() -> None:
    """Bringing every block into canonical form changes no byte."""
    library = Library(ROOT)
    _ = library.papers, library.datasets, library.published
    for path, data in library.texts(afresh=True).items():
        assert path.read_bytes() == data
