"""Command lines with words left out, doubled, misspelt or of another kind."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

from tests.fuzz.calls import Call
from tests.fuzz.draws import NUMBERS, TEXTS, WORDS, pick
from tests.fuzz.files import _ALL, _writers, names
from tests.fuzz.template import copy

_OPTIONS: dict[str, tuple[str, ...]] = {
    "simulate": (
        *("--level", "--tech", "--die", "--process-scale", "--gradient-scale", "--noise"),
        *("--corner", "--temperature", "--vdd", "--timing", "--sequences", "--verify", "--raw"),
        "--tolerances",
    ),
    "netlist": (
        *("--tech", "--dialect", "--die", "--corner", "--temperature", "--vdd", "--inputs"),
        *("--sequence", "--process-scale", "--gradient-scale"),
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
