"""What an alphaCMRU loses as the nearest CMRU of K levels, on the spoken digits.

``python -m benchmarks.bench_quantise --work FOLDER`` trains the demo's network with alphaCMRUs in
place of its CMRUs (2 x 16, --epochs), makes it a CMRU network for every K of --levels, by the
states of the validation rows, and prints JSON: the variance of states that is lost by layer, and on
the test rows decisions alike and accuracies in software and on the nominal chip, with its energy.
"""

from __future__ import annotations

import os

# Before numpy loads.
os.environ["OMP_NUM_THREADS"] = "1"

from typing import Any

import numpy as np

import mru_hw
from benchmarks.study import computer, parsed, show, study
from mru_hw.errors import UserError
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.quantise import quantised
from mru_hw.training.config import TrainConfig, shipped_config
from mru_hw.training.digits import load_digits, split_rows


def main() -> None:
    parser = study(__doc__, tech=False, required=True)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--levels", type=int, nargs="+", default=[1, 2, 3, 4, 6, 8])
    given, rows = parsed(parser), []
    split = split_rows(load_digits())
    for seed in given.seeds:
        document = shipped_config("digits-2x16", seed).as_data()
        document["training"]["epochs"] = given.epochs
        for layer in document["network"]["layers"]:
            layer["cell"] = "alpha_cmru"
        mru_hw.train(TrainConfig.model_validate(document), given.work / f"alpha-{seed}")
        model = mru_hw.load_model(given.work / f"alpha-{seed}")
        known = simulate_ideal(model, split.test, keep="decisions").decision
        rows.append({"seed": seed, "alpha_cmru": float(np.mean(known == split.test.y))})
        for levels in given.levels:
            made = quantised(model, split.validation, levels)
            found = simulate_ideal(made.model, split.test, keep="decisions").decision
            row: dict[str, Any] = {
                "seed": seed,
                "K": levels,
                "lost": made.lost,
                "alike": float(np.mean(found == known)),
                "software": float(np.mean(found == split.test.y)),
            }
            try:
                run = mru_hw.Chip(made.model).run(split.test)
                row["chip"] = float(np.mean(run.trace.decision == split.test.y))
                row["energy_J"] = float(np.mean(run.trace.energy_J))
            except UserError as error:
                row["refused"] = str(error)
            rows.append(row)
    show({"machine": computer(), "rows": rows})


if __name__ == "__main__":
    main()
