"""Measures of how long prompts are and what stands in them, of a session or of a part of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .surface import COUNTS

Counts = dict[str, NDArray[np.float64]]
"""The columns of `surface` of some prompts, in time order (n,) float64 each."""

LENGTHS: dict[str, Callable[[Counts], float]] = {}
"""Every such measure by name."""


def measure(function: Callable[[Counts], float]) -> Callable[[Counts], float]:
    """Register a measure under its function's name."""
    LENGTHS[function.__name__] = function
    return function


@measure
def length_spread(counts: Counts) -> float:
    """Standard deviation of log length."""
    return float(counts["log_length"].std())


@measure
def lines_spread(counts: Counts) -> float:
    """Standard deviation of log lines."""
    return float(counts["log_lines"].std())


@measure
def function_spread(counts: Counts) -> float:
    """Standard deviation of the share of function words: a sweep is put alike throughout."""
    return float(counts["function_words"].std())


@measure
def length_jumps(counts: Counts) -> float:
    """Mean absolute change of log length from prompt to prompt."""
    lengths = counts["log_length"]
    return float(np.abs(np.diff(lengths)).mean()) if len(lengths) > 1 else 0.0


@measure
def climb(counts: Counts) -> float:
    """Correlation of log length with position: ladders grow."""
    lengths = counts["log_length"]
    if len(lengths) < 3 or lengths.std() < 1e-9:
        return 0.0
    return float(np.corrcoef(lengths, np.arange(len(lengths)))[0, 1])


def _mean_of(column: str) -> None:
    def mean(counts: Counts) -> float:
        return float(counts[column].mean())

    mean.__name__, mean.__doc__ = column, f"Mean of the surface column `{column}`."
    LENGTHS[column] = mean


for _column in COUNTS:
    _mean_of(_column)
