"""Fields of a sentence by the names that a plan and the command line have for them."""

from __future__ import annotations

from mru_hw.errors import UserError


def test_names_that_one_table_lacks_are_left_to_the_next() -> None:
    error = UserError("v_dd", 3.0, "1.62 V to 1.98 V at this `corner`, or no `die`")
    plan = error.renamed({"corner": "axes.1.values"})
    assert plan.expected == "1.62 V to 1.98 V at this axes.1.values, or no `die`"
    told = plan.renamed({"v_dd": "--vdd", "die": "--die"})
    assert str(told) == (
        "--vdd is 3.0, expected 1.62 V to 1.98 V at this axes.1.values, or no --die."
    )
