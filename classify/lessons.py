"""Labelled sessions, ready to be learned from: all of them, or all but a fold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..embed import Vectors
from ..index import AreaMap
from .classifier import SessionClassifier
from .features import Contents, Measured, find_contents
from .head import fit_head
from .known import Known, choose_known
from .measures import MEASURES
from .parts import Parts
from .passes import Passes, Scores
from .subjects import Subjects, fit_subjects
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
        contents = find_contents(truth.groups, vectors, areas)
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

    def subjects(self, areas: AreaMap) -> Subjects:
        """Learn to guess the areas of the traffic's prompts from their words."""
        area = areas.place(self.vectors.rows).area
        return fit_subjects(self.counted, area, len(areas.areas))

    def measure(self, sessions: NDArray[np.int64], parts: Parts) -> Measured:
        """Measure some of the sessions as `parts` read them."""
        return self.contents.take(sessions).read(parts, parts.words.scores(self.counted))

    def measure_out_of_fold(self, sessions: NDArray[np.int64]) -> Measured:
        """Measure each of the sessions by parts that saw nothing of its split group."""
        fold = self.truth.fold[sessions]
        brief, whole = np.empty((2, len(sessions), len(MEASURES)))
        for one in np.unique(fold):
            held = fold == one
            measured = self.measure(sessions[held], self.parts(sessions[~held]))
            brief[held], whole[held] = measured.brief, measured.whole
        return Measured(brief, whole)

    def fit(self, sessions: NDArray[np.int64]) -> tuple[Passes, Scores, Measured]:
        """Fit the classifiers of all passes on some of the sessions.

        Returns:
            The classifiers, the sessions' scores and their measures, both out of fold.
        """
        measured = self.measure_out_of_fold(sessions)
        truth = self.truth.take(sessions)
        first, brief, whole = (
            SessionClassifier(amount=True).fit(values, truth.extraction, truth.fold, truth.source)
            for values in (measured.first, measured.brief, measured.whole)
        )
        scores = Scores(
            truth.extraction, first.out_of_fold_, brief.out_of_fold_, whole.out_of_fold_
        )
        return Passes(first, brief, whole), scores, measured
