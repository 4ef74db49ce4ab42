"""The pictures of a report's page."""

from __future__ import annotations

import base64
import re
from typing import Any

import numpy as np
import pytest

from mru_hw.report import figures
from mru_hw.sweeps.axes import AXES as AXES_KNOWN


def svg_text(uri: str) -> str:
    return base64.b64decode(uri.partition(",")[2]).decode()


def comments(uri: str) -> set[str]:
    """The texts of a figure, which matplotlib leaves beside their outlines."""
    return set(re.findall(r"<!-- (.*?) -->", svg_text(uri)))


@pytest.mark.parametrize(
    ("axis", "values", "ticks"),
    [
        ("i_unit", [3e-10, 1e-9, 3e-9], {"300 pA", "1 nA", "3 nA"}),
        ("i_unit", [3e-10, 1e-9], {"400 pA", "800 pA"}),
        ("v_dd", [1.6, 1.8, 2.0], {"1.6 V", "1.8 V", "2 V"}),
        ("noise_scale", [0.0, 1.0, 100.0], {"0", "1", "100"}),
        ("corner", ["tt", "ff"], {"tt", "ff"}),
    ],
)
def test_ticks_have_the_unit_of_their_axis(axis: str, values: Any, ticks: set[str]) -> None:
    ones = np.ones(len(values))
    one = figures.Series(label="mean", mean=ones, low=ones - 0.1, high=ones + 0.1)
    panels = [("accuracy", "%", [one])]
    label, unit = AXES_KNOWN[axis].label, AXES_KNOWN[axis].unit
    shown = comments(figures.over_axis(label, values, panels, {}, unit=unit))
    assert ticks | {label} <= shown
    assert not [text for text in shown if re.search(r"e[-−]\d", text)]


def test_a_unit_of_quantities_stands_in_ticks_and_not_in_labels() -> None:
    for axis in AXES_KNOWN.values():
        assert axis.unit or not re.search(r"\[[AVs]\]", axis.label), axis.name
    units = {name: axis.unit for name, axis in AXES_KNOWN.items() if axis.unit}
    volts = dict.fromkeys(("v_dd", "compensated_v_dd"), "V")
    assert units == volts | {"i_unit": "A", "frame_period": "s"}


def bars(uri: str) -> int:
    return len(re.findall(r'id="patch_\d+"', svg_text(uri)))


@pytest.mark.parametrize(
    "accuracy",
    [np.full(9, 0.5), np.array([0.0, 1.0] * 5), np.linspace(0, 1, 300)],
    ids=["all alike", "the extremes", "many values"],
)
def test_any_accuracies_have_a_histogram(accuracy: Any) -> None:
    drawn = svg_text(figures.accuracy_histogram(accuracy, {"ideal": 0.7, "other": 0.1}, 300))
    assert drawn.startswith("<?xml")
    assert "<script" not in drawn


def test_every_block_has_its_bar() -> None:
    blocks = {"mirror": (2.0, 0.0), "memory": (1.0, 0.5), "clock": (0.0, 0.1)}
    more = blocks | {"bias": (1.0, 0.0)}
    one = bars(figures.energy_by_block(blocks, split=True))
    two = bars(figures.energy_by_block(more, split=True))
    assert two == one + 2  # static and switching


def test_one_curve_has_a_band_and_several_have_bars() -> None:
    def series(label: str) -> figures.Series:
        ones = np.ones(3)
        return figures.Series(label=label, mean=ones, low=ones - 0.1, high=ones + 0.1)

    for values in ([0.0, 1.0, 2.0], [0, 1, 1000], ["tt", "ff", "ss"]):
        alone = figures.over_axis("x", values, [("accuracy", "%", [series("a")])], {})
        pair = [series("a"), series("b")]
        both = figures.over_axis("x", values, [("accuracy", "%", pair), ("power", "W", pair)], {})
        assert "FillBetweenPolyCollection" in svg_text(alone)
        assert "FillBetweenPolyCollection" not in svg_text(both)
        assert "LineCollection" in svg_text(both)
