"""The command line itself: what it imports, how it ends, where it prints."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from mru_hw import __version__
from mru_hw.cli import app
from mru_hw.cli.app import COMMANDS, Command, run
from mru_hw.cli.flags import FLAGS
from mru_hw.cli.output import emit, plain, progress
from mru_hw.errors import MruHwError, UserError
from tests.processes import python


def fail_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(Command, "load", lambda _self: fail)


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == run([]) == 0
    shown = capsys.readouterr().out
    assert all(command.name in shown for command in COMMANDS)


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from mru_hw.cli.app import run; code = run(['--help']);"
        "heavy = {'torch', 'numpy', 'scipy', 'pydantic', 'matplotlib', 'PySpice'};"
        "sys.exit(code or ', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = python("-c", code)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("command", COMMANDS, ids=[c.name for c in COMMANDS])
def test_every_command_loads_and_has_help(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([command.name, "--help"]) == 0
    assert f"Usage: mru-hw {command.name}" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"{__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nonsense"], "No such command 'nonsense'."),
        (["--nonsense"], "No such option: --nonsense"),
        (["import-weights"], "Missing argument 'FILE'."),
        (["import-weights", "x", "--out", "y"], "Missing option '--map'."),
        (["import-weights", "x", "--map"], "Option '--map' requires an argument."),
    ],
)
def test_wrong_usage_is_one_sentence_and_status_2(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    assert capsys.readouterr() == ("", f"{sentence}\n")


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (UserError("--die", -1, "a seed from 0"), 2, "--die is -1, expected a seed from 0."),
        (MruHwError("The data folder is missing."), 1, "The data folder is missing."),
        (ValueError("surprise"), 1, "ValueError: surprise (--debug shows where)"),
        (
            OSError(28, "No space left on device"),
            2,
            "A file cannot be read or written: No space left on device.",
        ),
        (
            PermissionError(13, "Permission denied", "/x"),
            2,
            '"/x" cannot be read or written: Permission denied.',
        ),
        (
            ConnectionResetError(104, "reset"),
            1,
            "ConnectionResetError: [Errno 104] reset (--debug shows where)",
        ),
        (KeyboardInterrupt(), 1, "Interrupted."),
        (
            ModuleNotFoundError("no torch", name="torch"),
            1,
            'This needs torch, which is not installed: pip install "mru-hw[train]".',
        ),
    ],
)
def test_every_error_ends_in_a_sentence(
    error: BaseException,
    status: int,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fail_with(monkeypatch, error)
    assert run(["doctor"]) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert err.strip() == sentence


@pytest.mark.parametrize("command", COMMANDS, ids=[c.name for c in COMMANDS])
def test_an_interrupted_command_says_whether_it_resumes(
    command: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    resumes = "interrupted resumes when it is repeated" in " ".join(
        str(command.load().__doc__).split()
    )
    fail_with(monkeypatch, KeyboardInterrupt())
    assert run([command.name]) == 1
    told = "Interrupted. Repeat the command to go on.\n" if resumes else "Interrupted.\n"
    assert capsys.readouterr().err == told


@pytest.mark.parametrize("command", [name for name, names in FLAGS.items() if "v_dd" in names])
@pytest.mark.parametrize(
    ("options", "told"),
    [([], "technology.yaml: v_dd"), (["--vdd", "3 V"], "--vdd"), (["--vdd=3 V"], "--vdd")],
)
def test_a_condition_is_told_as_whoever_wrote_it_calls_it(
    command: str,
    options: list[str],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(
        app, "application", lambda _name: partial(_refuse, UserError("v_dd", 3, "2"))
    )
    assert run([command, *options]) == 2
    assert capsys.readouterr().err == f"{told} is 3, expected 2.\n"


def _refuse(error: UserError, **_call: object) -> None:
    raise error


def test_debug_shows_the_traceback_wherever_it_stands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_with(monkeypatch, ValueError("surprise"))
    for arguments in (["--debug", "doctor"], ["doctor", "--debug"]):
        assert run(arguments) == 1
        assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_a_closed_pipe_ends_quietly() -> None:
    code = "from mru_hw.cli.app import main; main()"
    first = [sys.executable, "-c", code, "doctor", "--json"]
    with subprocess.Popen(first, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 1


def test_main_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["mru-hw", "nonsense"])
    with pytest.raises(SystemExit) as end:
        app.main()
    assert end.value.code == 2


def test_json_is_one_object_and_has_no_nan(capsys: pytest.CaptureFixture[str]) -> None:
    result = {
        "a": np.float64("nan"),
        "b": np.arange(3),
        "c": Path("x") / "y",
        "d": (np.int64(1), {"e": float("inf")}),
    }
    emit(result, as_json=True, lines=["never"])
    out, err = capsys.readouterr()
    assert json.loads(out) == {"a": None, "b": [0, 1, 2], "c": "x/y", "d": [1, {"e": None}]}
    assert err == ""
    emit(result, as_json=False, lines=["one", "two"])
    assert capsys.readouterr().out == "one\ntwo\n"
    assert plain(np.float32(0.5)) == 0.5


@pytest.mark.parametrize("options", [["--json"], []])
def test_names_that_standard_output_lacks_letters_for_are_escaped(options: list[str]) -> None:
    code = (
        "from mru_hw.cli.output import emit;"
        f"emit({{'a': '\\u540d'}}, as_json={bool(options)}, lines=['caf\\udce9 \\u540d'])"
    )
    done = python("-c", code, env=os.environ | {"PYTHONIOENCODING": "latin-1"})
    assert done.stdout.split() == (
        ["{", '"a":', r'"\u540d"', "}"] if options else ["caf\\udce9", "\\u540d"]
    )


def test_short_work_is_silent_where_no_terminal_is(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("working", 3) as advance:
        advance(3)
    assert capsys.readouterr() == ("", "")


def test_long_work_says_how_far_it_is_where_no_terminal_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("mru_hw.cli.output.SECONDS_A_LINE", 0)
    with progress("working", 3) as advance:
        advance(2)
        advance(1)
    assert capsys.readouterr() == ("", "working: 2 of 3.\n")


def test_user_errors_survive_the_way_between_processes() -> None:
    error = UserError("n_in", 3, "4")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.field, again.value) == (str(error), "n_in", 3)


def test_errors_show_hostile_values_in_one_short_line() -> None:
    text = str(UserError("name\x1b[2J", "a\nb" * 100, "a name"))
    assert "\n" not in text
    assert "\x1b" not in text
    assert len(text) < 200
