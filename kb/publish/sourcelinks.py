"""Links in the HTML of pages, as an engine reads them that takes them from the page's source.

mkdocs leaves HTML as it is: in `papers/x.md`, whose address is `papers/x/`, a link is relative to
`papers/x/`. Zensical reads it as relative to the file, that is to `papers/`, and adds `../`.
"""

import posixpath
import re
import shutil
from pathlib import Path

_LINK = re.compile(
    r'(<[a-z][^<>]*?\s(?:href|src)=")(?![a-z][\w+.-]*:|[/#?"])([^"?#]+)', re.IGNORECASE
)


def copied(docs: Path, target: Path, apart: tuple[str, ...] = ()) -> Path:
    """A copy of the pages at `target` in which links are relative to their files.

    The folders `apart`, each written with its closing slash, are not copied.
    """
    left_out = {docs / one for one in apart}

    def among(folder: str, names: list[str]) -> set[str]:
        return {name for name in names if Path(folder, name) in left_out}

    shutil.copytree(docs, target, ignore=among, copy_function=shutil.copyfile)
    for page in target.rglob("*.md"):
        if page.name != "index.md":
            text = page.read_text(encoding="utf-8")
            page.write_text(from_source(text, page.stem), encoding="utf-8")
    return target


def from_source(text: str, stem: str) -> str:
    """A page, `STEM.md`, with each link of its HTML relative to the folder that it lies in."""
    return _LINK.sub(lambda link: link[1] + _moved(link[2], stem), text)


def _moved(path: str, stem: str) -> str:
    """`../../x/` in `y.md` is `../x/`, and `z.csv` is `y/z.csv`."""
    end = "/" if path.endswith(("/", "..")) else ""
    return posixpath.normpath(f"{stem}/{path}") + end
