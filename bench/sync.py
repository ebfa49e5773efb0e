"""What a sync costs beside a plain Markdown parse of the same list, from 1,000 to 20,000 entries.

    python bench/sync.py [SIZE ..]

Each size runs in a process of its own, so that its memory is its own. `first` makes the records,
`again` meets an unchanged list, `prose` a list of which only the prose changed, `one entry` a list
with one entry more: nothing but the first may be skipped by comparing bytes.
"""

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import mistune

from kb.sync.engine import sync

SIZES = (1_000, 2_000, 5_000, 10_000, 20_000)
WORDS = (
    "video text retrieval dual dense cross modal graph temporal language query hybrid space"
    " alignment moment caption concept sparse encoder transformer contrastive relation token audio"
    " expert clip event action semantic latent structure memory hashing multilingual object scene"
)
NAMES = [
    a + b for a in ("Ab", "Bel", "Cor", "Dun", "El", "Far") for b in ("an", "er", "im", "os", "u")
]
VENUES = ("CVPR", "ICCV", "ECCV", "ACL", "SIGIR", "NeurIPS", "IEEE Transactions on Multimedia")
FIRST_YEAR, YEARS = 2005, 20


def made(size: int) -> str:
    """A list of `size` invented entries in the form of the seed, with as many links."""
    draw = random.Random(size)
    out = ["# A List", "", "Prose.", "", "## Papers"]
    for number in range(size):
        if number % (size // YEARS) == 0:
            year = FIRST_YEAR + number * YEARS // size
            out += ["", f"### {year}"]
        out.append(_entry(draw, number, year))
    return "\n".join(out) + "\n"


def _entry(draw: random.Random, number: int, year: int) -> str:
    title = " ".join(draw.choices(WORDS.split(), k=8)).capitalize()
    venue, name = draw.choice(VENUES), draw.choice(NAMES)
    tag = "TMM" if venue.startswith("IEEE") else venue
    arxiv = f"{year % 100:02d}{draw.randint(1, 12):02d}.{number:05d}"
    paper = f"https://arxiv.org/abs/{arxiv}" if draw.random() < 0.5 else f"https://a.org/{number}"  # noqa: PLR2004  (every other)
    code = f" [[code]](https://github.com/{name.lower()}/m{number})"
    label = f"`[{name} et al. {tag}{year % 100:02d}]`"
    return f"* {label} {title} {number}. {venue}, {year}. [[paper]]({paper}){code}"


def seconds(task: Callable[[], object]) -> float:
    """How long it takes, in processor time: what else runs on the machine counts less."""
    begun = time.process_time()
    task()
    return time.process_time() - begun


def measure(size: int) -> dict[str, float]:
    """One size: seconds for the parse and the syncs, and the largest memory in megabytes."""
    text = made(size)
    with tempfile.TemporaryDirectory() as folder:
        root, file = Path(folder), Path(folder) / "README.md"

        def synced(text: str) -> float:
            file.write_text(text, encoding="utf-8")
            return seconds(lambda: sync(root, str(file)))

        parse = min(seconds(lambda: mistune.create_markdown(renderer="ast")(text)) for _ in "123")
        plain = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        extra = _entry(random.Random(0), size, FIRST_YEAR + YEARS - 1)
        row = {
            "entries": size,
            "parse": parse,
            "first": synced(text),
            "again": min(synced(text) for _ in "123"),
            "prose": synced(text.replace("Prose.", "Other prose.")),
            "one entry": synced(text + extra + "\n"),
        }
    unit = 1024 if sys.platform == "linux" else 1024 * 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {**row, "mistune MB": plain / unit, "MB": most / unit}


def main(sizes: list[int]) -> None:
    """Print the table."""
    print("processor seconds, and times the parse; memory of the whole process")
    print("entries    parse        first        again        prose    one entry  mistune MB     MB")
    for size in sizes:
        command = [sys.executable, __file__, "--one", str(size)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        row = json.loads(done.stdout)
        times = (
            f"{row[name]:6.2f} {row[name] / row['parse']:4.1f}x"
            for name in ("first", "again", "prose", "one entry")
        )
        print(
            f"{size:7d}  {row['parse']:7.2f} {' '.join(times)} {row['mistune MB']:11.0f} {row['MB']:6.0f}"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(int(sys.argv[2]))))
    else:
        main([int(word) for word in sys.argv[1:]] or list(SIZES))
