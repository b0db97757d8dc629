"""What groups of prompts are set against: the other groups of the index, none of them flagged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.stats import false_discovery_control

DRAWS = 999
"""Groups of accounts that are drawn to compare one group of accounts with."""
DIGITS = 9
"""Values that agree to so many decimals are ties, whatever the order they were summed in."""


@dataclass(frozen=True, slots=True)
class Ranks:
    """Where values lie among those of a background; NaN where there is nothing to compare.

    Attributes:
        size: how many of the background each was compared with (groups,) int64.
        percentile: share of those below it, ties by half, in percent (groups,) float64.
        p_value: (1 + those at least as high) / (1 + all of those) (groups,) float64.
    """

    size: NDArray[np.int64]
    percentile: NDArray[np.float64]
    p_value: NDArray[np.float64]


def rank(values: NDArray[np.float64], background: NDArray[np.bool_]) -> Ranks:
    """Rank each value among the background's, itself left out.

    For a group like those of the background the p-value is uniform: a conformal p-value (Bates et
    al. 2023).

    Args:
        values: one for each group, NaN where it was not measured (groups,).
        background: which of them to compare with (groups,).
    """
    values = values.round(DIGITS)
    measured = np.isfinite(values)
    inside = background & measured
    others = np.sort(values[inside])
    below = np.searchsorted(others, values)
    ties = np.searchsorted(others, values, side="right") - below - inside
    size = len(others) - inside.astype(np.int64)
    known = measured & (size > 0)
    percentile = 100.0 * (below + ties / 2.0) / np.maximum(size, 1)
    p_value = (1.0 + size - below) / (1.0 + size)
    return Ranks(size, np.where(known, percentile, np.nan), np.where(known, p_value, np.nan))


def false_discovery(p_values: NDArray[np.float64], apart: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return Benjamini and Hochberg's (1995) q-values of the groups that stand apart.

    A group of the background has none (NaN): among themselves ranks are uniform by construction,
    however many of them are campaigns.

    Args:
        p_values: NaN where there is none (groups,).
        apart: which groups are not of the background (groups,).
    """
    asked = apart & np.isfinite(p_values)
    found = np.full(len(p_values), np.nan)
    if asked.any():
        found[asked] = false_discovery_control(p_values[asked])
    return found


def drawn_together(counts: csr_array, members: int, seed: int = 0) -> csr_array:
    """Draw groups of `members` accounts with replacement, and add up their prompts.

    A group of accounts meets more than one account does, so only groups as large are its like.

    Args:
        counts: prompts of each account of the background by kind (accounts, kinds) int64.
        members: how many accounts make a group.
        seed: the same seed draws the same groups.

    Returns:
        Prompts by kind (DRAWS, kinds) int64.
    """
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, counts.shape[0], size=DRAWS * members, dtype=np.int32)
    starts = np.arange(DRAWS + 1) * members
    chosen = csr_array(
        (np.ones(len(drawn), np.int64), drawn, starts), shape=(DRAWS, counts.shape[0])
    )
    return csr_array(chosen @ counts)
