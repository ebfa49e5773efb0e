"""No input makes reading or checking explode: patterns are bounded, work grows with the text."""

import importlib
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import kb.checks
import kb.lists
from kb.checks.listing import Listing
from kb.checks.run import check

PARSER: Any = importlib.import_module("re._parser" if sys.version_info >= (3, 11) else "sre_parse")
ENDLESS = PARSER.MAXREPEAT
REPEATS = {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}


def patterns() -> Iterator[tuple[str, re.Pattern[str]]]:
    """Every compiled pattern that a module of these two rooms keeps."""
    for room in (kb.lists, kb.checks):
        for found in pkgutil.iter_modules(room.__path__, f"{room.__name__}."):
            module = importlib.import_module(found.name)
            for name, value in vars(module).items():
                if isinstance(value, re.Pattern):
                    yield f"{found.name}.{name}", value


def parts(value: Any) -> Iterator[Any]:
    """The sub-patterns anywhere inside an argument of the pattern's tree."""
    if isinstance(value, PARSER.SubPattern):
        yield value
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from parts(one)


def endless(tree: Any, *, repeated: bool = False) -> Iterator[str]:
    """Unbounded repeats of more than one character's choice, or inside another repeat."""
    for operation, argument in tree:
        inner = repeated
        if str(operation) in REPEATS:
            _, most, body = argument
            single = len(body) == 1 and str(body[0][0]) in {"IN", "LITERAL", "NOT_LITERAL", "ANY"}
            if most is ENDLESS and (repeated or not single):
                yield f"unbounded {operation} of {body}"
            inner = repeated or most is ENDLESS or most > 1
        for part in parts(argument):
            yield from endless(part, repeated=inner)


def test_every_pattern_is_bounded() -> None:
    """A repeat without end repeats one set of characters, and no repeat contains it."""
    found = dict(patterns())
    bad = {name: list(endless(PARSER.parse(p.pattern, p.flags))) for name, p in found.items()}

    assert len(found) > 80
    assert {name: why for name, why in bad.items() if why} == {}


def test_the_check_of_patterns_sees_what_explodes() -> None:
    """Nested quantifiers are told, flat ones are not."""
    for bad in (r"(a+)+b", r"(?:\w+\s*)*x", r"(.*,){20}y", r"(?:ab)*c"):
        assert list(endless(PARSER.parse(bad)))
    for good in (r"a+b", r"[ab]*c{1,9}", r"(?:ab){0,20}c"):
        assert not list(endless(PARSER.parse(good)))


def lines(piece: str) -> Callable[[int], str]:
    """A list of n such lines."""
    return lambda n: "## Papers\n" + f"* {piece}\n" * n


def inside(piece: str, before: str = "* ", after: str = "\n") -> Callable[[int], str]:
    """One entry with n such pieces in it."""
    return lambda n: f"## Papers\n{before}{piece * n}{after}"


ENTRY = "`[Ash et al. CVPR20]` Slow Lanterns {}. CVPR, 2020. [[paper]](https://a.org/1.pdf)"
SHAPES: dict[str, Callable[[int], str]] = {
    "entries": lines(ENTRY),
    "opening brackets": inside("["),
    "closing brackets": inside("]"),
    "links open": inside("[a]("),
    "brackets nested": lambda n: "* " + "[" * n + "a" + "]" * n + "(https://a.org)\n",
    "parentheses": inside("((("),
    "emphasis": inside("*a* "),
    "strong": inside("**a b c** "),
    "underscores": inside("_a_b"),
    "back-ticks": inside("`"),
    "code": inside("`a` "),
    "links": inside("[a title of it](https://a.org/x) "),
    "tags open": inside("<a href="),
    "tags": inside("<b>a</b>"),
    "comments open": inside("<!-- "),
    "addresses": inside("https://a.org/x "),
    "an address": inside("x", "* https://a.org/"),
    "stops": inside("a. "),
    "initials": inside("A. "),
    "commas": inside("Ash, "),
    "et al": inside("Ash et al. "),
    "and": inside("Ash and "),
    "quotes": inside('"a b'),
    "quoted": inside('"a title here" '),
    "years": inside("2020 "),
    "years in brackets": inside("(2020) "),
    "venues": inside("CVPR 2020, "),
    "ids": inside("arXiv:2001.00001 "),
    "DOIs": inside("10.1000/x "),
    "pipes": inside("|"),
    "rows": lambda n: "| title | venue |\n|---|---|\n" + "| [A title of it](https://a.org/x) | CVPR 2020 |\n" * n,
    "columns": lambda n: "|a" * n + "|\n" + "|---" * n + "|\n" + "|[a b c](https://a.org)" * n + "|\n",
    "dashes": inside(" - "),
    "colons": inside("a: "),
    "shortcodes": inside(":star:"),
    "entities": inside("&amp;"),
    "backslashes": inside("\\"),
    "spaces": inside(" ", "* a", "b\n"),
    "tabs": inside("\t", "* a", "b\n"),
    "blank lines": lambda n: "* a\n" + "\n" * n + "  b\n",
    "hashes": inside("#", ""),
    "headings": lambda n: "".join(f"## Part {i}\n* [A title here](https://a.org/{i})\n" for i in range(n)),
    "nested items": lambda n: "".join(" " * min(i, 60) + "* [A title here](https://a.org)\n" for i in range(n)),
    "wrapped": lambda n: "* A title that\n" + "  goes on\n" * n,
    "attributes": lambda n: "**A title here**\n\n" + "- code: https://github.com/a/b\n" * n,
    "definitions": lambda n: "".join(f"[a{i}]: https://a.org/{i}\n* [A title here][a{i}]\n" for i in range(n)),
    "same titles": lines(ENTRY.format("alike")),
    "labels": inside("`[Ash CVPR20]` "),
    "the same arXiv id": lambda n: "".join(
        f"* `[A{i} et al. CVPR20]` Title {i} of it. CVPR, 2020. [[paper]](https://arxiv.org/abs/2001.00001)\n" for i in range(n)),
    "combining marks": inside("é\u0301\u200b"),
}  # fmt: skip


def work(task: Callable[[str], object], text: str) -> int:
    """Calls of functions, those written in C included: what the work costs, on any machine."""
    count = 0

    def seen(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(seen)
    try:
        task(text)
    finally:
        sys.setprofile(None)
    return count


def checking(text: str) -> object:
    """Parse and lint."""
    return check(Listing(text, "list.md"))


@pytest.mark.parametrize("shape", SHAPES)
def test_four_times_the_text_is_about_four_times_the_work(shape: str) -> None:
    """Calls grow no faster than the text, for every shape that could set parts against parts."""
    small, large = (SHAPES[shape](n) for n in (80, 320))
    checking(small)  # tables and caches are filled
    first, second = work(checking, small), work(checking, large)

    assert second <= 4 * 1.25 * first + 4000
