"""The wheel and the sdist outside the checkout, in bare environments of every Python at hand.

pip fetches what the wheel depends on, so this needs a package index.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mru_hw.model.io import save_model
from tests.networks import draw_model, make_spec

ROOT = Path(__file__).parents[2]
VERSIONS = ("3.11", "3.12", "3.13")


def _interpreters() -> Iterator[tuple[str, str]]:
    """Yield the versions that are at hand, with a program of each: on the path or of pyenv."""
    for version in VERSIONS:
        own = Path.home() / ".pyenv" / "versions"
        candidates = [f"python{version}", *map(str, sorted(own.glob(f"{version}.*/bin/python")))]
        for program in candidates:
            found = shutil.which(program)
            asked = "import ensurepip, sys; print('%d.%d' % sys.version_info[:2])"
            if found is None:
                continue
            done = subprocess.run([found, "-c", asked], capture_output=True, text=True, check=False)
            if done.stdout.strip() == version:
                yield version, found
                break


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both distributions: the sdist of the checkout, and the wheel that is built of the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    call = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(folder)]
    subprocess.run(call, cwd=ROOT, check=True, capture_output=True)
    (sdist,) = folder.glob("mru_hw-*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "source", filter="data")
    (source,) = (folder / "source").iterdir()
    for name in ("tests", "scripts", "benchmarks", "docs/conf.py", "CITATION.cff", "Makefile"):
        assert (source / name).exists(), name
    call = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(call, cwd=source, check=True, capture_output=True)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("version", "program"), [pytest.param(v, p, id=v) for v, p in _interpreters()]
)
def test_the_wheel_works_in_a_bare_environment(
    version: str, program: str, built: Path, tmp_path: Path
) -> None:
    (wheel,) = built.glob("mru_hw-*.whl")
    venv = tmp_path / "venv"
    subprocess.run([program, "-m", "venv", str(venv)], check=True, capture_output=True)
    pip = [str(venv / "bin" / "pip"), "install", "--quiet", str(wheel)]
    subprocess.run(pip, check=True, capture_output=True)
    spec = make_spec("bmru", n_layers=1)
    save_model(draw_model(spec, seed=1, grid=True), tmp_path / "net")
    np.savez(tmp_path / "x.npz", x=np.zeros((2, 5, spec.n_in)), y=np.zeros(2, np.int64))
    (tmp_path / "plan.yaml").write_text("model: net\ninputs: x.npz\nn_dies: 3\n")
    # Nothing of the checkout or of whoever runs the test is seen from there.
    surroundings = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}

    def called(*arguments: str) -> str:
        call = [str(venv / "bin" / "mru-hw"), *arguments]
        done = subprocess.run(
            call, cwd=tmp_path, env=surroundings, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    told = json.loads(called("doctor", "--json"))
    assert told["core_works"] is True
    assert told["python"].startswith(f"{version}.")
    run = json.loads(called("simulate", "net", "--inputs", "x.npz", "--out", "y.npz", "--json"))
    assert (run["kernel"], run["energy_per_sequence_J"] > 0) == ("numpy", True)
    schemas = venv.glob("lib/*/site-packages/mru_hw/_data/docs/schemas/*.json")
    assert len(list(schemas)) == len(list((ROOT / "docs" / "schemas").glob("*.json")))
    assert "in generic180." in called("netlist", "net", "--out", "chip")
    assert {"bench.cir", "elements.csv", "budget.csv"} <= {
        path.name for path in (tmp_path / "chip").iterdir()
    }
    assert "3 runs" in called("sweep", "plan.yaml", "--out", "run.sqlite", "--workers", "1")
    assert "is complete" in called("report", "run.sqlite", "--out", "report.html")
    if shutil.which("ngspice"):
        call = ["ngspice", "-b", "bench.cir"]
        done = subprocess.run(
            call, cwd=tmp_path / "chip", capture_output=True, text=True, check=False
        )
        assert "p_mirror" in done.stdout


def test_this_python_is_one_of_those_that_are_tried() -> None:
    assert f"{sys.version_info[0]}.{sys.version_info[1]}" in dict(_interpreters())
