"""Settings that all rooms' tests share."""

import os

from hypothesis import HealthCheck, settings

import kb.repro  # noqa: F401  (the finder of `models`, before anything imports it)

collect_ignore = ["data"]  # knowledge bases of their own, with tests of theirs

# Time decides no test. In CI the examples are the same each time; at a desk they are drawn anew.
settings.register_profile("desk", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("desk"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "desk")
