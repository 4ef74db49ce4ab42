"""Commands killed for real at chosen moments, and what must be so afterwards.

A killed call leaves none of its processes. The same call, repeated, ends as if nothing had
happened: with the same bits, and no file or folder left over, neither beside its output nor in
TMPDIR.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from mru_hw.cli.demo_folder import STORE, SUMMARY
from tests.kill_commands import COMMAND, Command, Result

MARK = "MRU_HW_KILLED_TEST"
"""Environment variable that all processes of a call inherit, and nobody else has."""
PATIENCE = 300.0  # s, for a call that is not killed
GRACE = 10.0  # s, in which the processes of a killed call have ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """An undisturbed call: what it read, its result, the names it left, and its seconds."""

    prepared: Path
    result: Result
    names: frozenset[str]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Killed:
    """One killed call.

    Attributes
    ----------
    reached
        Whether the moment came before the call's end.
    status
        The call's exit status; minus a signal's number where that ended it.
    left
        Names in the folder, beside what was there before, and in TMPDIR, after the kill.
    """

    reached: bool
    status: int
    left: tuple[str, ...]


# ----------------------------------------------------------------------------------- the calls


class Call:
    """A call in a folder, with a TMPDIR of its own and a mark on all its processes."""

    def __init__(self, command: Command, place: Path) -> None:
        self.folder, self.aside = place / "case", place / "tmp"
        self._mark = uuid.uuid4().hex
        self._said = place / "said.txt"
        with self._said.open("wb") as said:
            self.process = subprocess.Popen(
                [*COMMAND, *command.arguments],
                cwd=self.folder,
                env=os.environ | {"TMPDIR": str(self.aside), MARK: self._mark},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )

    def alive(self) -> list[tuple[int, str]]:
        """Return the call's processes, zombies apart: their numbers and command lines."""
        found = []
        wanted = f"{MARK}={self._mark}".encode()
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    found.append((int(entry.name), line.strip()))
            except OSError:  # it has ended, or is nobody's business
                continue
        return found

    def last_alive(self) -> list[tuple[int, str]]:
        """Return those that do not end soon, and look again: one that begins is hard to see."""
        until, found, quiet = time.monotonic() + GRACE, self.alive(), 0
        while quiet < 5 and time.monotonic() < until:
            time.sleep(0.02)
            found = self.alive()
            quiet = quiet + 1 if not found else 0
        return found

    def finish(self) -> tuple[int, str]:
        """Wait for its end; return the status and what it said."""
        self.process.wait(timeout=PATIENCE)
        return self.process.returncode, self._said.read_text(errors="replace")


def _make_place(prepared: Path, place: Path) -> None:
    """Make the folders of a call and what it reads."""
    shutil.copytree(prepared, place / "case")
    (place / "tmp").mkdir()


def undisturbed(command: Command, place: Path) -> Reference:
    """Prepare a command once for all, and run it to its end."""
    prepared = place / "prepared"
    prepared.mkdir(parents=True)
    command.prepare(prepared)
    place = place / "undisturbed"
    _make_place(prepared, place)
    began = time.monotonic()
    call = Call(command, place)
    status, said = call.finish()
    seconds = time.monotonic() - began
    assert status == 0, said
    _assert_names(place / "tmp", frozenset())
    result = command.result(place / "case")
    names = frozenset(_names(place / "case"))
    return Reference(prepared=prepared, result=result, names=names, seconds=seconds)


def kill(
    command: Command, reference: Reference, place: Path, number: int, moment: str, draw: Random
) -> Killed:
    """Kill a call and repeat it; AssertionError where anything is not as it must be.

    Parameters
    ----------
    number
        Of the signal.
    moment
        Of `MOMENTS`.
    draw
        Draws the seconds of a moment that is random.
    """
    _make_place(reference.prepared, place)
    before = _names(place / "case")
    earlier = command.result(place / "case") if command.over else None
    call = Call(command, place)
    reached = MOMENTS[moment](call, draw, reference.seconds)
    if reached:
        # As a terminal does it, now and then: an interrupt goes to the whole group.
        group = number == signal.SIGINT and draw.random() < 0.5
        (os.killpg if group else os.kill)(call.process.pid, number)
    status = call.process.wait(timeout=60)
    assert call.last_alive() == []
    expected = {0, 1, -number} if number == signal.SIGINT else {0, -number}
    _, said = call.finish()
    assert status in expected, (status, said)
    assert status != 1 or "Interrupted." in said.splitlines()[-1], said
    assert status != 1 or "Traceback" not in said, said
    left = (_names(place / "case") - before) | {f"TMPDIR/{n}" for n in _names(place / "tmp")}
    command.left(place / "case")
    if command.over:  # whole: the earlier output or the new one
        assert command.result(place / "case") in (earlier, reference.result)
    again = Call(command, place)
    status, said = again.finish()
    assert status == 0, said
    assert again.last_alive() == []
    _assert_names(place / "tmp", frozenset())
    _assert_names(place / "case", reference.names)
    assert command.result(place / "case") == reference.result
    return Killed(reached=reached, status=call.process.returncode, left=tuple(sorted(left)))


def _names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def _assert_names(folder: Path, wanted: frozenset[str]) -> None:
    different = sorted(_names(folder) ^ wanted)
    assert different == [], different


# ----------------------------------------------------------------------------------- the moments


def _until(call: Call, come: Callable[[], object]) -> bool:
    """Wait until something is so; False where the call ends first."""
    until = time.monotonic() + PATIENCE
    while call.process.poll() is None:
        if come():
            return call.process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.0005)
    return False


def _after(call: Call, seconds: float) -> bool:
    try:
        call.process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return True
    return False


def _has(call: Call, module: str) -> bool:
    return any(module in line for _, line in call.alive())


MOMENTS: dict[str, Callable[[Call, Random, float], bool]] = {
    "random": lambda call, draw, seconds: _after(call, draw.uniform(0.0, 0.9) * seconds),
    "start": lambda call, draw, seconds: _after(call, draw.uniform(0.0, min(1.0, seconds))),
    "part": lambda call, _d, _s: _until(call, lambda: any(call.folder.rglob(".*.part"))),
    "worker": lambda call, _d, _s: _until(call, lambda: _has(call, "mru_hw.workers")),
    "ngspice worker": lambda call, _d, _s: _until(call, lambda: _has(call, "spice.worker")),
    "temporary folder": lambda call, _d, _s: _until(call, lambda: any(call.aside.iterdir())),
    "output": lambda call, _d, _s: _until(call, (call.folder / "out").exists),
    "checkpoint": lambda call, _d, _s: _until(call, lambda: any(call.folder.rglob("state.s*"))),
    "kept run": lambda call, _d, _s: _until(call, lambda: len(_names(call.folder / "work")) > 39),
    "summary": lambda call, _d, _s: _until(call, (call.folder / "out" / SUMMARY).exists),
    "store": lambda call, _d, _s: _until(call, (call.folder / "out" / STORE).exists),
}
"""Per moment, what waits for it: False where the call ended before."""
