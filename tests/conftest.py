"""Settings that all rooms' tests share."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

import kb.repro  # noqa: F401  (the finder of `models`, before anything imports it)

collect_ignore = ["data"]  # knowledge bases of their own, with tests of theirs

# Time decides no test. In CI the examples are the same each time; at a desk they are drawn anew.
settings.register_profile("desk", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("desk"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "desk")

# Folders whose single tests take longest, first: at the end, what is left to share out is short.
LONGEST_FIRST = ("publish", "repro", "datasets", "models", "parity", "enrich", "links", "records")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where several processes share the tests, long ones begin first; folders stay whole."""
    if os.environ.get("PYTEST_XDIST_WORKER"):
        place = {f"tests/{name}": number for number, name in enumerate(LONGEST_FIRST)}
        items.sort(key=lambda one: place.get("/".join(one.nodeid.split("/")[:2]), len(place)))


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test is sent to the knowledge base that another one named with -C."""
    monkeypatch.setenv("KB_ROOT", "")
    monkeypatch.delenv("KB_ROOT")


@pytest.fixture(scope="session")
def once(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str, Callable[[Path], object]], Path]:
    """Make a folder once for all processes of this run, to be read only: `once(name, make)`.

    The first that asks makes it; others wait for it. A folder half made is made again.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base

    def folder(name: str, make: Callable[[Path], object]) -> Path:
        out, done = shared / name, shared / f"{name}.made"
        with FileLock(shared / f"{name}.making"):
            if not done.exists():
                shutil.rmtree(out, ignore_errors=True)
                make(out)
                done.touch()
        return out

    return folder
