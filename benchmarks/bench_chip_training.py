"""What training with the chip in the loop wins back, on the spoken digits with 2 x 16 units.

``python -m benchmarks.bench_chip_training --work FOLDER`` trains, for each seed of --seeds, the
network of the demo and the same without noise in training, and goes on from them on chips: at 1, 4
and 8 times the mismatch, at 100 pA from 27 to 85 degC, at 30 pA from 0 to 50 degC, and at fixed
current with a price on what the supply gives. Of several --recipes the first seed chooses one for
all, by a sweep of the validation rows (--chosen-by dies) at what the case trains for; then the test
rows are swept once, on --dies dies. The states
that move in time (``timed``) are of --timed dies. What is done stays in FOLDER, and a call that was
cut off goes on. Prints JSON.
"""

from __future__ import annotations

import os

# Before numpy loads.
os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import mru_hw
from benchmarks.study import computer, parsed, show, study, tell
from mru_hw.stimulus import Inputs, save_inputs
from mru_hw.training.config import TrainConfig, shipped_config
from mru_hw.training.digits import load_digits, split_rows

Document = Mapping[str, Any]
LOW = {"i_unit": "100 pA", "diode_units": [16, 32, 64]}
LOWEST = {"i_unit": "30 pA", "diode_units": [16], "bias_units": 24, "hold": 6, "width": 12}
RECIPES: Mapping[str, Document] = {
    "gentle": {"epochs": 16, "learning_rate": 0.004, "candidate": 0.1},
    "long": {"epochs": 48, "learning_rate": 0.01, "candidate": 0.1},
    "noisy": {"epochs": 24, "learning_rate": 0.01, "candidate": 0.4},
    "thorough": {"epochs": 60, "learning_rate": 0.02, "candidate": 0.4},
    "apart": {
        "epochs": 60,
        "learning_rate": 0.02,
        "candidate": 0.4,
        "chip": {"margin_price": 0.02, "margin": 0.5},
    },
    "mixed": {
        "epochs": 60,
        "learning_rate": 0.02,
        "candidate": 0.4,
        "chip": {"mismatch": [1, 4, 8]},
    },
}
"""How a network goes on; which one a case takes, its validation sweep says."""
AROUND = {"warp": 0.15, "offset": 0.1, "feature": 0.1}
"""What is drawn of the sequences themselves: no hardware."""
PRICES = (0.001, 0.0017, 0.003, 0.01, 0.03)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A training on a chip, and where its network is looked at beside the one it came from.

    Attributes
    ----------
    start
        The network to go on from: ``demo`` or ``silent``.
    chip
        As in CONFIG.yaml.
    design
        Of the sweeps.
    axis
        The axis of the sweeps and its values.
    timed
        Temperature [degC] at which states move with their delays; None for none.
    """

    start: str
    chip: Document
    design: Document
    axis: tuple[str, tuple[float, ...]]
    timed: float | None = None


MISMATCH = ("mismatch_scale", (1.0, 4.0, 8.0))
CASES: Mapping[str, Case] = {
    **{
        f"{start}, mismatch {scale}": Case(
            start=start, chip={"mismatch": [scale]}, design={}, axis=MISMATCH
        )
        for start in ("demo", "silent")
        for scale in (1, 4, 8)
    },
    "demo, 100 pA": Case(
        start="demo",
        chip={"design": LOW, "temperature": [27, 56, 85]},
        design=LOW,
        axis=("temperature", (27.0, 85.0)),
        timed=27.0,
    ),
    "demo, 30 pA": Case(
        start="demo",
        chip={"design": LOWEST, "temperature": [0, 25, 50]},
        design=LOWEST,
        axis=("temperature", (0.0, 25.0, 50.0)),
        timed=25.0,
    ),
    **{
        f"demo, price {price}": Case(
            start="demo", chip={"supply_price": price}, design={}, axis=("mismatch_scale", (1.0,))
        )
        for price in PRICES
    },
}


class Study:
    """What stands in the folder of --work."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.given, self.work = given, given.work
        split = split_rows(load_digits())
        self._rows: dict[str, Inputs] = {"validation": split.validation, "test": split.test}
        for name, rows in self._rows.items():
            if not (self.work / f"{name}.npz").is_file():
                save_inputs(rows, self.work / f"{name}.npz")

    def began(self, start: str, seed: int) -> Path:
        """The network to go on from: the demo's, or the same trained without its hardware noise."""
        config = shipped_config("digits-2x16", seed)
        if start == "silent":
            noise = {"weight": 0, "rounding": 0, "candidate": 0, **AROUND}
            config = changed(config, training=config.training.model_dump() | {"noise": noise})
        return self._trained(f"{start}-{seed}", config)

    def gone_on(self, case: Case, name: str, recipe: str, seed: int) -> Path:
        """The network after its training on the chip."""
        keys = dict(RECIPES[recipe])
        chip = dict(case.chip) | keys.pop("chip", {})
        noise = {"weight": 0, "rounding": 0, "candidate": keys.pop("candidate"), **AROUND}
        config = changed(
            shipped_config("digits-2x16", seed),
            training=keys | {"warm_up": 0.1, "noise": noise},
            chip=chip,
        )
        place = f"{name}-{recipe}-{seed}".replace(", ", "-").replace(" ", "")
        return self._trained(place, config, self.began(case.start, seed))

    def _trained(self, name: str, config: TrainConfig, start: Path | None = None) -> Path:
        out: Path = self.work / name
        if not out.is_dir():
            tell(f"training {name}")
            mru_hw.train(config, out, start=start)
        return out

    def swept(self, model: Path, case: Case, rows: str, dies: int) -> list[dict[str, float]]:
        """Accuracy and energy over dies, at each value of the case's axis."""
        axis, values = case.axis
        plan = {
            "model": str(model),
            "inputs": str(self.work / f"{rows}.npz"),
            "design": dict(case.design),
            "n_dies": dies,
            "axes": [{"axis": axis, "values": list(values)}],
        }
        text = json.dumps(plan, sort_keys=True).encode()
        kind = hashlib.sha256(text).hexdigest()[:12]
        found = mru_hw.sweep(plan, self.work / f"sweep-{kind}.sqlite", workers=1)
        return [dict(point(axis, value, found.rows)) for value in values]

    def timed(self, model: Path, case: Case) -> dict[str, float]:
        """Accuracies of the first dies, settled and with states that move in time."""
        chip = mru_hw.Chip(mru_hw.load_model(model), options=mru_hw.DesignOptions(**case.design))
        inputs, found = self._rows["test"].take(slice(0, self.given.timed_sequences)), {}
        for timing in ("settled", "timed"):
            right = [
                np.mean(
                    chip.run(inputs, die=die, temperature=case.timed, timing=timing).trace.decision
                    == inputs.y
                )
                for die in range(self.given.timed)
            ]
            found[timing] = float(np.mean(right))
        return found


def changed(config: TrainConfig, **keys: Any) -> TrainConfig:
    """A configuration with other keys."""
    return TrainConfig.model_validate(config.as_data() | keys)


def point(axis: str, value: float, rows: Any) -> Iterator[tuple[str, float]]:
    """Yield the figures of one point: shares and joules."""
    own = [row for row in rows if row[axis] == value and row["status"] == "done"]
    accuracy = np.array([row["accuracy"] for row in own])
    yield axis, value
    yield "dies", len(own)
    yield "accuracy", accuracy.mean()
    yield "deviation", accuracy.std()
    yield "p10", float(np.percentile(accuracy, 10))
    yield "energy_J", float(np.mean([row["energy_J"] for row in own]))


def tried(work: Study, name: str, case: Case) -> dict[str, list[dict[str, float]]]:
    """Sweep the validation rows after each recipe, of the first seed; not where one is asked."""
    given = work.given
    if len(given.recipes) == 1:
        return {given.recipes[0]: []}
    return {
        recipe: work.swept(
            work.gone_on(case, name, recipe, given.seeds[0]), case, "validation", given.chosen_by
        )
        for recipe in given.recipes
    }


def studied(work: Study, name: str, case: Case, seed: int) -> dict[str, Any]:
    """One case of one seed, before and after the recipe that the first seed chose, on test."""
    given = work.given
    before, choice = work.began(case.start, seed), tried(work, name, case)
    chosen = max(choice, key=lambda recipe: sum(p["accuracy"] for p in aimed(case, choice[recipe])))
    after = work.gone_on(case, name, chosen, seed)
    found: dict[str, Any] = {
        "case": name,
        "seed": seed,
        "validation": choice,
        "recipe": chosen,
        "software": {
            key: mru_hw.load_model(model).spec.metrics["accuracy"]
            for key, model in (("before", before), ("after", after))
        },
        "before": work.swept(before, case, "test", given.dies),
        "after": work.swept(after, case, "test", given.dies),
    }
    if case.timed is not None and given.timed:
        found["timed"] = {
            "degC": case.timed,
            "before": work.timed(before, case),
            "after": work.timed(after, case),
        }
    return found


def aimed(case: Case, points: list[dict[str, float]]) -> list[dict[str, float]]:
    """The points that a case trains for: of several scales of mismatch its own."""
    own = case.chip.get("mismatch")
    return [p for p in points if own is None or p.get("mismatch_scale") in own]


def main() -> None:
    parser = study(__doc__, tech=False, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--dies", type=int, default=300)
    parser.add_argument("--chosen-by", type=int, default=100, help="dies of a validation sweep")
    parser.add_argument("--timed", type=int, default=3, help="dies whose states move in time")
    parser.add_argument("--timed-sequences", type=int, default=300, help="of the test rows")
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    given = parsed(parser)
    work, results = Study(given), []
    for seed in given.seeds:
        for name in given.cases:
            done = given.work / f"{name}-{seed}.json"
            results.append(studied(work, name, CASES[name], seed))
            done.write_text(json.dumps(results[-1], indent=2), encoding="utf-8")
    show({"machine": computer(), "results": results})


if __name__ == "__main__":
    main()
