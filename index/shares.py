"""How the prompts of some accounts fall on the cells, beside those of the background's accounts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .coverage import Cells
from .groups import usual


@dataclass(frozen=True, slots=True)
class CellShares:
    """Shares of prompts by cell.

    Attributes:
        own: of the rows asked about (cells,) float64.
        usual: the mean over the accounts of the background, each counted once (cells,) float64;
            zeros where there is none.
        accounts: how many those are.
    """

    own: NDArray[np.float64]
    usual: NDArray[np.float64]
    accounts: int


def cell_shares(rows: pa.Table, cells: Cells, asked: NDArray[np.bool_]) -> CellShares:
    """Set the cells of some rows against those of the background (docs/coverage.md).

    Args:
        rows: of the index; `account_id` and `label`.
        cells: of those rows.
        asked: the rows asked about, one at least; their accounts are not of the background
            (rows,).
    """
    many = len(cells.area_of)
    coded = rows["account_id"].combine_chunks().dictionary_encode()
    account = np.asarray(coded.indices.fill_null(-1), dtype=np.int64)
    named = np.zeros(len(coded.dictionary) + 1, dtype=bool)
    named[account[asked]] = True
    rest = usual(rows) & ~named[account] & (account >= 0)
    own = np.bincount(cells.cell[asked], minlength=many) / asked.sum()
    met, of = np.unique(account[rest], return_inverse=True)
    counts = np.bincount(of * many + cells.cell[rest], minlength=len(met) * many)
    counts = counts.reshape(len(met), many)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return CellShares(own, shares.sum(axis=0) / max(len(met), 1), len(met))
