"""One recording of the official code, read from its npz file."""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kb.records.errors import KBError

HINT = "it should be an npz with meta, state/, in/, out/ and grad/ arrays"


@dataclass(frozen=True)
class Case:
    """What the official code was given and what it gave."""

    slug: str  # dual-encoding
    name: str  # full.open
    config: dict[str, Any]  # the official code's own option names
    state: dict[str, torch.Tensor]  # weights, official keys
    inputs: dict[str, Any]  # tensors; arrays of strings stay numpy's
    expected: dict[str, np.ndarray]  # out/... and grad/..., full names
    optimiser: dict[str, Any]  # of a train-mode recording; empty in evaluation


def read(path: Path) -> Case:
    """A recording; KBError, one line, where the file is missing, damaged or of another form."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        meta = json.loads(str(arrays["meta"][()]))
        config, slug = dict(meta["config"]), str(meta["slug"])
        optimiser = dict(meta.get("optimiser") or {"name": None})
    except FileNotFoundError as error:
        raise KBError("there is no such file", where=path) from error
    except KeyError as error:
        raise KBError(f"the recording has no {error}", where=path, hint=HINT) from error
    except (OSError, EOFError, ValueError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise KBError(f"not a recording: {error}", where=path, hint=HINT) from error
    slug, _, own = slug.partition(".")  # some name the variant there: hgr.norole
    variant = str(own or meta.get("variant") or "")
    return Case(
        slug=slug,
        name=".".join(filter(None, (variant, str(meta.get("case") or meta.get("split") or "")))),
        config=config,
        state=_tensors(arrays, "state/"),
        inputs=_tensors(arrays, "in/"),
        expected={n: a for n, a in arrays.items() if n.startswith(("out/", "grad/"))},
        optimiser=optimiser if variant.endswith("train") else {},
    )


def _tensors(arrays: dict[str, np.ndarray], room: str) -> dict[str, Any]:
    """Arrays of one room, its name taken off; what torch has no type for stays numpy's."""
    own = {name.removeprefix(room): a for name, a in arrays.items() if name.startswith(room)}
    return {n: a if a.dtype.kind in "USO" else torch.from_numpy(a) for n, a in own.items()}
