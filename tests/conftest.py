"""Settings that all rooms' tests share."""

import os

import pytest
from hypothesis import HealthCheck, settings

import kb.repro  # noqa: F401  (the finder of `models`, before anything imports it)

collect_ignore = ["data"]  # knowledge bases of their own, with tests of theirs

# Time decides no test. In CI the examples are the same each time; at a desk they are drawn anew.
settings.register_profile("desk", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("desk"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "desk")


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test is sent to the knowledge base that another one named with -C."""
    monkeypatch.setenv("KB_ROOT", "")
    monkeypatch.delenv("KB_ROOT")
