"""How good scores are: rates at operating points, ranking, calibration."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

FPRS = (0.01, 0.001)
BINS = 10


def tpr_at_fpr(extraction: NDArray[np.bool_], scores: NDArray[np.float64], fpr: float) -> float:
    """Return the share of extraction scored above all but `fpr` of organic sessions."""
    organic = np.sort(scores[~extraction])
    allowed = int(fpr * len(organic))
    return float((scores[extraction] > organic[len(organic) - 1 - allowed]).mean())


def calibration_error(extraction: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """Expected calibration error over ten bins of equal width (Naeini, Cooper, Hauskrecht 2015)."""
    place = np.minimum((scores * BINS).astype(np.int64), BINS - 1)
    gaps = [
        abs(scores[place == i].mean() - extraction[place == i].mean()) * (place == i).mean()
        for i in np.unique(place)
    ]
    return float(np.sum(gaps))


def summary(extraction: NDArray[np.bool_], scores: NDArray[np.float64]) -> dict[str, Any]:
    """Return the figures of a set of scores (n,) against its labels (n,), both classes present."""
    return {
        "auroc": round(float(roc_auc_score(extraction, scores)), 4),
        "average_precision": round(float(average_precision_score(extraction, scores)), 4),
        "tpr_at_fpr": {str(f): round(tpr_at_fpr(extraction, scores, f), 4) for f in FPRS},
    }


def calibrated_summary(
    extraction: NDArray[np.bool_], scores: NDArray[np.float64], threshold: float
) -> dict[str, Any]:
    """Return `summary`, and what depends on the scores being probabilities."""
    flagged = scores > threshold
    return summary(extraction, scores) | {
        "threshold": round(threshold, 6),
        "tpr": round(float(flagged[extraction].mean()), 4),
        "fpr": round(float(flagged[~extraction].mean()), 4),
        "brier": round(float(brier_score_loss(extraction, scores)), 4),
        "calibration_error": round(calibration_error(extraction, scores), 4),
    }
