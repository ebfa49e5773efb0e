"""The tools that turn the Markdown of a site into HTML: mkdocs-material, and Zensical."""

import html
import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from kb.publish import sourcelinks, tree
from kb.records import Exit, KBError


@dataclass(frozen=True)
class Engine:
    """One tool: what it needs, how it is called, what it says."""

    name: str
    modules: tuple[str, ...]
    packages: tuple[str, ...]  # as they are installed; their versions decide on a new build
    extra: str  # of this project, which brings them
    theme: tuple[tuple[str, str], ...] = ()  # settings of the theme that it needs
    inside: bool = False  # pages must lie beside the settings, links in them start from their files
    quiet: tuple[str, ...] = ()  # how lines begin that tell of no problem

    def require(self) -> None:
        """Raise a one-line KBError if it is not installed."""
        if not all(_installed(name) for name in self.modules):
            raise KBError(
                f"the site needs {self.packages[-1]}, which is not installed",
                hint=f"run `pip install 'kb-video-text-retrieval[{self.extra}]'`, or use --no-mkdocs",
                code=Exit.UNREACHABLE,
            )

    def versions(self) -> str:
        """The installed versions, in one text."""
        return "".join(version(name) for name in self.packages)

    def settings(
        self, config: dict[str, Any], folder: Path, docs: Path, apart: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        """The settings for a build of `docs`, its folders `apart` left out, in the folder `folder`."""
        whole = {**config, "site_dir": "site", "theme": {**config["theme"], **dict(self.theme)}}
        if self.inside:
            sourcelinks.copied(docs, folder / "docs", apart)
            return whole | {"docs_dir": "docs"}
        left_out = [config.get("exclude_docs") or "", *(f"/{one}" for one in apart)]
        return whole | {"docs_dir": str(docs.resolve()), "exclude_docs": "\n".join(left_out)}

    def finish(self, site: Path) -> None:
        """What the built site still needs: Zensical's search reads no tags, so they become text."""
        index = site / "search.json"
        if self.inside and index.is_file():
            held = json.loads(index.read_text(encoding="utf-8"))
            for item in held["items"]:
                if item.get("tags") and "#" not in item["location"]:
                    words = " \N{MIDDLE DOT} ".join(map(html.escape, item["tags"]))
                    item["text"] = f"<p>{words}</p> {item['text']}"
                item["tags"] = []  # else each is a filter beside the hits
            tree.replace(index, json.dumps(held, ensure_ascii=False).encode())

    def run(self, config_file: Path, *, strict: bool) -> None:
        """Build; raises KBError with the first problem, passes warnings on."""
        command = [sys.executable, "-m", self.modules[0], "build", "-f", config_file.name]
        done = subprocess.run(  # noqa: S603  (our own arguments)
            [*command, "--strict"] if strict else command,
            env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONWARNINGS": "ignore"},
            cwd=config_file.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        every = [*done.stderr.splitlines(), *(done.stdout.splitlines() if done.returncode else [])]
        lines = [line for line in every if line.strip() and not line.strip().startswith(self.quiet)]
        if done.returncode:
            message = next((line for line in lines if line.startswith(("ERROR", "WARNING"))), "")
            raise KBError(
                f"{self.name} stopped: {message or (lines or ['no reason given'])[-1]}",
                hint="correct the page it names (hand-written pages lie in site/pages)",
                code=Exit.FINDINGS if strict else Exit.USAGE,
            )
        if lines:
            sys.stderr.write("".join(f"{self.name}: {line}\n" for line in lines))


def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ValueError:  # a module that was put out of reach
        return False


MKDOCS = Engine(
    "mkdocs",
    modules=("mkdocs", "material"),
    packages=("mkdocs", "mkdocs-material"),
    extra="site",
    quiet=("INFO",),
)
ZENSICAL = Engine(
    "zensical",
    modules=("zensical",),
    packages=("zensical",),
    extra="zensical",
    theme=(("variant", "classic"),),  # the classes that our style sheets know
    inside=True,
    quiet=("Build started", "Build finished", "No issues found", "+ ", "Cleaned"),
)
ENGINES = {one.name: one for one in (MKDOCS, ZENSICAL)}


def named(name: str) -> Engine:
    """The engine of that name; raises KBError with the names there are."""
    if name not in ENGINES:
        raise KBError(f"there is no engine {name!r}", hint=f"--engine {' or '.join(ENGINES)}")
    return ENGINES[name]
