"""One entry of a list, as `kb parse --json` prints it."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Kind = Literal["paper", "dataset", "implementation", "toolkit", "pointer"]


@dataclass
class Entry:
    """What one entry's text says. A field that the text does not give is None, never guessed."""

    line: int  # 1-based, first line of the entry
    end_line: int
    kind: Kind
    section: str | None  # "Papers / 2021", without the list's own title
    raw: str  # the lines as they stand, line ends normalised to \n
    label: str | None = None
    first_author: str | None = None
    authors: list[str] = field(default_factory=list)
    et_al: bool = False
    venue: str | None = None
    year: int | None = None
    title: str | None = None
    links: list[dict[str, str]] = field(default_factory=list)  # {kind, url}
    arxiv: str | None = None
    arxiv_version: int | None = None
    doi: str | None = None
    year_from: str | None = None  # `section` where the year is the heading's, not the line's

    def as_json(self) -> dict[str, Any]:
        """The entry in the form of the contract; `year_from` only where it says something."""
        fields = asdict(self)
        return fields if self.year_from else {k: v for k, v in fields.items() if k != "year_from"}
