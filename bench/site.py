"""The site at size: our build beside the bare theme's, and the filters of 10,000 papers.

`python bench/site.py [PAGES [PAPERS]]`, default 2,000 and 10,000. "theme" is mkdocs-material alone
on the very Markdown that ours wrote, with the same menu (its own would list every page on every
page): no template, style, script or policy of ours. Both are built in turn, RUNS times: ours first
without pages, then with them. The fastest of each counts, in processor seconds, so that what else
the machine does counts for neither. "filter" is the time from a key in the form of the papers' page
to the next frame in which its rows are right, in a Chromium where there is one.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright
from publish import knowledge_base

from kb.publish import builder, publishing, server
from kb.records import Library

RUNS = 2
FILTERED = """([name, value]) => new Promise((done) => {
  const field = document.querySelector(`.kb-filters [name=${name}]`);
  const start = performance.now();
  field.value = value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
})"""


def spent() -> float:
    """Processor seconds of this process and of all that it waited for."""
    return sum(os.times()[:4])


def menu(docs: Path, root: Path) -> list[dict[str, Any]]:
    """The menu of our site: pages that exist."""
    files: dict[str, str | bytes] = {
        path.relative_to(docs).as_posix(): "" for path in docs.rglob("*.md")
    }
    return publishing.with_existing_nav(builder.settings(root), files)["nav"]


def theme_alone(docs: Path, folder: Path) -> float:
    """Seconds of mkdocs-material on the same Markdown."""
    config = {
        "site_name": "Plain",
        "docs_dir": str(docs),
        "site_dir": str(folder / "plain"),
        "theme": {"name": "material", "font": False},
        "nav": menu(docs, folder / "kb"),
        "plugins": ["search"],
        "markdown_extensions": ["abbr", "attr_list", "tables", "admonition", "toc"],
    }
    (folder / "plain.yml").write_text(json.dumps(config), encoding="utf-8")
    command = [sys.executable, "-m", "mkdocs", "build", "-q", "-f", str(folder / "plain.yml")]
    start = spent()
    subprocess.run(command, check=True, capture_output=True)
    return spent() - start


def build(pages: int) -> None:
    """Our whole command and the bare theme, in turn."""
    ours, written, theme = [], [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "kb").mkdir()
        knowledge_base(folder / "kb", pages)
        for _ in range(RUNS):
            shutil.rmtree(folder / "out", ignore_errors=True)
            start = spent()
            publishing.publish(Library.open(folder / "kb"), folder / "out", mkdocs=False)
            written.append(spent() - start)
            start = spent()
            publishing.publish(Library.open(folder / "kb"), folder / "out")
            ours.append(spent() - start)
            theme.append(theme_alone(folder / "out" / "docs", folder))
    html = min(ours) - min(written)
    print(
        f"{pages:,} papers: ours {min(ours):.1f} s, of which Markdown and exports"
        f" {min(written):.1f} s, pages {html:.1f} s; theme {min(theme):.1f} s;"
        f" pages to theme {html / min(theme):.2f}, all to theme {min(ours) / min(theme):.2f}"
    )


def filters(papers: int) -> None:
    """How fast the page of papers answers."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        print("filters: no Chromium here")
        return
    with tempfile.TemporaryDirectory() as name, sync_playwright() as tool:
        folder = Path(name)
        (folder / "kb").mkdir()
        publishing.publish(knowledge_base(folder / "kb", papers), folder / "out")
        http = server.listen(folder / "out" / "site", port=0)
        threading.Thread(target=http.serve_forever, daemon=True).start()
        browser = tool.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        answer(browser.new_page(), f"http://127.0.0.1:{http.server_port}/papers/", papers)
        browser.close()
        http.shutdown()
        http.server_close()


def answer(tab: Page, address: str, papers: int) -> None:
    """Open the page, filter it, and print each time."""
    tab.goto(address, wait_until="domcontentloaded")
    timing = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
    usable = float(tab.evaluate(timing)) / 1000
    first = tab.evaluate(FILTERED, ["text", "joint"])
    tab.evaluate(FILTERED, ["text", ""])
    tab.locator(".kb-rest").wait_for(state="detached", timeout=120_000)
    whole = float(tab.evaluate("performance.now()")) / 1000
    print(
        f"{papers:,} papers: usable {usable:.2f} s, filter {first:.0f} ms, all rows {whole:.1f} s"
    )
    steps = [("text", "joint embedding"), ("venue", "cvpr"), ("venue", ""), ("text", "")]
    for name, value in steps:
        took = tab.evaluate(FILTERED, [name, value])
        shown = tab.locator("#papers tbody tr:not([hidden])").count()
        print(f"  {name}={value!r}: {took:.0f} ms, {shown:,} rows")


if __name__ == "__main__":
    wanted = [int(arg) for arg in sys.argv[1:]]
    build(wanted[0] if wanted else 2_000)
    filters(wanted[1] if len(wanted) > 1 else 10_000)
