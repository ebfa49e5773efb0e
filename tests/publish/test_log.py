"""The log: dated from commits and run records, turned into a page and an Atom feed."""

import json
import re
import subprocess
import xml.etree.ElementTree as ET  # our own output
from pathlib import Path

import pytest

from kb.publish import feed, log, verdicts
from kb.records import Library, yamlfile

ATOM = "{http://www.w3.org/2005/Atom}"


def run(folder: Path, variant: str, seed: int, day: str, sumr: float) -> None:
    """A run of the invented model in a probe world, on a day."""
    results = folder / "data" / "results" / "paper-boats"
    record = json.loads((results / "paper-boats-full-1.json").read_text())
    record |= {"id": f"paper-boats-{variant}-{seed}", "variant": variant, "seed": seed}
    record["metrics"]["SumR"], record["date"] = sumr, f"{day}T00:00:00Z"
    probe = {"mechanism": "plain", "level": "plain", "seed": seed, "inputs": ["frames"]}
    record["data"] |= {"name": "diorama-probe", "size": "small", "probe": probe}
    record["data"]["fingerprint"] = f"{seed:08x}"
    (results / f"{record['id']}.json").write_text(json.dumps(record))


def brings_the_model(copy: Path) -> None:
    """The invented model now comes with a dataset: no paper names it, the dataset claims."""
    papers, datasets = copy / "data" / "papers.yaml", copy / "data" / "datasets.yaml"
    held = yamlfile.parse(papers.read_text(encoding="utf-8"), papers)
    brought = next(one for one in held["papers"] if one.get("model") == "paper-boats")
    claims = brought.pop("claims")
    del brought["model"]
    papers.write_text(json.dumps(held), encoding="utf-8")  # JSON is YAML
    sets = yamlfile.parse(datasets.read_text(encoding="utf-8"), datasets)
    sets["datasets"].append(
        {"id": "paper-boats", "name": "Boats", "title": "Boats", "claims": claims}
    )
    datasets.write_text(json.dumps(sets), encoding="utf-8")


def said(events: list[log.LogEvent], kind: str) -> list[tuple[str, str]]:
    """Date and words of the events of one kind."""
    return [(one.date, one.says) for one in events if one.kind == kind]


def test_runs_of_a_day_are_one_event(copy):
    """Each day on which a model ran is a line."""
    assert said(log.events(Library.open(copy)), "runs") == [
        ("2024-03-03", "paper-boats: 1 run on pond-harbour, small"),
        ("2024-03-02", "paper-boats: 1 run on pond-harbour, small"),
        ("2024-03-01", "paper-boats: 1 run on pond-harbour, small"),
    ]


def judged(copy: Path, day: str, gains: list[float], first: int = 0) -> None:
    """Both variants in further worlds, with these differences."""
    for seed, gain in enumerate(gains, first):
        run(copy, "mean", seed, day, 300.0)
        run(copy, "full", seed, day, 300.0 + gain)


def test_a_verdict_that_turns_is_an_event_of_that_day(copy):
    """The gate first seems to be worth something, then six more worlds leave it open."""
    judged(copy, "2024-04-01", [60.0, 61.0, 62.0, 60.0, 61.0, 62.0])
    judged(copy, "2024-05-01", [-150.0, 60.0, -190.0, 60.0, -120.0, 10.0], first=6)
    text = "A gate over the folds is worth more than a mean of them."
    assert said(log.events(Library.open(copy)), "verdict") == [
        ("2024-05-01", f"paper-boats, claim undecided: {text}"),
        ("2024-04-01", f"paper-boats, claim holds: {text}"),
    ]


def test_a_verdict_in_the_log_is_the_one_of_the_page(copy):
    """A variant far below the baseline did not learn, and no event says that its claim failed."""
    judged(copy, "2024-04-01", [-290.0, -291.0, -292.0, -290.0, -291.0, -292.0])
    for path in (copy / "data/results/paper-boats").glob("paper-boats-mean-?.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        record |= {"id": path.stem.replace("paper-boats-mean", "bow-mean"), "model": "bow-mean"}
        record |= {"kind": "baseline", "variant": "full"}
        baseline = copy / "data/results/bow-mean" / f"{record['id']}.json"
        baseline.parent.mkdir(exist_ok=True)
        baseline.write_text(json.dumps(record), encoding="utf-8")
    library = Library.open(copy)
    assert [row["verdict"] for row in verdicts.document(library)] == ["did-not-learn"]
    (event,) = said(log.events(library), "verdict")
    assert event[1].startswith("paper-boats, claim not judged, a variant did not learn: ")


def test_a_model_that_came_with_a_data_set_leads_to_its_page(copy):
    """Its runs and its verdicts are told like any other's, without a single paper that claims."""
    brings_the_model(copy)
    judged(copy, "2024-04-01", [60.0, 61.0, 62.0, 60.0, 61.0, 62.0], first=10)
    found = log.events(Library.open(copy))
    assert [one[0] for one in said(found, "runs")] == [
        "2024-04-01",
        "2024-03-03",
        "2024-03-02",
        "2024-03-01",
    ]
    text = "A gate over the folds is worth more than a mean of them."
    assert said(found, "verdict") == [("2024-04-01", f"Boats, claim holds: {text}")]
    assert {one.page for one in found} == {"benchmarks/paper-boats/"}
    assert [row["verdict"] for row in verdicts.document(Library.open(copy))] == ["holds"]


def test_papers_are_dated_by_the_commit_that_brought_them(copy, monkeypatch):
    """A paper that was there from the start, and one that came later."""
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "a")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "a@example.org")
    papers = copy / "data" / "papers.yaml"
    whole = papers.read_text(encoding="utf-8")
    subprocess.run(["git", "init", "-q"], cwd=copy, check=True)
    before = whole.replace("  - id: heron2020stilts", "  - id: heron2020other")
    for day, content in (("2024-01-01", before), ("2024-02-02", whole)):
        papers.write_text(content, encoding="utf-8")
        monkeypatch.setenv("GIT_AUTHOR_DATE", f"{day}T12:00:00Z")
        subprocess.run(["git", "add", "data"], cwd=copy, check=True)
        subprocess.run(["git", "commit", "-qm", "x"], cwd=copy, check=True)
    dates = {one.subject: one.date for one in log.events(Library.open(copy)) if one.kind == "paper"}
    assert dates["kestrel2021boats"] == "2024-01-01"
    assert dates["heron2020stilts"] == "2024-02-02"
    assert "heron2020other" not in dates


def test_outside_a_repository_papers_have_no_date(copy):
    """No git, no date: nothing is made up."""
    assert said(log.events(Library.open(copy)), "paper") == []


MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")  # RFC 3339


def elements(entry: ET.Element) -> list[str]:
    """Names of an entry's elements."""
    return [element.tag.removeprefix(ATOM) for element in entry]


def test_the_feed_is_atom(built):
    """Every element that RFC 4287 asks for, each moment as RFC 3339 writes it, each id once."""
    root = ET.parse(built / "site" / "feed.xml").getroot()
    assert root.tag == f"{ATOM}feed"
    entries = root.findall(f"{ATOM}entry")
    assert len(entries) >= 3
    for one in (root, *entries):
        assert all(one.findtext(f"{ATOM}{name}") for name in ("id", "title", "updated"))
        assert all(MOMENT.fullmatch(found.text) for found in one.iter(f"{ATOM}updated"))
    ids = [one.findtext(f"{ATOM}id") for one in entries]
    assert len(set(ids)) == len(ids)
    moments = [one.findtext(f"{ATOM}updated") for one in entries]
    assert moments == sorted(moments, reverse=True)
    assert root.findtext(f"{ATOM}updated") == moments[0]
    assert {link.get("rel") for link in root.findall(f"{ATOM}link")} == {"self", "alternate"}


def test_each_entry_has_a_body_that_leads_to_its_page(copy):
    """A day's runs are means by variant and world, a verdict with the one before it; links are absolute."""
    judged(copy, "2024-04-01", [60.0, 61.0, 62.0, 60.0, 61.0, 62.0])
    found = log.events(Library.open(copy))
    root = ET.fromstring(feed.atom(found, "t", "https://e.org/x/"))
    bodies = {one.find(f"{ATOM}category").get("term"): one for one in root.iter(f"{ATOM}entry")}
    for kind, words in (
        ("runs", "Variant full, plain plain, mean of 6 runs: text-to-video R@1"),
        ("verdict", "Verdict: holds. Before: not tested."),
    ):
        content = bodies[kind].find(f"{ATOM}content")
        assert content.get("type") == "html"
        assert words in content.text
        assert '<a href="https://e.org/x/papers/kestrel2021boats/">' in content.text
    addresses = [link.get("href") for link in root.iter(f"{ATOM}link")]
    assert all(one.startswith("https://e.org/x/") for one in addresses)


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2024-03-03T12:30:05Z", "2024-03-03T12:30:05Z"),
        ("2024-03-03T12:30:05.25+02:00", "2024-03-03T10:30:05Z"),
        ("2024-03-03T12:30:05", ""),
        ("2024-03-03", ""),
        ("soon", ""),
    ],
)
def test_a_time_is_written_in_utc_or_left_out(written, moment):
    """A moment without an offset could be any of many, so it is none."""
    assert log._utc(written) == moment


@pytest.mark.parametrize("trick", ["</title><script>x</script>", "a & b", "\u202eevil\x00"])
def test_the_feed_shows_every_text_as_text(trick):
    """Tags, ampersands, control and reordering marks stay words, in the body's HTML too."""
    page = "papers/some2024paper/"
    event = log.LogEvent("2024-01-01", "paper", "some2024paper", trick, page, body=(trick,))
    entry = ET.fromstring(feed.atom([event], "t", "https://example.org/")).find(f"{ATOM}entry")
    shown = entry.findtext(f"{ATOM}title")
    assert "\x00" not in shown
    assert ("script" in trick) == ("<script>" in shown)
    html = entry.findtext(f"{ATOM}content")
    assert "<script" not in html
    assert html.count("<p>") == 2


@pytest.mark.parametrize("field", ["date", "kind", "subject", "says", "page", "time"])
@pytest.mark.parametrize("trick", ['"/><x>', "]]>&<", "\x0b\ud800\uffff", "'\"&amp;", "\u202e"])
def test_no_field_of_the_feed_breaks_it(field, trick):
    """Whatever a field holds, the feed is well-formed and has the entry's own elements alone."""
    values = {
        "date": "2024-01-01",
        "kind": "runs",
        "subject": "a",
        "says": "b",
        "page": "models/a/",
    }
    event = log.LogEvent(**{**values, field: trick})
    written = feed.atom([event], f"t {trick}", f"https://e.org/{trick}", trick)
    (entry,) = ET.fromstring(written.encode()).findall(f"{ATOM}entry")
    names = ["id", "title", "updated", "published", "link", "category", "content"]
    assert elements(entry) == names


@pytest.mark.parametrize("day", ['2026-01-01"/>', "2026-13-01", "20260101", "", "2026-W01-1"])
def test_what_has_no_day_is_not_in_the_log(day):
    """A run record's date is text until it is a day of the calendar."""
    assert not log._is_day(day)
    assert log._is_day("2026-01-31")
