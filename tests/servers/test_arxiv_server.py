"""The local arXiv speaks as the real one does: elements, order, paging, refusals, its own clock."""

from pathlib import Path
from xml.etree.ElementTree import Element

import pytest
import requests
from defusedxml.ElementTree import fromstring

from tests.servers.arxiv import Server, State, load

ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture(scope="module")
def server():
    """One local arXiv for all tests here."""
    local = Server()
    local.start()
    yield local
    local.stop()


def ask(server: Server, **params: object) -> tuple[int, Element]:
    """Status and feed of one query."""
    answer = requests.get(f"{server.address}/api/query", params=params, timeout=10)
    return answer.status_code, fromstring(answer.content)


def idents(feed: Element) -> list[str]:
    """The identifiers of a feed's entries."""
    return [
        entry.findtext(f"{ATOM}id").rpartition("abs/")[2] for entry in feed.iter(f"{ATOM}entry")
    ]


def count(feed: Element, name: str) -> int:
    """One of the feed's OpenSearch numbers."""
    return int(feed.findtext(f"{{http://a9.com/-/spec/opensearch/1.1/}}{name}"))


def test_ten_entries_are_a_page_unless_more_are_asked_for(server: Server) -> None:
    """The default page is ten; the total counts all; paging goes over the list of identifiers."""
    ids = ",".join([*server.state.papers][:25])
    _, first = ask(server, id_list=ids)
    _, rest = ask(server, id_list=ids, start=10, max_results=100)
    assert (len(idents(first)), count(first, "totalResults")) == (10, 25)
    assert (len(idents(rest)), count(rest, "itemsPerPage")) == (15, 100)
    assert not set(idents(first)) & set(idents(rest))


def test_post_answers_as_get(server: Server) -> None:
    """Parameters in a body are read like those in an address."""
    answer = requests.post(
        f"{server.address}/api/query", data={"id_list": "1809.06181"}, timeout=10
    )
    assert idents(fromstring(answer.content)) == ["1809.06181v1"]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("9912.00001", ["9912.00001v3"]),
        ("9912.00001v1", ["9912.00001v1"]),
        ("9912.00001v9", []),
        ("invented/0012001", ["invented/0012001v2"]),
        ("0808.05394", []),
        ("0808.05394,1809.06181", ["1809.06181v1"]),
        ("", []),
    ],
)
def test_identifiers_with_and_without_version(server: Server, given: str, found: list[str]) -> None:
    """The latest version where none is named; old identifiers too; unknown ones are dropped."""
    status, feed = ask(server, id_list=given)
    assert (status, idents(feed), count(feed, "totalResults")) == (200, found, len(found))


@pytest.mark.parametrize(
    "params",
    [
        {"id_list": "abc"},
        {"id_list": "1809.06181,cond\N{EM DASH}mat/0709123"},
        {"id_list": "1809.06181", "start": -1},
        {"id_list": "1809.06181", "max_results": "many"},
        {"id_list": "1809.06181", "max_results": 30001},
    ],
)
def test_a_malformed_request_is_refused_whole(server: Server, params: dict[str, object]) -> None:
    """Status 400 and one entry whose identifier and title say that it is an error."""
    status, feed = ask(server, **params)
    entry = feed.find(f"{ATOM}entry")
    assert status == 400
    assert "/api/errors#" in entry.findtext(f"{ATOM}id")
    assert entry.findtext(f"{ATOM}title") == "Error"
    assert feed.find(f"{ATOM}link") is None


def test_a_query_and_a_list_together_are_their_intersection(server: Server) -> None:
    """Identifiers of the list that also match the query."""
    ids = "1809.06181,2104.08860"
    _, feed = ask(server, id_list=ids, search_query='ti:"dual encoding"')
    assert idents(feed) == ["1809.06181v1"]


def test_elements_come_in_arxivs_order(server: Server) -> None:
    """Two affiliations in one author; the journal before the authors; the DOI's link last."""
    _, feed = ask(server, id_list="9912.00002,2103.10699", max_results=9)
    orders = [[e.tag.rpartition("}")[2] for e in entry] for entry in feed.iter(f"{ATOM}entry")]
    head = ["id", "title", "updated", "link", "link", "summary", "category", "published"]
    assert all(order[:8] == head for order in orders)
    assert ["comment", "primary_category", "journal_ref", "author"] in [o[8:] for o in orders]
    assert any(order[-2:] == ["doi", "link"] for order in orders)
    assert len(list(feed.iter("{http://arxiv.org/schemas/atom}affiliation"))) == 2
    assert feed.find(f"{ATOM}link").get("rel") is None


def test_withdrawn_papers_keep_their_page_and_lose_their_pdf(server: Server) -> None:
    """`abs` answers 200, `pdf` 404; the old `.pdf` address leads to the new one."""
    page = requests.get(f"{server.address}/abs/9912.00001", timeout=10)
    pdf = requests.get(f"{server.address}/pdf/9912.00001", timeout=10)
    old = requests.get(f"{server.address}/pdf/1809.06181.pdf", timeout=10)
    assert (page.status_code, pdf.status_code, old.status_code) == (200, 404, 200)
    assert [hop.status_code for hop in old.history] == [301]


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"verb": "GetRecord", "metadataPrefix": "oai_dc"}, "cannotDisseminateFormat"),
        ({"verb": "Nonsense"}, "badVerb"),
        ({"verb": "GetRecord", "metadataPrefix": "arXivRaw"}, "idDoesNotExist"),
        (
            {
                "verb": "GetRecord",
                "metadataPrefix": "arXivRaw",
                "identifier": "oai:arXiv.org:9912.00001",
            },
            "<source_type>I</source_type>",
        ),
    ],
)
def test_oai_answers_in_its_own_form(server: Server, params: dict[str, str], said: str) -> None:
    """Records in arXivRaw, and the protocol's errors with status 200."""
    answer = requests.get(f"{server.address}/oai", params=params, timeout=10)
    assert answer.status_code == 200
    assert said in answer.text


def test_the_servers_clock_can_be_given(tmp_path: Path) -> None:
    """Gaps are measured by whatever clock the state was made with."""
    ticks = iter([0.0, 3.0, 5.5])
    server = Server(State(load(), clock=lambda: next(ticks)))
    server.start()
    try:
        for _ in range(3):
            ask(server, id_list="1809.06181")
        stats = requests.get(f"{server.address}/__stats", timeout=10).json()
    finally:
        server.stop()
    assert stats["gaps"] == [3.0, 2.5]
    assert stats["most_active"] == 1
