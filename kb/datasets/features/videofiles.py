"""Video files under a root, by the id of the video that each one is."""

import os
from pathlib import Path

EXTENSIONS = frozenset(
    [
        ".3g2",
        ".3gp",
        ".avi",
        ".flv",
        ".gif",
        ".m2ts",
        ".m4v",
        ".mkv",
        ".mov",
        ".mp4",
        ".mpeg",
        ".mpg",
        ".mts",
        ".ogv",
        ".webm",
        ".wmv",
    ]
)
_DEPTH = 3  # folders below the root


def find_videos(root: Path) -> dict[str, Path]:
    """Every video file at most three folders below the root; the first where an id is repeated.

    Links to folders are not followed.
    """
    found: dict[str, Path] = {}
    for folder, below, files in os.walk(root):
        place = Path(folder)
        below.sort()
        if len(place.relative_to(root).parts) >= _DEPTH:
            below.clear()
        for file in sorted(files):
            name, extension = os.path.splitext(file)  # noqa: PTH122  (millions of names)
            if extension.lower() in EXTENSIONS:
                found.setdefault(name, place / file)
    return found
