"""Python in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from typing import Any


def python(*arguments: str, **keys: Any) -> subprocess.CompletedProcess[str]:
    """Run Python with some arguments, and keep what it says."""
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        **keys,
    )
