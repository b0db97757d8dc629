"""The files of a new segment, written block by block, whatever their size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .lists import FLAT, Vectors, write_lists
from .segment import ROWS, Segment

BLOCK = 16_384
TEXTS = pa.schema([pa.field("prompt", pa.large_string(), nullable=False)])
CODED = [field.name for field in ROWS if field.name not in ("row_id", "prompt", "timestamp")]


@dataclass(frozen=True, slots=True)
class Part:
    """What goes into a segment, each in blocks that are made when they are asked for.

    Attributes:
        prompts: how many prompts there are.
        vectors: of the prompts (…, dimension) float32.
        texts: the prompts, tables of `TEXTS`.
        rows: tables of `ROWS`; their prompts by the place in all segments.
    """

    prompts: int
    vectors: Iterable[Vectors]
    texts: Iterable[pa.Table]
    rows: Iterable[pa.Table]


@dataclass(frozen=True, slots=True)
class Built:
    """A segment's files that wait for their commit."""

    prompts: int
    rows: int
    search: str
    files: dict[str, Path]


def part_of(segment: Segment) -> Part:
    """Return what a segment holds."""
    blocks = (segment.vectors[s : s + BLOCK] for s in range(0, segment.prompts, BLOCK))
    texts = (pa.table([chunk], schema=TEXTS) for chunk in segment.texts.chunks)
    return Part(segment.prompts, blocks, texts, segment.batches(ROWS.names))


def build(folder: Path, dimension: int, search: str, parts: Iterable[Part]) -> Built:
    """Write one segment of several parts into `folder`.

    Args:
        folder: empty, and on the index's own file system.
        dimension: the length of a vector.
        search: "flat", "ivf", or "auto" to choose by the number of prompts.
        parts: in the order of their prompts.
    """
    parts = list(parts)
    prompts = sum(part.prompts for part in parts)
    files = {n: folder / n for n in ("vectors.npy", "prompts.arrow", "rows.parquet")}
    with files["vectors.npy"].open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (prompts, dimension)}
        np.lib.format.write_array_header_1_0(file, header)
        for part in parts:
            for block in part.vectors:
                file.write(np.ascontiguousarray(block, dtype="<f4").data)
    with pa.ipc.new_file(str(files["prompts.arrow"]), TEXTS) as texts:
        for table in _blocks(table for part in parts for table in part.texts):
            texts.write_table(table)
    count = 0
    options = {"compression": "zstd", "use_dictionary": CODED}
    with pq.ParquetWriter(files["rows.parquet"], ROWS, **options) as rows:
        for table in _blocks(table for part in parts for table in part.rows):
            rows.write_table(table)
            count += len(table)
    if search == "auto":
        search = "ivf" if prompts > FLAT else "flat"
    if search == "ivf" and prompts:
        files["lists.faiss"] = folder / "lists.faiss"
        write_lists(np.load(files["vectors.npy"], mmap_mode="r"), files["lists.faiss"])
    return Built(prompts, count, search if prompts else "flat", files)


def _blocks(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Join small tables until there are rows for a block of the file."""
    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        if sum(map(len, waiting)) >= BLOCK:
            yield pa.concat_tables(waiting).combine_chunks()
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting).combine_chunks()
