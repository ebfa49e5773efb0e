"""Pixels of a generated dataset's videos, rendered from their scripts when they are asked for."""

from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kb.datasets.synthetic import stage, truth
from kb.datasets.synthetic.script import Script


class Rendered:
    """`Rendered(root)(video)` -> (frames, 64, 64, 3) uint8."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def _scripts(self) -> dict[str, Script]:
        return {video.id: video.script for video in truth.videos(self.root)}

    def __call__(self, video: str) -> NDArray[np.uint8]:
        """Every frame of a video."""
        return stage.render(self._scripts[video])
