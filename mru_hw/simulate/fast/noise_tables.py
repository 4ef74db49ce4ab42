"""Device noise of a program in the integers and numbers that the kernel's loops read.

What they are stands in `mru_hw.simulate.fast.noise_layout`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.mapping.flow import Row, Units
from mru_hw.simulate.decision_noise import NoiseLaw
from mru_hw.simulate.fast.noise_bound import Bands, Before, Bound, bound_of, no_bound
from mru_hw.simulate.fast.noise_lane import WIDE
from mru_hw.simulate.fast.noise_layout import (
    CELLS,
    EAGER,
    LAZY,
    LEGS,
    NOTHING,
    Ints,
    Noise,
    Numbers,
)
from mru_hw.simulate.fast.noise_reach import squares_at
from mru_hw.simulate.fast.source import LANES
from mru_hw.simulate.fast.tables import workspace
from mru_hw.simulate.noise_draw import FRESH, HELD, OF_BIAS, OF_NODES, OF_UNIT, stream_of
from mru_hw.simulate.noise_laws import sigma
from mru_hw.simulate.noise_walk import Gains, bias_device, own_counts, wide
from mru_hw.simulate.program import Program
from mru_hw.variation import NoiseKey

Array = NDArray[np.float64]


class NoiseTables:
    """Noise of a program's dies.

    Parameters
    ----------
    law
        Of the runs, whatever their scales.
    scales
        Factors on every sigma, one a point.
    keys
        By die.
    lazy
        Whether to draw only where it can decide.
    """

    def __init__(
        self,
        program: Program,
        law: NoiseLaw,
        scales: Sequence[float],
        keys: Sequence[NoiseKey],
        *,
        lazy: bool,
    ) -> None:
        self.program, self.law, self.flow = program, law, program.flow
        self.dtype, self.mode = program.net.dtype, LAZY if lazy else EAGER
        first = program.die(0)
        self.heard = {
            row.index for row in self.flow.rows if row.bus.circuit.rails and row.bus.circuit.copied
        }
        self.gains = {
            legs.index: Gains.paths(
                legs.source,
                matrix.sourced,
                program.net[:, matrix.net].reshape(program.n_die, matrix.n_target, -1),
                first.rows[legs.source],
                self.flow.rows[legs.target].bus,
                self._rest(self.flow.rows[legs.source]),
            )
            for legs, matrix in zip(self.flow.legs, program.layout.matrices, strict=True)
        }
        self.scales = np.array(scales)
        self.device = bias_device(self.flow.design)
        self.node = self._node()
        self.key = np.array([(key.k0, key.k1) for key in keys], np.uint64)
        self._lay_out()

    def die(self, d: int, sequences: NDArray[np.int64]) -> Noise:
        """Return the noise of a die on sequences, whose numbers in their file are given."""
        return Noise(
            mode=np.array([self.mode]),
            banks=self.banks,
            walks=self.walks,
            rows=self.rows,
            wires=self.wires,
            bank=self.bank,
            unit=self.unit,
            scales=self.scales.astype(self.dtype),
            scaled=self.scaled,
            device=np.array([self.device], self.dtype),
            node=self.node[d],
            paths=self.paths[d],
            unit_legs=self.unit_legs[d],
            unit_path=self.unit_path[d],
            size=self.size[d],
            weights=self.weights[d],
            least=self.least[d],
            most=self.most[d],
            key=self.key[d],
            numbers=sequences.astype(np.uint64),
            store=np.empty((len(sequences), len(self.room["held"])), self.dtype),
            sequences=np.zeros(LANES, np.uint64),
            **self.room,
        )

    def _rest(self, row: Row) -> Numbers | None:
        return self.program.i_q[:, row.nodes] if row.bus.circuit.splits else None

    def _node(self) -> Array:
        """Return the columns of ``node``, (n_die, n_nodes, 4)."""
        program, law = self.program, self.law
        found = np.zeros((*program.constant.shape, 4))
        for row in self.flow.rows:
            constant = program.constant[:, row.nodes].astype(np.float64)
            at = found[:, row.nodes]
            at[..., 0] = np.abs(constant) * row.bus.scale
            at[..., 1] = at[..., 0] * self.device
            if row.index in self.heard:
                at[..., 2] = law.corners[row.bus.name][:, 0, 0]
            at[..., 3] = constant
        return found

    def _lay_out(self) -> None:
        """Make the tables."""
        flow, dtype = self.flow, self.dtype
        candidates = {units.candidate for units in flow.banks}
        one_rail = {one.source for one in self.gains.values() if one.one_rail}
        self.rows = np.array(
            [(self._arrives(row), wide(row.bus), row.index in one_rail) for row in flow.rows],
            np.int64,
        )
        self.wires, self.paths = self._wirings(candidates)
        walks: list[int] = []
        banks, bands, bounds, into = [], [], [], []
        held = weights = paths = 0
        for units in flow.banks:
            rows = self._before(units)
            bound = self._bound(units, rows)
            sizes = [flow.rows[self.gains[k].source].bus.size for k in self._legs(units)]
            known = self._bank(units, (len(walks), len(rows)), sum(sizes), held, weights)
            banks.append([*known, paths])
            into.append([self.gains[k] for k in self._legs(units)])
            paths += units.bank.n_units * sum(sizes)
            walks += [row.index for row in rows]
            held += 3 * units.bank.n_units + 1 + sum(sizes)
            weights += bound.weights.shape[1]
            bands.append(self._bands(units))
            bounds.append(bound)
        self.banks, self.walks = np.array(banks), np.array(walks)
        self.bank = np.array([band[0] for band in bands]).astype(dtype)
        self.unit = np.concatenate([band[1] for band in bands]).astype(dtype)
        self.scaled = np.array(
            [self.scales / flow.rows[units.candidate].bus.scale for units in flow.banks]
        ).astype(dtype)
        self.weights, self.most = (
            np.concatenate([getattr(bound, name) for bound in bounds], axis=1).astype(dtype)
            for name in ("weights", "most")
        )
        self.unit_legs, self.unit_path = (
            np.concatenate(
                [
                    np.concatenate([getattr(one, name) for one in of], axis=2).reshape(
                        self.program.n_die, -1
                    )
                    for of in into
                ],
                axis=1,
            ).astype(dtype)
            for name in ("legs", "path")
        )
        self.size = np.concatenate(
            [bound.size.reshape(self.program.n_die, -1) for bound in bounds], axis=1
        ).astype(dtype)
        self.least = np.stack([bound.least for bound in bounds], axis=1).astype(dtype)
        self.node = self.node.astype(dtype)
        self.room = self._room(held)

    def _room(self, held: int) -> dict[str, Any]:
        """Return what the kernel writes in, by name."""
        units, nodes = (max(bank[k] for bank in self.banks) for k in (9, 10))
        widest = max(row.bus.size for row in self.flow.rows)
        # By node two lines, then its share; what is read; of units four kinds of lines; draws.
        read = 3 * self.flow.rows[-1].nodes.stop
        lines = np.cumsum([read, 2 * max(widest, nodes), *[units] * 4, nodes + 1])
        # Counters of all draws that a bank can ask for at once.
        most = LANES * (units // 4 + nodes // 4 + 3) + units
        bounds = squares_at(units) + nodes + 2 * units
        of_lanes = {"held": held, "room": bounds, "z": nodes + 1}
        words = {"asked": 4, "words": 4}
        return {
            "places": np.array([2 * read // 3, *lines[:-1]]),
            "flat": np.zeros((4, most), self.dtype),
            "heard": workspace(int(lines[-1]), WIDE, self.dtype),
            **{name: workspace(n, LANES, self.dtype) for name, n in of_lanes.items()},
            **{name: np.zeros((n, most), np.uint64) for name, n in words.items()},
            "near": np.zeros(LANES, np.uint64),
            "lanes": np.zeros(WIDE // 2, np.uint64),
            "pairs": np.zeros((3, LANES * units), np.int64),
            "kept": np.zeros((2, LANES * units), np.int64),
        }

    def _wirings(self, candidates: set[int]) -> tuple[Ints, Numbers]:
        """Return ``wires`` and ``paths``."""
        n_die, at = self.program.n_die, 0
        places: list[tuple[int, int]] = []
        found: list[Numbers] = [np.zeros((n_die, 0))]
        for one in self.flow.legs:
            gains = self.gains[one.index]
            places.append((at, int(gains.one_rail)))
            if one.target not in candidates:
                both = np.concatenate([gains.legs, gains.path**2], axis=2)
                found.append(both.reshape(n_die, -1))
                at += found[-1].shape[1]
        return np.array(places), np.concatenate(found, axis=1).astype(self.dtype)

    def _legs(self, units: Units) -> tuple[int, ...]:
        return self.flow.rows[units.candidate].legs

    def _arrives(self, row: Row) -> int:
        """Return what arrives at a row, as `DecisionNoise.node` has it."""
        if row.legs:
            return LEGS
        return CELLS if len(row.bus.circuit.signs) == 1 else NOTHING

    def _before(self, units: Units) -> list[Row]:
        """List the rows whose noise a bank hears, each after those that it reads."""
        flow = self.flow
        found = {flow.legs[k].source for k in self._legs(units)}
        if self._threshold_counts(units):
            assert units.threshold is not None
            found.add(units.threshold)
        waiting = list(found)
        while waiting:
            for k in flow.rows[waiting.pop()].legs:
                if flow.legs[k].source not in found:
                    found.add(flow.legs[k].source)
                    waiting.append(flow.legs[k].source)
        return [flow.rows[index] for index in sorted(found)]

    @staticmethod
    def _threshold_counts(units: Units) -> bool:
        return units.bank.window is not None and units.threshold is not None

    def _bands(self, units: Units) -> tuple[list[float], Array]:
        """Return a bank's row of ``bank``, and its rows of ``unit``."""
        law, bank = self.law, units.bank
        white, fast = (
            law.white * law.bandwidth[bank.layer][:, 0, 0],
            law.flicker * law.fast[bank.layer][:, 0, 0],
        )
        slow = law.flicker * law.slow
        rail = sigma(*law.bias, white.max(), fast.max()), np.sqrt(law.bias[1] * slow)
        return [white.max(), fast.max(), slow, *rail], np.stack([white, fast], axis=-1)

    def _bound(self, units: Units, rows: list[Row]) -> Bound:
        """Return the bound of a bank; none where its thresholds move, which is drawn everywhere."""
        shared, unit = self._bands(units)
        n_die, n_units = self.program.n_die, units.bank.n_units
        if units.threshold is not None:
            nodes = sum(self.gains[k].path.shape[2] for k in self._legs(units))
            return no_bound(n_die, n_units, nodes)
        before = Before(
            rows=rows,
            gains=self.gains,
            legs=self.node[..., :2],
            cells=frozenset(row.index for row in rows if self._arrives(row) == CELLS),
            device=self.device,
        )
        bands = Bands(
            white=unit[:, 0],
            fast=unit[:, 1],
            slow=shared[2],
            unit=1 / self.flow.rows[units.candidate].bus.scale,
        )
        return bound_of(self.program, units, before, bands)

    def _bank(
        self, units: Units, walk: tuple[int, int], n_nodes: int, held: int, weights: int
    ) -> list[int]:
        """Return a bank's row of ``banks``."""
        bank, candidate = units.bank, self.flow.rows[units.candidate]
        streams = [
            stream_of(bank.layer, kind, rate)
            for rate in (FRESH, HELD)
            for kind in (OF_UNIT, OF_BIAS, OF_NODES)
        ]
        return [
            walk[0],
            sum(walk),
            *streams,
            held,
            bank.n_units,
            n_nodes,
            weights,
            units.candidate,
            -1 if units.threshold is None else units.threshold,
            int(bank.clocked),
            *own_counts(bank, candidate.bus),
            units.units.start,
            int(bank.clocked and candidate.bus.circuit.splits),
            int(self._threshold_counts(units)),
        ]
