"""A model's figures on labelled traffic that it has not seen, alone or against another model's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data import JOIN, Groups, InputError, Traffic
from ..embed import Encoder, Vectors, embed
from ..index import AreaMap, Placed
from .baselines import without_reading
from .card import best_measure
from .features import Contents, Readings, compute_features, find_contents
from .intervals import DRAWS, differences, intervals, rounded
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
from .truth import Truth, read_truth, session_hashes

BANDS = {"1-4": 1, "5-9": 5, "10-19": 10, "20-39": 20, "40+": 40}
"""Bands of session length by their fewest prompts."""
PREFIXES = (5, 10, 20, 40)
"""Prompts of a session after which it is scored again, to see when it would have been found."""
UNNAMED = "unnamed"
KINDS_TOLD = 5
"""Most kinds that a comparison names."""


@dataclass(frozen=True, slots=True)
class Held:
    """Labelled sessions that no measured model learned from, read once for all models.

    Attributes:
        traffic: what they are of.
        truth: the sessions and their labels.
        seen: how many were left out, since a model learned from them.
        source: what the bootstrap draws: the whole `source`, else the account, as codes
            (sessions,).
        vectors: of the traffic.
        placed: areas and cells, one per distinct prompt.
        contents: what the sessions are, before any model reads them.
    """

    traffic: Traffic
    truth: Truth
    seen: int
    source: NDArray[np.int64]
    vectors: Vectors
    placed: Placed
    contents: Contents

    def parts(self, column: str) -> list[list[str]]:
        """Return what a column says of each session, several names split (sessions,)."""
        told = self.traffic.column(column, self.truth.groups.first)
        return [sorted(set(name.split(JOIN))) if name else [UNNAMED] for name in told]


@dataclass(frozen=True, slots=True)
class Scored:
    """Sessions as one model sees them.

    Attributes:
        held: the sessions.
        model: the model.
        readings: what it says of each distinct prompt.
        measures: (sessions, measures) float64.
        scores: (sessions,) float64.
        threshold: a score above it is extraction.
    """

    held: Held
    model: SessionModel
    readings: Readings
    measures: NDArray[np.float64]
    scores: NDArray[np.float64]
    threshold: float

    @property
    def flagged(self) -> NDArray[np.bool_]:
        """Whether each session is called extraction (sessions,)."""
        return self.scores > self.threshold


def evaluate(
    traffic: Traffic,
    encoder: Encoder,
    model: SessionModel,
    labels: Path | None = None,
    against: SessionModel | None = None,
) -> dict[str, Any]:
    """Measure `model` on the labelled sessions of `traffic`, and compare it with another.

    Raises:
        InputError: see `hold_out`.
    """
    models = [model, against] if against else [model]
    held = hold_out(traffic, encoder, models, labels)
    scored = [score_sessions(held, each) for each in models]
    compared = {"against": compare(*scored)} if against else {}
    return figures(scored[0]) | compared


def hold_out(
    traffic: Traffic, encoder: Encoder, models: Sequence[SessionModel], labels: Path | None = None
) -> Held:
    """Return the labelled sessions that none of `models` learned from.

    Raises:
        InputError: the encoder is not that of each model, or no session of a label is left.
    """
    for model in models:
        model.check_encoder(encoder)
    truth = read_truth(traffic, max(model.min_prompts for model in models), labels)
    hashes = session_hashes(traffic, truth.groups)
    fresh = ~np.isin(hashes, np.concatenate([model.trained_on for model in models]))
    truth = truth.take(np.flatnonzero(fresh))
    if len(np.unique(truth.extraction)) < 2:
        whose = "the model did not learn from" if len(models) == 1 else "neither model learned from"
        raise InputError(
            f"{len(truth.extraction)} sessions that {whose}",
            "sessions of both labels among them",
            "Evaluate on other traffic than the model was trained on.",
        )
    vectors = embed(traffic.table["prompt"], encoder)
    placed = AreaMap.embedded(encoder).place(vectors.rows)
    source = _sources(traffic, truth.groups)
    contents = find_contents(truth.groups, vectors, placed)
    return Held(traffic, truth, int((~fresh).sum()), source, vectors, placed, contents)


def score_sessions(held: Held, model: SessionModel) -> Scored:
    """Score held-out sessions by a model."""
    readings = model.read(held.vectors)
    measures = held.contents.read(readings).values
    scores = model.classifier.score_sessions(measures)
    return Scored(held, model, readings, measures, scores, model.threshold())


def figures(scored: Scored) -> dict[str, Any]:
    """Return a model's figures, for JSON.

    Beside the model stand its best single measure, chosen on these very sessions and so in its
    favour, session length, and boosted trees that see only prompt lengths, or only counts, times
    and ids (`baselines`).
    """
    held, truth, flagged = scored.held, scored.held.truth, scored.flagged
    extraction, scores = truth.extraction, scored.scores
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
        "model": calibrated_summary(extraction, scores, scored.threshold),
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
        measures = compute_features(prefixes, held.vectors, held.placed, scored.readings).values
        scores = scored.model.classifier.score_sessions(measures)
        for (i, n), score in zip(cuts, scores, strict=True):
            if score > scored.threshold:
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
        f"best single measure ({best})": measures[:, list(MEASURES).index(best)],
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


def _sources(traffic: Traffic, groups: Groups) -> NDArray[np.int64]:
    columns = [traffic.column(name, groups.first) for name in ("source", "account_id")]
    named = [
        f"source {source}" if source else f"account {account}" if account else f"session {i}"
        for i, (source, account) in enumerate(zip(*columns, strict=True))
    ]
    return np.unique(named, return_inverse=True)[1]


def _band(prompts: int) -> str:
    return max((band for band in BANDS if BANDS[band] <= prompts), key=BANDS.__getitem__)
