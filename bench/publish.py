"""What a publication costs: our step beside the whole, for 41, 1,000 and 10,000 papers.

`python bench/publish.py [SIZE ...]`. "ours" is every page, export and API file written; "site" is
that again, unchanged, and mkdocs. Papers are invented; the page of papers is opened in a
Chromium where there is one. The last column publishes again without a change.
"""

import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from kb.publish import publishing, server
from kb.records import Library

WORDS = [
    "video",
    "text",
    "retrieval",
    "joint",
    "embedding",
    "dual",
    "deep",
    "space",
    "frame",
    "query",
    "hard",
    "negative",
]
VENUES = ("CVPR", "ICCV", "ECCV", "ACM MM", "arXiv", "TPAMI")


def paper(number: int) -> str:
    """One invented record."""
    title = " ".join(WORDS[(number * step + step) % len(WORDS)] for step in range(1, 8))
    return (
        f"  - id: author{number}x{2000 + number % 22}word\n    title: {title} {number}\n"
        f"    authors: [Ada Author {number}, Ben Builder, Cy Curator]\n"
        f"    venue: {VENUES[number % 6]}\n    year: {2000 + number % 22}\n"
        f"    section: Papers / {2000 + number % 22}\n    links:\n"
        f"      - {{kind: paper, url: https://example.org/{number}.pdf}}\n"
        f"      - {{kind: code, url: https://example.org/code/{number}}}\n    datasets: [harbour]\n"
    )


def knowledge_base(folder: Path, size: int) -> Library:
    """A knowledge base of `size` papers and one dataset."""
    data = folder / "data"
    data.mkdir()
    (data / "papers.yaml").write_text("papers:\n" + "".join(map(paper, range(size))))
    (data / "datasets.yaml").write_text(
        "datasets:\n  - id: harbour\n    name: Harbour\n    title: H\n"
    )
    return Library.open(folder)


def opened(site: Path) -> float | None:
    """Seconds until the page of papers stands and its filters work; None without a Chromium."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        return None
    http = server.listen(site, port=0)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    with sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page()
        tab.goto(f"http://127.0.0.1:{http.server_port}/papers/", wait_until="domcontentloaded")
        timing = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
        seconds = float(tab.evaluate(timing)) / 1000
        browser.close()
    http.shutdown()
    http.server_close()
    return seconds


def measure(size: int) -> None:
    """One row of the table."""
    with tempfile.TemporaryDirectory() as name:
        root, out = Path(name) / "kb", Path(name) / "out"
        root.mkdir()
        library = knowledge_base(root, size)
        start = time.perf_counter()
        publishing.publish(library, out, mkdocs=False)
        ours = time.perf_counter() - start
        start = time.perf_counter()
        publishing.publish(library, out, strict=True)
        site = time.perf_counter() - start
        start = time.perf_counter()
        same = publishing.publish(Library.open(root), out)
        again = time.perf_counter() - start
        weight = sum(
            (out / "site" / name).stat().st_size
            for name in ("index.html", "assets/kb.css", "assets/kb.js")
        )
        page = (out / "site" / "papers" / "index.html").stat().st_size
        seconds = opened(out / "site")
    shown = f"{seconds:.2f}" if seconds is not None else "-"
    print(
        f"{size:>7,} {ours:>8.2f} {site:>8.2f} {ours / site:>6.0%} {again:>8.2f} {same.changed:>3}"
        f" {weight / 1000:>8.0f} {page / 1000:>9.0f} {shown:>7}"
    )


if __name__ == "__main__":
    print(" papers   ours s   site s  ratio  again s chg  home kB papers kB  open s")
    for wanted in [int(arg) for arg in sys.argv[1:]] or [41, 1_000, 10_000]:
        measure(wanted)
