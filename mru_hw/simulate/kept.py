"""What a run of an array level returns, filled piece by piece, and how large it may be."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mru_hw.errors import Bare, UserError
from mru_hw.model.memory.recurrence import Floats
from mru_hw.model.structure import ModelSpec
from mru_hw.simulate.trace import TRACE_BYTES, Trace

CGROUP = Path("/sys/fs/cgroup/memory.max")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Arrays of a trace over dies, NaN until they are filled.

    Attributes
    ----------
    arrays
        By kind, one array a layer: ``candidate``, (n_die, n_seq, n_time, n_candidates), and
        ``state``, (n_die, n_seq, n_time, n_states), and ``output`` with the only one,
        (n_die, n_seq, n_time, n_classes). Empty in a run that keeps decisions only.
    """

    arrays: Mapping[str, tuple[Floats, ...]]

    @classmethod
    def empty(cls, spec: ModelSpec, shape: tuple[int, int, int], dtype: DTypeLike) -> Kept:
        """Make room for `shape`, (n_die, n_seq, n_time).

        Raises
        ------
        UserError
            `refuse_trace` refuses it.
        """
        refuse_trace(spec, shape, np.dtype(dtype).itemsize)
        arrays = {
            kind: tuple(np.full((*shape, n), np.nan, dtype) for n in widths)
            for kind, widths in _widths(spec).items()
        }
        return cls(arrays=arrays)

    @classmethod
    def nothing(cls) -> Kept:
        """Keep decisions only."""
        return cls(arrays={})

    def trace(self, decision: NDArray[np.int64]) -> Trace:
        """Return everything; `decision` is (n_die, n_seq). The energy is NaN: nothing is priced."""
        return Trace(
            decision=decision,
            energy_J=np.full(decision.shape, np.nan),
            output=self.arrays["output"][0] if self.arrays else None,
            candidates=self.arrays.get("candidate", ()),
            states=self.arrays.get("state", ()),
        )


def trace_bytes(spec: ModelSpec, shape: tuple[int, int, int], itemsize: int) -> int:
    """Return the size of a trace over `shape`, (n_die, n_seq, n_time) [bytes]."""
    n_die, n_seq, n_time = shape
    return n_die * n_seq * n_time * itemsize * sum(sum(each) for each in _widths(spec).values())


def refuse_trace(spec: ModelSpec, shape: tuple[int, int, int], itemsize: int) -> None:
    """Refuse a run whose trace could not be held, before it begins.

    Raises
    ------
    UserError
        The trace has more than `TRACE_BYTES`, so it could not be read again, or more than this
        machine has left.
    """
    size, free = trace_bytes(spec, shape, itemsize), free_memory()
    limit, why = TRACE_BYTES, "what a trace may have"
    if free is not None and free < limit:
        limit, why = free, "what this machine has left"
    if size > limit:
        n_die, n_seq, n_time = shape
        on = f" on {n_die} dies" if n_die > 1 else ""
        raise UserError(
            "trace",
            Bare(f"{size:,} bytes for {n_seq:,} x {n_time:,} frames{on}"),
            f"at most {limit:,} bytes, {why}: run fewer sequences (`sequences`) or shorter ones",
        )


def free_memory(meminfo: Path = Path("/proc/meminfo"), cgroup: Path = CGROUP) -> int | None:
    """Return what is left of this machine's memory, at most its container's limit [bytes].

    None where neither is told: off Linux the system decides.
    """
    left = []
    with contextlib.suppress(OSError, ValueError, KeyError):
        words = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        left.append(1024 * int(words["MemAvailable"].split()[0]))
    with contextlib.suppress(OSError, ValueError):
        # The whole of it: what it has used is partly cache.
        left.append(int(cgroup.read_text()))
    return min(left, default=None)


def _widths(spec: ModelSpec) -> dict[str, list[int]]:
    return {
        "candidate": [layer.n_candidates for layer in spec.layers],
        "state": [layer.n_states for layer in spec.layers],
        "output": [spec.n_classes],
    }
