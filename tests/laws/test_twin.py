"""The differentiable twin beside the settled behavioral level."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mru_hw.model.network import Model
from mru_hw.simulate.behavioral import simulate_behavioral
from mru_hw.simulate.compile import compile_die
from mru_hw.simulate.energy import energy
from mru_hw.simulate.run import Chip
from mru_hw.stimulus import Inputs
from mru_hw.training.network import MemoryNetwork, decide
from mru_hw.twin.parameters import Straight
from mru_hw.twin.walk import TwinRun
from mru_hw.variation import draw_die
from tests.laws.test_kernel import NETWORKS, drawn_inputs

CONDITIONS = (("tt", 27.0, 1.0, 0.0), ("ff", 85.0, 1.1, 4.0))
"""Corner, temperature [degC], supply over the nominal one, scale of the mismatch."""


def twin(
    model: Model,
    chip: Chip,
    inputs: Inputs,
    condition: tuple[str, float, float, float],
    *,
    supply: bool,
) -> tuple[TwinRun, dict[str, torch.Tensor], torch.Tensor]:
    """Run one die; its run, the tensors with gradients and the valid frames."""
    corner, temperature, share, scale = condition
    v_dd = share * chip.design.technology.v_dd
    constants = chip.calibration.at(
        v_dd, temperature=temperature, corner=corner, loops_only=chip.design.loops_only
    )
    die = draw_die(chip.design, 3, scale=scale)
    array = compile_die(chip.design, constants, die, temperature=temperature)
    tensors = {name: torch.tensor(v, requires_grad=True) for name, v in model.tensors.items()}
    x = MemoryNetwork(model.spec).double().normalise(torch.from_numpy(inputs.x)).permute(2, 1, 0)
    run = TwinRun(array, Straight(chip.design, tensors), x.contiguous(), v_dd=v_dd, supply=supply)
    valid = torch.arange(x.shape[1])[:, None] < torch.from_numpy(inputs.lengths)
    return run, tensors, valid


@pytest.mark.parametrize("tech", ["generic180", "sky130"])
@pytest.mark.parametrize("name", list(NETWORKS))
def test_it_gives_what_the_array_gives(name: str, tech: str) -> None:
    model = NETWORKS[name]()
    chip, inputs = Chip(model, tech), drawn_inputs(model.spec.n_in)
    for condition in CONDITIONS:
        run, _, valid = twin(model, chip, inputs, condition, supply=True)
        corner, temperature, share, scale = condition
        v_dd = share * chip.design.technology.v_dd
        reference = simulate_behavioral(
            chip.design,
            chip.calibration.at(
                v_dd, temperature=temperature, corner=corner, loops_only=chip.design.loops_only
            ),
            inputs,
            [draw_die(chip.design, 3, scale=scale)],
            temperature=temperature,
            v_dd=v_dd,
            kernel="numpy",
        )
        trace = reference.trace
        assert trace.output is not None
        ours = [run.output, *run.candidates]
        theirs = [trace.output, *trace.candidates]
        for own, known in zip(ours, theirs, strict=True):
            seen = own.detach().numpy()[:, valid.numpy()]
            wanted = known[0].transpose(2, 1, 0)[:, valid.numpy()]
            np.testing.assert_allclose(seen, wanted, rtol=1e-9, atol=1e-9)
        lengths = torch.from_numpy(inputs.lengths)
        decided = decide(run.output.permute(2, 1, 0), lengths, model.spec.readout)
        np.testing.assert_array_equal(decided.numpy(), trace.decision[0])
        drawn = torch.where(valid, run.current, 0.0).sum(0).detach().numpy()
        priced = drawn * v_dd * chip.design.timing.frame
        np.testing.assert_allclose(priced, energy(reference.supply).total[0], rtol=1e-9)
