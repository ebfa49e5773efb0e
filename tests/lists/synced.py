"""Records and lock as a sync leaves them, made from parsed entries."""

from typing import Any

from kb.lists import Entry
from kb.records import Dataset, Ids, Implementation, Link, Paper

ROOMS = {"paper": "papers", "dataset": "datasets"}


class Synced:
    """Records and lock as they stand right after a sync of these entries; one record a title."""

    def __init__(self, entries: list[Entry]) -> None:
        self.papers: dict[str, Paper] = {}
        self.datasets: dict[str, Dataset] = {}
        self.implementations: dict[str, Implementation] = {}
        self.lock: dict[str, dict[str, dict[str, Any]]] = {
            room: {} for room in ("papers", "datasets", "implementations")
        }
        names: dict[str, str] = {}
        for entry in entries:
            if entry.kind != "pointer" and entry.title and (entry.kind + entry.title) not in names:
                names[entry.kind + entry.title] = key = f"{entry.kind}-{len(names)}"
                self.add(key, entry)

    def add(self, key: str, entry: Entry) -> None:
        """Take one entry over."""
        fields = {"section": entry.section}
        if entry.kind in ROOMS:
            common: dict[str, Any] = {
                "id": key, "title": entry.title, "authors": entry.authors, "et_al": entry.et_al,
                "venue": entry.venue, "year": entry.year, "section": entry.section,
                "label": entry.label, "ids": Ids(arxiv=entry.arxiv, doi=entry.doi),
                "links": [Link(**link) for link in entry.links],
            }  # fmt: skip
            if entry.kind == "paper":
                self.papers[key] = Paper(**common)
            else:
                self.datasets[key] = Dataset(name=entry.label, **common)
            names = ("title", "venue", "year", "arxiv", "doi", "section", "links")
            fields = {name: getattr(entry, name) for name in names}
            fields["authors"] = [*entry.authors, "et al."] if entry.et_al else entry.authors
        else:
            url = entry.links[0]["url"]
            fields = {"name": entry.title, "url": url, "section": entry.section}
            self.implementations[key] = Implementation(
                id=key, name=entry.title or "", url=url, section=entry.section
            )
        given = {name: value for name, value in fields.items() if value not in (None, [])}
        self.lock[ROOMS.get(entry.kind, "implementations")][key] = given
