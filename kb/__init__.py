"""The engine of an awesome list that keeps itself true and proves its papers."""

__version__ = "0.2.0"
