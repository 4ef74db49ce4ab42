"""Processes of ours and temporaries of theirs: what a kill leaves, and who clears it."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from mru_hw.files import whole_file, whole_folder
from mru_hw.leftovers import clear_left, held, private_folder
from mru_hw.workers import Worker, WorkerDied
from tests.processes import python
from tests.sweeps import write_case

ENDED_WITHIN_S = 10


def alive(pid: int) -> bool:
    """Whether a process runs; one that waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def process_and_folder() -> tuple[int, str]:
    return os.getpid(), str(Path.cwd())


def fail(text: str) -> None:
    raise ValueError(text)


# ------------------------------------------------------------------------------------- processes


def test_a_worker_answers_fails_and_goes_on() -> None:
    worker = Worker(None, ())
    try:
        pid, folder = worker.call(process_and_folder, ())
        assert pid != os.getpid()
        assert folder == str(Path.cwd())
        with pytest.raises(ValueError, match="twice"):
            worker.call(fail, ("twice",))
        assert worker.call(process_and_folder, ()) == (pid, folder)
        worker.kill()
        with pytest.raises(WorkerDied):
            worker.call(process_and_folder, ())
    finally:
        worker.close()
    assert not alive(pid)


PARENT = """
import time
from mru_hw.workers import Worker
worker = Worker(None, ())
print(worker.call(__import__("os").getpid, ()), flush=True)
worker.call(time.sleep, (600,))
"""


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP])
def test_no_worker_outlives_its_parent(signal_number: int) -> None:
    """The last is a parent that stands still before it is killed."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    assert alive(worker)
    parent.send_signal(signal_number)
    if signal_number == signal.SIGSTOP:
        time.sleep(0.2)
        assert alive(worker)
        parent.kill()
    parent.wait()
    until = time.monotonic() + ENDED_WITHIN_S
    while alive(worker) and time.monotonic() < until:
        time.sleep(0.02)
    assert not alive(worker)
    parent.stdout.close()


SCRIPT = """
import sys
from pathlib import Path
from mru_hw.sweeps.plan import read_plan
from mru_hw.sweeps.run import run_sweep
folder = Path(sys.argv[1])
plan = {"sweep": read_plan(folder / "plan.yaml")}
print(run_sweep(plan, folder, folder / "run.sqlite", workers=2).computed)
"""


def test_a_script_without_a_main_guard_may_sweep(tmp_path: Path) -> None:
    """Also one that comes through a pipe: workers never run the caller's main module again."""
    write_case(tmp_path, n_dies=4)
    done = python("-", str(tmp_path), input=SCRIPT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "4\n", "")


# ----------------------------------------------------------------------------------- temporaries


def test_what_is_in_use_is_left_and_what_a_kill_left_goes(tmp_path: Path) -> None:
    for kind in (whole_file, whole_folder):
        out = tmp_path / "out"
        left = tmp_path / ".out.abcdefgh.part"
        left.mkdir() if kind is whole_folder else left.touch()
        foreign = tmp_path / ".out.abcdefghi.part"  # a name that we never give
        foreign.touch()
        with kind(out) as first, kind(out) as second:
            assert not left.exists()
            assert first.exists()
            assert second.exists()
        assert {entry.name for entry in tmp_path.iterdir()} == {"out", foreign.name}
        out.rmdir() if kind is whole_folder else out.unlink()


def test_private_folders_of_killed_processes_are_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    code = (
        "import os, signal\n"
        "from mru_hw.leftovers import private_folder\n"
        "with private_folder() as folder:\n"
        "    (folder / 'a').touch()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    (left,) = tmp_path.iterdir()
    assert (left / "a").exists()
    with private_folder() as one:
        assert not left.exists()
        with private_folder() as two:
            assert one.exists()
            assert one != two
    assert list(tmp_path.iterdir()) == []


def test_the_place_of_temporaries_is_found_without_writing_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`tempfile` tries a place with a file, which a kill leaves."""
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "none"))
    monkeypatch.setenv("TEMP", str(tmp_path))
    with private_folder() as folder:
        assert folder.parent == tmp_path
    assert tempfile.tempdir is None


@pytest.mark.parametrize("when", ["before it is opened", "before its lock"])
def test_a_temporary_that_another_cleared_at_once_is_made_again(
    when: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []

    def make() -> Path:
        made.append(tmp_path / str(len(made)))
        made[-1].touch()
        if when == "before it is opened" and len(made) == 1:
            made[-1].unlink()
        return made[-1]

    def locks(_handle: int, _how: int) -> None:
        if when == "before its lock" and len(made) == 1:
            made[-1].unlink()

    monkeypatch.setattr(fcntl, "flock", locks)
    with held(make) as path:
        assert path == made[1]
        assert path.exists()


def test_nothing_goes_that_is_a_link_or_locked(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (tmp_path / "x.link").symlink_to(target)
    locked = tmp_path / "x.locked"
    with locked.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_SH)
        clear_left(tmp_path, "x.*")
        assert {entry.name for entry in tmp_path.iterdir()} == {"target", "x.link", "x.locked"}
    clear_left(tmp_path, "x.*")
    assert {entry.name for entry in tmp_path.iterdir()} == {"target", "x.link"}
