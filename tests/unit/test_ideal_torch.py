"""The level ideal equals the float64 training network at every step of every sequence."""

from __future__ import annotations

from typing import Any

import pytest

from mru_hw.model.memory import CELLS
from tests.halves import compare_halves, variants


@pytest.mark.parametrize("rectify", [False, True])
@pytest.mark.parametrize("skip", [0, 1, "matrix"])
@pytest.mark.parametrize(
    ("cell", "keys"), [(cell, keys) for cell in CELLS for keys in variants(cell)]
)
@pytest.mark.parametrize("grid", [False, True], ids=["normal", "ties"])
def test_ideal_equals_torch(
    cell: str, keys: dict[str, Any], skip: int | str, rectify: bool, grid: bool
) -> None:
    compare_halves(cell, skip=skip, rectify=rectify, grid=grid, **keys)
