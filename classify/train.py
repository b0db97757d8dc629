"""From labelled traffic to a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..data import InputError, Traffic
from ..embed import Encoder, Vectors, embed
from ..index import AreaMap
from .card import write_card
from .classifier import SessionClassifier
from .features import Readings, compute_features
from .head import Head, fit_head
from .known import KINDS, Known, choose_known
from .measures import MEASURES
from .model import SessionModel
from .threshold import strictest_promise
from .truth import Truth, read_truth, session_hashes
from .words import WordHead, count_words, fit_words

MIN_PROMPTS = 5
FEWEST = 20
"""Fewest sessions of each label that a model is trained on."""


@dataclass(frozen=True, slots=True)
class LabelledPrompts:
    """The prompts of labelled sessions, with what their sessions say of them.

    Attributes:
        vectors: (n, dimension) float32.
        counted: words of distinct prompts (distinct, BUCKETS), as `count_words` gives them.
        distinct: the row of `counted` of each prompt (n,).
        kind: position in `KINDS` (n,).
        source: where each is from (n,).
        fold: the split group (n,).
    """

    vectors: NDArray[np.float32]
    counted: sparse.csr_matrix
    distinct: NDArray[np.int64]
    kind: NDArray[np.int64]
    source: NDArray[np.int64]
    fold: NDArray[np.int64]

    @classmethod
    def of(cls, truth: Truth, vectors: Vectors) -> LabelledPrompts:
        """Spread the truth of sessions over their prompts."""
        columns = (truth.kind, truth.source, truth.fold)
        spread = (np.repeat(column, truth.groups.sizes) for column in columns)
        rows = truth.groups.rows
        return cls(vectors[rows], count_words(vectors.texts), vectors.of[rows], *spread)

    def fit(self, chosen: NDArray[np.bool_]) -> tuple[Head, WordHead, Known]:
        """Fit both heads and choose known prompts on some of the prompts."""
        vectors, kind, source = self.vectors[chosen], self.kind[chosen], self.source[chosen]
        extraction = kind == KINDS.index("extraction")
        return (
            fit_head(vectors, extraction, source),
            fit_words(self.counted[self.distinct[chosen]], extraction, source),
            choose_known(vectors, kind, source),
        )


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
    prompts = LabelledPrompts.of(truth, vectors)
    measures = measure_out_of_fold(truth, vectors, prompts, AreaMap.embedded(encoder))
    classifier = SessionClassifier().fit(measures, truth.extraction, truth.fold)
    head, words, known = prompts.fit(np.ones(len(prompts.kind), dtype=bool))
    scores = classifier.out_of_fold_
    organic = ~truth.extraction
    return SessionModel(
        encoder=encoder.fingerprint,
        min_prompts=MIN_PROMPTS,
        max_fpr=strictest_promise(int(organic.sum())),
        head=head,
        words=words,
        known=known,
        classifier=classifier,
        background=np.quantile(measures[organic], np.linspace(0, 1, 101), axis=0).T,
        organic_scores=np.sort(scores[organic]),
        trained_on=np.sort(session_hashes(traffic, truth.groups)),
        card=write_card(traffic, truth, measures, scores, encoder.fingerprint),
    )


def measure_out_of_fold(
    truth: Truth, vectors: Vectors, prompts: LabelledPrompts, areas: AreaMap
) -> NDArray[np.float64]:
    """Measure each session by a prompt head and known prompts that saw nothing of its group.

    Returns:
        (sessions, measures) float64.
    """
    placed = areas.place(vectors.rows)
    measures = np.empty((len(truth.groups), len(MEASURES)))
    for fold in np.unique(truth.fold):
        chosen = np.flatnonzero(truth.fold == fold)
        head, words, known = prompts.fit(prompts.fold != fold)
        readings = Readings(
            head.scores(vectors.rows),
            words.scores(prompts.counted),
            known.similarity(vectors.rows),
            words,
        )
        features = compute_features(truth.groups.take(chosen), vectors, placed, readings)
        measures[chosen] = features.values
    return measures


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
