"""A list is data: markup, templates, script addresses and reordering marks show as text."""

import json
from pathlib import Path

import pytest
import yaml

from kb.publish import publishing, text
from kb.records import Library

TRICKS = [
    "<script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    '"><svg/onload=window.pwned=1>',
    "'><iframe srcdoc='<script>parent.pwned=1</script>'>",
    "</title></code></pre><style>*{display:none}</style>",
    "{{ 7*7 }} {% include '/etc/passwd' %}",
    "[x](javascript:window.pwned=1) ![y](https://evil.example/i.png)",
    "**b** _i_ `c` ~~s~~ # h | a | b | [^1] :smile: *[X]: y",
    "<!-- c --> --> <![CDATA[ x ]]> &lt;b&gt; &amp;",
    "abc gnp.exe bell",
    "--- --> ``` ~~~ {: onclick=window.pwned=1 }",
    "=HYPERLINK(1) \\input{x} %d $(id) @{k}",
    "wzxhzdk:0 wzxhzdk:1 sha256-kb",
]
ADDRESSES = [
    "javascript:window.pwned=1",
    "JaVaScRiPt:window.pwned=1",
    "data:text/html,<script>window.pwned=1</script>",
    "//evil.example/x",
    "https://user:secret@evil.example/",
    'https://evil.example/"onmouseover="window.pwned=1',
    "https://evil.example/a b",
    "file:///etc/passwd",
    "(link)",
]


def paper(number: int, trick: str) -> dict:
    """A record with the trick in every text that a record may have."""
    return {
        "id": f"mallory20{number:02}trick",
        "model": f"trick-{number}",
        "title": trick,
        "authors": [trick, f"Mallory {trick}"],
        "venue": trick,
        "year": 2000 + number,
        "label": trick,
        "section": f"Papers / {trick}",
        "links": [{"kind": trick, "url": url} for url in ADDRESSES],
        "datasets": [f"set{number}"],
        "versions": [{"kind": "journal", "venue": trick, "year": 2001, "title": trick}],
        "claims": [{"id": "c1", "text": trick, "where": trick, "better": trick, "than": ["b"]}],
        "notes": [trick],
        "provenance": {"title": {"source": "yaml", "date": "2024-01-01", "detail": trick}},
    }


def dataset(number: int, trick: str) -> dict:
    """The same for a dataset."""
    return {
        "id": f"set{number}",
        "name": trick,
        "title": trick,
        "venue": trick,
        "clips": trick,
        "captions": trick,
        "splits": [{"protocol": trick, "train": trick, "val": trick, "test": trick}],
        "links": [{"kind": "dataset", "url": url} for url in ADDRESSES],
        "notes": [trick],
    }


def published(number: int, trick: str) -> list[dict]:
    """The same for a published number."""
    texts = ("test_split", "train_split", "unit", "variant", "features", "pretraining", "postproc")
    row = dict.fromkeys((*texts, "source", "note", "dataset_detail"), trick)
    return [
        row | {"dataset": f"set{number}", "direction": "t2v", "reported_by": "paper"} | numbers
        for numbers in ({"metrics": {"R@1": 1.0}}, {"metrics": {trick: 2.0, "R@1": 3.0}})
    ]


def write_json(path: Path, value: object) -> None:
    """Write JSON, which is YAML."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(value, allow_unicode=False), encoding="utf-8")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory, invented) -> Path:
    """The folder in which a knowledge base of tricks was published."""
    root = tmp_path_factory.mktemp("hostile")
    tricks = list(enumerate(TRICKS))
    data = root / "data"
    write_json(data / "papers.yaml", {"papers": [paper(n, trick) for n, trick in tricks]})
    write_json(data / "datasets.yaml", {"datasets": [dataset(n, trick) for n, trick in tricks]})
    rows = {f"mallory20{n:02}trick": published(n, trick) for n, trick in tricks}
    write_json(data / "published.yaml", rows)
    run = invented / "data/results/paper-boats/paper-boats-full-1.json"
    for n, trick in tricks:
        record = json.loads(run.read_text(encoding="utf-8"))
        record |= {"model": f"trick-{n}", "variant": trick, "command": trick, "date": "2024-01-01"}
        record["data"] |= {"name": trick, "size": trick, "split": trick, "protocol": trick}
        record["machine"] |= {"device": trick}
        write_run = data / "results" / f"trick-{n}" / "r.json"
        write_run.parent.mkdir(parents=True)
        write_run.write_text(json.dumps(record), encoding="utf-8")
        (root / "models").mkdir(exist_ok=True)
        (root / "models" / f"trick_{n}.py").write_text(
            ascii(f"A model.\n\nEquations\n    (1)    {text.clean(trick)}    {trick}\n")
            + "  # Eq. (1)\n"
        )
    out = root / "build"
    publishing.publish(Library.open(root), out, strict=True)
    return out


def squeezed(words: str) -> str:
    """Text as HTML shows it: runs of blanks are one."""
    return " ".join(words.split())


def test_every_trick_is_shown_as_the_text_it_is(hostile, outline):
    """The pages of a paper and of a dataset show each title letter by letter."""
    for number, trick in enumerate(TRICKS):
        for page in (f"papers/mallory20{number:02}trick", f"benchmarks/set{number}", "papers"):
            shown = squeezed(outline(hostile / "site" / page / "index.html").text)
            assert squeezed(text.clean(trick)) in shown, page


def test_no_trick_becomes_a_tag_a_script_or_an_address(hostile, outline):
    """No page has a tag, a handler or an address that a trick asked for."""
    for page in (hostile / "site").rglob("*.html"):
        found = outline(page)
        assert not {"iframe", "object", "embed", "base"} & set(found.tags), page
        assert found.handlers == [], page
        for _, address in found.addresses:
            assert not address.lower().startswith(("javascript:", "data:", "file:", "//")), page
            assert "evil.example" not in address.replace("https://evil.example/i.png", ""), page


def test_reordering_marks_are_named_instead_of_obeyed(hostile):
    """No file of text holds a mark that would turn what follows it around."""
    for path in (hostile / "site").rglob("*"):
        if path.suffix in {".html", ".json", ".bib", ".csv"}:
            content = path.read_text(encoding="utf-8")
            assert "\u202e" not in content, path


@pytest.mark.browser
def test_a_browser_runs_none_of_the_tricks(hostile, serve, visit):
    """Every page opens in Chromium without running a trick, asking a host or complaining."""
    seen = visit(serve(hostile / "site"))
    site = hostile / "site"
    for page in sorted(site.rglob("index.html")):
        if 'http-equiv="refresh"' in page.read_text(encoding="utf-8"):
            continue  # leads on to a page of this loop
        tab = seen.open(f"{page.parent.relative_to(site)}/")
        assert tab.evaluate("window.pwned") is None, page
    tab = seen.open("papers/")
    assert tab.locator("tbody tr:visible").count() == len(TRICKS)
    box = tab.locator("[data-md-component=search-query]")
    box.press_sequentially("mallory script window")  # the theme searches as keys are let go
    tab.wait_for_selector(".md-search-result__item")
    assert tab.evaluate("window.pwned") is None
    assert seen.problems == []
