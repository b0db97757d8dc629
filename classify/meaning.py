"""Measures of what a session's prompts say to a model's learned parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Reading:
    """What a model's learned parts say of one session (or account), in time order.

    Attributes:
        scores: of the prompt head (n,) float64.
        wording: of the word head (n,) float64.
        frame: of the word head, on the words that the prompts have in common; 0 for none.
    """

    scores: NDArray[np.float64]
    wording: NDArray[np.float64]
    frame: float


MEANING: dict[str, Callable[[Reading], float]] = {}
"""Every such measure by name."""


def measure(function: Callable[[Reading], float]) -> Callable[[Reading], float]:
    """Register a measure under its function's name."""
    MEANING[function.__name__] = function
    return function


@measure
def score_mean(reading: Reading) -> float:
    """Mean log-odds of the prompt head."""
    return float(reading.scores.mean())


@measure
def score_low(reading: Reading) -> float:
    """Tenth percentile of the prompt head: high where no prompt looks organic."""
    return float(np.quantile(reading.scores, 0.1))


@measure
def score_high(reading: Reading) -> float:
    """Ninetieth percentile of the prompt head: high where some prompts look like extraction."""
    return float(np.quantile(reading.scores, 0.9))


@measure
def score_spread(reading: Reading) -> float:
    """Standard deviation of the prompt head."""
    return float(reading.scores.std())


@measure
def wording_mean(reading: Reading) -> float:
    """Mean log-odds of the word head."""
    return float(reading.wording.mean())


@measure
def wording_low(reading: Reading) -> float:
    """Tenth percentile of the word head."""
    return float(np.quantile(reading.wording, 0.1))


@measure
def wording_high(reading: Reading) -> float:
    """Ninetieth percentile of the word head."""
    return float(np.quantile(reading.wording, 0.9))


@measure
def wording_spread(reading: Reading) -> float:
    """Standard deviation of the word head."""
    return float(reading.wording.std())


@measure
def frame(reading: Reading) -> float:
    """Log-odds of the word head on what the prompts share: asks it for reasons, or for a queue?"""
    return reading.frame
