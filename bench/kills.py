"""kill -9 at random moments: what `kb links` and `kb enrich` had written is never lost or torn.

    python bench/kills.py                  two hundred kills of each
    python bench/kills.py --kills 20       fewer

Only loopback addresses are asked. After each kill every file is read again: the history of links and
the cache of arXiv's answers must be whole and hold all they held before, the records must load.
"""

import argparse
import json
import multiprocessing
import os
import random
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from itertools import count, takewhile
from pathlib import Path
from time import monotonic

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from kb.links.history import History  # noqa: E402
from kb.records import Library  # noqa: E402
from tests.servers.arxiv import Server, State, load  # noqa: E402
from tests.servers.web import Web  # noqa: E402

# A fork server with everything loaded: a kill costs what the command costs, not what Python does.
START = multiprocessing.get_context("forkserver")
LOADED = ["kb.cli.app", "kb.links.check", "kb.links.report", "kb.enrich.run", "kb.records"]
AROUND = (0.3, 1.2)  # when a run is killed, as shares of the time that a whole run takes


@dataclass
class Tally:
    """What came of the kills of one command."""

    name: str
    kills: int = 0  # of runs that were at work
    ended: int = 0  # runs that were over before the kill
    length: float | None = None  # seconds that the last whole run took
    torn: int = 0  # files that could not be read
    lost: int = 0  # entries that were there before and are not now
    most: int = 0  # entries that a file held
    seen: set[str] = field(default_factory=set)

    def hold(self, entries: set[str]) -> None:
        """Compare what a file holds with what it held."""
        self.lost += len(self.seen - entries)
        self.seen |= entries
        self.most = max(self.most, len(self.seen))


def main() -> None:
    """Kill both commands as often as asked and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    START.set_forkserver_preload(LOADED)
    moments = random.Random(wanted.seed)
    tallies = [links(wanted.kills, moments), enrich(wanted.kills, moments)]
    print("command    kills  over before  torn  lost  entries  seconds")
    for tally, seconds in tallies:
        row = f"{tally.name:<10} {tally.kills:>5}  {tally.ended:>11}  {tally.torn:>4}  {tally.lost:>4}"
        print(f"{row}  {tally.most:>7}  {seconds:>7.0f}")
    sys.exit(any(tally.torn or tally.lost for tally, _ in tallies))


def command(words: list[str], environment: dict[str, str]) -> None:
    """One call of the command line, in a process that has loaded it already."""
    from kb.cli import run  # noqa: PLC0415  (the parent needs none of it)

    os.environ.update(environment)
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        run(words)


def killed(
    tally: Tally, words: list[str], environment: dict[str, str], moments: random.Random
) -> None:
    """One run of the command, killed at some moment of its length; the first one runs to its end."""
    begun = monotonic()
    process = START.Process(target=command, args=(words, environment))
    process.start()
    process.join(tally.length and tally.length * moments.uniform(*AROUND))
    if process.is_alive():
        process.kill()
        tally.kills += 1
    else:
        tally.ended += tally.length is not None
        tally.length = monotonic() - begun
    process.join()


def readable(tally: Tally, read: Callable[[], set[str]]) -> None:
    """Read a file after a kill; what cannot be read is torn."""
    try:
        tally.hold(read())
    except Exception as error:  # noqa: BLE001  (whatever a reader says of a torn file)
        tally.torn += 1
        print(f"{tally.name}: {error}", file=sys.stderr)


def links(kills: int, moments: random.Random) -> tuple[Tally, float]:
    """Kill `kb links` while it asks, and while it writes data/links.json."""
    tally, begun = Tally("kb links"), monotonic()
    with tempfile.TemporaryDirectory() as name, Web(log=False) as web:
        base = Path(name)
        (base / "data").mkdir()
        (base / "data" / "papers.yaml").write_text("papers: []\n")
        history = base / "data" / "links.json"
        for number in takewhile(lambda _: tally.kills < kills, count()):
            listed = [web.url("file", f"{number}-{item}") for item in range(20)]
            (base / "list.md").write_text("".join(f"- [x]({url})\n" for url in listed))
            words = ["links", "--file", str(base / "list.md"), "--root", name, "--allow-private"]
            killed(tally, words, {"KB_WAYBACK": ""}, moments)
            readable(tally, lambda: set(History.load(history).links))
    return tally, monotonic() - begun


def enrich(kills: int, moments: random.Random) -> tuple[Tally, float]:
    """Kill `kb enrich` while it asks, and while it writes its cache and the records."""
    tally, begun = Tally("kb enrich"), monotonic()
    server = Server(State(load()))
    server.start()
    environment = {
        "KB_ARXIV_ENDPOINT": f"{server.address}/api/query",
        "KB_ARXIV_OAI": f"{server.address}/oai",
        "KB_ARXIV_INTERVAL": "0.02",
    }
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        cache = base / "data" / "arxiv.json"
        environment["KB_CACHE"] = str(base / "cache")
        (base / "data").mkdir()
        rows = [
            f"- id: p{number}\n  title: {json.dumps(paper['title'])}\n  authors: [{json.dumps(paper['authors'][0])}]\n"
            f"  et_al: true\n  ids: {{arxiv: '{key}'}}\n"
            for number, (key, paper) in enumerate(load().items())
        ]
        while tally.kills < kills:
            if cache.exists() and moments.random() < 0.2:  # noqa: PLR2004  (all is asked anew)
                cache.unlink()
                tally.seen.clear()
            (base / "data" / "papers.yaml").write_text("papers:\n" + "".join(rows))
            killed(tally, ["enrich", "--root", name], environment, moments)
            readable(tally, lambda: _papers(cache) if cache.exists() else set())
            readable(tally, lambda: tally.seen if _whole(base, len(rows)) else set())
    server.stop()
    return tally, monotonic() - begun


def _whole(base: Path, count: int) -> bool:
    """Whether the records load, and all of them are there."""
    return len(Library.open(base).papers) == count


def _papers(cache: Path) -> set[str]:
    return set(json.loads(cache.read_text())["papers"])


if __name__ == "__main__":
    main()
