"""A first-quadrant network of another program comes in through MAP.yaml and runs exactly."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray
from safetensors.numpy import save_file

from mru_hw.cli.app import run
from mru_hw.model.io import load_model
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.stimulus import make_inputs

N_IN, N, N_TIME = 13, 4, 101
Floats = NDArray[np.float64]


def foreign_weights(seed: int, *, grid: bool) -> dict[str, Floats]:
    """Weights as another program keeps them: (in, out) matrices, settings packed in one array."""
    rng = np.random.default_rng(seed)
    weights = {"proj/w": rng.normal(size=(N_IN, N)) / 3, "proj/b": rng.normal(size=(1, N)) - 0.5}
    for k in (1, 2):
        weights[f"cell{k}/wc"] = rng.normal(size=(N, N))
        weights[f"cell{k}/bc"] = rng.normal(size=N) / 2 + 0.5
        # A wide window, so that initial states are held; alpha and delta of either sign.
        weights[f"cell{k}/set"] = rng.normal(size=(3, N)) * [[0.2], [3.0], [1.0]]
        weights[f"cell{k}/wo"] = rng.normal(size=N * N)
        weights[f"cell{k}/bo"] = rng.normal(size=N) - 0.5
        weights[f"cell{k}/h0"] = rng.integers(0, 2, N).astype(np.float64)
    # A unit that starts at 1 and whose candidate stays inside its window for long.
    weights["cell1/wc"][:, 0] /= 16
    weights["cell1/bc"][0], weights["cell1/h0"][0] = 1.0, 1.0
    weights["cell1/set"][:, 0] = [-0.25, 2.0, 1.0]
    weights["out"] = rng.normal(size=(2, N + 1))
    return {k: np.round(16 * v) / 16 for k, v in weights.items()} if grid else weights


def map_document() -> dict[str, Any]:
    layer = {
        "cell": "fq_bmru",
        "n_units": N,
        "n_out": N,
        "rectify_input": True,
        "rectify_candidate": True,
        "rectify_output": True,
        "skip": 1,
    }
    tensors: dict[str, Any] = {
        "input.weight": {"from": "proj/w", "transpose": True},
        "input.bias": {"from": "proj/b", "reshape": [N]},
        "head.weight": {"from": "out", "select": [None, [0, N]]},
        "head.bias": {"from": "out", "select": [[0, 2], N]},
    }
    for i in range(2):
        own = f"cell{i + 1}"
        tensors |= {
            f"layers.{i}.candidate.weight": {"from": f"{own}/wc", "transpose": True},
            f"layers.{i}.candidate.bias": f"{own}/bc",
            f"layers.{i}.beta": {"from": f"{own}/set", "select": [0], "abs": True},
            f"layers.{i}.delta": {"from": f"{own}/set", "select": [1]},
            f"layers.{i}.alpha": {"from": f"{own}/set", "select": [2]},
            f"layers.{i}.output.weight": {
                "from": f"{own}/wo",
                "reshape": [N, N],
                "transpose": True,
            },
            f"layers.{i}.output.bias": f"{own}/bo",
            f"layers.{i}.initial_state": f"{own}/h0",
        }
    return {
        "frame_period": "10 ms",
        "n_in": N_IN,
        "n_hidden": N,
        "n_classes": 2,
        "layers": [layer, layer],
        "readout": "vote",
        "classes": ["no", "yes"],
        "tensors": tensors,
    }


def relu(a: Floats) -> Floats:
    return np.maximum(a, 0.0)


def reference(w: dict[str, Floats], x: Floats) -> tuple[int, list[list[Floats]], list[int]]:
    """Run one sequence (time, feature) by hand: decision, every h, and what the case exercises."""
    bits, untouched = [w["cell1/h0"], w["cell2/h0"]], [w["cell1/h0"] == 1, w["cell2/h0"] == 1]
    states: list[list[Floats]] = [[], []]
    seen, votes = [0, 0], np.zeros(2)
    for x_t in x:
        v = x_t @ w["proj/w"] + w["proj/b"][0]
        for i, own in enumerate(("cell1", "cell2")):
            beta, delta, alpha = np.abs(w[f"{own}/set"])
            c = relu(relu(v) @ w[f"{own}/wc"] + w[f"{own}/bc"])
            bits[i] = np.where(c >= beta + delta, 1.0, np.where(c >= beta, bits[i], 0.0))
            states[i].append(alpha * bits[i])
            untouched[i] = untouched[i] & (c >= beta) & (c < beta + delta)
            seen[0] += int(untouched[i].sum())
            seen[1] += int((v < 0).sum())
            v = relu(states[i][-1] @ w[f"{own}/wo"].reshape(N, N) + w[f"{own}/bo"]) + v
        votes[np.argmax(w["out"][:, :N] @ v + w["out"][:, N])] += 1
    return int(np.argmax(votes)), states, seen


def write(kind: str, weights: dict[str, Floats], path: Path) -> None:
    if kind == "npz":
        buffer = io.BytesIO()
        np.savez(buffer, **weights)  # type: ignore[arg-type]
        path.write_bytes(buffer.getvalue())
    elif kind == "safetensors":
        save_file(weights, path)
    else:
        import torch

        torch.save(
            {"state": {k: torch.from_numpy(v) for k, v in weights.items()}, "epoch": 3}, path
        )


@pytest.mark.parametrize("grid", [False, True], ids=["normal", "ties"])
@pytest.mark.parametrize("seed", range(20))
def test_imported_network_equals_reference_at_every_step(
    seed: int, grid: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = foreign_weights(seed, grid=grid)
    write("npz", weights, tmp_path / "net.npz")
    (tmp_path / "MAP.yaml").write_text(yaml.safe_dump(map_document()))
    names = [str(tmp_path / name) for name in ("net.npz", "MAP.yaml", "model")]
    assert run(["import-weights", names[0], "--map", names[1], "--out", names[2], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["unused"] == []

    rng = np.random.default_rng(100 + seed)
    x = 2 * rng.normal(size=(5, N_TIME, N_IN))
    inputs = make_inputs(np.round(8 * x) / 8 if grid else x, rng.integers(1, N_TIME + 1, 5))
    trace = simulate_ideal(load_model(tmp_path / "model"), inputs)
    held, cut = 0, 0
    for row, length in enumerate(inputs.lengths):
        decision, states, seen = reference(weights, inputs.x[row, :length])
        assert trace.decision[row] == decision
        for i in range(2):
            assert np.array_equal(trace.states[i][row, :length], states[i])
            assert np.isnan(trace.states[i][row, length:]).all()
        held, cut = held + seen[0], cut + seen[1]
    # The case means something: some initial states are held, some skips carry what ReLU cuts off.
    assert held > 0
    assert cut > 0


@pytest.mark.parametrize("kind", ["safetensors", "torch"])
def test_other_files_give_the_same_model(kind: str, tmp_path: Path) -> None:
    weights = foreign_weights(3, grid=False)
    document = map_document()
    write("npz", weights, tmp_path / "net.npz")
    write(kind, weights, tmp_path / f"net.{kind}")
    (tmp_path / "npz.yaml").write_text(yaml.safe_dump(document))
    if kind == "torch":  # The state_dict lies one level down in the checkpoint.
        for name, source in document["tensors"].items():
            given = {"from": source} if isinstance(source, str) else source
            document["tensors"][name] = given | {"from": f"state.{given['from']}"}
    (tmp_path / f"{kind}.yaml").write_text(yaml.safe_dump(document))
    for each in ("npz", kind):
        arguments = [f"net.{each}", "--map", f"{each}.yaml", "--out", f"model-{each}"]
        paths = [a if a.startswith("--") else str(tmp_path / a) for a in arguments]
        assert run(["import-weights", *paths]) == 0
    one, two = load_model(tmp_path / "model-npz"), load_model(tmp_path / f"model-{kind}")
    assert all(np.array_equal(one.tensors[name], two.tensors[name]) for name in one.tensors)
    assert two.spec.provenance["imported_from"] == f"net.{kind}"


def test_packed_tensors_are_taken_apart_exactly(tmp_path: Path) -> None:
    weights = foreign_weights(5, grid=False)
    write("npz", weights, tmp_path / "net.npz")
    (tmp_path / "MAP.yaml").write_text(yaml.safe_dump(map_document()))
    names = [str(tmp_path / name) for name in ("net.npz", "MAP.yaml", "model")]
    assert run(["import-weights", names[0], "--map", names[1], "--out", names[2]]) == 0
    t = load_model(tmp_path / "model").tensors
    assert np.array_equal(t["layers.1.beta"], np.abs(weights["cell2/set"][0]))
    assert np.array_equal(t["layers.1.delta"], weights["cell2/set"][1])
    assert np.array_equal(t["layers.0.output.weight"], weights["cell1/wo"].reshape(N, N).T)
    assert np.array_equal(t["head.bias"], weights["out"][:, N])
    assert np.array_equal(t["input.weight"], weights["proj/w"].T)
