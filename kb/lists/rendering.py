"""Records -> list: the entries whose record says something else are rewritten, nothing else.

A field that the list has changed since the last sync is the list's news: such an entry waits for
`kb sync`.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from kb.lists import comparing
from kb.lists.blocks import ITEM, LINE_END, Block, unquoted
from kb.lists.comparing import Fields, Record
from kb.lists.entry import Entry
from kb.lists.linkwords import PAPER
from kb.lists.patching import patched
from kb.lists.reading import Document
from kb.lists.venues import Venues
from kb.lists.writing import canonical_line

Lock = Mapping[str, Mapping[str, Fields]]
ROOMS = {"paper": "papers", "dataset": "datasets"}
SEVERAL = "one of several entries on this line: edit this line by hand"
CODE_ROOM = "implementations"


@dataclass
class Rendering:
    """A list's new text, and what could not be done, each with its line."""

    text: str
    changed: list[str] = field(default_factory=list)  # ids
    labels: dict[str, str | None] = field(default_factory=dict)  # of the rewritten ones, by id
    waiting: list[tuple[int, str]] = field(default_factory=list)  # line, why


def render(
    text: str,
    papers: Iterable[Record],
    datasets: Iterable[Record],
    lock: Lock,
    *,
    implementations: Iterable[Record] = (),
    venues: Venues | None = None,
) -> Rendering:
    """The list with every entry as its record says; all else byte for byte.

    `lock`: the list's fields at the last sync, {papers|datasets|implementations: {id: fields}}.
    """
    rooms = {"papers": papers, "datasets": datasets, CODE_ROOM: implementations}
    records = {room: {r.id: r for r in items} for room, items in rooms.items()}
    return _Renderer(text, records, lock, venues or Venues.load()).run()


class _Renderer:
    def __init__(
        self, text: str, records: dict[str, dict[str, Record]], lock: Lock, venues: Venues
    ) -> None:
        self.records, self.lock, self.venues = records, lock, venues
        self.document = Document(text, venues)
        self.entries = self.document.entries()
        self.mark = "\ufeff" if text.startswith("\ufeff") else ""
        body = text.removeprefix("\ufeff")
        self.lines = LINE_END.split(body)
        self.ends = [*LINE_END.findall(body), ""]
        self.new: dict[int, list[str]] = {}  # line -> what stands there instead
        self.after: dict[int, list[str]] = {}  # line -> what follows it
        self.out = Rendering(text)
        self.bases = _by_name(lock)
        self.papers = _by_paper(lock)
        self.times: Counter[str] = Counter()  # how often a record is listed

    def run(self) -> Rendering:
        """Decide for every entry, then for records that the list has never named."""
        keys = [(entry, block, self._base_of(entry)) for entry, block in self.entries]
        self.times = Counter(key[1] for _, _, key in keys if key)
        aliases = (self._alias(entry) for entry, _, base in keys if base is None)
        self.times.update(alias for alias in aliases if alias)
        for entry, block, key in keys:
            if key is not None:
                self._entry(entry, block, *key)
        for room, records in self.records.items():
            known = self.lock.get(room, {})
            for record in records.values():
                if record.id not in known and record.status == "active":
                    self._insert(record)
        self.out.text = self._text()
        return self.out

    def _base_of(self, entry: Entry) -> tuple[str, str] | None:
        """The record an entry stands for: the lock's entry of this name that says most alike."""
        says = comparing.of_entry(entry)
        room = ROOMS.get(entry.kind, CODE_ROOM)
        best: tuple[int, str] | None = None
        for key in self.bases.get((room, _folded(says)), []):
            base = self.lock[room][key]
            alike = sum(comparing.same(name, says[name], base.get(name)) for name in says)
            if best is None or alike > best[0]:
                best = alike, key
        return None if best is None else (room, best[1])

    def _alias(self, entry: Entry) -> str | None:
        """The record that an entry under another title gave values to: the one of its paper."""
        base = self.lock.get(ROOMS.get(entry.kind, CODE_ROOM), {})
        names = [entry.arxiv, *(link["url"] for link in entry.links if link["kind"] == PAPER)]
        keys = (self.papers.get(name) for name in names if name)
        return next((key for key in keys if key in base), None)

    def _entry(self, entry: Entry, block: Block, room: str, key: str) -> None:
        record = self.records.get(room, {}).get(key)
        if record is None:
            return
        base = self.lock[room][key]
        if block.part:
            says, has = comparing.of_entry(entry), comparing.of_record(record)
            if record.status == "removed" or any(comparing.changed(says, base, has)):
                self.out.waiting.append((entry.line, f"{record.id}: {SEVERAL}"))
            return
        if record.status == "removed" and not base.get("gone"):
            self._replace(block, [])
            self.out.changed.append(record.id)
            return
        says, has = comparing.of_entry(entry), comparing.of_record(record)
        mine, theirs = comparing.changed(says, base, has)
        if self.times[key] > 1:
            mine, theirs = comparing.repeated(says, base, mine), set()
        if theirs:
            names = ", ".join(sorted(theirs))
            self.out.waiting.append((entry.line, f"the list has a newer {names}: `kb sync` first"))
        elif mine:
            self._rewrite(entry, block, record, mine)

    def _rewrite(self, entry: Entry, block: Block, record: Record, mine: set[str]) -> None:
        lines: list[str] | None = block.lines
        if mine - {"section"}:
            lines = patched(self.document, block, entry, comparing.of_record(record))
            if lines is None and entry.label is not None and block.kind == "item":
                lines = [self._canonical(block, record)]
        if lines is None:
            what = ", ".join(sorted(mine - {"section"}))
            self.out.waiting.append((entry.line, f"{record.id}: {what}: edit this line by hand"))
            return
        self.out.labels[record.id] = self._label(block, lines)
        place = self._end_of(record.section or "") if "section" in mine else None
        if place is None:
            self._replace(block, lines)
        else:
            self._replace(block, [])
            self.after.setdefault(place, []).extend(lines)
        self.out.changed.append(record.id)

    def _label(self, block: Block, lines: list[str]) -> str | None:
        """The label that the new lines have."""
        entry = self.document.entry(replace(block, lines=lines))
        return entry.label if entry else None

    def _canonical(self, block: Block, record: Record) -> str:
        match = ITEM.match(unquoted(block.lines[0]))
        lead = block.lines[0][: match.end()] if match else "* "
        line = canonical_line(record, bullet="", venues=self.venues).lstrip()
        return lead + line

    def _replace(self, block: Block, lines: list[str]) -> None:
        for number in range(block.line, block.end_line + 1):
            self.new[number] = []
        self.new[block.line] = lines

    def _end_of(self, section: str) -> int | None:
        """The last line of a section's entries, or its heading; None where there is none."""
        lines = [entry.end_line for entry, _ in self.entries if entry.section == section]
        if lines:
            return lines[-1]
        return self.document.heading_line(section)

    def _insert(self, record: Record) -> None:
        place = self._end_of(record.section) if record.section else None
        if place is None:
            if record.section:
                why = f"{record.id}: the list has no section {record.section!r}"
                self.out.waiting.append((0, why))
            return
        match = ITEM.match(self.lines[place - 1])
        bullet = self.lines[place - 1][: match.end()].strip() if match else None
        bullet = bullet if bullet in ("*", "-", "+") else None
        others = [entry.label for entry, _ in self.entries if entry.section == record.section]
        labelled = not others or any(others)
        line = canonical_line(record, bullet=bullet, venues=self.venues, labelled=labelled)
        self.after.setdefault(place, []).append(line)
        self.out.changed.append(record.id)

    def _text(self) -> str:
        usual = next((end for end in self.ends if end), "\n")
        out = [self.mark]
        for number, (line, end) in enumerate(zip(self.lines, self.ends, strict=True), start=1):
            here = [*self.new.get(number, [line]), *self.after.get(number, [])]
            if number not in self.new and number not in self.after:
                out += [line, end]
                continue
            for index, piece in enumerate(here):
                last = index == len(here) - 1
                out += [piece, end if last else (end or usual)]
        return "".join(out)


def _folded(fields: Fields) -> str:
    name = fields.get("title") or fields.get("name") or ""
    return " ".join(re.findall(r"\w+", str(name).lower()))


def _by_name(lock: Lock) -> dict[tuple[str, str], list[str]]:
    by_name: dict[tuple[str, str], list[str]] = {}
    for room in (*ROOMS.values(), CODE_ROOM):
        for key, base in lock.get(room, {}).items():
            by_name.setdefault((room, _folded(base)), []).append(key)
    return by_name


def _by_paper(lock: Lock) -> dict[str, str]:
    """Records by their arXiv id and by the addresses of their paper."""
    by_paper: dict[str, str] = {}
    for room in ROOMS.values():
        for key, base in lock.get(room, {}).items():
            links = [link["url"] for link in base.get("links", []) if link["kind"] == PAPER]
            for name in (base.get("arxiv"), *links):
                by_paper.setdefault(str(name), key)
    return by_paper
