"""How good scores are: rates at operating points, ranking, calibration."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, rankdata
from sklearn.metrics import average_precision_score, brier_score_loss, roc_curve

Labels = NDArray[np.bool_]
Scores = NDArray[np.float64]

FPRS = (0.01, 0.001)
BASE_RATES = (0.01, 0.001)
"""Shares of extraction among sessions that precision is told for."""
BINS = 10
ROC_POINTS = 200


def auroc(extraction: Labels, scores: Scores) -> float:
    """Return the chance that an extraction session scores above an organic one.

    From the sum of its ranks (Mann and Whitney 1947), since the bootstrap asks a thousand times.
    """
    positive = int(extraction.sum())
    above = rankdata(scores)[extraction].sum() - positive * (positive + 1) / 2
    return float(above / (positive * (len(scores) - positive)))


def tpr_at_fpr(extraction: Labels, scores: Scores, fpr: float) -> float:
    """Return the share of extraction scored above all but `fpr` of organic sessions."""
    organic = np.sort(scores[~extraction])
    allowed = int(fpr * len(organic))
    return float((scores[extraction] > organic[len(organic) - 1 - allowed]).mean())


def calibration_error(extraction: Labels, scores: Scores) -> float:
    """Expected calibration error over ten bins of equal width (Naeini, Cooper, Hauskrecht 2015)."""
    gaps = np.bincount(_bins(scores), weights=scores - extraction)
    return float(np.abs(gaps).sum() / len(scores))


HEADLINE: dict[str, Callable[[Labels, Scores], float]] = {
    "auroc": auroc,
    **{f"tpr_at_fpr_{fpr}": partial(tpr_at_fpr, fpr=fpr) for fpr in FPRS},
    "calibration_error": calibration_error,
}
"""The figures that get an interval, and that two models are compared by."""

TITLES = {
    "auroc": "AUROC",
    **{f"tpr_at_fpr_{fpr}": f"TPR at {100 * fpr:g} % FPR" for fpr in FPRS},
    "calibration_error": "calibration error",
}

LOWER_IS_BETTER = {"calibration_error"}


def summary(extraction: Labels, scores: Scores) -> dict[str, Any]:
    """Return the figures of a set of scores (n,) against its labels (n,), both classes present."""
    return {
        "auroc": round(auroc(extraction, scores), 4),
        "average_precision": round(float(average_precision_score(extraction, scores)), 4),
        "tpr_at_fpr": {str(f): round(tpr_at_fpr(extraction, scores, f), 4) for f in FPRS},
    }


def calibrated_summary(
    extraction: Labels, scores: Scores, flagged: Labels, threshold: float
) -> dict[str, Any]:
    """Return `summary`, and what depends on the scores being probabilities.

    Args:
        extraction: the label (sessions,).
        scores: probabilities of extraction (sessions,).
        flagged: whether each is called extraction (sessions,).
        threshold: that of most sessions, to be told.
    """
    return summary(extraction, scores) | {
        "threshold": round(threshold, 6),
        "tpr": round(float(flagged[extraction].mean()), 4),
        "fpr": round(float(flagged[~extraction].mean()), 4),
        "brier": round(float(brier_score_loss(extraction, scores)), 4),
        "calibration_error": round(calibration_error(extraction, scores), 4),
    }


def precision(extraction: Labels, flagged: Labels) -> dict[str, dict[str, float | None]]:
    """Return the share of alerts that would be right, were extraction as rare as `BASE_RATES`.

    Returns:
        By base rate, `precision` at the measured false-positive rate, and `at_least`: at the upper
        end of that rate's one-sided 95 % interval (Clopper and Pearson 1934), since no false alarm
        among few organic sessions proves little. None where nothing is flagged.
    """
    tpr, organic = float(flagged[extraction].mean()), int((~extraction).sum())
    false = int(flagged[~extraction].sum())
    most = 1.0 if false == organic else float(beta.ppf(0.95, false + 1, organic - false))

    def at(base_rate: float, fpr: float) -> float | None:
        right, wrong = tpr * base_rate, fpr * (1.0 - base_rate)
        return round(right / (right + wrong), 4) if right + wrong else None

    return {
        str(rate): {"precision": at(rate, false / organic), "at_least": at(rate, most)}
        for rate in BASE_RATES
    }


def reliability(extraction: Labels, scores: Scores) -> list[dict[str, Any]]:
    """Return, for ten bins of equal width, mean score, share of extraction and sessions."""
    place = _bins(scores)
    rows: list[dict[str, Any]] = []
    for i in range(BINS):
        row = {"score": _mean(scores[place == i]), "extraction": _mean(extraction[place == i])}
        rows.append({**row, "sessions": int((place == i).sum())})
    return rows


def roc_points(extraction: Labels, scores: Scores) -> list[tuple[float, float]]:
    """Return (false-positive rate, true-positive rate), ascending, `ROC_POINTS` at most."""
    fprs, tprs, _ = roc_curve(extraction, scores)
    chosen = np.unique(np.linspace(0, len(fprs) - 1, ROC_POINTS).astype(np.int64))
    return [(round(float(fprs[i]), 5), round(float(tprs[i]), 5)) for i in chosen]


def flagged_by(
    names: Sequence[Sequence[str]], extraction: Labels, flagged: Labels
) -> dict[str, dict[str, Any]]:
    """Return, by name, how many sessions have it and which share of them is flagged.

    Args:
        names: of each session; it counts under each of them (sessions,).
        extraction: the label (sessions,).
        flagged: whether its score is above the threshold (sessions,).

    Returns:
        `sessions`, `flagged` of them, `extraction` sessions among them, and the shares `tpr` and
        `fpr` flagged of each label; None where there is none of it.
    """
    members: defaultdict[str, list[int]] = defaultdict(list)
    for i, of_session in enumerate(names):
        for name in of_session:
            members[name].append(i)
    return {
        name: {
            "sessions": len(of_name),
            "flagged": _mean(flagged[of_name]),
            "extraction": int(extraction[of_name].sum()),
            "tpr": _mean(flagged[of_name][extraction[of_name]]),
            "fpr": _mean(flagged[of_name][~extraction[of_name]]),
        }
        for name, of_name in sorted(members.items())
    }


def _mean(values: NDArray[Any]) -> float | None:
    return round(float(values.mean()), 4) if len(values) else None


def _bins(scores: Scores) -> NDArray[np.int64]:
    return np.minimum((scores * BINS).astype(np.int64), BINS - 1)
