"""Hashes of what the compiled kernel gives: ``python -m tests.laws.kernel_bits [LANES]``.

A processor is chosen before numba loads, by the variables NUMBA_CPU_NAME and NUMBA_CPU_FEATURES,
and a width of blocks before anything is compiled; so both take a process of their own.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import sys
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from mru_hw.simulate.behavioral import NoiseRun, simulate_behavioral
from mru_hw.simulate.die_results import BehavioralRun
from mru_hw.simulate.fast import run as fast
from mru_hw.simulate.fast import source
from mru_hw.simulate.run import Chip
from mru_hw.technology import load_technology
from mru_hw.variation import draw_die
from tests.laws.test_kernel import NETWORKS, drawn_inputs

WIDTHS = (
    "mru_hw.simulate.blocks.BLOCK_SEQUENCES",
    "mru_hw.simulate.fast.run.LANES",
    "mru_hw.simulate.fast.noise_tables.LANES",
)
NOISE = {"quiet": None, "noise": NoiseRun(seed=3), "loud": NoiseRun(seed=3, scale=20.0)}


def hashes() -> Iterator[tuple[str, dict[str, str]]]:
    """Yield, for every network, technology, number type and noise, hashes of its runs.

    ``kept`` is of all signals, and ``eager`` and ``lazy`` are of the decisions and the supply
    currents of runs that keep all signals and none.
    """
    for name, make in NETWORKS.items():
        for technology in ("generic180", "sky130"):
            chip = Chip(make(), load_technology(technology))
            inputs = drawn_inputs(chip.model.spec.n_in, n_seq=70, n_time=20)
            dies = [chip.die(5), draw_die(chip.design, 6, process=1.0, gradient=1.0)]
            for dtype in (np.float32, np.float64):
                for loudness, noise in NOISE.items():
                    eager, lazy = (
                        simulate_behavioral(
                            chip.design,
                            chip.calibration,
                            inputs,
                            dies,
                            kernel="numba",
                            dtype=dtype,
                            noise=noise,
                            keep_all=keep,
                        )
                        for keep in (True, False)
                    )
                    title = f"{name}, {technology}, {np.dtype(dtype).name}, {loudness}"
                    assert eager.trace.output is not None
                    signals = (
                        *eager.trace.states,
                        *eager.trace.candidates,
                        eager.trace.output,
                    )
                    kept = _hash(*signals)
                    yield title, {"kept": kept, "eager": _sums(eager), "lazy": _sums(lazy)}


def _sums(run: BehavioralRun) -> str:
    return _hash(run.trace.decision, run.supply.static, run.supply.switching)


def _hash(*arrays: NDArray[Any]) -> str:
    found = hashlib.sha256()
    for one in arrays:
        found.update(np.ascontiguousarray(one).tobytes())
    return found.hexdigest()


def main() -> None:
    lanes = int(sys.argv[1]) if sys.argv[1:] else source.LANES
    with contextlib.ExitStack() as patched:
        for name in WIDTHS:
            patched.enter_context(patch(name, lanes))
        kernel = functools.partial(source.kernel, width=lanes)
        patched.enter_context(patch.object(fast, "kernel", kernel))
        sys.stdout.write(json.dumps(dict(hashes())))


if __name__ == "__main__":
    main()
