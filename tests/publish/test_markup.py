"""HTML cut into its pieces: as Python's own parser reads it, or not at all."""

import random
from html.parser import HTMLParser

import pytest

from kb.publish import markup, policy

WELL_FORMED = [
    '<p class="a">x &amp; y &lt; z</p>\n<br><br />',
    "<svg viewBox='0 0 1 1'><path d=\"M0 0\"/></svg> on hover",
    '<a href="?a=1&amp;b=2" hidden rel=nofollow>a</a>\n<!-- a note -->text',
    '<td>x</TD >&#8203;<td\n data-x="on &quot;y&quot;">',
]
LEFT = [  # to Python's parser
    "a < b",
    '<a title=">" onclick="x()">',
    "<a title='\">",
    "<style>a > b</style>",
    "<textarea><b>x</b></textarea>",
    "<https://example.org/>",
    '<p a="1"b="2">',
    "<a href=x/>",
    "<!-- a > b -->",
    "<![CDATA[x]]>",
    "<p",
]
BITS = ["<p", "<", ">", '"', "'", " ", "=", "onclick", "/", "a", "&lt;", "<!--", "-->", "x"]
BITS += [
    "<script>",
    "</script>",
    "mine()",
    "<br>",
    "</p>",
    ' class="a"',
    "\n",
    "<style>",
    "<a b=c>",
]


class Told(HTMLParser):
    """What a parser is told, text in one piece."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.all = []

    def handle_starttag(self, tag, attrs):
        """Note it."""
        self.all.append(("start", tag, attrs))

    def handle_endtag(self, tag):
        """Note it."""
        self.all.append(("end", tag))

    def handle_data(self, data):
        """Note it."""
        if self.all and self.all[-1][0] == "text":
            data = self.all.pop()[1] + data
        self.all.append(("text", data))


def read(html):
    """What Python's own parser tells of it."""
    parser = Told()
    parser.feed(html)
    parser.close()
    return parser.all


def told(html):
    """What `markup.feed` tells of it."""
    parser = Told()
    markup.feed(parser, html)
    return parser.all


@pytest.mark.parametrize("html", [*WELL_FORMED, *LEFT])
def test_a_parser_is_told_what_it_would_read_itself(html):
    """Tags, attributes, ends and text are the same, whoever reads the HTML."""
    assert told(html) == read(html)


@pytest.mark.parametrize("html", WELL_FORMED)
def test_well_formed_html_does_not_need_the_parser(html, monkeypatch):
    """What templates write is told without the parser's own work."""
    monkeypatch.setattr(Told, "feed", None)
    assert told(html)


@pytest.mark.parametrize("html", LEFT)
def test_what_is_not_sure_is_left_to_the_parser(html):
    """Either the HTML is not cut, or one of its pieces is no tag."""
    cut = markup.pieces(html)
    assert cut is None or not all(markup.is_start(one) or markup.is_end(one) for one in cut[1::2])


def test_any_heap_of_markup_is_told_as_the_parser_reads_it():
    """Thousands of heaps of tags, quotes and half a comment, scripts left out."""
    draws = random.Random(0)
    bits = [one for one in BITS if "script" not in one]
    for _ in range(6_000):
        html = "".join(draws.choices(bits, k=draws.randint(1, 12)))
        assert told(html) == read(html), html


def test_no_heap_of_markup_hides_a_script_or_a_handler():
    """A page passes where Python's parser finds no script that is not allowed, and no handler."""
    draws, known = random.Random(1), policy._Known("<script>theme()</script><p><b>x</b>")
    bits = [*BITS, "<script>theme()</script>", "<p onclick=x()>", "<SCRIPT>", " on ", "</SCRIPT>"]
    unsafe = 0
    for _ in range(6_000):
        page = "".join(draws.choices(bits, k=draws.randint(1, 12)))
        hashes, handlers = policy.scripts(page)
        runs = bool(hashes - known.allowed or handlers)
        unsafe += runs
        assert known.holds(page) is not runs, page
    assert unsafe > 300
