"""What a sweep runs on: the network, the process, the sequences, and what tells them apart."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mru_hw.arrays import digest
from mru_hw.errors import MISSING, UserError
from mru_hw.mapping import Design, map_model
from mru_hw.model.io import load_model
from mru_hw.model.network import Model
from mru_hw.simulate.asked import refuse_currents
from mru_hw.simulate.spice_size import refuse_long
from mru_hw.spice.chip import refuse_without_circuit
from mru_hw.spice.library import ngspice_library
from mru_hw.stimulus import Inputs, load_inputs, refuse_labels, refuse_width, sequence_range
from mru_hw.sweeps.plan import Plan
from mru_hw.technology import Technology, load_technology
from mru_hw.technology.calibration import Calibration, load_calibration
from mru_hw.trim.dac import refuse_untrimmable
from mru_hw.version import __version__

RESULTS = 3
"""Number of the laws, decks and draws that make a sweep's figures.

It is raised whenever one of them moves a figure, so that no store is resumed with figures of two
kinds; a test holds it (tests/golden/results.json).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """All that the runs of a sweep share; it travels to the worker processes.

    Attributes
    ----------
    inputs
        The sequences that the plan names, with labels.
    first_sequence
        Number of the first of them in its file: it names the noise draws.
    """

    model: Model
    technology: Technology
    calibration: Calibration
    inputs: Inputs
    first_sequence: int
    level: str

    def design(self, model: Model | None = None) -> Design:
        """Map the network, or one like it."""
        return map_model(model or self.model, self.technology, self.calibration)

    def hashes(self) -> dict[str, str]:
        """Return SHA-256 sums of what goes in, and the design's own digest."""
        inputs = self.inputs
        return {
            "model": digest(self.model.tensors, self.model.spec.model_dump_json()),
            "inputs": digest(
                {"x": inputs.x, "lengths": inputs.lengths, "y": np.asarray(inputs.y)},
                str(self.first_sequence),
            ),
            "technology": self.technology.models_hash(),
            "calibration": digest({}, self.calibration.model_dump_json()),
            "design": self.design().digest(),
        }


def load_subject(plan: Plan, folder: Path) -> Subject:
    """Read what a plan names; paths are relative to `folder`.

    Raises
    ------
    UserError
        The model, the inputs or the technology is not there or does not fit the others.
    """
    technology = load_technology(plan.tech)
    model = load_model(folder / plan.model)
    inputs = load_inputs(folder / plan.inputs)
    refuse_width(inputs, model.spec.n_in)
    if inputs.y is None:
        raise UserError("inputs: y", MISSING, "an array (n_seq,) of class indices")
    refuse_labels(inputs, model.spec.n_classes)
    first, stop = sequence_range(plan.sequences, inputs.n_seq)
    subject = Subject(
        model=model,
        technology=technology,
        calibration=load_calibration(technology),
        inputs=inputs.take(slice(first, stop)),
        first_sequence=first,
        level=plan.level,
    )
    design = subject.design()
    refuse_currents(design, subject.inputs)
    for bits in plan.values("trim_bits") or ():
        if bits:
            refuse_untrimmable(design, bits)
    if plan.level == "spice":
        refuse_without_circuit(design)
        refuse_long(design, subject.inputs)
        ngspice_library()
    return subject


def identity(plans: Mapping[str, Plan], hashes: Mapping[str, str]) -> str:
    """Return what tells this sweep from another: a hash of all that its bits depend on.

    How the runs are cut into jobs and where the files lie is no part of it.
    """
    aside = {"chunk", "model", "inputs"}
    shown = {name: _without(plan.as_data(), aside) for name, plan in plans.items()}
    versions = {"mru_hw": __version__, "numpy": np.__version__, "results": str(RESULTS)}
    text = json.dumps([shown, dict(hashes), versions], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _without(data: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in names}
