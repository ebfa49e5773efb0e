"""A knowledge base of one paper and a dataset small enough to train in seconds."""

import shutil
from pathlib import Path

import pytest
import torch

from kb import datasets
from kb.datasets.corpus import Corpus

ROOT = Path(__file__).resolve().parents[2]
torch.set_num_threads(1)  # as small worlds train: two threads crawl where others want the cores


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    """The synthetic benchmark at its smallest."""
    return datasets.load("diorama-msrvtt", size="tiny")


@pytest.fixture
def base(tmp_path, monkeypatch) -> Path:
    """A knowledge base with this list's records, models and tests, and no results."""
    (tmp_path / "data").mkdir()
    for name in ("models", "tests"):
        (tmp_path / name).symlink_to(ROOT / name)
    for name in ("papers", "datasets", "published"):
        shutil.copy(ROOT / "data" / f"{name}.yaml", tmp_path / "data")
    shutil.copy(ROOT / "data" / "checked.json", tmp_path / "data")
    monkeypatch.setenv("KB_ROOT", str(tmp_path))
    return tmp_path
