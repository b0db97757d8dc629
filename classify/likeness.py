"""Measures of what a session's prompts mean to each other: they need the prompts' vectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..index import diversity
from ..index import order as orders

AREAS = 13


@dataclass(frozen=True)
class Matter:
    """What the measures of one session (or account) read, in time order.

    Attributes:
        vectors: unit vectors (n, dimension) float32.
        area: capability areas (n,) int64.
        cell: cells of areas, -1 for none (n,) int64.
    """

    vectors: NDArray[np.float32]
    area: NDArray[np.int64]
    cell: NDArray[np.int64]

    @cached_property
    def nearest(self) -> NDArray[np.float32]:
        """Cosine similarity of each prompt to its nearest in the session (n,)."""
        if len(self.vectors) < 2:
            return np.ones(1, dtype=np.float32)
        similarity = self.vectors @ self.vectors.T
        np.fill_diagonal(similarity, -1.0)
        return np.asarray(similarity.max(axis=1))


Measure = Callable[[Matter], float]
LIKENESS: dict[str, Measure] = {}
"""Every such measure by name."""


def measure(function: Measure) -> Measure:
    """Register a measure under its function's name."""
    LIKENESS[function.__name__] = function
    return function


@measure
def cohesion(session: Matter) -> float:
    """Mean cosine similarity over all pairs of prompts: high for one topic or one template."""
    n = len(session.vectors)
    total = float(np.linalg.norm(session.vectors.sum(axis=0)) ** 2)
    return (total - n) / (n * (n - 1)) if n > 1 else 1.0


@measure
def nearest_mean(session: Matter) -> float:
    """Mean similarity of each prompt to its nearest in the session."""
    return float(session.nearest.mean())


@measure
def nearest_high(session: Matter) -> float:
    """Ninetieth percentile of the same: generators filter near repeats, people rephrase."""
    return float(np.quantile(session.nearest, 0.9))


@measure
def nearest_spread(session: Matter) -> float:
    """Standard deviation of the same: even for a sweep, uneven for people."""
    return float(session.nearest.std())


@measure
def nearest_low(session: Matter) -> float:
    """Tenth percentile of the same: low where some prompts stand alone."""
    return float(np.quantile(session.nearest, 0.1))


@measure
def dimensions(session: Matter) -> float:
    """Effective rank of the prompts' vectors, a share of their number (Roy and Vetterli 2007)."""
    n = len(session.vectors)
    spectrum = np.linalg.eigvalsh(session.vectors @ session.vectors.T / n)
    shares = np.maximum(spectrum, 1e-9) / np.maximum(spectrum, 1e-9).sum()
    return float(np.exp(-(shares * np.log(shares)).sum()) / n)


@measure
def flow(session: Matter) -> float:
    """Mean similarity of neighbours in time, less `cohesion`: a conversation leans on itself."""
    if len(session.vectors) < 2:
        return 0.0
    neighbours = (session.vectors[1:] * session.vectors[:-1]).sum(axis=1)
    return float(neighbours.mean()) - cohesion(session)


@measure
def near_follow(session: Matter) -> float:
    """Share of prompts whose neighbour in time is near in meaning: a talk stays with its matter."""
    return float((_lagged(session, 1) > 0.5).mean())


@measure
def lag_drop(session: Matter) -> float:
    """Mean similarity of neighbours, less that of prompts two apart."""
    return float(_lagged(session, 1).mean() - _lagged(session, 2).mean())


@measure
def focus(session: Matter) -> float:
    """1 - H / ln K over capability areas; see `index.diversity`."""
    return diversity.focus(session.area, AREAS)


@measure
def cell_evenness(session: Matter) -> float:
    """Hill's 1D / 0D over the cells met (Hill 1973)."""
    return float(diversity.evenness(np.bincount(session.cell + 1)[None, :])[0])


@measure
def novelty(session: Matter) -> float:
    """Good and Turing's chance that the next prompt is of a new cell (Good 1953)."""
    return diversity.novelty(session.cell)


@measure
def order(session: Matter) -> float:
    """Neighbours in one cell, less what shuffling the session gives."""
    return orders.order(session.cell)


def _lagged(session: Matter, lag: int) -> NDArray[np.float32]:
    lag = min(lag, len(session.vectors) - 1)
    return np.asarray(
        (session.vectors[lag:] * session.vectors[: len(session.vectors) - lag]).sum(1)
    )
