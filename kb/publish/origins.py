"""Where a page's data is written: the file and line of its record, and its model's file."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_FIRST = re.compile(r"^( {0,4})- id: ", re.MULTILINE)


@dataclass
class Origins:
    """The files of one knowledge base, each read once."""

    root: Path
    _read: dict[str, dict[str, int]] = field(default_factory=dict)

    def of(self, file: str, id_: str, model: str | None = None) -> dict[str, Any]:
        """`source`, `line` and `model_file` for a page's front matter; what is absent is left out.

        file: from the root, with `/`; id_: of the record; model: the name of its model.
        """
        if file not in self._read:
            self._read[file] = _lines(self.root / file)
        code = f"models/{model.replace('-', '_')}.py" if model else ""
        found: dict[str, Any] = {"source": file, "line": self._read[file].get(id_)}
        found |= {"model_file": code} if code and (self.root / code).is_file() else {}
        return {name: value for name, value in found.items() if value}


def _lines(path: Path) -> dict[str, int]:
    """The line on which each record begins, by its id; empty where records are written otherwise."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    first = _FIRST.search(text)
    if first is None:
        return {}
    start = f"{first[1]}- id: "
    return {
        line.removeprefix(start).strip().strip("'\""): number
        for number, line in enumerate(text.split("\n"), 1)
        if line.startswith(start)
    }
