"""A call of the command line that is to be judged, how its files are written, and how it ended."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.fuzz.template import copy


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


def _call(
    draw: Random, template: Path, folder: Path, words: Sequence[str], said: str, out: str = "out"
) -> Call:
    """Complete a call; now and then an earlier, finished output stands where it goes."""
    if draw.random() < 0.25 and not (folder / out).exists():
        copy(template, folder, f"{EARLIER[words[0]]}={out}")
    json_too = ("--json",) if draw.random() < 0.5 else ()
    return Call(arguments=(*words, "--out", out, *json_too), out=out, said=said)


Mutate = Callable[[Random, bytes], tuple[bytes, str]]


def _edit(path: Path, mutate: Mutate, draw: Random) -> str:
    data, said = mutate(draw, path.read_bytes())
    path.write_bytes(data)
    return f"{path.name}: {said}"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a case ended.

    Attributes
    ----------
    faults
        What is wrong with it; empty where all is as it should be.
    """

    kind: str
    number: int
    call: Call
    status: int
    said: str
    seconds: float
    faults: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The sentence without its values: what kind of sentence it is."""
        text = re.sub(r'"[^"]*("|$)|\[.*?\]|\{.*?\}|\(.*?\)', "*", self.said)
        return re.sub(r"-?\d[\d.e+-]*|nan|inf|[\w.]*\.[\w.]+:?", "#", text)[:120]
