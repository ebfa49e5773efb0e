"""Addresses of earlier editions, each leading to the page that took its place."""

from collections.abc import Iterable, Iterator

from kb.publish.pages.site import Site

MOVED = {  # old page under docs/ -> new address; where the new page exists and the old one does not
    "datasets/index.md": "benchmarks/",
    "claims.md": "reproductions/",
    "models.md": "reproductions/",
    "results.md": "reproductions/",
}


def redirects(site: Site, pages: Iterable[str]) -> dict[str, str]:
    """The redirecting pages, by path under docs/."""
    known = set(pages)
    moves = [*MOVED.items(), *_datasets(site)]
    return {
        old: site.moved(_address(old), new, new.strip("/").rpartition("/")[2].capitalize())
        for old, new in moves
        if old not in known and known & {f"{new.rstrip('/')}.md", f"{new}index.md"}
    }


def _datasets(site: Site) -> Iterator[tuple[str, str]]:
    for one in site.library.datasets:
        yield f"datasets/{one.id}.md", f"benchmarks/{one.id}/"


def _address(page: str) -> str:
    """The address of a page of docs/."""
    return page.removesuffix("index.md") if page.endswith("index.md") else f"{page[:-3]}/"
