"""Every command that writes, killed for real: nothing is left running, lying about or lost."""

from __future__ import annotations

import signal
from pathlib import Path
from random import Random

import pytest

from tests.kill_commands import COMMANDS
from tests.kills import Killed, kill, undisturbed

SIGNALS = {"int": signal.SIGINT, "term": signal.SIGTERM, "kill": signal.SIGKILL}
LONG = {"characterize", "demo"}
"""A minute to prepare, or to run."""


def _kills(name: str, place: Path, kills: list[tuple[str, str]]) -> list[Killed]:
    command = COMMANDS[name]
    reference = undisturbed(command, place)
    return [
        kill(
            *(command, reference, place / f"{turn}", SIGNALS[how], moment),
            Random(f"{name} {how} {moment}"),
        )
        for turn, (how, moment) in enumerate(kills)
    ]


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in LONG])
def test_killed_twice(tmp_path: Path, name: str) -> None:
    found = _kills(name, tmp_path, [("int", "start"), ("kill", COMMANDS[name].moments[-1])])
    assert any(one.reached for one in found)


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_killed_by_every_signal_at_every_moment(tmp_path: Path, name: str) -> None:
    moments = (*COMMANDS[name].moments, "random")
    found = _kills(name, tmp_path, [(how, moment) for how in SIGNALS for moment in moments])
    # Moments come late now and then, but hardly ever all of a kind.
    assert sum(one.reached for one in found) > len(found) / 2
