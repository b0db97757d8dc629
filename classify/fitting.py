"""Fitting the models of a classifier, whole and out of fold, hard sessions counted for more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold

from .curves import Curves, fit_curves
from .head import balanced
from .kernel import Kernel, fit_kernel
from .trees import Bags, Forest, grow

HARD, MOST = 1.0, 3.0
"""A negative session counts exp(HARD times its log loss) times, a loss of MOST at most."""
ROUGH = 5
"""Folds in which the losses are found."""

Matrix = NDArray[np.float64]
Fold = tuple[NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a model is fitted to.

    Attributes:
        measures: (sessions, measures) float64.
        positive: the label (sessions,).
        sources: where each is from (sessions,).
        groups: sessions that share a value stay on one side of every fold (sessions,).
    """

    measures: Matrix
    positive: NDArray[np.bool_]
    sources: NDArray[np.int64]
    groups: NDArray[np.int64]

    def take(self, chosen: NDArray[np.int64]) -> Lesson:
        """Return some of the sessions."""
        return Lesson(*(getattr(self, name)[chosen] for name in self.__slots__))

    def folds(self, most: int) -> Iterator[Fold]:
        """Part the sessions by their groups, each time into (seen, held out).

        Those that see one class only are left out, and a single group is not parted.
        """
        groups = len(np.unique(self.groups))
        if groups < 2:
            return
        splitter = GroupKFold(min(most, groups))
        for seen, held in splitter.split(self.measures, groups=self.groups):
            if len(np.unique(self.positive[seen])) == 2:
                yield seen, held

    def weigh(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weigh sessions by `balanced` and by how often they count, both classes alike."""
        weight = balanced(self.positive, self.sources) * counts
        for each in (self.positive, ~self.positive):
            weight[each] *= len(weight) / 2 / weight[each].sum()
        return weight


def fit_models(lesson: Lesson, bags: Bags) -> tuple[Forest, Curves, Kernel]:
    """Fit trees over bags of sources, an additive model and a kernel machine."""
    weight = lesson.weigh(count_hard(lesson))
    return (
        grow(lesson.measures, lesson.positive, weight, lesson.sources, bags),
        fit_curves(lesson.measures, lesson.positive, weight),
        fit_kernel(lesson.measures, lesson.positive, weight),
    )


def held_out_odds(lesson: Lesson, folds: int, bags: Bags) -> Matrix:
    """Return the log-odds of the models, each by ones that saw nothing of a fold (sessions, 3).

    They are 0 where what is left has one class only.
    """
    log_odds = np.zeros((len(lesson.positive), 3))
    for seen, held in lesson.folds(folds):
        models = fit_models(lesson.take(seen), bags)
        log_odds[held] = np.column_stack([m.log_odds(lesson.measures[held]) for m in models])
    return log_odds


def count_hard(lesson: Lesson) -> NDArray[np.float64]:
    """Return how often each session counts, negative ones that look positive for more (sessions,).

    A threshold is set by false alarms, so these are what is worth learning (boosting's idea, Freund
    and Schapire 1997, once and on one class). Their loss is that of an additive model which saw
    nothing of their group, nor of any session that is not in the lesson.
    """
    loss = np.zeros(len(lesson.positive))
    for seen, held in lesson.folds(ROUGH):
        part = lesson.take(seen)
        alike = part.weigh(np.ones(len(seen)))
        curves = fit_curves(part.measures, part.positive, alike)
        loss[held] = np.logaddexp(0.0, curves.log_odds(lesson.measures[held]))
    return np.where(lesson.positive, 1.0, np.exp(HARD * np.minimum(loss, MOST)))
