"""Numbers on the command line, read as everywhere else: no underscores, no other digits."""

from __future__ import annotations

import re
from collections.abc import Callable

from mru_hw.errors import UserError

SEEDS = 2**63 - 1
"""The largest seed of a die or of noise."""
WORKERS = 1024
"""Processes at a time, at most."""


def whole(option: str, least: int, most: int | None = None) -> Callable[[str | int], int]:
    """Return a parser of whole numbers from `least` to `most` for an option."""
    expected = f"a whole number from {least}" + ("" if most is None else f" to {most}")

    def read(text: str | int) -> int:
        found = re.fullmatch(r"[+-]?[0-9]{1,30}", str(text).strip())
        if found is None:
            raise UserError(option, text, expected)
        number = int(found[0])
        if number < least or (most is not None and number > most):
            raise UserError(option, number, expected)
        return number

    return read


def real(option: str, unit: str = "") -> Callable[[str | float], float]:
    """Return a parser of finite numbers for an option, in `unit` where it has one."""

    def read(text: str | float) -> float:
        from mru_hw.units import parse

        return parse(text, unit, option)

    return read
