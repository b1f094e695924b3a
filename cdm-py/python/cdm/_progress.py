"""How far long work is, for people."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Callable, Optional, Union

Callback = Callable[[str, int, int], object]
"""Is called with a stage such as ``"read"``, how much is done, and how much there is (0: unknown)."""

Progress = Union[bool, Callback]
"""Whether to show a progress bar, or what to call instead."""

_DELAY = 0.5
"""Seconds before a bar is drawn: what is done sooner needs none."""


def _is_watched() -> bool:
    """Whether a person is looking: a terminal, or a notebook."""
    if "ipykernel" in sys.modules:
        return True
    return sys.stderr is not None and sys.stderr.isatty()


class _Bar:
    """One bar, which starts again at every stage."""

    def __init__(self, tqdm: Any) -> None:
        self.tqdm = tqdm
        self.bar: Any = None
        self.stage: Optional[str] = None

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage != self.stage:
            self.close()
            self.stage = stage
            with warnings.catch_warnings():
                # A notebook without widgets gets its bar as text.
                warnings.simplefilter("ignore")
                self.bar = self.tqdm(
                    total=total or None, desc=stage, leave=False, delay=_DELAY, unit_scale=True
                )
        if self.bar is not None:
            self.bar.update(done - self.bar.n)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None


@contextmanager
def callback(progress: Progress) -> Iterator[Optional[Callback]]:
    """What the core tells its progress; closed in the end, whatever happens."""
    if not isinstance(progress, bool):
        if not callable(progress):
            raise TypeError("progress is True, False, or a function of stage, done and total")
        yield progress
        return
    bar = None
    if progress and _is_watched():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                from tqdm.auto import tqdm
            bar = _Bar(tqdm)
        except ImportError:
            pass  # tqdm is nobody's duty
    try:
        yield bar
    finally:
        if bar is not None:
            bar.close()
