"""The mapping's last passes: currents and weights become whole numbers of unit devices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mru_hw.circuits.legs.gains import comparator_gains
from mru_hw.circuits.loop.edges import LoopSizes, loop_units
from mru_hw.circuits.window.gains import window_units
from mru_hw.errors import Bare, UserError
from mru_hw.mapping.design import Bank, Connection
from mru_hw.mapping.draft import Draft, LayerRows, Wire
from mru_hw.mapping.largest import refuse_large
from mru_hw.mapping.lines import NodeLine
from mru_hw.mapping.reading import Reading
from mru_hw.mapping.realised import quiescent_current, realised_bank, realised_levels
from mru_hw.mapping.rows import Part
from mru_hw.model.memory import by_name
from mru_hw.units import render

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

READ = 3  # times that legs are placed; the second moves few of them by more than one device
ROUNDS = 3  # of the unit devices of a level, whose gain moves by little with them


def realise_banks(draft: Draft) -> None:
    """Thresholds, hysteresis widths and gains as unit devices of the bias rail."""
    for i, rows in enumerate(draft.layers):
        bank = _realise_bank(draft, i, rows)
        refuse_large(draft, bank)
        draft.banks.append(bank)


def _realise_bank(draft: Draft, i: int, rows: LayerRows) -> Bank:
    """Round one layer's settings."""
    h, area = draft.buses[rows.state], draft.areas.get(rows.units, {})
    up, down, window = _realise_thresholds(draft, i, rows)
    alpha = np.abs(draft.tensor(f"layers.{i}.alpha"))
    level = float(rows.kind.memory.spacing) * alpha * h.scale
    _check_range(draft, f"layers.{i}.alpha", level)
    bank = Bank(
        layer=i,
        cell=rows.kind,
        candidate=rows.candidate,
        state=rows.state,
        threshold=rows.threshold,
        levels=draft.levels[i],
        up_units=up,
        down_units=down,
        gain_units=_units(draft, level, 1.0, 1),
        initial=draft.tensor(f"layers.{i}.initial_state").astype(np.int64),
        hold_units=draft.options.hold,
        width_units=draft.options.width,
        window=window,
        area=area,
    )
    for _ in range(ROUNDS):
        # A leg's gain falls with its current, but by far less than its current rises.
        step, _start = realised_levels(draft, bank, draft.calibration)
        each = step / bank.gain_units
        units = np.maximum(np.rint(level / each), 1).astype(np.int64)
        bank = replace(bank, gain_units=units)
    return bank


def _realise_thresholds(
    draft: Draft, i: int, rows: LayerRows
) -> tuple[IntArray, IntArray, dict[str, int] | None]:
    """Return `Bank.up_units`, `Bank.down_units` and `Bank.window` of a layer."""
    p, memory, c = f"layers.{i}.", rows.kind.memory, draft.buses[rows.candidate]
    # A loop's input-dependent threshold is a copy of its node, as wide as the node's diode.
    carried = np.full(c.size, draft.i_unit / c.scale)
    beta = np.abs(draft.tensor(p + "beta")) if rows.threshold is None else carried
    rise, fall = (edge * c.scale for edge in memory.edges(beta, by_name(draft.model.tensors, p)))
    _check_range(draft, p + "beta", rise)
    least = 1
    if c.circuit.compared:
        # Comparators read single rails; at rest they carry the quiescent current.
        i_q = quiescent_current(c, draft.i_lsb, draft.calibration)
        rise, fall = ((i + np.hypot(i, 2 * i_q)) / 2 for i in (rise, fall))
        least = c.rest_units * c.split + 1
    if rows.window is not None:
        none = np.zeros(c.size, dtype=np.int64)
        return none, none, window_units(draft.calibration, c, draft.buses[rows.window])
    if rows.circuit.clocked:
        up_gain, down_gain = comparator_gains(draft.calibration, c, draft.bias)
        return _units(draft, rise, up_gain, least), _units(draft, fall, down_gain, least), None
    up, width = loop_units(
        draft.calibration,
        draft.technology,
        rise,
        fall,
        i_lsb=draft.i_lsb,
        sizes=LoopSizes.at(c, draft.bias, draft.areas.get(rows.units, {}).get("feedback", 1)),
    )
    return up, up - width, None


def realise_ratios(draft: Draft) -> None:
    """Turn weights into m:n unit devices, biases last: they take up what else a node brings.

    How a node takes what its legs bring goes with the legs that it has, so they are placed, read
    and placed again.
    """
    wires = sorted(draft.wires, key=lambda w: w.source.part is Part.BIAS)
    weights = [_wanted(draft, wire) for wire in wires]
    nodes = {name: NodeLine.plain(bus.size) for name, bus in draft.buses.items()}
    reading = Reading(draft, draft.calibration)
    for step in range(READ + 1):
        if step:
            nodes = reading.node_lines()
        starts = {name: node.start[:, None].copy() for name, node in nodes.items()}
        placed: list[Connection] = []
        for k, (wire, weight) in enumerate(zip(wires, weights, strict=True)):
            node = nodes[wire.target]
            last = step >= READ - 1
            if wire.source.part is Part.BIAS:
                left = weight - starts[wire.target]
                placed.append(_realise(reading, draft, wire, left, node, judged=last))
                continue
            # At last the biases alone, for what the legs that stay bring.
            kept = draft.connections[k] if step == READ else None
            placed.append(kept or _realise(reading, draft, wire, weight, node, judged=last))
            read = reading.read_legs(placed[-1], node)
            starts[wire.target] += read.start[:, None]
        draft.connections[:] = placed


def _wanted(draft: Draft, wire: Wire) -> Array:
    """Return the weights that a wire's legs should amount to."""
    weight = wire.weight
    if (i := _decided(draft, wire)) is not None:
        # Only c/beta counts, so the candidate's weights take up the threshold's rounding.
        real = realised_bank(draft, draft.banks[i], draft.calibration)
        wanted = np.abs(draft.tensor(f"layers.{i}.beta"))
        usable = (wanted > 0) & draft.kind(i).memory.signed
        taken = (real.up + real.down) / 2 / np.where(usable, wanted, 1.0)
        weight = weight * np.where(usable, taken, 1.0)[:, None]
    if wire.source.part is Part.STATE:
        # Only W_o alpha counts: the output's weights take up the gain's rounding and sign.
        bank = next(bank for bank in draft.banks if bank.state == wire.source)
        real = realised_bank(draft, bank, draft.calibration)
        alpha = bank.memory.gain(draft.tensor(f"layers.{bank.layer}.alpha"))
        weight = weight * (alpha / real.alpha)
    return weight


def _decided(draft: Draft, wire: Wire) -> int | None:
    """Return the layer whose fixed thresholds a wire's target is compared with, if any."""
    for i, rows in enumerate(draft.layers):
        if wire.target == rows.candidate:
            return i if rows.threshold is None else None
    return None


def _realise(
    reading: Reading, draft: Draft, wire: Wire, weight: Array, node: NodeLine, *, judged: bool
) -> Connection:
    """Place a wire's legs; those that are too large are as large as may be, or refused."""
    source, target = draft.buses[wire.source], draft.buses[wire.target]
    both = source.circuit.splits and not wire.rectified
    plus, minus = reading.asked_units(source, target, weight, node, both=both)
    area = draft.areas.get(wire.parameter, {})
    wide = max(area.values(), default=1)
    limit = draft.technology.rules.units_max // wide
    most = np.rint(np.maximum(np.abs(plus), np.abs(minus)))
    # Judged before the cast: beyond 2^63 a whole number would come out as something else.
    if judged and not np.all(most <= limit):
        at = np.unravel_index(int(np.argmax(most)), most.shape)
        # As the network has it, not as the rounding of a threshold or of an offset left it.
        value = float(wire.weight[at]) or float(weight[at])
        index = at[:1] if wire.source.part is Part.BIAS else at
        needed = float(most[at])
        raise UserError(
            f"{wire.parameter}[{', '.join(str(int(k)) for k in index)}]",
            value,
            f"at most {abs(value) * (limit / needed):.4g} in size, or {_remedy(draft, wire)}: its "
            f"mirror's leg would need {needed:.4g} and has at most {limit} unit devices of "
            f"{draft.technology.name}{f', {wide} times each (area)' if wide > 1 else ''}",
        )
    return Connection(
        parameter=wire.parameter,
        source=wire.source,
        target=wire.target,
        plus=np.rint(np.clip(plus, -limit, limit)).astype(np.int64),
        minus=np.rint(np.clip(minus, -limit, limit)).astype(np.int64),
        both=both,
        area=area,
    )


def _remedy(draft: Draft, wire: Wire) -> str:
    """Say what makes a weight's leg smaller but itself: what its target's scale goes by."""
    if (i := _decided(draft, wire)) is not None:
        names = draft.kind(i).memory.threshold_names
        tensors = " and ".join(f"layers.{i}.{name}" for name in names)
        return f"larger thresholds in {tensors}, for it adds too many times their mean"
    return "larger weights beside it, for it adds too many times the usual sum of its node"


def _units(draft: Draft, current: Array, gain: float, least: int) -> NDArray[np.int64]:
    return np.maximum(np.rint(current / (draft.i_lsb * gain)), least).astype(np.int64)


def _check_range(draft: Draft, name: str, current: Array) -> None:
    rules = draft.technology.rules
    outside = (current < rules.i_min) | (current > rules.i_max)
    if np.any(outside):
        # The layer's scale follows the mean, so the culprit is the one furthest from it.
        at = int(
            np.argmax(
                np.abs(np.log(np.maximum(current, 1e-300) / max(float(np.mean(current)), 1e-300)))
            )
        )
        raise UserError(
            f"{name}[{at}]",
            Bare(render(float(current[at]), "A")),
            f"{render(rules.i_min, 'A')} to {render(rules.i_max, 'A')} in {draft.technology.name}",
        )
