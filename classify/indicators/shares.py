"""What some prompts ask for, and when, as shares."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...index import AreaMap
from ..campaigns.things import Floats

HOUR = 3_600_000_000
"""Microseconds."""


def hours_of(times: pa.ChunkedArray) -> Floats | None:
    """Return the shares of the hours of the day in UTC (24,); None where no time is known."""
    known = np.asarray(times.cast(pa.int64()).drop_null(), dtype=np.int64)
    return np.bincount(known // HOUR % 24, minlength=24) / len(known) if len(known) else None


def area_shares(areas: AreaMap, vectors: NDArray[np.float32]) -> Floats:
    """Return the share of prompts by area (areas,), from their vectors (n, dimension)."""
    return np.bincount(areas.place(vectors).area, minlength=len(areas.areas)) / len(vectors)
