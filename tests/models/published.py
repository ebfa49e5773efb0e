"""tests/data/published_defaults.yaml: what papers and their authors' scripts set, with sources.

    dual-encoding:
      config:                          # every field of Config
        common: {value: 2048, source: "the paper, section 3.3"}
        word_init: {value: 1.0, source: "ours, D1"}
      recipe:                          # every setting by which a recipe differs from Recipe()
        learning_rate: {value: 1e-4, source: "..."}
      dropout:                         # how often dropout is applied in one training batch
        encode_text: {value: 3, source: "..."}
        encode_video: {value: 3, source: "..."}

Numbers are YAML 1.2's (1e-4 is a number); a tuple is a list.
"""

from pathlib import Path

from ruamel.yaml import YAML

PATH = Path(__file__).resolve().parents[1] / "data" / "published_defaults.yaml"
ALWAYS = ("optimiser", "learning_rate", "epochs", "batch_size", "select")  # of every recipe
DEFAULTS = YAML(typ="safe").load(PATH.read_text(encoding="utf-8"))


def values(name, section):
    """{field: value} of one model's section, lists as tuples; {} where there is none."""
    rows = DEFAULTS.get(name, {}).get(section) or {}
    return {field: frozen(row["value"]) for field, row in rows.items()}


def sources(name):
    """(section, field, source) of everything that is listed for a model."""
    sections = DEFAULTS.get(name, {}).items()
    return [(s, f, row.get("source")) for s, rows in sections for f, row in (rows or {}).items()]


def frozen(value):
    """A value as it stands in a dataclass: lists are tuples, mappings sorted pairs."""
    if isinstance(value, list | tuple):
        return tuple(frozen(one) for one in value)
    if isinstance(value, dict):
        return tuple(sorted((key, frozen(one)) for key, one in value.items()))
    return value
