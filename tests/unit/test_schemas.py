"""The committed JSON schemas: generated ones are current, all are valid and fit real documents."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator, ValidationError

from mru_hw import training
from mru_hw.documents import Document
from mru_hw.files import validated
from mru_hw.mapping.options import DesignOptions
from mru_hw.mapping.schemas import schema_text, write_schemas
from mru_hw.mapping.wire_load import WireLoad
from mru_hw.model.importer import MapSpec
from mru_hw.model.io import save_model
from mru_hw.model.structure import ModelSpec
from mru_hw.spice.decoupling import decoupling
from mru_hw.sweeps.axes import AXES
from mru_hw.sweeps.plan import Plan
from mru_hw.technology import Technology
from mru_hw.technology.calibration import Calibration
from mru_hw.technology.conditions import nominal_conditions
from mru_hw.training.config import SHIPPED, TrainConfig
from mru_hw.training.schema import schema_text as config_text
from mru_hw.zoo.plan import ZooPlan
from tests.agreement.networks import chip_of, one_unit
from tests.mistakes import sentence
from tests.networks import draw_model, make_spec
from tests.unit.test_model_first_quadrant import map_document

FOLDER = Path(__file__).parents[2] / "docs" / "schemas"
NAMES = sorted(path.name for path in FOLDER.glob("*.schema.json"))
GENERATED = ["design.schema.json", "map.schema.json", "model.schema.json"]


def schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return found


def check(name: str, document: dict[str, Any]) -> None:
    Draft202012Validator(schema(name)).validate(document)


def test_the_five_documents_of_the_contract_have_a_schema() -> None:
    others = ["elements.csv.schema.json", "plan.schema.json", "summary.schema.json"]
    assert set(GENERATED + others) <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_schema_is_valid_itself(name: str) -> None:
    Draft202012Validator.check_schema(schema(name))


@pytest.mark.parametrize(
    "kind",
    [MapSpec, ModelSpec, Plan, DesignOptions, TrainConfig, ZooPlan, Technology, Calibration],
    ids=lambda kind: kind.__name__,
)
def test_an_unknown_key_is_told_with_those_that_are_known(kind: type[Document]) -> None:
    known = ", ".join(field.alias or name for name, field in kind.model_fields.items())
    assert sentence(lambda: validated(kind, {"colour": 1}, "a.yaml")) == (
        f"a.yaml: colour is 1, expected no key of this name but one of {known}."
    )


@pytest.mark.parametrize("name", GENERATED)
def test_committed_schema_is_the_generated_one(name: str, tmp_path: Path) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == schema_text(name)
    write_schemas(tmp_path)
    assert (tmp_path / name).read_text(encoding="utf-8") == schema_text(name)


def test_the_schema_of_config_is_the_generated_one_and_takes_what_ships() -> None:
    assert (FOLDER / "config.schema.json").read_text(encoding="utf-8") == config_text()
    for name in SHIPPED:
        path = Path(training.__file__).parent / "configs" / f"{name}.yaml"
        check("config.schema.json", yaml.safe_load(path.read_text(encoding="utf-8")))


def test_written_model_fits_its_schema(tmp_path: Path) -> None:
    normalisation = {"mean": [0.0] * 4, "scale": [1.0] * 4}
    spec = make_spec(levels=2, skip="matrix", normalisation=normalisation, classes=["a", "b", "no"])
    save_model(draw_model(spec, 0), tmp_path / "model")
    document = yaml.safe_load((tmp_path / "model" / "model.yaml").read_text())
    check("model.schema.json", document)
    with pytest.raises(ValidationError, match="'unknown' was unexpected"):
        check("model.schema.json", document | {"unknown": 1})


def test_map_fits_its_schema() -> None:
    document = map_document()
    check("map.schema.json", document)
    document["tensors"]["input.bias"] = {"constant": [1, 2, 3, 4]}
    document["tensors"]["input.weight"] = {"constant": "identity"}
    check("map.schema.json", document)


AXIS_ENTRIES: list[dict[str, Any]] = [
    {"axis": "die", "values": [1, 2]},
    {"axis": "perturbation", "values": [5, 10, 15], "trials": 10},
    *({"axis": axis.name, "values": list(axis.example)} for axis in AXES.values()),
]
PLAN: dict[str, Any] = {"model": "model", "inputs": "test.npz", "n_dies": 1000, "seed": 1}


@pytest.mark.parametrize("axis", AXIS_ENTRIES, ids=[str(one["axis"]) for one in AXIS_ENTRIES])
def test_plan_takes_each_axis(axis: dict[str, Any]) -> None:
    check("plan.schema.json", PLAN | {"axes": [axis]})
    with pytest.raises(ValidationError):
        check("plan.schema.json", PLAN | {"axes": [axis | {"axis": "humidity"}]})
    with pytest.raises(ValidationError):
        check("plan.schema.json", PLAN | {"axes": [axis | {"values": []}]})


def test_summary_has_what_the_contract_lists() -> None:
    def shape(part: dict[str, Any]) -> Any:
        kept = {k: shape(v) for k, v in part.get("properties", {}).items() if k in part["required"]}
        return kept or None

    wanted = shape(schema("summary.schema.json"))
    assert set(wanted["accuracy"]) >= {"software", "ideal", "behavioral", "dies"}
    assert set(wanted["accuracy"]["dies"]) >= {"mean", "std", "p10", "n"}
    assert set(wanted["energy_per_sequence_J"]) >= {"mean", "p10", "p90"}
    assert set(wanted["power_W"]) >= {"mean"}
    spice = {"sequences", "decisions_alike", "wrong_step_rate", "energy_error_mean"}
    assert set(wanted["spice"]) >= spice
    assert set(wanted) >= {"transistors", "seconds"}


def documented(page: str, heading: str) -> list[str]:
    """List the keys in the first column of the first table below a heading."""
    text = (FOLDER.parent / page).read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2]
    table = text.partition("\n| key | |\n|---|---|\n")[2].partition("\n\n")[0]
    return [key for row in table.splitlines() for key in re.findall("`(.+?)`", row.split("|")[1])]


def test_the_pages_list_the_keys_of_what_json_tells() -> None:
    chip = chip_of(one_unit())
    at = nominal_conditions(chip.design.technology)
    stored = decoupling(chip.design, chip.calibration, at)
    assert stored is not None
    assert sorted(documented("validation/budget.md", "Decoupling")) == sorted(stored.summary())
    wires = WireLoad(per_leg=1e-15).as_data()
    assert wires is not None
    assert documented("validation/timing.md", "Wires") == list(wires)


def test_elements_header_and_rows() -> None:
    columns = schema("elements.csv.schema.json")["x-columns"]
    assert columns == list(schema("elements.csv.schema.json")["properties"])
    row: dict[str, Any] = {
        "parameter": "layers.0.candidate.weight[3,5]",
        "element": "xchip.xlayer0.m12",
        "unit_devices": "3:2",
        "w_um": 1.0,
        "l_um": 2.0,
        "current_A": None,
        "wanted": 1.48,
        "realised": 1.5,
        "unit": "1",
    }
    check("elements.csv.schema.json", row)
    with pytest.raises(ValidationError, match="'3/2' does not match"):
        check("elements.csv.schema.json", row | {"unit_devices": "3/2"})
