"""The session classifier: measures in, calibrated scores and the effect of each measure out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, KFold
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

Matrix = NDArray[np.float64]


class SessionClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A generalised additive model (Hastie and Tibshirani 1986) for two classes.

    Each measure adds to the log-odds by a piecewise linear curve over its quantiles, fitted by
    logistic regression with a ridge penalty; so what a measure added to a verdict can be told
    exactly. Scores are calibrated by Platt's regression (1999) on scores of sessions by models
    that saw nothing of their group.

    Attributes:
        classes_: the two labels; scores are of the second.
        knots_: where each measure's curve bends, ascending (measures, knots).
        curves_: what it adds to the calibrated log-odds there (measures, knots), 0 on average.
        base_: the log-odds of a session to which every curve adds 0.
        out_of_fold_: calibrated scores of the training sessions, each by a model that saw no
            session of its group (sessions,).
    """

    def __init__(self, penalty: float = 30.0, knots: int = 3, folds: int = 5) -> None:
        """Store how strongly curves are held to 0, how often they bend, and the most folds."""
        self.penalty = penalty
        self.knots = knots
        self.folds = folds

    def fit(self, X: Matrix, y: NDArray[Any], groups: NDArray[np.int64] | None = None) -> Self:  # noqa: N803
        """Fit the curves on all sessions and the calibration out of fold.

        Args:
            X: measures (sessions, measures).
            y: one of two labels (sessions,).
            groups: sessions that share a value stay on one side of every fold (sessions,).
        """
        X, y = validate_data(self, X, y, dtype=np.float64)  # noqa: N806
        check_classification_targets(y)
        self.classes_ = np.unique(y)
        if len(self.classes_) != 2:
            raise ValueError(
                f"Only binary classification is supported, got {len(self.classes_)} class"
            )
        positive = y == self.classes_[1]
        held_out = self._held_out_log_odds(X, positive, groups)
        platt = LogisticRegression(C=np.inf).fit(held_out[:, None], positive)
        slope, offset = float(platt.coef_[0, 0]), float(platt.intercept_[0])
        self.out_of_fold_ = expit(slope * held_out + offset)
        self.knots_, curves, bias = self._fit_curves(X, positive)
        means = _curve_values(X, self.knots_, curves).mean(axis=0)
        self.curves_ = slope * (curves - means[:, None])
        self.base_ = slope * (bias + float(means.sum())) + offset
        return self

    def effects(self, X: Matrix) -> Matrix:  # noqa: N803
        """Return what each measure adds to the log-odds (sessions, measures); see `base_`."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)  # noqa: N806
        return _curve_values(X, self.knots_, self.curves_)

    def decision_function(self, X: Matrix) -> NDArray[np.float64]:  # noqa: N803
        """Return calibrated log-odds of the second class (sessions,)."""
        return np.asarray(self.effects(X).sum(axis=1) + self.base_)

    def score_sessions(self, X: Matrix) -> NDArray[np.float64]:  # noqa: N803
        """Return the calibrated probability of the second class (sessions,)."""
        return np.asarray(expit(self.decision_function(X)))

    def predict_proba(self, X: Matrix) -> Matrix:  # noqa: N803
        """Return the probability of each class (sessions, 2)."""
        scores = self.score_sessions(X)
        return np.column_stack([1.0 - scores, scores])

    def predict(self, X: Matrix) -> NDArray[Any]:  # noqa: N803
        """Return the more probable label of each session (sessions,)."""
        second = self.decision_function(X) > 0
        return np.asarray(self.classes_[second.astype(np.int64)])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what a fitted classifier consists of, for a model folder."""
        return {"knots": self.knots_, "curves": self.curves_, "base": np.array([self.base_])}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return the classifier that `arrays` were taken from, without `out_of_fold_`.

        Raises:
            KeyError: an array is missing.
            ValueError: they do not fit together.
        """
        self = cls()
        self.classes_ = np.array([False, True])
        self.knots_, self.curves_ = arrays["knots"], arrays["curves"]
        self.base_ = float(arrays["base"][0])
        if self.knots_.ndim != 2 or self.knots_.shape != self.curves_.shape:
            raise ValueError("its knots and curves differ in shape")
        self.n_features_in_ = len(self.knots_)
        return self

    def __sklearn_tags__(self) -> Tags:
        """Tell scikit-learn that there are two classes only."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags

    def _fit_curves(
        self, measures: Matrix, positive: NDArray[np.bool_]
    ) -> tuple[Matrix, Matrix, float]:
        knots = np.quantile(measures, np.linspace(0.01, 0.99, self.knots), axis=0).T
        hats = _hats(measures, knots)
        fitted = LogisticRegression(C=1.0 / self.penalty, max_iter=1000).fit(hats, positive)
        return knots, fitted.coef_.reshape(knots.shape), float(fitted.intercept_[0])

    def _held_out_log_odds(
        self, measures: Matrix, positive: NDArray[np.bool_], groups: NDArray[np.int64] | None
    ) -> NDArray[np.float64]:
        if groups is None:
            folds = KFold(min(self.folds, len(measures)), shuffle=True, random_state=0)
        else:
            folds = GroupKFold(min(self.folds, len(np.unique(groups))))
        log_odds = np.zeros(len(measures))
        for seen, held in folds.split(measures, positive, groups):
            if len(np.unique(positive[seen])) == 2:
                knots, curves, bias = self._fit_curves(measures[seen], positive[seen])
                log_odds[held] = _curve_values(measures[held], knots, curves).sum(axis=1) + bias
        return log_odds


def _hats(measures: Matrix, knots: Matrix) -> Matrix:
    """Return the linear basis (sessions, measures * knots): 1 at one knot, 0 at the others."""
    unit = np.eye(knots.shape[1])
    columns = [
        np.interp(column, bends, hat)
        for column, bends in zip(measures.T, knots, strict=True)
        for hat in unit
    ]
    return np.column_stack(columns)


def _curve_values(measures: Matrix, knots: Matrix, curves: Matrix) -> Matrix:
    columns = zip(measures.T, knots, curves, strict=True)
    return np.column_stack([np.interp(*column) for column in columns])
