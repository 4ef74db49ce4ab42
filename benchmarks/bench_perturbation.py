"""The literature's robustness protocol on trained networks, beside the mismatch of their chips.

``python -m benchmarks.bench_perturbation CMRU=demo-out/model BMRU=bmru FQ-BMRU=fq
--inputs demo-out/inputs.npz --work DIR`` prints JSON.

Every parameter is multiplied by 1 + N(0, (p/300)^2), p in per cent (arXiv 2605.15216: 5, 10 and 15,
10 trials). `software` runs the perturbed networks as they are; its first ten trials are the
protocol's, and `of_ten` says how far the mean of ten trials lies from that of others. `chip` maps
each perturbed network and runs it on the nominal die (``mru-hw sweep``, axis `perturbation`).
`dies` is the unperturbed network on dies with mismatch. DIR keeps the sweeps: a call that was cut
off goes on.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray

from benchmarks.study import computer, parsed, show, study, tell
from mru_hw.model.io import load_model
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.stimulus import Inputs, load_inputs
from mru_hw.sweeps.face import sweep
from mru_hw.sweeps.setup import perturbed
from mru_hw.sweeps.view import open_run

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PERCENTS = (5.0, 10.0, 15.0)
OF_TEN = 10
"""Trials of the protocol."""
Shares = NDArray[np.float64]


def software(path: Path, inputs: Inputs, percent: float, trials: int, kept: Path) -> Shares:
    """(trial,) accuracies of the perturbed networks; those in the file `kept` are not run again."""
    found = np.load(kept) if kept.exists() else np.zeros(0)
    model = load_model(path)
    more = []
    for trial in range(len(found), trials):
        other = perturbed(model, percent, 0, trial)
        decision = simulate_ideal(other, inputs, keep="decisions").decision
        more.append(float(np.mean(decision == inputs.y)))
    found = np.concatenate([found, more])
    np.save(kept, found)
    return found[:trials]


def swept(plan: dict[str, Any], out: Path) -> list[Shares]:
    """Accuracies of the runs of each point."""
    sweep(plan, out, workers=1)
    with open_run(out) as run:
        return [point.accuracy for point in run.points]


def told(shares: Shares) -> dict[str, Any]:
    """Mean, deviation and percentiles over trials or dies."""
    p5, p95 = np.percentile(shares, [5, 95])
    found = {"n": len(shares), "mean": shares.mean(), "sd": shares.std(ddof=1)}
    return found | {"least": shares.min(), "p5": p5, "p95": p95}


def of_ten(shares: Shares) -> dict[str, Any]:
    """The protocol's ten trials, and how much the means of ten others differ."""
    tens = shares[: len(shares) // OF_TEN * OF_TEN].reshape(-1, OF_TEN).mean(axis=1)
    sd = tens.std(ddof=1) if len(tens) > 1 else np.nan
    return told(shares[:OF_TEN]) | {"sd_of_means": sd}


def measure(name: str, path: Path, given: Any, inputs: Inputs) -> dict[str, Any]:
    model, work = load_model(path), given.work
    whole = simulate_ideal(model, inputs, keep="decisions").decision
    common = {"model": str(path.resolve()), "inputs": str(given.inputs.resolve())}
    axes = [
        {"axis": "mismatch_scale", "values": [0]},
        {"axis": "perturbation", "values": [0, *PERCENTS], "trials": given.chip_trials},
    ]
    chip = swept(common | {"axes": axes}, work / f"{name}-chip.sqlite")
    tell(f"{name}: chip")
    (dies,) = swept(common | {"n_dies": given.dies}, work / f"{name}-dies.sqlite")
    tell(f"{name}: dies")
    rows = []
    for k, percent in enumerate(PERCENTS):
        kept = work / f"{name}-{percent:g}.npy"
        shares = software(path, inputs, percent, given.trials, kept)
        tell(f"{name}: software, p = {percent:g} %")
        row: dict[str, Any] = {"p": percent, "of_ten": of_ten(shares), "software": told(shares)}
        rows.append(row | {"chip": told(chip[k + 1]), "chip_of_ten": told(chip[k + 1][:OF_TEN])})
    return {
        "software": float(np.mean(whole == inputs.y)),
        "chip": float(chip[0].mean()),
        "dies": told(dies),
        "perturbed": rows,
    }


def draw(found: dict[str, dict[str, Any]], path: Path) -> None:
    """One panel a network: accuracies against p, means and P5 to P95; the dies' beside them."""
    figure, panels = plt.subplots(
        1, len(found), figsize=(3.1 * len(found), 3.0), sharey=True, squeeze=False
    )
    for panel, (name, one) in zip(panels[0], found.items(), strict=True):
        _panel(panel, one)
        panel.set_title(name, fontsize=9)
        panel.set_xlabel("p [%]")
    panels[0, 0].set_ylabel("accuracy [%]")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, fontsize=7, loc="lower center", ncols=len(labels), frameon=False)
    figure.tight_layout(rect=(0, 0.07, 1, 1))
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _panel(panel: Axes, one: dict[str, Any]) -> None:
    rows = one["perturbed"]
    for key, label, shift, colour in (
        ("of_ten", "software, 10 trials", -0.9, "C1"),
        ("software", f"software, {rows[0]['software']['n']:,} trials", 0.0, "C0"),
        ("chip", f"nominal chip, {rows[0]['chip']['n']:,} trials", 0.9, "C2"),
    ):
        at = np.array([row["p"] + shift for row in rows])
        mean, low, high = (
            np.array([100 * row[key][field] for row in rows]) for field in ("mean", "p5", "p95")
        )
        bars = [mean - low, high - mean]
        panel.errorbar(at, mean, bars, fmt="o", ms=3.5, capsize=2, color=colour, label=label)
    panel.axhline(100 * one["software"], color="0.6", lw=0.8, ls="--", label="as trained")
    dies = one["dies"]
    panel.errorbar(
        *([0.0], [100 * dies["mean"]]),
        [[100 * (dies["mean"] - dies["p5"])], [100 * (dies["p95"] - dies["mean"])]],
        fmt="s",
        ms=3.5,
        capsize=2,
        color="C3",
        label=f"{dies['n']} dies with mismatch",
    )
    panel.set_xticks([0, *PERCENTS])


def main() -> None:
    parser = study(__doc__, tech=False, required=True)
    parser.add_argument("models", nargs="+", metavar="NAME=MODEL")
    parser.add_argument("--inputs", type=Path, required=True)
    parser.add_argument("--trials", type=int, default=1000, help="of the software")
    parser.add_argument("--chip-trials", type=int, default=100)
    parser.add_argument("--dies", type=int, default=200)
    parser.add_argument("--figure", type=Path)
    given = parsed(parser)
    inputs = load_inputs(given.inputs)
    found = {}
    for text in given.models:
        name, _, path = text.partition("=")
        found[name] = measure(name, Path(path), given, inputs)
    if given.figure is not None:
        draw(found, given.figure)
    show({"machine": computer(), "networks": found})


if __name__ == "__main__":
    main()
