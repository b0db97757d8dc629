"""A linear head over single prompts: how much each one looks like extraction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

POWER = 0.25
"""How much less the prompts of large sources count: see `balanced`."""


@dataclass(frozen=True, slots=True)
class Head:
    """Logistic regression over prompt vectors.

    A single prompt is not the signal: its scores are read only by the measures of a session.

    Attributes:
        weights: (dimension,) float64.
        bias: the intercept.
    """

    weights: NDArray[np.float64]
    bias: float

    def scores(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return log-odds of extraction (n,) for unit vectors (n, dimension)."""
        return np.asarray(vectors @ self.weights + self.bias)


def fit_head(
    vectors: NDArray[np.float32], extraction: NDArray[np.bool_], source: NDArray[np.int64]
) -> Head:
    """Fit the head, weighted as `balanced` says.

    Args:
        vectors: unit vectors (n, dimension).
        extraction: the label (n,).
        source: where each prompt is from (n,).
    """
    weight = balanced(extraction, source, POWER)
    fitted = LogisticRegression(C=0.25, max_iter=500).fit(vectors, extraction, weight)
    return Head(fitted.coef_[0].astype(np.float64), float(fitted.intercept_[0]))


def balanced(
    extraction: NDArray[np.bool_], source: NDArray[np.int64], power: float = 0.5
) -> NDArray[np.float64]:
    """Weigh prompts or sessions so that both classes count alike, and large sources for less.

    Args:
        extraction: the label (n,).
        source: where each is from (n,).
        power: 0 counts all alike, 1 each source once.

    Returns:
        Weights (n,) that are 1 on average.
    """
    weight = np.zeros(len(extraction))
    for label in (False, True):
        _, place, counts = np.unique(
            source[extraction == label], return_inverse=True, return_counts=True
        )
        share = counts[place] ** -power
        weight[extraction == label] = share * (len(extraction) / 2 / share.sum())
    return weight
