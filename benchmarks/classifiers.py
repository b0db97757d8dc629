"""Kinds of session classifier on the same out-of-fold measures: `make bench-classifiers`.

Reads labelled traffic and prints, for each kind, AUROC and TPR at 1 % FPR on split groups that
neither it nor the measures' prompt head had seen.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from capscope.classify import SessionClassifier
from capscope.classify.lessons import Lessons
from capscope.classify.metrics import summary
from capscope.classify.train import MIN_PROMPTS
from capscope.classify.truth import read_truth
from capscope.data import read_traffic
from capscope.embed import SentenceEncoder, embed
from capscope.index import AreaMap


def candidates() -> Iterator[tuple[str, Any]]:
    """Yield each kind with its name."""
    for penalty in (10, 100):
        yield f"linear, ridge {penalty}", linear(1 / penalty)
    yield (
        "boosted trees",
        HistGradientBoostingClassifier(
            max_iter=200, learning_rate=0.05, max_leaf_nodes=15, min_samples_leaf=30, random_state=0
        ),
    )
    yield (
        "extra trees",
        ExtraTreesClassifier(500, min_samples_leaf=3, max_features=0.3, random_state=0),
    )


def linear(strength: float) -> Any:  # noqa: ANN401
    """Return a logistic regression over standardised measures."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=1000))


def main() -> None:
    """Compare the candidates on the traffic that the arguments name."""
    traffic = read_traffic(sys.argv[1:])
    truth = read_truth(traffic, MIN_PROMPTS)
    encoder = SentenceEncoder()
    vectors = embed(traffic.table["prompt"], encoder)
    lessons = Lessons.of(truth, vectors, AreaMap.embedded(encoder))
    measures = lessons.measure_out_of_fold(np.arange(len(truth.groups))).whole
    shipped = SessionClassifier(amount=True).fit(
        measures, truth.extraction, truth.fold, truth.source
    )
    tell("as shipped: trees, curves and a kernel machine", truth.extraction, shipped.out_of_fold_)
    for name, model in candidates():
        scores = cross_val_predict(
            model,
            measures,
            truth.extraction,
            groups=truth.fold,
            cv=LeaveOneGroupOut(),
            method="predict_proba",
        )[:, 1]
        tell(name, truth.extraction, np.asarray(scores))


def tell(name: str, extraction: NDArray[np.bool_], scores: NDArray[np.float64]) -> None:
    """Print one classifier's figures."""
    figures = summary(extraction, scores)
    sys.stdout.write(
        f"{name:42s} AUROC {figures['auroc']:.3f}  "
        f"TPR at 1 % FPR {figures['tpr_at_fpr']['0.01']:.1%}\n"
    )


if __name__ == "__main__":
    main()
