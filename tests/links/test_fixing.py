"""Moves are written where the address stands; nothing else in the file changes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.links.fix import apply, replacement
from kb.links.verdict import Result, Verdict


def moved(old: str, new: str) -> Result:
    """A link that moved for good."""
    return Result(old, Verdict.MOVED, final_url=new)


@pytest.mark.parametrize(
    ("old", "new", "written"),
    [
        ("http://a.test/x", "https://a.test/x", "https://a.test/x"),
        ("http://a.test/x", "https://www.a.test/y", "https://www.a.test/y"),
        ("http://a.test/paper_2020", "https://b.test/papers/paper_2020", "same"),
        ("https://github.com/a/b", "https://github.com/c/d", "same"),
        ("http://a.test/x", "http://a.test/x_(y)", "http://a.test/x_%28y%29"),
        ("https://a.test/x", "http://a.test/x", None),  # never to less security
        ("http://a.test/x", "http://parked.test/buy-me", None),  # another site, another page
        ("http://a.test/x", "http://b.test/x", None),  # one letter says nothing
        ("http://evil-a.test/page", "http://a.test/", None),
    ],
)
def test_only_safe_moves_are_written(old: str, new: str, written: str | None) -> None:
    """To the same site, or to another where the page kept its name; never from https to http."""
    assert replacement(moved(old, new)) == (new if written == "same" else written)


@pytest.mark.parametrize("verdict", [v for v in Verdict if v is not Verdict.MOVED])
def test_nothing_but_a_move_is_written(verdict: Verdict) -> None:
    """A redirect for now, or a snapshot, is for a person to decide."""
    assert replacement(Result("http://a.test/x", verdict, final_url="https://a.test/x")) is None


OLD, NEW = "http://a.test/x", "https://a.test/new"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"[a]({OLD}) and [b]({OLD})\r\n", f"[a]({NEW}) and [b]({NEW})\r\n"),
        (f"\ufeff# T\r\n[a]({OLD})", f"\ufeff# T\r\n[a]({NEW})"),
        (f"<{OLD}> {OLD}.\n\n[r]: {OLD}\n", f"<{NEW}> {NEW}.\n\n[r]: {NEW}\n"),
        (f"[a]({OLD}y) `{OLD}`\n", None),
        (f"```\n{OLD}\n```\n<!-- {OLD} -->\n", None),
        (f"caf\u00e9 \U0001f600 [a]({OLD})\n", f"caf\u00e9 \U0001f600 [a]({NEW})\n"),
    ],
)
def test_exactly_the_address_changes(tmp_path: Path, before: str, after: str | None) -> None:
    """Line ends, byte order mark, code and longer addresses stay as they are."""
    path = tmp_path / "list.md"
    path.write_bytes(before.encode())
    edits = apply(path, [moved(OLD, NEW)])
    assert path.read_bytes() == (after or before).encode()
    assert len(edits) == (after or "").count(NEW)


@given(st.lists(st.sampled_from(["[a](", ")", OLD, " ", "\n", "\r\n", "`", "<!--", "-->", "é"])))
def test_other_bytes_never_change(
    tmp_path_factory: pytest.TempPathFactory, parts: list[str]
) -> None:
    """Whatever the text, taking the new address back gives the old file."""
    path = tmp_path_factory.mktemp("fix") / "list.md"
    path.write_bytes("".join(parts).encode())
    apply(path, [moved(OLD, NEW)])
    assert path.read_bytes().decode().replace(NEW, OLD) == "".join(parts)
