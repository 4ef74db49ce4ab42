"""Weights that a sweep perturbs, by the protocol of the published robustness runs."""

from __future__ import annotations

import numpy as np
import pytest

from mru_hw.sweeps.setup import perturbed
from tests.sweeps import small_model


def test_perturbation_follows_the_protocol() -> None:
    model = small_model()
    assert perturbed(model, 0, 1, 2) is model
    ratios = []
    for trial in range(40):
        changed = perturbed(model, 15, seed=1, trial=trial)
        for name, values in model.tensors.items():
            if name.endswith("initial_state"):
                assert np.array_equal(changed.tensors[name], values)
            else:
                ratios.append((changed.tensors[name] / values - 1).ravel())
    drawn = np.concatenate(ratios)
    # 15 % are three sigma; 40 trials of some 250 parameters.
    assert drawn.std() == pytest.approx(0.05, rel=0.03)
    assert abs(drawn.mean()) < 0.05 * 4 / np.sqrt(len(drawn))
    assert len(np.unique(drawn)) == len(drawn)
    again = perturbed(model, 15, seed=1, trial=39)
    assert all(np.array_equal(again.tensors[n], changed.tensors[n]) for n in again.tensors)
