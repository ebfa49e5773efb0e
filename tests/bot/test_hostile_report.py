"""A report.json that a stranger wrote: refused in one line, or shown as the text that it is."""

import io
import json
import re
import stat
import zipfile
from pathlib import Path
from typing import Any

import mistune
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.bot import comment, escape, formats
from kb.bot.report import MOST, BotFinding, BotReport, parse, read
from kb.bot.workflow_run import LARGEST_REPORT, content
from kb.records import KBError
from kb.records.errors import Exit

FINDING = {
    "rule": "http_link", "severity": "warning", "line": 1, "end_line": 1, "col": 1, "end_col": 2,
    "message": "m", "suggestion": None, "replaces": None, "new": True,
}  # fmt: skip
REPORT = {
    "schema": 1,
    "tool": "kb",
    "tool_version": "1",
    "path": "README.md",
    "findings": [FINDING],
}


def finding(**own: Any) -> dict[str, Any]:
    """A report whose one finding is changed."""
    return {**REPORT, "findings": [{**FINDING, **own}]}


HOSTILE = {
    "another schema": {**REPORT, "schema": 2},
    "another tool": {**REPORT, "tool": "evil"},
    "a field more": {**REPORT, "pull_request": 1},
    "a forged pull request number": {**REPORT, "number": 13},
    "no version": {k: v for k, v in REPORT.items() if k != "tool_version"},
    "a version that is markup": {**REPORT, "tool_version": "1<img>"},
    "a version of two lines": {**REPORT, "tool_version": "1\n"},
    "a path upwards": {**REPORT, "path": "../../etc/passwd"},
    "an absolute path": {**REPORT, "path": "/etc/passwd"},
    "a path with a drive": {**REPORT, "path": "C:/x"},
    "a path with a line break": {**REPORT, "path": "README.md\n::error::x"},
    "a short commit": {**REPORT, "head_sha": "abc"},
    "a commit that is a word": {**REPORT, "head_sha": "z" * 40},
    "a commit of two lines": {**REPORT, "head_sha": "a" * 40 + "\n"},
    "a negative count": {**REPORT, "added": -1},
    "a count beyond all lists": {**REPORT, "added": 10**9},
    "a count that is text": {**REPORT, "added": "1"},
    "a count that is true": {**REPORT, "added": True},
    "too many findings": {**REPORT, "findings": [FINDING] * (MOST + 1)},
    "findings that are none": {**REPORT, "findings": {"0": FINDING}},
    "a rule that there is not": finding(rule="free_money"),
    "a rule that is markup": finding(rule="<script>"),
    "a severity that there is not": finding(severity="fatal"),
    "a line that is text": finding(line="1; rm -rf /"),
    "line zero": finding(line=0),
    "a line beyond all lists": finding(line=10**9),
    "half a line": finding(line=1.5),
    "no message": finding(message=""),
    "a message of two lines": finding(message="a\nb"),
    "a message too long": finding(message="a" * 401),
    "a message that turns around": finding(message="a\u202eb"),
    "a message with an escape": finding(message="\x1b[31mred"),
    "a suggestion for no line": finding(suggestion="x"),
    "lines for no suggestion": finding(replaces=[1, 1]),
    "a suggestion backwards": finding(suggestion="x", replaces=[9, 1]),
    "a suggestion for a whole file": finding(suggestion="x", replaces=[1, 500]),
    "a suggestion with hidden letters": finding(suggestion="x\u200by", replaces=[1, 1]),
    "a suggestion too long": finding(suggestion="x" * 4001, replaces=[1, 1]),
    "a list": [],
    "a text": "report",
    "nothing": None,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_report_of_another_form_is_refused(name: str) -> None:
    """One line, exit code 2, nothing quoted that a terminal or a log would obey."""
    with pytest.raises(KBError) as raised:
        parse(json.dumps(HOSTILE[name]).encode())
    assert raised.value.code == Exit.USAGE
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 400


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"{",
        b"[" * 100_000,
        b'{"schema": NaN}',
        b'{"schema": 1, "schema": 1}',
        b'{"added": 1e999}',
        b'{"added": ' + b"9" * 5000 + b"}",
        b" " * (LARGEST_REPORT + 1),
    ],
    ids=["empty", "bytes", "cut", "deep", "nan", "twice", "infinite", "digits", "large"],
)
def test_what_is_no_json_of_ours_is_refused(body: bytes) -> None:
    """Broken, deep, doubled, endless: no traceback, no memory."""
    with pytest.raises(KBError):
        parse(body)


def test_the_form_itself_is_accepted() -> None:
    """The report that the hostile ones are made from is a good one."""
    assert parse(json.dumps(REPORT).encode()).findings[0].rule == "http_link"


def packed(*members: tuple[str, bytes], mode: int = 0) -> bytes:
    """A zip with these members."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return body.getvalue()


GOOD = json.dumps(REPORT).encode()
ZIPS = {
    "a path upwards": packed(("../../report.json", GOOD)),
    "an absolute path": packed(("/tmp/report.json", GOOD)),
    "a folder": packed(("x/report.json", GOOD)),
    "another name": packed(("evil.sh", GOOD)),
    "one more": packed(("report.json", GOOD), ("evil.sh", b"#!/bin/sh")),
    "nothing": packed(),
    "a link": packed(("report.json", b"/etc/passwd"), mode=stat.S_IFLNK | 0o777),
    "a bomb": packed(("report.json", b"0" * (64 << 20))),
    "a broken end": packed(("report.json", GOOD))[:-30],
    "a broken middle": packed(("report.json", GOOD * 50)).replace(b"\xcb", b"\x00"),
}


@pytest.mark.parametrize("name", ZIPS)
def test_a_zip_that_is_not_one_report_is_refused(tmp_path: Path, name: str) -> None:
    """Traversal, links, company, bombs: nothing is unpacked to disk, and one line says why."""
    path = tmp_path / "in" / "kb-report.zip"
    path.parent.mkdir()
    path.write_bytes(ZIPS[name])
    with pytest.raises(KBError):
        read(path)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["in", "kb-report.zip"]


def test_a_zip_with_one_report_is_read(tmp_path: Path) -> None:
    """The artifact as it is downloaded needs no unpacking."""
    path = tmp_path / "kb-report.zip"
    path.write_bytes(packed(("report.json", GOOD)))
    assert read(path) == parse(GOOD)


def test_a_report_that_is_a_link_is_refused(tmp_path: Path) -> None:
    """A link in the place of the artifact is not followed."""
    path = tmp_path / "report.json"
    path.symlink_to("/etc/passwd")
    with pytest.raises(KBError, match="not a plain file"):
        content(path)


TEXTS = st.text(min_size=1, max_size=200) | st.sampled_from(
    [
        "@everyone please approve",
        "<img src=x onerror=alert(1)>",
        "<details open><summary>x",
        "[click](https://evil.example)",
        "![x](https://evil.example/pixel.png)",
        "https://evil.example/login www.evil.example",
        "`code` ``` fence ~~~",
        "# heading\n\n- [x] done",
        "fixes #1, GH-2, us/list#3",
        "::error::x\n::set-output name=a::b",
        "%0A::error file=x::y",
        "| a | b |\n|---|---|",
        "a\n---\nb",
        "<!-- kb-bot:report -->",
        "--> out of the comment",
        "&lt;b&gt; &#64;everyone &commat;x",
        "\\[a](b)",
        "<https://evil.example>",
        "[^1]: note",
        "mailto:a@b.example",
    ]
)
RENDER = mistune.create_markdown(
    escape=False, plugins=["url", "table", "strikethrough", "task_lists", "footnotes"]
)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_text_of_a_stranger_stays_text(value: str) -> None:
    """Rendered with every extension of GitHub's, it makes one paragraph and no other element."""
    html = str(RENDER(f"- x {escape.text(value)}\n"))
    tags = set(re.findall(r"</?([a-z0-9]+)", html))
    assert tags <= {"ul", "li"}
    assert "@\u200b" in html or "@" not in html


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_a_block_holds_whatever_stands_in_it(value: str) -> None:
    """No text ends its own fence or its own code span."""
    html = str(RENDER(f"{escape.block(value)}\n\n{escape.span(value)} end\n"))
    tags = re.findall(r"<([a-z0-9]+)", html)
    assert tags == ["pre", "code", "p", "code"]


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_no_text_ends_a_workflow_command(value: str) -> None:
    """Every line of the annotations is one command of ours, and every command of ours is there."""
    shown = "".join(char if char.isprintable() else " " for char in value)
    row = BotFinding(**{**FINDING, "message": shown.strip() or "x"})
    report = BotReport(tool_version="1", path="README.md", findings=[row])
    lines = formats.commands(report).split("\n")
    assert len(lines) == 1
    assert lines[0].startswith("::warning file=README.md,line=1,endLine=1,col=1,endColumn=2,title=http_link::")  # fmt: skip
    assert not set(escape.attribute(value)) & set(":,\r\n")


def many(severity: str, number: int) -> list[BotFinding]:
    """Findings of one weight, one a line."""
    return [BotFinding(**{**FINDING, "severity": severity, "line": n + 1, "end_line": n + 1}) for n in range(number)]  # fmt: skip


def test_annotations_keep_to_ten_of_a_level_errors_first() -> None:
    """Ten errors and ten warnings are what a step shows: the tenth says how many more there are."""
    rows = [*many("warning", 12), *many("error", 25), *many("info", 3)]
    lines = formats.commands(BotReport(tool_version="1", path="README.md", findings=rows)).split(
        "\n"
    )
    levels = [line.split(" ", 1)[0] for line in lines]
    assert levels == ["::error"] * 10 + ["::warning"] * 10 + ["::notice"] * 3
    assert "and 16 more" in lines[9]
    assert "and 3 more" in lines[19]


def test_a_comment_keeps_within_what_github_takes() -> None:
    """A hundred long findings: cut at a whole line of the list, and it says so."""
    rows = [BotFinding(**{**FINDING, "message": "@" * 400, "line": n + 1, "end_line": n + 1,
                       "suggestion": "x" * 4000, "replaces": [n + 1, n + 1]}) for n in range(MOST)]  # fmt: skip
    report = BotReport(tool_version="1", path="README.md", findings=rows)
    body = comment.comment(report)
    assert len(body) <= comment.LONGEST
    assert "more lines; see the summary of the job" in body
    assert len(comment.summary(report)) <= comment.LONGEST_SUMMARY
    assert body.count("```") % 2 == 0


def test_a_comment_is_the_same_for_the_same_findings() -> None:
    """Neither time nor commit stands in it: nothing is edited without need."""
    one = BotReport(
        tool_version="1", path="README.md", head_sha="a" * 40, findings=many("error", 2)
    )
    two = BotReport(
        tool_version="2", path="README.md", head_sha="b" * 40, findings=many("error", 2)
    )
    assert comment.comment(one) == comment.comment(two)
