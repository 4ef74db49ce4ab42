"""Other networks in ngspice: the page's table says what the documentation has measured."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mru_hw.report.other_networks import DOCUMENT, RAN, others_table
from mru_hw.technology import load_technology

TEXT = (Path(__file__).parents[2] / "docs/validation/agreement.md").read_text(encoding="utf-8")


def test_every_figure_stands_in_the_document() -> None:
    assert TEXT.startswith(f"# {DOCUMENT}\n")
    cells = {cell.strip() for line in TEXT.splitlines() for cell in line.split("|")}
    powers = {float(found) for cell in cells for found in re.findall(r"([-+]?\d+\.?\d*) %", cell)}
    products = {
        (round(float(a) * float(b) / 100, 2), float(b))
        for cell in cells
        for a, b in re.findall(r"^([\d.]+) % of ([\d.]+) %$", cell)
    }
    whole = {
        (float(a), float(b)) for cell in cells for a, b in re.findall(r"^([\d.]+) %, (\d+) %", cell)
    }
    for one in RAN:
        assert one.energy in powers, one
        for wrong in re.findall(r"(\d+) and (\d+) of ([\d,]+) each", one.steps):
            joint = "{} and {} of {} each".format(*wrong)
            apart = [f"{count} of {wrong[2]}" for count in wrong[:2]]
            known = [any(cell.startswith(text) for cell in cells) for text in apart]
            assert any(cell.startswith(joint) for cell in cells) or any(known), one
        assert f"{one.alike} of {one.alike}" in TEXT or f"; {one.alike}" in TEXT, one
        if one.dies and one.left is not None:
            assert f"{one.dies} x {one.sequences}" in cells, one
            assert (one.left, one.spread) in products, one
        elif one.spread is not None:
            assert (one.left, one.spread) in whole, one


@pytest.mark.parametrize("name", ["generic180", "sky130"])
def test_the_table_is_of_the_technologies_of_a_run(name: str) -> None:
    (table,) = others_table([name])
    rows = list(table.plain())
    assert len(rows) == sum(one.technology == name for one in RAN)
    assert all(str(row["condition"]).startswith(f"{name}, ") for row in rows)
    corners = {str(row["condition"]).split(", ")[1] for row in rows}
    assert corners <= set(load_technology(name).corners)
    assert not list(others_table(["another"]))
