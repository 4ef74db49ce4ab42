"""Quantities of one cell in both worlds, and how far the array's law is off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mru_hw.lab.loop import Values
from mru_hw.mapping.design import Design
from mru_hw.model.network import Array

NANO, PICO = 1e-9, 1e-12
BIAS_UNITS = 64  # unit devices that i_unit stands for
AIMS = {"edge": 0.02, "level": 0.01, "supply": 0.03, "delay": 0.25}
NEAR_A = PICO  # an edge this near is within the aim whatever it is of the edge
OVERDRIVES = (0.02, 0.05, 0.2, 1.0)
JUMP_S = 1e-5
CHARGE = 1e-12  # C, more than any node on the way takes: bounds a delay


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A cell at a bias: unit-device current and threshold in A."""

    technology: str
    part: str
    case: str
    current: float
    threshold: float


def subject_of(part: str, design: Design, case: str, threshold: float) -> Subject:
    """Return a cell of a design; its threshold in A."""
    return Subject(
        technology=design.technology.name,
        part=part,
        case=case,
        current=design.i_lsb,
        threshold=threshold,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One quantity in both worlds; None where ngspice or the array never came there."""

    subject: Subject
    kind: str
    quantity: str
    spice: float | None
    array: float | None

    @property
    def error(self) -> float:
        """The array's over ngspice's, less one; NaN where one is missing."""
        if self.spice is None or self.array is None:
            return float("nan")
        return self.array / self.spice - 1

    @property
    def within(self) -> bool:
        """Tell whether the error lies within its aim."""
        if self.spice is None or self.array is None:
            return False
        near = self.kind == "edge" and abs(self.array - self.spice) <= NEAR_A
        return near or abs(self.error) <= AIMS[self.kind]


def kind_of(quantity: str) -> str | None:
    """Return which aim a quantity of a ladder or loop falls under; gains have none."""
    for word, kind in (
        ("supply", "supply"),
        ("edge", "edge"),
        ("threshold", "edge"),
        ("level", "level"),
    ):
        if word in quantity:
            return kind
    return None


def hold_s(threshold: float, overdrive: float) -> float:
    """How long a delay is waited for [s]."""
    return 10e-3 + CHARGE / (threshold * overdrive)


def first_above(t: Array, v: Array, level: float, start: float, end: float) -> float | None:
    """How long after `start` a course first passes `level` upwards, before `end`."""
    above = np.flatnonzero((v[1:] >= level) & (v[:-1] < level))
    if len(above) == 0:
        return None
    j = int(above[0])
    at = float(t[j] + (level - v[j]) / (v[j + 1] - v[j]) * (t[j + 1] - t[j]))
    return at - start if at < end else None


def compared(subject: Subject, spice: Values, array: Values) -> list[Row]:
    """Return a row for each quantity that has an aim."""
    return [
        Row(subject=subject, kind=kind, quantity=name, spice=value, array=array[name])
        for name, value in spice.items()
        if (kind := kind_of(name)) is not None
    ]


def delays(
    subject: Subject,
    sides: tuple[str, str],
    spice: Sequence[float | None],
    array: Sequence[float | None],
) -> list[Row]:
    """Return a row for each delay: both sides at all overdrives."""
    names = [f"delay {side}, {100 * x:g} % beyond" for side in sides for x in OVERDRIVES]
    return [
        Row(subject=subject, kind="delay", quantity=name, spice=a, array=b)
        for name, a, b in zip(names, spice, array, strict=True)
    ]


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """Median and worst size of the errors, how many, and the share within the aim."""
    errors = np.array([row.error for row in rows])
    read = np.isfinite(errors)
    missing = [f"{row.subject.case}: {row.quantity}" for row in rows if not np.isfinite(row.error)]
    found: dict[str, Any] = {"points": len(rows), "missing": missing}
    if read.any():
        sizes = np.abs(errors[read])
        worst = [row for row in rows if np.isfinite(row.error)][int(np.argmax(sizes))]
        found |= {
            "median": float(np.median(sizes)),
            "worst": float(sizes.max()),
            "worst_at": f"{worst.subject.case}: {worst.quantity}",
            "mean": float(np.mean(errors[read])),
            "within": float(np.mean([row.within for row in rows])),
        }
    return found


def grouped(rows: Sequence[Row]) -> dict[str, Any]:
    """Figures by cell and aim, and by quantity."""
    found: dict[str, Any] = {}
    for part in dict.fromkeys(row.subject.part for row in rows):
        mine = [row for row in rows if row.subject.part == part]
        found[part] = {}
        for kind, aim in AIMS.items():
            of_kind = [row for row in mine if row.kind == kind]
            if not of_kind:
                continue
            names = dict.fromkeys(row.quantity for row in of_kind)
            found[part][kind] = {"aim": aim, **summary(of_kind)} | {
                "quantities": {n: summary([r for r in of_kind if r.quantity == n]) for n in names}
            }
    return found
