"""Labelled sessions that a model did not learn from, and its scores of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data import JOIN, Groups, InputError, Traffic
from ..embed import Encoder, Vectors, embed
from ..index import AreaMap, Placed
from .features import Contents, Readings, find_contents
from .model import SessionModel
from .truth import Truth, read_truth, session_hashes

UNNAMED = "unnamed"


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


def _sources(traffic: Traffic, groups: Groups) -> NDArray[np.int64]:
    columns = [traffic.column(name, groups.first) for name in ("source", "account_id")]
    named = [
        f"source {source}" if source else f"account {account}" if account else f"session {i}"
        for i, (source, account) in enumerate(zip(*columns, strict=True))
    ]
    return np.unique(named, return_inverse=True)[1]
