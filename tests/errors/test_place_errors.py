"""Places that the system refuses: no permission, a full disk, names that are too long, rings."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml

from mru_hw.cli.app import run
from mru_hw.files import whole_file, whole_folder
from mru_hw.model.io import save_model
from mru_hw.model.structure import ModelSpec
from mru_hw.stimulus import make_inputs, save_inputs
from mru_hw.sweeps.plan import read_plan
from mru_hw.sweeps.run import run_sweep
from mru_hw.sweeps.view import open_run
from tests.mistakes import sentence
from tests.networks import draw_model, draw_tensors
from tests.sweeps import small_model, write_case

ROOT = Path(__file__).parents[2]
MEASURED = ROOT / "docs" / "examples" / "measurements.csv"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A case of every command, in a folder that other users may enter, and one that is locked."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        place.chmod(0o755)
        plan = read_plan(write_case(place, n_seq=5))
        run_sweep({"sweep": plan}, place, place / "run.sqlite", workers=1)
        spec = small_model().spec
        np.savez(place / "net.npz", **draw_tensors(spec, 1))  # type: ignore[arg-type]
        document = spec.model_dump(mode="json", exclude={"provenance", "metrics"})
        document["tensors"] = {key: key for key in spec.tensor_shapes()}
        (place / "MAP.yaml").write_text(yaml.safe_dump(document))
        document["layers"][0]["cell"] = "alpha_cmru"
        relaxed = ModelSpec.model_validate({k: v for k, v in document.items() if k != "tensors"})
        save_model(draw_model(relaxed, 1), place / "relaxed")
        rng = np.random.default_rng(0)
        labelled = make_inputs(rng.normal(size=(30, 5, 2)), y=rng.integers(0, 2, 30))
        save_inputs(labelled, place / "labelled.npz")
        config = {
            "data": "labelled.npz",
            "frame_period": "1 ms",
            "network": {"n_hidden": 2, "layers": [{"cell": "bmru", "n_units": 2, "n_out": 2}]},
            "training": {"epochs": 1},
        }
        (place / "config.yaml").write_text(yaml.safe_dump(config))
        kept = [entry for entry in place.iterdir() if entry.name != "locked"]
        (place / "locked").mkdir()
        for entry in kept:
            copy = shutil.copytree if entry.is_dir() else shutil.copy
            copy(entry, place / "locked" / entry.name)
        for command in WRITES:  # so that every module is loaded before a user without rights is
            assert run(_filled(command, place, str(place / f"first-{command}"))) == 0
        (place / "locked").chmod(0)
        yield place
        (place / "locked").chmod(0o700)


WRITES: dict[str, list[str]] = {
    "simulate": ["simulate", "{}/model", "--inputs", "{}/inputs.npz", "--level", "ideal"],
    "import-weights": ["import-weights", "{}/net.npz", "--map", "{}/MAP.yaml"],
    "quantise": ["quantise", "{}/relaxed", "--inputs", "{}/inputs.npz", "--levels", "2"],
    "netlist": ["netlist", "{}/model"],
    "report": ["report", "{}/run.sqlite"],
    "train": ["train", "{}/config.yaml"],
    "characterize": ["characterize", "--measurements", str(MEASURED)],
}
READS: dict[str, list[str]] = {
    "MODEL of simulate": ["simulate", "{locked}/model", "--inputs", "{}/inputs.npz"],
    "--inputs": ["simulate", "{}/model", "--inputs", "{locked}/inputs.npz"],
    "FILE": ["import-weights", "{locked}/net.npz", "--map", "{}/MAP.yaml"],
    "--map": ["import-weights", "{}/net.npz", "--map", "{locked}/MAP.yaml"],
    "MODEL of netlist": ["netlist", "{locked}/model"],
    "PLAN": ["sweep", "{locked}/plan.yaml"],
    "RUN": ["report", "{locked}/run.sqlite"],
    "CONFIG": ["train", "{locked}/config.yaml"],
    "--measurements": ["characterize", "--measurements", "{locked}/m.csv"],
}


def _filled(command: str, place: Path, out: str) -> list[str]:
    words = WRITES.get(command) or READS[command]
    places = {"locked": place / "locked"}
    return [*(word.format(place, **places) for word in words), "--out", out]


@pytest.fixture
def without_rights() -> Iterator[None]:
    """As any user but root, for whom no folder is locked."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def _refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    status = run(arguments)
    out, err = capsys.readouterr()
    assert (status, out, err.count("\n")) == (2, "", 1), err
    return err.strip()


@pytest.mark.parametrize("what", READS)
def test_what_may_not_be_read_is_one_sentence(
    what: str, folder: Path, without_rights: None, capsys: pytest.CaptureFixture[str]
) -> None:
    told = _refused(_filled(what, folder, str(folder / "new")), capsys)
    assert told.startswith(f'{what.split(" ", maxsplit=1)[0]} is "{folder}/locked/')
    assert told.endswith(" (Permission denied).")


@pytest.mark.parametrize("command", WRITES)
@pytest.mark.parametrize("below", ["new", "deep/new"])
def test_what_may_not_be_written_is_one_sentence(
    command: str,
    below: str,
    folder: Path,
    without_rights: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = folder / "locked" / below
    told = _refused(_filled(command, folder, str(out)), capsys)
    assert told.startswith(f'--out is "{out}')
    assert "expected a path that can be written (" in told


@pytest.mark.parametrize("command", WRITES)
@pytest.mark.parametrize(
    "make",
    [
        lambda p: "x" * 300,
        lambda p: _link(p / "ring", "ring"),
        lambda p: p / "inputs.npz" / "new",
        lambda p: "/dev/full",
        lambda p: "/proc/new",
        lambda p: ".",
        lambda p: "",
    ],
    ids=["a long name", "a ring of links", "below a file", "a device", "no disk", "here", "none"],
)
def test_places_that_are_none(
    command: str,
    make: Callable[[Path], object],
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "mine").write_text("mine")
    monkeypatch.chdir(tmp_path)
    told = _refused(_filled(command, folder, str(make(folder))), capsys)
    assert told.startswith("--out is ")
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine"]


def _link(path: Path, target: str) -> Path:
    if not path.is_symlink():
        path.symlink_to(target)
    return path


def test_an_empty_folder_is_no_place_for_a_file(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in ("simulate", "report", "characterize"):
        told = _refused(_filled(command, folder, str(tmp_path)), capsys)
        assert told.startswith(f'--out is "{tmp_path}", expected a new path or an earlier ')
    assert list(tmp_path.iterdir()) == []


def test_a_long_name_that_the_system_takes_is_written(folder: Path, tmp_path: Path) -> None:
    assert run(_filled("simulate", folder, str(tmp_path / ("x" * 255)))) == 0
    assert [len(entry.name) for entry in tmp_path.iterdir()] == [255]


@contextlib.contextmanager
def full_disk() -> Iterator[None]:
    """Files may have 200 bytes: writing more fails, as on a full disk, for pytest's own log too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("command", WRITES)
def test_a_full_disk_is_one_sentence_and_leaves_nothing_half_written(
    command: str,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "new"
    with full_disk():
        told = _refused(_filled(command, folder, str(out)), capsys)
    assert told.startswith(f'--out is "{tmp_path}/')
    assert told.endswith("expected a path that can be written (File too large).")
    left = {entry.name for entry in tmp_path.rglob("*")}
    # The raw folder of a calibration, and the mark of a training that can go on.
    assert left <= {"raw", "new.part", "checkpoint.json"}


def test_a_disk_that_fills_up_leaves_what_was_there(tmp_path: Path) -> None:
    def write(out: Path, *, folder: bool) -> None:
        whole = whole_folder if folder else whole_file
        with full_disk(), whole(out) as part:
            (part / "a" if folder else part).write_bytes(b"x" * 1000)

    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "b").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    for name in ("file", "folder"):
        out = tmp_path / name
        told = sentence(lambda out=out, name=name: write(out, folder=name == "folder"))  # type: ignore[misc]
        assert told == f'out is "{out}", expected a path that can be written (File too large).'
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "file").read_text() == (tmp_path / "folder" / "b").read_text() == "mine"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_an_output_that_takes_nothing_ends_with_the_status(stream: str) -> None:
    """/dev/full is a disk without room; what cannot be said cannot be said."""
    code = "from mru_hw.cli.app import main; main()"
    arguments = ["doctor", "--json"] if stream == "stdout" else ["report", "none", "--out", "x"]
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            check=False,
            text=True,
            stdout=full if stream == "stdout" else subprocess.PIPE,
            stderr=full if stream == "stderr" else subprocess.PIPE,
        )
    assert done.returncode == 2
    if stream == "stdout":
        assert done.stderr == "A file cannot be read or written: No space left on device.\n"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_no_file_that_is_written(
    closed: str, folder: Path, tmp_path: Path
) -> None:
    """A sweep opens files, pipes and a database; none of them may take a stream's number."""
    out = tmp_path / "run.sqlite"
    code = "from mru_hw.cli.app import main; main()"
    command = [sys.executable, "-c", code, "sweep", str(folder / "plan.yaml"), "--out", str(out)]
    done = subprocess.run(
        ["sh", "-c", f'"$@" {closed}', "sh", *command], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.startswith(f"{out}: 1 run,")
    assert said == (">&-" not in closed.split())
    with open_run(out) as run:
        assert run.complete
