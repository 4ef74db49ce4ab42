"""Figures of tiny sweeps as one hash, and the number of the laws that they were made by.

    python -m tests.golden.results

adds the hash of today's figures to ``results.json``, under today's number `RESULTS`. It refuses to
change the hash of a number that is there: whoever moves a figure raises the number first.

Figures are rounded to six digits, which another processor's arithmetic does not move.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from mru_hw.model.io import save_model
from mru_hw.model.network import Model
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.stimulus import make_inputs, save_inputs
from mru_hw.sweeps.plan import Plan
from mru_hw.sweeps.points import jobs, points
from mru_hw.sweeps.subject import RESULTS, load_subject
from mru_hw.sweeps.work import run_job
from mru_hw.technology import load_technology
from tests.agreement.networks import loops, two_windows
from tests.golden.regenerate import GOLDEN
from tests.golden.regenerate import NETWORKS as DECKS
from tests.sweeps import small_model

_READ_OFF = re.compile(r"\.measure tran y\d+_(f\d+|mean) ")
"""What a bench that is run by hand measures of frames and readout; a sweep's bench has none."""

FILE = Path(__file__).with_name("results.json")

_EVERYTHING = [
    {"axis": "process_scale", "values": [1]},
    {"axis": "gradient_scale", "values": [1]},
    {"axis": "noise_scale", "values": [3]},
    {"axis": "temperature", "values": [50]},
    {"axis": "v_dd", "values": ["1.7 V"]},
]
PLANS: dict[str, dict[str, Any]] = {
    "plain": {},
    "everything": {"axes": _EVERYTHING},
    "perturbed": {"axes": [{"axis": "perturbation", "values": [10], "trials": 2}], "n_dies": 1},
    "trimmed": {"axes": [{"axis": "trim_bits", "values": [4]}], "n_dies": 1},
    "ideal": {"level": "ideal", "n_dies": 1},
}


def first_quadrant() -> Model:
    return loops("fq_bmru", [0.5, 0.25], [0.5, 0.75])


NETWORKS = {"cmru": small_model, "window": two_windows, "fq_bmru": first_quadrant}


def figures() -> list[list[Any]]:
    """Status, decisions and energies of every run, and the golden decks of ngspice."""
    found = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for network, make in NETWORKS.items():
            model = make()
            x = np.random.default_rng(4).normal(size=(6, 9, model.spec.n_in)) * 1.2
            inputs = make_inputs(x, np.array([9, 8, 9, 5, 1, 9]))
            label = simulate_ideal(model, inputs).decision
            save_inputs(make_inputs(inputs.x, inputs.lengths, label), folder / "inputs.npz")
            save_model(model, folder / "model")
            for technology in ("generic180", "sky130"):
                for title, keys in PLANS.items():
                    if title == "trimmed" and network != "cmru":
                        continue  # thresholds of loops and from the input have no DACs
                    own = {"model": "model", "inputs": "inputs.npz", "tech": technology}
                    plan = Plan.model_validate(own | {"n_dies": 2} | keys)
                    found += [[network, technology, title, *row] for row in _rows(plan, folder)]
    for network in DECKS:
        for deck in sorted((GOLDEN.with_name(network)).glob("*.cir")):
            lines = deck.read_text(encoding="utf-8").splitlines()
            # Comments name the version, and the token is a hash of the text with its comments.
            told = [k for k in lines if not k.startswith(("*", "vtoken "))]
            told = [k for k in told if not _READ_OFF.match(k)]
            found.append([network, deck.name, told])
    return found


def _rows(plan: Plan, folder: Path) -> list[list[Any]]:
    subject = load_subject(plan, folder)
    wanted = points({"sweep": plan}, load_technology(plan.tech))
    rows = []
    for job in jobs(wanted, (), 8):
        for one in run_job(subject, job):
            decided = None if one.decision is None else one.decision.tolist()
            joules = None if one.energy is None else [f"{e:.5e}" for e in one.energy]
            rows.append([one.status.name, decided, joules])
    return rows


def digest() -> str:
    return hashlib.sha256(json.dumps(figures()).encode()).hexdigest()


def known() -> dict[str, str]:
    read: dict[str, str] = json.loads(FILE.read_text(encoding="utf-8"))
    return read


if __name__ == "__main__":
    there, now = known() if FILE.exists() else {}, digest()
    if there.get(str(RESULTS), now) != now:
        sys.exit(
            f"Figures have moved: first raise RESULTS, {RESULTS}, in mru_hw/sweeps/subject.py."
        )
    FILE.write_text(json.dumps(there | {str(RESULTS): now}, indent=2) + "\n", encoding="utf-8")
