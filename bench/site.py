"""The site at size: our build beside the bare theme's, and the filters of 10,000 papers.

`python bench/site.py [PAGES [PAPERS]]`, default 2,000 and 10,000. "theme" is mkdocs-material alone
on the very Markdown that ours wrote, with the same menu (its own would list every page on every
page): no template, style, script or policy of ours. Both are commands of their own, started from
nothing and in turn, RUNS times: ours without pages, then with them, then the theme. The fastest of
each counts, in processor seconds, so that what else the machine does counts for neither.

What is unequal: ours reads and checks the records and writes the Markdown, the exports and the API,
which the theme finds written; the theme copies our exports and API, which are not its own and
of which ours links those of each paper.

"filter" is the time from a key in the form of the papers' page to the next frame in which its rows
are right, in a Chromium where there is one.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Page, sync_playwright
from publish import knowledge_base

from kb.publish import builder, publishing, server

RUNS = 2
FILTERED = """([name, value]) => new Promise((done) => {
  const field = document.querySelector(`.kb-filters [name=${name}]`);
  const start = performance.now();
  field.value = value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
})"""


class Cost(NamedTuple):
    """What a command took."""

    seconds: float  # of processors, with all processes that it waited for
    memory: float  # mebibytes, of its largest process


def cost(*arguments: str) -> Cost:
    """Run a Python module to its end."""
    line = [sys.executable, "-m", *arguments]
    started = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(started.pid, 0)
    started.returncode = os.waitstatus_to_exitcode(status)
    if started.returncode:
        raise subprocess.CalledProcessError(started.returncode, line)
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def publication(folder: Path, *options: str) -> Cost:
    """Our whole command, into a folder that is not there yet."""
    shutil.rmtree(folder / "out", ignore_errors=True)
    return cost("kb", "-C", str(folder / "kb"), "publish", "--out", str(folder / "out"), *options)


def menu(docs: Path, root: Path) -> list[dict[str, Any]]:
    """The menu of our site: pages that exist."""
    files: dict[str, str | bytes] = {
        path.relative_to(docs).as_posix(): "" for path in docs.rglob("*.md")
    }
    return publishing.with_existing_nav(builder.settings(root), files)["nav"]


def theme_alone(docs: Path, folder: Path) -> Cost:
    """mkdocs-material on the same Markdown."""
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
    return cost("mkdocs", "build", "-q", "-f", str(folder / "plain.yml"))


def build(pages: int) -> None:
    """Our whole command and the bare theme, in turn."""
    ours, written, theme = [], [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "kb").mkdir()
        knowledge_base(folder / "kb", pages)
        for _ in range(RUNS):
            written.append(publication(folder, "--no-mkdocs"))
            ours.append(publication(folder))
            theme.append(theme_alone(folder / "out" / "docs", folder))
    whole, markdown, bare = min(ours), min(written), min(theme)
    html = whole.seconds - markdown.seconds
    print(
        f"{pages:,} papers: ours {whole.seconds:.1f} s, of which Markdown and exports"
        f" {markdown.seconds:.1f} s, pages {html:.1f} s; theme {bare.seconds:.1f} s;"
        f" pages to theme {html / bare.seconds:.2f},"
        f" all to theme {whole.seconds / bare.seconds:.2f};"
        f" memory {whole.memory:.0f} MiB, theme {bare.memory:.0f} MiB"
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
