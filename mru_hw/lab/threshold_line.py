"""A chip of three units whose inputs move along the line on which all thresholds lie."""

from __future__ import annotations

import numpy as np

from mru_hw.errors import RunStatus, SimulationError
from mru_hw.mapping.design import Design
from mru_hw.model.network import Array, Model
from mru_hw.model.structure import ModelSpec
from mru_hw.spice.bench import candidate_vectors, reference_current
from mru_hw.spice.chip import SUPPLIES, chip_deck, chip_pins
from mru_hw.spice.deck import CHIP, TOKEN, TOP, Deck, Waves, make_deck
from mru_hw.spice.options import OPTIONS
from mru_hw.technology import MODELS, Technology
from mru_hw.technology.calibration import Calibration

SWEEP = 20.0  # s, slow against every node
REACH = 1.6  # of beta, either side


def line_deck(
    technology: Technology, lines: list[str], saves: tuple[str, ...], t_stop: float, chip: str = ""
) -> Deck:
    """Return a deck at nominal conditions, of plain lines or around a chip."""
    text = [
        f".lib '{MODELS}' {technology.corners[0]}",
        f".options temp={technology.temperature} {OPTIONS}",
        *((f".include '{CHIP}'",) if chip else (technology.devices_spice(),)),
        f"vdd vdd 0 {technology.v_dd}",
        *lines,
        f".tran {t_stop / 500:.6g} {t_stop:.6g} uic",
        ".save " + " ".join((*saves, TOKEN)),
    ]
    models = technology.model_files()
    return make_deck(text, models, saves, t_stop=t_stop, title="error budget", chip=chip)


def done(waves: Waves) -> Waves:
    """Return the waves of a run that was done; raise `SimulationError` for another."""
    if waves.status is not RunStatus.DONE:
        raise SimulationError(f"{waves.status.value} {waves.message}")
    return waves


def network() -> Model:
    """Return three inputs, three units, and weights that any candidate can be reached with."""
    spec = ModelSpec.model_validate(
        {
            "frame_period": "25 ms",
            "n_in": 3,
            "n_hidden": 3,
            "n_classes": 2,
            "layers": [{"cell": "cmru", "n_units": 3, "n_out": 2, "levels": 1}],
        }
    )
    rng = np.random.default_rng(5)
    tensors = {name: 0.3 * rng.normal(size=shape) for name, shape in spec.tensor_shapes().items()}
    for name in ("input.weight", "layers.0.candidate.weight"):
        tensors[name] += np.linalg.qr(rng.normal(size=(3, 3)))[0]
    tensors["layers.0.beta"] = np.array([0.8, 1.0, 1.2])
    tensors["layers.0.alpha"] = np.full(3, 0.5)
    tensors["layers.0.initial_state"] = np.zeros(3)
    return Model(spec=spec, tensors=tensors)


def line_of_inputs(mapped: Model) -> tuple[Array, Array]:
    """Return inputs ``offset + s slope`` at which every realised candidate is s beta."""
    t = mapped.tensors
    w = t["layers.0.candidate.weight"] @ t["input.weight"]
    b = t["layers.0.candidate.weight"] @ t["input.bias"] + t["layers.0.candidate.bias"]
    offset = np.asarray(np.linalg.solve(w, -b), dtype=np.float64)
    return offset, np.asarray(np.linalg.solve(w, t["layers.0.beta"]), dtype=np.float64)


def sweep_deck(design: Design, offset: Array, slope: Array) -> Deck:
    """Return the deck in which the inputs go along the line, slowly."""
    v_dd, bus = design.technology.v_dd, design.inputs
    lines = [f"v{name} {name} 0 {v_dd}" for name in SUPPLIES]
    lines += [
        f"iref vdd iref {reference_current(design):.9g}",
        f"vrst rst 0 {v_dd}",
        "vphi phi0 0 0",
    ]
    lines += [f"vy{k} y{k} 0 {v_dd / 2}" for k in range(design.outputs.size)]
    for k in range(bus.size):
        low, high = (bus.scale * (offset[k] + s * slope[k]) for s in (-REACH, REACH))
        lines.append(f"ix{k} 0 x{k} pwl(0 {low:.9g} 1 {low:.9g} {1 + SWEEP} {high:.9g})")
    pins = ["0" if pin == "vss" else pin for pin in chip_pins(design)]
    lines.append(f"{TOP} {' '.join(pins)} mru_chip")
    units = range(design.banks[0].n_units)
    saves = tuple(f"v({TOP}.xu0_{k}.xstep.{node})" for k in units for node in "ud")
    saves += tuple(name for k in units for name in candidate_vectors(design, 0, k))
    return line_deck(design.technology, lines, saves, 1 + SWEEP, chip_deck(design))


def trips(waves: Waves, calibration: Calibration, n_units: int) -> Array:
    """Where each comparator decides, in units of beta: (n_units, up and down)."""
    s = REACH * (2 * (waves.time - 1) / SWEEP - 1)
    found = np.full((n_units, 2), np.nan)
    for k in range(n_units):
        for j, (node, level) in enumerate(
            (("u", calibration.v_trip_up), ("d", calibration.v_trip_down))
        ):
            side = (s > 0.2) if node == "u" else (s < -0.2) & (s > -REACH)
            v = waves.vectors[f"v({TOP}.xu0_{k}.xstep.{node})"][side]
            # u falls where the candidate passes beta; d, high below -beta, falls there too.
            at = int(np.flatnonzero((v[:-1] > level) & (v[1:] <= level))[0])
            share = (v[at] - level) / (v[at] - v[at + 1])
            found[k, j] = s[side][at] + share * (s[side][at + 1] - s[side][at])
    return found


def steepness(waves: Waves, design: Design, at: Array) -> Array:
    """Relative change of each candidate's current per s where its comparator decides.

    A circuit's candidate grows a little less than the realised network's: its nodes' voltages move.
    """
    s = REACH * (2 * (waves.time - 1) / SWEEP - 1)
    found = np.zeros_like(at)
    for k in range(len(at)):
        plus, minus = (waves.vectors[name] for name in candidate_vectors(design, 0, k))
        c = np.abs(plus) - np.abs(minus)
        for j, s0 in enumerate(at[k]):
            near = np.abs(s - s0) < 0.1
            line = np.polyfit(s[near] - s0, c[near], 1)
            found[k, j] = line[0] / abs(line[1])
    return found
