"""A progress bar for work whose size is known only once it has begun."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from mru_hw.cli.output import Advance, progress


@contextlib.contextmanager
def meter(title: str) -> Iterator[Callable[[int, int], None]]:
    """Yield a function to call with what is done and what there is in all."""
    with contextlib.ExitStack() as stack:
        bar: list[Advance] = []
        shown = 0

        def show(done: int, total: int) -> None:
            nonlocal shown
            if not bar:
                bar.append(stack.enter_context(progress(title, total)))
            bar[0](done - shown)
            shown = done

        yield show
