"""Names in tables of a page, of mirrors, unit devices and options, have a meaning each."""

from __future__ import annotations

from pathlib import Path

import pytest

from mru_hw.circuits.catalogue import NODES, ROLE_NAMES, UNIT_CIRCUITS
from mru_hw.circuits.legs.roles import LEGS
from mru_hw.mapping import map_model
from mru_hw.mapping.options import DesignOptions
from mru_hw.mapping.rows import Part
from mru_hw.report.names import names_table
from mru_hw.report.page import Page
from mru_hw.technology import load_technology
from mru_hw.technology.calibration import load_calibration
from mru_hw.technology.classes import CLASS_USES
from tests.reports import made, rows_of, swept
from tests.sweeps import small_model, write_case


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    folder: Path = tmp_path_factory.mktemp("names")
    return made(swept(write_case(folder, n_dies=2)))


def test_each_device_of_a_circuit_says_what_it_does() -> None:
    nodes = [[(role.name, role.about) for role in one.roles] for one in NODES.values()]
    units = [[(role.name, role.about) for role in one.roles] for one in UNIT_CIRCUITS]
    for roles in (*nodes, *units):
        said = [about for _, about in roles]
        assert all(said)
        assert len(set(said)) == len(said)
    known = {name for roles in (*nodes, *units) for name, _ in roles}
    assert known | {leg.role for leg in LEGS} == set(ROLE_NAMES)
    assert LEGS[0].about == (
        "legs that source into their node a copy of the plus rail, for weights above 0"
    )
    assert LEGS[3].about == (
        "legs that source into their node a copy of the minus rail, for weights below 0"
    )


def test_each_row_of_a_network_has_its_words() -> None:
    assert Part.SIGNAL.of(1).about(2) == "nodes of the signals that layer 1 reads"
    assert Part.SIGNAL.of(2).about(2) == "nodes of the signals that the head reads"
    assert all(part.of(0).about(2) for part in Part)


def test_all_groups_of_a_chip_have_names_with_a_meaning() -> None:
    technology = load_technology("generic180")
    design = map_model(small_model(), technology, load_calibration(technology))
    keys = [group.key for group in design.device_groups()]
    rows = {row[0]: row[1] for row in names_table(design, keys).rows}
    assert {name for key in keys for name in key} <= set(rows)
    assert all(rows.values())


def test_a_page_defines_the_mirrors_that_it_lists(page: Page) -> None:
    named = {row["name"] for row in rows_of(page, "names")}
    listed = {part for row in rows_of(page, "enlarge") for part in row["mirror"].split("/")}
    assert listed <= named


def test_a_page_says_what_unit_devices_are_for(page: Page) -> None:
    devices = rows_of(page, "unit_devices")
    assert {row["class"]: row["what it is for"] for row in devices} == CLASS_USES


def test_a_page_has_the_options_with_the_words_of_their_fields(page: Page) -> None:
    assert page.chip is not None
    stated = page.chip.design.options.as_data()
    found = {row["option"]: row for row in rows_of(page, "options")}
    assert {name: row["value"] for name, row in found.items()} == {
        name: str(value) for name, value in stated.items()
    }
    for name, row in found.items():
        said = str(DesignOptions.model_fields[name].description)
        assert row["what it is"] == said.replace("`", "")
