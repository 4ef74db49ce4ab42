"""Every task of the registry: what loads, how it is split, what its labels say."""

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mru_hw.documents import Document
from mru_hw.files import validated
from mru_hw.stimulus import Inputs
from mru_hw.training.config import TrainConfig
from mru_hw.training.run import train
from mru_hw.training.tasks import TASKS, Labelled
from mru_hw.training.tasks.base import labels
from mru_hw.training.tasks.speech_commands import _by_hash
from tests.tasks import EXAMPLES, SMALL, recordings, task, tone, write_wav

DOCS = Path(__file__).parents[2] / "docs"
DRAWN = ("copy_first", "denoising", "flip_flop", "adding")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return recordings(tmp_path)


def parts(data: Labelled) -> dict[str, Inputs]:
    split = data.split
    return {field.name: getattr(split, field.name) for field in fields(split)}


def test_every_task_has_an_example_and_a_row_of_the_page() -> None:
    assert set(EXAMPLES) == set(TASKS)
    page = (DOCS / "reference" / "tasks.md").read_text(encoding="utf-8")
    table = page.split("| task |", 1)[1].split("\n\n", 1)[0]
    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == list(TASKS)
    options = page.split("| option |", 1)[1].split("\n\n", 1)[0]
    named = {
        w for row in options.splitlines()[2:] for w in re.findall(r"`(\w+)`", row.split("|")[1])
    }
    assert named == {key for kind in TASKS.values() for key in kind.model_fields} - {"name"}


@pytest.mark.parametrize("name", TASKS)
def test_loads_alike_twice_with_every_class_to_train(folder: Path, name: str) -> None:
    asked = task(name, **EXAMPLES[name])
    data, again = asked.load(folder), asked.load(folder)
    assert data.digest == again.digest
    data.refuse_gaps()
    assert data.frame_period > 0
    for word, part in parts(data).items():
        assert part.n_seq > 0
        assert 0 <= labels(part).min() <= labels(part).max() < data.n_classes
        assert np.array_equal(part.x, parts(again)[word].x)
    if data.classes is not None:
        assert len(data.classes) == data.n_classes
    config = {
        "task": {"name": name} | EXAMPLES[name],
        "network": {
            "n_hidden": 2,
            "readout": "last",
            "layers": [{"cell": "cmru", "n_units": 2, "n_out": 2}],
        },
        "training": {"epochs": 1},
    }
    document = validated(TrainConfig, config, "config").as_data()
    assert validated(TrainConfig, document, "config").as_data() == document
    assert "data" not in document


@pytest.mark.parametrize("name", ["mnist", "japanese_vowels", "adding"])
def test_normalisation_is_of_the_training_part_alone(folder: Path, name: str) -> None:
    data = task(name, **EXAMPLES[name]).load(folder)
    x, lengths = data.split.train.x, data.split.train.lengths
    frames = np.concatenate([row[:n] for row, n in zip(x, lengths, strict=True)])
    found = data.normalisation()
    mean = frames.mean() if name == "mnist" else frames.mean(axis=0)
    scale = frames.std() if name == "mnist" else frames.std(axis=0)
    assert np.allclose(found.mean, mean, rtol=1e-9)
    assert np.allclose(found.scale, scale, rtol=1e-9)


# ----------------------------------------------------------------------------------- real data


def test_images_in_each_order() -> None:
    rows, pixels, mixed = (
        task("mnist", order=order).load(Path()).split.train
        for order in ("rows", "pixels", "permuted")
    )
    assert (rows.x.shape, pixels.x.shape) == ((4000, 28, 28), (4000, 784, 1))
    assert np.array_equal(rows.x.reshape(pixels.x.shape), pixels.x)
    order = np.random.default_rng(0).permutation(784)
    assert np.array_equal(mixed.x[7, :, 0], pixels.x[7, order, 0])
    assert rows.x.max() == 1.0
    assert np.bincount(labels(rows)).tolist() == [400] * 10


def test_small_digits_and_vowels_are_those_of_their_packages() -> None:
    small = parts(task("small_digits").load(Path()))
    assert [part.x.shape for part in small.values()] == [(1437, 8, 8), (180, 8, 8), (180, 8, 8)]
    assert small["test"].x[0, 0].tolist() == [v / 16 for v in (0, 0, 5, 13, 9, 1, 0, 0)]
    vowels = parts(task("japanese_vowels").load(Path()))
    assert [part.n_seq for part in vowels.values()] == [243, 27, 370]
    assert vowels["train"].x[0, :2, 0].tolist() == [1.860936, 1.891651]
    assert (vowels["train"].lengths[0], labels(vowels["test"]).tolist().count(8)) == (20, 29)
    spans = [(int(part.lengths.min()), int(part.lengths.max())) for part in vowels.values()]
    assert (min(low for low, _ in spans), max(high for _, high in spans)) == (7, 29)


def test_one_word_against_the_rest() -> None:
    every, one = task("digits").load(Path()), task("digits", word="3").load(Path())
    assert one.classes == ("rest", "3")
    assert np.array_equal(labels(one.split.test), labels(every.split.test) == 3)
    assert one.digest == every.digest


# ---------------------------------------------------------------------------------- recordings


def test_digit_recordings_are_split_by_index_or_by_speaker(folder: Path) -> None:
    data = task("digit_recordings", folder="digits").load(folder)
    assert [part.n_seq for part in parts(data).values()] == [20, 10, 10]
    assert labels(data.split.test).tolist() == list(range(10))
    assert data.split.test.lengths.tolist() == [1 + 900 // 200] * 10
    for digit in range(10):
        write_wav(folder / "digits" / f"{digit}_ben_3.wav", tone(300, 900))
    by_speaker = task("digit_recordings", folder="digits", test_speaker="ben").load(folder)
    assert [part.n_seq for part in parts(by_speaker).values()] == [30, 10, 10]


def test_speech_commands_go_by_their_lists(folder: Path) -> None:
    data = task("speech_commands", folder="words", sample_rate=8000).load(folder)
    assert data.classes == ("no", "yes")
    assert [labels(part).tolist() for part in parts(data).values()] == [
        [0, 0, 1, 1, 1],
        [0],
        [0, 1],
    ]


def test_without_lists_the_rule_of_speech_commands_keeps_speakers_together() -> None:
    # The first two files of the published testing_list.txt.
    assert [_by_hash(f"{name}_nohash_3.wav") for name in ("bb05582b", "97f4c236")] == ["test"] * 2
    named = [_by_hash(f"{k:08x}_nohash_0.wav") for k in range(3000)]
    assert named == [_by_hash(f"{k:08x}_nohash_7.wav") for k in range(3000)]
    assert abs(named.count("test") - 300) < 60
    assert abs(named.count("validation") - 300) < 60


# --------------------------------------------------------------------------------- drawn tasks


def _answer(name: str, x: NDArray[np.float64]) -> int:
    """Read the answer off a sequence without noise, by the words of the page."""
    if name == "copy_first":
        return int(x[0].argmax())
    if name == "flip_flop":
        bits = [0, 0]
        for frame in x:
            for k in (0, 1):
                bits[k] = bits[k] if abs(frame[k]) < 0.5 else int(frame[k] > 0)
        return bits[0] + 2 * bits[1]
    marked = [frame[0] for frame in x if frame[1] == 1.0]
    assert len(marked) == 2
    if name == "adding":
        return round(2 * float(sum(marked)))
    return int(marked[0] > 0) + 2 * int(marked[1] > 0)


@pytest.mark.parametrize("name", DRAWN)
def test_labels_say_what_the_sequences_ask(name: str) -> None:
    options = SMALL | {"n_train": 500} | ({} if name == "adding" else {"noise": 0.0})
    for delay in (None,) if name == "copy_first" else (0, 3):
        more = {} if delay is None else {"delay": delay, "length": [6, 30]}
        data = task(name, **options | more).load(Path())
        train_rows = data.split.train
        rows = list(zip(train_rows.x, train_rows.lengths, labels(train_rows), strict=True))
        assert [_answer(name, x[:n]) for x, n, _ in rows] == [y for _, _, y in rows]
        assert set(labels(train_rows)) == set(range(data.n_classes))
        if delay:
            column = slice(1, 2) if name in {"adding", "denoising"} else slice(None)
            quiet = np.array([x[n - delay : n, column] for x, n, _ in rows])
            assert not quiet.any()


@pytest.mark.parametrize("name", DRAWN)
def test_lengths_are_mixed_evenly_by_logarithm(name: str) -> None:
    asked = task(name, length=[4, 256], n_train=4000, test_length=400, n_test=5)
    split = asked.load(Path()).split
    lengths = split.train.lengths
    assert (lengths.min(), lengths.max()) == (4, 256)
    assert abs(np.mean(lengths < 32) - 0.5) < 0.03
    assert set(split.test.lengths) == {400}
    more = task(name, length=[4, 256], n_train=4000, test_length=50, n_validation=7).load(Path())
    assert np.array_equal(more.split.train.x, split.train.x)  # each part from its own child
    assert more.digest != asked.load(Path()).digest


def test_copying_the_first_input_is_learned_and_kept(tmp_path: Path) -> None:
    layer = {"cell": "cmru", "n_units": 8, "n_out": 8, "levels": 2}
    layer |= {"rectify_input": True, "rectify_output": True}
    options = {"length": [4, 30], "n_train": 600, "n_validation": 50, "n_test": 50}
    config = {
        "task": {"name": "copy_first", "test_length": 200} | options,
        "network": {"n_hidden": 8, "readout": "last", "layers": [layer]},
        "training": {"epochs": 25, "learning_rate": 0.02},
    }
    trained = train(validated(TrainConfig, config, "config"), tmp_path / "model")
    assert trained.accuracy["test"] > 0.6  # of 0.25 by chance, at seven times the longest length
    spec = trained.model.spec
    assert (spec.n_in, spec.n_classes, spec.frame_period) == (4, 4, 0.01)
    recorded = spec.provenance["config"]
    assert isinstance(recorded, dict)
    assert {"task", "data"} & set(recorded) == {"task"}


# --------------------------------------------------------------------------------- MFCC


@pytest.mark.parametrize(
    "case", json.loads((Path(__file__).parents[1] / "golden" / "mfcc.json").read_text())["cases"]
)
def test_the_front_end_has_the_numbers_of_librosa(case: dict[str, Any]) -> None:
    from mru_hw.training.tasks.mfcc import FrontEnd

    rate = case["rate"]
    front_end = FrontEnd(
        n_mfcc=case["n_mfcc"],
        n_mels=case["n_mels"],
        hop=case["hop"] / rate,
        window=case["window"] / rate,
    )
    samples = np.array(case["samples"]) / 32768.0
    found = front_end.frames(samples, rate)
    assert len(found) == 1 + len(samples) // case["hop"]
    assert np.allclose(found[::3], case["every_third_frame"], rtol=0, atol=1e-6)


def test_each_option_says_what_it_is() -> None:
    kinds: list[type[Document]] = list(TASKS.values())
    for kind in kinds:
        for name, field in kind.model_fields.items():
            assert name in {"name", "front_end"} or field.description, (kind, name)
