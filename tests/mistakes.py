"""What tests of bad input share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mru_hw.errors import UserError


def sentence(action: Callable[[], object]) -> str:
    """Return what the user reads; it is a single line."""
    with pytest.raises(UserError) as caught:
        action()
    text = str(caught.value)
    assert "\n" not in text
    return text


class Harmful:
    """Unpickled, it leaves the file ``harm-done``."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("harm-done"),))
