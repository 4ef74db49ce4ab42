"""The budget's advice followed: `area` doubles its first lines; prediction beside dies.

``python -m benchmarks.bench_area MODEL`` prints JSON: the random error of a threshold (root mean
square over all, in units of beta) as the error budget predicts it and as so many dies of the
behavioral level have it, states held, for the chip as it is and with each of the budget's first
mirrors doubled, one by one and all together. With ``--inputs`` also what these dies decide.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.study import machine, parsed, show, study
from mru_hw.budget.nominal import Nominal, threshold_signs
from mru_hw.budget.signals import draw_signals
from mru_hw.circuits.base import NodeKind
from mru_hw.mapping.options import DesignOptions
from mru_hw.model.io import load_model
from mru_hw.model.network import Model
from mru_hw.simulate.compile import compile_die
from mru_hw.simulate.run import Chip
from mru_hw.spice.area import block_areas
from mru_hw.spice.chip import CHIP_CELL, chip_netlist
from mru_hw.spice.flatten import flatten
from mru_hw.stimulus import Inputs, load_inputs
from mru_hw.variation import Die, draw_die, nominal_die

Array = NDArray[np.float64]
POINTS = 64


class Played:
    """Operating points of a chip, with states held, played to its dies."""

    def __init__(self, chip: Chip) -> None:
        self.chip, design = chip, chip.design
        at = design.technology.temperature
        signals = draw_signals(Nominal.of(design, chip.calibration, at), POINTS)
        self.x = signals.value["x"].T[:, :, None] / design.inputs.scale
        self.cells: dict[str, tuple[int, Any]] = {
            bank.state: (bank.layer, signals.on[bank.layer].sum(axis=2).T.astype(np.int64))
            for bank in design.banks
        }
        self.nominal = self.play(nominal_die(design))

    def play(self, die: Die) -> list[tuple[int, Array, Array, Array]]:
        """Return sign, candidate, threshold, (n_units, n_points), and beta of each threshold."""
        design, at = self.chip.design, self.chip.design.technology.temperature
        array = compile_die(design, self.chip.calibration, die, temperature=at)
        values: dict[str, Any] = {"x": self.x}
        rails: dict[str, Any] = {}
        for name, bus in design.buses.items():
            if bus.kind is NodeKind.BIAS:
                continue
            if name in self.cells:
                layer, cells = self.cells[name]
                level = array.memories[layer].level
                values[name] = np.take_along_axis(level, cells, axis=1)[:, :, None]
            elif name != "x":
                values[name] = array.arrive(name, rails)[0]
            rails[name] = array.nodes[name].rails(values[name])
        found = []
        for memory in array.memories:
            bank = memory.bank
            both = memory.thresholds(None if bank.threshold is None else rails[bank.threshold])
            c = values[bank.candidate][:, :, 0]
            for sign, t in zip(threshold_signs(design, bank), both, strict=False):
                rise = np.sqrt(np.mean(both[0][:, :, 0] ** 2, axis=1, keepdims=True))
                found.append((sign, c, np.broadcast_to(t[:, :, 0], c.shape), rise))
        return found

    def sigma(self, n_dies: int) -> float:
        """Return the standard deviation over dies, root mean square over thresholds, in beta."""
        errors = []
        for seed in range(n_dies):
            drawn = self.play(draw_die(self.chip.design, seed))
            one = [
                (sign * (c - c0) - (t - t0)) / beta
                for (sign, c, t, _), (_, c0, t0, beta) in zip(drawn, self.nominal, strict=True)
            ]
            errors.append(np.concatenate(one))
        return float(np.sqrt(np.mean(np.var(errors, axis=0))))


def measure(
    model: Model, area: dict[str, int], n_dies: int, inputs: Inputs | None
) -> dict[str, Any]:
    """Return a chip's gate area, what its budget says and what its dies have."""
    chip = Chip(model, options=DesignOptions(area=area))
    budget = chip.budget()
    areas = block_areas(flatten(chip_netlist(chip.design), CHIP_CELL, chip.design.technology))
    row: dict[str, Any] = {
        "area": area,
        "gate_area_um2": {name: round(value * 1e12) for name, value in areas.items()},
        "predicted": budget.sigma_threshold,
        "dies": Played(chip).sigma(n_dies),
        "first": [mirror.name for mirror in budget.mirrors[:3]],
    }
    if inputs is not None:
        right = [
            float(np.mean(chip.run(inputs, die=seed).decision == inputs.y))
            for seed in range(n_dies)
        ]
        row["right"] = {"mean": float(np.mean(right)), "p10": float(np.quantile(right, 0.1))}
    print(row, file=sys.stderr, flush=True)
    return row


def main() -> None:
    parser = study(__doc__, tech=False, work=False)
    parser.add_argument("model", type=Path)
    parser.add_argument("--lines", type=int, default=3, help="mirrors that are doubled")
    parser.add_argument("--dies", type=int, default=300)
    parser.add_argument("--inputs", type=Path)
    given = parsed(parser)
    model = load_model(given.model)
    inputs = None if given.inputs is None else load_inputs(given.inputs)
    lines = [mirror.name for mirror in Chip(model).budget().mirrors[: given.lines]]
    cases = [{}, *({line: 2} for line in lines), dict.fromkeys(lines, 2)]
    rows = [measure(model, case, given.dies, inputs) for case in cases]
    show({"rows": rows, "machine": machine()})


if __name__ == "__main__":
    main()
