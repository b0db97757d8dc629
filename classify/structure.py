"""Measures of how a session's prompts stand to each other, whatever a model has learned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..data.templates import Template
from ..index import diversity
from ..index import order as orders
from .surface import COUNTS

AREAS = 13


@dataclass(frozen=True)
class Session:
    """What the measures of one session (or account) read, in time order.

    Attributes:
        vectors: unit vectors (n, dimension) float32.
        area: capability areas (n,) int64.
        cell: cells of areas, -1 for none (n,) int64.
        surface: named columns (n,) float64 each.
        words: the longer words of each prompt.
        ends: the first and last word of each prompt.
        template: what the prompts have in common.
        repeats: the share of prompts that repeat an earlier one.
    """

    vectors: NDArray[np.float32]
    area: NDArray[np.int64]
    cell: NDArray[np.int64]
    surface: dict[str, NDArray[np.float64]]
    words: list[frozenset[str]]
    ends: list[tuple[str, str]]
    template: Template
    repeats: float

    @cached_property
    def nearest(self) -> NDArray[np.float32]:
        """Cosine similarity of each prompt to its nearest in the session (n,)."""
        if len(self.vectors) < 2:
            return np.ones(1, dtype=np.float32)
        similarity = self.vectors @ self.vectors.T
        np.fill_diagonal(similarity, -1.0)
        return np.asarray(similarity.max(axis=1))


Measure = Callable[[Session], float]
STRUCTURE: dict[str, Measure] = {}
"""Every such measure by name."""


def measure(function: Measure) -> Measure:
    """Register a measure under its function's name."""
    STRUCTURE[function.__name__] = function
    return function


@measure
def cohesion(session: Session) -> float:
    """Mean cosine similarity over all pairs of prompts: high for one topic or one template."""
    n = len(session.vectors)
    total = float(np.linalg.norm(session.vectors.sum(axis=0)) ** 2)
    return (total - n) / (n * (n - 1)) if n > 1 else 1.0


@measure
def nearest_mean(session: Session) -> float:
    """Mean similarity of each prompt to its nearest in the session."""
    return float(session.nearest.mean())


@measure
def nearest_high(session: Session) -> float:
    """Ninetieth percentile of the same: generators filter near repeats, people rephrase."""
    return float(np.quantile(session.nearest, 0.9))


@measure
def nearest_spread(session: Session) -> float:
    """Standard deviation of the same: even for a sweep, uneven for people."""
    return float(session.nearest.std())


@measure
def nearest_low(session: Session) -> float:
    """Tenth percentile of the same: low where some prompts stand alone."""
    return float(np.quantile(session.nearest, 0.1))


@measure
def dimensions(session: Session) -> float:
    """Effective rank of the prompts' vectors, a share of their number (Roy and Vetterli 2007)."""
    n = len(session.vectors)
    spectrum = np.linalg.eigvalsh(session.vectors @ session.vectors.T / n)
    shares = np.maximum(spectrum, 1e-9) / np.maximum(spectrum, 1e-9).sum()
    return float(np.exp(-(shares * np.log(shares)).sum()) / n)


@measure
def flow(session: Session) -> float:
    """Mean similarity of neighbours in time, less `cohesion`: a conversation leans on itself."""
    if len(session.vectors) < 2:
        return 0.0
    neighbours = (session.vectors[1:] * session.vectors[:-1]).sum(axis=1)
    return float(neighbours.mean()) - cohesion(session)


@measure
def shared_words(session: Session) -> float:
    """Jaccard overlap of words of neighbours, less that of prompts half a session apart."""
    n = len(session.words)
    if n < 2:
        return 0.0
    near = [_jaccard(session.words[i], session.words[i + 1]) for i in range(n - 1)]
    far = [_jaccard(session.words[i], session.words[(i + n // 2) % n]) for i in range(n)]
    return float(np.mean(near) - np.mean(far))


@measure
def word_overlap(session: Session) -> float:
    """Mean overlap of the words of neighbours, by the shorter of the two (Simpson 1943)."""
    pairs = zip(session.words, session.words[1:], strict=False)
    shares = [len(a & b) / max(1, min(len(a), len(b))) for a, b in pairs]
    return float(np.mean(shares)) if shares else 0.0


@measure
def word_growth(session: Session) -> float:
    """Different words of the session, by the sum of those of its prompts (Heaps 1978)."""
    total = sum(map(len, session.words))
    return len(frozenset().union(*session.words)) / total if total else 1.0


@measure
def openings(session: Session) -> float:
    """Entropy of the prompts' first words, by its maximum: sweeps open alike, people do not."""
    return _variety([opening for opening, _ in session.ends])


@measure
def closings(session: Session) -> float:
    """Entropy of the prompts' last words or marks, by its maximum."""
    return _variety([closing for _, closing in session.ends])


@measure
def layouts(session: Session) -> float:
    """Entropy of the prompts' numbers of lines, by its maximum."""
    return _variety(np.round(np.expm1(session.surface["log_lines"])).tolist())


@measure
def near_follow(session: Session) -> float:
    """Share of prompts whose neighbour in time is near in meaning: a talk stays with its matter."""
    return float((_lagged(session, 1) > 0.5).mean())


@measure
def lag_drop(session: Session) -> float:
    """Mean similarity of neighbours, less that of prompts two apart."""
    return float(_lagged(session, 1).mean() - _lagged(session, 2).mean())


@measure
def length_jumps(session: Session) -> float:
    """Mean absolute change of log length from prompt to prompt."""
    lengths = session.surface["log_length"]
    return float(np.abs(np.diff(lengths)).mean()) if len(lengths) > 1 else 0.0


@measure
def repeats(session: Session) -> float:
    """Share of prompts that repeat an earlier one to the letter."""
    return session.repeats


@measure
def template_share(session: Session) -> float:
    """Share of prompts that hold words common to the session."""
    return session.template.share


@measure
def template_fixed(session: Session) -> float:
    """Share of such words in those prompts."""
    return session.template.fixed


@measure
def template_absent(session: Session) -> float:
    """1 where the session has no common words, else 0."""
    return float(session.template.skeleton is None)


@measure
def length_spread(session: Session) -> float:
    """Standard deviation of log length."""
    return float(session.surface["log_length"].std())


@measure
def lines_spread(session: Session) -> float:
    """Standard deviation of log lines."""
    return float(session.surface["log_lines"].std())


@measure
def climb(session: Session) -> float:
    """Correlation of log length with position: ladders grow."""
    lengths = session.surface["log_length"]
    if len(lengths) < 3 or lengths.std() < 1e-9:
        return 0.0
    return float(np.corrcoef(lengths, np.arange(len(lengths)))[0, 1])


@measure
def focus(session: Session) -> float:
    """1 - H / ln K over capability areas; see `index.diversity`."""
    return diversity.focus(session.area, AREAS)


@measure
def cell_evenness(session: Session) -> float:
    """Hill's 1D / 0D over the cells met (Hill 1973)."""
    return float(diversity.evenness(np.bincount(session.cell + 1)[None, :])[0])


@measure
def novelty(session: Session) -> float:
    """Good and Turing's chance that the next prompt is of a new cell (Good 1953)."""
    return diversity.novelty(session.cell)


@measure
def order(session: Session) -> float:
    """Neighbours in one cell, less what shuffling the session gives."""
    return orders.order(session.cell)


def _mean_of(column: str, about: str) -> None:
    def mean(session: Session) -> float:
        return float(session.surface[column].mean())

    mean.__name__, mean.__doc__ = column, about
    STRUCTURE[column] = mean


for _column in COUNTS:
    _mean_of(_column, f"Mean of the surface column `{_column}`.")


def _lagged(session: Session, lag: int) -> NDArray[np.float32]:
    lag = min(lag, len(session.vectors) - 1)
    return np.asarray(
        (session.vectors[lag:] * session.vectors[: len(session.vectors) - lag]).sum(1)
    )


def _variety(values: Sequence[object]) -> float:
    """Entropy of the values (Shannon 1948), by the logarithm of their number."""
    if len(values) < 2:
        return 0.0
    counts = np.array(list(Counter(values).values()))
    return 0.0 + diversity.entropy(counts) / float(np.log(len(values)))


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one or other else 0.0
