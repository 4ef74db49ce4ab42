"""The budget as a table: device groups, ranked by what enlarging them is worth.

Enlarging every device of a group, at the same W / L, divides the variance that the group adds by
the factor of its gate area. Groups are ranked by what one small area, a hundredth of the chip's
gates, would remove in each: a tiny group whose devices hardly count is cheap to enlarge, and not
worth it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mru_hw.budget.mismatch import POINTS, MismatchVariances, mismatch_spread
from mru_hw.budget.nominal import Key, Nominal
from mru_hw.budget.systematic import KINDS, Residuals, Systematic, residuals, systematic_errors
from mru_hw.cells.base import Array
from mru_hw.mapping.design import Design
from mru_hw.mapping.sizing import Lengths, load_lengths
from mru_hw.model.network import Model
from mru_hw.technology.calibration import Calibration

COLUMNS = (
    "rank",
    "owner",
    "role",
    "device",
    "devices",
    "unit_devices",
    "area_um2",
    "sigma",
    "variance",
    "share",
    "removed_per_um2",
    "benefit",
    "v_ds",
    "rounding",
    "leakage",
    "output_variance",
)
WORK = 2e9  # legs times targets times operating points; larger chips take fewer points
FEWEST = 4
ADDED = 0.01
"""Of the chip's gate area: what a group's benefit is counted for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRow:
    """One group of like devices; numbers as the columns of ``budget.csv`` have them.

    Attributes
    ----------
    devices, unit_devices
        How many there are, and how many unit devices they are made of.
    area
        Gate area of all of them [m^2].
    sigma
        Standard deviation of ln of one device's current, root mean square over the group.
    variance, share
        What they add to the variance of a threshold's error, mean over all thresholds, in units of
        beta^2, and its share of the whole.
    removed
        Variance removed per area added when each is doubled [1/m^2].
    benefit
        Share of the whole variance that goes where `ADDED` of the chip's gate area is added here.
    systematic
        By kind, root mean square over all thresholds, in units of beta.
    output_variance
        What they add to the variance of an output, over the outputs' mean square; NaN where the
        outputs carry nothing.
    """

    key: Key
    device: str
    devices: int
    unit_devices: int
    area: float
    sigma: float
    variance: float
    share: float
    removed: float
    benefit: float
    systematic: dict[str, float]
    output_variance: float


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Budget:
    """Errors of a chip.

    Attributes
    ----------
    rows
        By rank.
    spread, systematic
        What they were made from, per threshold and output.
    chip
        What `mru_hw.budget.elements` lists weights and thresholds from.
    worst
        Corner and temperature [degC] of the leakage.
    """

    rows: tuple[BudgetRow, ...]
    spread: MismatchVariances
    systematic: Systematic
    chip: Residuals
    worst: tuple[str, float]

    def __repr__(self) -> str:
        """Say in one line how far thresholds are off, and what to enlarge first."""
        first = "/".join(self.rows[0].key) if self.rows else "nothing"
        off = _percent(self.sigma_threshold)
        return f"<Budget: thresholds {off} of beta off by mismatch; enlarge {first} first>"

    def __str__(self) -> str:
        """Return the totals and the first rows."""
        return "\n".join(self.lines())

    @property
    def sigma_threshold(self) -> float:
        """Random error of a threshold, root mean square over all, in units of beta."""
        return _rms(self.spread.sigma_thresholds)

    @property
    def sigma_output(self) -> float:
        """Random error of an output, root mean square, over the outputs' own."""
        return _rms(self.spread.sigma_outputs)

    def summary(self, n_rows: int = 10) -> dict[str, object]:
        """Return totals and the first rows, for JSON."""
        totals = {kind: _rms(self.systematic.total_thresholds[kind]) for kind in KINDS}
        return {
            "threshold_error": {"random": self.sigma_threshold, **totals},
            "leakage_at": {"corner": self.worst[0], "temperature_degC": self.worst[1]},
            "output_error": {
                "random": self.sigma_output,
                **{kind: _rms(self.systematic.total_outputs[kind]) for kind in KINDS},
            },
            "enlarge": [
                {
                    "owner": row.key[0],
                    "role": row.key[1],
                    "share": row.share,
                    "area_um2": row.area * 1e12,
                    "removed_per_um2": row.removed * 1e-12,
                    "benefit": row.benefit,
                }
                for row in self.rows[:n_rows]
            ],
        }

    def lines(self, n_rows: int = 10) -> Iterator[str]:
        """Write the totals and the first rows for a person."""
        totals = ", ".join(
            f"{kind} {_percent(_rms(self.systematic.total_thresholds[kind]))}" for kind in KINDS
        ).replace("v_ds", "V_DS")
        corner, temperature = self.worst
        yield (
            f"Thresholds are off, in units of beta, by: mismatch {_percent(self.sigma_threshold)}, "
            f"{totals} (leakage at {corner}, {temperature:g} degC)."
        )
        yield (
            "What to enlarge first:      share of the variance    gate area   "
            f"goes with {_percent(ADDED, 0)} more area"
        )
        for row in self.rows[:n_rows]:
            yield (
                f"  {'/'.join(row.key):<38}{_percent(row.share):>9}{row.area * 1e12:>12.0f} um2"
                f"{_percent(row.benefit, 2):>16}"
            )


def make_budget(
    model: Model, design: Design, calibration: Calibration, lengths: Lengths | None = None
) -> Budget:
    """Compute a chip's budget at its nominal temperature.

    Parameters
    ----------
    model
        The trained network, for what rounding is counted from.
    lengths
        Measured mirrors; the technology's own table unless given.

    Raises
    ------
    UserError
        The thresholds of loops come from the input.
    """
    measured = load_lengths(design.technology) if lengths is None else lengths
    n_points = points_for(design)
    spread = mismatch_spread(
        design, calibration, temperature=design.technology.temperature, n_points=n_points
    )
    chip = residuals(model, design, calibration, measured, n_points=n_points)
    systematic = systematic_errors(chip)
    rows = sorted(
        _rows(chip.nominal, spread, systematic),
        key=lambda row: (-row.benefit, -np.nan_to_num(row.output_variance), row.key),
    )
    return Budget(
        rows=tuple(rows), spread=spread, systematic=systematic, chip=chip, worst=measured.worst
    )


def points_for(design: Design) -> int:
    """Return how many operating points a budget takes: fewer where many weights average."""
    targets = sum(bank.n_units for bank in design.banks) + design.buses["y"].size
    legs = sum(np.count_nonzero(c.plus) + np.count_nonzero(c.minus) for c in design.connections)
    return int(np.clip(WORK / (targets * max(legs, 1)), FEWEST, POINTS))


def _rows(
    nominal: Nominal, spread: MismatchVariances, systematic: Systematic
) -> Iterator[BudgetRow]:
    design, technology = nominal.design, nominal.design.technology
    whole = _mean(spread.sigma_thresholds**2)
    gates = {name: d.w * d.l for name, d in technology.devices.items()}
    added = ADDED * sum(
        float(group.units.sum()) * gates[group.device] for group in design.device_groups()
    )
    for group in design.device_groups():
        key, units = group.key, group.units
        present = units > 0
        area = float(units.sum()) * gates[group.device]
        own = np.broadcast_to(nominal.variance(group), units.shape)[present]
        variance = _mean(spread.at_thresholds[key])
        share = variance / whole if whole > 0 else 0.0
        yield BudgetRow(
            key=key,
            device=group.device,
            devices=int(present.sum()),
            unit_devices=int(units.sum()),
            area=area,
            sigma=float(np.sqrt(np.mean(own))) if present.any() else 0.0,
            variance=variance,
            share=share,
            removed=variance / 2 / area if area > 0 else 0.0,
            benefit=share * added / (area + added) if area > 0 else 0.0,
            systematic={
                kind: _rms(systematic.at_thresholds[kind].get(key, np.zeros(1))) for kind in KINDS
            },
            output_variance=_mean(spread.at_outputs[key]),
        )


def write_budget(path: Path, budget: Budget) -> None:
    """Write ``budget.csv``: RFC 4180, five digits; a number that means nothing is left out."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\r\n")
        writer.writerow(COLUMNS)
        for rank, row in enumerate(budget.rows, start=1):
            numbers = (
                row.area * 1e12,
                row.sigma,
                row.variance,
                row.share,
                row.removed * 1e-12,
                row.benefit,
                *(row.systematic[kind] for kind in KINDS),
                row.output_variance,
            )
            writer.writerow(
                (
                    rank,
                    *row.key,
                    row.device,
                    row.devices,
                    row.unit_devices,
                    *(f"{number:.5g}" if np.isfinite(number) else "" for number in numbers),
                )
            )


def _percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f} %" if np.isfinite(share) else "none"


def _mean(values: Array) -> float:
    """Return the mean of what means something; NaN where nothing does."""
    known = values[np.isfinite(values)]
    return float(np.mean(known)) if known.size else np.nan


def _rms(values: Array) -> float:
    return float(np.sqrt(_mean(np.square(values))))
