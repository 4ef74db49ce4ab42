"""The costliest mirrors of a sensitivity enlarged: wrong steps that go, prediction beside dies.

``python -m benchmarks.bench_sensitivity MODEL --inputs X.npz AREA...`` prints JSON, one row for the
chip as it is and one for each AREA, such as ``v0/diode_plus=4`` or several joined by commas: wrong
steps of the same dies with all mismatch, what goes against the chip as it is (paired, with its
interval), and what the error budget of the chip as it is says of dividing these mirrors' variances
by the factor, and what that of the enlarged chip says, whose ratios are rounded again.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.study import machine, parsed, show, study
from mru_hw.mapping.areas import mirrors_of
from mru_hw.mapping.options import DesignOptions
from mru_hw.model.io import load_model
from mru_hw.simulate.run import Chip
from mru_hw.simulate.sensitivity.judge import MEASURES
from mru_hw.simulate.sensitivity.prediction import Prediction, predict
from mru_hw.simulate.sensitivity.study import Study, make_study
from mru_hw.statistics.crossed import two_way_band
from mru_hw.stimulus import Inputs, load_inputs
from mru_hw.technology.conditions import nominal_conditions


def made(chip: Chip, inputs: Inputs) -> Study:
    conditions = nominal_conditions(chip.design.technology)
    return make_study(chip, inputs, "layer", conditions=conditions)


def predicted(chip: Chip, prediction: Prediction, area: dict[str, int]) -> float:
    """Return the wrong steps that the chip's budget has with these mirrors' variances divided."""
    mirrors = mirrors_of(chip.design)
    wanted = {mirrors[owner, role]: area[f"{owner}/{role}"] for owner, role in map(_key, area)}
    scaled = Prediction(
        margin=prediction.margin,
        threshold=prediction.threshold,
        variances={
            key: values / wanted.get(mirrors[key], 1)
            for key, values in prediction.variances.items()
        },
        n_steps=prediction.n_steps,
    )
    return scaled.wrong(scaled.variances)


def _key(name: str) -> tuple[str, str]:
    owner, _, role = name.rpartition("/")
    return owner, role


def main() -> None:
    parser = study(__doc__, tech=False, work=False)
    parser.add_argument("model", type=Path)
    parser.add_argument("area", nargs="*")
    parser.add_argument("--inputs", type=Path, required=True)
    parser.add_argument("--dies", type=int, default=40)
    given = parsed(parser)
    model, inputs = load_model(given.model), load_inputs(given.inputs)
    base = Chip(model)
    first = made(base, inputs)
    judge = first.judge()
    prediction = predict(first, judge)
    share = len(judge.n_steps) / float(judge.n_steps.sum())
    rows: list[dict[str, Any]] = []
    before = None
    for text in ("", *given.area):
        pairs = (one.partition("=") for one in text.split(",") if one)
        area = {name: int(factor) for name, _, factor in pairs}
        chip = Chip(model, options=DesignOptions(area=area)) if area else base
        its = made(chip, inputs)
        dies = [chip.die(seed) for seed in (None, *range(given.dies))]
        own = its.judge()
        nominal, *counts = its.count(own, dies)
        now = np.array(counts)
        before = now if before is None else before
        again = prediction if chip is base else predict(its, own)
        row: dict[str, Any] = {
            "area": area,
            "predicted": predicted(base, prediction, area),
            "predicted_again": again.wrong(again.variances),
        }
        for k, name in enumerate(MEASURES):
            unit = share if "steps" in name else 1.0
            gone = two_way_band([(before[:, k] - now[:, k]) * unit])
            assert gone is not None
            row[name] = {
                "nominal": float(nominal[k].mean() * unit),
                "dies": float(now[:, k].mean() * unit),
                "gone": [gone.value, gone.low, gone.high],
            }
        print(row, file=sys.stderr, flush=True)
        rows.append(row)
    show({"rows": rows, "machine": machine()})


if __name__ == "__main__":
    main()
