"""What identifies an entry or a record during one sync, and which records are known by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kb.lists import listed
from kb.records import identity
from kb.records.schema import Paper
from kb.sync.suggest import Lookalikes

if TYPE_CHECKING:
    from collections.abc import Callable

    from kb.lists.listed import Item, ListedFields
    from kb.records import Library
    from kb.records.identity import Fields, Fingerprint

Groups = dict[int, list["ListedFields"]]  # number of the record -> its entries


class Fingerprints:
    """Fingerprints of entries and of a library's records; `kind` tells what kind a venue is."""

    def __init__(self, library: Library, kind: Callable[[str], str | None]) -> None:
        self.library, self.kind = library, kind
        self._known: Lookalikes | None = None

    def publishes(self, venue: str) -> bool:
        """Whether the venue prints works of their own; of an unknown one nobody can tell."""
        return self.kind(venue) not in (None, "preprint")

    def of(self, *states: Fields | None) -> Fingerprint:
        """The fingerprint of an entry or record with these states."""
        return identity.fingerprint(*states, publishes=self.publishes)

    def known(self, base: Fields | None, record: Item | None) -> Fingerprint:
        """All states a record is known by: the list's last, its own, its other versions."""
        states: list[Fields | None] = [base]
        if record is not None:
            states.append(listed.from_record(record))
        if isinstance(record, Paper):
            states += [version.model_dump(exclude_none=True) for version in record.versions]
        return self.of(*states)

    def lookalikes(self) -> Lookalikes:
        """All papers and datasets by their looks, made when the first new entry asks."""
        if self._known is None:
            self._known = Lookalikes()
            named: list[Any] = [*self.library.papers, *self.library.datasets]
            for record in named:
                self._known.add(record.id, self.known(None, record))
        return self._known

    def groups(
        self,
        records: list[Any],
        last: list[Fields | None],
        entries: list[ListedFields],
        lines: dict[str, int],
    ) -> Groups:
        """Entries by the number of their record; new records have numbers past the known.

        `last`: the fields that the list had before for each record, then for records that are
        gone. `lines`: digests of entries whose record the last sync knew.
        """
        chosen = _verbatim(entries, last, lines)
        if None in chosen:
            fingerprints = [
                self.known(base, records[number] if number < len(records) else None)
                for number, base in enumerate(last)
            ]
            new = [
                None if number is not None else self.of(one.fields)
                for one, number in zip(entries, chosen, strict=True)
            ]

            def ties(entry: int, record: int) -> float:
                says, was = entries[entry].fields, last[record] or {}
                same: int = sum(says.get(k) == was.get(k) for k in ("year", "venue", "section"))
                removed = record < len(records) and records[record].status != "active"
                return same - 10 * removed

            chosen = list(identity.assign(new, fingerprints, ties, chosen))
        out: Groups = {}
        for one, number in zip(entries, chosen, strict=True):
            if number is not None:
                out.setdefault(number, []).append(one)
        return out


def _verbatim(
    entries: list[ListedFields], last: list[Fields | None], lines: dict[str, int]
) -> list[int | None]:
    """For each entry the one record that the list gave exactly these fields before."""
    numbers: dict[str, int | None] = {}
    for number, base in enumerate(last):
        if base is not None:
            text = listed.text_of(base)
            numbers[text] = None if text in numbers else number
    known = (numbers.get(one.text) for one in entries)
    return [
        lines.get(one.digest) if number is None and lines else number
        for one, number in zip(entries, known, strict=True)
    ]
