"""Every published number says where it stands, and a split has one name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kb.cli import run
from kb.records import Library, Link, Published, protocol, splits
from kb.records.canonical import plain

ROOT = Path(__file__).resolve().parents[2]
ROWS = [
    (key, number, row)
    for key, rows in Library(ROOT).published.items()
    for number, row in enumerate(rows)
]
ROW = {
    "dataset": "msrvtt",
    "test_split": "1k-A",
    "train_split": "9k",
    "direction": "t2v",
    "captions_per_video": 1,
    "gallery": 1000,
    "features": "raw frames",
    "pretraining": "none",
    "postproc": "none",
    "metrics": {"R@1": 20.9},
    "reported_by": "paper",
    "source": "Table 1",
}


def of(**changes: object) -> Published:
    """A row with a whole protocol, changed."""
    return Published.model_validate(ROW | changes)


def test_every_number_of_this_list_has_an_address() -> None:
    """Each row links to its source; one of a repository names the commit in the address."""
    assert len(ROWS) > 300
    without = [(key, number) for key, number, row in ROWS if row.source.url is None]
    moving = [
        row.source.url
        for _, _, row in ROWS
        if row.source.url
        and "github.com" in row.source.url
        and "/issues/" not in row.source.url
        and not re.search(r"/blob/[0-9a-f]{40}/", row.source.url)
    ]
    assert (without, moving) == ([], [])


def test_a_quote_holds_the_numbers_of_its_row() -> None:
    """Each figure stands in the quote as printed, in percent or as a fraction."""
    quoted = [(key, number, row) for key, number, row in ROWS if row.source.quote]
    assert len(quoted) > 260
    wrong = [
        (key, number, name)
        for key, number, row in quoted
        for name, value in row.metrics.items()
        if value is not None and not stands(value, name, str(row.source.quote))
    ]
    assert [one for one in wrong if not partly(*one)] == []


def partly(key: str, number: int, name: str) -> bool:
    """Whether a quote gives only one of the row's numbers, the others being on other lines."""
    quote = str({(k, n): r for k, n, r in ROWS}[key, number].source.quote)
    return quote.startswith('"val') and name != "R@1"


def stands(value: float, name: str, quote: str) -> bool:
    """Whether a figure is printed there, rounded as the row has it."""
    printed = [float(part) for part in re.findall(r"\d+(?:\.\d+)?", quote)]
    scales = (1.0, 100.0, 0.01, 0.1)  # percent, fractions, counts of 1,000
    near = 10.0 ** -digits(value) / 2 + 1e-9
    ranks = name == "MedR" and value - 1 in printed  # a 0-based median
    return ranks or any(
        abs(number * scale - value) <= near for number in printed for scale in scales
    )


def digits(value: float) -> int:
    """Digits behind the point."""
    return len(f"{value!r}".partition(".")[2]) if isinstance(value, float) else 0


def test_nothing_is_presumed() -> None:
    """No row rests on a presumption."""
    assert "presumed" not in (ROOT / "data" / "published.yaml").read_text("utf-8")


def test_a_source_that_is_only_a_name_is_text() -> None:
    """It is read from text and written back as text; a whole source is a mapping."""
    assert plain(of())["source"] == "Table 1"
    whole = {"name": "Paper", "url": "https://arxiv.org/abs/1907.13487v2", "page": 8}
    assert plain(of(source=whole))["source"] == whole


@pytest.mark.parametrize(
    "url", ["arxiv.org/abs/1", "javascript:alert(1)", "https://a b", "ftp://x.org/a"]
)
def test_an_address_is_one_of_the_web(url: str) -> None:
    """Anything else is refused."""
    with pytest.raises(ValueError, match="url"):
        of(source={"name": "Paper", "url": url})


def test_a_source_as_one_line() -> None:
    """A short version is said, the name of a commit is not."""
    assert str(of(source={"name": "A", "version": "v2", "table": "Table 1", "page": 8}).source) == (
        "A, v2, Table 1, page 8"
    )
    assert str(of(source={"name": "A", "version": "0" * 40}).source) == "A"


@pytest.mark.parametrize(
    ("changes", "gaps"),
    [
        ({}, []),
        ({"test_split": "not stated"}, ["test split"]),
        ({"gallery": None, "postproc": "unknown"}, ["gallery", "postproc"]),
        ({"gallery": None, "captions_per_video": None, "metrics": {"infAP": 0.1}}, []),
    ],
)
def test_what_a_source_leaves_out(changes: dict[str, object], gaps: list[str]) -> None:
    """Conditions that are not stated are named; TRECVID's own are fixed by it."""
    assert protocol.not_stated(of(**changes)) == gaps


@pytest.mark.parametrize(
    ("dataset", "role", "name", "one"),
    [
        ("msrvtt", "train", "7010", "7k"),
        ("msrvtt", "train", "Test1k-Yu partition (7010)", "7k"),
        ("msrvtt", "train", "9,000 + COCO images", "9k + COCO images"),
        ("msrvtt", "test", "Test1k-Miech", "1k-B"),
        ("msrvtt", "test", "quay", "quay"),
        ("harbour", "test", "1k-Yu", "1k-Yu"),
    ],
)
def test_other_spellings_have_one_name(
    dataset: str, role: splits.Role, name: str, one: str
) -> None:
    """Names that no table knows stay as they are."""
    assert splits.one_name(dataset, role, name) == one


def test_a_split_is_read_under_the_protocol_of_the_data() -> None:
    """The training set may decide which; a split without one keeps its name."""
    assert splits.protocol(of()) == "1k-A"
    assert splits.protocol(of(train_split="7010")) == "1k-A-7k"
    assert splits.protocol(of(dataset="msvd", test_split="670")) == "full"
    assert splits.protocol(of(dataset="harbour", test_split="quay")) == "quay"


def test_each_name_means_one_split() -> None:
    """No spelling stands for two splits of one role, and MSR-VTT's name the file that settles."""
    for roles in splits.table().values():
        for found in roles.values():
            names = [name for split in found for name in (split.name, *split.also)]
            assert len(names) == len(set(names))
    settled = [one for found in splits.table()["msrvtt"].values() for one in found]
    assert all(one.url and one.settled for one in settled if one.name not in {"MVEB", "MMEB-V2"})


def test_another_spelling_is_found_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`kb check` gives the line and the name to write."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "papers.yaml").write_text(
        "papers:\n- id: liu2019ce\n  title: Use What You Have\n", "utf-8"
    )
    lines = [
        f"{'- ' if at == 0 else '  '}{name}: {value}"
        for at, (name, value) in enumerate(ROW.items())
    ]
    text = "liu2019ce:\n" + "\n".join(lines).replace("1k-A", "1k-Yu").replace("{'R@1'", "{R@1")
    (tmp_path / "data" / "published.yaml").write_text(text + "\n", "utf-8")
    assert run(["check", "-C", str(tmp_path)]) == 1
    assert (
        "data/published.yaml:3: liu2019ce: the test split '1k-Yu' of msrvtt is called '1k-A'"
        in (capsys.readouterr().out)
    )


def test_why_two_numbers_do_not_compare() -> None:
    """What differs is named with both values, and so is what neither source states."""
    assert protocol.reasons(of(), of()) == []
    other = of(test_split="full", gallery=2990, features=None, metrics={"mAP": 1.0})
    assert protocol.reasons(of(), other) == [
        "test split: 1k-A, full",
        "gallery: 1000, 2990",
        "features: raw frames, not stated",
        "no metric in common",
    ]
    silent = of(pretraining=None)
    assert protocol.reasons(silent, silent) == ["pretraining: not stated by either"]


def test_foreign_protocols_have_names_of_their_own() -> None:
    """MVEB, MMEB-V2 and MSVD's first captions are tests apart, and no spelling makes them 1k-A."""
    names = {one.name: one for one in splits.table()["msrvtt"]["test"]}
    assert (names["MVEB"].size, names["MVEB"].metric) == (879, "nDCG@10")
    assert "MMEB-V2" in names
    assert splits.one_name("msvd", "test", "MSVD-660") == "660 first captions"
    foreign = of(test_split=splits.one_name("msrvtt", "test", "MVEB (879 clips)"))
    assert protocol.reasons(of(), foreign) == ["test split: 1k-A, MVEB"]


def test_code_has_the_identifier_of_the_revision_that_was_read() -> None:
    """Software Heritage's identifier, where the repository's commit is known."""
    library = Library(ROOT)
    links = [one for paper in library.papers for one in paper.links if one.kind == "code"]
    known = [one.swhid for one in (*links, *library.implementations) if one.swhid]
    assert len(known) >= 25
    with pytest.raises(ValueError, match="swhid"):
        Link(kind="code", url="https://example.org/a", swhid="swh:1:rev:123")
