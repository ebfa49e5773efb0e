"""The link checkers: how each is installed for the benchmark, called, and understood."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from linkbench.field import ALIVE, BROKEN, UNSURE

ROOT = Path(__file__).resolve().parents[2]
NPM = ("linkinator@7.6.1", "markdown-link-check@3.15.0")
PYPI = "linkchecker==10.6.0"
INSTALL = 300  # seconds
OURS = {
    "ok": ALIVE,
    "moved": ALIVE,
    "redirected": ALIVE,
    "suspect": BROKEN,
    "dead": BROKEN,
    "timeout": BROKEN,
    "refused": BROKEN,
    "invalid": BROKEN,
}  # fmt: skip  (blocked, rate_limited, skipped: unsure)


@dataclass(frozen=True)
class Tool:
    """One checker: its command line, and what its output says of each address."""

    name: str
    command: list[str]
    read: Callable[[str], dict[str, str]]


def install(folder: Path) -> dict[str, str]:
    """Put the checkers of others into `folder`; what could not be had, with the reason."""
    missing = {}
    npm = shutil.which("npm")
    if npm is None:
        missing["npm"] = "no npm on this machine"
    elif not (folder / "npm").is_dir():
        say = run(
            [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder / "npm"), *NPM]
        )
        missing |= {"npm": say} if say else {}
    if not (folder / "venv").is_dir():
        python = str(folder / "venv" / "bin" / "python")
        say = run([sys.executable, "-m", "venv", str(folder / "venv")])
        say = say or run([python, "-m", "pip", "install", "--quiet", PYPI])
        missing |= {"pip": say} if say else {}
    return missing


def run(command: list[str]) -> str:
    """Run an installer; the last line of its complaint, or nothing where it went well."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return (done.stderr.strip().split("\n")[-1] or "failed") if done.returncode else ""


def tools(folder: Path, work: Path, concurrency: int, timeout: float) -> list[Tool]:
    """All checkers over the list in `work`, each with the same time limit for a request.

    Each is called at its most accurate: retries where it has them, no pace of its own that would
    only slow it on a server that is ours.
    """
    bin_, listed, page = folder / "npm/node_modules/.bin", work / "list.md", work / "list.html"
    (work / "mlc.json").write_text(
        json.dumps({"timeout": f"{timeout:g}s", "retryOn429": True, "retryCount": 3})
    )
    (work / "linkchecker.ini").write_text("[checking]\nmaxrequestspersecond=1000\n")
    plain = [str(bin_ / "linkinator"), str(listed), "--markdown", "--format", "json"]
    plain += ["--concurrency", str(concurrency), "--timeout", f"{timeout * 1000:.0f}"]
    mlc = [str(bin_ / "markdown-link-check"), "-c", str(work / "mlc.json"), "-r", str(listed)]
    checker = [str(folder / "venv/bin/linkchecker"), "-f", str(work / "linkchecker.ini")]
    checker += ["-t", str(concurrency), "--check-extern", "--no-robots", "--no-status", "-r1"]
    checker += ["--timeout", f"{timeout:.0f}", "-v", "-o", "csv", page.as_uri()]
    return [
        Tool("kb links", ours(listed, concurrency, timeout), read_ours),
        Tool("linkinator", plain, read_linkinator),
        Tool("linkinator, retrying", [*plain, "--retry", "--retry-errors"], read_linkinator),
        Tool("linkchecker", checker, read_linkchecker),
        Tool("markdown-link-check", mlc, read_mlc),
    ]


def ours(listed: Path, concurrency: int, timeout: float) -> list[str]:
    """`kb links` of this checkout."""
    command = [sys.executable, "-m", "kb", "links", "--file", str(listed), "--allow-private"]
    return [*command, "--json", "--concurrency", str(concurrency), "--timeout", f"{timeout:g}"]


def environment() -> dict[str, str]:
    """What every checker is started with: this checkout, and no proxy."""
    kept = {key: value for key, value in os.environ.items() if "proxy" not in key.lower()}
    return kept | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"}


def read_ours(output: str) -> dict[str, str]:
    """The verdicts of `kb links --json`."""
    rows = json.loads(output)["results"]
    return {row["url"]: OURS.get(row["verdict"], UNSURE) for row in rows}


def read_linkinator(output: str) -> dict[str, str]:
    """The states of `linkinator --format json`."""
    states = {"OK": ALIVE, "BROKEN": BROKEN}
    links = json.loads(output[output.index("{") :])["links"]
    return {link["url"]: states.get(link["state"], UNSURE) for link in links}


def read_linkchecker(output: str) -> dict[str, str]:
    """The column `valid` of linkchecker's CSV, by the address as it was written."""
    lines = [line for line in output.split("\n") if line and not line.startswith("#")]
    rows = csv.DictReader(lines, delimiter=";")
    return {row["urlname"]: ALIVE if row["valid"] == "True" else BROKEN for row in rows}


def read_mlc(output: str) -> dict[str, str]:
    """The signs before each address in markdown-link-check's report."""
    signs = {"\u2713": ALIVE, "\u2716": BROKEN}
    found = re.findall(r"^\s*\[(.)\] (\S+)", output, re.MULTILINE)
    return {url: signs.get(sign, UNSURE) for sign, url in found}
