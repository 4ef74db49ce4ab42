"""Numbers of things as sentences have them; every part of the package may say one of something."""

from __future__ import annotations


def plural(count: int, noun: str) -> str:
    """Return the noun that goes with a number: ``die`` with 1, ``dies`` with any other."""
    return noun if count == 1 else f"{noun}s"


def many(count: int, noun: str) -> str:
    """Return a number of things in words: ``1 die``, ``2 dies``."""
    return f"{count} {plural(count, noun)}"
