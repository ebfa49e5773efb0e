"""What must hold for any bytes: they are read or refused, and every place told is in the text."""

from pathlib import Path

LISTS = Path(__file__).resolve().parents[1] / "data"
SEEDS = sorted((LISTS / "lists").glob("*.md"))
TOKENS = (
    "* ", "- ", "1. ", "## ", "### 2020", "`[", "]`", "[[", "]](", ")", "**", "__", "<br>", '<a href="', "</a>",
    " et al. ", "CVPR", "arXiv:2001.00001", "https://arxiv.org/abs/", "10.1000/x", "|", "|---|", "\n", "\r\n", "\t",
    "![", "<!--", "-->", "```", "&amp;", "\\", "“", "”", "：", "(2020)", "[J]", "www.", "et al", ", and ", ":star:",
    "<details>", "<summary>", "[x]: http://a.org", "\u200b", "\ufeff", "《", "》", "等",
)  # fmt: skip


def warm() -> None:
    """Import everything under test."""
    checked(
        "## Papers\n* `[Ash et al. CVPR20]` Slow Lanterns. CVPR, 2020. [[paper]](http://a.org/1)\n"
    )


def one_input(data: bytes) -> None:
    """Decode, read and check one input."""
    from kb.lists import files  # noqa: PLC0415  (instrumented when the fuzzer imports it)
    from kb.records import KBError  # noqa: PLC0415

    try:
        text = files.decode(data, "input")
    except KBError:
        return
    checked(text)


def checked(text: str) -> None:
    """Read and lint a text, fix it, and hold what is said of it against the text itself."""
    from kb.checks.listing import Listing  # noqa: PLC0415
    from kb.checks.run import apply, check  # noqa: PLC0415
    from kb.lists.blocks import split_lines  # noqa: PLC0415

    listing = Listing(text, "list.md")
    lines = split_lines(text)
    last = 0
    for entry in listing.entries:
        assert last < entry.line <= entry.end_line <= len(lines)
        assert entry.raw == "\n".join(lines[entry.line - 1 : entry.end_line])
        last = entry.line
    findings = check(listing)
    for found in findings:
        assert 1 <= found.line <= len(listing.starts)
        assert 1 <= found.col <= len(listing.line_text(found.line)) + 1
    edits = [edit for found in findings for edit in found.edits]
    assert len(apply(listing.text, edits)) <= 2 * len(listing.text) + 100
