"""From a trained network to a Design: an explicit, ordered list of passes.

Each pass reads and completes one `Draft`. The order is `PASSES`; the result is inverted by
`mru_hw.mapping.inverse`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from mru_hw.circuits.catalogue import NODES
from mru_hw.circuits.window.gains import threshold_copy, window_copies, window_units
from mru_hw.errors import UserError
from mru_hw.mapping.areas import place_areas
from mru_hw.mapping.cells import CLOCKED, CellKind, without_circuit
from mru_hw.mapping.design import Bus, Design, Timing
from mru_hw.mapping.draft import Draft
from mru_hw.mapping.graph import draw_graph
from mru_hw.mapping.measured import refuse_unmeasured
from mru_hw.mapping.options import DEFAULTS, LARGEST_LADDER, Compensated, DesignOptions
from mru_hw.mapping.rounding import realise_banks, realise_ratios
from mru_hw.mapping.rows import BIAS, INPUTS, Part, RowName
from mru_hw.mapping.wire_load import NO_WIRES, WireLoad
from mru_hw.model.check import check_levels
from mru_hw.model.memory import by_name
from mru_hw.model.network import Model
from mru_hw.technology import Technology
from mru_hw.technology.calibration import Calibration
from mru_hw.technology.conditions import Conditions

Array = NDArray[np.float64]

LARGEST_NUMBER = 1e9  # magnitude of a tensor's values
LEAST_MEAN = 1e-30  # of what scales a layer's currents, so that they stay within all floats


def refuse_unmappable(draft: Draft) -> None:
    """Name what no circuit of the library can do."""
    for name, values in draft.model.tensors.items():
        # No ratio reaches this far, and squares of what lies beyond would overflow.
        if np.any(np.abs(values) > LARGEST_NUMBER):
            at = [int(k) for k in np.argwhere(np.abs(values) > LARGEST_NUMBER)[0]]
            value = float(values[tuple(at)])
            raise UserError(f"{name}{at}", value, f"a magnitude of at most {LARGEST_NUMBER:g}")
    for i in without_circuit(draft.model.spec):
        cell = draft.model.spec.layers[i].cell
        *most, last = (kind.value for kind in CellKind)
        built = f"{', '.join(most)} or {last}"
        raise UserError(f"layers.{i}.cell", cell.name, f"{built}: {cell.no_circuit}")
    for i, layer in enumerate(draft.model.spec.layers):
        memory = draft.kind(i).memory
        above = draft.tensor(f"layers.{i}.initial_state") - memory.span(layer.levels)[0]
        if memory.spacing > 1 and np.any(above % memory.spacing):
            raise UserError(
                f"layers.{i}.initial_state", 0, "-1 or +1: a bistable cell has no middle state"
            )
        if np.any(draft.tensor(f"layers.{i}.alpha") == 0):
            raise UserError(
                f"layers.{i}.alpha", 0.0, "a gain other than zero, since it is a current"
            )


def choose_levels(draft: Draft) -> None:
    """Take K from the model, and where it leaves it open from the options.

    The network that is mapped has it then: its states are clipped where the ladder ends.
    """
    spec, layers = draft.model.spec, []
    for i, stated in enumerate(spec.layers):
        layer = stated
        if layer.cell.takes_levels and layer.levels is None:
            if draft.options.levels is None:
                expected = "a whole number K, the ladder's length, there or in the design's options"
                raise UserError(f"layers.{i}.levels", None, expected)
            layer = layer.model_copy(update={"levels": draft.options.levels})
            name = f"layers.{i}.initial_state"
            check_levels(draft.tensor(name), layer, name)
        if layer.levels is not None and layer.levels > LARGEST_LADDER:
            raise UserError(f"layers.{i}.levels", layer.levels, f"at most {LARGEST_LADDER}")
        draft.levels[i] = layer.levels or 1
        layers.append(layer)
    spec = spec.model_copy(update={"layers": tuple(layers)})
    draft.model = Model(spec=spec, tensors=draft.model.tensors)


def choose_scales(draft: Draft) -> None:
    """Choose every bus's current scale.

    Rectifiers and hysteretic cells are positively homogeneous, so each is free. Signals: root
    mean square at `signal_current`, from the weights and inputs of unit variance. Candidates: mean
    threshold at `candidate_current`. States: one level of a ladder at `state_current`.
    """
    spec, unit, options = draft.model.spec, draft.i_unit, draft.options
    scales = draft.scales
    rms: dict[RowName, Array] = {BIAS: np.ones(1), INPUTS: np.ones(spec.n_in)}
    scales[BIAS] = scales[INPUTS] = unit
    for i, rows in enumerate(draft.layers):
        alpha = np.abs(draft.tensor(f"layers.{i}.alpha"))
        # A state is uniform over its levels, more or less: rms = sqrt(K(K+1)/3) levels.
        k = draft.levels[i]
        rms[rows.state] = alpha * np.sqrt(k * (k + 1) / 3)
        per_level = 1.0 if rows.kind is CellKind.CMRU else 2.0
        level = per_level * options.state_current * unit
        scales[rows.state] = level / _usable_mean(f"layers.{i}.alpha", alpha)
    for name, size in _signal_sizes(draft, rms).items():
        if name not in scales:
            scales[name] = options.signal_current * unit / size if size > 0 else unit
    for i, rows in enumerate(draft.layers):
        if rows.threshold is not None:
            scales[rows.threshold] = scales[rows.candidate]
            continue
        beta = np.abs(draft.tensor(f"layers.{i}.beta"))
        rise, _ = rows.kind.memory.edges(beta, by_name(draft.model.tensors, f"layers.{i}."))
        if float(np.mean(rise)) > 0:
            mean = _usable_mean(f"layers.{i}.beta", rise)
            scales[rows.candidate] = options.candidate_current * unit / mean
    # The last bits of a product differ from processor to processor, and a design is hashed.
    scales.update({name: float(f"{scale:.12g}") for name, scale in scales.items()})


def _usable_mean(name: str, sizes: Array) -> float:
    """Return the mean size that a layer's currents are scaled by."""
    mean = float(np.mean(sizes))
    if mean < LEAST_MEAN:
        raise UserError(name, mean, f"a mean size of at least {LEAST_MEAN:g}")
    return mean


def _signal_sizes(draft: Draft, rms: dict[RowName, Array]) -> dict[RowName, float]:
    """Carry root mean squares through the wires; return the mean of every bus."""
    for name, (_, size) in draft.kinds.items():
        if name in rms:
            continue
        power = np.zeros(size)
        for wire in draft.wires:
            if wire.target == name:
                power = power + (wire.weight**2) @ rms[wire.source] ** 2
        rms[name] = np.sqrt(power)
    return {name: float(np.mean(values)) for name, values in rms.items()}


def _usual_signals(draft: Draft) -> dict[RowName, tuple[Array, Array]]:
    """Return mean and deviation (n_nodes,) of what usually flows into every bus.

    Inputs are normal, of unit variance, states uniform over their levels, and all independent; a
    sum is taken as normal, and what a rectifier leaves of it has the moments of that.
    """
    spec = draft.model.spec
    found = {
        BIAS: (np.ones(1), np.zeros(1)),
        INPUTS: (np.zeros(spec.n_in), np.ones(spec.n_in)),
    }
    for i, rows in enumerate(draft.layers):
        alpha = np.abs(draft.tensor(f"layers.{i}.alpha"))
        middle, spread = rows.kind.memory.usual(draft.levels[i])
        found[rows.state] = (middle * alpha, spread * alpha)
    for name, (_, size) in draft.kinds.items():
        if name in found:
            continue
        mean, power = np.zeros(size), np.zeros(size)
        for wire in (w for w in draft.wires if w.target == name):
            source = found[wire.source]
            if wire.rectified or NODES[draft.kinds[wire.source][0]].rectifies:
                source = _rectified(*source)
            mean += wire.weight @ source[0]
            power += wire.weight**2 @ source[1] ** 2
        found[name] = (mean, np.sqrt(power))
    return found


def _rectified(mean: Array, deviation: Array) -> tuple[Array, Array]:
    """Return mean and deviation of ``max(i, 0)`` of a normal i."""
    spread = np.maximum(deviation, 1e-12 * np.maximum(np.abs(mean), LEAST_MEAN))
    at = mean / spread
    density = np.exp(-np.minimum(at * at, 1400.0) / 2) / np.sqrt(2 * np.pi)
    first = mean * ndtr(at) + spread * density
    second = (mean**2 + spread**2) * ndtr(at) + mean * spread * density
    return first, np.sqrt(np.maximum(second - first**2, 0.0))


def place_buses(draft: Draft) -> None:
    """Give every node its circuit and its diode, as fine as its largest leg allows.

    The bias rail and the nodes that window comparators copy have options for theirs.
    """
    signals, options = _usual_signals(draft), draft.options
    fixed = {BIAS: options.bias_units} | dict.fromkeys(
        (rows.window for rows in draft.layers if rows.window), options.window_units
    )
    for name, (kind, size) in draft.kinds.items():
        scale = draft.scales[name]
        largest = max(
            (
                float(np.max(np.abs(w.weight))) * draft.scales[w.target] / scale
                for w in draft.wires
                if w.source == name
            ),
            default=options.largest_leg / 32,
        )
        fitting = [n for n in options.diode_units if n * largest <= options.largest_leg]
        units = max(fitting, default=options.diode_units[0])
        draft.buses[name] = Bus(
            name=name,
            kind=kind,
            size=size,
            scale=scale,
            units=fixed.get(name, units),
            usual=_usual_current(draft, name),
            split=options.candidate_split if NODES[kind].compared else 1,
            rest_units=options.split_units,
            mean=_told(signals[name][0]),
            deviation=_told(signals[name][1]),
        )


def _usual_current(draft: Draft, name: RowName) -> float:
    """Return what the diodes of a bus usually carry [A]."""
    options = draft.options
    shares = {
        Part.BIAS: 1.0,
        Part.INPUT: 1.0,
        Part.CANDIDATE: options.candidate_current,
        Part.THRESHOLD: options.candidate_current,
        Part.STATE: 2 * options.state_current,
    }
    return shares.get(name.part, options.signal_current) * draft.i_unit


def _told(values: Array) -> tuple[float, ...]:
    """Round estimates to six digits: a product's last bits differ from processor to processor."""
    return tuple(float(f"{value:.6g}") for value in values)


def place_windows(draft: Draft) -> None:
    """Give the nodes that window comparators copy the scale that these copies leave them."""
    for rows in draft.layers:
        if rows.window is not None:
            c, b = draft.buses[rows.candidate], draft.buses[rows.window]
            units = window_units(draft.calibration, c, b)
            copied = threshold_copy(window_copies(draft.calibration, units, c, b))
            draft.buses[rows.window] = dataclasses.replace(b, scale=c.scale / copied)


def timing(frame: float, cells: Sequence[CellKind]) -> Timing:
    """Place one strobe a layer inside a frame, not overlapping.

    The first comes after the inputs settled, the last early enough for the outputs to settle
    before the frame ends. Loops take none.
    """
    n_layers = len(cells)
    gap = min(0.25, 0.5 / n_layers)
    last = 0.85
    strobes: list[float] = []
    for i, cell in enumerate(cells):
        clocked = (last - gap * (n_layers - 1 - i)) * frame
        before = strobes[-1] if strobes else 0.0
        strobes.append(clocked if cell in CLOCKED else before)
    return Timing(frame=frame, strobes=tuple(strobes), pulse=frame * min(1 / 250, gap / 4))


PASSES: tuple[Callable[[Draft], None], ...] = (
    refuse_unmappable,
    choose_levels,
    draw_graph,
    choose_scales,
    place_buses,
    place_areas,
    place_windows,
    refuse_unmeasured,
    realise_banks,
    realise_ratios,
)


def map_model(
    model: Model,
    technology: Technology,
    calibration: Calibration,
    options: DesignOptions = DEFAULTS,
    *,
    wires: WireLoad = NO_WIRES,
) -> Design:
    """Map a trained network onto a technology.

    Parameters
    ----------
    model
        The network, in its own units.
    technology, calibration
        The process and its fitted constants, at the conditions that ratios are compensated for
        (`Design.compensated`) where the options say no others: those of the file are the
        technology's nominal ones.
    options
        What the designer chose.
    wires
        What capacitance the nets' wires are taken to have.

    Returns
    -------
    Design
        Whole numbers of unit devices; `mru_hw.mapping.inverse.unmap` gives the network that
        they amount to.

    Raises
    ------
    UserError
        When a part of the network has no circuit, or lies outside the technology's range.
    """
    calibration = _compensating(model, calibration, options.compensated)
    draft = Draft(model=model, technology=technology, calibration=calibration, options=options)
    for step in PASSES:
        step(draft)
    return Design(
        spec=draft.model.spec,
        technology=technology,
        compensated=Conditions(
            corner=calibration.corner, temperature=calibration.temperature, v_dd=calibration.v_dd
        ),
        buses=draft.buses,
        connections=tuple(draft.connections),
        banks=tuple(draft.banks),
        timing=timing(model.spec.frame_period, [bank.cell for bank in draft.banks]),
        wires=wires,
        options=options,
    )


def _compensating(model: Model, calibration: Calibration, wanted: Compensated) -> Calibration:
    """Return the constants at the conditions that the options have ratios compensated for."""
    try:
        return calibration.at(
            wanted.v_dd,
            temperature=wanted.temperature,
            corner=wanted.corner,
            loops_only=not any(layer.cell.name in CLOCKED for layer in model.spec.layers),
        )
    except UserError as error:
        raise UserError(f"compensated.{error.field}", error.value, error.expected) from None
