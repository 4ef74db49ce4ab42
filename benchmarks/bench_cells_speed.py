"""Milliseconds of a training step of one layer of each cell, beside torch's GRU, as JSON.

    python benchmarks/bench_cells_speed.py --lengths 100 1000 10000

A step is forward and backward through one memory layer with its output map, batch 32, width 64,
float32, one thread, the least of several repetitions; `of_gru` is its ratio to the GRU's. The cells
take turns, so that what else the machine does meets all of them. Seconds of processor time, not of
the wall clock: a shared machine counts alike.
"""

from __future__ import annotations

import json
import time

import torch

from benchmarks.study import parsed, study
from mru_hw.model.memory import CELLS
from mru_hw.model.structure import LayerSpec
from mru_hw.training.fit import one_thread
from mru_hw.training.memory import MemoryLayer, memory_layer

YARDSTICK = "gru"


def one_layer(cell: str, width: int) -> MemoryLayer:
    """A new layer, as wide at its input and output as in its units; K = 2 where it takes one."""
    levels = 2 if CELLS[cell].takes_levels else None
    spec = LayerSpec.model_validate(
        {"cell": cell, "n_units": width, "n_out": width, "levels": levels}
    )
    layer = memory_layer(spec, width)
    with torch.no_grad():
        layer.draw(torch.Generator().manual_seed(0))
    return layer


def milliseconds(layer: MemoryLayer, v: torch.Tensor) -> tuple[float, float]:
    """Return forward and forward with backward [ms]."""
    layer.zero_grad(set_to_none=True)
    began = time.process_time()
    loss = layer(v).out.square().mean()
    forward = time.process_time() - began
    torch.autograd.backward(loss)
    return 1e3 * forward, 1e3 * (time.process_time() - began)


def main() -> None:
    parser = study(__doc__, tech=False, work=False)
    parser.add_argument("--cells", nargs="+", default=list(CELLS), choices=CELLS)
    parser.add_argument("--lengths", nargs="+", type=int, default=[100, 1000, 10_000])
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=5)
    given = parsed(parser)
    layers = {cell: one_layer(cell, given.width) for cell in {YARDSTICK, *given.cells}}
    with one_thread():
        for length in given.lengths:
            generator = torch.Generator().manual_seed(length)
            v = torch.randn((given.batch, length, given.width), generator=generator)
            best = {cell: (float("inf"), float("inf")) for cell in layers}
            for _ in range(given.repeats if length < 5000 else 2):
                for cell, layer in layers.items():
                    found = milliseconds(layer, v)
                    best[cell] = (min(best[cell][0], found[0]), min(best[cell][1], found[1]))
            line = {
                "length": length,
                "batch": given.batch,
                "width": given.width,
                "cells": {
                    cell: {
                        "forward_ms": round(best[cell][0], 1),
                        "step_ms": round(best[cell][1], 1),
                        "of_gru": round(best[cell][1] / best[YARDSTICK][1], 2),
                    }
                    for cell in given.cells
                },
            }
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
