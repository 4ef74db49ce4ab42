"""The differentiable twin beside the settled behavioral level."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from mru_hw.mapping.realised import realised_bank
from mru_hw.model.network import Model
from mru_hw.model.structure import ModelSpec
from mru_hw.simulate.behavioral import NoiseRun, simulate_behavioral
from mru_hw.simulate.compile import compile_die
from mru_hw.simulate.decision_noise import NoiseLaw
from mru_hw.simulate.energy import energy
from mru_hw.simulate.run import Chip
from mru_hw.stimulus import Inputs
from mru_hw.training.network import MemoryNetwork, decide
from mru_hw.training.surrogate import heaviside
from mru_hw.twin.arrays import TensorArray
from mru_hw.twin.chip import device_noise
from mru_hw.twin.parameters import Straight
from mru_hw.twin.walk import TwinRun
from mru_hw.variation import NoiseKey, draw_die
from tests.laws.test_kernel import NETWORKS, drawn_inputs
from tests.networks import draw_model, make_spec, with_even_settings

CONDITIONS = (("tt", 27.0, 1.0, 0.0), ("ff", 85.0, 1.1, 4.0))
"""Corner, temperature [degC], supply over the nominal one, scale of the mismatch."""
NOISE, NOISE_SEED = 400.0, 5
"""Factor on every sigma, so that some states move, and the seed of the draws."""


def twin(
    model: Model,
    chip: Chip,
    inputs: Inputs,
    condition: tuple[str, float, float, float],
    *,
    supply: bool,
    mapped: Model | None = None,
    noise: float = 0.0,
    margin: float | None = None,
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
    before = None if mapped is None else {k: torch.tensor(v) for k, v in mapped.tensors.items()}
    straight = Straight(chip.design, tensors, before)
    x = MemoryNetwork(model.spec).double().normalise(torch.from_numpy(inputs.x)).permute(2, 1, 0)
    heard = None
    if noise:
        law = NoiseLaw.of(chip.design, constants, temperature, noise)
        heard = device_noise(array, law, NoiseKey.of(NOISE_SEED, die.seed), inputs.n_seq)
    run = TwinRun(
        array,
        straight,
        x.contiguous(),
        v_dd=v_dd,
        supply=supply,
        noise=heard,
        margin=margin,
    )
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


@pytest.mark.parametrize("name", list(NETWORKS))
def test_device_noise_is_that_of_the_array(name: str) -> None:
    """The same draws of the same law: every state that they move, moves."""
    model = NETWORKS[name]()
    chip, inputs = Chip(model), drawn_inputs(model.spec.n_in)
    for condition in CONDITIONS:
        corner, temperature, share, scale = condition
        v_dd = share * chip.design.technology.v_dd
        constants = chip.calibration.at(
            v_dd, temperature=temperature, corner=corner, loops_only=chip.design.loops_only
        )
        noisy, _, valid = twin(model, chip, inputs, condition, supply=True, noise=NOISE)
        known = simulate_behavioral(
            chip.design,
            constants,
            inputs,
            [draw_die(chip.design, 3, scale=scale)],
            temperature=temperature,
            v_dd=v_dd,
            noise=NoiseRun(seed=NOISE_SEED, scale=NOISE),
            kernel="numpy",
        )
        assert known.trace.output is not None
        wanted = known.trace.output[0].transpose(2, 1, 0)[:, valid.numpy()]
        found = noisy.output.detach().numpy()[:, valid.numpy()]
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)
        drawn = torch.where(valid, noisy.current, 0.0).sum(0).detach().numpy()
        priced = drawn * v_dd * chip.design.timing.frame
        np.testing.assert_allclose(priced, energy(known.supply).total[0], rtol=1e-9)
        still = twin(model, chip, inputs, condition, supply=False)[0]
        assert not torch.equal(still.output, noisy.output)


@pytest.mark.parametrize("cell", ["cmru", "bmru", "fq_bmru"])
def test_the_margin_counts_how_near_candidates_lie(cell: str) -> None:
    spec = make_spec(
        cell,
        2,
        rectify_input=True,
        rectify_candidate=cell == "fq_bmru",
        **({"levels": 2} if cell == "cmru" else {}),
    )
    model = with_even_settings(draw_model(spec, 3), 3)
    states = {k: np.full_like(v, -1.0) for k, v in model.tensors.items() if "initial" in k}
    if cell == "bmru":
        model = Model(spec=spec, tensors={**model.tensors, **states})
    chip, inputs = Chip(model), drawn_inputs(spec.n_in)
    width = 0.3
    run, tensors, _ = twin(model, chip, inputs, CONDITIONS[0], supply=False, margin=width)
    units, near = 0, np.zeros(run.near.shape)
    for bank, c in zip(chip.design.banks, run.candidates, strict=True):
        real = realised_bank(chip.design, bank, chip.calibration)
        edges = (real.up, -real.down if cell != "fq_bmru" else real.down)
        gap = np.min([np.abs(c.detach().numpy() - e[:, None, None]) for e in edges], axis=0)
        near += np.maximum(1 - gap / width, 0).sum(axis=0)
        units += bank.n_units
    np.testing.assert_allclose(run.near.detach().numpy(), near / units, rtol=1e-9, atol=1e-12)
    torch.autograd.backward(run.near.mean())
    for key in ("layers.0.candidate.weight", "layers.0.beta", "input.bias"):
        gradient = tensors[key].grad
        assert gradient is not None
        assert gradient.abs().sum() > 0


@pytest.mark.parametrize(
    "name",
    ["skips", "skip matrix, rectified outputs", "thresholds from the input", "first quadrant"],
)
def test_gradients_are_those_of_what_is_mapped(name: str) -> None:
    """Behind the last step all is smooth: autograd beside differences, with the mapping held."""
    model = NETWORKS[name]()
    chip, inputs = Chip(model), drawn_inputs(model.spec.n_in)
    last = f"layers.{len(model.spec.layers) - 1}"
    array = compile_die(chip.design, chip.calibration, draw_die(chip.design, 3), temperature=27.0)
    mapped = {key: torch.tensor(value) for key, value in model.tensors.items()}
    x = torch.from_numpy(inputs.x).permute(2, 1, 0).contiguous()

    def figures(tensors: dict[str, torch.Tensor]) -> torch.Tensor:
        straight = Straight(chip.design, tensors, mapped)
        run = TwinRun(array, straight, x, v_dd=1.8, supply=True)
        return run.output.square().mean() + 1e9 * run.current.mean()

    for key in ("head.weight", "head.bias", f"{last}.output.weight", f"{last}.alpha"):
        tensors = mapped | {key: mapped[key].clone().requires_grad_()}
        (gradient,) = torch.autograd.grad(figures(tensors), tensors[key])
        way = torch.randn(
            mapped[key].shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64
        )
        step = 1e-6
        up, down = (figures(mapped | {key: mapped[key] + s * way}) for s in (step, -step))
        found = float((up - down) / (2 * step))
        assert found == pytest.approx(float((gradient * way).sum()), rel=1e-6, abs=1e-8)


def in_software(spec: ModelSpec, t: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """The network's own equations, frame by frame, with the array's surrogate of its steps."""
    v = x @ t["input.weight"].T + t["input.bias"]
    for i, layer in enumerate(spec.layers):
        p = f"layers.{i}."
        c = v.relu() @ t[p + "candidate.weight"].T + t[p + "candidate.bias"]
        beta, s, states = t[p + "beta"].abs(), t[p + "initial_state"].expand(len(x), -1), []
        for frame in (c.relu() if layer.rectify_candidate else c).unbind(1):
            if layer.cell.name == "cmru":
                s = (s + heaviside(frame - beta) - heaviside(-frame - beta)).clamp(-2, 2)
            elif layer.cell.name == "bmru":
                up, down = heaviside(frame - beta), heaviside(-frame - beta)
                s = (1 - up - down) * s + up - down
            else:
                up = heaviside(frame - beta - t[p + "delta"].abs())
                s = up + heaviside(frame - beta) * (1 - up) * s
            states.append(s)
        h = t[p + "alpha"] * torch.stack(states, 1)
        v = h @ t[p + "output.weight"].T + t[p + "output.bias"]
    return v @ t["head.weight"].T + t["head.bias"]


@pytest.mark.parametrize(
    ("temperature", "alike", "sizes"), [(27.0, 0.9, (0.5, 2.0)), (85.0, -1.0, (0.0, 10.0))]
)
@pytest.mark.parametrize("cell", ["cmru", "bmru", "fq_bmru"])
def test_gradients_reach_the_weights_as_in_software(
    cell: str, temperature: float, alike: float, sizes: tuple[float, float]
) -> None:
    """In direction and size; where rails leak units step otherwise, but no slope is boundless."""
    keys = {"levels": 2} if cell == "cmru" else {"rectify_candidate": cell == "fq_bmru"}
    spec = make_spec(cell, 2, rectify_input=True, **keys)
    model = with_even_settings(draw_model(spec, 3), 3)
    start = -1.0 if cell == "bmru" else 0.0
    states = {k: np.full_like(v, start) for k, v in model.tensors.items() if "initial" in k}
    model = Model(spec=spec, tensors={**model.tensors, **states})
    chip, inputs = Chip(model), drawn_inputs(spec.n_in, n_seq=150)
    condition = ("tt", temperature, 1.0, 0.0)
    run, tensors, valid = twin(model, chip, inputs, condition, supply=False)
    # Of the network that the design amounts to, whose steps are the circuit's but for a few.
    own = {key: torch.tensor(v, requires_grad=True) for key, v in chip.mapped.tensors.items()}
    software = in_software(spec, own, torch.from_numpy(inputs.x)).permute(2, 1, 0)
    drawn = torch.Generator().manual_seed(0)
    target = torch.randn(software.shape, generator=drawn, dtype=torch.float64)
    for output in (run.output, software):
        torch.autograd.backward((output - target)[:, valid].square().mean())
    for key in (key for key in own if "initial" not in key):
        ours, theirs = tensors[key].grad, own[key].grad
        assert ours is not None
        assert theirs is not None
        cosine = torch.nn.functional.cosine_similarity(ours.flatten(), theirs.flatten(), dim=0)
        assert cosine > alike, key
        assert sizes[0] < ours.norm() / theirs.norm() < sizes[1], key


def test_numbers_follow_weights_from_one_rounding_to_the_next() -> None:
    model = NETWORKS["skips"]()
    chip, inputs = Chip(model), drawn_inputs(model.spec.n_in)
    moved = Model(spec=model.spec, tensors={k: 1.02 * v for k, v in model.tensors.items()})
    kept, fresh = (
        twin(moved, one, inputs, CONDITIONS[0], supply=False, mapped=mapped)[0]
        for one, mapped in ((chip, model), (Chip(moved), None))
    )
    stale = twin(model, chip, inputs, CONDITIONS[0], supply=False)[0]
    far, near = (
        (one.candidates[0] - fresh.candidates[0]).abs().mean().item() for one in (stale, kept)
    )
    assert near < 0.3 * far


def test_what_no_law_uses_is_refused() -> None:
    array: Any = TensorArray(torch.ones(2))
    with pytest.raises(TypeError):
        np.sin(array)
    with pytest.raises(TypeError):
        np.cumsum(array)
