"""The second engine: the same Markdown built with Zensical gives the same pages, links and hits."""

import importlib.util
import json
import re
from html.parser import HTMLParser

import pytest

from kb.publish import engine, policy, publishing, sourcelinks
from kb.records import KBError, Library
from tests.publish.conftest import INVENTED, ROOT, kinds
from tests.publish.test_accessible import DESK, FITS, PHONE, violations
from tests.publish.test_search_finds import WANTED
from tests.publish.test_site import has_menu, pages, target

installed = pytest.mark.skipif(
    importlib.util.find_spec("zensical") is None,
    reason="Zensical is not installed: pip install 'kb-video-text-retrieval[zensical]'",
)
HITS = """() => [...document.body.children].filter((node) => node.shadowRoot).flatMap((node) =>
  [...node.shadowRoot.querySelectorAll("a[href]")].map((link) => link.getAttribute("href")))"""
FOCUSED = "() => document.activeElement.shadowRoot?.activeElement?.tagName === 'INPUT'"


def awaited(tab, asked):
    """What a page answers once it is something; no function of ours runs inside, as is its policy."""
    for _ in range(200):
        if found := tab.evaluate(asked):
            return found
        tab.wait_for_timeout(50)
    return pytest.fail(f"no answer to {asked}")


def published(root, out):
    """A knowledge base built with Zensical, strictly."""
    publishing.publish(Library.open(root), out, strict=True, engine=engine.ZENSICAL)
    return out


@pytest.fixture(scope="module")
def second(tmp_path_factory):
    """The invented knowledge base."""
    return published(INVENTED, tmp_path_factory.mktemp("second"))


@pytest.fixture(scope="module")
def second_own(tmp_path_factory):
    """This list's own."""
    return published(ROOT, tmp_path_factory.mktemp("second-own"))


class Article(HTMLParser):
    """The words of a page's article."""

    def __init__(self, html):
        super().__init__()
        self.words, self._inside, self._silent = [], False, 0
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        """The article begins; scripts and pilcrows are no words."""
        self._inside |= tag == "article"
        self._silent += tag in {"script", "style"} or ("class", "headerlink") in attrs

    def handle_endtag(self, tag):
        """The article ends."""
        self._inside &= tag != "article"
        self._silent -= bool(self._silent) and tag in {"script", "style", "a"}

    def handle_data(self, data):
        """Keep the words."""
        if self._inside and not self._silent:
            self.words += data.split()


@installed
def test_both_engines_give_the_same_pages_and_words(built, second):
    """Every page of one is a page of the other, with the same article.

    Code is coloured in other pieces, so blanks do not count.
    """
    names = [{p.relative_to(f / "site").as_posix() for p in pages(f)} for f in (built, second)]
    assert names[0] == names[1]
    for name in sorted(names[0] - {"404.html"}):
        one, other = ((f / "site" / name).read_text(encoding="utf-8") for f in (built, second))
        assert "".join(Article(one).words) == "".join(Article(other).words), name


@installed
def test_both_engines_draw_the_same_menus(built, second):
    """A page has the menu of its section, and its button on a phone, with both or with neither."""
    for page in sorted((built / "site").rglob("index.html")):
        other = second / "site" / page.relative_to(built / "site")
        assert has_menu(page) == has_menu(other), page


@installed
def test_both_searches_hold_the_same_pages(built, second):
    """A page is in both indexes or in neither; words by which a paper is found are text."""
    mkdocs = json.loads((built / "site/search/search_index.json").read_text("utf-8"))["docs"]
    items = json.loads((second / "site/search.json").read_text("utf-8"))["items"]
    assert {one["location"] for one in mkdocs} == {one["location"] for one in items}
    paper = next(one for one in items if one["location"] == "papers/kestrel2021boats/")
    assert "2101.00001" in paper["text"]


@installed
def test_every_link_and_anchor_leads_somewhere(outline, second):
    """No address of ours is dead."""
    site, seen, dead = second / "site", {p: outline(p) for p in pages(second)}, []
    for page, held in seen.items():
        for _, address in held.addresses:
            if re.match(r"\w+:|//", address):
                continue
            path, anchor = target(page, address, site)
            ids = seen[path].ids if path in seen else set()
            if not path.is_file() or (anchor and anchor not in ids):
                dead.append(f"{page.relative_to(site)}: {address}")
    assert dead == []


@installed
@pytest.mark.browser
def test_twelve_searches_find_the_right_page_first(second_own, serve, visit):
    """The same searches as with the first engine, under the policy of the pages."""
    site = serve(second_own / "site")
    seen = visit(site)
    wrong = {}
    for words, wanted in WANTED.items():
        tab = seen.open("about/")
        tab.click(".md-search__button")
        awaited(tab, FOCUSED)
        tab.keyboard.insert_text(words)  # at once: the only answer is that to the whole query
        first = awaited(tab, HITS)[0].removeprefix(site).lstrip("/")
        if not first.startswith(wanted):
            wrong[words] = first
    assert wrong == {}
    assert seen.problems == []


@installed
@pytest.mark.browser
def test_no_kind_of_page_breaks_a_rule_or_complains(second, serve, visit):
    """axe-core, the console, requests to other hosts, the width of a phone."""
    seen = visit(serve(second / "site"), color_scheme="dark")
    for page in kinds(second / "site").values():
        seen.tab.set_viewport_size(PHONE)
        tab = seen.open(page)
        assert tab.evaluate(FITS), page
        tab.set_viewport_size(DESK)
        assert violations(tab) == [], page
    assert seen.problems == []


def test_an_unknown_engine_is_one_line():
    """The names there are stand in the hint."""
    with pytest.raises(KBError, match=r"no engine 'hugo'; --engine mkdocs or zensical"):
        engine.named("hugo")


def test_an_engine_that_is_not_installed_names_its_extra(monkeypatch):
    """One line says what to install."""
    monkeypatch.setattr(engine.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(KBError, match=r"pip install 'kb-video-text-retrieval\[zensical\]'"):
        engine.ZENSICAL.require()


@pytest.mark.parametrize(
    ("link", "wanted"),
    [
        ('<a href="../../x/#a">', '<a href="../x/#a">'),
        ('<a class="b" href="../../">', '<a class="b" href="../">'),
        ('<a href="../y/">', '<a href="y/">'),
        ('<a href="list.csv" download>', '<a href="page/list.csv" download>'),
        ('<img src="../p.png">', '<img src="p.png">'),
        ('<a href="?m=a">', '<a href="?m=a">'),
        ('<a href="#a">', '<a href="#a">'),
        ('<a href="https://e.org/x">', '<a href="https://e.org/x">'),
        ("[a](../b.md)", "[a](../b.md)"),
        ('`href="../x"`', '`href="../x"`'),
    ],
)
def test_links_of_html_are_made_relative_to_the_file(link, wanted):
    """Only paths in HTML change; Markdown, anchors, queries and other hosts do not."""
    assert sourcelinks.from_source(link, "page") == wanted


def test_the_style_of_a_shadow_tree_is_allowed_by_its_hash():
    """The text that the script gives its style element, with quotes as a script writes them."""
    script = r"""x;var Tc=':host{content:\'a\'}';r.append(C("style",{},Tc.toString()))"""
    assert policy.shadow_style(script) == policy._hash(":host{content:'a'}")
    assert policy.shadow_style("var nothing=1") is None
