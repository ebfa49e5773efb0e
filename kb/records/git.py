"""One way to ask git: with a time limit, without prompts, locks or programs of its configuration."""

import os
import subprocess
from pathlib import Path

TIMEOUT = 60  # seconds
QUIET = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}


def git(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[bytes] | None:
    """One question to git; None where there is no git, no folder, or no answer."""
    try:
        return subprocess.run(  # noqa: S603  (a fixed program; arguments are a list)
            ["git", "-c", "core.fsmonitor=false", *arguments],  # noqa: S607  (git of the user's path)
            cwd=folder,
            env={**os.environ, **QUIET},
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None


def said(arguments: list[str], folder: Path) -> str | None:
    """What git answers, stripped; None where there is no answer or git refuses."""
    done = git(arguments, folder)
    if done is None or done.returncode:
        return None
    return done.stdout.decode("utf-8", "replace").strip()
