"""One clock for every class: when sessions start, how long a person or program pauses.

Pauses are fitted to the conversations of a Mooncake trace of one hour (`make bench-clock`): natural
logarithms of seconds, whose spread lies partly between conversations. Such a trace says nothing
about days; that each account keeps its own sixteen hours of each day is an assumption.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PAUSE_MEAN = 4.89
PAUSE_WITHIN = 0.79
PAUSE_BETWEEN = 0.56
SLOW = 20.0
"""How many times longer the pauses of the slow kinds are."""

EPOCH = 1_767_225_600.0
"""The first second of simulated traffic: 2026-01-01 UTC."""

DAY = 86_400.0
AWAKE = 57_600.0


def starts(count: int, days: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw when one account's sessions start, in order (count,), seconds since `EPOCH`."""
    wakes = rng.uniform(0, DAY)
    day = rng.integers(0, days, size=count) * DAY
    return np.sort(day + (wakes + rng.uniform(0, AWAKE, size=count)) % DAY)


def arrivals(
    start: float, count: int, slow: bool, pace: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw the times of one session's prompts (count,), microseconds since 1970.

    Args:
        start: seconds since `EPOCH`.
        count: how many prompts.
        slow: whether this is of a slow kind.
        pace: the account's own, in standard deviations between accounts.
        rng: where chance comes from.
    """
    mean = PAUSE_MEAN + PAUSE_BETWEEN * pace + (np.log(SLOW) if slow else 0.0)
    pauses = np.exp(rng.normal(mean, PAUSE_WITHIN, size=count))
    pauses[0] = 0.0
    return ((EPOCH + start + np.cumsum(pauses)) * 1e6).astype(np.int64)
