"""The measures of a session: one small named function each, over its prompts in time order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..index import coverage
from .surface import PATTERNS
from .templates import Template

AREAS = 13


@dataclass(frozen=True, slots=True)
class Session:
    """What the measures of one session (or account) read, in time order.

    Attributes:
        vectors: unit vectors (n, dimension) float32.
        scores: of the prompt head (n,) float64.
        wording: of the word head (n,) float64.
        frame: of the word head, on the words that the prompts have in common; 0 for none.
        known: similarity to known prompts of each kind (n, kinds) float32.
        area: capability areas (n,) int64.
        cell: cells of areas, -1 for none (n,) int64.
        surface: named columns (n,) float64 each.
        words: the longer words of each prompt.
        template: what the prompts have in common.
        repeats: the share of prompts that repeat an earlier one.
    """

    vectors: NDArray[np.float32]
    scores: NDArray[np.float64]
    wording: NDArray[np.float64]
    frame: float
    known: NDArray[np.float32]
    area: NDArray[np.int64]
    cell: NDArray[np.int64]
    surface: dict[str, NDArray[np.float64]]
    words: list[frozenset[str]]
    template: Template
    repeats: float


Measure = Callable[[Session], float]
MEASURES: dict[str, Measure] = {}
"""Every measure by name, in the order of the model's columns."""


def measure(function: Measure) -> Measure:
    """Register a measure under its function's name."""
    MEASURES[function.__name__] = function
    return function


@measure
def score_mean(session: Session) -> float:
    """Mean log-odds of the prompt head."""
    return float(session.scores.mean())


@measure
def score_low(session: Session) -> float:
    """Tenth percentile of the prompt head: high where no prompt looks organic."""
    return float(np.quantile(session.scores, 0.1))


@measure
def score_high(session: Session) -> float:
    """Ninetieth percentile of the prompt head: high where some prompts look like extraction."""
    return float(np.quantile(session.scores, 0.9))


@measure
def score_spread(session: Session) -> float:
    """Standard deviation of the prompt head."""
    return float(session.scores.std())


@measure
def wording_mean(session: Session) -> float:
    """Mean log-odds of the word head."""
    return float(session.wording.mean())


@measure
def wording_low(session: Session) -> float:
    """Tenth percentile of the word head."""
    return float(np.quantile(session.wording, 0.1))


@measure
def wording_high(session: Session) -> float:
    """Ninetieth percentile of the word head."""
    return float(np.quantile(session.wording, 0.9))


@measure
def wording_spread(session: Session) -> float:
    """Standard deviation of the word head."""
    return float(session.wording.std())


@measure
def frame(session: Session) -> float:
    """Log-odds of the word head on what the prompts share: asks it for reasons, or for a queue?"""
    return session.frame


@measure
def known_organic(session: Session) -> float:
    """Mean cosine similarity to the nearest known organic prompt."""
    return float(session.known[:, 0].mean())


@measure
def known_application(session: Session) -> float:
    """Mean cosine similarity to the nearest known prompt of a production application."""
    return float(session.known[:, 1].mean())


@measure
def known_extraction(session: Session) -> float:
    """Mean cosine similarity to the nearest known extraction prompt."""
    return float(session.known[:, 2].mean())


@measure
def known_margin(session: Session) -> float:
    """Mean of how much nearer extraction is than any organic kind."""
    organic = session.known[:, :2].max(axis=1)
    return float((session.known[:, 2] - organic).mean())


@measure
def cohesion(session: Session) -> float:
    """Mean cosine similarity over all pairs of prompts: high for one topic or one template."""
    n = len(session.vectors)
    total = float(np.linalg.norm(session.vectors.sum(axis=0)) ** 2)
    return (total - n) / (n * (n - 1)) if n > 1 else 1.0


@measure
def nearest_mean(session: Session) -> float:
    """Mean similarity of each prompt to its nearest in the session."""
    return float(_nearest(session).mean())


@measure
def nearest_high(session: Session) -> float:
    """Ninetieth percentile of the same: generators filter near repeats, people rephrase."""
    return float(np.quantile(_nearest(session), 0.9))


@measure
def nearest_spread(session: Session) -> float:
    """Standard deviation of the same: even for a sweep, uneven for people."""
    return float(_nearest(session).std())


@measure
def nearest_low(session: Session) -> float:
    """Tenth percentile of the same: low where some prompts stand alone."""
    return float(np.quantile(_nearest(session), 0.1))


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
    """1 - H / ln K over capability areas; see `index.coverage`."""
    return coverage.focus(session.area, AREAS)


@measure
def cell_evenness(session: Session) -> float:
    """Hill's 1D / 0D over the cells met (Hill 1973)."""
    return float(coverage.evenness(np.bincount(session.cell + 1)[None, :])[0])


@measure
def novelty(session: Session) -> float:
    """Good and Turing's chance that the next prompt is of a new cell (Good 1953)."""
    return coverage.novelty(session.cell)


@measure
def order(session: Session) -> float:
    """Neighbours in one cell, less what shuffling the session gives."""
    return coverage.order(session.cell)


def _mean_of(column: str, about: str) -> None:
    def mean(session: Session) -> float:
        return float(session.surface[column].mean())

    mean.__name__, mean.__doc__ = column, about
    MEASURES[column] = mean


for _pattern in PATTERNS:
    _mean_of(_pattern, f"Share of prompts that match the pattern `{_pattern}`.")
for _column in ("log_length", "log_lines", "digits", "foreign"):
    _mean_of(_column, f"Mean of the surface column `{_column}`.")


def _nearest(session: Session) -> NDArray[np.float32]:
    if len(session.vectors) < 2:
        return np.ones(1, dtype=np.float32)
    similarity = session.vectors @ session.vectors.T
    np.fill_diagonal(similarity, -1.0)
    return np.asarray(similarity.max(axis=1))


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one or other else 0.0
