"""The examples of the documentation, run as they stand."""

from __future__ import annotations

import doctest
import re
import shlex
import shutil
from pathlib import Path

import pytest

from mru_hw.cli.app import run
from mru_hw.documents import Document
from mru_hw.model.importer import MapSpec, Source
from mru_hw.model.memory import CELLS
from mru_hw.model.structure import LayerSpec, ModelSpec, Structure
from mru_hw.training.config import (
    ChipConfig,
    NetworkConfig,
    NoiseConfig,
    TrainConfig,
    TrainingConfig,
    read_config,
)
from mru_hw.zoo.plan import ChipPlan, TaskPlan, ZooPlan
from tests.halves import thresholds

DOCS = Path(__file__).parents[2] / "docs"
HOWTO = re.findall(r"^(\w+)$", (DOCS / "howto" / "index.md").read_text("utf-8"), re.MULTILINE)
"""The pages that the index lists, in its order; those on extension have tests of their own."""
PAGES = (
    (
        "reference/models.md",
        "reference/cells.md",
        "reference/sweeps.md",
        "reference/report.md",
        "reference/zoo_plan.md",
    ),
    ("tutorials/your_network.md",),
    (
        "tutorials/first_half_hour.md",
        "tutorials/designers_afternoon.md",
        *(f"howto/{page}.md" for page in HOWTO),
    ),
)
"""In this order: each of a group goes on with what the first one made."""

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SAME = doctest.OutputChecker()
_HOW = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.mark.parametrize("pages", PAGES, ids=lambda pages: pages[0])
def test_the_pages_run_as_they_stand(
    pages: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(DOCS / "examples" / "measurements.csv", tmp_path)
    names: dict[str, object] = {}
    for page in pages:
        blocks = _BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))
        assert blocks
        for kind, text in blocks:
            if kind == "python":
                exec(compile(text, page, "exec"), names)
                capsys.readouterr()  # what it prints is its own, not the next command's
            elif kind == "yaml":
                name = text.splitlines()[0].removeprefix("# ")
                Path(name).write_text(text, encoding="utf-8")
            else:
                assert kind == "console"
                _session(text, capsys)


def _session(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Run the commands after ``$``; what follows is all they print, ``...`` standing for any."""
    for step in text.removeprefix("$ ").split("\n$ "):
        command, _, expected = step.partition("\n")
        program, *arguments = shlex.split(command)
        assert program == "mru-hw"
        before = sorted(Path().rglob("*"))
        status = run(arguments)
        out, err = capsys.readouterr()
        found = out + err if status == 0 else err
        wanted = expected.rstrip("\n") + "\n"
        assert _SAME.check_output(wanted, found, _HOW), f"$ {command}\n{found}"
        if status:
            assert (status, found.count("\n"), out) == (2, 1, "")
            assert sorted(Path().rglob("*")) == before


def _first_column(page: str, heading: str) -> list[str]:
    """The code words of the first column of the table with this head."""
    text = (DOCS / page).read_text(encoding="utf-8")
    _, rows = text.split(f"| {heading} |", 1)
    table = rows.split("\n\n", 1)[0].splitlines()[2:]
    return [word for row in table for word in re.findall(r"`([^`]+)`", row.split("|")[1])]


@pytest.mark.parametrize(
    ("heading", "names"),
    [
        ("key of the structure", set(Structure.model_fields)),
        ("key of a layer", set(LayerSpec.model_fields)),
        ("key", {field.alias or name for name, field in Source.model_fields.items()}),
        ("cell", set(CELLS)),
    ],
)
def test_the_page_on_models_names_every_key(heading: str, names: set[str]) -> None:
    assert set(_first_column("reference/models.md", heading)) == names
    assert set(MapSpec.model_fields) == {*Structure.model_fields, "tensors"}


@pytest.mark.parametrize(
    ("heading", "kind"),
    [
        ("key", TrainConfig),
        ("key of `network`", NetworkConfig),
        ("key of `training`", TrainingConfig),
        ("key of `training.noise`", NoiseConfig),
        ("key of `chip`", ChipConfig),
    ],
)
def test_the_page_on_training_has_every_key_and_its_default(
    heading: str, kind: type[Document]
) -> None:
    text = (DOCS / "reference" / "training.md").read_text(encoding="utf-8")
    rows = text.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    table = {row.split("|")[1].strip(" `"): row.split("|")[3].strip() for row in rows}
    assert list(table) == list(kind.model_fields)
    for name, field in kind.model_fields.items():
        if field.is_required():
            assert table[name] == "required"
        elif isinstance(field.default, bool | int | float):
            assert table[name] == f"{str(field.default).lower()}"
        elif isinstance(field.default, str):
            assert table[name] == f"`{field.default}`"


@pytest.mark.parametrize(
    ("heading", "kind"),
    [("key", ZooPlan), ("key of a task", TaskPlan), ("key of `chip`", ChipPlan)],
)
def test_the_page_on_plans_of_a_zoo_has_every_key(heading: str, kind: type[Document]) -> None:
    assert _first_column("reference/zoo_plan.md", heading) == list(kind.model_fields)


def test_the_examples_of_training_are_configurations() -> None:
    assert read_config(DOCS / "examples" / "low_current.yaml").chip is not None
    for cell in ("bmru", "fq_bmru"):
        layers = read_config(DOCS / "examples" / f"{cell}.yaml").network.layers
        assert {layer.cell.name for layer in layers} == {cell}


def test_the_page_on_models_names_every_tensor() -> None:
    layers = [
        {"cell": cell, "n_units": 2, "n_out": 2, "threshold": threshold, "skip": "matrix"}
        for cell in CELLS
        for threshold in thresholds(cell)
    ]
    spec = ModelSpec.model_validate(
        {"frame_period": 1, "n_in": 2, "n_hidden": 2, "n_classes": 2, "layers": layers}
    )
    made = {re.sub(r"\.\d+\.", ".I.", name) for name in spec.tensor_shapes()}
    assert set(_first_column("reference/models.md", "tensor")) == made
