"""A linear head over single prompts: how much each one looks like extraction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression


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
    weight = balanced(extraction, source)
    fitted = LogisticRegression(C=1.0, max_iter=500).fit(vectors, extraction, weight)
    return Head(fitted.coef_[0].astype(np.float64), float(fitted.intercept_[0]))


def balanced(extraction: NDArray[np.bool_], source: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weigh prompts so that both classes count alike, and a source by the root of its size.

    Returns:
        Weights (n,) that are 1 on average.
    """
    weight = np.zeros(len(extraction))
    for label in (False, True):
        _, place, counts = np.unique(
            source[extraction == label], return_inverse=True, return_counts=True
        )
        roots = 1 / np.sqrt(counts[place])
        weight[extraction == label] = roots * (len(extraction) / 2 / roots.sum())
    return weight
