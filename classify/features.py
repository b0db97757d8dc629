"""Features: one row per session or account, one named column per measure.

They come in two parts. What stands on the face of prompts (`Faces`) costs next to nothing; what
they mean (`Meanings`) needs their vectors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..data import Groups
from ..data.templates import Template
from ..embed import Vectors
from ..index import AreaMap
from .columns import take_columns
from .faces import Faces, find_faces
from .meanings import Meanings, find_meanings
from .measures import FIRST, MEASURES, SECOND
from .parts import Parts
from .words import count_words

BUDGET = 32
"""Most prompts of a session whose meaning is read, unless all are: see docs/decisions.md."""


@dataclass(frozen=True, slots=True)
class Features:
    """Measures of groups of prompts.

    Attributes:
        names: of the columns, as in `MEASURES`.
        values: (groups, measures) float64.
        templates: what each group's prompts have in common.
    """

    names: list[str]
    values: NDArray[np.float64]
    templates: list[Template]


@dataclass(frozen=True, slots=True)
class Measured:
    """Measures of groups, as the passes of a model see them.

    Attributes:
        brief: with the meaning of at most `BUDGET` prompts (groups, measures) float64.
        whole: with that of all prompts (groups, measures) float64.
    """

    brief: NDArray[np.float64]
    whole: NDArray[np.float64]

    def take(self, chosen: NDArray[np.int64]) -> Measured:
        """Return some of the groups."""
        return Measured(self.brief[chosen], self.whole[chosen])

    @property
    def first(self) -> NDArray[np.float64]:
        """Those that need no vectors (groups, `FIRST`)."""
        return take_columns(MEASURES, self.whole, FIRST)


@dataclass(frozen=True, slots=True)
class Contents:
    """What groups of prompts are, before any learned part reads them.

    Attributes:
        faces: what they look like.
        brief: what at most `BUDGET` of a group's prompts mean.
        whole: what all of them mean.
    """

    faces: Faces
    brief: Meanings
    whole: Meanings

    def take(self, chosen: NDArray[np.int64]) -> Contents:
        """Return some of the groups."""
        return Contents(self.faces.take(chosen), self.brief.take(chosen), self.whole.take(chosen))

    def read(self, parts: Parts, wording: NDArray[np.float64]) -> Measured:
        """Add what a model's learned parts say.

        Args:
            parts: the learned parts.
            wording: log-odds of the word head among them, of each distinct prompt (distinct,).
        """
        faces = self.faces.read(parts.words, wording)
        brief, whole = (each.read(parts.head) for each in (self.brief, self.whole))
        return Measured(joined(faces, brief), joined(faces, whole))


def find_contents(groups: Groups, vectors: Vectors, areas: AreaMap) -> Contents:
    """Compute what no model is needed for; arguments as of `compute_features`."""
    return Contents(
        find_faces(groups, vectors.texts, vectors.of),
        find_meanings(groups, vectors, areas, BUDGET),
        find_meanings(groups, vectors, areas),
    )


def compute_features(groups: Groups, vectors: Vectors, areas: AreaMap, parts: Parts) -> Features:
    """Compute every measure of every group, of all prompts.

    Args:
        groups: row numbers of prompts, group by group.
        vectors: of the traffic.
        areas: where prompts are placed.
        parts: what a model learned from single prompts.
    """
    faces = find_faces(groups, vectors.texts, vectors.of)
    meanings = find_meanings(groups, vectors, areas)
    scores = parts.words.scores(count_words(vectors.texts))
    values = joined(faces.read(parts.words, scores), meanings.read(parts.head))
    return Features(list(MEASURES), values, faces.templates)


def joined(faces: NDArray[np.float64], meanings: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values of `MEASURES` (groups, measures) from those of `FIRST` and of `SECOND`."""
    return take_columns((*FIRST, *SECOND), np.hstack([faces, meanings]), MEASURES)
