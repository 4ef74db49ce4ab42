"""The kinds of files that commands read, and how a case of each is drawn."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import yaml

from mru_hw.errors import UserError
from mru_hw.files import validated
from mru_hw.sweeps.plan import Plan
from mru_hw.training.config import TrainConfig
from tests.fuzz.arrays import mutate_npz, mutate_safetensors, write_pickle, write_torch
from tests.fuzz.calls import Call, Mutate, _call, _edit
from tests.fuzz.command_line import _command_line
from tests.fuzz.draws import (
    NUMBERS,
    TEXTS,
    WORDS,
    dumped,
    mutate_bytes,
    mutate_document,
    mutate_lines,
    mutate_yaml,
    pick,
)
from tests.fuzz.extremes import config_within, plan_within, within, write_network
from tests.fuzz.files import _in_the_way, _unknown
from tests.fuzz.stores import mutate_store
from tests.fuzz.template import NETWORKS, copy, foreign_arrays, slow_part

Make = Callable[[Random, Path, Path], Call]
"""Draw a case from a template's folder into a folder of its own."""


def _on_network(draw: Random, name: str) -> list[str]:
    """Return a command that reads a network and its inputs."""
    simulate = ["simulate", name, "--inputs", f"{name}.npz"]
    if name == "tiny" and draw.random() < 0.7:
        ways = [[*simulate, "--level", "spice"], ["sweep", "tiny.yaml"]]
        ways += [[*simulate, "--level", "spice", "--verify", "units:1"]]
        return pick(draw, ways)
    return pick(
        draw,
        [
            [*simulate, "--level", "ideal"],
            simulate,
            [*simulate, "--die", str(draw.randrange(9)), "--noise", "3"],
            [*simulate, "--die", "4", "--process-scale", "1", "--gradient-scale", "1"],
            [*simulate, "--timing", "timed"],
            ["netlist", name],
            ["netlist", name, "--inputs", f"{name}.npz", "--sequence", "1"],
            ["netlist", name, "--dialect", pick(draw, ("spectre", "xyce", "hspice")), "--die", "1"],
            ["sweep", f"{name}.yaml", "--workers", "1"],
        ],
    )


def _network(draw: Random, template: Path, folder: Path) -> str:
    name = pick(draw, (*NETWORKS, "ladders", "tiny", "tiny"))
    copy(template, folder, name, f"{name}.npz", f"{name}.yaml")
    return name


# ---------------------------------------------------------------------------- networks, inputs


def _network_within(draw: Random, template: Path, folder: Path) -> Call:
    """A network that is whole, with the extremes of what may stand in one."""
    name, said = "drawn", write_network(draw, folder / "drawn", folder / "drawn.npz")
    plan = {"model": name, "inputs": f"{name}.npz", "n_dies": 2}
    (folder / f"{name}.yaml").write_text(dumped(plan))
    return _call(draw, template, folder, _on_network(draw, name), said)


def _structure(draw: Random, template: Path, folder: Path) -> Call:
    name = _network(draw, template, folder)
    said = _edit(folder / name / "model.yaml", mutate_yaml, draw)
    return _call(draw, template, folder, _on_network(draw, name), said)


def _tensors(draw: Random, template: Path, folder: Path) -> Call:
    name = _network(draw, template, folder)
    said = mutate_safetensors(draw, folder / name / "model.safetensors")
    return _call(draw, template, folder, _on_network(draw, name), said)


def _inputs(draw: Random, template: Path, folder: Path) -> Call:
    name = _network(draw, template, folder)
    said = mutate_npz(draw, folder / f"{name}.npz")
    words = _on_network(draw, name)
    if draw.random() < 0.15:
        copy(template, folder, "config.yaml")
        (folder / f"{name}.npz").rename(folder / "bits.npz")
        words = ["train", "config.yaml"]
    return _call(draw, template, folder, words, said)


# --------------------------------------------------------------------------- foreign weights


def _map(draw: Random, template: Path, folder: Path) -> Call:
    copy(template, folder, "MAP.yaml", "weights.npz")
    said = _edit(folder / "MAP.yaml", mutate_yaml, draw)
    words = ["import-weights", "weights.npz", "--map", "MAP.yaml"]
    return _call(draw, template, folder, words, said)


def _weights(mutate: Callable[[Random, Path, Path], str]) -> Make:
    def make(draw: Random, template: Path, folder: Path) -> Call:
        copy(template, folder, "MAP.yaml")
        said = mutate(draw, template, folder / "weights")
        words = ["import-weights", "weights", "--map", "MAP.yaml"]
        return _call(draw, template, folder, words, said)

    return make


def _weights_npz(draw: Random, template: Path, path: Path) -> str:
    shutil.copy(template / "weights.npz", path)
    return mutate_npz(draw, path)


def _weights_safetensors(draw: Random, template: Path, path: Path) -> str:
    shutil.copy(template / "weights.safetensors", path)
    return mutate_safetensors(draw, path)


def _weights_torch(draw: Random, template: Path, path: Path) -> str:
    if draw.random() < 0.05:
        write_pickle(path)
        return "a plain pickle"
    return write_torch(draw, path, foreign_arrays(template))


# -------------------------------------------------------------------------- plans, configurations


def _plan(draw: Random, template: Path, folder: Path) -> Call:
    name = _network(draw, template, folder)
    mutate = within(plan_within) if draw.random() < 0.4 else mutate_yaml
    said = _edit_unless_long(draw, folder / f"{name}.yaml", mutate, _runs, most=20)
    words = ["sweep", f"{name}.yaml", "--workers", pick(draw, ("1", "1", "2"))]
    return _call(draw, template, folder, words, said)


def _config(draw: Random, template: Path, folder: Path) -> Call:
    copy(template, folder, "config.yaml", "bits.npz")
    mutate = within(config_within) if draw.random() < 0.4 else mutate_yaml
    said = _edit_unless_long(draw, folder / "config.yaml", mutate, _size, most=200)
    return _call(draw, template, folder, ["train", "config.yaml"], said)


def _edit_unless_long(
    draw: Random, path: Path, mutate: Mutate, measure: Callable[[Any], float], *, most: float
) -> str:
    """Mutate a document so that it does not ask, rightly, for more work than a case may take."""
    good = path.read_bytes()
    while True:
        said = _edit(path, mutate, draw)
        if not _long(path, measure, most=most):
            return said
        path.write_bytes(good)


def _long(path: Path, measure: Callable[[Any], float], *, most: float) -> bool:
    try:
        return measure(yaml.safe_load(path.read_bytes())) > most
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError, UserError):
        return False


def _runs(document: object) -> float:
    plan = validated(Plan, document, "")
    return plan.runs if plan.level != "spice" else 5 * plan.runs


def _size(document: object) -> float:
    config = validated(TrainConfig, document, "")
    width = max([config.network.n_hidden, *(n.n_units + n.n_out for n in config.network.layers)])
    most = 10 * width if config.data == "digits" else width
    return most * config.training.epochs


def _checkpoint(draw: Random, template: Path, folder: Path) -> Call:
    copy(template, folder, "config.yaml", "bits.npz", "half.part=out.part")
    name = pick(draw, ("checkpoint.json", "state.safetensors"))
    path = folder / "out.part" / name
    if name.endswith("json") and draw.random() < 0.6:
        document, said = mutate_document(draw, json.loads(path.read_bytes()))
        path.write_text(json.dumps(document, skipkeys=True), encoding="utf-8")
    else:
        said = _edit(path, mutate_bytes, draw)
    return Call(arguments=("train", "config.yaml", "--out", "out"), said=said)


# ----------------------------------------------------------------------------- stores, tables


def _store(draw: Random, template: Path, folder: Path) -> Call:
    name = pick(draw, ("ladders", "ladders", "bits", "tiny"))
    copy(template, folder, f"{name}.sqlite")
    said = mutate_store(draw, folder / f"{name}.sqlite")
    if draw.random() < 0.1:
        (folder / f"{name}.sqlite-journal").write_bytes(draw.randbytes(2000))
        said += ", a journal"
    if draw.random() < 0.25:
        copy(template, folder, name, f"{name}.npz", f"{name}.yaml")
        (folder / f"{name}.sqlite").rename(folder / "out")
        words = ("sweep", f"{name}.yaml", "--out", "out", "--workers", "1")
        return Call(arguments=words, said=said)
    return _call(draw, template, folder, ["report", f"{name}.sqlite"], said)


def _table(draw: Random, template: Path, folder: Path) -> Call:
    copy(template, folder, "measured.csv")
    path = folder / "measured.csv"
    way = draw.random()
    if way < 0.2:
        said = _edit(path, mutate_bytes, draw)
    elif way < 0.4:
        text, said = mutate_lines(draw, path.read_text())
        path.write_bytes(text.encode("utf-8", "replace"))
    else:
        rows = [line.split(",") for line in path.read_text().splitlines()]
        if draw.random() < 0.4:
            said = _scale_column(draw, rows)
        else:
            row = pick(draw, rows)
            row[draw.randrange(len(row))] = str(pick(draw, (*NUMBERS[:30], *TEXTS, *WORDS)))
            said = str(row)[:200]
        path.write_bytes("\n".join(map(",".join, rows)).encode("utf-8", "replace"))
    return _call(
        draw, template, folder, ["characterize", "--measurements", "measured.csv"], said, "out.yaml"
    )


def _scale_column(draw: Random, rows: list[list[str]]) -> str:
    """Scale a column's numbers, of all quantities or of one, within what the table may hold."""
    column, factor = pick(draw, (2, 3, 4, 5)), 10 ** draw.uniform(-12, 9)
    quantity = pick(draw, ("", "gate", "output", "leakage"))
    for row in rows[1:]:
        if quantity in {"", row[0]}:
            row[column] = repr(float(row[column]) * factor)
    return f"{rows[0][column]} of {quantity or 'all'} times {factor:.3g}"


# --------------------------------------------------------------- what a call that goes on reads


def _kept_run(draw: Random, template: Path, folder: Path) -> Call:
    slow_part(template, "work")
    copy(template, folder, "work")
    path = pick(draw, sorted((folder / "work").iterdir()))
    said = f"{path.name}: {mutate_npz(draw, path)}"
    words = ("characterize", "--corner", "tt", "--work", "work", "--out", "out.yaml")
    return Call(arguments=words, out="out.yaml", said=said, also=f"work/{path.name}")


def _demo_folder(draw: Random, template: Path, folder: Path) -> Call:
    slow_part(template, "demo")
    copy(template, folder, "demo=out")
    files = sorted(p for p in (folder / "out").rglob("*") if p.is_file())
    path = pick(draw, (pick(draw, files), folder / "out" / "summary.json"))
    if path.name == "summary.json" and draw.random() < 0.7:
        document, said = mutate_document(draw, json.loads(path.read_bytes()))
        path.write_text(json.dumps(document, skipkeys=True), encoding="utf-8")
    elif path.suffix == ".sqlite" and draw.random() < 0.7:
        said = mutate_store(draw, path)
    else:
        said = _edit(path, mutate_bytes, draw)
    return Call(arguments=("demo", "--quick", "--out", "out"), said=f"{path.name}: {said}")


# ------------------------------------------------------------------------------- command line


SLOW: dict[str, tuple[int, Make]] = {"kept run": (3, _kept_run), "demo folder": (2, _demo_folder)}
"""Kinds whose cases take seconds each, and their good files a minute."""

KINDS: dict[str, tuple[int, Make]] = {
    "whole network": (12, _network_within),
    "model.yaml": (11, _structure),
    "model.safetensors": (9, _tensors),
    "X.npz": (12, _inputs),
    "MAP.yaml": (9, _map),
    "weights.npz": (6, _weights(_weights_npz)),
    "weights.safetensors": (6, _weights(_weights_safetensors)),
    "weights.pt": (9, _weights(_weights_torch)),
    "PLAN.yaml": (9, _plan),
    "RUN.sqlite": (15, _store),
    "CONFIG.yaml": (7, _config),
    "checkpoint": (4, _checkpoint),
    "measurements.csv": (6, _table),
    "unknown file": (7, _unknown),
    "in the way": (7, _in_the_way),
    "command line": (9, _command_line),
}
"""Per kind of file its weight among all cases, and how a case of it is drawn."""
