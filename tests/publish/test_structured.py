"""What pages tell machines: JSON-LD, citation_* tags, canonical addresses, pictures, ids."""

import json
import re
from collections import Counter
from html import unescape
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from kb.publish import publishing, social, structured
from kb.records import Dataset, Library, Paper
from tests.publish.conftest import ROOT

LD = re.compile(r'<script type="application/ld\+json">(.*?)</script>', re.DOTALL)
TAG = re.compile(r'<meta name="citation_(\w+)" content="([^"]*)">')
META = re.compile(r'<meta (?:name|property)="([\w:]+)" content="([^"]*)">')
ADDRESS = "https://lists.example/videos/"
WITHIN = {"Periodical", "PublicationVolume", "PublicationIssue", "Book", "BookSeries"}


def library(name):
    """The invented records or this list's."""
    return Library.open({"invented": ROOT / "tests" / "data" / "kb", "own": ROOT}[name])


def walk(value):
    """A JSON value and all values within it."""
    yield value
    children = value.values() if isinstance(value, dict) else value
    for child in children if isinstance(value, (dict, list)) else ():
        yield from walk(child)


@pytest.mark.parametrize("name", ["invented", "own"])
def test_every_paper_is_a_scholarly_article(name):
    """Types and properties are schema.org's, required ones are there, nothing is empty."""
    papers = library(name).papers
    ids = []
    for paper in papers:
        one = structured.article(paper)
        assert one["@context"] == "https://schema.org"
        assert one["@type"] == "ScholarlyArticle"
        assert one["headline"] == one["name"] != ""
        assert all(
            author["@type"] in {"Person", "Organization"} for author in one.get("author", [])
        )
        assert re.fullmatch(r"\d{4}", one.get("datePublished", "2000"))
        assert all(value not in (None, "", [], {}, "None") for value in walk(one))
        inside = [
            value for value in walk(one.get("isPartOf", {})) if isinstance(value, dict) and value
        ]
        assert {part["@type"] for part in inside} <= WITHIN
        addresses = [one.get("@id"), one.get("url"), *one.get("sameAs", [])]
        assert all(url.startswith(("https://", "http://")) for url in addresses if url)
        ids += [one["@id"]] if "@id" in one else []
    assert len(set(ids)) == len(ids)
    if name == "own":
        assert len(papers) == 41
        assert all(structured.article(paper).get("author") for paper in papers)


def test_a_journals_article_is_within_issue_volume_and_journal():
    """The nesting that schema.org gives periodicals."""
    paper = next(one for one in library("own").papers if one.id == "dong2018w2vv")
    part, kinds = structured.article(paper)["isPartOf"], []
    while part:
        kinds.append(part["@type"])
        part = part.get("isPartOf")
    assert kinds == ["PublicationIssue", "PublicationVolume", "Periodical"]


@pytest.mark.parametrize("name", ["invented", "own"])
def test_citation_tags_have_what_scholarly_indexes_require(name):
    """Title, an author a tag, date; a journal or a conference, never both; no empty tag."""
    for paper in library(name).papers:
        tags = structured.scholar(paper)
        names = Counter(tag["name"] for tag in tags)
        if not (paper.authors and paper.year):
            assert tags == []
            continue
        assert names["title"] == names["publication_date"] == 1
        assert names["author"] == len(paper.authors)
        assert names["journal_title"] + names["conference_title"] <= 1
        assert max(count for tag, count in names.items() if tag != "author") == 1
        assert all(tag["content"].strip() not in {"", "None"} for tag in tags)
        date = next(tag["content"] for tag in tags if tag["name"] == "publication_date")
        assert re.fullmatch(r"\d{4}(/\d\d?(/\d\d?)?)?", date)


def test_a_record_without_authors_has_no_citation_tags():
    """An index would read a part of them wrongly."""
    assert structured.scholar(Paper(id="some2020title", title="A title", year=2020)) == []


@pytest.mark.parametrize("name", ["invented", "own"])
def test_every_dataset_has_the_description_that_indexes_ask_for(name):
    """50 to 5,000 letters, and a name."""
    for one in library(name).datasets:
        held = structured.dataset(one)
        assert held["@type"] == "Dataset"
        assert held["name"] == one.name
        assert 50 <= len(held["description"]) <= 5000
        assert all(value not in (None, "", [], {}) for value in walk(held))


def test_a_dataset_with_a_name_alone_is_described_too():
    """A record may say little."""
    one = Dataset(id="pond", name="Pond", title="P")
    assert len(structured.dataset(one)["description"]) >= 50


class Attributes(HTMLParser):
    """Tags of a page that have an attribute twice."""

    def __init__(self, html):
        super().__init__()
        self.twice = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        """Note the tag with the attribute."""
        counts = Counter(name for name, _ in attrs)
        self.twice += [f"<{tag} {name}>" for name, count in counts.items() if count > 1]


@pytest.fixture(scope="module")
def addressed(tmp_path_factory):
    """The invented knowledge base, published at an address."""
    out = tmp_path_factory.mktemp("addressed")
    root = ROOT / "tests" / "data" / "kb"
    publishing.publish(Library.open(root), out, strict=True, url=ADDRESS)
    return out / "site"


def shown(page):
    """Names of a page's meta elements with their contents."""
    return {name: unescape(content) for name, content in META.findall(page.read_text("utf-8"))}


def test_pages_hold_what_the_records_say(addressed):
    """The JSON-LD and the tags of a page are those of its paper, escaped once."""
    for paper in library("invented").papers:
        html = (addressed / "papers" / paper.id / "index.html").read_text(encoding="utf-8")
        (document,) = LD.findall(html)
        assert json.loads(document)["headline"] == structured.article(paper)["headline"]
        tags = [(name, unescape(content)) for name, content in TAG.findall(html)]
        wanted = [(tag["name"], tag["content"]) for tag in structured.scholar(paper)]
        assert [name for name, _ in tags] == [name for name, _ in wanted]


def test_the_sitemap_lists_canonical_addresses_and_no_old_one(addressed):
    """Each address once, absolute, with a page that says the same of itself."""
    space = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    listed = [one.text for one in ET.parse(addressed / "sitemap.xml").getroot().iter(f"{space}loc")]
    assert len(set(listed)) == len(listed) > 10
    for address in listed:
        assert address.startswith(ADDRESS)
        html = (addressed / address.removeprefix(ADDRESS) / "index.html").read_text("utf-8")
        assert f'<link rel="canonical" href="{address}">' in html
        assert not re.search(r"<meta http-equiv=.refresh.", html)


def test_a_page_has_the_picture_that_its_tags_name(addressed):
    """Absolute addresses; a PNG of 1,200 x 630; the card that shows it large."""
    image = pytest.importorskip("PIL.Image", reason="pip install pillow (extra site)")
    for page in (addressed / "index.html", addressed / "papers/kestrel2021boats/index.html"):
        tags = shown(page)
        assert tags["og:url"].startswith(ADDRESS)
        assert tags["og:image"] == f"{tags['og:url']}{social.NAME}"
        assert tags["twitter:card"] == "summary_large_image"
        path = addressed / tags["og:image"].removeprefix(ADDRESS)
        with image.open(path) as drawn:
            assert (drawn.format, drawn.size) == ("PNG", (1200, 630))
            assert len(drawn.convert("RGB").getcolors(1 << 16)) > 10
    assert shown(addressed / "method" / "index.html")["og:image"] == f"{ADDRESS}{social.NAME}"


def test_a_picture_survives_any_title():
    """Letters that the font lacks, endless words, markup: a picture all the same."""
    pytest.importorskip("PIL", reason="pip install pillow (extra site)")
    for title in ("", "\u8996\u983b", "x" * 900, "a " * 400, "&lt;b&gt; \u0142 \u202e"):
        head = json.dumps({"title": title, "description": title, "picture": True})
        drawn = social.pictures({"a/index.md": f"---\n{head}\n---\n"}, "\u8996 site")
        assert drawn[f"a/{social.NAME}"].startswith(b"\x89PNG")


def test_without_an_address_no_page_names_a_picture(built):
    """A picture needs an absolute address."""
    assert "og:image" not in shown(built / "site" / "index.html")
    assert not list((built / "site").rglob(social.NAME))


@pytest.mark.parametrize("name", ["built", "own"])
def test_no_page_has_an_id_or_an_attribute_twice(request, name):
    """An anchor leads to one place; of an attribute that stands twice browsers take the first."""
    twice = {}
    for page in (request.getfixturevalue(name) / "site").rglob("*.html"):
        html = page.read_text(encoding="utf-8")
        ids = Counter(re.findall(r'<[a-z][^>]*\sid="([^"]+)"', html))
        more = [one for one, count in ids.items() if count > 1] + Attributes(html).twice
        if more:
            twice[str(page)] = more[:5]
    assert twice == {}
