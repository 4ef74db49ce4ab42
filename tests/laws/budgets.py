"""Chips and operating points that tests of the error budget share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.budget.nominal import Nominal, threshold_signs
from mru_hw.budget.signals import draw_signals
from mru_hw.circuits.base import NodeKind
from mru_hw.mapping import Design, map_model
from mru_hw.model.network import Model
from mru_hw.simulate.array import DieArray, Rails
from mru_hw.simulate.compile import compile_die
from mru_hw.technology import load_technology
from mru_hw.technology.calibration import Calibration, load_calibration
from mru_hw.variation import Die, nominal_die
from tests.networks import draw_model, make_spec, with_even_settings

Array = NDArray[np.float64]
POINTS = 32
RECTIFIED = dict.fromkeys(("rectify_input", "rectify_output"), True)
NETWORKS: dict[str, dict[str, Any]] = {
    "cmru": {"levels": 2},
    "cmru, rectified, skip": {"levels": 1, "skip": 1, **RECTIFIED},
    "cmru, window": {"levels": 2, "threshold": "input"},
    "bmru": {},
    "fq_bmru": {"rectify_candidate": True, **RECTIFIED},
}


def network(name: str, n_layers: int, seed: int = 4) -> Model:
    """A small network, its settings within a factor of two as trained ones have them."""
    spec = make_spec(name.partition(",")[0], n_layers, **NETWORKS[name])
    return with_even_settings(draw_model(spec, seed), seed)


def chip(
    name: str, technology: str = "generic180", n_layers: int = 2
) -> tuple[Model, Design, Calibration]:
    process = load_technology(technology)
    calibration = load_calibration(process)
    model = network(name, n_layers)
    return model, map_model(model, process, calibration), calibration


class Points:
    """Operating points, played to whole dies as the behavioral level has them."""

    def __init__(self, design: Design, calibration: Calibration) -> None:
        self.design, self.calibration = design, calibration
        signals = draw_signals(Nominal.of(design, calibration, 27.0), POINTS)
        self.x = signals.value["x"].T[:, :, None] / design.buses["x"].scale
        self.cells: dict[str, tuple[int, Any]] = {
            bank.state: (bank.layer, signals.on[bank.layer].sum(axis=2).T.astype(np.int64))
            for bank in design.banks
        }
        self.values: dict[str, Array] = {}
        self.thresholds, self.outputs = self.play(nominal_die(design))

    def play(self, die: Die) -> tuple[list[tuple[Array, int, Array, Array]], Array]:
        """Per threshold the rising one, sign, candidate, itself, (n_units, n_points); outputs."""
        array = compile_die(self.design, self.calibration, die, temperature=27.0)
        values: dict[str, Array] = {}
        rails: dict[str, Rails] = {}
        for name, bus in self.design.buses.items():
            if bus.kind is NodeKind.BIAS:
                continue
            values[name], rails[name] = self._solved(array, name, rails)
        self.values = self.values or values
        found = []
        for memory in array.memories:
            bank = memory.bank
            carried = None if bank.threshold is None else rails[bank.threshold]
            both = memory.thresholds(carried)
            rise = both[0][:, :, 0]
            for sign, threshold in zip(threshold_signs(self.design, bank), both, strict=False):
                c = values[bank.candidate][:, :, 0]
                found.append((rise, sign, c, np.broadcast_to(threshold[:, :, 0], c.shape)))
        return found, values["y"][:, :, 0]

    def _solved(self, array: DieArray, name: str, rails: dict[str, Rails]) -> tuple[Array, Rails]:
        if name != "x" and name not in self.cells:
            return array.arrive(name, rails)
        value = self.x
        if name in self.cells:
            layer, cells = self.cells[name]
            value = np.take_along_axis(array.memories[layer].level, cells, axis=1)[:, :, None]
        return value, array.nodes[name].rails(value)

    def errors(self, die: Die) -> tuple[Array, Array]:
        """Errors of thresholds (n_thresholds, n_points), in beta, and of outputs, relative."""
        found, outputs = self.play(die)
        errors = []
        for (_, sign, c, t), (rise, _, c0, t0) in zip(found, self.thresholds, strict=True):
            scale = np.sqrt(np.mean(rise**2, axis=1, keepdims=True))
            errors.append((sign * (c - c0) - (t - t0)) / scale)
        size = np.sqrt(np.mean(self.outputs**2))
        return np.concatenate(errors), (outputs - self.outputs) / size

    def sigma(self, dies: Iterable[Die], *, centred: bool = True) -> tuple[Array, Array]:
        """Standard deviation over dies, root mean square over points."""
        sums = [[np.zeros(1), np.zeros(1)] for _ in range(2)]
        n = 0
        for die in dies:
            n += 1
            for kept, error in zip(sums, self.errors(die), strict=True):
                kept[0] = kept[0] + error
                kept[1] = kept[1] + error**2
        both = [np.sqrt(np.mean(b / n - centred * (a / n) ** 2, axis=1)) for a, b in sums]
        return both[0], both[1]


def rms(values: Array) -> float:
    return float(np.sqrt(np.mean(values**2)))


# ---------------------------------------------------------------------------------------- random
