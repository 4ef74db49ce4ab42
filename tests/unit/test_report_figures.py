"""The pictures of a report's page."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from mru_hw.report import figures
from mru_hw.report.colours import DARK
from mru_hw.sweeps.axes import AXES as AXES_KNOWN


def comments(svg: str) -> set[str]:
    """The texts of a figure, which matplotlib leaves beside their outlines."""
    return set(re.findall(r"<!-- (.*?) -->", svg))


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


def bars(svg: str) -> int:
    return len(re.findall(r'id="patch_\d+"', svg))


@pytest.mark.parametrize(
    "accuracy",
    [np.full(9, 0.5), np.array([0.0, 1.0] * 5), np.linspace(0, 1, 300)],
    ids=["all alike", "the extremes", "many values"],
)
def test_any_accuracies_have_a_histogram(accuracy: Any) -> None:
    drawn = figures.accuracy_histogram(accuracy, {"ideal": 0.7, "other": 0.1}, 300)
    assert drawn.startswith("<?xml")
    assert "<script" not in drawn


def test_every_block_has_its_bar() -> None:
    blocks = {"mirror": (2.0, 0.0), "memory": (1.0, 0.5), "clock": (0.0, 0.1)}
    more = blocks | {"bias": (1.0, 0.0)}
    one = bars(figures.energy_by_block(blocks, split=True))
    two = bars(figures.energy_by_block(more, split=True))
    assert two == one + 2  # static and switching


def test_every_curve_has_its_band_and_many_have_a_frame_each() -> None:
    def series(label: str) -> figures.Series:
        ones = np.ones(3)
        return figures.Series(label=label, mean=ones, low=ones - 0.1, high=ones + 0.1)

    for values in ([0.0, 1.0, 2.0], [0, 1, 1000], ["tt", "ff", "ss"]):
        alone = figures.over_axis("x", values, [("accuracy", "%", [series("a")])], {})
        pair = [series("a"), series("b")]
        both = figures.over_axis("x", values, [("accuracy", "%", pair), ("power", "W", pair)], {})
        assert alone.count('id="FillBetweenPolyCollection') == 1
        assert both.count('id="FillBetweenPolyCollection') == 4
        # Named where they end, not in a legend of colours.
        assert {"a", "b"} <= comments(both)
        many = [series(name) for name in "abcde"]
        frames = figures.over_axis("x", values, [("accuracy", "%", many)], {})
        assert len(re.findall(r'id="axes_\d+"', frames)) == 5


def test_a_figure_has_colours_for_dark_pages() -> None:
    """Every colour that is drawn has another one there, and nothing has a background."""
    blocks = {"mirror": (2.0, 0.1), "memory": (1.0, 0.5), "clock": (0.1, 0.1), "bias": (1.0, 0.0)}
    ones = np.ones(3)
    one = figures.Series(label="a", mean=ones, low=ones - 0.1, high=ones + 0.1)
    references = {"software": 0.9, "ideal": 0.8, "nominal": 0.7}
    for svg in (
        figures.energy_by_block(blocks, split=True),
        figures.accuracy_histogram(np.linspace(0, 1, 30), references, 30, 0.5),
        figures.over_axis("x", [1, 2, 3], [("accuracy", "%", [one] * 3)], references),
        figures.spread([("energy", "dies", "J", np.linspace(1, 2, 30), {"at most": 1.5})]),
        figures.errors(np.linspace(-0.1, 0.1, 9), "error"),
        figures.ranked({"a": 1.0, "b": 0.5}, "power", "W"),
    ):
        body = svg.partition("</style>")[2]
        drawn = set(re.findall(r"(?:fill|stroke): (#[0-9a-f]{6})", body))
        assert drawn
        assert drawn <= set(DARK), drawn - set(DARK)
        assert "prefers-color-scheme:dark" in svg
