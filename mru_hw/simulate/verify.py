"""Networks too large for ngspice: single units under the candidates that the behavioral level has.

The behavioral run of the whole network gives every unit's candidate at its strobe. Each chosen
unit then runs by itself in ngspice, driven by these, and every step is compared with the
behavioral one from the unit's own level before it. What this cannot show: errors of the linear
layers between the units, and how a node settles that other nodes drive.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import Bare, RunStatus, UserError
from mru_hw.mapping.design import Design
from mru_hw.simulate.causes import Disagreement
from mru_hw.simulate.disagreement import (
    StepRule,
    of_unit,
    step_rule,
    wrong_steps,
)
from mru_hw.simulate.endings import Ending, ending_of
from mru_hw.simulate.evidence import Evidence, read_evidence
from mru_hw.simulate.spice_size import count_transistors, refuse_frames, transistors
from mru_hw.simulate.trace import Trace
from mru_hw.spice.deck import Waves
from mru_hw.spice.options import Tolerances, network_options
from mru_hw.spice.rawfile import raw_path, refuse_raw, write_raw
from mru_hw.spice.runner import Limits, Runner
from mru_hw.spice.unit_bench import (
    UNIT,
    UnitBench,
    inner_nets,
    make_unit_bench,
    refuse_other_cells,
    unit_netlist,
)
from mru_hw.stimulus import Inputs
from mru_hw.technology.calibration import Calibration
from mru_hw.technology.conditions import Conditions
from mru_hw.variation import Die, nominal_die
from mru_hw.words import many, plural
from mru_hw.workers import side_by_side

LARGEST = 3000
"""Transistors of a network that ngspice runs as a whole."""

_NONE_SINGLY = "no layer's units run singly: cmru or bmru, fixed thresholds, signed candidates"

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which units to run: the `count` ones of the smallest margins, or all of a `layer`."""

    count: int | None = None
    layer: int | None = None

    def size(self, design: Design) -> int:
        """Return how many units that is, of those that are there."""
        if self.layer is not None:
            return sum(b.n_units for b in design.banks if b.layer == self.layer)
        return self.count or 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What single units did.

    Attributes
    ----------
    units
        ``(layer, unit)`` of those that ran.
    steps
        Frames compared, over all units and sequences.
    disagreements
        The wrong steps among them.
    endings
        How each unit's run of each sequence ended; the frames that a failed one did reach are
        compared.
    """

    units: tuple[tuple[int, int], ...]
    steps: int
    disagreements: tuple[Disagreement, ...]
    endings: tuple[Ending, ...]

    def sentence(self) -> str:
        """Return the result as a person reads it."""
        units = ", ".join(f"{layer}/{unit}" for layer, unit in self.units)
        return (
            f"{many(self.steps, 'step')} of {many(len(self.units), 'unit')} in ngspice "
            f"(layer/unit {units}): {len(self.disagreements)} wrong."
        )

    def summary(self) -> dict[str, Any]:
        """Return the record as JSON has it: of runs that just ended well, their number."""
        ends = Counter(ending.status for ending in self.endings)
        return {
            "units": [list(unit) for unit in self.units],
            "steps": self.steps,
            "wrong": len(self.disagreements),
            "runs": len(self.endings),
            "failed": {s.name.lower(): n for s, n in ends.items() if s is not RunStatus.DONE},
            "failed_or_helped": [e.row() for e in self.endings if not e.plain],
            "core_seconds": sum(ending.core_seconds for ending in self.endings),
        }


def parse_choice(text: str) -> Choice:
    """Read which units to verify: ``units:N`` or ``layer:I``.

    Raises
    ------
    UserError
        It is neither.
    """
    match = re.fullmatch(r"(units|layer):([0-9]{1,9})", text)
    number = 0 if match is None else int(match[2])
    if match is None or (match[1], number) == ("units", 0):
        raise UserError("verify", text, "units:N, such as units:8, or layer:I, such as layer:0")
    return Choice(count=number) if match[1] == "units" else Choice(layer=number)


def single_layers(design: Design) -> tuple[int, ...]:
    """Return the layers whose units run singly."""

    def singly(layer: int) -> bool:
        try:
            refuse_other_cells(design, layer)
        except UserError:
            return False
        return True

    return tuple(bank.layer for bank in design.banks if singly(bank.layer))


def refuse_large(design: Design) -> None:
    """Refuse a network that ngspice would not finish as a whole, and name what is possible.

    Raises
    ------
    UserError
        It has more than `LARGEST` transistors.
    """
    count = transistors(design)
    if count <= LARGEST:
        return
    layers = single_layers(design)
    if not layers:
        possible = f"at most {LARGEST:,}, for {_NONE_SINGLY}"
    elif len(layers) < len(design.banks):
        possible = (
            f"`verify` units:N beyond {LARGEST:,} transistors, which takes the units of "
            f"{_named(layers)}"
        )
    else:
        possible = f"`verify` units:N for networks beyond {LARGEST:,} transistors"
    raise UserError("level", Bare(f"spice: {count:,} transistors"), possible)


def _named(layers: Sequence[int]) -> str:
    """Return layers as a sentence has them."""
    return f"{plural(len(layers), 'layer')} {', '.join(map(str, layers))}"


def refuse_choice(choice: Choice, design: Design) -> None:
    """Refuse a choice of units that are not there or do not run singly.

    Raises
    ------
    UserError
        There are not as many units, there is no such layer, or its units have no bench of their
        own.
    """
    if choice.layer is not None:
        if choice.layer >= len(design.banks):
            last = len(design.banks) - 1
            raise UserError("verify", f"layer:{choice.layer}", f"layer:0 to {last}")
        refuse_other_cells(design, choice.layer)
        return
    layers = single_layers(design)
    there = sum(design.banks[i].n_units for i in layers)
    if choice.count is None or choice.count > there:
        possible = f"at most {many(there, 'unit')}"
        if not layers:
            possible = f"no `verify`, for {_NONE_SINGLY}"
        elif len(layers) < len(design.banks):
            possible += f", those of {_named(layers)}"
        raise UserError("verify", f"units:{choice.count}", possible)


def refuse_verification(
    choice: Choice, design: Design, inputs: Inputs, conditions: Conditions
) -> None:
    """Refuse what `refuse_choice` refuses, and sequences that are too long for single units.

    Raises
    ------
    UserError
        As said.
    """
    refuse_choice(choice, design)
    for layer in single_layers(design) if choice.layer is None else (choice.layer,):
        bench = make_unit_bench(design, layer, 0, np.zeros(1), conditions)
        refuse_frames(
            inputs,
            count=count_transistors(unit_netlist(design, layer, 0), UNIT, design.technology),
            saves=len(bench.deck.saves),
            period=bench.timing.frame,
        )


def choose_units(
    choice: Choice, rules: Mapping[int, StepRule], trace: Trace, inputs: Inputs
) -> tuple[tuple[int, int], ...]:
    """Choose the units: all of a layer, or those whose candidates come nearest to their thresholds.

    A unit's margin is the smallest hundredth of ``| |c| - beta | / beta`` over all frames; units
    of equal margin come in their own order.

    Parameters
    ----------
    choice
        One that `refuse_choice` lets pass.
    rules
        By layer those whose units run singly.
    trace, inputs
        The behavioral run.
    """
    if choice.layer is not None:
        return tuple((choice.layer, k) for k in range(len(rules[choice.layer].up)))
    valid = inputs.valid()
    margins = []
    for i, rule in rules.items():
        c = trace.candidates[i][valid]
        beta = np.where(c >= 0, rule.up, rule.down)
        distance = np.abs(np.abs(c) - beta) / beta
        margins += [(float(m), i, k) for k, m in enumerate(np.quantile(distance, 0.01, axis=0))]
    return tuple((i, k) for _, i, k in sorted(margins)[: choice.count])


def read_unit(design: Design, layer: int, unit: int, bench: UnitBench, waves: Waves) -> Evidence:
    """Read the evidence of a unit's own run."""
    return read_evidence(
        design,
        layer,
        [unit],
        waves,
        timing=bench.timing,
        strobe_at=bench.strobe_at,
        read_at=bench.read_at,
        v_dd=bench.v_dd,
    )


def verify_units(
    design: Design,
    calibration: Calibration,
    inputs: Inputs,
    trace: Trace,
    choice: Choice,
    *,
    conditions: Conditions,
    die: Die | None = None,
    first_sequence: int = 0,
    tolerances: Tolerances = Tolerances.DEFAULT,
    raw: Path | None = None,
    workers: int = 2,
    time_limit_s: float = 1800.0,
    progress: Callable[[int], None] | None = None,
) -> Verification:
    """Run chosen units in ngspice under the candidates of a behavioral run.

    Parameters
    ----------
    design, calibration
        The chip.
    inputs, trace
        Sequences and what the behavioral level makes of them.
    choice
        Which units.
    conditions, die
        What they run at; the same die as the behavioral run's.
    first_sequence
        Number of the first sequence in its file, for what is told of it.
    tolerances
        How closely ngspice solves.
    raw
        A folder for each run's waves, every net of the unit's bench among them; none when None.
    workers
        Processes at a time.
    time_limit_s
        Limit of one run's processor time [s].
    progress
        Told after each unit and sequence.

    Raises
    ------
    UserError
        ngspice is not installed, the choice names units that are not there, the chosen layer's
        units have no bench of their own, or waves would replace what are none.
    """
    refuse_choice(choice, design)
    own = nominal_die(design) if die is None else die
    rules = {i: step_rule(design, calibration, own, i, conditions) for i in single_layers(design)}
    units = choose_units(choice, rules, trace, inputs)
    jobs = [(i, k, row) for i, k in units for row in range(inputs.n_seq)]
    if raw is not None:
        refuse_raw(raw, (raw_path(raw, first_sequence + row, (i, k)) for i, k, row in jobs))
    runner = Runner(Limits(time_s=time_limit_s))
    options = network_options(design, tolerances)

    def one(job: tuple[int, int, int]) -> tuple[int, list[Disagreement], Ending]:
        i, k, row = job
        c = trace.candidates[i][row, : inputs.lengths[row], k : k + 1]
        scale = design.buses[design.banks[i].candidate].scale
        bench = make_unit_bench(
            design,
            i,
            k,
            c[:, 0] * scale,
            conditions,
            die=die,
            watch=() if raw is None else inner_nets(design, i, k),
            options=options,
        )
        waves = runner.run(bench.deck)
        evidence = read_unit(design, i, k, bench, waves)
        number = first_sequence + row
        if raw is not None and waves.vectors:
            title = f"design {design.digest()}, sequence {number}, unit {k} of layer {i}"
            write_raw(raw_path(raw, number, (i, k)), waves, title)
        found = wrong_steps(of_unit(rules[i], k), evidence, c, sequence=number, units=[k])
        if progress is not None:
            progress(1)
        steps = int(np.isfinite(evidence.candidate).sum())
        return steps, list(found), ending_of(number, waves, (i, k))

    results = side_by_side(one, jobs, workers, stop=runner.stop)
    return Verification(
        units=units,
        steps=sum(steps for steps, _, _ in results),
        disagreements=tuple(d for _, found, _ in results for d in found),
        endings=tuple(ending for _, _, ending in results),
    )
