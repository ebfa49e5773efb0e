"""The ten pull requests of tests/data/bot/pulls as git branches, and the comment that each gets.

`python -m tests.bot.pulls` writes the comments beside them anew; read them before they are committed.
"""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from kb.bot.comment import comment, has_content
from kb.bot.judge import compare
from kb.bot.report import BotReport
from kb.bot.web import Web
from kb.sync.engine import sync
from tests.servers import arxiv

DATA = Path(__file__).resolve().parents[1] / "data"
PULLS = DATA / "bot" / "pulls"
SEED = DATA / "lists" / "seed.md"
SILENT = "(nothing is said)\n"
AUTHOR = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")


def git(folder: Path, *words: str) -> str:
    """One command of git; its output."""
    call = ["git", *AUTHOR, *words]
    return subprocess.run(
        call, cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def repository(folder: Path) -> Path:
    """A repository with the seed list on main and its records beside it."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    (folder / "README.md").write_bytes(SEED.read_bytes())
    (folder / "data").mkdir()
    (folder / "data" / "papers.yaml").write_text("papers: []\n")
    sync(folder, str(folder / "README.md"))
    commit(folder, "Begin")
    return folder


def commit(folder: Path, message: str) -> str:
    """Commit everything; the commit's hash."""
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "HEAD")


def cases() -> list[Path]:
    """The pull requests, in order."""
    return sorted(PULLS.glob("*.yaml"))


def changed(text: str, case: dict[str, Any]) -> str:
    """The list after a pull request's change."""
    for old, new in case.get("replace", []):
        assert old in text
        text = text.replace(old, new, 1)
    for line in case.get("delete", []):
        assert f"{line}\n" in text
        text = text.replace(f"{line}\n", "", 1)
    if lines := case.get("lines"):
        place = f"{case['after']}\n"
        assert place in text
        text = text.replace(place, place + "".join(f"{line}\n" for line in lines), 1)
    return text


@contextmanager
def papers() -> Iterator[str]:
    """A local arXiv that knows the seed's papers and those of the pull requests; its address."""
    state = arxiv.State(arxiv.load() | arxiv.load(PULLS / "arxiv.json"))
    server = arxiv.Server(state)
    server.start()
    try:
        yield f"{server.address}/api/query"
    finally:
        server.stop()


def judged(folder: Path, path: Path, endpoint: str) -> BotReport:
    """The report on one pull request, on a branch of its own in `folder`."""
    case = yaml.safe_load(path.read_text(encoding="utf-8"))
    git(folder, "checkout", "-q", "-B", path.stem, "main")
    readme = folder / "README.md"
    readme.write_text(changed(readme.read_text(encoding="utf-8"), case), encoding="utf-8")
    commit(folder, case["title"])
    web = Web(arxiv=bool(case.get("arxiv")), endpoint=endpoint)
    return compare("main", readme, root=folder, ask=web)


def shown(report: BotReport) -> str:
    """What the contributor reads the first time."""
    return comment(report) if has_content(report) else SILENT


def main() -> None:
    """Write every comment."""
    with tempfile.TemporaryDirectory() as name, papers() as endpoint:
        folder = repository(Path(name) / "list")
        for path in cases():
            path.with_suffix(".md").write_text(
                shown(judged(folder, path, endpoint)), encoding="utf-8"
            )


if __name__ == "__main__":
    main()
