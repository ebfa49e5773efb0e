"""`kb publish`: compute all pages, write them, build the site, swap it into place."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kb.publish import builder, exports, glossary, log, pages, repository, tree, twins, wrong
from kb.publish.exports import document
from kb.publish.render import THEME
from kb.records import KBError, Library, atomic


@dataclass
class Outcome:
    """The outcome of `kb publish`."""

    docs: Path
    site: Path | None  # None with mkdocs left out
    pages: int
    changed: int  # files of docs that are new, different or gone
    rebuilt: bool

    def as_json(self) -> dict[str, Any]:
        """The document of `kb publish --json`."""
        places = {"docs": str(self.docs), "site": str(self.site) if self.site else None}
        return {**places, "pages": self.pages, "changed": self.changed, "rebuilt": self.rebuilt}


def publish(
    library: Library,
    out: Path,
    *,
    strict: bool = False,
    mkdocs: bool = True,
    url: str | None = None,
) -> Outcome:
    """Write out/docs and build out/site from it; `url` is the address it will be published at.

    Raises KBError where a record, a hand-written page or the site tool is in the way.
    """
    if mkdocs:
        builder.require()
    config = builder.settings(library.root, url)
    config["extra"] = _with_repository(library, config["extra"])
    files = contents(library, config)
    with atomic.locked(out):
        changed = tree.write(out / "docs", files)
        menu = with_existing_nav(config, files)
        beside = twins.twins(files) | exports.cards(library)
        rebuilt = mkdocs and builder.build(out, menu, beside, strict=strict)
    count = sum(name.endswith(".md") for name in files)
    return Outcome(out / "docs", out / "site" if mkdocs else None, count, changed, rebuilt)


def contents(library: Library, config: dict[str, Any]) -> dict[str, str | bytes]:
    """Every file of docs/, by path."""
    site = pages.Site(
        library,
        name=str(config["site_name"]),
        description=str(config.get("site_description") or ""),
        source_url=config["extra"].get("source_url"),
        repository=repository.address(library.root, config["extra"]),
    )
    own = library.root / "site"
    files: dict[str, str | bytes] = {**_assets(THEME / "pages", ""), **_assets(own / "pages", "")}
    files = {path: _explained(path, content) for path, content in files.items()}
    files |= _assets(THEME / "assets", "assets") | _assets(own / "assets", "assets")
    made: dict[str, str | bytes] = {**pages.everything(site)}
    if site.repository:
        prefix = repository.wrong(library.root, site.repository)
        made |= {path: _reportable(path, content, prefix) for path, content in made.items()}
    made |= {"feed.xml": log.atom(site.events, site.name, config.get("site_url"))}
    made |= exports.files(library) | document.api(library)
    made |= {"llms.txt": twins.llms(site.name, site.description, twins.twins(files | made))}
    for path, content in made.items():
        if path in files:
            raise KBError(f"{path} is a generated page", where=own / "pages", hint="rename yours")
        files[path] = content
    return files


def _with_repository(library: Library, extra: dict[str, Any]) -> dict[str, Any]:
    """The theme's settings with the repository, where one is known, and where to report an error."""
    address = repository.address(library.root, extra)
    if address is None:
        return extra
    return {**extra, "repository": address, "wrong": repository.wrong(library.root, address)}


def _reportable(path: str, content: str | bytes, prefix: str) -> str | bytes:
    """A generated page with a link at each row for a reader who knows better."""
    if not path.endswith(".md") or not isinstance(content, str):
        return content
    return wrong.linked(content, prefix, path.removesuffix("index.md").replace(".md", "/"))


def _explained(path: str, content: str | bytes) -> str | bytes:
    """A hand-written page with the glossary's terms explained; any other file as it is."""
    if not path.endswith(".md"):
        return content
    text = content if isinstance(content, str) else content.decode("utf-8")
    return glossary.marked(text.replace("\nGLOSSARY\n", f"\n{glossary.table()}\n"))


def _assets(folder: Path, prefix: str) -> dict[str, str | bytes]:
    return {
        str(Path(prefix) / path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def with_existing_nav(config: dict[str, Any], files: dict[str, str | bytes]) -> dict[str, Any]:
    """The settings with a menu of pages that exist."""
    return {**config, "nav": _existing(config["nav"], files)}


def _existing(nav: list[dict[str, Any]], files: dict[str, str | bytes]) -> list[dict[str, Any]]:
    menu: list[dict[str, Any]] = []
    for item in nav:
        for name, page in item.items():
            kept = _existing(page, files) if isinstance(page, list) else page in files and page
            menu += [{name: kept}] if kept else []
    return menu
