"""Size of a unit mirror for a wanted error: length, unit devices, cascodes.

Laws, for a 1:1 mirror of m unit devices a side that copies the current I while its leg's drain
moves by dV:

    V_DS      lambda(L) dV / (1 + lambda(L) v_gate)                   first-order conductance
    leakage   m I_leak(L, I/m) / I                                    at the worst condition
    random    sqrt(2 ((A_vt / (n kT/q))^2 + A_beta^2) / (W L m))      Pelgrom, JSSC 24(5), 1989

A cascode of the same devices lowers lambda, costs a second pair of devices and takes a gate
voltage of headroom; its own mismatch moves the mirror's V_DS only. What depends on L is measured
by ``mru-hw characterize`` (`mru_hw.technology.mirror_table`) and interpolated between the
measured lengths, never beyond; mismatch is the process's.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import Bare, UserError
from mru_hw.technology import Technology
from mru_hw.technology.calibration import temperature_voltage
from mru_hw.technology.mirror_table import read_table
from mru_hw.units import render

FLAT = 5e-3  # a leg has headroom where it lies this near the line of its conductance
GRID = 200  # lengths that are tried

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthSample:
    """A mirror of one polarity, length and kind, as measured.

    Attributes
    ----------
    conductance
        lambda [1/V] of ``I = I_sat (1 + lambda V_DS)``.
    headroom
        The smallest V_DS [V] at which that holds within `FLAT`.
    slope, v_gate
        Subthreshold slope factor, and |V_GS| [V] at the usual current.
    currents, leakage
        Of a unit device at the worst condition: the diode's current [A], rising from 0, and what
        the leg carries beyond its gain's share [A].
    """

    conductance: float
    headroom: float
    slope: float
    v_gate: float
    currents: Array
    leakage: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """All that was measured of a technology's mirrors.

    Attributes
    ----------
    samples
        By polarity, cascode or not, and length [m], rising.
    worst
        Corner and temperature [degC] of the leakage.
    """

    technology: Technology
    samples: dict[tuple[str, bool], dict[float, LengthSample]]
    worst: tuple[str, float]

    def conductance(self, polarity: str, length: float, *, cascode: bool = False) -> float:
        """Interpolate lambda [1/V] at `length` [m], a power law between neighbours."""
        at, samples = self._at(polarity, length, cascode=cascode)
        values = [math.log(max(s.conductance, 1e-9)) for s in samples]
        return math.exp(np.interp(math.log(length), at, values))

    def headroom(self, polarity: str, length: float, *, cascode: bool = False) -> float:
        """Smallest V_DS [V] of a leg at `length` [m]."""
        at, samples = self._at(polarity, length, cascode=cascode)
        return float(np.interp(math.log(length), at, [s.headroom for s in samples]))

    def gate(self, polarity: str, length: float) -> tuple[float, float]:
        """Subthreshold slope factor and |V_GS| [V] at the usual current."""
        at, samples = self._at(polarity, length)
        logs = math.log(length)
        slope, gate = ([getattr(s, name) for s in samples] for name in ("slope", "v_gate"))
        return float(np.interp(logs, at, slope)), float(np.interp(logs, at, gate))

    def leakage(
        self, polarity: str, length: float, current: float | Array, *, cascode: bool = False
    ) -> Array:
        """Interpolate what a leg carries too much [A] a unit device, at the worst condition.

        `current` [A] is that of one unit device; beyond the largest measured one there is none.
        """
        at, samples = self._at(polarity, length, cascode=cascode)
        each = np.array([np.interp(current, s.currents, s.leakage, right=0.0) for s in samples])
        logs = math.log(length)
        k = int(np.clip(np.searchsorted(at, logs), 1, len(at) - 1))
        share = (logs - at[k - 1]) / (at[k] - at[k - 1])
        leakage: Array = each[k - 1] * (1 - share) + each[k] * share
        return leakage

    def _at(
        self, polarity: str, length: float, *, cascode: bool = False
    ) -> tuple[list[float], list[LengthSample]]:
        found = self.samples[polarity, cascode]
        least, most = min(found), max(found)
        if not least * (1 - 1e-9) <= length <= most * (1 + 1e-9):
            raise UserError(
                "length",
                Bare(render(length, "m")),
                f"{render(least, 'm')} to {render(most, 'm')}, at which a mirror of "
                f"{polarity}_mirror was measured in {self.technology.name}",
            )
        return [math.log(at) for at in found], list(found.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorSize:
    """A 1:1 mirror that keeps an error.

    Attributes
    ----------
    length
        [m]; the width is the technology's.
    units
        Unit devices of each side.
    cascode
        Whether either side carries a cascode of as many devices.
    gate_area
        Of all its devices [m^2].
    v_ds, leakage, random
        Relative errors by the laws above; the random one is a standard deviation.
    headroom
        Smallest V_DS of the leg [V].
    """

    polarity: str
    length: float
    units: int
    cascode: bool
    gate_area: float
    v_ds: float
    leakage: float
    random: float
    headroom: float


def load_lengths(technology: Technology) -> Lengths:
    """Read and fit what was measured of a technology's mirrors.

    Raises
    ------
    UserError
        There is no table, or it was made with other model cards or device sizes.
    """
    rows = read_table(technology)
    groups: dict[tuple[str, str, bool, float], list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        key = (row["bench"], row["polarity"], row["cascode"] == "1", float(row["l_um"]) * 1e-6)
        groups[key].append(row)
    worst = next(
        (row["corner"], float(row["temperature_degC"]))
        for row in reversed(rows)
        if row["bench"] == "leakage"
    )
    samples: dict[tuple[str, bool], dict[float, LengthSample]] = defaultdict(dict)
    for bench, polarity, cascode, length in sorted(groups):
        if bench == "output":
            samples[polarity, cascode][length] = _fit(
                output=groups[bench, polarity, cascode, length],
                gate=groups["gate", polarity, False, length],
                leakage=[
                    row
                    for row in groups["leakage", polarity, cascode, length]
                    if (row["corner"], float(row["temperature_degC"])) == worst
                ],
            )
    return Lengths(
        technology=technology,
        samples=dict(samples),
        worst=worst,
    )


def _fit(
    *,
    output: list[dict[str, str]],
    gate: list[dict[str, str]],
    leakage: list[dict[str, str]],
) -> LengthSample:
    v_ds, current, units = _column(output, "v_ds_V"), _column(output, "value"), _units(output)
    usual = float(output[0]["i_in_A"])
    logs, volts = np.log(_column(gate, "i_in_A")), _column(gate, "value")
    thermal = temperature_voltage(float(gate[0]["temperature_degC"]))
    v_gate = float(np.interp(math.log(usual), logs, volts))
    cascode = output[0]["cascode"] == "1"
    # A cascode's leg stands on the mirror's own V_DS.
    straight = v_ds > (v_gate + 0.15 if cascode else 0.3)
    line = np.polyfit(v_ds[straight], current[straight], 1)
    off = np.abs(current / np.polyval(line, v_ds) - 1) > FLAT
    conductance = float(line[0] / line[1])
    slope = float(np.polyfit(logs, volts, 1)[0]) / thermal
    diode, leg = _column(leakage, "i_in_A"), _column(leakage, "value")
    # A smaller current has a smaller gate voltage, and by the law of V_DS a little more gain.
    hot = slope * temperature_voltage(float(leakage[0]["temperature_degC"]))
    below = hot * np.log(diode[-1] / np.maximum(diode, diode[1]))
    excess = leg - diode * (leg[-1] / diode[-1]) * (1 + conductance * below)
    return LengthSample(
        conductance=conductance,
        headroom=float(v_ds[int(np.max(np.flatnonzero(off), initial=-1)) + 1]),
        slope=slope,
        v_gate=v_gate,
        currents=diode / units,
        leakage=np.maximum(excess, 0.0) / units,
    )


def mirror_errors(
    lengths: Lengths,
    polarity: str,
    *,
    length: float,
    units: int,
    current: float,
    swing: float,
    cascode: bool = False,
) -> MirrorSize:
    """Return the errors of a given mirror by the laws above.

    Parameters
    ----------
    length
        Channel length [m], within the measured ones.
    units
        Unit devices of each side.
    current
        The smallest current [A] that it must copy.
    swing
        How far [V] its leg's drain moves from where the ratio was compensated.
    """
    technology = lengths.technology
    name = f"{polarity}_mirror"
    device = technology.devices[name].model_copy(update={"l": length})
    sized = technology.model_copy(update={"devices": {name: device}})
    slope, v_gate = lengths.gate(polarity, length)
    vt, beta = sized.sigma(name, units)
    thermal = slope * temperature_voltage(technology.temperature)
    conductance = lengths.conductance(polarity, length, cascode=cascode)
    leak = float(lengths.leakage(polarity, length, current / units, cascode=cascode))
    return MirrorSize(
        polarity=polarity,
        length=length,
        units=units,
        cascode=cascode,
        gate_area=2 * (2 if cascode else 1) * units * device.w * length,
        v_ds=conductance * swing / (1 + conductance * v_gate),
        leakage=units * leak / current,
        random=math.sqrt(2 * ((vt / thermal) ** 2 + beta**2)),
        headroom=lengths.headroom(polarity, length, cascode=cascode),
    )


def size_mirror(
    lengths: Lengths,
    polarity: str,
    *,
    systematic: float,
    random: float,
    current: float,
    swing: float,
    room: float,
) -> MirrorSize:
    """Choose the mirror of least gate area that keeps both errors.

    Parameters
    ----------
    systematic
        Wanted V_DS and leakage error together, relative.
    random
        Wanted standard deviation of the copy, relative.
    current, swing
        As in `mirror_errors`.
    room
        V_DS [V] that the leg always has; a cascode that needs more is none.

    Raises
    ------
    UserError
        No measured length keeps the errors; the sentence names what the best one reaches.
    """
    technology = lengths.technology
    tried: list[MirrorSize] = []
    for length, cascode in _candidates(lengths, polarity):

        def errors(units: int, at: float = length, *, cascode: bool = cascode) -> MirrorSize:
            return mirror_errors(
                lengths,
                polarity,
                length=at,
                units=units,
                current=current,
                swing=swing,
                cascode=cascode,
            )

        units = max(1, math.ceil((errors(1).random / random) ** 2 * (1 - 1e-12)))
        if units <= technology.rules.units_max:
            tried.append(errors(units))
    tried = [size for size in tried if size.headroom <= room]
    kept = [size for size in tried if size.v_ds + size.leakage <= systematic]
    if kept:
        return min(kept, key=lambda size: (size.gate_area, size.length))
    if not tried:
        raise UserError("random", random, "an error that the largest mirror reaches in this room")
    best = min(size.v_ds + size.leakage for size in tried)
    raise UserError("systematic", systematic, f"at least {best:.2g} at these currents and lengths")


def _candidates(lengths: Lengths, polarity: str) -> Iterator[tuple[float, bool]]:
    """List lengths [m] on the process's grid, without cascode and with it."""
    grid = lengths.technology.rules.grid
    for cascode in (False, True):
        measured = lengths.samples[polarity, cascode]
        spaced = np.geomspace(min(measured), max(measured), GRID)
        for steps in sorted({round(float(at) / grid) for at in spaced}):
            yield steps * grid, cascode


def _column(rows: list[dict[str, str]], name: str) -> Array:
    return np.array([float(row[name]) for row in rows])


def _units(rows: list[dict[str, str]]) -> int:
    return int(rows[0]["units"])
