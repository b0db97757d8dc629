"""In what order a group's prompts meet the cells, against shuffles of the same prompts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.stats import norm


@dataclass(frozen=True, slots=True)
class Order:
    """The order of groups.

    Attributes:
        excess: share of neighbours in one cell, less its expectation under shuffling; above 0 for
            block after block, below 0 for round robin, 0 for one prompt (groups,) float64.
        p_value: the chance that a shuffle lies as far from the expectation, on either side
            (groups,) float64.
    """

    excess: NDArray[np.float64]
    p_value: NDArray[np.float64]


def against_shuffles(counts: csr_array, same: NDArray[np.float64]) -> Order:
    """Compare each group's neighbours with those of its own prompts shuffled.

    The mean and the variance over all shuffles are exact: neighbours in one cell are n less the
    number of runs, whose moments Mood (1940) gives for any number of kinds. The chance is by the
    normal curve; nothing is drawn.

    Args:
        counts: prompts of each group by cell (groups, cells) int64.
        same: neighbours in time that are of one cell, NaN for groups without an order (groups,)
            float64.
    """
    n = np.asarray(counts.sum(axis=1), dtype=np.float64)
    squares, cubes = (np.asarray((counts.astype(np.float64) ** k).sum(axis=1)) for k in (2, 3))
    mean = (squares - n) / n
    pairs = np.maximum(n - 1.0, 1.0)
    variance = (squares * (squares + n * (n + 1.0)) - 2.0 * n * cubes - n**3) / (n**2 * pairs)
    spread = np.sqrt(np.maximum(variance, 0.0))
    far = np.abs(same - mean)
    z = np.divide(far, spread, where=spread > 1e-9, out=np.zeros_like(far))
    return Order((same - mean) / pairs, 2.0 * norm.sf(z))


def order(cell: NDArray[np.int64]) -> float:
    """Share of neighbours in one cell, less its expectation under shuffling; 0 for one prompt.

    The expectation is exact: sum over cells of n_c (n_c - 1) / (n (n - 1)).
    """
    n = len(cell)
    if n < 2:
        return 0.0
    counts = np.bincount(cell + 1)
    return float((cell[1:] == cell[:-1]).mean() - (counts * (counts - 1)).sum() / (n * (n - 1)))
