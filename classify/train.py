"""From labelled traffic to a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data import InputError, Traffic
from ..embed import Encoder, Vectors, embed
from ..index import AreaMap, Placed
from .card import write_card
from .classifier import SessionClassifier
from .features import compute_features
from .head import Head, fit_head
from .known import Known, choose_known
from .model import SessionModel
from .truth import Truth, read_truth, session_hashes

MIN_PROMPTS = 5
MAX_FPR = 0.01
FEWEST = 20
"""Fewest sessions of each label that a model is trained on."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """Prompts with what their sessions say of them."""

    vectors: NDArray[np.float32]
    kind: NDArray[np.int64]
    source: NDArray[np.int64]
    fold: NDArray[np.int64]

    def fit(self, chosen: NDArray[np.bool_]) -> tuple[Head, Known]:
        """Fit the prompt head and choose known prompts on some of the rows."""
        vectors, kind, source = self.vectors[chosen], self.kind[chosen], self.source[chosen]
        return fit_head(vectors, kind == 2, source), choose_known(vectors, kind, source)


def train(traffic: Traffic, encoder: Encoder, labels: Path | None = None) -> SessionModel:
    """Train a model on the labelled sessions of `traffic`.

    Each session's measures come from a prompt head and known prompts that saw nothing of its
    split group, so the classifier learns how they do on sources they have not seen.

    Raises:
        InputError: too few sessions of a label, or all of one split group.
    """
    truth = read_truth(traffic, MIN_PROMPTS, labels)
    _check(truth)
    vectors = embed(traffic.table["prompt"], encoder)
    placed = AreaMap.embedded(encoder).place(vectors.rows)
    sizes = truth.groups.sizes
    rows = _Rows(
        vectors[truth.groups.rows],
        *(np.repeat(values, sizes) for values in (truth.kind, truth.source, truth.fold)),
    )
    measures = _out_of_fold_measures(truth, rows, vectors, placed)
    classifier = SessionClassifier().fit(measures, truth.extraction, truth.fold)
    head, known = rows.fit(np.ones(len(rows.kind), dtype=bool))
    scores = classifier.out_of_fold_
    organic = ~truth.extraction
    return SessionModel(
        encoder.fingerprint,
        MIN_PROMPTS,
        MAX_FPR,
        head,
        known,
        classifier,
        np.quantile(measures[organic], np.linspace(0, 1, 101), axis=0).T,
        np.sort(scores[organic]),
        np.sort(session_hashes(traffic, truth.groups)),
        write_card(traffic, truth, measures, scores, encoder.fingerprint),
    )


def _check(truth: Truth) -> None:
    extraction = int(truth.extraction.sum())
    organic = len(truth.extraction) - extraction
    if min(extraction, organic) < FEWEST:
        raise InputError(
            f"{extraction} extraction and {organic} organic sessions",
            f"at least {FEWEST} of each, with {MIN_PROMPTS} prompts or more",
            "Label more sessions.",
        )
    for fold in np.unique(truth.fold):
        if len(np.unique(truth.extraction[truth.fold != fold])) < 2:
            raise InputError(
                "all sessions of one label are of one split group",
                "each label in at least two groups (the column group, else accounts)",
                "Add sessions of other sources or accounts.",
            )


def _out_of_fold_measures(
    truth: Truth, rows: _Rows, vectors: Vectors, placed: Placed
) -> NDArray[np.float64]:
    parts = []
    order = []
    for fold in np.unique(truth.fold):
        chosen = np.flatnonzero(truth.fold == fold)
        head, known = rows.fit(rows.fold != fold)
        features = compute_features(
            truth.groups.take(chosen),
            vectors,
            placed,
            head.scores(vectors.rows),
            known.similarity(vectors.rows),
        )
        parts.append(features.values)
        order.append(chosen)
    return np.concatenate(parts)[np.argsort(np.concatenate(order))]
