"""Labelled sessions or accounts that a model did not learn from, and its scores of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..data import JOIN, By, Groups, InputError, Traffic
from ..embed import Encoder, Vectors, embed
from ..index import AreaMap
from .features import Contents, Measured, find_contents
from .levels import LONG, Placed
from .model import SessionModel
from .passes import merge
from .truth import Truth, named_labels, read_truth, session_hashes
from .words import count_words

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
        areas: where prompts are placed.
        counted: words of distinct prompts (distinct, BUCKETS).
        contents: what the sessions are, before any model reads them.
    """

    traffic: Traffic
    truth: Truth
    seen: int
    source: NDArray[np.int64]
    vectors: Vectors
    areas: AreaMap
    counted: sparse.csr_matrix
    contents: Contents

    def parts(self, column: str) -> list[list[str]]:
        """Return what a column says of each session, several names split (sessions,)."""
        told = self.traffic.column(column, self.truth.groups.first)
        return [sorted(set(name.split(JOIN))) if name else [UNNAMED] for name in told]


@dataclass(frozen=True, slots=True)
class Scored:
    """Sessions as one model sees them, by its two passes and by every prompt.

    Attributes:
        held: the sessions.
        model: the model.
        measures: of all prompts (sessions, measures) float64.
        placed: what judges them.
        scores: by the two passes (sessions,) float64.
        let_go: whether a session was let go by the first pass (sessions,).
        exactly: the same where every prompt is read.
        exact_scores: by every prompt (sessions,) float64.
    """

    held: Held
    model: SessionModel
    measures: NDArray[np.float64]
    placed: Placed
    scores: NDArray[np.float64]
    let_go: NDArray[np.bool_]
    exactly: Placed
    exact_scores: NDArray[np.float64]

    @property
    def flagged(self) -> NDArray[np.bool_]:
        """Whether each session is called extraction (sessions,)."""
        return self.scores > self.placed.threshold


def hold_out(
    traffic: Traffic,
    encoder: Encoder,
    models: Sequence[SessionModel],
    labels: Path | None = None,
    by: By = "session",
) -> Held:
    """Return the labelled sessions, or accounts, that none of `models` learned from.

    Raises:
        InputError: the encoder is not that of each model, or none of a label is left.
    """
    for model in models:
        model.check_encoder(encoder)
    least = max(model.min_prompts for model in models)
    truth, seen = _unseen(traffic, models, labels, by, least)
    vectors = embed(traffic.table["prompt"], encoder)
    areas = AreaMap.embedded(encoder)
    return Held(
        traffic,
        truth,
        seen,
        _sources(traffic, truth.groups),
        vectors,
        areas,
        count_words(vectors.texts),
        find_contents(truth.groups, vectors, areas),
    )


def hold_out_long(held: Held, models: Sequence[SessionModel], labels: Path | None = None) -> Held:
    """Return the accounts of `LONG` prompts or more of the same traffic, as `hold_out` does."""
    truth, seen = _unseen(held.traffic, models, labels, "account", LONG)
    return replace(
        held,
        truth=truth,
        seen=seen,
        source=_sources(held.traffic, truth.groups),
        contents=find_contents(truth.groups, held.vectors, held.areas),
    )


def score_sessions(held: Held, model: SessionModel) -> Scored:
    """Score held-out sessions by a model."""
    measured = measure(held, held.contents, model)
    sizes = held.truth.groups.sizes
    placed, exactly = model.place(sizes), model.place(sizes, exact=True)
    first, scores = score_passes(measured, placed)
    whole = exactly.scores("whole", measured.whole)
    let_go = first < placed.let_go
    return Scored(held, model, measured.whole, placed, scores, let_go, exactly, whole)


def measure(held: Held, contents: Contents, model: SessionModel) -> Measured:
    """Measure sessions of the held-out traffic as a model's parts read them."""
    return contents.read(model.parts, model.parts.words.scores(held.counted))


def score_passes(
    measured: Measured, placed: Placed
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the scores of the first pass, and those of both passes together (sessions,)."""
    first = placed.scores("first", measured.first)
    return first, merge(first, placed.scores("brief", measured.brief), placed.let_go)


def _unseen(
    traffic: Traffic, models: Sequence[SessionModel], labels: Path | None, by: By, least: int
) -> tuple[Truth, int]:
    """Return what no model learned from, and how many were left out since one did.

    An account is left out for any of its sessions.
    """
    truth = read_truth(traffic, least, named_labels(labels, traffic), by)
    learned = np.concatenate([model.trained_on for model in models])
    seen = np.isin(session_hashes(traffic, truth.groups), learned)
    if by == "account":
        sessions = traffic.groups("session")
        rows = np.zeros(len(traffic), dtype=bool)
        known = np.isin(session_hashes(traffic, sessions), learned)
        rows[sessions.rows] = np.repeat(known, sessions.sizes)
        seen |= [bool(rows[own].any()) for own in truth.groups]
    truth = truth.take(np.flatnonzero(~seen))
    if len(np.unique(truth.extraction)) < 2:
        whose = "the model did not learn from" if len(models) == 1 else "neither model learned from"
        raise InputError(
            f"{len(truth.extraction)} {by}s that {whose}",
            f"{by}s of both labels among them",
            "Evaluate on other traffic than the model was trained on.",
        )
    return truth, int(seen.sum())


def _sources(traffic: Traffic, groups: Groups) -> NDArray[np.int64]:
    columns = [traffic.column(name, groups.first) for name in ("source", "account_id")]
    named = [
        f"source {source}" if source else f"account {account}" if account else f"session {i}"
        for i, (source, account) in enumerate(zip(*columns, strict=True))
    ]
    return np.unique(named, return_inverse=True)[1]
