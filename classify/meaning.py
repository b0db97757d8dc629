"""Measures of what a session's prompts say to a model's learned parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Wording:
    """What the word head says of one session (or account), in time order.

    Attributes:
        scores: of its prompts (n,) float64.
        frame: of the words that the prompts have in common; 0 for none.
    """

    scores: NDArray[np.float64]
    frame: float


WORDING: dict[str, Callable[[Wording], float]] = {}
"""Every measure of the word head by name."""

SCORES: dict[str, Callable[[NDArray[np.float64]], float]] = {}
"""Every measure of the prompt head's log-odds (n,) by name."""


def worded(function: Callable[[Wording], float]) -> Callable[[Wording], float]:
    """Register a measure of the word head under its function's name."""
    WORDING[function.__name__] = function
    return function


def scored(
    function: Callable[[NDArray[np.float64]], float],
) -> Callable[[NDArray[np.float64]], float]:
    """Register a measure of the prompt head under its function's name."""
    SCORES[function.__name__] = function
    return function


@worded
def wording_mean(wording: Wording) -> float:
    """Mean log-odds of the word head."""
    return float(wording.scores.mean())


@worded
def wording_low(wording: Wording) -> float:
    """Tenth percentile of the word head."""
    return float(np.quantile(wording.scores, 0.1))


@worded
def wording_high(wording: Wording) -> float:
    """Ninetieth percentile of the word head."""
    return float(np.quantile(wording.scores, 0.9))


@worded
def wording_spread(wording: Wording) -> float:
    """Standard deviation of the word head."""
    return float(wording.scores.std())


@worded
def frame(wording: Wording) -> float:
    """Log-odds of the word head on what the prompts share: asks it for reasons, or for a queue?"""
    return wording.frame


@scored
def score_mean(scores: NDArray[np.float64]) -> float:
    """Mean log-odds of the prompt head."""
    return float(scores.mean())


@scored
def score_low(scores: NDArray[np.float64]) -> float:
    """Tenth percentile of the prompt head: high where no prompt looks organic."""
    return float(np.quantile(scores, 0.1))


@scored
def score_high(scores: NDArray[np.float64]) -> float:
    """Ninetieth percentile of the prompt head: high where some prompts look like extraction."""
    return float(np.quantile(scores, 0.9))


@scored
def score_spread(scores: NDArray[np.float64]) -> float:
    """Standard deviation of the prompt head."""
    return float(scores.std())
