"""CSV and Parquet rows as JSON documents, so that one projection reads every container."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from .inputs import InputFile
from .lines import BOM, DOCUMENTS, utf8_rows, whole_lines
from .skipped import Skipped
from .streams import Stream

ROWS = 50_000
BLOCK = 32 << 20


def csv_rows(file: InputFile, db: duckdb.DuckDBPyConnection, tally: Skipped) -> Iterator[pa.Table]:
    """Yield a CSV file's rows as `DOCUMENTS`; the first row names the columns.

    A row with more or fewer fields than the header is skipped. Numbers are of records, the
    header being 1: a quoted field may hold line breaks.
    """
    stream = Stream(file.path, file.packing)
    source = _Joined(whole_lines(stream))
    header = source.peek(1 << 20).removeprefix(BOM).split(b"\n", 1)[0].decode("utf-8", "replace")
    delimiter = max(",;\t", key=header.count)
    names = next(csv.reader([header.rstrip("\r")], delimiter=delimiter), [])
    misfits: list[int] = []

    def skip(row: pacsv.InvalidRow) -> str:
        misfits.append(row.number)
        return "skip"

    number, told = 1, 0
    try:
        for batch in pacsv.open_csv(
            pa.PythonFile(source, mode="r"),
            read_options=pacsv.ReadOptions(use_threads=False, block_size=BLOCK),
            parse_options=pacsv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=skip
            ),
            convert_options=pacsv.ConvertOptions(
                column_types={name: pa.large_binary() for name in names}, strings_can_be_null=True
            ),
        ):
            numbers = np.arange(number + 1, number + 1 + batch.num_rows + len(misfits))
            numbers = np.setdiff1d(numbers, misfits)[: batch.num_rows]
            number = int(numbers[-1]) if len(numbers) else number
            yield _documents(batch, pa.array(numbers), db, file.name, tally)
            for row in misfits[told:]:
                tally.add("not as many fields as the header", file.name, row)
            told = len(misfits)
    except pa.ArrowInvalid as error:
        tally.add(f"unreadable CSV ({_first_line(error)})", file.name, number + 1)
    for row in misfits[told:]:
        tally.add("not as many fields as the header", file.name, row)
    if stream.damage:
        tally.add(f"{stream.damage}: what followed is lost", file.name, number + 1)


def parquet_rows(
    file: InputFile, db: duckdb.DuckDBPyConnection, tally: Skipped
) -> Iterator[pa.Table]:
    """Yield a Parquet file's rows as `DOCUMENTS`, numbered from 1."""
    number = 0
    try:
        for batch in pq.ParquetFile(file.path).iter_batches(batch_size=ROWS):
            numbers = pa.array(np.arange(number + 1, number + 1 + batch.num_rows))
            number += batch.num_rows
            yield _documents(_strings_as_bytes(batch), numbers, db, file.name, tally)
    except (OSError, pa.ArrowException) as error:
        tally.add(f"unreadable Parquet ({_first_line(error)})", file.name, number + 1)


def _documents(
    batch: pa.RecordBatch,
    numbers: pa.Array,
    db: duckdb.DuckDBPyConnection,
    name: str,
    tally: Skipped,
) -> pa.Table:
    """Turn checked rows into JSON documents."""
    for column in range(batch.num_columns):
        if pa.types.is_large_binary(batch.column(column).type):
            keep, bad = utf8_rows(batch.column(column))
            for row in bad:
                tally.add("invalid UTF-8", name, numbers[row].as_py())
            batch, numbers = batch.take(keep), numbers.take(keep)
            text = batch.column(column).cast(pa.large_string())
            batch = batch.set_column(column, batch.schema.field(column).name, text)
    rows = pa.Table.from_batches([batch])
    db.register("records", rows)
    docs = db.sql("SELECT to_json(records)::VARCHAR AS doc FROM records").to_arrow_table()
    db.unregister("records")
    return pa.table([numbers, docs["doc"].cast(pa.large_string())], schema=DOCUMENTS)


def _strings_as_bytes(batch: pa.RecordBatch) -> pa.RecordBatch:
    for column, field in enumerate(batch.schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            raw = batch.column(column).cast(pa.large_binary())
            batch = batch.set_column(column, field.name, raw)
    return batch


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0][:120]


class _Joined(io.RawIOBase):
    """An iterator of blocks as a readable file."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self.blocks, self.held = blocks, b""

    def readable(self) -> bool:
        return True

    def peek(self, size: int) -> bytes:
        while len(self.held) < size and (block := next(self.blocks, b"")):
            self.held += block
        return self.held[:size]

    def read(self, size: int = -1) -> bytes:
        data = self.peek(size if size >= 0 else 1 << 62)
        self.held = self.held[len(data) :]
        return data
