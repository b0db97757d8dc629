"""Adding to an index, as one commit beside its readers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..data import (
    InputError,
    Stored,
    Traffic,
    building,
    check_folder,
    commit,
    is_folder_of,
    is_vacant,
    npy_bytes,
    writing,
)
from ..embed import Encoder, embed
from .build import TEXTS, Built, Part, build, part_of
from .lists import Numbers, Vectors
from .segment import ROWS, Segment
from .store import KIND, LAYOUT, PromptIndex, open_index

EMBEDDED = 65_536
"""Prompts whose vectors are in memory at once while traffic is added."""


@dataclass(frozen=True, slots=True)
class Added:
    """What adding traffic to an index changed."""

    added: int
    known: int
    total: int


def add(folder: Path, traffic: Traffic, encoder: Encoder, search: str | None = None) -> Added:
    """Add traffic to the index in `folder`, made if there is none.

    Rows that the index has already are not added again, so the same input twice changes nothing.
    A kill at any moment leaves the index as it was or as it is to be. A new segment takes in the
    last ones while they are no larger, so that n additions leave about log n segments.

    Args:
        folder: the index's folder; its parent must exist.
        traffic: what to add.
        encoder: for its vectors.
        search: "flat", "ivf" or "auto", for all of the index; None leaves it, or is "auto" for a
            new index.

    Raises:
        InputError: `folder` is something else, its vectors are of another encoder, or another
            process is writing to it.
    """
    check_folder(folder.parent)
    if not is_folder_of(folder, KIND) and not is_vacant(folder):
        raise InputError(
            f"{folder} holds something else",
            "an index, an empty folder or a new name",
            "Name another folder for the index.",
        )
    folder.mkdir(exist_ok=True)
    with writing(folder):
        if is_folder_of(folder, KIND):
            index = open_index(folder)
            index.check_encoder(encoder)
        else:
            nothing = np.empty(0, np.int64)
            index = PromptIndex(encoder.fingerprint, encoder.dimension, "auto", (), nothing)
        return _add(folder, index, traffic, encoder, search or index.search)


def _add(
    folder: Path, index: PromptIndex, traffic: Traffic, encoder: Encoder, search: str
) -> Added:
    fresh = _fresh(traffic, index)
    before = sum(segment.rows for segment in index.segments) - len(index.deleted)
    if not len(fresh) and search == index.search:
        return Added(0, len(traffic), before)
    coded = fresh["prompt"].combine_chunks().dictionary_encode()
    places = _places(index, coded.dictionary)
    new = np.flatnonzero(places < 0)
    places[new] = index.starts[-1] + np.arange(len(new))
    numbers = places[np.asarray(coded.indices, dtype=np.int64)]
    fresh = fresh.set_column(
        ROWS.get_field_index("prompt"), ROWS.field("prompt"), pa.array(numbers)
    )
    texts = coded.dictionary.take(pa.array(new))
    part = Part(len(new), _embedded(texts, encoder), [pa.table([texts], schema=TEXTS)], [fresh])
    kept, swallowed = _swallow(index, len(new) + len(fresh), search)
    parts = [*map(part_of, swallowed), part]
    distinct = int(index.starts[-1]) + len(new)
    if index.live is not None:
        distinct = len(np.union1d(index.live, numbers))
    with building(folder) as temporary:
        built = build(temporary, index.dimension, search, parts)
        changed = PromptIndex(index.encoder, index.dimension, search, index.segments, index.deleted)
        switch(folder, changed, [*kept, built], index.deleted, distinct)
    return Added(len(fresh), len(traffic) - len(fresh), before + len(fresh))


def switch(
    folder: Path,
    index: PromptIndex,
    segments: Sequence[Segment | Built],
    deleted: Numbers,
    distinct: int,
) -> None:
    """Commit these segments, with what was deleted of them, in the place of those of `index`."""
    stored: dict[str, bytes | Path | Stored] = {
        f"{place}/{name}": file
        for place, segment in enumerate(segments)
        for name, file in segment.files.items()
    }
    if len(deleted):
        stored["deleted.npy"] = npy_bytes(deleted)
    about = {
        "encoder": index.encoder,
        "dimension": index.dimension,
        "search": index.search,
        "prompts": distinct,
        "rows": sum(segment.rows for segment in segments) - len(deleted),
        "deleted": len(deleted),
        "segments": [
            {"prompts": one.prompts, "rows": one.rows, "search": one.search} for one in segments
        ],
    }
    commit(folder, KIND, LAYOUT, about, stored)


def _fresh(traffic: Traffic, index: PromptIndex) -> pa.Table:
    """Return the rows of `traffic` that `index` lacks, each with its `row_id`."""
    query = files(__package__).joinpath("fresh.sql").read_text(encoding="utf-8")
    names = pa.schema([ROWS.field("row_id")])
    batches = (batch for block in index.blocks(["row_id"]) for batch in block.to_batches())
    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as db:
        db.execute("SET TimeZone = 'UTC'")
        db.register("traffic", traffic.table)
        db.register("known", pa.RecordBatchReader.from_batches(names, batches))
        schema = pa.schema([names.field(0), *traffic.table.schema])
        return db.sql(query).to_arrow_table().cast(schema)


def _places(index: PromptIndex, texts: pa.Array) -> Numbers:
    """Return where the index has each of some distinct texts, -1 where it has not."""
    places = np.full(len(texts), -1, dtype=np.int64)
    for start, segment in zip(index.starts, index.segments, strict=False):
        found = pc.index_in(segment.texts, value_set=texts).combine_chunks()
        here = np.flatnonzero(np.asarray(found.is_valid()))
        places[np.asarray(found.drop_null())] = start + here
    return places


def _embedded(texts: pa.Array, encoder: Encoder) -> Iterator[Vectors]:
    for start in range(0, len(texts), EMBEDDED):
        yield embed(pa.chunked_array([texts.slice(start, EMBEDDED)]), encoder).rows


def _swallow(index: PromptIndex, size: int, search: str) -> tuple[list[Segment], list[Segment]]:
    """Split the segments into those that stay and those that become part of a new one."""
    stay = len(index.segments)
    while stay and (search != index.search or index.segments[stay - 1].size <= size):
        stay -= 1
        size += index.segments[stay].size
    return list(index.segments[:stay]), list(index.segments[stay:])
