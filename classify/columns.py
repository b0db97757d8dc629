"""Some rows of a session, and some columns of its measures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAMPLE = 256
"""Most prompts of a session or account that the measures read, evenly spaced in time."""


def sample(rows: NDArray[np.int64], most: int = SAMPLE) -> NDArray[np.int64]:
    """Return `most` of the rows, evenly spaced, or all where there are fewer."""
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]


def take_columns(
    names: tuple[str, ...], values: NDArray[np.float64], wanted: tuple[str, ...]
) -> NDArray[np.float64]:
    """Return the wanted columns in their order, rows as they were."""
    return np.ascontiguousarray(values[:, [names.index(name) for name in wanted]])
