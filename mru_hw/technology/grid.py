"""A technology's constants over process corner, temperature and supply, and between the points.

Measured are, for each corner, all temperatures at the nominal supply and all supplies at the
nominal temperature. What the supply changes is taken to be the same at every temperature:

    f(T, V) = f(T, V0) + f(T0, V) - f(T0, V0),

each of the first two linear between its points, and of `EXPONENTIAL` the logarithm. Leakage is
linear in 1/T on a logarithmic scale (it is activated: Arrhenius), between temperatures of its own,
and does not depend on the supply but through a device's own voltage.
Runs at conditions that no fit saw stand beside the points as checks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import ConfigDict, Field, model_validator

from mru_hw.documents import Document
from mru_hw.errors import Bare, UserError
from mru_hw.units import render

OF_LADDER = ("v_trip_up", "v_trip_down", "c_step", "c_unit", "c_driver", "i_driver", "c_clock")
"""Fields of a calibration that a clocked unit is measured for; an unclocked loop needs none."""

CONSTANTS = (
    *(
        f"{polarity}.{name}"
        for polarity in "np"
        for name in ("slope", "conductance", "v_gate", "body")
    ),
    *("v_signed", "signed_slope", "signed_skew", "signed_rest"),
    *OF_LADDER,
    *("c_gate_n", "c_gate_p", "c_drain_n", "c_drain_p"),
)
"""Fields of a calibration that a grid has, those of a polarity by their path."""

CURVES = ("mismatch_n", "mismatch_p", "mismatch_split_n", "mismatch_split_p", "rest")
"""Fields of a calibration that a grid has too, each over the current of a unit device."""

EXPONENTIAL = ("c_driver", "i_driver", "rest")
"""Of them all, those whose logarithm is linear: most of the first is crowbar current, the second
leakage, and the last falls by orders of magnitude where the supply no longer suffices."""

ZERO_CELSIUS = 273.15  # K

Row = Annotated[tuple[float | None, ...], Field(min_length=1)]
Curve = Annotated[tuple[float, ...], Field(min_length=1)]


class _Part(Document):
    """A part of a grid; its lists are long, and read as tuples."""

    model_config = ConfigDict(strict=False)


class Corner(_Part):
    """One process corner; None where the bench's unit did not climb and descend its ladder."""

    temperatures: dict[str, Row] = Field(description="per constant, one value a temperature")
    supplies: dict[str, Row] = Field(description="per constant, one value a supply")
    curves_temperatures: dict[str, tuple[Curve, ...]] = Field(
        description="per curve, temperature by current"
    )
    curves_supplies: dict[str, tuple[Curve, ...]] = Field(description="supply by current")
    leak_n: tuple[tuple[float, ...], ...] = Field(description="[A], temperature by drain voltage")
    leak_p: tuple[tuple[float, ...], ...] = Field(description="the same of p-channel devices")


class Check(_Part):
    """A run that no table has: what the tables give there, and what was measured."""

    corner: str = Field(description="process corner of the run")
    temperature: float = Field(description="of the run [degC]")
    v_dd: float = Field(description="of the run [V]")
    interpolated: dict[str, float | None] = Field(description="per constant, what the tables give")
    measured: dict[str, float | None] = Field(description="per constant, what the run gave")
    curves: dict[str, float] = Field(description="per curve, the largest relative error")
    leakage: dict[str, float] = Field(
        description="per polarity, the largest error of leakage over drain voltage, relative, "
        "or to 1e-15 A where that is more"
    )


class Grid(_Part):
    """The points, per corner."""

    temperatures: tuple[float, ...] = Field(description="ascending, the nominal one too [degC]")
    supplies: tuple[float, ...] = Field(description="ascending, the nominal one too [V]")
    leak_temperatures: tuple[float, ...] = Field(description="ascending, of leakages [degC]")
    v_dd: float = Field(description="the nominal one [V]")
    corners: dict[str, Corner] = Field(description="per process corner")
    checks: tuple[Check, ...] = Field(default=(), description="runs that no fit saw")

    @model_validator(mode="after")
    def _tables_are_whole(self) -> Grid:
        for axis, values in (("temperatures", self.temperatures), ("supplies", self.supplies)):
            if list(values) != sorted(set(values)) or not values:
                raise UserError(f"grid.{axis}", list(values), "ascending numbers")
            for name, corner in self.corners.items():
                table: dict[str, Row] = getattr(corner, axis)
                if set(table) != set(CONSTANTS) or {len(r) for r in table.values()} != {
                    len(values)
                }:
                    raise UserError(
                        f"grid.corners.{name}.{axis}",
                        Bare("not whole"),
                        f"one value a point for each of {', '.join(CONSTANTS)}",
                    )
                curves: dict[str, tuple[Curve, ...]] = getattr(corner, f"curves_{axis}")
                lengths = {len(curve) for rows in curves.values() for curve in rows}
                if (
                    set(curves) != set(CURVES)
                    or {len(rows) for rows in curves.values()} != {len(values)}
                    or len(lengths) != 1
                ):
                    raise UserError(
                        f"grid.corners.{name}.curves_{axis}",
                        Bare("not whole"),
                        f"one curve a point for each of {', '.join(CURVES)}",
                    )
        return self

    def at(
        self, corner: str, temperature: float, v_dd: float, *, loops_only: bool = False
    ) -> dict[str, Any]:
        """Return the constants, by the fields of a calibration.

        Parameters
        ----------
        temperature, v_dd
            [degC], [V].
        loops_only
            Whether `OF_LADDER` is not needed; where the unit did not work, they are then NaN.

        Raises
        ------
        UserError
            The conditions lie outside the points, or beside one where the unit did not work.
        """
        if corner not in self.corners:
            raise UserError("corner", corner, "one of " + ", ".join(self.corners))
        low, high = self.temperatures[0], self.temperatures[-1]
        if not low <= temperature <= high:
            expected = f"{low:g} to {high:g} degC, where the constants were measured"
            raise UserError("temperature", temperature, expected)
        least, most = self.supplies[0], self.supplies[-1]
        # A relative supply, times the nominal one, may miss the end by a rounding.
        if not least - 1e-9 <= v_dd <= most + 1e-9:
            expected = (
                f"{render(least, 'V')} to {render(most, 'V')}, where the constants were measured"
            )
            raise UserError("v_dd", Bare(f"{v_dd:.9g} V"), expected)
        found = dict[str, Any]()
        for name, value in self.interpolated(corner, temperature, v_dd).items():
            if value is None and loops_only and name in OF_LADDER:
                found[name] = math.nan
                continue
            if value is None:
                raise self._beyond(name, corner, temperature, v_dd)
            polarity, _, field = name.partition(".")
            if field:
                found.setdefault(polarity, {})[field] = value
            else:
                found[name] = value
        curves = self.curves(corner, temperature, v_dd)
        return found | curves | self.leakages(corner, temperature)

    def _beyond(self, name: str, corner: str, temperature: float, v_dd: float) -> UserError:
        """Return the refusal of conditions at which a constant could not be measured."""
        tables = self.corners[corner]
        cells = "the ladder of a CMRU or BMRU unit" if name in OF_LADDER else "a signed node"
        hot = _working(self.temperatures, tables.temperatures[name])
        fed = _working(self.supplies, tables.supplies[name])
        expected = f"another corner, for in {corner} {cells} works nowhere in ngspice"
        if hot and fed:
            expected = (
                f"{hot[0]:g} to {hot[-1]:g} degC and {render(fed[0], 'V')} to "
                f"{render(fed[-1], 'V')}, where in corner {corner} {cells} works in ngspice"
            )
        found = f"{corner}, {temperature:g} degC and {render(v_dd, 'V')}"
        return UserError("conditions", Bare(found), expected)

    def curves(self, corner: str, temperature: float, v_dd: float) -> dict[str, Curve]:
        """Return the curves by their names; the conditions lie inside the points."""
        tables, found = self.corners[corner], dict[str, Curve]()
        for name in CURVES:
            columns = [
                list(zip(*side[name], strict=True))
                for side in (tables.curves_temperatures, tables.curves_supplies)
            ]
            values = [
                self._between(hot, fed, temperature, v_dd, log=name in EXPONENTIAL)
                for hot, fed in zip(*columns, strict=True)
            ]
            found[name] = tuple(value for value in values if value is not None)
        return found

    def leakages(self, corner: str, temperature: float) -> dict[str, tuple[float, ...]]:
        """Return ``leak_n`` and ``leak_p`` [A] over drain voltage, inside the points."""
        tables = self.corners[corner]
        return {
            side: _arrhenius(self.leak_temperatures, getattr(tables, side), temperature)
            for side in ("leak_n", "leak_p")
        }

    def interpolated(self, corner: str, temperature: float, v_dd: float) -> dict[str, float | None]:
        """Return the constants by their names in the tables; None beside a unit that did not work.

        The conditions lie inside the points.
        """
        tables = self.corners[corner]
        return {
            name: self._between(
                tables.temperatures[name],
                tables.supplies[name],
                temperature,
                v_dd,
                log=name in EXPONENTIAL,
            )
            for name in CONSTANTS
        }

    def _between(
        self,
        hots: Sequence[float | None],
        feds: Sequence[float | None],
        temperature: float,
        v_dd: float,
        *,
        log: bool,
    ) -> float | None:
        """Return what a constant's values at the points give at a condition."""
        hot = _linear(self.temperatures, hots, temperature, log=log)
        usual = _linear(self.supplies, feds, self.v_dd, log=log)
        fed = _linear(self.supplies, feds, v_dd, log=log)
        if hot is None or usual is None or fed is None:
            return None
        # In this order the nominal condition comes out to the bit.
        return hot * (fed / usual) if log else hot + (fed - usual)


def _working(axis: Sequence[float], values: Sequence[float | None]) -> Sequence[float]:
    """Return the longest run of points that have a value."""
    runs: list[list[float]] = [[]]
    for at, value in zip(axis, values, strict=True):
        if value is None:
            runs.append([])
        else:
            runs[-1].append(at)
    return max(runs, key=len)


def _linear(
    axis: Sequence[float], values: Sequence[float | None], x: float, *, log: bool
) -> float | None:
    """Interpolate, between logarithms if `log`; None where a neighbour that counts is None."""
    if x in axis:
        return values[axis.index(x)]
    k = min(max(int(np.searchsorted(axis, x)), 1), len(axis) - 1)
    left, right = values[k - 1], values[k]
    if left is None or right is None:
        return None
    share = (min(max(x, axis[0]), axis[-1]) - axis[k - 1]) / (axis[k] - axis[k - 1])
    if log:
        return left * math.exp(share * math.log(right / left))
    return left + share * (right - left)


def _arrhenius(
    axis: Sequence[float], rows: Sequence[Sequence[float]], temperature: float
) -> tuple[float, ...]:
    if temperature in axis:
        return tuple(rows[axis.index(temperature)])
    inverse = [1 / (t + ZERO_CELSIUS) for t in axis][::-1]
    place = 1 / (temperature + ZERO_CELSIUS)
    columns = zip(*rows, strict=True)
    return tuple(
        math.exp(np.interp(place, inverse, np.log(np.array(column))[::-1])) for column in columns
    )
