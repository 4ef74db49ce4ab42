"""The cells that software alone runs, beside plain numpy written from their equations.

Each reference here is a loop over frames and units' vectors of one sequence, and shares no code
with the package: not with the level ``ideal``, not with the scans of training.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from mru_hw.errors import UserError
from mru_hw.mapping import map_model
from mru_hw.model.memory import CELLS
from mru_hw.model.structure import LayerSpec
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.technology import load_technology
from mru_hw.technology.calibration import load_calibration
from mru_hw.training.config import TrainConfig
from mru_hw.training.fit import parameter_groups
from mru_hw.training.memory import MemoryLayer, memory_layer
from mru_hw.training.memory.pdmu import legendre
from mru_hw.training.network import MemoryNetwork, from_model
from mru_hw.training.scan import recur_loop, recur_scan
from tests.networks import draw_inputs, draw_model, make_spec

Array = NDArray[np.float64]
Tensors = dict[str, Array]
N_UNITS, WIDTH_IN, N_SEQ = 5, 3, 2


def _squash(x: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-x)))


def _candidate(w: Tensors, u: Array) -> Array:
    return np.asarray(w["candidate.weight"] @ u + w["candidate.bias"])


def memoryless(w: Tensors, frames: Array) -> Array:
    return np.array([np.tanh(_candidate(w, u)) for u in frames])


def gru(w: Tensors, frames: Array) -> Array:
    h, found = np.zeros(N_UNITS), []
    w_r, w_z, w_n = w["cell.weight_ih_l0"].reshape(3, N_UNITS, -1)
    b_r, b_z, b_n = w["cell.bias_ih_l0"].reshape(3, N_UNITS)
    r_r, r_z, r_n = w["cell.weight_hh_l0"].reshape(3, N_UNITS, N_UNITS)
    d_r, d_z, d_n = w["cell.bias_hh_l0"].reshape(3, N_UNITS)
    for u in frames:
        reset = _squash(w_r @ u + b_r + r_r @ h + d_r)
        update = _squash(w_z @ u + b_z + r_z @ h + d_z)
        new = np.tanh(w_n @ u + b_n + reset * (r_n @ h + d_n))
        h = new + update * (h - new)
        found.append(h)
    return np.array(found)


def mingru(w: Tensors, frames: Array) -> Array:
    h, found = np.zeros(N_UNITS), []
    for u in frames:
        c = _candidate(w, u)
        z = _squash(w["cell.gate.weight"] @ u + w["cell.gate.bias"])
        positive = np.array([x + 0.5 if x >= 0 else 1.0 / (1.0 + math.exp(-x)) for x in c])
        h = (1 - z) * h + z * positive
        found.append(h)
    return np.array(found)


def lru(w: Tensors, frames: Array) -> Array:
    size, angle = np.exp(-np.exp(w["cell.nu"])), np.exp(w["cell.theta"])
    turn = size * (np.cos(angle) + 1j * np.sin(angle))
    b, c = (w[f"cell.{name}"][..., 0] + 1j * w[f"cell.{name}"][..., 1] for name in "BC")
    # Without a recurrence: x_t is the sum of all that came in, each turned as often as it is old.
    found = []
    for t in range(len(frames)):
        x = np.zeros(N_UNITS, np.complex128)
        for s in range(t + 1):
            x += turn ** (t - s) * np.sqrt(1 - abs(turn) ** 2) * (b @ frames[s])
        found.append((c @ x).real + w["cell.D"] @ frames[t])
    return np.array(found)


def src_fast(w: Tensors, frames: Array) -> Array:
    """The fast states of an SRC, before its output's ReLU."""
    current, fast, slow = np.zeros((3, N_UNITS))
    found = []
    for u in frames:
        current = 0.9 * current + _candidate(w, u)
        x = 3.0 * np.tanh(current / 3.0)
        fast = np.tanh(x + 2.0 * fast - 7.0 * slow - 4.0 - abs(w["cell.bias"]))
        z_s = np.array([0.0 if f > 0.5 else 0.9 for f in fast])
        slow = z_s * slow + (1.0 - z_s) * fast
        found.append(fast)
    return np.array(found)


def src(w: Tensors, frames: Array) -> Array:
    return np.maximum(src_fast(w, frames), 0.0)


def cmru(w: Tensors, frames: Array) -> Array:
    s, found = w["initial_state"].copy(), []
    for u in frames:
        c = _candidate(w, u)
        for k in range(N_UNITS):
            if abs(c[k]) >= abs(w["beta"][k]):
                s[k] = min(max(s[k] + (1 if c[k] >= 0 else -1), -2), 2)
        found.append(w["alpha"] * s)
    return np.array(found)


def hybrid(w: Tensors, frames: Array) -> Array:
    return np.concatenate([cmru(w, frames), lru(w, frames)], axis=1)


def pdmu(w: Tensors, frames: Array) -> Array:
    n_time, order, delays = len(frames), 4, 8
    memories, coming = np.zeros((N_UNITS, order)), np.zeros((n_time + delays, N_UNITS))
    found = []
    for t, u in enumerate(frames):
        c = _candidate(w, u)
        for k in range(N_UNITS):
            memories[k] = w["cell.A"] @ memories[k] + w["cell.B"] * c[k]
        given = w["cell.project.weight"] @ memories.reshape(-1)
        asked = np.exp(w["cell.gate.weight"] @ u + w["cell.gate.bias"])
        for k in range(delays):
            coming[t + k] += asked[k] / asked.sum() * given
        found.append(np.tanh(w["cell.direct.weight"] @ u + w["cell.direct.bias"] + coming[t]))
    return np.array(found)


REFERENCES: dict[str, Callable[[Tensors, Array], Array]] = {
    "lru": lru,
    "mingru": mingru,
    "src": src,
    "hybrid": hybrid,
    "pdmu": pdmu,
    "gru": gru,
    "memoryless": memoryless,
}
SOFT = {"src": src_fast}
"""What a gradient is taken of, where it is not the derivative of what comes out."""


def _layer(cell: str, seed: int) -> tuple[MemoryLayer, Tensors]:
    spec = LayerSpec.model_validate(
        {
            "cell": cell,
            "n_units": N_UNITS,
            "n_out": 2,
            "levels": 2 if CELLS[cell].takes_levels else None,
        }
    )
    layer, rng = memory_layer(spec, WIDTH_IN).double(), np.random.default_rng(seed)
    with torch.no_grad():
        layer.draw(torch.Generator().manual_seed(seed))
        for name, tensor in layer.state_dict().items():
            if name not in {"cell.A", "cell.B", "initial_state"} or cell in {"lru", "hybrid"}:
                tensor.add_(torch.from_numpy(0.3 * rng.normal(size=tuple(tensor.shape))))
        if cell == "hybrid":
            layer.initial_state.copy_(torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0]))
    return layer, _tensors(layer)


def _tensors(layer: MemoryLayer) -> Tensors:
    return {name: value.numpy().copy() for name, value in layer.state_dict().items()}


def _input(cell: str, seed: int, n_time: int) -> Array:
    scale = 3.0 if cell == "src" else 1.0  # so that some units fire
    return scale * np.random.default_rng(seed).normal(size=(N_SEQ, n_time, WIDTH_IN))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n_time", [1, 7, 32, 61])
@pytest.mark.parametrize("cell", list(REFERENCES))
def test_a_cell_is_its_equations(cell: str, n_time: int, seed: int) -> None:
    layer, tensors = _layer(cell, seed)
    u = _input(cell, seed, n_time)
    wanted = np.array([REFERENCES[cell](tensors, frames) for frames in u])
    assert wanted.shape == (N_SEQ, n_time, layer.spec.n_states)
    if cell == "src" and n_time == 61:
        assert (wanted > 0.5).any()
    for layer.recurrence in (recur_scan, recur_loop):
        with torch.no_grad():
            found = layer(torch.from_numpy(u)).state.numpy()
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-10)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("cell", list(REFERENCES))
def test_a_gradient_is_that_of_the_equations(cell: str, seed: int) -> None:
    """By central differences of the reference, which has none of torch in it.

    Steps (of a CMRU, and of the gate of an SRC) are left out by asking for what varies smoothly; an
    SRC's gradient goes straight through its ReLU, so it is that of the state before it.
    """
    layer, tensors = _layer(cell, seed)
    u, rng = _input(cell, seed, 9), np.random.default_rng(seed)
    pull = rng.normal(size=(N_SEQ, 9, layer.spec.n_states))
    leaf = torch.from_numpy(u).requires_grad_()
    reference = SOFT.get(cell, REFERENCES[cell])
    smooth = {name: p for name, p in layer.named_parameters() if not name.startswith("output")}
    if cell == "hybrid":  # a step's derivative is a surrogate; alpha and the LRU have their own
        pull[:, :, :N_UNITS] = 0.0
        smooth = {name: p for name, p in smooth.items() if name.startswith("cell.")}
    wrong = torch.autograd.grad(
        (layer(leaf).state * torch.from_numpy(pull)).sum(), [leaf, *smooth.values()]
    )

    def value(w: Tensors, x: Array) -> float:
        return float(sum((reference(w, x[k]) * pull[k]).sum() for k in range(N_SEQ)))

    step = 1e-6
    for name, found in zip(["u", *smooth], wrong, strict=True):
        changed = {key: array.copy() for key, array in tensors.items()} | {"u": u.copy()}
        places = list(np.ndindex(found.shape))
        for at in [places[k] for k in rng.permutation(len(places))[:8]]:
            ends = []
            for sign in (1.0, -1.0):
                changed[name][at] += sign * step
                ends.append(value(changed, changed["u"]))
                changed[name][at] -= sign * step
            wanted = (ends[0] - ends[1]) / (2 * step)
            assert float(found[at]) == pytest.approx(wanted, rel=1e-5, abs=1e-7), (name, at)


@pytest.mark.parametrize("cell", list(REFERENCES))
def test_ideal_in_single_precision_stays_near(cell: str) -> None:
    model, inputs = draw_model(make_spec(cell, n_layers=1), 2), draw_inputs(4, 3)
    model = MemoryNetwork(model.spec).double().export()
    network = MemoryNetwork(model.spec)
    network.draw(torch.Generator().manual_seed(1))
    model = network.export()
    whole = simulate_ideal(model, inputs)
    half = simulate_ideal(model, inputs, dtype=np.float32)
    assert half.states[0].dtype == np.float32
    valid = inputs.valid()
    np.testing.assert_allclose(half.states[0][valid], whole.states[0][valid], atol=1e-4)


def test_a_gru_is_torchs_under_torchs_names() -> None:
    layer, tensors = _layer("gru", 5)
    theirs = torch.nn.GRU(WIDTH_IN, N_UNITS, batch_first=True, dtype=torch.float64)
    own = {name: torch.from_numpy(w) for name, w in tensors.items() if name.startswith("cell.")}
    theirs.load_state_dict({name.removeprefix("cell."): value for name, value in own.items()})
    u = torch.from_numpy(_input("gru", 5, 40))
    with torch.no_grad():
        assert torch.equal(layer(u).state, theirs(u)[0])


def test_an_src_rests_without_input_and_fires_with_it() -> None:
    """At the bias of a new network, -5; each spike is followed by a rest."""
    spec = LayerSpec.model_validate({"cell": "src", "n_units": 1, "n_out": 1})
    layer = memory_layer(spec, 1).double()
    assert layer.candidate is not None
    with torch.no_grad():
        layer.draw(torch.Generator().manual_seed(0))
        layer.candidate.weight.fill_(1.0)
        layer.candidate.bias.zero_()
        u = torch.zeros((2, 200, 1), dtype=torch.float64)
        u[1] = 0.5
        quiet, driven = layer(u).state[:, :, 0] > 0.5
    assert not quiet[20:].any()
    assert 8 < int(driven.sum()) < 40
    assert not (driven[1:] & driven[:-1]).any()


def test_a_new_lru_lies_on_its_ring() -> None:
    layer, _ = _layer("lru", 0)
    wide = memory_layer(layer.spec.model_copy(update={"n_units": 1500}), WIDTH_IN)
    with torch.no_grad():
        wide.draw(torch.Generator().manual_seed(1))
    size = wide.get_parameter("cell.nu").detach().exp().neg().exp()
    assert float(size.min()) == pytest.approx(0.4, abs=0.01)
    assert float(size.max()) == pytest.approx(0.99, abs=0.002)
    assert float(size.square().mean()) == pytest.approx((0.4**2 + 0.99**2) / 2, abs=0.02)


def _filled(t: float, m: Array, a: Array, b: Array, value: float) -> Array:
    del t
    return np.asarray(a @ m + b * value)


def test_a_legendre_memory_remembers_its_window() -> None:
    """Zero-order hold against an integration of the differential equation, and what it is for."""
    order, window = 6, 20.0
    step, put = legendre(order, window)
    c = np.sin(np.arange(60) * 0.2)
    i, j = np.meshgrid(np.arange(order), np.arange(order), indexing="ij")
    a = (2 * i + 1) / window * np.where(i < j, -1.0, (-1.0) ** (i - j + 1))
    b = (2 * np.arange(order) + 1) / window * (-1.0) ** np.arange(order)
    m, held = np.zeros(order), np.zeros(order)
    for value in c:
        m = step @ m + put * value
        held = solve_ivp(_filled, (0, 1), held, args=(a, b, value), rtol=1e-10, atol=1e-12).y[:, -1]
    np.testing.assert_allclose(m, held, rtol=0, atol=1e-8)
    # The Legendre polynomial at the window's far end is (-1)^k there: the input of 20 frames ago.
    past = np.polynomial.legendre.legval(2 * 10.0 / window - 1, m)
    assert past == pytest.approx(np.sin((59 - 9.5) * 0.2), abs=0.05)


@pytest.mark.parametrize(
    ("cell", "nearest"),
    [
        ("lru", "the nearest analog form is a cmru"),
        ("mingru", "the nearest analog form is a bmru"),
        ("src", "the nearest analog form is an fq_bmru"),
        ("hybrid", "its lru units have none: its states are complex"),
        ("pdmu", "the nearest analog form is a cmru"),
        ("gru", "the nearest analog form is a bmru"),
        ("memoryless", "the nearest analog form is the ReLU"),
        ("alpha_cmru", "not quantised"),
    ],
)
def test_a_mapping_refuses_it_and_names_the_nearest_circuit(cell: str, nearest: str) -> None:
    keys = {"levels": 2} if CELLS[cell].takes_levels else {}
    model = draw_model(make_spec(cell, **keys), 1)
    technology = load_technology("generic180")
    with pytest.raises(UserError) as refused:
        map_model(model, technology, load_calibration(technology))
    said = str(refused.value)
    assert said.startswith(f'layers.0.cell is "{cell}", expected cmru, bmru or fq_bmru: ')
    assert nearest in said


@pytest.mark.parametrize("cell", list(REFERENCES))
def test_a_model_of_it_goes_to_float64_and_back(cell: str) -> None:
    network = MemoryNetwork(make_spec(cell))
    network.draw(torch.Generator().manual_seed(3))
    again = from_model(network.export()).export()
    for name, value in network.export().tensors.items():
        np.testing.assert_array_equal(again.tensors[name], value)
        assert np.isfinite(value).all()


def test_a_training_may_not_start_it_elsewhere() -> None:
    layers = [{"cell": "lru", "n_units": 2, "n_out": 2}]
    network = {"n_hidden": 2, "layers": layers, "initial_levels": [1]}
    with pytest.raises(UserError, match=r"initial_levels\[0\] is 1, expected a level from 0 to 0"):
        TrainConfig.model_validate({"network": network, "training": {"epochs": 1}})


def test_rates_learn_without_noise_decay_and_limit() -> None:
    network = MemoryNetwork(make_spec("hybrid"))
    exact = {f"layers.{i}.cell.{name}" for i in range(2) for name in ("nu", "theta")}
    assert network.exact == exact <= dict(network.named_parameters()).keys()
    learned = dict(network.named_parameters())
    weights, rates = parameter_groups(network, learned)
    assert {id(p) for p in rates["params"]} == {id(learned[name]) for name in exact}
    assert rates["weight_decay"] == 0.0
    assert len(weights["params"]) + len(exact) == len(learned)
    assert len(parameter_groups(MemoryNetwork(make_spec("gru")), {})) == 1
