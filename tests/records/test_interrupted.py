"""Whatever kills a writer, and however many write: records are whole and no write is lost."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kb.records import Exit, KBError, Library, atomic
from kb.sync.engine import sync

HERE = Path(__file__).resolve()
WRITERS = str(HERE.with_name("writers.py"))
ROOT = HERE.parents[2]
SEED = HERE.parents[1] / "data" / "lists" / "seed.md"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}

pytestmark = pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")


def start(*command: str) -> subprocess.Popen[str]:
    """A process of its own with this checkout."""
    return subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, text=True, env=ENVIRONMENT
    )


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A knowledge base with one paper."""
    (tmp_path / "data").mkdir()
    text = "# A person's comment.\npapers:\n- id: ada2020first\n  title: First\n"
    (tmp_path / "data" / "papers.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def test_a_writer_killed_in_the_middle_of_200_writes_loses_none(base: Path) -> None:
    """SIGKILL at random moments: what was said to be written is there, and the file is whole."""
    draw = random.Random(7)
    said, kills = 0, 0
    while said < 200:
        writer = start(WRITERS, "count", str(base), "200")
        assert writer.stdout is not None
        stop = said + draw.randint(5, 40)
        for line in writer.stdout:
            said = int(line)
            if said >= stop:
                time.sleep(draw.random() * 0.01)
                writer.send_signal(signal.SIGKILL)
                kills += 1
                stop = 1000
        writer.stdout.close()
        writer.wait(60)
        held = int(Library(base).papers[0].notes[0])
        assert held in (said, said + 1)  # the last write may be done and not yet said
        said = held
    text = (base / "data" / "papers.yaml").read_text(encoding="utf-8")
    assert text.startswith("# A person's comment.\n")
    assert kills >= 4


@pytest.mark.parametrize("writes", [0, 1, 2])
def test_a_sync_that_is_killed_between_two_files_is_completed_by_the_next(
    base: Path, writes: int
) -> None:
    """Records without their lock, or papers without datasets: the same in the end."""
    whole = base.parent / f"{base.name}-whole"
    for root in (base, whole):
        (root / "data").mkdir(parents=True, exist_ok=True)
        (root / "data" / "papers.yaml").unlink(missing_ok=True)
        (root / "README.md").write_bytes(SEED.read_bytes())
    sync(whole, str(whole / "README.md"))

    killed = start(WRITERS, "cut", str(base), str(writes))
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    report = sync(base, str(base / "README.md"))

    assert report.conflicts == []
    for name in ("papers.yaml", "datasets.yaml", "lock.json"):
        assert (base / "data" / name).read_bytes() == (whole / "data" / name).read_bytes()


def test_eight_processes_sync_at_once(tmp_path: Path) -> None:
    """Every one succeeds, and the records are those of one sync."""
    (tmp_path / "README.md").write_bytes(SEED.read_bytes())
    command = ["-m", "kb", "sync", str(tmp_path / "README.md"), "-C", str(tmp_path)]

    started = [start(*command) for _ in range(8)]
    said = [process.communicate(timeout=120)[0] for process in started]

    assert [process.returncode for process in started] == [0] * 8
    assert sum("63 added" in text for text in said) == 1
    assert sum("63 unchanged" in text for text in said) == 7
    assert len(Library(tmp_path).papers) == 41
    assert list((tmp_path / "data").glob(".*.tmp")) == []


def test_eight_processes_write_one_record_and_no_write_is_lost(base: Path) -> None:
    """Each reads, changes and writes under the one lock."""
    started = [start(WRITERS, "add", str(base), f"w{number}", "5") for number in range(8)]
    for process in started:
        process.communicate(timeout=120)

    notes = Library(base).papers[0].notes
    assert sorted(notes) == sorted(f"w{w} {n}" for w in range(8) for n in range(5))
    for writer in range(8):
        own = [note for note in notes if note.startswith(f"w{writer} ")]
        assert own == sorted(own)


def test_a_writer_that_waits_too_long_is_told(base: Path) -> None:
    """One line, exit code 4: nothing was written, try again."""
    with atomic.locked(base / "data"):
        program = (
            "import sys; from pathlib import Path; from kb.records import atomic, KBError\n"
            "try:\n"
            "    with atomic.locked(Path(sys.argv[1]), patience=0.1): pass\n"
            "except KBError as error: print(int(error.code), error)\n"
        )
        waiting = start("-c", program, str(base / "data"))
        said, _ = waiting.communicate(timeout=60)

    assert said.startswith(f"{int(Exit.UNREACHABLE)} ")
    assert "another process is writing here; try again" in said


def test_what_a_killed_writer_left_is_swept_when_old(base: Path) -> None:
    """A temporary file that may still be in use is left alone."""
    young, old = (base / "data" / f".papers.yaml.{name}.tmp" for name in ("young", "old"))
    for file in (young, old):
        file.touch()
    os.utime(old, (0, 0))

    with atomic.locked(base / "data"):
        pass

    assert (young.exists(), old.exists()) == (True, False)


def test_a_folder_that_cannot_be_written_is_one_line(base: Path) -> None:
    """What, where, how to fix; the file is as it was."""
    before = (base / "data" / "papers.yaml").read_bytes()
    (base / "data" / "lock.json").mkdir()

    with pytest.raises(KBError, match=r"lock.json: cannot write \(.*\); check space and rights"):
        atomic.write(base / "data" / "lock.json", b"{}")

    assert (base / "data" / "papers.yaml").read_bytes() == before
    assert list((base / "data").glob(".*.tmp")) == []
