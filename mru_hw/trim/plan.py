"""What a tester brings for all dies of a design: DACs and, for each threshold, stimuli.

A stimulus is a constant input from reset on. The trained network says what candidate it gives, so
a tester that finds where a unit flips knows how far the whole path to the threshold is off:
weights, nodes, bias and comparator together. Inputs like those that the network will see are best;
their labels are not needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mru_hw.circuits.base import IntArray
from mru_hw.circuits.nodes.laws import split
from mru_hw.errors import UserError
from mru_hw.mapping import unmap
from mru_hw.mapping.design import Bank, Design
from mru_hw.model.network import Model
from mru_hw.simulate.behavioral import NoiseRun, simulate_behavioral
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.kernels import NUMPY
from mru_hw.stimulus import Inputs
from mru_hw.technology.calibration import Calibration
from mru_hw.trim.dac import SIDES, Array, Dac, Legs, Side, nominal_quiescent, place_dacs
from mru_hw.trim.tester import PINS, Probe
from mru_hw.variation import nominal_die

PATTERNS = 5
"""Stimuli of a threshold; the median of what they say is taken."""
DRAWN = 4000  # inputs to choose from, at most
SEED = 0
LEAST_SEEN = 0.2
"""Of i_unit: least change of the pins' currents that a stimulus shows a step by."""
NEAR = 0.1  # a stimulus puts the candidate this near to its threshold, over the threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class Stimuli:
    """Constant inputs by which a tester finds the thresholds of one layer, n of them.

    Each input holds one unit's candidate near one of its thresholds. The tester varies that
    threshold's DAC until the unit just steps, which shows in the supply pins' currents.

    Attributes
    ----------
    layer
        Which layer.
    side, unit
        (n,) the threshold that each is for: 0 the rising and 1 the falling one, and the unit.
    x
        (n, n_in) normalised inputs.
    shift
        (n,) ``I(beta) / I(c) - 1``, with I the candidate's rail current: the leg that the trained
        threshold beta wants, over the leg at which the unit just steps with this candidate c,
        less 1.
    seen
        (n, n_pins) change [A] of the pins' currents when the unit steps, on the nominal chip.
    """

    layer: int
    side: NDArray[np.int64]
    unit: NDArray[np.int64]
    x: Array
    shift: Array
    seen: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class TrimPlan:
    """How the dies of a design are trimmed.

    Attributes
    ----------
    mismatch_scale
        Factor on every sigma of the dies and of their DACs.
    stimuli
        One entry a layer, in the order in which layers are trimmed.
    noise
        By layer, sigma of a decision's noise over the threshold, as `NoiseLaw` has it; none for
        layers without stimuli.
    """

    design: Design
    calibration: Calibration
    mismatch_scale: float
    dacs: tuple[Dac, ...]
    stimuli: tuple[Stimuli, ...]
    noise: dict[int, float]

    @classmethod
    def of(
        cls,
        design: Design,
        calibration: Calibration,
        inputs: Inputs,
        bits: int,
        *,
        mismatch_scale: float = 1.0,
        patterns: int = PATTERNS,
    ) -> TrimPlan:
        """Choose DACs and stimuli.

        Parameters
        ----------
        inputs
            Sequences whose frames the stimuli are taken from.
        bits
            Of each DAC.
        mismatch_scale
            As `draw_die` takes it: 1 / sqrt(area) for devices of another size.
        patterns
            Stimuli of each threshold.

        Raises
        ------
        UserError
            A layer has no strobe, its thresholds come from the input, or no stimulus shows any
            threshold.
        """
        dacs = place_dacs(design, calibration, bits, mismatch_scale=mismatch_scale)
        legs = Legs.draw(design, nominal_die(design), dacs, scale=0.0)
        nominal = Probe(legs, calibration, noise={}, resolution=0.0)
        chosen = _choose(design, unmap(design, calibration), inputs, dacs, patterns)
        stimuli = tuple(_shown(one, design, dacs, nominal) for one in chosen)
        plan = cls(
            design=design,
            calibration=calibration,
            mismatch_scale=mismatch_scale,
            dacs=dacs,
            stimuli=stimuli,
            noise=_decision_noise(design, calibration, stimuli),
        )
        shown, thresholds = plan.coverage
        if not shown:
            raise UserError(
                "trim_bits",
                bits,
                f"0, for no frame of the inputs brings a unit to within {100 * NEAR:g} % of any of "
                f"its {thresholds} thresholds where the supply currents would show its step",
            )
        return plan

    @property
    def coverage(self) -> tuple[int, int]:
        """Thresholds that a stimulus shows, and all of them; the others stay as placed."""
        shown = {
            (one.layer, int(side), int(unit))
            for one in self.stimuli
            for side, unit in zip(one.side, one.unit, strict=True)
        }
        return len(shown), sum(len(dac.placed) for dac in self.dacs)


def _choose(
    design: Design, network: Model, inputs: Inputs, dacs: tuple[Dac, ...], patterns: int
) -> Iterator[Stimuli]:
    x = _frames(design, inputs)
    # A die's trim is the same whatever computes its runs.
    held = held_inputs(design, x, len(design.banks))
    trace = simulate_ideal(network, held, kernel=NUMPY)
    beta = {bank.layer: network.tensors[f"layers.{bank.layer}.beta"] for bank in design.banks}
    for bank in design.banks:
        sides = [k for k, side in enumerate(SIDES) if (bank.layer, side) in {d.at for d in dacs}]
        found = [
            _for_threshold(design, bank, k, x, trace.candidates, beta, patterns) for k in sides
        ]
        side, unit, rows, shift = (np.concatenate(column) for column in zip(*found, strict=True))
        yield Stimuli(
            layer=bank.layer,
            side=side,
            unit=unit,
            x=x[rows],
            shift=shift,
            seen=np.zeros((len(rows), len(PINS))),
        )


def _frames(design: Design, inputs: Inputs) -> Array:
    """Return normalised frames (n, n_in) of all sequences, some of them where there are many."""
    x = inputs.x[inputs.valid()]
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence(SEED)))
    x = x[np.sort(rng.permutation(len(x))[:DRAWN])].astype(np.float64)
    normal = design.spec.normalisation
    if normal is not None:
        x = (x - np.array(normal.mean)) / np.array(normal.scale)
    return x


def held_inputs(design: Design, x: Array, frames: int) -> Inputs:
    """Return constant sequences of normalised inputs."""
    normal = design.spec.normalisation
    raw = x if normal is None else x * np.array(normal.scale) + np.array(normal.mean)
    lengths = np.full(len(x), frames, dtype=np.int64)
    return Inputs(x=np.repeat(raw[:, None, :], frames, axis=1), lengths=lengths)


def _for_threshold(
    design: Design,
    bank: Bank,
    side: int,
    x: Array,
    candidates: tuple[Array, ...],
    beta: Mapping[int, Array],
    patterns: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], Array]:
    """Choose stimuli for one side of a bank's thresholds; return side, unit, row of x and shift.

    Candidates are taken that lie within `NEAR` of the threshold. Of these, at most `patterns` a
    unit: those for which the units of all layers before lie farthest from their own thresholds, so
    that a die's mismatch does not change what reaches this layer.
    """
    layer, own = bank.layer, beta[bank.layer]
    c = (1 - 2 * side) * candidates[layer][:, layer]
    off = np.abs(c / own - 1)
    sure = np.full(len(x), np.inf)
    for before in range(layer):
        far = np.abs(np.abs(candidates[before][:, : layer + 1]) / beta[before] - 1)
        sure = np.minimum(sure, far.min(axis=(1, 2)))
    bus = design.buses[bank.candidate]
    rest = nominal_quiescent(design, bus) / bus.scale
    units, rows, shift = [], [], []
    for k in range(bank.n_units):
        # A unit that no input brings near its threshold needs no trim.
        near = np.flatnonzero(off[:, k] < NEAR)
        best = near[np.lexsort((off[near, k], -sure[near]))][:patterns]
        units.append(np.full(len(best), k))
        rows.append(best)
        shift.append(split(own[k : k + 1], rest)[0] / split(c[best, k], rest)[0] - 1)
    unit = np.concatenate(units)
    return np.full(len(unit), side), unit, np.concatenate(rows), np.concatenate(shift)


def _shown(stimuli: Stimuli, design: Design, dacs: tuple[Dac, ...], nominal: Probe) -> Stimuli:
    """Keep the stimuli whose unit shows on the pins, and note how."""
    top = max(dac.top for dac in dacs)
    ends = [
        nominal.read(stimuli.layer, stimuli.x, one_unit(stimuli, nominal.start, code))
        for code in (np.zeros(len(stimuli.unit), dtype=np.int64), np.full(len(stimuli.unit), top))
    ]
    seen = ends[0] - ends[1]
    kept = np.linalg.norm(seen, axis=1) > LEAST_SEEN * design.options.i_unit
    return replace(
        stimuli,
        side=stimuli.side[kept],
        unit=stimuli.unit[kept],
        x=stimuli.x[kept],
        shift=stimuli.shift[kept],
        seen=seen[kept],
    )


def one_unit(
    stimuli: Stimuli, codes: Mapping[Side, IntArray], tried: IntArray
) -> dict[Side, IntArray]:
    """Return codes (n_units, n) by layer and side: each stimulus's own threshold has `tried`."""
    n = len(stimuli.unit)
    spread = {at: np.tile(values[:, None], (1, n)) for at, values in codes.items()}
    for k, side in enumerate(SIDES):
        mine = np.flatnonzero(stimuli.side == k)
        if len(mine):
            spread[stimuli.layer, side][stimuli.unit[mine], mine] = tried[mine]
    return spread


def _decision_noise(
    design: Design, calibration: Calibration, stimuli: tuple[Stimuli, ...]
) -> dict[int, float]:
    """Return sigma of the candidates' noise over the thresholds, root mean square, by layer."""
    found = {}
    for one in stimuli:
        if not len(one.unit):
            continue
        inputs = held_inputs(design, one.x, 1)
        both = [
            simulate_behavioral(design, calibration, inputs, [nominal_die(design)], noise=noise)
            for noise in (None, NoiseRun(seed=SEED))
        ]
        quiet, noisy = (run.trace.candidates[0][0] for run in both)
        found[one.layer] = float(np.sqrt(np.mean((noisy - quiet) ** 2)))
    return found
