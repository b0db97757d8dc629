"""Fitting both models of a classifier, out of fold and with the hard sessions counted for more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold, KFold

from .curves import Curves, fit_curves
from .head import balanced
from .trees import Bags, Forest, grow

HARD, MOST = 0.5, 3.0
"""A negative session counts exp(HARD times its log loss) times, a loss of MOST at most."""

Matrix = NDArray[np.float64]
Parted = Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a model is fitted to.

    Attributes:
        measures: (sessions, measures) float64.
        positive: the label (sessions,).
        sources: where each is from (sessions,).
        counts: how often each counts (sessions,) float64.
    """

    measures: Matrix
    positive: NDArray[np.bool_]
    sources: NDArray[np.int64]
    counts: NDArray[np.float64]

    def take(self, chosen: NDArray[np.int64]) -> Lesson:
        """Return some of the sessions."""
        return Lesson(*(getattr(self, name)[chosen] for name in self.__slots__))

    def harder(self, log_odds: NDArray[np.float64]) -> Lesson:
        """Count negative sessions for more that models which saw nothing of their group miss.

        A threshold is set by false alarms, so these are what is worth learning (boosting's idea,
        Freund and Schapire 1997, once and on one class).

        Args:
            log_odds: by such models (sessions,).
        """
        loss = np.minimum(np.logaddexp(0.0, log_odds), MOST)
        return replace(self, counts=np.where(self.positive, 1.0, np.exp(HARD * loss)))


def part(groups: NDArray[np.int64] | None, sessions: int, folds: int) -> Parted:
    """Part sessions into folds, each as (seen, held out); those of a group are in one fold."""
    if groups is None:
        return list(
            KFold(min(folds, sessions), shuffle=True, random_state=0).split(range(sessions))
        )
    splitter = GroupKFold(min(folds, len(np.unique(groups))))
    return list(splitter.split(range(sessions), groups=groups))


def fit_both(lesson: Lesson, bags: Bags) -> tuple[Forest, Curves]:
    """Fit trees over bags of sources and an additive model, both classes counted alike."""
    positive = lesson.positive
    weight = balanced(positive, lesson.sources) * lesson.counts
    for each in (positive, ~positive):
        weight[each] *= len(weight) / 2 / weight[each].sum()
    return (
        grow(lesson.measures, positive, weight, lesson.sources, bags),
        fit_curves(lesson.measures, positive, weight),
    )


def held_out_odds(lesson: Lesson, parted: Parted, bags: Bags) -> Matrix:
    """Return the log-odds of both models, each by models that saw nothing of a fold (sessions, 2).

    A fold whose rest has one class only is left at 0.
    """
    log_odds = np.zeros((len(lesson.positive), 2))
    for seen, held in parted:
        if len(np.unique(lesson.positive[seen])) == 2:
            both = fit_both(lesson.take(seen), bags)
            log_odds[held] = np.column_stack([m.log_odds(lesson.measures[held]) for m in both])
    return log_odds
