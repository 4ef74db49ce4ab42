"""What a run is asked for, checked before it begins: level, timing, conditions, seeds, currents."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mru_hw.errors import Bare, UserError
from mru_hw.mapping import Design
from mru_hw.model.structure import Structure, normalised
from mru_hw.spice.options import Tolerances
from mru_hw.spice.rawfile import raw_path, refuse_raw
from mru_hw.stimulus import Inputs, asked_inputs, refuse_labels, refuse_width
from mru_hw.technology import Technology, load_technology
from mru_hw.technology.calibration import Calibration, load_calibration, read_calibration
from mru_hw.technology.conditions import Conditions, checked_conditions, nominal_conditions
from mru_hw.units import parse, render

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

LEVELS = ("ideal", "behavioral", "spice")
TIMINGS = ("settled", "timed")
SEEDS = 2**63 - 1
"""The largest seed of a die or of noise."""
_SEEDED = {"ideal": (), "behavioral": ("die", "noise"), "spice": ("die",)}


def asked_technology(tech: Technology | str) -> Technology:
    """Return a technology, or that of a name.

    Raises
    ------
    UserError
        There is none of this name, or its folder is damaged.
    """
    return tech if isinstance(tech, Technology) else load_technology(tech)


def asked_calibration(
    calibration: Calibration | str | Path | None, technology: Technology
) -> Calibration:
    """Return constants of a technology: those that ship for it when None, or those of a file.

    Raises
    ------
    UserError
        The file is not what it should be.
    """
    if calibration is None:
        return load_calibration(technology)
    if isinstance(calibration, Calibration):
        return calibration
    return read_calibration(Path(calibration), technology, "calibration")


def asked_conditions(
    technology: Technology,
    level: str = "spice",
    *,
    corner: str | None = None,
    temperature: float | str | None = None,
    v_dd: float | str | None = None,
) -> Conditions:
    """Return the conditions of a run; what is None is as the technology has it.

    Parameters
    ----------
    level
        One of `LEVELS`: at ``behavioral`` the calibration says itself where its constants hold.
    temperature, v_dd
        A number in degC or V, or text with the unit.

    Raises
    ------
    UserError
        The technology has no such conditions, or the level ``ideal``, whose numbers have none, was
        asked for others than the technology's own.
    """
    nominal = nominal_conditions(technology)
    conditions = checked_conditions(
        technology,
        corner=nominal.corner if corner is None else corner,
        temperature=nominal.temperature
        if temperature is None
        else parse(temperature, "degC", "temperature"),
        v_dd=nominal.v_dd if v_dd is None else parse(v_dd, "V", "v_dd"),
        constants=level == "behavioral",
    )
    asked = (conditions.temperature, conditions.v_dd)
    if level == "ideal" and asked != (nominal.temperature, nominal.v_dd):
        found = f"{asked[0]:g} degC and {render(asked[1], 'V')}"
        raise UserError("conditions", found, "none at the level ideal, whose numbers have none")
    return conditions


def asked_sequences(
    spec: Structure, inputs: Inputs | ArrayLike | str | Path, sequences: slice
) -> tuple[Inputs, int]:
    """Return the chosen sequences of a run's inputs, and the number of the first.

    Raises
    ------
    UserError
        The inputs do not fit the network, or hold no such sequences.
    """
    if not isinstance(sequences, slice):
        raise UserError("sequences", sequences, "a slice, such as slice(0, 10)")
    data = asked_inputs(inputs)
    refuse_width(data, spec.n_in)
    refuse_labels(data, spec.n_classes)
    try:
        first, stop, step = sequences.indices(data.n_seq)
    except TypeError:
        first, stop, step = 0, 0, 1  # an end that is no number
    if step != 1 or first >= stop:
        asked = Bare(f"{sequences.start}:{sequences.stop}:{sequences.step}")
        raise UserError("sequences", asked, f"start:stop within 0:{data.n_seq}, step 1")
    return data.take(slice(first, stop)), first


def asked_frames(
    design: Design, inputs: Inputs | ArrayLike | str | Path | None, sequence: int
) -> NDArray[np.float64] | None:
    """Return the normalised frames of one sequence, (n_time, n_in); None without inputs.

    Raises
    ------
    UserError
        The inputs do not fit the network or its currents, or hold no such sequence.
    """
    if inputs is None:
        if sequence:
            raise UserError("sequence", sequence, "0 without `inputs`, whose sequences it counts")
        return None
    data = asked_inputs(inputs)
    refuse_width(data, design.spec.n_in)
    if not 0 <= sequence < data.n_seq:
        raise UserError("sequence", sequence, f"0 to {data.n_seq - 1}")
    refuse_currents(design, data)
    return normalised(design.spec, data.x[sequence, : data.lengths[sequence]])


def refuse_level(level: str) -> None:
    """Raise `UserError` where a level of truth is none of `LEVELS`."""
    if level not in LEVELS:
        raise UserError("level", level, "one of " + ", ".join(LEVELS))


def asked_seed(field: str, seed: object) -> int:
    """Return a seed of a die or of noise.

    Raises
    ------
    UserError
        It is no whole number from 0 to `SEEDS`.
    """
    whole = isinstance(seed, int | np.integer) and not isinstance(seed, bool)
    if not whole or not 0 <= int(seed) <= SEEDS:  # type: ignore[call-overload]
        raise UserError(field, seed, f"a whole number from 0 to {SEEDS}")
    return int(seed)  # type: ignore[call-overload, no-any-return]


def refuse_seeds(level: str, **seeds: object) -> None:
    """Refuse a die or noise, by these names, that a level does not know.

    Raises
    ------
    UserError
        As said.
    """
    for field, seed in seeds.items():
        if seed is not None and field not in _SEEDED[level]:
            takers = " or ".join(name for name, fields in _SEEDED.items() if field in fields)
            raise UserError(field, seed, f"no {field} at the level {level}, but at {takers}")


def refuse_spread(field: str, value: float, most: float, die: object) -> None:
    """Refuse a factor on the spread of dies that is out of range, or has no die to act on.

    Raises
    ------
    UserError
        As said.
    """
    if not 0 <= value <= most:
        raise UserError(field, value, f"0 to {most:g}")
    if value and die is None:
        raise UserError(field, value, "0 without `die`, for the nominal die has no spread")


def asked_tolerances(tolerances: str, level: str) -> Tolerances:
    """Return how closely ngspice solves.

    Raises
    ------
    UserError
        There are no such tolerances, or the level runs no ngspice.
    """
    if tolerances not in list(Tolerances):
        raise UserError("tolerances", tolerances, "one of " + ", ".join(Tolerances))
    if tolerances != Tolerances.DEFAULT and level != "spice":
        expected = f"default at the level {level}: spice has it"
        raise UserError("tolerances", tolerances, expected)
    return Tolerances(tolerances)


def asked_waves(raw: str | Path | None, level: str, sequences: Iterable[int] = ()) -> Path | None:
    """Return the folder for waves, once it may take those of whole networks' `sequences`.

    Raises
    ------
    UserError
        The level has no waves, the folder cannot be written, or waves would replace what are none.
    """
    if raw is None:
        return None
    if level != "spice":
        raise UserError("raw", str(raw), "`level` spice: others have no waves")
    refuse_raw(Path(raw), (raw_path(Path(raw), number) for number in sequences))
    return Path(raw)


def refuse_timing(timing: str, level: str) -> None:
    """Refuse a timing that there is not, or that a level does not go with.

    Raises
    ------
    UserError
        As said.
    """
    if timing not in TIMINGS:
        raise UserError("timing", timing, "one of " + ", ".join(TIMINGS))
    if timing == "timed" and level != "behavioral":
        raise UserError("timing", timing, f"settled at the level {level}: behavioral alone has it")


def refuse_corner(technology: Technology, level: str, corner: str) -> None:
    """Refuse a corner that a level would ignore.

    Raises
    ------
    UserError
        The level is ``ideal``, which knows no transistors, and the corner not the nominal one.
    """
    nominal = technology.corners[0]
    if level == "ideal" and corner != nominal:
        raise UserError("corner", corner, f"{nominal} at the level ideal, which has no transistors")


def refuse_currents(design: Design, inputs: Inputs) -> None:
    """Refuse inputs whose currents lie outside the technology's range.

    Raises
    ------
    UserError
        A normalised input times its scale exceeds the largest current.
    """
    normal = design.spec.normalisation
    limit = design.technology.rules.i_max / design.inputs.scale
    for rows, frames in inputs.pieces():
        x = inputs.x[rows, frames]
        if normal is not None:
            with np.errstate(over="ignore"):  # infinite is outside too
                x = (x - np.array(normal.mean)) / np.array(normal.scale)
        outside = (np.abs(x) > limit) & inputs.take(rows).valid(frames)[:, :, None]
        if outside.any():
            row, frame, k = (int(i) for i in np.argwhere(outside)[0])
            at = (rows.start + row, frames.start + frame, k)
            raise UserError(
                f"inputs: x{list(at)}",
                float(inputs.x[at]),
                f"at most {render(design.technology.rules.i_max, 'A')} of input current, "
                f"{limit:g} after normalisation",
            )
