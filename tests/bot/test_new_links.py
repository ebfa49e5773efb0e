"""Links of a change on a local web: only new ones are looked at, and none leads the bot astray."""

from pathlib import Path
from typing import Any

import pytest

from kb.bot.judge import compare
from kb.bot.report import BotReport
from kb.bot.web import Web
from tests.bot.pulls import SEED
from tests.links.conftest import settings
from tests.servers.web import Web as LocalWeb

HOST = "pages.web.test"


def report(folder: Path, *urls: str, **own: Any) -> BotReport:
    """The report on a change that adds one paper for each address."""
    base, head = folder / "base.md", folder / "head.md"
    text = SEED.read_text(encoding="utf-8")
    rows = [f"* `[Boe et al. CVPR21]` {word} Trees for Video. CVPR, 2021. [[paper]]({url})" for word, url in zip(("Apple", "Birch", "Cedar"), urls, strict=False)]  # fmt: skip
    base.write_text(text, encoding="utf-8")
    head.write_text(text.replace("### 2021\n", "### 2021\n" + "\n".join(rows) + "\n", 1), encoding="utf-8")  # fmt: skip
    web = Web(links=own.pop("links", True), settings=settings(**own))
    return compare(str(base), head, ask=web)


def said(found: BotReport) -> dict[str, str]:
    """What is said of links, rule -> severity."""
    return {f.rule: f.severity for f in found.findings if f.new and f.rule.startswith("link_")}


@pytest.fixture
def web() -> Any:
    """A local web that shows every behaviour."""
    with LocalWeb() as server:
        yield server


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        ("ok", {}),
        ("302", {}),
        ("404", {"link_dead": "warning"}),
        ("410", {"link_dead": "warning"}),
        ("503-forever", {"link_doubtful": "info"}),
        ("429-forever", {"link_doubtful": "info"}),
        ("cf-wall", {}),
        ("301", {"link_moved": "info"}),
        ("to-metadata", {"link_refused": "error"}),
        ("to-file", {"link_refused": "error"}),
    ],
)
def test_a_new_link_is_told_as_what_it_is(
    web: LocalWeb, tmp_path: Path, behaviour: str, expected: dict[str, str]
) -> None:
    """Gone warns, doubtful is a hint, a wall says nothing, and a way into a private network blocks."""
    found = report(tmp_path, web.url(behaviour, "boats", host=HOST))
    assert said(found) == expected
    assert found.links == "asked"


def test_only_new_links_are_looked_at(web: LocalWeb, tmp_path: Path) -> None:
    """The hundred links that stand in the list already are not asked."""
    report(tmp_path, web.url("ok", "one", host=HOST))
    assert {seen.path for seen in web.seen} == {"/ok/one"}


def test_without_the_option_nobody_is_asked(web: LocalWeb, tmp_path: Path) -> None:
    """No --links, no request; what the letters of an address say is said all the same."""
    found = report(
        tmp_path, web.url("404", "one", host=HOST), "http://169.254.169.254/x", links=False
    )
    assert web.seen == []
    assert said(found) == {"link_refused": "error"}
    assert found.links == "not asked"


def test_a_name_that_leads_into_a_private_network_is_refused(tmp_path: Path) -> None:
    """What the name resolves to decides, not how it reads."""
    found = report(
        tmp_path, "http://harmless.example.org/a.pdf",
        resolver=lambda _host, _port: ["10.0.0.7"], allow_private=False,
    )  # fmt: skip
    assert said(found) == {"link_refused": "error"}


def test_nothing_is_written_beside_the_list(web: LocalWeb, tmp_path: Path) -> None:
    """The judge leaves no cache and no history in the checkout it reads."""
    report(tmp_path, web.url("404", "one", host=HOST))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["base.md", "head.md"]
