"""What pyproject.toml cannot say: the shared part of models/ ships inside kb, as kb/_models.

No wheel puts a package called `models` on the path of its user: papers belong to knowledge bases.
"""

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

SHARED = {"kb._models.parts": "models/parts", "kb._models.official": "models/official"}


class BuildPy(build_py):
    """Of models/official only what every release shares."""

    def find_package_modules(self, package: str, package_dir: str) -> list[tuple[str, str, str]]:
        """(package, module, file) of each module that is built."""
        modules = super().find_package_modules(package, package_dir)
        if package == "kb._models.official":
            modules = [module for module in modules if module[1].startswith("_")]
        return modules


setup(
    packages=[*find_packages(include=["kb", "kb.*"]), *SHARED],
    package_dir=SHARED,
    cmdclass={"build_py": BuildPy},
)
