"""Texts in batches by their number of tokens, longest first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def batches(lengths: NDArray[np.int64], budget: int) -> list[NDArray[np.int64]]:
    """Cut texts into batches of at most `budget` tokens; a longer text is a batch of its own.

    Args:
        lengths: tokens of each text (n,).
        budget: tokens of a batch.

    Returns:
        The numbers of the texts of each batch, longest text first, each number once.

    >>> [batch.tolist() for batch in batches(np.array([2, 5, 3, 9]), 8)]
    [[3], [1, 2], [0]]
    """
    order = np.argsort(-lengths, kind="stable").astype(np.int64)
    ends = np.cumsum(lengths[order])
    cut: list[NDArray[np.int64]] = []
    start = done = 0
    while start < len(order):
        end = max(int(np.searchsorted(ends, done + budget, side="right")), start + 1)
        cut.append(order[start:end])
        start, done = end, int(ends[end - 1])
    return cut


def runs(lengths: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return how often each length stands in a row, as (times, length), for sorted `lengths`.

    >>> runs(np.array([5, 5, 3, 2, 2]))
    [(2, 5), (1, 3), (2, 2)]
    """
    starts = np.flatnonzero(np.diff(lengths, prepend=-1))
    times = np.diff(starts, append=len(lengths))
    return list(zip(times.tolist(), lengths[starts].tolist(), strict=True))
