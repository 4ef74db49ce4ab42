"""The budget as a table: device groups, ranked by what enlarging their mirrors is worth.

A device is enlarged with all whose gates are on the same net (`mru_hw.mapping.areas`), so that no
ratio changes: what that costs is the area of the whole mirror, and what it removes is the variance
of all its groups, divided by the factor. Mirrors are ranked by what one small area, a hundredth of
the chip's gates, would remove in each: a tiny one whose devices hardly count is cheap to enlarge,
and not worth it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mru_hw.budget.mismatch import POINTS, MismatchVariances, mismatch_spread
from mru_hw.budget.nominal import Key, Nominal
from mru_hw.budget.systematic import KINDS, Residuals, Systematic, residuals, systematic_errors
from mru_hw.cells.base import Array
from mru_hw.mapping.areas import mirrors_of
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
    "mirror",
    "mirror_area_um2",
    "mirror_share",
    "removed_per_um2",
    "benefit",
    "curvature",
    "rounding",
    "leakage",
    "output_variance",
)
WORK = 2e9  # legs times targets times operating points; larger chips take fewer points
FEWEST = 4
ADDED = 0.01
"""Of the chip's gate area: what a mirror's benefit is counted for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorRow:
    """The groups of devices that a multiple of one of them enlarges alike.

    Attributes
    ----------
    keys
        Its groups, the one that adds most variance first; each is a key of the options' `area`.
    area
        Gate area of all of them [m^2]: what doubling the mirror adds.
    variance, share
        What they add to the variance of a threshold's error together; doubling removes a half.
    removed
        Variance removed per area added when the mirror is doubled [1/m^2].
    chip_area
        Gate area of all groups of the chip [m^2].
    """

    keys: tuple[Key, ...]
    area: float
    variance: float
    share: float
    removed: float
    chip_area: float

    @property
    def benefit(self) -> float:
        """Share of the whole variance that goes where `ADDED` of `chip_area` is added here."""
        return self.spared(ADDED * self.chip_area)

    @property
    def name(self) -> str:
        """Its first group, as `area` takes it."""
        return "/".join(self.keys[0])

    def spared(self, added: float) -> float:
        """Return the share of the whole variance that goes where `added` [m^2] is added here."""
        return self.share * added / (self.area + added) if self.area > 0 else 0.0


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
    mirror
        The mirror that they belong to: what is enlarged with them.
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
    mirror: MirrorRow
    systematic: dict[str, float]
    output_variance: float


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Budget:
    """Errors of a chip.

    Attributes
    ----------
    rows
        By rank: mirror by mirror, in each the group first that adds most variance.
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
        first = self.rows[0].mirror.name if self.rows else "nothing"
        off = _percent(self.sigma_threshold)
        return f"<Budget: thresholds {off} of beta off by mismatch; enlarge {first} first>"

    def __str__(self) -> str:
        """Return the totals and the first mirrors."""
        return "\n".join(self.lines())

    @property
    def sigma_threshold(self) -> float:
        """Random error of a threshold, root mean square over all, in units of beta."""
        return _rms(self.spread.sigma_thresholds)

    @property
    def sigma_output(self) -> float:
        """Random error of an output, root mean square, over the outputs' own."""
        return _rms(self.spread.sigma_outputs)

    @property
    def mirrors(self) -> tuple[MirrorRow, ...]:
        """Every mirror once, by rank."""
        return tuple({row.mirror.name: row.mirror for row in self.rows}.values())

    def summary(self, n_rows: int = 10) -> dict[str, object]:
        """Return totals and the first mirrors, for JSON."""
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
                    "owner": mirror.keys[0][0],
                    "role": mirror.keys[0][1],
                    "mirror": ["/".join(key) for key in mirror.keys],
                    "share": mirror.share,
                    "area_um2": mirror.area * 1e12,
                    "removed_per_um2": mirror.removed * 1e-12,
                    "benefit": mirror.benefit,
                }
                for mirror in self.mirrors[:n_rows]
            ],
        }

    def lines(self, n_rows: int = 10) -> Iterator[str]:
        """Write the totals and the first mirrors for a person."""
        totals = ", ".join(
            f"{kind} {_percent(_rms(self.systematic.total_thresholds[kind]))}" for kind in KINDS
        )
        corner, temperature = self.worst
        yield (
            f"Thresholds are off, in units of beta, by: mismatch {_percent(self.sigma_threshold)}, "
            f"{totals} (leakage at {corner}, {temperature:g} degC)."
        )
        yield (
            "What to enlarge first, each with its mirror:    doubled: adds       variance goes   "
            f"with {_percent(ADDED, 0)} more area"
        )
        for mirror in self.mirrors[:n_rows]:
            others = len(mirror.keys) - 1
            named = f"{mirror.name} and {others} more" if others else mirror.name
            yield (
                f"  {named:<46}{mirror.area * 1e12:>10.0f} um2{_percent(mirror.share / 2):>20}"
                f"{_percent(mirror.benefit, 2):>21}"
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
    rows = tuple(_rows(chip.nominal, spread, systematic))
    return Budget(rows=rows, spread=spread, systematic=systematic, chip=chip, worst=measured.worst)


def points_for(design: Design) -> int:
    """Return how many operating points a budget takes: fewer where many weights average."""
    targets = sum(bank.n_units for bank in design.banks) + design.buses["y"].size
    legs = sum(np.count_nonzero(c.plus) + np.count_nonzero(c.minus) for c in design.connections)
    return int(np.clip(WORK / (targets * max(legs, 1)), FEWEST, POINTS))


def _rows(
    nominal: Nominal, spread: MismatchVariances, systematic: Systematic
) -> Iterator[BudgetRow]:
    """List the groups, mirror by mirror, in each the one first that adds most variance."""
    groups = {group.key: group for group in nominal.design.device_groups()}
    gates = {name: d.w * d.l for name, d in nominal.design.technology.devices.items()}
    areas = {key: float(g.units.sum()) * gates[g.device] for key, g in groups.items()}
    whole = _mean(spread.sigma_thresholds**2)
    for mirror in _mirrors(nominal.design, spread, areas, whole):
        for key in mirror.keys:
            group = groups[key]
            present = group.units > 0
            own = np.broadcast_to(nominal.variance(group), group.units.shape)[present]
            variance = _mean(spread.at_thresholds[key])
            yield BudgetRow(
                key=key,
                device=group.device,
                devices=int(present.sum()),
                unit_devices=int(group.units.sum()),
                area=areas[key],
                sigma=float(np.sqrt(np.mean(own))) if present.any() else 0.0,
                variance=variance,
                share=variance / whole if whole > 0 else 0.0,
                mirror=mirror,
                systematic={
                    kind: _rms(systematic.at_thresholds[kind].get(key, np.zeros(1)))
                    for kind in KINDS
                },
                output_variance=_mean(spread.at_outputs[key]),
            )


def _mirrors(
    design: Design, spread: MismatchVariances, areas: Mapping[Key, float], whole: float
) -> list[MirrorRow]:
    """Rank the mirrors: by benefit, then by what they add to the outputs."""
    belongs = mirrors_of(design)
    members: dict[tuple[str, str], list[Key]] = {}
    for key in areas:
        members.setdefault(belongs[key], []).append(key)
    chip_area = sum(areas.values())
    outputs = {key: float(np.nan_to_num(_mean(spread.at_outputs[key]))) for key in areas}
    found = []
    for keys in members.values():
        adds = {key: _mean(spread.at_thresholds[key]) for key in keys}
        keys.sort(key=lambda key: (-np.nan_to_num(adds[key]), -outputs[key], key))
        area, variance = sum(areas[key] for key in keys), sum(adds.values())
        mirror = MirrorRow(
            keys=tuple(keys),
            area=area,
            variance=variance,
            share=variance / whole if whole > 0 else 0.0,
            removed=variance / 2 / area if area > 0 else 0.0,
            chip_area=chip_area,
        )
        found.append((-mirror.benefit, -sum(outputs[key] for key in keys), mirror.keys[0], mirror))
    return [mirror for *_, mirror in sorted(found, key=lambda entry: entry[:3])]


def write_budget(path: Path, budget: Budget) -> None:
    """Write ``budget.csv``: RFC 4180, five digits; a number that means nothing is left out."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\r\n")
        writer.writerow(COLUMNS)
        for rank, row in enumerate(budget.rows, start=1):
            mirror = row.mirror
            enlarged = (
                mirror.area * 1e12,
                mirror.share,
                mirror.removed * 1e-12,
                mirror.benefit,
            )
            systematic = (row.systematic[kind] for kind in KINDS)
            writer.writerow(
                (
                    rank,
                    *row.key,
                    row.device,
                    row.devices,
                    row.unit_devices,
                    *_told(row.area * 1e12, row.sigma, row.variance, row.share),
                    mirror.name,
                    *_told(*enlarged, *systematic, row.output_variance),
                )
            )


def _told(*numbers: float) -> Iterator[str]:
    return (f"{number:.5g}" if np.isfinite(number) else "" for number in numbers)


def _percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f} %" if np.isfinite(share) else "none"


def _mean(values: Array) -> float:
    """Return the mean of what means something; NaN where nothing does."""
    known = values[np.isfinite(values)]
    return float(np.mean(known)) if known.size else np.nan


def _rms(values: Array) -> float:
    return float(np.sqrt(_mean(np.square(values))))
