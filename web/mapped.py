"""The map as a browser gets it: bytes of points, and which prompts a drawn line encloses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..index import Positions, PromptIndex, Sessions
from ..index.clusters import stratified
from ..index.senders import NEVER
from .view import LABELLED

MILDEST = ("unjudged", "insufficient_evidence", "organic", "extraction")
"""A prompt of several sessions has the verdict of them that comes last here."""
MOST = 200_000
"""Most points that are shown; of more, some of each session."""
CORNERS = 128
"""Most corners of a drawn line."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The points of a map.

    Attributes:
        places: (n, 2) float32.
        time: when each prompt was first sent, seconds since 1970, -1 where unknown (n,) float32.
        number: the prompt's, in the index (n,) uint32.
        area: position among the areas (n,) uint8.
        verdict: position in `LABELLED` (n,) uint8.
    """

    places: NDArray[np.float32]
    time: NDArray[np.float32]
    number: NDArray[np.uint32]
    area: NDArray[np.uint8]
    verdict: NDArray[np.uint8]

    def to_bytes(self) -> bytes:
        """Return the columns one after the other, each whole, little-endian; 18 bytes a point."""
        columns = (self.places, self.time, self.number, self.area, self.verdict)
        return b"".join(np.ascontiguousarray(one).tobytes() for one in columns)


def shown_points(
    index: PromptIndex,
    positions: Positions,
    area: NDArray[np.int64],
    sessions: Sessions,
    verdict: NDArray[np.int64],
) -> Shown:
    """Return the points of an index, or some of each session where there are more than `MOST`.

    Args:
        index: which was mapped.
        positions: of its first distinct prompts, or of all.
        area: of each distinct prompt (distinct,).
        sessions: of the index.
        verdict: of each session, by its position in `LABELLED` (sessions,).
    """
    rank = np.array([MILDEST.index(label) for label in LABELLED])
    n, prompt, time = len(index), index.senders.prompt, index.senders.time
    first = np.full(n, NEVER)
    np.minimum.at(first, prompt, time)
    worst = np.zeros(n, np.int64)
    np.maximum.at(worst, prompt, rank[verdict[sessions.of]])
    owner = np.zeros(n, np.int64)
    owner[prompt[::-1]] = sessions.of[::-1]
    known = len(positions.points)
    chosen = stratified(owner[:known], min(known, MOST))
    # Any start of the points is to be a fair sample: a browser draws fewer while it moves them.
    chosen = np.random.default_rng(0).permutation(chosen)
    seconds = np.where(first < NEVER, first // 1_000_000, -1)
    return Shown(
        positions.points[chosen],
        seconds[chosen].astype(np.float32),
        chosen.astype(np.uint32),
        area[chosen].astype(np.uint8),
        np.argsort(rank)[worst[chosen]].astype(np.uint8),
    )


def inside(places: NDArray[np.float32], corners: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which places (n, 2) lie inside a closed line through `corners` (m, 2), even-odd rule."""
    within = np.zeros(len(places), dtype=bool)
    low, high = corners.min(axis=0), corners.max(axis=0)
    near = np.flatnonzero(((places >= low) & (places <= high)).all(axis=1))
    x, y = places[near].astype(np.float64).T
    odd = np.zeros(len(near), dtype=bool)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, 1, axis=0), strict=True):
        if y1 != y2:
            odd ^= ((y1 > y) != (y2 > y)) & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
    within[near] = odd
    return within


def read_corners(told: str) -> NDArray[np.float64]:
    """Read a drawn line as x and y of each corner in turn, separated by commas.

    Raises:
        ValueError: it is something else, or has fewer than 3 or more than `CORNERS` corners.
    """
    values = np.array([float(part) for part in told.split(",")])
    if len(values) % 2 or not 6 <= len(values) <= 2 * CORNERS or not np.isfinite(values).all():
        raise ValueError(f"not a line of 3 to {CORNERS} corners")
    return values.reshape(-1, 2)


def enclosed(
    index: PromptIndex, sessions: Sessions, within: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the sessions that sent some of the prompts, those with the most of them first.

    Args:
        index: which was mapped.
        sessions: of the index.
        within: which of the distinct prompts (distinct,).

    Returns:
        Sessions, and how many rows of each are of those prompts, both (n,) int64.
    """
    counts = np.bincount(sessions.of[within[index.senders.prompt]], minlength=len(sessions))
    order = np.argsort(-counts, kind="stable")[: int((counts > 0).sum())]
    return order, counts[order]
