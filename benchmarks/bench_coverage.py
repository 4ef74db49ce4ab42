"""How often a stopped sweep's interval has the truth in it, and how many dies common dies save.

``python -m benchmarks.bench_coverage`` prints JSON.

`coverage`: chips of one CMRU unit that decides whether its input is beyond its threshold; so a die
is right where its threshold lies on the right side of each input. Repetition r has the dies of a
sweep with the seed r, which are looked at as ``sweep --until`` looks at them, until their yield or
mean accuracy is known as well as asked for. The truth is what 20,000 dies of other seeds come to.
The first repetitions are run as sweeps as well, which must end with the same dies and interval.

`common`: the demo's network (``--model``) at two points each, on the same dies: the variance of the
difference of two independent means over that of the paired one, which is the factor in dies that
common ones save. Once over dies, for these sequences; once for other dies and sequences, from the
widths of the crossed intervals.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.study import computer, parsed, show, study
from mru_hw.model.io import save_model
from mru_hw.model.memory import CMRU
from mru_hw.model.network import Model
from mru_hw.model.structure import LayerSpec, ModelSpec
from mru_hw.simulate.behavioral import simulate_behavioral
from mru_hw.simulate.run import Chip
from mru_hw.statistics.crossed import two_way_band
from mru_hw.stimulus import Inputs, make_inputs, save_inputs
from mru_hw.sweeps.face import sweep
from mru_hw.sweeps.point_view import PointView
from mru_hw.sweeps.statistics.stopping import Until, Verdict, make_rule
from mru_hw.sweeps.view import RunView, open_run

MOST = 400
"""Dies of a repetition at most."""
REST = 20_000
"""Dies that the truth is taken from."""
Values = NDArray[np.float64]


def one_unit() -> Model:
    """A unit that takes its input for its candidate: class 1 where it steps up, else class 0."""
    layer = LayerSpec(cell=CMRU, n_units=1, n_out=1, levels=1)
    sizes: dict[str, Any] = {"n_in": 1, "n_hidden": 1, "n_classes": 2, "layers": (layer,)}
    spec = ModelSpec(frame_period=0.01, **sizes)
    tensors = {name: np.ones(shape) for name, shape in spec.tensor_shapes().items()}
    for name in ("input.bias", "layers.0.candidate.bias", "layers.0.output.bias"):
        tensors[name] = np.zeros(1)
    tensors |= {
        "layers.0.initial_state": np.zeros(1),
        "head.weight": np.array([[0.0], [1.0]]),
        "head.bias": np.array([0.5, 0.0]),
    }
    return Model(spec=spec, tensors=tensors)


def sequences() -> Inputs:
    """One frame each, from below the threshold to beyond it; half of them are to be class 1."""
    x = np.concatenate([np.linspace(0.80, 0.98, 10), np.linspace(1.02, 1.20, 10)])
    return make_inputs(x[:, None, None], y=(x > 1).astype(np.int64))


class Dies:
    """Accuracies of dies by their seeds, computed when they are asked for."""

    def __init__(self, model: Model, inputs: Inputs) -> None:
        self._chip, self._inputs = Chip(model), inputs

    def accuracy(self, seeds: range) -> Values:
        """(die,) shares of right decisions."""
        run = simulate_behavioral(
            self._chip.design,
            self._chip.calibration,
            self._inputs,
            [self._chip.die(seed) for seed in seeds],
            keep_all=False,
        )
        return np.asarray((run.trace.decision == self._inputs.y).mean(axis=1))


def stopped(
    until: Until, seed: int, dies: Dies, known: Values, value: Callable[[Values], Values]
) -> tuple[Verdict, Values]:
    """Look at the dies of a seed until the figure is known; return also what they were."""
    rule, root = make_rule(until, MOST), seed << 20
    while True:
        found = rule.judge(value(known))
        if found.band is not None:
            return found, known
        more = dies.accuracy(range(root + len(known), root + found.dies))
        known = np.concatenate([known, more])


def coverage(repetitions: int, swept: int, limit: float) -> dict[str, Any]:
    model, inputs = one_unit(), sequences()
    dies = Dies(model, inputs)
    figures: dict[str, tuple[Until, Callable[[Values], Values]]] = {
        "yield": (
            Until(figure="yield", half=0.05),
            lambda found: (found >= limit - 1e-9).astype(np.float64),
        ),
        "accuracy": (Until(figure="accuracy", half=0.01), lambda found: found),
    }
    rest = dies.accuracy(range(1 << 50, (1 << 50) + REST))
    verdicts: dict[str, list[Verdict]] = {name: [] for name in figures}
    for seed in range(repetitions):
        known = np.zeros(0)
        for name, (until, value) in figures.items():
            verdict, known = stopped(until, seed, dies, known, value)
            verdicts[name].append(verdict)
    told: dict[str, Any] = {"repetitions": repetitions, "limit": limit}
    for name, (until, value) in figures.items():
        told[name] = _told(verdicts[name], value(rest)) | {"until": str(until)}
    told["as_sweeps"] = [
        _same(model, inputs, seed, limit, until, verdicts[name][seed])
        for seed in range(swept)
        for name, (until, _) in figures.items()
    ]
    return told


def _told(verdicts: list[Verdict], rest: Values) -> dict[str, Any]:
    truth = float(rest.mean())
    bands = [one.band for one in verdicts if one.band is not None]
    inside = [band.low <= truth <= band.high for band in bands]
    return {
        "truth": truth,
        "truth_error": float(rest.std() / np.sqrt(len(rest))),
        "covered": float(np.mean(inside)),
        "too_high": float(np.mean([band.low > truth for band in bands])),
        "too_low": float(np.mean([band.high < truth for band in bands])),
        "reached": float(np.mean([one.reached for one in verdicts])),
        "dies_mean": float(np.mean([one.dies for one in verdicts])),
        "dies_most": max(one.dies for one in verdicts),
        "mean_of_estimates": float(np.mean([band.value for band in bands])),
    }


def _same(
    model: Model, inputs: Inputs, seed: int, limit: float, until: Until, wanted: Verdict
) -> bool:
    """Whether a sweep with this stop ends with the same dies and the same interval."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_model(model, folder / "model")
        save_inputs(inputs, folder / "x.npz")
        plan = {
            "model": str(folder / "model"),
            "inputs": str(folder / "x.npz"),
            "n_dies": MOST,
            "seed": seed,
            "spec": {"accuracy": {"at_least": limit}},
        }
        sweep(plan, folder / "run.sqlite", until=str(until), workers=1)
        with open_run(folder / "run.sqlite") as run:
            assert run.until is not None
            (found,) = run.until["populations"]
    assert wanted.band is not None
    band = {"value": wanted.band.value, "low": wanted.band.low, "high": wanted.band.high}
    return bool(found["dies"] == wanted.dies and all(found[n] == band[n] for n in band))


# ------------------------------------------------------------------------------------ common dies

PAIRS: dict[str, list[dict[str, Any]]] = {
    "27 and 85 degC": [{"axis": "temperature", "values": [27, 85]}],
    "1.8 and 1.7 V": [{"axis": "v_dd", "values": ["1.8 V", "1.7 V"]}],
    "noise 0 and 1": [{"axis": "noise_scale", "values": [0, 1]}],
    "corners tt and ss": [{"axis": "corner", "values": ["tt", "ss"]}],
    "mismatch 1 and 1.2": [{"axis": "mismatch_scale", "values": [1, 1.2]}],
    "1 nA and 900 pA": [{"axis": "i_unit", "values": ["1 nA", "900 pA"]}],
}


def common(model: Path, inputs: Path, n_dies: int) -> dict[str, Any]:
    told = {}
    for name, axes in PAIRS.items():
        plan = {"model": str(model.resolve()), "inputs": str(inputs.resolve())}
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "run.sqlite"
            sweep(plan | {"n_dies": n_dies, "axes": axes}, out, workers=1)
            with open_run(out) as run:
                first, second = run.points
                told[name] = {
                    "accuracy": _saved(first.accuracy, second.accuracy),
                    "energy": _saved(first.energy, second.energy),
                    "accuracy_crossed": _saved_crossed(*(_right(run, p) for p in run.points)),
                }
    return told | {"dies": n_dies, "model": str(model)}


def _saved(first: Values, second: Values) -> dict[str, float]:
    paired = float((second - first).var(ddof=1))
    apart = float(first.var(ddof=1) + second.var(ddof=1))
    difference = float((second - first).mean())
    return {"difference": difference, "factor": apart / paired if paired else np.inf}


def _right(run: RunView, point: PointView) -> Values:
    return np.concatenate(list(run.right(point))).astype(np.float64)


def _saved_crossed(first: Values, second: Values) -> dict[str, float]:
    """The same from the widths of intervals for other dies and sequences."""
    one, other, paired = (two_way_band([values]) for values in (first, second, second - first))
    assert one is not None
    assert other is not None
    assert paired is not None
    apart = one.half**2 + other.half**2
    factor = apart / paired.half**2 if paired.half else np.inf
    return {"half": paired.half, "half_apart": float(np.sqrt(apart)), "factor": factor}


def main() -> None:
    parser = study(__doc__, tech=False, work=False)
    parser.add_argument("--repetitions", type=int, default=1000)
    parser.add_argument("--sweeps", type=int, default=5, help="repetitions run as sweeps too")
    parser.add_argument("--limit", type=float, default=0.9, help="accuracy that a die must have")
    parser.add_argument("--model", type=Path, help="a trained network, for what common dies save")
    parser.add_argument("--inputs", type=Path)
    parser.add_argument("--dies", type=int, default=200)
    given = parsed(parser)
    told: dict[str, Any] = {"machine": computer()}
    if given.repetitions:
        told["coverage"] = coverage(given.repetitions, given.sweeps, given.limit)
    if given.model is not None:
        told["common"] = common(given.model, given.inputs, given.dies)
    show(told)


if __name__ == "__main__":
    main()
