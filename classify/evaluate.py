"""A model's figures on labelled traffic that it has not seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..data import InputError, Traffic
from ..embed import Encoder, embed
from ..index import AreaMap
from .baselines import without_reading
from .card import best_measure
from .features import compute_features
from .measures import MEASURES
from .metrics import calibrated_summary, summary
from .model import SessionModel
from .truth import read_truth, session_hashes


def evaluate(
    traffic: Traffic, encoder: Encoder, model: SessionModel, labels: Path | None = None
) -> dict[str, Any]:
    """Measure `model` on the labelled sessions of `traffic`.

    Sessions that the model learned from are left out and counted. Beside the model stand its best
    single measure, chosen on these very sessions and so in its favour, session length, and boosted
    trees that see only prompt lengths, or only counts, times and ids (`baselines`).

    Raises:
        InputError: the encoder is not the model's, or no session of a label is left.
    """
    model.check_encoder(encoder)
    truth = read_truth(traffic, model.min_prompts, labels)
    fresh = ~np.isin(session_hashes(traffic, truth.groups), model.trained_on)
    seen = int((~fresh).sum())
    truth = truth.take(np.flatnonzero(fresh))
    extraction = truth.extraction
    if len(np.unique(extraction)) < 2:
        raise InputError(
            f"{len(extraction)} sessions that the model did not learn from",
            "sessions of both labels among them",
            "Evaluate on other traffic than the model was trained on.",
        )
    groups = truth.groups
    vectors = embed(traffic.table["prompt"], encoder)
    placed = AreaMap.embedded(encoder).place(vectors.rows)
    measures = compute_features(groups, vectors, placed, model.read(vectors)).values
    scores = model.classifier.score_sessions(measures)
    threshold = model.threshold()
    best = best_measure(extraction, measures)
    single = {
        f"best single measure ({best})": measures[:, list(MEASURES).index(best)],
        "session length": groups.sizes.astype(np.float64),
    }
    about = np.array(truth.about)
    return {
        "sessions": len(groups),
        "extraction": int(extraction.sum()),
        "organic": int((~extraction).sum()),
        "left_out": truth.left_out,
        "seen_in_training": seen,
        "model": calibrated_summary(extraction, scores, threshold),
        "baselines": {
            name: max(
                (summary(extraction, sign * column) for sign in (1.0, -1.0)),
                key=lambda figures: figures["auroc"],
            )
            for name, column in single.items()
        }
        | {n: summary(extraction, s) for n, s in without_reading(traffic, truth).items()},
        "kinds": {
            str(kind): {
                "sessions": int((about == kind).sum()),
                "flagged": round(float((scores[about == kind] > threshold).mean()), 4),
            }
            for kind in np.unique(about)
        },
    }
