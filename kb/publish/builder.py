"""From build/docs to build/site: mkdocs-material in a process of its own, then the swap."""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kb.publish import policy, tree
from kb.publish.render import THEME
from kb.publish.text import clean, web_address
from kb.records import Exit, KBError, yamlfile

_FORBIDDEN = {
    "repo_url": "the theme would ask that host for its stars; link it in `copyright`",
    "hooks": "pages come from records alone",
    "docs_dir": "pages come from records; hand-written ones lie in site/pages",
    "site_dir": "choose with --out",
}


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


def require() -> None:
    """Raise a one-line KBError if mkdocs is not installed."""
    if not all(importlib.util.find_spec(name) for name in ("mkdocs", "material")):
        raise KBError(
            "the site needs mkdocs-material, which is not installed",
            hint="run `pip install 'kb-video-text-retrieval[site]'`, or use --no-mkdocs",
            code=Exit.UNREACHABLE,
        )


def build(
    out: Path,
    config: dict[str, Any],
    beside: Callable[[], Mapping[str, str | bytes]],
    *,
    strict: bool,
) -> bool:
    """Build out/site from out/docs; False where the same input was already built.

    `beside` makes the files that are put beside the pages as they are, by path in the site.
    """
    digest = _digest(out / "docs", config)
    seal = out / "site" / tree.MARK
    if seal.is_file() and seal.read_text(encoding="utf-8") == digest:
        return False
    tree.sweep(out)
    work = Path(tempfile.mkdtemp(dir=out, prefix=tree.WORK))
    try:
        config_file = work / "mkdocs.yml"
        # mkdocs reads relative paths from the folder of its settings
        paths = {
            name: str(place.resolve())
            for name, place in (("docs_dir", out / "docs"), ("site_dir", work / "site"))
        }
        theme = {**config["theme"], "custom_dir": str(THEME / "overrides")}
        whole = {**config, **paths, "theme": theme}
        config_file.write_text(json.dumps(whole), "utf-8")  # JSON is YAML
        _run(config_file, strict=strict)
        policy.seal(work / "site")
        for name, content in beside().items():
            (work / "site" / name).parent.mkdir(parents=True, exist_ok=True)
            data = content.encode("utf-8") if isinstance(content, str) else content
            tree.replace(work / "site" / name, data)
        tree.swap(work / "site", out / "site")
        tree.replace(seal, digest.encode())
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return True


def _run(config_file: Path, *, strict: bool) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "-f", str(config_file)]
    done = subprocess.run(  # noqa: S603  (our own arguments)
        [*command, "--strict"] if strict else command,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in done.stderr.splitlines() if line.strip() and line[:4] != "INFO"]
    if done.returncode:
        message = next((line for line in lines if line.startswith(("ERROR", "WARNING"))), "")
        raise KBError(
            f"mkdocs stopped: {message or (lines or ['no reason given'])[-1]}",
            hint="correct the page it names (hand-written pages lie in site/pages)",
            code=Exit.FINDINGS if strict else Exit.USAGE,
        )
    if lines:
        sys.stderr.write("".join(f"mkdocs: {line}\n" for line in lines))


def _digest(docs: Path, config: dict[str, Any]) -> str:
    """A hash of all inputs of the site: pages, settings, theme, tools."""
    total = hashlib.sha256(json.dumps(config).encode())
    total.update("".join(version(name) for name in ("mkdocs", "mkdocs-material")).encode())
    for folder in (docs, THEME / "overrides"):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                total.update(f"\0{path.relative_to(folder)}\0".encode())
                total.update(path.read_bytes())
    return total.hexdigest()
