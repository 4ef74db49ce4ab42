"""Accuracy and seconds of the shipped digit networks over seeds, as JSON lines.

    python benchmarks/bench_training.py digits-2x16 digits-2x8 --seeds 0 1 2 3 4

Each line: validation and test accuracy as trained, on the 6-bit grid of ratios (m/16, |m| <= 64),
and the mean over 10 draws of 5 % gain error on each rounded weight.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.study import parsed, study
from mru_hw.model.network import Model
from mru_hw.training.config import SHIPPED, shipped_config
from mru_hw.training.digits import load_digits, split_rows
from mru_hw.training.run import evaluate, train

Tensors = Mapping[str, NDArray[np.float64]]
GRID, LARGEST, GAIN_ERROR, DRAWS = 1 / 16, 4.0, 0.05, 10


def rounded(tensors: Tensors) -> Tensors:
    """Weights and biases on the grid; settings of the cells as they are."""
    return _weights(tensors, lambda w: np.clip(np.rint(w / GRID) * GRID, -LARGEST, LARGEST))


def perturbed(tensors: Tensors, rng: np.random.Generator) -> Tensors:
    """Each weight and bias off by its own gain error."""
    return _weights(tensors, lambda w: w * (1.0 + GAIN_ERROR * rng.standard_normal(w.shape)))


def _weights(
    tensors: Tensors, change: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> Tensors:
    return {
        name: change(value) if name.endswith((".weight", ".bias")) else value
        for name, value in tensors.items()
    }


def main() -> None:
    parser = study(__doc__, tech=False, work=False)
    parser.add_argument("names", nargs="*", default=["digits-2x16", "digits-2x8"], choices=SHIPPED)
    parser.add_argument("--seeds", nargs="+", type=int, default=list(range(5)))
    parser.add_argument("--keep", type=Path, help="folder to keep the models in")
    given = parsed(parser)
    split = split_rows(load_digits())
    with tempfile.TemporaryDirectory() as scratch:
        for name in given.names:
            for seed in given.seeds:
                out = (given.keep or Path(scratch)) / f"{name}-seed{seed}"
                trained = train(shipped_config(name, seed), out)
                spec = trained.model.spec
                grid = rounded(trained.model.tensors)
                rng = np.random.default_rng(seed)
                dies = [
                    evaluate(Model(spec=spec, tensors=perturbed(grid, rng)), split)
                    for _ in range(DRAWS)
                ]
                line = {
                    "name": name,
                    "seed": seed,
                    "seconds": round(trained.seconds, 1),
                    "accuracy": trained.accuracy,
                    "rounded": evaluate(Model(spec=spec, tensors=grid), split),
                    "gain_error": {
                        part: float(np.mean([die[part] for die in dies])) for part in dies[0]
                    },
                }
                print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
