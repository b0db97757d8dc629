"""A model's figures on labelled traffic that it has not seen, alone or against another model's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..data import By, Groups, Traffic
from ..embed import Encoder
from .baselines import without_reading
from .card import best_measure
from .features import find_contents
from .intervals import DRAWS, differences, intervals, rounded
from .levels import LONG
from .measures import MEASURES
from .metrics import (
    calibrated_summary,
    flagged_by,
    precision,
    reliability,
    roc_points,
    summary,
)
from .model import SessionModel
from .scored import Scored, hold_out, measure, score_passes, score_sessions

BANDS = {"1-4": 1, "5-9": 5, "10-19": 10, "20-39": 20, "40-199": 40, f"{LONG}+": LONG}
"""Bands of length by their fewest prompts."""
PREFIXES = (5, 10, 20, 40, 100, LONG)
"""Prompts of a session after which it is scored again, to see when it would have been found."""
KINDS_TOLD = 5
"""Most kinds that a comparison names."""


def evaluate(
    traffic: Traffic,
    encoder: Encoder,
    model: SessionModel,
    labels: Path | None = None,
    against: SessionModel | None = None,
    by: By = "session",
) -> dict[str, Any]:
    """Measure `model` on the labelled sessions or accounts of `traffic`, or against another.

    Raises:
        InputError: see `hold_out`.
    """
    models = [model, against] if against else [model]
    held = hold_out(traffic, encoder, models, labels, by)
    scored = [score_sessions(held, each) for each in models]
    compared = {"against": compare(*scored)} if against else {}
    return {"by": by} | figures(scored[0]) | compared


def figures(scored: Scored) -> dict[str, Any]:
    """Return a model's figures, for JSON.

    Beside the model stand its best single measure, chosen on these very sessions and so in its
    favour, session length, and boosted trees that see only prompt lengths, or only counts, times
    and ids (`baselines`).
    """
    held, truth, flagged = scored.held, scored.held.truth, scored.flagged
    extraction, scores, exact = truth.extraction, scored.scores, scored.exact_scores
    route, exact_route = scored.placed.routes[0], scored.exactly.routes[0]
    found = intervals(extraction, scores, held.source)
    lengths = flagged_by([[_band(size)] for size in truth.groups.sizes], extraction, flagged)
    applications = np.flatnonzero([kind.startswith("application") for kind in truth.about])
    applications = applications[~extraction[applications]]
    templates = held.parts("template")
    return {
        "sessions": len(extraction),
        "extraction": int(extraction.sum()),
        "organic": int((~extraction).sum()),
        "left_out": truth.left_out,
        "seen_in_training": held.seen,
        "model": calibrated_summary(extraction, scores, flagged, route.threshold),
        "exact": calibrated_summary(
            extraction, exact, exact > scored.exactly.threshold, exact_route.threshold
        ),
        "levels": [
            {"from": least, "threshold": round(of.threshold, 6), "let_go": round(of.let_go, 6)}
            for least, of in zip((1, LONG), scored.placed.routes, strict=False)
        ],
        "let_go": {
            "below": round(route.let_go, 6),
            "organic": round(float(scored.let_go[~extraction].mean()), 4),
            "extraction": round(float(scored.let_go[extraction].mean()), 4),
        },
        "intervals": {name: rounded(interval) for name, interval in found.items()},
        "resampled": {"sources": len(np.unique(held.source)), "draws": DRAWS},
        "precision": precision(extraction, flagged),
        "baselines": _baselines(scored),
        "detection": prompts_to_detection(scored),
        "kinds": flagged_by([[kind] for kind in truth.about], extraction, flagged),
        "sources": flagged_by(held.parts("source"), extraction, flagged),
        "areas": flagged_by(held.parts("area"), extraction, flagged),
        "lengths": {band: lengths[band] for band in BANDS if band in lengths},
        "templates": flagged_by(
            [templates[i] for i in applications], extraction[applications], flagged[applications]
        ),
        "reliability": reliability(extraction, scores),
        "roc": roc_points(extraction, scores),
    }


def compare(scored: Scored, other: Scored) -> dict[str, Any]:
    """Return how a model differs from another on the same sessions, for JSON.

    Returns:
        `differences`, model minus other with paired intervals; `kinds` that they flag most
        differently, at each one's own threshold.
    """
    truth = scored.held.truth
    pair = (truth.extraction, scored.scores, other.scores, scored.held.source)
    kinds = {}
    for kind in sorted(set(truth.about)):
        chosen = np.array(truth.about) == kind
        rates = [round(float(each.flagged[chosen].mean()), 4) for each in (scored, other)]
        if rates[0] != rates[1]:
            kinds[kind] = dict(sessions=int(chosen.sum()), flagged=rates[0], other_flagged=rates[1])
    most = sorted(kinds, key=lambda k: -abs(kinds[k]["flagged"] - kinds[k]["other_flagged"]))
    return {
        "differences": {name: d.record() for name, d in differences(*pair).items()},
        "kinds": {kind: kinds[kind] for kind in most[:KINDS_TOLD]},
    }


def prompts_to_detection(scored: Scored) -> dict[str, Any]:
    """Tell after how many prompts the extraction sessions that are found would have been.

    Returns:
        `sessions` that are flagged when whole; `median_prompts`, of the shortest of `PREFIXES`, or
        the whole session, that scores above the threshold; `by_prefix`, the share found by then.
    """
    held, truth = scored.held, scored.held.truth
    whole = list(truth.groups.take(np.flatnonzero(truth.extraction & scored.flagged)))
    first = np.array([len(rows) for rows in whole], dtype=np.int64)
    lengths = [n for n in reversed(PREFIXES) if n >= scored.model.min_prompts]
    cuts = [(i, n) for n in lengths for i, rows in enumerate(whole) if n < len(rows)]
    if cuts:
        rows = np.concatenate([whole[i][:n] for i, n in cuts])
        prefixes = Groups(rows, np.cumsum([0, *(n for _, n in cuts)]))
        contents = find_contents(prefixes, held.vectors, held.areas)
        placed = scored.model.place(prefixes.sizes)
        _, scores = score_passes(measure(held, contents, scored.model), placed)
        for (i, n), flagged in zip(cuts, scores > placed.threshold, strict=True):
            if flagged:
                first[i] = n
    return {
        "sessions": len(first),
        "median_prompts": float(np.median(first)) if len(first) else None,
        "by_prefix": {
            str(n): round(float((first <= n).mean()), 4) if len(first) else None for n in PREFIXES
        },
    }


def _baselines(scored: Scored) -> dict[str, dict[str, Any]]:
    truth, measures = scored.held.truth, scored.measures
    best = best_measure(truth.extraction, measures)
    single = {
        f"best single measure ({best})": measures[:, MEASURES.index(best)],
        "session length": truth.groups.sizes.astype(np.float64),
    }
    blind = without_reading(scored.held.traffic, truth)
    return {
        name: max(
            (summary(truth.extraction, sign * column) for sign in (1.0, -1.0)),
            key=lambda told: float(told["auroc"]),
        )
        for name, column in single.items()
    } | {name: summary(truth.extraction, scores) for name, scores in blind.items()}


def _band(prompts: int) -> str:
    return max((band for band in BANDS if BANDS[band] <= prompts), key=BANDS.__getitem__)
