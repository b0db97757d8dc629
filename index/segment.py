"""A segment of an index: prompts that came together, their vectors, and the rows that sent them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..data import SCHEMA, Stored
from .lists import Numbers, Vectors, candidates, open_lists, scan

ROWS = pa.schema(
    [
        pa.field("row_id", pa.string()),
        *(pa.field(f.name, pa.int64()) if f.name == "prompt" else f for f in SCHEMA),
    ]
)
"""A row of an index: a row of traffic, its prompt by number."""
SCANNED = 2_000
"""A filter that leaves so few prompts is answered by an exact scan of them."""


@dataclass(frozen=True)
class Segment:
    """One segment; all of it stays on disk until it is asked for.

    Attributes:
        prompts: how many distinct prompts it brought.
        rows: how many rows.
        search: "flat" or "ivf".
        files: vectors.npy, prompts.arrow, rows.parquet, and lists.faiss where search is "ivf".
    """

    prompts: int
    rows: int
    search: str
    files: Mapping[str, Stored]

    @property
    def size(self) -> int:
        """Prompts and rows together."""
        return self.prompts + self.rows

    @property
    def vectors(self) -> Vectors:
        """Its vectors (prompts, dimension) float32, mapped."""
        return self.files["vectors.npy"].array

    @cached_property
    def texts(self) -> pa.ChunkedArray:
        """Its distinct prompts (prompts,), mapped."""
        buffer = pa.py_buffer(self.files["prompts.arrow"].data)
        return pa.ipc.open_file(buffer).read_all()["prompt"]

    def batches(self, columns: list[str]) -> Iterator[pa.Table]:
        """Yield these columns of its rows, a block at a time; null where the file lacks one."""
        schema = pa.schema([ROWS.field(name) for name in columns])
        stored = self.files["rows.parquet"]
        with pq.ParquetFile(pa.py_buffer(stored.data)) as file:
            held = [name for name in columns if name in file.schema_arrow.names]
            for batch in file.iter_batches(columns=held):
                arrays = [
                    batch[name] if name in held else pa.nulls(len(batch), schema.field(name).type)
                    for name in columns
                ]
                yield pa.table(arrays, schema=schema)
        stored.release()

    def nearest(
        self, query: Vectors, k: int, among: Numbers | None
    ) -> tuple[NDArray[np.float32], Numbers]:
        """Return up to `k` cosine similarities and numbers, in no order.

        Args:
            query: a unit vector (dimension,).
            k: how many; fewer are returned where fewer exist.
            among: the numbers in this segment that may be found, ascending; all where None.
        """
        k = min(k, self.prompts if among is None else len(among))
        if k == 0:
            return np.empty(0, np.float32), np.empty(0, np.int64)
        if self.search == "flat":
            found = scan(self.vectors, query, k, among)
        elif among is not None and len(among) <= SCANNED:
            found = among
        else:
            found = candidates(self._lists, query, k, among)
        similarities = self.take(found) @ query
        if len(found) > k:
            best = np.argpartition(-similarities, k - 1)[:k]
            return similarities[best], found[best]
        return similarities, found

    def take(self, numbers: Numbers) -> Vectors:
        """Return the vectors with these numbers (len(numbers), dimension) float32.

        They are read, not mapped: a page that is mapped stays resident.
        """
        stored = self.files["vectors.npy"]
        dimension = stored.array.shape[1]
        stride, start = 4 * dimension, stored.entry.bytes - stored.array.nbytes
        rows = [os.pread(stored.descriptor, stride, start + stride * n) for n in numbers.tolist()]
        return np.frombuffer(b"".join(rows), np.float32).reshape(len(rows), dimension)

    @cached_property
    def _lists(self) -> Any:  # noqa: ANN401
        return open_lists(self.files["lists.faiss"].descriptor)
