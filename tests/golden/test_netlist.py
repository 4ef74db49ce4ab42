"""The committed netlist is what the code writes today."""

from __future__ import annotations

from pathlib import Path

import pytest

from mru_hw.spice.folder import netlist_files
from mru_hw.technology import load_technology
from tests.golden.regenerate import GOLDEN, NETWORKS, TRANSLATED, decks, golden, write


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("golden")
    for network in NETWORKS:
        write(out / network, network)
    return out


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("name", netlist_files(load_technology("generic180")))
def test_golden_netlist(name: str, network: str, written: Path) -> None:
    same = (written / network / name).read_bytes() == (
        GOLDEN.with_name(network) / name
    ).read_bytes()
    assert same, f"{name} differs; meant so? python -m tests.golden.regenerate, and look at it"


@pytest.mark.parametrize("dialect", TRANSLATED)
def test_golden_dialect(dialect: str) -> None:
    folder = golden(dialect)
    assert decks(dialect) == {path.name: path.read_text() for path in folder.iterdir()}
