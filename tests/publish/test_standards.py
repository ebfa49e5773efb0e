"""Exports in the formats of others, read back by their owners' readers where they are installed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from kb.publish import exports, pages, twins
from kb.publish.exports import croissant, huggingface
from kb.publish.pages.benchmarks import benchmarks
from kb.publish.pages.benchmarks import dataset as dataset_page
from kb.publish.pages.paper import paper as paper_page
from kb.records import KBError, Library

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib  # type: ignore[no-redef]

ROOT = Path(__file__).resolve().parents[2]
INVENTED = Path(__file__).parents[1] / "data" / "kb"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@pytest.fixture(scope="module")
def own() -> Library:
    """This list's records."""
    return Library.open(ROOT)


@pytest.fixture(scope="module")
def invented_library() -> Library:
    """The invented records."""
    return Library.open(INVENTED)


def values(results: list[dict[str, Any]]) -> list[tuple[str, str, str, float]]:
    """(dataset, revision, metric with its run, value) of a model index's results."""
    return [
        (one["dataset"]["type"], one["dataset"]["revision"], metric["name"], metric["value"])
        for one in results
        for metric in one["metrics"]
    ]


def front(card: str) -> dict[str, Any]:
    """The front matter of a model card."""
    found = re.match(r"---\n(.*?)\n---\n", card, re.DOTALL)
    assert found
    document: dict[str, Any] = yaml.load(found[1], Loader=LOADER)
    return document


def test_each_model_has_a_card_with_its_own_results_only(own: Library) -> None:
    """The cards together hold the results of all measured runs, and no card another model's."""
    cards = huggingface.cards(own)
    index = yaml.load(str(exports.export(own, "model-index")), Loader=LOADER)["model-index"]
    assert [*cards] == [entry["name"] for entry in index]
    for entry in index:
        (own_entry,) = front(cards[entry["name"]])["model-index"]
        assert own_entry == entry


def test_hugging_face_s_reader_finds_the_same_values(invented_library: Library) -> None:
    """ModelCard.data.eval_results has each value of each run."""
    hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    for name, card in huggingface.cards(invented_library).items():
        read = hub.ModelCard(card).data
        (entry,) = front(card)["model-index"]
        told = [
            (e.dataset_type, e.dataset_revision, e.metric_name, e.metric_value)
            for e in read.eval_results
        ]
        assert read.model_name == name
        assert sorted(told) == sorted(values(entry["results"]))


def test_every_dataset_has_croissant_metadata(own: Library) -> None:
    """Name, licence where stated, creators, and files only with address and digest."""
    found = croissant.datasets(own)
    assert {*found} == {one.id for one in own.datasets} | {"diorama"}
    for metadata in found.values():
        assert metadata["conformsTo"] == croissant.CONFORMS
        for file in metadata.get("distribution", []):
            assert re.fullmatch(r"[0-9a-f]{64}", file["sha256"])
            assert file["contentUrl"].startswith("https://")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the libraries it reads with
def test_mlcroissant_reads_the_metadata(own: Library, tmp_path: Path) -> None:
    """The reader of MLCommons finds no error, and the same files."""
    reader = pytest.importorskip("mlcroissant", reason="mlcroissant is not installed")
    for name, metadata in croissant.datasets(own).items():
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(metadata), encoding="utf-8")
        read = reader.Dataset(jsonld=path).metadata
        assert read.name == metadata["name"]
        files = {file["@id"] for file in metadata.get("distribution", [])}
        assert {one.id for one in read.distribution} == files


def test_one_record_can_be_exported(invented_library: Library) -> None:
    """`model-card/NAME` and `croissant/ID`; another name is one line that names the known ones."""
    assert str(exports.export(invented_library, "model-card/paper-boats")).startswith("---\n")
    assert json.loads(exports.export(invented_library, "croissant/harbour"))["name"] == "Harbour"
    with pytest.raises(KBError, match="no croissant of 'pond'"):
        exports.export(invented_library, "croissant/pond")


def test_the_software_is_described_alike_everywhere() -> None:
    """CITATION.cff, codemeta.json and pyproject.toml agree on version, licence and description."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    codemeta = json.loads((ROOT / "codemeta.json").read_text("utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["version"] == codemeta["version"] == project["version"]
    assert (
        citation["license"] == codemeta["license"].rsplit("/", maxsplit=1)[-1] == project["license"]
    )
    assert (codemeta["name"], codemeta["description"]) == (project["name"], project["description"])


@pytest.fixture(scope="module")
def docs(invented_library: Library) -> dict[str, str | bytes]:
    """A paper's and a dataset's page, and one written by hand."""
    site = pages.Site(invented_library, name="A list", description="Of boats.")
    board = "benchmarks/harbour/quay-t2v.md"
    return {
        board: benchmarks(site)[board],
        "papers/kestrel2021boats.md": paper_page(site, invented_library.papers[0]),
        "benchmarks/harbour.md": dataset_page(site, invented_library.datasets[0]),
        "method.md": "---\ntitle: Method\n---\n# Method\n\n`<b>` and [data](papers/kestrel2021boats.md#top)\n",
        "papers/old.md": '---\n{"title": "x", "moved": "../y/"}\n---\nmoved',
    }


def test_each_page_has_a_twin_without_markup(docs: dict[str, str | bytes]) -> None:
    """Beside the page, with its text and numbers; a page that only leads on has none."""
    made = twins.twins(docs)
    assert {*made} == {
        "papers/kestrel2021boats/index.html.md",
        "benchmarks/harbour/index.html.md",
        "benchmarks/harbour/quay-t2v/index.html.md",
        "method/index.html.md",
    }
    paper = made["papers/kestrel2021boats/index.html.md"]
    assert "# Folding Sentences into Paper Boats" in paper
    assert "@inproceedings{kestrel2021boats," in paper
    assert not re.search(r"</?(?:div|table|tr|td|span|small|svg)\b|&#\d+;", paper)
    assert "](../../method/index.html.md#" in paper


def test_a_table_is_a_table_in_the_twin(docs: dict[str, str | bytes]) -> None:
    """Header, rule and rows follow one another, and every row has all cells."""
    twin = twins.twins(docs)["benchmarks/harbour/quay-t2v/index.html.md"]
    lines = twin.split("\n")
    at = next(n for n, line in enumerate(lines) if line.startswith("| Position | Model | R@1"))
    assert lines[at - 1] == ""
    assert set(lines[at + 1]) == {"|", "-"}
    assert lines[at + 2].startswith("| 1 | [Walking on Stilts through Video](")
    assert "| [31.4](" in lines[at + 3]
    assert {line.count(" | ") for line in lines[at : at + 4] if "---" not in line} == {8}


@pytest.mark.parametrize(
    ("page", "twin"),
    [
        ("index.md", "index.html.md"),
        ("datasets/index.md", "datasets/index.html.md"),
        ("a.md", "a/index.html.md"),
    ],
)
def test_a_twin_lies_beside_its_page(page: str, twin: str) -> None:
    """Under the page's address with `.md` behind it."""
    assert twins.address(page) == twin


def test_llms_txt_leads_to_twins_and_data(docs: dict[str, str | bytes]) -> None:
    """Title, what the site is, pages as Markdown, and the API."""
    text = twins.llms("A list", "Of boats.", twins.twins(docs))
    assert text.startswith("# A list\n\n> Of boats.\n")
    assert "- [Method](method/index.html.md)" in text
    assert "`api/arxiv/{arXiv id}.json`" in text
