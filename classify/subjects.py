"""What prompts are about, guessed from their words: the capability area without a vector."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

BUCKETS = 2**15
EPOCHS = 5
PENALTY = 3e-6


@dataclass(frozen=True, slots=True)
class Subjects:
    """A linear head for each capability area, over hashed words and pairs of words.

    Attributes:
        weights: (areas, BUCKETS) float16.
        bias: (areas,) float64.
    """

    weights: NDArray[np.float16]
    bias: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Raise `ValueError` unless the arrays fit together."""
        if self.weights.shape != (len(self.bias), BUCKETS):
            raise ValueError("its heads of areas differ in number or in buckets")

    def guess(self, counted: sparse.csr_matrix) -> NDArray[np.int64]:
        """Return the area of prompts as `count_words` gives them (n,) int64."""
        scores = folded(counted) @ self.weights.T.astype(np.float64) + self.bias
        return np.asarray(scores.argmax(axis=1), dtype=np.int64)


def fit_subjects(counted: sparse.csr_matrix, area: NDArray[np.int64], areas: int) -> Subjects:
    """Fit the heads to the areas that vectors give, one against the others.

    Args:
        counted: prompts as `count_words` gives them (n, words.BUCKETS).
        area: of each, by its vector (n,).
        areas: how many there are; one that no prompt is of is never guessed.
    """
    from sklearn.linear_model import SGDClassifier

    weights = np.zeros((areas, BUCKETS), dtype=np.float16)
    bias = np.full(areas, -1e4)
    counted = folded(counted)
    for one in np.unique(area):
        descent = SGDClassifier(
            loss="log_loss", alpha=PENALTY, max_iter=EPOCHS, tol=None, random_state=0
        )
        own = area == one
        if own.all():
            bias[one] = 0.0
            continue
        descent.fit(counted, own)
        weights[one] = descent.coef_[0]
        bias[one] = descent.intercept_[0]
    return Subjects(weights, bias)


def folded(counted: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return counts in fewer buckets (n, BUCKETS), those that fall together added up."""
    buckets = counted.indices % BUCKETS
    made = sparse.csr_matrix(
        (counted.data, buckets, counted.indptr), shape=(counted.shape[0], BUCKETS)
    )
    made.sum_duplicates()
    return made
