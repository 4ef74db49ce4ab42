"""Mutated files of every kind at every command: status 0 or 2, one sentence, nothing left over."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.cases import SLOW

ROOT = Path(__file__).parents[2]


def _find_nothing(folder: Path, *arguments: str) -> None:
    # A process of its own: cases limit its memory and its time.
    command = (sys.executable, "-m", "tests.fuzz", "--folder", str(folder), *arguments)
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_some_of_every_kind(tmp_path: Path) -> None:
    _find_nothing(tmp_path, "--cases", "250")


@pytest.mark.slow
def test_two_thousand(tmp_path: Path) -> None:
    _find_nothing(tmp_path, "--cases", "2000", "--first", "1000")


@pytest.mark.slow
def test_what_a_call_that_goes_on_reads(tmp_path: Path) -> None:
    kinds = [word for kind in SLOW for word in ("--kind", kind)]
    _find_nothing(tmp_path, "--cases", "1000", *kinds)
