"""Which capability area and cell a prompt belongs to, by its nearest exemplar."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..data import GENERAL, load_areas
from ..embed import Encoder, similarities

NEAR = 0.2
"""Below this cosine similarity to every exemplar, a prompt is `general`."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Areas and cells of prompts, as positions in `AreaMap.areas` and `AreaMap.cells`.

    Attributes:
        area: (n,) int64.
        cell: (n,) int64; -1 where no exemplar is near.
        similarity: cosine similarity to the nearest exemplar (n,) float32.
    """

    area: NDArray[np.int64]
    cell: NDArray[np.int64]
    similarity: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class AreaMap:
    """The exemplars of all areas as unit vectors.

    Attributes:
        areas: names, `general` last.
        cells: (area, cell) names.
        exemplars: (exemplars, dimension) float32.
        cell_of: the cell of each exemplar (exemplars,) int64.
        area_of: the area of each cell (cells,) int64.
    """

    areas: list[str]
    cells: list[tuple[str, str]]
    exemplars: NDArray[np.float32]
    cell_of: NDArray[np.int64]
    area_of: NDArray[np.int64]

    @classmethod
    def embedded(cls, encoder: Encoder) -> AreaMap:
        """Embed the shipped exemplars."""
        areas = load_areas()
        names = [area.name for area in areas]
        cells = [(area.name, cell) for area in areas for cell in area.cells]
        prompts = [texts for area in areas for texts in area.cells.values()]
        return cls(
            names,
            cells,
            encoder.encode([text for texts in prompts for text in texts]),
            np.repeat(np.arange(len(cells)), [len(texts) for texts in prompts]),
            np.array([names.index(area) for area, _ in cells]),
        )

    def place(self, vectors: NDArray[np.float32]) -> Placed:
        """Place unit vectors (n, dimension) in their areas and cells."""
        nearest = np.empty(len(vectors), np.int64)
        similarity = np.empty(len(vectors), np.float32)
        for block, product in similarities(vectors, self.exemplars):
            nearest[block] = product.argmax(axis=1)
            similarity[block] = product.max(axis=1)
        near = similarity >= NEAR
        cell = np.where(near, self.cell_of[nearest], -1)
        area = np.where(near, self.area_of[cell], self.areas.index(GENERAL))
        return Placed(area, cell, similarity)
