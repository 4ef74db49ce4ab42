"""The table ``expected.csv``: what the array has for a bench, under the names of its measures."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mru_hw.mapping.design import Design
from mru_hw.model.structure import ReadoutKind
from mru_hw.spice.measures import measures_frames, output_name, power_measures, readout_name

COLUMNS = ("quantity", "frame", "of", "value", "unit", "measure")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the level ``behavioral``, settled, has for one die, sequence and condition.

    Attributes
    ----------
    output
        (n_time, n_out) outputs at the end of each frame [A].
    readout
        (n_out,) what the readout has of each output: [A], or how many frames it won.
    decision
        Index of the class.
    power
        Mean power [W] by supply block, and of the inputs' sources as ``input``.
    """

    output: NDArray[np.float64]
    readout: NDArray[np.float64]
    decision: int
    power: Mapping[str, float]


def expected_rows(expected: Expected, design: Design) -> Iterator[tuple[str, ...]]:
    """Yield the table's rows, a text for each of `COLUMNS`."""
    readout, n_time = design.spec.readout, len(expected.output)
    whole = measures_frames(design, n_time)
    for t, frame in enumerate(expected.output.tolist()):
        for k, value in enumerate(frame):
            name = output_name(k, t) if whole else ""
            yield "output", str(t), str(k), f"{value:.9g}", "A", name
    unit = "1" if readout is ReadoutKind.VOTE else "A"
    told = whole or readout is ReadoutKind.LAST
    for k, value in enumerate(expected.readout.tolist()):
        name = readout_name(readout, k) if told else ""
        yield "readout", "", str(k), f"{value:.9g}", unit, name
    yield "decision", "", "", str(expected.decision), "1", ""
    for block, watts in expected.power.items():
        yield "power", "", block, f"{watts:.9g}", "W", power_measures(block)


def write_expected(path: Path, expected: Expected, design: Design) -> None:
    """Write ``expected.csv``: RFC 4180, nine digits."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\r\n")
        writer.writerow(COLUMNS)
        writer.writerows(expected_rows(expected, design))
