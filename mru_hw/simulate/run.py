"""A network on a chip: what the public face calls `Chip`, and how its runs are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, final

from mru_hw.mapping import Design, DesignOptions, map_model, unmap
from mru_hw.mapping.options import DEFAULTS
from mru_hw.mapping.wire_load import NO_WIRES, WireLoad
from mru_hw.model.io import load_model
from mru_hw.model.network import Model
from mru_hw.simulate.asked import (
    asked_calibration,
    asked_conditions,
    asked_seed,
    asked_sequences,
    asked_technology,
    asked_tolerances,
    asked_waves,
    refuse_level,
    refuse_spread,
)
from mru_hw.simulate.at_level import run_level
from mru_hw.simulate.result import Run
from mru_hw.stimulus import Inputs
from mru_hw.technology import Technology
from mru_hw.technology.calibration import Calibration
from mru_hw.technology.conditions import Conditions
from mru_hw.variation import Die, draw_die, nominal_die, refuse_unknown_response
from mru_hw.variation.spread import GRADIENT_MOST, PROCESS_MOST

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from mru_hw.budget.table import Budget
    from mru_hw.simulate.sensitivity.result import Sensitivity
    from mru_hw.simulate.verify import Choice
    from mru_hw.spice.export import Netlist

    Sequences = Inputs | ArrayLike | str | Path

__all__ = ["Chip", "Run", "run_level"]

Progress = Callable[[int], None]
ALL = slice(None)


@final
@dataclass(frozen=True, slots=True, init=False, repr=False, eq=False)
class Chip:
    """A trained network, mapped onto a technology.

    Parameters
    ----------
    model
        A `Model`, or the folder of one.
    tech
        A technology, or its name.
    options
        What the designer chose; the defaults when None.
    calibration
        The constants of the cell laws, or the file of one's own; those that ship for the
        technology when None.
    wires
        What capacitance the nets' wires are taken to have.
    process, gradient
        Factors on what all devices of a die share and on its slope across the chip, over their
        sigmas; mismatch is as the process has it.
    design, mapped
        A design of the model to take instead of mapping it, and what it amounts to.

    Raises
    ------
    UserError
        A file is not what it should be, a part of the network has no circuit, or it lies outside
        the technology's range.

    Attributes
    ----------
    model
        As it was trained.
    design
        The circuit.
    calibration
        The constants of its cell laws.
    mapped
        What the design amounts to, in the network's own units.
    process, gradient
        As given.
    """

    model: Model
    design: Design
    calibration: Calibration
    mapped: Model
    process: float
    gradient: float

    def __init__(
        self,
        model: Model | str | Path,
        tech: Technology | str = "generic180",
        options: DesignOptions | None = None,
        calibration: Calibration | str | Path | None = None,
        *,
        wires: WireLoad = NO_WIRES,
        process: float = 0.0,
        gradient: float = 0.0,
        design: Design | None = None,
        mapped: Model | None = None,
    ) -> None:
        network = model if isinstance(model, Model) else load_model(model)
        technology = asked_technology(tech) if design is None else design.technology
        constants = asked_calibration(calibration, technology)
        refuse_unknown_response(technology, constants, "process_scale", process)
        if design is None:
            design = map_model(network, technology, constants, options or DEFAULTS, wires=wires)
        found = unmap(design, constants) if mapped is None else mapped
        values = (network, design, constants, found, process, gradient)
        for field, value in zip(fields(self), values, strict=True):
            object.__setattr__(self, field.name, value)

    def __repr__(self) -> str:
        """Say in one line what is on the chip."""
        layers = " + ".join(f"{one.n_units} {one.cell.name}" for one in self.model.spec.layers)
        return f"<Chip: {layers} in {self.design.technology.name}, {self.design.digest()[:12]}>"

    def die(self, seed: int | None) -> Die:
        """Return a die, fixed at manufacture; the nominal one for None.

        The same seed is the same die wherever it is drawn, and may be given to `run` in its place.
        """
        if seed is None:
            return nominal_die(self.design)
        number = asked_seed("die", seed)
        return draw_die(self.design, number, process=self.process, gradient=self.gradient)

    def run(
        self,
        inputs: Sequences,
        level: str = "behavioral",
        *,
        die: int | None = None,
        noise: int | None = None,
        corner: str | None = None,
        temperature: float | str | None = None,
        v_dd: float | str | None = None,
        timing: str = "settled",
        sequences: slice = ALL,
        tolerances: str = "default",
        raw: str | Path | None = None,
        progress: Progress | None = None,
        kernel: str | None = None,
    ) -> Run:
        """Run sequences through the chip at a level of truth.

        Parameters
        ----------
        inputs
            `Inputs`, the path of their ``.npz``, or an array (n_seq, n_time, n_in) of raw data.
        level
            ``ideal``, ``behavioral`` or ``spice``.
        die, noise
            Seeds; None is the nominal die and no noise.
        corner, temperature, v_dd
            Process corner, degC and V, numbers or text with units; the technology's when None.
        timing
            ``settled``, or ``timed`` at the level ``behavioral``: states move with their delays.
        sequences
            Which of the inputs; a sequence's noise does not depend on which others run.
        tolerances
            How closely ngspice solves, ``default`` or ``tight``.
        raw
            At the level ``spice``: a folder for each sequence's waves, ``sequence<number>.raw``.
        progress
            Told how many sequences more are done (level ``spice``).
        kernel
            Of the levels ``ideal`` and ``behavioral``, settled: ``numba`` or ``numpy``; when None
            numba where it is installed.

        Raises
        ------
        UserError
            The level does not know what is asked for, the inputs do not fit the model, or the run
            would be too large for this machine or for ngspice.
        """
        conditions = self._conditions(level, die, corner, temperature, v_dd)
        closely = asked_tolerances(tolerances, level)
        data, first = asked_sequences(self.model.spec, inputs, sequences)
        waves = asked_waves(raw, level, range(first, first + data.n_seq))
        if level == "spice":
            from mru_hw.simulate.verify import refuse_large

            refuse_large(self.design)
        return run_level(
            self,
            data,
            level=level,
            conditions=conditions,
            die=die,
            noise=noise,
            timing=timing,
            first_sequence=first,
            tolerances=closely,
            progress=progress,
            raw=waves,
            kernel=kernel,
        )

    def verify(
        self,
        inputs: Sequences,
        units: str | Choice = "units:8",
        *,
        die: int | None = None,
        corner: str | None = None,
        temperature: float | str | None = None,
        v_dd: float | str | None = None,
        sequences: slice = ALL,
        tolerances: str = "default",
        raw: str | Path | None = None,
        progress: Progress | None = None,
    ) -> Run:
        """Run single units in ngspice under the candidates that the level ``behavioral`` has.

        For networks too large for ngspice as a whole.

        Parameters
        ----------
        units
            ``units:N``, the N units of the smallest margins, or ``layer:I``; or a `Choice`.
        inputs, die, corner, temperature, v_dd, sequences, tolerances, progress
            As of `run`; `progress` counts units times sequences.
        raw
            A folder for the waves of each unit's run of each sequence, every net of the unit's
            bench among them, ``sequence<number>_layer<i>_unit<k>.raw``.

        Returns
        -------
        Run
            The behavioral run, whose ``verification`` says what the units did.

        Raises
        ------
        UserError
            As of `run`, or the units are not there or do not run singly.
        """
        from mru_hw.simulate.verified import verified
        from mru_hw.simulate.verify import parse_choice, refuse_verification

        choice = parse_choice(units) if isinstance(units, str) else units
        # In ngspice too, so these are checked against the level spice as well.
        asked_conditions(self.design.technology, corner=corner, temperature=temperature, v_dd=v_dd)
        conditions = self._conditions("behavioral", die, corner, temperature, v_dd)
        closely = asked_tolerances(tolerances, "spice")
        data, first = asked_sequences(self.model.spec, inputs, sequences)
        refuse_verification(choice, self.design, data, conditions)
        waves = asked_waves(raw, "spice")
        return verified(
            self,
            data,
            choice,
            conditions=conditions,
            die=die,
            first_sequence=first,
            tolerances=closely,
            raw=waves,
            progress=progress,
        )

    def budget(self) -> Budget:
        """Return the error budget of a nominal chip: which devices to enlarge, by what it gains.

        Raises
        ------
        UserError
            The thresholds of loops come from the input.
        """
        from mru_hw.budget.table import make_budget

        return make_budget(self.model, self.design, self.calibration)

    def sensitivity(
        self,
        inputs: Sequences,
        by: str = "group",
        *,
        dies: int = 50,
        die: int = 0,
        mismatch: float = 1.0,
        corner: str | None = None,
        temperature: float | str | None = None,
        v_dd: float | str | None = None,
        sequences: slice = ALL,
        kernel: str | None = None,
        workers: int = 1,
        progress: Progress | None = None,
    ) -> Sensitivity:
        """Say which part's mismatch makes wrong steps: dies with it alone, and with all but it.

        Parameters
        ----------
        by
            What a part is: ``group``, ``mirror``, ``role``, ``circuit`` or ``layer``.
        dies, die, mismatch
            How many, the seed of the first, and a factor on the sigmas of mismatch.
        inputs, corner, temperature, v_dd, sequences, kernel
            As of `run`, at the level ``behavioral``.
        workers, progress
            Processes; told 1 of every die that is done.

        Raises
        ------
        UserError
            As of `run`, or there is no such way to cut the chip.
        """
        from mru_hw.simulate.sensitivity.result import make_sensitivity
        from mru_hw.simulate.sensitivity.study import make_study

        at = self._conditions("behavioral", die, corner, temperature, v_dd)
        data, _ = asked_sequences(self.model.spec, inputs, sequences)
        study = make_study(self, data, by, conditions=at, mismatch=mismatch, kernel=kernel)
        return make_sensitivity(
            study, by, dies=dies, first_die=die, workers=workers, progress=progress
        )

    def netlist(
        self,
        folder: str | Path,
        dialect: str = "ngspice",
        *,
        die: int | None = None,
        inputs: Sequences | None = None,
        sequence: int = 0,
        corner: str | None = None,
        temperature: float | str | None = None,
        v_dd: float | str | None = None,
        supply_resistance: float | str | None = None,
        droop: float | str | None = None,
    ) -> Netlist:
        """Write the chip as a netlist: chip, test bench, model cards, elements and error budget.

        Parameters
        ----------
        folder
            What to write, whole or not at all, over an earlier netlist only.
        dialect
            ``ngspice``, ``hspice``, ``spectre`` or ``xyce``.
        die
            Its seed, drawn with the chip's `process` and `gradient` as of `run`; nominal when None.
        inputs, sequence
            The bench plays this sequence of them; a few steps of its own without inputs.
        corner, temperature, v_dd
            Of the bench, as of `run`.
        supply_resistance, droop
            Of the supply that the decoupling is sized for [ohm], and by how much a strobe may pull
            it down [V]; numbers or text with units.

        Raises
        ------
        UserError
            A part of the network has no transistors yet, `folder` holds something else, a value is
            out of range, or the constants that the budget stands on were not measured there.
        """
        from mru_hw.simulate.netlist import written_netlist

        return written_netlist(
            self,
            Path(folder),
            dialect,
            conditions=self._conditions("behavioral", die, corner, temperature, v_dd),
            die=die,
            inputs=inputs,
            sequence=sequence,
            supply_resistance=supply_resistance,
            droop=droop,
        )

    def _conditions(
        self,
        level: str,
        die: int | None,
        corner: str | None,
        temperature: float | str | None,
        v_dd: float | str | None,
    ) -> Conditions:
        refuse_level(level)
        refuse_spread("process_scale", self.process, PROCESS_MOST, die)
        refuse_spread("gradient_scale", self.gradient, GRADIENT_MOST, die)
        return asked_conditions(
            self.design.technology, level, corner=corner, temperature=temperature, v_dd=v_dd
        )
