"""Operating points that keep a promised false-positive rate."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from ..data import InputError

DELTA = 0.05
"""The accepted chance that a promise is broken, over the draw of the organic sessions."""

PROMISES = (0.01, 0.02, 0.05, 0.1, 0.2)
"""The rates that a model promises by itself: the lowest that its organic sessions carry."""


def certified_threshold(organic: NDArray[np.float64], max_fpr: float) -> float:
    """Return the lowest score above which at most `max_fpr` of organic sessions lie.

    The Neyman-Pearson umbrella algorithm (Tong, Feng and Li 2018): the smallest order statistic
    of held-out organic scores that breaks the promise with a chance of at most `DELTA`.

    Args:
        organic: scores of organic sessions that the model did not learn from (n,).
        max_fpr: the promised rate, between 0 and 1.

    Raises:
        InputError: the rate is none, or `organic` is too few to promise it.
    """
    if not 0.0 < max_fpr < 1.0:
        raise InputError(
            f"a false-positive rate of {max_fpr}", "one between 0 and 1", "Try --max-fpr 0.01."
        )
    n = len(organic)
    broken = binom.sf(np.arange(n), n, 1.0 - max_fpr)
    if n == 0 or broken[-1] > DELTA:
        raise InputError(
            f"{n:,} held-out organic sessions behind this model",
            f"at least {sessions_needed(max_fpr):,} to promise a false-positive rate of {max_fpr}",
            "Ask for a higher --max-fpr, or train on more organic sessions.",
        )
    return float(np.sort(organic)[np.argmax(broken <= DELTA)])


def strictest_promise(organic: int) -> float:
    """Return the lowest of `PROMISES` that this many organic sessions can carry.

    >>> strictest_promise(1000), strictest_promise(100)
    (0.01, 0.05)
    """
    return next((fpr for fpr in PROMISES if sessions_needed(fpr) <= organic), PROMISES[-1])


def sessions_needed(max_fpr: float) -> int:
    """Return the fewest organic sessions that can carry a promise of `max_fpr`.

    >>> sessions_needed(0.01), sessions_needed(0.001)
    (299, 2995)
    """
    return math.ceil(math.log(DELTA) / math.log1p(-max_fpr))
