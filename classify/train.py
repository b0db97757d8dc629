"""From labelled traffic to a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..data import InputError, Traffic
from ..embed import Encoder, embed
from ..index import AreaMap
from .card import write_card
from .lessons import Lessons
from .model import SessionModel
from .threshold import strictest_promise
from .truth import Truth, read_truth, session_hashes

MIN_PROMPTS = 5
FEWEST = 20
"""Fewest sessions of each label that a model is trained on."""


def train(traffic: Traffic, encoder: Encoder, labels: Path | None = None) -> SessionModel:
    """Train a model on the labelled sessions of `traffic`.

    Each session's measures come from parts that saw nothing of its split group, so the classifiers
    learn how they do on sources they have not seen.

    Raises:
        InputError: too few sessions of a label, or all of one split group.
    """
    truth = read_truth(traffic, MIN_PROMPTS, labels)
    _check(truth)
    vectors = embed(traffic.table["prompt"], encoder)
    areas = AreaMap.embedded(encoder)
    lessons = Lessons.of(truth, vectors, areas)
    every = np.arange(len(truth.groups))
    passes, scores, measured = lessons.fit(every)
    max_fpr = strictest_promise(scores.organic)
    organic = ~truth.extraction
    return SessionModel(
        encoder=encoder.fingerprint,
        min_prompts=MIN_PROMPTS,
        max_fpr=max_fpr,
        parts=lessons.parts(every),
        subjects=lessons.subjects(areas),
        known=lessons.known(),
        sources=truth.sources,
        passes=passes,
        background=np.quantile(measured.whole[organic], np.linspace(0, 1, 101), axis=0).T,
        scores=scores,
        trained_on=np.sort(session_hashes(traffic, truth.groups)),
        card=write_card(traffic, truth, measured.whole, scores, encoder.fingerprint),
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
