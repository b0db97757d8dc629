"""Labelled sessions, ready to be learned from: all of them, or all but a fold."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from ..data import Groups
from ..embed import Encoder, Vectors, embed
from ..index import AreaMap
from .columns import SAMPLE, sample
from .features import BUDGET, Contents, Measured, find_contents
from .head import fit_head
from .known import Known, choose_known
from .measures import MEASURES
from .parts import Parts
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

    def measure_out_of_fold(
        self, sessions: NDArray[np.int64], long: Lessons | None = None
    ) -> Measured:
        """Measure each of the sessions by parts that saw nothing of its split group.

        Args:
            sessions: which of them.
            long: accounts of the same split groups, numbered alike (see `Truth.beside`).

        Returns:
            Measures of the sessions, then those of the accounts.
        """
        fold = self.truth.fold[sessions]
        theirs = long.truth.fold if long else np.empty(0, dtype=np.int64)
        brief, whole = np.empty((2, len(fold) + len(theirs), len(MEASURES)))
        for one in np.unique(fold):
            held = fold == one
            parts = self.parts(sessions[~held])
            rows = np.flatnonzero(np.append(held, theirs == one))
            measured = [self.measure(sessions[held], parts)]
            if long and (theirs == one).any():
                measured.append(long.measure(np.flatnonzero(theirs == one), parts))
            brief[rows] = np.vstack([each.brief for each in measured])
            whole[rows] = np.vstack([each.whole for each in measured])
        return Measured(brief, whole)

    def take(self, chosen: NDArray[np.int64]) -> Lessons:
        """Return some of the sessions."""
        contents = self.contents.take(chosen)
        return replace(self, truth=self.truth.take(chosen), contents=contents)


def embed_read(prompts: pa.ChunkedArray, groups: Groups, encoder: Encoder) -> Vectors:
    """Embed only those prompts of groups that measures read: long accounts have many more.

    Args:
        prompts: of all rows.
        groups: what is measured; no row of them is to be read but through `sample`.
        encoder: makes the vectors.

    Returns:
        Vectors whose `of` is -1 for every other prompt.
    """
    read = [sample(rows, most) for rows in groups for most in (SAMPLE, BUDGET)]
    rows = np.unique(np.concatenate(read))
    vectors = embed(prompts.take(pa.array(rows)), encoder)
    of = np.full(len(prompts), -1)
    of[rows] = vectors.of
    return replace(vectors, of=of)
