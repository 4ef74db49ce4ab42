"""The kinds of files that commands read, and how a case of each is drawn."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import yaml

from mru_hw.errors import UserError
from mru_hw.files import validated
from mru_hw.sweeps.plan import Plan
from mru_hw.training.config import TrainConfig
from tests.fuzz.arrays import mutate_npz, mutate_safetensors, write_pickle, write_torch
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
from tests.fuzz.stores import mutate_store
from tests.fuzz.template import NETWORKS, copy, foreign_arrays, slow_part


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A command and the mutation of what it reads.

    Attributes
    ----------
    arguments
        What follows ``mru-hw``; paths are relative to the case's folder.
    out
        Where the output is asked for, in that folder; what stands below or beside it otherwise is
        not to change.
    said
        What was mutated.
    also
        Another output that is asked for.
    """

    arguments: tuple[str, ...]
    out: str = "out"
    said: str
    also: str = ""


Make = Callable[[Random, Path, Path], Call]
"""Draw a case from a template's folder into a folder of its own."""

EARLIER = {
    "simulate": "trace.npz",
    "netlist": "netlist",
    "sweep": "ladders.sqlite",
    "report": "page.html",
    "import-weights": "imported",
    "train": "trained",
    "characterize": "constants.yaml",
    "--raw": "waves",
}
"""Per command (and an option of one), a finished output of the template."""


def _call(
    draw: Random, template: Path, folder: Path, words: Sequence[str], said: str, out: str = "out"
) -> Call:
    """Complete a call; now and then an earlier, finished output stands where it goes."""
    if draw.random() < 0.25 and not (folder / out).exists():
        copy(template, folder, f"{EARLIER[words[0]]}={out}")
    json_too = ("--json",) if draw.random() < 0.5 else ()
    return Call(arguments=(*words, "--out", out, *json_too), out=out, said=said)


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


Mutate = Callable[[Random, bytes], tuple[bytes, str]]


def _edit(path: Path, mutate: Mutate, draw: Random) -> str:
    data, said = mutate(draw, path.read_bytes())
    path.write_bytes(data)
    return f"{path.name}: {said}"


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


# --------------------------------------------------------------------- wrong files, wrong places


def _sources(folder: Path) -> dict[str, list[str]]:
    """Return, per thing that is read, a command that reads it from ``this``."""
    return {
        "MODEL of simulate": ["simulate", "this", "--inputs", "ladders.npz"],
        "MODEL of netlist": ["netlist", "this"],
        "--inputs": ["simulate", "ladders", "--inputs", "this"],
        "--inputs of netlist": ["netlist", "ladders", "--inputs", "this"],
        "FILE": ["import-weights", "this", "--map", "MAP.yaml"],
        "--map": ["import-weights", "weights.npz", "--map", "this"],
        "PLAN": ["sweep", "this", "--workers", "1"],
        "RUN": ["report", "this"],
        "CONFIG": ["train", "this"],
        "--measurements": ["characterize", "--measurements", "this"],
    }


_ALL = ("ladders", "ladders.npz", "ladders.yaml", "MAP.yaml", "weights.npz", "config.yaml")


def names(folder: Path) -> list[str]:
    """Return what stands in a folder, in order."""
    return sorted(path.name for path in folder.iterdir())


def put_anything(draw: Random, template: Path, path: Path) -> str:
    """Put something that was not asked for at a path."""
    name = pick(draw, list(_ANYTHING))
    _ANYTHING[name](draw, template, path)
    return name


def _of_template(draw: Random, template: Path, path: Path) -> None:
    copy(template, path.parent, f"{pick(draw, names(template))}={path.name}")


def _socket(_draw: Random, _template: Path, path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as end:
        folder = Path.cwd()
        os.chdir(path.parent)  # its name may have 100 characters
        try:
            end.bind(path.name)
        finally:
            os.chdir(folder)


def _folder_with(draw: Random, _template: Path, path: Path) -> None:
    path.mkdir()
    of = ("notes.txt", "model.yaml", "elements.csv", "sequence0.raw", "a\nb")
    (path / pick(draw, of)).write_text("mine")


def _damaged(draw: Random, template: Path, path: Path) -> None:
    files = sorted(p for p in template.rglob("*") if p.is_file())
    data, _ = mutate_bytes(draw, pick(draw, files).read_bytes())
    path.write_bytes(data)


_ANYTHING: dict[str, Callable[[Random, Path, Path], object]] = {
    "another file of ours": _of_template,
    "another file of ours, again": _of_template,
    "a file of ours, damaged": _damaged,
    "nothing in it": lambda _d, _t, path: path.write_bytes(b""),
    "text": lambda draw, _t, path: path.write_text(pick(draw, TEXTS[:60]), "utf-8", "replace"),
    "random bytes": lambda draw, _t, path: path.write_bytes(draw.randbytes(3000)),
    "a picture": lambda draw, _t, path: path.write_bytes(b"\x89PNG\r\n" + draw.randbytes(99)),
    "a list": lambda _d, _t, path: path.write_text("- 1\n- 2\n"),
    "a design": lambda _d, _t, path: path.write_text("i_unit: 100 pA\nspare: [a]\n"),
    "json": lambda draw, _t, path: path.write_text(json.dumps({"a": [1, {"b": None}]})),
    "a folder": lambda _d, _t, path: path.mkdir(),
    "a folder with things in it": _folder_with,
    "a pipe": lambda _d, _t, path: os.mkfifo(path),
    "a socket": _socket,
    "a ring of links": lambda _d, _t, path: path.symlink_to(path.name),
    "a link to nothing": lambda _d, _t, path: path.symlink_to("nowhere"),
    "a link to a device": lambda draw, _t, path: path.symlink_to(
        pick(draw, ("/dev/zero", "/dev/full", "/dev/tty", "/proc/self/mem", "/proc/self/environ"))
    ),
    "a pickle": lambda _d, _t, path: write_pickle(path),
}


def _unknown(draw: Random, template: Path, folder: Path) -> Call:
    copy(template, folder, *_ALL, "bits.npz")
    what, words = pick(draw, list(_sources(folder).items()))
    said = f"{what}: {put_anything(draw, template, folder / 'this')}"
    out = "out.yaml" if words[0] == "characterize" else "out"
    return _call(draw, template, folder, words, said, out)


def _writers() -> dict[str, list[str]]:
    return {
        "simulate": ["simulate", "ladders", "--inputs", "ladders.npz", "--level", "ideal"],
        "netlist": ["netlist", "ladders"],
        "sweep": ["sweep", "ladders.yaml", "--workers", "1"],
        "report": ["report", "run.store"],
        "import-weights": ["import-weights", "weights.npz", "--map", "MAP.yaml"],
        "train": ["train", "config.yaml"],
        "characterize": ["characterize", "--measurements", "measured.csv"],
        "demo": ["demo", "--quick"],
        "--raw": [*("simulate", "tiny", "--inputs", "tiny.npz", "--level", "spice"), "--out", "y"],
    }


def out_files(path: Path) -> Iterator[Path]:
    """Return what stands in the way of a demo: anything but nothing and an empty folder."""
    return iter([path]) if path.exists() and not path.is_dir() else path.rglob("*")


def _in_the_way(draw: Random, template: Path, folder: Path) -> Call:
    copy(template, folder, *_ALL, "bits.npz", "measured.csv", "ladders.sqlite=run.store")
    copy(template, folder, "tiny", "tiny.npz")
    command, words = pick(draw, list(_writers().items()))
    way = draw.random()
    if way < 0.2:  # over what it reads, or over another thing of the user's
        out = pick(draw, names(folder))
        said = "an input"
    elif way < 0.45 and command != "demo":
        out, name = "out", EARLIER[command]
        copy(template, folder, f"{name}={out}")
        files = [p for p in (folder / out, *(folder / out).rglob("*")) if p.is_file()]
        said = f"earlier output, {_edit(pick(draw, sorted(files)), mutate_bytes, draw)}"
        if (folder / out).is_dir() and draw.random() < 0.3:
            (folder / out / pick(draw, ("notes.txt", ".hidden", "a\nb"))).write_text("mine")
            said += ", and a file of the user's"
    else:
        out = "out"
        said = put_anything(draw, template, folder / out)
        if command == "demo" and not any(out_files(folder / out)):
            shutil.rmtree(folder / out, ignore_errors=True)
            (folder / out).unlink(missing_ok=True)
            (folder / out).write_text("mine")  # no case runs a demo
        if draw.random() < 0.2 and (folder / out).exists():
            out = "out/below"
            said += ", as a folder"
    said = f"{command}: {said}"
    if command == "--raw":
        return Call(arguments=(*words, "--raw", out), out=out, said=said, also="y")
    return Call(arguments=(*words, "--out", out), out=out, said=said)


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


_OPTIONS: dict[str, tuple[str, ...]] = {
    "simulate": (
        *("--level", "--tech", "--die", "--process-scale", "--gradient-scale", "--noise"),
        *("--corner", "--temperature", "--vdd", "--timing", "--sequences", "--verify", "--raw"),
        "--tolerances",
    ),
    "netlist": (
        *("--tech", "--dialect", "--die", "--corner", "--temperature", "--vdd", "--inputs"),
        "--sequence",
    ),
    "sweep": ("--workers", "--dask"),
    "report": (),
    "import-weights": ("--map",),
    "train": (),
    "characterize": ("--tech", "--corner", "--workers"),
    "demo": ("--seed",),
}
_ODD = ("--", "-", "--json=5", "--nothing", "-h", "--out=", "--version", "x")


def _command_line(draw: Random, template: Path, folder: Path) -> Call:
    copy(template, folder, *_ALL, "bits.npz", "measured.csv", "ladders.sqlite=run.store")
    command, words = pick(draw, [item for item in _writers().items() if item[0] in _OPTIONS])
    words = list(words) if command != "simulate" else words[:-2]
    out = "out.yaml" if command == "characterize" else "out"
    said = []
    for _ in range(pick(draw, (1, 1, 2, 3))):
        option = pick(draw, (*_OPTIONS[command], *_OPTIONS[command], *_ODD))
        words += [option] if option in _ODD else [option, _odd_value(draw, option)]
        said.append(" ".join(words[-2:])[:80])
    if command == "demo":
        words.insert(1, "--nothing")  # no case runs a demo
    if draw.random() < 0.2:
        name = pick(draw, TEXTS[:60])[:200].replace("\0", "").replace("/", "")
        out = os.fsdecode(name.encode("utf-8", "replace")) or "out"
    if draw.random() < 0.05:
        out = os.fsdecode(b"caf\xe9")
    if draw.random() < 0.3:
        said.append(_rename(draw, folder, words))
    if draw.random() < 0.15:
        draw.shuffle(words)
    words = [word.replace("\0", "0").replace("\ud800", "\udc80") for word in words]
    return Call(arguments=(*words, "--out", out), out=out, said=", ".join(said))


def _rename(draw: Random, folder: Path, words: list[str]) -> str:
    """Give what a command reads a hostile name."""
    there = set(names(folder))
    at = pick(draw, [k for k, word in enumerate(words) if word in there] or [0])
    name = pick(draw, [text[:200] for text in TEXTS if not set(text) & set("/\0\ud800")] or ["a"])
    new = pick(draw, (name, os.fsdecode(b"caf\xe9"), f"{name}.npz"))
    if at and new.strip(".") and new not in there:
        (folder / words[at]).rename(folder / new)
        words[at] = f"./{new}"
    return f"named {words[at]!r:.60}"


def _odd_value(draw: Random, option: str) -> str:
    good = {
        "--die": ("0", "7", str(2**63 - 1), str(2**63), "-1"),
        "--vdd": ("1.8", "1.8 V", "1.62", "1.98", "1800 mV", "0", "-1.8", "3.3"),
        "--temperature": ("27", "85", "-40", "125", "-273.15", "300 K", "1e3"),
        "--process-scale": ("0", "1", "10", "-1", "1e9"),
        "--sequences": ("0:2", ":", "4:", "9:", "1:1", "::", "0:1:2"),
        "--verify": ("units:1", "layer:0", "layer:9", "units:0", "units:-1", "units:99999"),
        "--timing": ("timed", "settled"),
        "--sequence": ("0", "4", "5", "-1"),
        "--workers": ("1", "2", "0", "-1", "1025"),
        "--dialect": ("ngspice", "hspice", "spectre", "xyce", "NGSPICE"),
        "--tolerances": ("tight", "default"),
    }
    words: list[str] = [word for word in WORDS if word != "spice"]
    if draw.random() < 0.5:
        return pick(draw, good.get(option, words))
    return str(pick(draw, pick(draw, (NUMBERS[:30], TEXTS, words))))


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
