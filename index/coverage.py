"""How groups of prompts cover the capability areas: their measures, column by column."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..data import GENERAL
from .areas import AreaMap
from .diversity import Floats, Rarefied, rarefy, sample_coverage
from .order import Order, against_shuffles
from .store import PromptIndex


@dataclass(frozen=True, slots=True)
class Cells:
    """The cell of each row, all that is `general` or near no exemplar as one last cell.

    Attributes:
        cell: the cell of each row (rows,) int64.
        area_of: the area of each cell (cells,) int64.
        areas: names, `general` last.
    """

    cell: NDArray[np.int64]
    area_of: NDArray[np.int64]
    areas: list[str]

    @classmethod
    def of(cls, index: PromptIndex, areas: AreaMap) -> Cells:
        """Place the rows of an index."""
        return cls.at(areas, areas.place(index.vectors).cell, index.senders.prompt)

    @classmethod
    def at(cls, areas: AreaMap, cell: NDArray[np.int64], prompt: NDArray[np.int64]) -> Cells:
        """Take the cells of prompts that were placed.

        Args:
            areas: which placed them.
            cell: of each distinct prompt, -1 where no exemplar is near (distinct,).
            prompt: of each row (rows,).
        """
        general = areas.areas.index(GENERAL)
        inside = int((areas.area_of != general).sum())
        known = np.where((cell < 0) | (cell >= inside), inside, cell)
        return cls(known[prompt], np.append(areas.area_of[:inside], general), areas.areas)


@dataclass(frozen=True, slots=True)
class Coverage:
    """Measures of groups, one element or row for each.

    Attributes:
        counts: prompts by cell (groups, cells) int64.
        shares: share of the prompts by area (groups, areas) float64.
        cells: the cells, each group brought to as many prompts.
        areas: the areas, the same.
        evenness: Hill's 1D / 0D over cells; NaN where the group has met one only.
        focus: 1 - H(areas) / ln(number of areas); 1 where all prompts are of one area.
        depth: cells met equally often that would make up an area of the group's, 1D(cells) /
            1D(areas) (Jost 2007): the number that groups are ranked by.
        sample_coverage: share of the next prompts that cells met already will take.
        order: neighbours in time against shuffles.
    """

    counts: csr_array
    shares: Floats
    cells: Rarefied
    areas: Rarefied
    evenness: Floats
    focus: Floats
    depth: Floats
    sample_coverage: Floats
    order: Order


def measure(counts: csr_array, same: Floats, cells: Cells, prompts: int) -> Coverage:
    """Measure groups, each brought to `prompts` of its prompts.

    Args:
        counts: prompts of each group by cell, no row empty (groups, cells) int64.
        same: neighbours in time that are of one cell, NaN for groups without an order (groups,)
            float64.
        cells: what the columns of `counts` mean.
        prompts: what to bring groups to; those with fewer are measured as they are.
    """
    number = np.arange(len(cells.area_of))
    ones = np.ones(len(number), np.int64)
    shape = (len(number), len(cells.areas))
    by_area = csr_array(counts @ csr_array((ones, (number, cells.area_of)), shape=shape))
    of_cells, of_areas = rarefy(counts, prompts), rarefy(by_area, prompts)
    several = np.diff(counts.indptr) > 1
    return Coverage(
        counts,
        by_area.toarray() / np.asarray(by_area.sum(axis=1))[:, None],
        of_cells,
        of_areas,
        np.where(several, np.exp(of_cells.entropy) / of_cells.richness, np.nan),
        1.0 - of_areas.entropy / np.log(len(cells.areas)),
        np.exp(of_cells.entropy - of_areas.entropy),
        sample_coverage(counts),
        against_shuffles(counts, same),
    )
