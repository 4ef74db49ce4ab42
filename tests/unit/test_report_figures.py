"""The pictures of a report's page."""

from __future__ import annotations

import base64
import re
from typing import Any

import numpy as np
import pytest

from mru_hw.report import figures


def svg_text(uri: str) -> str:
    return base64.b64decode(uri.partition(",")[2]).decode()


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
