"""Traffic, and the sessions or accounts that it falls into."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .schema import By
from .skipped import Skipped


@dataclass(frozen=True, slots=True)
class Groups:
    """Sessions or accounts, in the order in which traffic first met them.

    Attributes:
        rows: row numbers into the traffic, group by group, each group in time order (n,) int64.
        starts: where each group starts in `rows`, and at the end n (groups + 1,) int64.
    """

    rows: NDArray[np.int64]
    starts: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of groups."""
        return len(self.starts) - 1

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        """Yield each group's row numbers."""
        for start, end in zip(self.starts[:-1], self.starts[1:], strict=True):
            yield self.rows[start:end]

    def take(self, chosen: NDArray[np.int64]) -> Groups:
        """Return the groups with these numbers, in this order."""
        every = list(self)
        parts = [every[i] for i in chosen]
        rows = np.concatenate(parts) if parts else np.empty(0, np.int64)
        return Groups(rows, np.cumsum([0, *map(len, parts)]))

    @property
    def sizes(self) -> NDArray[np.int64]:
        """The number of prompts of each group (groups,) int64."""
        return np.diff(self.starts)

    @property
    def first(self) -> NDArray[np.int64]:
        """The row number of each group's first prompt (groups,) int64."""
        return self.rows[self.starts[:-1]]


@dataclass(frozen=True, slots=True)
class Traffic:
    """Prompts in the schema `SCHEMA`, sessions together and in time order, and what was skipped."""

    table: pa.Table
    skipped: Skipped

    def __len__(self) -> int:
        """Return the number of prompts."""
        return int(self.table.num_rows)

    def followed_by(self, other: Traffic) -> Traffic:
        """Return the rows of both, these first; what was skipped is told of these only."""
        return Traffic(pa.concat_tables([self.table, other.table]), self.skipped)

    def groups(self, by: By) -> Groups:
        """Split the rows into sessions or accounts.

        A session is a session id of one account. Prompts without an account stay grouped by
        their session when `by` is "account".
        """
        account, session = self._codes("account_id"), self._codes("session_id")
        if by == "session":
            keys = np.stack([account, session])
        else:
            keys = np.stack([account, np.where(account < 0, session, -1)])
        _, first, group = np.unique(keys, axis=1, return_index=True, return_inverse=True)
        rank = np.empty(len(first), dtype=np.int64)
        rank[np.argsort(first)] = np.arange(len(first))
        group = rank[group.ravel()]
        rows = np.lexsort((np.arange(len(self)), self._times(), group))
        starts = np.concatenate([[0], np.cumsum(np.bincount(group, minlength=len(first)))])
        return Groups(rows.astype(np.int64), starts.astype(np.int64))

    def column(self, name: str, rows: NDArray[np.int64] | None = None) -> list[str | None]:
        """Return a text column as a list, all of it or the named rows."""
        column = self.table[name]
        taken = column if rows is None else column.take(pa.array(rows))
        return list(taken.to_pylist())

    def _codes(self, name: str) -> NDArray[np.int64]:
        codes = pc.dictionary_encode(self.table[name].combine_chunks())
        codes = codes.combine_chunks() if isinstance(codes, pa.ChunkedArray) else codes
        return np.asarray(codes.indices.fill_null(-1), dtype=np.int64)

    def _times(self) -> NDArray[np.int64]:
        """Microseconds since 1970; prompts without a time come last."""
        times = self.table["timestamp"].cast(pa.int64())
        return np.asarray(times.fill_null(np.iinfo(np.int64).max), dtype=np.int64)
