"""An additive model: what each measure says by itself, as a curve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression

Matrix = NDArray[np.float64]

KNOTS = 65
RIDGE, RIDGE_PER_ROW = 50.0, 0.02
"""The penalty, at least and by row: more sessions of the same sources are not trusted more."""


@dataclass(frozen=True, slots=True)
class Curves:
    """Logistic regression over normal scores of measures (van der Waerden 1952).

    Attributes:
        knots: values of each measure, ascending (measures, KNOTS) float64.
        heights: what it adds to the log-odds there (measures, KNOTS), 0 on average.
        base: the log-odds of a row to which every curve adds 0.
    """

    knots: Matrix
    heights: Matrix
    base: float

    def __post_init__(self) -> None:
        """Raise `ValueError` unless the arrays fit together."""
        if self.knots.ndim != 2 or self.knots.shape != self.heights.shape:
            raise ValueError("the knots and heights of its curves differ in shape")

    def effects(self, rows: Matrix) -> Matrix:
        """Return what each measure adds to the log-odds (rows, measures)."""
        return read_at(rows, self.knots, self.heights)

    def log_odds(self, rows: Matrix) -> NDArray[np.float64]:
        """Return the log-odds of the positive class (rows,)."""
        return np.asarray(self.effects(rows).sum(axis=1) + self.base)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name, for a model folder."""
        return {
            "curves-knots": self.knots,
            "curves-heights": self.heights,
            "curves-base": np.array(self.base),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Curves:
        """Return the curves that `arrays` were taken from.

        Raises:
            KeyError: an array is missing.
            ValueError: they do not fit together.
        """
        knots, heights, base = (arrays[f"curves-{n}"] for n in ("knots", "heights", "base"))
        return cls(knots, heights, float(base))


def fit_curves(rows: Matrix, positive: NDArray[np.bool_], weight: NDArray[np.float64]) -> Curves:
    """Fit the curves, each as high as a ridge penalty lets it be.

    Args:
        rows: (n, measures).
        positive: the label (n,).
        weight: how much each row counts (n,).
    """
    knots = np.stack([knots_of(column) for column in rows.T])
    normal = normal_at(knots)
    scores = read_at(rows, knots, normal)
    ridge = max(RIDGE, RIDGE_PER_ROW * len(rows))
    fitted = LogisticRegression(C=1 / ridge, max_iter=1000).fit(scores, positive, weight)
    slopes = fitted.coef_[0]
    means = scores.mean(axis=0)
    base = float(fitted.intercept_[0] + (slopes * means).sum())
    return Curves(knots, slopes[:, None] * (normal - means[:, None]), base)


def knots_of(column: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return quantiles of a measure, ascending (KNOTS,)."""
    values, counts = np.unique(column, return_counts=True)
    ranks = (np.cumsum(counts) - counts / 2) / len(column)
    return np.asarray(np.interp(_places(), ranks, values))


def normal_at(knots: Matrix) -> Matrix:
    """Return the normal quantiles of the ranks of knots (measures, KNOTS); ties share one."""
    normal = np.empty_like(knots)
    for row, own in zip(normal, knots, strict=True):
        _, tie, size = np.unique(own, return_inverse=True, return_counts=True)
        row[:] = (np.bincount(tie, norm.ppf(_places())) / size)[tie]
    return normal


def read_at(rows: Matrix, knots: Matrix, heights: Matrix) -> Matrix:
    """Read the curve of each measure (measures, KNOTS) at its values in rows (rows, measures)."""
    curves = zip(rows.T, knots, heights, strict=True)
    return np.column_stack([np.interp(*curve) for curve in curves])


def _places() -> NDArray[np.float64]:
    return (np.arange(KNOTS) + 0.5) / KNOTS
