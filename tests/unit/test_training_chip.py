"""Training with the chip in the loop: what it does to a network, and what it refuses."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mru_hw
from mru_hw.errors import LawError, UserError
from mru_hw.model.io import load_model
from mru_hw.model.network import Model
from mru_hw.model.structure import Normalisation
from mru_hw.simulate.run import Chip
from mru_hw.stimulus import Inputs, make_inputs, save_inputs
from mru_hw.training.fit import Epoch
from mru_hw.training.run import Trained
from mru_hw.twin import chip as twin_chip
from mru_hw.variation import Die, draw_die


class _StoppedError(Exception):
    pass


def configuration(
    cell: str = "cmru", chip: dict[str, Any] | None = None, **training: Any
) -> dict[str, Any]:
    layer: dict[str, Any] = {"cell": cell, "n_units": 3, "n_out": 4, "rectify_input": True}
    layer |= {"levels": 2} if cell in {"cmru", "alpha_cmru"} else {}
    layer |= {"rectify_candidate": True} if cell == "fq_bmru" else {}
    noise = {"weight": 0, "rounding": 0}
    return {
        "data": "inputs.npz",
        "frame_period": "10 ms",
        "network": {"n_hidden": 4, "layers": [layer]},
        "training": {"epochs": 2, "batch_size": 8, "checkpoint_epochs": 1, "noise": noise}
        | training,
        "chip": {"temperature": [27, 85], "mismatch": [0, 2]} if chip is None else chip,
    }


def inputs(n: int = 40) -> Inputs:
    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, n)
    x = rng.normal(size=(n, 9, 2)) + 2.0 * y[:, None, None]
    return make_inputs(x, rng.integers(3, 10, n), y)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    save_inputs(inputs(), tmp_path / "inputs.npz")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def trained(name: str, config: dict[str, Any], **keys: Any) -> Trained:
    return mru_hw.train(config, name, **keys)


def same(one: Trained, other: Trained) -> bool:
    pairs = ((one.model.tensors[k], other.model.tensors[k]) for k in one.model.tensors)
    return all(np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("cell", ["cmru", "bmru", "fq_bmru"])
def test_it_resumes_to_the_same_bits(folder: Path, cell: str) -> None:
    def stop(epoch: Epoch) -> None:
        raise _StoppedError

    config = configuration(cell)
    with pytest.raises(_StoppedError):
        trained("resumed", config, progress=stop)
    resumed = trained("resumed", config)
    assert resumed.resumed_at == 1
    assert same(resumed, trained("whole", config))
    assert not same(resumed, trained("other", configuration(cell, {"mismatch": [1]})))
    assert not (folder / "resumed.part").exists()


def test_it_goes_on_from_a_model(folder: Path) -> None:
    software = configuration()
    del software["chip"]
    first = trained("first", software)
    gone_on = trained("second", configuration(learning_rate=1e-9), start="first")
    for name, value in first.model.tensors.items():
        np.testing.assert_allclose(gone_on.model.tensors[name], value, atol=1e-6)
    assert load_model(folder / "second").spec.provenance["start"]
    assert same(gone_on, trained("second", configuration(learning_rate=1e-9), start=first.model))
    with pytest.raises(UserError, match="is of another configuration"):
        trained("second", configuration(learning_rate=1e-9))
    # The same weights behind another normalisation are another network.
    shifted = Normalisation(mean=(5.0, 5.0), scale=(1.0, 1.0))
    spec = first.model.spec.model_copy(update={"normalisation": shifted})
    other = Model(spec=spec, tensors=first.model.tensors)
    with pytest.raises(UserError, match="is of another configuration"):
        trained("second", configuration(learning_rate=1e-9), start=other)


def test_dies_beyond_the_laws_are_drawn_again_or_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = itertools.count()

    def every_third(*given: Any, **keys: Any) -> Die:
        if next(drawn) % 3:
            raise LawError("no die")
        return draw_die(*given, **keys)

    monkeypatch.setattr(twin_chip, "draw_die", every_third)
    assert all(np.isfinite(v).all() for v in trained("far", configuration()).model.tensors.values())

    def none(*_: Any, **__: Any) -> Die:
        raise LawError("no die")

    monkeypatch.setattr(twin_chip, "draw_die", none)
    with pytest.raises(UserError, match=r"mismatch is 2\.0, expected less: 16 dies have no law"):
        trained("none", configuration())


def test_the_supply_current_has_its_price(folder: Path) -> None:
    def current(price: float) -> float:
        chip = {"mismatch": [0], "supply_price": price}
        model = trained(f"model{price}", configuration(chip=chip, epochs=20)).model
        return float(np.mean(Chip(model).run(folder / "inputs.npz").energy.total))

    assert current(0.1) < 0.9 * current(0.0)


def test_device_noise_and_a_margin_take_part(folder: Path) -> None:
    plain = trained("plain", configuration(epochs=1))
    for chip in ({"noise": 300}, {"margin_price": 1}, {"margin_price": 1, "margin": 0.5}):
        config = configuration(chip={"temperature": [27, 85], "mismatch": [0, 2]} | chip, epochs=1)
        name = "-".join(map(str, chip.values()))
        assert not same(plain, trained(name, config))
        assert same(trained(name, config), trained(f"{name} again", config))


def test_a_margin_moves_candidates_away_from_thresholds(folder: Path) -> None:
    def near(price: float) -> float:
        chip = {"mismatch": [0], "margin_price": price, "margin": 0.5}
        model = trained(f"model{price}", configuration(chip=chip, epochs=20)).model
        run = Chip(model).run(folder / "inputs.npz", kernel="numpy")
        beta = np.abs(model.tensors["layers.0.beta"])
        away = np.abs(np.abs(run.trace.candidates[0]) - beta)
        return float(np.nanmean(np.maximum(1 - away / 0.5, 0)))

    assert near(3.0) < 0.7 * near(0.0)


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (configuration(chip={"tech": "tube"}), 'tech is "tube", expected'),
        (configuration(chip={"design": {"hold": 40}}), "chip.design: width is 32, expected more"),
        (
            configuration(chip={"design": {"i_unit": "2 pA"}}),
            "chip.design.i_unit is 2 pA, expected",
        ),
        (configuration(chip={"corner": ["xx"]}), 'chip: corner is "xx", expected one of tt'),
        (configuration(chip={"temperature": [400]}), "chip: temperature is 400"),
        (configuration(chip={"mismatch": []}), "chip.mismatch is"),
        (configuration(chip={"mismatch": [1, 50]}), "chip.mismatch is 50.0, expected at most 20"),
        (configuration(chip={"process": 50}), "chip.process is 50.0, expected at most 10"),
        (configuration(chip={"dies": 0}), "chip.dies is 0, expected"),
        (configuration(chip={"noise": -1}), "chip.noise is -1, expected"),
        (configuration(chip={"margin": 0}), "chip.margin is 0, expected"),
        (configuration(activity=0.1), "training.activity is 0.1, expected 0 with a chip"),
        (configuration("bmru", anneal=0.5), "training.anneal is 0.5, expected 0 with a chip"),
        (configuration("alpha_cmru"), 'layers.0.cell is "alpha_cmru", expected'),
    ],
)
def test_what_no_chip_can_be_is_refused(
    folder: Path, config: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UserError) as caught:
        trained("model", config)
    assert sentence in str(caught.value)
    assert sorted(path.name for path in folder.iterdir()) == ["inputs.npz"]


def test_a_model_of_another_structure_is_refused(folder: Path) -> None:
    trained("first", configuration())
    for key, value, told in (
        ("n_hidden", 5, "a model whose n_hidden is 4, expected one with 5 there"),
        ("readout", "last", "a model whose readout is mean, expected one with last there"),
    ):
        config = configuration()
        config["network"][key] = value
        with pytest.raises(UserError, match=told):
            trained("second", config, start="first")
    with pytest.raises(
        UserError, match=r"a model whose layers\.0\.cell is cmru, expected one with"
    ):
        trained("second", configuration("bmru"), start="first")
    assert not (folder / "second").exists()
    assert not (folder / "second.part").exists()


def test_a_loss_that_is_no_number_ends_the_training(folder: Path) -> None:
    software = configuration(activity=1e12, weight_limit=1e9)
    del software["chip"]
    first = trained("first", software | {"training": software["training"] | {"activity": 0}}).model
    huge = {name: 1e9 * values for name, values in first.tensors.items() if "initial" not in name}
    start = Model(spec=first.spec, tensors={**first.tensors, **huge})
    with pytest.raises(UserError, match=r"the loss is inf, expected a finite number: epoch 1 div"):
        trained("model", software, start=start)
    assert not (folder / "model").exists()
