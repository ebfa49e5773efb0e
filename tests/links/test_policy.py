"""Rules for hosts and excludes: what holds for whom, and until when."""

from datetime import date
from pathlib import Path

import pytest

from kb.links.settings import Policy, Skip
from kb.records import KBError

TODAY = date(2026, 5, 4)


def policy(folder: Path, text: str) -> Policy:
    """The packaged rules with these over them."""
    (folder / "links-policy.yaml").write_text(text)
    return Policy.load(folder)


def test_a_rule_holds_for_the_host_and_all_below_it(tmp_path: Path) -> None:
    """The nearest name counts; a base's own rule wins over the packaged one."""
    rules = policy(tmp_path, "hosts:\n  b.test: {interval: 2}\n  a.b.test: {interval: 5}\n")
    hosts = ("b.test", "x.b.test", "A.B.test.", "z.a.b.test", "ab.test")
    assert [rules.rule(host).interval for host in hosts] == [2, 2, 5, 5, 0]
    assert (rules.rule("arxiv.org").interval, rules.rule("arxiv.org").concurrency) == (3, 1)


@pytest.mark.parametrize(
    ("pattern", "url", "holds"),
    [
        ("http://a.test/x?y=[1]", "http://a.test/x?y=[1]", True),
        ("http://a.test/x?y", "http://a.test/xzy", False),
        ("http://a.test/*", "http://a.test/x/y", True),
        ("*.a.test/*", "https://www.a.test/", True),
        ("http://a.test/x", "http://a.test/xy", False),
    ],
)
def test_only_the_star_stands_for_anything(pattern: str, url: str, holds: bool) -> None:
    """Signs that other programs take for patterns are ordinary signs of an address."""
    assert Skip(pattern, "why").matches(url, TODAY) is holds


def test_an_exclude_holds_through_its_last_day() -> None:
    """The day it names is the last one."""
    skip = Skip("http://a.test/", "why", date(2026, 5, 4))
    assert skip.matches("http://a.test/", TODAY)
    assert not skip.matches("http://a.test/", date(2026, 5, 5))
    assert Policy({}, [skip]).lapsed(date(2026, 5, 5)) == [skip]


@pytest.mark.parametrize(
    "text",
    [
        "skip:\n- {url: 'http://a.test/'}\n",
        "skip:\n- {url: 'http://a.test/', reason: x, until: soon}\n",
        "hosts: {a.test: {interval: -1}}\n",
        "hosts: {a.test: {concurrency: 0}}\n",
        "hosts: {a.test: {get: 1}}\n",
        "hosts: {a.test: {colour: red}}\n",
        "rules: []\n",
    ],
)
def test_a_policy_of_another_form_is_told(tmp_path: Path, text: str) -> None:
    """One line with the file's name."""
    with pytest.raises(KBError, match=r"links-policy\.yaml"):
        policy(tmp_path, text)
