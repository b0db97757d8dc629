"""The session classifier: measures in, calibrated scores and the effect of each measure out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from .curves import Curves
from .fitting import Lesson, fit_models, held_out_odds
from .kernel import Kernel
from .trees import Bags, Forest

Matrix = NDArray[np.float64]

EXPONENTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
"""How much the log-odds may grow with the number of prompts; 1 would take them for independent."""


class SessionClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Boosted trees over bags of sources, an additive model and a kernel machine, together.

    They are weighted and calibrated by one logistic regression (Platt 1999; Wolpert 1992) on the
    log-odds of sessions by models that saw nothing of their group. Where the last measure is the
    logarithm of an amount of evidence, all of that is multiplied by a power of the amount, so that
    a short session needs more to be called either way. What the measures added to a score adds up
    to it exactly (see `Forest.effects`). Sessions of the first class that are hard to tell count
    for more (see `count_hard`).

    Attributes:
        classes_: the two labels; scores are of the second.
        forest_: the trees.
        curves_: the additive model.
        kernel_: the kernel machine.
        calibration_: the weight of the trees' log-odds, that of the curves', that of the kernel
            machine's margin, what is added, and the power of the amount.
        out_of_fold_: calibrated scores of the training sessions, each by models that saw no
            session of its group (sessions,).
    """

    def __init__(
        self,
        bags: int = 8,
        share: float = 0.6,
        rounds: int = 150,
        folds: int = 5,
        amount: bool = False,
    ) -> None:
        """Store the settings.

        Args:
            bags: how many.
            share: of the sources in each.
            rounds: trees of each.
            folds: the most that calibration takes.
            amount: the last measure is the logarithm of an amount of evidence.
        """
        self.bags = bags
        self.share = share
        self.rounds = rounds
        self.folds = folds
        self.amount = amount

    def fit(
        self,
        X: Matrix,  # noqa: N803
        y: NDArray[Any],
        groups: NDArray[np.int64] | None = None,
        sources: NDArray[np.int64] | None = None,
    ) -> Self:
        """Fit the models on all sessions and calibrate them out of fold.

        Args:
            X: measures (sessions, measures).
            y: one of two labels (sessions,).
            groups: sessions that share a value stay on one side of every fold (sessions,).
            sources: sessions that share a value are in the same bags, and count by the root of
                their number (sessions,); each on its own where None.
        """
        X, y = validate_data(self, X, y, dtype=np.float64)  # noqa: N806
        check_classification_targets(y)
        self.classes_ = np.unique(y)
        if len(self.classes_) != 2:
            raise ValueError(
                f"Only binary classification is supported, got {len(self.classes_)} class"
            )
        positive = y == self.classes_[1]
        sources = np.arange(len(X)) if sources is None else np.asarray(sources)
        looked = self._looked(X)
        groups = np.arange(len(X)) if groups is None else np.asarray(groups)
        bags = Bags(self.bags, self.share, self.rounds)
        lesson = Lesson(looked, positive, sources, groups)
        held_out = held_out_odds(lesson, self.folds, bags)
        self.calibration_ = self._calibrated(held_out, X, positive)
        odds = held_out @ self.calibration_[:3] + self.calibration_[3]
        self.out_of_fold_ = expit(self._weight(X) * odds)
        self.forest_, self.curves_, self.kernel_ = fit_models(lesson, bags)
        return self

    def effects(self, X: Matrix) -> Matrix:  # noqa: N803
        """Return what each measure adds to the log-odds (sessions, measures); see `base_`."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)  # noqa: N806
        looked, weight = self._looked(X), self._weight(X)[:, None]
        trees, curves, kernel = self.calibration_[:3]
        together = trees * self.forest_.effects(looked) + curves * self.curves_.effects(looked)
        together += kernel * self.kernel_.effects(looked)
        if not self.amount:
            return np.asarray(together)
        return np.hstack([weight * together, (weight - 1.0) * self.base_])

    @property
    def base_(self) -> float:
        """The calibrated log-odds of which effects are the rest."""
        bases = [self.forest_.expected, self.curves_.base, self.kernel_.base, 1.0]
        return float(self.calibration_[:4] @ bases)

    def decision_function(self, X: Matrix) -> NDArray[np.float64]:  # noqa: N803
        """Return calibrated log-odds of the second class (sessions,)."""
        return np.asarray(self.effects(X).sum(axis=1) + self.base_)

    def score_effects(self, effects: Matrix) -> NDArray[np.float64]:
        """Return the calibrated probability that `effects` add up to (sessions,)."""
        return np.asarray(expit(effects.sum(axis=1) + self.base_))

    def score_sessions(self, X: Matrix) -> NDArray[np.float64]:  # noqa: N803
        """Return the calibrated probability of the second class (sessions,)."""
        return self.score_effects(self.effects(X))

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
        parts = self.forest_.arrays() | self.curves_.arrays() | self.kernel_.arrays()
        return parts | {"calibration": self.calibration_}

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, NDArray[Any]], measures: int, amount: bool = False
    ) -> Self:
        """Return the classifier of so many measures that `arrays` were taken from.

        It has no `out_of_fold_`.

        Raises:
            KeyError: an array is missing.
            ValueError: they do not fit together.
        """
        self = cls(amount=amount)
        self.classes_ = np.array([False, True])
        self.forest_ = Forest.from_arrays(arrays)
        self.curves_ = Curves.from_arrays(arrays)
        self.kernel_ = Kernel.from_arrays(arrays)
        self.calibration_ = arrays["calibration"]
        looked = measures - amount
        theirs = (len(self.curves_.knots), len(self.kernel_.knots))
        if self.forest_.feature.max() >= looked or theirs != (looked, looked):
            raise ValueError("it does not look at the measures that there are")
        if self.calibration_.shape != (5,):
            raise ValueError("its calibration does not have five numbers")
        self.n_features_in_ = measures
        return self

    def __sklearn_tags__(self) -> Tags:
        """Tell scikit-learn that there are two classes only."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags

    def _looked(self, X: Matrix) -> Matrix:  # noqa: N803
        return X[:, :-1] if self.amount else X

    def _weight(self, X: Matrix) -> NDArray[np.float64]:  # noqa: N803
        """Return what the log-odds of each session are multiplied by (sessions,)."""
        return np.asarray(np.exp(self.calibration_[4] * X[:, -1] * self.amount))

    def _calibrated(
        self,
        held_out: Matrix,
        X: Matrix,  # noqa: N803
        positive: NDArray[np.bool_],
    ) -> NDArray[np.float64]:
        """Weigh the models, for the power of the amount under which the labels are likeliest."""
        found = []
        for power in EXPONENTS if self.amount else (0.0,):
            weight = np.exp(power * X[:, -1:] * self.amount)
            columns = weight * np.column_stack([held_out, np.ones(len(X))])
            fitted = LogisticRegression(C=np.inf, fit_intercept=False).fit(columns, positive)
            loss = log_loss(positive, fitted.predict_proba(columns)[:, 1])
            found.append((loss, np.append(fitted.coef_[0], power)))
        return min(found, key=lambda each: each[0])[1]
