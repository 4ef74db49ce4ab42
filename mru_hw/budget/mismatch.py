"""Random errors: what each group of devices adds to the variance of thresholds and outputs.

The error of a threshold is that of the candidate less that of the threshold itself, over the
rising threshold's magnitude: how far, in units of beta, the candidate is from where the network
believes it to be. The states are held: a wrong step is no small error. The error of an output is
counted over the outputs' root mean square.

Every device's ln(current) has the variance that dies are drawn with; devices are independent, so
variances add. A device that acts on several paths is summed over them first: those of the bias
tree move candidates, levels, quiescent currents and thresholds together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from mru_hw.budget.nominal import (
    Key,
    Nominal,
    cell_levels,
    threshold_input,
    threshold_signs,
    threshold_slope,
    thresholds,
)
from mru_hw.budget.signals import Signals, draw_signals, gradients, identity
from mru_hw.cells.base import Array, Devices
from mru_hw.circuits.legs.rails import rail_factor
from mru_hw.circuits.nodes.supply import quiescent
from mru_hw.mapping.design import Bank, Bus, Design, DeviceGroup
from mru_hw.technology.calibration import Calibration

POINTS = 512
ROOM = 1 << 22  # values of one array of gradients; larger chips take fewer points at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """One threshold of one unit; `sign` is the candidate's there."""

    layer: int
    unit: int
    kind: int
    sign: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MismatchVariances:
    """Variances, by device group.

    Attributes
    ----------
    thresholds
        Which thresholds there are.
    at_thresholds
        Per group, (n_thresholds,) relative to the unit's rising threshold.
    at_outputs
        Per group, (n_outputs,) relative to the outputs' root mean square.

    What is relative to nothing (a threshold of zero, outputs that carry nothing) is NaN.
    """

    thresholds: tuple[Threshold, ...]
    at_thresholds: dict[Key, Array]
    at_outputs: dict[Key, Array]

    @property
    def sigma_thresholds(self) -> Array:
        """Standard deviation of each threshold's error, (n_thresholds,)."""
        sigma: Array = np.sqrt(np.sum(list(self.at_thresholds.values()), axis=0))
        return sigma

    @property
    def sigma_outputs(self) -> Array:
        """Standard deviation of each output's error, (n_outputs,)."""
        sigma: Array = np.sqrt(np.sum(list(self.at_outputs.values()), axis=0))
        return sigma


def relative(values: Array, scale: Array | float) -> Array:
    """Return values over their scale; NaN where that is zero, for there they mean nothing."""
    over = np.broadcast_to(np.asarray(scale, dtype=np.float64), values.shape)
    found: Array = np.divide(values, over, out=np.full(values.shape, np.nan), where=over > 0)
    return found


def mismatch_spread(
    design: Design,
    calibration: Calibration,
    *,
    temperature: float | None = None,
    n_points: int = POINTS,
    enlarged: Mapping[Key, float] | None = None,
    signals: Signals | None = None,
    weights: Mapping[int, Array] | None = None,
) -> MismatchVariances:
    """Compute the variance that each group of devices adds.

    Parameters
    ----------
    temperature
        [degC]; the calibration's own when None.
    n_points
        Operating points that it is averaged over.
    enlarged
        Per group, by how much the gate area of each of its devices is larger than placed, at the
        same W / L.
    signals
        Operating points; drawn when None.
    weights
        By layer, how much each point counts at each threshold, (n_kinds, n_points, n_units), whose
        sum over points is 1; all alike when None.

    Raises
    ------
    UserError
        The thresholds of loops come from the input.
    """
    temperature = calibration.temperature if temperature is None else temperature
    nominal = Nominal.of(design, calibration, temperature)
    groups = {group.key: group for group in design.device_groups()}
    variances = {
        key: nominal.variance(group) / (enlarged or {}).get(key, 1.0)
        for key, group in groups.items()
    }
    points = draw_signals(nominal, n_points) if signals is None else signals
    chip = _Chip(nominal=nominal, signals=points, groups=groups, variances=variances)
    named: list[Threshold] = []
    at_thresholds: dict[Key, list[Array]] = {key: [] for key in groups}
    for bank in design.banks:
        signs = threshold_signs(design, bank)
        named += [
            Threshold(layer=bank.layer, unit=unit, kind=kind, sign=sign)
            for kind, sign in enumerate(signs)
            for unit in range(bank.n_units)
        ]
        counted = None if weights is None else weights[bank.layer]
        for key, variance in chip.at_bank(bank, signs, counted).items():
            at_thresholds[key].append(variance.ravel())
    return MismatchVariances(
        thresholds=tuple(named),
        at_thresholds={key: np.concatenate(parts) for key, parts in at_thresholds.items()},
        at_outputs=chip.at_outputs(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chip:
    nominal: Nominal
    signals: Signals
    groups: dict[Key, DeviceGroup]
    variances: dict[Key, Array]

    def at_bank(
        self, bank: Bank, signs: tuple[int, ...], weights: Array | None = None
    ) -> dict[Key, Array]:
        """Return per group the variances (n_kinds, n_units) of a bank's thresholds."""
        nominal, carried = self.nominal, threshold_input(bank, self.signals.value)

        def law(devices: Devices) -> Array:
            return thresholds(devices, bank, carried)

        scale = np.sqrt(np.mean(law(nominal.devices)[0] ** 2, axis=0))
        own = {bank.name, bank.candidate, bank.threshold}
        moved = {key: nominal.slope(key, law) for key in self.groups if key[0] == "bias"}
        found = self._carried(
            bank.candidate,
            np.array(signs),
            moved,
            weights=weights,
            node=bank.threshold,
            by_node=threshold_slope(nominal, bank, self.signals.value),
        )
        for key in self.groups:
            if key[0] in own:
                slope = nominal.slope(key, law)
                variance = self.variances[key].reshape(bank.n_units, -1)[:, 0]
                found[key] = _mean_over_points(slope**2, weights) * variance
        return {key: relative(variance, scale**2) for key, variance in found.items()}

    def at_outputs(self) -> dict[Key, Array]:
        """Return per group the variances (n_outputs,) of the outputs."""
        scale = np.sqrt(np.mean(self.signals.value["y"] ** 2))
        n = self.nominal.design.buses["y"].size
        none = {key: np.zeros((1, 1, n)) for key in self.groups if key[0] == "bias"}
        found = self._carried("y", np.ones(1), none)
        return {key: relative(variance[0], scale**2) for key, variance in found.items()}

    def _carried(
        self,
        target: str,
        signs: Array,
        moved: dict[Key, Array],
        *,
        weights: Array | None = None,
        node: str | None = None,
        by_node: Array | None = None,
    ) -> dict[Key, Array]:
        """Return per group the variances (n_kinds, n_targets) [A^2] of candidate less threshold.

        One device may move a candidate and the threshold that it is compared with; only the
        difference counts, so the derivatives are subtracted before they are squared. The mean is
        over operating points.

        Parameters
        ----------
        target
            The bus of the candidates.
        signs
            (n_kinds,) sign of the candidate at each threshold: +1 rising, -1 falling.
        moved
            Per group of the bias tree, the derivative of the thresholds by ln of its current
            [A], (n_kinds, n_points or 1, n_targets).
        weights
            How much each point counts, (n_kinds, n_points, n_targets); all alike when None.
        node, by_node
            The bus that carries a threshold from the input, and the derivative of the thresholds by
            its inflow, (n_kinds, n_points, n_targets); None for fixed thresholds.
        """
        n_points, n = self.signals.value[target].shape
        total = {key: np.zeros((len(signs), n)) for key in self.groups}
        for rows in chunks(self.nominal.design, n_points, n):
            part = self.signals.at(rows)
            size = len(part.value[target])
            reach = _Reach.of(self.nominal, part, {target: identity(size, n)})
            for d, sign in enumerate(signs):
                share = 1 / n_points if weights is None else weights[d, rows]
                if node is not None and by_node is not None:
                    through = -sign * by_node[d, rows][:, :, None] * np.eye(n)
                    seeds = {target: identity(size, n), node: through}
                    reach = _Reach.of(self.nominal, part, seeds)
                for key in self.groups:
                    if key[0] == "bias":
                        counted = moved[key][d]
                        against = counted if len(counted) == 1 else counted[rows]
                        error = sign * reach.by_bias(key) - against
                        squared = error**2 * self.variances[key][0]
                    else:
                        squared = reach.squared(key, self.variances[key])
                    total[key][d] += (share * squared).sum(axis=0)
        return total


def chunks(design: Design, n_points: int, n_targets: int) -> Iterator[slice]:
    """Cut operating points into what fits `ROOM`."""
    widest = max(bus.size for bus in design.buses.values())
    chunk = max(1, ROOM // (n_targets * widest))
    for start in range(0, n_points, chunk):
        yield slice(start, start + chunk)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reach:
    """Derivatives of some targets' currents by the devices of a chip, at operating points.

    Targets are n numbers in A, such as the outputs or a bank's candidates less their thresholds.

    Attributes
    ----------
    nominal, signals
        The chip without mismatch, and its currents at the points.
    by_node
        Per bus, the derivative of each target by the inflow of each node,
        (n_points, n, n_nodes).
    by_rail
        Per bus and role of its legs, the derivative by the current of the rail that they read, of
        the same shape.
    n
        How many targets.
    """

    nominal: Nominal
    signals: Signals
    by_node: dict[str, Array]
    by_rail: dict[tuple[str, str], Array]
    n: int

    @classmethod
    def of(cls, nominal: Nominal, signals: Signals, seeds: Mapping[str, Array]) -> _Reach:
        by_node, by_rail = gradients(nominal, signals, seeds)
        n = next(iter(seeds.values())).shape[1]
        return cls(nominal=nominal, signals=signals, by_node=by_node, by_rail=by_rail, n=n)

    def squared(self, key: Key, variances: Array) -> Array:
        """Return the sum over devices of (derivative)^2 variance, (n_points, n_targets)."""
        owner, role = key
        nominal, design = self.nominal, self.nominal.design
        if owner in design.buses:
            slope = self._by_node_device(design.buses[owner], role)
            return np.asarray(slope**2 @ variances)
        for bank in design.banks:
            if owner == bank.name:
                if not bank.circuit.role(role).output or bank.state not in self.by_node:
                    return np.zeros((1, self.n))
                weight = nominal.levels[bank.layer] ** 2 * variances
                power = (self.signals.on[bank.layer] * weight).sum(axis=2)
                return _weigh(self.by_node[bank.state] ** 2, power)
        connection = next(c for c in design.connections if c.parameter == owner)
        if connection.target not in self.by_node:
            return np.zeros((1, self.n))
        weight = nominal.legs[owner][role] ** 2 * variances
        power = self.signals.rail(connection.source, role) ** 2
        return _weigh(self.by_node[connection.target] ** 2, power @ weight.T)

    def _by_node_device(self, bus: Bus, role: str) -> Array:
        """Return the derivative by ln current of a device of each node, (point, target, node)."""
        key = (bus.name, role)
        slope = np.zeros((1, 1, bus.size))
        for leg_role, exponent in exponents(self.nominal, bus, key).items():
            if (bus.name, leg_role) in self.by_rail:
                slope = slope + exponent * self._brought(bus.name, leg_role)
        if bus.circuit.splits:
            slope = slope + self._by_quiescent(bus, key)
        return np.broadcast_to(slope, (len(self.signals.value["x"]), self.n, bus.size))

    def _brought(self, bus: str, role: str) -> Array:
        """Return the current [A] that legs of a role bring, (point, target, node)."""
        brought: Array = self.by_rail[bus, role] * self.signals.rail(bus, role)[:, None]
        return brought

    def _by_quiescent(self, bus: Bus, key: Key) -> Array:
        """Through the quiescent current: both rails move, their difference does not."""
        slope = self.nominal.slope(key, lambda devices: quiescent(devices, bus))
        by_rails: Array = np.zeros((1, 1, bus.size))
        for (owner, _), through in self.by_rail.items():
            if owner == bus.name:
                by_rails = by_rails + through
        return by_rails * (self.signals.by_quiescent[bus.name] * slope)[:, None]

    def by_bias(self, key: Key) -> Array:
        """Return the derivative by ln current of a device of the bias tree, (point, target)."""
        nominal, design = self.nominal, self.nominal.design
        total = np.zeros((len(self.signals.value["x"]), self.n))
        for role, exponent in exponents(nominal, design.buses["bias"], key).items():
            if ("bias", role) in self.by_rail:
                total = total + exponent * self._brought("bias", role)[:, :, 0]
        for bank in design.banks:
            if bank.state in self.by_node:
                slope = nominal.slope(key, _levels_of(bank))
                moved = (self.signals.on[bank.layer] * slope).sum(axis=2)
                total = total + np.einsum("skh,sh->sk", self.by_node[bank.state], moved)
        for name in nominal.quiescent:
            total = total + self._by_quiescent(design.buses[name], key).sum(axis=2)
        return total


def _levels_of(bank: Bank) -> Callable[[Devices], Array]:
    return lambda devices: cell_levels(devices, bank)


def exponents(nominal: Nominal, bus: Bus, key: Key) -> dict[str, float]:
    """Return d ln(copied current) / d ln(device), for every role of a bus's legs."""
    roles = {
        role
        for connection in nominal.design.connections
        if connection.source == bus.name
        for role in nominal.legs[connection.parameter]
    }
    return {
        role: float(nominal.slope(key, partial(rail_factor, bus=bus, role=role))[0])
        for role in sorted(roles)
    }


def _weigh(squares: Array, power: Array) -> Array:
    weighed: Array = (squares @ power[:, :, None])[:, :, 0]
    return weighed


def _mean_over_points(values: Array, weights: Array | None) -> Array:
    """Return the mean (n_kinds, n_units) of (n_kinds, n_points or 1, n_units)."""
    if weights is None or values.shape[1] == 1:
        return np.asarray(values.mean(axis=1))
    return np.asarray((weights * values).sum(axis=1))
