"""Noise of a whole chip at one of its decisions: ngspice's `.noise` beside the array's law.

The chip is held in reset, so that its states are the initial ones, under constant inputs. An ideal
current into a unit's candidate brings its comparator to the calibrated trip voltage; `.noise` at
that node, referred to that current, then has every device of the chip.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.circuits.legs.gains import pin_voltage
from mru_hw.errors import SimulationError
from mru_hw.lab.noise import CURRENTS, UNIT_OPTIONS, header
from mru_hw.lab.store import Store
from mru_hw.mapping.flow import Units
from mru_hw.simulate.array import DieArray, Rails
from mru_hw.simulate.compile import compile_dies
from mru_hw.simulate.decision_noise import LOW_CORNER, DecisionNoise, NoiseLaw, noise_gains
from mru_hw.simulate.memory import initial_cells
from mru_hw.simulate.noise_walk import NodeNoise
from mru_hw.simulate.run import Chip
from mru_hw.spice.batch import batch
from mru_hw.spice.bench import reference_current
from mru_hw.spice.chip import SUPPLIES, chip_deck, chip_pins, node_net
from mru_hw.spice.deck import BENCH, CHIP, token_of
from mru_hw.technology.calibration import CHARGE
from mru_hw.technology.conditions import Conditions
from mru_hw.variation import NoiseKey, nominal_die

Array = NDArray[np.float64]
SHARE = 0.3  # of the threshold, by which the sweep goes beyond where the law has the trip
POINTS = 80
TIME = 1500.0  # s, of one run


def raw_vectors(path: Path) -> dict[str, Array]:
    """Return the vectors of a binary raw file, real parts."""
    head, body = path.read_bytes().split(b"Binary:\n", maxsplit=1)
    text = head.decode()
    names = [line.split()[1] for line in text.split("\nVariables:")[1].strip().split("\n")]
    points = int(text.split("No. Points:")[1].split()[0])
    kind = np.complex128 if "complex" in text.split("Flags:")[1].split("\n")[0] else np.float64
    table = np.frombuffer(body, kind, points * len(names)).reshape(points, len(names))
    return {name.lower(): table[:, k].real.copy() for k, name in enumerate(names)}


def chip_lines(chip: Chip, conditions: Conditions, x: Sequence[float], source: str) -> list[str]:
    """Return a deck of the chip in reset under constant inputs [A], and a source line."""
    design, v_dd = chip.design, f"{conditions.v_dd:.9g}"
    pins = ["0" if pin == "vss" else pin for pin in chip_pins(design)]
    return [
        *header(conditions, UNIT_OPTIONS),
        f".include '{CHIP}'",
        f"vdd vdd 0 {v_dd}",
        *(f"v{name} vdd {name} 0" for name in SUPPLIES),
        "vref vdd vref 0",
        f"ibias vref iref {reference_current(design):.9g}",
        f"vrst rst 0 {v_dd}",
        *(f"vphi{bank.layer} phi{bank.layer} 0 0" for bank in design.strobed),
        *(
            f"vy{k} y{k} 0 {pin_voltage(conditions.v_dd):.9g}"
            for k in range(chip.design.outputs.size)
        ),
        *(f"ix{k} vdd x{k} {value:.9g}" for k, value in enumerate(x)),
        source,
        f"xchip {' '.join(pins)} mru_chip",
        ".control",
        "set num_threads=1",
        "set numdgt=12",
    ]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A unit of a chip at its rising threshold.

    Attributes
    ----------
    x
        Constant inputs [A].
    """

    chip: Chip
    conditions: Conditions
    layer: int
    unit: int
    x: tuple[float, ...]

    @property
    def node(self) -> str:
        """The comparator's node."""
        return f"xchip.xu{self.layer}_{self.unit}.xstep.u"

    def run(self, lines: Sequence[str], control: Sequence[str], found: str) -> Any:
        """Run a deck and read what it wrote."""
        design = self.chip.design
        text = "\n".join(["* chip noise", *lines, *control, "quit", ".endc", ".end", ""])
        files = {BENCH: text, CHIP: chip_deck(design), **design.technology.model_files()}
        with batch(files, found, time_s=TIME) as folder:
            if found.endswith(".raw"):
                return {p.stem: raw_vectors(p) for p in folder.glob("*.raw")}
            return np.loadtxt(folder / found)

    def token(self, inject: float) -> str:
        """Return a name for what is kept of it."""
        words = [f"{self.layer} {self.unit} {inject:.9g} {self.x} {self.conditions}"]
        return f"chip-noise-{token_of([chip_deck(self.chip.design), *words]):.9f}"


def array_of(chip: Chip, conditions: Conditions) -> DieArray:
    """Return the nominal die."""
    constants = chip.calibration.at(
        conditions.v_dd, temperature=conditions.temperature, corner=conditions.corner
    )
    die = nominal_die(chip.design)
    programs = compile_dies(
        chip.design, constants, [die], temperature=conditions.temperature, dtype=np.float64
    )
    return next(array for program in programs for array in program.dies())


def law_at(decision: Decision) -> dict[str, float]:
    """Return the law's sigmas [A] at a decision, by 2 q I, and the current [A] that leads there."""
    chip, conditions = decision.chip, decision.conditions
    array = array_of(chip, conditions)
    constants = chip.calibration.at(
        conditions.v_dd, temperature=conditions.temperature, corner=conditions.corner
    )
    law = NoiseLaw.of(chip.design, constants, conditions.temperature, 1.0)
    cards = law.white / (2 * CHARGE)
    law = dataclasses.replace(law, white=2 * CHARGE)
    quiet = dataclasses.replace(law, flicker=0.0)
    found: dict[str, float] = {"cards_over_2qI": cards}
    for name, one in (("white", quiet), ("all", law)):
        noise = DecisionNoise(
            law=one,
            gains=noise_gains(array),
            key=NoiseKey.of(0, 0),
            sequences=np.zeros(1, np.int64),
            lazy=False,
        )
        rails, heard = walked(array, noise, decision.x)
        memory = array.memories[decision.layer]
        node = array.rows[memory.units.candidate]
        carried = None if memory.units.threshold is None else rails[memory.units.threshold]
        up, down = memory.thresholds(carried)
        c, _ = node.receive(rails)
        parts = noise.parts(array, memory, heard, np.broadcast_to(up, c.shape), (up, down))
        variance = sum(np.broadcast_to(part.variance(), c.shape) for part in parts)
        assert not isinstance(variance, int)
        found[name] = math.sqrt(variance[decision.unit, 0, 0])
        scale = node.row.bus.scale
        threshold = np.broadcast_to(up, c.shape)[decision.unit, 0, 0] * scale
        found |= {"threshold": threshold, "inject": threshold - c[decision.unit, 0, 0] * scale}
    found["flicker"] = math.sqrt(found["all"] ** 2 - found["white"] ** 2)
    return found


def walked(
    array: DieArray, noise: DecisionNoise, x: Sequence[float]
) -> tuple[dict[int, Rails], dict[int, NodeNoise]]:
    """Return rails and noise of all rows with every unit in its initial state."""
    rails: dict[int, Rails] = {}
    heard: dict[int, NodeNoise] = {}
    for step in array.flow.steps:
        if isinstance(step, Units):
            node, memory = array.rows[step.state], array.memories[step.index]
            fed, _ = memory.currents(initial_cells(step.bank, 1)[:, :, None])
            rails[node.row.index] = node.rails(fed)
        elif step.bank is None:
            node = array.rows[step.index]
            if step.index == array.flow.x:
                given = np.array(x)[:, None, None] / node.row.bus.scale
                rails[step.index] = node.rails(given)
            else:
                rails[step.index] = node.receive(rails)[1]
        else:
            continue
        if node.circuit.rails and node.circuit.copied:
            heard[node.row.index] = noise.node(array, node, rails[node.row.index], heard)
    return rails, heard


def spice_at(
    store: Store, decision: Decision, law: Mapping[str, float], whites: Mapping[str, Array]
) -> dict[str, float]:
    """Return ngspice's sigmas [A] at a decision.

    Parameters
    ----------
    law
        Of `law_at`: where the decision is looked for.
    whites
        By polarity, the cards' white level over 2 q I at `mru_hw.lab.noise.CURRENTS`.

    Raises
    ------
    SimulationError
        The comparator's node does not pass its trip voltage there.
    """
    chip, conditions = decision.chip, decision.conditions
    net = node_net(chip.design.buses[chip.design.banks[decision.layer].candidate], decision.unit)
    start = law["inject"]
    width = max(SHARE * law["threshold"], SHARE / 3 * abs(start))

    def run() -> dict[str, float]:
        def lines(inject: float) -> list[str]:
            source = f"ic 0 xchip.{net} dc {inject:.12g} ac 1"
            return chip_lines(chip, conditions, decision.x, source)

        sweep = f"dc ic {start - width:.9g} {start + width:.9g} {2 * width / POINTS:.9g}"
        course = decision.run(lines(start), [sweep, f"wrdata 0.data v({decision.node})"], "0.data")
        trip = chip.calibration.at(
            conditions.v_dd, temperature=conditions.temperature, corner=conditions.corner
        ).v_trip_up
        if not course[:, 1].min() < trip < course[:, 1].max():
            raise SimulationError(f"{decision.node} does not pass {trip:.3g} V")
        inject = float(np.interp(-trip, -course[:, 1], course[:, 0]))
        control = [
            "op",
            "ac dec 10 1e-4 1e6",
            "write gain.raw",
            f"noise v({decision.node}) ic dec 10 1e-4 1e6 1",
            "setplot previous",
            "write noise.raw",
        ]
        tables = decision.run(lines(inject), control, "noise.raw")
        noise, gain = tables["noise"], tables["gain"]
        devices = [name[len("onoise.m.") : -len(".id")] for name in noise if name.endswith(".id")]
        saves = [f"save @m.{device}[id] @m.{device}[m]" for device in devices]
        there = decision.run(lines(inject), [*saves, "op", "write op.raw"], "op.raw")["op"]
        slope = abs(float(gain[f"v({decision.node})"][0]))
        p_path = chip.design.technology.transistor_path("p_mirror")
        return referred(noise, devices, there, slope, whites, p_path) | {"inject": inject}

    found: dict[str, float] = store.keep(decision.token(start), run)
    return found


def referred(
    noise: Mapping[str, Array],
    devices: Sequence[str],
    there: Mapping[str, Array],
    slope: float,
    whites: Mapping[str, Array],
    p_path: str,
) -> dict[str, float]:
    """Return sigmas [A] of all devices' noise, referred by the node's slope [V/A]."""
    f = noise["frequency"]
    counted = f >= LOW_CORNER
    white = shot = flicker = 0.0
    for device in devices:
        density = (noise[f"onoise.m.{device}.id"] / slope) ** 2
        variance = float(np.trapezoid(density, f))
        current = abs(float(there[f"i(@m.{device}[id])"][0])) / float(
            there[f"v(@m.{device}[m])"][0]
        )
        # Where the cards' names do not tell, both polarities have the same level.
        polarity = "p" if device.endswith(p_path) else "n"
        level = np.interp(
            math.log(max(current, CURRENTS[0] / 10)), np.log(CURRENTS), np.log(whites[polarity])
        )
        white += variance
        shot += variance / math.exp(level)
        slow = (noise[f"onoise.m.{device}.1overf"] / slope) ** 2
        flicker += float(np.trapezoid(slow[counted], f[counted]))
    return {
        "white": math.sqrt(white),
        "white_of_2qI": math.sqrt(shot),
        "flicker": math.sqrt(flicker),
    }
