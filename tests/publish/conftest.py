"""One publication of the invented knowledge base, a server for it, and a browser."""

import json
import shutil
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from kb.publish import publishing, server
from kb.records import Library

ROOT = Path(__file__).resolve().parents[2]
INVENTED = Path(__file__).parents[1] / "data" / "kb"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


@pytest.fixture(scope="session")
def invented() -> Path:
    """The root of the invented knowledge base; read only."""
    return INVENTED


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the invented knowledge base to change."""
    return Path(shutil.copytree(INVENTED, tmp_path / "kb"))


def run_again(copy: Path, name: str, **changed: Any) -> None:
    """Both runs of a copy made once more, SumR 5 and 7 higher; `changed`: fields of the records.

    Its model has a file then.
    """
    (copy / "models").mkdir(exist_ok=True)
    shutil.copy(ROOT / "models" / "w2vvpp.py", copy / "models" / "paper_boats.py")
    folder = copy / "data" / "results" / "paper-boats"
    for seed in (1, 2):
        record = json.loads((folder / f"paper-boats-full-{seed}.json").read_text())
        record["metrics"]["SumR"] += 3 + 2 * seed
        recipe = record["recipe"] | changed.get("recipe", {})
        record |= {**changed, "id": f"{record['id']}.{name}", "recipe": recipe}
        (folder / f"{record['id']}.json").write_text(json.dumps(record))


@pytest.fixture(scope="session")
def built(once: Callable[..., Path]) -> Path:
    """The folder in which the invented knowledge base was published strictly."""
    return once(
        "published", lambda out: publishing.publish(Library.open(INVENTED), out, strict=True)
    )


@pytest.fixture(scope="session")
def own(once: Callable[..., Path]) -> Path:
    """The folder in which this repository's own records were published strictly."""
    return once("own", lambda out: publishing.publish(Library.open(ROOT), out, strict=True))


def kinds(site: Path) -> dict[str, str]:
    """Kind of page -> address: each page of its own, of a folder's pages the longest and shortest.

    Pages of one folder come from one template; the longest shows most of it, the shortest what is
    left where records say little. Pages that only lead on are left out.
    """
    found, folders = {}, defaultdict(list)
    for page in sorted(site.rglob("*.html")):
        if '<meta http-equiv="refresh"' in page.read_text(encoding="utf-8"):
            continue
        address = page.relative_to(site).as_posix().removesuffix("index.html")
        if address.count("/") > 1:
            folders[address.split("/")[0]].append((page.stat().st_size, address))
        else:
            found[address] = address
    for folder, pages in folders.items():
        found |= {f"{folder}: longest": max(pages)[1], f"{folder}: shortest": min(pages)[1]}
    return found


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[[Path], str]]:
    """Serve a folder on a loopback port of its own; the address ends in a slash."""
    running: dict[Path, ThreadingHTTPServer] = {}

    def start(folder: Path) -> str:
        if folder not in running:
            running[folder] = server.listen(folder, port=0)
            serving = running[folder].serve_forever
            threading.Thread(target=serving, args=(0.05,), daemon=True).start()
        return f"http://127.0.0.1:{running[folder].server_port}/"

    yield start
    for http in running.values():
        http.shutdown()
        http.server_close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A Chromium of this machine; the test is skipped where there is none."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no Chromium here (Debian: apt-get install chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    with playwright.sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Visit:
    """A tab whose console and requests are watched."""

    tab: Any
    site: str
    problems: list[str] = field(default_factory=list)

    def open(self, path: str) -> Any:
        """Go to a page of the site."""
        self.tab.goto(self.site + path, wait_until="load")
        return self.tab


@pytest.fixture
def visit(chromium: Any) -> Iterator[Callable[..., Visit]]:
    """Open a watched tab on a site; what goes wrong in it is in `problems`."""
    contexts = []

    def start(site: str, **options: Any) -> Visit:
        context = chromium.new_context(**options)
        contexts.append(context)
        seen = Visit(context.new_page(), site)

        def outside(route: Any) -> None:
            if route.request.url.startswith((site, "blob:", "data:")):
                route.continue_()
            else:
                seen.problems.append(f"asked {route.request.url}")
                route.abort()

        context.route("**/*", outside)
        seen.tab.on("console", lambda said: _note(seen, said.type, said.text))
        seen.tab.on("pageerror", lambda error: seen.problems.append(str(error)))
        return seen

    yield start
    for context in contexts:
        context.close()


def _note(seen: Visit, kind: str, said: str) -> None:
    if kind in {"error", "warning"}:
        seen.problems.append(f"{kind}: {said}")


class Outline(HTMLParser):
    """What a page holds: ids, addresses, scripts, attributes that run code, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.addresses: list[tuple[str, str]] = []
        self.tags: list[str] = []
        self.handlers: list[str] = []
        self.text = ""
        self._silent = 0
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the tag refers to."""
        self.tags.append(tag)
        self._silent += tag in {"script", "style"}
        for name, value in attrs:
            if name == "id" and value:
                self.ids.add(value)
            if name in {"href", "src", "action", "srcset", "data", "poster"} and value is not None:
                self.addresses.append((tag, value))
            if name.startswith("on") or name == "style":
                self.handlers.append(f"<{tag} {name}>")

    def handle_endtag(self, tag: str) -> None:
        """Text counts again after a script."""
        self._silent -= tag in {"script", "style"}

    def handle_data(self, data: str) -> None:
        """Keep what a reader sees."""
        if not self._silent:
            self.text += data


@pytest.fixture(scope="session")
def outline() -> Callable[[Path], Outline]:
    """Read a page of a built site."""
    return lambda path: Outline(path.read_text(encoding="utf-8"))
