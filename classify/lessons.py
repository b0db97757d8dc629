"""Labelled sessions, ready to be learned from: all of them, or all but a fold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..embed import Vectors
from ..index import AreaMap
from .classifier import SessionClassifier
from .features import Contents, find_contents
from .head import fit_head
from .known import Known, choose_known
from .measures import MEASURES
from .parts import Parts
from .truth import Truth
from .words import count_words, fit_words


@dataclass(frozen=True, slots=True)
class Lessons:
    """Labelled sessions, with all that learning needs of them.

    Attributes:
        truth: the sessions and what is known of them.
        vectors: of the traffic's prompts.
        counted: words of distinct prompts (distinct, BUCKETS), as `count_words` gives them.
        contents: of the sessions.
    """

    truth: Truth
    vectors: Vectors
    counted: sparse.csr_matrix
    contents: Contents

    @classmethod
    def of(cls, truth: Truth, vectors: Vectors, areas: AreaMap) -> Lessons:
        """Prepare the sessions of `truth`."""
        placed = areas.place(vectors.rows)
        contents = find_contents(truth.groups, vectors, placed)
        return cls(truth, vectors, count_words(vectors.texts), contents)

    def parts(self, sessions: NDArray[np.int64]) -> Parts:
        """Learn from the prompts of some of the sessions."""
        truth = self.truth.take(sessions)
        rows, sizes = truth.groups.rows, truth.groups.sizes
        extraction, source = np.repeat(truth.extraction, sizes), np.repeat(truth.source, sizes)
        return Parts(
            fit_head(self.vectors[rows], extraction, source),
            fit_words(self.counted[self.vectors.of[rows]], extraction, source),
        )

    def known(self) -> Known:
        """Choose known prompts of each kind from all of the sessions."""
        sizes = self.truth.groups.sizes
        kind, source = (np.repeat(c, sizes) for c in (self.truth.kind, self.truth.source))
        return choose_known(self.vectors[self.truth.groups.rows], kind, source)

    def measure(self, sessions: NDArray[np.int64], parts: Parts) -> NDArray[np.float64]:
        """Measure some of the sessions as `parts` read them, (sessions, measures)."""
        return self.contents.take(sessions).read(parts.read(self.vectors, self.counted)).values

    def measure_out_of_fold(self, sessions: NDArray[np.int64]) -> NDArray[np.float64]:
        """Measure each of the sessions by parts that saw nothing of its split group.

        Returns:
            (sessions, measures) float64.
        """
        fold = self.truth.fold[sessions]
        measures = np.empty((len(sessions), len(MEASURES)))
        for one in np.unique(fold):
            parts = self.parts(sessions[fold != one])
            measures[fold == one] = self.measure(sessions[fold == one], parts)
        return measures

    def fit(self, sessions: NDArray[np.int64]) -> tuple[SessionClassifier, NDArray[np.float64]]:
        """Fit a classifier on some of the sessions; return it with their measures."""
        measures = self.measure_out_of_fold(sessions)
        truth = self.truth.take(sessions)
        fitted = SessionClassifier().fit(measures, truth.extraction, truth.fold, truth.source)
        return fitted, measures
