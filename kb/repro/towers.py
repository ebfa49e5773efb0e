"""Pre-trained towers that a run starts from: local folders in the Hub's format.

`transformers` reads them (extra `towers`); nothing is fetched, and no code of a folder is run. A
model takes a tower where models/official/<key>.py has `STARTS_FROM`, the kind it takes,
`tower_sizes` and `start_from_tower`.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor

from kb.records.errors import Exit, KBError, MissingExtraError
from kb.repro import models

CONFIG = "config.json"
HINT = "it takes a folder as `save_pretrained` or the Hub's download leaves it"
LARGEST_CONFIG = 2**20  # bytes
BLOCK = 2**20  # bytes that are hashed at a time
SUFFIXES = frozenset([".bin", ".json", ".model", ".safetensors", ".txt"])
COUNTERS = ".position_ids"  # 0, 1, 2, ..., which older files store among the weights
WEIGHTS = frozenset([".bin", ".safetensors"])
COUNTS = (
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "vocab_size",
    "max_position_embeddings",
    "image_size",
    "patch_size",
)
_SAFELY = {"local_files_only": True, "trust_remote_code": False}
_ALONE = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}


@dataclass(frozen=True)
class Tower:
    """A folder with weights, sizes and a tokeniser. KBError, one line, for whatever is wrong in it."""

    folder: Path

    @cached_property
    def config(self) -> dict[str, Any]:
        """What config.json says."""
        path = self.folder / CONFIG
        if not path.is_file():
            what = "has no config.json" if self.folder.is_dir() else "is no folder"
            raise KBError(what, where=self.folder, hint=HINT, code=Exit.UNREACHABLE)
        try:
            if path.stat().st_size > LARGEST_CONFIG:
                raise ValueError("it is larger than any")  # noqa: TRY301  (told as the others are)
            content = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(content, dict):
                raise TypeError("it is no object")  # noqa: TRY301  (likewise)
        except (ValueError, TypeError, RecursionError, OSError) as error:
            what = f"cannot be read ({str(error) or type(error).__name__})"
            raise KBError(what, where=path, hint=HINT) from error
        return content

    @property
    def kind(self) -> str:
        """`clip`, as config.json calls it."""
        return str(self.config.get("model_type"))

    @cached_property
    def digest(self) -> str:
        """Over every file of the folder but documents; hex."""
        total = hashlib.sha256()
        for path in sorted(self._files()):
            total.update(f"{path.name}\0{path.stat().st_size}\0".encode())
            with path.open("rb") as file:
                while block := file.read(BLOCK):
                    total.update(block)
        return total.hexdigest()

    def _files(self) -> Iterator[Path]:
        for path in self.folder.iterdir():
            if path.is_file() and path.suffix in SUFFIXES:
                yield path

    @cached_property
    def sizes(self) -> dict[str, Any]:
        """config.json with the defaults of what it leaves out."""
        with self._reading() as library:
            config = library.AutoConfig.from_pretrained(str(self.folder), **_SAFELY)
            whole: dict[str, Any] = config.to_dict()
        return whole

    @cached_property
    def stored(self) -> int:
        """Bytes of the files of weights."""
        return sum(path.stat().st_size for path in self._files() if path.suffix in WEIGHTS)

    @cached_property
    def tokeniser(self) -> Any:
        """Of `transformers`."""
        with self._reading() as library:
            return library.AutoTokenizer.from_pretrained(str(self.folder), **_SAFELY)

    @property
    def vocabulary(self) -> int:
        """How many pieces the text tower has vectors for."""
        return int(self.sizes.get("text_config", self.sizes)["vocab_size"])

    def __call__(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of the pieces of each text, at most as many as the tower reads."""
        with self._reading():
            cut: list[list[int]] = self.tokeniser(list(texts), truncation=True)["input_ids"]
        largest = max((max(ids) for ids in cut if ids), default=0)
        if largest >= self.vocabulary:
            what = (
                f"its tokeniser has a piece {largest:,}, its text tower {self.vocabulary:,} pieces"
            )
            raise KBError(what, where=self.folder, hint="take weights and tokeniser of one model")
        return cut

    def state(self) -> dict[str, Tensor]:
        """The weights, under the names that `transformers` gives them."""
        with self._reading() as library:
            model, read = library.AutoModel.from_pretrained(
                str(self.folder), output_loading_info=True, **_SAFELY
            )
        for name, how in (("missing_keys", "missing"), ("unexpected_keys", "of no layer")):
            names = sorted(map(str, read.get(name) or ()))
            names = [one for one in names if not one.endswith(COUNTERS)]
            if names:
                what = f"{len(names):,} weights are {how}, {names[0]} first"
                raise KBError(what, where=self.folder, hint=HINT)
        weights: dict[str, Tensor] = model.float().state_dict()
        return weights

    @contextmanager
    def _reading(self) -> Iterator[Any]:
        """`transformers`, its errors told in one line."""
        try:
            for name, value in _ALONE.items():
                os.environ.setdefault(name, value)
            import transformers  # noqa: PLC0415  (an extra of its own)

            quiet: Any = transformers.utils.logging
            quiet.disable_progress_bar()
            quiet.set_verbosity_error()
        except ImportError as error:
            raise MissingExtraError("transformers", "towers") from error
        try:
            yield transformers
        except Exception as error:  # its readers raise whatever their formats do
            what = f"cannot be read ({first_line(error)})"
            raise KBError(what, where=self.folder, hint=HINT) from error


def open_tower(folder: Path) -> Tower:
    """The tower of a folder; KBError where there is none."""
    tower = Tower(folder.expanduser())
    _ = tower.config
    return tower


def settings(name: str, tower: Tower) -> dict[str, Any]:
    """The settings of a model's config that its tower decides. KBError where the two do not fit."""
    release = models.release(name)
    kind = getattr(release, "STARTS_FROM", None)
    if release is None or kind is None:
        there = ", ".join(accepting()) or "none"
        raise KBError(f"{name} starts from no tower", hint=f"models that do: {there}")
    if tower.kind != kind:
        what = f"holds a model of the kind {tower.kind!r}, {name} starts from {kind!r}"
        raise KBError(what, where=tower.folder, hint="name another folder with --tower")
    try:
        announced = fewest_weights(tower.sizes)
        if announced > tower.stored:
            what = f"it tells of {announced:,} weights, its files hold {tower.stored:,} bytes"
            raise ValueError(what)  # noqa: TRY301  (told as the others are)
        decided: dict[str, Any] = release.tower_sizes(tower.sizes)
    except (KeyError, TypeError, ValueError) as error:
        what = f"does not fit {name} ({first_line(error)})"
        raise KBError(what, where=tower.folder / CONFIG, hint=HINT) from error
    return decided


def fewest_weights(sizes: dict[str, Any]) -> int:
    """How many weights blocks and tables of a config's towers have at least.

    What is built for a config costs memory and time before a file shows that it lies. ValueError
    where a count is no whole number above 0.
    """
    total = 0
    for part in (sizes, sizes.get("text_config"), sizes.get("vision_config")):
        if not isinstance(part, dict) or "hidden_size" not in part:
            continue
        count = {name: part[name] for name in COUNTS if name in part}
        for name, value in count.items():
            if type(value) is not int or value < 1:
                raise ValueError(f"{name} is {value!r}")
        width, inner = count["hidden_size"], count.get("intermediate_size", 0)
        rows = count.get("vocab_size", 0) + count.get("max_position_embeddings", 0)
        rows += (count.get("image_size", 0) // count.get("patch_size", 1)) ** 2
        blocks = count.get("num_hidden_layers", 0) * (4 * width**2 + 2 * width * inner)
        total += blocks + rows * width
    return total


def start(name: str, model: Any, tower: Tower) -> None:
    """Give a new model the weights of its tower. KBError where they do not fit."""
    release: Any = models.release(name)
    try:
        release.start_from_tower(model, tower.state())
    except (ValueError, KeyError, RuntimeError) as error:
        what = f"does not fit {name} ({first_line(error)})"
        raise KBError(what, where=tower.folder, hint=HINT) from error


def accepting() -> list[str]:
    """Models that start from a tower."""
    return [name for name in models.names() if hasattr(models.release(name), "STARTS_FROM")]


def first_line(error: Exception) -> str:
    """What an error says, in one line of at most 200 letters."""
    return f"{next(iter(str(error).splitlines()), '') or type(error).__name__}"[:200]
