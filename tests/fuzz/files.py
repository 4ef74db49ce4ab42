"""Files and places that no command expects: of another kind, damaged, or in the way."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from tests.fuzz.arrays import write_pickle
from tests.fuzz.calls import EARLIER, Call, _call, _edit
from tests.fuzz.draws import TEXTS, mutate_bytes, pick
from tests.fuzz.template import copy


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
