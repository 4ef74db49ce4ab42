"""Device noise of a program in the integers and numbers that the kernel's loops read.

Columns of the tables of `Noise`:

``banks``   0 and 1 its rows in ``walks``, 2 to 4 streams of fresh draws of its units, the bias rail
            and the nodes that it reads, 5 to 7 of held ones, 8 place in ``held``, 9 units, 10 nodes
            that it reads, 11 place in ``weights``, 12 candidate, 13 threshold or -1, 14 clocked,
            15 devices that carry a candidate's rail and 16 bias legs that do, 17 first unit,
            18 whether splitters count, 19 whether the noise of the threshold's node does, 20 place
            in ``unit_legs``
``rows``    0 what arrives: 0 nothing, 1 by legs, 2 from cells; 1 unit devices of a diode, 2 whether
            legs read its plus rail alone
``wires``   0 row in ``legs`` and ``path``, 1 whether legs read the plus rail alone
``bank``    0 and 1 what white and flicker variances of shared draws count a frame, 2 flicker a
            sequence, 3 and 4 the bias rail's sigmas, 5 from amperes to candidate units
``unit``    0 and 1 what white and flicker variances of a unit's own draws count a frame
``node``    0 and 1 white and flicker variance of bias legs, 2 current at the pole's corner, 3 what
            bias legs bring
``least``   0 and 1 white and flicker variance that nodes have without any current, 2 and 3 zeros
``most``    bound of a unit's noise by the largest draws: 0 fixed, 1 and 2 by amplitudes of its legs
            and of its nodes; by draws that are known: 3 and 4 amplitudes of its own devices a frame
            and a sequence, 5 of the bias rail, 6 to 8 by amplitudes of its legs, of its nodes a
            frame and a sequence
``weights`` what a current makes of the bound's white variance, and its square and itself of the
            flicker variance

``legs`` and ``path`` hold `Gains.legs` and the square of `Gains.path` of wirings into other nodes
than candidates: for each `TILE` of the nodes that noise arrives at a row of each node that it comes
from. ``unit_legs``, ``unit_path`` and ``size`` hold `Gains.legs`, `Gains.path` and `Bound.size` of
all wirings into a bank's candidates, unit after unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mru_hw.mapping.flow import Row, Units
from mru_hw.simulate.decision_noise import NoiseLaw
from mru_hw.simulate.fast.noise_bound import Bands, Before, Bound, bound_of, no_bound
from mru_hw.simulate.fast.noise_lane import TILE
from mru_hw.simulate.fast.source import LANES
from mru_hw.simulate.noise_draw import FRESH, HELD, OF_BIAS, OF_NODES, OF_UNIT, stream_of
from mru_hw.simulate.noise_laws import sigma
from mru_hw.simulate.noise_walk import Gains, bias_device, own_counts, wide
from mru_hw.simulate.program import Program
from mru_hw.variation import NoiseKey

Ints = NDArray[np.int64]
Numbers = NDArray[Any]
Array = NDArray[np.float64]

QUIET, LAZY, EAGER = range(3)
"""No noise; noise where it can decide; noise everywhere."""
NOTHING, LEGS, CELLS = range(3)
"""What arrives at a row of nodes."""


class Noise(NamedTuple):
    """What the kernel reads of one die's noise, see the module; `heard` to `near` are its own.

    ``mode`` is one of `QUIET`, `LAZY` and `EAGER`, and how many lanes have a sequence; ``held`` has
    by lane the draws that hold over its sequence, ``device`` the current of the bias rail's devices
    [A], ``key`` the words of the draws' key.
    """

    mode: Ints
    banks: Ints
    walks: Ints
    rows: Ints
    wires: Ints
    bank: Numbers
    unit: Numbers
    device: Numbers
    node: Numbers
    legs: Numbers
    path: Numbers
    unit_legs: Numbers
    unit_path: Numbers
    size: Numbers
    weights: Numbers
    least: Numbers
    most: Numbers
    key: NDArray[np.uint64]
    sequences: NDArray[np.uint64]
    held: Numbers
    held_most: Numbers
    heard: Numbers
    moved: Numbers
    taken: Numbers
    sums: Numbers
    asked: NDArray[np.uint64]
    words: NDArray[np.uint64]
    z: Numbers
    near: Ints


def quiet(dtype: DTypeLike) -> Noise:
    """Return what the kernel reads where there is no noise."""
    tables, numbers = np.zeros((1, 1), np.int64), np.zeros((1, 1), dtype)
    words = np.zeros(1, np.uint64)
    return Noise(
        mode=np.array([QUIET, 0]),
        banks=tables,
        walks=tables[0],
        rows=tables,
        wires=tables,
        bank=numbers,
        unit=numbers,
        device=numbers[0],
        node=numbers,
        legs=numbers,
        path=numbers,
        unit_legs=numbers[0],
        unit_path=numbers[0],
        size=numbers[0],
        weights=numbers,
        least=numbers,
        most=numbers,
        key=words,
        sequences=words,
        held=numbers,
        held_most=numbers,
        heard=numbers,
        moved=numbers,
        taken=numbers,
        sums=numbers,
        asked=words[None],
        words=words[None],
        z=numbers,
        near=tables,
    )


class NoiseTables:
    """Noise of a program's dies.

    Parameters
    ----------
    law
        Of the run.
    keys
        By die.
    lazy
        Whether to draw only where it can decide.
    """

    def __init__(
        self, program: Program, law: NoiseLaw, keys: Sequence[NoiseKey], *, lazy: bool
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
        self.device = bias_device(self.flow.design)
        self.node = self._node()
        self.key = np.array([(key.k0, key.k1) for key in keys], np.uint64)
        self._lay_out()

    def die(self, d: int, sequences: NDArray[np.int64]) -> Noise:
        """Return the noise of a die on sequences, whose numbers in their file are given."""
        lanes = np.zeros(LANES, np.uint64)
        lanes[: len(sequences)] = sequences
        return Noise(
            mode=np.array([self.mode, len(sequences)]),
            banks=self.banks,
            walks=self.walks,
            rows=self.rows,
            wires=self.wires,
            bank=self.bank,
            unit=self.unit,
            device=np.array([self.device], self.dtype),
            node=self.node[d],
            legs=self.legs[d],
            path=self.path[d],
            unit_legs=self.unit_legs[d],
            unit_path=self.unit_path[d],
            size=self.size[d],
            weights=self.weights[d],
            least=self.least[d],
            most=self.most[d],
            key=self.key[d],
            sequences=lanes,
            held=self.held,
            heard=self.scratch,
            moved=self.moved,
            taken=self.taken,
            sums=self.sums,
            held_most=self.held_most,
            asked=self.asked,
            words=self.words,
            z=self.z,
            near=self.near,
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
        self.wires, self.legs, self.path = self._wirings(candidates)
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
            held += units.bank.n_units + 1 + sum(sizes)
            weights += bound.weights.shape[1]
            bands.append(self._bands(units))
            bounds.append(bound)
        self.banks, self.walks = np.array(banks), np.array(walks)
        self.bank = np.array([band[0] for band in bands]).astype(dtype)
        self.unit = np.concatenate([band[1] for band in bands]).astype(dtype)
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
        self.held = np.zeros((LANES, held), dtype)
        widest = max(row.bus.size for row in flow.rows)
        self.scratch = np.zeros((5, flow.rows[-1].nodes.stop), dtype)
        self.moved = np.zeros((4, held), dtype)
        self.taken, self.sums = np.zeros((4, widest), dtype), np.zeros((2, widest + TILE), dtype)
        self.held_most = np.zeros((LANES, len(banks)), dtype)
        # Counters of all draws that a bank can ask for in a frame.
        most = LANES * max(bank[9] + bank[9] // 4 + bank[10] // 4 + 4 for bank in banks)
        self.asked, self.words = np.zeros((3, most), np.uint64), np.zeros((4, most), np.uint64)
        self.z, self.near = np.zeros((4, most), dtype), np.zeros((3, most), np.int64)

    def _wirings(self, candidates: set[int]) -> tuple[Ints, Numbers, Numbers]:
        """Return ``wires``, ``legs`` and ``path``."""
        n_die, at = self.program.n_die, 0
        places: list[tuple[int, int]] = []
        found: list[list[Numbers]] = [[np.zeros((n_die, 1, TILE))], [np.zeros((n_die, 1, TILE))]]
        for one in self.flow.legs:
            gains = self.gains[one.index]
            places.append((at + 1, int(gains.one_rail)))
            if one.target in candidates:
                continue
            for parts, of in zip(found, (gains.legs, gains.path**2), strict=True):
                n_target, n_source = of.shape[1:]
                tiles = -(-n_target // TILE)
                padded = np.zeros((n_die, tiles * TILE, n_source))
                padded[:, :n_target] = of
                turned = padded.reshape(n_die, tiles, TILE, n_source).swapaxes(2, 3)
                parts.append(turned.reshape(n_die, -1, TILE))
            at += found[0][-1].shape[1]
        legs, path = (np.concatenate(parts, axis=1).astype(self.dtype) for parts in found)
        return np.array(places), legs, path

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
        unit = law.scale / self.flow.rows[units.candidate].bus.scale
        return [white.max(), fast.max(), slow, *rail, unit], np.stack([white, fast], axis=-1)

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
            bias=shared[3] + shared[4],
            unit=shared[5],
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
