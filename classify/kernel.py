"""A kernel machine: how near a session lies to those that it learned from, all measures at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf
from sklearn.svm import SVC

from .curves import knots_of, normal_at, read_at

Matrix = NDArray[np.float64]

GAMMA, COST = 0.02, 0.3
"""How fast likeness falls with squared distance, and what a session on the wrong side may weigh."""
MOST = 10_000
"""Most rows that it learns from, drawn where there are more: its time grows with their square."""
CHUNK = 512
"""Rows that are compared with all centres at once."""
NEAR = 1e-12
"""A row nearer to the middle than this is told as if it were this far away."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """Support vector machine with a Gaussian kernel over normal scores of measures.

    Attributes:
        knots: values of each measure, ascending (measures, KNOTS) float64.
        centres: normal scores of the rows that it keeps (centres, measures) float32.
        weights: what a row that is a centre gets of it (centres,) float64.
        base: the margin of a row whose measures are all at their medians.
    """

    knots: Matrix
    centres: NDArray[np.float32]
    weights: NDArray[np.float64]
    base: float

    def __post_init__(self) -> None:
        """Raise `ValueError` unless the arrays fit together."""
        if self.centres.shape != (len(self.weights), len(self.knots)) or self.knots.ndim != 2:
            raise ValueError("the arrays of its kernel differ in shape")

    def effects(self, rows: Matrix) -> Matrix:
        """Return what each measure adds to the margin (rows, measures).

        On the straight way from the medians to a row, each step changes the margin by each measure
        (Aumann and Shapley 1974; as integrated gradients, Sundararajan et al. 2017). For a
        Gaussian kernel the integrals have a closed form. With `base` the effects of a row add up
        to its margin; a row is told the same whatever stands beside it.
        """
        scores = read_at(rows, self.knots, normal_at(self.knots))
        told = [self._told(scores[i : i + CHUNK]) for i in range(0, len(scores), CHUNK)]
        return np.vstack(told) if told else np.zeros(rows.shape)

    def log_odds(self, rows: Matrix) -> NDArray[np.float64]:
        """Return the margin of each row; calibration makes log-odds of it (rows,)."""
        return np.asarray(self.effects(rows).sum(axis=1) + self.base)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name, for a model folder."""
        return {
            "kernel-knots": self.knots,
            "kernel-centres": self.centres,
            "kernel-weights": self.weights,
            "kernel-base": np.array(self.base),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Kernel:
        """Return the machine that `arrays` were taken from.

        Raises:
            KeyError: an array is missing.
            ValueError: they do not fit together.
        """
        names = ("knots", "centres", "weights", "base")
        knots, centres, weights, base = (arrays[f"kernel-{name}"] for name in names)
        return cls(knots, centres, weights, float(base))

    def _told(self, scores: Matrix) -> Matrix:
        """Integrate over the way t * scores, t from 0 to 1, of which `middle` is next to a centre.

        einsum, not a product of BLAS: that rounds a row otherwise among others than alone.
        """
        centres = self.centres.astype(np.float64)
        square = np.maximum((scores**2).sum(axis=1), NEAR)[:, None]
        along = np.einsum("nm,cm->nc", scores, centres)
        norms = (centres**2).sum(axis=1)
        middle, reach = along / square, np.sqrt(GAMMA * square)
        beside = np.exp(-GAMMA * np.maximum(norms - along * middle, 0.0))
        spans = erf(reach * (1.0 - middle)) + erf(reach * middle)
        mass = self.weights * beside * spans * (np.sqrt(np.pi) / 2.0) / reach
        ends = np.exp(-GAMMA * (square - 2.0 * along + norms)) - np.exp(-GAMMA * norms)
        moment = (middle * mass - self.weights * ends / (2.0 * GAMMA * square)).sum(axis=1)
        pull = np.einsum("nc,mc->nm", mass, np.ascontiguousarray(centres.T))
        return np.asarray(2.0 * GAMMA * scores * (pull - scores * moment[:, None]))


def fit_kernel(rows: Matrix, positive: NDArray[np.bool_], weight: NDArray[np.float64]) -> Kernel:
    """Fit the machine (Cortes and Vapnik 1995).

    Args:
        rows: (n, measures); at most `MOST` of them, drawn at random, are learned from.
        positive: the label (n,).
        weight: how much each row counts (n,).
    """
    knots = np.stack([knots_of(column) for column in rows.T])
    if len(rows) > MOST:
        drawn = np.sort(np.random.default_rng(0).choice(len(rows), MOST, replace=False))
        rows, positive, weight = rows[drawn], positive[drawn], weight[drawn]
    scores = read_at(rows, knots, normal_at(knots)).astype(np.float32).astype(np.float64)
    fitted = SVC(C=COST, gamma=GAMMA, cache_size=1000).fit(scores, positive, weight)
    centres, weights = fitted.support_vectors_, fitted.dual_coef_[0]
    at_medians = weights @ np.exp(-GAMMA * (centres**2).sum(axis=1))
    base = float(fitted.intercept_[0] + at_medians)
    return Kernel(knots, centres.astype(np.float32), weights, base)
