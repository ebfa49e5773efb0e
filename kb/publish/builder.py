"""From build/docs to build/site: an engine in a process of its own, then the swap."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kb.publish import policy, tree
from kb.publish.engine import MKDOCS, Engine
from kb.publish.render import THEME
from kb.publish.text import clean, web_address
from kb.records import KBError, yamlfile

_FORBIDDEN = {
    "repo_url": "the theme would ask that host for its stars; link it in `copyright`",
    "hooks": "pages come from records alone",
    "docs_dir": "pages come from records; hand-written ones lie in site/pages",
    "site_dir": "choose with --out",
}
APART = ("api/papers/", "api/arxiv/")  # folders with a file for each paper, for no engine to read


def settings(root: Path, url: str | None = None) -> dict[str, Any]:
    """The engine's mkdocs.yml under the knowledge base's own site/mkdocs.yml, published at `url`."""
    merged = _load(THEME / "mkdocs.yml")
    own_path = root / "site" / "mkdocs.yml"
    own = _load(own_path) if own_path.is_file() else {}
    for key, reason in _FORBIDDEN.items():
        if key in own:
            raise KBError(f"`{key}` cannot be set here: {reason}", where=own_path, hint="remove it")
    for key, value in own.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = {**merged[key], **value} if both else value
    if url is not None:
        merged["site_url"] = url
    return merged | _address(merged.get("site_url"))


def _address(url: object) -> dict[str, str]:
    """The address of the site with its closing slash."""
    if url in {None, ""}:
        return {}
    known = web_address(str(url))
    if known is None or urlsplit(known).query or urlsplit(known).fragment:
        raise KBError(
            f"{clean(str(url))} is not the address of a site",
            hint="write it as https://HOST/FOLDER/",
        )
    return {"site_url": known.rstrip("/") + "/"}


def _load(path: Path) -> dict[str, Any]:
    return yamlfile.parse(yamlfile.read_text(path).text, path)


def build(
    out: Path,
    config: dict[str, Any],
    files: Mapping[str, str | bytes],
    beside: Callable[[], Mapping[str, str | bytes]],
    *,
    engine: Engine = MKDOCS,
    strict: bool,
) -> bool:
    """Build out/site from out/docs, which holds `files`; False where it was already built from them.

    `beside` makes the files that are put beside the pages as they are, by path in the site.
    """
    digest = _digest(files, config, engine)
    seal = out / "site" / tree.MARK
    if seal.is_file() and seal.read_text(encoding="utf-8") == digest:
        return False
    tree.sweep(out)
    work = Path(tempfile.mkdtemp(dir=out, prefix=tree.WORK))
    try:
        config_file = work / "mkdocs.yml"
        ours = {**config, "theme": {**config["theme"], "custom_dir": str(THEME / "overrides")}}
        whole = engine.settings(ours, work, out / "docs", APART)
        config_file.write_text(json.dumps(whole), "utf-8")  # JSON is YAML
        engine.run(config_file, strict=strict)
        engine.finish(work / "site")
        policy.seal(work / "site")
        tree.link(out / "docs", work / "site", filter(_is_apart, files))
        for name, content in beside().items():
            tree.put(work / "site" / name, content)
        tree.swap(work / "site", out / "site")
        tree.replace(seal, digest.encode())
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return True


def _is_apart(name: str) -> bool:
    return name.startswith(APART)


def _digest(files: Mapping[str, str | bytes], config: dict[str, Any], engine: Engine) -> str:
    """A hash of all inputs of the site: pages, settings, theme, tools."""
    total = hashlib.sha256(json.dumps(config).encode())
    total.update(f"{engine.name}{engine.versions()}".encode())
    for name in sorted(files):
        _add(total, name, files[name])
    for path in sorted((THEME / "overrides").rglob("*")):
        if path.is_file():
            _add(total, str(path.relative_to(THEME)), path.read_bytes())
    return total.hexdigest()


def _add(total: "hashlib._Hash", name: str, content: str | bytes) -> None:
    data = content.encode() if isinstance(content, str) else content
    total.update(f"\0{name}\0{len(data)}\0".encode() + data)
