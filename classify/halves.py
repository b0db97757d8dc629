"""Measures of the half of a session's prompts whose wording looks most like extraction.

Prompts that are there to dilute a session hide what the others have in common; cut away, they
also show how unlike them they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .lengths import LENGTHS, Counts

FEWEST = 3
"""Fewest prompts of a half."""


@dataclass(frozen=True)
class Split:
    """A session cut in two.

    Attributes:
        wording: log-odds of the word head of its prompts, in time order (n,) float64.
        counts: the columns of `surface` of the same.
    """

    wording: NDArray[np.float64]
    counts: Counts

    @cached_property
    def upper(self) -> NDArray[np.bool_]:
        """Which prompts are in the half that the word head calls likelier (n,)."""
        upper = np.zeros(len(self.wording), dtype=np.bool_)
        order = np.argsort(-self.wording, kind="stable")
        upper[order[: max(FEWEST, (len(upper) + 1) // 2)]] = True
        return upper

    @cached_property
    def half(self) -> Counts:
        """The counts of that half."""
        return {name: column[self.upper] for name, column in self.counts.items()}


HALVES: dict[str, Callable[[Split], float]] = {}
"""Every such measure by name."""


def measure(function: Callable[[Split], float]) -> Callable[[Split], float]:
    """Register a measure under its function's name."""
    HALVES[function.__name__] = function
    return function


@measure
def half_wording(split: Split) -> float:
    """Mean log-odds of the word head in the likelier half."""
    return float(split.wording[split.upper].mean())


@measure
def half_gap(split: Split) -> float:
    """The same, less that of the other half; 0 where there is none."""
    if split.upper.all():
        return 0.0
    return half_wording(split) - float(split.wording[~split.upper].mean())


@measure
def half_runs(split: Split) -> float:
    """Share of neighbours in time that are of one half: strewn in at random, or by chapters?"""
    upper = split.upper
    return float((upper[1:] == upper[:-1]).mean()) if len(upper) > 1 else 1.0


def _of_half(name: str, length: Callable[[Counts], float]) -> None:
    def of_half(split: Split) -> float:
        return length(split.half)

    of_half.__name__, of_half.__doc__ = f"half_{name}", f"`{name}` of the likelier half."
    HALVES[of_half.__name__] = of_half


for _name, _length in LENGTHS.items():
    _of_half(_name, _length)
