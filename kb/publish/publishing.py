"""`kb publish`: compute all pages, write them, build the site, swap it into place."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kb.publish import (
    builder,
    exports,
    feed,
    glossary,
    pages,
    repository,
    social,
    tree,
    twins,
    wrong,
)
from kb.publish.engine import MKDOCS, Engine
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
    engine: Engine = MKDOCS,
) -> Outcome:
    """Write out/docs and build out/site from it; `url` is the address it will be published at.

    mkdocs: whether the site is built, by `engine`.

    Raises KBError where a record, a hand-written page or the site tool is in the way.
    """
    if mkdocs:
        engine.require()
    config = builder.settings(library.root, url)
    drawn = bool(config.get("site_url")) and social.available()
    config["extra"] = {**_with_repository(library, config["extra"]), "pictures": drawn}
    files = contents(library, config)
    with atomic.locked(out):
        changed = tree.write(out / "docs", files)
        menu = with_existing_nav(config, files)

        def beside() -> dict[str, str | bytes]:
            drawings = social.pictures(files, str(config["site_name"])) if drawn else {}
            return {**twins.twins(files), **exports.cards(library), **drawings}

        rebuilt = mkdocs and builder.build(out, menu, files, beside, engine=engine, strict=strict)
    count = sum(name.endswith(".md") for name in files)
    return Outcome(out / "docs", out / "site" if mkdocs else None, count, changed, rebuilt)


def contents(library: Library, config: dict[str, Any]) -> dict[str, str | bytes]:
    """Every file of docs/, by path."""
    site = pages.Site(
        library,
        name=str(config["site_name"]),
        description=str(config.get("site_description") or ""),
        source_url=config["extra"].get("source_url"),
        repository=config["extra"].get("repository"),
    )
    own = library.root / "site"
    files = {**_written(THEME / "pages", library.root), **_written(own / "pages", library.root)}
    files |= _assets(THEME / "assets", "assets") | _assets(own / "assets", "assets")
    made: dict[str, str | bytes] = {**pages.everything(site)}
    if site.repository:
        prefix = repository.wrong(library.root, site.repository)
        made |= {path: _reportable(path, content, prefix) for path, content in made.items()}
    made |= {
        "feed.xml": feed.atom(site.events, site.name, config.get("site_url"), site.description)
    }
    made |= exports.files(library) | document.api(library)
    main = {path: text for path, text in (files | made).items() if twins.is_main(path)}
    made |= {"llms.txt": twins.llms(site.name, site.description, twins.twins(main))}
    for path, content in made.items():
        if path in files:
            raise KBError(f"{path} is a generated page", where=own / "pages", hint="rename yours")
        files[path] = content
    return files


def _with_repository(library: Library, extra: dict[str, Any]) -> dict[str, Any]:
    """The theme's settings with the repository, where one is known, and where to report an error."""
    address = repository.address(library.root, extra)
    if address is None:
        return {**extra, "repository": None}
    return {**extra, "repository": address, "wrong": repository.wrong(library.root, address)}


def _reportable(path: str, content: str | bytes, prefix: str) -> str | bytes:
    """A generated page with a link at each row for a reader who knows better."""
    if not path.endswith(".md") or not isinstance(content, str):
        return content
    return wrong.linked(content, prefix, path.removesuffix("index.md").replace(".md", "/"))


def _written(folder: Path, root: Path) -> dict[str, str | bytes]:
    """The hand-written pages of a folder and what lies beside them.

    Terms of the glossary are explained; a page that lies in the knowledge base names its file.
    """
    inside = folder.relative_to(root).as_posix() if folder.is_relative_to(root) else None
    files: dict[str, str | bytes] = {}
    for path, content in _assets(folder, "").items():
        if path.endswith(".md"):
            text = content.decode("utf-8").replace("\nGLOSSARY\n", f"\n{glossary.table()}\n")
            files[path] = glossary.marked(_sourced(text, f"{inside}/{path}" if inside else None))
        else:
            files[path] = content
    return files


def _sourced(page: str, file: str | None) -> str:
    """A page whose front matter names the file that it is written in."""
    if file is None:
        return page
    line = f"source: {json.dumps(file)}\n"
    return f"---\n{line}{page[4:]}" if page.startswith("---\n") else f"---\n{line}---\n{page}"


def _assets(folder: Path, prefix: str) -> dict[str, bytes]:
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
