"""A deck that is ready to run, and what a run gives back."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mru_hw.circuits.statements import Source
from mru_hw.errors import RunStatus
from mru_hw.spice.text import deck_lines

TOP = "xchip"  # the bench's instance of the chip
BENCH, CHIP = "bench.cir", "chip.cir"
_TRAN = re.compile(r"^\.tran ([-+.\de]+)(?=\s)", re.MULTILINE)
TOKEN = "v(token)"  # noqa: S105 (a node's voltage, no secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One device parameter of a die, relative to what the loaded circuit has there.

    A corner may live in the same parameters (sky130's is in ``delvto``), so nothing is overwritten:
    the new value is ``old * times + add``.

    Attributes
    ----------
    device
        ngspice's own name of the device, such as ``m.xchip.xu0_3.xc2.xm9.m0``.
    parameter
        Its instance parameter.
    add
        What is added, in the parameter's unit.
    times
        What it is multiplied by.
    """

    device: str
    parameter: str
    add: float = 0.0
    times: float = 1.0

    @property
    def target(self) -> str:
        """The parameter as ngspice calls it."""
        return f"@{self.device}[{self.parameter}]"

    @property
    def default(self) -> float:
        """The value where the cards give none: ngspice shows 0 until its first run."""
        return 1.0 if self.parameter == "mulu0" else 0.0

    @property
    def command(self) -> str:
        """The change as ngspice's own command, for a circuit that is changed once."""
        old = self.target
        if self.default:
            old = f"({old}+{self.default:g}*({old} eq 0))"
        scaled = old if self.times == 1 else f"{old}*{self.times!r}"
        added = f"+{self.add!r}" if self.add else ""
        return f"alter {self.target}={scaled}{added}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """A short pulse that a run must show, for loose tolerances may step over it.

    Attributes
    ----------
    vector
        Voltage that must rise, such as ``v(xchip.st0)``; it need not be among `Deck.saves`.
    level
        What it must pass [V], from below it.
    starts
        When each pulse may begin [s].
    width
        The time [s] from there within which it must come.
    """

    vector: str
    level: float
    starts: tuple[float, ...]
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Deck:
    """Files of one run and the proof that a result is its own.

    Attributes
    ----------
    files
        Text by plain file name; ``bench.cir`` is opened and names the others.
    saves
        Vectors that the run must return.
    token
        Voltage [V] of the node ``token``, made from the files' text: a result without it belongs
        to another circuit.
    t_stop
        Time [s] that the run must reach.
    commands
        ngspice commands between loading and running (a die's mismatch).
    pulses
        What the run must show besides; no part of the text, so of no token either.
    """

    files: Mapping[str, str]
    saves: tuple[str, ...]
    token: float
    t_stop: float
    commands: tuple[str, ...] = ()
    pulses: tuple[Pulse, ...] = ()

    @property
    def watched(self) -> tuple[str, ...]:
        """The vectors of `pulses` that are not saved for anything else."""
        return tuple(dict.fromkeys(p.vector for p in self.pulses if p.vector not in self.saves))

    def write(self, folder: Path) -> None:
        """Write the files into a folder."""
        for name, text in self.files.items():
            (folder / name).write_text(text, encoding="utf-8")

    def with_options(self, options: str) -> Deck:
        """Return the deck with further ``.options``; the last word on each is theirs."""
        head, end, tail = self.files[BENCH].rpartition("\n.end")
        bench = f"{head}\n.options {options}{end}{tail}"
        return replace(self, files={**self.files, BENCH: bench})

    def with_step(self, times: float) -> Deck:
        """Return the deck with a largest time step that is so many times as long."""
        bench = _TRAN.sub(lambda found: f".tran {times * float(found[1])!r}", self.files[BENCH])
        return replace(self, files={**self.files, BENCH: bench})


@dataclass(frozen=True, slots=True, kw_only=True)
class Waves:
    """What a run gave back.

    Attributes
    ----------
    status
        Why it ended. Vectors that exist are kept whatever it is.
    vectors
        By the names of ``Deck.saves`` and ``time``, each (n_points,), on ngspice's own internal
        time points. Empty where the circuit was not loaded or is not proven.
    core_seconds
        Processor time of loading and running [s].
    message
        ngspice's last words, for a person.
    helper
        The ``.options`` that the run needed beyond its deck's own, to converge or to show every
        strobe; mostly none.
    """

    status: RunStatus
    vectors: Mapping[str, NDArray[np.float64]]
    core_seconds: float
    message: str
    helper: str = ""

    @property
    def time(self) -> NDArray[np.float64]:
        """Internal time points [s]; empty where there are none."""
        return self.vectors.get("time", np.empty(0))


def token_of(texts: Iterable[str]) -> float:
    """Return a voltage between 0.1 and 1 V that stands for a text: nine digits of its hash."""
    sha = hashlib.sha256("\0".join(texts).encode())
    return 0.1 + 0.9 * (int.from_bytes(sha.digest()[:8], "big") % 10**9) / 1e9


def token_line(token: float) -> str:
    """Return the text of `token_source`."""
    return "".join(deck_lines([token_source(token)]))


def token_source(token: float) -> Source:
    """Return the declared source that carries a token."""
    return Source(name="vtoken", nets=("token", "0"), shape="dc", numbers=(f"{token:.12g}",))


def make_deck(
    lines: Sequence[str],
    models: Mapping[str, str],
    saves: Sequence[str],
    *,
    t_stop: float,
    title: str = "",
    chip: str = "",
) -> Deck:
    """Put a bench of plain lines together; its token stands for all but the title.

    Parameters
    ----------
    lines
        All of the bench but its token and its end.
    models
        Text of the model cards by file name.
    chip
        Text of the file that the lines include as the chip, if they do.
    """
    token = token_of([chip, *lines] if chip else lines)
    head = (f"* {title}",) if title else ()
    files = {BENCH: "\n".join([*head, *lines, token_line(token), ".end", ""]), **models}
    return Deck(
        files=files | ({CHIP: chip} if chip else {}),
        saves=tuple(saves),
        token=token,
        t_stop=t_stop,
    )


def pwl(
    head: str, points: Iterable[tuple[float, float]], *, digits: int = 12, in_a_row: int = 4
) -> list[str]:
    """Write a source whose value goes from point to point in straight lines.

    Parameters
    ----------
    head
        Its name and nets.
    points
        Time [s] and value [A or V].
    digits
        Of the times.
    in_a_row
        Points of a line.
    """
    words = [f"{t:.{digits}g} {value:.9g}" for t, value in points]
    rows = ("+ " + " ".join(words[k : k + in_a_row]) for k in range(0, len(words), in_a_row))
    return [f"{head} pwl(", *rows, "+ )"]
