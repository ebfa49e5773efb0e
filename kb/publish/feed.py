"""The log as an Atom feed (RFC 4287): each event with its moment and a body."""

import uuid
from xml.sax.saxutils import escape, quoteattr

from kb.publish.log import LogEvent
from kb.publish.text import clean

NAMESPACE = uuid.UUID("5f0b2d2e-93a1-4c3e-8b53-6f0f6a4d7c11")  # of the entries of our feeds
MOST = 100  # entries, the newest


def atom(events: list[LogEvent], title: str, address: str | None, description: str = "") -> str:
    """The newest events as a feed; `address` is the site's, if known.

    With it every link is absolute. Without it links are relative to the feed, which lies at the
    root of the site.
    """
    entries = sorted(events, key=lambda one: one.moment, reverse=True)[:MOST]
    latest = entries[0].moment if entries else "1970-01-01T00:00:00Z"
    own = uuid.uuid5(NAMESPACE, clean(title))
    parts = [
        '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n',
        f"<id>urn:uuid:{own}</id>\n<title>{_xml(title)}</title>\n",
        f"<subtitle>{_xml(description)}</subtitle>\n" if description else "",
        f"<updated>{_xml(latest)}</updated>\n<author><name>{_xml(title)}</name></author>\n",
        f'<link rel="self" type="application/atom+xml" href={_link(address, "feed.xml")}/>\n',
        f'<link rel="alternate" type="text/html" href={_link(address, "log/")}/>\n',
        *(_entry(one, address) for one in entries),
        "</feed>\n",
    ]
    return "".join(parts)


def _entry(one: LogEvent, address: str | None) -> str:
    own = uuid.uuid5(NAMESPACE, clean(f"{one.date} {one.kind} {one.subject} {one.says}"))
    link = _link(address, one.page)
    return (
        f"<entry><id>urn:uuid:{own}</id><title>{_xml(one.title)}</title>"
        f"<updated>{_xml(one.moment)}</updated><published>{_xml(one.moment)}</published>"
        f"<link href={link}/><category term={_attribute(one.kind)}/>"
        f'<content type="html">{_xml(_body(one, link))}</content></entry>\n'
    )


def _body(one: LogEvent, link: str) -> str:
    """The body as HTML: its paragraphs, then a link to the page."""
    paragraphs = [f"<p>{_xml(text)}</p>" for text in one.body or (one.title,)]
    return "".join([*paragraphs, f"<p><a href={link}>The page</a></p>"])


def _link(address: str | None, path: str) -> str:
    """An address of the site as an attribute, with its quotes."""
    return _attribute(f"{address or ''}{path}")


def _xml(text: str) -> str:
    return escape(clean(text))


def _attribute(text: str) -> str:
    return quoteattr(clean(text))
