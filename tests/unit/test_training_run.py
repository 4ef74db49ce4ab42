"""`train`: resumes to the same bits, refuses what it must, and says why."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from mru_hw.errors import UserError
from mru_hw.model.io import load_model
from mru_hw.model.memory import CELLS
from mru_hw.stimulus import Inputs, make_inputs, save_inputs
from mru_hw.training.checkpoint import Checkpoint, Progress
from mru_hw.training.config import SHIPPED, TrainConfig, read_config, shipped_config
from mru_hw.training.fit import Epoch
from mru_hw.training.run import train


class _StoppedError(Exception):
    pass


def _config(**keys: Any) -> dict[str, Any]:
    layer = {"cell": "cmru", "n_units": 3, "n_out": 4, "levels": 2, "rectify_input": True}
    return {
        "data": "inputs.npz",
        "frame_period": "10 ms",
        "seed": 7,
        "network": {"n_hidden": 4, "layers": [layer]},
        "training": {"epochs": 6, "batch_size": 8, "checkpoint_epochs": 2},
    } | keys


def _inputs(n: int = 40) -> Inputs:
    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, n)
    x = rng.normal(size=(n, 9, 2)) + 2.0 * y[:, None, None]
    return make_inputs(x, rng.integers(3, 10, n), y)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_inputs(_inputs(), tmp_path / "inputs.npz")
    return tmp_path


def _bytes(model: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in model.iterdir()}


def _stop_at(number: int) -> Any:
    def progress(epoch: Epoch) -> None:
        if epoch.number == number:
            raise _StoppedError

    return progress


@pytest.mark.parametrize("cell", list(CELLS))
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_resumes_to_the_same_bits(folder: Path, cell: str, precision: str) -> None:
    noise = {"warp": 0.2, "offset": 0.1, "feature": 0.1}
    training = {"epochs": 6, "batch_size": 8, "checkpoint_epochs": 2, "noise": noise}
    training |= {
        "activity": 1e-3,
        "learn_beta": True,
        "learn_alpha": True,
        "anneal": 0.5 if cell == "bmru" else 0.0,
    }
    layer = {"cell": cell, "n_units": 3, "n_out": 4, "rectify_candidate": cell == "fq_bmru"}
    network = {"n_hidden": 4, "layers": [layer]}
    config = TrainConfig.model_validate(
        _config(network=network, training=training, precision=precision)
    )
    whole = train(config, folder / "whole", folder=folder)
    for stop in (1, 3, 6):
        with pytest.raises(_StoppedError):
            train(config, folder / "cut", _stop_at(stop), folder=folder)
        assert not (folder / "cut").exists()
        identity = json.loads((folder / "cut.part" / "checkpoint.json").read_text())
        assert identity["complete"] is False
    resumed = train(config, folder / "cut", folder=folder)
    assert resumed.resumed_at == 6
    assert whole.resumed_at == 0
    assert _bytes(folder / "cut") == _bytes(folder / "whole")
    assert not (folder / "cut.part").exists()


def test_learns_and_returns_at_once_when_repeated(folder: Path) -> None:
    config = TrainConfig.model_validate(_config())
    epochs: list[Epoch] = []
    first = train(config, folder / "model", epochs.append, folder=folder)
    assert [epoch.number for epoch in epochs] == [1, 2, 3, 4, 5, 6]
    assert epochs[-1].loss < epochs[0].loss
    assert first.accuracy["test"] >= 0.75
    spec = load_model(folder / "model").spec
    assert spec.metrics == {"accuracy": first.accuracy}
    assert spec.provenance["config"] == config.as_data()
    assert spec.provenance["data_about"] == config.source.about
    assert (spec.frame_period, spec.n_classes, spec.classes) == (0.01, 2, None)
    before = _bytes(folder / "model")
    again = train(config, folder / "model", lambda _: pytest.fail("trained again"), folder=folder)
    assert again.accuracy == first.accuracy
    assert _bytes(folder / "model") == before


def test_seeds_matter(folder: Path) -> None:
    found = [
        train(TrainConfig.model_validate(_config(seed=s)), folder / f"m{s}", folder=folder).model
        for s in (0, 1)
    ]
    assert not np.array_equal(found[0].tensors["input.weight"], found[1].tensors["input.weight"])


def test_activity_has_its_price(folder: Path) -> None:
    sizes = []
    for price in (0.0, 1.0):
        training = _config()["training"] | {"activity": price, "epochs": 30}
        config = TrainConfig.model_validate(_config(training=training))
        model = train(config, folder / f"m{price}", folder=folder).model
        sizes.append(np.abs(model.tensors["layers.0.candidate.weight"]).mean())
    assert sizes[1] < 0.7 * sizes[0]


def test_initial_levels(folder: Path) -> None:
    network = _config()["network"] | {"initial_levels": [-2]}
    config = TrainConfig.model_validate(_config(network=network))
    model = train(config, folder / "model", folder=folder).model
    assert model.tensors["layers.0.initial_state"].tolist() == [-2.0] * 3


def test_another_configuration_is_refused(folder: Path) -> None:
    config = TrainConfig.model_validate(_config())
    other = config.model_copy(update={"seed": 8})
    with pytest.raises(_StoppedError):
        train(config, folder / "model", _stop_at(2), folder=folder)
    with pytest.raises(UserError, match=r"model\.part beside it is the unfinished training of an"):
        train(other, folder / "model", folder=folder)
    train(config, folder / "model", folder=folder)
    before = _bytes(folder / "model")
    with pytest.raises(UserError, match="for the model there is of another configuration"):
        train(other, folder / "model", folder=folder)
    assert _bytes(folder / "model") == before
    assert not (folder / "model.part").exists()


def test_other_data_is_another_training(folder: Path) -> None:
    config = TrainConfig.model_validate(_config())
    with pytest.raises(_StoppedError):
        train(config, folder / "model", _stop_at(2), folder=folder)
    save_inputs(_inputs(50), folder / "inputs.npz")
    with pytest.raises(UserError, match="another configuration"):
        train(config, folder / "model", folder=folder)


@pytest.mark.parametrize("name", ["model", "model.part"])
@pytest.mark.parametrize("file", ["thesis.txt", "model.yaml"])
def test_what_is_not_ours_stays(folder: Path, name: str, file: str) -> None:
    (folder / name).mkdir()
    (folder / name / file).write_text("mine")
    with pytest.raises(UserError, match=r"out is .*, expected (a new path|nothing there)"):
        train(TrainConfig.model_validate(_config()), folder / "model", folder=folder)
    assert (folder / name / file).read_text() == "mine"
    assert len(list(folder.iterdir())) == 2  # and nothing began


@pytest.mark.parametrize("content", [b"", b"no safetensors", b"\x80\x04."])
def test_a_damaged_checkpoint_is_named(folder: Path, content: bytes) -> None:
    config = TrainConfig.model_validate(_config())
    with pytest.raises(_StoppedError):
        train(config, folder / "model", _stop_at(2), folder=folder)
    (folder / "model.part" / "state.safetensors").write_bytes(content)
    told = r'out is ".*", expected .* no folder model\.part, whose state\.safetensors is damaged'
    with pytest.raises(UserError, match=told):
        train(config, folder / "model", folder=folder)


def test_a_checkpoint_with_other_numbers_is_damaged(folder: Path) -> None:
    config = TrainConfig.model_validate(_config())
    with pytest.raises(_StoppedError):
        train(config, folder / "model", _stop_at(2), folder=folder)
    state = folder / "model.part" / "state.safetensors"
    data = bytearray(state.read_bytes())
    data[-3] ^= 1  # in the last tensor's numbers
    state.write_bytes(data)
    with pytest.raises(UserError, match=r"model\.part, whose state\.safetensors is damaged: rem"):
        train(config, folder / "model", folder=folder)


def _stopped(config: TrainConfig, folder: Path) -> tuple[Checkpoint, Progress]:
    """The checkpoint of a training that was stopped after two epochs, and what it holds."""
    with pytest.raises(_StoppedError):
        train(config, folder / "model", _stop_at(2), folder=folder)
    identity = json.loads((folder / "model.part" / "checkpoint.json").read_text())
    checkpoint = Checkpoint(folder / "model", identity["training"])
    saved = checkpoint.open()
    assert saved is not None
    return checkpoint, saved


def test_a_loss_that_is_no_number_names_epoch_and_last_checkpoint(folder: Path) -> None:
    config = TrainConfig.model_validate(_config())
    checkpoint, saved = _stopped(config, folder)
    checkpoint.save(replace(saved, weights={k: 1e30 * v for k, v in saved.weights.items()}))
    with pytest.raises(UserError, match="epoch 3 diverges, the last good checkpoint is of epoch 2"):
        train(config, folder / "model", folder=folder)
    checkpoint.save(saved)
    weights = {name: 1e30 * value for name, value in saved.weights.items()}
    checkpoint.save(replace(saved, epochs_done=0, weights=weights))
    with pytest.raises(UserError, match="epoch 1 diverges, there is no checkpoint yet; lower lea"):
        train(config, folder / "model", folder=folder)


def test_a_training_goes_on_from_the_last_checkpoint_of_one_that_diverged(folder: Path) -> None:
    config = TrainConfig.model_validate(_config())
    checkpoint, saved = _stopped(config, folder)
    broken = {
        k: v | {"exp_avg": torch.full_like(v["exp_avg"], torch.inf)}
        for k, v in saved.optimizer.items()
    }
    checkpoint.save(replace(saved, optimizer=broken))
    for _ in range(2):
        with pytest.raises(
            UserError, match=r"of epoch 2, a model at .*last-good; lower learning_r"
        ):
            train(config, folder / "model", folder=folder)
        model = load_model(folder / "model.part" / "last-good")
        assert model.spec.provenance["epochs"] == 2
        for name, tensor in saved.weights.items():
            np.testing.assert_array_equal(model.tensors[name], tensor.numpy())
    assert train(config, folder / "again", folder=folder, start=model).resumed_at == 0


def _with(path: str, value: object) -> dict[str, Any]:
    config = json.loads(json.dumps(_config()))
    *parents, last = path.split(".")
    place = config
    for parent in parents:
        place = place[int(parent)] if isinstance(place, list) else place[parent]
    place[last] = value
    return dict(config)


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("training.epochs", 0, r"c.yaml: training\.epochs is 0, expected a number greater than 0"),
        ("training.epochs", "many", r"training\.epochs is \"many\", expected"),
        ("training.learning_rate", float("nan"), r"training\.learning_rate is nan, expected"),
        ("training.rate", 1, r"training\.rate is 1, expected no key of this name"),
        ("training.noise", {"weight": -1}, r"training\.noise\.weight is -1, expected a number g"),
        ("training.anneal", 0.5, r"training\.anneal is 0.5, expected 0 where no layer is a bmru"),
        ("network.layers.0.cell", "lstm", r"network\.layers\.0\.cell is \"lstm\", expected one of"),
        ("network.readout", "sum", r"network\.readout is \"sum\", expected one of 'mean', 'vote'"),
        ("network.layers.0.name", "a\n.end", r"layers\.0\.name is .*, expected letters, digits"),
        ("network.initial_levels", [3], r"initial_levels\[0\] is 3, expected a level from -2 to 2"),
        ("network.initial_levels", [0, 0], r"network\.initial_levels is \[0, 0\], expected 1 num"),
        ("frame_period", "10 nA", r"frame_period is \"10 nA\", expected a finite number with the"),
        ("frame_period", None, r"frame_period is null, expected the seconds from frame to frame"),
        ("seed", -1, r"seed is -1, expected a number greater than or equal to 0"),
        ("precision", "half", r"precision is \"half\", expected one of 'float32' or 'float64'"),
        ("data", "digits", r"frame_period is .*, expected no such key, for the digits bring"),
    ],
)
def test_bad_configurations(tmp_path: Path, key: str, value: object, sentence: str) -> None:
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(_with(key, value)))
    with pytest.raises(UserError, match=sentence):
        read_config(tmp_path / "c.yaml")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("!!python/object/apply:os.system [id]", r"c\.yaml is not plain YAML in line 1 \(it has a"),
        ("- 1", r"c\.yaml is a list, expected a YAML mapping of names"),
        ("seed: 1", r"c\.yaml: network is missing, expected a value"),
    ],
)
def test_bad_yaml(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(UserError, match=sentence):
        read_config(tmp_path / "c.yaml")


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"data": "none.npz"}, r"none\.npz\", expected an \.npz file .*no such file"),
        ({"classes": ["a"]}, r"classes is 1 names long, expected at least 2, for y counts up to 1"),
        (
            {"network": {"n_hidden": 4, "layers": [{"cell": "cmru", "n_units": 2, "n_out": 3,
                                                    "skip": 1}]}},
            r"network: layers\.0\.n_out is 3, expected 4 .* because skip is 1",
        ),
    ],
)  # fmt: skip
def test_configurations_that_do_not_fit(folder: Path, keys: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        train(TrainConfig.model_validate(_config(**keys)), folder / "model", folder=folder)
    assert sorted(path.name for path in folder.iterdir()) == ["inputs.npz"]


def test_data_without_labels(folder: Path) -> None:
    save_inputs(make_inputs(_inputs().x), folder / "inputs.npz")
    with pytest.raises(UserError, match=r"inputs\.npz: y is missing, expected an array \(n_seq,\)"):
        train(TrainConfig.model_validate(_config()), folder / "model", folder=folder)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_configurations(name: str) -> None:
    config = shipped_config(name, seed=3)
    assert (config.data, config.seed) == ("digits", 3)


def test_an_unknown_shipped_configuration() -> None:
    with pytest.raises(UserError, match=r"configuration is \"digits-9x9\", expected one of digits"):
        shipped_config("digits-9x9")
