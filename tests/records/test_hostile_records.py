"""Records that want to crash the reader or reach a terminal: one line, with the place."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import kb.cli
from kb.cli import run
from kb.records import Library, atomic, audit, yamlfile
from kb.records.errors import KBError
from kb.records.schema import Paper

INVENTED = Path(__file__).resolve().parents[2] / "tests" / "data" / "kb"

TEXTS = {
    "keys of keys": "? " * 40_000 + "a",
    "flow mappings": "a: " + "{b: " * 40_000,
    "flow lists": "a: " + "[ " * 40_000,
    "lists": "- " * 40_000,
    "both": "a: " + "[{b: " * 20_000,
    "indented": "\n".join(" " * level + "a:" for level in range(1000)),
    "a sexagesimal number": "a: 1" + ":1" * 200_000,
    "a sexagesimal fraction": "a: 1" + ":1" * 200_000 + ".5",
    "a long number": "a: " + "9" * 100_000,
    "a date that is none": "a: !!timestamp x",
    "a truth value that is none": "a: !!bool x",
    "a program": "a: !!python/object/apply:os.system [x]",
    "a key that is a mapping": "? {a: b}\n: c",
    "names within names": "a: &a [b]\nc: [*a, *a]",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_yaml_that_would_crash_or_hang_is_one_line(text: str) -> None:
    """Depth is counted on the way down; long numbers are not computed; no tag makes an object."""
    began = time.process_time()
    with pytest.raises(KBError) as caught:
        yamlfile.parse(text, Path("papers.yaml"))
    assert time.process_time() - began < 5
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("character", ["\x1b[31m", "\x07", "\x9b", "\u202e", "\x7f", "\ud800"])
def test_control_characters_are_refused_in_records(character: str) -> None:
    """What a terminal obeys, what turns the direction of writing, half a character."""
    with pytest.raises(ValueError, match=r"control character|valid string"):
        Paper(id="ash2020slow", title=f"Slow {character}Lanterns")


@pytest.mark.parametrize("command", [["check"], ["list"], ["status"]])
def test_they_are_never_printed_raw(
    tmp_path: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither from a record nor from its name in a message; JSON has them escaped."""
    base = Path(shutil.copytree(INVENTED, tmp_path / "kb"))
    audit.canonicalise(Library(base))
    path = base / "data" / "papers.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("title: ", 'title: "\\e[31m\\u202E" #', 1), encoding="utf-8")
    code = run([*command, "-C", str(base)])
    printed = "".join(capsys.readouterr())
    assert code in {1, 2}
    assert "control character U+001B" in printed
    assert "\x1b" not in printed


def test_json_escapes_what_a_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    """The document is the same, the bytes are harmless."""
    document = {"title": "\x1b[31m \x9b \u202e \ud800 \r x"}
    kb.cli.options.emit_json(document)
    printed = capsys.readouterr().out
    assert printed.isprintable() or set(printed) <= set(printed.encode().decode())
    assert not set("\x1b\x9b\u202e\r") & set(printed)
    assert json.loads(printed) == document


def test_a_message_has_an_end() -> None:
    """A hundred million characters of a stranger's file do not reach the screen."""
    error = KBError("x" * 100_000_000, where="y" * 10_000, hint="fix it")
    assert len(str(error)) < 2000
    assert str(error).endswith("; fix it")


@pytest.mark.parametrize(
    ("error", "says", "code"),
    [
        (MemoryError(), "not enough memory", 4),
        (OSError(28, "No space left on device", "/x/y"), "/x/y: No space left on device; free", 4),
        (
            PermissionError(13, "Permission denied", "/x"),
            "/x: Permission denied; choose a folder",
            4,
        ),
        (NotADirectoryError(20, "Not a directory", "/x"), "/x: Not a directory; a file", 4),
    ],
)
def test_what_the_machine_refuses_is_one_line(
    error: Exception,
    says: str,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A full disk, no rights, a file where a folder is needed, too little memory."""

    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(sys.modules["kb.records.audit"], "audit", refuse)
    assert run(["check", "-C", str(INVENTED)]) == code
    assert says in capsys.readouterr().err


def test_a_device_or_a_pipe_is_not_replaced(tmp_path: Path) -> None:
    """`--out` names one: an atomic write would put a plain file in its place."""
    pipe = tmp_path / "x.json"
    os.mkfifo(pipe)
    with pytest.raises(KBError, match="is no regular file"):
        atomic.write(pipe, b"x")
    assert pipe.is_fifo()


LINE = "- [Paper Boats](https://arxiv.org/abs/1901.00001). Ash et al. CVPR 2019."
NAMED = {  # commands that read a file in the form of a list, a record, a table
    "parse": ["parse", "{}"],
    "lint": ["lint", "{}"],
    "sync": ["sync", "{}"],
    "links": ["links", "--file", "{}"],
    "bibtex": ["enrich", "--source", "bibtex", "{}"],
    "suggest": ["suggest", "{}"],
    "scores": ["eval", "--similarity", "{}"],
    "relevance": ["eval", "--similarity", "{good}", "--relevance", "{}"],
    "run": ["eval", "--trec-run", "{}", "--qrels", "{good}"],
    "captions": ["eval", "--similarity", "{good}", "--captions", "{}"],
}


@pytest.mark.parametrize("kind", ["pipe", "device"])
@pytest.mark.parametrize("words", NAMED.values(), ids=NAMED)
def test_a_pipe_or_a_device_is_not_opened(
    tmp_path: Path,
    words: list[str],
    kind: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A pipe has no beginning and a link to /dev/zero no end; one line says so at once."""
    path = tmp_path / "named"
    os.mkfifo(path) if kind == "pipe" else path.symlink_to("/dev/zero")
    np.save(tmp_path / "good.npy", np.eye(2))
    call = [word.format(path, good=tmp_path / "good.npy") for word in words]
    monkeypatch.setenv("KB_ROOT", str(INVENTED))
    assert run(call) == 2
    assert f"{path}: is no regular file" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["README.md", "data/lock.json", "data/papers.yaml"])
def test_a_knowledge_base_with_a_pipe_among_its_files_loses_nothing(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A sync names the file and changes none."""
    base = tmp_path / "base"
    base.mkdir()
    (base / "README.md").write_text(f"# Papers\n\n{LINE}\n", encoding="utf-8")
    assert run(["init", str(base)]) == 0
    (base / name).unlink()
    os.mkfifo(base / name)
    before = {p: p.read_bytes() for p in base.rglob("*") if p.is_file()}
    assert run(["sync", str(base / "README.md"), "-C", str(base)]) == 2
    assert f"{base / name}: is no regular file" in capsys.readouterr().err
    assert {p: p.read_bytes() for p in base.rglob("*") if p.is_file()} == before


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="no /dev/fd here")
def test_a_pipe_of_the_shell_is_read() -> None:
    """`kb parse <(command)` names a pipe that has a writer."""
    call = f"{sys.executable} -m kb parse <(printf %s '{LINE}')"
    done = subprocess.run(["bash", "-c", call], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Paper Boats" in done.stdout


@pytest.mark.parametrize("name", ["nothing", "file", "pipe"])
def test_a_knowledge_base_that_is_no_folder_is_not_clean(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """-C and KB_ROOT name a folder; what is none has nothing that could be checked."""
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    assert run(["check", "-C", str(tmp_path / name)]) == 2
    assert f"{name}: is no folder" in capsys.readouterr().err
