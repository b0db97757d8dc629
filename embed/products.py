"""Similarities of vectors that do not depend on how many are compared at once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

BLOCK = 8192
"""Rows of a product."""
TILE = 64
"""Rows are filled up to a multiple of this: a product of few rows, or what is left over of many,
may be rounded otherwise than the same row among others."""


def similarities(
    rows: NDArray[np.float32], others: NDArray[np.float32]
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Yield blocks of `rows @ others.T`, each with the rows that it is of.

    Args:
        rows: unit vectors (n, dimension).
        others: unit vectors (m, dimension).

    Yields:
        Which rows, and their cosine similarities (rows of the block, m) float32.
    """
    for start in range(0, len(rows), BLOCK):
        part = rows[start : start + BLOCK]
        filled = np.zeros((-len(part) % TILE, rows.shape[1]), np.float32)
        product = np.concatenate([part, filled]) @ others.T
        yield slice(start, start + len(part)), product[: len(part)]
