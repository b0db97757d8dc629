"""Two passes over a session: a nearly free one, and the transformer where that is not certain.

A session whose first score is low enough is organic without the transformer. How low is set on
sessions that the models had not seen, so that hardly anything is lost that reading every prompt
would have flagged, and the promised rate of false positives is certified on the scores that the
two passes give together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..data import InputError
from .classifier import SessionClassifier
from .threshold import certified_threshold

LOSS = 0.01
"""The share of what the exact route flags that the first pass may let go, at most."""

CERTAIN = 0.3
"""The highest score by which a session is let go, whatever the loss: it keeps their order right."""


@dataclass(frozen=True, slots=True)
class Passes:
    """The classifiers of a model.

    Attributes:
        first: over the measures that need no vectors.
        brief: over all measures, the meaning of at most `features.BUDGET` prompts among them.
        whole: over all measures of every prompt: the exact route.
    """

    first: SessionClassifier
    brief: SessionClassifier
    whole: SessionClassifier


@dataclass(frozen=True, slots=True)
class Route:
    """How a session comes to its verdict.

    Attributes:
        exact: whether every session is read whole, by the transformer.
        let_go: a session whose first score is below it is organic by that score.
        threshold: a score above it is extraction.
    """

    exact: bool
    let_go: float
    threshold: float


def merge(
    first: NDArray[np.float64], second: NDArray[np.float64], let_go: float | NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the scores that sessions get, by those of either pass (sessions,).

    A session whose first score is below `let_go`, or its own part of it (sessions,), keeps it.
    """
    return np.where(first < let_go, first, second)


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of training sessions, each by models that saw nothing of its split group.

    Attributes:
        extraction: the label (sessions,).
        first: by the first pass (sessions,).
        brief: by the transformer on at most `features.BUDGET` prompts (sessions,).
        whole: by the transformer on every prompt (sessions,).
    """

    extraction: NDArray[np.bool_]
    first: NDArray[np.float64]
    brief: NDArray[np.float64]
    whole: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Raise `ValueError` unless there is one of each for each session."""
        if len({len(self.extraction), len(self.first), len(self.brief), len(self.whole)}) != 1:
            raise ValueError("its scores differ in number")

    @property
    def organic(self) -> int:
        """How many sessions are organic."""
        return int((~self.extraction).sum())

    def route(self, max_fpr: float, exact: bool = False) -> Route:
        """Return the route that keeps a promised rate of false positives.

        Where there are too few sessions to say that no more than `LOSS` would be lost, none is
        let go.

        Raises:
            InputError: the promise cannot be kept.
        """
        threshold = certified_threshold(self.whole[~self.extraction], max_fpr)
        if exact:
            return Route(True, 0.0, threshold)
        found = self.first[self.extraction & (self.whole > threshold)]
        try:
            let_go = min(-certified_threshold(-found, LOSS), threshold, CERTAIN)
        except InputError:
            let_go = 0.0
        scores = merge(self.first, self.brief, let_go)
        certified = certified_threshold(scores[~self.extraction], max_fpr)
        return Route(False, let_go, max(certified, let_go))
