"""What ngspice's workers do where there is no room: on the disk, in memory."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mru_hw.cli.app import run as cli
from mru_hw.errors import RunStatus
from mru_hw.spice.runner import Runner
from tests.agreement.test_dies import RC
from tests.agreement.test_faults import command
from tests.processes import python

SPENT = "x" * 200_000


@contextlib.contextmanager
def small_files(limit: int) -> Iterator[None]:
    """Let the kernel refuse every file of this process beyond `limit` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_worker_without_room_says_so() -> None:
    large = replace(RC, files={**RC.files, "filler.txt": SPENT})
    with small_files(100_000):
        results = dict(Runner().run_dies(large, [[], []]))
        assert Runner().run(RC).status is RunStatus.DONE
    for waves in results.values():
        assert waves.status is RunStatus.NOT_WRITTEN
        assert "File too large" in waves.message
    assert Runner().run(large).status is RunStatus.DONE


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    """A file system of 64 KiB, where this machine lets a user mount one of his own."""
    full = tmp_path / "full"
    full.mkdir()
    code = "import sys; from mru_hw.cli.app import run; sys.exit(run(sys.argv[1:]))"
    fill = f"mount -t tmpfs -o size=64k tmpfs {full} && head -c "
    mounted = ["unshare", "-rm", "sh", "-c"]
    if subprocess.run(
        [*mounted, f"{fill} 1 /dev/null"], check=False, capture_output=True
    ).returncode:
        pytest.skip("mounting is not allowed here")

    def simulate(out: Path, folder: Path, filled: int, status: int) -> str:
        """Run with `folder` for temporary files; what is left on the full disk comes last."""
        then = f"{fill} {filled} /dev/zero > {full}/filler"
        then += f"""; "$@" 2>&1; code=$?; ls -A {full}; exit $code"""
        done = subprocess.run(
            [*mounted, then, "sh", sys.executable, "-c", code, *command(tmp_path, out)],
            env=os.environ | {"TMPDIR": str(folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status
        return done.stdout

    said = simulate(full / "y.npz", tmp_path, 65536, 2)
    assert "No space left on device" in said
    assert said.splitlines()[1:] == ["filler"]
    # Without room for the deck no sequence is done, and an earlier trace stays.
    out = tmp_path / "y.npz"
    assert cli(command(tmp_path, out)) == 0
    earlier = out.read_bytes()
    assert "The simulator's files could not be written." in simulate(out, full, 57344, 1)
    assert out.read_bytes() == earlier
    assert not (tmp_path / "y.incomplete.npz").exists()


def test_a_smaller_limit_of_memory_than_ours_is_kept() -> None:
    """Ours is several GiB; whoever starts the command may have set less."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    begin = "import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30));"
    code = begin + (
        "from mru_hw.spice.worker import _limit_memory;"
        "_limit_memory(4 << 30); print(resource.getrlimit(resource.RLIMIT_AS));"
        "_limit_memory(1 << 29); print(resource.getrlimit(resource.RLIMIT_AS))"
    )
    done = python("-c", code)
    assert done.stdout.splitlines() == [f"({1 << 30}, {1 << 30})", f"({1 << 29}, {1 << 29})"]
    assert resource.getrlimit(resource.RLIMIT_AS) == before
