"""What `kb enrich` fills, what it only suggests, and what it reports."""

import os
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from kb.enrich import matching
from kb.enrich.arxiv import Arxiv, Cache
from kb.enrich.run import enrich
from kb.records import KBError, Library, Provenance
from tests.servers.arxiv import Server


def paper(base: Path, key: str):
    """One record as it stands on disk."""
    return Library.open(base).paper(key)


def test_the_full_author_list_replaces_an_et_al(server: Server, base: Path) -> None:
    """A record that knows one author and `et al.` gets them all, with source and date."""
    enrich(base, ["dong2019dual"])
    found = paper(base, "dong2019dual")
    assert found.authors[0] == "Jianfeng Dong"
    assert len(found.authors) > 5
    assert found.et_al is False
    assert found.provenance["authors"].source == "arxiv"
    assert found.provenance["authors"].detail == "1809.06181v1"


def test_a_link_to_another_paper_is_a_finding_and_gives_nothing(server: Server, base: Path) -> None:
    """A paper whose link is another paper's is reported with its owner and left as it was."""
    before = paper(base, "invented2018mixture")
    report = enrich(base)
    rows = [row for row in report.mismatches if row["id"] == "invented2018mixture"]
    assert [(row["kind"], row["from"], row["belongs_to"]) for row in rows] == [
        ("other_paper", "link", "dong2019dual")
    ]
    assert paper(base, "invented2018mixture") == before


def test_a_link_of_the_same_title_gives_the_identifier(server: Server, base: Path) -> None:
    """An identifier that stands only in a link is taken when title and surname agree."""
    report = enrich(base, ["luo2021clip4clip"])
    assert report.matched == 1
    assert paper(base, "luo2021clip4clip").ids.arxiv == "2104.08860"


def test_a_title_search_only_suggests(server: Server, base: Path) -> None:
    """A paper without identifier is suggested one and keeps none."""
    report = enrich(base, ["patrick2021support"])
    assert [(row["id"], row["arxiv"]) for row in report.suggestions] == [
        ("patrick2021support", "2010.02824")
    ]
    assert paper(base, "patrick2021support").ids.arxiv is None


def test_an_unknown_identifier_is_a_finding(server: Server, base: Path) -> None:
    """A well-formed identifier that arXiv does not know is reported."""
    report = enrich(base, ["unknown2020id"])
    assert [row["kind"] for row in report.mismatches] == ["unknown_id"]


def test_a_withdrawal_is_confirmed_before_the_record_says_so(server: Server, base: Path) -> None:
    """A comment makes a suspect; only arXivRaw makes the record `withdrawn`."""
    report = enrich(base)
    confirmed = {row["id"]: row["confirmed"] for row in report.withdrawn}
    assert confirmed == {"made2099withdrawn": True, "made2099reply": False}
    assert paper(base, "made2099withdrawn").status == "withdrawn"
    assert paper(base, "made2099reply").status == "active"


def test_a_value_a_person_set_is_never_overwritten(server: Server, base: Path) -> None:
    """Authors marked as curated stay, though arXiv knows more."""
    with Library.editing(base) as library:
        record = library.paper("dong2019dual")
        record.provenance = {"authors": Provenance(source="curated", date="2026-01-01")}
        library.save()
    enrich(base, ["dong2019dual"])
    assert paper(base, "dong2019dual").authors == ["Dong"]


def test_a_dry_run_tells_and_writes_no_record(server: Server, base: Path) -> None:
    """With --dry-run the changes are listed and papers.yaml keeps its bytes."""
    before = (base / "data" / "papers.yaml").read_bytes()
    report = enrich(base, dry_run=True)
    assert [row["id"] for row in report.changed] != []
    assert (base / "data" / "papers.yaml").read_bytes() == before


def test_a_second_run_asks_nothing_and_changes_nothing(server: Server, base: Path) -> None:
    """Within a day the cache answers identifiers, and the records are complete."""
    enrich(base, ["dong2019dual"])
    asked, before = len(server.state.log), (base / "data" / "papers.yaml").read_bytes()
    report = enrich(base, ["dong2019dual"])
    assert len(server.state.log) == asked
    assert report.changed == []
    assert (base / "data" / "papers.yaml").read_bytes() == before


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (
            "Hero: Hierarchical encoder for video+ language",
            "HERO: Hierarchical Encoder for Video+Language",
            True,
        ),
        ("Uberraschung", "Überraschung", True),
        ("Cross-Modal Retrieval", "Cross-Modal Matching", False),
        ("", "", False),
    ],
)
def test_titles_are_compared_by_their_letters(one: str, other: str, same: bool) -> None:
    """Case, accents, spaces and punctuation make no difference; words do; nothing is no title."""
    assert matching.same_title(one, other) is same


def test_initials_are_no_surname() -> None:
    """Two lists of names agree on a surname, not on an initial."""
    assert matching.share_author(["Luo H", "Ji L"], ["Huaishao Luo"])
    assert not matching.share_author(["Li H"], ["Wang H"])


def test_surnames_of_two_letters_count() -> None:
    """`Xu R` is `Ran Xu`; a given name in common is not enough."""
    assert matching.share_author(["Xu R"], ["Ran Xu", "Caiming Xiong"])
    assert matching.share_author(["Yu Y", "Ko H"], ["Youngjae Yu"])
    assert not matching.share_author(["Jianfeng Dong"], ["Jianfeng Wang"])


def test_a_title_that_disagrees_is_a_finding_and_fills_nothing(server: Server, base: Path) -> None:
    """Under the record's own identifier another title is reported; no value is taken."""
    with Library.editing(base) as library:
        library.paper("dong2019dual").title = "Dual Decoding"
        library.save()
    report = enrich(base, ["dong2019dual"])
    assert [row["kind"] for row in report.mismatches] == ["title"]
    assert report.changed == []
    assert paper(base, "dong2019dual").et_al is True


def test_a_wrong_identifier_is_answered_with_the_right_one(server: Server, base: Path) -> None:
    """A paper whose identifier is another paper's is reported, and its own is suggested."""
    with Library.editing(base) as library:
        library.paper("patrick2021support").ids.arxiv = "1809.06181"
        library.save()
    report = enrich(base, ["patrick2021support"])
    assert [row["kind"] for row in report.mismatches] == ["other_paper"]
    assert [row["arxiv"] for row in report.suggestions] == ["2010.02824"]


def test_a_value_carries_the_day_on_which_arxiv_gave_it(server: Server, base: Path) -> None:
    """Filled from an answer of yesterday evening, the date is yesterday's."""
    then = datetime.now(timezone.utc) - timedelta(hours=23)
    earlier = Cache(base / "data" / "arxiv.json", then)
    Arxiv(earlier).fetch(["1809.06181"])
    enrich(base, ["dong2019dual"])
    assert len(server.state.log) == 1
    assert paper(base, "dong2019dual").provenance["authors"].date == then.date().isoformat()


def test_no_abstract_is_stored(server: Server, base: Path) -> None:
    """What arXiv says in its summary stands in no file."""
    enrich(base)
    kept = [p for p in (base / "data").iterdir() if b"abstract" in p.read_bytes().lower()]
    assert kept == []


def test_out_of_reach_changes_nothing_and_exits_with_4(base: Path) -> None:
    """Without a network the command says so in one line, exit code 4, and no file changes."""
    before = {p: p.read_bytes() for p in base.rglob("*") if p.is_file()}
    done = subprocess.run(
        [sys.executable, "-m", "kb", "enrich", "-C", str(base), "--json"],
        env=os.environ
        | {
            "KB_ARXIV_ENDPOINT": "http://127.0.0.1:9/api/query",
            "KB_ARXIV_INTERVAL": "0",
            "KB_CACHE": str(base.parent / "elsewhere"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4
    assert len(done.stderr.strip().splitlines()) == 1
    assert '"unreachable": true' in done.stdout
    assert {
        p: p.read_bytes() for p in base.rglob("*") if p.is_file() and p.name != ".kb.lock"
    } == before


def test_an_unknown_paper_is_one_line(server: Server, base: Path) -> None:
    """A key that no paper has is refused before anything is asked."""
    with pytest.raises(KBError, match="no paper or model is called"):
        enrich(base, ["nobody1900nothing"])
    assert server.state.log == []
