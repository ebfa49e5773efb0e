"""What the local arXiv says, byte for byte in the form of the real one: Atom feeds and arXivRaw."""

import base64
import hashlib
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlencode
from xml.sax.saxutils import escape, quoteattr

HEAD = (
    "<?xml version='1.0' encoding='UTF-8'?>\n"
    '<feed xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/" '
    'xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns="http://www.w3.org/2005/Atom">\n'
)


def entry(paper: dict[str, Any], version: int) -> str:
    """One Atom entry, elements in the order that arXiv writes them."""
    ident = f"{paper['id']}v{version}"
    parts = [
        f"<id>http://arxiv.org/abs/{ident}</id>",
        f"<title>{escape(paper['title'])}</title>",
        f"<updated>{paper.get('updated', paper['published'])}</updated>",
        f'<link href="https://arxiv.org/abs/{ident}" rel="alternate" type="text/html"/>',
        f'<link href="https://arxiv.org/pdf/{ident}" rel="related" type="application/pdf" title="pdf"/>',
        "<summary>  An abstract that nobody stores.</summary>",
        *(
            f'<category term={quoteattr(c)} scheme="http://arxiv.org/schemas/atom"/>'
            for c in paper.get("categories", ["cs.CV"])
        ),
        f"<published>{paper['published']}</published>",
    ]
    if paper.get("comment"):
        parts.append(f"<arxiv:comment>{escape(paper['comment'])}</arxiv:comment>")
    parts.append(
        f"<arxiv:primary_category term={quoteattr(paper.get('categories', ['cs.CV'])[0])}/>"
    )
    if paper.get("journal_ref"):
        parts.append(f"<arxiv:journal_ref>{escape(paper['journal_ref'])}</arxiv:journal_ref>")
    affiliations = "".join(
        f"<arxiv:affiliation>{escape(a)}</arxiv:affiliation>" for a in paper.get("affiliations", [])
    )
    parts += [f"<author><name>{escape(n)}</name>{affiliations}</author>" for n in paper["authors"]]
    if paper.get("doi"):
        doi = paper["doi"]
        parts.append(f"<arxiv:doi>{escape(doi)}</arxiv:doi>")
        parts.append(f'<link rel="related" href="https://doi.org/{escape(doi)}" title="doi"/>')
    return "  <entry>\n    " + "\n    ".join(parts) + "\n  </entry>\n"


def feed(query: dict[str, str], total: int, entries: Iterable[str]) -> bytes:
    """A whole answer."""
    echo = escape("&".join(f"{key}={value}" for key, value in query.items()))
    address = escape(f"https://arxiv.org/api/query?{urlencode(query)}")
    mark = base64.b64encode(hashlib.sha256(echo.encode()).digest())[:27].decode()
    text = (
        f"{HEAD}  <id>https://arxiv.org/api/{mark}</id>\n  <title>arXiv Query: {echo}</title>\n"
        f"  <updated>{now()}</updated>\n"
        f'  <link href="{address}" type="application/atom+xml"/>\n'
        f"  <opensearch:itemsPerPage>{query['max_results']}</opensearch:itemsPerPage>\n"
        f"  <opensearch:totalResults>{total}</opensearch:totalResults>\n"
        f"  <opensearch:startIndex>{query['start']}</opensearch:startIndex>\n"
    )
    return (text + "".join(entries) + "</feed>\n").encode()


def refusal(reason: str) -> bytes:
    """The feed of a malformed request, as arXiv words it."""
    address = f"https://arxiv.org/api/errors#{reason.replace(' ', '_')}"
    return (
        f"{HEAD}  <id>https://arxiv.org/</id>\n  <title>arXiv Search Results</title>\n"
        f"  <updated>{now()}</updated>\n  <opensearch:itemsPerPage>1</opensearch:itemsPerPage>\n"
        "  <opensearch:totalResults>1</opensearch:totalResults>\n"
        "  <opensearch:startIndex>0</opensearch:startIndex>\n"
        f"  <entry>\n    <id>{escape(address)}</id>\n    <title>Error</title>\n"
        f"    <updated>{now()}</updated>\n"
        f'    <link href={quoteattr(address)} rel="alternate" type="text/html"/>\n'
        f"    <summary>{escape(reason)}</summary>\n"
        "    <author>\n      <name>arXiv api core</name>\n    </author>\n  </entry>\n</feed>\n"
    ).encode()


def now() -> str:
    """The time as arXiv writes it."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


OAI = '<?xml version="1.0" encoding="UTF-8"?>\n<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">\n'


def oai_error(code: str, reason: str) -> bytes:
    """An error in OAI-PMH's form; its status is 200."""
    error = f"<error code={quoteattr(code)}>{escape(reason)}</error>"
    return f"{OAI}<responseDate>{now()}</responseDate>{error}</OAI-PMH>\n".encode()


def raw(paper: dict[str, Any]) -> bytes:
    """OAI GetRecord in arXivRaw: the versions, the last without source where withdrawn."""
    last = paper.get("version", 1)
    versions = "".join(
        f'<version version="v{n}"><date>Thu, 01 Jan 2099 00:00:00 GMT</date>'
        f"<size>{0 if paper.get('withdrawn') and n == last else 900}kb</size>"
        f"<source_type>{'I' if paper.get('withdrawn') and n == last else 'D'}</source_type></version>"
        for n in range(1, last + 1)
    )
    header = f"<header><identifier>oai:arXiv.org:{paper['id']}</identifier><setSpec>cs</setSpec></header>"
    return (
        f"{OAI}<responseDate>{now()}</responseDate>"
        '<request verb="GetRecord" metadataPrefix="arXivRaw">http://oaipmh.arxiv.org/oai</request>'
        f'<GetRecord><record>{header}<metadata><arXivRaw xmlns="http://arxiv.org/OAI/arXivRaw/">'
        f"<id>{paper['id']}</id>{versions}<title>{escape(paper['title'])}</title>"
        "</arXivRaw></metadata></record></GetRecord></OAI-PMH>\n"
    ).encode()
