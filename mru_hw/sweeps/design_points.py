"""Which combinations of the axes' values are the points of a plan: all of them, or a sample."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import math
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import UserError
from mru_hw.sweeps.axes import AXES, Axis
from mru_hw.sweeps.axis import Ground
from mru_hw.sweeps.axis_values import DIE, AxisValues
from mru_hw.sweeps.plan import Plan
from mru_hw.technology import load_technology

TECH = "tech"
"""The axis of several technologies: what others stand at without an axis is that of each."""
_DIGITS = 12
"""Significant digits of a value between two others, so that every machine has the same."""


def combinations(plan: Plan, ground: Ground) -> Iterator[dict[str, Any]]:
    """Yield the settings of each point: a value for every axis, its default where it has none.

    Raises
    ------
    UserError
        A value is none that its axis takes.
    """
    asked = {one.axis: one for one in plan.axes if one.axis != DIE}
    others = asked[TECH].values or () if TECH in asked else ()
    for k, value in enumerate(others):
        with _told(plan, TECH, f"values.{k}"):
            AXES[TECH].check(ground, value)
    grounds = {
        value: dataclasses.replace(ground, technology=load_technology(value)) for value in others
    } or {None: ground}
    fixed = {
        value: {n: axis.default(of) for n, axis in AXES.items() if n not in asked}
        for value, of in grounds.items()
    }
    for value, of in grounds.items():
        for name, one in asked.items():
            kind = "between" if one.values is None else "values"
            for k, each in enumerate(getattr(one, kind) or ()):
                with _told(plan, name, f"{kind}.{k}"):
                    AXES[name].check(of, each)
        for name, own in fixed[value].items():
            AXES[name].check(of, own)
    rows = _grid(asked) if plan.sample is None else _sample(plan, asked)
    drawn = [name for name, one in asked.items() if one.between is not None]
    for row in rows:
        for name in drawn:  # an axis may take both ends and not all that lies between them
            with _told(plan, name, "between"):
                AXES[name].check(grounds[row.get(TECH)], row[name])
        settings = fixed[row.get(TECH)] | row
        yield {name: settings[name] for name in AXES}


@contextlib.contextmanager
def _told(plan: Plan, axis: str, at: str) -> Iterator[None]:
    """Say of a mistake in a value of an axis where it stands."""
    try:
        yield
    except UserError as error:
        raise plan.of_axis(axis, error, at) from None


def _grid(asked: Mapping[str, AxisValues]) -> Iterator[dict[str, Any]]:
    """Yield all combinations, in the order of the table of axes."""
    names = [name for name in AXES if name in asked]
    for row in itertools.product(*(asked[name].values or () for name in names)):
        yield dict(zip(names, row, strict=True))


def _sample(plan: Plan, asked: Mapping[str, AxisValues]) -> Iterator[dict[str, Any]]:
    """Yield the combinations of a sample, those that come again left out."""
    if plan.sample is None:
        raise TypeError("The plan has no sample.")
    names = [name for name in AXES if name in asked]
    seen = set()
    for shares in places(plan.sample.method, plan.sample.points, len(names), plan.seed):
        row = {
            name: _value(AXES[name], asked[name], float(share))
            for name, share in zip(names, shares, strict=True)
        }
        if tuple(row.values()) not in seen:
            seen.add(tuple(row.values()))
            yield row


def places(method: str, n: int, d: int, seed: int) -> NDArray[np.float64]:
    """Return (n, d) places in the unit cube.

    ``sobol`` is Sobol's sequence (`scipy.stats.qmc`) moved by one random step, modulo 1
    (R. Cranley, T. N. L. Patterson, SIAM Journal on Numerical Analysis 13, 904, 1976): scipy's own
    scrambling changes between its versions, and a stored sweep has to give the same points.
    """
    stream = np.random.SeedSequence(seed, spawn_key=(zlib.crc32(b"sample"),))
    rng = np.random.Generator(np.random.Philox(stream))
    if method == "random":
        return rng.random((n, d))
    from scipy.stats import qmc

    sequence = qmc.Sobol(d, scramble=False).random_base2(max(0, math.ceil(math.log2(n))))
    return np.array((sequence[:n] + rng.random(d)) % 1.0)


def _value(axis: Axis, one: AxisValues, share: float) -> Any:
    """Return the value of an axis at a share of the way from its first to its last."""
    if one.between is None:
        values = one.values or ()
        return values[min(len(values) - 1, int(share * len(values)))]
    low, high = one.between
    if is_whole(axis):
        return min(high, low + int(share * (high - low + 1)))
    value = low * (high / low) ** share if one.scale == "log" else low + share * (high - low)
    return min(high, max(low, float(f"{value:.{_DIGITS}g}")))


def is_whole(axis: Axis) -> bool:
    """Whether the values of an axis are whole numbers."""
    return get_args(axis.kind)[0] is int
