"""What the prompts of sessions mean, by their vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..data import Groups
from ..embed import Vectors, one_thread
from ..index import AreaMap
from .columns import SAMPLE, sample, take_columns
from .head import Head
from .likeness import LIKENESS, Matter
from .meaning import SCORES
from .measures import SECOND


@dataclass(frozen=True, slots=True)
class Meanings:
    """What the prompts of groups mean, before any learned part reads them.

    Everything is computed from the vectors of one group at a time, so what is said of a group is
    the same to the last bit whatever stands beside it.

    Attributes:
        vectors: of all prompts.
        prompts: the distinct prompts of each group that are read, in time order, as numbers.
        areas: the capability area of each of them, as a position in the areas.
        likeness: values of `LIKENESS` (groups, measures) float64.
    """

    vectors: Vectors
    prompts: list[NDArray[np.int64]]
    areas: list[NDArray[np.int64]]
    likeness: NDArray[np.float64]

    def take(self, chosen: NDArray[np.int64]) -> Meanings:
        """Return some of the groups."""
        return Meanings(
            self.vectors,
            [self.prompts[i] for i in chosen],
            [self.areas[i] for i in chosen],
            self.likeness[chosen],
        )

    def read(self, head: Head) -> NDArray[np.float64]:
        """Add what a prompt head says.

        Returns:
            Values of `SECOND` (groups, measures) float64.
        """
        values = np.empty((len(self.prompts), len(SCORES)))
        with one_thread():
            for number, prompts in enumerate(self.prompts):
                scores = head.scores(self.vectors.rows[prompts])
                values[number] = [measure(scores) for measure in SCORES.values()]
        return take_columns((*SCORES, *LIKENESS), np.hstack([values, self.likeness]), SECOND)


def find_meanings(
    groups: Groups, vectors: Vectors, areas: AreaMap, budget: int = SAMPLE
) -> Meanings:
    """Compute what needs vectors and no model, of at most `budget` prompts of each group."""
    of_groups = [vectors.of[sample(rows, budget)] for rows in groups]
    placed: list[NDArray[np.int64]] = []
    likeness = np.empty((len(of_groups), len(LIKENESS)))
    with one_thread():
        for number, prompts in enumerate(of_groups):
            rows = vectors.rows[prompts]
            places = areas.place(rows)
            placed.append(places.area)
            matter = Matter(rows, places.area, places.cell)
            likeness[number] = [function(matter) for function in LIKENESS.values()]
    return Meanings(vectors, of_groups, placed, likeness)
