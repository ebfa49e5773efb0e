"""Training settings: the published value with its source, beside the value of our runs."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from kb.records import Run
from kb.records.yamlfile import parse, read_text

FILE = "tests/data/published_defaults.yaml"  # walked by a test over the code of every model


@dataclass(frozen=True)
class Setting:
    """One setting of a recipe."""

    name: str
    published: str
    source: str
    ours: str  # of the latest run of the full model; empty where it was not recorded

    @property
    def differs(self) -> bool:
        """Whether our runs used another value."""
        return bool(self.ours) and self.ours != self.published


def settings(root: Path, model: str, runs: list[Run]) -> list[Setting]:
    """The settings of a model; empty if its published defaults are not recorded."""
    published = _published(root / FILE).get(model, {}).get("recipe", {})
    latest = next((run for run in runs if run.variant == "full" and run.status == "done"), None)
    ours = latest.recipe if latest else {}
    return [
        Setting(
            name.replace("_", " "),
            shown(entry["value"]),
            str(entry["source"]),
            shown(ours[name]) if name in ours else "",
        )
        for name, entry in published.items()
    ]


@lru_cache(maxsize=4)
def _published(path: Path) -> dict[str, Any]:
    return parse(read_text(path).text, path) if path.is_file() else {}


def shown(value: Any) -> str:
    """A setting's value as pages write it; `none` where there is none."""
    if value is None:
        return "none"
    try:
        number = isinstance(value, bool) or float(value)
    except (TypeError, ValueError):
        return str(value)
    return str(value) if isinstance(value, bool) else f"{number:g}"
