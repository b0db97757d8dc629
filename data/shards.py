"""Logs in, shards out: files of whole sessions, or accounts, that are judged one at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .errors import FolderError
from .manifest import Entry
from .reader import ReadOptions, staged
from .schema import SCHEMA, By
from .skipped import Skipped
from .traffic import Traffic

SIZE = 20_000
"""Prompts of a shard."""
CHARACTERS = 3000
"""Characters a prompt, on average, that fill a shard before `SIZE` prompts do."""
BATCH = 4096
"""Rows that leave the database at a time."""

COLUMNS = ("prompt", "session_id", "account_id", "timestamp")
"""What a verdict reads. Other columns stay behind: a long system prompt is as large as a prompt."""
SCHEMA_OF_SHARDS = pa.schema([*(SCHEMA.field(name) for name in COLUMNS), ("recurs", pa.bool_())])

UNITS: Mapping[By, str] = {
    "session": "account_id, session_id",
    "account": "account_id, CASE WHEN account_id IS NULL THEN session_id END",
}
"""What may not be torn apart, as `Traffic.groups` groups it."""

PLACES = """
CREATE TEMP TABLE places AS
WITH met AS (
    SELECT row, session_id, hash(prompt) AS text, length(prompt) AS characters,
           min(row) OVER (PARTITION BY account_id, session_id) AS session_start,
           min(row) OVER (PARTITION BY {unit}) AS unit_start
    FROM ({query})
),
units AS (
    SELECT unit_start, greatest(count(*), sum(characters) // {characters})::BIGINT AS size
    FROM met GROUP BY unit_start
),
filled AS (
    SELECT unit_start, ((sum(size) OVER (ORDER BY unit_start) - size) // {size})::BIGINT AS shard
    FROM units
)
SELECT row, session_id, text, session_start, unit_start, shard
FROM met JOIN filled USING (unit_start)
"""

ORDERED = """
WITH recurring AS (SELECT text FROM places GROUP BY text HAVING min(shard) <> max(shard))
SELECT prompt, places.session_id, account_id, timestamp,
       text IN (SELECT text FROM recurring) AS recurs, shard
FROM staged JOIN places USING (row)
ORDER BY unit_start, session_start, timestamp NULLS LAST, row
"""


@dataclass(frozen=True, slots=True)
class Shard:
    """A file of whole sessions, or accounts.

    Attributes:
        number: its place among the shards.
        path: a Parquet file.
        entry: what its content must be.
        prompts: how many it holds.
    """

    number: int
    path: Path
    entry: Entry
    prompts: int

    def read(self) -> tuple[Traffic, frozenset[str]]:
        """Return its traffic, of `COLUMNS` only, and those of its prompts that other shards have.

        Raises:
            FolderError: the file is gone or was changed.
        """
        if not self.path.is_file() or _digest(self.path) != self.entry.sha256:
            raise FolderError(
                f"the shard {self.path} was changed",
                "the file that this run wrote",
                "Start anew, without --resume.",
            )
        table = pq.read_table(self.path, schema=SCHEMA_OF_SHARDS)
        recurring = table.filter(table["recurs"])["prompt"].unique()
        return Traffic(table.drop_columns("recurs"), Skipped()), frozenset(recurring.to_pylist())


def write_shards(
    inputs: Sequence[str], options: ReadOptions, folder: Path, by: By, size: int = SIZE
) -> tuple[list[Shard], Skipped]:
    """Write the traffic of logs into `folder`, every session or account whole in one shard.

    They stand in the order in which the traffic first met them, so the same input gives the same
    shards. A shard takes units until `size` prompts are passed, or `size` times `CHARACTERS`
    characters; memory is bounded by that, by the largest unit, and by what DuckDB may hold.

    Args:
        inputs: files, folders, globs or `-`.
        options: how logs are read.
        folder: where the shards go; the database spills there too.
        by: what may not be torn apart.
        size: prompts of a shard.

    Raises:
        InputError: as `read_traffic`.
    """
    with staged(inputs, options, folder) as (db, query, skipped):
        sized = {"query": query, "unit": UNITS[by], "size": size, "characters": CHARACTERS}
        db.execute(PLACES.format(**sized))
        reader = db.sql(ORDERED).to_arrow_reader(BATCH)
        return list(_written(reader, folder)), skipped


def _written(reader: pa.RecordBatchReader, folder: Path) -> Iterator[Shard]:
    """Write each run of rows with one shard number as a file."""
    pieces = _pieces(reader)
    piece = next(pieces, None)
    for number in count():
        if piece is None:
            return
        path, here, prompts = folder / f"shard-{number:06}.parquet", piece[0], 0
        with pq.ParquetWriter(path, SCHEMA_OF_SHARDS, compression="zstd") as writer:
            while piece is not None and piece[0] == here:
                writer.write_table(piece[1])
                prompts += piece[1].num_rows
                piece = next(pieces, None)
        yield Shard(number, path, Entry(path.name, _digest(path), path.stat().st_size), prompts)


def _pieces(reader: pa.RecordBatchReader) -> Iterator[tuple[int, pa.Table]]:
    """Cut batches where the shard number changes; rows are in the order of shards."""
    for batch in reader:
        table = pa.Table.from_batches([batch])
        shards = table["shard"].combine_chunks()
        table = table.drop_columns("shard").cast(SCHEMA_OF_SHARDS)
        starts = [0, *_changes(shards), len(shards)]
        for start, end in zip(starts[:-1], starts[1:], strict=True):
            yield shards[start].as_py(), table.slice(start, end - start)


def _changes(shards: pa.Array) -> list[int]:
    """Return where a number differs from the one before.

    >>> _changes(pa.array([4, 4, 5, 7, 7]))
    [2, 3]
    """
    return [int(place) + 1 for place in np.flatnonzero(np.diff(shards.to_numpy()))]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
