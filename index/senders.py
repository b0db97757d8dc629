"""Who sent each prompt of an index: the columns that a search needs, each read once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .lists import Numbers

NEVER = np.iinfo(np.int64).max
"""The time of a row that has none: after all others."""


@dataclass(frozen=True, slots=True)
class Coded:
    """A text column of the rows by the number of each value.

    Attributes:
        codes: which value each row has, -1 for null (rows,) int32.
        values: the distinct values.
    """

    codes: NDArray[np.int32]
    values: pa.Array

    def equal(self, value: str) -> NDArray[np.bool_]:
        """Tell which rows have this value (rows,)."""
        code = pc.index(self.values, pa.scalar(value, self.values.type)).as_py()
        return np.asarray(self.codes == code) if code >= 0 else np.zeros(len(self.codes), np.bool_)

    def __getitem__(self, row: int) -> str | None:
        """Return the value of one row."""
        code = int(self.codes[row])
        return None if code < 0 else str(self.values[code])


@dataclass(frozen=True)
class Senders:
    """The rows of an index by prompt.

    Attributes:
        read: returns columns of the rows by their names.
    """

    read: Callable[[list[str]], pa.Table]
    _coded: dict[str, Coded] = field(default_factory=dict)

    @cached_property
    def prompt(self) -> Numbers:
        """The number of each row's prompt (rows,) int64."""
        return np.asarray(self.read(["prompt"])["prompt"])

    @cached_property
    def time(self) -> Numbers:
        """Microseconds since 1970 of each row, `NEVER` where it has no time (rows,) int64."""
        times = self.read(["timestamp"])["timestamp"].cast(pa.int64())
        return np.asarray(times.fill_null(NEVER))

    @cached_property
    def row_id(self) -> pa.Array:
        """The id of each row (rows,)."""
        ids = self.read(["row_id"])["row_id"].combine_chunks()
        pa.default_memory_pool().release_unused()
        return ids

    def coded(self, name: str) -> Coded:
        """Return a text column by its values."""
        if name not in self._coded:
            column = self.read([name])[name].dictionary_encode().combine_chunks()
            codes = np.asarray(column.indices.fill_null(-1), dtype=np.int32)
            self._coded[name] = Coded(codes, column.dictionary)
            pa.default_memory_pool().release_unused()
        return self._coded[name]

    def of(self, prompt: int) -> NDArray[np.int32]:
        """Return the rows that have this prompt, in time order."""
        order, starts = self._by_prompt
        return order[starts[prompt] : starts[prompt + 1]]

    @cached_property
    def _by_prompt(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        order = np.lexsort((self.time, self.prompt)).astype(np.int32)
        starts = np.concatenate([[0], np.cumsum(np.bincount(self.prompt))])
        return order, starts.astype(np.int32)
