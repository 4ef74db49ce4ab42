"""One network on one chip at one level of truth: what `mru-hw simulate` runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import LawError, UserError
from mru_hw.mapping import Design, DesignOptions, map_model, unmap
from mru_hw.mapping.options import DEFAULTS
from mru_hw.mapping.wire_load import NO_WIRES, WireLoad
from mru_hw.model.network import Model
from mru_hw.simulate.behavioral import BehavioralRun, NoiseRun, simulate_behavioral
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.short_frame import short_frame
from mru_hw.simulate.supply import SupplyRecord, input_charge
from mru_hw.simulate.timed import simulate_timed
from mru_hw.simulate.trace import Trace
from mru_hw.spice.deck import Waves
from mru_hw.spice.options import Tolerances
from mru_hw.stimulus import Inputs
from mru_hw.technology import Technology
from mru_hw.technology.calibration import Calibration, load_calibration
from mru_hw.technology.conditions import Conditions
from mru_hw.units import render
from mru_hw.variation import Die, draw_die, nominal_die

if TYPE_CHECKING:
    from mru_hw.simulate.causes import Disagreement
    from mru_hw.simulate.endings import Ending

LEVELS = ("ideal", "behavioral", "spice")
TIMINGS = ("settled", "timed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """A network mapped onto a technology.

    Attributes
    ----------
    model
        As it was trained.
    mapped
        What the design amounts to, in the network's own units.
    process, gradient
        Factors that its dies are drawn with (`draw_die`), beside mismatch as the process has it.
    """

    model: Model
    design: Design
    calibration: Calibration
    mapped: Model
    process: float = 0.0
    gradient: float = 0.0

    @classmethod
    def of(
        cls,
        model: Model,
        technology: Technology,
        wires: WireLoad = NO_WIRES,
        *,
        options: DesignOptions = DEFAULTS,
        calibration: Calibration | None = None,
    ) -> Chip:
        """Map a model.

        Parameters
        ----------
        wires
            The capacitance of its nets' wires; none by default.
        options
            What the designer chose.
        calibration
            The technology's fitted constants; None takes those that ship.

        Raises
        ------
        UserError
            A part of the network has no circuit, or it lies outside what the technology allows or
            the calibration was measured at.
        """
        calibration = calibration or load_calibration(technology)
        design = map_model(model, technology, calibration, options, wires=wires)
        mapped = unmap(design, calibration)
        return cls(model=model, design=design, calibration=calibration, mapped=mapped)

    def die(self, seed: int | None) -> Die:
        """Return a die; the nominal one for None."""
        if seed is None:
            return nominal_die(self.design)
        return draw_die(self.design, seed, process=self.process, gradient=self.gradient)


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelRun:
    """A trace and what a level gives beside it.

    Attributes
    ----------
    input_energy
        (n_seq,) what the sources of the input currents deliver [J], as if from the supply's
        voltage; NaN at the level ``ideal`` and where a run failed. ``trace.energy_J`` is without.
    supply
        What the supply gave, at the level ``behavioral``.
    energy_by_block
        (n_seq,) energy [J] by supply block, at the level ``spice``.
    unresolved
        The blocks among them whose energy the tolerances do not resolve.
    disagreements
        Wrong steps against the level ``ideal`` with their causes, at the level ``spice``.
    endings
        How each sequence's run ended, at the level ``spice``.
    warning
        What makes the result doubtful, a sentence; empty where nothing does.
    """

    trace: Trace
    input_energy: NDArray[np.float64]
    supply: SupplyRecord | None = None
    energy_by_block: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    unresolved: tuple[str, ...] = ()
    disagreements: tuple[Disagreement, ...] | None = None
    endings: tuple[Ending, ...] | None = None
    warning: str = ""


def run_level(
    chip: Chip,
    inputs: Inputs,
    *,
    level: str,
    conditions: Conditions,
    die: int | None = None,
    noise: int | None = None,
    timing: str = "settled",
    first_sequence: int = 0,
    tolerances: Tolerances = Tolerances.DEFAULT,
    progress: Callable[[int], None] | None = None,
    raw: Path | None = None,
) -> LevelRun:
    """Run one chip.

    Parameters
    ----------
    level
        One of `LEVELS`.
    timing
        One of `TIMINGS`; ``timed`` at the level ``behavioral`` alone.
    die, noise
        Seeds; None is the nominal die and no noise.
    first_sequence
        Index in its file of the first sequence, which names the noise draws.
    tolerances
        How closely ngspice solves, at the level ``spice``.
    progress
        Told how many sequences more are done (level ``spice``).
    raw
        At the level ``spice``: a folder for each sequence's waves, ``sequence<number>.raw``.

    Raises
    ------
    UserError
        The level does not know dies, noise or the conditions, the inputs do not fit the model, or
        the level's trace or ngspice's own run would be too large.
    """
    known: dict[str, tuple[str, ...]] = {
        "ideal": (),
        "behavioral": ("--die", "--noise"),
        "spice": ("--die",),
    }
    for option, seed in (("--die", die), ("--noise", noise)):
        if seed is not None and option not in known[level]:
            takers = " or ".join(name for name, options in known.items() if option in options)
            raise UserError(option, seed, f"no {option[2:]} at the level {level}, but at {takers}")
    refuse_timing(timing, level, noise)
    refuse_corner(chip.design.technology, level, conditions.corner)
    n_in = chip.model.spec.n_in
    if inputs.x.shape[2] != n_in:
        raise UserError("inputs: n_in", int(inputs.x.shape[2]), f"{n_in}, as the model has")
    refuse_currents(chip.design, inputs)
    if level == "ideal":
        trace = simulate_ideal(chip.mapped, inputs)
        run = LevelRun(trace=trace, input_energy=np.full(inputs.n_seq, np.nan))
    elif level == "spice":
        run = _spice(chip, inputs, conditions, die, tolerances, progress, raw, first_sequence)
    else:
        run = _behavioral(chip, inputs, conditions, die, noise, timing, first_sequence)
    _sign_states(chip, run.trace)
    return run


def _sign_states(chip: Chip, trace: Trace) -> None:
    """Give h the sign of a unit's alpha: as a current it has none, and the output's weights do."""
    for i, bank in enumerate(chip.design.banks):
        negative = bank.memory.gain(chip.model.tensors[f"layers.{i}.alpha"]) < 0
        if negative.any():
            trace.states[i][..., negative] = 0 - trace.states[i][..., negative]


def _behavioral(
    chip: Chip,
    inputs: Inputs,
    conditions: Conditions,
    die: int | None,
    noise: int | None,
    timing: str,
    first_sequence: int,
) -> LevelRun:
    delivered = conditions.v_dd * input_charge(chip.design, inputs)
    calibration = chip.calibration.at(
        conditions.v_dd,
        temperature=conditions.temperature,
        corner=conditions.corner,
        loops_only=chip.design.loops_only,
    )
    if timing == "timed":
        run = simulate_timed(
            chip.design,
            calibration,
            inputs,
            [chip.die(die)],
            temperature=conditions.temperature,
            v_dd=conditions.v_dd,
        )
        _refuse_not_finite(run)
        return LevelRun(
            trace=run.trace.single_die(), input_energy=delivered, supply=run.supply.single_die()
        )
    run = simulate_behavioral(
        chip.design,
        calibration,
        inputs,
        [chip.die(die)],
        temperature=conditions.temperature,
        v_dd=conditions.v_dd,
        noise=None if noise is None else NoiseRun(seed=noise),
        sequence_offset=first_sequence,
    )
    _refuse_not_finite(run)
    return LevelRun(
        trace=run.trace.single_die(),
        input_energy=delivered,
        supply=run.supply.single_die(),
        warning=short_frame(chip.design, calibration, conditions.temperature),
    )


def _refuse_not_finite(run: BehavioralRun) -> None:
    if not run.finite.all():
        row = int(np.argmin(run.finite[0]))
        raise LawError(
            f"Sequence {row} has outputs or supply currents that are not finite: its die or its "
            "conditions lie beyond what the laws of the circuits describe."
        )


def refuse_timing(timing: str, level: str, noise: int | None) -> None:
    """Refuse a timing that there is not, or that a level or the noise does not go with.

    Raises
    ------
    UserError
        As said.
    """
    if timing not in TIMINGS:
        raise UserError("--timing", timing, "one of " + ", ".join(TIMINGS))
    if timing == "timed" and level != "behavioral":
        raise UserError(
            "--timing", timing, f"settled at the level {level}: behavioral alone has it"
        )
    if timing == "timed" and noise is not None:
        raise UserError("--noise", noise, "none with --timing timed, whose circuits have no noise")


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
    limit = design.technology.rules.i_max / design.buses["x"].scale
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


def _spice(
    chip: Chip,
    inputs: Inputs,
    conditions: Conditions,
    die: int | None,
    tolerances: Tolerances,
    progress: Callable[[int], None] | None,
    raw: Path | None,
    first_sequence: int,
) -> LevelRun:
    from mru_hw.simulate.disagreement import explain, network_ladders
    from mru_hw.simulate.spice_level import simulate_spice
    from mru_hw.simulate.spice_size import refuse_long
    from mru_hw.spice.chip import refuse_without_circuit
    from mru_hw.spice.rawfile import raw_path, write_raw

    refuse_without_circuit(chip.design)
    refuse_long(chip.design, inputs)

    def keep(row: int, waves: Waves) -> None:
        if raw is not None and waves.vectors:
            number = first_sequence + row
            title = f"design {chip.design.digest()}, sequence {number}"
            write_raw(raw_path(raw, number), waves, title)

    result = simulate_spice(
        chip.model,
        chip.design,
        chip.calibration,
        inputs,
        conditions=conditions,
        die=None if die is None else chip.die(die),
        tolerances=tolerances,
        progress=progress,
        keep=keep,
    )
    ladders = network_ladders(chip.mapped, chip.design, chip.calibration, chip.die(die), conditions)
    reference = simulate_ideal(chip.mapped, inputs)
    found = tuple(
        dataclasses.replace(wrong, sequence=first_sequence + wrong.sequence)
        for wrong in explain(result, chip.mapped, chip.design, ladders, inputs, reference)
    )
    endings = tuple(
        dataclasses.replace(ending, sequence=first_sequence + ending.sequence)
        for ending in result.endings()
    )
    return LevelRun(
        trace=result.trace,
        input_energy=result.input_energy,
        energy_by_block=result.energy_by_block,
        unresolved=result.unresolved,
        disagreements=found,
        endings=endings,
    )
